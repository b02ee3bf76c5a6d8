#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A machine that is not able: one sentence that says what to do, exit code 1, nothing left behind.
# What is missing is hidden in a mount namespace of the test's own.
. "$TESTS/lib/net.sh"
need ip unshare setpriv ping

write_lab <<'YAML'
lab: x
hosts: {h1: {}}
port-groups: {g: {vni: 7}}
vms:
  a: {host: h1, port-group: g, ip: 10.1.0.11/24}
  b: {host: h1, port-group: g, ip: 10.1.0.12/24}
firewall: {default: allow}
YAML

# says TEXT CMD...: ends with 1, names the trouble and the way out in two lines, leaves nothing
says() {
	local text=$1 got
	shift
	"$@" >out 2>err
	got=$?
	cat out err
	expect "exit code of $*" "$got" 1
	[ ! -s out ] || fail "an error on standard output"
	grep -q "^dpulab: error: .*$text" err || fail "does not say: $text"
	expect "lines of the message" "$(wc -l <err)" 2
	[ ! -e "/run/dpulab/$LAB" ] || fail "left /run/dpulab/$LAB"
	[ ! -e "/sys/fs/bpf/dpulab/$LAB" ] || fail "left pins"
	[ -z "$(ls /run/netns | grep "^$LAB-")" ] || fail "left namespaces"
}

hidden() { # PATH CMD...: with an empty folder over PATH
	unshare -m sh -c 'mount -t tmpfs none "$1" && shift && exec "$@"' sh "$@"
}

# The binary and the lab may lie where only root may go.
cp "$DPULAB" /tmp/dpulab-$$ && cp lab.yaml /tmp/dpulab-$$.yaml
at_exit "rm -f /tmp/dpulab-$$ /tmp/dpulab-$$.yaml"
chmod 755 /tmp/dpulab-$$
chmod 644 /tmp/dpulab-$$.yaml
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups /tmp/dpulab-$$ "$@"; }

for verb in "up /tmp/dpulab-$$.yaml" "down $LAB" "apply /tmp/dpulab-$$.yaml" "place $LAB host" \
	"exec $LAB a -- true" "ls" "show $LAB ports"; do
	# shellcheck disable=SC2086
	says root as_nobody $verb
done
says "type information" hidden /sys/kernel/btf "$DPULAB" up lab.yaml
refuse 3 hidden /sys/kernel/btf "$DPULAB" check

# a program that demo measures with: said before anything is built
tool=$(command -v sockperf)
if [ -n "$tool" ] && command -v iperf3 >/dev/null && [ ! -e /run/dpulab/demo ]; then
	says "sockperf is not installed" unshare -m sh -c 'mount --bind /dev/null "$1" && "$2" demo' sh "$tool" "$DPULAB"
	grep -q "apt-get install sockperf" err || fail "no package named: $(cat err)"
	[ ! -e /run/dpulab/demo ] || fail "demo began without sockperf"
fi

# no bpffs: it mounts one itself
unshare -m sh -c 'umount /sys/fs/bpf 2>/dev/null
	"$1" up -q lab.yaml >/dev/null || exit 1
	"$1" exec "$2" a -- ping -q -c 1 -W 2 10.1.0.12 >/dev/null || exit 2
	"$1" down -q "$2" >/dev/null || exit 3' sh "$DPULAB" "$LAB" || fail "without bpffs: step $?"

# a file that is wrong, one that is not there; machine-readable too
refuse 1 "$DPULAB" up no-such.yaml
sed 's/host: h1/host: h9/' lab.yaml >wrong.yaml
"$DPULAB" up -j wrong.yaml >out 2>err
expect "exit code" $? 1
[ ! -s err ] || fail "JSON was asked for, but there is text: $(cat err)"
"$PYTHON" -c '
import json
message = json.load(open("out"))["messages"][0]
assert message["level"] == "error" and message["file"] == "wrong.yaml" and message["line"] > 0, message' ||
	fail "no place in the JSON error"
refuse 3 "$DPULAB" check wrong.yaml
refuse 1 "$DPULAB" check no-such.yaml

# a name no lab can have leads to nobody's files
mkdir -p "/run/$LAB-mine" && echo kept >"/run/$LAB-mine/file"
at_exit "rm -rf /run/$LAB-mine"
for name in "../$LAB-mine" . "" ..; do
	refuse 0 "$DPULAB" down "$name" 2>err
	grep -q "there is no lab called $name" err || fail "down '$name' does not say that there is none: $(cat err)"
	refuse 1 "$DPULAB" show "$name" ports
done
[ "$(ls -A "/run/$LAB-mine")" = file ] || fail "down removed somebody's files: $(ls -A "/run/$LAB-mine")"

# words: 2, and what is not built says so
for words in "" "no-such-verb" "up" "up a b" "up --no-such-option x" "ls --json=yes" "place $LAB nowhere" \
	"fw check" "plan" "profile" "profile nonsense" "trace x y" "bench" "report x"; do
	# shellcheck disable=SC2086
	"$DPULAB" $words >/dev/null 2>&1
	expect "exit code of dpulab $words" $? 2
done
for words in "plac x|did you mean place" "-j up x|the verb comes first" "-q|which verb" "nonsense|no verb nonsense"; do
	# shellcheck disable=SC2086
	grep -q "${words#*|}" <("$DPULAB" ${words%|*} 2>&1) || fail "dpulab ${words%|*} does not say: ${words#*|}"
done
grep -q '^dpulab [0-9]' <("$DPULAB" --version) || fail "--version says nothing"
grep -q 'not built yet' <("$DPULAB" report x 2>&1) || fail "report does not say that it is not built"
for verb in demo up down ls apply exec place load unload show check; do
	grep -q "^usage: dpulab $verb " <("$DPULAB" $verb -h) || fail "no help for $verb"
done
