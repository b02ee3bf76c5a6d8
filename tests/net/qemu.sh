# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# A VM of `type: qemu` is a guest with a kernel of its own: it has the addresses of the lab file, reaches and is
# reached by namespace VMs, runs commands with their input, output and exit status, is started again when it
# was killed, and goes with the lab.
. "$TESTS/lib/net.sh"
. "$TESTS/lib/guest.sh"
need ip "$PYTHON" cmp
need_guest

guest_lab </dev/null

# What is missing is said before anything is made.
sed "s|kernel: .*}|kernel: /nowhere/vmlinuz}|" lab.yaml >missing.yaml
refuse 3 "$DPULAB" check missing.yaml
refuse 1 "$DPULAB" up missing.yaml 2>err
grep -q 'linux-image' err || fail "no package is named: $(cat err)"
[ ! -e "/run/dpulab/$LAB" ] || fail "a lab that was refused has left its folder"

DPULAB_COUNT_OPS=$PWD/ops run "$DPULAB" up lab.yaml
total=$(cat ops)

# Commands: their status, streams and input.
refuse 7 in_guest web1 sh -c 'exit 7'
refuse 127 in_guest web1 no-such-command
refuse 137 in_guest web1 sh -c 'kill -9 $$'
[ "$(in_guest web1 sh -c 'echo out; echo err >&2' 2>/dev/null)" = out ] || fail "standard output is not that of the command"
head -c 300000 /dev/urandom >sent
in_guest web1 cat <sent >got || fail "cat failed"
cmp sent got || fail "input did not come back as it was sent"
refuse 0 in_guest web1 true </dev/zero # who does not read its input ends all the same
[ "$(in_guest web1 uname -r)" != "$(uname -r)" ] || fail "the guest runs this machine's kernel"
expect "the guest's MAC address" "$(in_guest web1 cat /sys/class/net/eth0/address)" "$(mac_of web1)"
expect "the guest's MTU" "$(in_guest web1 cat /sys/class/net/eth0/mtu)" "$(in_node web1 ip -o link show dev eth0 | grep -o 'mtu [0-9]*' | cut -d ' ' -f 2)"

# A command whose caller is killed does not go on.
"$DPULAB" exec "$LAB" web1 -- sleep 1000 &
caller=$!
at_exit "kill -9 $caller"
wait_for 10 in_guest web1 pidof sleep
kill -9 "$caller"
sleeps_no_more() { ! in_guest web1 pidof sleep; }
wait_for 10 sleeps_no_more

reaches_all() {
	local address
	for address in 10.1.0.12 10.1.0.13 2001:db8:1::12 2001:db8:1::13; do
		run in_guest web1 ping -c 1 -W 5 "$address" >ping.out
	done
	run in_node web3 ping -c 1 -W 5 10.1.0.11 >ping.out
	run in_node web2 ping -c 1 -W 5 2001:db8:1::11 >ping.out
}
reaches_all

# Addresses change under the running guest; what cannot boots it anew.
booted() { in_guest web1 cat /proc/sys/kernel/random/boot_id; }
first=$(booted)
sed -i 's|10.1.0.11/24|10.1.0.31/24|' lab.yaml
run "$DPULAB" apply lab.yaml
expect "its boot after a new address" "$(booted)" "$first"
run in_node web3 ping -c 1 -W 5 10.1.0.31 >ping.out
sed -i 's|10.1.0.31/24|10.1.0.11/24|' lab.yaml
run "$DPULAB" apply lab.yaml

# A guest that dies is seen, and up starts it.
qemu() { pgrep -f "qemu-system-x86_64 -name $LAB-web1 "; }
kill -9 "$(qemu)" || fail "no process called $LAB-web1"
dead() { "$DPULAB" ls "$LAB" | grep -q '^web1 .* dead'; }
wait_for 10 dead
refuse 1 in_guest web1 true
run "$DPULAB" up lab.yaml
[ "$(booted)" != "$first" ] || fail "the guest has not been started again"
reaches_all

run "$DPULAB" down "$LAB"
qemu && fail "down has left the guest"
[ ! -e "/run/dpulab/$LAB" ] || fail "down has left the folder"

# Killed while it builds: the next down leaves nothing, the next up a whole lab.
echo "$total operations"
for ((i = 2; i <= 4; i++)); do
	DPULAB_CRASH_AFTER=$((total * i / 5)) "$DPULAB" up lab.yaml 2>/dev/null
	run "$DPULAB" down "$LAB"
	qemu && fail "down after a killed up has left the guest"
	[ ! -e "/run/dpulab/$LAB" ] || fail "down after a killed up has left the folder"
done
DPULAB_CRASH_AFTER=$((total - 5)) "$DPULAB" up lab.yaml 2>/dev/null
run "$DPULAB" up lab.yaml
reaches_all
