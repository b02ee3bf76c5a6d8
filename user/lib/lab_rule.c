// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lab_rule.h"
#include "monotonic.h"
#include "config.h"
#include "lab.h"
#include "lab_stored.h"
#include "preflight.h"
#include "rule_install.h"
#include "rule_words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct job {
	const char *name; /* the lab's */
	const struct lab_rule_request *request;
	struct state *state;
	struct loaded loaded;
	struct lab_stored stored;
	struct lab *own;   /* with the new rule alone; NULL: one is deleted */
	char *item;	   /* its lines */
	struct rulebook_edit edit;
	struct lab_rule_report *report;
};

static int open_job(struct job *job, struct diag *diag)
{
	struct state_view ready;
	int err = preflight_require(PREFLIGHT_ROOT | PREFLIGHT_BPF, diag);

	if (!err)
		err = state_open(job->name, STATE_WRITE, &job->state, diag);
	if (err == -ENOENT)
		return diag_error(diag, err, "dpulab ls lists the labs", "there is no lab called %s", job->name);
	if (!err && state_view(job->state, STATE_READY, &ready))
		err = lab_finish(job->state, job->name, diag);
	if (!err)
		err = loaded_read(job->state, &job->loaded);
	return err ? err : lab_stored_open(job->state, &job->stored, diag);
}

static void close_job(struct job *job)
{
	lab_stored_close(&job->stored);
	loaded_free(&job->loaded);
	lab_free(job->own);
	free(job->item);
	state_close(job->state);
}

/* ---- where it goes -------------------------------------------------------------- */

static int find_rule(const struct job *job, uint32_t id, size_t *ret_index, struct diag *diag)
{
	*ret_index = rulebook_find(&job->stored.book, id);
	if (*ret_index != RULEBOOK_NONE)
		return 0;
	return diag_error(diag, -ENOENT, "dpulab show LAB rules lists them", "lab %s has no rule %u", job->name, id);
}

static int refuse_category(const struct job *job, const struct rulebook_rule *other, struct diag *diag)
{
	return diag_error(diag, -EINVAL, "state its `category`, or another place",
			  "a rule of category %s cannot stand there: rule %u is of category %s",
			  lab_category_name((uint8_t)job->edit.category), other->id,
			  lab_category_name((uint8_t)other->category));
}

/* Between rules of its own category, or at that one's border. */
static int check_place(const struct job *job, struct diag *diag)
{
	const struct rulebook *book = &job->stored.book;
	const size_t at = job->edit.at, next = at + (job->edit.gone != 0);

	if (at > 0 && rulebook_at(book, at - 1)->category > job->edit.category)
		return refuse_category(job, rulebook_at(book, at - 1), diag);
	if (next < book->n && rulebook_at(book, next)->category < job->edit.category)
		return refuse_category(job, rulebook_at(book, next), diag);
	return 0;
}

static int find_place(struct job *job, struct diag *diag)
{
	const struct lab_rule_request *request = job->request;
	int err = 0;

	if (request->verb != LAB_RULE_ADD) {
		job->edit.gone = request->id;
		err = find_rule(job, request->id, &job->edit.at, diag);
	} else if (request->before) {
		err = find_rule(job, request->before, &job->edit.at, diag);
	} else if (request->after) {
		err = find_rule(job, request->after, &job->edit.at, diag);
		job->edit.at++;
	} else {
		job->edit.at = rulebook_end_of(&job->stored.book, job->edit.category);
	}
	return err || !job->own ? err : check_place(job, diag);
}

/* ---- the new rule ------------------------------------------------------------------ */

static int number_rule(const struct job *job, struct lab_rule *rule, struct diag *diag)
{
	const struct lab_rule_request *request = job->request;

	if (request->verb == LAB_RULE_REPLACE) {
		if (!rule->id_derived && rule->id != request->id)
			return diag_error(diag, -EINVAL, "leave `id` out, or delete the one and add the other",
					  "rule %u keeps its id: it cannot become rule %u", request->id, rule->id);
		rule->id = request->id;
	} else if (rule->id_derived) {
		rule->id = rulebook_last_id(&job->stored.book) + 1;
	} else if (rulebook_find(&job->stored.book, rule->id) != RULEBOOK_NONE) {
		return diag_error(diag, -EEXIST, "leave `id` out, or dpulab fw replace it", "lab %s has a rule %u", job->name,
				  rule->id);
	}
	rule->id_derived = false;
	return 0;
}

static int read_rule(struct job *job, struct diag *diag)
{
	struct lab_rule *rule;
	char *words;
	int err = rule_words_read(&job->stored, &job->loaded, job->request->rule, &job->own, diag);

	if (err)
		return err;
	rule = &job->own->rules[0];
	err = number_rule(job, rule, diag);
	if (err)
		return err;
	words = config_item_text(job->own, "firewall.rules[]", rule, NULL);
	job->item = words ? rulebook_item(words) : NULL;
	free(words);
	job->edit.item = job->item;
	job->edit.come = rule->id;
	job->edit.category = rule->category;
	return job->item ? 0 : -ENOMEM;
}

/* ---- the whole, if need be ------------------------------------------------------------ */

/* As apply does it: from the lab file, which has the change already. */
static int change_whole(struct job *job, struct lab *old, struct diag *diag)
{
	struct lab *new = NULL;
	int err = lab_stored_read(job->state, job->name, &new, diag);

	job->report->whole = true;
	if (!err)
		err = loaded_extend(&job->loaded, new, diag);
	if (!err)
		err = lab_keep_numbers(old, new, diag);
	if (!err)
		err = lab_reshape(job->state, old, new, &job->loaded, diag);
	lab_free(new);
	return err;
}

static int note(const struct job *job, struct diag *diag)
{
	int err = state_remove(job->state, STATE_READY, diag);

	return err ? err : lab_stored_note(job->state, &job->stored, &job->edit, diag);
}

static int run_whole(struct job *job, struct diag *diag)
{
	struct lab *old;
	int err = lab_read_stored(job->state, job->name, &job->loaded, &old, diag);

	if (err)
		return err;
	err = note(job, diag);
	if (!err)
		err = change_whole(job, old, diag);
	job->report->vnics = err ? 0 : old->n_vms;
	lab_free(old);
	return err;
}

/* ---- one rule ---------------------------------------------------------------------- */

static int run(struct job *job, struct diag *diag)
{
	struct rule_install *install;
	int err = rule_install_prepare(&job->stored, &job->loaded, &job->edit, &install, diag);

	if (err == -EAGAIN)
		return run_whole(job, diag);
	if (!err)
		err = note(job, diag);
	if (!err)
		err = rule_install_switch(install, &job->report->vnics, diag);
	if (!err)
		err = state_write(job->state, STATE_READY, "", diag);
	rule_install_close(install);
	return err;
}

int lab_rule_change(const char *lab, const struct lab_rule_request *request, struct lab_rule_report *ret_report,
		    struct diag *diag)
{
	struct lab_rule_report report = {0};
	struct job job = {.name = lab, .request = request, .report = &report};
	double begin = monotonic_s();
	int err = open_job(&job, diag);

	if (!err && request->verb != LAB_RULE_DELETE)
		err = read_rule(&job, diag);
	if (!err)
		err = find_place(&job, diag);
	if (!err)
		err = run(&job, diag);
	report.id = request->verb == LAB_RULE_ADD ? job.edit.come : request->id;
	report.seconds = monotonic_s() - begin;
	close_job(&job);
	if (!err)
		*ret_report = report;
	return err;
}
