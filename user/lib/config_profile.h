/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* config_profile.h - inside the reader of lab files: the device profiles that hosts name. */
#pragma once
#include "config_places.h"
#include "model.h"

/* Reads each host's profile; the name of a file becomes its whole path. Errors stand where the lab file names it. */
int config_read_profiles(struct lab *lab, const struct config_places *places, struct diag *diag);
