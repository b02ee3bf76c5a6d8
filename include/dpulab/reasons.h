/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * reasons.h - the one list of why a frame left the pipeline the way it did.
 * Enum, names and sentences (and docs) come from it. Numbers are ABI: append
 * only; a retired reason stays as RESERVED.
 *
 * X(number, NAME, "word", "sentence")
 */
#pragma once

#define DPU_REASONS(X)                                                                             \
	X(0, NONE, "none", "no decision yet")                                                      \
	X(1, FORWARD, "forward", "forwarded to one port by the slow path")                         \
	X(2, FLOW_HIT, "flow-hit", "forwarded by the flow cache")                                  \
	X(3, RELAY, "relay", "relayed unparsed over the PCIe channel or to its vNIC")              \
	X(4, FLOOD, "flood", "copied to the segment")                                              \
	X(5, TO_STACK, "to-stack", "left to the kernel's own stack")                               \
	X(6, TO_TC, "to-tc", "XDP cannot do this: handed to the tc hook of the same port")         \
	X(7, REJECT, "reject", "answered with TCP RST or ICMP unreachable by a firewall rule")     \
	X(8, ANSWER_TOO_BIG, "too-big-answered", "too big for the underlay: answered with ICMP")   \
	X(9, CHALLENGE, "challenged", "answered with a challenge: too many half-open connections at the vNIC") \
	X(14, HELD, "held", "an IP fragment that waits for the first one of its datagram")         \
	X(20, DROP_NO_PORT, "no-port", "dropped: the interface is no port of this location")       \
	X(21, DROP_MALFORMED, "malformed", "dropped: header truncated or inconsistent")            \
	X(22, DROP_VLAN, "vlan", "dropped: tagged frame on an access port or unknown VLAN")        \
	X(23, DROP_VNI, "vni", "dropped: VXLAN network identifier not known here")                 \
	X(24, DROP_VTEP, "vtep", "dropped: VXLAN frame from an unknown tunnel endpoint")           \
	X(25, DROP_VXLAN_FLAGS, "vxlan-flags", "dropped: VXLAN header without the I flag")         \
	X(26, DROP_SMAC, "smac", "dropped: source address is multicast or zero")                   \
	X(27, DROP_SAME_PORT, "same-port", "dropped: destination lives on the ingress port")       \
	X(28, DROP_STORM, "storm", "dropped: flood rate limit of the port")                        \
	X(29, DROP_NO_MEMBER, "no-member", "dropped: nobody else in the segment")                  \
	X(30, DROP_RULE, "dfw-rule", "dropped by a firewall rule")                                 \
	X(31, DROP_DEFAULT, "dfw-default", "dropped by the firewall's default action")             \
	X(32, DROP_CT_INVALID, "ct-invalid", "dropped: no connection and cannot start one")        \
	X(33, DROP_CT_FULL, "ct-full", "dropped: connection table full")                           \
	X(34, DROP_FRAGMENT, "fragment", "dropped: non-first IP fragment without a known first")   \
	X(35, DROP_TOO_BIG, "too-big", "dropped: too big for the underlay and not answerable")     \
	X(36, DROP_REDIRECT, "redirect", "dropped: the output port has no device")                 \
	X(37, DROP_REEVAL_RATE, "reeval-rate", "dropped: policy change, above the re-evaluation rate") \
	X(38, DROP_HOOK, "hook", "dropped: the hook could not edit the frame")                     \
	X(39, DROP_UNSUPPORTED, "unsupported", "dropped: a header form the firewall cannot judge") \
	X(40, DROP_STORM_COPY, "storm-copy", "dropped: one copy of a flood was refused by the destination's policy") \
	X(45, DROP_CT_LIMIT, "ct-limit", "dropped: the vNIC has as many connections as it may have") \
	X(46, DROP_HALF_OPEN, "half-open", "dropped: too many half-open connections, and no challenge possible") \
	X(47, DROP_PROOF, "proof", "taken: the RST that answers a challenge") \
	X(48, DROP_OVERLAP, "fragment-overlap", "dropped: IP fragment that repeats bytes of its datagram, or one behind it") \
	X(49, DROP_TINY, "tiny-fragment", "dropped: first IP fragment without its whole transport header") \
	X(50, DROP_EXT_HEADERS, "ext-headers", "dropped: IPv6 extension headers too many, twice, out of order, or of type 0") \
	X(51, DROP_SPOOFED_MAC, "drop-spoofed-mac", "dropped: the source MAC is not the vNIC's own") \
	X(52, DROP_SPOOFED_IP, "drop-spoofed-ip", "dropped: the source address is not the vNIC's own") \
	X(56, DROP_TCP_WINDOW, "tcp-window", "dropped: TCP segment outside its connection's window") \
	X(57, DROP_SHAPED_IN, "shaped-ingress", "dropped: the vNIC sends more than its shaping allows")    \
	X(58, DROP_SHAPED_OUT, "shaped-egress", "dropped: more for the vNIC than its shaping allows") \
	X(59, DROP_INTERCEPT, "intercept", "dropped by the chain of intercept slots of a vNIC") \
	X(60, DROP_OFFLOAD, "offload", "dropped: the emulated device has no room or rate left for the flow")

enum dpu_reason {
#define DPU_REASON_ENUM(number, name, word, sentence) DPU_REASON_##name = number,
	DPU_REASONS(DPU_REASON_ENUM)
#undef DPU_REASON_ENUM
};

#define DPU_MAX_REASONS 64
#define DPU_REASON_FIRST_DROP 20
