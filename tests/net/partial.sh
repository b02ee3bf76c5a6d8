# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Some functions on the host, the rest on the DPU: dfw=host dvs=dpu vxlan=dpu. Moves from and to every other
# placement, each under a stream of numbered datagrams across the fabric beside an equal stream in a second lab that does
# not move: nothing is lost that the control does not lose, and one TCP connection lives through all of them. Both
# locations' flow caches carry established traffic; connections are where the firewall is. (policy.sh has the policy table,
# deliveries.sh the random frames, crash_mixed.sh the killed moves.)
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/streams.sh"
. "$TESTS/lib/mixed.sh"

beside_control 50000
SET="dfw=host dvs=dpu vxlan=dpu qos=dpu intercept=host" # the last two follow from the others

two_labs ""

# Sets that no frame could meet in order are refused by name, and nothing has moved.
for bad in "vxlan=host dvs=dpu dfw=dpu" "vxlan=host dvs=dpu dfw=host" "dfw=dpu dvs=host vxlan=host" "dfw=host dvs=dpu" \
	"dfw=host dvs=dpu vxlan=dpu qos=host" "dfw=host dvs=dpu vxlan=dpu intercept=dpu"; do
	refuse 2 "$DPULAB" place "$LAB" $bad 2>refused
	grep -qE "come back over PCIe|pass no firewall|is not placed|does not go with" refused || fail "$bad: $(cat refused)"
done
expect "placement after refusals" "$(placement path)" host

firewall_is_on_the_host() {
	expect "placement" "$(placement path)" host-dfw
	placement picture | grep -q 'host \[dfw\] ==PCIe== DPU \[dvs vxlan\]' || fail "picture: $(placement picture)"
	both_switch_one_judges
}

start_tcp
from=host
for hook in tc xdp; do
	one_move "$from" --hook "$hook"
	run "$DPULAB" place "$CONTROL" host --hook "$hook" >/dev/null
	moves_lose_nothing $SET
	firewall_is_on_the_host
	for there in dpu-mux "$SET" host; do
		moves_lose_nothing $there
	done
done
# a vNIC that ends in the DPU comes back to the host first; what needs another engine goes and comes with new connections
run "$DPULAB" place "$LAB" dpu-upt
run "$DPULAB" place "$LAB" $SET
expect "placement" "$(placement path)" host-dfw
touch tcp.stop
wait "$TCP_CLIENT" || fail "the TCP connection broke: $(cat client.out)"
grep echoed client.out || fail "the TCP client said nothing"
books_balance "$LAB"

# The lab file can say it, and a change of policy holds. What linux knows of connections does not come along.
run "$DPULAB" down "$LAB"
sed '1a placement: host-dfw' lab.yaml >split.yaml
run "$DPULAB" up split.yaml
expect "placement of the file" "$(placement path)" host-dfw
run in_node web1 ping -q -c 2 -i 0.2 -W 2 10.1.0.13
policy_changes_hold
