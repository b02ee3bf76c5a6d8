#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Help, manual page and completion name the same verbs and options; a verb that is
# not built says so and exits 2.
. "$TESTS/lib/net.sh"

contract="demo up down ls apply exec place move drill load unload show fw plan trace bench report profile check"

"$DPULAB" man | diff - "$TESTS/../docs/man/dpulab.8" || fail "docs/man/dpulab.8 is stale: make man"
help=$("$DPULAB" -h) || fail "-h exits $?"
built=$("$DPULAB" complete verbs) || fail "complete verbs exits $?"
for verb in $contract; do
	grep -q "^  $verb " <<<"$help" || fail "$verb is not in the help"
	grep -q "^\.SS dpulab $verb " "$TESTS/../docs/man/dpulab.8" || fail "$verb is not in the manual page"
	"$DPULAB" "$verb" -h >/dev/null || fail "$verb -h exits $?"
	if grep -qx "$verb" <<<"$built"; then
		for option in $("$DPULAB" "$verb" -h | grep -oE -- '--[a-z-]+' | sort -u); do
			"$DPULAB" complete options "$verb" | grep -qx -- "$option" ||
				fail "$verb $option is not completed"
		done
	else
		out=$("$DPULAB" "$verb" x 2>&1)
		[ $? = 2 ] || fail "$verb is not built and does not exit 2"
		grep -q "not built yet" <<<"$out" || fail "$verb does not say that it is not built: $out"
	fi
done
"$DPULAB" nonsense >/dev/null 2>&1
[ $? = 2 ] || fail "an unknown verb does not exit 2"
"$DPULAB" -j nonsense >/dev/null 2>&1
[ $? = 2 ] || fail "an option before the verb does not exit 2"
