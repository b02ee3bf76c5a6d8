/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* lab_device.h - another device for a host of a running lab. */
#pragma once
#include "lab.h"

/*
 * In memory: the host's DPU is to be this device. scale 0: as it is. -EINVAL: no DPU there, or the table does not
 * fit this machine at that scale.
 */
int lab_choose_device(struct lab *lab, size_t host, const char *profile, uint32_t scale, struct diag *diag);
/*
 * On the machine: what is loaded in the DPU goes, and the stored lab names the new device, which the next move
 * loads. The host must not run on its DPU. Killed in between, the lab is as before, `up` loads the old device.
 */
int lab_commit_device(const struct lab_session *session, size_t host, struct diag *diag);
