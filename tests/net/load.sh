# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Interfaces dpulab did not make as ports of a lab: shown like any port, reached by VMs on their host and
# over VXLAN, under the lab's firewall, on every frame path and through apply;
# somebody else's XDP program, the default route and the caller's session are
# refused; unload and down put everything back.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/loaded.sh"
need ip tc ethtool bpftool ping

write_move_lab lab.yaml "$LAB" ''
run "$DPULAB" up lab.yaml
make_box 10.1.0.101 10.1.0.12 # b takes the place of web2
run in_box ip link set vethb down
for dev in vetha vethb; do settings_of "$dev" >"before.$dev"; done
restored() {
	for dev in vetha vethb; do diff "before.$dev" <(settings_of "$dev") || fail "$1 did not put $dev back"; done
}

reaches() { # WHEN: machine a and the VMs of both hosts, b in the place of web2
	local to
	for to in 10.1.0.11 10.1.0.12 10.1.0.13; do
		in_node a ping -q -c 1 -W 5 "$to" >/dev/null || fail "$1: a does not reach $to"
	done
	in_node web3 ping -q -c 1 -W 5 10.1.0.101 >/dev/null || fail "$1: web3 does not reach a"
	in_node web3 ping -q -c 1 -W 5 10.1.0.12 >/dev/null || fail "$1: web3 does not reach b"
}

run load vetha p1
expect "hook of a veth" "$(loaded)" tc
run load vethb web2
expect "host and port of web2" "$(json load.json '(d["host"], d["port"])')" "('esx1', 17)"
reaches "loaded"
tcp_passes a web1 10.1.0.11
tcp_passes a web3 10.1.0.13
tcp_passes web3 b 10.1.0.12
in_node a python3 -c 'import socket; socket.create_connection(("10.1.0.13", 22), timeout=1)' 2>err.txt &&
	fail "the lab's firewall does not apply"
has err.txt "timed out" || fail "port 22 is not dropped but: $(cat err.txt)"
run load vetha p1 # again

# Shown like any port.
show() { "$DPULAB" show -j "$LAB" "$1" >show.json; }
show ports
expect "p1's port" "$(json show.json '[(p["node"], p["kind"], p["group"]) for p in d["ports"] if p["dev"] == "p1"]')" \
	"[('esx1', 'vnic', 'web')]"
json show.json '[p for p in d["ports"] if p["dev"] == "p1"][0]["rx_packets"] > 0' | grep -q True || fail "p1 counts nothing"
expect "the interface" "$(json show.json '[(p["node"], p["name"], p["hook"] != "none") for p in d["ports"] if p["dev"] == "vetha"]')" \
	"[('@p1', 'p1', True)]"
show fdb
expect "where a is, as the hosts see it" "$(json show.json '[(m["node"], m["port"]) for m in d["fdb"] if m["mac"] == "'"$(mac_of a)"'"]')" \
	"[('esx1', 'p1'), ('esx2', 'uplink')]"
"$DPULAB" show --compiled -j "$LAB" rules >show.json
json show.json 'len([r for r in d["rules"] if r["vnic"] == "p1"]) >= 3' | grep -q True || fail "p1 has no rules"
show drops
json show.json '[r["frames"] for r in d["drops"] if r["reason"] == "dfw-default"]' | grep -q '[1-9]' || fail "the drop is not shown"
"$DPULAB" ls -j "$LAB" >ls.json
expect "listed" "$(json ls.json '[(n["node"], n["dev"], n["state"]) for n in d["nodes"] if n["kind"] == "loaded"]')" \
	"[('p1', 'vetha', 'up'), ('web2', 'vethb', 'up')]"
refuse 1 "$DPULAB" exec "$LAB" p1 -- true 2>err.txt
has err.txt "is interface vetha" || fail "exec: $(cat err.txt)"
[ ! -e "/run/netns/$LAB-web2" ] || fail "web2 is there twice"

# Every frame path, either hook, apply, up.
for path in dpu-mux dpu-upt pmd linux host; do
	run "$DPULAB" place -q "$LAB" "$path"
	reaches "$path"
	tcp_passes a web3 10.1.0.13
done
run "$DPULAB" place -q "$LAB" dpu-mux --hook xdp
reaches "dpu-mux by xdp"
tcp_passes a web1 10.1.0.11
tcp_passes web3 a 10.1.0.101
run "$DPULAB" place -q "$LAB" host --hook tc
sed 's/^firewall:/  web4: {host: esx2, port-group: web, ip: 10.1.0.14\/24}\n&/; s/5000-5999/5000-6999/
	$a\    - {protocol: tcp, port: 7001, action: allow, apply-to: web}' lab.yaml >more.yaml
run "$DPULAB" apply more.yaml
reaches "after apply"
port=7000
tcp_passes web3 a 10.1.0.101 # a rule of the group counts at a port loaded into it
run in_node a ping -q -c 1 -W 2 10.1.0.14
run "$DPULAB" up more.yaml
reaches "after up"

# What cannot be: each with a sentence, nothing changed.
says() { # STATUS TEXT CMD...
	refuse "$1" "${@:3}" 2>err.txt
	has err.txt "$2" || fail "not '$2' but: $(cat err.txt)"
}
says 1 "served by another interface" in_box "$DPULAB" load vethb --lab "$LAB" --port p1
says 1 "is port web2 already" in_box "$DPULAB" load vethb --lab "$LAB" --port p2
says 1 "no interface nonesuch" in_box "$DPULAB" load nonesuch --lab "$LAB" --port p2
run in_box ip link add spare type bridge
says 1 "loopback" in_box "$DPULAB" load lo --lab "$LAB" --port p2
says 1 "dpulab made" in_box "$DPULAB" load "$LAB-p1" --lab "$LAB" --port p2
says 1 "name of something else" in_box "$DPULAB" load spare --lab "$LAB" --port esx1
says 1 "lower-case" in_box "$DPULAB" load spare --lab "$LAB" --port P_2
says 1 "no port group nope" in_box "$DPULAB" load spare --lab "$LAB" --port p2 --group nope
says 1 "no host nope" in_box "$DPULAB" load spare --lab "$LAB" --port p2 --host nope
says 1 "is on host esx2" in_box "$DPULAB" load spare --lab "$LAB" --port web3 --host esx1
says 2 "needs --lab and --port" in_box "$DPULAB" load spare
sed '/web2:/d' more.yaml >less.yaml
says 1 "needs the VM web2" "$DPULAB" apply less.yaml
reaches "after refusals"
run ip -n "$BOX" link del spare

# Back as it was; web2 is a VM again.
run unload vetha
run unload vethb
refuse 1 unload vethb
restored unload
run in_node web2 ping -q -c 1 -W 5 10.1.0.13
[ -z "$(ls -d "/sys/fs/bpf/dpulab/$LAB/@"* 2>/dev/null)" ] || fail "pins stayed behind"

# Somebody else's program is named and left alone.
cat >pass.c <<'C'
__attribute__((section("xdp"), used)) int somebodys_pass(void *ctx) { return 2; }
char text[] __attribute__((section("license"), used)) = "GPL";
C
if command -v clang >/dev/null && clang -O2 -g -target bpf -c pass.c -o pass.o; then
	run in_box ip link set vetha xdpdrv obj pass.o sec xdp
	id=$(in_box ip -d link show vetha | sed -n 's/.*prog\/xdp id \([0-9]*\).*/\1/p')
	says 1 "XDP program $id" in_box "$DPULAB" load vetha --lab "$LAB" --port p1 --force
	has err.txt "somebodys_pass" || fail "the other program is not named: $(cat err.txt)"
	expect "their program" "$(in_box ip -d link show vetha | sed -n 's/.*prog\/xdp id \([0-9]*\).*/\1/p')" "$id"
	run in_box ip link set vetha xdpdrv off
fi

# The way the caller came in.
run in_box ip addr add 10.9.1.1/24 dev vetha
export SSH_CONNECTION="10.9.1.2 40000 10.9.1.1 22"
says 1 "SSH session" in_box "$DPULAB" load vetha --lab "$LAB" --port p1
unset SSH_CONNECTION
run in_box ip route add default via 10.9.1.2
says 1 "default route" in_box "$DPULAB" load vetha --lab "$LAB" --port p1
run load vetha p1 --force

# An interface that goes: said, and no obstacle; unload from anywhere clears it away.
run load vethb p2 --host esx2
run ip -n "$BOX" link del vethb
"$DPULAB" ls -j "$LAB" >ls.json
expect "gone" "$(json ls.json '[n["state"] for n in d["nodes"] if n["node"] == "p2"]')" "['missing']"
run "$DPULAB" place -q "$LAB" dpu-upt
run in_node a ping -q -c 1 -W 5 10.1.0.11
run "$DPULAB" unload vethb --lab "$LAB"

# down takes it off as well, also a filter of kernels without tcx, and only ours.
run "$DPULAB" down "$LAB"
in_box ip addr del 10.9.1.1/24 dev vetha
diff <(sed '/^vethb/d' before.vetha) <(settings_of vetha) || fail "down did not put vetha back"
[ ! -e "/sys/fs/bpf/dpulab/$LAB" ] || fail "down left pins: $(find "/sys/fs/bpf/dpulab/$LAB")"
