/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* slotcc.h - from a slot's source to a checked object file. */
#pragma once
#include "model.h"
#include "slotobj.h"

/*
 * Compiles the slot's source with clang, or copies it if it is an object, to `out`, and checks the object
 * (slotobj.h). lab_file: relative names are beside it; NULL: the working directory. Says what the compiler says.
 */
int slotcc_make(const struct lab_slot *slot, const char *lab_file, const char *out, struct slotobj *ret_object,
		struct diag *diag);
/* A C text without includes, as a shared object for this machine. */
int slotcc_native(const char *source, const char *out, struct diag *diag);
