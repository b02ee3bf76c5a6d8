# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# kill -9 of up, place, apply and down, between the frame paths that a kernel runs (tests/lib/sweeps.sh).
. "$TESTS/lib/net.sh"
. "$TESTS/lib/sweeps.sh"

sweep up start_none "$DPULAB" up lab.yaml
sweep down start_up "$DPULAB" down "$LAB"
sweep place-dpu start_host "$DPULAB" place "$LAB" dpu-mux
sweep place-host start_upt "$DPULAB" place "$LAB" host
sweep place-upt start_up "$DPULAB" place "$LAB" dpu-upt
sweep place-linux start_up "$DPULAB" place "$LAB" linux
start_none
sweep apply start_anew "$DPULAB" apply changed.yaml
swept
