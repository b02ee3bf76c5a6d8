/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "appliance.h"
#include "monotonic.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dataplane_slots.h"
#include "lab.h"
#include "location.h"
#include "mapio.h"

struct source { /* a location */
	struct appliance *appliance;
	struct location at;
	struct dpu_intercept_state *state;
	size_t state_size;
	ino_t pin; /* of the table of rings: loaded anew it is another */
	int ring;
};

struct appliance {
	struct lab_session session;
	char slot[NODE_NAME_MAX];
	struct source *sources;
	size_t n_sources;
	struct ring_buffer *rings;
	int guard; /* a socket whose name says that the slot is served; gone with the process */

	/* of the call that is going on */
	appliance_judge *judge;
	void *arg;
	uint64_t ttl_ns;
	struct diag *diag;
	int n;
};

static int take_guard(struct appliance *appliance, const char *lab, struct diag *diag)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX}; /* begins with NUL: no file */
	int n = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "dpulab-slot-%s-%s", lab, appliance->slot);
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);

	appliance->guard = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (appliance->guard < 0)
		return -errno;
	if (!bind(appliance->guard, (struct sockaddr *)&name, length))
		return 0;
	return diag_error(diag, errno == EADDRINUSE ? -EBUSY : -errno, "a frame goes to one process: end the other one first",
			  "slot %s of lab %s is served already", appliance->slot, lab);
}

/* ---- a frame ------------------------------------------------------------------- */

static void key_of(const struct dpu_intercept_punt *punt, struct dpu_intercept_key *ret_key)
{
	const struct dpu_intercept *at = &punt->at;
	const struct dpu_intercept_addresses *a = &punt->addresses;
	bool swap = memcmp(&a->src, &a->dst, sizeof(a->src)) > 0;

	*ret_key = (struct dpu_intercept_key){.instance = punt->instance, .proto = at->proto};
	ret_key->addr[0] = swap ? a->dst : a->src;
	ret_key->addr[1] = swap ? a->src : a->dst;
	if (!(at->flags & DPU_INTERCEPT_F_PORTS))
		return;
	ret_key->port[0] = swap ? at->dport : at->sport;
	ret_key->port[1] = swap ? at->sport : at->dport;
}

static const char *vm_of(const struct location *at, uint16_t port)
{
	for (size_t i = 0; i < at->lab->n_vms; i++)
		if (at->lab->vms[i].host == at->host && at->lab->vms[i].port == port)
			return at->lab->vms[i].name;
	return "-";
}

static int take_frame(void *arg, void *data, size_t size)
{
	struct source *source = arg;
	struct appliance *appliance = source->appliance;
	const struct dpu_intercept_punt *punt = data;
	struct appliance_frame frame = {
		.lab = source->at.lab, .node = dataplane_node(source->at.dp), .punt = punt,
	};
	struct dpu_intercept_judged judged = {};
	struct dpu_intercept_key key;

	if (size < sizeof(*punt) || punt->instance >= DPU_INTERCEPT_INSTANCES)
		return 0;
	frame.vm = vm_of(&source->at, punt->at.port);
	judged.verdict = appliance->judge(&frame, appliance->arg);
	judged.until_ns = monotonic_ns() + appliance->ttl_ns;
	key_of(punt, &key);
	__atomic_fetch_add(&source->state[punt->instance].taken, 1, __ATOMIC_RELAXED);
	appliance->n++;
	return mapio_put(source->at.dp, MAP_icpt_verdicts, &key, &judged, appliance->diag);
}

/* ---- sources -------------------------------------------------------------------- */

static int number_of(const struct dataplane *dp, const char *slot)
{
	struct dpu_intercept_linked linked;

	dataplane_slots_linked(dp, &linked);
	for (int i = 0; i < DPU_INTERCEPT_SLOTS; i++)
		if (!strncmp(linked.slot[i].name, slot, DPU_INTERCEPT_NAME))
			return i;
	return -1;
}

static ino_t pin_of(const struct dataplane *dp)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), DATAPLANE_PIN_ROOT "/%s/%s/maps/%s", dataplane_lab(dp), dataplane_node(dp),
		 dataplane_map_name(MAP_icpt_rings));
	return stat(path, &st) ? 0 : st.st_ino;
}

static void close_source(struct source *source)
{
	mapio_munmap(source->state, source->state_size);
	if (source->ring >= 0)
		close(source->ring);
	location_close(&source->at);
}

/* 1: the slot has a ring at this location, and it is read now; 0: it has none. */
static int open_source(struct appliance *appliance, size_t host, enum node_location where, struct source *source,
		       struct diag *diag)
{
	int number, err;

	*source = (struct source){.appliance = appliance, .ring = -1};
	err = location_open(appliance->session.lab, host, where, &source->at, diag);
	if (err)
		return err;
	number = source->at.dp ? number_of(source->at.dp, appliance->slot) : -1;
	if (number >= 0)
		source->ring = dataplane_slots_ring(source->at.dp, number);
	if (source->ring >= 0)
		source->state = mapio_mmap(source->at.dp, MAP_icpt_state, true, &source->state_size);
	if (!source->state) {
		close_source(source);
		return 0;
	}
	source->pin = pin_of(source->at.dp);
	if (appliance->rings)
		err = ring_buffer__add(appliance->rings, source->ring, take_frame, source);
	else
		appliance->rings = ring_buffer__new(source->ring, take_frame, source, NULL);
	if (!appliance->rings || err)
		return diag_error(diag, -ENOMEM, NULL, "cannot read the ring of %s", dataplane_node(source->at.dp));
	return 1;
}

static int open_sources(struct appliance *appliance, struct diag *diag)
{
	const struct lab *lab = appliance->session.lab;
	int opened = 0;

	appliance->sources = calloc(LOCATION_COUNT * lab->n_hosts, sizeof(*appliance->sources));
	if (!appliance->sources)
		return -ENOMEM;
	for (size_t host = 0; host < lab->n_hosts; host++)
		for (int where = 0; where < LOCATION_COUNT; where++) {
			if (where == LOCATION_DPU && !lab->hosts[host].dpu)
				continue;
			opened = open_source(appliance, host, where, &appliance->sources[appliance->n_sources],
					     diag);
			if (opened < 0)
				return opened;
			appliance->n_sources += opened;
		}
	if (appliance->n_sources)
		return 0;
	return diag_error(diag, -ENOENT, "name it in a chain, and give it a `queue`",
			  "slot %s of lab %s punts to no process", appliance->slot, lab->name);
}

int appliance_open(const char *lab, const char *slot, struct appliance **ret_appliance, struct diag *diag)
{
	struct appliance *appliance = calloc(1, sizeof(*appliance));
	int err;

	if (!appliance)
		return -ENOMEM;
	appliance->guard = -1;
	snprintf(appliance->slot, sizeof(appliance->slot), "%s", slot);
	err = lab_open(lab, STATE_READ, &appliance->session, diag);
	if (!err)
		err = take_guard(appliance, lab, diag);
	if (!err)
		err = open_sources(appliance, diag);
	state_close(appliance->session.state); /* the lab may change while it is served */
	appliance->session.state = NULL;
	if (err)
		appliance_close(appliance);
	else
		*ret_appliance = appliance;
	return err;
}

void appliance_close(struct appliance *appliance)
{
	ring_buffer__free(appliance->rings);
	for (size_t i = 0; i < appliance->n_sources; i++)
		close_source(&appliance->sources[i]);
	free(appliance->sources);
	if (appliance->guard >= 0)
		close(appliance->guard);
	lab_close(&appliance->session);
	free(appliance);
}

static bool is_linked_anywhere(const struct appliance *appliance)
{
	for (size_t i = 0; i < appliance->n_sources; i++)
		if (pin_of(appliance->sources[i].at.dp) == appliance->sources[i].pin)
			return true;
	return false;
}

int appliance_serve(struct appliance *appliance, int timeout_ms, uint64_t ttl_ns, appliance_judge *judge, void *arg,
		    struct diag *diag)
{
	int n;

	appliance->judge = judge;
	appliance->arg = arg;
	appliance->ttl_ns = ttl_ns;
	appliance->diag = diag;
	appliance->n = 0;
	n = ring_buffer__poll(appliance->rings, timeout_ms);
	if (n < 0)
		return n;
	return appliance->n || is_linked_anywhere(appliance) ? appliance->n : -ENODEV;
}

unsigned appliance_find(const uint8_t *bytes, size_t len, char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (memmem(bytes, len, texts[i], strlen(texts[i])))
			return i + 1;
	return 0;
}
