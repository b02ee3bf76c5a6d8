# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Tests and benchmarks. Suites are found by wildcard; nothing is listed twice.
SAN	:= -fsanitize=address,undefined -fno-omit-frame-pointer

check-run: all
	@bash tests/run.sh
