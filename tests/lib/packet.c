// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * packet.c - builds a frame in two passes: forward, each layer's header is
 * written with the fields that need no look ahead; backward, each layer gets
 * what depends on the bytes behind it (lengths, checksums).
 */
#include "packet.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LAYERS 32

static void wrong_case(const char *why)
{
	fprintf(stderr, "packet.c: %s\n", why);
	abort();
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static void put_mac(uint8_t *at, uint64_t mac)
{
	put16(at, mac >> 32);
	put32(at + 2, mac);
}

static void put_ip(int family, uint8_t *at, const char *text)
{
	if (inet_pton(family, text, at) != 1)
		wrong_case(text);
}

/* What the case asked for, or else the right value. */
static uint32_t chosen(uint32_t asked, uint32_t right)
{
	if (asked == ZERO)
		return 0;
	if (asked == WRONG)
		return right ^ 1;
	return asked ? asked : right;
}

uint16_t packet_checksum(const uint8_t *data, size_t len, uint32_t sum)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += data[i] << 8 | data[i + 1];
	if (len & 1)
		sum += data[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static size_t header_size(const struct layer *layer)
{
	switch (layer->kind) {
	case LAYER_ETH:
		return 14;
	case LAYER_VLAN:
		return 4;
	case LAYER_ARP:
		return 28;
	case LAYER_IP4:
		return 20 + 4 * layer->ip.options;
	case LAYER_IP6:
		return 40;
	case LAYER_EXT6:
		return 8 + 8 * layer->ext.words;
	case LAYER_FRAG6:
	case LAYER_UDP:
	case LAYER_ICMP:
	case LAYER_VXLAN:
		return 8;
	case LAYER_TCP:
		return layer->tcp.scale ? 24 : 20;
	case LAYER_FILL:
		return layer->fill.n;
	default:
		return 0;
	}
}

static uint16_t ethertype_of(const struct layer *behind)
{
	switch (behind->kind) {
	case LAYER_VLAN:
		return 0x8100;
	case LAYER_ARP:
		return 0x0806;
	case LAYER_IP4:
		return 0x0800;
	case LAYER_IP6:
		return 0x86dd;
	default:
		return 0x88b5; /* local experimental, IEEE 802 */
	}
}

static uint8_t proto_of(const struct layer *behind, bool v6)
{
	switch (behind->kind) {
	case LAYER_TCP:
		return IPPROTO_TCP;
	case LAYER_UDP:
		return IPPROTO_UDP;
	case LAYER_ICMP:
		return v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	case LAYER_EXT6:
	case LAYER_FRAG6:
		return behind->ext.type;
	default:
		return 253; /* RFC 3692: experiments */
	}
}

static void write_eth(const struct layer *layer, uint8_t *at)
{
	put_mac(at, layer->eth.dst);
	put_mac(at + 6, layer->eth.src);
	put16(at + 12, chosen(layer->eth.type, ethertype_of(layer + 1)));
}

static void write_arp(const struct layer *layer, uint8_t *at)
{
	put16(at, 1);
	put16(at + 2, 0x0800);
	at[4] = 6;
	at[5] = 4;
	put16(at + 6, layer->arp.op);
	put_mac(at + 8, layer->arp.sha);
	put_ip(AF_INET, at + 14, layer->arp.spa);
	put_mac(at + 18, layer->arp.tha);
	put_ip(AF_INET, at + 24, layer->arp.tpa);
}

static void write_ip4(const struct layer *layer, uint8_t *at)
{
	size_t size = header_size(layer);

	at[0] = chosen(layer->ip.version, 4) << 4 | (chosen(layer->ip.ihl, size / 4) & 15);
	at[1] = layer->ip.tos;
	put16(at + 4, layer->ip.id);
	put16(at + 6, layer->ip.frag);
	at[8] = chosen(layer->ip.ttl, 64);
	at[9] = chosen(layer->ip.proto, proto_of(layer + 1, false));
	put_ip(AF_INET, at + 12, layer->ip.src);
	put_ip(AF_INET, at + 16, layer->ip.dst);
	memset(at + 20, 1, size - 20);
}

static void write_ip6(const struct layer *layer, uint8_t *at)
{
	at[0] = chosen(layer->ip.version, 6) << 4 | layer->ip.tos >> 4;
	at[1] = layer->ip.tos << 4;
	at[6] = chosen(layer->ip.proto, proto_of(layer + 1, true));
	at[7] = chosen(layer->ip.ttl, 64);
	put_ip(AF_INET6, at + 8, layer->ip.src);
	put_ip(AF_INET6, at + 24, layer->ip.dst);
}

static void write_ext6(const struct layer *layer, uint8_t *at)
{
	at[0] = chosen(layer->ext.next, proto_of(layer + 1, true));
	at[1] = layer->ext.type == IPPROTO_AH ? layer->ext.words * 2 : layer->ext.words;
	if (layer->kind == LAYER_FRAG6) {
		at[1] = 0;
		put16(at + 2, layer->ext.frag);
		put32(at + 4, layer->ext.id);
	} else if (layer->ext.type == IPPROTO_ROUTING) {
		at[2] = layer->ext.routing;
	} else {
		at[2] = 1; /* PadN over the rest */
		at[3] = 4 + 8 * layer->ext.words;
	}
}

static void write_tcp(const struct layer *layer, uint8_t *at)
{
	uint32_t flags = layer->tcp.flags;
	uint32_t first = flags & SYN || (flags & (RST | ACK)) == (RST | ACK) ? 0 : 1; /* RFC 9293 3.10.7.1 */

	put16(at, layer->tcp.sport);
	put16(at + 2, layer->tcp.dport);
	put32(at + 4, layer->tcp.seq ? layer->tcp.seq : first);
	put32(at + 8, layer->tcp.ack ? layer->tcp.ack : !!(flags & ACK));
	at[12] = chosen(layer->tcp.offset, layer->tcp.scale ? 6 : 5) << 4;
	at[13] = layer->tcp.flags;
	put16(at + 14, layer->tcp.window);
	if (layer->tcp.scale)
		memcpy(at + 20, (uint8_t[]){3, 3, layer->tcp.scale - 1, 1}, 4);
}

static void write_icmp(const struct layer *layer, uint8_t *at)
{
	at[0] = layer->icmp.type;
	at[1] = layer->icmp.code;
	if (layer->icmp.mtu) {
		put32(at + 4, layer->icmp.mtu);
		return;
	}
	put16(at + 4, layer->icmp.id);
	put16(at + 6, layer->icmp.seq);
}

/* A quotation is written at once; its size is known only here. */
static size_t write_quote(const struct layer *layer, uint8_t *at, size_t room)
{
	struct frame quoted;
	size_t n = layer->quote.n;

	frame_build(layer->quote.frame, &quoted);
	if (layer->quote.from > quoted.len || n > quoted.len - layer->quote.from)
		wrong_case("a quotation is longer than the frame it quotes");
	n = n ? n : quoted.len - layer->quote.from;
	if (n > room)
		wrong_case("frame longer than FRAME_MAX");
	memcpy(at, quoted.data + layer->quote.from, n);
	return n;
}

static void write_header(const struct layer *layer, uint8_t *at)
{
	switch (layer->kind) {
	case LAYER_ETH:
		return write_eth(layer, at);
	case LAYER_VLAN:
		put16(at, layer->vlan.pcp << 13 | layer->vlan.vid);
		put16(at + 2, chosen(layer->vlan.type, ethertype_of(layer + 1)));
		return;
	case LAYER_ARP:
		return write_arp(layer, at);
	case LAYER_IP4:
		return write_ip4(layer, at);
	case LAYER_IP6:
		return write_ip6(layer, at);
	case LAYER_EXT6:
	case LAYER_FRAG6:
		return write_ext6(layer, at);
	case LAYER_TCP:
		return write_tcp(layer, at);
	case LAYER_UDP:
		put16(at, layer->udp.sport);
		put16(at + 2, layer->udp.dport);
		return;
	case LAYER_ICMP:
		return write_icmp(layer, at);
	case LAYER_VXLAN:
		at[0] = chosen(layer->vxlan.flags, 0x08);
		put32(at + 4, layer->vxlan.vni << 8 | (layer->vxlan.reserved & 0xff));
		return;
	case LAYER_FILL:
		for (size_t i = 0; i < layer->fill.n; i++)
			at[i] = layer->fill.first + i;
		return;
	default:
		return;
	}
}

/* Sum of the pseudo header of the IP layer before this one; 0 for ICMP over IPv4, which has none. */
static uint32_t pseudo_sum(const struct layer *ip, const uint8_t *at, size_t len, uint8_t proto)
{
	const uint8_t *addresses = ip->kind == LAYER_IP6 ? at + 8 : at + 12;
	size_t size = ip->kind == LAYER_IP6 ? 32 : 8;

	if (proto == IPPROTO_ICMP)
		return 0;
	return (uint16_t)~packet_checksum(addresses, size, 0) + proto + len;
}

static void finish_ip(const struct layer *layer, uint8_t *at, size_t len)
{
	if (layer->kind == LAYER_IP6) {
		put16(at + 4, chosen(layer->ip.len, len - 40));
		return;
	}
	put16(at + 2, chosen(layer->ip.len, len));
	put16(at + 10, 0);
	put16(at + 10, chosen(layer->ip.csum, packet_checksum(at, header_size(layer), 0)));
}

/* ip, ip_at: the IP layer in front, for the pseudo header; NULL if there is none. */
static void finish_transport(const struct layer *layer, uint8_t *at, size_t len,
			     const struct layer *ip, const uint8_t *ip_at)
{
	uint8_t proto = ip ? proto_of(layer, ip->kind == LAYER_IP6) : 0;
	uint32_t sum = ip ? pseudo_sum(ip, ip_at, len, proto) : 0;
	uint16_t right;

	if (layer->kind == LAYER_UDP)
		put16(at + 4, chosen(layer->udp.len, len));
	right = packet_checksum(at, len, sum);
	if (layer->kind == LAYER_UDP)
		put16(at + 6, chosen(layer->udp.csum, right ? right : 0xffff));
	else if (layer->kind == LAYER_TCP)
		put16(at + 16, chosen(layer->tcp.csum, right));
	else
		put16(at + 2, chosen(layer->icmp.csum, right));
}

static const struct layer *ip_in_front(const struct layer *layers, size_t i)
{
	while (i-- > 0)
		if (layers[i].kind == LAYER_IP4 || layers[i].kind == LAYER_IP6)
			return &layers[i];
	return NULL;
}

void frame_build(const struct layer *layers, struct frame *frame)
{
	size_t at[MAX_LAYERS], n = 0;

	memset(frame, 0, sizeof(*frame));
	for (; layers[n].kind != LAYER_END; n++) {
		const struct layer *layer = &layers[n];

		if (n == MAX_LAYERS || frame->len + header_size(layer) > FRAME_MAX)
			wrong_case("frame longer than FRAME_MAX");
		at[n] = frame->len;
		write_header(layer, frame->data + frame->len);
		frame->len += header_size(layer);
		if (layer->kind == LAYER_QUOTE)
			frame->len += write_quote(layer, frame->data + frame->len,
						  FRAME_MAX - frame->len);
	}
	for (size_t i = n; i-- > 0;) {
		const struct layer *layer = &layers[i], *ip = ip_in_front(layers, i);
		uint8_t *start = frame->data + at[i];

		if (layer->kind == LAYER_IP4 || layer->kind == LAYER_IP6)
			finish_ip(layer, start, frame->len - at[i]);
		else if (layer->kind == LAYER_TCP || layer->kind == LAYER_UDP ||
			 layer->kind == LAYER_ICMP)
			finish_transport(layer, start, frame->len - at[i], ip,
					 ip ? frame->data + at[ip - layers] : NULL);
	}
}

void frame_difference(const struct frame *got, const struct frame *want, char *text, size_t size)
{
	size_t used = 0, shown = 0;

	text[0] = 0;
	if (got->len != want->len)
		used += snprintf(text, size, "length: got %zu, expected %zu\n", got->len, want->len);
	for (size_t i = 0; i < got->len && i < want->len && shown < 8 && used < size; i++) {
		if (got->data[i] == want->data[i])
			continue;
		used += snprintf(text + used, size - used, "byte %zu: got %02x, expected %02x\n", i,
				 got->data[i], want->data[i]);
		shown++;
	}
}
