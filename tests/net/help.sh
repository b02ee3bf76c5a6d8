#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Help, manual page and completion name the same verbs and options; a verb that is
# not built says so and exits 2.
. "$TESTS/lib/net.sh"

contract="demo up down ls apply exec place move drill agent load unload show fw intercept verify plan trace bench report profile check"

"$DPULAB" man | diff - "$TESTS/../docs/man/dpulab.8" || fail "docs/man/dpulab.8 is stale: make man"
help=$("$DPULAB" -h) || fail "-h exits $?"
built=$("$DPULAB" complete verbs) || fail "complete verbs exits $?"
for verb in $contract; do
	grep -q "^  $verb " <<<"$help" || fail "$verb is not in the help"
	grep -qE "^\.SS dpulab $verb( |\$)" "$TESTS/../docs/man/dpulab.8" || fail "$verb is not in the manual page"
	"$DPULAB" "$verb" -h >/dev/null || fail "$verb -h exits $?"
	if grep -qx "$verb" <<<"$built"; then
		completed=$("$DPULAB" complete options "$verb")
		for option in $("$DPULAB" "$verb" -h | grep -oE -- '--[a-z-]+' | sort -u); do
			grep -qx -- "$option" <<<"$completed" ||
				fail "$verb $option is not completed"
		done
	else
		out=$("$DPULAB" "$verb" x 2>&1)
		[ $? = 2 ] || fail "$verb is not built and does not exit 2"
		grep -q "not built yet" <<<"$out" || fail "$verb does not say that it is not built: $out"
	fi
done
wide=$({ echo "$help"; for verb in $contract; do "$DPULAB" help "$verb"; done; } | awk 'length > 80')
[ -z "$wide" ] || fail "help is wider than 80 columns: $wide"
diff <("$DPULAB" help) <(echo "$help") || fail "help and -h differ"
diff <("$DPULAB" help fw explain) <("$DPULAB" fw -h) || fail "help fw explain and fw -h differ"
diff <("$DPULAB" help drill) <("$DPULAB" drill -h) || fail "help drill and drill -h differ"
grep -q "^  dpu-crash  *[a-zA-Z]" <("$DPULAB" help drill) || fail "help drill does not say what dpu-crash is"

# What may stand next comes from the table of verbs.
write_lab <<'YAML'
lab: x
hosts: {h1: {dpu: true}, h2: {}}
port-groups: {g: {vni: 7}}
vms: {a: {host: h1, port-group: g, ip: 10.1.0.11/24}}
YAML
"$DPULAB" up -q lab.yaml >/dev/null || fail "up"
. "$TESTS/../user/completion/dpulab.bash"
completes() { # EXPECTED WORDS...: the last of them is being written
	local expected=$1
	shift
	COMP_WORDS=("$DPULAB" "$@")
	COMP_CWORD=$#
	_dpulab
	expect "completion of $*" "$(printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort | tr '\n' ' ')" "$expected "
}
completes "up" up
completes "place plan" pl
completes "$LAB" down "$LAB"
completes "ports" show "$LAB" po
completes "link" show -j "$LAB" --host h1 li
completes "h1 h2" show "$LAB" ports --host ""
completes "--compiled" show "$LAB" rules --co
completes "dpu-mux dpu-upt dpu-vxlan" place "$LAB" dpu-
completes "a" move "$LAB" ""
completes "h1 h2" move "$LAB" a ""
completes "pcie-freeze" drill "$LAB" pc
completes "a" exec "$LAB" a
completes "h1 h1-dpu h2" exec "$LAB" h
completes "delete diff" fw d
completes "iptables" fw import i
completes "in out" intercept insert "$LAB" a ""
completes "lab.yaml" up l
completes "auto tc xdp" place "$LAB" host --hook ""
completes "lo" load lo
completes "help" hel

"$DPULAB" help nonsense >/dev/null 2>&1
[ $? = 2 ] || fail "help of an unknown verb does not exit 2"
for words in "show $LAB ports --host h9" "place $LAB host --host h9" "drill $LAB uplink-down --host h9" "move $LAB a h9" "move $LAB z h2" \
	"plan $LAB --profile ideal --host h9"; do
	# shellcheck disable=SC2086
	"$DPULAB" $words >out 2>err
	expect "exit code of $words" $? 1
	grep -q "lab $LAB has no .*[hz]" err || fail "dpulab $words does not say what the lab has not: $(cat err)"
	[ ! -s out ] || fail "dpulab $words prints a result: $(cat out)"
done
for words in "fw chek|has no 'chek'" "fw|takes one of check" "show $LAB port|it knows ports," "drill $LAB crash|it knows dpu-crash," \
	"place $LAB nowhere|it knows linux,"; do
	# shellcheck disable=SC2086
	grep -qF "${words#*|}" <("$DPULAB" ${words%|*} 2>&1) || fail "dpulab ${words%|*} does not say: ${words#*|}"
done
"$DPULAB" nonsense >/dev/null 2>&1
[ $? = 2 ] || fail "an unknown verb does not exit 2"
"$DPULAB" -j nonsense >/dev/null 2>&1
[ $? = 2 ] || fail "an option before the verb does not exit 2"
