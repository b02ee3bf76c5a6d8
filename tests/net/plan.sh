#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A device that does not enforce a policy: plan says so and by which source, up and place refuse,
# --accept-loss moves, what is lost is really not enforced there, and show placement goes on saying it.
. "$TESTS/lib/net.sh"
need python3

cat >own.yaml <<'YAML'
profile: own
flow-table: {capacity: {value: 1000, source: this test, confidence: defined}}
functions:
  dvs: {value: yes, source: this test, confidence: defined}
  dfw: {value: yes, source: this test, confidence: defined}
features:
  stateful: {value: yes, source: this test, confidence: defined}
  spoofguard: {value: no, source: "page 7 of this test", confidence: defined}
YAML
write_lab <<'YAML'
lab: x
placement: host
hosts:
  esx1: {dpu: {profile: own.yaml}}
port-groups:
  web: {vni: 5001, spoofguard: strict}
vms:
  a: {host: esx1, port-group: web, ip: 10.1.0.11/24}
  b: {host: esx1, port-group: web, ip: 10.1.0.12/24}
firewall:
  default: drop
  rules:
    - {protocol: icmp, action: allow, apply-to: any}
YAML

# field of the JSON list NAME whose item has KEY=VALUE
field() { # LIST KEY VALUE FIELD
	"$PYTHON" -c 'import json,sys
items=[i for i in json.load(sys.stdin)[sys.argv[1]] if str(i.get(sys.argv[2]))==sys.argv[3]]
print(json.dumps(items[0][sys.argv[4]]) if items else "none")' "$@"
}

refuse 3 "$DPULAB" plan lab.yaml -j >plan.json
sed -n '2,$p' plan.json >body.json
expect "SpoofGuard" "$(field policies policy SpoofGuard verdict <body.json)" '"lost"'
expect "its source" "$(field policies policy SpoofGuard source <body.json)" '"page 7 of this test"'
expect "the firewall" "$(field policies policy firewall verdict <body.json)" '"kept"'
expect "what nobody published" "$(field policies policy "storm limit" verdict <body.json)" '"unknown"'
run "$DPULAB" plan lab.yaml --profile ideal
# on a mixed placement what stays on the host is not lost, and has its price; what goes to the device is
run "$DPULAB" plan lab.yaml --placement host-dfw -j >mixed.json
sed -n '2,$p' mixed.json >body.json
expect "SpoofGuard with the firewall on the host" "$(field policies policy SpoofGuard verdict <body.json)" '"kept"'
expect "where" "$(field policies policy SpoofGuard at <body.json)" '"host"'
expect "where VXLAN is" "$(field policies policy VXLAN at <body.json)" '"dpu"'
field policies policy SpoofGuard suggestion <body.json | grep -q 'stays on the host (lost on the device)' || fail "the suggestion does not say so"
cat >bench.json <<-'JSON'
	{"cpu": [{"frames": "same host", "bytes": 64, "path": "host-dfw", "hook": "xdp", "host_ns": 612},
	 {"frames": "same host", "bytes": 64, "path": "dpu-mux", "hook": "xdp", "host_ns": 95}],
	 "emulated": [{"host": "h", "emulated": "cores x2.4"}]}
JSON
run "$DPULAB" plan lab.yaml --placement host-dfw --measured bench.json -j >mixed.json
sed -n '2,$p' mixed.json | field policies policy SpoofGuard suggestion | grep -q ' 612 ns of host CPU per frame (dpu-mux 95' || fail "no price of the mixed placement"
expect "what was emulated there" "$(sed -n '2,$p' mixed.json | python3 -c 'import json, sys; print(json.load(sys.stdin)["summary"]["emulated_there"])')" \
	"h cores x2.4; none of it in the prices"
sed 's/placement: host/placement: dpu-vxlan/' lab.yaml >mixed.yaml
run "$DPULAB" plan mixed.yaml
refuse 2 "$DPULAB" plan lab.yaml --placement nowhere
refuse 3 "$DPULAB" plan lab.yaml --profile netronome-xdp
refuse 1 "$DPULAB" plan lab.yaml --profile no-such-device
refuse 2 "$DPULAB" plan

# a file that begins on the device is refused, unless it accepts the loss
sed 's/placement: host/placement: dpu-mux/' lab.yaml >onto.yaml
refuse 1 "$DPULAB" up onto.yaml
[ -e "/run/netns/$LAB-a" ] && fail "a refused up left namespaces"

fresh_lab
spoof() { # does b hear a frame from an address that is not a's own?
	in_node a ip addr add 10.1.0.99/24 dev eth0 2>/dev/null
	in_node a ping -c 2 -W 1 -i 0.2 -I 10.1.0.99 10.1.0.12 >/dev/null
}
run in_node a ping -c 1 -W 2 10.1.0.12
spoof && fail "the host does not enforce SpoofGuard"
refuse 3 "$DPULAB" place "$LAB" dpu-mux
expect "placement after the refusal" "$("$DPULAB" show "$LAB" placement -j | field placement host esx1 path)" '"host"'
run "$DPULAB" place "$LAB" dpu-mux --accept-loss
run in_node a ping -c 1 -W 2 10.1.0.12
wait_for 5 spoof
grep SpoofGuard <<<"$("$DPULAB" show "$LAB" placement -j | field placement host esx1 not_enforced)" ||
	fail "show placement does not say what is not enforced"
run "$DPULAB" place "$LAB" host
spoof && fail "back on the host SpoofGuard is not enforced"
expect "not enforced on the host" "$("$DPULAB" show "$LAB" placement -j | field placement host esx1 not_enforced)" '[]'
refuse 3 "$DPULAB" plan "$LAB"
run "$DPULAB" place "$LAB" host-dfw
run "$DPULAB" plan "$LAB"
run "$DPULAB" place "$LAB" host

# another device at run time: the loss is gone, and the stored lab says which device it is
run "$DPULAB" place "$LAB" dpu-mux --accept-loss
run "$DPULAB" place "$LAB" dpu-mux --profile ideal
expect "the device" "$("$DPULAB" show "$LAB" placement -j | field placement host esx1 profile)" '"ideal"'
expect "the path" "$("$DPULAB" show "$LAB" placement -j | field placement host esx1 path)" '"dpu-mux"'
expect "not enforced on ideal" "$("$DPULAB" show "$LAB" placement -j | field placement host esx1 not_enforced)" '[]'
run in_node a ping -c 1 -W 2 10.1.0.12
spoof && fail "the ideal device does not enforce SpoofGuard"
refuse 3 "$DPULAB" place "$LAB" dpu-mux --profile netronome-xdp --scale 100
refuse 1 "$DPULAB" place "$LAB" dpu-mux --profile dash-200g --accept-loss
run "$DPULAB" place "$LAB" dpu-upt --profile dash-200g --scale 1000 --accept-loss
run in_node a ping -c 1 -W 2 10.1.0.12
"$DPULAB" show "$LAB" offload -j | field offload figure flows limit | grep -q 64000 || fail "the new device has another table"
run "$DPULAB" place "$LAB" host

# a change of device by its file needs down and up
sed 's/own.yaml/ideal/' lab.yaml >other.yaml
refuse 1 "$DPULAB" apply other.yaml
