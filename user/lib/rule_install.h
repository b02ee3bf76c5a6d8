/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rule_install.h - a changed rule into the policies in force of all locations of a lab (policy_edit.h): first made
 * where no frame sees it, then switched in.
 */
#pragma once
#include "lab_stored.h"
#include "loaded.h"

struct rule_install;

/*
 * Makes new versions of the policies. -EAGAIN: this change cannot be made this way (host on frame path linux, no
 * room, versions that are not the newest). The policies in force are as they were; *ret_install, NULL on failure, is
 * closed by the caller.
 */
int rule_install_prepare(const struct lab_stored *stored, const struct loaded *loaded, const struct rulebook_edit *edit,
			 struct rule_install **ret_install, struct diag *diag);
/* Judges the connections there are, then lets the new versions decide. *ret_vnics: how many vNICs have one. */
int rule_install_switch(struct rule_install *install, size_t *ret_vnics, struct diag *diag);
void rule_install_close(struct rule_install *install); /* NULL is fine */
