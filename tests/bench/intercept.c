// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * intercept.c - what a chain of intercept slots costs established frames: the switch with places for slots against the
 * switch without, on the same tables. "empty": no vNIC has a chain. "slot": each VM's frames meet one that passes
 * them; its bar is in nanoseconds per frame, and met if the high end of the interval is below it.
 */
#include "bench.h"
#include <dpulab/settings.h> /* the skeleton names its type */
#include "dataplane_load.h"
#include "dpulab_xdp.skel.h"
#include "slotcc.h"
#include "slotlink.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUDGET_NS   20000
/*
 * Where tables and program come to lie in the caches decides over 2 ns: they are loaded so many times, and the interval is that of
 * the medians of these.
 */
#define PLACES	    12
#define PLACE_PAIRS 3 /* the usual number of pairs divided by it, in each */

static const struct bar {
	const char *name;
	enum bench_way way;
	unsigned slots; /* in each chain */
	double bound;	/* without slots: of the ratio; with: nanoseconds */
} bars[] = {
	{"intercept-empty/switch", BENCH_LOCAL, 0, 0.99},
	{"intercept-empty/switch-encap", BENCH_REMOTE, 0, 0.99},
	{"intercept-slot-ns", BENCH_LOCAL, 1, 15},
	{"intercept-slot-ns-encap", BENCH_REMOTE, 1, 15},
};

static const char *bar_name(unsigned i)
{
	return i < sizeof(bars) / sizeof(*bars) ? bars[i].name : NULL;
}

static const char pass_source[] =
	"#define DPU_SLOT\n#include <dpulab/intercept.h>\n"
	"int pass(struct dpu_frame *frame, struct dpu_intercept *at) { return DPU_INTERCEPT_PASS; }\n"
	"char LICENSE[] __attribute__((section(\"license\"))) = \"Dual BSD/GPL\";\n";

/* The slot's object, made in a folder of its own; the linked program's file. */
static int link_pass(char **ret_linked, struct diag *diag)
{
	char folder[] = "/tmp/dpulab-bench-XXXXXX", source[64], object[64];
	const char *paths[DPU_INTERCEPT_SLOTS] = {object};
	struct lab_slot slot = {.name = "pass", .source = source};
	struct slotobj found;
	FILE *file;
	int err;

	if (!mkdtemp(folder))
		return -errno;
	snprintf(source, sizeof(source), "%s/pass.c", folder);
	snprintf(object, sizeof(object), "%s/pass.o", folder);
	file = fopen(source, "we");
	if (file) {
		fputs(pass_source, file);
		fclose(file);
	}
	err = slotcc_make(&slot, NULL, object, &found, diag);
	if (!err)
		err = slotlink_run(true, paths, DPU_INTERCEPT_SLOTS, ret_linked, diag);
	unlink(source);
	unlink(object);
	rmdir(folder);
	return err;
}

/* The program with the slot in it, on the tables and with the constants of the one without. */
static int open_linked(struct bench *b, struct dpulab_xdp *plain, struct bpf_object **ret_object)
{
	const struct dpu_settings settings = plain->rodata->settings;
	const uint32_t one = 1;
	struct bpf_object *object;
	char *linked;
	int err = link_pass(&linked, &b->diag);

	if (err)
		return err;
	object = bpf_object__open_file(linked, NULL);
	slotlink_remove(linked);
	if (!object)
		return -errno;
	err = dataplane_set_constant(object, "settings", &settings, sizeof(settings));
	if (!err)
		err = dataplane_set_constant(object, "icpt_slots", &one, sizeof(one));
	if (!err)
		err = dataplane_share_maps(plain->obj, object);
	if (!err)
		err = bpf_object__load(object);
	if (err)
		bpf_object__close(object);
	else
		*ret_object = object;
	return err;
}

static int put_chains(const struct bpf_object *object, unsigned slots)
{
	struct dpu_intercept_chains *chains = calloc(1, sizeof(*chains));
	uint32_t zero = 0;
	int err;

	if (!chains)
		return -ENOMEM;
	for (unsigned vm = 0; slots && vm < BENCH_VMS; vm++) {
		struct dpu_intercept_half *half =
			&chains->chain[(DPU_PORT_VNIC_MIN + vm) * DPU_INTERCEPT_DIRECTIONS + DPU_INTERCEPT_OUT].half[0];

		half->n = 1;
		half->entry[0] = (struct dpu_intercept_entry){.instance = vm, .budget_ns = BUDGET_NS};
	}
	err = bpf_map_update_elem(bpf_object__find_map_fd_by_name(object, "icpt_chains"), &zero, chains, BPF_ANY);
	free(chains);
	return err;
}

/* A chain that was not called would cost nothing. */
static uint64_t calls(const struct bpf_object *object)
{
	int cpus = libbpf_num_possible_cpus(), fd = bpf_object__find_map_fd_by_name(object, "icpt_counts");
	struct dpu_intercept_counts *counts = cpus > 0 ? calloc(cpus, sizeof(*counts)) : NULL;
	uint64_t sum = 0;

	for (uint32_t vm = 0; counts && vm < BENCH_VMS; vm++)
		for (int i = 0; !bpf_map_lookup_elem(fd, &vm, counts) && i < cpus; i++)
			sum += counts[i].calls;
	free(counts);
	return sum;
}

static int print_ns(const struct bar *bar, const struct ratio *r, double base_rate)
{
	const double frame_ns = 1e9 / base_rate;
	double ns = (1 / r->value - 1) * frame_ns, low = (1 / r->high - 1) * frame_ns, high = (1 / r->low - 1) * frame_ns;

	printf("BAR %s %.1f %.1f %.1f %.0f %s\n", bar->name, ns, low, high, bar->bound,
	       high <= bar->bound ? "ok" : "short");
	return high <= bar->bound ? 0 : 3;
}

struct found {
	double ratio[PLACES], rate[PLACES], base_rate[PLACES], undisturbed[PLACES];
	uint64_t calls;
};

static int measure(struct bench *b, const struct bar *bar, struct dpulab_xdp *plain, struct bpf_object *linked,
		   struct found *found, unsigned place)
{
	struct bench_plan plan;
	struct bench_variant base = {"switch", bpf_program__fd(plain->progs.dpulab_xdp), &plan};
	struct bench_variant a = {bar->name, bpf_program__fd(bpf_object__next_program(linked, NULL)), &plan};
	struct ratio r;
	uint64_t called;
	int err = put_chains(linked, bar->slots);

	if (!err)
		err = topo_bare(b, bar->way);
	if (!err) /* by the program that knows of chains: paths say which they meet */
		err = measure_establish(b, bar->way, STEP_DATA, BENCH_FLOWS, a.prog_fd);
	frames_plan(b, bar->way, STEP_DATA, BENCH_FLOWS, &plan);
	if (!err)
		err = measure_ratio(b, &a, &base, &r, &found->rate[place], &found->base_rate[place]);
	if (err)
		return err;
	found->ratio[place] = r.value;
	found->undisturbed[place] = b->undisturbed.value;
	called = calls(linked);
	found->calls += called;
	return bar->slots && !called ? -ENODATA : 0;
}

static int load_and_measure(struct bench *b, const struct bar *bar, struct found *found, unsigned place)
{
	const struct tables_options options = {.flow_entries = 4 * BENCH_FLOWS, .firewall = true};
	struct bpf_object *linked = NULL;
	struct dpulab_xdp *plain;
	int err = tables_load(b, &options, &plain);

	if (err)
		return err;
	err = open_linked(b, plain, &linked);
	if (!err) {
		err = measure(b, bar, plain, linked, found, place);
		topo_serve(b, BENCH_BARE);
		bpf_object__close(linked);
	}
	dpulab_xdp__destroy(plain);
	return err;
}

static int run(struct bench *b, unsigned i)
{
	const unsigned pairs = b->pairs;
	struct found found = {};
	struct ratio r;
	double base_rate;
	int err = 0;

	b->pairs = (pairs + PLACE_PAIRS - 1) / PLACE_PAIRS;
	for (unsigned place = 0; !err && place < PLACES; place++)
		err = load_and_measure(b, &bars[i], &found, place);
	b->pairs = pairs;
	if (err)
		return err;
	r = stat_ratio(found.ratio, PLACES);
	base_rate = stat_median(found.base_rate, PLACES);
	b->undisturbed = stat_ratio(found.undisturbed, PLACES);
	if (!bars[i].slots) {
		err = measure_print(bars[i].name, &r, bars[i].bound, stat_median(found.rate, PLACES), base_rate);
		measure_undisturbed(b);
		return err;
	}
	err = print_ns(&bars[i], &r, base_rate);
	measure_undisturbed(b);
	printf("    %.2f against %.2f M frames/s; %llu calls\n", stat_median(found.rate, PLACES) / 1e6, base_rate / 1e6,
	       (unsigned long long)found.calls);
	fflush(stdout);
	return err;
}

const struct bench_more intercept_bars = {bar_name, run};
