#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Strict TCP windows: forged RSTs, FINs and data outside the window neither end nor feed a
# connection, in either end's name, and leave what is known of it as it was; in the window
# they do what TCP says. Real traffic is never taken for forged: bulk both ways, with and
# without segmentation offload, across the fabric, with losses before and behind the firewall.
. "$TESTS/lib/net.sh"
need "$PYTHON" ethtool nft

lab() { # PATH HOOK WINDOW
	red_lab "$1" "$2" <<-YAML
		firewall:
		  tcp-window: $3
		  default: drop
		  rules:
		    - {protocol: tcp, port: 80, from: va, to: [vb, vc], action: allow}
	YAML
}

dropped() { # for reason tcp-window, at all nodes
	"$DPULAB" show "$LAB" drops -j | "$PYTHON" -c '
import json, sys
print(sum(d["frames"] for d in json.load(sys.stdin)["drops"] if d.get("reason") == "tcp-window"))'
}
states() {
	"$DPULAB" show "$LAB" connections -j | "$PYTHON" -c '
import json, sys
print(*sorted({c["state"] for c in json.load(sys.stdin)["connections"]}))'
}
inject() { # WHAT...: into one connection of va to vb
	"$PYTHON" "$TESTS/lib/inject.py" "$(node va)" "$(node vb)" 10.1.0.2 80 "$@" 2>&1
}

lossy() { # NODE: every 50th segment is lost before the firewall sees it, every 50th behind it
	in_node "$1" nft "add table inet lossy
		add chain inet lossy out {type filter hook output priority 0;}
		add chain inet lossy in {type filter hook input priority 0;}
		add rule inet lossy out meta l4proto tcp numgen inc mod 50 0 drop
		add rule inet lossy in meta l4proto tcp numgen inc mod 50 0 drop" ||
		fail "nft: no losses at $1"
}

far=0x40000000
outside="a:R:$far b:R:$far a:R:-300 b:R:-300 a:RA:-$far b:RA:$far a:FA:$far b:FA:$far a:PA:$far:0:evil b:PA:$far:0:evil
	a:A:0:$far b:A:0:$far a:PA:0:$far:evil b:PA:0:-$far:evil"
beside="a:R:1 b:R:9 a:S:5000 b:S:5000"

alive_all() { # WHAT...
	local got segment want=
	got=$(inject "$@")
	for segment in "$@"; do [[ $segment = hold:* ]] || want+="$segment alive"$'\n'; done
	expect "forged segments" "$got"$'\n' "$want"
}

for combination in "host tc" "host xdp" "dpu-mux tc" "pmd xdp"; do
	read -r path hook <<<"$combination"
	what="$path at $hook"
	lab "$path" "$hook" strict
	fresh_lab
	serve vb 80 -
	serve vc 80 -
	before=$(dropped)
	# shellcheck disable=SC2086
	alive_all $outside hold:"$PWD/held" &
	injector=$!
	wait_for 60 test -e held
	state=$(states)
	rm held
	wait "$injector" || fail "$what: forged segments"
	expect "$what: the connection's state after forged segments" "$state" ESTABLISHED
	n=$(wc -w <<<"$outside")
	[ $(($(dropped) - before)) = "$n" ] || fail "$what: $(($(dropped) - before)) segments dropped for tcp-window, forged were $n"
	# shellcheck disable=SC2086
	alive_all $beside
	for end in a:R:0 b:R:0 a:FA:0 a:PA:0:0:evil; do
		expect "$what: in the window" "$(inject "$end")" "$end dead"
	done

	before=$(dropped)
	expect "$what: bulk on the host" "$(probe va tcp 10.1.0.2 80 20000000)" ok
	expect "$what: bulk across the fabric" "$(probe va tcp 10.1.0.3 80 20000000)" ok
	offload va eth0 off
	offload vc eth0 off
	expect "$what: bulk without offloads" "$(probe va tcp 10.1.0.3 80 5000000)" ok
	expect "$what: real segments dropped" "$(dropped)" "$before"
	lossy va && lossy vc
	expect "$what: bulk with losses" "$(probe va tcp 10.1.0.3 80 1000000)" ok
	expect "$what: real segments dropped after losses" "$(dropped)" "$before"
	unserve
	echo "ok: $what"
done

# A move takes the scales along and learns the numbers anew: nothing of a transfer under way is taken for forged.
lab host tc strict
fresh_lab
serve vc 80 -
before=$(dropped)
probe va tcp 10.1.0.3 80 60000000 >moved &
mover=$!
for path in dpu-mux host dpu-mux; do run "$DPULAB" place "$LAB" "$path"; done
wait "$mover"
expect "bulk during moves" "$(cat moved)" ok
expect "real segments dropped by moves" "$(dropped)" "$before"
unserve

# By default an RST outside the window is believed until the named side speaks again, and nothing is dropped for it.
lab host tc liberal
fresh_lab
serve vb 80 -
before=$(dropped)
alive_all "a:R:$far" "b:R:$far" "a:A:0:$far"
expect "liberal: dropped for tcp-window" "$(dropped)" "$before"
