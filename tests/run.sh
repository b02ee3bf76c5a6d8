#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# run.sh - the one test runner, behind `make check` and `make check-run`.
#
#   tests/run.sh [PART[:PATTERN]]...     PART is unit, check, fuzz, prog, net or vm; default all; net:=NAME is that one alone
#   make check-run PARTS="unit:diag net:vxlan"
#
# Prints one line per test and closes with `N passed, N failed, N skipped`,
# counting each CUnit test, each program case at each hook, each rule and each
# net script. Exit status: 0 nothing failed, 1 something did. A skip carries its reason.
#
# How to add a test (nothing has to be listed anywhere; see docs/testing.md):
#
#   unit   no root. tests/unit/test_X.c: static functions with CU_ASSERT_*, closed
#          by SUITE(X, {"sentence", function}, ...) from tests/lib/suite.h. Linked
#          with user/lib under AddressSanitizer and UBSan. A leak is a failure.
#   check  architecture rules over the source tree: a rule in tests/check/rules.py
#          plus a good and a bad sample under tests/check/samples/RULE/.
#   fuzz   no root. tests/fuzz/X.c: a libFuzzer target, its seeds in tests/fuzz/seeds/X/, its row in
#          tests/fuzz/run.sh. A fixed number of inputs from a fixed seed; `make fuzz` goes on for longer.
#   prog   root. tests/prog/test_X.c: cases as data (tests/lib/prog.h). Every case
#          runs at XDP and at TC by BPF_PROG_TEST_RUN and in the native build
#          under the sanitizers.
#   net    root. tests/net/NAME.sh, one behaviour each, named by what it proves.
#          Run with $DPULAB = the built binary, in a scratch directory of its own.
#          Exit 0: pass; 77: skip, the reason being the last line of stdout;
#          anything else: fail, the output is shown. Source tests/lib/net.sh for
#          lab names and clean-up.
#   vm     the program tests once more in a guest with Debian's oldest kernel
#          (vm-test/README.md); `make vm-test` runs more, on more kernels.
#
# TEST_SKIPS=FILE names net tests not to run: `net:NAME`, a tab, the reason.
# TEST_UNTIL=TIME (seconds since the epoch): net tests that have not begun by then are skipped, and say so.
#
# A net test that fails is run once more, and both runs are shown (docs/decisions/0051); NET_RUNS=1: never.
# What failed, in either run, is said again above the closing line.
set -uo pipefail
cd "$(dirname "$0")/.."

BUILD=${BUILD:-build}
export DPULAB=${DPULAB:-$PWD/$BUILD/dpulab}
export TESTS=$PWD/tests
export NET_TIMEOUT=${NET_TIMEOUT:-300} # seconds one net script may take
NET_RUNS=${NET_RUNS:-2}
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
LOGS=$BUILD/tests/logs
passed=0 failed=0 skipped=0
troubles=()

line() { # RESULT PART NAME [REASON]
	printf '%-5s %s: %s%s\n' "$1" "$2" "$3" "${4:+ ($4)}"
	case $1 in
	ok) passed=$((passed + 1)) ;;
	FAIL) failed=$((failed + 1)) ;;
	skip) skipped=$((skipped + 1)) ;;
	esac
}

# Runs a program that reports as tests/lib/report.h says and adds its closing line to the sums.
reporting() { # PART COMMAND...
	local part=$1 log=$LOGS/$1.log status last
	shift
	"$@" 2>&1 | tee "$log" | sed -u '/^[0-9]* passed, .* skipped$/d'
	status=${PIPESTATUS[0]}
	last=$(tail -n 1 "$log")
	mapfile -t -O ${#troubles[@]} troubles < <(grep '^FAIL' "$log" | cut -c 1-1000)
	if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
		passed=$((passed + BASH_REMATCH[1]))
		failed=$((failed + BASH_REMATCH[2]))
		skipped=$((skipped + BASH_REMATCH[3]))
		[ "$status" = 0 ] || [ "${BASH_REMATCH[2]}" != 0 ] ||
			line FAIL "$part" "ended with status $status after its last test"
	else
		line FAIL "$part" "died with status $status before its closing line"
	fi
}

is_root() { [ "$(id -u)" = 0 ]; }

run_unit() { reporting unit "$BUILD/tests/unit" ${1:+"$1"}; }
run_fuzz() { reporting fuzz bash tests/fuzz/run.sh runs ${1:+"$1"}; }
run_check() { reporting check python3 tests/check/rules.py ${1:+"$1"}; }

run_prog() {
	if is_root; then
		reporting prog "$BUILD/tests/prog" ${1:+"$1"}
	else
		line skip prog "program tests" "needs root: BPF_PROG_TEST_RUN"
	fi
}

# One run of a net script: its exit status, stdout and stderr in FILE and FILE.err.
net_run() { # SCRIPT FILE
	local scratch status
	scratch=$(mktemp -d)
	(cd "$scratch" && timeout -k 30 "$NET_TIMEOUT" bash "$1") >"$2" 2>"$2.err" </dev/null
	status=$?
	rm -rf "$scratch"
	return $status
}

net_failed() { # NAME STATUS LOG RUN: says so, and keeps it for the end
	local what="exit status $2"
	case $2 in 124 | 137) what="took longer than $NET_TIMEOUT s" ;; esac
	line "$([ "$4" -lt "$NET_RUNS" ] && echo again || echo FAIL)" net "$1" "$what, $3"
	tail -n 40 "$3" "$3.err" | sed 's/^/        /'
	troubles+=("net: $1 (run $4, $what): $(cat "$3" "$3.err" | tail -n 6 | cut -c 1-1000)")
}

net_script() { # SCRIPT
	local name log status run since=$SECONDS
	name=$(basename "$1" .sh)
	for run in $(seq "$NET_RUNS"); do
		log=$LOGS/net-$name.log
		[ "$run" = 1 ] || log=$LOGS/net-$name.$run.log
		net_run "$TESTS/net/$name.sh" "$log"
		status=$?
		case $status in
		0) line ok net "$name" "$((SECONDS - since)) s$([ "$run" = 1 ] || echo ", at run $run")" ;;
		77) line skip net "$name" "$(tail -n 1 "$log")" ;;
		*) net_failed "$name" "$status" "$log" "$run" && continue ;;
		esac
		return
	done
}

# Prints why a test is not to be run here; nothing if it is.
skip_reason() { # PART:NAME
	if [ -n "${TEST_UNTIL:-}" ] && [ "$(date +%s)" -ge "$TEST_UNTIL" ]; then
		echo "the time of this run is over: TEST_UNTIL"
		return
	fi
	[ -z "${TEST_SKIPS:-}" ] || awk -F '\t' -v test="$1" '$1 == test { print $2; exit }' "$TEST_SKIPS"
}

run_net() {
	local script name reason scripts=(tests/net/*"${1:-}"*.sh)
	[[ ${1:-} != =* ]] || scripts=("tests/net/${1#=}.sh")
	for script in "${scripts[@]}"; do
		[ -e "$script" ] || continue
		name=$(basename "$script" .sh)
		reason=$(skip_reason "net:$name")
		is_root || reason="needs root: network namespaces"
		if [ -n "$reason" ]; then
			line skip net "$name" "$reason"
		else
			net_script "$script"
		fi
	done
}

run_vm() { reporting vm bash vm-test/run.sh --quick "${1:-6.1}"; }

# Built by root, run by somebody else: logs go elsewhere.
mkdir -p "$LOGS" 2>/dev/null && [ -w "$LOGS" ] || LOGS=$(mktemp -d)
[ $# -gt 0 ] || set -- unit check fuzz prog net vm
for part in "$@"; do
	pattern=
	[[ $part == *:* ]] && pattern=${part#*:}
	case ${part%%:*} in
	unit | check | fuzz | prog | net | vm) "run_${part%%:*}" "$pattern" ;;
	*)
		echo "run.sh: no part '${part%%:*}'; there are unit, check, fuzz, prog, net, vm" >&2
		exit 2
		;;
	esac
done
for trouble in ${troubles[@]+"${troubles[@]}"}; do printf '\nfailed: %s\n' "$trouble"; done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ $((passed + skipped)) -gt 0 ]
