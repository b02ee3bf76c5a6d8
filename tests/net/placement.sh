# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Every frame path at every hook carries ping and TCP, on one host and across
# the fabric, in both families; `show placement` says what runs; the DPU's
# programs run on the DPU's CPUs only.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"

write_move_lab lab.yaml "$LAB" ', cpus: 0, dpu-cpus: 1'
run "$DPULAB" up lab.yaml
[ "$(nproc)" -ge 2 ] || skip "needs two CPUs"

placement_is() { # PATH HOOK
	"$DPULAB" show -j "$LAB" placement >placement.json || fail "show placement"
	expect "placement" "$(json placement.json 'sorted({(p["path"], p["hook"]) for p in d["placement"]})')" \
		"[('$1', '$2')]"
}

has() { grep -q "$2" "$1"; }

tcp_passes() { # ADDRESS NODE PORT
	rm -f tcp.stop server.out client.out # of the last time: it says ready, too
	in_node "$2" python3 "$TESTS/lib/echo.py" server "$1" "$3" >server.out 2>&1 &
	wait_for 10 has server.out ready
	in_node web1 python3 "$TESTS/lib/echo.py" client "$1" "$3" tcp.stop >client.out 2>&1 &
	wait_for 10 grep . client.out
	has client.out connected || fail "TCP to $1: $(cat client.out)"
	touch tcp.stop
	wait $! || fail "TCP to $1: $(cat client.out)"
}

port=5000
carries() {
	for address in 10.1.0.12 10.1.0.13 2001:db8:1::12 2001:db8:1::13; do
		in_node web1 ping -q -c 3 -i 0.1 -W 2 "$address" >ping.out || fail "ping $address: $(cat ping.out)"
	done
	tcp_passes 10.1.0.12 web2 $((++port))
	tcp_passes 10.1.0.13 web3 $((++port))
}

# Share of the DPU's program runs since the last call that ran off its CPU, in 1/10000.
runs() { # HOOK: runs on CPU 1 and elsewhere, of both DPUs
	"$DPULAB" show -j "$LAB" stats >stats.json || fail "show stats"
	json stats.json '" ".join(str(n) for n in (lambda rows: (sum(r["runs_per_cpu"][1] for r in rows), sum(r["runs"] - r["runs_per_cpu"][1] for r in rows)))([r for r in d["stats"] if r["node"].endswith("-dpu") and r["hook"] == "'"$1"'"]))'
}

dpu_stays_on_its_cpu() { # HOOK
	local on before_on off before_off
	read -r before_on before_off <<<"$(runs "$1")"
	rm -f stop sink.out send.out
	port=$((port + 1))
	in_node web3 "$STREAM" sink "$port" >sink.out &
	wait_for 10 has sink.out ready
	in_node web1 "$STREAM" send 10.1.0.13 "$port" 20000 stop >send.out &
	wait_for 30 has send.out "under way"
	touch stop
	wait_for 30 has sink.out received
	read -r on off <<<"$(runs "$1")"
	on=$((on - before_on)) off=$((off - before_off))
	echo "$1: the DPU's programs ran $on times on its CPU, $off times elsewhere"
	[ "$on" -gt 2000 ] || fail "$1: the DPU hardly ran"
	[ $((off * 100)) -lt "$on" ] || fail "$1: more than 1 % of the DPU's work ran elsewhere"
}

for hook in tc xdp; do
	for path in host dpu-mux dpu-upt dpu-mux host; do
		run "$DPULAB" place "$LAB" "$path" --hook "$hook"
		placement_is "$path" "$hook"
		carries
		[ "$path" = host ] || dpu_stays_on_its_cpu "$hook"
	done
done
run "$DPULAB" place "$LAB" linux
placement_is linux none
carries
run "$DPULAB" place "$LAB" dpu-mux --hook tc
placement_is dpu-mux tc
carries
refuse 2 "$DPULAB" place "$LAB" nowhere
refuse 1 "$DPULAB" place "$LAB" host --host nobody
