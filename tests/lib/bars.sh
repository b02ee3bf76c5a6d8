# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# bars.sh - two labs that differ in one thing alone, in turn, and what that thing costs. Source it from the project's root, with LAB_PREFIX
# set: it goes to a folder of its own, and $LAB and $PLAIN are the labs. Ends with `exit $result`.
export DPULAB=${DPULAB:-$PWD/build/dpulab} TESTS=$PWD/tests LAB_PREFIX
TOOLS=$PWD/build/tests/net
cd "$(mktemp -d)" || exit 1
. "$TESTS/lib/net.sh"
at_exit "rm -r $PWD"
PLAIN=${LAB}p
at_exit "remove_lab $PLAIN"
result=0

# bar NAME BOUND most|least: of the numbers in `pairs`, the median and the interval around it that holds it with 95 % (by order
# statistics). `BAR name value low high bound ok|short`; result is 3 once one is short.
bar() {
	"$PYTHON" - "$@" <<'PY' || result=3
import math, sys
name, bound, most = sys.argv[1], float(sys.argv[2]), sys.argv[3] == "most"
values = sorted(map(float, open("pairs")))
n = len(values)
# ranks of a binomial interval around the median
rank, tail = 0, 0.0
while tail + math.comb(n, rank) / 2 ** n <= 0.025:
    tail += math.comb(n, rank) / 2 ** n
    rank += 1
low, high = values[max(rank - 1, 0)], values[min(n - rank, n - 1)]
median = (values[n // 2] + values[(n - 1) // 2]) / 2
ok = high <= bound if most else low >= bound
print("BAR %s %.3f %.3f %.3f %.2f %s" % (name, median, low, high, bound, "ok" if ok else "short"))
sys.exit(not ok)
PY
}

echo "kernel $(uname -r), $(nproc) CPUs, load $(cut -d ' ' -f 1 /proc/loadavg)"
