# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Attacks at the rate that the frame source reaches. Plain: it runs inside timing.
ATTACK_OBJ := $B/attack/flood.o $B/attack/packet.o

$B/attack/%.o: tests/attack/%.c | $(SKEL)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$Q$(CC) $(CPPFLAGS) -I$B/bpf -Iuser/lib -Itests/lib $(CFLAGS) -Wno-override-init -c $< -o $@

$B/attack/packet.o: tests/lib/packet.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$Q$(CC) $(CPPFLAGS) -Itests/lib $(CFLAGS) -Wno-override-init -c $< -o $@

$B/attack/flood: $(ATTACK_OBJ) $B/libdpulab.a
	$(call say,LD,$@)
	$Q$(CC) $(LDFLAGS) -o $@ $(ATTACK_OBJ) $B/libdpulab.a $(LIBS)

tests: $B/attack/flood

# Every attack for half a minute; `make check` has them for a second.
ATTACK_SECONDS ?= 30
attack: all tests
	@DPULAB=$(abspath $B/dpulab) ATTACK_SECONDS=$(ATTACK_SECONDS) NET_TIMEOUT=3600 bash tests/run.sh net:attack
	@cat $B/tests/logs/net-attack.log
	@! grep -q "^BAR .* short$$" $B/tests/logs/net-attack.log || exit 3

.PHONY: attack
