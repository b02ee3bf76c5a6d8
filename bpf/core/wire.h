/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* wire.h - headers as they stand on the wire, every field in network byte order unless it is a byte. */
#pragma once
#include <linux/types.h>

/*
 * Frames are not aligned. The BPF target takes that as it is (and would split
 * fields of packed structs into bytes); a native compiler has to be told.
 */
#ifdef DPU_NATIVE
#define WIRE __attribute__((packed))
#else
#define WIRE
#endif

struct wire_eth {
	__u8 dmac[6], smac[6];
	__be16 type;
} WIRE;

struct wire_vlan { /* behind the two addresses: 0x8100, TCI, then the real type */
	__be16 tci;
	__be16 type;
} WIRE;

struct wire_ip4 {
	__u8 ver_ihl, tos;
	__be16 len, id, frag; /* frag: RF DF MF and offset */
	__u8 ttl, proto;
	__be16 check;
	__be32 src, dst;
} WIRE;

struct wire_ip6 {
	__be32 ver_class_label;
	__be16 payload_len;
	__u8 next, hop_limit;
	__u8 src[16], dst[16];
} WIRE;

struct wire_udp {
	__be16 sport, dport, len, check;
} WIRE;

struct wire_tcp {
	__be16 sport, dport;
	__be32 seq, ack;
	__u8 doff, flags; /* doff: upper four bits, in words */
	__be16 window, check, urgent;
} WIRE;

struct wire_icmp {
	__u8 type, code;
	__be16 check;
	__be16 id, seq; /* echo; others: the four bytes mean something else */
} WIRE;

/* RFC 826, Ethernet and IPv4; its addresses are not aligned to words. */
struct wire_arp {
	__be16 htype, ptype;
	__u8 hlen, plen;
	__be16 op;
	__u8 sha[6], spa[4], tha[6], tpa[4];
} WIRE;

struct wire_vxlan { /* RFC 7348 section 5 */
	__be32 flags;
	__be32 vni; /* VNI << 8 */
} WIRE;

/* What VXLAN over IPv4 puts in front of a frame. Two-byte aligned, so its words are never read whole on BPF. */
struct wire_outer {
	struct wire_eth eth;
	struct wire_ip4 ip;
	struct wire_udp udp;
	struct wire_vxlan vxlan;
} __attribute__((packed, aligned(2)));

#define WIRE_VXLAN_FLAG_I 0x08000000u /* host order */
#define WIRE_IP4_DF	  0x4000
#define WIRE_IP4_MF	  0x2000
#define WIRE_IP4_OFFSET	  0x1fff

/* IP protocol numbers (IANA). */
#define WIRE_PROTO_ICMP	  1
#define WIRE_PROTO_TCP	  6
#define WIRE_PROTO_UDP	  17
#define WIRE_PROTO_GRE	  47
#define WIRE_PROTO_ICMP6  58
#define WIRE_PROTO_SCTP	  132

#define WIRE_TCP_FIN 0x01
#define WIRE_TCP_SYN 0x02
#define WIRE_TCP_RST 0x04
#define WIRE_TCP_ACK 0x10

/* First two bytes of GRE, host order (RFC 2784, RFC 2890); C and R: four bytes more before the key. */
#define WIRE_GRE_CHECKSUM 0x8000
#define WIRE_GRE_ROUTING  0x4000
#define WIRE_GRE_KEY	  0x2000
#define WIRE_GRE_VERSION  0x0007

/* Echo request and reply, both families (RFC 792, RFC 4443). */
#define WIRE_ICMP_ECHO_REPLY	0
#define WIRE_ICMP_ECHO		8
#define WIRE_ICMP6_ECHO		128
#define WIRE_ICMP6_ECHO_REPLY	129

/* RFC 2710, RFC 3810, RFC 4861 */
#define WIRE_ICMP6_MLD_REPORT	       131
#define WIRE_ICMP6_ROUTER_SOLICIT      133
#define WIRE_ICMP6_NEIGHBOUR_SOLICIT   135
#define WIRE_ICMP6_NEIGHBOUR_ADVERTISE 136
#define WIRE_ICMP6_MLD2_REPORT	       143

/* Unaligned words of a frame or header. */
struct wire_u64 {
	__u64 v;
} WIRE;
struct wire_u32 {
	__u32 v;
} WIRE;
#define wire_u64(p) (((struct wire_u64 *)(p))->v)
#define wire_u32(p) (((struct wire_u32 *)(p))->v)

_Static_assert(sizeof(struct wire_eth) == 14, "Ethernet");
_Static_assert(sizeof(struct wire_ip4) == 20, "IPv4");
_Static_assert(sizeof(struct wire_ip6) == 40, "IPv6");
_Static_assert(sizeof(struct wire_arp) == 28, "ARP");
_Static_assert(sizeof(struct wire_tcp) == 20, "TCP");

/* 50 bytes in words: memcpy() of bytes whose alignment is unknown becomes 50 byte moves on the BPF target. */
static inline __attribute__((always_inline)) void wire_copy_outer(void *to, const void *from)
{
	for (int i = 0; i < 48; i += 8)
		wire_u64((__u8 *)to + i) = wire_u64((__u8 *)from + i);
	((__u8 *)to)[48] = ((const __u8 *)from)[48];
	((__u8 *)to)[49] = ((const __u8 *)from)[49];
}

/* No station has this address: a group's, or zero. */
static inline __attribute__((always_inline)) int wire_no_station(const __u8 *mac)
{
	return (mac[0] & 1) || !(mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]);
}
