#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# fw log: what rules that log decide is told, by name and label, once for each
# connection, from every location; to one reader at a time; it follows a lab through
# apply and place and ends when it is told to; what is above the limit is counted.
. "$TESTS/lib/net.sh"
need "$PYTHON"

lab() { # LABEL LIMIT
	write_lab <<-YAML
		lab: x
		hosts:
		  ha: {dpu: true}
		  hb: {}
		port-groups:
		  red: {vni: 5001}
		vms:
		  va: {host: ha, port-group: red, ip: [10.1.0.1/24, "2001:db8:1::1/64"]}
		  vb: {host: hb, port-group: red, ip: [10.1.0.2/24, "2001:db8:1::2/64"]}
		firewall:
		  default: allow
		  log-limit: $2
		  rules:
		    - {name: web, protocol: tcp, port: 80, action: allow, log: true, label: $1}
		    - {name: no, protocol: tcp, port: 81, action: reject, log: true, direction: out}
		    - {name: in, protocol: udp, port: 82, action: drop, log: true, direction: in, apply-to: vb}
		    - {name: quiet, protocol: tcp, port: 83, action: allow}
	YAML
}
field() { "$PYTHON" -c '
import json, sys
for line in open(sys.argv[1]):
    e = json.loads(line)
    print(*[e[k] for k in sys.argv[2].split(",")])' "$1" "$2"; }
lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }

lab "shop one" 1000
fresh_lab
serve vb 80,81,83 82

# What there is, and nothing twice.
expect "outcomes" "$(probe va outcome tcp 10.1.0.2 80 81 83 | tr '\n' ' ')" "80 open 81 ECONNREFUSED 83 open "
probe va outcome udp 2001:db8:1::2 82 >/dev/null
"$DPULAB" fw log -j "$LAB" >log.json || fail "fw log"
expect "events" "$(field log.json node,vnic,direction,action,rule,name,label,proto,dst_ip,dst_port,reason,suppressed | sort)" \
	"$(printf '%s\n' "ha va out allow 1 web shop one tcp 10.1.0.2 80 new 0" \
		"ha va out reject 2 no - tcp 10.1.0.2 81 reject 0" \
		"hb vb in allow 1 web shop one tcp 10.1.0.2 80 new 0" \
		"hb vb in drop 3 in - udp 2001:db8:1::2 82 dfw-rule 0" | sort)"
"$DPULAB" fw log "$LAB" >log.text || fail "fw log as text"
expect "lines left after they were read" "$(cat log.text)" ""

# Followed, as text, by one reader; through a change of the policy and of the placement.
"$DPULAB" fw log -f "$LAB" >follow.text 2>follow.err &
reader=$!
at_exit "kill $reader"
probe va outcome tcp 10.1.0.2 80 >/dev/null
wait_for 10 lines follow.text 2
grep -q 'vnic va .*action allow .*label shop one .*dst_port 80' follow.text || fail "text: $(cat follow.text)"
refuse 1 "$DPULAB" fw log "$LAB" 2>err
grep -q 'being read already' err || fail "a second reader: $(cat err)"
lab two 1000
run "$DPULAB" apply lab.yaml
run "$DPULAB" place "$LAB" dpu-mux --host ha
probe va outcome tcp 10.1.0.2 80 >/dev/null
wait_for 10 grep -q 'node ha-dpu .*label two' follow.text
kill -INT $reader
wait $reader || fail "a reader that is interrupted ends with $?: $(cat follow.err)"

# -n ends after so many and leaves the rest; the end of the lab ends it too.
probe va outcome tcp 10.1.0.2 80 81 >/dev/null
timeout 20 "$DPULAB" fw log -f -n 1 -j "$LAB" >one.json || fail "-n 1 ends with $?"
expect "lines of -n 1" "$(wc -l <one.json)" 1
"$DPULAB" fw log -j "$LAB" >rest.json || fail "the rest"
expect "lines left by -n 1" "$(wc -l <rest.json)" 2

# Above the limit: counted. Without a reader nothing is lost but events.
unserve
lab two 5
run "$DPULAB" down "$LAB"
run "$DPULAB" up lab.yaml
serve vb 80 82
in_node va ping -c 1 10.1.0.2 >/dev/null || fail "no ping"
"$PYTHON" - <<-PY || fail "sending"
	import ctypes, socket
	with open("/run/netns/$LAB-va", "rb") as file:
	    assert not ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0)
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	for port in range(2000, 2300):
	    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
	        s.bind(("10.1.0.1", port))
	        s.sendto(b"x", ("10.1.0.2", 82))
PY
counters() { "$DPULAB" show -j "$LAB" stats >stats.json && "$PYTHON" -c '
import json
rows = [r for r in json.load(open("stats.json"))["stats"] if r["node"] == "hb"]
print(sum(r["log_written"] + r["log_suppressed"] for r in rows), sum(r["log_suppressed"] for r in rows))'; }
all_counted() { [ "$(counters | cut -d ' ' -f 1)" = 300 ]; }
wait_for 10 all_counted
suppressed=$(counters | cut -d ' ' -f 2)
[ "$suppressed" -gt 250 ] || fail "only $suppressed of 300 were suppressed at a limit of 5 a second"
told() { # one more event a CPU says what was lost there
	probe va outcome udp 10.1.0.2 82 >/dev/null
	"$DPULAB" fw log -j "$LAB" >>told.json
	[ "$(field told.json suppressed | awk '{ n += $1 } END { print n }')" -ge "$suppressed" ]
}
wait_for 30 told
probe va outcome udp 10.1.0.2 82 >/dev/null
"$DPULAB" fw log -f "$LAB" >end.text 2>end.err &
reader=$!
wait_for 10 lines end.text 1
run "$DPULAB" down "$LAB"
wait $reader || fail "the end of the lab: $(cat end.err)"
grep -q 'lab has gone' end.err || fail "no word of the end: $(cat end.err)"
