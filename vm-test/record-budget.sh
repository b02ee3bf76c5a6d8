#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# record-budget.sh - writes the rows of the kernels in kernels.list into
# tests/prog/budget.txt, as `make budget` does for the kernel it runs on.
set -euo pipefail
cd "$(dirname "$0")/.."
FILE=tests/prog/budget.txt
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT

bash vm-test/run.sh -- bash -c "BUDGET_UPDATE=1 build/tests/prog budget >/dev/null; cat $FILE" |
	sed -n 's/^\([0-9.]*\): \(dpulab_[a-z:]* \)\1 \([0-9]*\)$/\2\1 \3/p' >"$rows"
[ -s "$rows" ] || { echo "record-budget.sh: no guest gave a row" >&2; exit 1; }
awk 'NR == FNR { print; fresh[$1, $2]; next }
	/^#/ { next }
	!(($1, $2) in fresh)' "$rows" "$FILE" | sort -k 2,2V -k 1,1 >"$rows.all"
{
	grep '^#' "$FILE"
	cat "$rows.all"
} >"$FILE.new"
rm -f "$rows.all"
mv "$FILE.new" "$FILE"
cat "$FILE"
