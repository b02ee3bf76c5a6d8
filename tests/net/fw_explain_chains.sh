#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# `fw explain` runs intercept chains: each slot's answer is what the slot then answers, on its maps as they are, and the frame
# stops where it was said to; on every frame path that has chains. What cannot be run is said.
. "$TESTS/lib/net.sh"
need "$PYTHON" clang

# Every kind of map, a function of its own, constants, atomic operations: what a frame to ports 7000 to 7009 finds there.
cat >kinds.c <<'C'
#define DPU_SLOT
#include <dpulab/intercept.h>
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#define MAP(name, kind, key_, value_)                                                              \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_##kind);                                                 \
		__uint(max_entries, 16);                                                           \
		__type(key, key_);                                                                 \
		__type(value, value_);                                                             \
	} name SEC(".maps")
struct prefix { __u32 len; __u8 addr[4]; };
MAP(hash, HASH, __u32, __u64);
MAP(array, ARRAY, __u32, __u64);
MAP(lru, LRU_HASH, __u32, __u64);
MAP(percpu, PERCPU_HASH, __u32, __u64);
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u64);
} trie SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} told SEC(".maps");
static const char words[] = "one two three";

static __attribute__((noinline)) __u64 count(void *map, __u32 key)
{
	__u64 one = 1, *n = bpf_map_lookup_elem(map, &key);

	if (!n) {
		bpf_map_update_elem(map, &key, &one, BPF_NOEXIST);
		return 1;
	}
	return __sync_fetch_and_add(n, 1) + 1;
}

int kinds(struct dpu_frame *frame, struct dpu_intercept *at)
{
	struct prefix ten = {8, {10, 99, 0, 7}}, host = {32, {10, 1, 2, 3}};
	__u64 *found, value = 77, *record;
	__u32 port = at ? bpf_ntohs(at->dport) - 7000 : 99, n;
	__u8 bytes[4] = {};

	if (port > 9 || at->proto != 17)
		return DPU_INTERCEPT_PASS;
	switch (port) {
	case 0:
		n = count(&hash, 5);
		break;
	case 1:
		n = count(&array, 3);
		break;
	case 2:
		n = count(&lru, 9);
		break;
	case 3:
		n = count(&percpu, 4);
		break;
	case 4: /* 10.1.2.3 is in 10.0.0.0/8 */
		bpf_map_update_elem(&trie, &ten, &value, BPF_ANY);
		found = bpf_map_lookup_elem(&trie, &host);
		n = found ? *found : 1;
		break;
	case 5:
		record = bpf_ringbuf_reserve(&told, 8, 0);
		n = record ? 55 : 1;
		if (record) {
			*record = 1;
			bpf_ringbuf_submit(record, 0);
		}
		break;
	case 6:
		n = bpf_strncmp(words + 4, 3, "two") ? 1 : 66;
		break;
	case 7:
		if (dpu_frame_load(frame, at->l4_off + 2, bytes, 2))
			return DPU_INTERCEPT_DROP;
		n = bytes[0] << 8 | bytes[1]; /* 7007 */
		break;
	case 8:
		n = dpu_frame_load(frame, at->l2_off + at->len - 1, bytes, 2) ? 88 : 1; /* one byte too many */
		break;
	default:
		n = (at->len * 1000 / 7 % 13 << 3 ^ -(int)at->len >> 2 & 0xff) | 1;
	}
	return DPU_INTERCEPT_BECAUSE(n & 1 ? DPU_INTERCEPT_DROP : DPU_INTERCEPT_PASS, n & 0xffff);
}
char LICENSE[] SEC("license") = "Dual BSD/GPL";
C

lab() { # PATH HOOK
	write_lab <<-YAML
		lab: x
		placement: $1
		hook: $2
		hosts:
		  ha: {dpu: true}
		  hb: {dpu: true}
		port-groups: {red: {vni: 5001}}
		intercept:
		  dns: {source: dns_allow.c, define: ['ALLOW=DOMAIN("example.org")']}
		  count: {source: conn_count.c, define: [ALARM=2, LIMIT=3, WINDOW_S=3600]}
		  match: {source: signature.c, define: ['SIGNATURES=SIGNATURE("X-Evil: yes")'], queue: 2, pending: pass}
		  kinds: {source: kinds.c}
		vms:
		  va: {host: ha, port-group: red, ip: 10.1.0.1/24, intercept-out: [dns, match, kinds]}
		  vb: {host: ha, port-group: red, ip: 10.1.0.2/24, intercept-in: [count]}
		  vc: {host: hb, port-group: red, ip: 10.1.0.3/24, intercept-in: [match, count]}
		firewall:
		  rules:
		    - {protocol: tcp, port: 81, action: drop}
	YAML
}

# dns NAME: a query as a frame, from va to vb; evil: a datagram to vc with the signature in it.
made() {
	"$PYTHON" - "$LAB" "$@" <<-'PY'
		import json, os, socket, struct, subprocess, sys
		lab, kind, text, to = sys.argv[1:]
		def said(words):
		    return bytes.fromhex(json.loads(subprocess.run([os.environ["DPULAB"], "fw", "explain", "-j", lab, words],
		        capture_output=True, check=True).stdout)["bytes"])
		if kind == "dns":
		    load = struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, 0) + b"".join(bytes([len(p)]) + p.encode() for p in text.split(".")) + b"\0\0\1\0\1"
		else:
		    load = text.encode()
		frame = bytearray(said(f"va > {to} udp {53 if kind == 'dns' else 99} sport=4000 len={len(load)}"))
		frame[40:42] = b"\0\0"  # no checksum: RFC 768
		print("va hex=" + (bytes(frame[:42]) + load).hex())
	PY
}

table() {
	cat <<-'FRAMES'
		va > vb arp
		vb > va arp reply
		vc > va arp reply
		va > vb tcp 80 sport=1001
		va > vb tcp 80 sport=1002              # the alarm: noted
		va > vb tcp 80 sport=1003              # the limit: dropped
		va > vb tcp 81                         # by the rules, after the chain
		va > vc tcp 80
		va > vb icmp id=3
		va > vb udp 7000
		va > vb udp 7000                       # the second: as the map has it
		va > vb udp 7000
		va > vb udp 7001
		va > vb udp 7001
		va > vb udp 7002
		va > vb udp 7002
		va > vb udp 7003
		va > vb udp 7004
		va > vb udp 7005
		va > vb udp 7006
		va > vb udp 7007
		va > vb udp 7008
		va > vb udp 7009 len=30
		va > vb udp 7009 len=31
	FRAMES
	made dns example.org vb
	made dns example.com vb
	made dns www.example.org vc
	made text 'GET X-Evil: yes' vb                 # its process would be asked, there is room
	made text 'GET X-Evil: yes' vc
	made text 'GET X-Evil: yes' vc                 # no room any more
}

for combination in "pmd xdp" "dpu-mux tc"; do
	read -r path hook <<<"$combination"
	lab "$path" "$hook"
	fresh_lab
	for vm in va vb vc; do # only what is explained meets a chain
		in_node $vm sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1
		in_node $vm ip link set eth0 arp off
	done
	table >frames
	run "$PYTHON" "$TESTS/lib/explain.py" "$LAB" va vb vc <frames || fail "$path at $hook"
done

# In words: which slot stops it, at which place, why.
text=$("$DPULAB" fw explain "$LAB" "$(made dns example.com vb)")
grep -q 'end dropped' <<<"$text" && grep -Eq '\bdns\b.*drop.*its answer' <<<"$text" || fail "text: $text"
grep -Eq '\bmatch\b' <<<"$text" && fail "a slot behind the one that drops is named: $text"

# A slot whose object has gone: said, and the rest of the chain is run.
mv "/run/dpulab/$LAB/slot-dns.o" kept.o
rm -f "/run/dpulab/$LAB"/native-*
"$DPULAB" fw explain -j "$LAB" "$(sed -n '/^va hex/p' frames | sed -n 2p)" >json || fail "explain without an object"
expect "a slot that cannot be run" "$("$PYTHON" -c 'import json
print(*[(s["slot"], s["verdict"], s["why"].split(":")[0]) for s in json.load(open("json"))["intercept"]])')" \
	"('dns', 'not-run', 'not run, taken for a pass') ('match', 'pass', 'its answer') ('kinds', 'pass', 'its answer') ('count', 'pass', 'its answer')"
mv kept.o "/run/dpulab/$LAB/slot-dns.o"
