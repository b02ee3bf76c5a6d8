# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Failure drills on frame path bare-metal, where the host itself is the machine whose flows are watched, and its interface a port
# of the DPU that fails. (tests/lib/drills.sh: the rows.)
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/drills.sh"

cat >rows <<'ROWS'
bare-metal dpu-crash          all     dpulab 1
bare-metal dpu-hang           all     dpulab 0
bare-metal dpu-reboot         all     dpulab 1
bare-metal pcie-freeze        all     itself 0
bare-metal table-full         connect any    0
bare-metal slow-path-overload any     any    0
bare-metal uplink-down        fabric  itself 0
bare-metal agent-kill         any     any    0
ROWS

FROM=esx1
ACCEPT="--host esx1"
write_metal_drill_lab lab.yaml
run "$DPULAB" up lab.yaml
drill_rows rows
