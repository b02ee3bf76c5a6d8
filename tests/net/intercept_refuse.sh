# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# What is not fit to be a slot is refused with place and reason, before anything changes: not at up, not at apply, not by
# check; a lab that is up goes on with the chain it had, in the very programs it had. Placement linux says
# that it has no chains.
. "$TESTS/lib/net.sh"

cat >good.c <<'C'
#define DPU_SLOT
#include <dpulab/intercept.h>
int good(struct dpu_frame *frame, struct dpu_intercept *at) { return DPU_INTERCEPT_PASS; }
char LICENSE[] __attribute__((section("license"))) = "GPL";
C
sed 's/return.*PASS/return at->proto/' good.c >unchecked.c
sed 's/return.*PASS/int n = 0; while (at \&\& *(volatile __u8 *)\&at->proto) n++; return n/' good.c >endless.c
sed 's/struct dpu_frame \*frame/void *frame/' good.c >signature.c
sed 's/"GPL"/"Proprietary"/' good.c >licence.c
sed 's/return.*PASS/return nothing/' good.c >syntax.c
sed 's/return.*PASS/return ((long (*)(int, long))51)(1, 0)/' good.c >redirect.c
echo text >text.o

lab_of() { # SOURCE [KEYS]: lab.yaml with a slot of that source in web1's chain
	write_lab <<-YAML
		lab: x
		hosts: {h1: {}}
		port-groups: {g: {vni: 7}}
		intercept: {s: {source: $1${2:-}}}
		vms:
		  web1: {host: h1, port-group: g, ip: 10.1.0.11/24, intercept-out: s}
		  web2: {host: h1, port-group: g, ip: 10.1.0.12/24}
	YAML
}

# refused TEXT SOURCE [KEYS]: by check (3), up (1) and, if the lab is up, apply (1), with this text
refused() {
	lab_of "$2" "${3:-}"
	"$DPULAB" check lab.yaml >out 2>err
	expect "exit code of check with $2" "$?" "${4:-3}"
	grep -q "$1" err || fail "check of $2 does not say '$1': $(cat err)"
	"$DPULAB" "$verb" lab.yaml >out 2>err
	expect "exit code of $verb with $2" "$?" 1
	grep -q "$1" err || fail "$verb with $2 does not say '$1': $(cat err)"
}

rows() {
	refused 'slot s: there is no file nowhere.c' nowhere.c
	refused "clang cannot compile .*syntax.c" syntax.c
	refused "undeclared identifier 'nothing'" syntax.c
	refused 'is not of the form int good(struct dpu_frame' signature.c
	refused 'licence "Proprietary" does not go with the GPL' licence.c
	refused 'calls bpf_redirect_map, which a slot may not' redirect.c
	refused "the kernel's verifier refuses slot s .*invalid mem access 'mem_or_null'" unchecked.c
	refused "at .*unchecked.c:3" unchecked.c
	refused "the kernel's verifier refuses slot s" endless.c
	refused 'it is not a BPF object file' text.o
	refused 'is compiled already: nothing can be defined' text.o ', define: A=1'
	refused "expected a whole number from 0 to 256" good.c ', queue: 257'
	refused "expected one of closed, open" good.c ', fail: maybe'
}

verb=up
rows
[ ! -e "/run/dpulab/$LAB" ] || fail "a refused lab left /run/dpulab/$LAB"
[ ! -e "/sys/fs/bpf/dpulab/$LAB" ] || fail "a refused lab left pins"

lab_of good.c
cp lab.yaml good.yaml
run "$DPULAB" up good.yaml
programs() { "$(command -v bpftool || echo /usr/sbin/bpftool)" -j prog show pinned "/sys/fs/bpf/dpulab/$LAB/h1/progs/tc" | grep -o '"id":[0-9]*'; }
before=$(programs)
verb=apply
rows
expect "programs after what was refused" "$(programs)" "$before"
"$DPULAB" show "$LAB" intercept | grep -q 'web1.*out.*s.*in' || fail "the chain has gone: $("$DPULAB" show "$LAB" intercept)"
in_node web1 ping -c 1 -W 5 10.1.0.12 >/dev/null || fail "web1 cannot reach web2 any more"

# Chains: twice the same, too many, unknown names.
sed 's/intercept-out: s/intercept-out: [s, s]/' good.yaml >twice.yaml
refuse 3 "$DPULAB" check twice.yaml 2>err
grep -q "'s' is in the chain twice" err || fail "does not say that it is there twice"
refuse 1 "$DPULAB" intercept insert "$LAB" web1 out s
refuse 1 "$DPULAB" intercept insert "$LAB" web9 out s
refuse 1 "$DPULAB" intercept insert "$LAB" web1 out nothing
refuse 1 "$DPULAB" intercept remove "$LAB" web2 in s
refuse 2 "$DPULAB" intercept insert "$LAB" web1 sideways s
refuse 1 "$DPULAB" intercept serve "$LAB" s
refuse 3 "$DPULAB" intercept check redirect.c
run "$DPULAB" intercept check good.c

# Placement linux: check finds it wanting, up and place say so.
"$DPULAB" place "$LAB" linux >out 2>err || fail "place linux: $(cat err)"
grep -q 'there is no intercept, the chains of 1 vNIC are not run' err || fail "place linux does not say that the chain is not run: $(cat err)"
sed 's/^lab:.*/&\nplacement: linux/' good.yaml >linux.yaml
refuse 3 "$DPULAB" check linux.yaml
run "$DPULAB" place "$LAB" host
"$DPULAB" show "$LAB" intercept | grep -q 'web1.*out.*s.*in' || fail "the chain did not come back from placement linux"
