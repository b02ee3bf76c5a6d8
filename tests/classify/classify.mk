# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The classifier, at length: without sanitizers, in the kernel, as root.
CLASSIFY_OBJ := $(patsubst tests/classify/%.c,$B/classify/%.o,$(wildcard tests/classify/*.c)) \
	$B/classify/rulesets.o

$B/classify/%.o: tests/classify/%.c | $(SKEL)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$Q$(CC) $(CPPFLAGS) -I$B/bpf -Iuser/lib -Itests/lib $(CFLAGS) -Wno-missing-field-initializers -c $< -o $@

$B/classify/rulesets.o: tests/lib/rulesets.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$Q$(CC) $(CPPFLAGS) -Itests/lib $(CFLAGS) -Wno-missing-field-initializers -c $< -o $@

$B/classify/classify: $(CLASSIFY_OBJ) $B/libdpulab.a
	$(call say,LD,$@)
	$Q$(CC) $(LDFLAGS) -o $@ $(CLASSIFY_OBJ) $B/libdpulab.a $(LIBS)

tests: $B/classify/classify

# Every shape, family and size against a linear search, and after changes. HEADERS: how many in all.
HEADERS ?= 10000000
check-classifier: $B/classify/classify
	$B/classify/classify check $(HEADERS)

# Lines as those of `make bench`.
bench-classifier: $B/classify/classify
	$B/classify/classify bars

.PHONY: check-classifier bench-classifier
