# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Failure drills on the frame paths that run on the host: what is hit is silent, the rest loses nothing, and the lab is
# as it was. The DPU stands by there, so no flow may notice what happens to it. (tests/lib/drills.sh: the rows.)
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/drills.sh"

cat >rows <<'ROWS'
linux   dpu-crash          -       -      0
linux   dpu-hang           -       -      0
linux   dpu-reboot         -       -      0
linux   pcie-freeze        -       -      0
linux   table-full         -       -      0
linux   slow-path-overload -       -      0
linux   uplink-down        fabric  itself 0
linux   agent-kill         any     any    0
host    dpu-crash          none    -      0
host    dpu-hang           none    -      0
host    dpu-reboot         none    -      0
host    pcie-freeze        none    -      0
host    table-full         connect any    0
host    slow-path-overload any     any    0
host    uplink-down        fabric  itself 0
host    agent-kill         any     any    0
ROWS

write_drill_lab lab.yaml
run "$DPULAB" up lab.yaml
drill_rows rows
