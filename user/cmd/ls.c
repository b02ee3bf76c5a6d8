/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ls: the labs of this machine, or the nodes of one. */
#include "foreign.h"
#include "guest.h"
#include "host.h"
#include "lab.h"
#include "netns.h"
#include "pcie_relay.h"
#include "preflight.h"
#include "topology.h"
#include "verbs.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a host runs now, as the kernel has it, which place may have changed since the file was read. */
static const char *host_placement(const struct lab *lab, size_t host)
{
	enum frame_path path;
	bool xdp;

	if (place_read(lab, host, &path, &xdp, NULL))
		return "none";
	return frame_path_name(path);
}

/* Hosts may differ. */
static const char *lab_placement(const struct lab *lab)
{
	const char *first = lab->n_hosts ? host_placement(lab, 0) : "";

	for (size_t i = 1; i < lab->n_hosts; i++)
		if (strcmp(first, host_placement(lab, i)))
			return "mixed";
	return first;
}

static const char *host_hook(const struct lab *lab, size_t host)
{
	enum frame_path path;
	bool xdp;

	if (place_read(lab, host, &path, &xdp, NULL) || path == PATH_LINUX)
		return "none";
	return xdp ? "xdp" : "tc";
}

static void list_lab(struct cmd_context *ctx, const char *name)
{
	struct lab_session session;
	struct topology plan;

	out_item(ctx->out);
	out_str(ctx->out, "lab", "%s", name);
	/* a killed up may not have come as far as writing the lab file */
	if (lab_open(name, STATE_READ, &session, NULL)) {
		out_str(ctx->out, "state", "broken");
	} else {
		out_str(ctx->out, "state", "%s", lab_is_whole(&session) ? "up" : "broken");
		if (!topology_plan(session.lab, &plan)) {
			out_uint(ctx->out, "nodes", plan.n_nodes);
			topology_free(&plan);
		}
		out_uint(ctx->out, "vms", session.lab->n_vms);
		out_str(ctx->out, "placement", "%s", lab_placement(session.lab));
		lab_close(&session);
	}
	out_end(ctx->out);
}

static int list_labs(struct cmd_context *ctx)
{
	char **names;
	size_t n;

	if (state_labs(&names, &n))
		return CMD_FAILED;
	out_list(ctx->out, "labs");
	for (size_t i = 0; i < n; i++)
		list_lab(ctx, names[i]);
	out_end(ctx->out);
	state_free_names(names, n);
	return CMD_DONE;
}

static void format_prefix(const struct lab_prefix *prefix, char *buffer, size_t size)
{
	char address[INET6_ADDRSTRLEN];
	bool v4 = prefix->family == 4;

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? &prefix->addr.b[12] : prefix->addr.b, address,
		  sizeof(address));
	snprintf(buffer, size, "%s/%u", address, prefix->plen);
}

static void list_addresses(struct cmd_context *ctx, const struct lab_prefix *prefixes, size_t n)
{
	char text[INET6_ADDRSTRLEN + 4];

	out_list(ctx->out, "addresses");
	for (size_t i = 0; i < n; i++) {
		format_prefix(&prefixes[i], text, sizeof(text));
		out_str(ctx->out, NULL, "%s", text);
	}
	out_end(ctx->out);
}

/* A guest is a process besides; so is a link, without which its node is of no use. On frame paths without a DPU there need be none. */
static const char *node_state(const struct lab *lab, const struct node *node, const char *namespace)
{
	struct guest_status guest;
	struct pcie_state link;
	bool carries;

	if (!netns_exists(namespace))
		return "missing";
	if (node->kind == NODE_PCIE)
		return pcie_relay_read_of(lab, node->index, node->dpu, &link, &carries) || carries ? "up" : "dead: `dpulab up` starts its process";
	if (node->kind != NODE_VM || lab->vms[node->index].type != VM_QEMU)
		return "up";
	guest_read(lab, &lab->vms[node->index], &guest);
	return guest.pid ? "up" : "dead";
}

static void list_node(struct cmd_context *ctx, const struct lab *lab, const struct node *node)
{
	static const char *const kinds[] = {"fabric", "host", "dpu", "pcie", "vm"};
	const struct lab_host *host = NULL;
	char name[NETNS_NAME_MAX];

	netns_name(name, lab->name, node->name);
	out_item(ctx->out);
	out_str(ctx->out, "node", "%s", node->name);
	out_str(ctx->out, "kind", "%s",
		node->kind == NODE_VM && lab->vms[node->index].type == VM_QEMU ? "guest" : kinds[node->kind]);
	out_str(ctx->out, "namespace", "%s", name);
	out_str(ctx->out, "state", "%s", node_state(lab, node, name));
	if (node->kind == NODE_PCIE) {
		out_str(ctx->out, "host", "%s", lab->hosts[node->index].name);
	} else if (node->kind == NODE_VM) {
		const struct lab_vm *vm = &lab->vms[node->index];

		out_str(ctx->out, "host", "%s", lab->hosts[vm->host].name);
		out_str(ctx->out, "group", "%s", lab->groups[vm->group].name);
		list_addresses(ctx, vm->ips, vm->n_ips);
	} else if (node->kind != NODE_FABRIC) {
		host = &lab->hosts[node->index];
		out_str(ctx->out, "placement", "%s", host_placement(lab, node->index));
		out_str(ctx->out, "hook", "%s", host_hook(lab, node->index));
		list_addresses(ctx, &host->vtep, 1);
	}
	out_end(ctx->out);
}

static void list_loaded(struct cmd_context *ctx, const struct loaded_port *port)
{
	out_item(ctx->out);
	out_str(ctx->out, "node", "%s", port->name);
	out_str(ctx->out, "kind", "loaded");
	out_str(ctx->out, "dev", "%s", port->dev);
	out_str(ctx->out, "state", "%s", foreign_is_there(port) ? "up" : "missing");
	out_str(ctx->out, "host", "%s", port->host);
	out_str(ctx->out, "group", "%s", port->group);
	out_str(ctx->out, "hook", "%s", port->xdp ? "xdp" : "tc");
	out_end(ctx->out);
}

/* A machine that is its host has no node of its own. */
static void list_machine(struct cmd_context *ctx, const struct lab *lab, const struct lab_vm *vm)
{
	char name[NETNS_NAME_MAX];

	netns_name(name, lab->name, lab->hosts[vm->host].name);
	out_item(ctx->out);
	out_str(ctx->out, "node", "%s", vm->name);
	out_str(ctx->out, "kind", "bare-metal");
	out_str(ctx->out, "namespace", "%s", name);
	out_str(ctx->out, "state", "%s", netns_exists(name) ? "up" : "missing");
	out_str(ctx->out, "host", "%s", lab->hosts[vm->host].name);
	out_str(ctx->out, "group", "%s", lab->groups[vm->group].name);
	list_addresses(ctx, vm->ips, vm->n_ips);
	out_end(ctx->out);
}

static int list_nodes(struct cmd_context *ctx, const char *name)
{
	struct lab_session session;
	struct topology plan;

	if (lab_open(name, STATE_READ, &session, ctx->diag))
		return CMD_FAILED;
	out_str(ctx->out, "lab", "%s", name);
	out_str(ctx->out, "state", "%s", lab_is_whole(&session) ? "up" : "broken");
	out_list(ctx->out, "nodes");
	if (!topology_plan(session.lab, &plan)) {
		for (size_t n = 0; n < plan.n_nodes; n++)
			list_node(ctx, session.lab, &plan.nodes[n]);
		topology_free(&plan);
	}
	for (size_t i = 0; i < session.lab->n_vms; i++)
		if (session.lab->vms[i].type == VM_BARE_METAL)
			list_machine(ctx, session.lab, &session.lab->vms[i]);
	for (size_t i = 0; i < session.loaded.n; i++)
		list_loaded(ctx, &session.loaded.list[i]);
	out_end(ctx->out);
	lab_close(&session);
	return CMD_DONE;
}

int cmd_ls(struct cmd_context *ctx, int argc, char **argv)
{
	if (preflight_require(PREFLIGHT_ROOT, ctx->diag))
		return CMD_FAILED;
	return argc ? list_nodes(ctx, argv[0]) : list_labs(ctx);
}
