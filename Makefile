# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The only Makefile. Sources are found by wildcard, headers by compiler-made
# depfiles (clang and cc), output goes to build/. `make` needs no root.

PREFIX	?= /usr/local
DESTDIR	?=
CC	?= cc
CLANG	?= clang
BPFTOOL	?= $(shell command -v bpftool || echo /usr/sbin/bpftool)
B	:= build
V	?= 0
Q	:= $(if $(filter 0,$V),@)
say	= $(if $(filter 0,$V),@printf '  %-5s %s\n' $1 $2)
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)

PACKAGES := clang llvm libclang-rt-14-dev bpftool gcc make pkg-config libbpf-dev libxdp-dev libelf-dev \
	zlib1g-dev linux-libc-dev libnl-3-dev libnl-route-3-dev libfyaml-dev libjson-c-dev \
	libnftables-dev libarchive-dev busybox-static libcunit1-dev iperf3 sockperf tcpdump nmap nftables iproute2 iputils-ping \
	ethtool python3 python3-scapy man-db groff

WARN	:= -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
CPPFLAGS += -Iinclude -D_GNU_SOURCE
CFLAGS	?= -O2 -g
CFLAGS	+= -std=gnu11 $(WARN) -MMD -MP
LIBS	:= -lxdp -lbpf -lelf -lz -lnl-route-3 -lnl-3 -lfyaml -ljson-c -lnftables -larchive -lpthread -lm
# _POSIX pkg-config paths: libnl keeps its headers in a folder of its own
CPPFLAGS += $(shell pkg-config --cflags libnl-3.0 libnl-route-3.0 2>/dev/null)

BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra -Werror -Wno-unused-function \
	-Wno-missing-prototypes -Iinclude -Ibpf $(if $(MULTIARCH),-I/usr/include/$(MULTIARCH)) \
	-fno-stack-protector -MMD -MP

BPF_SRC	:= $(wildcard bpf/*.bpf.c)
SKEL	:= $(BPF_SRC:bpf/%.bpf.c=$B/bpf/%.skel.h)
LIB_OBJ	:= $(patsubst %.c,$B/%.o,$(wildcard user/lib/*.c))
CMD_OBJ	:= $(patsubst %.c,$B/%.o,$(wildcard user/cmd/*.c))

.DELETE_ON_ERROR:
.SECONDARY:
all: $(if $(CMD_OBJ),$B/dpulab,$B/libdpulab.a)

# ---- what a build needs: said in a sentence, once ------------------------
NEEDED_LIBS := libbpf libxdp libnl-3.0 libnl-route-3.0 libfyaml json-c libnftables libarchive
NEEDED_TOOLS := pkg-config $(CC) $(CLANG) $(BPFTOOL)

$B/.able:
	@mkdir -p $(@D)
	@missing=; \
	for t in $(NEEDED_TOOLS); do command -v $$t >/dev/null || missing="$$missing $$t"; done; \
	for l in $(NEEDED_LIBS); do pkg-config --exists $$l 2>/dev/null || missing="$$missing $$l"; done; \
	[ -z "$$missing" ] || { echo "dpulab cannot be built here: missing$$missing; run: sudo make deps" >&2; exit 1; }
	@touch $@

# ---- datapath -----------------------------------------------------------
$B/bpf/%.bpf.o: bpf/%.bpf.c | $B/.able
	@mkdir -p $(@D)
	$(call say,BPF,$@)
	$Q$(CLANG) $(BPF_CFLAGS) -MF $B/bpf/$*.d -c $< -o $@

$B/bpf/%.skel.h: $B/bpf/%.bpf.o
	$Q$(BPFTOOL) gen skeleton $< name $* > $@

# ---- library and command ------------------------------------------------
$B/user/%.o: user/%.c | $(SKEL) $B/.able
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$Q$(CC) $(CPPFLAGS) -I$B/bpf -Iuser/lib $(CFLAGS) -c $< -o $@

# The datapath itself, for this machine: its sources are in bpf/.
NATIVE_FLAGS := -DDPU_NATIVE -I. -Ibpf -Wno-unused-function -Wno-shadow -Wno-unknown-pragmas
LIB_BUILDS := $B $B/tests $B/tests/fuzz# as it ships, for tests, for fuzzing
$(addsuffix /user/lib/dryrun.o,$(LIB_BUILDS)): CFLAGS += $(NATIVE_FLAGS)
# ... and for the poll-mode process, over memory that it shares.
PMD_NATIVE := pmd_pipe.o pmd_pipe_intercept.o pmd_merge.o
$(foreach d,$(LIB_BUILDS),$(addprefix $d/user/lib/,$(PMD_NATIVE))): CFLAGS += $(NATIVE_FLAGS) -DDPU_PMD

# The first process of a guest (type: qemu), which dpulab carries inside it.
GUEST_SRC := $(wildcard user/guest/*.c) user/lib/verify_ends.c
$B/guest/agent: $(GUEST_SRC) $(wildcard user/guest/*.h) user/lib/verify_ends.h
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$Q$(CC) $(CPPFLAGS) -Iuser/lib $(filter-out -MMD -MP,$(CFLAGS)) -Os -static -s -o $@ $(GUEST_SRC)

$(addsuffix /user/lib/guest_image.o,$(LIB_BUILDS)): CPPFLAGS += -DGUEST_AGENT='"$B/guest/agent"'
$(addsuffix /user/lib/guest_image.o,$(LIB_BUILDS)): $B/guest/agent

$B/libdpulab.a: $(LIB_OBJ)
	@rm -f $@
	$(call say,AR,$@)
	$Q$(AR) rcs $@ $^

$B/dpulab: $(CMD_OBJ) $B/libdpulab.a
	$(call say,LD,$@)
	$Q$(CC) $(LDFLAGS) -o $@ $(CMD_OBJ) $B/libdpulab.a $(LIBS)

include $(wildcard tests/tests.mk tests/bench/bench.mk tests/classify/classify.mk tests/attack/attack.mk tests/fuzz/fuzz.mk vm-test/vm-test.mk)

# ---- set-up, running ----------------------------------------------------
deps:
	@bash .ci/deps $(PACKAGES)

# A build uses each CPU, unless the caller has said how many.
PARALLEL = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

demo: deps
	@$(MAKE) --no-print-directory $(PARALLEL) all
	$B/dpulab demo

check: deps
	@$(MAKE) --no-print-directory $(PARALLEL) all tests fuzz-targets
	@$(MAKE) --no-print-directory check-run

install: all
	install -D -m 755 $B/dpulab $(DESTDIR)$(PREFIX)/bin/dpulab
	install -d $(DESTDIR)$(PREFIX)/share/dpulab $(DESTDIR)$(PREFIX)/share/man/man8 $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -d $(DESTDIR)$(PREFIX)/share/dpulab/profiles $(DESTDIR)$(PREFIX)/share/dpulab/intercept $(DESTDIR)$(PREFIX)/include/dpulab
	install -m 644 $(wildcard user/share/*.*) $(DESTDIR)$(PREFIX)/share/dpulab/
	install -m 644 $(wildcard user/share/profiles/*) $(DESTDIR)$(PREFIX)/share/dpulab/profiles/
	install -m 644 $(wildcard bpf/intercept/*.c) $(DESTDIR)$(PREFIX)/share/dpulab/intercept/
	install -m 644 include/dpulab/intercept.h include/dpulab/addr.h $(DESTDIR)$(PREFIX)/include/dpulab/
	install -m 644 $(wildcard docs/man/*.8) $(DESTDIR)$(PREFIX)/share/man/man8/
	install -m 644 user/completion/dpulab.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/dpulab

# The manual page is made from the table of verbs; a test compares.
man: all
	$B/dpulab man > docs/man/dpulab.8

format:
	clang-format -i $(shell git ls-files '*.c' '*.h')

clean:
	rm -rf $B

.PHONY: all deps demo check check-run bench vm-test install man format clean
-include $(shell find $B -name '*.d' 2>/dev/null)
