# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# The datapath on interfaces dpulab did not make: two veths of a namespace of
# ours are loaded as ports of a lab and switched under its firewall; hook xdp is
# used only where TCP is seen to pass; somebody else's XDP program, the default route and
# the caller's session are refused; unload and down leave nothing.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
need ip ethtool bpftool

write_move_lab lab.yaml "$LAB" ''
run "$DPULAB" up lab.yaml
BOX=$LAB-box # holds the interfaces; A and B are the machines behind them
for ns in box a b; do
	run ip netns add "$LAB-$ns"
	at_exit "ip netns del $LAB-$ns"
done
for end in a b; do
	run ip -n "$BOX" link add "veth$end" type veth peer name eth0 netns "$LAB-$end"
	run ip -n "$BOX" link set "veth$end" up
	run ip -n "$LAB-$end" link set eth0 up
done
run ip -n "$LAB-a" addr add 10.9.0.1/24 dev eth0
run ip -n "$LAB-b" addr add 10.9.0.2/24 dev eth0

in_box() { in_node box "$@"; }
load() { in_box "$DPULAB" load -j "$1" --lab "$LAB" --port "$2" "${@:3}" >load.json; }
loaded() { json load.json 'd["hook"]'; }
unload() { in_box "$DPULAB" unload "$1" --lab "$LAB"; }
has() { grep -q "$2" "$1"; }

port=5000
tcp_passes() {
	port=$((port + 1))
	rm -f tcp.stop server.out client.out
	in_node b python3 "$TESTS/lib/echo.py" server 10.9.0.2 "$port" >server.out 2>&1 &
	wait_for 10 has server.out ready
	in_node a python3 "$TESTS/lib/echo.py" client 10.9.0.2 "$port" tcp.stop >client.out 2>&1 &
	wait_for 10 has client.out connected
	touch tcp.stop
	wait $! || fail "TCP: $(cat client.out)"
}

# By tc, as veths are by default.
run load vetha p1
expect "hook of a veth" "$(loaded)" tc
run load vethb p2
run in_node a ping -q -c 2 -i 0.1 -W 2 10.9.0.2
tcp_passes
in_node a python3 -c 'import socket; socket.create_connection(("10.9.0.2", 22), timeout=1)' 2>err.txt &&
	fail "the lab's firewall does not apply"
has err.txt "timed out" || fail "port 22 is not dropped but: $(cat err.txt)"
in_box "$DPULAB" load vetha --lab "$LAB" --port p1 >/dev/null || fail "load is not idempotent"

# hook xdp is tried before it is trusted: the far ends leave checksums to the device, then do not, without and with GRO.
run load vetha p1 --hook xdp
expect "xdp with checksums left to the device" "$(loaded)" tc
has load.json "checksum" || fail "no reason: $(cat load.json)"
tcp_passes
for end in a b; do run in_node "$end" ethtool -K eth0 tx off >/dev/null; done
run load vetha p1 --hook xdp
expect "xdp without GRO at the far end" "$(loaded)" tc
has load.json GRO || fail "no reason: $(cat load.json)"
for end in a b; do run in_node "$end" ethtool -K eth0 gro on >/dev/null; done
for dev in vetha vethb; do
	run load "$dev" "${dev/veth/p}" --hook xdp
	expect "xdp where TCP passes" "$(loaded)" xdp
done
tcp_passes
[ -z "$(in_box ip -br link | grep dpulabprobe)" ] || fail "the proof left its devices"
run unload vetha
run unload vethb
refuse 1 unload vethb
[ -z "$(in_box ip -d link show vetha | grep xdp)" ] || fail "XDP stayed behind"
[ -z "$(ls -d "/sys/fs/bpf/dpulab/$LAB/ns"* 2>/dev/null)" ] || fail "pins stayed behind"

# Somebody else's program is named and left alone.
cat >pass.c <<'C'
__attribute__((section("xdp"), used)) int somebodys_pass(void *ctx) { return 2; }
char text[] __attribute__((section("license"), used)) = "GPL";
C
if command -v clang >/dev/null && clang -O2 -g -target bpf -c pass.c -o pass.o; then
	run in_box ip link set vetha xdpdrv obj pass.o sec xdp
	id=$(in_box ip -d link show vetha | sed -n 's/.*prog\/xdp id \([0-9]*\).*/\1/p')
	refuse 1 in_box "$DPULAB" load vetha --lab "$LAB" --port p1 --force 2>err.txt
	cat err.txt
	has err.txt "XDP program $id" && has err.txt "somebodys_pass" || fail "the other program is not named: $(cat err.txt)"
	expect "their program" "$(in_box ip -d link show vetha | sed -n 's/.*prog\/xdp id \([0-9]*\).*/\1/p')" "$id"
	run in_box ip link set vetha xdpdrv off
fi

# The way the caller came in.
run in_box ip addr add 10.9.1.1/24 dev vetha
refused() { in_box "$DPULAB" load vetha --lab "$LAB" --port p1 2>err.txt; }
export SSH_CONNECTION="10.9.1.2 40000 10.9.1.1 22"
refuse 1 refused
has err.txt "SSH session" || fail "wrong reason: $(cat err.txt)"
unset SSH_CONNECTION
run in_box ip route add default via 10.9.1.2
refuse 1 refused
has err.txt "default route" || fail "wrong reason: $(cat err.txt)"
run load vetha p1 --force

# down takes it off as well.
run "$DPULAB" down "$LAB"
[ ! -e "/sys/fs/bpf/dpulab/$LAB" ] || fail "down left pins: $(find "/sys/fs/bpf/dpulab/$LAB")"
