# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# A new firewall policy under traffic, at the host and at the DPU: established
# connections it denies end, those it allows go on without a gap in the
# connection table, and a policy that says the same changes nothing. fw diff foretells it.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"

rules() { # PORTS: the lab with TCP to these ports allowed
	write_move_lab lab.yaml "$LAB" ''
	sed -i "s/protocol: tcp, port: 5000-5999/protocol: tcp, port: $1/" lab.yaml
}
has() { grep -q "$2" "$1"; }

start_tcp() { # PORT
	in_node web3 python3 "$TESTS/lib/echo.py" server 10.1.0.13 "$1" >"server.$1" 2>&1 &
	wait_for 10 has "server.$1" ready
	in_node web1 python3 "$TESTS/lib/echo.py" client 10.1.0.13 "$1" tcp.stop >"client.$1" 2>&1 &
	CLIENT[$1]=$!
	wait_for 10 has "client.$1" connected
}

connection() { # PORT FIELD: of web1's connection to that port, where the pipeline runs
	"$DPULAB" show -j "$LAB" connections >all.json || fail "show connections"
	json all.json '[c["'"$2"'"] for c in d["connections"] if c["node"] == "'"$NODE"'" and c["vnic"] == "web1" and c["dst_port"] == '"$1"' and c["state"] != "expired"]'
}

foretell() { # STATUS PORTS: fw diff of lab.yaml, and the TCP ports whose connections it says will be cut
	"$DPULAB" fw diff -j "$LAB" lab.yaml >diff.json
	expect "exit status of fw diff" $? "$1"
	expect "what fw diff says will be cut" \
		"$(json diff.json 'sorted({c["dst_port"] for c in d["changes"] if c["effect"] == "cut" and c["proto"] == "tcp"})')" "$2"
}

declare -A CLIENT
rules 5000-5999
run "$DPULAB" up lab.yaml
kept=5101 denied=5102
for NODE in esx1 esx1-dpu esx1-pmd; do
	case $NODE in *-dpu) path=dpu-mux ;; *-pmd) path=pmd ;; *) path=host ;; esac
	rm -f tcp.stop
	sed -i "/^lab:/a placement: $path" lab.yaml
	run "$DPULAB" apply lab.yaml
	start_tcp "$kept"
	start_tcp "$denied"
	created=$(connection "$kept" created_ns)
	generation=$(connection "$kept" policy_gen)

	run "$DPULAB" apply lab.yaml
	expect "generation after the same policy" "$(connection "$kept" policy_gen)" "$generation"

	rules "$kept"
	sed -i "/^lab:/a placement: $path" lab.yaml
	foretell 3 "[$denied]"
	expect "generation after fw diff" "$(connection "$kept" policy_gen)" "$generation"
	run "$DPULAB" apply lab.yaml
	foretell 0 "[]"
	expect "connections the new policy denies" "$(connection "$denied" state)" "[]"
	expect "creation of the one it allows" "$(connection "$kept" created_ns)" "$created"
	[ "$(connection "$kept" policy_gen)" != "$generation" ] || fail "the allowed connection was not judged again"
	touch tcp.stop
	wait "${CLIENT[$kept]}" || fail "the allowed connection broke: $(cat "client.$kept")"
	wait "${CLIENT[$denied]}" && fail "the denied connection went on"
	cat "client.$kept"
	books_balance "$LAB"
	rules 5000-5999
	run "$DPULAB" apply lab.yaml
	kept=$((kept + 100)) denied=$((denied + 100)) # the servers of the denied connections still wait for it
done
