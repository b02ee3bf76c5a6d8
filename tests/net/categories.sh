#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Rules are asked by category, then by place: on the host's datapath and on the
# kernel's, in `show rules` and in `fw check`; `apply` moves a rule to another category.
. "$TESTS/lib/net.sh"
need "$PYTHON"

lab() { # PATH CATEGORY of the rule that closes port 80
	red_lab "$1" auto <<-YAML
		firewall:
		  rules:
		    - {name: web, protocol: tcp, port: [80, 81], action: allow, apply-to: vb}
		    - {name: environment, category: environment, protocol: tcp, port: 81, action: allow, apply-to: vb}
		    - {name: closed, category: $2, protocol: tcp, port: 80, action: drop, apply-to: vb}
		    - {name: infrastructure, category: infrastructure, protocol: tcp, port: 81, action: drop, apply-to: vb}
	YAML
}

sees() { # WANT
	local got
	got=$(probe va outcome tcp 10.1.0.2 80 81 | tr '\n' ' ')
	expect "$what" "${got% }" "$1"
}

for what in host linux; do
	lab "$what" emergency
	fresh_lab
	serve vb 80,81 80
	sees "80 timeout 81 timeout"
	if [ "$what" = host ]; then
		"$DPULAB" show --compiled -j "$LAB" rules >rules.json || fail "show rules"
		expect "order and categories" "$("$PYTHON" -c 'import json
seen = [(r["name"], r["category"]) for r in json.load(open("rules.json"))["rules"] if r["vnic"] == "vb"]
print(*[f"{n}={c}" for i, (n, c) in enumerate(seen) if (n, c) not in seen[:i]])')" \
			"closed=emergency infrastructure=infrastructure environment=environment web=application default=-"
	fi
	lab "$what" application
	run "$DPULAB" apply lab.yaml
	sees "80 open 81 timeout"
done

lab host emergency
refuse 3 "$DPULAB" fw check lab.yaml >text
grep -q "^shadowed .* environment .* rule 4 (infrastructure) before it" text || fail "fw check does not go by categories: $(cat text)"
run "$DPULAB" down "$LAB"
