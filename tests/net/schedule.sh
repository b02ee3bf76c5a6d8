# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# A rule with a schedule, where no dpulab runs when it opens and closes: a connection it allowed ends, one that another
# rule allows goes on, and what it kept out gets in. At tc and XDP of the host, in the DPU, and in the poll-mode process; on the
# linux path as nftables has it. fw explain --at says so before.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"

moment() { date -u -d "$1 seconds" '+%Y-%m-%d %H:%M:%S'; } # +N from now
has() { grep -q "$2" "$1"; }

rules() { # PLACEMENT HOOK CLOSES OPENS: moments
	cat >lab.yaml <<-YAML
		lab: $LAB
		placement: $1
		hook: $2
		hosts: {esx1: {dpu: true}}
		port-groups: {web: {vni: 5001}}
		vms:
		  web1: {host: esx1, port-group: web, ip: 10.1.0.11/24}
		  web2: {host: esx1, port-group: web, ip: 10.1.0.12/24}
		firewall:
		  default: drop
		  schedules:
		    closing: {end: "$3"}
		    opening: {start: "$4"}
		    nightly: {from: 22:00, to: 06:00, timezone: Europe/Berlin, start: 2031-01-01, end: 2031-12-31}
		  rules:
		    - {id: 1, protocol: tcp, port: 5100-5199, action: allow, apply-to: any}
		    - {id: 2, protocol: tcp, port: 5200-5299, action: allow, apply-to: any, schedule: closing}
		    - {id: 3, protocol: tcp, port: 5300-5399, action: allow, apply-to: any, schedule: opening}
		    - {id: 4, protocol: tcp, port: 5400, action: allow, apply-to: any, schedule: nightly}
	YAML
}

start_server() { # PORT
	in_node web2 python3 "$TESTS/lib/echo.py" server 10.1.0.12 "$1" >"server.$1" 2>&1 &
	wait_for 30 has "server.$1" ready
}
start_client() { # PORT
	in_node web1 python3 "$TESTS/lib/echo.py" client 10.1.0.12 "$1" tcp.stop >"client.$1" 2>&1 &
	CLIENT[$1]=$!
}
start_tcp() { # PORT
	start_server "$1"
	start_client "$1"
	wait_for 30 has "client.$1" connected
}

active() { # RULE: yes or no, where the pipeline runs
	"$DPULAB" show -j "$LAB" rules >rules.json || fail "show rules"
	json rules.json '[r["active"] for r in d["rules"] if r["rule"] == '"$1"'][0]'
}

end_of() { # PORT [--at MOMENT]: what fw explain says becomes of a SYN
	local port=$1
	shift
	"$DPULAB" fw explain -j "$LAB" "$@" "web1 > web2 tcp 40000 $port" >explain.json || fail "fw explain"
	json explain.json 'd["end"]'
}

past() { [ "$(date +%s)" -ge "$(date -d "$1 UTC" +%s)" ]; }

# A round with the edge in so many seconds: the connections are there before, or it is one for a slower machine (1).
begin() { # SECONDS
	edge=$(moment "+$1")
	rules "${where%/*}" "${where#*/}" "$edge" "$edge"
	run "$DPULAB" apply lab.yaml
	past "$edge" && return 1
	rm -f tcp.stop
	number=$((number + 1))
	kept=$((5100 + number)) closing=$((5200 + number)) opening=$((5300 + number))
	start_tcp "$kept"
	start_server "$closing"
	start_client "$closing"
	until has "client.$closing" connected; do
		past "$edge" && return 1
		sleep 0.05
	done
	before="$(active 2) $(active 3) $(active 4) $(end_of "$closing") $(end_of "$opening")"
	past "$edge" && return 1
	expect "active, and explained, before the edge" "$before" "yes no no delivered dropped"
}

declare -A CLIENT
number=0
rules host tc "$(moment +900)" "$(moment +900)"
run "$DPULAB" up lab.yaml
for where in host/tc host/xdp dpu-mux/tc pmd/xdp; do
	for ahead in 6 20 60 last; do
		[ $ahead != last ] || fail "the machine is too slow: the edge came before the connections"
		begin $ahead && break
		touch tcp.stop
	done
	expect "explain at the edge" "$(end_of "$closing" --at "$edge") $(end_of "$opening" --at "$edge")" "dropped delivered"
	expect "explain, 22:30 in Berlin in summer and 23:30 in UTC+0" \
		"$(end_of 5400 --at '2031-07-01 20:30') $(end_of 5400 --at '2031-07-01 19:30') $(end_of 5400 --at '2031-12-01 20:30')" \
		"delivered dropped dropped"
	wait_for 90 sh -c '! kill -0 '"${CLIENT[$closing]}"
	wait "${CLIENT[$closing]}" && fail "$where: a connection whose rule has closed went on"
	start_tcp "$opening"
	expect "active after the edge" "$(active 2)$(active 3)$(active 4)" noyesno
	touch tcp.stop
	wait "${CLIENT[$kept]}" || fail "$where: the connection of another rule broke: $(cat "client.$kept")"
	wait "${CLIENT[$opening]}" || fail "$where: the new connection broke: $(cat "client.$opening")"
	echo "$where: $(cat "client.$kept")"
done

# the linux path: new connections only
edge=$(moment +4)
rules linux tc "$edge" "$edge"
"$DPULAB" apply lab.yaml >apply.out 2>&1 || fail "apply on the linux path: $(cat apply.out)"
serve web2 5290,5390 5399
connects() { in_node web1 timeout 2 bash -c "</dev/tcp/10.1.0.12/$1" 2>/dev/null; }
wait_for 60 connects 5390
connects 5290 && fail "linux: a rule that has closed still allows"
exit 0
