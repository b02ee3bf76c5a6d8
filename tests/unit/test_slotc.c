/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A slot translated from BPF to this machine's code (slotc.h) does what its source says: the same function, compiled by
 * clang for this machine directly, gives the same answer and leaves the same bytes, for every instruction set of BPF.
 */
#include "slotc.h"
#include "suite.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <dpulab/intercept.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUTS 3000

#define HEAD "#define DPU_SLOT\n#include <dpulab/intercept.h>\n#define SEC(n) __attribute__((section(n)))\n"
#define LICENCE "char LICENSE[] SEC(\"license\") = \"GPL\";\n"
#define FUNCTION(body) "int f(struct dpu_frame *frame, struct dpu_intercept *at)\n{\n" body "\n}\n" LICENCE

static const char *const sources[] = {
	/* arithmetic of both widths, shifts by what is only known then */
	HEAD FUNCTION("__u64 *q = (__u64 *)at, a = q[2], b = q[3] | 1, c = at->now_ns;"
		      "__u32 x = at->len, y = at->sport | 1;"
		      "a = a * b + (c >> (x & 63)) - (a << (y & 63)); a ^= a / b + c % b; x = x / y + x % y * 31u + (x >> (y & 31));"
		      "return (int)(a ^ a >> 32) + (int)x - (int)-y;"),
	/* signed division: v4 alone */
	HEAD FUNCTION("__s64 a = ((__s64 *)at)[2]; int x = (int)at->len, y = at->sport - 0x7fff;"
		      "return (int)(a / 1000 + a % 77) + (y ? x / y - x % y : x);"),
	/* signed: shifts, comparisons, extension */
	HEAD FUNCTION("__s64 a = ((__s64 *)at)[2], b = (((__s64 *)at)[3] & 0xffff) - 0x7fff;"
		      "int x = (int)at->len, y = (short)at->sport; signed char z = (signed char)at->proto;"
		      "__s64 r = (a >> (at->flags & 63)) + z * 3 + (x >> (y & 31)) + (short)x;"
		      "if (b > 0) r += a; if (x < y) r -= x; if (a <= b) r ^= y; if (z >= 0) r += 7;"
		      "return (int)(r ^ r >> 32);"),
	/* bytes: swapped, copied, on the stack, through a loop and a table of constants */
	HEAD "static const unsigned table[16] = {1, 2, 4, 8, 16, 32, 64, 128, 3, 6, 12, 24, 48, 96, 192, 7};\n" FUNCTION(
		"__u8 b[32]; __u32 sum = 0;"
		"__builtin_memcpy(b, at, 32);"
		"for (int i = 0; i < 32; i++) { sum = (sum << 5 | sum >> 27) ^ b[i]; b[i] ^= table[sum & 15]; }"
		"__builtin_memcpy((char *)at + 16, b + 8, 16);"
		"return (int)(sum + __builtin_bswap16(at->sport) + __builtin_bswap32(at->len) + (__u32)__builtin_bswap64(at->now_ns));"),
	/* calls, of several arguments and through each other */
	HEAD "static __attribute__((noinline)) __u64 mix(__u64 a, __u64 b, __u32 c, int d) { return (a ^ b) * c + d; }\n"
	     "static __attribute__((noinline)) __u64 twice(struct dpu_intercept *at, int n)\n"
	     "{ at->len += n; return mix(((__u64 *)at)[1], ((__u64 *)at)[3], at->len, -n) ^ mix(at->now_ns, 3, at->sport, n); }\n" FUNCTION(
		"return (int)(twice(at, 5) + twice(at, at->proto) * 7);"),
	/* a switch, and jumps of each kind */
	HEAD FUNCTION("int r = 0; switch (at->proto & 7) { case 0: r = at->len; break; case 1: r = -at->sport; break;"
		      "case 2: r = at->dport * 3; break; case 3: r = at->len < at->sport; break; case 4: at->port++; r = 9; break;"
		      "case 5: if (at->flags & 5) r = 55; break; default: r = (int)at->now_ns; }"
		      "if (at->now_ns > ((__u64 *)at)[2] || at->len >= 0x80000000u) r ^= 0x1234567; return r;"),
	/* atomic operations */
	HEAD FUNCTION("__u64 *q = &at->now_ns, r; __u32 *w = &at->len;"
		      "r = __sync_fetch_and_add(q, 5); __sync_fetch_and_add(w, 3); __sync_fetch_and_or(q, 0x100); __sync_fetch_and_and(q, ~2ull);"
		      "r += __sync_fetch_and_xor(q, q[2]); r ^= __sync_val_compare_and_swap(q, *q, 17); r += __sync_lock_test_and_set(w, 4);"
		      "return (int)(r ^ r >> 32);"),
};

typedef uint64_t translated_fn(const void *env, uint64_t frame, uint64_t at);
typedef int direct_fn(void *frame, struct dpu_intercept *at);

static char folder[] = "/tmp/slotc-XXXXXX";

static bool command(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool command(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return system(text) == 0;
}

static bool write_text(const char *name, const char *text)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	if (!file)
		return false;
	fputs(text, file);
	return !fclose(file);
}

static bool translate(const char *object, const char *text)
{
	struct slotobj found;
	struct diag diag = {};
	FILE *to = fopen(text, "w");
	bool done = to && !slotobj_check(object, &found, &diag) && !slotc_write(object, &found, to, &diag);

	if (diag.n)
		printf("%s\n", diag.records[0].message);
	diag_clear(&diag);
	return to && !fclose(to) && done;
}

/* xorshift64: the same inputs in every run. */
static void fill(void *to, size_t size, uint64_t *state)
{
	for (size_t i = 0; i < size; i++) {
		*state ^= *state << 13;
		*state ^= *state >> 7;
		*state ^= *state << 17;
		((uint8_t *)to)[i] = (uint8_t)(*state >> 32);
	}
}

static void compare(size_t source, int cpu, translated_fn *translated, direct_fn *direct)
{
	uint64_t state = 88172645463325252ull;

	for (int i = 0; i < INPUTS; i++) {
		struct dpu_intercept at, same;
		int expected, answer;

		fill(&at, sizeof(at), &state);
		same = at;
		expected = direct(NULL, &at);
		answer = (int)translated(NULL, 0, (uint64_t)(uintptr_t)&same);
		if (answer != expected || memcmp(&at, &same, sizeof(at))) {
			printf("source %zu, v%d, input %d: %d, not %d\n", source, cpu, i, answer, expected);
			CU_FAIL_FATAL("they differ");
		}
	}
}

static void *load(const char *name, const char *symbol, void **ret_handle)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	*ret_handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	return *ret_handle ? dlsym(*ret_handle, symbol) : NULL;
}

static bool compile_both(int cpu)
{
	char object[64], text[64];

	snprintf(object, sizeof(object), "%s/slot.o", folder);
	snprintf(text, sizeof(text), "%s/slot-native.c", folder);
	if (cpu == 4 && !command("clang -target bpf -mcpu=v4 -c -x c /dev/null -o %s 2>/dev/null", object))
		return false; /* this clang is older */
	CU_ASSERT_TRUE_FATAL(command("clang -target bpf -mcpu=v%d -O2 -g -w -Iinclude -I/usr/include/$(uname -m)-linux-gnu "
				     "-c %s/slot.c -o %s", cpu, folder, object));
	CU_ASSERT_TRUE_FATAL(translate(object, text));
	CU_ASSERT_TRUE_FATAL(command("clang -O2 -shared -fPIC -nostdlib -fwrapv -fno-strict-aliasing -w %s -o %s/a.so", text, folder));
	CU_ASSERT_TRUE_FATAL(command("clang -O1 -shared -fPIC -nostdlib -fwrapv -w -Iinclude %s/slot.c -o %s/b.so", folder, folder));
	return true;
}

static void sources_and_translations_agree(void)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
		for (int cpu = 1; cpu <= 4; cpu++) {
			void *a = NULL, *b = NULL, *translated, *direct;

			if ((cpu < 3 && strstr(sources[i], "__sync")) || (cpu < 4 && strstr(sources[i], "/ 1000")))
				continue; /* they cannot say that */
			CU_ASSERT_TRUE_FATAL(write_text("slot.c", sources[i]));
			if (!compile_both(cpu))
				continue;
			translated = load("a.so", "slot_run", &a);
			direct = load("b.so", "f", &b);
			CU_ASSERT_PTR_NOT_NULL_FATAL(translated);
			CU_ASSERT_PTR_NOT_NULL_FATAL(direct);
			compare(i, cpu, (translated_fn *)translated, (direct_fn *)direct);
			dlclose(a);
			dlclose(b);
		}
	command("rm -r %s", folder);
}

SUITE(slotc, {"a source and its translation from BPF give the same answers", sources_and_translations_agree});
