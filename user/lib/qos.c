// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "qos.h"

#include "nioc.h"
#include "pacing.h"

static int set_all(const struct lab *lab, size_t host, enum frame_path path, bool only_add, struct diag *diag)
{
	int err = nioc_set(lab, host, diag);

	return err ? err : pacing_set(lab, host, path, only_add, diag);
}

int qos_set(const struct lab *lab, size_t host, enum frame_path path, bool only_add, struct diag *diag)
{
	return lab_uses_qos(lab) ? set_all(lab, host, path, only_add, diag) : 0;
}

int qos_leave(const struct lab *lab, size_t host, struct diag *diag)
{
	return set_all(lab, host, lab->hosts[host].path, false, diag);
}
