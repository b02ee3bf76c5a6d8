# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Failure drills on frame path pmd, where the poll-mode process is what fails: killed with its tables or without, and stopped.
# (tests/lib/drills.sh: the rows.)
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/drills.sh"

cat >rows <<'ROWS'
pmd dpu-crash          all     dpulab 2
pmd dpu-hang           wait    dpulab 0
pmd dpu-reboot         -       -      0
pmd pcie-freeze        -       -      0
pmd table-full         connect any    0
pmd slow-path-overload any     any    0
pmd uplink-down        fabric  itself 0
pmd agent-kill         all     dpulab 0
ROWS

HOOK=xdp
write_drill_lab lab.yaml
run "$DPULAB" up lab.yaml
drill_rows rows
