// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fixture.h"
#include "classifier.h"
#include "prog.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <dpulab/flow.h>
#include <string.h>
#include <time.h>

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "fixture: %s: %s\n", what, strerror(-err));
	abort();
}

static void put(const char *map, const void *key, const void *value)
{
	must(prog_backend()->update(map, key, value), map);
}

static void put_mac(__u8 *to, __u64 mac)
{
	for (int i = 0; i < 6; i++)
		to[i] = mac >> (40 - 8 * i);
}

static __be32 ip4(const char *text)
{
	__be32 ip;

	must(inet_pton(AF_INET, text, &ip) == 1 ? 0 : -1, text);
	return ip;
}

void fixture_functions(__u32 functions, __u32 handover)
{
	struct dpu_control control;

	must(prog_backend()->lookup("control", &(__u32){0}, &control), "control");
	control.functions = functions;
	control.handover = handover;
	put("control", &(__u32){0}, &control);
}

static void put_port(__u16 number, struct dpu_port *port)
{
	__u32 key = number, ifindex = devices_ifindex(number);

	port->ifindex = ifindex;
	port->gen_slot = DPU_GEN_OF_PORT(number);
	port->flags |= DPU_PORT_F_XDP;
	put("ports", &key, port);
	put("port_by_ifindex", &ifindex, &key);
	put("redirect", &key, &ifindex);
}

void fixture_vnic(__u16 number, __u16 segment)
{
	struct dpu_port port = {.kind = DPU_PORT_KIND_VNIC, .segment = segment, .mtu = 1500};
	struct dpu_segment members;
	__u32 key = segment;

	put_mac(port.mac, MAC(number));
	put_port(number, &port);
	must(prog_backend()->lookup("segments", &key, &members), "segments");
	members.ports[members.n_ports++] = number;
	put("segments", &key, &members);
}

void fixture_uplink(void)
{
	put_port(DPU_PORT_UPLINK, &(struct dpu_port){.kind = DPU_PORT_KIND_UPLINK, .mtu = UNDERLAY_MTU});
}

static void edit_segment(__u16 number, __u32 vni, __u16 vlan, bool on_uplink)
{
	struct dpu_segment segment;
	__u32 key = number;

	must(prog_backend()->lookup("segments", &key, &segment), "segments");
	segment.vni = vni;
	segment.vlan = vlan;
	segment.on_uplink = on_uplink;
	put("segments", &key, &segment);
}

void fixture_segment_vni(__u16 segment, __u32 vni)
{
	edit_segment(segment, vni, 0, false);
	put("segment_by_wire", &vni, &(__u32){segment});
}

void fixture_trunk(__u16 segment, __u32 vni, __u16 vlan)
{
	edit_segment(segment, vni, vlan, false);
	put("segment_by_wire", &(__u32){DPU_WIRE_TRUNK | vlan}, &(__u32){segment});
}

void fixture_segment_vlan(__u16 segment, __u16 vlan, bool on_uplink)
{
	edit_segment(segment, 0, vlan, on_uplink);
	if (on_uplink)
		put("segment_by_wire", &(__u32){DPU_WIRE_VLAN | vlan}, &(__u32){segment});
}

/* As user/lib/tables.c does it. */
static void set_endpoint(__be32 ip)
{
	struct dpu_control control;

	must(prog_backend()->lookup("control", &(__u32){0}, &control), "control");
	control.vtep = ip;
	put("control", &(__u32){0}, &control);
}

void fixture_vtep(__u16 number, const char *ip)
{
	struct dpu_vtep vtep = {
		.ip = ip4(ip), .gen_slot = DPU_GEN_OF_VTEP(number), .mtu = UNDERLAY_MTU};

	put_mac(vtep.mac, VTEP_MAC(number));
	put("vteps", &(__u32){number}, &vtep);
	if (number == DPU_VTEP_SELF)
		set_endpoint(vtep.ip);
	put("vtep_by_ip", &vtep.ip, &(__u32){number});
}

void fixture_segment_vtep(__u16 number, __u16 vtep)
{
	struct dpu_segment segment;
	__u32 key = number;

	must(prog_backend()->lookup("segments", &key, &segment), "segments");
	segment.vteps[segment.n_vteps++] = vtep;
	put("segments", &key, &segment);
}

/* As include/dpulab/port.h defines it. */
__u16 fixture_mac_gen(__u16 segment, __u64 mac)
{
	struct dpu_fdb_key key = {.segment = segment};
	__u64 bytes;

	put_mac(key.mac, mac);
	memcpy(&bytes, &key, sizeof(bytes));
	return DPU_GEN_FDB_FIRST +
	       ((bytes * 0x9e3779b97f4a7c15ull >> 32) * (DPU_GEN_SLOTS - DPU_GEN_FDB_FIRST) >> 32);
}

void fixture_fdb(__u16 segment, __u64 mac, __u16 port, __u16 vtep, __u8 flags)
{
	struct dpu_fdb_key key = {.segment = segment};
	struct dpu_fdb entry = {
		.port = port, .vtep = vtep, .gen_slot = fixture_mac_gen(segment, mac), .flags = flags};

	put_mac(key.mac, mac);
	entry.last_seen_ns = prog_now_ns();
	put("fdb", &key, &entry);
}

static __u64 mac_number(__u64 mac)
{
	__u8 bytes[6];

	put_mac(bytes, mac);
	return dpu_mac_number(bytes);
}

static __u64 mac_mask(__u64 mac, __u64 mask)
{
	return mac_number(mask || !mac ? mask : 0xffffffffffff);
}

void fixture_l2(__u16 number, const struct l2_text *rules, size_t n)
{
	struct dpu_port port;
	__u32 key = number, at;

	must(prog_backend()->lookup("ports", &key, &port), "ports");
	port.l2.first = port.l2.n ? port.l2.first + port.l2.n : number * 32u;
	port.l2.n = (__u32)n;
	port.flags |= DPU_PORT_F_DFW;
	for (size_t i = 0; i < n; i++) {
		struct dpu_l2_rule rule = {
			.smac = mac_number(rules[i].smac), .smac_mask = mac_mask(rules[i].smac, rules[i].smac_mask),
			.dmac = mac_number(rules[i].dmac), .dmac_mask = mac_mask(rules[i].dmac, rules[i].dmac_mask),
			.ethertype = rules[i].ethertype, .action = DPU_RULE_WHEN(rules[i].action, rules[i].schedule), .id = (__u32)(FIXTURE_L2_ID + i),
			.direction = rules[i].direction ? rules[i].direction : DPU_DIR_IN | DPU_DIR_OUT,
		};

		at = port.l2.first + (__u32)i;
		put("l2_rules", &at, &rule);
	}
	put("ports", &key, &port);
}

void fixture_schedules(const struct dpu_schedule_window *windows, size_t n)
{
	struct dpu_schedules head;
	__u32 key = 0;

	must(prog_backend()->lookup("schedules", &key, &head), "schedules");
	head.first = 0;
	head.n = (__u32)n;
	put("schedules", &key, &head);
	for (key = 0; key < n; key++)
		put("schedule_windows", &key, &windows[key]);
}

/* The clock itself is the machine's: what it is taken to be ahead of UTC changes. The tick is made a new one. */
void fixture_clock(__u64 now_s)
{
	struct dpu_schedules head;
	struct dpu_control control;
	struct timespec tai;
	__u32 key = 0;

	clock_gettime(CLOCK_TAI, &tai);
	must(prog_backend()->lookup("schedules", &key, &head), "schedules");
	head.tai_s = tai.tv_sec - (__s64)now_s;
	put("schedules", &key, &head);
	must(prog_backend()->lookup("control", &key, &control), "control");
	control.schedule_due = 1;
	control.clock_tick = 0;
	put("control", &key, &control);
}

void fixture_edit_port(__u16 number, void (*edit)(struct dpu_port *port))
{
	struct dpu_port port;
	__u32 key = number;

	must(prog_backend()->lookup("ports", &key, &port), "ports");
	edit(&port);
	put("ports", &key, &port);
}

void fixture_bump(__u32 slot)
{
	static struct dpu_generations table;
	struct dpu_control control;
	__u32 key = 0;

	must(prog_backend()->lookup("generations", &key, &table), "generations");
	table.counter[slot]++;
	put("generations", &key, &table);
	must(prog_backend()->lookup("control", &key, &control), "control");
	control.epoch += 2;
	put("control", &key, &control);
}

void fixture_policy(__u16 number, const struct dpu_rule *rules, size_t n, __u8 default_action)
{
	const struct policy policy = {rules, n, default_action};
	const __u32 seat = number - DPU_PORT_VNIC_MIN, at = 1 + seat * FIXTURE_CELLS;
	struct classifier classifier;
	struct dpu_port port;
	__u32 key = number;

	must(seat < FIXTURE_POLICIES ? 0 : -1, "a policy at a port beyond those with room for one");
	must(prog_backend()->lookup("ports", &key, &port), "ports");
	must(classifier_compile(&policy, &classifier), "compiling rules");
	must(classifier.cells[0].head.free_cell <= FIXTURE_CELLS ? 0 : -1, "more rules than a fixture has room for");
	for (__u32 i = 0; i < classifier.cells[0].head.free_cell; i++)
		put("dfw_cells", &(__u32){at + i}, &classifier.cells[i]);
	classifier_free(&classifier);
	port.policy = (struct dpu_policy_ref){.at = at};
	port.hits_first = FIXTURE_HITS(number);
	port.policy_gen++;
	port.flags |= DPU_PORT_F_DFW;
	put("ports", &key, &port);
	fixture_bump(port.gen_slot);
}

void fixture_share_policy(__u16 number, __u16 with)
{
	struct dpu_port port, other;
	__u32 key = with;

	must(prog_backend()->lookup("ports", &key, &other), "ports");
	key = number;
	must(prog_backend()->lookup("ports", &key, &port), "ports");
	port.policy = other.policy;
	port.hits_first = FIXTURE_HITS(number);
	port.policy_gen++;
	port.flags |= DPU_PORT_F_DFW;
	put("ports", &key, &port);
	fixture_bump(port.gen_slot);
}

/* "address[/length]" to the v4-mapped form; returns the family, 0 for NULL. */
static __u8 parse_prefix(const char *text, union dpu_ip *ret_ip, union dpu_ip *ret_mask)
{
	char address[64];
	const char *slash = text ? strchr(text, '/') : NULL;
	int bits;

	memset(ret_ip, 0, sizeof(*ret_ip));
	memset(ret_mask, 0, sizeof(*ret_mask));
	if (!text)
		return 0;
	snprintf(address, sizeof(address), "%.*s", slash ? (int)(slash - text) : 60, text);
	if (inet_pton(AF_INET, address, &ret_ip->w[3]) == 1) {
		ret_ip->h[5] = 0xffff;
		bits = 96 + (slash ? atoi(slash + 1) : 32);
	} else {
		must(inet_pton(AF_INET6, address, ret_ip) == 1 ? 0 : -1, text);
		bits = slash ? atoi(slash + 1) : 128;
	}
	for (int i = 0; i < bits; i++)
		ret_mask->b[i / 8] |= 0x80 >> i % 8;
	for (int i = 0; i < 16; i++)
		ret_ip->b[i] &= ret_mask->b[i];
	return strchr(address, ':') ? 6 : 4;
}

void fixture_rules(__u16 port, const struct rule_text *texts, size_t n, __u8 default_action)
{
	struct dpu_rule rules[16] = {0};

	must(n <= 16 ? 0 : -1, "more than 16 rules at a port");
	for (size_t i = 0; i < n; i++) {
		const struct rule_text *text = &texts[i];
		struct dpu_rule *rule = &rules[i];
		__u8 src = parse_prefix(text->src, &rule->src, &rule->src_mask);
		__u8 dst = parse_prefix(text->dst, &rule->dst, &rule->dst_mask);

		rule->family = src ? src : dst ? dst : text->family;
		rule->proto = text->proto;
		rule->direction = text->direction ? text->direction : DPU_DIR_IN | DPU_DIR_OUT;
		rule->action = text->action;
		rule->schedule = text->schedule;
		rule->sport_lo = text->sport_lo;
		rule->sport_hi = text->sport_hi ? text->sport_hi : text->sport_lo ? text->sport_lo : 65535;
		rule->dport_lo = text->dport_lo;
		rule->dport_hi = text->dport_hi ? text->dport_hi : text->dport_lo ? text->dport_lo : 65535;
		rule->id = i + 1;
	}
	fixture_policy(port, rules, n, default_action);
}

void two_vms(void)
{
	fixture_functions(DPU_FN_ALL, 0);
	fixture_vnic(16, SEG);
	fixture_vnic(17, SEG);
	fixture_fdb(SEG, MAC(16), 16, 0, 0);
	fixture_fdb(SEG, MAC(17), 17, 0, 0);
}

void only_16_opens(void)
{
	two_vms();
	fixture_fdb(SEG, MAC(16), 16, 0, DPU_FDB_F_STATIC);
	fixture_fdb(SEG, MAC(17), 17, 0, DPU_FDB_F_STATIC);
	RULES(16, DPU_ACTION_DROP, {.direction = DPU_DIR_OUT, .action = DPU_ACTION_ALLOW});
}

void three_vms(void)
{
	two_vms();
	fixture_vnic(18, SEG);
	fixture_fdb(SEG, MAC(18), 18, 0, 0);
	fixture_vnic(19, 2);
	fixture_fdb(2, MAC(19), 19, 0, 0);
}

void vlan_uplink(void)
{
	two_vms();
	fixture_uplink();
	fixture_segment_vlan(SEG, VID, true);
	fixture_vnic(18, 2);
	fixture_segment_vlan(2, 0, true);
	fixture_fdb(SEG, MAC(116), DPU_PORT_UPLINK, 0, 0);
	fixture_fdb(2, MAC(18), 18, 0, 0);
	fixture_fdb(2, MAC(118), DPU_PORT_UPLINK, 0, 0);
}

void vxlan_two_hosts(void)
{
	two_vms();
	fixture_uplink();
	fixture_segment_vni(SEG, VNI);
	fixture_vtep(DPU_VTEP_SELF, VTEP_LOCAL);
	fixture_vtep(2, VTEP_PEER);
	fixture_vtep(3, VTEP_THIRD);
	fixture_segment_vtep(SEG, 2);
	fixture_segment_vtep(SEG, 3);
	fixture_fdb(SEG, MAC(116), DPU_PORT_UPLINK, 2, 0);
}

static void put_channel(__u16 number, __u8 kind, __u16 relay_to, __u16 acts_as)
{
	put_port(number, &(struct dpu_port){
				 .kind = kind, .relay_to = relay_to, .acts_as = acts_as, .mtu = 1600});
}

static void relay_vnic_16(struct dpu_port *port)
{
	port->relay_to = DPU_PORT_CHANNEL_OF(16);
}

static void relay_uplink(struct dpu_port *port)
{
	port->relay_to = DPU_PORT_PF;
}

/* The host's side of a PCIe link: what every host with a DPU has, wherever the functions run. */
static void add_channels(void)
{
	put_channel(DPU_PORT_CHANNEL_OF(16), DPU_PORT_KIND_CHANNEL, 16, 0);
	put_channel(DPU_PORT_PF, DPU_PORT_KIND_PF, 0, DPU_PORT_UPLINK);
	fixture_edit_port(16, relay_vnic_16);
	fixture_edit_port(DPU_PORT_UPLINK, relay_uplink);
}

void host_with_dpu(void)
{
	vxlan_two_hosts();
	add_channels();
}

void relaying_host(void)
{
	host_with_dpu();
	fixture_functions(0, 0);
}
