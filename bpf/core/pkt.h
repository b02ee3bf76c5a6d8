/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pkt.h - the neutral packet context: what the hook knows of a frame, what parse
 * read from it, what the stages decided. Offsets and values only, no pointers,
 * so that it can live in a per-CPU map and cross function and tail-call borders.
 */
#pragma once
#include <dpulab/conntrack.h>
#include <dpulab/flow.h>
#include <dpulab/guard.h>
#include <dpulab/intercept.h>
#include <dpulab/port.h>
#include <dpulab/stats.h>
#include "core/flowid.h"
#include "core/query.h"
#include "core/tcp_state.h"

enum pkt_l3 {
	PKT_L3_OTHER = 0, /* not IP: switched, never judged by the firewall */
	PKT_L3_ARP,
	PKT_L3_IP4,
	PKT_L3_IP6,
};

enum pkt_frag {
	PKT_FRAG_NONE = 0,
	PKT_FRAG_FIRST,
	PKT_FRAG_LATER,
};

enum pkt_unjudgeable {
	PKT_JUDGEABLE = 0,
	PKT_UNREADABLE,	 /* of an ICMP error: the quoted packet */
	PKT_EXT_HEADERS, /* a chain of extension headers that no sender makes */
	PKT_TINY,	 /* a first fragment that leaves its headers to later ones */
};

/* Where a transport header was found: of the frame, then of the packet an ICMP error quotes. */
struct pkt_l4 {
	__u32 off;
	__be32 frag_id;
	__u16 frag_at;	   /* where the fragment's bytes begin */
	__u16 frag_offset; /* of them in the datagram, bytes */
	__u8 proto;
	__u8 frag; /* enum pkt_frag */
	__u8 lost; /* not found: cut, or odd */
	__u8 odd;  /* extension headers that no sender makes */
	__u8 seen; /* bits of those met: parse_ext_bit() */
	__u8 more; /* fragment: not the last */
	__u8 pad[2];
};

struct pkt {
	/* filled by the hook */
	__u32 ifindex;
	__u32 len;	/* L2 frame as it arrived, bytes, outer header included */
	__u32 gso_size; /* TC: payload of one segment, 0 = not GSO. XDP: 0 */
	__u32 gso_segs; /* at least 1 */
	__u8 hook;	/* enum dpu_hook */
	__u8 tagged;	  /* an 802.1Q tag came with the frame */
	__u8 tag_in_meta; /* it came in skb metadata, not in the bytes */
	__u8 trunk;	  /* the tag is an overlay segment's on the trunk: core/trunk.h */

	/* filled by port and parse */
	__u8 in_kind;	/* enum dpu_port_kind after acts_as */
	__u8 functions;	/* of this location: enum dpu_function */
	__u8 l3;	/* enum pkt_l3 */
	__u8 frag;	/* enum pkt_frag */
	__u8 has_ports; /* key.sport/dport are L4 ports (TCP, UDP, SCTP) */
	__u8 icmp_type, icmp_code;
	__u8 icmp_error; /* an ICMP(v6) error: "inner" holds the quoted packet's tuple */
	__u8 bad;	 /* malformed: drop */
	__u8 unjudgeable; /* IP, but the transport header cannot be found: enum pkt_unjudgeable */
	__u8 frag_more;	  /* a fragment that is not the last one */
	__u32 frag_from, frag_to; /* its bytes of the datagram */
	__u16 raw_port;	/* port of the device, before acts_as */
	__u16 segment;
	__u16 l2_off;	/* of the (inner) Ethernet header: 0, or DPU_VXLAN_OVERHEAD when in VXLAN */
	__u16 l3_off, l4_off; /* from the start of the frame */
	__u16 ethertype; /* host order, behind the tag */
	__u16 l3_len;	/* IP total length, bytes */
	__u16 in_vtep;	/* tunnel endpoint the frame came from; 0 = none */
	struct pkt_l4 l4;
	struct tcp_segment tcp;
	struct dpu_flow_key key; /* the (inner) headers; exact form used by the flow cache */
	struct flow_id id; /* of key, once flow_id_of() has been asked */
	__be32 frag_id; /* of a fragment: IPv4 identification (first two bytes), IPv6 fragment identification */
	struct dpu_ct_key inner; /* quoted tuple of an ICMP error, in its own direction: side 0 = its source */

	/* decided by the stages */
	__u8 verdict;	/* enum dpu_verdict */
	__u8 reason;	/* enum dpu_reason */
	__u8 action;	/* enum dpu_flow_action */
	__u8 flood;	/* no single output: copy to the segment */
	__u8 cacheable; /* cleared by a stage that looked at something not in key or generations */
	__u8 n_gens;
	__u16 out_port, out_vtep;
	__u8 qos;	/* a shaper or a queue of the uplink has a say */
	__u16 queue;	/* of the uplink, as in dpu_path */
	__u8 dscp;	/* of the (inner) IP header */
	__u8 tos, cos;	/* marks of its class: outer service type, priority in a tag */
	__u8 priority;	/* which marks, in a tag on the trunk */
	__u16 out_vlan;	/* of action TAG, host order */
	__u16 max_len;	/* largest inner L2 frame the output takes, bytes */
	__u16 gen_slot[DPU_FLOW_GENS];
	__u32 gen_sum;	/* of the counters as read *before* the decision that depends on them */
	__u32 ct_id[2];	/* source vNIC's, destination vNIC's connection; 0 = none */
	__u16 ct_zone[2];
	__u32 rule_id;	/* rule that decided a drop or reject */
	__u64 now_ns;
	__u32 flow_tag, flow_ref; /* of the flow entry being written */
	__u32 flow_path, flow_path_seq; /* of the path it rests on */
	__u8 flow_counted; /* in the emulated device's table */
	__u64 idle_ns;	/* shortest idle time-out of the connections a cached decision rests on; 0 = none */

	struct dpu_binding_key binding; /* the address that the frame claims for its vNIC */
	__u8 guard;	/* of the vNIC: enum dpu_guard_mode */
	__u8 intercept;	/* chains of slots it met: bits by enum dpu_intercept_direction */

	/* the connection and vNIC being judged: handed from function to function of the firewall */
	struct dpu_ct_key ct_key;
	struct dpu_ct ct_new; /* a connection being made */
	struct dpu_ct_key other_key; /* of a connection met on the way: core/flowtab.h */
	struct dpu_fragment_key fragment_key;
	__u8 frag_way, frag_known, frag_overlaps; /* what stage/fragment.h has found */
	__u32 frag_reach, frag_run_from, frag_run_to;
	__u64 frag_rank;
	__u64 hold_rank; /* what stage/hold.h has found */
	__u32 hold_place;
	__u8 hold_saved; /* the frame's bytes are in "frame_buffer" */
	__u8 ct_dead;	/* the table has an entry of ct_key, and it has expired */
	__u8 ct_side;	/* side of ct_key that sent this frame */
	__u8 inbound;	/* the frame goes towards the VM of the vNIC */
	__u8 start_state, start_flags; /* of the connection that the frame may start: enum dpu_ct_state, dpu_ct_flag */
	__u8 judged;	/* the connection was judged under the present policy, or above the rate not */
	__u16 vnic;	/* port number of the vNIC, the zone */
	__u16 none_at;	/* vNIC whose zone has been looked at for this connection in vain; 0 = none */
	__u32 policy_gen; /* of the vNIC, as it was before its rules were read */
	__u32 cookie;	  /* number of a challenge to be sent */
	__u32 clock_hand, clock_seat, clock_least; /* of a walk of ct_clock's hand */
	struct classify_query query;   /* to the rules */
	__u64 answered, answered_closed; /* the policy, as in dpu_port, and the schedules that query and opener are an answer of; 0 = none */
	/* to the rules of category ethernet, and their answer */
	__u64 l2_smac, l2_dmac; /* as numbers: l2.h */
	__u32 l2_first;		/* of the vNIC's list */
	__u32 l2_rule;		/* id of the one that decided; 0 = none */
	__u8 l2_direction;	/* enum dpu_direction */
	__u8 l2_action;
	__u8 opener;	/* the side of ct_key that the rules were asked about as the opener */
	__u8 log;	/* the rule that decided wants it to be known */

	/* of an answer: the transport checksum, if it looks like one left to a device to finish */
	__u8 half_made;
	__u16 half_check; /* as found */
	__u16 half_at;	  /* where the answer quotes it; 0 = not at all, or not to the end */

	/* of a flood; here, not on the stack, where the verifier would follow every value they take */
	__u8 wrapped;	 /* the outer header is on the frame */
	__u16 copies;	 /* sent */
	__u16 refused;	 /* by their destination's policy */

	__be16 outer_sport; /* to go with it */
	__u8 outer[DPU_VXLAN_OVERHEAD]; /* outer header towards a tunnel endpoint, made by vxlan_build() */
};

/* A frame's bytes, put aside. */
struct frame_bytes {
	__u8 b[DPU_HELD_BYTES];
};

/* What a chain of intercept slots is told of a frame. */
struct intercept_work {
	union {
		struct dpu_intercept told; /* to the slot that is running, which may write to it */
		__u64 told_word[sizeof(struct dpu_intercept) / 8];
	};
	struct dpu_intercept frame; /* for the next slot, as the pipeline knows it */
	struct dpu_intercept kept;  /* for the chain of the other vNIC */
	struct dpu_intercept_addresses addresses;
	struct dpu_intercept_key key; /* of the frame's connection, for a process's verdict */
};

/* An answer (RST, ICMP error) while it is built: the IP packet, aligned for its checksum. */
#define ANSWER_MAX 1280 /* IPv6's minimum MTU: no answer may be longer (RFC 4443 2.4) */
#define ANSWER_ROOM (ANSWER_MAX + 8) /* a word the verifier cannot rule out, rounded to 8 */
struct answer_packet {
	__u8 pad[2]; /* so that what is behind the Ethernet header is aligned */
	__u8 eth[14];
	union {
		__u8 b[ANSWER_ROOM];
		__u32 w[ANSWER_ROOM / 4];
	};
};
