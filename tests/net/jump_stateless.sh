#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Rules that jump to category application, on every frame path, and rules without state, at host and DPU, where
# a TCP connection survives that its entries are lost; `fw log` with the default action. Judged by what arrives.
. "$TESTS/lib/net.sh"
need "$PYTHON"

lab() { # PATH RULES...
	local path=$1
	shift
	red_lab "$path" auto <<-YAML
		firewall:
		  default: drop
		  log-default: true
		  rules:
		$(for rule in "$@"; do echo "    - $rule"; done)
	YAML
}
sees() { # WANT: TCP from va to ports 80 to 83 of vb
	expect "$path: $what" "$(probe va outcome tcp 10.1.0.2 80 81 82 83 | tr '\n' ' ')" "$1 "
}

SKIP='{name: skip, category: environment, protocol: tcp, port: 80-81, action: jump-to-application, apply-to: vb}'
WALL='{id: 7, name: wall, category: environment, protocol: tcp, action: drop, apply-to: vb}'
WEB='{name: web, protocol: tcp, port: 80, action: allow, apply-to: any}'
REST='{name: rest, protocol: tcp, action: allow, apply-to: va}'
for path in host dpu-mux linux; do
	what="with a jump"
	lab "$path" "$SKIP" "$WALL" "$WEB" "$REST"
	fresh_lab
	serve vb 80,81,82,83 80
	sees "80 open 81 timeout 82 timeout 83 timeout"
	what="without"
	lab "$path" "$WALL" "$WEB" "$REST"
	run "$DPULAB" apply lab.yaml
	sees "80 timeout 81 timeout 82 timeout 83 timeout"
	what="with a jump that comes by itself, in front"
	run "$DPULAB" fw add "$LAB" "$SKIP" --before 7
	sees "80 open 81 timeout 82 timeout 83 timeout"
	unserve
done

# ---- without state ---------------------------------------------------------------------
OUT='{name: out, protocol: tcp, port: 80-81, stateless: true, action: allow, apply-to: any}'
BACK='{name: back, protocol: tcp, source-port: 80, stateless: true, action: allow, apply-to: any}'
for path in host dpu-mux; do
	what="without state"
	lab "$path" "$OUT" "$BACK" '{name: stateful, protocol: tcp, port: 82, action: allow, apply-to: any}'
	fresh_lab
	serve vb 80,81,82,83 80
	sees "80 open 81 timeout 82 open 83 timeout" # nothing lets the answers of 81 back
	"$DPULAB" show -j "$LAB" connections >connections.json || fail "show connections"
	expect "$path: ports with connections" "$("$PYTHON" -c 'import json
print(*sorted({c["dst_port"] for c in json.load(open("connections.json"))["connections"]}))')" 82
	"$DPULAB" fw log -j "$LAB" >log.json || fail "fw log"
	grep -q '"rule": *0, *"name": *"default".*"dst_port": *83' log.json || fail "$path: the default action is not logged: $(head -c 500 log.json)"
	unserve
done

# ---- what is wrong is said ---------------------------------------------------------------
wrong() { # WORDS RULE
	lab host "$2"
	refuse 3 "$DPULAB" fw check lab.yaml 2>text
	grep -q "$1" text || fail "fw check does not say '$1': $(cat text)"
}
wrong "cannot jump to application" '{protocol: tcp, action: jump-to-application, apply-to: va}'
wrong "this rule allows nothing" '{protocol: tcp, stateless: true, action: drop, apply-to: va}'
wrong "have no state anyway" '{category: ethernet, stateless: true, action: drop, apply-to: va}'
