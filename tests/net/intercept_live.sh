# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Slots inserted, replaced and removed, by apply and by command, under a stream of 100,000 numbered datagrams a second, at both
# hooks, at the host and at the DPU, each beside an equal stream in a lab that is left alone: nothing is lost that the
# control does not lose. Replaced under more than 200,000 frames a second, too, of live XDP frames that circulate. What is done to one vNIC's chain does nothing to another's: a slot that overruns
# its budget is taken out, a process that is stopped fills its own queue.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/streams.sh"

beside_control 100000

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

write_move_lab control.yaml "$CONTROL" ''
write_chains none.yaml 1 '' ''
write_chains one.yaml 1 version version
write_chains two.yaml 2 version version
write_chains more.yaml 2 'count, version' 'version, count'
run "$DPULAB" up none.yaml
run "$DPULAB" up control.yaml

for hook in tc xdp; do
	for path in host dpu-mux; do
		for lab in "$LAB" "$CONTROL"; do run "$DPULAB" place "$lab" "$path" --hook "$hook"; done
		node=esx1
		[ "$path" = host ] || node=esx1-dpu
		again=none.yaml loses_nothing "$hook $path: insert" apply one.yaml
		again=one.yaml loses_nothing "$hook $path: replace" apply two.yaml
		expect "the version that runs" "$(shown $node web1 version reason)" 2
		[ "$(shown $node web1 version noted)" -ge $((PPS / 100)) ] || fail "the chain has not seen the stream"
		again=two.yaml loses_nothing "$hook $path: two more" apply more.yaml
		again=more.yaml loses_nothing "$hook $path: remove" "$DPULAB" intercept -q remove "$LAB" web1 out version
		expect "a slot that was removed" "$(shown $node web1 version calls)" ""
		again=one.yaml loses_nothing "$hook $path: remove all" apply none.yaml
	done
done
[ -z "$(ls /sys/fs/bpf/dpulab/"$LAB"/esx1/maps | grep icpt)" ] || fail "tables of slots are left without slots"

# Flows of live XDP frames that go to and fro between web1 and web2, in both labs, as fast as the machine lets them: a frame
# that is lost once is a flow less at the end. A round in which the control has lost some says nothing.
CIRCULATE=$TESTS/../${BUILD:-build}/tests/net/circulate
circle() { # LAB: in the background
	"$CIRCULATE" "$1" web1 web2 "ready.$1" stop.circles >"circle.$1" 2>&1 &
}
flows() { said "circle.$1" flows; }
said() { sed -n "s/^$2 //p" "$1"; } # FILE WORD
calls() { shown esx1 web1 version calls; }
replaced_under_circles() { # HOOK
	local round before begin calls
	for round in 1 2 3 4 5 6; do
		rm -f ready.* circle.* stop.circles
		circle "$CONTROL"
		circle "$LAB"
		wait_for 30 test -e "ready.$LAB" -a -e "ready.$CONTROL"
		begin=$(date +%s%N)
		before=$(calls)
		for version in two one two one; do
			apply $version.yaml || fail "apply $version.yaml under circulating frames"
		done
		calls=$((($(calls) - before) * 1000000 / (($(date +%s%N) - begin) / 1000)))
		touch stop.circles
		wait_for 60 has "circle.$LAB" passed
		wait_for 60 has "circle.$CONTROL" passed
		echo "$1: replaced four times under $calls calls a second: $(said "circle.$LAB" returned) of $(flows "$LAB") flows" \
			"are left (control $(said "circle.$CONTROL" returned))"
		[ "$(said "circle.$LAB" returned)" != "$(flows "$LAB")" ] || return 0
		[ "$(said "circle.$CONTROL" returned)" != "$(flows "$CONTROL")" ] ||
			fail "$1: flows were lost as a slot was replaced, none beside it"
	done
	fail "$1: the control has lost flows in each of $round rounds"
}
for hook in xdp tc; do
	for lab in "$LAB" "$CONTROL"; do run "$DPULAB" place "$lab" host --hook $hook; done
	run "$DPULAB" apply one.yaml
	replaced_under_circles $hook
done

# The breaker: overruns at web1 take the slot out there, not at web2, and it says so; rearm puts it back in.
write_chains slow.yaml 1 'slow' ''
sed -i 's/\(web2: {\)/\1intercept-out: [slow], /' slow.yaml
is_out() { shown "$1" "$2" slow state | grep -q '^out: overran its 20000 ns'; }
breaker() { # NODE
	run "$DPULAB" apply slow.yaml
	serve web3 - 5900,5901
	run probe web1 udp 10.1.0.13 5900 20 300
	is_out "$1" web1 || fail "$1: the slot is still in: $("$DPULAB" show "$LAB" intercept)"
	[ "$(shown "$1" web1 slow overruns)" -ge 4 ] || fail "$1: overruns are not counted"
	run probe web2 udp 10.1.0.13 5901 20 300
	is_out "$1" web2 && fail "$1: the breaker of web1 took the slot out at web2"
	expect "$1: overruns at web2" "$(shown "$1" web2 slow overruns)" 0
	expect "$1: places put back in" "$("$DPULAB" intercept -j rearm "$LAB" slow | "$PYTHON" -c 'import json,sys; print(json.load(sys.stdin)["rearmed"])')" 1
	is_out "$1" web1 && fail "$1: rearm has put nothing back in"
	unserve
}

# A stopped process: its queue is full, its vNIC's frames with a signature are dropped (fail closed); all other
# frames of the vNIC and those of other vNICs go on.
write_chains match.yaml 1 'match' ''
sends() { # VM TEXT N: N connections' worth of datagrams with a text, no answers awaited
	in_lab "$LAB" "$1" "$PYTHON" -c '
import socket, sys
for i in range(int(sys.argv[2])):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(sys.argv[1].encode(), ("10.1.0.13", 5901))' "$2" "$3"
}
queue() { # NODE
	local process
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
for where in "host esx1" "pmd esx1-pmd"; do
	read -r path node <<<"$where"
	run "$DPULAB" apply none.yaml # places begin anew
	run "$DPULAB" place "$LAB" "$path"
	breaker "$node"
	queue "$node"
done

# In the poll-mode process, too, a slot is replaced under traffic without losing any; at a rate that two of them on one CPU carry.
PPS=2000
apply none.yaml || fail "apply none.yaml"
again=none.yaml loses_nothing "pmd: insert" apply one.yaml
again=one.yaml loses_nothing "pmd: replace" apply two.yaml
expect "pmd: the version that runs" "$(shown esx1-pmd web1 version reason)" 2
again=two.yaml loses_nothing "pmd: remove all" apply none.yaml
[ -z "$(ls /sys/fs/bpf/dpulab/"$LAB"/esx1-pmd/maps | grep icpt)" ] || fail "tables of slots are left at pmd without slots"
