/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * calibrate.h - a device profile from figures measured on a device: a CSV file
 * of `figure,x,y`, one fit for each kind of figure. Pure but for reading the file.
 */
#pragma once
#include "profile.h"

/* What one measured point differs by from the fit. */
struct calibrate_residual {
	const char *figure; /* "insertions" */
	double x, y;	    /* as measured */
	double fitted;	    /* y of the fit at x */
};

struct calibration {
	struct profile *profile;
	struct calibrate_residual *residuals;
	size_t n;
};

/*
 * Reads the figures and fits. base: a profile to take all else from (not changed), or NULL. Errors have places.
 * calibration_free() frees.
 */
int calibrate(const char *file, const char *name, const struct profile *base, struct calibration *ret_calibration,
	      struct diag *diag);
/* The same of a text; file is for messages. */
int calibrate_text(const char *file, const char *text, const char *name, const struct profile *base,
		   struct calibration *ret_calibration, struct diag *diag);
void calibration_free(struct calibration *calibration);
