# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Failure drills on frame path dpu-mux: what is hit is silent, who should brings it back, and the lab is as it was. A crashed DPU
# takes its connections along. (tests/lib/drills.sh: the rows.)
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/drills.sh"

cat >rows <<'ROWS'
dpu-mux dpu-crash          all     dpulab 2
dpu-mux dpu-hang           all     dpulab 0
dpu-mux dpu-reboot         all     dpulab 2
dpu-mux pcie-freeze        all     itself 0
dpu-mux table-full         connect any    0
dpu-mux slow-path-overload any     any    0
dpu-mux uplink-down        fabric  itself 0
dpu-mux agent-kill         any     any    0
ROWS

write_drill_lab lab.yaml
run "$DPULAB" up lab.yaml
drill_rows rows
