/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "moved.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int moved_read(const struct state *state, struct moved *ret_moved)
{
	char *text, *rest = NULL;
	int err = state_read(state, STATE_MOVED, &text);

	*ret_moved = (struct moved){};
	if (err)
		return err == -ENOENT ? 0 : err;
	for (char *line = strtok_r(text, "\n", &rest); !err && line; line = strtok_r(NULL, "\n", &rest)) {
		struct moved_vm *grown = reallocarray(ret_moved->list, ret_moved->n + 1, sizeof(*grown));

		if (!grown) {
			err = -ENOMEM;
			break;
		}
		ret_moved->list = grown;
		if (sscanf(line, "%11s %11s %11s %hu", grown[ret_moved->n].name, grown[ret_moved->n].file_host,
			   grown[ret_moved->n].host, &grown[ret_moved->n].port) == 4)
			ret_moved->n++;
	}
	free(text);
	if (err)
		moved_free(ret_moved);
	return err;
}

void moved_free(struct moved *moved)
{
	free(moved->list);
	*moved = (struct moved){};
}

void moved_put(struct lab *lab, size_t vm, size_t host, uint16_t port)
{
	struct lab_vm *v = &lab->vms[vm];
	size_t file_host = v->moved ? v->file_host : v->host;

	v->moved = host != file_host;
	v->file_host = file_host;
	v->host = host;
	v->port = port;
}

void moved_overlay(const struct moved *moved, struct lab *lab)
{
	for (size_t i = 0; i < moved->n; i++) {
		const struct moved_vm *entry = &moved->list[i];
		const struct lab_vm *vm = lab_find_vm(lab, entry->name);
		const struct lab_host *host = lab_find_host(lab, entry->host);

		if (vm && host && !strcmp(lab->hosts[vm->host].name, entry->file_host))
			moved_put(lab, (size_t)(vm - lab->vms), (size_t)(host - lab->hosts), entry->port);
	}
}

int moved_write(const struct state *state, const struct lab *lab, struct diag *diag)
{
	struct state_lines lines;
	int err = state_lines_begin(&lines);

	if (err)
		return err;
	for (size_t i = 0; i < lab->n_vms; i++) {
		const struct lab_vm *vm = &lab->vms[i];

		if (vm->moved)
			fprintf(lines.out, "%s %s %s %u\n", vm->name, lab->hosts[vm->file_host].name, lab->hosts[vm->host].name,
				vm->port);
	}
	return state_lines_end(&lines, state, STATE_MOVED, diag);
}

static void swap_host(struct lab_vm *vm)
{
	size_t host = vm->host;

	vm->host = vm->file_host;
	vm->file_host = host;
}

/* A number that no other VM of the host in the file has; always the same for the same lab. */
static uint16_t free_port(const struct lab *lab, size_t host)
{
	uint16_t port = DPU_PORT_VNIC_MIN;

	for (size_t i = 0; i < lab->n_vms; i++)
		if (lab->vms[i].host == host && lab->vms[i].port == port) {
			port++;
			i = (size_t)-1; /* from the first again */
		}
	return port;
}

void moved_hide(struct lab *lab)
{
	for (size_t i = 0; i < lab->n_vms; i++) {
		struct lab_vm *vm = &lab->vms[i];

		if (!vm->moved)
			continue;
		swap_host(vm);
		vm->moved_port = vm->port;
		vm->port = DPU_PORT_NONE;
		vm->port = free_port(lab, vm->host);
	}
}

void moved_show(struct lab *lab)
{
	for (size_t i = 0; i < lab->n_vms; i++) {
		if (!lab->vms[i].moved)
			continue;
		swap_host(&lab->vms[i]);
		lab->vms[i].port = lab->vms[i].moved_port;
	}
}
