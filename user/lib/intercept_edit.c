/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "intercept_edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "intercept.h"
#include "lab.h"
#include "lab_names.h"

static size_t find_slot(const struct lab *lab, const char *name)
{
	size_t i = 0;

	while (i < lab->n_slots && strcmp(lab->slots[i].name, name))
		i++;
	return i;
}

static int insert(const struct lab *lab, struct lab_vm *vm, struct intercept_edit *edit, size_t slot,
		  struct diag *diag)
{
	size_t **chain = &vm->intercept[edit->direction], *n = &vm->n_intercept[edit->direction], *grown, at;

	for (size_t i = 0; i < *n; i++)
		if ((*chain)[i] == slot)
			return diag_error(diag, -EEXIST, "remove it first to put it elsewhere",
					  "slot %s is in that chain of %s already, at place %zu", edit->slot,
					  vm->name, i + 1);
	if (*n >= DPU_INTERCEPT_CHAIN)
		return diag_error(diag, -ENOSPC, "remove one", "that chain of %s has %d slots, and can have no more",
				  vm->name, DPU_INTERCEPT_CHAIN);
	(void)lab;
	grown = reallocarray(*chain, *n + 1, sizeof(**chain));
	if (!grown)
		return -ENOMEM;
	*chain = grown;
	at = edit->place && edit->place <= *n ? edit->place - 1 : *n;
	memmove(grown + at + 1, grown + at, (*n - at) * sizeof(*grown));
	grown[at] = slot;
	++*n;
	edit->place = at + 1;
	return 0;
}

static int take_out(struct lab_vm *vm, struct intercept_edit *edit, size_t slot, struct diag *diag)
{
	size_t *chain = vm->intercept[edit->direction], *n = &vm->n_intercept[edit->direction], at = 0;

	while (at < *n && chain[at] != slot)
		at++;
	if (at == *n)
		return diag_error(diag, -ENOENT, "`dpulab show LAB intercept` lists the chains",
				  "slot %s is not in that chain of %s", edit->slot, vm->name);
	memmove(chain + at, chain + at + 1, (*n - at - 1) * sizeof(*chain));
	--*n;
	edit->place = at + 1;
	return 0;
}

static int change(struct lab *lab, struct intercept_edit *edit, struct diag *diag)
{
	struct lab_vm *vm = lab_find_vm(lab, edit->vm);
	size_t slot = find_slot(lab, edit->slot);

	if (!vm)
		return lab_need_vm(lab, edit->vm, diag);
	if (slot == lab->n_slots)
		return diag_error(diag, -ENOENT, "declare it under `intercept` in the lab file, and apply that",
				  "lab %s has no slot %s", lab->name, edit->slot);
	return edit->insert ? insert(lab, vm, edit, slot, diag) : take_out(vm, edit, slot, diag);
}

int intercept_edit(const char *name, struct intercept_edit *edit, struct diag *diag)
{
	struct lab_session session;
	char path[STATE_PATH_MAX];
	struct lab *new = NULL;
	int err = lab_open(name, STATE_WRITE, &session, diag);

	if (err)
		return err;
	if (!lab_is_whole(&session))
		err = diag_error(diag, -ESTALE, "dpulab up LAB.yaml repairs it", "lab %s is broken", name);
	if (!err)
		err = config_read(state_path(path, name, STATE_LAB), &new, diag);
	if (!err)
		err = loaded_extend(&session.loaded, new, diag);
	if (!err)
		err = change(new, edit, diag);
	if (!err)
		err = lab_reshape(session.state, session.lab, new, &session.loaded, diag);
	lab_free(new);
	lab_close(&session);
	return err;
}

static int rearm_at(const struct lab *lab, size_t host, enum node_location where, const char *slot, size_t *n,
		    struct diag *diag)
{
	struct location at;
	size_t here = 0;
	int err = location_open(lab, host, where, &at, diag);

	if (err)
		return err;
	err = intercept_rearm(&at, slot, &here, diag);
	location_close(&at);
	*n += here;
	return err;
}

int intercept_rearm_lab(const char *name, const char *slot, size_t *ret_n, struct diag *diag)
{
	struct lab_session session;
	int err = lab_open(name, STATE_WRITE, &session, diag);

	*ret_n = 0;
	if (err)
		return err;
	if (slot && find_slot(session.lab, slot) == session.lab->n_slots)
		err = diag_error(diag, -ENOENT, NULL, "lab %s has no slot %s", name, slot);
	for (size_t host = 0; !err && host < session.lab->n_hosts; host++) {
		err = rearm_at(session.lab, host, LOCATION_HOST, slot, ret_n, diag);
		if (!err && session.lab->hosts[host].dpu)
			err = rearm_at(session.lab, host, LOCATION_DPU, slot, ret_n, diag);
		if (!err)
			err = rearm_at(session.lab, host, LOCATION_PMD, slot, ret_n, diag);
	}
	lab_close(&session);
	return err;
}
