#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# `fw check`: what is wrong with a policy and what is hardly meant, in text and in
# JSON, with the exit code that says so. Nothing is built.
. "$TESTS/lib/net.sh"

policy() { # rules from stdin
	write_lab <<-YAML
		lab: x
		hosts: {ha: {}}
		port-groups: {red: {vni: 5001}}
		vms:
		  va: {host: ha, port-group: red, ip: 10.1.0.1/24}
		  vb: {host: ha, port-group: red, ip: 10.1.0.2/24}
		firewall:
		  rules:
		$(cat)
	YAML
}

# check FINDING...: "WORD RULE" each, in order; the exit code follows.
check() {
	local want=0 got
	[ $# = 0 ] || want=3
	refuse "$want" "$DPULAB" fw check -j lab.yaml >json
	sed -i 1d json
	got=$(python3 -c 'import json
for f in json.load(open("json"))["findings"]: print(f["finding"], f["rule"])')
	expect "findings" "$got" "$(printf '%s\n' "$@")"
}

policy <<'YAML'
    - {name: web, protocol: tcp, port: 80, action: allow, apply-to: red}
YAML
check

policy <<'YAML'
    - {protocol: tcp, port: 80, action: allow}
    - {protocol: tcp, port: 81, action: allow, apply-to: va}
YAML
check "everywhere 1"
refuse 3 "$DPULAB" fw check lab.yaml >text
grep -q "^everywhere .* lab.yaml:9 " text || fail "no place in the text: $(cat text)"

policy <<'YAML'
    - {name: tcp, protocol: tcp, action: allow, apply-to: red}
    - {name: no telnet, protocol: tcp, port: 23, action: drop, apply-to: red}
    - {protocol: udp, port: 1-100, action: drop, apply-to: any}
    - {protocol: udp, port: 101-65535, action: drop, apply-to: any}
    - {protocol: udp, port: 53, action: drop, apply-to: va}
    - {from: va, from-not: red, action: drop, apply-to: any}
    - {protocol: udp, port: 90-110, action: allow, apply-to: va}
YAML
check "shadowed 2" "redundant 5" "never 6" "unreachable 7"
refuse 3 "$DPULAB" fw check lab.yaml >text
grep -q "^shadowed .* lab.yaml:10  *rule 1 (tcp) before it takes all of its packets" text || fail "no reason in the text: $(cat text)"

# Two that meet, one allowing, one not, are a note: they may be meant.
policy <<'YAML'
    - {protocol: tcp, port: 1-10, action: allow, apply-to: any}
    - {protocol: tcp, port: 5-20, action: drop, apply-to: any}
YAML
run "$DPULAB" fw check -j lab.yaml >json
grep -q '"finding": *"conflict"' json || fail "no note of the conflict: $(cat json)"

policy <<'YAML'
    - {protocol: tpc, action: allow}
YAML
refuse 3 "$DPULAB" fw check lab.yaml >text 2>&1
grep -q "^lab.yaml:9:18: error: " text || fail "a wrong policy has no place: $(cat text)"
refuse 1 "$DPULAB" fw check missing.yaml
refuse 2 "$DPULAB" fw check
refuse 2 "$DPULAB" fw chekc lab.yaml
