/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dpulab_spin.bpf.c - a known amount of CPU time, spent whenever one location's XDP program redirects a frame: an account
 * that says whose time a frame took has to find it there. Stands at the kernel's tracepoint xdp_redirect, which is called for each
 * redirect in the context of the device that received the frame; nothing of the datapath knows. Not part of it.
 */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define SPIN_READS 256 /* of the clock, some 20 to 40 ns each: the loop has an end for the verifier */

/* The kernel's, as far as they are read. */
struct bpf_prog_aux {
	__u32 id;
} __attribute__((preserve_access_index));

struct bpf_prog {
	struct bpf_prog_aux *aux;
} __attribute__((preserve_access_index));

/* Set by user space: two programs by their ids (0 = none), and the one whose redirects take so much longer. */
__u32 spin_prog[2];
__u32 spin_want_ns[2];
__u64 spin_runs, spin_ns; /* of the one with a spin; both pay for the clock and the books */

SEC("tp_btf/xdp_redirect")
int spin(__u64 *ctx)
{
	const struct bpf_prog *prog = (const void *)ctx[1];
	__u32 id = prog->aux->id, want;
	__u64 begin, now;

	if (id == spin_prog[0])
		want = spin_want_ns[0];
	else if (id == spin_prog[1])
		want = spin_want_ns[1];
	else
		return 0;
	begin = now = bpf_ktime_get_ns();
	for (int i = 0; i < SPIN_READS && now - begin < want; i++)
		now = bpf_ktime_get_ns();
	__sync_fetch_and_add(&spin_runs, want != 0);
	__sync_fetch_and_add(&spin_ns, now - begin);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
