/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * placement_set.h - a placement in words, function by function ("dfw=host dvs=dpu vxlan=dpu"): which frame path it is, or why it
 * cannot be; and a placement as a picture. Pure.
 */
#pragma once
#include "diag.h"
#include "model.h"

enum set_function {
	SET_DVS,
	SET_VXLAN,
	SET_DFW,
	SET_PLACED, /* those above say where a function runs; those below follow from them */
	SET_QOS = SET_PLACED,
	SET_INTERCEPT,
	SET_FUNCTIONS,
};

enum set_location {
	SET_UNSAID,
	SET_HOST,
	SET_DPU,
};

struct placement_set {
	enum set_location at[SET_FUNCTIONS];
};

/* Reads one "function=location" into the set. -EINVAL: said in diag what is wrong with the word. */
int placement_set_word(struct placement_set *set, const char *word, struct diag *diag);
/*
 * The frame path of a whole set. -EINVAL: it is not whole, a frame would not meet every function in its order, or what is said of
 * qos or intercept is not what follows; said in diag.
 */
int placement_set_path(const struct placement_set *set, enum frame_path *ret_path, struct diag *diag);

/* One line from the VM to the wire: what runs where. */
const char *placement_picture(enum frame_path path);
