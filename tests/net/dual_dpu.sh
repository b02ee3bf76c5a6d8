# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# A host with two DPUs, active and standby: a planned switch-over keeps connections, and loses nothing on dpu-mux; what was
# chosen stands; a DPU that is gone is left by hand, one whose namespace is gone is repaired. Without a standby uplink nobody
# takes over. (dual_dpu_fail.sh: when the active one fails.)
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/drills.sh"
. "$TESTS/lib/pair.sh"

write_pair_lab lab.yaml ', standby-uplinks: uplink2'
run "$DPULAB" up lab.yaml
serve web2 5500 5500
serve web3 5500 5500

roles_are esx1-dpu esx1-dpu2 standby
expect failover "$(json placement.json "d['placement'][0]['failover']")" "to esx1-dpu2"
lab_works

# ---- planned ------------------------------------------------------------------

switch_over() { # PATH NODE
	watch_flows flows
	run "$DPULAB" place "$LAB" "$1" --dpu "$2"
	watched flows
	grep -q broken flows && fail "$1, $hook: a connection has ended while $2 took over"
	[ "$(grep -c '^tcp.* sent \([0-9]*\) answered \1 ' flows)" = 2 ] || fail "$1, $hook: bytes of a connection are missing"
	[ "$1" != dpu-mux ] || [ "$(grep -c '^udp.* sent \([0-9]*\) answered \1 ' flows)" = 2 ] ||
		fail "$1, $hook: datagrams are lost while $2 takes over"
}

while read -r hook path; do
	run "$DPULAB" place "$LAB" "$path" --hook "$hook"
	picture "$path" >before
	switch_over "$path" esx1-dpu2
	roles_are esx1-dpu2 esx1-dpu standby
	lab_works
	switch_over "$path" esx1-dpu
	lab_as_before "$path, $hook: there and back"
done <<'ROWS'
xdp dpu-upt
xdp dpu-mux
tc  dpu-mux
tc  dpu-upt
ROWS

# ---- no drill, nobody watches: by hand ----------------------------------------

rm -r "/sys/fs/bpf/dpulab/$LAB/esx1-dpu"
expect esx1-dpu "$(role esx1-dpu)" "active gone"
run "$DPULAB" place "$LAB" dpu-mux --dpu esx1-dpu2 >moved 2>&1
grep -q 'could not be asked for its connections (gone)' moved || fail "no word of lost connections: $(cat moved)"
roles_are esx1-dpu2 esx1-dpu standby
lab_works
# what `place --dpu` chose stands, as a placement does
run "$DPULAB" up lab.yaml
roles_are esx1-dpu2 esx1-dpu standby
ip netns del "$LAB-esx1-dpu"
run "$DPULAB" up lab.yaml
roles_are esx1-dpu2 esx1-dpu standby
lab_works
run "$DPULAB" place "$LAB" dpu-mux --dpu esx1-dpu

# ---- an empty standby list ----------------------------------------------------

sed -i 's/standby-uplinks: uplink2/standby-uplinks: []/' lab.yaml
run "$DPULAB" apply lab.yaml
roles_are esx1-dpu esx1-dpu2 spare
expect failover "$(json placement.json "d['placement'][0]['failover']")" "none: no standby uplink"
FAULT_MS=300 drill dpu-mux dpu-crash all dpulab 2
grep -q failed_over drill.json && fail "failed over without a standby: $(cat drill.json)"
roles_are esx1-dpu esx1-dpu2 spare

refuse 1 "$DPULAB" place "$LAB" dpu-mux --dpu esx2-dpu2
sed -i 's/, standby-uplinks: \[\]/, active-uplinks: uplink2/' lab.yaml
refuse 1 "$DPULAB" apply lab.yaml
run "$DPULAB" down "$LAB"
ls /run/netns/"$LAB"-* 2>/dev/null && fail "down has left a namespace"
exit 0
