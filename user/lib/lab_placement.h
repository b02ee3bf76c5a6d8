/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* lab_placement.h - a running lab's hosts, where `place` has led them since, and a new version of its file. */
#pragma once
#include "diag.h"
#include "model.h"

/* Where the new file says the same placement as before, what `place` has done since stands. old may be new. */
void lab_keep_placement(const struct lab *old, struct lab *new);
/*
 * 0, or -EINVAL: what the new file asks for is beyond the path that `place` has led a host to. lab_check() knows of the
 * placement that the file itself states.
 */
int lab_refuse_where_placed(const struct lab *old, const struct lab *new, struct diag *diag);
/* Every host to the path and hook that the lab says. live: its datapath runs and traffic may flow; else it may be in any state, or not there. */
int lab_place(const struct lab *lab, bool live, struct diag *diag);
