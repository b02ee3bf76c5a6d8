# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# What a connection has counted moves with it: after every move between host and
# dpu-mux, `show connections` says exactly what was sent, in both directions and at
# both ends, whether the frames passed before, during or after the move.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"

PPS=${STREAM_PPS:-100000}
MOVES=${MOVES:-20} # under one stream

write_move_lab lab.yaml "$LAB" ''
run "$DPULAB" up lab.yaml

# counts VM PORT [FIELD...]: the connection to that port as the VM's host or DPU has it.
counts() {
	"$DPULAB" show -j "$LAB" connections >connections.json || fail "show connections"
	"$PYTHON" - "$@" <<'PY'
import json, sys
vm, port, fields = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
found = [c for c in json.load(open("connections.json"))["connections"]
         if c["vnic"] == vm and c["proto"] == "udp" and c["dst_port"] == port]
print(" ".join(str(c[f]) for c in found for f in fields) if len(found) == 1 else f"{len(found)} connections")
PY
}

# ---- moves with nothing on the wire ------------------------------------------

cat >rally.py <<'PY'
import socket, sys
address, port, n = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.bind(("", port + 1))
    s.connect((address, port))
    s.settimeout(2)
    for i in range(n):
        s.send(bytes(18))
        s.recv(64)
PY

serve web3 - 5400,5500
total=0
rally() { # PORT N
	in_node web1 "$PYTHON" rally.py 10.1.0.13 "$1" "$2" || fail "an answer of web3 is missing"
	total=$((total + $2))
}

counted() { # WHEN PORT
	local vm want="$total $((total * 60)) $total $((total * 60))"
	for vm in web1 web3; do
		expect "$1, at $vm" "$(counts "$vm" "$2" packets bytes reply_packets reply_bytes)" "$want"
	done
}

quiet_moves() { # HOOK PORT
	local path
	run "$DPULAB" place "$LAB" host --hook "$1"
	total=0
	rally "$2" 300
	for path in dpu-mux host dpu-mux host; do
		counted "$1: before $path" "$2"
		run "$DPULAB" place "$LAB" "$path"
		counted "$1: moved to $path" "$2"
		rally "$2" 200
		counted "$1: used at $path" "$2"
	done
}

quiet_moves tc 5400
quiet_moves xdp 5500

# ---- moves under a stream ----------------------------------------------------

word() { sed -n "s/.*$2 \([0-9]*\).*/\1/p" "$1"; } # FILE WORD: the number after it
has() { grep -q "$2" "$1"; }
refused() { in_node web1 awk '$1 == "eth0:" {print $13}' /proc/net/dev; }

# Frames that a device refused came nowhere; what was lost on the way counts at web1 alone.
moves_under_stream() { # HOOK PORT
	local path=dpu-mux before sent arrived i
	run "$DPULAB" place "$LAB" host --hook "$1"
	before=$(refused)
	rm -f stop sink.out send.out
	in_node web3 "$STREAM" sink "$2" >sink.out &
	wait_for 10 has sink.out ready
	in_node web1 "$STREAM" send 10.1.0.13 "$2" "$PPS" stop >send.out &
	wait_for 10 has send.out "under way"
	for ((i = 0; i < MOVES; i++)); do
		run "$DPULAB" place "$LAB" "$path"
		[ "$path" = host ] && path=dpu-mux || path=host
	done
	touch stop
	wait_for 60 has send.out "sent"
	wait_for 60 has sink.out "received"
	sent=$(($(word send.out total) - $(refused) + before))
	arrived=$((sent - $(word sink.out lost) + $(refused) - before))
	expect "$1: at web1, under a stream" "$(counts web1 "$2" packets bytes)" "$sent $((sent * 60))"
	expect "$1: at web3, under a stream" "$(counts web3 "$2" packets bytes)" "$arrived $((arrived * 60))"
	echo "$1: $sent frames counted in $MOVES moves, $arrived arrived"
}

moves_under_stream tc 5600
moves_under_stream xdp 5700
