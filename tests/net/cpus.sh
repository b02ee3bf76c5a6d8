#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Work of host and DPU is bound to their CPU sets: steering at tc, pinned NAPI threads at xdp; also
# after a move.
. "$TESTS/lib/net.sh"
need ip ping nsenter
[ "$(nproc)" -ge 2 ] || skip "needs two CPUs"

write_lab <<'YAML'
lab: x
placement: dpu-mux
hook: tc
hosts:
  h1: {dpu: true, cpus: 0, dpu-cpus: 1}
port-groups: {g: {vni: 7}}
vms:
  a: {host: h1, port-group: g, ip: 10.1.0.11/24}
  b: {host: h1, port-group: g, ip: 10.1.0.12/24}
firewall: {default: allow}
YAML

steering() { # NODE DEV
	"$DPULAB" exec "$LAB" "$1" -- "$PYTHON" "$TESTS/lib/netsysfs.py" "class/net/$2/queues/rx-0/rps_cpus"
}
threaded() { "$DPULAB" exec "$LAB" "$1" -- "$PYTHON" "$TESTS/lib/netsysfs.py" "class/net/$2/threaded"; }

# CPU lists of the NAPI threads of all devices so named; the lab's own are among them
affinities() { # DEV
	local comm
	for comm in /proc/[0-9]*/comm; do
		grep -q "^napi/$1-[0-9]*$" "$comm" 2>/dev/null || continue
		taskset -pc "$(basename "$(dirname "$comm")")" 2>/dev/null | sed 's/.*: //'
	done
}

run "$DPULAB" up lab.yaml
expect "steering of the host's port" "$(steering h1 a)" 1
expect "steering of a VM" "$(steering a eth0)" 1
expect "steering of the DPU's representor" "$(steering h1-dpu pf0vf0)" 2
expect "steering of the DPU's wire" "$(steering h1-dpu p0)" 2
expect "threaded at tc" "$(threaded h1-dpu pf0vf0)" 0

run "$DPULAB" place "$LAB" dpu-mux --hook xdp
expect "threaded at xdp" "$(threaded h1-dpu pf0vf0)" 1
expect "steering at xdp" "$(steering h1-dpu pf0vf0)" 0
affinities pf0vf0 | grep -qx 1 || fail "no thread of pf0vf0 is on CPU 1: $(affinities pf0vf0)"
affinities a | grep -qx 0 || fail "no thread of a is on CPU 0: $(affinities a)"

run "$DPULAB" place "$LAB" dpu-upt
affinities a | grep -qx 1 || fail "port a is with the DPU, but no thread of it on CPU 1: $(affinities a)"
run "$DPULAB" place "$LAB" host
affinities a | grep -qx 0 || fail "port a is back, but no thread of it on CPU 0: $(affinities a)"

run "$DPULAB" place "$LAB" host --hook tc
expect "steering after xdp" "$(steering h1 a)" 1
expect "threaded after xdp" "$(threaded h1 a)" 0
