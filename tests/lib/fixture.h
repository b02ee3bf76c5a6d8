/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fixture.h - tables for program tests, filled as the loader would fill them.
 *
 * Numbers used throughout: port n has a VM with address MAC(n) and 10.0.0.n;
 * port 1 is the uplink.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <dpulab/dfw.h>
#include <dpulab/port.h>
#include <dpulab/schedule.h>

#define SEG	   1	  /* the segment most cases use */
#define VNI	   5001	  /* of SEG, in VXLAN fixtures */
#define VID	   100	  /* of SEG, in VLAN fixtures */
#define VTEP_LOCAL "192.168.0.1"
#define VTEP_PEER  "192.168.0.2" /* VTEP number 2 */
#define VTEP_THIRD "192.168.0.3" /* VTEP number 3 */
#define VTEP_MAC(n) MAC(0xa00 + (n)) /* of VTEP number n: 1 is ours */
#define UNDERLAY_MTU 1600

/* Pieces. */
void fixture_functions(__u32 functions, __u32 handover);
void fixture_vnic(__u16 port, __u16 segment);	 /* no firewall */
void fixture_uplink(void);
void fixture_segment_vni(__u16 segment, __u32 vni);  /* members: the vNICs added to it */
void fixture_trunk(__u16 segment, __u32 vni, __u16 vlan); /* the VLAN of an overlay segment on the PCIe link */
void fixture_segment_vlan(__u16 segment, __u16 vlan, bool on_uplink);
void fixture_vtep(__u16 number, const char *ip);     /* 1 = our own */
void fixture_segment_vtep(__u16 segment, __u16 vtep); /* floods of the segment go there */
void fixture_fdb(__u16 segment, __u64 mac, __u16 port, __u16 vtep, __u8 flags);
/* Firewall of a vNIC: rules in order, then the default action. Switches the firewall on at that port. */
void fixture_policy(__u16 port, const struct dpu_rule *rules, size_t n, __u8 default_action);
/* The rules of port `with` for this one, too, as for vNICs of a lab whose rules are the same; counters of its own. */
void fixture_share_policy(__u16 port, __u16 with);
#define FIXTURE_POLICIES 4    /* ports 16 to 19 */
#define FIXTURE_CELLS	 8192 /* for each: some 2000 rules */
#define FIXTURE_HITS(port) (((port) - DPU_PORT_VNIC_MIN) * 2048u) /* first counter of its rules */
/* Rules of category ethernet of a vNIC, in order; a second call is a new list. MACs as MAC(n); 0 = any. */
struct l2_text {
	__u64 smac, dmac;
	__u64 smac_mask, dmac_mask; /* as MACs; 0 = the whole address, if there is one */
	__u16 ethertype;
	__u8 direction, action; /* direction 0 = both */
	__u8 schedule;
};
void fixture_l2(__u16 port, const struct l2_text *rules, size_t n);
#define L2_RULES(port_, ...)                                                                       \
	fixture_l2(port_, (const struct l2_text[]){__VA_ARGS__},                                   \
		   sizeof((const struct l2_text[]){__VA_ARGS__}) / sizeof(struct l2_text))
#define FIXTURE_L2_ID 700 /* id of the first of them; the others count on */
/* Schedules in force, and the moment (UTC, since 1970) that the clock shows: the next frame finds what is open. */
void fixture_schedules(const struct dpu_schedule_window *windows, size_t n);
void fixture_clock(__u64 now_s);
/* Changes one port record in place. */
void fixture_edit_port(__u16 port, void (*edit)(struct dpu_port *port));
void fixture_bump(__u32 gen_slot);
__u16 fixture_mac_gen(__u16 segment, __u64 mac); /* generation counter of that fdb entry */

/* Rules as data. Addresses are texts like "10.0.0.0/8", "2001:db8::/32"; NULL = any. */
struct rule_text {
	const char *src, *dst;
	__u8 proto, direction, action;
	__u16 sport_lo, sport_hi, dport_lo, dport_hi; /* hi 0 = same as lo; both 0 = any */
	__u8 family;				      /* only needed without addresses */
	__u8 schedule;				      /* id; 0 = always */
};
void fixture_rules(__u16 port, const struct rule_text *rules, size_t n, __u8 default_action);
#define RULES(port_, default_, ...)                                                                \
	fixture_rules(port_, (const struct rule_text[]){__VA_ARGS__},                              \
		      sizeof((const struct rule_text[]){__VA_ARGS__}) / sizeof(struct rule_text),  \
		      default_)

/* Whole set-ups, usable as a case's .setup. */
void two_vms(void);	   /* ports 16, 17 in SEG: no uplink */
void only_16_opens(void);  /* two_vms, known addresses, a firewall at 16: only VM 16 may open connections */
void three_vms(void);	   /* ports 16, 17, 18 in SEG, 19 in segment 2 */
void vlan_uplink(void);	   /* 16, 17 in SEG = VLAN 100 on the uplink; 18 in segment 2 = VLAN 0 (untagged) */
void vxlan_two_hosts(void); /* 16, 17 in SEG = VNI 5001; VTEP 2 and 3; MAC(116) behind VTEP 2 */
void host_with_dpu(void);  /* vxlan_two_hosts, the host running all; 16 relays to channel 528, the uplink to the PF */
void relaying_host(void);  /* the same with functions 0 */
