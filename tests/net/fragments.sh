#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# IP fragments in every order of three and of four pieces, judged by the socket that receives them:
# with `fragments: reassemble` all of an allowed datagram arrive and none of a refused one; with `drop` those whose
# first piece comes first. On one host, out of a tunnel, at both hooks.
. "$TESTS/lib/net.sh"
need "$PYTHON"

lab() { # PATH HOOK FRAGMENTS
	red_lab "$1" "$2" <<-YAML
		firewall:
		  fragments: $3
		  default: drop
		  rules:
		    # what leaves hb is for the receiver's firewall to judge
		    - {from: vc, direction: out, action: allow, protocol: udp}
		    - {protocol: udp, port: [6000, 7999], action: allow}
		    - {protocol: icmp, action: allow}
	YAML
}

orders() { # FROM TO SRC DST PORT PIECES
	"$PYTHON" "$TESTS/lib/fragments.py" orders "$(node "$1")" "$(node "$2")" "$(mac_of "$2")" "${@:3}" 2>&1
}
stat_of() { # KEY
	"$DPULAB" show "$LAB" stats -j | "$PYTHON" -c '
import json, sys
print(sum(r[sys.argv[1]] for r in json.load(sys.stdin)["stats"]))' "$1"
}
known() { # FROM ADDRESS: until the switch knows where everybody is
	in_node "$1" ping -c 1 -W 1 "$2"
}

for combination in "host tc" "host xdp" "dpu-mux tc" "pmd xdp"; do
	read -r path hook <<<"$combination"
	what="$path at $hook"
	lab "$path" "$hook" reassemble
	fresh_lab
	for to in 10.1.0.2 2001:db8:1::2 10.1.0.3 2001:db8:1::3; do wait_for 10 known va "$to"; done
	expect "$what: three pieces" "$(orders va vb 10.1.0.1 10.1.0.2 6000 3)" "6 of 6"
	expect "$what: four pieces" "$(orders va vb 10.1.0.1 10.1.0.2 6000 4)" "24 of 24"
	expect "$what: four pieces, IPv6" "$(orders va vb 2001:db8:1::1 2001:db8:1::2 6000 4)" "24 of 24"
	expect "$what: across the fabric" "$(orders va vc 10.1.0.1 10.1.0.3 6000 4)" "24 of 24"
	expect "$what: out of the tunnel" "$(orders vc va 10.1.0.3 10.1.0.1 6000 4)" "24 of 24"
	expect "$what: out of the tunnel, IPv6" "$(orders vc va 2001:db8:1::3 2001:db8:1::1 6000 4)" "24 of 24"
	expect "$what: refused" "$(orders va vb 10.1.0.1 10.1.0.2 6001 4)" "0 of 24"
	expect "$what: refused by the receiver's firewall" "$(orders vc va 10.1.0.3 10.1.0.1 6001 4)" "0 of 24"
	[ "$(stat_of fragments_held)" -ge 100 ] || fail "$what: only $(stat_of fragments_held) fragments had to wait"
	echo "ok: $what: $(stat_of fragments_held) held, $(stat_of fragments_released) released, $(stat_of fragments_lost) lost"
done

lab host tc drop
fresh_lab
wait_for 10 known va 10.1.0.2
expect "drop: three pieces" "$(orders va vb 10.1.0.1 10.1.0.2 6000 3)" "2 of 6"
expect "drop: four pieces" "$(orders va vb 10.1.0.1 10.1.0.2 6000 4)" "6 of 24"
expect "drop: held" "$(stat_of fragments_held)" 0
