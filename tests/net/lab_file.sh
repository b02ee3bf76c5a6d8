# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A wrong lab file is refused with every error's place, line, caret and hint, in
# text and in JSON, and nothing is built; a right one is said to be right.
. "$TESTS/lib/net.sh"

cat >wrong.yaml <<YAML
lab: $LAB
hosts:
  esx1: {placement: dpu-mx}
port-groups:
  web: {vni: 5001}
vms:
  web1: {host: esx1, port-group: wbe, ip: 10.1.0.11/24}
YAML

cat >expected <<'TEXT'
wrong.yaml:3:21: error: hosts.esx1.placement: expected one of linux, host, pmd, sriov, dpu-mux, dpu-upt, bare-metal, host-dfw, dpu-vxlan, found 'dpu-mx'
    esx1: {placement: dpu-mx}
                      ^
  did you mean 'dpu-mux'?
wrong.yaml:7:34: error: vms.web1.port-group: expected the name of a port group, found 'wbe'
    web1: {host: esx1, port-group: wbe, ip: 10.1.0.11/24}
                                   ^
  did you mean 'web'?
TEXT

refuse 3 "$DPULAB" check wrong.yaml >printed 2>&1
sed -i 1d printed # the command
diff expected printed || fail "the errors are not shown as expected"

refuse 3 "$DPULAB" check -j wrong.yaml >json
sed -i 1d json
python3 - <<'PYTHON' || fail "the JSON form lacks a place"
import json
errors = json.load(open("json"))["messages"]
assert [(e["file"], e["line"], e["column"]) for e in errors] == [("wrong.yaml", 3, 21), ("wrong.yaml", 7, 34)], errors
assert all(e["hint"] for e in errors), errors
PYTHON

refuse 1 "$DPULAB" up wrong.yaml >printed 2>&1
grep -q '^wrong.yaml:3:21: ' printed || fail "up does not show the place"
[ -z "$(ls /run/netns | grep "^$LAB-")" ] || fail "up of a wrong file built something"

sed 's/dpu-mx/host/; s/wbe/web/' wrong.yaml >right.yaml
run "$DPULAB" check right.yaml

# The schema for editors is JSON, alone on standard output, with and without -j.
for form in "" -j; do
	"$DPULAB" check $form --schema | python3 -c 'import json, sys; assert "vms" in json.load(sys.stdin)["properties"]' ||
		fail "check $form --schema prints no JSON Schema"
done
