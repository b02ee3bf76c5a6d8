# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Failure drills on frame path dpu-upt, where the vNICs themselves are in the DPU that fails. (tests/lib/drills.sh: the rows.)
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/drills.sh"

cat >rows <<'ROWS'
dpu-upt dpu-crash          all     dpulab 2
dpu-upt dpu-hang           all     dpulab 0
dpu-upt dpu-reboot         all     dpulab 2
dpu-upt pcie-freeze        all     itself 0
dpu-upt table-full         connect any    0
dpu-upt slow-path-overload any     any    0
dpu-upt uplink-down        fabric  itself 0
dpu-upt agent-kill         any     any    0
ROWS

write_drill_lab lab.yaml
run "$DPULAB" up lab.yaml
drill_rows rows
