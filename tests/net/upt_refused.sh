# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# A device that refuses to be passed through: its VM stays on dpu-mux, served by the DPU, while the others of the host
# go on to dpu-upt; all reach each other, TCP connections live on, a drill says nothing of it, and once the reason
# has gone the next `place` takes the VM there. The refusal is the kernel's own: its name is another device's altname.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"

write_move_lab lab.yaml "$LAB" ''
run "$DPULAB" up lab.yaml

has() { grep -q "$2" "$1"; }
is_at() { in_node "$1" ip link show dev "$2" >/dev/null 2>&1; } # NODE DEV
reaches() { in_node "$1" ping -q -c 1 -W 2 "$2" >/dev/null; }
all_reach() {
	wait_for 10 reaches web1 10.1.0.12
	wait_for 10 reaches web1 10.1.0.13
	wait_for 10 reaches web2 10.1.0.11
	wait_for 10 reaches web2 10.1.0.13
	wait_for 10 reaches web3 2001:db8:1::11
}

in_node web3 python3 "$TESTS/lib/echo.py" server 10.1.0.13 5900 >server.out 2>&1 &
wait_for 10 has server.out ready
in_node web1 python3 "$TESTS/lib/echo.py" client 10.1.0.13 5900 tcp.stop >client.out 2>&1 &
client=$!
wait_for 10 has client.out connected

for hook in tc xdp; do
	run "$DPULAB" place "$LAB" dpu-mux --hook "$hook"
	in_node esx1-dpu ip link property add dev p0 altname web1 || skip "needs alternative names of devices"
	"$DPULAB" place "$LAB" dpu-upt >place.out 2>&1 || fail "$hook: a refused vNIC fails the move: $(cat place.out)"
	has place.out "vNIC of web1 stays on dpu-mux" || fail "$hook: place does not say so: $(cat place.out)"
	is_at esx1 web1 || fail "$hook: web1's device is not at its host"
	is_at esx1-dpu web2 || fail "$hook: web2's device is not in the DPU"
	all_reach
	run "$DPULAB" up lab.yaml # tries again, and is refused again
	all_reach
	"$DPULAB" drill "$LAB" uplink-down --host esx1 --for 200 >drill.out 2>&1 || fail "$hook: drill: $(cat drill.out)"
	in_node esx1-dpu ip link property del dev p0 altname web1
	"$DPULAB" place "$LAB" dpu-upt >place.out 2>&1 || fail "$hook: $(cat place.out)"
	has place.out "stays on dpu-mux" && fail "$hook: still refused: $(cat place.out)"
	in_node esx1-dpu ip -o link show dev web1 | grep -q 'web1' || fail "$hook: web1 has not returned to dpu-upt"
	is_at esx1 web1 && fail "$hook: web1's device is still at its host"
	all_reach
done
touch tcp.stop
wait "$client" || fail "the TCP connection broke: $(cat client.out)"
cat client.out
