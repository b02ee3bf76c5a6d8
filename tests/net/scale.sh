#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# 200 VMs on two hosts come up in under 5 s and go in under 3 s, on placement host and on dpu-mux;
# first and last VM talk. The limits are several times what it takes, so one of three tries is enough;
# a machine that is busy with other things cannot say. On emulated CPUs 20 VMs, and no limits.
. "$TESTS/lib/net.sh"
need ip ping nsenter

UP_LIMIT=5 DOWN_LIMIT=3 VMS=200
emulated && VMS=20

load=$(cut -d. -f1 /proc/loadavg)
busy=
[ "$load" -lt $((2 * $(nproc))) ] || busy="load average $load on $(nproc) CPUs"

big_lab() { # PLACEMENT
	cat <<YAML
lab: x
placement: $1
hosts:
  h1: {dpu: true, cpus: 0, dpu-cpus: $(($(nproc) > 1))}
  h2: {dpu: true, cpus: 0, dpu-cpus: $(($(nproc) > 1))}
port-groups: {g: {vni: 7}}
firewall: {default: allow}
vms:
YAML
	for ((i = 1; i <= VMS; i++)); do
		echo "  v$i: {host: h$((i % 2 + 1)), port-group: g, ip: 10.9.0.$i/24}"
	done
}

answers() { in_node v1 ping -q -c 1 -W 2 "$1" >/dev/null; } # ADDRESS

seconds() { # KEY FILE: a figure of the JSON answer, e.g. ["seconds"]
	"$PYTHON" -c "import json, sys; print(json.load(open(sys.argv[1]))$1)" "$2"
}
within() { "$PYTHON" -c "import sys; sys.exit(not float('$1') < float('$2'))"; }

for placement in host dpu-mux; do
	big_lab "$placement" | write_lab
	for try in 1 2 3; do
		"$DPULAB" up -j lab.yaml >up.json || fail "up: $(cat up.json)"
		up=$(seconds '["seconds"]' up.json)
		# each VM announces itself to all others at the start: a first ARP request may find a ring full
		wait_for 10 answers "10.9.0.$VMS"
		wait_for 10 answers 10.9.0.3
		expect "namespaces" "$(ip netns list | grep -c "^$LAB-")" $((VMS + 5))
		"$DPULAB" down -j "$LAB" >down.json || fail "down: $(cat down.json)"
		down=$(seconds '["labs"][0]["seconds"]' down.json)
		expect "namespaces left" "$(ip netns list | grep -c "^$LAB-")" 0
		echo "$placement: $VMS VMs up in $up s, down in $down s"
		within "$up" $UP_LIMIT && within "$down" $DOWN_LIMIT && break
		[ -z "$busy" ] || break
		emulated && break
		[ $try -lt 3 ] || fail "$placement: up $up s (limit $UP_LIMIT), down $down s (limit $DOWN_LIMIT)"
	done
done
[ -z "$busy" ] || emulated || skip "times not judged: $busy"
