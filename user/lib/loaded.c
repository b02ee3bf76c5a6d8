/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "loaded.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the list ------------------------------------------------------------ */

static bool parse_line(const char *line, struct loaded_port *port)
{
	int extra, xdp;

	*port = (struct loaded_port){};
	if (sscanf(line, "%11s %d %11s %11s %hu %hu %" SCNu64 " %u %15s %d %u", port->name, &extra, port->host,
		   port->group, &port->port, &port->mtu, &port->ns, &port->ifindex, port->dev, &xdp,
		   &port->touched) != 11)
		return false;
	port->extra = extra;
	port->xdp = xdp;
	return true;
}

int loaded_read(const struct state *state, struct loaded *ret_loaded)
{
	struct loaded loaded = {};
	struct loaded_port port;
	char *text, *rest, *line;
	int err = moved_read(state, &loaded.moved);

	*ret_loaded = loaded;
	if (err)
		return err;
	err = state_read(state, STATE_LOADED, &text);
	if (err == -ENOENT)
		return 0;
	if (err) {
		loaded_free(ret_loaded);
		return err;
	}
	for (rest = text; !err && (line = strsep(&rest, "\n"));)
		if (parse_line(line, &port) && !loaded_add(&loaded, &port))
			err = -ENOMEM;
	free(text);
	if (err)
		loaded_free(&loaded);
	else
		*ret_loaded = loaded;
	return err;
}

int loaded_write(const struct state *state, const struct loaded *loaded, struct diag *diag)
{
	struct state_lines lines;
	int err = state_lines_begin(&lines);

	if (err)
		return err;
	for (size_t i = 0; i < loaded->n; i++) {
		const struct loaded_port *port = &loaded->list[i];

		fprintf(lines.out, "%s %d %s %s %u %u %" PRIu64 " %u %s %d %u\n", port->name, port->extra, port->host,
			port->group, port->port, port->mtu, port->ns, port->ifindex, port->dev, port->xdp,
			port->touched);
	}
	return state_lines_end(&lines, state, STATE_LOADED, diag);
}

void loaded_free(struct loaded *loaded)
{
	free(loaded->list);
	moved_free(&loaded->moved);
	*loaded = (struct loaded){};
}

struct loaded_port *loaded_find(const struct loaded *loaded, const char *name)
{
	for (size_t i = 0; i < loaded->n; i++)
		if (!strcmp(loaded->list[i].name, name))
			return &loaded->list[i];
	return NULL;
}

struct loaded_port *loaded_add(struct loaded *loaded, const struct loaded_port *port)
{
	struct loaded_port *grown = reallocarray(loaded->list, loaded->n + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	loaded->list = grown;
	grown[loaded->n] = *port;
	return &grown[loaded->n++];
}

void loaded_remove(struct loaded *loaded, const char *name)
{
	struct loaded_port *port = loaded_find(loaded, name);
	size_t at;

	if (!port)
		return;
	at = port - loaded->list;
	memmove(port, port + 1, (loaded->n - at - 1) * sizeof(*port));
	loaded->n--;
}

/* ---- the lab with it ----------------------------------------------------- */

static int no_place(const struct loaded_port *port, const char *what, const char *name, struct diag *diag)
{
	char hint[64];

	snprintf(hint, sizeof(hint), "dpulab unload %s first", port->dev);
	return diag_error(diag, -ENOENT, hint, "port %s (interface %s) needs the %s %s", port->name, port->dev, what,
			  name);
}

static int add_extra(const struct loaded_port *port, struct lab *lab, struct diag *diag)
{
	struct lab_host *host = lab_find_host(lab, port->host);
	struct lab_group *group = lab_find_group(lab, port->group);
	struct lab_vm *grown;
	char hint[64];

	snprintf(hint, sizeof(hint), "dpulab unload %s first, or name the VM otherwise", port->dev);
	if (lab_find_vm(lab, port->name))
		return diag_error(diag, -EEXIST, hint, "%s is the name of a loaded port (interface %s) and of a VM",
				  port->name, port->dev);
	if (!host)
		return no_place(port, "host", port->host, diag);
	if (!group)
		return no_place(port, "port group", port->group, diag);
	grown = reallocarray(lab->vms, lab->n_vms + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	lab->vms = grown;
	grown[lab->n_vms] = (struct lab_vm){.host = host - lab->hosts, .group = group - lab->groups,
					    .port = port->port, .mtu = port->mtu, .loaded = true, .extra = true,
					    .ns = port->ns};
	snprintf(grown[lab->n_vms].name, NODE_NAME_MAX, "%s", port->name);
	lab->n_vms++;
	return 0;
}

int loaded_extend(const struct loaded *loaded, struct lab *lab, struct diag *diag)
{
	int err = 0;

	moved_overlay(&loaded->moved, lab);
	for (size_t i = 0; !err && i < loaded->n; i++) {
		const struct loaded_port *port = &loaded->list[i];
		struct lab_vm *vm = port->extra ? NULL : lab_find_vm(lab, port->name);

		if (port->extra)
			err = add_extra(port, lab, diag);
		else if (!vm)
			err = no_place(port, "VM", port->name, diag);
		else
			vm->loaded = true, vm->ns = port->ns;
	}
	return err;
}

struct lab loaded_file_part(const struct lab *lab)
{
	struct lab part = *lab;

	while (part.n_vms && part.vms[part.n_vms - 1].extra)
		part.n_vms--;
	return part;
}

void loaded_strip(struct lab *lab)
{
	*lab = loaded_file_part(lab);
	moved_hide(lab);
	for (size_t i = 0; i < lab->n_vms; i++)
		lab->vms[i].loaded = lab->vms[i].moved = false;
}
