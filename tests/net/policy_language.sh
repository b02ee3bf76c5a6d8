#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A policy in a file of its own: groups by tag, name and a file of 20,000 prefixes,
# services in services, negation, ICMP messages, as sockets see them, on the host's
# datapath and on the kernel's. A wrong one changes nothing and says where it is
# wrong. Who is in a group changes with its tags.
. "$TESTS/lib/net.sh"
need "$PYTHON" ping

lab() { # PATH TAGGED_VM
	write_lab <<-YAML
		lab: x
		placement: $1
		hosts: {ha: {}}
		port-groups: {red: {vni: 5001}}
		vms:
		  va: {host: ha, port-group: red, ip: [10.1.0.1/24, "2001:db8:1::1/64"]$([ "$2" = va ] && echo ", tags: [web]")}
		  vb: {host: ha, port-group: red, ip: [10.1.0.2/24, "2001:db8:1::2/64"]$([ "$2" = vb ] && echo ", tags: [web]")}
		  vc: {host: ha, port-group: red, ip: [10.1.0.3/24, "2001:db8:1::3/64"]}
		firewall: {file: policy.yaml}
	YAML
}

cat >policy.yaml <<'YAML'
groups:
  web: {tags: web}
  servers: {members: [web, 10.1.0.200]}
  feed: {file: feed.txt}
services:
  http: {protocol: tcp, port: [80, 81]}
  names: {protocol: udp, port: 80}
  app: {services: [http, names]}
default: drop
rules:
  - {name: ping, protocol: icmp, icmp-type: echo-request, action: allow, apply-to: any}
  - {name: feed, from: feed, protocol: tcp, action: reject, apply-to: any}
  - {name: app, from-not: feed, to: servers, service: app, action: allow, apply-to: any}
YAML
{
	echo "# every other address of a /16, and one of ours"
	for ((i = 0; i < 20000; i++)); do echo "10.7.$((i / 128)).$((i % 128 * 2))"; done
	echo 10.1.0.3/32
} >feed.txt

sees() { # WANT NODE PROTO ADDRESS PORT...
	local want=$1 got
	shift
	got=$(probe "$1" outcome "${@:2}" | tr '\n' ' ')
	expect "$what: $2 from $1 to $3" "${got% }" "$want"
}

for what in host linux; do
	lab "$what" vb
	fresh_lab
	for vm in va vb; do serve "$vm" 80,81,82 80,81; done
	sees "80 open 81 open 82 timeout" va tcp 10.1.0.2 80 81 82
	sees "80 open 82 timeout" va tcp 2001:db8:1::2 80 82
	sees "80 open 81 timeout" va udp 10.1.0.2 80 81
	sees "80 timeout" vb tcp 10.1.0.1 80
	sees "80 ECONNREFUSED 82 ECONNREFUSED" vc tcp 10.1.0.2 80 82
	sees "80 timeout" vc udp 10.1.0.2 80
	sees "80 open" vc udp 2001:db8:1::2 80 # the feed has no IPv6 address
	for address in 10.1.0.2 2001:db8:1::2; do
		in_node va ping -c 1 -W 2 "$address" >/dev/null || fail "$what: no ping to $address"
	done

	# The tag moves: va is the server now.
	lab "$what" va
	run "$DPULAB" apply lab.yaml
	sees "80 open" vb tcp 10.1.0.1 80
	sees "80 timeout" va tcp 10.1.0.2 80

	# A wrong policy.
	cp policy.yaml right.yaml
	sed -i 's/service: app/service: apps/' policy.yaml
	refuse 1 "$DPULAB" apply lab.yaml >text 2>&1
	grep -q '^policy.yaml:13:55: error: .*found .apps' text || fail "$what: no place in: $(cat text)"
	grep -q '^ *\^$' text || fail "$what: no caret in: $(cat text)"
	sed -i '17s/.*/10.7.0.300/' feed.txt
	cp right.yaml policy.yaml
	refuse 1 "$DPULAB" apply lab.yaml >text 2>&1
	grep -q "^feed.txt:17:1: error: .*found '10.7.0.300'" text || fail "$what: no place in: $(cat text)"
	sed -i '17d' feed.txt
	sees "80 open" vb tcp 10.1.0.1 80
	sees "80 ECONNREFUSED" vc tcp 10.1.0.1 80
	unserve
	echo "ok: $what"
done
