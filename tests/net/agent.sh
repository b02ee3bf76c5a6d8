# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# `dpulab agent` watches a host with two DPUs: the active one fails, and the standby takes over without any other command, on
# both frame paths. It says so, once. A drill leaves the failover to it. Killed in the middle of one, the next agent brings
# the lab there. With an empty standby list it only looks on.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/drills.sh"
. "$TESTS/lib/pair.sh"

# begin_agent [VARIABLE=VALUE]: its lines are in the file `events`.
begin_agent() {
	: >events
	env "$@" "$DPULAB" agent -j "$LAB" --interval 20 >events 2>errors &
	agent=$!
	wait_for 10 grep -q '"watches"' events
}
end_agent() {
	kill -TERM "$agent"
	wait "$agent"
	expect "exit status of the agent" $? 0
	grep -q '"ends"' <(tail -n 1 events) || fail "its last line is not its end: $(cat events)"
}
at_exit 'kill "$agent"'

# The words of its events, in order; of one host, or of the lab.
told() {
	"$PYTHON" - <<'PY'
import json
print(" ".join(event["event"] for event in map(json.loads, open("events"))))
PY
}
said() { told | grep -qw -- "$1"; }
crash() { rm -r "/sys/fs/bpf/dpulab/$LAB/$1"; }
serves_at() { [ "$(role "$1")" = "active serves" ]; }

write_pair_lab lab.yaml ', standby-uplinks: uplink2'
run "$DPULAB" up lab.yaml
serve web2 5500 5500
serve web3 5500 5500

# ---- it takes over by itself ------------------------------------------------------

while read -r hook path; do
	run "$DPULAB" place "$LAB" "$path" --hook "$hook"
	picture "$path" | grep -v '^agent$' >before
	begin_agent
	refuse 1 "$DPULAB" agent "$LAB"
	expect agent "$(json placement.json "d['placement'][0]['agent']" <(placement))" True
	crash esx1-dpu
	# no command but those that look
	wait_for 10 serves_at esx1-dpu2
	lab_works
	wait_for 10 said failed-over
	run "$DPULAB" up lab.yaml
	wait_for 10 said idle-serves
	roles_are esx1-dpu2 esx1-dpu standby
	run "$DPULAB" place "$LAB" "$path" --dpu esx1-dpu
	wait_for 10 said active
	end_agent
	expect "$path: what the agent has said" "$(told)" "watches failed failed-over idle-serves active ends"
	picture "$path" | grep -v '^agent$' >after
	diff before after || fail "$path, $hook: the lab is not as it was"
done <<'ROWS'
tc  dpu-mux
xdp dpu-mux
xdp dpu-upt
ROWS

# ---- a drill leaves it to the agent ----------------------------------------------

run "$DPULAB" place "$LAB" dpu-mux
begin_agent
for what in dpu-crash uplink-down; do
	"$DPULAB" drill -j "$LAB" "$what" --host esx1 --for "$((FAULT_MS * 4))" >drill.json 2>errors || fail "$(cat errors drill.json)"
	expect "$what: who has failed over" "$(json drill.json "d['failed_over_to'] + ' by ' + d['failed_over_by']")" "esx1-dpu2 by agent"
	expect "$what: flows that neither went on nor came back by it" \
		"$(json drill.json "[f for f in d['flows'] if not f['broken'] and f['back_by'] not in ('standby', '-')]")" "[]"
	roles_are esx1-dpu esx1-dpu2 standby
done
end_agent

# ---- killed in the middle -----------------------------------------------------------

rm -f ops
begin_agent DPULAB_COUNT_OPS="$PWD/ops"
crash esx1-dpu
wait_for 10 said failed-over
end_agent
count=$(cat ops)
for part in 0 1 2 3 4; do
	run "$DPULAB" up lab.yaml
	run "$DPULAB" place "$LAB" dpu-mux --dpu esx1-dpu
	begin_agent DPULAB_CRASH_AFTER=$((1 + (count - 2) * part / 4))
	crash esx1-dpu
	wait "$agent"
	expect "agent, to be killed" $? 137
	begin_agent
	wait_for 20 serves_at esx1-dpu2
	lab_works
	wait_for 10 test -e "/run/dpulab/$LAB/ready"
	wait_for 10 test ! -e "/run/dpulab/$LAB/drill"
	end_agent
done 2>/dev/null # bash tells of every kill

# ---- nobody stands by -------------------------------------------------------------------

run "$DPULAB" up lab.yaml
run "$DPULAB" place "$LAB" dpu-mux --dpu esx1-dpu
sed -i 's/standby-uplinks: uplink2/standby-uplinks: []/' lab.yaml
run "$DPULAB" apply lab.yaml
begin_agent
crash esx1-dpu
wait_for 10 said failed
expect "who stands by" "$(grep -o '"standby":"[^"]*"' events)" '"standby":"none"'
expect esx1-dpu "$(role esx1-dpu)" "active gone"
run "$DPULAB" up lab.yaml
wait_for 10 said serves
roles_are esx1-dpu esx1-dpu2 spare
said failed-over && fail "it has failed over: $(cat events)"

# ---- the lab goes ----------------------------------------------------------------------

run "$DPULAB" down "$LAB"
wait "$agent"
expect "exit status when the lab has gone" $? 0
grep -q 'the lab is gone' events || fail "$(cat events)"
[ ! -e "/run/dpulab/$LAB" ] || fail "the lab's folder is still there"
refuse 1 "$DPULAB" agent "$LAB"
exit 0
