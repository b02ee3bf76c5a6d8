# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Frame path sriov: an embedded switch forwards by MAC and VLAN, on one host and across the wire, and checks the source
# MAC; the firewall does not, overlay segments end at the host. What is lost is said before and after, and
# a move that loses security needs --accept-loss. On the way back all of it holds again.
. "$TESTS/lib/net.sh"
need ip "$PYTHON"

write_lab <<'YAML'
lab: x
hosts:
  h1: {dpu: true}
  h2: {dpu: true}
  h3: {}
port-groups:
  bare: {spoofguard: strict}
  web: {vni: 7}
vms:
  a: {host: h1, port-group: bare, ip: [10.1.0.11/24, "2001:db8:1::11/64"]}
  b: {host: h1, port-group: bare, ip: [10.1.0.12/24, "2001:db8:1::12/64"]}
  c: {host: h2, port-group: bare, ip: [10.1.0.13/24, "2001:db8:1::13/64"]}
  w1: {host: h1, port-group: web, ip: 10.2.0.11/24}
  w2: {host: h1, port-group: web, ip: 10.2.0.12/24}
  w3: {host: h2, port-group: web, ip: 10.2.0.13/24}
firewall:
  default: drop
  rules:
    - {protocol: icmp, action: allow}
YAML
run "$DPULAB" up lab.yaml

there="-H h1" # what a refused move says
refuse 3 "$DPULAB" place "$LAB" sriov $there 2>err
cat err
grep -q 'placement sriov at h1: firewall: 1 rules' err || fail "no word of the firewall"
grep -q 'spoofguard: of 2 vNICs' err || fail "no word of spoofguard"
grep -q 'overlay: no VXLAN, so port group web' err || fail "no word of the overlay"
"$DPULAB" show "$LAB" placement | grep -q sriov && fail "a refused move has moved something"
refuse 1 "$DPULAB" place "$LAB" sriov -H h3 --accept-loss 2>err
grep -q 'h3 has no DPU' err || fail "h3: $(cat err)"
sed 's/^  h1: {/  h1: {placement: sriov, /' lab.yaml >stated.yaml
"$DPULAB" check stated.yaml 2>err >/dev/null
grep -q 'not enforced at 4 vNICs' err || fail "check: $(cat err)"

reached() { in_node "$1" ping -q -c 1 -W 1 "$2" >/dev/null; }
never() { ! reached "$1" "$2" || fail "$what: $1 reaches $2"; }
tcp() { probe a outcome tcp 10.1.0.12 9000 | cut -d ' ' -f 2; }
spoofed() { # MAC or IP: does b hear a frame that a forges?
	hear b
	probe a send eth0 "$1" 20 "$(mac_of b)=7"
	stop_hearing
	[ "$(heard b 7)" -gt 0 ]
}
stranger() { # up takes the address away again
	in_node a ip addr replace 10.1.0.99/24 dev eth0
	in_node a ping -q -c 1 -W 1 -I 10.1.0.99 10.1.0.12 >/dev/null
}

serve b 9000 -
for what in host sriov host; do
	for host in h1 h2; do run "$DPULAB" place "$LAB" "$what" --accept-loss --host $host; done
	for to in 10.1.0.12 10.1.0.13 2001:db8:1::12 2001:db8:1::13; do wait_for 10 reached a "$to"; done
	wait_for 10 reached w1 10.2.0.12
	! spoofed 02:00:00:00:00:99 || fail "$what: a frame with a made-up MAC has passed"
	if [ "$what" = sriov ]; then
		expect "sriov: TCP that the firewall drops" "$(tcp)" open
		never w1 10.2.0.13
		stranger || fail "sriov: IP addresses are not its business"
		"$DPULAB" show -j "$LAB" placement | grep -q 'default action are not enforced' || fail "show does not say it"
		"$DPULAB" show -j "$LAB" connections | grep -q vnic && fail "an embedded switch has connections"
		run "$DPULAB" up lab.yaml # and it stays
		"$DPULAB" show "$LAB" placement | grep -q sriov || fail "up has undone place"
		expect "sriov after up: TCP" "$(tcp)" open
	else
		expect "$what: TCP that the firewall drops" "$(tcp)" timeout
		wait_for 10 reached w1 10.2.0.13
		! stranger || fail "$what: a stranger's address has passed"
	fi
done
