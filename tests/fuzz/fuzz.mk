# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Fuzz targets: one source each, linked with the library and the datapath's native build, all of it compiled by
# clang with coverage and sanitizers (libFuzzer). tests/fuzz/run.sh runs them.
FZ := $T/fuzz
FUZZ_SAN := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FUZZ_CFLAGS = $(filter-out -O2,$(CFLAGS)) -O1 -Wno-initializer-overrides -Wno-gnu-variable-sized-type-not-at-end \
	-Wno-missing-field-initializers $(FUZZ_SAN)
FUZZ := $(patsubst tests/fuzz/%.c,$(FZ)/%,$(wildcard tests/fuzz/*.c))
FUZZ_LIB_OBJ := $(patsubst %.c,$(FZ)/%.o,$(wildcard user/lib/*.c) \
	$(addprefix tests/lib/,native.c settings.c devices.c fixture.c packet.c typical.c))

$(FZ)/tests/lib/native.o: FUZZ_CFLAGS += -DDPU_NATIVE -Ibpf -Wno-unused-function -Wno-shadow

$(FZ)/%.o: %.c | $(SKEL)
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)
	$Q$(CLANG) $(CPPFLAGS) -I$B/bpf -Iuser/lib -Itests/lib $(FUZZ_CFLAGS) -c $< -o $@

$(FZ)/lib.a: $(FUZZ_LIB_OBJ)
	@rm -f $@
	$(call say,AR,$@)
	$Q$(AR) rcs $@ $^

$(FZ)/%: $(FZ)/tests/fuzz/%.o $(FZ)/lib.a
	$(call say,LD,$@)
	$Q$(CLANG) $(LDFLAGS) -fsanitize=fuzzer,address,undefined -o $@ $^ $(LIBS)

fuzz-targets: $(FUZZ)

# Each target for FUZZ_SECONDS; what it finds stays in build/tests/fuzz/found. `make check` has a bounded number of runs.
FUZZ_SECONDS ?= 60
fuzz: fuzz-targets
	@bash tests/fuzz/run.sh seconds $(FUZZ_SECONDS)

.PHONY: fuzz fuzz-targets
