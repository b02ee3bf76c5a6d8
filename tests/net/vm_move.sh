# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# A VM moves to another host while it runs, between hosts, between DPUs, with its vNIC passed through and with functions on both sides, there and
# back, with CONNECTIONS live connections and under a stream: its TCP connection goes on, every connection is at the
# new host as it was at the old one, field by field, and at the old one no more; every host knows the new
# place. `apply` and `up` let the move stand until the file says
# otherwise.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"

CONNECTIONS=${CONNECTIONS:-10000}
PPS=${STREAM_PPS:-50000}
emulated && CONNECTIONS=500 PPS=500

write_move_lab lab.yaml "$LAB" ''
sed -i 's/^firewall:/&\n  timeouts: {udp-established: 3600}/' lab.yaml # none expires between two looks
run "$DPULAB" up lab.yaml

has() { grep -q "$2" "$1"; }
reaches() { in_node "$1" ping -q -c 1 -W 2 "$2" >/dev/null; }
word() { sed -n "s/.*$2 \([0-9]*\).*/\1/p" "$1"; } # FILE WORD: the number after it

# Datagrams from as many source ports, each a connection of web1 that was answered. Their servers are one socket.
live_connections() {
	in_node web3 "$PYTHON" "$TESTS/lib/manyudp.py" serve 10.1.0.13 5800 >many.server &
	wait_for 10 has many.server ready
	in_node web1 "$PYTHON" "$TESTS/lib/manyudp.py" ask 10.1.0.13 5800 "$CONNECTIONS" || fail "not all connections came about"
}

# NODE FILE: web1's UDP connections to port 5800 there, but for what a move between hosts must change.
connections_at() {
	"$DPULAB" show -j "$LAB" connections >all.json || fail "show connections"
	"$PYTHON" - "$1" <<'PY' >"$2"
import json, sys
rows = [c for c in json.load(open("all.json"))["connections"]
        if c["node"] == sys.argv[1] and c["vnic"] == "web1" and c["proto"] == "udp" and c["dst_port"] == 5800]
for c in rows:
    for volatile in ("node", "idle_s", "policy_gen"):  # a generation counts at its own location
        del c[volatile]
print("\n".join(sorted(json.dumps(c, sort_keys=True) for c in rows)))
PY
}

at() { # HOST PATH: the node whose firewalls are in use
	case $2 in
	host | host-dfw | dpu-vxlan) echo "$1" ;;
	*) echo "$1-dpu" ;;
	esac
}
switch_at() { # HOST PATH: the node whose switch is in use
	[ "$2" = host-dfw ] && echo "$1-dpu" || at "$@"
}

fdb_says() { # NODE MAC PORT
	"$DPULAB" show -j "$LAB" fdb >fdb.json || fail "show fdb"
	"$PYTHON" -c 'import json,sys; d=json.load(open("fdb.json"))["fdb"]
sys.exit(not any(m["node"] == sys.argv[1] and m["mac"] == sys.argv[2] and m["port"] == sys.argv[3] for m in d))' "$@"
}

start_stream() { # FROM TO ADDRESS PORT NAME
	in_node "$2" "$STREAM" sink "$4" >"sink.$5" &
	wait_for 10 has "sink.$5" ready
	in_node "$1" "$STREAM" send "$3" "$4" "$PPS" stop >"send.$5" &
	wait_for 10 has "send.$5" "under way"
}

move() { # FROM TO PATH
	rm -f stop sink.* send.*
	connections_at "$(at "$1" "$3")" before
	start_stream web1 web3 10.1.0.13 $((port++)) moved
	run "$DPULAB" move -j "$LAB" web1 "$2" >move.json
	touch stop
	wait_for 30 has sink.moved received
	connections_at "$(at "$2" "$3")" after
	[ "$(wc -l <before)" -ge "$CONNECTIONS" ] || fail "$3: only $(wc -l <before) connections before the move"
	diff before after >changed || fail "$3: the move changed $(grep -c '^[<>]' changed) lines: $(head -4 changed)"
	connections_at "$(at "$1" "$3")" left
	[ ! -s left ] || [ "$(cat left)" = "" ] || fail "$3: $(wc -l <left) connections are left at $1"
	for host in esx1 esx2; do
		[ "$host" = "$2" ] && want=web1 || want=uplink
		wait_for 10 fdb_says "$(switch_at "$host" "$3")" "$mac" "$want"
	done
	reaches web1 10.1.0.12 || fail "$3: web1 does not reach web2"
	reaches web1 10.1.0.13 || fail "$3: web1 does not reach web3"
	tail -n +2 move.json | tr -d '\n '
	echo " $3: of $(word sink.moved received) datagrams lost $(word sink.moved lost)"
}

mac=$(mac_of web1)
port=5000
in_node web3 python3 "$TESTS/lib/echo.py" server 10.1.0.13 5900 >server.out 2>&1 &
wait_for 10 has server.out ready
in_node web1 python3 "$TESTS/lib/echo.py" client 10.1.0.13 5900 tcp.stop >client.out 2>&1 &
client=$!
wait_for 10 has client.out connected
live_connections

for path in host dpu-mux dpu-upt host-dfw dpu-vxlan; do
	run "$DPULAB" place "$LAB" "$path"
	move esx1 esx2 "$path"
	"$DPULAB" apply lab.yaml | grep -q 'changes: none' || fail "apply does not let the move stand"
	run "$DPULAB" up lab.yaml
	reaches web1 10.1.0.12 || fail "$path: after up, web1 does not reach web2"
	fdb_says "$(switch_at esx2 "$path")" "$mac" web1 || fail "$path: up has moved web1 back"
	move esx2 esx1 "$path"
done
touch tcp.stop
wait "$client" || fail "the TCP connection broke: $(cat client.out)"
cat client.out

# What cannot be done, and why.
refuse 2 "$DPULAB" move "$LAB" web1 esx1
refuse 1 "$DPULAB" move "$LAB" nobody esx1
refuse 1 "$DPULAB" move "$LAB" web1 nowhere
run "$DPULAB" place "$LAB" linux --host esx2
refuse 2 "$DPULAB" move "$LAB" web1 esx2
run "$DPULAB" place "$LAB" dpu-mux
run "$DPULAB" place "$LAB" dpu-vxlan --host esx2
refuse 2 "$DPULAB" move "$LAB" web1 esx2 2>refused
grep -q 'between equals only' refused || fail "from dpu-mux to dpu-vxlan: $(cat refused)"
run "$DPULAB" place "$LAB" dpu-mux
sed 's/esx2: {dpu: true/esx2: {dpu: true, dpu-model: another/' lab.yaml >models.yaml
run "$DPULAB" apply models.yaml
refuse 3 "$DPULAB" move "$LAB" web1 esx2
run "$DPULAB" move "$LAB" web1 esx2 --any-model

# The file has the last word once it says something else about the VM.
sed 's/web1: {host: esx1/web1: {host: esx2/' models.yaml >there.yaml
run "$DPULAB" apply there.yaml
run "$DPULAB" apply models.yaml
reaches web1 10.1.0.12 || fail "web1, back where the file wants it, does not reach web2"
[ ! -e "/run/dpulab/$LAB/moved" ] || fail "a move is remembered that the file has undone"
