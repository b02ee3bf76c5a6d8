// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "calibrate.h"
#include "config_file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINTS_MAX  4096
#define SATURATED   0.98 /* of what was offered: below, the device did not keep up */

enum fit_kind {
	FIT_SLOPE, /* y = a x: least squares through 0 */
	FIT_LINE,  /* y = a + b x: least squares */
	FIT_LEVEL, /* y = min(x, level): mean of the points that fell behind */
};

static const struct figure {
	const char *name;
	enum fit_kind kind;
	enum profile_key key;	/* SLOPE: a; LINE: a; LEVEL: level */
	enum profile_key other; /* LINE: from b */
	double unit;		/* of the value, in y's */
	size_t least;		/* points */
} figures[] = {
	{"software-ns", FIT_SLOPE, PROFILE_SLOWDOWN, 0, 1, 1},
	{"insertions", FIT_LEVEL, PROFILE_INSERTION_RATE, 0, 1, 1},
	{"connections", FIT_LEVEL, PROFILE_CONNECTION_RATE, 0, 1, 1},
	{"flows", FIT_LEVEL, PROFILE_CAPACITY, 0, 1, 1},
	{"link-ns", FIT_LINE, PROFILE_LINK_DELAY_NS, PROFILE_LINK_BANDWIDTH, 1, 2},
	{"hairpin", FIT_LEVEL, PROFILE_HAIRPIN_BANDWIDTH, 0, 1e9, 1},
};
#define FIGURES (sizeof(figures) / sizeof(figures[0]))

struct point {
	size_t figure;
	unsigned line;
	double x, y;
};

struct fitting {
	const char *file;
	struct point points[POINTS_MAX];
	size_t n;
	struct calibration result;
	struct diag *diag;
};

/* ---- reading ---------------------------------------------------------------- */

static int refuse(const struct fitting *fitting, unsigned line, const char *source, const char *hint, const char *what)
{
	return diag_at(fitting->diag, -EINVAL, fitting->file, line, 1, source, hint, "%s", what);
}

static size_t find_figure(const char *name, size_t length)
{
	size_t i = 0;

	while (i < FIGURES && (strlen(figures[i].name) != length || strncmp(figures[i].name, name, length) != 0))
		i++;
	return i;
}

/* "x,y" with nothing behind; both finite and not negative. */
static bool parse_pair(const char *text, double *ret_x, double *ret_y)
{
	char *end;

	*ret_x = strtod(text, &end);
	if (end == text || *end != ',')
		return false;
	text = end + 1;
	*ret_y = strtod(text, &end);
	return end != text && end[strspn(end, " \t\r")] == '\0' && isfinite(*ret_x) && isfinite(*ret_y) && *ret_x >= 0 &&
	       *ret_y >= 0;
}

static int read_line(struct fitting *fitting, const char *text, unsigned line)
{
	struct point point = {.line = line};
	size_t length;

	text += strspn(text, " \t\r");
	if (!*text || *text == '#')
		return 0;
	length = strcspn(text, ",");
	point.figure = find_figure(text, length);
	if (point.figure == FIGURES)
		return refuse(fitting, line, text, "known: software-ns, insertions, connections, flows, link-ns, hairpin",
			      "there is no such figure");
	if (!text[length] || !parse_pair(text + length + 1, &point.x, &point.y))
		return refuse(fitting, line, text, "as in: insertions,20000,7012", "expected figure,x,y with two numbers");
	if (fitting->n == POINTS_MAX)
		return refuse(fitting, line, text, NULL, "more figures than can be taken");
	fitting->points[fitting->n++] = point;
	return 0;
}

static int read_lines(struct fitting *fitting, const char *text)
{
	unsigned line = 1;
	int err = 0;

	while (*text) {
		size_t length = strcspn(text, "\n");
		char *copy = strndup(text, length);
		int refused = copy ? read_line(fitting, copy, line) : -ENOMEM;

		free(copy);
		err = err ? err : refused;
		text += length + (text[length] == '\n');
		line++;
	}
	return err;
}

/* ---- fitting ----------------------------------------------------------------- */

struct sums {
	size_t n, behind; /* points; of them those that fell behind what was offered */
	double x, y, xx, xy, behind_y, most;
};

static struct sums sum_up(const struct fitting *fitting, size_t figure)
{
	struct sums sums = {0};

	for (size_t i = 0; i < fitting->n; i++) {
		const struct point *p = &fitting->points[i];

		if (p->figure != figure)
			continue;
		sums.n++;
		sums.x += p->x;
		sums.y += p->y;
		sums.xx += p->x * p->x;
		sums.xy += p->x * p->y;
		sums.most = p->y > sums.most ? p->y : sums.most;
		if (p->y < p->x * SATURATED) {
			sums.behind++;
			sums.behind_y += p->y;
		}
	}
	return sums;
}

/* The line through the points: *ret_a at x = 0, *ret_b its slope. False: they do not make one. */
static bool solve(const struct sums *s, enum fit_kind kind, double *ret_a, double *ret_b)
{
	double n = (double)s->n, spread = n * s->xx - s->x * s->x;

	*ret_a = *ret_b = 0;
	switch (kind) {
	case FIT_SLOPE:
		*ret_b = s->xx > 0 ? s->xy / s->xx : 0;
		return *ret_b > 0;
	case FIT_LINE:
		if (spread <= 0)
			return false;
		*ret_b = (n * s->xy - s->x * s->y) / spread;
		*ret_a = (s->y - *ret_b * s->x) / n;
		return *ret_b > 0 && *ret_a >= 0;
	default:
		*ret_a = s->behind ? s->behind_y / (double)s->behind : 0;
		return s->behind > 0;
	}
}

static double fitted_at(enum fit_kind kind, double a, double b, double x)
{
	return kind == FIT_LEVEL ? (x < a ? x : a) : a + b * x;
}

static int put_value(struct fitting *fitting, enum profile_key key, double number, size_t n)
{
	const struct profile_row *row = &profile_keys[key];
	struct profile_value *value = &fitting->result.profile->value[key];

	if (row->kind == PROFILE_COUNT)
		number = floor(number + 0.5);
	if (number < row->min || number > row->max)
		return diag_error(fitting->diag, -ERANGE, NULL, "%s: the figures give %s = %g, which is outside %g to %g", fitting->file,
				  row->path, number, row->min, row->max);
	free(value->source);
	free(value->note);
	*value = (struct profile_value){.known = true, .number = number, .confidence = CONFIDENCE_CALIBRATED};
	if (asprintf(&value->source, "fitted to %zu figure%s of %s", n, n == 1 ? "" : "s", fitting->file) < 0) {
		value->source = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int keep_residuals(struct fitting *fitting, size_t figure, double a, double b)
{
	for (size_t i = 0; i < fitting->n; i++) {
		const struct point *p = &fitting->points[i];
		struct calibrate_residual *grown;

		if (p->figure != figure)
			continue;
		grown = reallocarray(fitting->result.residuals, fitting->result.n + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		fitting->result.residuals = grown;
		grown[fitting->result.n++] = (struct calibrate_residual){
			figures[figure].name, p->x, p->y, fitted_at(figures[figure].kind, a, b, p->x)};
	}
	return 0;
}

static int fit(struct fitting *fitting, size_t figure)
{
	const struct figure *f = &figures[figure];
	struct sums sums = sum_up(fitting, figure);
	double a, b;
	int err;

	if (!sums.n)
		return 0;
	if (sums.n < f->least || !solve(&sums, f->kind, &a, &b))
		return diag_error(fitting->diag, -EINVAL,
				  f->kind == FIT_LEVEL ? "offer more than the device takes" : "measure at several, different x",
				  "%s: the %zu figures `%s` do not determine %s", fitting->file, sums.n, f->name,
				  profile_keys[f->key].path);
	err = put_value(fitting, f->key, (f->kind == FIT_SLOPE ? b : a) * f->unit, sums.n);
	if (!err && f->kind == FIT_LINE)
		err = put_value(fitting, f->other, 8e9 / b, sums.n); /* ns per byte to bit/s */
	return err ? err : keep_residuals(fitting, figure, a, b);
}

/* ---- the profile --------------------------------------------------------------- */

/* Figures count flows: what a base says of connections is twice as many. */
static void count_in_flows(struct profile *profile)
{
	if (profile_number(profile, PROFILE_ENTRY, ENTRY_FLOW) == (double)ENTRY_FLOW)
		return;
	profile->value[PROFILE_ENTRY].number = ENTRY_FLOW;
	profile->value[PROFILE_CAPACITY].number *= 2;
	profile->value[PROFILE_INSERTION_RATE].number *= 2;
}

/* A copy of base by way of its text, or an empty profile. */
static int begin_profile(struct fitting *fitting, const char *name, const struct profile *base)
{
	char *text = base ? profile_write(base) : strdup("profile: calibrated\n");
	int err = text ? profile_parse(fitting->file, text, strlen(text), &fitting->result.profile, fitting->diag) : -ENOMEM;

	free(text);
	if (!err)
		snprintf(fitting->result.profile->name, PROFILE_NAME_MAX, "%s", name);
	if (!err && !fitting->result.profile->model[0])
		snprintf(fitting->result.profile->model, PROFILE_NAME_MAX, "%s", name);
	if (!err)
		count_in_flows(fitting->result.profile);
	return err;
}

int calibrate_text(const char *file, const char *text, const char *name, const struct profile *base,
		   struct calibration *ret_calibration, struct diag *diag)
{
	struct fitting *fitting = calloc(1, sizeof(*fitting));
	int err;

	if (!fitting)
		return -ENOMEM;
	fitting->file = file;
	fitting->diag = diag;
	err = read_lines(fitting, text);
	if (!err && !fitting->n)
		err = diag_error(diag, -EINVAL, "lines of figure,x,y; docs/profiles.md lists them", "%s: there are no figures", file);
	if (!err)
		err = begin_profile(fitting, name, base);
	for (size_t i = 0; !err && i < FIGURES; i++)
		err = fit(fitting, i);
	if (err)
		calibration_free(&fitting->result);
	else
		*ret_calibration = fitting->result;
	free(fitting);
	return err;
}

int calibrate(const char *file, const char *name, const struct profile *base, struct calibration *ret_calibration,
	      struct diag *diag)
{
	size_t length;
	char *text;
	int err = config_file_read(file, &text, &length);

	if (err)
		return diag_error(diag, err, NULL, "cannot read the figures %s: %s", file, strerror(-err));
	err = calibrate_text(file, text, name, base, ret_calibration, diag);
	free(text);
	return err;
}

void calibration_free(struct calibration *calibration)
{
	profile_free(calibration->profile);
	free(calibration->residuals);
	*calibration = (struct calibration){0};
}
