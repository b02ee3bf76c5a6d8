#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What `fw explain` says becomes of a frame is what becomes of it: a table of frames,
# each explained and then sent, on every frame path and hook; and explaining changes nothing.
. "$TESTS/lib/net.sh"
need "$PYTHON"

lab() { # PATH HOOK
	write_lab <<-YAML
		lab: x
		placement: $1
		hook: $2
		hosts:
		  ha: {dpu: true}
		  hb: {dpu: true}
		port-groups:
		  red: {vni: 5001}
		  blue: {vlan: 7}
		vms:
		  va: {host: ha, port-group: red, ip: [10.1.0.1/24, "2001:db8:1::1/64"]}
		  vb: {host: ha, port-group: red, ip: [10.1.0.2/24, "2001:db8:1::2/64"]}
		  vc: {host: hb, port-group: red, ip: [10.1.0.3/24, "2001:db8:1::3/64"]}
		  vd: {host: ha, port-group: blue, ip: [10.2.0.4/24]}
		  ve: {host: hb, port-group: blue, ip: [10.2.0.5/24]}
		firewall:
		  default: drop
		  rules:
		    - {name: ping, protocol: icmp, action: allow}
		    - {name: web, protocol: tcp, port: 80, action: allow}
		    - {name: dns, protocol: udp, port: 53, action: allow}
		    - {name: no, protocol: tcp, port: 81, action: reject}
		    - {protocol: udp, port: 81, action: reject}
		    - {protocol: tcp, port: 82, direction: in, action: reject}
		    - {protocol: tcp, port: 82, direction: out, action: allow}
		    - {protocol: tcp, port: 83, from: va, to: [vb, vc], action: allow}
		    - {protocol: tcp, port: 84, direction: out, action: drop}
		    - {protocol: tcp, port: 84, direction: in, action: allow}
	YAML
}

table() {
	cat <<-'FRAMES'
		va > vb arp                            # nobody is known yet: floods
		va > vc tcp 80 sport=1000
		va > vb icmp id=7
		vb > va icmp id=8
		va > vc icmp id=9
		vc > vb icmp id=10
		vd > ve icmp
		ve > vd icmp
		vc > va arp reply                      # now all are known
		va > vb tcp 80                         # allowed at both vNICs
		va > vb tcp 40000 80 ack               # of the connection there is now
		va > vb tcp 40001 80 ack               # of none
		va > vc tcp 80
		va > vc tcp 81                         # rejected by the sender's vNIC
		va > vc udp 81
		va > vc tcp 82                         # by the receiver's, on the other host
		va > vb tcp 82
		va > vc tcp 83                         # one way only
		vc > va tcp 83
		va > vb tcp 84
		va > vb udp 53 len=20
		va > vb udp 54
		va > vc icmp type=0 id=77              # an answer nobody asked for
		va > vc icmp 3 1                       # an error that quotes nothing
		va > vb ip6 tcp 80
		va > 2001:db8:1::3 tcp 81
		vc > va ip6 icmp
		va > vb ns
		vb > va na
		va > 255.255.255.255 udp 67
		va > ff02::1 udp 53
		va > 10.1.0.99 tcp 80 dmac=02:00:00:00:00:99   # unknown unicast
		va > vb tcp 80 smac=03:00:00:00:00:01  # a group as the sender
		va > vb tcp 80 dmac=02:00:00:00:00:98 src=10.1.0.77
		vd > ve tcp 80
		vd > ve sctp 80
		va > vb 47 len=40                      # GRE: no rule
		va > 01:80:c2:00:00:00 ethertype=0x88b5 len=46
		va hex=ffffffffffff020000000001080045   # ends inside its header
	FRAMES
}

for combination in "host tc" "host xdp" "pmd xdp" "dpu-mux tc" "dpu-mux xdp" "dpu-upt tc" "dpu-vxlan tc"; do
	read -r path hook <<<"$combination"
	lab "$path" "$hook"
	fresh_lab
	table | run "$PYTHON" "$TESTS/lib/explain.py" "$LAB" va vb vc vd ve || fail "$path at $hook"
	"$DPULAB" fw explain "$LAB" "va > vc tcp 81" >text || fail "fw explain as text"
	grep -q 'end rejected' text || fail "text: $(cat text)"
done

# Words that say nothing, each refused with what to write instead.
while read -r words; do
	refuse 2 "$DPULAB" fw explain "$LAB" "$words" 2>err
	grep -q 'in the frame' err || fail "$words: $(cat err)"
done <<-'FRAMES'
	nobody > vb tcp 80
	va > nobody tcp 80
	va
	va > vb
	va > vb tcp 70000
	va > vb tcp 80 sin
	va > vb tcp 80 color=red
	va > ve tcp 80
	va > 10.9.9.9 tcp 80
	va > vd ip6 tcp 80
	va hex=12345
	va hex=xy
FRAMES
run "$DPULAB" place "$LAB" linux
refuse 1 "$DPULAB" fw explain "$LAB" "va > vb tcp 80" 2>err
grep -q 'frame path linux' err || fail "no word of the frame path: $(cat err)"
