/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * preflight.h - is this machine able? preflight_require() stops a command with
 * one sentence before it touches anything; preflight_check() looks at
 * everything and lists its findings, the fix beside each.
 */
#pragma once
#include "diag.h"

enum preflight_need {
	PREFLIGHT_ROOT = 1 << 0,
	PREFLIGHT_BPF = 1 << 1, /* kernel, BTF, bpffs; mounts bpffs if nobody has */
	PREFLIGHT_TOOLS = 1 << 2, /* the programs that measure */
};

#define PREFLIGHT_BPFFS "/sys/fs/bpf"

int preflight_require(unsigned needs, struct diag *diag);

enum preflight_verdict {
	PREFLIGHT_OK,
	PREFLIGHT_NOTE,	   /* works, in another way than usual */
	PREFLIGHT_WANTING, /* something will not work */
};

struct preflight_finding {
	const char *what; /* "kernel", "btf" ... */
	enum preflight_verdict verdict;
	char found[160];
	const char *fix; /* NULL: none needed */
};

#define PREFLIGHT_FINDINGS_MAX 32
/* Changes nothing, needs no root. Returns the number of findings. */
size_t preflight_check(struct preflight_finding *ret_findings);
