# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Frame path pmd: the poll-mode process carries what the other paths carry, keeps the policy, serves a VM that
# comes while it runs, and leaves the host's own traffic to the host. Killed, it comes back with its
# connections, or `up` brings it back; `down` ends it; without its tables it ends by itself.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"

write_move_lab lab.yaml "$LAB" ', placement: pmd'
run "$DPULAB" up lab.yaml

field() { "$DPULAB" show -j "$LAB" pmd >pmd.json && json pmd.json "d['pmd'][0]['$1']"; }
placement_is() { # PATH HOOK
	"$DPULAB" show -j "$LAB" placement >placement.json || fail "show placement"
	expect "placement" "$(json placement.json 'sorted({(p["path"], p["hook"]) for p in d["placement"]})')" \
		"[('$1', '$2')]"
}
has() { grep -q "$2" "$1"; }
processes() { # of this lab, by what they run in
	local pid
	for pid in $(pgrep -x dpulab-pmd); do
		[ "$(stat -Lc %i "/proc/$pid/ns/net" 2>/dev/null)" != "$ESX1" ] || echo "$pid"
	done
}
ESX1=$(stat -Lc %i "/run/netns/$LAB-esx1")

# ---- it carries, and it keeps the policy --------------------------------------

placement_is pmd xdp
for address in 10.1.0.12 10.1.0.13 2001:db8:1::12 2001:db8:1::13; do
	wait_for 20 in_node web1 ping -q -c 1 -W 2 "$address"
done
in_node esx1 ping -q -c 2 -i 0.2 -W 2 10.255.0.2 || fail "the host's own address is out of reach"
[ "$(field rx)" -gt 8 ] || fail "the process took $(field rx) frames"

serve web3 5001,6001 5001,6001
serve web2 5001,6001 5001,6001
for peer in 10.1.0.12 10.1.0.13 2001:db8:1::12 2001:db8:1::13; do
	for kind in tcp udp; do
		expect "$kind to $peer" "$(probe web1 outcome "$kind" "$peer" 5001 6001 | tr '\n' ' ')" "5001 open 6001 timeout "
	done
done
unserve
"$DPULAB" show -j "$LAB" drops >drops.json
expect "what the firewall dropped was dropped by the process" \
	"$(json drops.json 'sorted({(r["node"], r["where"]) for r in d["drops"] if r["reason"] == "dfw-default"})')" \
	"[('esx1-pmd', 'pmd')]"
refuse 2 "$DPULAB" place "$LAB" pmd --hook tc

# ---- killed -----------------------------------------------------------------------

in_node web3 python3 "$TESTS/lib/echo.py" server 10.1.0.13 5900 >server.out 2>&1 &
wait_for 10 has server.out ready
in_node web1 python3 "$TESTS/lib/echo.py" client 10.1.0.13 5900 tcp.stop >client.out 2>&1 &
client=$!
wait_for 10 has client.out connected

worker=$(field pid)
kill -KILL "$worker"
another() { local now; now=$(field pid) && [ "$now" != "$worker" ] && [ -e "/proc/$now" ] && [ "$(field state)" = polling ]; }
wait_for 20 another
[ "$(field restarts)" -ge 1 ] || fail "no restart was counted" # sockets that the kernel has not let go yet take another one
wait_for 20 in_node web1 ping -q -c 1 -W 2 10.1.0.13
touch tcp.stop
wait "$client" || fail "the connection did not outlive the worker: $(cat client.out)"

supervisor=$(awk '{print $4}' "/proc/$(field pid)/stat")
worker=$(field pid)
kill -KILL "$supervisor"
wait_for 10 ended "$worker"
expect "a dead process is told from one that lives" "$(field pid)" 0
refuse 1 in_node web1 ping -q -c 1 -W 1 10.1.0.13
run "$DPULAB" up lab.yaml
placement_is pmd xdp
wait_for 20 in_node web1 ping -q -c 1 -W 2 10.1.0.13

# ---- ports come and go ---------------------------------------------------------------

sed 's/^  web3:/  web4: {host: esx1, port-group: web, ip: 10.1.0.14\/24}\n  web3:/' lab.yaml >more.yaml
worker=$(field pid)
run "$DPULAB" apply more.yaml
wait_for 20 in_node web1 ping -q -c 1 -W 2 10.1.0.14
wait_for 20 in_node web4 ping -q -c 1 -W 2 10.1.0.13
expect "the same process serves one port more" "$(field pid)" "$worker"
run "$DPULAB" apply lab.yaml
wait_for 20 in_node web1 ping -q -c 1 -W 2 10.1.0.13
placement_is pmd xdp

# ---- from and to the others -------------------------------------------------------------

for path in host pmd dpu-mux pmd dpu-upt pmd linux pmd; do
	run "$DPULAB" place "$LAB" "$path"
	for address in 10.1.0.12 10.1.0.13; do
		wait_for 20 in_node web1 ping -q -c 1 -W 2 "$address"
	done
	if [ "$path" = pmd ]; then
		[ -n "$(processes)" ] || fail "no process"
	else
		[ -z "$(processes)" ] || fail "at $path a process is left: $(processes)"
	fi
	case $path in
	host) expect "state of a process that is not wanted" "$(field state)" "not in use" ;;
	linux)
		"$DPULAB" show "$LAB" rules >rules.out 2>&1 || fail "show rules"
		has rules.out "host esx1 is on frame path linux, .*dpulab exec $LAB esx1 -- nft list ruleset" ||
			fail "show rules does not say where linux has them: $(cat rules.out)"
		;;
	esac
done

# ---- the end ------------------------------------------------------------------------------

rm -r "/sys/fs/bpf/dpulab/$LAB/esx1-pmd"
none() { [ -z "$(processes)" ]; }
wait_for 10 none
run "$DPULAB" up lab.yaml
wait_for 20 in_node web1 ping -q -c 1 -W 2 10.1.0.13
[ -n "$(processes)" ] || fail "up did not start the process again"
run "$DPULAB" down "$LAB"
none || fail "processes are left after down: $(processes)"
