# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# sweeps.sh - kill -9 of a command after an operation that changes the kernel (DPULAB_CRASH_AFTER counts them), and at
# random moments: the next command repairs or removes everything, another lab's traffic is not disturbed, and the
# machine's settings are as before. Source it after net.sh, call sweep for each command, then swept.
#
# Looks at a sample of the operations; DPULAB_SWEEP=full: at every one, and 50 moments of each command.
# DPULAB_SWEEP_OF=GLOB: only at the sweeps so named ("place-*"). A smaller sample on emulated CPUs.
need ip ping nsenter flock timeout

SAMPLES=4 RANDOM_MOMENTS=4
emulated && SAMPLES=2 RANDOM_MOMENTS=2
[ "${DPULAB_SWEEP:-}" != full ] || SAMPLES=100000 RANDOM_MOMENTS=50

write_lab <<'YAML'
lab: x
placement: dpu-mux
hook: xdp
hosts:
  h1: {dpu: true, cpus: 0, dpu-cpus: 1}
  h2: {dpu: true}
port-groups: {g: {vni: 7}}
vms:
  a: {host: h1, port-group: g, ip: [10.1.0.11/24, "2001:db8:1::11/64"]}
  c: {host: h2, port-group: g, ip: [10.1.0.13/24, "2001:db8:1::13/64"]}
firewall: {default: allow}
YAML
sed 's/  c:.*/  d: {host: h2, port-group: g, ip: 10.1.0.13\/24}/; s/{default: allow}/{default: allow, rules: [{protocol: tcp, action: drop}]}/' lab.yaml >changed.yaml

# ---- what must hold ----------------------------------------------------------

reaches() { nsenter --net="/run/netns/$1-a" -- ping -q -c 1 -W 2 10.1.0.13 >/dev/null; } # LAB
# Who waits for the answer may be kept waiting for a CPU: one ping is no proof.
works() {
	echo "$1: a reaches c?"
	wait_for 10 reaches "$LAB"
}

settings_restored() { # under the lock nobody is in a hurry
	flock /run/dpulab/.hurry sh -c '[ ! -e /run/dpulab/.rcu_expedited ] && [ "$(cat /sys/kernel/rcu_expedited)" = '"$rcu"' ]' ||
		fail "$1: rcu_expedited is $(cat /sys/kernel/rcu_expedited), was $rcu"
}

no_processes() { # in a namespace that has no name any more; supervisors, in ours, end with their workers
	local pid
	for pid in $(pgrep -x dpulab-pmd); do
		[ "/proc/$pid/exe" -ef "$DPULAB" ] || continue # another lab's, of another dpulab
		[ ! -e "/proc/$pid/ns/net" ] || [ "/proc/$pid/ns/net" -ef /proc/self/ns/net ] || stat -Lc %i /run/netns/* | grep -qx "$(stat -Lc %i "/proc/$pid/ns/net")" ||
			return 1
	done
}
nothing_left() {
	local left
	left=$(ls /run/netns | grep "^$LAB-")
	[ -z "$left" ] || fail "$1: namespaces left: $left"
	for left in "/run/dpulab/$LAB" "/sys/fs/bpf/dpulab/$LAB"; do
		[ ! -e "$left" ] || fail "$1: $left is left: $(ls -R "$left")"
	done
	# a poll-mode process that was started just before its lab went notices within a fraction of a second
	wait_for 10 no_processes
}

# ---- the sweep ---------------------------------------------------------------

quietly() { "$@" >log 2>&1 || fail "$* ended with $?: $(cat log)"; }
start_up() { # as the file says: up leaves a running lab where place has put it
	quietly "$DPULAB" up lab.yaml
	quietly "$DPULAB" place "$LAB" dpu-mux
}
start_host() {
	quietly "$DPULAB" up lab.yaml
	quietly "$DPULAB" place "$LAB" host
}
start_no_pmd() { # its tables stay when a host moves away, and another move has less to do: linux takes them
	quietly "$DPULAB" up lab.yaml
	quietly "$DPULAB" place "$LAB" linux
	quietly "$DPULAB" place "$LAB" host
}
start_none() { quietly "$DPULAB" down "$LAB"; }
start_anew() {
	quietly "$DPULAB" down "$LAB"
	quietly "$DPULAB" up lab.yaml
}
start_upt() {
	quietly "$DPULAB" up lab.yaml
	quietly "$DPULAB" place "$LAB" dpu-upt
}

start_split() {
	quietly "$DPULAB" up lab.yaml
	quietly "$DPULAB" place "$LAB" host-dfw
}

start_gateway() {
	quietly "$DPULAB" up lab.yaml
	quietly "$DPULAB" place "$LAB" dpu-vxlan
}

start_pmd() {
	quietly "$DPULAB" up lab.yaml
	quietly "$DPULAB" place "$LAB" pmd
}

killed() { # STATUS WHAT: of a command that was to be killed
	case $1 in
	137) ;;
	0) unhurt=$((unhurt + 1)) ;; # a move has as many operations as entries to copy
	*) fail "$2, to be killed, failed: $(cat log)" ;;
	esac
}

crash_after() { # OPERATION COMMAND...
	(
		export DPULAB_CRASH_AFTER=$1
		exec "${@:2}" >log 2>&1
	)
	killed $? "${*:2} after operation $1"
}

# A command that is not done after so long is killed.
crash_at() { # SECONDS COMMAND...
	timeout -s KILL "$1" "${@:2}" >log 2>&1
	killed $? "${*:2} after $1 s"
}

# The next command, in turn down, up (apply: the same) or the same again, removes or repairs everything.
recover() { # WHERE COMMAND...
	local where=$1
	shift
	case $((turn++ % 3)) in
	0)
		start_none
		nothing_left "$where, down"
		;;
	1)
		[ "$name" = apply ] || quietly "$DPULAB" up lab.yaml
		[ "$name" != apply ] || quietly "$@"
		works "$where, repaired"
		;;
	2)
		quietly "$@"
		[ "$name" = down ] || works "$where, again"
		;;
	esac
	settings_restored "$where"
}

ms_now() { echo $(($(date +%s%N) / 1000000)); }

# sweep NAME START COMMAND...: kills COMMAND after its operations, and at random moments.
sweep() {
	local name=$1 start=$2 turn=0 count step at took i
	shift 2
	# shellcheck disable=SC2053
	[[ $name == ${DPULAB_SWEEP_OF:-*} ]] || return 0
	$start
	rm -f ops
	took=$(ms_now)
	DPULAB_COUNT_OPS=$PWD/ops quietly "$@"
	took=$(($(ms_now) - took))
	count=$(cat ops)
	step=$(((count + SAMPLES - 1) / SAMPLES))
	unhurt=0
	for ((at = 1 + count % step; at <= count; at += step)); do
		$start
		crash_after "$at" "$@" 2>/dev/null # bash tells of every kill
		recover "$name, operation $at" "$@"
	done
	[ $((unhurt * 5)) -le "$turn" ] || fail "$name: $unhurt of $turn were not killed"
	echo "$name: killed after every ${step}th of $count operations, $unhurt of $turn were done before"
	for ((i = 0; i < RANDOM_MOMENTS; )); do
		unhurt=0
		$start
		at=$(printf '0.%06d' $((1 + (RANDOM * 32768 + RANDOM) % (took * 1000))))
		crash_at "$at" "$@" 2>/dev/null
		recover "$name, after $at s" "$@"
		i=$((i + 1 - unhurt)) # only kills count; it may be faster now than when it was timed
		took=$((took - unhurt * (took + 9) / 10))
		[ "$took" -gt 0 ] || fail "$name: is always done before it is killed"
	done
	echo "$name: killed at $RANDOM_MOMENTS random moments of $took ms"
}

# ---- another lab, whose traffic goes on --------------------------------------

mkdir -p /run/dpulab
rcu=$(flock /run/dpulab/.hurry cat /sys/kernel/rcu_expedited)
OTHER=${LAB}w
at_exit "remove_lab $OTHER"
sed "s/^lab:.*/lab: $OTHER/" lab.yaml >other.yaml
run "$DPULAB" up other.yaml
wait_for 10 reaches "$OTHER"
nsenter --net="/run/netns/$OTHER-a" -- ping -i 0.02 10.1.0.13 >pings 2>&1 &
ping_pid=$!
at_exit "kill -INT $ping_pid"

# ---- the end ------------------------------------------------------------------

swept() {
	start_none
	nothing_left "at the end"

	kill -INT "$ping_pid"
	wait "$ping_pid"
	tail -n 3 pings
	# whatever was sent after the last answer may still be on its way
	awk -F'icmp_seq=' 'NF > 1 { sub(/ .*/, "", $2); if (!seen[$2]++) { n++; if ($2 + 0 > last) last = $2 + 0 } }
		END { printf "%d of %d answered\n", n, last; exit !(n > 100 && n == last) }' pings ||
		fail "the other lab lost frames"
}
