#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# kill -9 of fw add, delete and replace after an operation that changes something (a sample; DPULAB_SWEEP=full: each one): what is stored and what the
# datapath does are of one mind after the next command, whichever it is, and a connection that no version of the
# policy denies never breaks.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"

write_move_lab lab.yaml "$LAB" ''
sed -i "/^lab:/a placement: dpu-mux" lab.yaml
cat >>lab.yaml <<'YAML'
    - {id: 50, name: victim, protocol: tcp, port: 7000, action: reject}
YAML
run "$DPULAB" up lab.yaml
serve web3 7000 7000
rm -f tcp.stop
in_node web3 python3 "$TESTS/lib/echo.py" server 10.1.0.13 5101 >server 2>&1 &
has() { grep -q "$2" "$1"; }
wait_for 10 has server ready
in_node web1 python3 "$TESTS/lib/echo.py" client 10.1.0.13 5101 tcp.stop >client 2>&1 &
client=$!
wait_for 10 has client connected

stored() { # whether the stored lab has a rule that allows port 7000, and the word the wire says
	"$DPULAB" show -j "$LAB" rules >rules.json || fail "show rules after $1"
	json rules.json '"open" if [r for r in d["rules"] if r["name"] == "victim" and r["action"] == "allow"] else "ECONNREFUSED" if [r for r in d["rules"] if r["name"] == "victim"] else "timeout"'
}

turn=0
kill_all() { # COMMAND...: kills it after each of its operations
	local at count
	run "$DPULAB" apply lab.yaml >/dev/null
	rm -f ops
	DPULAB_COUNT_OPS=$PWD/ops "$DPULAB" "$@" >log 2>&1 || fail "$*: $(cat log)"
	count=$(cat ops)
	[ "$count" -ge 5 ] || fail "$*: only $count operations are counted"
	killed=0 tries=0 step=1
	[ "${DPULAB_SWEEP:-}" = full ] || step=3
	for ((at = 1 + turn % step; at <= count; at += step)); do
		tries=$((tries + 1))
		quiet "$DPULAB" apply lab.yaml
		(DPULAB_CRASH_AFTER=$at exec "$DPULAB" "$@" >log 2>&1)
		# some are about connections, which may have ended since they were counted: then it is done before
		case $? in
		137) killed=$((killed + 1)) ;;
		0) break ;;
		*) fail "$*, to be killed after operation $at: $(cat log)" ;;
		esac
		# the next command finishes it: one that changes something else, or the file
		if ((turn++ % 2)); then
			quiet "$DPULAB" fw add "$LAB" '{name: other, protocol: udp, port: 9, action: drop}'
		else
			quiet "$DPULAB" apply lab.yaml
		fi
		want=$(stored "$* at $at")
		expect "$* killed after $at of $count: port 7000" "$(probe web1 outcome tcp 10.1.0.13 7000)" "7000 $want"
	done
	[ "$killed" -ge 2 ] || fail "$*: $killed of $tries were killed"
	echo "$*: killed $killed times, after every ${step}. of $count operations"
} 2>/dev/null
quiet() { "$@" >quiet.log 2>&1 || fail "$*: $(cat quiet.log)"; }

kill_all fw replace "$LAB" 50 '{name: victim, protocol: tcp, port: 7000, action: allow}'
kill_all fw delete "$LAB" 50
kill_all fw add "$LAB" '{name: victim, protocol: tcp, port: 7000, action: allow}' --before 50
touch tcp.stop
wait "$client" || fail "the connection broke: $(cat client)"
