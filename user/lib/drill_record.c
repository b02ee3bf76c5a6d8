/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "drill_record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 15

int drill_record_write(const struct state *state, const struct lab *lab, const struct drill_load_spec *load,
		       struct diag *diag)
{
	struct state_lines lines;
	int err = state_lines_begin(&lines);

	if (err)
		return err;
	for (size_t i = 0; i < lab->n_hosts; i++)
		fprintf(lines.out, "host %s %s %s\n", lab->hosts[i].name, frame_path_name(lab->hosts[i].path),
			lab_hook_name(lab->hosts[i].hook));
	for (size_t i = 0; i < lab->n_hosts; i++)
		if (lab_n_dpus(&lab->hosts[i]) > 1)
			fprintf(lines.out, "active %s %u dpu\n", lab->hosts[i].name, lab->hosts[i].active);
	if (load && load->kind == LOAD_CONNECTIONS)
		fprintf(lines.out, "load %s %s %u\n", lab->vms[load->pair.from].name, lab->vms[load->pair.to].name, load->port);
	return state_lines_end(&lines, state, STATE_DRILL, diag);
}

int drill_record_remove(const struct state *state, struct diag *diag)
{
	return state_remove(state, STATE_DRILL, diag);
}

/* Calls take() with the three words behind each line's first, if that is `what`. -ENOENT: no record. */
static int each_line(const struct state *state, const char *what, void (*take)(char words[3][WORD_MAX + 1], void *arg),
		     void *arg)
{
	char *text, *rest = NULL;
	int err = state_read(state, STATE_DRILL, &text);

	if (err)
		return err;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char first[WORD_MAX + 1], words[3][WORD_MAX + 1];

		if (sscanf(line, "%15s %15s %15s %15s", first, words[0], words[1], words[2]) == 4 && !strcmp(first, what))
			take(words, arg);
	}
	free(text);
	return 0;
}

static void take_host(char words[3][WORD_MAX + 1], void *arg)
{
	struct lab_host *host = lab_find_host(arg, words[0]);
	enum frame_path path;
	enum lab_hook hook;

	if (!host || frame_path_parse(words[1], &path) || lab_hook_parse(words[2], &hook))
		return; /* the lab has changed since: as its file says */
	if (!host->dpu && frame_path_needs_dpu(path))
		return;
	host->path = path;
	host->hook = hook;
}

static void take_active(char words[3][WORD_MAX + 1], void *arg)
{
	struct lab_host *host = lab_find_host(arg, words[0]);
	unsigned dpu = (unsigned)atoi(words[1]);

	if (host && dpu < lab_n_dpus(host))
		host->active = (uint8_t)dpu;
}

int drill_record_place(const struct state *state, struct lab *lab)
{
	int err = each_line(state, "host", take_host, lab);

	return err ? err : each_line(state, "active", take_active, lab);
}

struct eviction {
	const struct lab *lab;
	struct diag *diag;
	int err;
};

static void take_load(char words[3][WORD_MAX + 1], void *arg)
{
	struct eviction *eviction = arg;
	const struct lab_vm *vms = eviction->lab->vms;
	const struct lab_vm *from = lab_find_vm((struct lab *)eviction->lab, words[0]);
	const struct lab_vm *to = lab_find_vm((struct lab *)eviction->lab, words[1]);
	struct drill_load_spec load = {.kind = LOAD_CONNECTIONS, .port = (uint16_t)atoi(words[2])};
	unsigned long evicted;

	if (!from || !to)
		return; /* their connections have gone with them */
	load.pair = (struct traffic_pair){(size_t)(from - vms), (size_t)(to - vms)};
	eviction->err = drill_load_evict(eviction->lab, &load, &evicted, eviction->diag);
}

int drill_record_evict(const struct state *state, const struct lab *lab, struct diag *diag)
{
	struct eviction eviction = {.lab = lab, .diag = diag};
	int err = each_line(state, "load", take_load, &eviction);

	return err == -ENOENT ? 0 : err ? err : eviction.err;
}
