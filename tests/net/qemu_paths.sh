# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# One guest and two namespace VMs pass the policy table, TCP, UDP and ICMP in both families, allowed, dropped and
# rejected, on every frame path at every hook that it has, and after the guest has moved to the other host. Where nothing
# enforces a policy (sriov) verify finds what passes. The guest boots once.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/guest.sh"
. "$TESTS/lib/moves.sh"
need ip "$PYTHON"
need_guest

guest_lab <<'YAML'
firewall:
  default: drop
  rules:
    - {protocol: icmp, from: 10.1.0.13, to: [10.1.0.11, 10.1.0.12], action: drop}
    - {protocol: icmp, from: 10.1.0.11, to: 10.1.0.13, action: drop}
    - {protocol: icmp, action: allow}
    - {protocol: tcp, port: 80, to: web1, action: allow}
    - {protocol: tcp, port: 80, from: web1, action: allow}
    - {protocol: tcp, port: 81, action: reject}
    - {protocol: udp, port: 53, action: allow}
    - {protocol: udp, port: 54, to: web1, action: reject}
    - {protocol: udp, port: 54, from: web1, action: reject}
YAML
run "$DPULAB" up lab.yaml
begin=$SECONDS
boots() { in_guest web1 cat /proc/sys/kernel/random/boot_id; }
boot=$(boots)

table_passes() { # WHERE
	echo "== $1, $((SECONDS - begin)) s"
	run "$DPULAB" verify "$LAB"
}

visit() { # PATH HOOK
	"$DPULAB" place -j "$LAB" "$1" --hook "$2" >place.out || fail "place $1: $(cat place.out)"
	table_passes "$1 at $2"
}

table_passes "host at tc"
visit host xdp
visit pmd xdp
visit dpu-mux tc
visit dpu-mux xdp
visit dpu-upt tc
# the guest's blackout and the others' are two figures
expect "blackouts" "$(json place.out "[(m['host'], m['blackout_ms'] > 0, m['guest_blackout_ms'] > 0) for m in d['moves']]")" \
	"[('esx1', True, True), ('esx2', True, False)]"
visit dpu-upt xdp
run "$DPULAB" move "$LAB" web1 esx2
table_passes "dpu-upt at xdp, moved"
run "$DPULAB" move "$LAB" web1 esx1
visit linux tc

# No policy is enforced there, and no overlay joins the hosts: verify says so probe by probe. What is refused elsewhere
# passes, by each protocol, to the guest and from it.
run "$DPULAB" place "$LAB" sriov --accept-loss >place.out
refuse 3 "$DPULAB" verify "$LAB" >sriov.out
sees() { # FROM TO PROTOCOL PORT FAMILY EXPECTED SAW
	awk -v want="$*" '{ $1 = $1 } $0 == want { found = 1 } END { exit !found }' sriov.out ||
		fail "verify on sriov does not say: $*; $(grep "$1 *$2" sriov.out)"
}
for family in 4 6; do
	sees web1 web2 tcp 81 $family reject pass
	sees web2 web1 tcp 81 $family reject pass
	sees web1 web2 udp 54 $family reject pass
	sees web2 web1 udp 54 $family reject pass
	sees web1 web3 tcp 80 $family pass silent
done
run in_guest web1 ping -c 1 -W 5 10.1.0.12 >ping.out
run in_node web2 ping -c 1 -W 5 2001:db8:1::11 >ping.out

visit host tc
expect "the guest's boot" "$(boots)" "$boot"
