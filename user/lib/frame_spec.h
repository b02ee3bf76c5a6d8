/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* frame_spec.h - a frame as numbers: between its words (frame_text.c) and its bytes (frame_build.c). */
#pragma once
#include <dpulab/addr.h>
#include <stdbool.h>
#include <stdint.h>

enum frame_kind {
	FRAME_IP,
	FRAME_ARP,
	FRAME_ND,  /* neighbour solicitation or advertisement: type says which */
	FRAME_RAW, /* another EtherType: no header behind it */
};

struct frame_spec {
	enum frame_kind kind;
	struct dpu_mac smac, dmac;
	union dpu_ip src, dst;	/* v4-mapped */
	struct dpu_mac claim_mac; /* ARP sender, ND link-layer address option */
	union dpu_ip claim_ip;	/* ARP sender, ND target */
	uint8_t proto;
	uint16_t sport, dport;	/* of protocols that have them */
	uint8_t tcp_flags;
	uint8_t type, code;	/* ICMP; ARP: type is the operation */
	uint16_t id, seq;	/* ICMP echo */
	uint16_t ethertype;	/* FRAME_RAW */
	uint16_t payload;	/* bytes behind the last header */
	uint8_t ttl;
};

/* Writes the frame, padded to nothing, with right lengths and checksums; its length, or 0: more than size. */
uint32_t frame_build_bytes(const struct frame_spec *spec, uint8_t *data, uint32_t size);
