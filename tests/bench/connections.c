// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * connections.c - the firewall under many connections: how many can be opened and closed each
 * second, what a million of them cost the established ones, and what many rules cost these.
 */
#include "bench.h"
#include "policy.h"
#include <dpulab/conntrack.h>
#include <dpulab/settings.h> /* the skeleton names its type */
#include <dpulab/stats.h>
#include "dpulab_bench.skel.h"
#include "dpulab_xdp.skel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define TEMPLATES    (2 * BENCH_VMS)
#define BURST	     64u /* frames in a row from one VM, as in the other plans */
#define OPENED	     65536u /* connections between two times of forgetting all */
#define MANY	     BENCH_MILLION
#define FEW	     1024u /* "a thousand", each template as many */
#define MANY_RULES   100000u
#define FEW_RULES    16u /* "ten": two for each template */
#define NEW_BOUND    100000.0 /* connections/s on one CPU */
#define ZIPF_BOUND   0.8
#define RULES_BOUND  0.97
#define MEMORY_BOUND 300.0 /* MB (10^6) for a million */

#define NEW_NAME    "connections-per-second"
#define ZIPF_NAME   "dfw-1M-zipf/1k-zipf"
#define RULES_NAME  "dfw100k-rules/10-rules"
#define MEMORY_NAME "conntrack-1M-MB"

/* ---- lists of frames ----------------------------------------------------------- */

static uint64_t *list_map(const struct bench *b)
{
	void *list = mmap(NULL, BENCH_LIST_MAX * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED,
			  bpf_map__fd(b->bench->maps.bench_list), 0);

	return list == MAP_FAILED ? NULL : list;
}

static void list_unmap(uint64_t *list)
{
	munmap(list, BENCH_LIST_MAX * sizeof(*list));
}

/* Place n of a list belongs to this pair of templates, as in bench_source. */
static uint32_t listed_template(unsigned n, uint32_t odd)
{
	return (n / BURST * 2 | odd) % TEMPLATES;
}

/* Every one of `connections` (a power of two, at least BURST * TEMPLATES / 2) once, bursts of one VM. */
static int list_each(const struct bench *b, unsigned connections)
{
	uint64_t *list = list_map(b);
	uint32_t next[TEMPLATES] = {0};

	if (!list)
		return -errno;
	for (unsigned n = 0; n < connections; n++) {
		uint32_t template = listed_template(n, n & 1);

		list[n] = BENCH_LISTED(template, next[template]++);
	}
	list_unmap(list);
	return 0;
}

/*
 * Connections of each template drawn by Zipf's law, exponent 1: rank k with probability in proportion to
 * 1/k. By inversion of the harmonic number, ln k + gamma; exact enough from rank 1 on for a load.
 */
static int list_zipf(const struct bench *b, unsigned connections)
{
	const unsigned each = connections / TEMPLATES;
	const double top = log(each + 1.0);
	uint64_t *list = list_map(b);
	uint64_t state = 88172645463325252ull;

	if (!list)
		return -errno;
	for (unsigned n = 0; n < BENCH_LIST_MAX; n++) {
		const uint64_t bits = stat_draw(&state);
		const double u = (bits >> 11) * 0x1p-53;
		uint32_t rank = exp(u * top) - 1;
		uint32_t flow = rank < each ? rank * 0x9e3779b1u & (each - 1) : 0; /* neighbours in rank lie apart */

		list[n] = BENCH_LISTED(listed_template(n, stat_draw(&state) >> 63), flow);
	}
	list_unmap(list);
	return 0;
}

static void use_list(struct bench_plan *plan, unsigned entries)
{
	plan->order.list_mask = entries - 1;
}

/* ---- connections per second ------------------------------------------------------ */

/* The six segments of a TCP connection that is opened and closed, in their order; `back`: from the answerer. */
static const struct {
	bool back;
	uint8_t flags;
} segments[] = {
	{false, FRAMES_SYN}, {true, FRAMES_SYN | FRAMES_ACK}, {false, FRAMES_ACK},
	{false, FRAMES_FIN | FRAMES_ACK}, {true, FRAMES_FIN | FRAMES_ACK}, {false, FRAMES_ACK},
};
#define N_SEGMENTS (sizeof(segments) / sizeof(segments[0]))

static int load(struct bench *b, const struct tables_options *options, struct dpulab_xdp **dp)
{
	dpulab_xdp__destroy(*dp);
	*dp = NULL;
	return tables_load(b, options, dp);
}

static int open_and_close(struct bench *b, int prog_fd, double *ret_rate)
{
	double seconds = 0, took;
	uint64_t arrived = 0, last = 0;
	int err = topo_serve(b, prog_fd);

	for (unsigned i = 0; !err && i < N_SEGMENTS; i++) {
		struct bench_plan plan;

		frames_tcp_plan(b, segments[i].back, segments[i].flags, &plan);
		use_list(&plan, OPENED);
		err = measure_frames(b, &plan, OPENED, &last, &took);
		seconds += took;
		arrived += last;
	}
	if (!err && arrived < N_SEGMENTS * OPENED * 0.999) {
		fprintf(stderr, "bench: %llu of %u segments arrived\n", (unsigned long long)arrived,
			(unsigned)N_SEGMENTS * OPENED);
		err = -ENODATA;
	}
	*ret_rate = arrived / N_SEGMENTS / seconds;
	return err;
}

static int new_connections(struct bench *b)
{
	const struct tables_options options = {
		.flow_entries = 4 * OPENED, .firewall = true, .connections = 4 * OPENED};
	struct dpulab_xdp *dp = NULL;
	double rates[256];
	struct ratio r;
	int err = list_each(b, OPENED);

	for (unsigned i = 0; !err && i < b->pairs; i++) {
		err = load(b, &options, &dp);
		if (!err)
			err = open_and_close(b, bpf_program__fd(dp->progs.dpulab_xdp), &rates[i]);
	}
	topo_serve(b, BENCH_BARE);
	dpulab_xdp__destroy(dp);
	if (err)
		return err;
	r = stat_ratio(rates, b->pairs);
	printf("BAR %s %.0f %.0f %.0f %.0f %s\n", NEW_NAME, r.value, r.low, r.high, NEW_BOUND,
	       r.low >= NEW_BOUND ? "ok" : "short");
	printf("    TCP between two vNICs of one host, SYN to the last ACK, 6 segments, %u rules at both vNICs, one CPU\n",
	       BENCH_RULES);
	return r.low >= NEW_BOUND ? 0 : 3;
}

/* ---- two instances side by side ---------------------------------------------------- */

struct side {
	unsigned connections;
	struct dpulab_xdp *dp;
	struct bench_plan plan;
};

/* Each connection opened, answered and, by the second frame of data, known to the flow cache in the direction that is measured. */
static int establish_each(struct bench *b, const struct side *side, unsigned connections)
{
	static const enum bench_step steps[] = {STEP_OPEN, STEP_ANSWER, STEP_DATA, STEP_DATA};
	int err = list_each(b, connections);

	for (unsigned i = 0; !err && i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct bench_plan plan;

		frames_plan(b, BENCH_LOCAL, steps[i], connections, &plan);
		use_list(&plan, connections);
		err = measure_prime(b, bpf_program__fd(side->dp->progs.dpulab_xdp), &plan, connections);
	}
	return err;
}

static int zipf_side(struct bench *b, unsigned connections, struct side *side)
{
	const struct tables_options options = {
		.flow_entries = 4 * connections, .firewall = true, .connections = 4 * connections};
	int err = tables_load(b, &options, &side->dp);

	side->connections = connections;
	if (!err)
		err = establish_each(b, side, connections);
	frames_plan(b, BENCH_LOCAL, STEP_DATA, connections, &side->plan);
	use_list(&side->plan, BENCH_LIST_MAX);
	return err;
}

/* One list of draws serves both sides: it is rewritten before each slice, outside of what is measured. */
static int zipf_slice(struct bench *b, void *arg, double *ret_rate)
{
	const struct side *side = arg;
	const struct bench_variant variant = {ZIPF_NAME, bpf_program__fd(side->dp->progs.dpulab_xdp), &side->plan};
	int err = list_zipf(b, side->connections);

	return err ? err : measure_rate(b, &variant, ret_rate);
}

static int zipf(struct bench *b)
{
	struct side many = {0}, few = {0};
	struct ratio r;
	double x, y;
	uint64_t slow = 0;
	int err = zipf_side(b, MANY, &many);

	if (!err)
		err = zipf_side(b, FEW, &few);
	if (!err)
		slow = tables_reason(many.dp, DPU_REASON_FORWARD);
	if (!err)
		err = measure_pairs(b, b->pairs, zipf_slice, &many, &few, &r, &x, &y);
	if (!err) {
		err = measure_print(ZIPF_NAME, &r, ZIPF_BOUND, x, y);
		printf("    %u against %u connections, two entries each; slow path meanwhile: %llu frames\n", MANY, FEW,
		       (unsigned long long)(tables_reason(many.dp, DPU_REASON_FORWARD) - slow));
	}
	topo_serve(b, BENCH_BARE);
	dpulab_xdp__destroy(many.dp);
	dpulab_xdp__destroy(few.dp);
	return err;
}

static int rules_side(struct bench *b, unsigned rules, struct side *side)
{
	struct dpu_rule *list = allowlist_make(rules / TEMPLATES);
	const struct policy policy = {list, rules / TEMPLATES * TEMPLATES, DPU_ACTION_DROP};
	const struct tables_options options = {.flow_entries = 4 * BENCH_FLOWS, .firewall = true, .policy = &policy};
	int err = list ? tables_load(b, &options, &side->dp) : -ENOMEM;

	free(list);
	if (!err)
		err = measure_establish(b, BENCH_LOCAL, STEP_DATA, BENCH_FLOWS,
					bpf_program__fd(side->dp->progs.dpulab_xdp));
	frames_plan(b, BENCH_LOCAL, STEP_DATA, BENCH_FLOWS, &side->plan);
	return err;
}

static int many_rules(struct bench *b)
{
	struct side many = {0}, few = {0};
	struct ratio r;
	double x, y;
	int err = rules_side(b, MANY_RULES, &many);

	if (!err)
		err = rules_side(b, FEW_RULES, &few);
	if (!err)
		err = measure_ratio(b,
				    &(struct bench_variant){"many", bpf_program__fd(many.dp->progs.dpulab_xdp),
							    &many.plan},
				    &(struct bench_variant){"few", bpf_program__fd(few.dp->progs.dpulab_xdp), &few.plan},
				    &r, &x, &y);
	if (!err)
		err = measure_print(RULES_NAME, &r, RULES_BOUND, x, y);
	topo_serve(b, BENCH_BARE);
	dpulab_xdp__destroy(many.dp);
	dpulab_xdp__destroy(few.dp);
	return err;
}

/* ---- memory ------------------------------------------------------------------------ */

/* What the kernel itself books for a map ("memlock" of its fdinfo), bytes. */
static int map_bytes(const struct bpf_map *map, double *ret_bytes)
{
	char path[64], line[128];
	unsigned long long bytes = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", bpf_map__fd(map));
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	if (f)
		fclose(f);
	*ret_bytes = bytes;
	return bytes ? 0 : -ENODATA;
}

static int memory(struct bench *b)
{
	const struct tables_options options = {.flow_entries = 4 * BENCH_FLOWS, .firewall = true, .connections = MANY};
	struct dpulab_xdp *dp = NULL;
	double table, clock, mb = 0;
	int err = tables_load(b, &options, &dp);

	if (!err)
		err = map_bytes(dp->maps.conntrack, &table);
	if (!err)
		err = map_bytes(dp->maps.ct_clock, &clock);
	dpulab_xdp__destroy(dp);
	if (err)
		return err;
	mb = (table + clock) / 1e6;
	printf("BAR %s %.1f %.1f %.1f %.0f %s\n", MEMORY_NAME, mb, mb, mb, MEMORY_BOUND,
	       mb <= MEMORY_BOUND ? "ok" : "short");
	printf("    as the kernel books it: table %.1f, ageing clock %.1f, all allocated at load\n", table / 1e6,
	       clock / 1e6);
	return mb <= MEMORY_BOUND ? 0 : 3;
}

static const struct {
	const char *name;
	int (*run)(struct bench *b);
} list[] = {{NEW_NAME, new_connections}, {ZIPF_NAME, zipf}, {RULES_NAME, many_rules}, {MEMORY_NAME, memory}};

static const char *connections_name(unsigned i)
{
	return i < sizeof(list) / sizeof(list[0]) ? list[i].name : NULL;
}

static int connections_bar(struct bench *b, unsigned i)
{
	return list[i].run(b);
}

const struct bench_more connections_bars = {connections_name, connections_bar};
