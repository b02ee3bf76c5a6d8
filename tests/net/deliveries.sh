# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# The same random frames give the same deliveries on every frame path and at every hook that claims the whole
# pipeline: which VM hears which bytes of ARP, IPv4, IPv6 and others; of connections, fragments, unknown and moved
# stations, tags, cut frames and wrong checksums, under a policy. On one host and across the wire.
#
# With dfw=host the switch stands behind the firewalls and learns from what they let out only: where stations are that no
# VM has may differ there, and frames for them are left out.
. "$TESTS/lib/net.sh"
need "$PYTHON"
COUNT=${COUNT:-400}
emulated && COUNT=60

lab() { # PATH HOOK
	write_lab <<-YAML
		lab: x
		placement: $1
		hook: $2
		hosts:
		  h1: {dpu: true}
		  h2: {dpu: true}
		port-groups:
		  red: {vni: 5001}
		vms:
		  a: {host: h1, port-group: red, ip: 10.1.0.1/24}
		  b: {host: h1, port-group: red, ip: 10.1.0.2/24}
		  c: {host: h2, port-group: red, ip: 10.1.0.3/24}
		firewall:
		  default: allow
		  rules:
		    - {protocol: tcp, port: [80, 5000], from: 10.9.0.0/24, action: drop}
		    - {protocol: udp, port: 81, action: drop}
		    - {protocol: tcp, port: 82, direction: in, action: drop}
		    - {protocol: udp, port: 83, direction: out, to: 10.9.1.0/24, action: drop}
		    - {protocol: udp, port: 443, from: "2001:db8:9::/48", action: drop}
		    - {protocol: icmp, from: 10.8.0.0/16, action: drop}
	YAML
}

deliver() { # PATH HOOK SEED: into the file PATH.HOOK
	lab "$1" "$2"
	fresh_lab >/dev/null
	# what a VM's own device leaves to hardware is not what is compared
	for vm in a b c; do offload "$vm" eth0 off; done
	"$PYTHON" "$TESTS/lib/deliveries.py" "$LAB" "$3" "$COUNT" "$1.$2" a b c || fail "$1 at $2, seed $3"
	[ "$(wc -l <"$1.$2")" -gt $((COUNT / 3)) ] || fail "$1 at $2: only $(wc -l <"$1.$2") deliveries"
}

for seed in ${SEEDS:-20261129}; do
	deliver host tc "$seed"
	echo "seed $seed: $COUNT frames, $(wc -l <host.tc) deliveries at host tc"
	for combination in "host xdp" "pmd xdp" "dpu-mux tc" "dpu-mux xdp" "dpu-upt tc" "dpu-upt xdp" "host-dfw tc" "host-dfw xdp" "dpu-vxlan tc" "dpu-vxlan xdp"; do
		read -r path hook <<<"$combination"
		deliver "$path" "$hook" "$seed"
		which=.
		[ "$path" = host-dfw ] && which=own$
		diff <(grep "$which" host.tc) <(grep "$which" "$path.$hook") >difference || {
			head -n 20 difference
			fail "$path at $hook, seed $seed: $(grep -c '^[<>]' difference) deliveries differ from host at tc"
		}
		echo "same at $path, $hook"
	done
done
