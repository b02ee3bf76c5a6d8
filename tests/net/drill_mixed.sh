# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Failure drills on mixed placements: a DPU that fails takes no connection along, because they are with the firewalls on
# the host; where the switch is on the host, too, flows between its VMs do not notice. (tests/lib/drills.sh: the rows.)
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/drills.sh"

cat >rows <<'ROWS'
host-dfw dpu-crash          all     dpulab 0
host-dfw dpu-hang           all     dpulab 0
host-dfw dpu-reboot         all     dpulab 0
host-dfw pcie-freeze        all     itself 0
host-dfw table-full         connect any    0
host-dfw slow-path-overload any     any    0
host-dfw uplink-down        fabric  itself 0
host-dfw agent-kill         any     any    0
dpu-vxlan dpu-crash          fabric  dpulab 0
dpu-vxlan dpu-hang           fabric  dpulab 0
dpu-vxlan dpu-reboot         fabric  dpulab 0
dpu-vxlan pcie-freeze        fabric  itself 0
dpu-vxlan table-full         connect any    0
dpu-vxlan slow-path-overload any     any    0
dpu-vxlan uplink-down        fabric  itself 0
dpu-vxlan agent-kill         any     any    0
ROWS

write_drill_lab lab.yaml
run "$DPULAB" up lab.yaml
drill_rows rows
