#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# run.sh - the fuzz targets: tests/fuzz/run.sh runs [PATTERN] | seconds N [PATTERN]
#
# runs: so many inputs from a fixed seed, the same in every run; what `make check` does. seconds: for so long, each
# target going on from what it has learned before (build/tests/fuzz/corpus); what `make fuzz` does. An input that fails stays
# in build/tests/fuzz/found and, once understood, becomes a file in tests/fuzz/seeds/TARGET. Reports as tests/lib/report.h says.
set -uo pipefail
cd "$(dirname "$0")/../.."
FUZZ=${BUILD:-build}/tests/fuzz
mode=${1:?runs or seconds}
shift
seconds=
[ "$mode" = runs ] || { seconds=${1:?how many seconds} && shift; }
passed=0 failed=0

# TARGET RUNS LONGEST-INPUT SENTENCE
while read -r target runs longest sentence; do
	[[ $target == *"${1:-}"* ]] || continue
	corpus=$FUZZ/corpus/$target # libFuzzer adds to the first folder
	[ -n "$seconds" ] || { corpus=$FUZZ/again/$target && rm -rf "$corpus"; }
	mkdir -p "$FUZZ/found" "$corpus"
	how=("-runs=$runs" -seed=1 "$corpus" "tests/fuzz/seeds/$target")
	[ -z "$seconds" ] || how=("-max_total_time=$seconds" "$corpus" "tests/fuzz/seeds/$target")
	if "$FUZZ/$target" -max_len="$longest" -len_control=0 -timeout=60 -artifact_prefix="$FUZZ/found/$target-" "${how[@]}" \
		>"$FUZZ/$target.log" 2>&1 </dev/null; then
		done=$(grep -o '^Done [0-9]* runs' "$FUZZ/$target.log")
		echo "ok    fuzz: $target: $sentence (${done#Done })"
		passed=$((passed + 1))
	else
		echo "FAIL  fuzz: $target: $sentence"
		grep -v -E '^#[0-9]|# Uses' "$FUZZ/$target.log" | tail -n 40 | sed 's/^/        /'
		failed=$((failed + 1))
	fi
done <<'TARGETS'
frames 800 400 frames in a row leave by one exit each, with the flow cache as without
lab 15000 3000 a lab file is refused with a sentence, or reads back as it was written
import 12000 2000 another firewall's rules are refused with a sentence, or make a policy
words 100000 200 a frame in words is refused with a sentence, or has bytes
TARGETS
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
