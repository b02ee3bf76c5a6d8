#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Device profiles: listed, shown with unit, source and confidence, checked, calibrated; the user's own come first.
. "$TESTS/lib/net.sh"
need python3

for profile in ideal vsphere8-nsx401 vsphere8u3 bluefield2 bluefield3 pensando palo-alto-ito dash-200g netronome-xdp; do
	run "$DPULAB" profile check "$profile" >/dev/null
	grep -q "\"profile\": \"$profile\"" <<<"$("$DPULAB" profile list -j)" || fail "$profile is not listed"
done

value() { # PROFILE KEY FIELD
	"$DPULAB" profile show "$1" -j | "$PYTHON" -c 'import json,sys
print(next(v[sys.argv[2]] for v in json.load(sys.stdin)["values"] if v["key"] == sys.argv[1]))' "$2" "$3"
}
expect "sessions of palo-alto-ito" "$(value palo-alto-ito flow-table.capacity value)" 500000
expect "its updates" "$(value palo-alto-ito flow-table.insertion-rate value)" 7000
expect "their unit" "$(value palo-alto-ito flow-table.insertion-rate unit)" entries/s
expect "their confidence" "$(value palo-alto-ito flow-table.insertion-rate confidence)" confirmed
grep -q docs.paloaltonetworks.com <<<"$(value palo-alto-ito flow-table.insertion-rate source)" || fail "no source"
expect "what nobody published" "$(value palo-alto-ito functions.qos value)" unknown

# one's own
mkdir own
printf 'profile: ideal\nflow-table: {capacity: {value: 7, source: mine, confidence: estimate}}\n' >own/ideal.yaml
printf 'profile: mine\nflow-table: {capacity: {value: 7}}\n' >own/mine.yaml
expect "one's own ideal" "$(DPULAB_PROFILES=own value ideal flow-table.capacity value)" 7
DPULAB_PROFILES=own refuse 3 "$DPULAB" profile check mine
refuse 3 "$DPULAB" profile check own/mine.yaml
refuse 1 "$DPULAB" profile check no-such
refuse 2 "$DPULAB" profile check
refuse 2 "$DPULAB" profile nonsense
"$DPULAB" profile check --schema | "$PYTHON" -m json.tool >/dev/null || fail "the schema is no JSON"

# calibration
printf 'software-ns,100,240\nsoftware-ns,300,720\ninsertions,50000,9900\ninsertions,90000,10100\n' >figures.csv
run "$DPULAB" profile calibrate figures.csv --name measured --base vsphere8u3
run "$DPULAB" profile check measured.yaml
expect "its slowdown" "$(value ./measured.yaml arm.slowdown value)" 2.4
expect "its insertion rate" "$(value ./measured.yaml flow-table.insertion-rate value)" 10000
expect "how far to trust it" "$(value ./measured.yaml flow-table.insertion-rate confidence)" calibrated
expect "the rest is the base's" "$(value ./measured.yaml functions.qos value)" no
refuse 1 "$DPULAB" profile calibrate figures.csv --name measured
printf 'insertions,100,100\n' >short.csv
refuse 1 "$DPULAB" profile calibrate short.csv --name short
refuse 2 "$DPULAB" profile calibrate figures.csv --name "No Name"
