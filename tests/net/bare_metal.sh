# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Frame path bare-metal: a host is itself a machine of the lab, and its own interface a port of its DPU. The policy holds
# for it as for a VM, by name, on one host's wire and across hosts, to VMs on other paths; a connection survives the moves; a
# root user of the host has no other way out; killed moves are repaired; what makes no sense is refused. One machine's link is
# emulated (tc), the other's is a veth (xdp).
. "$TESTS/lib/net.sh"
need ip "$PYTHON"

write_lab <<'YAML'
lab: x
hook: tc
hosts:
  h1: {dpu: true}
  m1: {dpu: {link: {delay: 300us}}, placement: bare-metal}
  m2: {dpu: true, placement: bare-metal, hook: xdp}
port-groups:
  web: {vni: 7, spoofguard: strict}
  side: {vlan: 20}
vms:
  v1: {host: h1, port-group: web, ip: [10.1.0.11/24, "2001:db8:1::11/64"]}
  v2: {host: h1, port-group: side, ip: 10.1.0.12/24}
  iron1: {type: bare-metal, host: m1, port-group: web, ip: [10.1.0.21/24, "2001:db8:1::21/64"], tags: metal}
  iron2: {type: bare-metal, host: m2, port-group: web, ip: [10.1.0.22/24, "2001:db8:1::22/64"], tags: metal}
firewall:
  default: drop
  groups: {metal: {tags: metal}}
  rules:
    - {name: ping, protocol: icmp, action: allow, apply-to: any}
    - {name: to machines, protocol: tcp, port: 8001, to: metal, action: allow, apply-to: any}
    - {name: from iron1 only, protocol: tcp, port: 8002, from: iron1, action: allow, apply-to: any}
    - {name: telnet leaves a VM, direction: out, protocol: tcp, port: 23, action: allow, apply-to: v1}
    - {name: no telnet, protocol: tcp, port: 23, action: reject, apply-to: metal}
    - {name: names, protocol: udp, port: 53, from: metal, action: allow, apply-to: any}
YAML
run "$DPULAB" up lab.yaml
path_of() { "$DPULAB" show "$LAB" placement | awk -v host="$1" '$1 == host { print $2 }'; }
expect "placement of m1" "$(path_of m1)" bare-metal
reached() { in_node "$1" ping -q -c 1 -W 1 "$2" >/dev/null; }
# What each line of FROM KIND ADDRESS PORT on stdin meets, in order; asked at once, as silence takes a second.
outcomes() {
	local n=0 from kind address port i
	while read -r from kind address port; do
		probe "$from" outcome "$kind" "$address" "$port" </dev/null | cut -d ' ' -f 2 >"outcome.$n" &
		waiting[n++]=$!
	done
	wait "${waiting[@]}"
	for ((i = 0; i < n; i++)); do cat "outcome.$i"; done | xargs
}
waiting=()

# The names of a machine and of its host are one namespace, but the machine's is the one rules and ports know.
run "$DPULAB" exec "$LAB" iron1 -- ping -q -c 1 -W 2 10.1.0.22
expect "the interface that exec finds" "$("$DPULAB" exec "$LAB" iron1 -- ip -o link show dev eth0 | grep -o "link/ether [^ ]*" | cut -d " " -f 2)" "$(mac_of m1)"
"$DPULAB" ls "$LAB" | grep -q '^iron1 .*bare-metal' || fail "ls does not list iron1: $("$DPULAB" ls "$LAB")"
"$DPULAB" show "$LAB" ports | grep -q iron1 || fail "show ports does not know iron1"
"$DPULAB" check lab.yaml >/dev/null || fail "check finds the lab wanting"

serve v1 23,8001,8002 53
serve m1 23,8001,8002 53
serve m2 23,8001,8002 53
policy_holds() { # WHERE [unguarded]
	for pair in "m1 10.1.0.22" "m2 10.1.0.21" "v1 10.1.0.21" "v1 10.1.0.22" "m1 10.1.0.11" "m1 2001:db8:1::22" "v1 2001:db8:1::21"; do
		read -r from to <<<"$pair"
		wait_for 10 reached "$from" "$to"
	done
	expect "$1: policy" "$(outcomes <<-'END'
		m2 tcp 10.1.0.21 8001
		v1 tcp 10.1.0.22 8001
		m1 tcp 10.1.0.11 8001
		m1 tcp 10.1.0.22 8002
		m1 tcp 10.1.0.11 8002
		m2 tcp 10.1.0.21 8002
		m1 tcp 10.1.0.22 23
		v1 tcp 10.1.0.21 23
		m1 udp 10.1.0.11 53
		v1 udp 10.1.0.21 53
	END
	)" "open open timeout open open timeout ECONNREFUSED ECONNREFUSED open timeout"
	reached m1 10.1.0.12 && fail "$1: a machine reaches another segment"
	[ "${2:-}" = unguarded ] && return # docs/limits.md: not on path linux
	hear v1
	probe m1 send eth0 02:00:00:00:00:99 20 "$(mac_of v1)=7"
	stop_hearing
	expect "$1: frames of a made-up MAC" "$(heard v1 7)" 0
}
host_runs() { "$DPULAB" show "$LAB" stats | awk '$1 == "m1" { n += $3 } END { print n }'; }
before=$(host_runs)
policy_holds "all bare-metal"
expect "runs of the host's programs" "$(host_runs)" "$before"

# Every frame from and to the machine crosses its link.
in_node m1 ping -q -c 20 -i 0.01 -W 2 10.1.0.22 >ping.out || fail "m1 to m2: $(cat ping.out)"
awk -F'[/= ]+' '/^rtt/ {exit !($6 >= 0.6)}' ping.out || fail "two crossings of 300 us, and $(tail -n 1 ping.out)"
expect "who plays its link" "$("$DPULAB" show "$LAB" link | awk '$1 == "m1" {print $4 " " $5}' | sort -u)" "emulated af_packet"

# The host has no switch: the port is in the DPU, no frame meets a program of the host's, and what else leads out of it is dead.
in_node m1-pci ip link show iron1 >/dev/null || fail "the machine's port is not at its link to the DPU"
in_node m2-dpu ip link show iron2 >/dev/null || fail "the machine's port is not in the DPU"
in_node m1 ip link show iron1 >/dev/null 2>&1 && fail "the machine's port is in the host"
in_node m1 ip link show uplink0 | grep -q NO-CARRIER || fail "the host has a wire"
reached m1 10.255.0.1 && fail "a machine reaches the underlay"
escape() { # DEV: how many frames for v1 in a tunnel of m1's making get there, sent by a device that m1 has
	hear v1
	in_node m1 "$PYTHON" "$TESTS/lib/escape.py" "$1" 20 "$(mac_at m1 uplink0)" "$(mac_at h1 uplink0)" 10.255.0.2 10.255.0.1 7 \
		02:00:00:00:00:98 "$(mac_of v1)" 8 >/dev/null
	stop_hearing
	heard v1 8
}
mac_at() { in_node "$1" ip -o link show dev "$2" | grep -o "link/ether [^ ]*" | cut -d " " -f 2; } # NODE DEV
closed() { # WHEN
	for dev in uplink0 pf0 vf0; do expect "$1: frames sent into $dev" "$(escape "$dev")" 0; done
}
closed "after up"

# live, to every other path the host can run and back, with the VM's host elsewhere
start_echo() {
	nsenter --net="/run/netns/$LAB-m2" -- python3 "$TESTS/lib/echo.py" server 10.1.0.22 8001 >server.out 2>&1 &
	at_exit "kill $!"
}
unserve
start_echo
has() { grep -q "$2" "$1"; }
wait_for 10 has server.out ready
in_node m1 python3 "$TESTS/lib/echo.py" client 10.1.0.22 8001 tcp.stop >client.out 2>&1 &
client=$!
wait_for 10 has client.out connected
for path in dpu-mux bare-metal host bare-metal; do
	run "$DPULAB" place "$LAB" "$path" --host m1
	wait_for 10 reached m1 10.1.0.22
done
touch tcp.stop
wait "$client" || fail "the TCP connection broke: $(cat client.out)"
serve v1 23,8001,8002 53
serve m1 23,8001,8002 53
serve m2 23,8001,8002 53
run "$DPULAB" place "$LAB" dpu-upt --host h1
policy_holds "VM on dpu-upt"
for path in host pmd linux dpu-mux bare-metal; do
	run "$DPULAB" place "$LAB" "$path" --host m1
	policy_holds "iron1 on $path" "$([ "$path" = linux ] && echo unguarded)"
done
run "$DPULAB" place "$LAB" linux --host h1
policy_holds "v1 on linux"
run "$DPULAB" up lab.yaml # finds nothing to mend, and leaves the place closed
closed "after a second up"

# killed moves, into it and out of it
run "$DPULAB" place "$LAB" host --host h1
run "$DPULAB" place "$LAB" host --host m1
expect "the same frames while m1 has a switch and a wire of its own" "$(escape uplink0)" 20
run "$DPULAB" place "$LAB" bare-metal --host m1
for to in bare-metal host; do
	run "$DPULAB" place "$LAB" "$([ "$to" = host ] && echo bare-metal || echo host)" --host m1
	DPULAB_COUNT_OPS=ops "$DPULAB" place "$LAB" "$to" --host m1 >/dev/null || fail "place $to"
	run "$DPULAB" place "$LAB" "$([ "$to" = host ] && echo bare-metal || echo host)" --host m1
	total=$(cat ops)
	for part in 3 7; do
		DPULAB_CRASH_AFTER=$((total * part / 10)) "$DPULAB" place "$LAB" "$to" --host m1 >/dev/null 2>&1
		run "$DPULAB" up lab.yaml
		run "$DPULAB" place "$LAB" "$to" --host m1
		wait_for 10 reached m1 10.1.0.22
		wait_for 10 reached v1 10.1.0.21
		[ "$to" = host ] || closed "after a killed move"
		run "$DPULAB" place "$LAB" "$([ "$to" = host ] && echo bare-metal || echo host)" --host m1
	done
done

# what makes no sense
refuse 1 "$DPULAB" place "$LAB" bare-metal --host h1 2>err
grep -q 'VM v1 lives there' err || fail "h1: $(cat err)"
refuse 1 "$DPULAB" place "$LAB" dpu-upt --host m1 2>err
grep -q 'is itself machine iron1' err || fail "m1: $(cat err)"
refuse 1 "$DPULAB" place "$LAB" bare-metal 2>err # the whole lab: nothing moves
expect "h1 after a refused move" "$(path_of h1)" host
refuse 2 "$DPULAB" move "$LAB" iron1 h1 2>err
refuse 2 "$DPULAB" move "$LAB" v1 m1 2>err
grep -q 'itself a machine' err || fail "move to m1: $(cat err)"
sed 's/host: h1, port-group: web/host: m1, port-group: web/' lab.yaml >both.yaml
refuse 3 "$DPULAB" check both.yaml 2>err
grep -q "itself machine 'iron1'" err || fail "check: $(cat err)"
sed 's/h1: {dpu: true}/h1: {dpu: true, placement: bare-metal}/' lab.yaml >vms.yaml
refuse 3 "$DPULAB" check vms.yaml 2>err
grep -q 'VM v1 lives there' err || fail "check: $(cat err)"

# a machine comes and goes with its file
sed '/iron2/d' lab.yaml | sed 's/m2: {dpu: true, placement: bare-metal, hook: xdp}/m2: {dpu: true, hook: xdp}/' >less.yaml
run "$DPULAB" apply less.yaml
in_node m2 ip link show eth0 >/dev/null 2>&1 && fail "the interface of a machine that has gone is there"
run "$DPULAB" apply lab.yaml
expect "placement of m2 again" "$(path_of m2)" bare-metal
wait_for 10 reached m1 10.1.0.22
run "$DPULAB" down "$LAB"
ls /run/netns | grep "^$LAB-" && fail "namespaces are left"
exit 0
