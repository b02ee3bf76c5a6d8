# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Tests. Suites are found by wildcard; nothing is listed twice. How to add one:
# the head of tests/run.sh.
SAN	:= -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
T	:= $B/tests
# Cases are rows: defaults first, then what the row says, and no more than it says.
TEST_CFLAGS := -Wno-override-init -Wno-missing-field-initializers

# The library once more, with sanitizers, for the unit tests.
SAN_LIB_OBJ := $(patsubst %.c,$T/%.o,$(wildcard user/lib/*.c))
UNIT_OBJ := $(patsubst %.c,$T/%.o,$(wildcard tests/unit/*.c) tests/lib/unit_main.c \
	tests/lib/report.c tests/lib/packet.c tests/lib/rulesets.c tests/lib/labs.c)

$T/user/%.o: user/%.c | $(SKEL)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$Q$(CC) $(CPPFLAGS) -I$B/bpf -Iuser/lib $(CFLAGS) $(TEST_CFLAGS) $(SAN) -c $< -o $@

$T/tests/%.o: tests/%.c | $(SKEL)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$Q$(CC) $(CPPFLAGS) -I$B/bpf -Iuser/lib -Itests/lib $(CFLAGS) $(TEST_CFLAGS) $(SAN) -c $< -o $@

$T/libdpulab.a: $(SAN_LIB_OBJ)
	@rm -f $@
	$(call say,AR,$@)
	$Q$(AR) rcs $@ $^

$T/unit: $(UNIT_OBJ) $T/libdpulab.a
	$(call say,LD,$@)
	$Q$(CC) $(LDFLAGS) $(SAN) -o $@ $^ -lcunit $(LIBS)

# Program tests: engine, cases, and the datapath's own sources compiled for this machine.
PROG_OBJ := $(patsubst %.c,$T/%.o,$(wildcard tests/prog/*.c tests/lib/prog_*.c) \
	$(addprefix tests/lib/,ctwalk.c kernel.c native.c nfct.c settings.c devices.c fixture.c packet.c report.c rulesets.c typical.c))

$T/tests/lib/native.o: TEST_CFLAGS += -DDPU_NATIVE -Ibpf -Wno-unused-function -Wno-shadow
$T/tests/prog/test_tcp.o $T/tests/prog/test_limits.o $T/tests/prog/test_conformance.o: TEST_CFLAGS += -DDPU_NATIVE -Ibpf -Wno-unused-function

# What the user side's compiler makes of the ABI, as BTF: tests/prog/test_abi.c.
ABI_HEADERS := $(wildcard include/dpulab/*.h)

$T/abi.btf: $(ABI_HEADERS)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$Q$(CC) $(CPPFLAGS) -gbtf -fno-eliminate-unused-debug-types $(addprefix -include ,$(ABI_HEADERS)) \
		-x c -c /dev/null -o $T/abi.o
	$Qobjcopy -O binary --only-section=.BTF --set-section-flags .BTF=alloc $T/abi.o $@

$T/tests/prog/test_abi.o: TEST_CFLAGS += -DABI_BTF='"$T/abi.btf"'
$T/tests/prog/test_abi.o: $T/abi.btf

$T/prog: $(PROG_OBJ) $T/libdpulab.a
	$(call say,LD,$@)
	$Q$(CC) $(LDFLAGS) $(SAN) -o $@ $^ $(LIBS)

# Tools of the net tests, one source each. Plain: they run inside timing.
NET_TOOLS := $(patsubst tests/net/%.c,$T/net/%,$(wildcard tests/net/*.c))

$T/net/%: tests/net/%.c $B/libdpulab.a
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$Q$(CC) $(CPPFLAGS) -Iuser/lib $(CFLAGS) -MF $@.d $(LDFLAGS) -o $@ $< $B/libdpulab.a $(LIBS)

tests: $T/unit $T/prog $(NET_TOOLS)

# PARTS: what to run, e.g. PARTS="unit:diag net"; default everything.
check-run: all tests $(if $(PARTS),$(if $(filter fuzz fuzz:%,$(PARTS)),fuzz-targets),fuzz-targets)
	@DPULAB=$(abspath $B/dpulab) bash tests/run.sh $(PARTS)

# Records the verifier's work on this kernel: tests/prog/test_budget.c.
budget: tests
	BUDGET_UPDATE=1 $T/prog budget

# The reference parts of docs/config.md and docs/profiles.md, from their tables: tests/unit/test_schema.c, test_profile.c.
reference: $T/unit
	DPULAB_WRITE_REFERENCE=1 $T/unit schema
	DPULAB_WRITE_REFERENCE=1 $T/unit profile

.PHONY: tests budget reference
