# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# handover.sh between host and pmd, at a rate that two poll-mode processes on one CPU carry; the control
# does not move and stays with XDP.
THERE=pmd NODE=esx1-pmd HOOKS=xdp KEYS=', hook: xdp' PACE='2000 100' MOVES=${MOVES:-8}
. "$TESTS/net/handover.sh"
