#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A lab's life: up, ls, exec, up again, apply, down, down again; and what belongs to others stays.
#
#   h1 (DPU): a b == fabric == h2: c
. "$TESTS/lib/net.sh"
need ip ping nsenter

write_lab <<'YAML'
lab: x
placement: host
hosts:
  h1: {dpu: true, cpus: 0, dpu-cpus: 1}
  h2: {}
port-groups: {g: {vni: 7}}
vms:
  a: {host: h1, port-group: g, ip: [10.1.0.11/24, "2001:db8:1::11/64"]}
  b: {host: h1, port-group: g, ip: 10.1.0.12/24}
  c: {host: h2, port-group: g, ip: [10.1.0.13/24, "2001:db8:1::13/64"]}
firewall: {default: allow}
YAML

pings() { in_node "$1" ping -q -c 2 -i 0.1 -W 2 "$2" >/dev/null || fail "$1 does not reach $2"; }
silent() { ! in_node "$1" ping -q -c 1 -W 1 "$2" >/dev/null || fail "$1 reaches $2"; }
nodes() { ip netns list | sed -n "s/^$LAB-\([^ ]*\).*/\1/p" | sort | tr '\n' ' '; }
ifindex() { in_node "$1" ip -o link show "$2" | cut -d: -f1; }
mtu() { in_node "$1" ip -o link show "$2" | sed 's/.* mtu \([0-9]*\).*/\1/'; }
links() { for n in a b c h1 h1-dpu h2 fabric; do in_node $n ip -o link | cut -d: -f1-2; done; }

# somebody else's namespace of the same name: refused, nothing made, nothing taken
run ip netns add "$LAB-b"
refuse 1 "$DPULAB" up lab.yaml
expect "namespaces after a refused up" "$(nodes)" "b "
[ ! -e "/run/dpulab/$LAB" ] || fail "a refused up left /run/dpulab/$LAB"
run ip netns del "$LAB-b"

run "$DPULAB" up lab.yaml
expect namespaces "$(nodes)" "a b c fabric h1 h1-dpu h2 "
pings a 10.1.0.12
pings a 10.1.0.13
pings a 2001:db8:1::13
in_node a ip -6 addr show dev eth0 | grep -q tentative && fail "an address of a is tentative"
expect "a's MTU" "$(mtu a eth0)" 1550

# the table and JSON say the same
"$DPULAB" ls | grep -Eq "^$LAB +up +7 +3 +host$" || fail "ls: $("$DPULAB" ls)"
"$DPULAB" ls -j "$LAB" | "$PYTHON" -c '
import json, sys
nodes = json.load(sys.stdin)["nodes"]
assert [n["node"] for n in nodes if n["kind"] == "vm"] == ["a", "b", "c"], nodes
assert all(n["state"] == "up" for n in nodes), nodes' || fail "ls -j"

refuse 7 "$DPULAB" exec "$LAB" a -- sh -c 'exit 7'
refuse 127 "$DPULAB" exec "$LAB" a -- no-such-command
refuse 1 "$DPULAB" exec "$LAB" nobody -- true
expect "exec's options are the command's" "$("$DPULAB" exec "$LAB" a -- echo -j -h)" "-j -h"

# another dpulab measures, for minutes, and the machine is in a hurry for it: nobody waits until it has ended
(exec 9>/run/dpulab/.hurry; flock 9; exec sleep 300) &
measures=$!
at_exit "kill $measures 2>/dev/null"
taken() { ! flock -n /run/dpulab/.hurry true; }
wait_for 60 taken
run "$DPULAB" up lab.yaml
kill -0 "$measures" || fail "up waited for somebody else's measurement"
kill "$measures"

# up again: the same devices; from another file: refused
before=$(links)
run "$DPULAB" up lab.yaml
expect "devices after a second up" "$(links)" "$before"
sed 's/  b:.*//' lab.yaml >other.yaml
refuse 1 "$DPULAB" up other.yaml

# where place has put it, it stays, through up and apply, until the file says otherwise
path_of() { "$DPULAB" show -j "$LAB" placement | "$PYTHON" -c 'import json, sys
print([p["path"] for p in json.load(sys.stdin)["placement"] if p["host"] == sys.argv[1]][0])' "$1"; }
for path in dpu-mux linux dpu-upt; do
	run "$DPULAB" place -q "$LAB" "$path" --host h1
	run "$DPULAB" up lab.yaml
	expect "placement after up" "$(path_of h1)" "$path"
	pings a 10.1.0.13
done
sed 's/default: allow/default: drop/' lab.yaml >ruled.yaml
run "$DPULAB" apply ruled.yaml
expect "placement after apply" "$(path_of h1)" dpu-upt
sed 's/h1: {/h1: {placement: dpu-mux, /' lab.yaml >moved.yaml
run "$DPULAB" apply moved.yaml
expect "placement after apply of another one" "$(path_of h1)" dpu-mux
run "$DPULAB" apply lab.yaml
expect "placement after apply of the first" "$(path_of h1)" host
pings a 10.1.0.13

# what somebody broke by hand is repaired, and only that
run ip -n "$LAB-a" link del eth0
run ip -n "$LAB-c" addr flush dev eth0
run ip netns del "$LAB-b"
"$DPULAB" ls "$LAB" | grep -q 'state broken' || fail "ls does not see that b is missing"
run "$DPULAB" up lab.yaml
pings a 10.1.0.12
pings a 10.1.0.13

# a foreign namespace beside the lab's stays
run ip netns add "$LAB-foreign"
at_exit "ip netns del $LAB-foreign"

# apply: differences only, named
kept=$(ifindex h2 c)
sed 's/  b:.*/  d: {host: h2, port-group: g, ip: 10.1.0.14\/24}/; s/default: allow/default: drop/' lab.yaml >new.yaml
run "$DPULAB" apply new.yaml >applied
cat applied
for line in 'added +vm +d' 'removed +vm +b' 'changed +rules'; do
	grep -Eq "^$line" applied || fail "apply does not say: $line"
done
expect "namespaces after apply" "$(nodes)" "a c d fabric foreign h1 h1-dpu h2 "
expect "c's port" "$(ifindex h2 c)" "$kept"
silent a 10.1.0.14
sed -i 's/default: drop/default: allow/' new.yaml
run "$DPULAB" apply new.yaml >/dev/null
pings a 10.1.0.14
pings a 10.1.0.13
"$DPULAB" apply new.yaml | grep -q 'changes: none' || fail "apply of the same file changes something"
sed 's/h2: {}/h2: {dpu: true}/' new.yaml >refused.yaml
refuse 1 "$DPULAB" apply refused.yaml
pings a 10.1.0.14

# a process that stays behind is named
"$DPULAB" exec "$LAB" a -- sleep 1000 &
sleeper=$!
at_exit "kill $sleeper"
wait_for 5 grep -qx sleep "/proc/$sleeper/comm"
run "$DPULAB" down "$LAB" 2>said
grep -q "process $sleeper (sleep) still runs in what was $LAB-a" said || fail "down does not name it: $(cat said)"
expect "namespaces after down" "$(nodes)" "foreign "
for left in "/run/dpulab/$LAB" "/sys/fs/bpf/dpulab/$LAB"; do
	[ ! -e "$left" ] || fail "down left $left"
done
run "$DPULAB" down "$LAB"
refuse 1 "$DPULAB" ls "$LAB"
refuse 1 "$DPULAB" exec "$LAB" a -- true
