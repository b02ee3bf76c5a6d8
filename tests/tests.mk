# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Tests. Suites are found by wildcard; nothing is listed twice. How to add one:
# the head of tests/run.sh.
SAN	:= -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
T	:= $B/tests
# Packet layers: defaults first, then what the case says.
TEST_CFLAGS := -Wno-override-init

# The library once more, with sanitizers, for the unit tests.
SAN_LIB_OBJ := $(patsubst %.c,$T/%.o,$(wildcard user/lib/*.c))
UNIT_OBJ := $(patsubst %.c,$T/%.o,$(wildcard tests/unit/*.c) tests/lib/unit_main.c \
	tests/lib/report.c tests/lib/packet.c)

$T/user/%.o: user/%.c | $(SKEL)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -I$B/bpf -Iuser/lib $(CFLAGS) $(TEST_CFLAGS) $(SAN) -c $< -o $@

$T/tests/%.o: tests/%.c | $(SKEL)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -I$B/bpf -Iuser/lib -Itests/lib $(CFLAGS) $(TEST_CFLAGS) $(SAN) -c $< -o $@

$T/unit: $(UNIT_OBJ) $(SAN_LIB_OBJ)
	$(CC) $(LDFLAGS) $(SAN) -o $@ $^ -lcunit $(LIBS)

tests: $T/unit

# PARTS: what to run, e.g. PARTS="unit:diag net"; default everything.
check-run: all tests
	@DPULAB=$(abspath $B/dpulab) bash tests/run.sh $(PARTS)

.PHONY: tests
