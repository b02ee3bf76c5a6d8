/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * model.h - a lab as plain data: what the user wrote, with every default filled
 * in and every reference resolved to an index. No kernel ids but that of a loaded port's
 * namespace, no I/O. Made by config.c, read by everybody; loaded.c adds what `load` has added.
 *
 * Ownership: lab_free() frees everything reachable from a struct lab.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <dpulab/addr.h>
#include <dpulab/dfw.h>
#include <dpulab/guard.h>
#include <dpulab/intercept.h>
#include <dpulab/limits.h>
#include <dpulab/qos.h>

#define LAB_NAME_MAX  16 /* lab name with its NUL: [a-z][a-z0-9]*; no dash, so LAB-NODE splits at the first one */
#define NODE_NAME_MAX 12 /* host and VM names with their NUL: [a-z][a-z0-9-]*; leaves room for "-dpu" in 15 */
#define LAB_MAX_CPUS  256
#define POLICY_NAME_MAX 64 /* groups and services with their NUL: a letter, then letters, digits, '-', '_', '.' */
#define TAG_MAX	      64   /* with its NUL: letters, digits, and any of "-_./:=@" */

enum frame_path {
	PATH_LINUX,
	PATH_HOST,
	PATH_PMD,
	PATH_SRIOV,
	PATH_DPU_MUX,
	PATH_DPU_UPT,
	PATH_BARE_METAL,
	PATH_COUNT, /* frame paths; behind them mixed placements */
	PATH_HOST_DFW = PATH_COUNT, /* dfw=host dvs=dpu vxlan=dpu */
	PATH_DPU_VXLAN, /* dfw=host dvs=host vxlan=dpu */
	PATH_END,
};

enum lab_hook {
	LAB_HOOK_AUTO, /* tc on virtual devices (veth, tap), xdp on drivers with native XDP */
	LAB_HOOK_XDP,
	LAB_HOOK_TC,
};

enum lab_pmd_sleep { /* does the poll-mode process sleep when nothing arrives? */
	PMD_SLEEP_AUTO, /* only if it has no CPU of its own */
	PMD_SLEEP_NEVER,
	PMD_SLEEP_ADAPTIVE,
};

struct cpu_set {
	uint64_t bits[LAB_MAX_CPUS / 64]; /* empty = no pinning */
};

/* An address with its prefix length, in the v4-mapped form; plen counts in the family's own bits. */
struct lab_prefix {
	union dpu_ip addr;
	uint8_t plen;
	uint8_t family; /* 4 or 6; 0 = any */
};

struct profile;

struct lab_host {
	char name[NODE_NAME_MAX];
	bool dpu;
	char *profile_name;	 /* of the DPU: a profile's name, or the whole path of its file; NULL = no limits */
	struct profile *profile; /* that profile; NULL likewise */
	uint32_t profile_scale;	 /* its table and rates are divided by it; default 1 */
	bool accept_loss;	 /* run on the DPU what it cannot enforce */
	char *dpu_model; /* optional; NULL */
	size_t machine;	 /* index of the host on whose machine this one's switch and DPU are, beside it; SIZE_MAX: on its own */
	char node[NODE_NAME_MAX]; /* name of the machine's node: its own, or that host's */
	bool dpu2;	 /* a second one, of the same kind */
	char *dpu2_profile_name, *dpu2_model; /* optional; NULL: as the first */
	uint8_t *active_uplinks, *standby_uplinks; /* enum lab_uplink; empty: uplink1, and none */
	size_t n_active_uplinks, n_standby_uplinks;
	uint8_t active;	 /* which DPU serves: 0 or 1. From the lab file; of a running lab what `place --dpu` or a failover made */
	enum frame_path path;	 /* placement of this host */
	enum lab_hook hook;
	struct lab_prefix vtep;	 /* IPv4 underlay address; default 10.255.0.N/16, N = position from 1 */
	struct dpu_mac vtep_mac; /* of the uplink, derived: same at host and DPU */
	struct cpu_set cpus, dpu_cpus, dpu2_cpus;
	struct cpu_set pmd_cpus; /* the poll-mode process runs on the highest */
	struct cpu_set link_cpus; /* likewise, what plays the PCIe link */
	uint64_t link_delay_ns, link_jitter_ns, link_bandwidth; /* of it (pcie.h); 0 = as the profile says */
	uint8_t pmd_sleep;	 /* enum lab_pmd_sleep */
	uint64_t speed; /* of its uplink, bit/s; 0 = not stated, nothing shares it */
};

enum lab_uplink { /* of a host with two DPUs */
	UPLINK1, /* wire of the first DPU */
	UPLINK2, /* of the second */
};

/* Traffic shaping of one direction, as vSphere's port groups have it. */
struct lab_shaper {
	uint64_t average; /* bit/s over time; 0 = not shaped */
	uint64_t peak;	  /* bit/s while a burst lasts; 0 = as fast as it comes */
	uint64_t burst;	  /* bytes that may be sent at the peak rate; default 50 ms of the average, some frames at least */
};

enum lab_shape_mode {
	LAB_SHAPE_PACE,	  /* queued where a qdisc can stand, else policed */
	LAB_SHAPE_POLICE, /* policed everywhere */
};

struct lab_shaping {
	struct lab_shaper dir[DPU_SHAPE_DIRECTIONS]; /* by enum dpu_shape_direction */
	uint8_t mode;	/* enum lab_shape_mode; of a VM: 1 + that, 0 = the port group's */
};

struct lab_port_range {
	uint16_t lo, hi;
};

/*
 * A class of traffic of Network I/O Control: of the host's own kinds, of its VMs ("vm"), or the user's. What a class
 * is guaranteed when the uplink is saturated is its reservation, and by its shares of what is not reserved.
 */
struct lab_class {
	char name[NODE_NAME_MAX];
	uint8_t shares;	      /* 1 to 100 */
	uint64_t reservation; /* bit/s; lent while it is not used */
	uint64_t limit;	      /* bit/s, also on an idle uplink; 0 = none */
	uint8_t dscp, cos;    /* 1 + the mark its frames get on the wire; 0 = as they are */
};
#define LAB_CLASS_VM "vm" /* vNICs that name no class; they share it among themselves */
#define LAB_MAX_CLASSES 32

/* Bandwidth that the reservations of some VMs come from. */
struct lab_pool {
	char name[NODE_NAME_MAX];
	uint64_t quota; /* bit/s, of the reservation of class vm */
};

/* What a vNIC sends that is in another class than the vNIC. */
struct lab_class_rule {
	uint8_t class; /* 1 + index; vm: the vNIC's own part of it */
	uint16_t vlan; /* of the port group; 0 = any */
	uint8_t dscp;  /* 1 + the value; 0 = any */
	uint8_t proto; /* 0 = any */
	struct lab_prefix from, to; /* family 0 = any */
	struct lab_port_range sports, dports;
	unsigned line;
};

/* A vNIC within class vm. */
struct lab_uplink_share {
	uint8_t shares;	      /* 1 to 100; 0 = 50 */
	uint8_t pool;	      /* 1 + index; 0 = none */
	uint64_t reservation; /* bit/s */
	uint64_t limit;	      /* bit/s; 0 = none */
};

struct lab_group { /* port group = segment */
	char name[NODE_NAME_MAX];
	uint16_t segment; /* number in the datapath, from 1; groups with the same VNI or VLAN share it */
	uint32_t vni;	  /* 0 = VLAN group */
	uint16_t vlan;	  /* 0 = untagged */
	uint8_t guard;	  /* of its vNICs: enum dpu_guard_mode */
	struct lab_shaping shaping; /* of each of its vNICs */
	uint8_t traffic; /* class of its vNICs: 1 + index; 0 = "vm" */
};

/* A function of the user's that vNICs' chains may name: docs/intercept.md. */
struct lab_slot {
	char name[NODE_NAME_MAX];
	char *source;	   /* .c or .o; beside the lab file unless it begins with /, or one that ships with dpulab */
	char **defines;	   /* NAME or NAME=VALUE, for the compiler */
	size_t n_defines;
	uint8_t fail;	   /* enum lab_table_full: of frames that it cannot judge, as it is out or its queue full */
	uint8_t pending;   /* likewise: of frames that wait for a process's verdict */
	uint32_t budget_ns; /* of a call; 0 = none */
	uint32_t queue;	   /* frames of one vNIC and direction that may wait for the process; 0 = there is no process */
};

/* What a machine of the lab is. */
enum lab_vm_type {
	VM_NAMESPACE,  /* a network namespace of its own */
	VM_BARE_METAL, /* the host itself: its vNIC's end is an interface of the host's namespace */
	VM_QEMU,       /* a guest on a tap in such a namespace: guest.h */
};

enum lab_accelerator {
	ACCELERATOR_AUTO, /* kvm where it works */
	ACCELERATOR_KVM,
	ACCELERATOR_TCG,
};

struct lab_vm {
	char name[NODE_NAME_MAX];
	uint8_t type; /* enum lab_vm_type */
	size_t host, group;	/* indexes */
	uint16_t port;		/* number on its host, from DPU_PORT_VNIC_MIN; stable while the VM exists */
	struct dpu_mac mac;	/* default derived from lab and VM name, locally administered */
	struct lab_prefix *ips; /* one or more, either family */
	size_t n_ips;
	struct lab_tag {
		char name[TAG_MAX];
	} *tags;
	size_t n_tags;
	uint16_t mtu; /* default: follows the overlay (fabric MTU - 50 for a VNI group) */
	uint8_t accelerator; /* of a guest: enum lab_accelerator */
	uint32_t memory_mib, cpus; /* likewise */
	char *kernel; /* likewise: path of its image; NULL = the newest that is installed */
	bool loaded;  /* an interface of `load` is the VM's end: there is no namespace LAB-NAME */
	bool extra;   /* loaded, and not in the lab file; such VMs come last */
	uint32_t max_connections, max_half_open; /* of its vNIC; 0 = the lab's */
	size_t *intercept[2]; /* slots of its vNIC, by enum dpu_intercept_direction, in order: indexes */
	size_t n_intercept[2];
	uint8_t guard; /* of its vNIC: 1 + enum dpu_guard_mode; 0 = the port group's */
	struct lab_shaping shaping; /* of its vNIC; a direction without an average is as the port group's */
	uint8_t traffic; /* class of its vNIC: 1 + index; 0 = the port group's */
	struct lab_uplink_share uplink;
	bool moved;	     /* `move` has taken it to `host`; the lab file says: */
	size_t file_host;
	uint16_t moved_port; /* moved.c: while it is shown as the file says */
	uint64_t ns;  /* loaded: inode of the namespace the interface is in */
};

enum lab_peer_kind {
	PEER_ANY, /* of apply-to: stated, that is; elsewhere the empty list */
	PEER_PREFIX,
	PEER_VM,
	PEER_PORT_GROUP,
	PEER_GROUP,
	PEER_MAC, /* of rules of category ethernet: the first bytes of prefix.addr, prefix.plen bits of 48 */
};

/* Who: of a rule's source, destination and place, and of a group's members. */
struct lab_peer {
	uint8_t kind;		  /* enum lab_peer_kind */
	size_t index;		  /* of the VM, port group or group; behind the last: could not be resolved */
	struct lab_prefix prefix; /* host bits clear */
};

/* A group of the firewall: the sum of all that is named in it. */
struct lab_address_group {
	char name[POLICY_NAME_MAX];
	struct lab_peer *members;
	size_t n_members;
	struct lab_tag *tags, *all_tags; /* VMs that have one of the first; all of the second */
	size_t n_tags, n_all_tags;
	struct lab_prefix *prefixes; /* stated in the lab file, or read from a file it names */
	size_t n_prefixes;
	unsigned line; /* in the file */
};

/* ICMP messages: by a name that means one in each family, or by number. */
struct lab_icmp {
	uint8_t name; /* 0, or 1 + index in icmp_names (values.c) */
	uint8_t type, code;
	bool any_code;
};

struct lab_service {
	char name[POLICY_NAME_MAX];
	uint8_t proto; /* 0 any */
	struct lab_port_range *sports, *dports; /* empty = any */
	size_t n_sports, n_dports;
	struct lab_icmp *icmp; /* empty = any */
	size_t n_icmp;
	size_t *services; /* a service group: then nothing of the above */
	size_t n_services;
};

/* A day with or without a time, by the clocks of some place. */
struct lab_date {
	uint32_t day;	 /* since 1970-01-01; 0 = not stated */
	uint32_t second; /* 1 + that of the day; 0 = none */
};

/* When rules count. */
struct lab_schedule {
	char name[POLICY_NAME_MAX];
	uint8_t *days; /* 0 = Monday; empty = every day */
	size_t n_days;
	uint32_t from, to; /* of the day: 1 + the second; 0 = from its beginning, to its end. to before from: to the next day */
	struct lab_date start, end; /* none: since ever, for ever. An end without a time: that day's */
	char *timezone;	 /* of the C library's database; NULL = UTC */
	bool recurring;	 /* false: once, from `from` on day start to `to` on day end */
	uint32_t id;	 /* 1 to DPU_SCHEDULES; rules in force name it by that */
	bool id_derived; /* the file states none */
};

/* Of rules; in the order in which they are asked. */
enum lab_category {
	CATEGORY_ETHERNET, /* by MAC and EtherType; what they allow is still for the others */
	CATEGORY_EMERGENCY,
	CATEGORY_INFRASTRUCTURE,
	CATEGORY_ENVIRONMENT,
	CATEGORY_APPLICATION,
	CATEGORY_COUNT,
};

struct lab_rule {
	char *name;		/* optional; NULL */
	char *label;		/* in the log; optional; NULL */
	bool log;		/* its decisions are logged */
	bool stateless;		/* what it allows makes no connection */
	uint32_t id;		/* its place, from 1, unless the file states one; stays while the lab is up */
	bool id_derived;	/* the file states none */
	uint8_t category;	/* enum lab_category */
	uint8_t direction;	/* enum dpu_direction bits */
	uint8_t action;		/* enum dpu_rule_action */
	uint8_t family;		/* 0 any, 4, 6 */
	uint8_t schedule;	/* 1 + index; 0 = it always counts */
	uint8_t proto;		/* 0 any */
	struct lab_peer *from, *to; /* empty = any */
	size_t n_from, n_to;
	struct lab_peer *from_not, *to_not; /* taken off */
	size_t n_from_not, n_to_not;
	struct lab_port_range *sports, *dports; /* empty = any */
	size_t n_sports, n_dports;
	struct lab_icmp *icmp; /* empty = any */
	size_t n_icmp;
	size_t *services; /* instead of protocol, ports and ICMP types */
	size_t n_services;
	struct lab_peer *from_mac, *to_mac; /* category ethernet; empty = any */
	size_t n_from_mac, n_to_mac;
	uint16_t *ether_types; /* category ethernet; host order; empty = any */
	size_t n_ether_types;
	struct lab_peer *apply_to; /* empty = every vNIC */
	size_t n_apply_to;
	unsigned line;	  /* in the file */
};

/* Seconds for which a connection of a state may be idle. */
struct lab_timeouts {
	uint32_t tcp_syn_sent, tcp_syn_recv, tcp_established, tcp_fin_wait, tcp_close_wait, tcp_last_ack;
	uint32_t tcp_time_wait, tcp_close;
	uint32_t udp_new, udp_established, icmp, other;
};

/* What becomes of a new connection that finds no place in the table. */
enum lab_table_full {
	LAB_TABLE_FULL_CLOSED, /* dropped */
	LAB_TABLE_FULL_OPEN,   /* it passes without an entry if the rules allow it */
};

/* What is asked of TCP segments after the handshake. */
enum lab_tcp_window {
	LAB_TCP_WINDOW_LIBERAL, /* flags only */
	LAB_TCP_WINDOW_STRICT,	/* sequence numbers in the window, too */
};

/* What becomes of IP fragments that come before the first one of their datagram. */
enum lab_fragments {
	LAB_FRAGMENTS_DROP,
	LAB_FRAGMENTS_REASSEMBLE, /* they wait for it */
};

struct lab {
	char name[LAB_NAME_MAX];
	char *file; /* where it was read from */
	char *policy_file; /* where its firewall was read from, if that is a file of its own; or NULL */
	struct lab_host *hosts;
	size_t n_hosts;
	struct lab_group *groups;
	size_t n_groups;
	struct lab_slot *slots;
	size_t n_slots;
	struct lab_vm *vms;
	size_t n_vms;
	struct lab_address_group *address_groups;
	size_t n_address_groups;
	struct lab_service *services;
	size_t n_services;
	struct lab_schedule *schedules;
	size_t n_schedules;
	struct lab_rule *rules; /* in the order in which they are asked: category, then place in the file */
	size_t n_rules;
	struct lab_class *classes; /* of Network I/O Control; none: the uplinks are not shared out */
	size_t n_classes;
	struct lab_pool *pools;
	size_t n_pools;
	struct lab_class_rule *class_rules; /* in order: the first that matches decides */
	size_t n_class_rules;
	enum frame_path path; /* the lab's own choice; counts for hosts that state none */
	enum lab_hook hook;   /* likewise */
	uint8_t default_action; /* of the firewall */
	bool log_default;	/* what it decides is logged */
	struct lab_timeouts timeouts;
	uint32_t log_pps;	/* log events of a location per second and CPU; default 1000 */
	uint8_t table_full;	/* of the firewall: enum lab_table_full */
	uint8_t tcp_window;	/* of the firewall: enum lab_tcp_window */
	uint8_t fragments;	/* of the firewall: enum lab_fragments */
	uint32_t max_connections; /* of a vNIC; 0 = half of `connections` */
	uint32_t max_half_open;	  /* of a vNIC; 0 = an eighth of `connections` */
	uint16_t fabric_mtu;	/* L3 MTU of the underlay, bytes; default 1600 */
	uint32_t flows;		/* flow-cache entries per location; power of two; default 16384 */
	uint32_t connections;	/* conntrack entries per location; default 65536 */
	uint32_t macs;		/* fdb entries per location; default 16384 */
	uint32_t rule_entries;	/* compiled rules per location; 0 = what the lab needs, and some */
	uint32_t mac_ageing_s;	/* default 300 */
	uint32_t storm_pps;	/* floods per vNIC, frames/s; default 10000; 0 = no limit */
};

void lab_free(struct lab *lab);
/* The file that the rules' lines count in. */
const char *lab_policy_file(const struct lab *lab);
/* The rule with this id, or NULL. */
struct lab_rule *lab_find_rule(const struct lab *lab, uint32_t id);
/*
 * Fills what follows from the rest where it is still zero: VTEPs, MACs, MTUs,
 * port, segment and rule numbers. A number that finds no room stays 0 (lab_check says so).
 */
void lab_derive(struct lab *lab);
/* Puts the rules into the order in which they are asked; rules of a category keep theirs. -ENOMEM. */
int lab_order_rules(struct lab *lab);
/* Has it a rule that jumps to category application; one without state? */
bool lab_jumps(const struct lab *lab);
/* Has the vNIC a chain of intercept slots, either direction? How many vNICs of a host have one? */
bool lab_vm_intercepted(const struct lab_vm *vm);
size_t lab_intercepted(const struct lab *lab, size_t host);
/* Is it a second, independent switch with a DPU on the machine of another host? Are two on one machine? */
bool lab_is_beside(const struct lab_host *host);
bool lab_same_machine(const struct lab *lab, size_t a, size_t b);
/* DPUs that a host has: 0 to 2. The one that the file wants to serve; whether another takes over when the active one fails. */
unsigned lab_n_dpus(const struct lab_host *host);
uint8_t lab_preferred_dpu(const struct lab_host *host);
bool lab_has_standby(const struct lab_host *host);
/* CPUs that play the cores of its DPU number `which`. */
const struct cpu_set *lab_dpu_cpus(const struct lab_host *host, unsigned which);
bool lab_has_stateless(const struct lab *lab);
/* The number of a rule's schedule; 0 = it always counts (schedule.h). */
uint8_t lab_schedule_id(const struct lab *lab, const struct lab_rule *rule);
const char *lab_category_name(uint8_t category);
/* The largest MTU a VM of this port group can have: what the fabric carries, less the overlay's header. */
uint16_t lab_group_mtu(const struct lab *lab, const struct lab_group *group);
/* Connections and half-open connections that the vNIC of a VM may have. */
uint32_t lab_max_connections(const struct lab *lab, const struct lab_vm *vm);
uint32_t lab_max_half_open(const struct lab *lab, const struct lab_vm *vm);
/*
 * Port security of the vNIC of a VM. Strict needs a list: an interface that was loaded and is not in the lab file
 * has none, and learns.
 */
enum dpu_guard_mode lab_guard(const struct lab *lab, const struct lab_vm *vm);
/* The shaping of a VM's vNIC, the port group's where the VM states none; average 0: not shaped. */
struct lab_shaper lab_shaper(const struct lab *lab, const struct lab_vm *vm, enum dpu_shape_direction direction);
enum lab_shape_mode lab_shape_mode(const struct lab *lab, const struct lab_vm *vm);
/* The class of a VM's vNIC; NULL: uplinks are not shared out. */
const struct lab_class *lab_class(const struct lab *lab, const struct lab_vm *vm);
bool lab_class_is_vm(const struct lab_class *class);
/* The queue of the uplink that takes what the vNIC of a VM sends (dpulab/qos.h); 0 = none. */
uint16_t lab_queue(const struct lab *lab, const struct lab_vm *vm);
/* Has it VMs that are QEMU guests? */
bool lab_has_guests(const struct lab *lab);
/* Does function qos have anything to do in this lab? Its programs are made for that. */
bool lab_uses_qos(const struct lab *lab);
/* Does a rule look at DSCP? */
bool lab_uses_dscp(const struct lab *lab);
/* Some class marks its frames on the wire. */
bool lab_uses_marks(const struct lab *lab);
const char *guard_mode_name(enum dpu_guard_mode mode); /* "off", "learn", "strict" */
/* The machine that a host itself is (type bare-metal): index in vms, or SIZE_MAX. Such a host has no others. */
size_t lab_bare_machine(const struct lab *lab, size_t host);
/* Does the path need the host's DPU (or NIC) node? */
bool frame_path_needs_dpu(enum frame_path path);
/* Do vNICs end in that node itself, without a switch or a relay in the host? */
bool frame_path_ends_in_dpu(enum frame_path path);
/* Do the functions, all of them, run on a DPU, with the firewall and the overlay? */
bool frame_path_is_dpu(enum frame_path path);
/* Some functions at the host, some at the DPU: the vNICs are with the host. */
bool frame_path_is_mixed(enum frame_path path);
const char *frame_path_name(enum frame_path path); /* as in the contract: "linux", "host", "pmd", ... */
const char *frame_path_help(enum frame_path path); /* what runs where, for people: one line */
int frame_path_parse(const char *word, enum frame_path *ret_path);
const char *lab_hook_name(enum lab_hook hook);
int lab_hook_parse(const char *word, enum lab_hook *ret_hook);
struct lab_host *lab_find_host(struct lab *lab, const char *name);
struct lab_group *lab_find_group(struct lab *lab, const char *name);
struct lab_vm *lab_find_vm(struct lab *lab, const char *name);
