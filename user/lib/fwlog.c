/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "fwlog.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lab.h"

struct source { /* one location */
	struct fwlog *log;
	char node[NODE_NAME_MAX + 4];
	size_t host;
	struct dataplane *dp;
	ino_t pin; /* of the ring: another lab's of the same name has another one */
};

struct fwlog {
	char name[LAB_NAME_MAX];
	struct lab *lab;
	ino_t file; /* of the lab's description */
	struct source *sources;
	size_t n_sources;
	struct ring_buffer *rings;
	int guard; /* a socket whose name says that the log is being read; gone with the process */

	/* of the read that is going on */
	int (*fn)(const struct fwlog_event *event, void *arg);
	void *arg;
	int n;
};

/* ---- one reader ------------------------------------------------------------- */

static int take_guard(struct fwlog *log, struct diag *diag)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX}; /* begins with NUL: no file */
	int n = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "dpulab-log-%s", log->name);
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);

	log->guard = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (log->guard < 0)
		return -errno;
	if (!bind(log->guard, (struct sockaddr *)&name, length))
		return 0;
	return diag_error(diag, errno == EADDRINUSE ? -EBUSY : -errno, "an event goes to one reader: end the other one first",
			  "the log of lab %s is being read already", log->name);
}

/* ---- sources ------------------------------------------------------------------ */

static ino_t pin_of_ring(const struct fwlog *log, const char *node)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), DATAPLANE_PIN_ROOT "/%s/%s/maps/%s", log->name, node, dataplane_map_name(MAP_dfw_log));
	return stat(path, &st) ? 0 : st.st_ino;
}

static ino_t inode_of(const struct fwlog *log, const char *file)
{
	char path[STATE_PATH_MAX];
	struct stat st;

	return stat(state_path(path, log->name, file), &st) ? 0 : st.st_ino;
}

/* Another number whenever the lab file or the changes to it are replaced; 0: there is none. */
static ino_t file_of_lab(const struct fwlog *log)
{
	ino_t file = inode_of(log, STATE_LAB);

	return file ? file + 1000003 * inode_of(log, STATE_CHANGES) : 0;
}

static void close_sources(struct fwlog *log)
{
	ring_buffer__free(log->rings);
	log->rings = NULL;
	for (size_t i = 0; i < log->n_sources; i++)
		dataplane_close(log->sources[i].dp);
	free(log->sources);
	log->sources = NULL;
	log->n_sources = 0;
	lab_free(log->lab);
	log->lab = NULL;
}

static int64_t monotonic_to_real(uint64_t ns)
{
	struct timespec real, monotonic;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	return (int64_t)ns + (real.tv_sec - monotonic.tv_sec) * 1000000000ll + real.tv_nsec - monotonic.tv_nsec;
}

static int take_event(void *arg, void *data, size_t size)
{
	const struct source *source = arg;
	struct fwlog *log = source->log;
	struct fwlog_event event = {
		.lab = log->lab, .node = source->node, .host = source->host, .event = data,
	};

	if (size < sizeof(*event.event))
		return 0;
	event.time_ns = monotonic_to_real(event.event->time_ns);
	log->n++;
	return log->fn(&event, log->arg) ? -ECANCELED : 0;
}

static int add_ring(struct fwlog *log, struct source *source)
{
	int fd = dataplane_map_fd(source->dp, MAP_dfw_log);

	source->pin = pin_of_ring(log, source->node);
	if (log->rings)
		return ring_buffer__add(log->rings, fd, take_event, source);
	log->rings = ring_buffer__new(fd, take_event, source, NULL);
	return log->rings ? 0 : -errno;
}

/* A location with no datapath (frame path linux, no DPU) has no log. */
static int add_source(struct fwlog *log, size_t host, enum node_location where, struct diag *diag)
{
	struct source *source = &log->sources[log->n_sources];
	int err;

	*source = (struct source){.log = log, .host = host};
	location_node_name(&log->lab->hosts[host], where, source->node);
	err = dataplane_open(log->name, source->node, &source->dp, diag);
	if (err)
		return err == -ENOENT ? 0 : err;
	log->n_sources++;
	err = add_ring(log, source);
	return err ? diag_error(diag, err, NULL, "cannot read the log of %s: %s", source->node, strerror(-err)) : 0;
}

/* Takes the lab from a session that is closed at once: apply and place go on meanwhile. */
static int open_sources(struct fwlog *log, struct diag *diag)
{
	struct lab_session session;
	int err = lab_open(log->name, STATE_READ, &session, diag);

	if (err)
		return err;
	log->file = file_of_lab(log);
	log->lab = session.lab;
	session.lab = NULL;
	log->sources = calloc(LOCATION_COUNT * log->lab->n_hosts + 1, sizeof(*log->sources));
	err = log->sources ? 0 : -ENOMEM;
	for (size_t i = 0; !err && i < log->lab->n_hosts; i++) {
		err = add_source(log, i, LOCATION_HOST, diag);
		if (!err)
			err = add_source(log, i, LOCATION_PMD, diag);
		if (!err && log->lab->hosts[i].dpu)
			err = add_source(log, i, LOCATION_DPU, diag);
	}
	lab_close(&session);
	if (!err && !log->n_sources)
		err = diag_error(diag, -ENOENT, "`dpulab place` moves it to a frame path of dpulab",
				 "lab %s runs frame path linux everywhere: its firewall is the kernel's", log->name);
	return err;
}

static bool rings_have_changed(const struct fwlog *log)
{
	for (size_t i = 0; i < log->n_sources; i++)
		if (pin_of_ring(log, log->sources[i].node) != log->sources[i].pin)
			return true;
	return false;
}

/* Rings are where they were, or new ones; what is in one is read by whoever opens it next. */
static int reopen(struct fwlog *log, struct diag *diag)
{
	int err;

	close_sources(log);
	err = open_sources(log, NULL);
	if (!err || err == -ENOENT)
		return err ? -ENODEV : 0;
	return diag_error(diag, err, NULL, "cannot go on reading the log of lab %s: %s", log->name, strerror(-err));
}

/* ---- the log -------------------------------------------------------------------- */

int fwlog_open(const char *lab, struct fwlog **ret_log, struct diag *diag)
{
	struct fwlog *log = calloc(1, sizeof(*log));
	int err;

	if (!log)
		return -ENOMEM;
	snprintf(log->name, sizeof(log->name), "%s", lab);
	log->guard = -1;
	err = open_sources(log, diag);
	if (!err)
		err = take_guard(log, diag);
	if (err)
		fwlog_close(log);
	else
		*ret_log = log;
	return err;
}

void fwlog_close(struct fwlog *log)
{
	if (!log)
		return;
	close_sources(log);
	if (log->guard >= 0)
		close(log->guard);
	free(log);
}

int fwlog_read(struct fwlog *log, int timeout_ms, int (*fn)(const struct fwlog_event *event, void *arg),
	       void *arg, struct diag *diag)
{
	struct epoll_event ready;
	int err = 0;

	log->fn = fn;
	log->arg = arg;
	log->n = 0;
	if (timeout_ms && epoll_wait(ring_buffer__epoll_fd(log->rings), &ready, 1, timeout_ms) < 0)
		return -errno;
	if (file_of_lab(log) && file_of_lab(log) != log->file) /* before its events: they have its names */
		err = reopen(log, diag);
	if (!err)
		err = ring_buffer__consume(log->rings);
	if (err < 0 && err != -ECANCELED)
		return err;
	if (!log->n && rings_have_changed(log))
		err = reopen(log, diag);
	return err < 0 && err != -ECANCELED ? err : log->n;
}
