/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The poll-mode location of a host: begun, ended, kept while nothing runs there. */
#include "ebpf.h"

#include <dpulab/pmd.h>

#include "intercept.h"
#include "mapio.h"
#include "pmd.h"
#include "tables.h"

int ebpf_remove_pmd(const struct lab *lab, size_t host, struct diag *diag)
{
	char node[NODE_NAME_MAX + 4];
	int err;

	location_node_name(&lab->hosts[host], LOCATION_PMD, node);
	err = pmd_stop(lab->name, node, diag);
	return err ? err : dataplane_remove(lab->name, node, diag);
}

int ebpf_forget_stale_pmd(struct ebpf *ebpf, struct diag *diag)
{
	struct location *pmd = &ebpf->at[LOCATION_PMD];

	if (!pmd->dp || dataplane_has_features(pmd->dp, ebpf->lab))
		return 0;
	dataplane_close(pmd->dp);
	pmd->dp = NULL;
	return ebpf_remove_pmd(ebpf->lab, ebpf->host, diag);
}

static bool is_in_use(const struct ebpf *ebpf)
{
	struct dpu_control control;
	uint32_t key = 0;

	return ebpf_has(ebpf, LOCATION_HOST) && !mapio_get(ebpf->at[LOCATION_HOST].dp, MAP_control, &key, &control) &&
	       control.handover & DPU_HANDOVER_TO_PMD;
}

int ebpf_serve_pmd(struct ebpf *ebpf, struct diag *diag)
{
	int err;

	if (is_in_use(ebpf))
		return ebpf_begin_pmd(ebpf, diag);
	err = ebpf_forget_stale_pmd(ebpf, diag);
	if (err || !ebpf_has(ebpf, LOCATION_PMD))
		return err;
	/* its rules have counted, and go and come with the others */
	return tables_fill(&ebpf->at[LOCATION_PMD], true, diag);
}

int ebpf_begin_pmd(struct ebpf *ebpf, struct diag *diag)
{
	struct location *pmd = &ebpf->at[LOCATION_PMD];
	int err = location_load(pmd, diag);
	bool features = false;

	if (!err)
		err = tables_fill(pmd, true, diag);
	if (!err)
		err = intercept_load(pmd, &features, diag);
	if (!err && features) /* the process takes them with its ports */
		dataplane_features(ebpf->lab, &dataplane_pmd(pmd->dp)->settings);
	if (!err)
		err = pmd_serve(pmd, diag);
	if (!err && features)
		ebpf_forget_decisions(pmd);
	return err ? err : intercept_settle(pmd, diag);
}

int ebpf_end_pmd(struct ebpf *ebpf, struct diag *diag)
{
	return ebpf_has(ebpf, LOCATION_PMD) ? pmd_stop(ebpf->lab->name, dataplane_node(ebpf->at[LOCATION_PMD].dp), diag) : 0;
}
