// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rule_install.h"
#include "firewall.h"
#include "mapio.h"
#include "policy_edit.h"
#include "rule_words.h"
#include "topology.h"

#include <dpulab/limits.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_FIRST 8 /* rules read on either side, in search of the neighbours; then four times as many */

/* ---- the rule and its neighbours, compiled ---------------------------------------- */

/* Rules of a part of the lab, with their entries. */
struct part {
	struct lab *lab;
	struct policy_book *book;
	struct dpu_rule **entries; /* by rule; made when they are first asked for */
	size_t *n;
};

struct made { /* a policy that has got a new version */
	size_t location;
	struct dpu_policy_ref from, to;
	bool gone, come; /* what has changed in it */
	struct map_part map;
	union dpu_cls_cell *cells; /* its own, in the table */
};

struct changed { /* a vNIC */
	size_t location;
	uint32_t number;      /* of its port */
	struct dpu_port port; /* as it will be */
	const union dpu_cls_cell *cells;
};

struct place { /* a location */
	struct dataplane *dp;
	uint32_t n_cells;
	size_t host;
	enum node_location where;
	struct dpu_port *ports;
};

struct rule_install {
	const struct lab_stored *stored;
	const struct loaded *loaded;
	struct rulebook_edit edit;
	struct part near; /* rules of the window without the one that goes, and the one that comes */
	size_t first; /* of the window, in the book */
	bool to_end;  /* the window reaches the last rule */
	struct part old;   /* the rule that goes */
	struct place *places;
	size_t n_places;
	struct made *made;
	struct changed *changed;
	size_t n_made, n_changed;
};

static void part_close(struct part *part)
{
	for (size_t i = 0; part->lab && part->entries && i < part->lab->n_rules; i++)
		free(part->entries[i]);
	free(part->entries);
	free(part->n);
	policy_book_close(part->book);
	lab_free(part->lab);
	*part = (struct part){0};
}

static int part_open(struct part *part, const struct rule_install *install, const struct rulebook_window *window,
		     struct diag *diag)
{
	int err = rule_part(install->stored, install->loaded, window, &part->lab, diag);

	if (!err)
		err = policy_book_open(part->lab, &part->book);
	if (err)
		return err;
	part->entries = calloc(part->lab->n_rules + 1, sizeof(*part->entries));
	part->n = calloc(part->lab->n_rules + 1, sizeof(*part->n));
	return part->entries && part->n ? 0 : -ENOMEM;
}

static int compiled(struct part *part, size_t index, const struct dpu_rule **ret_entries, size_t *ret_n)
{
	int err = 0;

	if (!part->entries[index])
		err = policy_compile_rule(part->book, index, &part->entries[index], &part->n[index]);
	*ret_entries = part->entries[index];
	*ret_n = part->n[index];
	return err;
}

/* A rule of a part, as it is at one vNIC: n 0 if it does not apply there. */
static int entries_at(struct part *part, size_t index, size_t vm, const struct dpu_rule **ret_entries, size_t *ret_n)
{
	*ret_n = 0;
	*ret_entries = NULL;
	return policy_applies_to(&part->book->rules[index], vm) ? compiled(part, index, ret_entries, ret_n) : 0;
}

/* ---- locations ------------------------------------------------------------------------- */

static int open_node(struct rule_install *install, size_t host, enum node_location where, const char *node,
		     struct diag *diag)
{
	struct place *place = &install->places[install->n_places];
	int err = dataplane_open(install->near.lab->name, node, &place->dp, diag);

	if (err)
		return err == -ENOENT && where != LOCATION_PMD ? -EAGAIN : err; /* the kernel's own bridge and nftables run there */
	install->n_places++;
	place->host = host;
	place->where = where;
	place->n_cells = mapio_entries(place->dp, MAP_dfw_cells);
	place->ports = calloc(DPU_MAX_PORTS, sizeof(*place->ports));
	if (!place->ports)
		return -ENOMEM;
	return mapio_get_range(place->dp, MAP_ports, 0, DPU_MAX_PORTS, place->ports, diag);
}

static int open_place(struct rule_install *install, size_t host, enum node_location where, struct diag *diag)
{
	char node[NODE_NAME_MAX + 4];

	location_node_name(&install->near.lab->hosts[host], where, node);
	return open_node(install, host, where, node, diag);
}

/* A DPU that may take over at any time has the same rules. One that has failed gets them when it is repaired. */
static int open_standby(struct rule_install *install, size_t host, struct diag *diag)
{
	const struct lab_host *h = &install->near.lab->hosts[host];
	char node[NODE_FULL_MAX];
	int err = lab_n_dpus(h) < 2 ? 0 : open_node(install, host, LOCATION_DPU, topology_dpu_of(h, !h->active, node), diag);

	return err == -EAGAIN ? 0 : err;
}

static int open_places(struct rule_install *install, struct diag *diag)
{
	const struct lab *lab = install->near.lab;
	int err = 0;

	install->places = calloc((LOCATION_COUNT + 1) * lab->n_hosts + 1, sizeof(*install->places));
	install->made = calloc((LOCATION_COUNT + 1) * lab->n_vms + 1, sizeof(*install->made));
	install->changed = calloc((LOCATION_COUNT + 1) * lab->n_vms + 1, sizeof(*install->changed));
	if (!install->places || !install->made || !install->changed)
		return -ENOMEM;
	for (size_t i = 0; i < lab->n_hosts && !err; i++) {
		err = open_place(install, i, LOCATION_HOST, diag);
		if (!err && lab->hosts[i].dpu)
			err = open_place(install, i, LOCATION_DPU, diag);
		if (!err)
			err = open_standby(install, i, diag);
		if (!err)
			err = open_place(install, i, LOCATION_PMD, diag);
		if (err == -ENOENT) /* it is there on frame path pmd only */
			err = 0;
	}
	return err;
}

/* ---- the window --------------------------------------------------------------------------- */

/* Index of the new rule, or of where it would be, in the window's part. */
static size_t own_index(const struct rule_install *install)
{
	return install->edit.at - install->first;
}

/* `width` rules before the place and behind it. What goes is left out: it has the id of what comes in its place. */
static int open_window(struct rule_install *install, size_t width, struct diag *diag)
{
	const size_t at = install->edit.at, behind = at + (install->edit.gone != 0), n = install->stored->book.n;
	const struct rulebook_window window = {
		.first = at > width ? at - width : 0,
		.end = n - behind > width ? behind + width : n,
		.without = install->edit.gone ? at : RULEBOOK_NONE,
		.at = at,
		.own = install->edit.item,
	};

	part_close(&install->near);
	install->first = window.first;
	install->to_end = window.end == n;
	return part_open(&install->near, install, &window, diag);
}

static int open_rules(struct rule_install *install, struct diag *diag)
{
	const size_t at = install->edit.at;
	const struct rulebook_window gone = {.first = at, .end = at + 1, .without = RULEBOOK_NONE};
	int err = open_window(install, WINDOW_FIRST, diag);

	if (!err && install->edit.gone)
		err = part_open(&install->old, install, &gone, diag);
	return err;
}

/* The entries next to the place at a vNIC. 1: they are not in the window. */
static int find_neighbours(struct rule_install *install, size_t vm, struct policy_edit *edit)
{
	const size_t own = own_index(install), n = install->near.lab->n_rules;
	const size_t behind = own + (install->edit.item != NULL);
	const struct dpu_rule *entries;
	size_t count = 0;
	int err = 0;

	for (size_t i = own; i-- > 0 && !count && !err;) {
		err = entries_at(&install->near, i, vm, &entries, &count);
		edit->before = count ? &entries[count - 1] : NULL;
	}
	if (err || (!count && install->first))
		return err ? err : 1;
	count = 0;
	for (size_t i = behind; i < n && !count && !err; i++) {
		err = entries_at(&install->near, i, vm, &entries, &count);
		edit->after = count ? entries : NULL;
	}
	return err ? err : !count && !install->to_end;
}

/* ---- new versions --------------------------------------------------------------------------- */

/* Maps the cells of a policy. -EAGAIN: the port does not name one. */
static int map_policy(const struct place *place, struct made *made, struct diag *diag)
{
	const struct dpu_policy_ref ref = made->from;
	union dpu_cls_cell head;

	if (!ref.at || ref.at >= place->n_cells || mapio_get(place->dp, MAP_dfw_cells, &ref.at, &head) ||
	    head.head.n_cells > place->n_cells - ref.at)
		return -EAGAIN;
	made->cells = mapio_map_part(place->dp, MAP_dfw_cells, ref.at, head.head.n_cells, &made->map);
	return made->cells ? 0 : diag_error(diag, -errno, NULL, "cannot map the firewall's tables of %s: %s",
					    dataplane_node(place->dp), strerror(errno));
}

static const struct made *find_made(const struct rule_install *install, const struct made *want)
{
	for (size_t i = 0; i < install->n_made; i++) {
		const struct made *made = &install->made[i];

		if (made->location == want->location && made->from.word == want->from.word && made->gone == want->gone &&
		    made->come == want->come)
			return made;
	}
	return NULL;
}

static int make_version(struct rule_install *install, struct made *made, size_t vm, struct policy_edit *edit,
			struct diag *diag)
{
	uint16_t version = made->from.version;
	int err = find_neighbours(install, vm, edit);

	for (size_t width = 4 * WINDOW_FIRST; err == 1; width *= 4) {
		err = open_window(install, width, diag);
		if (!err && edit->n_come) /* they were the closed window's */
			err = compiled(&install->near, own_index(install), &edit->come, &edit->n_come);
		if (!err)
			err = find_neighbours(install, vm, edit);
	}
	if (!err)
		err = map_policy(&install->places[made->location], made, diag);
	if (!err)
		err = policy_edit(made->cells, edit, &version);
	made->to = made->from;
	made->to.version = version;
	install->made[install->n_made++] = *made;
	return err == -ENOSPC || err == -ESTALE || err == -ENOENT ? -EAGAIN : err;
}

static bool allows(const struct dpu_rule *entries)
{
	return entries->action == DPU_ACTION_ALLOW;
}

/* The port with its new policy; as firewall_install() leaves it. */
static void change_port(struct rule_install *install, size_t location, uint32_t number, const struct policy_edit *edit,
			const struct made *made)
{
	const struct place *place = &install->places[location];
	struct changed *changed = &install->changed[install->n_changed++];

	*changed = (struct changed){location, number, place->ports[number], made->cells};
	changed->port.policy = made->to;
	changed->port.policy_gen++;
	changed->port.flags &= (uint8_t)~DPU_PORT_F_STRICTER;
	if ((edit->n_gone && allows(edit->gone)) || (edit->n_come && !allows(edit->come)))
		changed->port.flags |= DPU_PORT_F_STRICTER;
}

static int prepare_vnic(struct rule_install *install, size_t location, size_t vm, struct diag *diag)
{
	const uint32_t number = install->near.lab->vms[vm].port;
	const struct place *place = &install->places[location];
	struct made want = {.location = location, .from = place->ports[number].policy};
	struct policy_edit edit = {0};
	const struct made *made;
	int err = 0;

	if (install->edit.gone)
		err = entries_at(&install->old, 0, vm, &edit.gone, &edit.n_gone);
	if (!err && install->edit.item)
		err = entries_at(&install->near, own_index(install), vm, &edit.come, &edit.n_come);
	want.gone = edit.n_gone;
	want.come = edit.n_come;
	if (err || (!want.gone && !want.come))
		return err;
	if (place->ports[number].kind != DPU_PORT_KIND_VNIC)
		return -EAGAIN;
	made = find_made(install, &want);
	if (!made)
		err = make_version(install, &want, vm, &edit, diag);
	if (!err)
		change_port(install, location, number, &edit, made ? made : &want);
	return err;
}

/* The rule that comes or goes: a vNIC's port says whether it has such rules. */
static bool has_schedule(const struct rule_install *install)
{
	return (install->edit.item && install->near.lab->rules[own_index(install)].schedule) ||
	       (install->old.lab && install->old.lab->n_rules && install->old.lab->rules[0].schedule);
}

static bool jumps_or_has_no_state(const struct lab *lab)
{
	return lab_jumps(lab) || lab_has_stateless(lab);
}

/* Where some rule jumps, others carry a mark, and the ports say whether there are rules without state. */
static bool is_marked(const struct rule_install *install)
{
	return jumps_or_has_no_state(install->near.lab) || (install->old.lab && jumps_or_has_no_state(install->old.lab));
}

/* Rules of category ethernet are not in policies: their lists are short, and are written anew. */
static bool is_about_frames(const struct lab_stored *stored, const struct rulebook_edit *edit)
{
	return (edit->item && edit->category == CATEGORY_ETHERNET) ||
	       (edit->gone && rulebook_at(&stored->book, edit->at)->category == CATEGORY_ETHERNET);
}

int rule_install_prepare(const struct lab_stored *stored, const struct loaded *loaded, const struct rulebook_edit *edit,
			 struct rule_install **ret_install, struct diag *diag)
{
	struct rule_install *install = calloc(1, sizeof(*install));
	int err;

	*ret_install = NULL;
	if (!install)
		return -ENOMEM;
	*install = (struct rule_install){.stored = stored, .loaded = loaded, .edit = *edit};
	/* more than one vNIC takes is for the compiler to refuse */
	err = stored->book.n < DPU_MAX_VNIC_RULES && !is_about_frames(stored, edit) ? open_rules(install, diag) : -EAGAIN;
	if (!err && (is_marked(install) || has_schedule(install)))
		err = -EAGAIN;
	if (!err)
		err = open_places(install, diag);
	for (size_t i = 0; i < install->n_places && !err; i++)
		for (size_t vm = 0; vm < install->near.lab->n_vms && !err; vm++)
			if (install->near.lab->vms[vm].host == install->places[i].host)
				err = prepare_vnic(install, i, vm, diag);
	if (err)
		rule_install_close(install);
	else
		*ret_install = install;
	return err;
}

void rule_install_close(struct rule_install *install)
{
	if (!install)
		return;
	part_close(&install->near);
	part_close(&install->old);
	for (size_t i = 0; i < install->n_made; i++)
		mapio_unmap_part(&install->made[i].map);
	for (size_t i = 0; i < install->n_places; i++) {
		free(install->places[i].ports);
		dataplane_close(install->places[i].dp);
	}
	free(install->places);
	free(install->made);
	free(install->changed);
	free(install);
}

/* ---- switching ---------------------------------------------------------------------------- */

static enum dpu_rule_action ask_cells(const void *arg, const struct policy_packet *packet, uint32_t *ret_rule_id)
{
	const struct changed *changed = arg;
	const struct dpu_cls_rule *rule = classifier_find(changed->cells, changed->port.policy.version, packet);

	*ret_rule_id = rule ? rule->id : DPU_RULE_DEFAULT;
	return rule ? DPU_RULE_ACTION(rule->action) : policy_default(changed->cells[0].head.default_action);
}

static int judge_at(const struct rule_install *install, size_t location, struct diag *diag)
{
	struct firewall_change *changes = calloc(install->n_changed + 1, sizeof(*changes));
	size_t n = 0;
	int err;

	if (!changes)
		return -ENOMEM;
	for (size_t i = 0; i < install->n_changed; i++) {
		const struct changed *changed = &install->changed[i];

		if (changed->location == location)
			changes[n++] = (struct firewall_change){&changed->port, (uint16_t)changed->number, changed};
	}
	err = firewall_judge_all(install->places[location].dp, changes, n, ask_cells, diag);
	free(changes);
	return err;
}

/* What a rule that is no more has counted. */
static int forget_bytes(const struct dataplane *dp, uint32_t rule_id, uint32_t port, struct diag *diag)
{
	const struct dpu_rule_key key = {.rule_id = rule_id, .zone = (uint16_t)port};

	return mapio_delete(dp, MAP_dfw_bytes, &key, diag);
}

int rule_install_switch(struct rule_install *install, size_t *ret_vnics, struct diag *diag)
{
	int err = 0;

	*ret_vnics = 0;
	for (size_t i = 0; i < install->n_places && !err; i++)
		err = judge_at(install, i, diag);
	for (size_t i = 0; i < install->n_changed && !err; i++) {
		const struct changed *changed = &install->changed[i];
		const struct dataplane *dp = install->places[changed->location].dp;

		*ret_vnics += install->places[changed->location].where == LOCATION_HOST;
		err = mapio_put(dp, MAP_ports, &changed->number, &changed->port, diag);
		mapio_bump(dp, DPU_GEN_OF_PORT(changed->number));
		if (!err && !install->edit.come)
			err = forget_bytes(dp, install->edit.gone, changed->number, diag);
	}
	return err;
}
