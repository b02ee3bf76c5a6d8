# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Benchmarks: built without sanitizers, against the library as it ships.
BENCH_OBJ := $(patsubst tests/bench/%.c,$B/bench/%.o,$(wildcard tests/bench/*.c)) $B/bench/packet.o

$B/bench/%.o: tests/bench/%.c | $(SKEL)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -I$B/bpf -Iuser/lib -Itests/lib $(CFLAGS) -Wno-override-init -c $< -o $@

$B/bench/packet.o: tests/lib/packet.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests/lib $(CFLAGS) -Wno-override-init -c $< -o $@

$B/bench/bench: $(BENCH_OBJ) $B/libdpulab.a
	$(CC) $(LDFLAGS) -o $@ $(BENCH_OBJ) $B/libdpulab.a $(LIBS)

# BARS: names of figures; default all.
bench: deps
	@$(MAKE) --no-print-directory all $B/bench/bench $B/classify/classify $B/tests/net/stream $B/tests/net/sides
	@result=0; $B/bench/bench $(BARS) || result=$$?; \
	$(if $(BARS),,$B/classify/classify bars || result=$$?; bash tests/bench/link.sh || result=$$?; bash tests/bench/functions.sh || result=$$?;) exit $$result
