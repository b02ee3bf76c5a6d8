/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "spin.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpflog.h"
#include "dpulab_spin.skel.h"

struct spin {
	struct dpulab_spin *skel;
};

int spin_open(const struct dataplane *const dp[], size_t n, struct spin **ret_spin, struct diag *diag)
{
	struct spin *spin = calloc(1, sizeof(*spin));
	int err = spin ? 0 : -ENOMEM;

	bpflog_begin();
	if (!err) {
		spin->skel = dpulab_spin__open_and_load();
		err = spin->skel ? dpulab_spin__attach(spin->skel) : -errno;
	}
	bpflog_end();
	if (err) {
		spin_close(spin);
		return diag_error(diag, err, "dpulab check", "cannot stand at the tracepoint xdp_redirect, to try the accounting: %s",
				  strerror(-err));
	}
	for (size_t i = 0; i < n && i < SPIN_PLACES; i++)
		spin->skel->bss->spin_prog[i] = dataplane_prog_id(dp[i], DATAPLANE_XDP);
	*ret_spin = spin;
	return 0;
}

void spin_at(struct spin *spin, size_t at, unsigned ns)
{
	struct dpulab_spin__bss *state = spin->skel->bss;

	for (size_t i = 0; i < SPIN_PLACES; i++)
		__atomic_store_n(&state->spin_want_ns[i], 0, __ATOMIC_SEQ_CST);
	state->spin_runs = state->spin_ns = 0;
	if (at < SPIN_PLACES)
		__atomic_store_n(&state->spin_want_ns[at], ns, __ATOMIC_SEQ_CST);
}

void spin_read(const struct spin *spin, uint64_t *ret_runs, uint64_t *ret_ns)
{
	*ret_runs = __atomic_load_n(&spin->skel->bss->spin_runs, __ATOMIC_RELAXED);
	*ret_ns = __atomic_load_n(&spin->skel->bss->spin_ns, __ATOMIC_RELAXED);
}

void spin_close(struct spin *spin)
{
	if (spin)
		dpulab_spin__destroy(spin->skel);
	free(spin);
}
