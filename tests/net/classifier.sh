#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The datapath's search, in the kernel, against a linear one: every shape, family and size, before and
# after a thousand changes. `make check-classifier` asks ten million headers.
exec "$TESTS/../build/classify/classify" check 20000
