#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The kernel still behaves as the design assumes (vm-test/probe/expected.txt).
exec bash "$TESTS/../vm-test/probe/probe.sh"
