/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * moved.h - VMs that `move` has taken to another host than the one the lab file names (state file "moved", one a
 * line). Like a placement, a move stands as long as the file goes on saying what it said then; a file that
 * names another host, or the one the VM is on, is right again by itself.
 */
#pragma once
#include "diag.h"
#include "model.h"
#include "state.h"

#define STATE_MOVED "moved"

struct moved_vm {
	char name[NODE_NAME_MAX];
	char file_host[NODE_NAME_MAX]; /* that the lab file names */
	char host[NODE_NAME_MAX];
	uint16_t port; /* its number there */
};

struct moved {
	struct moved_vm *list;
	size_t n;
};

/* No file is an empty list. The caller frees. */
int moved_read(const struct state *state, struct moved *ret_moved);
void moved_free(struct moved *moved);
/* Puts the VMs of a lab, just read from a file, where they are. Moves that do not hold any more are left out. */
void moved_overlay(const struct moved *moved, struct lab *lab);
/* Puts one VM on another host, there with a port of its own (number). */
void moved_put(struct lab *lab, size_t vm, size_t host, uint16_t port);
/* Writes down which VMs of the lab are elsewhere than its file says. */
int moved_write(const struct state *state, const struct lab *lab, struct diag *diag);
/* The lab as its file says, and back: around config_write(). */
void moved_hide(struct lab *lab);
void moved_show(struct lab *lab);
