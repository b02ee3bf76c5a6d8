#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Rules of category ethernet at host, DPU and on the kernel's own path: by EtherType and MAC address, by direction,
# on frames that are IP and on others; a flow that goes on is cut by the next frame when such a rule comes, and lives
# again when it goes. Judged by what arrives; `show rules`, `fw log`, `fw explain` and `fw check` know them.
. "$TESTS/lib/net.sh"
need "$PYTHON"

lab() { # PATH RULES...
	local path=$1
	shift
	write_lab <<-YAML
		lab: x
		placement: $path
		hosts: {ha: {dpu: true}}
		port-groups: {red: {vni: 5001}}
		vms:
		  va: {host: ha, port-group: red, ip: 10.1.0.1/24}
		  vb: {host: ha, port-group: red, ip: 10.1.0.2/24, mac: "02:aa:00:00:00:0b"}
		  vc: {host: ha, port-group: red, ip: 10.1.0.3/24, tags: [quiet]}
		firewall:
		  groups: {quiet: {tags: [quiet]}}
		  rules:
		    - {name: all, action: allow, apply-to: any}
		$(for rule in "$@"; do echo "    - $rule"; done)
	YAML
}
frame() { # FROM TO_MAC ETHERTYPE TAG: five made-up frames
	in_node "$1" "$PYTHON" -c 'import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
mac = lambda text: bytes.fromhex(text.replace(":", ""))
for i in range(5):
    s.send(mac(sys.argv[1]) + mac(sys.argv[4]) + int(sys.argv[2], 16).to_bytes(2, "big") + sys.argv[3].encode().ljust(60, b"."))' \
		"$2" "$3" "$4" "$(mac_of "$1")"
}
EAR='import select, socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("eth0", 0))
open(sys.argv[1], "w").close()
tags = {}
while True:
    if not select.select([s], [], [], 0.2)[0]:
        continue
    data = s.recv(2048)
    tag = data[14:].split(b".")[0].decode("ascii", "replace")
    tags[tag] = tags.get(tag, 0) + 1
    with open(sys.argv[2] + ".new", "w") as out:
        out.writelines(f"{k} {v}\n" for k, v in tags.items() if k.isalnum())
    import os
    os.rename(sys.argv[2] + ".new", sys.argv[2])'
listen() { # NODE
	rm -f "on.$1" "heard.$1"
	touch "heard.$1"
	nsenter --net="/run/netns/$LAB-$1" -- "$PYTHON" -c "$EAR" "on.$1" "heard.$1" >/dev/null 2>&1 &
	ears+=($!)
	at_exit "kill $!"
	wait_for 10 test -e "on.$1"
}
ears=()
deaf() {
	[ ${#ears[@]} = 0 ] || kill "${ears[@]}"
	wait "${ears[@]}"
	ears=()
} 2>/dev/null
got() { awk -v tag="$1" '$1 == tag { n = $2 } END { print n + 0 }' "heard.$2"; } # TAG NODE
arrives() { # TAG NODE: all five
	wait_for 10 eval "[ \"\$(got $1 $2)\" = 5 ]"
}
pings() { in_node "$1" ping -q -c 1 -W "$3" "$2" >/dev/null; }

NO_LLDP='{name: no-lldp, category: ethernet, ether-type: [lldp, 0x88b5], direction: out, action: drop, apply-to: va}'
FROM_B='{name: not-to-b, category: ethernet, from-mac: quiet, to-mac: "02:aa:00:00:00:00/40", action: drop, log: true, apply-to: vc}'
NO_ARP='{name: no-arp, category: ethernet, ether-type: arp, action: drop, apply-to: [vb]}'
for path in host dpu-mux linux; do
	lab "$path" "$NO_LLDP" "$FROM_B"
	fresh_lab
	for node in va vb vc; do listen "$node"; done
	b=02:aa:00:00:00:0b a=$(mac_of va) c=$(mac_of vc)
	pings va 10.1.0.2 2 || fail "$path: va does not reach vb"
	wait_for 10 pings va 10.1.0.3 2 # so that all addresses are learned

	frame va "$b" 88b5 shut1
	frame va "$b" 88b6 open1
	frame vb "$a" 88b5 open2
	frame vc "$b" 88b6 shut2
	frame vc "$a" 88b6 open3
	frame vb "$c" 88b6 open4
	arrives open1 vb
	arrives open2 va
	arrives open3 va
	arrives open4 vc
	expect "$path: frames of a refused type that arrived" "$(got shut1 vb)" 0
	expect "$path: frames from a refused address that arrived" "$(got shut2 vb)" 0

	# a flow that goes on, cut by the rule about its MACs, and let through again
	in_node va ping -i 0.05 10.1.0.2 >pings 2>&1 &
	ping=$!
	answers() { grep -c "bytes from" pings; }
	grows() { local n; n=$(answers); sleep 0.3; [ "$(answers)" -gt "$n" ]; }
	wait_for 10 grows
	"$DPULAB" fw add -j "$LAB" "{name: cut, category: ethernet, from-mac: va, to-mac: vb, ether-type: ipv4, action: drop, apply-to: va}" >fw.json || fail "fw add"
	rule=$("$PYTHON" -c 'import json; print(json.load(open("fw.json"))["rule"])')
	frame va "$b" 88b6 open5
	arrives open5 vb # and whatever was on its way has arrived, too
	n=$(answers)
	sleep 0.4
	expect "$path: answers after the rule came" "$(answers)" "$n"
	run "$DPULAB" fw delete "$LAB" "$rule"
	wait_for 10 grows
	kill "$ping"
	wait "$ping" 2>/dev/null

	# ARP, refused towards vb: who does not know it learns nothing
	lab "$path" "$NO_LLDP" "$FROM_B" "$NO_ARP"
	run "$DPULAB" apply lab.yaml
	in_node va ip neigh flush dev eth0
	! pings va 10.1.0.2 1 || fail "$path: ARP to vb passes"
	in_node va ip neigh replace 10.1.0.2 lladdr "$b" dev eth0
	in_node vb ip neigh replace 10.1.0.1 lladdr "$a" dev eth0
	pings va 10.1.0.2 2 || fail "$path: with known neighbours va does not reach vb"
	if [ "$path" != linux ]; then
		node=ha
		[ "$path" = host ] || node=ha-dpu
		"$DPULAB" show -j "$LAB" rules >rules.json || fail "show rules"
		expect "$path: rules with hits" "$("$PYTHON" -c 'import json, sys
print(*[r["name"] for r in json.load(open("rules.json"))["rules"] if r["node"] == sys.argv[1] and r["hits"] and r["category"] == "ethernet"])' "$node")" \
			"no-lldp not-to-b no-arp"
		"$DPULAB" fw log -j "$LAB" >log.json || fail "fw log"
		grep -q '"name": *"not-to-b".*"proto": *"0x88b6"' log.json || fail "$path: no event of rule not-to-b: $(head -c 600 log.json)"
		"$DPULAB" fw explain "$LAB" 'vc > vb udp 1 2' >explain || fail "fw explain"
		grep -q "drop.*not-to-b.*category ethernet" explain || fail "fw explain: $(cat explain)"
	fi
	deaf
done

# ---- what is wrong is said ------------------------------------------------------------
wrong() { # WORDS RULE
	lab host "$2"
	refuse 3 "$DPULAB" fw check lab.yaml 2>text
	grep -q "$1" text || fail "fw check does not say '$1': $(cat text)"
}
wrong "cannot reject" '{category: ethernet, ether-type: arp, action: reject, apply-to: va}'
wrong "knows no IP addresses" '{category: ethernet, from: va, action: drop, apply-to: va}'
wrong "for rules of category ethernet" '{ether-type: arp, action: drop, apply-to: va}'
wrong "expected an EtherType" '{category: ethernet, ether-type: 0x05ff, action: drop, apply-to: va}'
wrong "expected a MAC address" '{category: ethernet, from-mac: "02:00:00:00:00:01/24", action: drop, apply-to: va}'
lab host '{category: ethernet, ether-type: arp, action: drop, apply-to: va}'
run "$DPULAB" fw check lab.yaml
