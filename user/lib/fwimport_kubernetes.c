// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fwimport_kubernetes.c - NetworkPolicy (networking.k8s.io/v1). Policies only allow, so order does not
 * matter: all they allow comes first; then each pod that a policy isolates is closed in that
 * direction. A pod is a VM, its labels are tags KEY=VALUE, and its namespace is the tag
 * kubernetes.io/metadata.name=NAME, as Kubernetes labels namespaces itself.
 */
#include "fwimport_pods.h"
#include "values.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct allow { /* one entry of `ingress` or `egress` */
	struct pods_reader *r;
	struct import_rule rule;
	bool inbound;
	const struct yaml_node *ports; /* or NULL */
};

/* ---- ports ------------------------------------------------------------------------- */

struct port_lists { /* by protocol */
	char ports[3][VALUE_TEXT_MAX];
	bool used[3], all[3];
};
static const uint8_t port_protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
static const char *const port_names[] = {"TCP", "UDP", "SCTP"};

static void left_out(struct allow *allow, const struct yaml_node *node, const char *what, const char *why)
{
	import_remark(allow->r->in, node->line, FWIMPORT_STRICTER, what, "%s: what it allows is left out", why);
}

static void take_port(struct allow *allow, const struct yaml_node *item, struct port_lists *lists)
{
	const char *proto = pods_text(item, "protocol", "TCP"), *port = pods_text(item, "port", NULL);
	const char *end = pods_text(item, "endPort", port);
	struct lab_port_range range;
	uint64_t lo, hi;
	size_t i = 0;

	while (i < 3 && strcmp(proto, port_names[i]) != 0)
		i++;
	if (i == 3 || !pods_only(item, (const char *const[]){"protocol", "port", "endPort", NULL})) {
		left_out(allow, item, proto, "a port has a protocol TCP, UDP or SCTP, port and endPort");
	} else if (!port) {
		lists->used[i] = lists->all[i] = true;
	} else if (number_parse(port, 1, 65535, &lo)) {
		left_out(allow, item, port, "named ports are the containers', and a VM has none");
	} else if (number_parse(end, lo, 65535, &hi)) {
		left_out(allow, item, end, "endPort is a port that is not below port");
	} else {
		range = (struct lab_port_range){(uint16_t)lo, (uint16_t)hi};
		lists->used[i] = true;
		if (!import_add_ports(lists->ports[i], sizeof(lists->ports[i]), &range))
			left_out(allow, item, port, "more ports than one rule may have");
	}
}

static void write_with_ports(struct allow *allow)
{
	struct port_lists lists;

	if (!allow->ports || !allow->ports->n) {
		import_write(allow->r->in, &allow->rule);
		return;
	}
	memset(&lists, 0, sizeof(lists));
	for (size_t i = 0; i < allow->ports->n; i++)
		take_port(allow, allow->ports->items[i], &lists);
	for (size_t i = 0; i < 3; i++) {
		if (!lists.used[i] || (!lists.all[i] && !*lists.ports[i]))
			continue;
		allow->rule.proto = port_protos[i];
		allow->rule.ports = lists.all[i] ? NULL : lists.ports[i];
		import_write(allow->r->in, &allow->rule);
	}
	allow->rule.proto = 0;
	allow->rule.ports = NULL;
}

/* ---- peers -------------------------------------------------------------------------- */

static void write_towards(struct allow *allow, const char *peers, const char *without)
{
	const char **side = allow->inbound ? &allow->rule.from : &allow->rule.to;
	const char **side_not = allow->inbound ? &allow->rule.from_not : &allow->rule.to_not;

	*side = peers;
	*side_not = without;
	write_with_ports(allow);
	*side = *side_not = NULL;
}

static void allow_block(struct allow *allow, const struct yaml_node *block)
{
	const struct yaml_node *except = yaml_get(block, "except", NULL);
	char peer[VALUE_TEXT_MAX] = "", without[16384] = "";
	const char *cidr = pods_text(block, "cidr", "");
	struct lab_prefix prefix;

	if (prefix_parse(cidr, &prefix) || !pods_only(block, (const char *const[]){"cidr", "except", NULL})) {
		left_out(allow, block, cidr, "an ipBlock has a prefix cidr and a list except");
		return;
	}
	import_add_prefix(peer, sizeof(peer), &prefix);
	for (size_t i = 0; except && i < except->n; i++) {
		const struct yaml_node *item = except->items[i];

		if (item->kind != YAML_SCALAR || prefix_parse(item->text, &prefix) ||
		    !import_add_prefix(without, sizeof(without), &prefix)) {
			left_out(allow, item, cidr, "an exception that is no prefix, or one too many");
			return;
		}
	}
	write_towards(allow, peer, without);
}

static void allow_peer(struct allow *allow, const char *space, const struct yaml_node *peer)
{
	const struct yaml_node *block = peer->kind == YAML_MAPPING ? yaml_get(peer, "ipBlock", NULL) : NULL;
	char group[POLICY_NAME_MAX];
	const char *why;

	if (block && peer->n == 1 && block->kind == YAML_MAPPING) {
		allow_block(allow, block);
		return;
	}
	why = pods_peer(allow->r, space, peer, group);
	if (why)
		left_out(allow, peer, "peer", why);
	else
		write_towards(allow, group, NULL);
}

static void allow_entry(struct allow *allow, const char *space, const struct yaml_node *entry)
{
	const struct yaml_node *peers;
	const char *const keys[] = {allow->inbound ? "from" : "to", "ports", NULL};

	if (entry->null)
		return;
	if (entry->kind != YAML_MAPPING || !pods_only(entry, keys)) {
		left_out(allow, entry, keys[0], "an entry has peers and ports, and nothing else");
		return;
	}
	peers = yaml_get(entry, keys[0], NULL);
	allow->ports = yaml_get(entry, "ports", NULL);
	allow->rule.line = entry->line;
	if ((peers && peers->kind != YAML_SEQUENCE && !peers->null) ||
	    (allow->ports && allow->ports->kind != YAML_SEQUENCE && !allow->ports->null)) {
		left_out(allow, entry, keys[0], "peers and ports are lists");
		return;
	}
	if (!peers || !peers->n)
		write_with_ports(allow);
	for (size_t i = 0; peers && i < peers->n; i++)
		allow_peer(allow, space, peers->items[i]);
}

/* ---- one policy ----------------------------------------------------------------------- */

static bool has_type(const struct yaml_node *types, const char *type)
{
	for (size_t i = 0; types && i < types->n; i++)
		if (types->items[i]->kind == YAML_SCALAR && !strcmp(types->items[i]->text, type))
			return true;
	return false;
}

static void read_direction(struct pods_reader *r, const struct yaml_node *spec, const char *space, const char *name,
			   const char *group, bool inbound)
{
	const struct yaml_node *types = yaml_get(spec, "policyTypes", NULL);
	const struct yaml_node *list = yaml_get(spec, inbound ? "ingress" : "egress", NULL);
	struct allow allow = {.r = r, .inbound = inbound,
			      .rule = {.comment = name, .action = "allow", .apply_to = group,
				       .direction = inbound ? DPU_DIR_IN : DPU_DIR_OUT}};
	const bool isolates = types && types->n ? has_type(types, inbound ? "Ingress" : "Egress") : inbound || (list && list->n);

	if (!isolates && list && list->n)
		import_remark(r->in, list->line, FWIMPORT_SAME, name, "policyTypes leaves this direction out");
	if (!isolates)
		return;
	for (size_t i = 0; list && list->kind == YAML_SEQUENCE && i < list->n; i++)
		allow_entry(&allow, space, list->items[i]);
	if (list && list->kind != YAML_SEQUENCE && !list->null)
		left_out(&allow, list, name, "it is no list");
	pods_close(r, spec->line, name, group, inbound);
}

static void read_policy(struct pods_reader *r, const struct yaml_node *object)
{
	const struct yaml_node *meta = yaml_get(object, "metadata", NULL), *spec = yaml_get(object, "spec", NULL);
	const struct yaml_node *pods = spec && spec->kind == YAML_MAPPING ? yaml_get(spec, "podSelector", NULL) : NULL;
	const char *space = pods_text(meta, "namespace", "default"), *name = pods_text(meta, "name", "-");
	char group[POLICY_NAME_MAX];
	const char *why;

	if (!spec || spec->kind != YAML_MAPPING || !pods) {
		yaml_error(NULL, spec ? spec : object, r->in->diag, "see kubectl explain networkpolicy.spec",
			   "NetworkPolicy %s has no spec with a podSelector", name);
		r->in->err = -EINVAL;
		return;
	}
	why = pods_only(spec, (const char *const[]){"podSelector", "policyTypes", "ingress", "egress", NULL}) ?
		      pods_selected(r, space, pods, group) :
		      "its spec has a key that is not known";
	if (why) {
		import_remark(r->in, spec->line, FWIMPORT_LOOSER, name, "%s: the policy is left out, and its pods stay open", why);
		return;
	}
	read_direction(r, spec, space, name, group, true);
	read_direction(r, spec, space, name, group, false);
}

static void read_object(struct pods_reader *r, const struct yaml_node *object)
{
	const struct yaml_node *items = object->kind == YAML_MAPPING ? yaml_get(object, "items", NULL) : NULL;
	const char *kind = pods_text(object, "kind", ""), *version = pods_text(object, "apiVersion", "");

	r->objects++;
	if (items && items->kind == YAML_SEQUENCE) {
		for (size_t i = 0; i < items->n; i++)
			read_object(r, items->items[i]);
	} else if (!strcmp(kind, "NetworkPolicy") && !strcmp(version, "networking.k8s.io/v1")) {
		read_policy(r, object);
	} else if (!*kind) {
		yaml_error(NULL, object, r->in->diag, NULL, "expected an object of Kubernetes, with kind and apiVersion");
		r->in->err = -EINVAL;
	} else {
		import_remark(r->in, object->line, strstr(kind, "NetworkPolicy") ? FWIMPORT_EITHER : FWIMPORT_SAME, kind,
			      "only NetworkPolicy of networking.k8s.io/v1 is read: the object is left out");
	}
}

/* ---- documents -------------------------------------------------------------------------- */

static bool begins_document(const char *line)
{
	return !strncmp(line, "---", 3) && (!line[3] || strchr(" \t\r\n", line[3]));
}

static bool is_blank(const char *line, const char *end)
{
	for (; line < end; line += strcspn(line, "\n") + 1)
		if (!begins_document(line) && line[strspn(line, " \t\r")] != '#' && line[strspn(line, " \t\r")] != '\n' &&
		    line + strspn(line, " \t\r") < end)
			return false;
	return true;
}

/* One document, behind as many empty lines as are before it: so its places are the file's. */
static void read_document(struct pods_reader *r, unsigned lines, const char *from, const char *to)
{
	struct yaml_document *doc = NULL;
	size_t length = lines + (size_t)(to - from);
	char *text = malloc(length + 1);
	int err;

	if (!text) {
		r->in->err = diag_error(r->in->diag, -ENOMEM, NULL, "out of memory importing %s", r->in->name);
		return;
	}
	memset(text, '\n', lines);
	memcpy(text + lines, from, (size_t)(to - from));
	text[length] = '\0';
	err = yaml_parse(r->in->name, text, length, &doc, r->in->diag);
	r->in->err = r->in->err ? r->in->err : err;
	if (!err && doc->root && !doc->root->null)
		read_object(r, doc->root);
	yaml_free(doc);
	free(text);
}

void fwimport_kubernetes(struct importer *in)
{
	struct pods_reader r = {.in = in};
	const char *from = in->text, *line = in->text;
	unsigned lines = 0, first = 0;

	for (; ; lines++) {
		const bool end = !*line;

		if (end || (begins_document(line) && line > from)) {
			if (!is_blank(from, line))
				read_document(&r, first, from, line);
			from = line;
			first = lines;
		}
		if (end)
			break;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	in->default_action = "allow"; /* pods that no policy selects are open */
	pods_write_closed(&r);
	if (!in->err && !r.objects)
		in->err = diag_error(in->diag, -EINVAL, NULL, "%s has no object of Kubernetes", in->name);
	pods_free(&r);
}
