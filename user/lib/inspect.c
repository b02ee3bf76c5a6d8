/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "inspect.h"
#include "monotonic.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <dpulab/settings.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "ethtool.h"
#include "flowview.h"
#include "mapio.h"
#include "policy_store.h"

#define PORT_STATS_WORDS (sizeof(struct dpu_port_stats) / sizeof(uint64_t))
#define NODE_STATS_WORDS (sizeof(struct dpu_node_stats) / sizeof(uint64_t))

#define READ_TRIES    8
#define READ_QUICK_NS 1000000 /* of the emulated device */

/* ---- words -------------------------------------------------------------- */

struct reason_text {
	const char *word, *sentence;
};

static const struct reason_text reasons[DPU_MAX_REASONS] = {
#define REASON_TEXT(number, name, word, sentence) [number] = {word, sentence},
	DPU_REASONS(REASON_TEXT)
#undef REASON_TEXT
};

const char *inspect_reason_word(unsigned reason)
{
	return reason < DPU_MAX_REASONS && reasons[reason].word ? reasons[reason].word : "unknown";
}

const char *inspect_reason_sentence(unsigned reason)
{
	return reason < DPU_MAX_REASONS && reasons[reason].sentence ? reasons[reason].sentence
								     : "a reason this dpulab does not know";
}

const char *inspect_state_name(unsigned state)
{
	static const char *const names[DPU_CT_STATES] = {
		"NONE",	    "NEW",	  "ESTABLISHED", "SYN_SENT",  "SYN_RECV",
		"FIN_WAIT", "CLOSE_WAIT", "LAST_ACK",	 "TIME_WAIT", "CLOSE",	  "SYN_SENT2", "REOPENING",
	};

	return state < DPU_CT_STATES ? names[state] : "unknown";
}

/* ---- ports -------------------------------------------------------------- */

static void add_flow(struct inspect_port *ports, size_t n, const struct dpu_flow *flow)
{
	for (size_t i = 0; i < n; i++) {
		if (ports[i].dev->port == flow->key.in_port) {
			ports[i].rx_packets += flow->packets;
			ports[i].rx_bytes += flow->bytes;
		}
		if (ports[i].dev->port == flow->out_port) {
			ports[i].tx_packets += flow->packets;
			ports[i].tx_bytes += flow->bytes;
		}
	}
}

static void add_flows(const struct dataplane *dp, struct inspect_port *ports, size_t n)
{
	struct flow_view view;
	struct dpu_flow flow;

	if (flow_view_open(dp, &view))
		return;
	for (uint32_t ref = 1; ref <= view.entries; ref++)
		if (flow_view_read(&view, ref, &flow))
			add_flow(ports, n, &flow);
	flow_view_close(&view);
}

uint64_t inspect_ring_drops(struct netns *ns, const char *dev)
{
	uint64_t all = 0, by_program = 0, redirected = 0;

	ethtool_stat_sum(ns, dev, "_drops", &all);
	ethtool_stat_sum(ns, dev, "_xdp_drops", &by_program);
	ethtool_stat_sum(ns, dev, "_xdp_xmit_errors", &redirected);
	return all - by_program + redirected;
}

static int read_port(const struct location *location, const struct port_dev *dev,
		     struct inspect_port *port, struct diag *diag)
{
	struct dpu_port_stats *stats = &port->stats;
	int err;

	port->dev = dev;
	err = mapio_get_range(location->dp, MAP_ports, dev->port, 1, &port->entry, diag);
	if (!err)
		err = mapio_sum(location->dp, MAP_port_stats, dev->port, (uint64_t *)stats,
				PORT_STATS_WORDS, diag);
	if (!err && dev->kind == DPU_PORT_KIND_VNIC)
		err = mapio_get_range(location->dp, MAP_ct_counts, dev->port, 1, &port->connections, diag);
	port->rx_packets = stats->rx_packets + stats->flow_rx_packets;
	port->rx_bytes = stats->rx_bytes + stats->flow_rx_bytes;
	port->tx_packets = stats->tx_packets + stats->flow_tx_packets;
	port->tx_bytes = stats->tx_bytes + stats->flow_tx_bytes;
	if (!err && dev->ifindex)
		port->ring_drops = inspect_ring_drops(location->ns, dev->dev);
	return err;
}

static int read_attached(const struct location *location, struct inspect_port *ports, struct diag *diag)
{
	int back, err = netns_enter(location->ns, &back);

	if (err)
		return diag_error(diag, err, NULL, "cannot enter namespace %s: %s", location->ns->name,
				  strerror(-err));
	for (size_t i = 0; i < location->n_ports; i++)
		attach_read(location->dp, ports[i].dev->dev, &ports[i].attached);
	netns_leave(back);
	return 0;
}

int inspect_ports(const struct location *location, struct inspect_port **ret_ports, size_t *ret_n,
		  struct diag *diag)
{
	struct inspect_port *ports = calloc(location->n_ports + 1, sizeof(*ports));
	int err = ports ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < location->n_ports; i++)
		err = read_port(location, &location->ports[i], &ports[i], diag);
	if (!err)
		err = read_attached(location, ports, diag);
	if (err) {
		free(ports);
		return err;
	}
	add_flows(location->dp, ports, location->n_ports);
	*ret_ports = ports;
	*ret_n = location->n_ports;
	return 0;
}

/* ---- addresses, endpoints ----------------------------------------------- */

int inspect_macs(const struct location *location, struct inspect_mac **ret_macs, size_t *ret_n,
		 struct diag *diag)
{
	struct inspect_mac *macs;
	struct map_dump dump;
	int err = mapio_dump(location->dp, MAP_fdb, sizeof(struct dpu_fdb_key), sizeof(struct dpu_fdb),
			     &dump, diag);

	if (err)
		return err;
	macs = calloc(dump.n + 1, sizeof(*macs));
	for (size_t i = 0; macs && i < dump.n; i++) {
		macs[i].key = ((struct dpu_fdb_key *)dump.keys)[i];
		macs[i].entry = ((struct dpu_fdb *)dump.values)[i];
	}
	*ret_n = dump.n;
	map_dump_free(&dump);
	if (!macs)
		return -ENOMEM;
	*ret_macs = macs;
	return 0;
}

static int by_port_and_address(const void *a, const void *b)
{
	const struct inspect_binding *one = a, *other = b;

	if (one->key.port != other->key.port)
		return one->key.port < other->key.port ? -1 : 1;
	return memcmp(&one->key.addr, &other->key.addr, sizeof(one->key.addr));
}

int inspect_bindings(const struct location *location, struct inspect_binding **ret_bindings, size_t *ret_n,
		     struct diag *diag)
{
	struct inspect_binding *bindings;
	struct map_dump dump;
	int err = mapio_dump(location->dp, MAP_bindings, sizeof(struct dpu_binding_key), sizeof(struct dpu_binding),
			     &dump, diag);

	if (err)
		return err;
	bindings = calloc(dump.n + 1, sizeof(*bindings));
	for (size_t i = 0; bindings && i < dump.n; i++)
		bindings[i] = (struct inspect_binding){((struct dpu_binding_key *)dump.keys)[i],
						       ((struct dpu_binding *)dump.values)[i]};
	*ret_n = dump.n;
	map_dump_free(&dump);
	if (!bindings)
		return -ENOMEM;
	qsort(bindings, *ret_n, sizeof(*bindings), by_port_and_address);
	*ret_bindings = bindings;
	return 0;
}

int inspect_vteps(const struct location *location, struct inspect_vtep **ret_vteps, size_t *ret_n,
		  struct diag *diag)
{
	struct inspect_vtep *vteps = calloc(DPU_MAX_VTEPS, sizeof(*vteps));
	size_t n = 0;
	int err = vteps ? 0 : -ENOMEM;

	for (uint32_t i = 1; !err && i < DPU_MAX_VTEPS; i++) {
		vteps[n].number = i;
		err = mapio_get_range(location->dp, MAP_vteps, i, 1, &vteps[n].entry, diag);
		if (!err && vteps[n].entry.ip)
			n++;
	}
	if (err) {
		free(vteps);
		return err;
	}
	*ret_vteps = vteps;
	*ret_n = n;
	return 0;
}

int inspect_vtep_of(const struct location *location, uint32_t number, struct dpu_vtep *ret_vtep)
{
	return mapio_get(location->dp, MAP_vteps, &number, ret_vtep);
}

/* ---- flows -------------------------------------------------------------- */

/* The connection of a flow entry at its source or, without one there, its destination vNIC. */
static void add_slow_counts(const struct dataplane *dp, struct inspect_flow *flow)
{
	for (int end = 0; end < 2; end++) {
		struct dpu_ct_key key;
		struct dpu_ct ct;
		unsigned direction;

		if (!flow->entry.ct_id[end])
			continue;
		direction = flow_view_connection(&flow->entry, end, &key);
		if (mapio_get(dp, MAP_conntrack, &key, &ct) || ct.id != flow->entry.ct_id[end])
			continue;
		direction ^= !!(ct.flags & DPU_CT_F_ORIG_SIDE);
		flow->slow_packets = ct.packets[direction];
		flow->slow_bytes = ct.bytes[direction];
		return;
	}
}

static bool is_stale(const struct dataplane *dp, const struct dpu_flow *flow)
{
	const struct dpu_generations *generations = dataplane_generations(dp);
	uint32_t sum = 0;

	for (int i = 0; i < DPU_FLOW_GENS; i++)
		sum += generations->counter[flow->gen_slot[i]];
	return sum != flow->gen_sum;
}

/* What the entry has forwarded is hardware's, whether the connection knows of it already or not. */
static void count_by_hardware(const struct flow_view *view, uint32_t ref, struct inspect_flow *flow)
{
	uint64_t packets, bytes;

	flow_view_handed_in(view, ref, &packets, &bytes);
	flow->entry.packets += packets;
	flow->entry.bytes += bytes;
	flow->slow_packets -= packets < flow->slow_packets ? packets : flow->slow_packets;
	flow->slow_bytes -= bytes < flow->slow_bytes ? bytes : flow->slow_bytes;
}

int inspect_flows(const struct location *location, struct inspect_flow **ret_flows, size_t *ret_n,
		  struct diag *diag)
{
	struct inspect_flow *flows;
	struct flow_view view;
	size_t n = 0;
	int err = flow_view_open(location->dp, &view);

	if (err)
		return diag_error(diag, err, NULL, "cannot map the flow table of %s: %s",
				  dataplane_node(location->dp), strerror(-err));
	flows = calloc(view.entries + 1, sizeof(*flows));
	for (uint32_t ref = 1; flows && ref <= view.entries; ref++) {
		if (!flow_view_read(&view, ref, &flows[n].entry))
			continue;
		flows[n].stale = is_stale(location->dp, &flows[n].entry);
		add_slow_counts(location->dp, &flows[n]);
		count_by_hardware(&view, ref, &flows[n++]);
	}
	flow_view_close(&view);
	if (!flows)
		return -ENOMEM;
	*ret_flows = flows;
	*ret_n = n;
	return 0;
}

/* ---- connections -------------------------------------------------------- */

static uint64_t timeout_ns(const struct dpu_settings *settings, const struct dpu_ct_key *key,
			   const struct dpu_ct *ct)
{
	switch (key->proto) {
	case IPPROTO_TCP:
		return settings->ct_timeout_ns[ct->state < DPU_CT_STATES ? ct->state : DPU_CT_CLOSE];
	case IPPROTO_UDP:
		return ct->state == DPU_CT_NEW ? settings->ct_udp_new_ns : settings->ct_udp_est_ns;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return settings->ct_icmp_ns;
	default:
		return settings->ct_other_ns;
	}
}

int inspect_connections(const struct location *location, struct inspect_connection **ret_connections,
			size_t *ret_n, struct diag *diag)
{
	struct inspect_connection *list;
	uint64_t now = monotonic_ns();
	struct dpu_settings settings;
	struct flow_view view;
	struct map_dump dump;
	int err = mapio_dump(location->dp, MAP_conntrack, sizeof(struct dpu_ct_key), sizeof(struct dpu_ct),
			     &dump, diag);

	if (err)
		return err;
	dataplane_settings(location->lab, &settings);
	err = flow_view_open(location->dp, &view);
	list = err ? NULL : calloc(dump.n + 1, sizeof(*list));
	for (size_t i = 0; list && i < dump.n; i++) {
		list[i].key = ((struct dpu_ct_key *)dump.keys)[i];
		list[i].entry = ((struct dpu_ct *)dump.values)[i];
		flow_view_add_counts(&view, &list[i].entry);
		list[i].expired = now > list[i].entry.last_seen_ns +
					timeout_ns(&settings, &list[i].key, &list[i].entry);
	}
	*ret_n = dump.n;
	map_dump_free(&dump);
	if (!err)
		flow_view_close(&view);
	if (!list)
		return err ? err : -ENOMEM;
	*ret_connections = list;
	return 0;
}

/* ---- the emulated device ------------------------------------------------ */

/* A reading that was interrupted between counters and clock is made again, a few times. */
int inspect_device(const struct location *location, struct dpu_asic *ret_device, uint64_t *ret_at_ns, struct diag *diag)
{
	uint64_t begin;
	int err = 0;

	for (int i = 0; i < READ_TRIES; i++) {
		begin = monotonic_ns();
		err = mapio_get_range(location->dp, MAP_asic, 0, 1, ret_device, diag);
		*ret_at_ns = monotonic_ns();
		if (err || *ret_at_ns - begin < READ_QUICK_NS)
			break;
	}
	return err;
}

const char *inspect_offload_word(uint32_t flow_ref)
{
	static const char *const words[DPU_OFFLOAD_MAX] = {
#define WORD(number, name, word, sentence) [number] = word,
		DPU_OFFLOAD_REASONS(WORD)
#undef WORD
	};
	const char *word = words[flow_ref & (DPU_OFFLOAD_MAX - 1)];

	if (!DPU_FLOW_IS_WHY(flow_ref))
		return flow_ref ? words[DPU_OFFLOAD_NONE] : "-";
	return word ? word : "?";
}

const char *inspect_offload_sentence(unsigned reason)
{
	static const char *const sentences[DPU_OFFLOAD_MAX] = {
#define SENTENCE(number, name, word, sentence) [number] = sentence,
		DPU_OFFLOAD_REASONS(SENTENCE)
#undef SENTENCE
	};

	return reason < DPU_OFFLOAD_MAX && sentences[reason] ? sentences[reason] : "";
}

/* ---- rules, counters ---------------------------------------------------- */

/* The default action in a rule's form. */
static struct dpu_rule default_rule(uint8_t action)
{
	return (struct dpu_rule){
		.sport_hi = UINT16_MAX,
		.dport_hi = UINT16_MAX,
		.direction = DPU_DIR_IN | DPU_DIR_OUT,
		.action = policy_default(action),
		.id = DPU_RULE_DEFAULT,
	};
}

static int add_rules(struct policy_store *store, const struct port_dev *dev, const struct dpu_port *port,
		     struct inspect_rule **rules, size_t *n)
{
	const struct policy *policy;
	struct inspect_rule *grown;
	struct dpu_rule_hits *hits;
	int err = policy_store_get(store, port->policy, &policy);

	if (!err)
		err = policy_store_hits(store, port, &hits);
	if (err)
		return err;
	grown = reallocarray(*rules, *n + policy->n + 1, sizeof(*grown));
	if (grown)
		*rules = grown;
	for (size_t i = 0; grown && i <= policy->n; i++)
		grown[(*n)++] = (struct inspect_rule){
			.port = dev->port,
			.vm = dev->vm,
			.rule = i < policy->n ? policy->rules[i] : default_rule(policy->default_action),
			.hits = hits[i].hits,
			.last_ns = hits[i].last_ns,
		};
	free(hits);
	return grown ? 0 : -ENOMEM;
}

static int read_rules(const struct location *location, const struct dpu_port *ports,
		      struct inspect_rule **rules, size_t *n, struct diag *diag)
{
	struct policy_store *store;
	int err = policy_store_open(location->dp, ports, &store, diag);

	if (err)
		return err;
	for (size_t i = 0; !err && i < location->n_ports; i++)
		if (location->ports[i].kind == DPU_PORT_KIND_VNIC)
			err = add_rules(store, &location->ports[i], &ports[location->ports[i].port], rules, n);
	policy_store_close(store);
	return err;
}

int inspect_rules(const struct location *location, struct inspect_rule **ret_rules, size_t *ret_n,
		  struct diag *diag)
{
	struct dpu_port *ports = calloc(DPU_MAX_PORTS, sizeof(*ports));
	struct inspect_rule *rules = NULL;
	size_t n = 0;
	int err = ports ? mapio_get_range(location->dp, MAP_ports, 0, DPU_MAX_PORTS, ports, diag) : -ENOMEM;

	if (!err)
		err = read_rules(location, ports, &rules, &n, diag);
	free(ports);
	if (err) {
		free(rules);
		return err;
	}
	*ret_rules = rules;
	*ret_n = n;
	return 0;
}

/* What the flow cache forwarded, on each possible CPU. */
static int read_hits(const struct dataplane *dp, enum dpu_hook hook, uint64_t **ret_hits, size_t *ret_cpus,
		     struct diag *diag)
{
	struct dpu_hit_table *table = malloc(sizeof(*table));
	int cpus = libbpf_num_possible_cpus(), err = table && cpus > 0 ? 0 : -ENOMEM;
	uint64_t *hits = err ? NULL : calloc((size_t)cpus, sizeof(*hits));

	if (hits)
		err = mapio_get_range(dp, MAP_hits, 0, 1, table, diag);
	else
		err = -ENOMEM;
	for (int cpu = 0; !err && cpu < cpus; cpu++) /* CPU numbers wrap as in the program */
		hits[cpu] = cpu < DPU_MAX_CPUS ? table->cpu[cpu].hits[hook] : 0;
	free(table);
	if (err) {
		free(hits);
		return err;
	}
	*ret_hits = hits;
	*ret_cpus = (size_t)cpus;
	return 0;
}

int inspect_stats(const struct dataplane *dp, enum dpu_hook hook, struct dpu_node_stats *ret_stats,
		  struct diag *diag)
{
	uint64_t *hits;
	size_t cpus;
	int err = mapio_sum(dp, MAP_node_stats, hook, (uint64_t *)ret_stats, NODE_STATS_WORDS, diag);

	if (!err)
		err = read_hits(dp, hook, &hits, &cpus, diag);
	if (err)
		return err;
	for (size_t cpu = 0; cpu < cpus; cpu++)
		ret_stats->reason[DPU_REASON_FLOW_HIT] += hits[cpu];
	free(hits);
	return 0;
}

uint64_t inspect_total(const struct dpu_node_stats *stats)
{
	uint64_t runs = 0;

	for (size_t i = 0; i < DPU_MAX_REASONS; i++)
		runs += stats->reason[i];
	return runs;
}

int inspect_runs(const struct dataplane *dp, enum dpu_hook hook, uint64_t **ret_runs, size_t *ret_cpus,
		 struct diag *diag)
{
	uint64_t *runs, *stats;
	size_t cpus, n;
	int err = read_hits(dp, hook, &runs, &cpus, diag);

	if (err)
		return err;
	err = mapio_per_cpu(dp, MAP_node_stats, hook, NODE_STATS_WORDS, &stats, &n, diag);
	if (err) {
		free(runs);
		return err;
	}
	for (size_t cpu = 0; cpu < cpus && cpu < n; cpu++)
		runs[cpu] += inspect_total((const struct dpu_node_stats *)&stats[cpu * NODE_STATS_WORDS]);
	free(stats);
	*ret_runs = runs;
	*ret_cpus = cpus;
	return 0;
}
