#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# fw add, delete and replace change one rule of a running lab: at host, DPU and on the kernel's own path new
# connections are decided by it, established ones it denies end, the others notice nothing; what `show rules` and
# `apply` find is what a lab file with these rules would have made.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"

lab() { # PATH RULES...: what the lab's file would say
	write_move_lab lab.yaml "$LAB" ''
	sed -i "/^lab:/a placement: $1" lab.yaml
	sed -i '/^  rules:/,$d' lab.yaml
	shift
	printf '  rules:\n' >>lab.yaml
	printf '    - %s\n' "$@" >>lab.yaml
}
ICMP='{id: 1, protocol: icmp, action: allow}'
KEPT='{id: 2, protocol: tcp, port: 5101, action: allow, name: kept}'
OPEN='{id: 3, protocol: tcp, port: 5102-5103, action: allow, name: open}'
SHUT='{id: 4, protocol: tcp, port: 5102-5103, action: drop, name: shut, category: infrastructure}'
VIEW='{id: 5, protocol: tcp, port: 5104, action: reject, name: view, apply-to: [web1, web3]}'

fw() { # VERB WORDS...: of the lab; what was compiled goes to $compiled
	"$DPULAB" fw -j "$@" >fw.json || fail "fw $*: $(cat fw.json)"
	compiled=$(json fw.json 'd["compiled"]')
}
sees() { # PORT WANT: a TCP connection of web1 to web3
	expect "$path: port $1" "$(probe web1 outcome tcp 10.1.0.13 "$1")" "$1 $2"
}
has() { grep -q "$2" "$1"; }
start_tcp() { # PORT
	in_node web3 python3 "$TESTS/lib/echo.py" server 10.1.0.13 "$1" >"server.$1" 2>&1 &
	wait_for 10 has "server.$1" ready
	in_node web1 python3 "$TESTS/lib/echo.py" client 10.1.0.13 "$1" tcp.stop >"client.$1" 2>&1 &
	CLIENT[$1]=$!
	(wait_for 10 has "client.$1" connected) || fail "$path, port $1: $(state_of "$1")"
}
state_of() { # PORT: of a connection that does not come about
	cat "client.$1" "server.$1"
	for node in web1 web3; do in_node $node ip -s neigh; in_node $node ss -tnio; done
	"$DPULAB" show "$LAB" drops
	cat /proc/net/softnet_stat
} 2>&1
unchanged() { # that the file of these rules is what runs
	"$DPULAB" apply -j lab.yaml >apply.json || fail "apply"
	expect "$path: changes of a file with the same rules" "$(json apply.json 'len(d["changes"])')" 0
}

declare -A CLIENT
for path in host dpu-mux pmd linux; do
	what='this rule'
	[ "$path" = linux ] && what='all rules'
	lab "$path" "$ICMP" "$KEPT" "$OPEN"
	fresh_lab
	rm -f tcp.stop
	start_tcp 5101
	start_tcp 5102
	fw add "$LAB" "${SHUT/id: 4, /}"
	expect "$path: what was compiled" "$compiled" "$what"
	if [ "$path" != linux ]; then # nftables lets established connections pass
		wait "${CLIENT[5102]}" && fail "$path: the connection that the new rule denies went on"
	fi
	serve web3 5103,5104 5103
	sees 5103 timeout
	fw add "$LAB" "$VIEW" --before 2
	sees 5104 ECONNREFUSED
	lab "$path" "$ICMP" "$VIEW" "$KEPT" "$OPEN" "$SHUT"
	unchanged
	sees 5103 timeout
	fw replace "$LAB" 4 "${SHUT/drop/allow}"
	sees 5103 open
	fw delete "$LAB" 4
	fw delete "$LAB" 3
	sees 5103 timeout
	fw replace "$LAB" 5 "${VIEW/reject/allow}"
	sees 5104 open
	lab "$path" "$ICMP" "${VIEW/reject/allow}" "$KEPT"
	unchanged
	touch tcp.stop
	wait "${CLIENT[5101]}" || fail "$path: the connection that nothing denies broke: $(cat client.5101)"
	kill "${CLIENT[5102]}" 2>/dev/null
	wait "${CLIENT[5102]}" 2>/dev/null
	unserve
done

# ---- what is refused changes nothing --------------------------------------------

path=host
lab host "$ICMP" "$KEPT"
fresh_lab
cp "/run/dpulab/$LAB/lab.yaml" before
refuse 1 "$DPULAB" fw add "$LAB" '{from: nobody, action: allow}' 2>text
grep -q "^RULE:1:8: error: .*'nobody'" text || fail "no place in the rule: $(cat text)"
refuse 1 "$DPULAB" fw add "$LAB" '{action: allow' 2>text
refuse 1 "$DPULAB" fw add "$LAB" 'action: allow' 2>text
grep -q "is not a rule" text || fail "$(cat text)"
refuse 1 "$DPULAB" fw add "$LAB" '{id: 2, action: allow}' 2>text
refuse 1 "$DPULAB" fw add "$LAB" '{category: emergency, action: drop}' --after 2 2>text
grep -q "rule 2 is of category application" text || fail "$(cat text)"
refuse 1 "$DPULAB" fw add "$LAB" '{action: drop}' --after 9 2>text
refuse 1 "$DPULAB" fw delete "$LAB" 9 2>text
refuse 1 "$DPULAB" fw replace "$LAB" 2 '{id: 3, action: drop}' 2>text
refuse 2 "$DPULAB" fw delete "$LAB" two 2>text
refuse 2 "$DPULAB" fw add "$LAB" '{action: drop}' --after 1 --before 2 2>text
refuse 1 "$DPULAB" fw delete no-lab 1 2>text
cmp before "/run/dpulab/$LAB/lab.yaml" || fail "a refused change was written down"
[ ! -e "/run/dpulab/$LAB/changes" ] || fail "a refused change was noted"
unchanged

# ---- more changes than a policy has room for ------------------------------------------

serve web3 6001 6001
compiled=
for ((i = 0; i < 60; i++)); do
	fw add "$LAB" "{id: $((100 + i)), protocol: tcp, port: $((6100 + i)), action: drop}" --before 2
	all="${all:-} $compiled"
done
[[ $all == *"all rules"* ]] || fail "60 rules in one place were put in without compiling anew: numbers have run out of room"
sees 6001 timeout
fw add "$LAB" '{id: 99, protocol: tcp, port: 6001, action: allow}' --after 130
sees 6001 open
"$DPULAB" show -j "$LAB" rules >rules.json || fail "show rules"
expect "order of rules" "$(json rules.json '[r["rule"] for r in d["rules"] if r["node"] == "esx1"][:62] == [1] + list(range(100, 131)) + [99] + list(range(131, 160))')" True
