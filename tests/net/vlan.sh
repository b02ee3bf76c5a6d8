# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# A VLAN port group on each frame path, also with the Linux bridge at one host and
# the datapath at the other: from the first frame after a move on the wire carries its tag and TCP
# passes in both families, another VLAN and the rules keep out. Where the kernel has no 802.1Q devices,
# path linux says that the group stays inside its host, and it does.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
need tcpdump ping

write_move_lab lab.yaml "$LAB" ''
sed -i 's/^  web: .*/  web: {vlan: 20}\n  gold: {vlan: 30}/
	/^  web3:/a\  gold3: {host: esx2, port-group: gold, ip: 10.1.0.23/24}' lab.yaml
PORT=5007

# When place returns traffic passes: the first frame counts, too.
first_frame() { in_node web1 ping -q -c 1 -W 5 "$1" >/dev/null || fail "$what: the first frame from web1 to $1 was lost"; } # ADDRESS

reaches() { in_node "$1" ping -q -c 1 -W 2 "$2" >/dev/null; }

on_wire() { tcpdump -nr wire.pcap "$@" 2>/dev/null | wc -l; } # FILTER: frames captured

ten_tagged() { [ "$(on_wire vlan 20 and icmp)" -ge 10 ]; }

# Echo requests and replies all carry the tag, where nobody's XDP takes them before tcpdump.
tagged() {
	local capture
	rm -f wire.pcap
	in_node "$seen_at" tcpdump --immediate-mode -U -ni uplink0 -w wire.pcap >/dev/null 2>wire.err &
	capture=$!
	wait_for 10 grep -q listening wire.err
	in_node web1 ping -q -c 6 -i 0.05 -W 2 10.1.0.13 >/dev/null || fail "$what: no ping across the wire"
	wait_for 5 ten_tagged
	kill "$capture"
	wait "$capture" 2>/dev/null
	expect "$what: ICMP without a tag" "$(on_wire icmp)" 0
}

across() {
	first_frame 10.1.0.13
	tagged
	expect "$what: TCP to web3" "$(probe web1 tcp 10.1.0.13,2001:db8:1::13 $PORT 1000000)" ok
	expect "$what: TCP to web1" "$(probe web3 tcp 10.1.0.11,2001:db8:1::11 $PORT 1000000)" ok
	expect "$what: a port that is not allowed" "$(probe web1 outcome tcp 10.1.0.13 8)" "8 timeout"
}

inside_only() {
	! reaches web1 10.1.0.13 || fail "$what: VLAN 20 reaches the other host without 802.1Q devices"
	grep -q 'VLAN 20 stays inside' place.err || fail "$what: no warning: $(cat place.err)"
}

place_hosts() { # PATH-OF-ESX1 PATH-OF-ESX2 HOOK
	what="$1 and $2 at $3"
	seen_at=esx2
	[ "$1" != linux ] || seen_at=esx1
	"$DPULAB" place "$LAB" "$1" --host esx1 --hook "$3" 2>place.err &&
		"$DPULAB" place "$LAB" "$2" --host esx2 --hook "$3" 2>>place.err || fail "$what: $(cat place.err)"
}

run "$DPULAB" up lab.yaml
for vm in web1 web2 web3; do serve "$vm" $PORT,8 $PORT; done
for paths in "host host tc" "linux linux tc" "linux host tc" "dpu-mux linux tc" "dpu-upt linux tc" "linux host xdp" \
	"dpu-mux linux xdp" "linux dpu-mux xdp" "pmd linux xdp" "linux pmd xdp"; do
	# shellcheck disable=SC2086
	place_hosts $paths
	first_frame 10.1.0.12
	expect "$what: TCP to web2" "$(probe web1 tcp 10.1.0.12 $PORT 1000000)" ok
	if [[ $paths != *linux* ]] || vlan_devices; then across; else inside_only; fi
	! reaches web1 10.1.0.23 || fail "$what: web1 reaches gold3, of another VLAN"
	echo "ok: $what"
done
run "$DPULAB" place "$LAB" host
[ -z "$(in_node esx1 ip -br link show type vlan)" ] || fail "path linux left a VLAN device"
