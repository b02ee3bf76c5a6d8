/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * packet.h - frames written layer by layer, as constant data:
 *
 *   FRAME(ETH(MAC(2), MAC(1)), IP4("10.0.0.1", "10.0.0.2"), TCP(1000, 80, SYN))
 *
 * Ethertype, protocol and next-header fields follow from the layer behind;
 * lengths and checksums are right. Extra arguments set fields by name, also to
 * wrong values: IP4("10.0.0.1", "10.0.0.2", .ttl = 1, .csum = WRONG). A field
 * left out, or 0, takes the right value; WRONG makes it wrong; ZERO is 0. For TCP's
 * numbers that is what a handshake of two SYNs numbered 0 leads to.
 * The layers of a tunnel or of an ICMP quotation simply follow.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

#define FRAME_MAX 4096

enum layer_kind {
	LAYER_END = 0,
	LAYER_ETH,
	LAYER_VLAN,
	LAYER_ARP,
	LAYER_IP4,
	LAYER_IP6,
	LAYER_EXT6,
	LAYER_FRAG6,
	LAYER_TCP,
	LAYER_UDP,
	LAYER_ICMP,
	LAYER_VXLAN,
	LAYER_FILL,
	LAYER_QUOTE,
};

#define ANY_PORT 0x40000u /* UDP source port of an expected outer header: 49152 to 65535 */
#define ZERO  0x10000u /* for a 16-bit field: really 0 */
#define WRONG 0x20000u /* the right value with its lowest bit turned over */

struct layer {
	enum layer_kind kind;
	union {
		struct {
			uint64_t dst, src;
			uint32_t type;
		} eth;
		struct {
			uint32_t vid, type;
			uint32_t pcp;
		} vlan;
		struct {
			uint32_t op; /* 1 request, 2 reply */
			uint64_t sha, tha;
			const char *spa, *tpa;
		} arp;
		struct {
			const char *src, *dst;
			uint32_t ttl, tos, id, proto, len, csum;
			uint32_t frag;	  /* flags and offset as on the wire, host order: MF | 3 */
			uint32_t version; /* default 4 or 6 */
			uint32_t options; /* IPv4: words of options (no-operation) */
			uint32_t ihl;	  /* IPv4: header length field, when it should lie */
		} ip;
		struct {
			uint32_t type;	/* this header's number */
			uint32_t next;	/* default: from the layer behind */
			uint32_t words; /* 8-byte words beyond the first */
			uint32_t routing; /* a routing header's type */
			uint32_t frag;	/* FRAG6: offset (8-byte units << 3) and M flag */
			uint32_t id;
		} ext;
		struct {
			uint32_t sport, dport, flags, seq, ack, window, csum;
			uint32_t offset; /* header length field in words, when it should lie */
			uint32_t scale;  /* 1 + shift: four bytes of options, window scale (RFC 7323) and no-operation */
		} tcp;
		struct {
			uint32_t sport, dport, len, csum;
		} udp;
		struct {
			uint32_t type, code, id, seq, csum;
			uint32_t mtu; /* too big: instead of id and seq */
		} icmp;
		struct {
			uint32_t vni, flags, reserved;
		} vxlan;
		struct {
			uint32_t n, first; /* bytes first, first + 1, ... */
		} fill;
		struct {
			const struct layer *frame; /* another frame ... */
			uint32_t from, n;	   /* ... n of its bytes from there; n = 0: all */
		} quote;
	};
};

#define FRAME(...) ((const struct layer[]){__VA_ARGS__, {.kind = LAYER_END}})

#define ETH(dst_, src_, ...)	{.kind = LAYER_ETH, .eth = {.dst = dst_, .src = src_, ##__VA_ARGS__}}
#define VLAN(vid_, ...)		{.kind = LAYER_VLAN, .vlan = {.vid = vid_, ##__VA_ARGS__}}
#define ARP(op_, sha_, spa_, tha_, tpa_) \
	{.kind = LAYER_ARP, .arp = {.op = op_, .sha = sha_, .spa = spa_, .tha = tha_, .tpa = tpa_}}
#define IP4(src_, dst_, ...)	{.kind = LAYER_IP4, .ip = {.src = src_, .dst = dst_, ##__VA_ARGS__}}
#define IP6(src_, dst_, ...)	{.kind = LAYER_IP6, .ip = {.src = src_, .dst = dst_, ##__VA_ARGS__}}
#define EXT6(type_, ...)	{.kind = LAYER_EXT6, .ext = {.type = type_, ##__VA_ARGS__}}
#define FRAG6(frag_, ...)	{.kind = LAYER_FRAG6, .ext = {.type = 44, .frag = frag_, ##__VA_ARGS__}}
#define TCP(sport_, dport_, flags_, ...) \
	{.kind = LAYER_TCP, .tcp = {.sport = sport_, .dport = dport_, .flags = flags_, ##__VA_ARGS__}}
#define UDP(sport_, dport_, ...) \
	{.kind = LAYER_UDP, .udp = {.sport = sport_, .dport = dport_, ##__VA_ARGS__}}
/* ICMP behind IP4, ICMPv6 behind IP6: the checksum follows the family. */
#define ICMP(type_, code_, ...) \
	{.kind = LAYER_ICMP, .icmp = {.type = type_, .code = code_, ##__VA_ARGS__}}
#define VXLAN(vni_, ...)	{.kind = LAYER_VXLAN, .vxlan = {.vni = vni_, ##__VA_ARGS__}}
#define FILL(n_, ...)		{.kind = LAYER_FILL, .fill = {.n = n_, ##__VA_ARGS__}}
#define QUOTE(frame_, ...)	{.kind = LAYER_QUOTE, .quote = {.frame = frame_, ##__VA_ARGS__}}

/* Names for what the cases are full of. */
#define MAC(n)	  (0x020000000000ull + (n))
#define BROADCAST 0xffffffffffffull
#define MCAST	  0x01005e000001ull

enum tcp_flag { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };

enum ip4_frag { MF = 0x2000, DF = 0x4000 };

struct frame {
	uint8_t data[FRAME_MAX];
	size_t len;
};

/* Builds the bytes. A frame that does not fit or cannot be built ends the program: the case is wrong. */
void frame_build(const struct layer *layers, struct frame *ret_frame);
/* Reads both frames header by header and writes where they differ, one line each; "" if equal. */
void frame_difference(const struct frame *got, const struct frame *want, char *text, size_t size);
/* Internet checksum over the bytes (RFC 1071), as it stands in a header, host order. */
uint16_t packet_checksum(const uint8_t *data, size_t len, uint32_t sum);
