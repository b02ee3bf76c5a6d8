# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Firewall and switch on the host, VXLAN alone on the DPU: dfw=host dvs=host vxlan=dpu. Moves from and to the other
# placements, each under a stream of numbered datagrams across the fabric beside an equal stream in a second lab that does
# not move: nothing is lost that the control does not lose, and one TCP connection lives through all of them. Connections
# stay at the host, stations behind tunnel endpoints are the DPU's; frames between VMs of a host do not cross the PCIe link,
# one between hosts crosses it once. (trunk.sh has VLANs, path MTU and offloads; policy.sh the policy table, deliveries.sh
# the random frames, crash_mixed.sh the killed moves.)
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/streams.sh"
. "$TESTS/lib/mixed.sh"

beside_control 50000
SET="dfw=host dvs=host vxlan=dpu"

two_labs ""

stations_behind_endpoints() { # NODE: of the fdb, those with one
	"$DPULAB" show -j "$LAB" fdb >fdb.json || fail "show fdb"
	json fdb.json "sum(f['node'] == '$1' and f['vtep'] != '-' for f in d['fdb'])"
}

vxlan_is_on_the_dpu() {
	expect "placement" "$(placement path)" dpu-vxlan
	placement picture | grep -q 'host \[dvs dfw\] ==PCIe== DPU \[vxlan\]' || fail "picture: $(placement picture)"
	both_switch_one_judges
	[ "$(stations_behind_endpoints esx1-dpu)" -gt 0 ] || fail "the DPU knows nobody behind an endpoint: $(cat fdb.json)"
}

start_tcp
from=host
for hook in tc xdp; do
	one_move "$from" --hook "$hook"
	run "$DPULAB" place "$CONTROL" host --hook "$hook" >/dev/null
	moves_lose_nothing $SET
	vxlan_is_on_the_dpu
	for there in dpu-mux "$SET" host-dfw "$SET" host; do
		moves_lose_nothing $there
	done
	[ "$(stations_behind_endpoints esx1)" -gt 0 ] || fail "the host knows nobody behind an endpoint: $(cat fdb.json)"
done
run "$DPULAB" place "$LAB" dpu-upt
run "$DPULAB" place "$LAB" $SET
expect "placement" "$(placement path)" dpu-vxlan
touch tcp.stop
wait "$TCP_CLIENT" || fail "the TCP connection broke: $(cat client.out)"
grep echoed client.out || fail "the TCP client said nothing"
books_balance "$LAB"

# The lab file can say it. Who crosses the link: counted where frames leave by it.
run "$DPULAB" down "$LAB"
write_move_lab lab.yaml "$LAB" ', cpus: 0, dpu-cpus: 1'
sed '1a placement: dpu-vxlan\nhook: tc' lab.yaml >split.yaml
run "$DPULAB" up split.yaml
expect "placement of the file" "$(placement path)" dpu-vxlan

sent_by() { in_lab "$LAB" "$1" awk -v dev="$2:" '$1 == dev {print $11}' /proc/net/dev; } # NODE DEV

PINGS=50
ping_many() { run in_lab "$LAB" web1 ping -q -f -c "$PINGS" -W 2 "$1" >ping.out; } # ADDRESS
crossings() { # ADDRESS: frames of esx1's link, both ways, that the pings cost
	local before=$(($(sent_by esx1 pf0) + $(sent_by esx1-dpu pf0hpf)))
	ping_many "$1"
	echo $(($(sent_by esx1 pf0) + $(sent_by esx1-dpu pf0hpf) - before))
}
run in_lab "$LAB" web1 ping -q -c 2 -i 0.2 10.1.0.12
run in_lab "$LAB" web1 ping -q -c 2 -i 0.2 10.1.0.13
near=$(crossings 10.1.0.12)
far=$(crossings 10.1.0.13)
# a neighbour's probe or a router's solicitation now and then
[ "$near" -lt 20 ] || fail "$PINGS round trips on one host crossed the PCIe link $near times"
[ "$far" -ge $((2 * PINGS)) ] && [ "$far" -lt $((2 * PINGS + 20)) ] ||
	fail "$PINGS round trips between hosts crossed the PCIe link $far times, expected $((2 * PINGS))"
echo "ok: $PINGS round trips cross the link $near times on one host, $far times between hosts"

# The DPU's work is done by the DPU's CPU.
if [ "$(nproc)" -ge 2 ] && command -v bpftool >/dev/null; then
	runs() { python3 "$TESTS/lib/runs.py" "$LAB" "$1" >"runs.$1" && awk -v cpu="$2" '$1 == cpu {n = $2} END {print n + 0}' "runs.$1"; } # NODE CPU
	dpu_here=$(runs esx1-dpu 1)
	dpu_there=$(runs esx1-dpu 0)
	host_here=$(runs esx1 0)
	ping_many 10.1.0.13
	expect "runs of the DPU's programs on the host's CPU" $(($(runs esx1-dpu 0) - dpu_there)) 0
	[ $(($(runs esx1-dpu 1) - dpu_here)) -ge $((2 * PINGS)) ] || fail "the DPU's programs have not run on its CPU: $(cat runs.esx1-dpu)"
	[ $(($(runs esx1 0) - host_here)) -ge $((2 * PINGS)) ] || fail "the host's programs have not run on its CPU: $(cat runs.esx1)"
	echo "ok: programs of host and DPU ran on their own CPUs"
fi

policy_changes_hold
