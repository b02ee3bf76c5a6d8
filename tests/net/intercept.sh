# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# The slots that ship, on real traffic, at both hooks, at the host, at the DPU and in the poll-mode process: names that are not on the DNS
# allow-list get no answer; connections are counted by source, with an alarm; a signature is decided about by
# the process behind the slot. A chain sees every frame, of the flow cache, too; a move carries what
# slots have counted and stored, field by field.
. "$TESTS/lib/net.sh"

write_lab <<'YAML'
lab: x
hosts:
  esx1: {dpu: true}
port-groups:
  blue: {vni: 100}
intercept:
  dns: {source: dns_allow.c, define: ['ALLOW=DOMAIN("example.org") DOMAIN("corp.example")']}
  count: {source: conn_count.c, define: [ALARM=3, LIMIT=5, WINDOW_S=3600], fail: open}
  match: {source: signature.c, define: ['SIGNATURES=SIGNATURE("X-Evil: yes")'], queue: 16}
vms:
  web1: {host: esx1, port-group: blue, ip: [10.1.0.11/24, 2001:db8::11/64], intercept-out: [dns, match]}
  web2: {host: esx1, port-group: blue, ip: [10.1.0.12/24, 2001:db8::12/64]}
  web3: {host: esx1, port-group: blue, ip: [10.1.0.13/24], intercept-in: [count]}
YAML
fresh_lab
serve web2 80 53,5000
serve web3 80 -

field() { # NODE VNIC DIRECTION SLOT FIELD
	"$DPULAB" show -j "$LAB" intercept | "$PYTHON" -c '
import json, sys
node, vnic, direction, slot, field = sys.argv[1:]
print(*[r[field] for r in json.load(sys.stdin)["intercept"]
        if (r["node"], r["vnic"], r["direction"], r["slot"]) == (node, vnic, direction, slot)])' "$@"
}

asks() { in_node web1 "$PYTHON" "$TESTS/lib/dns.py" "$@"; }

dns_allow_list() { # NODE
	local address
	for address in 10.1.0.12 2001:db8::12; do
		expect "$1: queries to $address" "$(asks $address example.org WWW.Example.ORG a.b.corp.example \
			example.com badexample.org org example.org.evil.test | tr '\n' ' ')" \
			"example.org passed WWW.Example.ORG passed a.b.corp.example passed example.com lost badexample.org lost org lost example.org.evil.test lost "
	done
	[ "$(field "$1" web1 out dns drop)" -ge 8 ] || fail "$1: the drops of the allow-list are not counted"
}

# Frames of a flow that the cache knows: as many calls as datagrams.
every_frame() { # NODE
	local before
	before=$(field "$1" web1 out dns calls)
	run probe web1 udp 10.1.0.12 5000 100 500
	[ $(($(field "$1" web1 out dns calls) - before)) -ge 500 ] || fail "$1: the chain has not seen every frame"
}

signatures() { # NODE: serves in the background; the first frame with the signature waits, the connection ends up judged
	local pid got
	"$DPULAB" intercept serve -m "$2" "$LAB" match 'X-Evil: yes' >served 2>serving &
	pid=$!
	wait_for 10 grep -q 'serving slot' serving
	got=$(PATIENCE=$([ "$3" = passed ] && echo 20 || echo 4) in_node web1 "$PYTHON" "$TESTS/lib/payload.py" 10.1.0.12 80 'GET / X-Evil: yes')
	[ "$got" = "$3" ] || fail "$1: $2 of a connection with the signature: $got, not $3: $(cat served) $("$DPULAB" show "$LAB" intercept)"
	kill "$pid"
	wait "$pid"
	grep -q "$1.*web1.*X-Evil: yes.*$2" served || fail "$1: the process says nothing of it: $(cat served)"
}

at_location() { # NODE
	dns_allow_list "$1"
	every_frame "$1"
	signatures "$1" drop lost
	signatures "$1" pass passed
	[ "$(field "$1" web1 out match judged_drop)" -ge 1 ] || fail "$1: no frame fell under the verdict drop"
	[ "$(field "$1" web1 out match judged_pass)" -ge 1 ] || fail "$1: no frame fell under the verdict pass"
	[ "$(field "$1" web1 out match pending_drop)" -ge 1 ] || fail "$1: no frame waited for its verdict"
}

for hook in tc xdp; do
	run "$DPULAB" place "$LAB" host --hook "$hook"
	at_location esx1
	run "$DPULAB" place "$LAB" dpu-mux
	at_location esx1-dpu
	run "$DPULAB" place "$LAB" dpu-upt
	dns_allow_list esx1-dpu
	every_frame esx1-dpu
done

# What an interrupt of a busy CPU takes is in the time of a call in a process, not in the kernel (docs/limits.md).
sed '/^  \(dns\|match\):/s/}$/, budget-ns: 10000000}/' lab.yaml >patient.yaml
run "$DPULAB" apply patient.yaml
run "$DPULAB" place "$LAB" pmd
at_location esx1-pmd

# Connections from one source: two pass, the third and fourth raise the alarm, the fifth is over the limit. Counts
# of both locations, as the slot's own map has them.
run "$DPULAB" place "$LAB" host --hook tc
run "$DPULAB" apply lab.yaml
for n in 1 2 3 4; do
	run probe web1 tcp 10.1.0.13 80 10
done
expect "alarms" "$(field esx1 web3 in count noted)" 2
expect "a connection over the limit" "$(probe web1 outcome tcp 10.1.0.13 80)" "80 timeout"

# A move carries all of it: counters, and the map of the slot, entry by entry.
places() { # NODE FILE
	"$DPULAB" show -j "$LAB" intercept | "$PYTHON" -c '
import json, sys
for r in json.load(sys.stdin)["intercept"]:
    if r.pop("node") == sys.argv[1]:
        print(json.dumps(r, sort_keys=True))' "$1" >"$2"
	[ -s "$2" ] || fail "$1 has no chains"
}
sources() { # NODE FILE
	"$BPFTOOL" -j map dump pinned "$(echo /sys/fs/bpf/dpulab/"$LAB/$1"/maps/s*_sources)" |
		"$PYTHON" -c 'import json, sys; print(*sorted(json.dumps(e.get("formatted", e), sort_keys=True) for e in json.load(sys.stdin)), sep="\n")' >"$2"
}
BPFTOOL=$(command -v bpftool || echo /usr/sbin/bpftool)
unserve
# Nobody speaks: a TCP whose segments a slot has dropped would go on sending them again for minutes.
for address in 10.1.0.12 10.1.0.13; do in_node web1 ip route add unreachable $address; done
in_node web1 ip -6 route add unreachable 2001:db8::12
quiet() { [ "$("$DPULAB" show -j "$LAB" intercept)" = "$(sleep 0.3 && "$DPULAB" show -j "$LAB" intercept)" ]; }
from=esx1
sources esx1 sources.first
for to in dpu-mux host pmd host; do
	node=$(case $to in dpu-mux) echo esx1-dpu ;; pmd) echo esx1-pmd ;; *) echo esx1 ;; esac)
	wait_for 30 quiet # neighbour discovery may still be asking
	places $from places.before
	run "$DPULAB" place "$LAB" $to
	places $node places.after
	diff places.before places.after >&2 || fail "a move to $to changed counters of slots"
	from=$node
	[ $to = pmd ] && continue # hashes are memory there: what comes back tells
	sources $node sources.after
	diff sources.first sources.after >&2 || fail "a move to $to changed the map of a slot"
	grep -q . sources.after || fail "there was nothing in the slot's map to compare"
done
# In the poll-mode process the source is as far as it was: its next connection is over the limit, too.
run "$DPULAB" place "$LAB" pmd
in_node web1 ip route del unreachable 10.1.0.13
serve web3 80 -
expect "a connection over the limit, after moves" "$(probe web1 outcome tcp 10.1.0.13 80)" "80 timeout"
