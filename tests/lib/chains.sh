# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# chains.sh - what tests of intercept chains under traffic share. Source it after moves.sh, in the test's own folder.
need clang

cat >slow.c <<'C'
#define DPU_SLOT
#include <dpulab/intercept.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
/* Far above its budget for each frame to port 5900, whatever the CPU. */
int slow(struct dpu_frame *frame, struct dpu_intercept *at)
{
	__u64 end;

	if (!at || at->dport != 0x0c17)
		return DPU_INTERCEPT_PASS;
	end = bpf_ktime_get_ns() + 100000;
	for (int i = 0; i < 3000; i++)
		if (bpf_ktime_get_ns() >= end)
			break;
	return DPU_INTERCEPT_PASS;
}
char LICENSE[] SEC("license") = "GPL";
C
cat >version.c <<'C'
#define DPU_SLOT
#include <dpulab/intercept.h>
int version(struct dpu_frame *frame, struct dpu_intercept *at)
{
	return DPU_INTERCEPT_BECAUSE(DPU_INTERCEPT_PASS, VERSION);
}
char LICENSE[] __attribute__((section("license"))) = "GPL";
C

# write_chains FILE VERSION WEB1-OUT WEB3-IN
write_chains() {
	write_move_lab "$1" "$LAB" ''
	cat >>"$1" <<-YAML
		intercept:
		  version: {source: version.c, define: VERSION=$2}
		  count: {source: conn_count.c}
		  slow: {source: slow.c, budget-ns: 20000, fail: open}
		  match: {source: signature.c, define: 'SIGNATURES=SIGNATURE("punt")', queue: 4, fail: closed}
	YAML
	[ -z "$3" ] || sed -i "s/\(web1: {\)/\1intercept-out: [$3], /" "$1"
	[ -z "$4" ] || sed -i "s/\(web3: {\)/\1intercept-in: [$4], /" "$1"
}

shown() { # NODE VNIC SLOT FIELD
	"$DPULAB" show -j "$LAB" intercept | "$PYTHON" -c '
import json, sys
node, vnic, slot, field = sys.argv[1:]
print(*[r[field] for r in json.load(sys.stdin)["intercept"]
        if (r["node"], r["vnic"], r["slot"]) == (node, vnic, slot)])' "$@"
}

# The labs they begin with: files none, one, two and more; both are up, without chains.
chain_labs() {
	write_move_lab control.yaml "$CONTROL" ''
	write_chains none.yaml 1 '' ''
	write_chains one.yaml 1 version version
	write_chains two.yaml 2 version version
	write_chains more.yaml 2 'count, version' 'version, count'
	run "$DPULAB" up none.yaml
	run "$DPULAB" up control.yaml
}

# The breaker: overruns at web1 take the slot out there, not at web2, and it says so; rearm puts it back in.
is_out() { shown "$1" "$2" slow state | grep -q '^out: overran its 20000 ns'; }
breaker() { # NODE
	write_chains slow.yaml 1 'slow' ''
	sed -i 's/\(web2: {\)/\1intercept-out: [slow], /' slow.yaml
	run "$DPULAB" apply slow.yaml
	serve web3 - 5900,5901
	run probe web1 udp 10.1.0.13 5900 20 300
	is_out "$1" web1 || fail "$1: the slot is still in: $("$DPULAB" show "$LAB" intercept)"
	[ "$(shown "$1" web1 slow overruns)" -ge 4 ] || fail "$1: overruns are not counted"
	run probe web2 udp 10.1.0.13 5901 20 300
	is_out "$1" web2 && fail "$1: the breaker of web1 took the slot out at web2"
	case $1 in
	*-pmd) # what an interrupt adds to a call is the slot's as well, in a process: by itself not a reason to take it out
		[ "$(shown "$1" web2 slow overruns)" -lt 4 ] || fail "$1: $(shown "$1" web2 slow overruns) overruns at web2"
		;;
	*) expect "$1: overruns at web2" "$(shown "$1" web2 slow overruns)" 0 ;;
	esac
	expect "$1: places put back in" "$("$DPULAB" intercept -j rearm "$LAB" slow | "$PYTHON" -c 'import json,sys; print(json.load(sys.stdin)["rearmed"])')" 1
	is_out "$1" web1 && fail "$1: rearm has put nothing back in"
	unserve
}

# A stopped process: its queue is full, its vNIC's frames with a signature are dropped (fail closed); all other
# frames of the vNIC and those of other vNICs go on.
sends() { # VM TEXT N: N connections' worth of datagrams with a text, no answers awaited
	in_lab "$LAB" "$1" "$PYTHON" -c '
import socket, sys
for i in range(int(sys.argv[2])):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(sys.argv[1].encode(), ("10.1.0.13", 5901))' "$2" "$3"
}
queue() { # NODE
	local process
	write_chains match.yaml 1 'match' ''
	run "$DPULAB" apply match.yaml
	serve web3 - 5900,5901
	run probe web1 udp 10.1.0.13 5901 20 300 # its neighbour is known from then on
	"$DPULAB" intercept serve "$LAB" match punt >served 2>serving &
	process=$!
	wait_for 10 grep -q 'serving slot' serving
	kill -STOP "$process"
	sends web1 'punt me' 20
	holds() { [ "$(shown "$1" web1 match waiting)" = 4 ] && [ "$(shown "$1" web1 match full_drop)" = 16 ]; }
	wait_for 5 holds "$1" || fail "$1: $(shown "$1" web1 match waiting) frames wait, not 4, $(shown "$1" web1 match full_drop) found no room, not 16"
	run probe web1 udp 10.1.0.13 5901 20 300
	run probe web2 udp 10.1.0.13 5901 20 300
	kill -CONT "$process"
	emptied() { [ "$(shown "$1" web1 match waiting)" = 0 ]; }
	wait_for 10 emptied "$1"
	expect "$1: frames the process has seen" "$(grep -c 'signature punt' served)" 4
	kill "$process"
	wait "$process"
	unserve
}
