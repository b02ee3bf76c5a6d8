# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# What a VM's vNIC has of Network I/O Control, shaping and intercept goes with it to another host, on every eBPF frame path, there
# and back: tokens and counters of both shapers, counters of every place in its chains, the maps of its slots, field by field;
# its queue and its class are there. Under a stream no datagram is counted twice, and each that arrives once. What the new uplink does not admit is refused.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
need bpftool tc

PPS=${STREAM_PPS:-20000}
emulated && PPS=500

# A byte per 8 ms: the buckets are far from full when they are compared. A slot on each way; others use one of them, too.
write_lab <<'YAML'
lab: x
hosts:
  esx1: {dpu: true, speed: 10G}
  esx2: {dpu: true, speed: 10G}
nioc:
  classes: {vm: {shares: 50, reservation: 1G}, vmotion: {shares: 50}}
port-groups:
  web: {vni: 5001}
intercept:
  count: {source: conn_count.c, define: [ALARM=3, WINDOW_S=3600], fail: open}
  match: {source: signature.c, queue: 4, pending: pass}
vms:
  web1: {host: esx1, port-group: web, ip: [10.1.0.11/24], uplink: {reservation: 600M}, intercept-out: [match], intercept-in: [count], shaping: {mode: police, ingress: {average: 1k, burst: 1M}, egress: {average: 1k, burst: 1M}}}
  web2: {host: esx1, port-group: web, ip: [10.1.0.12/24]}
  web3: {host: esx2, port-group: web, ip: [10.1.0.13/24]}
YAML
run "$DPULAB" up lab.yaml

has() { grep -q "$2" "$1"; }
word() { sed -n "s/.*$2 \([0-9]*\).*/\1/p" "$1"; } # FILE WORD: the number after it
at() { # HOST PATH: the node whose firewalls are in use, with their slots
	case $2 in
	host | host-dfw | dpu-vxlan) echo "$1" ;;
	*) echo "$1-dpu" ;;
	esac
}
switch_at() { [ "$2" = host-dfw ] && echo "$1-dpu" || at "$@"; } # HOST PATH: that of its switch, with the shapers
other() { [ "$1" = esx1 ] && echo esx2 || echo esx1; }

# NODE: number of web1's port there
port_of() {
	"$DPULAB" show -j "$LAB" ports | "$PYTHON" -c '
import json, sys
print(*[p["port"] for p in json.load(sys.stdin)["ports"] if p["node"] == sys.argv[1] and p["name"] == "web1" and p["kind"] == "vnic"])' "$1"
}

# HOST FILE: every field of web1's shapers, places and of the maps of its slots, where path $path has them
state_at() {
	local port dir node
	node=$(at "$1" "$path")
	port=$(port_of "$node")
	[ -n "$port" ] || fail "web1 is not at $node"
	for dir in 0 1; do
		bpftool -j map lookup pinned "/sys/fs/bpf/dpulab/$LAB/$(switch_at "$1" "$path")/maps/shapers" key hex \
			"$(printf %02x $(((port * 2 + dir) & 255)))" "$(printf %02x $(((port * 2 + dir) >> 8)))" 00 00
	done >shapers.json
	bpftool -j map dump pinned "$(echo /sys/fs/bpf/dpulab/"$LAB/$node"/maps/s*_sources)" >sources.json
	"$DPULAB" show -j "$LAB" intercept >places.json
	"$PYTHON" - "$node" <<'PY' >"$2"
import json, sys
decoder, text, direction = json.JSONDecoder(), open("shapers.json").read().strip(), 0
while text:
    shaper, end = decoder.raw_decode(text)
    print("shaper", direction, json.dumps(shaper["formatted"]["value"], sort_keys=True))
    text, direction = text[end:].strip(), direction + 1
for place in json.load(open("places.json"))["intercept"]:
    if place.pop("node") == sys.argv[1] and place["vnic"] == "web1":
        print("place", place["direction"], json.dumps(place, sort_keys=True))
for entry in sorted(json.dumps(e.get("formatted", e), sort_keys=True) for e in json.load(open("sources.json"))):
    print("source", entry)
PY
	[ "$(grep -c . "$2")" -ge 5 ] || fail "$node: too little to compare: $(cat "$2")"
}

still() { # HOST: nobody speaks
	state_at "$1" one && sleep 0.2 && state_at "$1" two && cmp -s one two
}

# BEFORE AFTER: the same but for one frame that the move itself sends in the VM's name (60 bytes of reverse ARP): out of web1, and,
# as the old host has the vNIC in its lists to the end of the move, perhaps its copy towards web1.
differs_by_one_frame() {
	"$PYTHON" - "$@" <<'PY'
import json, sys

def rows(name):
    for line in open(name).read().splitlines():
        yield line.split(" ", 2) if line.startswith(("shaper", "place")) else ["source", "", line]

def shaper(text, frames):
    d = json.loads(text)
    d["packets"] += frames
    d["bytes"] += 60 * frames
    d["due_ns"][0] += ((d["cost"][0] * 60 + (1 << 20) - 1) >> 20) * frames
    del d["due_ns"][1]  # of the peak, of which there is none: when the last frame came
    return d

def place(text, frames):
    d = json.loads(text)
    d["calls"] += frames
    d["pass"] += frames
    for timing in ("timed_ns", "timed", "worst_ns"):  # that frame may have been one that is timed
        del d[timing]
    return d

before, after = list(rows(sys.argv[1])), list(rows(sys.argv[2]))
wrong = [] if len(before) == len(after) else [f"{len(before)} lines, then {len(after)}"]
for (kind, way, was), (_, _, now) in zip(before, after):
    counted = {"shaper": shaper, "place": place}.get(kind, lambda text, frames: text)
    frames = (1,) if way in ("0", "out") else (0, 1)
    if counted(now, 0) not in [counted(was, n) for n in frames]:
        wrong.append(f"{kind} {way}: {was} became {now}")
print(*wrong, sep="\n")
sys.exit(bool(wrong))
PY
}

start_stream() { # PORT
	in_node web3 "$STREAM" sink "$1" >sink &
	wait_for 10 has sink ready
	in_node web1 "$STREAM" send 10.1.0.13 "$1" "$PPS" stop >send &
	wait_for 10 has send "under way"
}
refused() { in_node web1 awk '$1 == "eth0:" {print $13}' /proc/net/dev; }
calls() { # NODE: frames that web1's chain of direction out has seen
	"$DPULAB" show -j "$LAB" intercept | "$PYTHON" -c '
import json, sys
print(*[r["calls"] for r in json.load(sys.stdin)["intercept"]
        if (r["node"], r["vnic"], r["direction"]) == (sys.argv[1], "web1", "out")])' "$1"
}

# Nobody but this test speaks.
for vm in web1 web2 web3; do
	in_node $vm sysctl -q -w net.ipv6.conf.all.disable_ipv6=1
	for peer in web1:11 web2:12 web3:13; do
		[ "$vm" = "${peer%:*}" ] ||
			in_node $vm ip neigh replace "10.1.0.${peer#*:}" lladdr "$(mac_of "${peer%:*}")" dev eth0 nud permanent
	done
done
serve web1 5100,5101 -

from=esx1
for path in host dpu-mux dpu-upt host-dfw dpu-vxlan; do
	run "$DPULAB" place "$LAB" "$path"
	turns='there back'
	[ "$path" = host ] || turns=once
	for turn in $turns; do
		to=$(other $from)
		run probe web3 tcp 10.1.0.11 5100 1
		run probe web2 tcp 10.1.0.11 5101 1
		in_node web3 ping -q -c 20 -i 0.01 -s 1000 10.1.0.11 >/dev/null || fail "no ping" # in debt for minutes
		wait_for 20 still $from
		cp two before
		run "$DPULAB" move "$LAB" web1 $to >moved
		state_at $to after
		differs_by_one_frame before after || fail "$path, $from to $to: state differs"
		grep -q '^source' after || fail "$path: there was nothing in the slot's map to compare"
		[ -z "$(port_of "$(at $from $path)")" ] || fail "$path: $from still has the vNIC"
		port=$(port_of "$(at $to $path)")
		in_node $to tc class show dev uplink0 | grep "5580:$(printf %x $((0x1000 + port)))" >/dev/null || fail "$path: $to has no class for web1"
		from=$to
	done
done

# Under a stream: what the chain at the new host has counted, with what came along, is what web1 has sent.
sed 's/average: 1k, burst: 1M/average: 10G/g' lab.yaml >fast.yaml
run "$DPULAB" apply fast.yaml
port=5200
for path in host dpu-mux; do
	run "$DPULAB" place "$LAB" "$path"
	for turn in once; do
		to=$(other $from) port=$((port + 1))
		rm -f stop
		before=$(calls "$(at $from $path)") not_sent=$(refused)
		start_stream $port
		run "$DPULAB" move "$LAB" web1 $to >moved
		touch stop
		wait_for 30 has sink received
		wait_for 10 has send "^sent"
		sent=$(($(word send total) - $(refused) + not_sent))
		counted=$(($(calls "$(at $to $path)") - before))
		arrived=$(word sink received) # what the device had when it left, never met a chain
		echo "$path, $from to $to: $sent sent, $counted met the chain, $arrived arrived"
		[ "$counted" -ge "$arrived" ] && [ "$counted" -le $((sent + 3)) ] || fail "$path: of $sent frames $counted were counted"
		from=$to
	done
done

# A slot that others use over there: their entries of its map stay as they are, those it does not have come.
sed 's/\(web3: {.*\)}$/\1, intercept-in: [count]}/' fast.yaml >both.yaml
run "$DPULAB" apply both.yaml
run "$DPULAB" place "$LAB" host
serve web3 5102 -
run probe web1 tcp 10.1.0.13 5102 1
run probe web1 tcp 10.1.0.13 5102 1
totals() { # NODE: source=connections
	bpftool -j map dump pinned "$(echo /sys/fs/bpf/dpulab/"$LAB/$1"/maps/s*_sources)" | "$PYTHON" -c '
import json, sys
for e in json.load(sys.stdin):
    print(".".join(map(str, e["formatted"]["key"]["b"][12:])), e["formatted"]["value"]["total"], sep="=")' | sort | tr '\n' ' '
}
expect "what web3's slot has counted" "$(totals esx2)" "10.1.0.11=2 "
web1_has=$(totals esx1)
run "$DPULAB" move "$LAB" web1 esx2
expect "what both have counted" "$(totals esx2)" "10.1.0.11=2 $web1_has"
run "$DPULAB" move "$LAB" web1 esx1

# Paced: the queue is where the vNIC is.
sed 's/mode: police, //; s/average: 1k, burst: 1M/average: 40M/g' lab.yaml >paced.yaml
run "$DPULAB" apply paced.yaml
run "$DPULAB" place "$LAB" host
run "$DPULAB" move "$LAB" web1 esx2
in_node esx2 tc qdisc show dev web1 | grep 'tbf 5580' >/dev/null || fail "web1's port at esx2 has no queue"
run "$DPULAB" move "$LAB" web1 esx1
in_node esx1 tc qdisc show dev web1 | grep 'tbf 5580' >/dev/null || fail "web1's port at esx1 has no queue"

# Admission control: 600M and 600M are more than class vm has.
sed 's/web3: {host: esx2,/& uplink: {reservation: 600M},/' paced.yaml >full.yaml
run "$DPULAB" apply full.yaml
refuse 3 "$DPULAB" move "$LAB" web1 esx2 2>said
grep -q 'does not admit web1' said || fail "no reason: $(cat said)"
