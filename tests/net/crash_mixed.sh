# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# kill -9 of place, to and from mixed placements and the poll-mode process (tests/lib/sweeps.sh).
. "$TESTS/lib/net.sh"
. "$TESTS/lib/sweeps.sh"

sweep place-split start_host "$DPULAB" place "$LAB" dfw=host dvs=dpu vxlan=dpu
sweep leave-split start_split "$DPULAB" place "$LAB" host
sweep place-gateway start_host "$DPULAB" place "$LAB" dfw=host dvs=host vxlan=dpu
sweep leave-gateway start_gateway "$DPULAB" place "$LAB" host
sweep place-pmd start_no_pmd "$DPULAB" place "$LAB" pmd
sweep leave-pmd start_pmd "$DPULAB" place "$LAB" dpu-mux
swept
