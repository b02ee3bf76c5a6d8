# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Rules of nioc put frames into classes by DSCP, protocol, addresses and ports, the first that matches, else the vNIC's own: the
# same classes on placement host and on placement linux, judged by the bytes that each class of the uplink has sent.
. "$TESTS/lib/net.sh"

write_lab <<'YAML'
lab: x
nioc:
  classes: {vm: {}, ft: {}, iscsi: {}, nfs: {}}
  rules:
    - {class: ft, dscp: 8}
    - {class: vm, protocol: udp, port: 5002}
    - {class: iscsi, protocol: udp, port: 5000-5009, to: 10.1.0.20/31}
    - {class: nfs, from: 10.1.0.12/32}
hosts: {esx1: {speed: 1G}, esx2: {speed: 1G}}
port-groups:
  web: {vni: 5001}
vms:
  web1: {host: esx1, port-group: web, ip: 10.1.0.11/24}
  web2: {host: esx1, port-group: web, ip: 10.1.0.12/24}
  sink: {host: esx2, port-group: web, ip: [10.1.0.21/24, 10.1.0.22/24]}
YAML
run "$DPULAB" up lab.yaml

# CLASS VM: bytes sent
bytes() {
	"$DPULAB" show -j "$LAB" nioc | "$PYTHON" -c '
import json, sys
print(*[r["bytes"] for r in json.load(sys.stdin)["nioc"] if (r["node"], r["class"], r["vm"]) == ("esx1", *sys.argv[1:])])' "$@"
}
send() { # VM ADDRESS PORT DSCP: 50 datagrams of 1,000 bytes
	in_node "$1" "$PYTHON" -c '
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, int(sys.argv[3]) << 2)
    for i in range(50): s.sendto(b"x" * 1000, (sys.argv[1], int(sys.argv[2])))' "${@:2}"
}
# CLASS VM WHAT...: what is sent goes by this class. The rest is neighbours and errors, below 10,000 bytes.
goes_by() {
	local class=$1 vm=$2 before
	before=$(bytes "$class" "$vm")
	send "${@:3}"
	sent() { [ $(($(bytes "$class" "$vm") - before)) -ge 50000 ]; }
	wait_for 5 sent
	echo "${*:3}: class $class"
}

for path in host linux; do
	run "$DPULAB" place "$LAB" $path
	in_node web1 ping -q -c 2 -i 0.2 10.1.0.21 >/dev/null || fail "$path: no ping"
	in_node web2 ping -q -c 2 -i 0.2 10.1.0.21 >/dev/null || fail "$path: no ping"
	goes_by ft - web1 10.1.0.21 5003 8
	goes_by vm web1 web1 10.1.0.21 5002 0
	goes_by iscsi - web1 10.1.0.21 5003 0
	goes_by vm web1 web1 10.1.0.22 5003 0
	goes_by iscsi - web2 10.1.0.21 5003 0
	goes_by nfs - web2 10.1.0.22 5003 0
	goes_by vm web1 web1 10.1.0.21 6000 0
done
