/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "frame_spec.h"

#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#include "values.h"

#define ND_HOPS	   255 /* RFC 4861 7.1: anything less is refused */
#define SCTP_HEADER 12

struct bytes {
	uint8_t *data;
	uint32_t len, size;
	bool full;
};

/* Room for n bytes, zero; NULL when there is none. */
static void *add(struct bytes *bytes, uint32_t n)
{
	uint8_t *at = bytes->data + bytes->len;

	if (n > bytes->size - bytes->len) {
		bytes->full = true;
		return NULL;
	}
	memset(at, 0, n);
	bytes->len += n;
	return at;
}

/* Counted bytes, as ping sends them. */
static void add_payload(struct bytes *bytes, uint32_t n)
{
	uint8_t *payload = add(bytes, n);

	for (uint32_t i = 0; payload && i < n; i++)
		payload[i] = (uint8_t)i;
}

/* ---- checksums (RFC 1071) ------------------------------------------------ */

static uint32_t sum_bytes(uint32_t sum, const void *data, uint32_t len)
{
	const uint8_t *byte = data;

	for (uint32_t i = 0; i < len; i++)
		sum += i & 1 ? byte[i] : (uint32_t)byte[i] << 8;
	return sum;
}

static uint16_t sum_end(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* Over the pseudo header and what stands from l4 on. */
static uint16_t transport_sum(const struct frame_spec *spec, const uint8_t *l4, uint32_t len)
{
	bool v4 = ip_family(&spec->src) == 4;
	uint32_t sum = sum_bytes(0, l4, len);

	if (spec->proto == IPPROTO_ICMP)
		return sum_end(sum);
	sum = sum_bytes(sum, &spec->src.b[v4 ? 12 : 0], v4 ? 4 : 16);
	sum = sum_bytes(sum, &spec->dst.b[v4 ? 12 : 0], v4 ? 4 : 16);
	return sum_end(sum + len + spec->proto);
}

/* ---- transport ------------------------------------------------------------ */

/* Headers are made aside: behind 14 bytes of Ethernet nothing is aligned. */
static void append(struct bytes *bytes, const void *header, uint32_t n)
{
	uint8_t *at = add(bytes, n);

	if (at)
		memcpy(at, header, n);
}

static void add_tcp(struct bytes *bytes, const struct frame_spec *spec)
{
	const struct tcphdr tcp = {
		.th_sport = htons(spec->sport),
		.th_dport = htons(spec->dport),
		.th_seq = htonl(1),
		.th_ack = spec->tcp_flags & TH_ACK ? htonl(1) : 0,
		.th_off = sizeof(tcp) / 4,
		.th_flags = spec->tcp_flags,
		.th_win = htons(65535),
	};

	append(bytes, &tcp, sizeof(tcp));
}

static void add_udp(struct bytes *bytes, const struct frame_spec *spec)
{
	const struct udphdr udp = {
		.uh_sport = htons(spec->sport),
		.uh_dport = htons(spec->dport),
		.uh_ulen = htons((uint16_t)(sizeof(udp) + spec->payload)),
	};

	append(bytes, &udp, sizeof(udp));
}

static void add_sctp(struct bytes *bytes, const struct frame_spec *spec)
{
	const uint16_t sctp[SCTP_HEADER / 2] = {htons(spec->sport), htons(spec->dport)};

	append(bytes, sctp, sizeof(sctp));
}

/* Both ICMPs begin alike. */
static void add_icmp(struct bytes *bytes, const struct frame_spec *spec)
{
	const struct icmphdr icmp = {
		.type = spec->type,
		.code = spec->code,
		.un.echo = {.id = htons(spec->id), .sequence = htons(spec->seq)},
	};

	append(bytes, &icmp, sizeof(icmp));
}

/* RFC 4861 4.3, 4.4; the option 4.6.1 names the link-layer address. */
static void add_nd(struct bytes *bytes, const struct frame_spec *spec)
{
	bool asks = spec->type == ND_NEIGHBOR_SOLICIT, unspecified = !spec->src.q[0] && !spec->src.q[1];
	uint8_t option[8] = {asks ? ND_OPT_SOURCE_LINKADDR : ND_OPT_TARGET_LINKADDR, 1};
	struct nd_neighbor_advert nd = {.nd_na_type = spec->type};

	if (!asks)
		nd.nd_na_flags_reserved = ND_NA_FLAG_SOLICITED | ND_NA_FLAG_OVERRIDE;
	memcpy(&nd.nd_na_target, &spec->claim_ip, 16);
	memcpy(option + 2, &spec->claim_mac, ETH_ALEN);
	append(bytes, &nd, sizeof(nd));
	if (!asks || !unspecified) /* duplicate address detection names nobody */
		append(bytes, option, sizeof(option));
}

static void add_transport(struct bytes *bytes, const struct frame_spec *spec)
{
	uint32_t begin = bytes->len;
	static const struct {
		uint8_t proto, check_at;
	} sums[] = {{IPPROTO_TCP, 16}, {IPPROTO_UDP, 6}, {IPPROTO_ICMP, 2}, {IPPROTO_ICMPV6, 2}};
	uint16_t check;

	if (spec->kind == FRAME_ND)
		add_nd(bytes, spec);
	else if (spec->proto == IPPROTO_TCP)
		add_tcp(bytes, spec);
	else if (spec->proto == IPPROTO_UDP)
		add_udp(bytes, spec);
	else if (spec->proto == IPPROTO_SCTP)
		add_sctp(bytes, spec);
	else if (spec->proto == IPPROTO_ICMP || spec->proto == IPPROTO_ICMPV6)
		add_icmp(bytes, spec);
	add_payload(bytes, spec->payload);
	for (size_t i = 0; i < sizeof(sums) / sizeof(*sums); i++) {
		if (bytes->full || sums[i].proto != spec->proto)
			continue;
		check = transport_sum(spec, bytes->data + begin, bytes->len - begin);
		if (!check && spec->proto == IPPROTO_UDP) /* 0 would say "none" */
			check = UINT16_MAX;
		memcpy(bytes->data + begin + sums[i].check_at, &check, sizeof(check));
	}
}

/* ---- network --------------------------------------------------------------- */

static void add_ip4(struct bytes *bytes, const struct frame_spec *spec)
{
	struct iphdr ip = {.version = 4, .ihl = 5, .ttl = spec->ttl, .protocol = spec->proto};
	uint8_t *at = add(bytes, sizeof(ip));

	add_transport(bytes, spec);
	if (bytes->full)
		return;
	ip.tot_len = htons((uint16_t)(bytes->data + bytes->len - at));
	ip.id = htons(1);
	ip.frag_off = htons(IP_DF);
	memcpy(&ip.saddr, &spec->src.b[12], 4);
	memcpy(&ip.daddr, &spec->dst.b[12], 4);
	ip.check = sum_end(sum_bytes(0, &ip, sizeof(ip)));
	memcpy(at, &ip, sizeof(ip));
}

static void add_ip6(struct bytes *bytes, const struct frame_spec *spec)
{
	struct ip6_hdr ip = {.ip6_flow = htonl(6u << 28), .ip6_nxt = spec->proto};
	uint8_t *at = add(bytes, sizeof(ip));

	add_transport(bytes, spec);
	if (bytes->full)
		return;
	ip.ip6_plen = htons((uint16_t)(bytes->data + bytes->len - at - sizeof(ip)));
	ip.ip6_hlim = spec->kind == FRAME_ND ? ND_HOPS : spec->ttl;
	memcpy(&ip.ip6_src, &spec->src, 16);
	memcpy(&ip.ip6_dst, &spec->dst, 16);
	memcpy(at, &ip, sizeof(ip));
}

/* RFC 826 */
static void add_arp(struct bytes *bytes, const struct frame_spec *spec)
{
	struct ether_arp arp = {
		.ea_hdr = {htons(ARPHRD_ETHER), htons(ETHERTYPE_IP), ETH_ALEN, 4, htons(spec->type)},
	};

	memcpy(arp.arp_sha, &spec->claim_mac, ETH_ALEN);
	memcpy(arp.arp_spa, &spec->claim_ip.b[12], 4);
	if (spec->type != ARPOP_REQUEST)
		memcpy(arp.arp_tha, &spec->dmac, ETH_ALEN);
	memcpy(arp.arp_tpa, &spec->dst.b[12], 4);
	append(bytes, &arp, sizeof(arp));
}

uint32_t frame_build_bytes(const struct frame_spec *spec, uint8_t *data, uint32_t size)
{
	struct bytes bytes = {.data = data, .size = size};
	bool v4 = ip_family(&spec->dst) == 4;
	struct ether_header eth;

	memcpy(eth.ether_dhost, &spec->dmac, ETH_ALEN);
	memcpy(eth.ether_shost, &spec->smac, ETH_ALEN);
	eth.ether_type = htons(spec->kind == FRAME_RAW	  ? spec->ethertype
				: spec->kind == FRAME_ARP ? ETHERTYPE_ARP
				: v4			  ? ETHERTYPE_IP
							  : ETHERTYPE_IPV6);
	append(&bytes, &eth, sizeof(eth));
	if (spec->kind == FRAME_ARP)
		add_arp(&bytes, spec);
	else if (spec->kind == FRAME_RAW)
		add_payload(&bytes, spec->payload);
	else if (v4)
		add_ip4(&bytes, spec);
	else
		add_ip6(&bytes, spec);
	return bytes.full ? 0 : bytes.len;
}
