// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "schema.h"

#include <dpulab/schedule.h>

#include <stdio.h>
#include <string.h>

#define ONE(type_, member_)                                                                        \
	.offset = offsetof(type_, member_), .size = sizeof(((type_ *)0)->member_)
#define ARRAY(type_, member_, count_)                                                              \
	.offset = offsetof(type_, member_), .size = sizeof(*((type_ *)0)->member_),                \
	.count_offset = offsetof(type_, count_)
#define MANY(type_, member_, count_) ARRAY(type_, member_, count_), .many = true

#define SHAPER(owner_, type_, direction_, index_, whose_)                                          \
	{owner_ ".shaping." direction_, SCHEMA_SECTION, .help = whose_},                           \
	{owner_ ".shaping." direction_ ".average", SCHEMA_RATE,                                    \
	 ONE(struct type_, shaping.dir[index_].average), .min = 1000, .max = SHAPE_RATE_MAX,       \
	 .derived = "not shaped", .help = "Bits per second over time."},                           \
	{owner_ ".shaping." direction_ ".peak", SCHEMA_RATE,                                       \
	 ONE(struct type_, shaping.dir[index_].peak), .min = 1000, .max = SHAPE_RATE_MAX,          \
	 .derived = "none", .help = "Bits per second while a burst lasts; none: as fast as it comes."}, \
	{owner_ ".shaping." direction_ ".burst", SCHEMA_BYTES,                                     \
	 ONE(struct type_, shaping.dir[index_].burst), .min = 1, .max = UINT32_MAX,                \
	 .derived = "50 ms of the average, four full frames at least",                             \
	 .help = "Bytes saved while less than the average was sent, which may be sent at the peak rate."}
#define SHAPE_RATE_MAX 400000000000ull
#define LINK_DELAY_MAX 1000000000ull /* ns */

#define TIMEOUT(name_, member_, default_, help_)                                                   \
	{"firewall.timeouts." name_, SCHEMA_NUMBER, ONE(struct lab, timeouts.member_),            \
	 .min = 1, .max = 31536000, .fallback = default_, .help = help_}

static const struct schema_word placements[] = {
	{"linux", PATH_LINUX},
	{"host", PATH_HOST},
	{"pmd", PATH_PMD},
	{"sriov", PATH_SRIOV},
	{"dpu-mux", PATH_DPU_MUX},
	{"dpu-upt", PATH_DPU_UPT},
	{"bare-metal", PATH_BARE_METAL},
	{"host-dfw", PATH_HOST_DFW},
	{"dpu-vxlan", PATH_DPU_VXLAN},
	{NULL, 0},
};

static const struct schema_word vm_types[] = {
	{"namespace", VM_NAMESPACE},
	{"bare-metal", VM_BARE_METAL},
	{"qemu", VM_QEMU},
	{NULL, 0},
};

static const struct schema_word hooks[] = {
	{"auto", LAB_HOOK_AUTO},
	{"xdp", LAB_HOOK_XDP},
	{"tc", LAB_HOOK_TC},
	{NULL, 0},
};

static const struct schema_word accelerators[] = {
	{"auto", ACCELERATOR_AUTO},
	{"kvm", ACCELERATOR_KVM},
	{"tcg", ACCELERATOR_TCG},
	{NULL, 0},
};

static const struct schema_word pmd_sleeps[] = {
	{"never", PMD_SLEEP_NEVER},
	{"adaptive", PMD_SLEEP_ADAPTIVE},
	{NULL, 0},
};

static const struct schema_word uplinks[] = {
	{"uplink1", UPLINK1},
	{"uplink2", UPLINK2},
	{NULL, 0},
};

static const struct schema_word weekdays[] = {
	{"mon", 0}, {"tue", 1}, {"wed", 2}, {"thu", 3}, {"fri", 4}, {"sat", 5}, {"sun", 6}, {NULL, 0},
};

static const struct schema_word actions[] = {
	{"allow", DPU_ACTION_ALLOW},
	{"drop", DPU_ACTION_DROP},
	{"reject", DPU_ACTION_REJECT},
	{NULL, 0},
};

static const struct schema_word rule_actions[] = {
	{"allow", DPU_ACTION_ALLOW},
	{"drop", DPU_ACTION_DROP},
	{"reject", DPU_ACTION_REJECT},
	{"jump-to-application", DPU_ACTION_JUMP},
	{NULL, 0},
};

static const struct schema_word table_full[] = {
	{"closed", LAB_TABLE_FULL_CLOSED},
	{"open", LAB_TABLE_FULL_OPEN},
	{NULL, 0},
};

static const struct schema_word tcp_windows[] = {
	{"liberal", LAB_TCP_WINDOW_LIBERAL},
	{"strict", LAB_TCP_WINDOW_STRICT},
	{NULL, 0},
};

static const struct schema_word fragment_modes[] = {
	{"drop", LAB_FRAGMENTS_DROP},
	{"reassemble", LAB_FRAGMENTS_REASSEMBLE},
	{NULL, 0},
};

static const struct schema_word guard_modes[] = {
	{"off", DPU_GUARD_OFF},
	{"learn", DPU_GUARD_LEARN},
	{"strict", DPU_GUARD_STRICT},
	{NULL, 0},
};

static const struct schema_word vm_guard_modes[] = {
	{"off", 1 + DPU_GUARD_OFF},
	{"learn", 1 + DPU_GUARD_LEARN},
	{"strict", 1 + DPU_GUARD_STRICT},
	{NULL, 0},
};

static const struct schema_word shape_modes[] = {
	{"pace", LAB_SHAPE_PACE},
	{"police", LAB_SHAPE_POLICE},
	{NULL, 0},
};

static const struct schema_word vm_shape_modes[] = {
	{"pace", 1 + LAB_SHAPE_PACE},
	{"police", 1 + LAB_SHAPE_POLICE},
	{NULL, 0},
};

static const struct schema_word pending[] = {
	{"drop", LAB_TABLE_FULL_CLOSED},
	{"pass", LAB_TABLE_FULL_OPEN},
	{NULL, 0},
};

static const struct schema_word categories[] = {
	{"ethernet", CATEGORY_ETHERNET},
	{"emergency", CATEGORY_EMERGENCY},
	{"infrastructure", CATEGORY_INFRASTRUCTURE},
	{"environment", CATEGORY_ENVIRONMENT},
	{"application", CATEGORY_APPLICATION},
	{NULL, 0},
};

static const struct schema_word directions[] = {
	{"in", DPU_DIR_IN},
	{"out", DPU_DIR_OUT},
	{"both", DPU_DIR_IN | DPU_DIR_OUT},
	{NULL, 0},
};

static const struct schema_word families[] = {
	{"any", 0},
	{"ipv4", 4},
	{"ipv6", 6},
	{NULL, 0},
};

static void begin_group(void *entry, size_t index, unsigned line)
{
	struct lab_address_group *group = entry;

	(void)index;
	group->line = line;
}

static void begin_rule(void *entry, size_t index, unsigned line)
{
	struct lab_rule *rule = entry;

	(void)index;
	rule->line = line;
}

static void begin_class_rule(void *entry, size_t index, unsigned line)
{
	struct lab_class_rule *rule = entry;

	(void)index;
	rule->line = line;
	rule->sports = rule->dports = (struct lab_port_range){0, UINT16_MAX};
}

/* clang-format off */
const struct schema_key schema_keys[] = {
	{"lab", SCHEMA_LAB_NAME, ONE(struct lab, name), .required = true,
	 .help = "Name of the lab. Its namespaces are called LAB-NODE, so it holds no dash."},
	{"placement", SCHEMA_WORD, ONE(struct lab, path), .words = placements, .fallback = "host",
	 .help = "Frame path of every host that states none: which of host and DPU runs switch, overlay and "
		 "firewall. `dpulab place` changes it in a running lab."},
	{"hook", SCHEMA_WORD, ONE(struct lab, hook), .words = hooks, .fallback = "auto",
	 .help = "Kernel hook that serves the ports. auto: tc on virtual devices, where it keeps "
		 "segmentation offload; xdp on drivers with native XDP."},

	{"fabric", SCHEMA_SECTION, .help = "The underlay network that joins the hosts."},
	{"fabric.mtu", SCHEMA_NUMBER, ONE(struct lab, fabric_mtu), .min = 626, .max = 9216, .fallback = "1600",
	 .help = "Largest IP packet the underlay carries, bytes. VXLAN takes 50 of them."},

	{"nioc", SCHEMA_SECTION,
	 .help = "Network I/O Control: how kinds of traffic share an uplink (docs/qos.md). Needs `speed` at every host."},
	{"nioc.classes", SCHEMA_ENTRIES, ARRAY(struct lab, classes, n_classes),
	 .help = "Classes of traffic, by name: management, vmotion, vsan, nfs, iscsi, ft, replication, vm, or your own. vm is "
		 "what names no class, and has to be among them."},
	{"nioc.classes.*.shares", SCHEMA_NUMBER, ONE(struct lab_class, shares), .min = 1, .max = 100, .fallback = "50",
	 .help = "Its weight among the classes that want more than a saturated uplink has."},
	{"nioc.classes.*.reservation", SCHEMA_RATE, ONE(struct lab_class, reservation), .min = 1000, .max = SHAPE_RATE_MAX,
	 .derived = "none", .help = "Bits per second that it gets in any case; all together at most 75 % of the slowest uplink. "
		 "What is not used is lent."},
	{"nioc.classes.*.limit", SCHEMA_RATE, ONE(struct lab_class, limit), .min = 1000, .max = SHAPE_RATE_MAX,
	 .derived = "none", .help = "Bits per second that it gets at most, also on an idle uplink."},
	{"nioc.classes.*.dscp", SCHEMA_MARK, ONE(struct lab_class, dscp), .min = 0, .max = 63, .derived = "as it is",
	 .help = "DSCP of its frames on the wire: of the outer header in VXLAN."},
	{"nioc.classes.*.cos", SCHEMA_MARK, ONE(struct lab_class, cos), .min = 0, .max = 7, .derived = "as it is",
	 .help = "Priority (802.1p) in the VLAN tag of its frames."},
	{"nioc.rules", SCHEMA_LIST, ARRAY(struct lab, class_rules, n_class_rules), .begin = begin_class_rule,
	 .help = "Frames of vNICs that are in another class than their vNIC. The first rule that matches in all it states decides."},
	{"nioc.rules[].class", SCHEMA_CLASS, ONE(struct lab_class_rule, class), .required = true, .help = "The class."},
	{"nioc.rules[].vlan", SCHEMA_NUMBER, ONE(struct lab_class_rule, vlan), .min = 1, .max = 4094, .derived = "any",
	 .help = "VLAN of the vNIC's port group."},
	{"nioc.rules[].dscp", SCHEMA_MARK, ONE(struct lab_class_rule, dscp), .min = 0, .max = 63, .derived = "any",
	 .help = "DSCP of the frame as the VM sends it."},
	{"nioc.rules[].protocol", SCHEMA_PROTOCOL, ONE(struct lab_class_rule, proto), .fallback = "any", .help = "IP protocol."},
	{"nioc.rules[].from", SCHEMA_ADDRESS, ONE(struct lab_class_rule, from), .derived = "any", .help = "Source, a prefix."},
	{"nioc.rules[].to", SCHEMA_ADDRESS, ONE(struct lab_class_rule, to), .derived = "any", .help = "Destination, a prefix."},
	{"nioc.rules[].port", SCHEMA_PORTS, ONE(struct lab_class_rule, dports), .derived = "any", .help = "Destination ports."},
	{"nioc.rules[].source-port", SCHEMA_PORTS, ONE(struct lab_class_rule, sports), .derived = "any", .help = "Source ports."},
	{"nioc.pools", SCHEMA_ENTRIES, ARRAY(struct lab, pools, n_pools),
	 .help = "Pools that reservations of VMs come from, by name."},
	{"nioc.pools.*.quota", SCHEMA_RATE, ONE(struct lab_pool, quota), .min = 1000, .max = SHAPE_RATE_MAX, .required = true,
	 .help = "Bits per second, out of the reservation of class vm."},

	{"hosts", SCHEMA_ENTRIES, ARRAY(struct lab, hosts, n_hosts), .required = true,
	 .help = "The hypervisors, by name."},
	{"hosts.*.dpu", SCHEMA_SWITCH, ONE(struct lab_host, dpu), .fallback = "false",
	 .help = "Whether the host has a DPU, or which. Placements dpu-mux and dpu-upt need one; true is one without limits."},
	{"hosts.*.dpu.profile", SCHEMA_TEXT, ONE(struct lab_host, profile_name), .max = 1000, .derived = "no limits",
	 .help = "Device profile that the DPU behaves by (docs/profiles.md): a name of `dpulab profile list`, or a file of "
		 "your own, beside the lab file unless it begins with /."},
	{"hosts.*.dpu.scale", SCHEMA_NUMBER, ONE(struct lab_host, profile_scale), .min = 1, .max = 1000000, .fallback = "1",
	 .help = "The profile's table size, insertion and connection rate are divided by it, to fit them to this machine."},
	{"hosts.*.dpu.accept-loss", SCHEMA_BOOL, ONE(struct lab_host, accept_loss), .fallback = "false",
	 .help = "Whether the lab may run on the DPU although a security policy is not enforced there."},
	{"hosts.*.dpu.link", SCHEMA_SECTION,
	 .help = "The PCIe link between host and DPU, each direction by itself, shared by all its vNICs: what is stated here is emulated, "
		 "the rest as the profile has it. A frame waits for its turn and then for the delay; waits overlap."},
	{"hosts.*.dpu.link.delay", SCHEMA_DURATION, ONE(struct lab_host, link_delay_ns), .min = 1, .max = LINK_DELAY_MAX,
	 .derived = "the profile's", .help = "One way; with jitter the median."},
	{"hosts.*.dpu.link.jitter", SCHEMA_DURATION, ONE(struct lab_host, link_jitter_ns), .min = 1, .max = LINK_DELAY_MAX,
	 .derived = "none; without `delay` the profile's", .help = "By how much the 99th percentile of the delay is above it. Frames stay in order."},
	{"hosts.*.dpu.link.bandwidth", SCHEMA_RATE, ONE(struct lab_host, link_bandwidth), .min = 1000000, .max = SHAPE_RATE_MAX,
	 .derived = "the profile's", .help = "Bits per second of Ethernet frames."},
	{"hosts.*.dpu-model", SCHEMA_TEXT, ONE(struct lab_host, dpu_model), .max = 31, .derived = "its profile's name",
	 .help = "What the DPU is. `dpulab move` takes VMs between DPUs of one model only, as vSphere does."},
	{"hosts.*.dpu2", SCHEMA_SWITCH, ONE(struct lab_host, dpu2), .fallback = "false",
	 .help = "Whether the host has a second DPU, LAB-HOST-dpu2, of the same model and profile (docs/dual-dpu.md)."},
	{"hosts.*.dpu2.profile", SCHEMA_TEXT, ONE(struct lab_host, dpu2_profile_name), .max = 1000, .derived = "the first one's",
	 .help = "Device profile of the second DPU: the first one's, or the lab is refused."},
	{"hosts.*.dpu2.model", SCHEMA_TEXT, ONE(struct lab_host, dpu2_model), .max = 31, .derived = "`dpu-model`",
	 .help = "What the second DPU is: what the first is, or the lab is refused."},
	{"hosts.*.active-uplinks", SCHEMA_WORD, MANY(struct lab_host, active_uplinks, n_active_uplinks), .words = uplinks,
	 .derived = "uplink1", .help = "Of a host with two DPUs: the wire in use, uplink1 of its DPU or uplink2 of its second. "
		 "Its DPU serves the host; `dpulab place --dpu` changes it in a running lab."},
	{"hosts.*.standby-uplinks", SCHEMA_WORD, MANY(struct lab_host, standby_uplinks, n_standby_uplinks), .words = uplinks,
	 .may_be_empty = true, .derived = "none: no failover",
	 .help = "The wire of the other DPU, which takes over when the active one fails. Empty: no failover."},
	{"hosts.*.machine", SCHEMA_HOST, ONE(struct lab_host, machine), .derived = "its own",
	 .help = "Host on whose machine this one is: a second switch with a DPU of its own (LAB-HOST-dpu2 of that host), "
		 "independent of the first. There is no failover between them (docs/dual-dpu.md)."},
	{"hosts.*.placement", SCHEMA_WORD, ONE(struct lab_host, path), .words = placements,
	 .fallback = "@placement", .derived = "the lab's `placement`", .help = "Frame path of this host."},
	{"hosts.*.hook", SCHEMA_WORD, ONE(struct lab_host, hook), .words = hooks,
	 .fallback = "@hook", .derived = "the lab's `hook`", .help = "Kernel hook of this host and its DPU."},
	{"hosts.*.speed", SCHEMA_RATE, ONE(struct lab_host, speed), .min = 1000000, .max = SHAPE_RATE_MAX,
	 .derived = "none", .help = "Bits per second of its uplink, and of its DPU's: what the classes of `nioc` share."},
	{"hosts.*.cpus", SCHEMA_CPUS, ONE(struct lab_host, cpus), .derived = "not pinned",
	 .help = "CPUs that do the host's work."},
	{"hosts.*.dpu-cpus", SCHEMA_CPUS, ONE(struct lab_host, dpu_cpus), .derived = "not pinned",
	 .help = "CPUs that play the DPU's cores. Keep them apart from `cpus` when CPU cost is measured."},
	{"hosts.*.dpu2-cpus", SCHEMA_CPUS, ONE(struct lab_host, dpu2_cpus), .derived = "not pinned",
	 .help = "CPUs that play the second DPU's cores."},
	{"hosts.*.pmd-cpus", SCHEMA_CPUS, ONE(struct lab_host, pmd_cpus), .derived = "the machine's highest CPU, shared",
	 .help = "A CPU of its own for the poll-mode process of placement pmd; of several it takes the highest."},
	{"hosts.*.pmd-sleep", SCHEMA_WORD, ONE(struct lab_host, pmd_sleep), .words = pmd_sleeps,
	 .derived = "never with `pmd-cpus`, else adaptive",
	 .help = "Whether the poll-mode process sleeps when no frame has come for 20 us, until one comes."},
	{"hosts.*.link-cpus", SCHEMA_CPUS, ONE(struct lab_host, link_cpus), .derived = "any CPU, shared",
	 .help = "A CPU of its own for the process that plays the PCIe link, where `dpu.link` or the profile asks for one; of several it "
		 "takes the highest. It then spins while frames come, and a delay of a few us is kept; on a shared CPU it sleeps."},
	{"hosts.*.vtep", SCHEMA_ADDRESS4, ONE(struct lab_host, vtep), .derived = "10.255.0.N/16, N = position",
	 .help = "Underlay address of the host's tunnel endpoint. The DPU takes it over with the overlay."},

	{"port-groups", SCHEMA_ENTRIES, ARRAY(struct lab, groups, n_groups), .required = true,
	 .help = "Port groups, by name: the segments that vNICs are attached to. With `vni` an overlay segment, "
		 "with `vlan` a tagged one, with neither an untagged one."},
	{"port-groups.*.vni", SCHEMA_NUMBER, ONE(struct lab_group, vni), .min = 1, .max = 0xffffff,
	 .derived = "none", .help = "VXLAN network identifier."},
	{"port-groups.*.vlan", SCHEMA_NUMBER, ONE(struct lab_group, vlan), .min = 1, .max = 4094,
	 .derived = "none", .help = "VLAN on the uplink; the VMs' frames stay untagged."},
	{"port-groups.*.segment", SCHEMA_NUMBER, ONE(struct lab_group, segment),
	 .min = 1, .max = DPU_MAX_SEGMENTS - 1, .derived = "the first free number",
	 .help = "Number of the segment in the datapath's tables. Groups with equal VNI or VLAN share it."},

	{"port-groups.*.spoofguard", SCHEMA_WORD, ONE(struct lab_group, guard), .words = guard_modes, .fallback = "off",
	 .help = "Which MAC and IP addresses its VMs may send from, in ARP and neighbour discovery, too. strict: `mac`, "
		 "`ip`, and the link-local address made of the MAC. learn: the first MAC and the first 8 addresses that "
		 "the vNIC sends from. off: any, as routers and VMs with addresses of their own need it."},

	{"port-groups.*.traffic", SCHEMA_CLASS, ONE(struct lab_group, traffic), .derived = "vm, if there are classes",
	 .help = "Class of what its VMs send over the uplink."},
	{"port-groups.*.shaping", SCHEMA_SECTION,
	 .help = "Traffic shaping of each of its vNICs (docs/qos.md)."},
	{"port-groups.*.shaping.mode", SCHEMA_WORD, ONE(struct lab_group, shaping.mode), .words = shape_modes,
	 .fallback = "pace", .help = "pace: frames wait in a queue where there is one on their way, which is everywhere but for what a loaded interface sends, and for what a VM on frame path pmd receives. "
		 "police: frames above the rate are dropped."},
	SHAPER("port-groups.*", lab_group, "ingress", DPU_SHAPE_INGRESS, "What the VM sends."),
	SHAPER("port-groups.*", lab_group, "egress", DPU_SHAPE_EGRESS, "What the VM receives."),

	{"intercept", SCHEMA_ENTRIES, ARRAY(struct lab, slots, n_slots),
	 .help = "Intercept slots, by name: functions of yours that see the frames of the vNICs whose chains name them "
		 "(docs/intercept.md)."},
	{"intercept.*.source", SCHEMA_TEXT, ONE(struct lab_slot, source), .max = 4095, .required = true,
	 .help = "BPF source (.c), compiled with clang, or object (.o); beside the lab file unless its name begins with /, "
		 "else one of those that ship with dpulab: dns_allow.c, conn_count.c, signature.c."},
	{"intercept.*.define", SCHEMA_TEXT, MANY(struct lab_slot, defines, n_defines), .max = 1023, .derived = "none",
	 .help = "NAME or NAME=VALUE, defined when the source is compiled."},
	{"intercept.*.fail", SCHEMA_WORD, ONE(struct lab_slot, fail), .words = table_full, .fallback = "closed",
	 .help = "What becomes of frames that the slot cannot judge, because its breaker has taken it out or its queue to "
		 "the process is full. closed: dropped. open: passed."},
	{"intercept.*.budget-ns", SCHEMA_NUMBER, ONE(struct lab_slot, budget_ns), .min = 0, .max = 1000000000,
	 .fallback = "20000", .help = "Time that a call may take. A slot that overruns it again and again is taken out of "
				     "that chain by a breaker; 0: it is not."},
	{"intercept.*.queue", SCHEMA_NUMBER, ONE(struct lab_slot, queue), .min = 0, .max = 256, .fallback = "0",
	 .help = "Frames of one vNIC and direction that may wait for the process of a slot that punts; 0: there is none."},
	{"intercept.*.pending", SCHEMA_WORD, ONE(struct lab_slot, pending), .words = pending, .fallback = "drop",
	 .help = "What becomes of a punted frame while the process has not decided about its connection. drop: its sender "
		 "has to send it again. pass: it goes on."},

	{"vms", SCHEMA_ENTRIES, ARRAY(struct lab, vms, n_vms), .help = "The virtual machines, by name."},
	{"vms.*.host", SCHEMA_HOST, ONE(struct lab_vm, host), .required = true,
	 .help = "Host the VM runs on."},
	{"vms.*.type", SCHEMA_WORD, ONE(struct lab_vm, type), .words = vm_types, .fallback = "namespace",
	 .help = "namespace: a machine of its own on the host. bare-metal: the host itself, whose own interface is the vNIC; "
		 "such a host has no other VMs. qemu: a guest with a kernel of its own and a virtio network card on a tap; guests.md "
		 "says what that takes."},
	{"vms.*.port-group", SCHEMA_GROUP, ONE(struct lab_vm, group), .required = true,
	 .help = "Port group its vNIC is attached to."},
	{"vms.*.ip", SCHEMA_ADDRESS, MANY(struct lab_vm, ips, n_ips), .required = true,
	 .help = "Addresses of its eth0, IPv4 and IPv6, with prefix length."},
	{"vms.*.memory", SCHEMA_NUMBER, ONE(struct lab_vm, memory_mib), .min = 128, .max = 65536, .fallback = "256",
	 .help = "Of a guest, MiB."},
	{"vms.*.cpus", SCHEMA_NUMBER, ONE(struct lab_vm, cpus), .min = 1, .max = 64, .fallback = "1",
	 .help = "Virtual CPUs of a guest; they run on its host's CPUs."},
	{"vms.*.kernel", SCHEMA_TEXT, ONE(struct lab_vm, kernel), .max = 4095, .derived = "the newest in /boot",
	 .help = "Path of a guest's kernel image; its modules are in ../lib/modules beside it, or in /lib/modules."},
	{"vms.*.accelerator", SCHEMA_WORD, ONE(struct lab_vm, accelerator), .words = accelerators, .fallback = "auto",
	 .help = "What runs a guest's CPUs. auto: kvm, or tcg, which emulates them, where /dev/kvm is missing or a guest does "
		 "not start on it."},
	{"vms.*.tags", SCHEMA_TAG, MANY(struct lab_vm, tags, n_tags), .derived = "none",
	 .help = "Words that groups of the firewall collect VMs by."},
	{"vms.*.mac", SCHEMA_MAC, ONE(struct lab_vm, mac), .derived = "made from the names of lab and VM",
	 .help = "Address of its eth0."},
	{"vms.*.mtu", SCHEMA_NUMBER, ONE(struct lab_vm, mtu), .min = 576, .max = 9216,
	 .derived = "what the port group carries: `fabric.mtu`, less 50 on a VNI",
	 .help = "MTU of its eth0, bytes."},
	{"vms.*.connections", SCHEMA_NUMBER, ONE(struct lab_vm, max_connections), .min = 1, .max = 4194304,
	 .derived = "`firewall.connections`", .help = "Connections that its vNIC may have."},
	{"vms.*.half-open", SCHEMA_NUMBER, ONE(struct lab_vm, max_half_open), .min = 1, .max = 4194304,
	 .derived = "`firewall.half-open`", .help = "Half-open connections of its vNIC before their openers are challenged."},
	{"vms.*.intercept-out", SCHEMA_SLOT, MANY(struct lab_vm, intercept[DPU_INTERCEPT_OUT], n_intercept[DPU_INTERCEPT_OUT]),
	 .derived = "none", .help = "Slots that frames from the VM meet, in this order, 8 at most; before the firewall."},
	{"vms.*.intercept-in", SCHEMA_SLOT, MANY(struct lab_vm, intercept[DPU_INTERCEPT_IN], n_intercept[DPU_INTERCEPT_IN]),
	 .derived = "none", .help = "Slots that frames to the VM meet, likewise; behind the firewall."},
	{"vms.*.spoofguard", SCHEMA_WORD, ONE(struct lab_vm, guard), .words = vm_guard_modes,
	 .derived = "the port group's", .help = "The same, of this VM alone."},
	{"vms.*.traffic", SCHEMA_CLASS, ONE(struct lab_vm, traffic), .derived = "the port group's",
	 .help = "Class of what it sends over the uplink; a host's own traffic is a VM here, too."},
	{"vms.*.uplink", SCHEMA_SECTION, .help = "The part of its vNIC in class vm."},
	{"vms.*.uplink.shares", SCHEMA_NUMBER, ONE(struct lab_vm, uplink.shares), .min = 1, .max = 100,
	 .derived = "50", .help = "Its weight among the VMs while class vm has less than they want."},
	{"vms.*.uplink.reservation", SCHEMA_RATE, ONE(struct lab_vm, uplink.reservation), .min = 1000, .max = SHAPE_RATE_MAX,
	 .derived = "none", .help = "Bits per second that it gets in any case."},
	{"vms.*.uplink.limit", SCHEMA_RATE, ONE(struct lab_vm, uplink.limit), .min = 1000, .max = SHAPE_RATE_MAX,
	 .derived = "none", .help = "Bits per second that it gets at most."},
	{"vms.*.uplink.pool", SCHEMA_POOL, ONE(struct lab_vm, uplink.pool), .derived = "none",
	 .help = "Pool that its reservation comes from."},
	{"vms.*.shaping", SCHEMA_SECTION,
	 .help = "The same, of this VM's vNIC alone; a direction that is not stated is as the port group says."},
	{"vms.*.shaping.mode", SCHEMA_WORD, ONE(struct lab_vm, shaping.mode), .words = vm_shape_modes,
	 .derived = "the port group's", .help = "As in a port group."},
	SHAPER("vms.*", lab_vm, "ingress", DPU_SHAPE_INGRESS, "What the VM sends."),
	SHAPER("vms.*", lab_vm, "egress", DPU_SHAPE_EGRESS, "What the VM receives."),
	{"vms.*.port", SCHEMA_NUMBER, ONE(struct lab_vm, port), .min = DPU_PORT_VNIC_MIN, .max = DPU_PORT_VNIC_MAX,
	 .derived = "the first free number of its host", .help = "Number of its port in the datapath's tables."},

	{"firewall", SCHEMA_SECTION,
	 .help = "The distributed firewall: applied at every vNIC, to frames from and to its VM, statefully: "
		 "a rule is asked for the first packet of a connection, replies follow."},
	{"firewall.file", SCHEMA_FILE, ONE(struct lab, policy_file), .max = 4095, .derived = "none",
	 .help = "A file with the keys of this section, instead of them; beside the lab file unless its name begins with /."},
	{"firewall.groups", SCHEMA_ENTRIES, ARRAY(struct lab, address_groups, n_address_groups),
	 .max = POLICY_NAME_MAX, .begin = begin_group, .help = "Groups of VMs and addresses, by name: each is the sum of all it names."},
	{"firewall.groups.*.members", SCHEMA_MEMBER, MANY(struct lab_address_group, members, n_members),
	 .derived = "none", .help = "Names of VMs, port groups and other groups, prefixes, addresses."},
	{"firewall.groups.*.tags", SCHEMA_TAG, MANY(struct lab_address_group, tags, n_tags), .derived = "none",
	 .help = "VMs that have one of these tags."},
	{"firewall.groups.*.all-tags", SCHEMA_TAG, MANY(struct lab_address_group, all_tags, n_all_tags),
	 .derived = "none", .help = "VMs that have all of these tags."},
	{"firewall.groups.*.prefixes", SCHEMA_PREFIXES, MANY(struct lab_address_group, prefixes, n_prefixes),
	 .derived = "none", .help = "Prefixes and addresses, many in one text."},
	{"firewall.groups.*.file", SCHEMA_PREFIX_FILE, MANY(struct lab_address_group, prefixes, n_prefixes),
	 .derived = "none", .help = "Files of prefixes and addresses; # begins a comment."},
	{"firewall.services", SCHEMA_ENTRIES, ARRAY(struct lab, services, n_services), .max = POLICY_NAME_MAX,
	 .help = "Services, by name: a protocol with its ports or ICMP types, or a list of other services."},
	{"firewall.services.*.protocol", SCHEMA_PROTOCOL, ONE(struct lab_service, proto), .fallback = "any",
	 .help = "As in a rule."},
	{"firewall.services.*.port", SCHEMA_PORTS, MANY(struct lab_service, dports, n_dports), .derived = "any",
	 .help = "As in a rule."},
	{"firewall.services.*.source-port", SCHEMA_PORTS, MANY(struct lab_service, sports, n_sports),
	 .derived = "any", .help = "As in a rule."},
	{"firewall.services.*.icmp-type", SCHEMA_ICMP, MANY(struct lab_service, icmp, n_icmp), .derived = "any",
	 .help = "As in a rule."},
	{"firewall.services.*.services", SCHEMA_SERVICE, MANY(struct lab_service, services, n_services),
	 .derived = "none", .help = "A service group: the services in it, and no other key."},
	{"firewall.schedules", SCHEMA_ENTRIES, ARRAY(struct lab, schedules, n_schedules), .max = POLICY_NAME_MAX,
	 .help = "When rules count, by name: the part of the day from `from` to `to`, on some days of the week, between two dates. "
		 "A rule names one; while it is closed, the rule matches nothing."},
	{"firewall.schedules.*.days", SCHEMA_WORD, MANY(struct lab_schedule, days, n_days), .words = weekdays,
	 .derived = "every day", .help = "Days of the week on which it opens."},
	{"firewall.schedules.*.from", SCHEMA_TIME, ONE(struct lab_schedule, from), .derived = "00:00",
	 .help = "Time of the day when it opens: HH:MM or HH:MM:SS."},
	{"firewall.schedules.*.to", SCHEMA_TIME, ONE(struct lab_schedule, to), .derived = "24:00",
	 .help = "When it closes; not later than `from`: on the next day."},
	{"firewall.schedules.*.start", SCHEMA_DATE, ONE(struct lab_schedule, start), .derived = "none",
	 .help = "It is closed before: YYYY-MM-DD, with a time behind it or without."},
	{"firewall.schedules.*.end", SCHEMA_DATE, ONE(struct lab_schedule, end), .derived = "none",
	 .help = "It is closed from then on; without a time: from the end of that day on."},
	{"firewall.schedules.*.recurring", SCHEMA_BOOL, ONE(struct lab_schedule, recurring), .fallback = "true",
	 .help = "false: it opens once, from `from` on day `start` to `to` on day `end`."},
	{"firewall.schedules.*.timezone", SCHEMA_TEXT, ONE(struct lab_schedule, timezone), .max = 63, .derived = "UTC",
	 .help = "Whose clocks: a name of the C library's time zone database such as Europe/Berlin; summer time is followed."},
	{"firewall.schedules.*.id", SCHEMA_NUMBER, ONE(struct lab_schedule, id), .min = 1, .max = DPU_SCHEDULES,
	 .derived = "a free number; in a running lab what the schedule of the same content has",
	 .help = "Number by which rules in the datapath's tables name it."},
	{"firewall.default", SCHEMA_WORD, ONE(struct lab, default_action), .words = actions, .fallback = "allow",
	 .help = "What happens when no rule matches."},
	{"firewall.log-default", SCHEMA_BOOL, ONE(struct lab, log_default), .fallback = "false",
	 .help = "Whether `dpulab fw log` tells what the default action decides, as rule 0."},
	{"firewall.log-limit", SCHEMA_NUMBER, ONE(struct lab, log_pps), .min = 0, .max = 1000000, .fallback = "1000",
	 .help = "Events of rules that log, per second and CPU of a location. What is above it is counted, and the count "
		 "stands in the log."},
	{"firewall.table-full", SCHEMA_WORD, ONE(struct lab, table_full), .words = table_full, .fallback = "closed",
	 .help = "What becomes of a new connection when the connection table is full. closed: it is dropped. open: it "
		 "passes if the rules allow it, without being tracked, and for a minute so does what belongs to no "
		 "connection if the rules let either end open one."},
	{"firewall.connections", SCHEMA_NUMBER, ONE(struct lab, max_connections), .min = 1, .max = 4194304,
	 .derived = "half of `tables.connections`",
	 .help = "Connections that one vNIC may have; more are dropped, so that one VM cannot fill the table of all."},
	{"firewall.half-open", SCHEMA_NUMBER, ONE(struct lab, max_half_open), .min = 1, .max = 4194304,
	 .derived = "an eighth of `tables.connections`",
	 .help = "TCP connections of one vNIC whose handshake is not over. Above, whoever opens one is challenged: only a "
		 "sender that exists gets through, at its second SYN."},
	{"firewall.tcp-window", SCHEMA_WORD, ONE(struct lab, tcp_window), .words = tcp_windows, .fallback = "liberal",
	 .help = "strict: TCP segments whose numbers are outside their connection's window are dropped (`tcp-window`), so "
		 "that nobody who only guesses can reset, close or feed it. TCP then takes the slow path: no flow cache. "
		 "docs/dfw-conntrack.md says what that costs."},
	{"firewall.fragments", SCHEMA_WORD, ONE(struct lab, fragments), .words = fragment_modes, .fallback = "drop",
	 .help = "What becomes of an IP fragment that comes before the first one of its datagram, which alone has the ports. "
		 "drop: it is dropped (`fragment`). reassemble: it waits (`held`), two seconds at most, and follows the first "
		 "one if that passes. Fragments then take the tc hook, and a location 32 MiB."},
	{"firewall.timeouts", SCHEMA_SECTION,
	 .help = "Seconds for which a connection may be idle before it is forgotten, by protocol and state "
		 "(docs/dfw-conntrack.md). Frames that the flow cache forwards count."},
	TIMEOUT("tcp-syn-sent", tcp_syn_sent, "120", "TCP: a SYN without its answer."),
	TIMEOUT("tcp-syn-recv", tcp_syn_recv, "60", "TCP: a SYN/ACK without its acknowledgement."),
	TIMEOUT("tcp-established", tcp_established, "432000", "TCP: open both ways. RFC 5382 asks for 7440 at least."),
	TIMEOUT("tcp-fin-wait", tcp_fin_wait, "120", "TCP: a FIN without its acknowledgement."),
	TIMEOUT("tcp-close-wait", tcp_close_wait, "3600", "TCP: one way closed, the other open."),
	TIMEOUT("tcp-last-ack", tcp_last_ack, "30", "TCP: both FINs sent, the last one not acknowledged."),
	TIMEOUT("tcp-time-wait", tcp_time_wait, "120", "TCP: closed both ways."),
	TIMEOUT("tcp-close", tcp_close, "10", "TCP: reset."),
	TIMEOUT("udp-new", udp_new, "30", "UDP: not answered yet."),
	TIMEOUT("udp-established", udp_established, "120", "UDP: answered. RFC 4787 asks for 120 at least."),
	TIMEOUT("icmp", icmp, "30", "ICMP and ICMPv6 echo."),
	TIMEOUT("other", other, "600", "Every other protocol."),
	{"firewall.rules", SCHEMA_LIST, ARRAY(struct lab, rules, n_rules), .begin = begin_rule,
	 .help = "Rules in order of their categories, then as they stand here; the first that matches decides."},
	{"firewall.rules[].name", SCHEMA_TEXT, ONE(struct lab_rule, name), .max = 63, .derived = "none",
	 .help = "What the rule is for; shown with its counters."},
	{"firewall.rules[].log", SCHEMA_BOOL, ONE(struct lab_rule, log), .fallback = "false",
	 .help = "Whether `dpulab fw log` tells what the rule decides: about the first packet of a connection, and when "
		 "a policy change ends one."},
	{"firewall.rules[].label", SCHEMA_TEXT, ONE(struct lab_rule, label), .max = 63, .derived = "none",
	 .help = "Stands in the rule's log lines."},
	{"firewall.rules[].id", SCHEMA_NUMBER, ONE(struct lab_rule, id), .min = 1, .max = 1000000000,
	 .derived = "its place in the list; in a running lab what the rule of that name or content has, or a new one",
	 .help = "Number of the rule, by which tables, counters and logs name it. Rules keep it while others come and go."},
	{"firewall.rules[].category", SCHEMA_WORD, ONE(struct lab_rule, category), .words = categories,
	 .fallback = "application", .help = "Rules of emergency are asked first, then those of infrastructure, environment and application. "
		 "Rules of ethernet know MAC addresses and EtherTypes instead of IP; each frame is for them first, "
		 "and what they allow, or do not match, is then for the others."},
	{"firewall.rules[].direction", SCHEMA_WORD, ONE(struct lab_rule, direction), .words = directions,
	 .fallback = "both", .help = "As the VM sees it: in = towards the VM."},
	{"firewall.rules[].family", SCHEMA_WORD, ONE(struct lab_rule, family), .words = families, .fallback = "any",
	 .help = "Address family."},
	{"firewall.rules[].from", SCHEMA_PEER, MANY(struct lab_rule, from, n_from), .derived = "any",
	 .help = "Source: prefixes, addresses, names of VMs, port groups or groups."},
	{"firewall.rules[].from-not", SCHEMA_MEMBER, MANY(struct lab_rule, from_not, n_from_not), .derived = "none",
	 .help = "Sources that do not count, of those in `from`."},
	{"firewall.rules[].to", SCHEMA_PEER, MANY(struct lab_rule, to, n_to), .derived = "any",
	 .help = "Destination, likewise."},
	{"firewall.rules[].to-not", SCHEMA_MEMBER, MANY(struct lab_rule, to_not, n_to_not), .derived = "none",
	 .help = "Destinations that do not count, of those in `to`."},
	{"firewall.rules[].service", SCHEMA_SERVICE, MANY(struct lab_rule, services, n_services), .derived = "any",
	 .help = "Names of services, instead of protocol, ports and ICMP types."},
	{"firewall.rules[].protocol", SCHEMA_PROTOCOL, ONE(struct lab_rule, proto), .fallback = "any",
	 .help = "IP protocol. icmp is ICMP and ICMPv6; icmpv6 is that alone."},
	{"firewall.rules[].port", SCHEMA_PORTS, MANY(struct lab_rule, dports, n_dports), .derived = "any",
	 .help = "Destination ports; need protocol tcp, udp or sctp."},
	{"firewall.rules[].source-port", SCHEMA_PORTS, MANY(struct lab_rule, sports, n_sports), .derived = "any",
	 .help = "Source ports, likewise."},
	{"firewall.rules[].icmp-type", SCHEMA_ICMP, MANY(struct lab_rule, icmp, n_icmp), .derived = "any",
	 .help = "ICMP messages: names, which mean ICMP's and ICMPv6's message, or TYPE or TYPE/CODE in numbers; "
		 "need protocol icmp (numbers: IPv4's) or icmpv6."},
	{"firewall.rules[].from-mac", SCHEMA_MAC_PEER, MANY(struct lab_rule, from_mac, n_from_mac), .derived = "any",
	 .help = "Category ethernet: source MAC addresses, their first bits such as 02:00:5e:00:00:00/24, names of VMs, port "
		 "groups or groups (their VMs)."},
	{"firewall.rules[].to-mac", SCHEMA_MAC_PEER, MANY(struct lab_rule, to_mac, n_to_mac), .derived = "any",
	 .help = "Category ethernet: destination, likewise."},
	{"firewall.rules[].ether-type", SCHEMA_ETHER_TYPE, MANY(struct lab_rule, ether_types, n_ether_types),
	 .derived = "any", .help = "Category ethernet: arp, ipv4, ipv6, lldp, pppoe-session, ... or a number such as 0x88cc."},
	{"firewall.rules[].schedule", SCHEMA_SCHEDULE, ONE(struct lab_rule, schedule), .derived = "always",
	 .help = "Name of a schedule: the rule counts while that is open."},
	{"firewall.rules[].action", SCHEMA_WORD, ONE(struct lab_rule, action), .words = rule_actions, .required = true,
	 .help = "reject answers: TCP with RST, the rest with ICMP administratively prohibited. jump-to-application: the rules "
		 "of category application decide, and those before them that are left do not count."},
	{"firewall.rules[].stateless", SCHEMA_BOOL, ONE(struct lab_rule, stateless), .fallback = "false",
	 .help = "What the rule allows makes no connection: each frame is for the rules, and answers need a rule of their own."},
	{"firewall.rules[].apply-to", SCHEMA_TARGET, MANY(struct lab_rule, apply_to, n_apply_to),
	 .derived = "every vNIC, which `fw check` wants said",
	 .help = "Names of VMs, port groups or groups at whose vNICs the rule counts; loaded ports are members of "
		 "their port group; any is every vNIC."},

	{"tables", SCHEMA_SECTION, .help = "Table sizes of one location (host or DPU)."},
	{"tables.flows", SCHEMA_NUMBER, ONE(struct lab, flows), .min = 64, .max = 4194304, .fallback = "16384",
	 .help = "Entries of the flow cache, a power of two: the hardware's flow table."},
	{"tables.connections", SCHEMA_NUMBER, ONE(struct lab, connections), .min = 64, .max = 4194304,
	 .fallback = "65536", .help = "Entries of connection tracking. A connection takes one at each vNIC it meets."},
	{"tables.macs", SCHEMA_NUMBER, ONE(struct lab, macs), .min = 64, .max = 1048576, .fallback = "16384",
	 .help = "Entries of the forwarding database."},
	{"tables.rules", SCHEMA_NUMBER, ONE(struct lab, rule_entries), .min = 64, .max = DPU_MAX_RULES,
	 .derived = "what the lab has, 8192 at least",
	 .help = "Compiled firewall rules, a list that several vNICs share counted once. State it if more are to come "
		 "while the lab runs."},
	{"mac-ageing", SCHEMA_NUMBER, ONE(struct lab, mac_ageing_s), .min = 1, .max = 1000000, .fallback = "300",
	 .help = "Seconds after which an unheard MAC address is forgotten."},
	{"storm-limit", SCHEMA_NUMBER, ONE(struct lab, storm_pps), .min = 0, .max = 100000000, .fallback = "10000",
	 .help = "Frames per second a vNIC may send to more than one destination; 0 = no limit."},
};
/* clang-format on */

const size_t schema_n_keys = sizeof(schema_keys) / sizeof(schema_keys[0]);
