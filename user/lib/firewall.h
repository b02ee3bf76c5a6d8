/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * firewall.h - compiled rules into a running location. Rules of one vNIC are a
 * contiguous region of "dfw_rules"; a new policy is written to a free region
 * and switched in with the port entry that names it.
 */
#pragma once
#include "location.h"

/*
 * Gives ports[] (in memory, by port number) of every vNIC of the location the lab's rules. Where
 * they differ from the ones in force, writes the new region, ends the
 * established connections it denies, marks the others as judged, and changes
 * rule_first, rule_count, default_action, policy_gen and the STRICTER flag.
 * The caller writes ports[] to the table after.
 */
int firewall_install(const struct location *location, struct dpu_port *ports, struct diag *diag);
