/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* show LAB WHAT: the state of a running lab, with reasons in words. */
#include "foreign.h"
#include "host.h"
#include "monotonic.h"
#include "inspect.h"
#include "lab.h"
#include "lab_names.h"
#include "place.h"
#include "show.h"
#include "values.h"
#include "verbs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct cmd_option cmd_show_options[] = {
    {'H', "host", "HOST", "only this host (and its DPU)"},
    {0, "compiled", NULL, "rules: the entries they were compiled to, at each vNIC"},
    {},
};

/* ---- words ------------------------------------------------------------------ */

static const struct lab_vm *vm_of_port(const struct location *at, uint16_t port)
{
	const struct port_dev *dev = location_port(at, port);

	return dev && dev->vm != SIZE_MAX ? &at->lab->vms[dev->vm] : NULL;
}

/* "web1", "uplink", or the number of a port that has no name. */
static const char *port_name(const struct location *at, uint16_t port, char *buffer, size_t size)
{
	const struct lab_vm *vm = vm_of_port(at, port);

	if (vm)
		return vm->name;
	if (port == DPU_PORT_UPLINK)
		return "uplink";
	if (port == DPU_PORT_PF)
		return "pf";
	snprintf(buffer, size, "%u", port);
	return buffer;
}

static const char *group_name(const struct lab *lab, uint16_t segment)
{
	for (size_t i = 0; i < lab->n_groups; i++)
		if (lab->groups[i].segment == segment)
			return lab->groups[i].name;
	return "-";
}

static void out_ip(struct out *out, const char *key, const union dpu_ip *ip)
{
	char text[VALUE_TEXT_MAX];

	out_str(out, key, "%s", ip_format(ip, text));
}

static void out_mac(struct out *out, const char *key, const uint8_t *bytes)
{
	char text[VALUE_TEXT_MAX];
	struct dpu_mac mac;

	memcpy(mac.b, bytes, sizeof(mac.b));
	out_str(out, key, "%s", mac_format(&mac, text));
}

static void out_ip4(struct out *out, const char *key, uint32_t ip)
{
	union dpu_ip mapped = {.w = {0, 0, htonl(0xffff), ip}};

	out_ip(out, key, &mapped);
}

void show_protocol(struct out *out, uint8_t proto)
{
	char text[VALUE_TEXT_MAX];

	out_str(out, "proto", "%s", protocol_format(proto, text));
}

double show_age_s(uint64_t since_ns)
{
	uint64_t now = monotonic_ns();

	return now > since_ns ? (double)(now - since_ns) / 1e9 : 0;
}

void show_node(struct out *out, const struct location *at)
{
	out_str(out, "node", "%s", dataplane_node(at->dp));
}

/* ---- one list per subject --------------------------------------------------- */

static const char *served_by(const struct location *at, const struct inspect_port *port)
{
	if (at->where == LOCATION_PMD)
		return "af_xdp";
	return attach_kind_name(port->attached.xdp && port->entry.flags & DPU_PORT_F_XDP ? port->attached.xdp
											  : port->attached.tc);
}

static int show_ports(const struct location *at, struct out *out, struct diag *diag)
{
	static const char *const kinds[] = {"none", "vnic", "uplink", "channel", "pf"};
	struct inspect_port *ports;
	char text[16];
	size_t n;
	int err = inspect_ports(at, &ports, &n, diag);

	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		const struct inspect_port *port = &ports[i];

		out_item(out);
		show_node(out, at);
		out_uint(out, "port", port->dev->port);
		out_str(out, "dev", "%s", port->dev->ifindex ? port->dev->dev : "-");
		out_str(out, "kind", "%s", kinds[port->entry.kind % 5]);
		out_str(out, "name", "%s", port_name(at, port->dev->port, text, sizeof(text)));
		out_str(out, "group", "%s", group_name(at->lab, port->entry.segment));
		out_str(out, "hook", "%s", served_by(at, port));
		out_uint(out, "rx_packets", port->rx_packets);
		out_uint(out, "rx_bytes", port->rx_bytes);
		out_uint(out, "tx_packets", port->tx_packets);
		out_uint(out, "tx_bytes", port->tx_bytes);
		out_uint(out, "dropped", port->stats.dropped);
		out_uint(out, "ring_drops", port->ring_drops);
		out_uint(out, "connections", port->connections.connections);
		out_uint(out, "half_open", port->connections.half_open);
		out_end(out);
	}
	free(ports);
	return 0;
}

static int show_fdb(const struct location *at, struct out *out, struct diag *diag)
{
	struct inspect_mac *macs;
	struct dpu_vtep vtep;
	char text[16];
	size_t n;
	int err = inspect_macs(at, &macs, &n, diag);

	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		const struct dpu_fdb *entry = &macs[i].entry;

		out_item(out);
		show_node(out, at);
		out_str(out, "group", "%s", group_name(at->lab, macs[i].key.segment));
		out_mac(out, "mac", macs[i].key.mac);
		out_str(out, "port", "%s", port_name(at, entry->port, text, sizeof(text)));
		if (entry->vtep && !inspect_vtep_of(at, entry->vtep, &vtep))
			out_ip4(out, "vtep", vtep.ip);
		else
			out_str(out, "vtep", "-");
		out_real(out, "idle_s", show_age_s(entry->last_seen_ns), 1);
		out_bool(out, "static", entry->flags & DPU_FDB_F_STATIC);
		out_end(out);
	}
	free(macs);
	return 0;
}

static int show_bindings(const struct location *at, struct out *out, struct diag *diag)
{
	struct inspect_binding *bindings;
	char text[16];
	size_t n;
	int err = inspect_bindings(at, &bindings, &n, diag);

	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		const struct dpu_binding *entry = &bindings[i].entry;

		out_item(out);
		show_node(out, at);
		out_str(out, "port", "%s", port_name(at, bindings[i].key.port, text, sizeof(text)));
		out_mac(out, "mac", entry->mac);
		out_ip(out, "ip", &bindings[i].key.addr);
		out_str(out, "source", "%s", entry->flags & DPU_BINDING_F_LISTED ? "listed" : "learned");
		out_real(out, "age_s", show_age_s(entry->since_ns), 1);
		out_end(out);
	}
	free(bindings);
	return 0;
}

static int show_vteps(const struct location *at, struct out *out, struct diag *diag)
{
	struct inspect_vtep *vteps;
	size_t n;
	int err = inspect_vteps(at, &vteps, &n, diag);

	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		out_item(out);
		show_node(out, at);
		out_uint(out, "vtep", vteps[i].number);
		out_ip4(out, "ip", vteps[i].entry.ip);
		out_mac(out, "next_hop", vteps[i].entry.mac);
		out_uint(out, "mtu", vteps[i].entry.mtu);
		out_bool(out, "self", vteps[i].number == DPU_VTEP_SELF);
		out_end(out);
	}
	free(vteps);
	return 0;
}

static void out_actions(struct out *out, const struct location *at, const struct dpu_flow *flow)
{
	char text[16];
	const char *port = port_name(at, flow->out_port, text, sizeof(text));
	const char *off = flow->key.vni ? "decap, " : flow->key.vlan ? "untag, " : "";

	if (flow->action == DPU_FLOW_ENCAP)
		out_str(out, "actions", "%sencap, out %s", off, port);
	else if (flow->action == DPU_FLOW_TAG)
		out_str(out, "actions", "%stag %u, out %s", off, flow->out_vlan & 0xfff, port);
	else
		out_str(out, "actions", "%sout %s", off, port);
}

/* The columns of a hardware switch's flow dump: the cache plays the hardware, the slow path the software. */
static void out_flow(struct out *out, const struct location *at, const struct inspect_flow *flow)
{
	const struct dpu_flow_key *key = &flow->entry.key;
	char text[16];

	out_item(out);
	show_node(out, at);
	out_mac(out, "dst_mac", key->dmac);
	out_mac(out, "src_mac", key->smac);
	out_uint(out, "vlan", ntohs(key->vlan));
	out_ip(out, "src_ip", &key->src);
	out_uint(out, "src_port", ntohs(key->sport));
	out_ip(out, "dst_ip", &key->dst);
	out_uint(out, "dst_port", ntohs(key->dport));
	show_protocol(out, key->proto);
	out_uint(out, "vni", ntohl(key->vni) >> 8);
	out_str(out, "in_port", "%s", port_name(at, key->in_port, text, sizeof(text)));
	out_uint(out, "sw_hits", flow->slow_packets);
	out_uint(out, "sw_bytes", flow->slow_bytes);
	out_uint(out, "hw_hits", flow->entry.packets);
	out_uint(out, "hw_bytes", flow->entry.bytes);
	out_real(out, "idle_s", show_age_s(flow->entry.last_seen_ns), 1);
	out_str(out, "state", "%s", flow->stale ? "stale: something it rests on changed" : "offloaded");
	out_actions(out, at, &flow->entry);
	out_end(out);
}

static int show_flows(const struct location *at, struct out *out, struct diag *diag)
{
	struct inspect_flow *flows;
	size_t n;
	int err = inspect_flows(at, &flows, &n, diag);

	if (err)
		return err;
	for (size_t i = 0; i < n; i++)
		out_flow(out, at, &flows[i]);
	free(flows);
	return 0;
}

static void out_connection(struct out *out, const struct location *at, const struct inspect_connection *c)
{
	const struct dpu_ct *ct = &c->entry;
	unsigned opener = !!(ct->flags & DPU_CT_F_ORIG_SIDE);
	bool gre = c->key.proto == IPPROTO_GRE;
	char text[16];

	out_item(out);
	show_node(out, at);
	out_str(out, "vnic", "%s", port_name(at, c->key.zone, text, sizeof(text)));
	show_protocol(out, c->key.proto);
	out_ip(out, "src_ip", &c->key.addr[opener]);
	out_uint(out, "src_port", gre ? 0 : ntohs(c->key.port[opener]));
	out_ip(out, "dst_ip", &c->key.addr[!opener]);
	out_uint(out, "dst_port", gre ? 0 : ntohs(c->key.port[!opener]));
	if (gre)
		out_uint(out, "gre_key", (uint32_t)ntohs(c->key.port[0]) << 16 | ntohs(c->key.port[1]));
	out_str(out, "direction", "%s", ct->flags & DPU_CT_F_INBOUND ? "in" : "out");
	out_str(out, "state", "%s", c->expired ? "expired" : inspect_state_name(ct->state));
	out_bool(out, "taken_over", ct->flags & DPU_CT_F_TAKEN_OVER);
	out_uint(out, "rule", ct->rule_id);
	out_uint(out, "packets", ct->packets[0]);
	out_uint(out, "bytes", ct->bytes[0]);
	out_uint(out, "reply_packets", ct->packets[1]);
	out_uint(out, "reply_bytes", ct->bytes[1]);
	out_uint(out, "policy_gen", ct->policy_gen);
	/* without limits it goes without saying */
	out_str(out, "offload", "%s", show_has_device(at) ? inspect_offload_word(ct->flow_ref[0]) : "-");
	out_str(out, "reply_offload", "%s", show_has_device(at) ? inspect_offload_word(ct->flow_ref[1]) : "-");
	out_uint(out, "created_ns", ct->created_ns);
	out_real(out, "idle_s", show_age_s(ct->last_seen_ns), 1);
	out_end(out);
}

static int show_connections(const struct location *at, struct out *out, struct diag *diag)
{
	struct inspect_connection *list;
	size_t n;
	int err = inspect_connections(at, &list, &n, diag);

	if (err)
		return err;
	for (size_t i = 0; i < n; i++)
		out_connection(out, at, &list[i]);
	free(list);
	return 0;
}

static const char *const hook_names[DPU_HOOKS] = {"xdp", "tc", "pmd"};

/* A poll-mode location is no hook of the kernel's, and the kernel's hooks are at no poll-mode location. */
static bool runs_here(const struct location *at, enum dpu_hook hook)
{
	return (at->where == LOCATION_PMD) == (hook == DPU_HOOK_NATIVE);
}

static void out_counters(struct out *out, const struct dpu_node_stats *stats)
{
	out_uint(out, "runs", inspect_total(stats));
	out_uint(out, "flow_hits", stats->reason[DPU_REASON_FLOW_HIT]);
	out_uint(out, "relayed", stats->reason[DPU_REASON_RELAY]);
	out_uint(out, "flow_inserts", stats->flow_inserts);
	out_uint(out, "flow_evictions", stats->flow_evictions);
	out_uint(out, "flow_collisions", stats->flow_collisions);
	out_uint(out, "ct_inserts", stats->ct_inserts);
	out_uint(out, "ct_expired", stats->ct_expired);
	out_uint(out, "ct_removed", stats->ct_removed);
	out_uint(out, "ct_handed_in", stats->ct_handed_in);
	out_uint(out, "ct_handed_out", stats->ct_handed_out);
	out_uint(out, "fragments_held", stats->fragments_held);
	out_uint(out, "fragments_released", stats->fragments_released);
	out_uint(out, "fragments_lost", stats->fragments_lost);
	out_uint(out, "ct_full", stats->ct_full);
	out_uint(out, "ct_untracked", stats->ct_untracked);
	out_uint(out, "ct_limited", stats->ct_limited);
	out_uint(out, "challenges", stats->challenges);
	out_uint(out, "challenges_met", stats->challenges_met);
	out_uint(out, "log_written", stats->log_written);
	out_uint(out, "log_suppressed", stats->log_suppressed);
	out_uint(out, "answers", stats->answers);
	out_uint(out, "answers_limited", stats->answers_limited);
}

static int show_stats(const struct location *at, struct out *out, struct diag *diag)
{
	struct dpu_node_stats stats;
	uint64_t *runs;
	size_t cpus;
	int err = 0;

	for (enum dpu_hook hook = DPU_HOOK_XDP; !err && hook < DPU_HOOKS; hook++) {
		if (!runs_here(at, hook))
			continue;
		err = inspect_stats(at->dp, hook, &stats, diag);
		if (!err)
			err = inspect_runs(at->dp, hook, &runs, &cpus, diag);
		if (err)
			break;
		out_item(out);
		show_node(out, at);
		out_str(out, "hook", "%s", hook_names[hook]);
		out_counters(out, &stats);
		out_list(out, "runs_per_cpu");
		for (size_t cpu = 0; cpu < cpus; cpu++)
			out_uint(out, NULL, runs[cpu]);
		out_end(out);
		out_end(out);
		free(runs);
	}
	return err;
}

/* Why frames left, other than by being forwarded. */
static void out_reasons(struct out *out, const struct location *at, const char *hook,
			const struct dpu_node_stats *stats)
{
	for (unsigned reason = 1; reason < DPU_MAX_REASONS; reason++) {
		if (!stats->reason[reason] ||
		    (reason < DPU_REASON_FIRST_DROP && reason != DPU_REASON_REJECT &&
		     reason != DPU_REASON_ANSWER_TOO_BIG && reason != DPU_REASON_CHALLENGE))
			continue;
		out_item(out);
		show_node(out, at);
		out_str(out, "where", "%s", hook);
		out_str(out, "reason", "%s", inspect_reason_word(reason));
		out_uint(out, "frames", stats->reason[reason]);
		out_str(out, "meaning", "%s", inspect_reason_sentence(reason));
		out_end(out);
	}
}

static int show_ring_drops(const struct location *at, struct out *out, struct diag *diag)
{
	struct inspect_port *ports;
	size_t n;
	int err = inspect_ports(at, &ports, &n, diag);

	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		if (!ports[i].ring_drops)
			continue;
		out_item(out);
		show_node(out, at);
		out_str(out, "where", "%s", ports[i].dev->dev);
		out_str(out, "reason", "ring-full");
		out_uint(out, "frames", ports[i].ring_drops);
		out_str(out, "meaning", "dropped: the receive ring of the device was full");
		out_end(out);
	}
	free(ports);
	return 0;
}

static int show_drops(const struct location *at, struct out *out, struct diag *diag)
{
	struct dpu_node_stats stats;

	for (enum dpu_hook hook = DPU_HOOK_XDP; hook < DPU_HOOKS; hook++) {
		int err = inspect_stats(at->dp, hook, &stats, diag);

		if (err)
			return err;
		if (runs_here(at, hook))
			out_reasons(out, at, hook_names[hook], &stats);
	}
	if (at->where == LOCATION_PMD) {
		show_pmd_drops(at, out);
		return 0; /* its devices are the host's */
	}
	return show_ring_drops(at, out, diag);
}

/* ---- the verb --------------------------------------------------------------- */

static const struct subject {
	struct cmd_word word;
	int (*show)(const struct location *at, struct out *out, struct diag *diag);
	int (*show_host)(const struct lab *lab, size_t host, struct out *out, struct diag *diag); /* instead */
	const char *linux_way; /* of a look at the same on frame path linux */
	bool relays; /* the relays of loaded interfaces have something to say about it */
} subjects[] = {
    {{"ports", "vNICs and uplinks: hook, counters, drops"}, .show = show_ports, .relays = true, .linux_way = "ip -s link"},
    {{"fdb", "MAC addresses that switches have learned"}, .show = show_fdb, .linux_way = "bridge fdb"},
    {{"bindings", "addresses that SpoofGuard lets a vNIC send from"}, .show = show_bindings},
    {{"vteps", "tunnel endpoints"}, .show = show_vteps, .linux_way = "bridge fdb"},
    {{"flows", "the flow cache: what the fast path does"}, .show = show_flows},
    {{"rules", "firewall rules, with hits"}, .show = show_rules, .linux_way = "nft list ruleset"},
    {{"connections", "connection table: state, rule, counters"}, .show = show_connections, .linux_way = "conntrack -L"},
    {.word = {"placement", "which function runs where, and what is not enforced"}},
    {{"guests", "VMs that are QEMU guests"}, .show_host = show_guests},
    {{"pmd", "poll-mode processes"}, .show = show_pmd},
    {{"link", "PCIe links: delay, bandwidth, what they carried"}, .show_host = show_link},
    {{"qos", "traffic shapers, measured for a moment"}, .show_host = show_qos},
    {{"nioc", "shares and limits of uplinks, measured for a moment"}, .show_host = show_nioc},
    {{"intercept", "slots at vNICs: verdicts, time, breakers"}, .show = show_intercept},
    {{"offload", "the DPU's device: limits, what they did"}, .show = show_offload},
    {{"stats", "counters of the datapath, by hook"}, .show = show_stats, .relays = true, .linux_way = "nft list ruleset"},
    {{"drops", "frames not forwarded, by reason"}, .show = show_drops, .relays = true, .linux_way = "nft list ruleset"},
};

bool cmd_show_word(size_t i, struct cmd_word *ret_word)
{
	if (i >= sizeof(subjects) / sizeof(*subjects))
		return false;
	*ret_word = subjects[i].word;
	return true;
}

static const struct subject compiled_rules = {{"rules", NULL}, .show = show_compiled_rules};

static const struct subject *find_subject(const char *name)
{
	for (size_t i = 0; i < sizeof(subjects) / sizeof(*subjects); i++)
		if (!strcmp(subjects[i].word.name, name))
			return &subjects[i];
	return NULL;
}

static int show_location(const struct subject *subject, const struct lab *lab, size_t host,
			 enum node_location where, struct cmd_context *ctx)
{
	struct location at;
	int err = location_open(lab, host, where, &at, ctx->diag);

	if (err)
		return err;
	if (at.dp)
		err = subject->show(&at, ctx->out, ctx->diag);
	location_close(&at);
	return err;
}

/* Interfaces of load have a relay of their own; one that has gone has nothing to show. */
static int show_relays(const struct subject *subject, const struct lab_session *session, size_t host,
		       struct cmd_context *ctx)
{
	int err = 0;

	for (size_t i = 0; !err && i < session->loaded.n; i++) {
		const struct loaded_port *port = &session->loaded.list[i];
		const struct lab_vm *vm = lab_find_vm(session->lab, port->name);
		struct location at;

		if (!vm || vm->host != host || foreign_open(session->lab, port, &at, ctx->diag))
			continue;
		err = subject->show(&at, ctx->out, ctx->diag);
		location_close(&at);
	}
	return err;
}

/* Where the kernel does the work there is nothing of dpulab's to show. */
static void say_linux(const struct subject *subject, const struct lab *lab, size_t host, struct cmd_context *ctx)
{
	enum frame_path path;
	bool xdp;

	if (subject->linux_way && !place_read(lab, host, &path, &xdp, NULL) && path == PATH_LINUX)
		diag_note(ctx->diag, "host %s is on frame path linux, its %s are the kernel's: dpulab exec %s %s -- %s",
			  lab->hosts[host].name, subject->word.name, lab->name, lab->hosts[host].name, subject->linux_way);
}

static int show_host(const struct subject *subject, const struct lab_session *session, size_t host,
		     struct cmd_context *ctx)
{
	const struct lab *lab = session->lab;
	int err;

	if (subject->show_host)
		return subject->show_host(lab, host, ctx->out, ctx->diag);
	if (!subject->show)
		return place_show(lab, host, ctx);
	say_linux(subject, lab, host, ctx);
	err = show_location(subject, lab, host, LOCATION_HOST, ctx);
	if (!err)
		err = show_location(subject, lab, host, LOCATION_PMD, ctx);
	if (!err && lab->hosts[host].dpu)
		err = show_location(subject, lab, host, LOCATION_DPU, ctx);
	if (!err && subject->show == show_drops && lab->hosts[host].dpu)
		show_link_drops(lab, host, ctx->out);
	return err || !subject->relays ? err : show_relays(subject, session, host, ctx);
}

int cmd_show(struct cmd_context *ctx, int argc, char **argv)
{
	const struct subject *subject = find_subject(argv[1]);
	const char *only = cmd_option(ctx, "host");
	struct lab_session session;
	int err;

	(void)argc;
	if (!subject)
		return cmd_usage_word(ctx, argv[1]);
	if (cmd_option(ctx, "compiled")) {
		if (subject->show != show_rules)
			return cmd_usage(ctx, "--compiled is about rules, not %s", argv[1]);
		subject = &compiled_rules;
	}
	err = lab_open(argv[0], STATE_READ, &session, ctx->diag);
	if (err)
		return cmd_result(err);
	err = only ? lab_need_host(session.lab, only, ctx->diag) : 0;
	if (!err) {
		out_list(ctx->out, subject->word.name);
		for (size_t i = 0; !err && i < session.lab->n_hosts; i++)
			if (!only || !strcmp(session.lab->hosts[i].name, only))
				err = show_host(subject, &session, i, ctx);
		out_end(ctx->out);
	}
	lab_close(&session);
	return cmd_result(err);
}
