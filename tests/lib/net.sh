# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# net.sh - what net tests share. Source it first ($TESTS comes from run.sh):
#
#   . "$TESTS/lib/net.sh"
#   write_lab <<'YAML'                      # lab.yaml in the scratch directory, its name set to $LAB
#   ...
#   YAML
#   run "$DPULAB" up lab.yaml
#   in_node web1 ping -c 1 10.1.0.2
#
# Lab names are unique per test process (LAB_PREFIX + pid), so that tests can run
# beside each other and beside a user's labs. Everything registered with
# at_exit runs in reverse order however the script ends; `down` of $LAB and the
# removal of LAB-* namespaces are always registered.
set -uo pipefail

: "${DPULAB:?path of the dpulab binary}"
LAB=${LAB_PREFIX:-nt}$$
PYTHON=${PYTHON:-/usr/bin/python3} # Debian's: the one python3-scapy is installed for
cleanups=()

at_exit() { cleanups+=("$*"); }

run_cleanups() {
	local status=$? i
	trap - EXIT
	for ((i = ${#cleanups[@]} - 1; i >= 0; i--)); do
		eval "${cleanups[i]}" >/dev/null 2>&1
	done
	exit "$status"
}
trap run_cleanups EXIT
trap 'exit 143' TERM INT HUP

remove_lab() { # NAME
	local ns
	"$DPULAB" down "$1"
	for ns in /run/netns/"$1"-*; do
		[ -e "$ns" ] && ip netns del "${ns##*/}"
	done
}
at_exit "remove_lab $LAB"

fail() {
	echo "FAIL: $*"
	exit 1
}

skip() {
	echo "$*"
	exit 77
}

# run CMD...: prints the command; a non-zero status fails the test.
run() {
	echo "+ $*"
	"$@" || fail "exit status $? from: $*"
}

# refuse STATUS CMD...: the command must end with that status.
refuse() {
	local want=$1 got
	shift
	echo "+ $* (must end with $want)"
	"$@"
	got=$?
	[ "$got" = "$want" ] || fail "exit status $got instead of $want from: $*"
}

# expect WHAT GOT WANT: equality with a readable message.
expect() { [ "$2" = "$3" ] || fail "$1: got '$2', expected '$3'"; }

# An emulated CPU (vm-test/): what happens is tested, how long it takes or how often is not.
emulated() { [ -n "${DPULAB_VM_TEST:-}" ]; }

# wait_for SECONDS CMD...: until the command succeeds; condition, not time.
wait_for() {
	local until=$((SECONDS + $1)) what=${*:2}
	emulated && until=$((SECONDS + $1 * 10))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$until" ] || fail "not within the time: $what"
		sleep 0.05
	done
}

# Is the process gone, or a zombie? Its files go before it does, and take a while.
ended() { [[ $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) != [!ZX]* ]]; }

kernel_at_least() { [ "$(printf '%s\n' "$1" "$(uname -r)" | sort -V | head -n 1)" = "$1" ]; }

# Has the kernel 802.1Q devices? Without them path linux cannot put a VLAN on the wire, and says so.
vlan_devices() {
	unshare --net sh -c 'ip link add dev one type veth peer name two && ip link add link one name tag type vlan id 2' \
		>/dev/null 2>&1
}

need() { # CMD...: skip unless each is installed
	local c
	for c in "$@"; do
		command -v "$c" >/dev/null || skip "needs the command $c"
	done
}

node() { echo "$LAB-$1"; }
in_node() { # NODE CMD...: in the node's network namespace; bpffs and /sys stay the caller's
	local ns=/run/netns/$LAB-$1
	shift
	nsenter --net="$ns" -- "$@"
}

# Lab file from stdin; the line `lab: ...` is replaced by the test's own lab name.
write_lab() { sed "s/^lab:.*/lab: $LAB/" >"${1:-lab.yaml}"; }

# The lab of most tests: two hosts with a DPU each, one VXLAN segment, both families; va and vb are at ha, vc is at hb.
# Stdin: the rest of the file, its firewall above all.
red_lab() { # PATH HOOK
	write_lab <<-YAML
		lab: x
		placement: $1
		hook: $2
		hosts:
		  ha: {dpu: true}
		  hb: {dpu: true}
		port-groups:
		  red: {vni: 5001}
		vms:
		  va: {host: ha, port-group: red, ip: [10.1.0.1/24, "2001:db8:1::1/64"]}
		  vb: {host: ha, port-group: red, ip: [10.1.0.2/24, "2001:db8:1::2/64"]}
		  vc: {host: hb, port-group: red, ip: [10.1.0.3/24, "2001:db8:1::3/64"]}
		$(cat)
	YAML
}

# Brings the lab file up from nothing (or says why it cannot be).
fresh_lab() { # [FILE]
	"$DPULAB" down "$LAB" >/dev/null 2>&1
	run "$DPULAB" up "${1:-lab.yaml}"
}

probe() { # NODE WORDS...: tests/lib/probe.py in that node
	in_node "$1" "$PYTHON" "$TESTS/lib/probe.py" "${@:2}"
}

# serve NODE TCP_PORTS UDP_PORTS: echo servers in a node, until the script ends or unserve.
servers=()
serve() {
	local ready=$PWD/ready.$1
	rm -f "$ready"
	# nsenter becomes the server: it is what is killed
	nsenter --net="/run/netns/$LAB-$1" -- \
		"$PYTHON" "$TESTS/lib/probe.py" serve "$ready" "$2" "$3" >/dev/null 2>&1 &
	servers+=($!)
	wait_for 10 test -e "$ready"
}
unserve() {
	[ ${#servers[@]} = 0 ] || kill "${servers[@]}"
	wait "${servers[@]}"
	servers=()
} 2>/dev/null
at_exit unserve

# hear NODE...: start counting made-up frames at each VM's eth0. stop_hearing, then heard NODE TAG: how many.
ear=
hear() {
	rm -f heard heard.on
	"$PYTHON" "$TESTS/lib/probe.py" hear "$PWD/heard" "${@/#/$LAB-}" >/dev/null 2>&1 &
	ear=$!
	wait_for 5 test -e heard.on
}
stop_hearing() {
	[ -z "$ear" ] || kill "$ear"
	wait "$ear"
	ear=
} 2>/dev/null
heard() { awk -v node="$LAB-$1" -v tag="$2" '$1 == node && $2 == tag { n = $3 } END { print n + 0 }' heard; }
at_exit stop_hearing

mac_of() { # NODE: of its eth0
	in_node "$1" ip -o link show dev eth0 | grep -o 'link/ether [^ ]*' | cut -d ' ' -f 2
}

# Transmit offloads of a device: all on, all off, or one feature. GRO stays: XDP needs it.
offload() { # NODE DEV on|off
	in_node "$1" ethtool -K "$2" tx "$3" sg "$3" tso "$3" gso "$3" >/dev/null 2>&1
	return 0
}
