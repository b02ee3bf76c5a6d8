/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * guard.h - port security: a VM sends from its own addresses only. Asked before anything is learned from a
 * frame. A flow that is in the flow cache has been asked about: addresses and device are in its key, and
 * whoever takes a binding away moves the port's generation. Learning moves none: it only allows more.
 *
 * What a frame claims to own: its source MAC; the source address of IP; sender MAC and address of ARP; the
 * target of a neighbour advertisement. Who is about to take an address has none to send from: DHCPv4's client
 * (RFC 2131 4.1), router solicitations and MLD reports (RFC 4861 4.1, RFC 3590), and probes for duplicates (RFC 4862
 * 5.4.2, RFC 5227 2.1.1), which claim the address probed for.
 */
#pragma once
#include "core/bounds.h"
#include "core/scratch.h"
#include "core/verdict.h"
#include "core/wire.h"
#include "maps.h"

#define GUARD_DHCP_CLIENT 68
#define GUARD_DHCP_SERVER 67

INLINE __u64 guard_mac_word(const __u8 *mac)
{
	__u64 word = 0;

	for (int i = 0; i < 6; i++)
		word |= (__u64)mac[i] << (8 * i);
	return word;
}

/* Is the source MAC the port's? In learn mode the first one is. */
INLINE int guard_owns_mac(const struct pkt *p, const struct dpu_port *port)
{
	__u64 mac = guard_mac_word(p->key.smac), owned;
	__u32 key = p->binding.port;
	struct dpu_guard *state;

	if (port->guard != DPU_GUARD_LEARN)
		return mac == guard_mac_word(port->mac);
	state = env_lookup(guards, &key);
	if (!state)
		return 0;
	owned = env_read(state->mac);
	if (!owned)
		owned = env_cas(&state->mac, 0, mac);
	return !owned || owned == mac;
}

/* Can a station have this address? Neither multicast, broadcast, loopback nor unspecified. */
INLINE int guard_is_unicast(const union dpu_ip *addr)
{
	if (addr->q[0])
		return addr->b[0] != 0xff;
	if (addr->w[2] == bpf_htonl(0xffff))
		return addr->b[12] && addr->b[12] < 224 && addr->b[12] != 127;
	return addr->w[2] || bpf_ntohl(addr->w[3]) > 1;
}

/* p->binding is not known yet: 1 and it is, or 0: the port has as many as it may have. p is the scratch frame. */
INLINE int guard_learn(struct pkt *p)
{
	struct dpu_binding entry = {.since_ns = p->now_ns};
	__u32 key = p->binding.port;
	struct dpu_guard *state = env_lookup(guards, &key);
	long err = -ENOSPC;

	if (!state || !guard_is_unicast(&p->binding.addr))
		return 0;
	__builtin_memcpy(entry.mac, p->key.smac, sizeof(entry.mac));
	if (env_fetch_add(&state->addresses, 1) < DPU_GUARD_ADDRESSES)
		err = env_update(bindings, &p->binding, &entry, BPF_NOEXIST);
	if (err)
		env_add(&state->addresses, -1);
	return !err || err == -EEXIST; /* another CPU has learned it */
}

/* The scratch frame claims p->binding: 0, or 1 and the verdict. */
STAGE int guard_claim(void)
{
	struct pkt *p = scratch_pkt();

	if (!p || env_lookup(bindings, &p->binding))
		return 0;
	if (p->guard == DPU_GUARD_LEARN && guard_learn(p))
		return 0;
	verdict_drop(p, DPU_REASON_DROP_SPOOFED_IP);
	return 1;
}

INLINE int guard_claim_ip4(struct pkt *p, __be32 addr)
{
	p->binding.addr.q[0] = 0;
	p->binding.addr.w[2] = bpf_htonl(0xffff);
	p->binding.addr.w[3] = addr;
	return guard_claim();
}

/* The target address of a neighbour solicitation or advertisement. */
INLINE int guard_claim_target(hook_ctx *ctx, struct pkt *p)
{
	const __u8 *target = bytes_at(ctx, p->l4_off + 8, 16);

	if (!target) {
		verdict_drop(p, DPU_REASON_DROP_MALFORMED);
		return 1;
	}
	p->binding.addr.q[0] = wire_u64(target);
	p->binding.addr.q[1] = wire_u64(target + 8);
	return guard_claim();
}

INLINE int guard_arp(hook_ctx *ctx, struct pkt *p)
{
	const struct wire_arp *arp = bytes_at(ctx, p->l3_off, sizeof(*arp));

	if (!arp || arp->htype != bpf_htons(1) || arp->ptype != bpf_htons(ETHERTYPE_IP4) || arp->hlen != 6 ||
	    arp->plen != 4) {
		verdict_drop(p, DPU_REASON_DROP_MALFORMED);
		return 1;
	}
	if (guard_mac_word(arp->sha) != guard_mac_word(p->key.smac)) {
		verdict_drop(p, DPU_REASON_DROP_SPOOFED_MAC);
		return 1;
	}
	return guard_claim_ip4(p, wire_u32(arp->spa) ? wire_u32(arp->spa) : wire_u32(arp->tpa));
}

INLINE int guard_is_icmp6(const struct pkt *p, __u8 type)
{
	return p->l3 == PKT_L3_IP6 && p->key.proto == WIRE_PROTO_ICMP6 && p->icmp_type == type;
}

INLINE int guard_has_source(const struct pkt *p)
{
	const union dpu_ip *src = &p->key.src;

	return p->l3 == PKT_L3_IP4 ? src->w[3] != 0 : (src->q[0] | src->q[1]) != 0;
}

/* A whole datagram of the few that are sent before there is an address. */
INLINE int guard_needs_no_source(const struct pkt *p)
{
	if (p->frag != PKT_FRAG_NONE)
		return 0;
	if (p->l3 == PKT_L3_IP4)
		return p->key.proto == WIRE_PROTO_UDP && p->key.sport == bpf_htons(GUARD_DHCP_CLIENT) &&
		       p->key.dport == bpf_htons(GUARD_DHCP_SERVER);
	return guard_is_icmp6(p, WIRE_ICMP6_ROUTER_SOLICIT) || guard_is_icmp6(p, WIRE_ICMP6_MLD_REPORT) ||
	       guard_is_icmp6(p, WIRE_ICMP6_MLD2_REPORT);
}

INLINE int guard_ip(hook_ctx *ctx, struct pkt *p)
{
	if (!guard_has_source(p)) {
		if (guard_is_icmp6(p, WIRE_ICMP6_NEIGHBOUR_SOLICIT))
			return guard_claim_target(ctx, p);
		if (!guard_needs_no_source(p))
			verdict_drop(p, DPU_REASON_DROP_SPOOFED_IP);
		return p->verdict != DPU_VERDICT_NONE;
	}
	p->binding.addr = p->key.src;
	if (guard_claim())
		return 1;
	return guard_is_icmp6(p, WIRE_ICMP6_NEIGHBOUR_ADVERTISE) && guard_claim_target(ctx, p);
}

/* May the scratch frame come from its vNIC? 0, or 1 and the verdict. */
STAGE int guard(hook_ctx *ctx)
{
	struct pkt *p = scratch_pkt();
	const struct dpu_port *port;
	__u32 key;

	if (!p || p->in_kind != DPU_PORT_KIND_VNIC)
		return 0;
	key = p->key.in_port;
	port = env_lookup(ports, &key);
	if (!port || port->guard == DPU_GUARD_OFF || wire_no_station(p->key.smac)) /* fdb refuses the latter */
		return 0;
	p->guard = port->guard;
	p->binding.port = key;
	if (!guard_owns_mac(p, port)) {
		verdict_drop(p, DPU_REASON_DROP_SPOOFED_MAC);
		return 1;
	}
	if (p->guard == DPU_GUARD_MAC)
		return 0;
	if (p->l3 == PKT_L3_ARP)
		return guard_arp(ctx, p);
	return p->l3 == PKT_L3_OTHER ? 0 : guard_ip(ctx, p);
}
