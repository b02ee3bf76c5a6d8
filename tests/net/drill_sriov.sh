# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Failure drills on frame path sriov, where a NIC's embedded switch is what fails: it keeps no connections, so none ends. (tests/lib/drills.sh: the rows.)
. "$TESTS/lib/net.sh"
. "$TESTS/lib/moves.sh"
. "$TESTS/lib/drills.sh"

cat >rows <<'ROWS'
sriov dpu-crash          all     dpulab 0
sriov dpu-hang           all     dpulab 0
sriov dpu-reboot         all     dpulab 0
sriov pcie-freeze        all     itself 0
sriov table-full         -       -      0
sriov slow-path-overload -       -      0
sriov uplink-down        fabric  itself 0
sriov agent-kill         any     any    0
ROWS

ACCEPT=--accept-loss
# virtual functions of two hosts meet by the wire, if their group is a VLAN
write_sriov_drill_lab lab.yaml
run "$DPULAB" up lab.yaml
drill_rows rows
