/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "frameload.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dpulab_load.skel.h"
#include "rt.h"

enum {
	BATCH = 64,
	MAX_SINKS = DPU_LOAD_MAX_DEVICES,
	REPEAT_MAX = 1 << 20, /* one call: bounded, so that a signal is noticed */
};

struct frameload {
	struct dpulab_load *skel;
	struct dpu_load_frame *frames;
	size_t frames_size;
	unsigned frame_len;
	int sinks[MAX_SINKS]; /* XDP links */
	size_t n_sinks;
};

static int map_frames(struct frameload *load, unsigned n_frames)
{
	load->frames_size = (size_t)n_frames * sizeof(*load->frames);
	load->frames = mmap(NULL, load->frames_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			    bpf_map__fd(load->skel->maps.load_frames), 0);
	if (load->frames == MAP_FAILED) {
		load->frames = NULL;
		return -errno;
	}
	return 0;
}

int frameload_open(unsigned n_frames, unsigned frame_len, struct frameload **ret_load,
		   struct diag *diag)
{
	struct frameload *load;
	int err;

	if (!n_frames || n_frames > DPU_LOAD_MAX_FRAMES || n_frames & (n_frames - 1) ||
	    frame_len < 8 || frame_len > DPU_LOAD_LONGEST || frame_len % 8)
		return -EINVAL;
	load = calloc(1, sizeof(*load));
	if (!load)
		return -ENOMEM;
	load->frame_len = frame_len;
	load->skel = dpulab_load__open();
	if (!load->skel) {
		err = -errno;
		goto fail;
	}
	load->skel->rodata->load_frame_mask = n_frames - 1;
	load->skel->rodata->load_frame_len = frame_len;
	err = bpf_map__set_max_entries(load->skel->maps.load_frames, n_frames);
	if (!err)
		err = dpulab_load__load(load->skel);
	if (!err)
		err = map_frames(load, n_frames);
	if (!err) {
		*ret_load = load;
		return 0;
	}
fail:
	frameload_close(load);
	return diag_error(diag, err, "dpulab check", "cannot load the frame source: %s", strerror(-err));
}

void frameload_close(struct frameload *load)
{
	if (!load)
		return;
	for (size_t i = 0; i < load->n_sinks; i++)
		close(load->sinks[i]);
	if (load->frames)
		munmap(load->frames, load->frames_size);
	dpulab_load__destroy(load->skel);
	free(load);
}

int frameload_device(struct frameload *load, unsigned device, struct netns *ns, const char *dev,
		     struct diag *diag)
{
	int ifindex = rt_ifindex(ns, dev), back, err;
	uint32_t key = device, value;

	if (ifindex < 0)
		return diag_error(diag, ifindex, NULL, "no device %s in %s", dev, ns->name);
	value = (uint32_t)ifindex;
	/* The kernel resolves the ifindex in the writer's namespace. */
	err = netns_enter(ns, &back);
	if (err)
		return diag_error(diag, err, NULL, "cannot enter %s: %s", ns->name, strerror(-err));
	err = bpf_map_update_elem(bpf_map__fd(load->skel->maps.load_devices), &key, &value, 0) ? -errno : 0;
	netns_leave(back);
	if (err)
		diag_error(diag, err, NULL, "cannot use %s of %s as a source: %s", dev, ns->name,
			   strerror(-err));
	return err;
}

struct dpu_load_frame *frameload_frame(struct frameload *load, unsigned i)
{
	return &load->frames[i];
}

static int attach(struct frameload *load, const struct bpf_program *prog, struct netns *ns,
		  const char *dev, struct diag *diag)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	int ifindex = rt_ifindex(ns, dev), back, link, err;

	if (ifindex < 0)
		return diag_error(diag, ifindex, NULL, "no device %s in %s", dev, ns->name);
	if (load->n_sinks == MAX_SINKS)
		return -E2BIG;
	err = netns_enter(ns, &back);
	if (err)
		return diag_error(diag, err, NULL, "cannot enter %s: %s", ns->name, strerror(-err));
	link = bpf_link_create(bpf_program__fd(prog), ifindex, BPF_XDP, &opts);
	err = link < 0 ? -errno : 0;
	netns_leave(back);
	if (err)
		return diag_error(diag, err, NULL, "cannot count arrivals at %s of %s: %s", dev,
				  ns->name, strerror(-err));
	load->sinks[load->n_sinks++] = link;
	return 0;
}

int frameload_sink(struct frameload *load, struct netns *ns, const char *dev, struct diag *diag)
{
	return attach(load, load->skel->progs.load_sink, ns, dev, diag);
}

int frameload_deaf(struct frameload *load, struct netns *ns, const char *dev, struct diag *diag)
{
	return attach(load, load->skel->progs.load_deaf, ns, dev, diag);
}

int frameload_bounce(struct frameload *load, unsigned device, struct netns *ns, const char *dev,
		     struct diag *diag)
{
	int err = frameload_device(load, device, ns, dev, diag);

	return err ? err : attach(load, device ? load->skel->progs.load_bounce1
					       : load->skel->progs.load_bounce0, ns, dev, diag);
}

void frameload_stop(struct frameload *load)
{
	__atomic_store_n(&load->skel->bss->load_stopped, 1, __ATOMIC_RELAXED);
}

int frameload_send(struct frameload *load, uint64_t count, struct diag *diag)
{
	char frame[DPU_LOAD_LONGEST] = {0};

	while (count) {
		uint64_t now = count < REPEAT_MAX ? count : REPEAT_MAX;
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
			    .data_size_in = load->frame_len, .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
			    .batch_size = BATCH, .repeat = (int)now);
		int err = bpf_prog_test_run_opts(bpf_program__fd(load->skel->progs.load_source), &opts);

		if (err)
			return diag_error(diag, err, NULL, "cannot send frames: %s", strerror(-err));
		count -= now;
	}
	return 0;
}

int frameload_arrivals(struct frameload *load, struct dpu_load_count *ret_count)
{
	int cpus = libbpf_num_possible_cpus(), err;
	struct dpu_load_count sum = {0}, *each;
	uint32_t zero = 0;

	if (cpus < 0)
		return cpus;
	each = calloc((size_t)cpus, sizeof(*each));
	if (!each)
		return -ENOMEM;
	err = bpf_map_lookup_elem(bpf_map__fd(load->skel->maps.load_arrivals), &zero, each) ? -errno : 0;
	for (int i = 0; i < cpus; i++) {
		sum.packets += each[i].packets;
		sum.bytes += each[i].bytes;
		sum.ended += each[i].ended;
	}
	free(each);
	if (!err)
		*ret_count = sum;
	return err;
}
