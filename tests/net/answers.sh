#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# RSTs and ICMP errors that the datapath makes reach the sender's socket intact:
# from the own host, through the tunnel and through a VLAN, both families, small
# and large datagrams, whichever device on the way finishes checksums.
#
#	va vb --- ha === VNI, VLAN === hb --- vc		da --- ha === VLAN === hb --- db
#
# At the hosts first, then at their DPUs, where the PCIe channels are on the way as well.
. "$TESTS/lib/net.sh"
need "$PYTHON" ethtool ping

write_lab <<'YAML'
lab: x
hook: tc
fabric: {mtu: 1600}
hosts: {ha: {dpu: true}, hb: {dpu: true}}
placement: host
port-groups:
  red: {vni: 5001}
  blue: {vlan: 20}
vms:
  va: {host: ha, port-group: red, ip: [10.1.0.1/24, "2001:db8:1::1/64"]}
  vb: {host: ha, port-group: red, ip: [10.1.0.2/24, "2001:db8:1::2/64"]}
  vc: {host: hb, port-group: red, ip: [10.1.0.3/24, "2001:db8:1::3/64"]}
  da: {host: ha, port-group: blue, ip: [10.2.0.1/24, "2001:db8:2::1/64"]}
  db: {host: hb, port-group: blue, ip: [10.2.0.2/24, "2001:db8:2::2/64"]}
firewall:
  default: allow
  rules:
    - {name: at the far end, direction: in, protocol: tcp, port: 23, action: reject}
    - {name: datagrams at the far end, direction: in, protocol: udp, port: 514, action: reject}
    - {name: at once, direction: out, protocol: tcp, port: 24, action: reject}
    - {name: datagrams at once, direction: out, protocol: udp, port: 515, action: reject}
YAML

# What the socket must hear; a quarter of a second is a hundred times what it takes.
cat >refused.py <<'PYTHON'
import errno, os, socket, sys, time

def outcome(kind, address, port, size=0):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as s:
        s.settimeout(1)
        try:
            s.connect((address, port))
            if size:
                s.send(bytes(size))
                s.recv(1)
            return "passed"
        except OSError as e:
            return errno.errorcode.get(e.errno, "timeout")

for address in sys.argv[1:]:
    prohibited = "EACCES" if ":" in address else "EHOSTUNREACH"
    cases = [(socket.SOCK_STREAM, port, 0, "ECONNREFUSED") for port in (23, 24)]
    cases += [(socket.SOCK_DGRAM, port, size, prohibited)
              for port in (514, 515) for size in (1, 2, 5, 20, 26, 27, 28, 60, 547, 600, 1300)]
    for kind, port, size, want in cases:
        time.sleep(float(os.environ.get('ANSWERS_PACE', '0.002')))  # one CPU answers 1,000 a second at most (docs/limits.md)
        got = outcome(kind, address, port, size)
        if got != want:
            print(f"{address} port {port}, {size} bytes: {got} instead of {want};", end=" ")
PYTHON

# What the datapath made, what it did not for being above the rate, and what the VM's kernel found damaged.
answers_so_far() { # VM
	"$DPULAB" show -j "$LAB" stats | "$PYTHON" -c '
import json, sys
rows = json.load(sys.stdin)["stats"]
print("made", sum(r["answers"] for r in rows), "limited", sum(r["answers_limited"] for r in rows))'
	in_node "$1" awk '/^(Icmp|Tcp):/ {if (++n[$1] == 1) split($0, name); else for (i = 2; i <= NF; i++)
		if (name[i] ~ /^(InCsumErrors|InErrors|InErrs)$/) print $1, name[i], $i}' /proc/net/snmp
	in_node "$1" awk '/Icmp6InErrors|Icmp6InCsumErrors/' /proc/net/snmp6
}

hears_all() { # WHAT VM ADDRESS...
	local lost before
	before=$(answers_so_far "$2")
	lost=$(in_node "$2" "$PYTHON" refused.py "${@:3}")
	[ -z "$lost" ] || fail "$1: $2: $lost before: $before; after: $(answers_so_far "$2")"
}

refused() { # WHAT
	hears_all "$1" va 10.1.0.2 10.1.0.3 2001:db8:1::2 2001:db8:1::3
	hears_all "$1" da 10.2.0.2 2001:db8:2::2
}

checksums() { # on|off NODE DEV
	in_node "$2" ethtool -K "$3" tx "$1" >/dev/null
}

too_big() { # ADDRESS SIZE
	in_node va ping -M "do" -c 1 -W 1 -s "$2" "$1" >heard 2>&1
	grep -Eq "mtu ?= ?1550" heard
}

all_checksums() { # on|off DEVICES
	local device
	# shellcheck disable=SC2086
	while read -r device; do checksums "$1" $device; done <<<"$2"
}

# Each device alone, then all together.
with_and_without() { # PATH DEVICES
	local device
	run "$DPULAB" place "$LAB" "$1"
	refused "$1: checksums left to devices"
	while read -r device; do
		all_checksums off "$device"
		refused "$1: checksums made in software at $device"
		all_checksums on "$device"
	done <<<"$2"
	all_checksums off "$2"
	refused "$1: checksums made in software everywhere"
	all_checksums on "$2"
}

host_devices=$'va eth0\nha va\nha uplink0\nhb uplink0\nhb vc\nvc eth0\nha da\nda eth0'
dpu_devices=$'va eth0\nha va\nha vf0\nha-dpu pf0vf0\nha-dpu p0\nhb-dpu p0\nhb-dpu pf0vf2\nhb vf2\nhb vc\nvc eth0
ha vf3\nha-dpu pf0vf3\nha da\nda eth0'
fresh_lab
with_and_without dpu-mux "$dpu_devices"
with_and_without host "$host_devices"
[[ $(answers_so_far va) == *"limited 0"* ]] || fail "the pace was above the limit: $(answers_so_far va)"

# An open port of the far end is not refused by us.
serve vc 25 25
expect "an allowed port" "$(probe va outcome tcp 10.1.0.3 25)" "25 open"

# Too big for the underlay: the VM has been told a wrong MTU, and hears the right one.
for end in "va eth0" "ha va"; do
	# shellcheck disable=SC2086
	set -- $end
	run ip -n "$(node "$1")" link set "$2" mtu 1600
done
for state in on off; do
	all_checksums "$state" "$host_devices"
	run ip -n "$(node va)" route flush cache
	run ip -n "$(node va)" -6 route flush cache
	too_big 10.1.0.3 1572 || fail "IPv4, checksums $state: no word of the MTU"
	too_big 2001:db8:1::3 1552 || fail "IPv6, checksums $state: no word of the MTU"
done
for address in 10.1.0.3 2001:db8:1::3; do
	expect "TCP by path MTU discovery to $address" "$(probe va tcp $address 25 500000)" ok
done
