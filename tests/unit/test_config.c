// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "suite.h"
#include "config.h"
#include "lab_check.h"
#include "values.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))
#define DEMO "user/share/demo.yaml"

static int read_text(const char *text, struct lab **ret_lab, struct diag *diag)
{
	return config_read_text("x.yaml", text, strlen(text), ret_lab, diag);
}

static struct lab *must_read(const char *text)
{
	struct diag diag = {0};
	struct lab *lab = NULL;

	CU_ASSERT_EQUAL(read_text(text, &lab, &diag), 0);
	for (size_t i = 0; i < diag.n; i++)
		fprintf(stderr, "%u: %s\n", diag.records[i].line, diag.records[i].message);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lab);
	CU_ASSERT_EQUAL(diag.n, 0);
	diag_clear(&diag);
	return lab;
}

static struct lab *read_demo(void)
{
	struct diag diag = {0};
	struct lab *lab = NULL;

	CU_ASSERT_EQUAL(config_read(DEMO, &lab, &diag), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lab);
	diag_clear(&diag);
	return lab;
}

static void demo_is_what_it_says(void)
{
	struct lab *lab = read_demo();
	struct lab_vm *web1 = lab_find_vm(lab, "web1"), *web2 = lab_find_vm(lab, "web2");
	struct lab_vm *web3 = lab_find_vm(lab, "web3"), *db1 = lab_find_vm(lab, "db1");
	bool seen[3] = {lab->default_action == DPU_ACTION_ALLOW};

	CU_ASSERT_EQUAL(lab->n_hosts, 2);
	CU_ASSERT_EQUAL(lab->n_vms, 4);
	CU_ASSERT_EQUAL(lab->n_groups, 2);
	CU_ASSERT_TRUE(lab->hosts[0].dpu && lab->hosts[1].dpu);
	CU_ASSERT_EQUAL(web1->host, web2->host);
	CU_ASSERT_NOT_EQUAL(web1->host, web3->host);
	CU_ASSERT_EQUAL(web1->group, web3->group);
	CU_ASSERT_NOT_EQUAL(web1->group, db1->group);
	CU_ASSERT_NOT_EQUAL(lab->groups[web1->group].vni, 0);
	for (size_t i = 0; i < lab->n_vms; i++)
		CU_ASSERT_EQUAL(lab->vms[i].n_ips, 2);
	for (size_t i = 0; i < lab->n_rules; i++)
		seen[lab->rules[i].action] = true;
	CU_ASSERT_TRUE(seen[DPU_ACTION_ALLOW] && seen[DPU_ACTION_DROP] && seen[DPU_ACTION_REJECT]);
	lab_free(lab);
}

#define SMALL "lab: t\nhosts: {h: {dpu: true}, k: {}}\nport-groups: {g: {vni: 1}, v: {vlan: 2}}\n"

static void defaults_are_filled_in(void)
{
	struct lab *lab = must_read(SMALL "vms: {a: {host: k, port-group: g, ip: 10.0.0.1/24}}\n");
	char text[VALUE_TEXT_MAX];

	CU_ASSERT_EQUAL(lab->path, PATH_HOST);
	CU_ASSERT_EQUAL(lab->hook, LAB_HOOK_AUTO);
	CU_ASSERT_EQUAL(lab->fabric_mtu, 1600);
	CU_ASSERT_EQUAL(lab->flows, 16384);
	CU_ASSERT_EQUAL(lab->connections, 65536);
	CU_ASSERT_EQUAL(lab->macs, 16384);
	CU_ASSERT_EQUAL(lab->mac_ageing_s, 300);
	CU_ASSERT_EQUAL(lab->storm_pps, 10000);
	CU_ASSERT_EQUAL(lab->table_full, LAB_TABLE_FULL_CLOSED);
	CU_ASSERT_EQUAL(lab->timeouts.tcp_established, 432000);
	CU_ASSERT_EQUAL(lab->timeouts.other, 600);
	CU_ASSERT_EQUAL(lab_max_connections(lab, &lab->vms[0]), 32768);
	CU_ASSERT_EQUAL(lab_max_half_open(lab, &lab->vms[0]), 8192);
	CU_ASSERT_EQUAL(lab_guard(lab, &lab->vms[0]), DPU_GUARD_OFF);
	CU_ASSERT_EQUAL(lab->default_action, DPU_ACTION_ALLOW);
	CU_ASSERT_EQUAL(lab->hosts[1].path, PATH_HOST);
	CU_ASSERT_FALSE(lab->hosts[1].dpu);
	CU_ASSERT_STRING_EQUAL(prefix_format(&lab->hosts[1].vtep, true, text), "10.255.0.2/16");
	CU_ASSERT_TRUE(cpu_set_is_empty(&lab->hosts[1].cpus));
	CU_ASSERT_EQUAL(lab->vms[0].port, DPU_PORT_VNIC_MIN);
	CU_ASSERT_EQUAL(lab->vms[0].mtu, 1550);
	CU_ASSERT_EQUAL(lab->vms[0].mac.b[0], 0x02);
	CU_ASSERT_STRING_EQUAL(lab->file, "x.yaml");
	lab_free(lab);
}

static void every_key_reaches_its_field(void)
{
	struct lab *lab = must_read(
		"lab: full\nplacement: linux\nhook: tc\nfabric: {mtu: 9000}\n"
		"hosts:\n  h: {dpu: true, cpus: '0-1,3', dpu-cpus: 2, vtep: 192.168.0.1/24, placement: dpu-upt, hook: xdp}\n"
		"  k: {vtep: 192.168.0.2/24}\n"
		"port-groups: {g: {vni: 0xffffff, segment: 7}, v: {vlan: 4094}, u: {spoofguard: strict}}\n"
		"vms:\n  a: {host: h, port-group: g, ip: [10.0.0.1/8, '2001:db8::1/64'], mac: '02:00:00:00:00:0a', mtu: 1400, port: 40,\n"
		"      connections: 30, half-open: 5, spoofguard: learn}\n"
		"  b: {host: k, port-group: u, ip: 10.0.0.2/8}\n"
		"firewall:\n  default: reject\n  table-full: open\n  connections: 40\n  half-open: 7\n  timeouts: {tcp-syn-sent: 1, tcp-syn-recv: 2, tcp-established: 3, tcp-fin-wait: 4, tcp-close-wait: 5,\n"
		"    tcp-last-ack: 6, tcp-time-wait: 7, tcp-close: 8, udp-new: 9, udp-established: 10, icmp: 11, other: 12}\n  rules:\n"
		"    - {name: one, direction: in, from: [10.0.0.0/8, b], to: any, protocol: tcp, port: [80, 8000-8999],\n"
		"       source-port: 1024-65535, action: drop, apply-to: [a, u]}\n"
		"tables: {flows: 64, connections: 100, macs: 200}\nmac-ageing: 10\nstorm-limit: 0\n");
	const struct lab_rule *rule = lab->rules;

	CU_ASSERT_EQUAL(lab->path, PATH_LINUX);
	CU_ASSERT_EQUAL(lab->hosts[0].path, PATH_DPU_UPT);
	CU_ASSERT_EQUAL(lab->hosts[1].path, PATH_LINUX);
	CU_ASSERT_EQUAL(lab->hosts[0].hook, LAB_HOOK_XDP);
	CU_ASSERT_EQUAL(lab->hosts[1].hook, LAB_HOOK_TC);
	CU_ASSERT_EQUAL(lab->hosts[0].cpus.bits[0], 0xb);
	CU_ASSERT_EQUAL(lab->hosts[0].dpu_cpus.bits[0], 0x4);
	CU_ASSERT_EQUAL(lab->hosts[0].vtep.plen, 24);
	CU_ASSERT_EQUAL(lab->fabric_mtu, 9000);
	CU_ASSERT_EQUAL(lab->groups[0].vni, 0xffffff);
	CU_ASSERT_EQUAL(lab->groups[0].segment, 7);
	CU_ASSERT_EQUAL(lab->groups[1].vlan, 4094);
	CU_ASSERT_EQUAL(lab->groups[1].segment, 1);
	CU_ASSERT_EQUAL(lab->groups[2].vni, 0);
	CU_ASSERT_EQUAL(lab->vms[0].n_ips, 2);
	CU_ASSERT_EQUAL(lab->vms[0].ips[1].family, 6);
	CU_ASSERT_EQUAL(lab->vms[0].mac.b[5], 0x0a);
	CU_ASSERT_EQUAL(lab->vms[0].mtu, 1400);
	CU_ASSERT_EQUAL(lab->vms[0].port, 40);
	CU_ASSERT_EQUAL(lab->vms[1].mtu, 9000);
	CU_ASSERT_EQUAL(lab->default_action, DPU_ACTION_REJECT);
	CU_ASSERT_EQUAL(lab->table_full, LAB_TABLE_FULL_OPEN);
	for (uint32_t i = 0; i < sizeof(lab->timeouts) / sizeof(uint32_t); i++)
		CU_ASSERT_EQUAL(((const uint32_t *)&lab->timeouts)[i], i + 1);
	CU_ASSERT_EQUAL(lab_max_connections(lab, &lab->vms[0]), 30);
	CU_ASSERT_EQUAL(lab_max_half_open(lab, &lab->vms[0]), 5);
	CU_ASSERT_EQUAL(lab_max_connections(lab, &lab->vms[1]), 40);
	CU_ASSERT_EQUAL(lab_max_half_open(lab, &lab->vms[1]), 7);
	CU_ASSERT_EQUAL(lab_guard(lab, &lab->vms[0]), DPU_GUARD_LEARN);
	CU_ASSERT_EQUAL(lab_guard(lab, &lab->vms[1]), DPU_GUARD_STRICT);
	lab->vms[1].extra = true; /* of load: nothing is listed */
	CU_ASSERT_EQUAL(lab_guard(lab, &lab->vms[1]), DPU_GUARD_LEARN);
	CU_ASSERT_EQUAL_FATAL(lab->n_rules, 1);
	CU_ASSERT_STRING_EQUAL(rule->name, "one");
	CU_ASSERT_EQUAL(rule->id, 1);
	CU_ASSERT_EQUAL(rule->line, 21);
	CU_ASSERT_EQUAL(rule->direction, DPU_DIR_IN);
	CU_ASSERT_EQUAL(rule->proto, 6);
	CU_ASSERT_EQUAL(rule->n_from, 2);
	CU_ASSERT_EQUAL(rule->from[0].prefix.plen, 8);
	CU_ASSERT_EQUAL(rule->from[1].kind, PEER_VM);
	CU_ASSERT_EQUAL(rule->from[1].index, 1);
	CU_ASSERT_EQUAL(rule->n_to, 0);
	CU_ASSERT_EQUAL(rule->n_dports, 2);
	CU_ASSERT_EQUAL(rule->dports[1].hi, 8999);
	CU_ASSERT_EQUAL(rule->n_sports, 1);
	CU_ASSERT_EQUAL(rule->action, DPU_ACTION_DROP);
	CU_ASSERT_EQUAL_FATAL(rule->n_apply_to, 2);
	CU_ASSERT_EQUAL(rule->apply_to[1].kind, PEER_PORT_GROUP);
	CU_ASSERT_EQUAL(rule->apply_to[1].index, 2);
	CU_ASSERT_EQUAL(lab->flows, 64);
	CU_ASSERT_EQUAL(lab->connections, 100);
	CU_ASSERT_EQUAL(lab->macs, 200);
	CU_ASSERT_EQUAL(lab->mac_ageing_s, 10);
	CU_ASSERT_EQUAL(lab->storm_pps, 0);
	lab_free(lab);
}

static void anchors_and_merge_keys_work(void)
{
	struct lab *lab = must_read("lab: t\n"
				    "hosts: {a: &h {dpu: true, cpus: 0}, b: {<<: *h, cpus: 1}, c: *h}\n"
				    "port-groups: {g: }\n");

	CU_ASSERT_TRUE(lab->hosts[1].dpu);
	CU_ASSERT_EQUAL(lab->hosts[1].cpus.bits[0], 2);
	CU_ASSERT_TRUE(lab->hosts[2].dpu);
	lab_free(lab);
}

#define VMS SMALL "vms:\n  a: {host: h, port-group: g, ip: 10.0.0.1/24}\n"
#define VM_B VMS "  b: {host: h, port-group: g, ip: "

/* Each text has exactly one error, at this place and in these words. */
static const struct {
	const char *text;
	unsigned line, column;
	const char *message, *hint;
} errors[] = {
	/* YAML */
	{"", 1, 1, "expected a mapping", "lab: NAME"},
	{"- a\n- b\n", 1, 1, "expected a mapping", NULL},
	{"lab: t\nhosts: {a: [1\n", 3, 1, "closing bracket", "not valid YAML"},
	{"lab: \"a\\q\"\n", 1, 8, "escape", NULL},
	{"lab: t\n---\nlab: u\n", 1, 1, "one document", NULL},
	{SMALL "vms: *none\n", 4, 7, "unknown alias", "anchor"},
	{"lab: t\nhosts: {h: &x {<<: *x}}\nport-groups: {g: }\n", 2, 21, "unknown alias", NULL},
	{SMALL "vms: {<<: 7}\n", 4, 11, "merge key", NULL},
	{SMALL "hook: tc\nhook: xdp\n", 5, 1, "'hook' appears twice, first in line 4", NULL},
	{SMALL "? [a]\n: b\n", 4, 3, "key must be", NULL},
	{SMALL "hook: \"t\\0c\"\n", 4, 8, "NUL", NULL},
	{SMALL "vms: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n", 4, 29,
	 "nested too deep", NULL},
	/* keys */
	{SMALL "colour: red\n", 4, 1, "unknown key 'colour' in the lab file", "known here: lab,"},
	{SMALL "placment: host\n", 4, 1, "unknown key", "'placement'"},
	{SMALL "fabric: {mut: 9000}\n", 4, 10, "unknown key 'mut' in fabric", "'mtu'"},
	{VMS "    floppy: 4\n", 6, 5, "invalid indentation", NULL},
	{VM_B "10.0.0.2/24, floppy: 4}\n", 6, 48, "unknown key 'floppy' in vms.b", "known here: host,"},
	{"hosts: {h: }\nport-groups: {g: }\n", 1, 1, "needs the key 'lab'", NULL},
	{"lab: t\nport-groups: {g: }\n", 1, 1, "needs the key 'hosts'", NULL},
	{"lab: t\nhosts: {}\nport-groups: {g: }\n", 2, 8, "hosts: expected at least one", NULL},
	{VMS "  b: {port-group: g, ip: 10.0.0.2/24}\n", 6, 3, "vms.b needs the key 'host'", NULL},
	{SMALL "firewall: {rules: [{port: 80, protocol: tcp}]}\n", 4, 20,
	 "firewall.rules[1] needs the key 'action'", NULL},
	/* types */
	{SMALL "fabric: 9000\n", 4, 9, "fabric: expected a mapping (key: value), found '9000'", NULL},
	{SMALL "fabric: {mtu: [1600]}\n", 4, 15, "found a list", NULL},
	{SMALL "fabric: {mtu: }\n", 4, 10, "found nothing", NULL},
	{SMALL "fabric: {mtu: big}\n", 4, 15, "fabric.mtu: expected a whole number from", NULL},
	{SMALL "fabric: {mtu: 20000}\n", 4, 15, "found '20000'", NULL},
	{SMALL "firewall: {rules: {}}\n", 4, 19, "expected a list of mappings, found a mapping", NULL},
	{SMALL "firewall: {default: alow}\n", 4, 21, "one of allow, drop, reject", "'allow'"},
	{SMALL "vms: {a: 5}\n", 4, 10, "vms.a: expected a mapping", NULL},
	{"lab: t-1\nhosts: {h: }\nport-groups: {g: }\n", 1, 6, "lab: expected a lower-case", NULL},
	{"lab: t\nhosts: {h: {dpu: yes}}\nport-groups: {g: }\n", 2, 18, "true or false, found 'yes'", NULL},
	{"lab: t\nhosts: {h: {cpus: 0-}}\nport-groups: {g: }\n", 2, 19, "CPU list", NULL},
	{"lab: t\nhosts: {h: {vtep: 2001:db8::1/64}}\nport-groups: {g: }\n", 2, 19, "IPv4 address", NULL},
	{VM_B "10.0.0.2}\n", 6, 35, "vms.b.ip: expected an address", "10.0.0.2/24"},
	{VM_B "[]}\n", 6, 35, "found a list", "name at least one"},
	{VM_B "[10.0.0.2/24, 10.0.0.300/24]}\n", 6, 49, "found '10.0.0.300/24'", NULL},
	{VM_B "10.0.0.2/24, mac: '01:00:5e:00:00:01'}\n", 6, 54, "unicast MAC", NULL},
	{VM_B "10.0.0.2/24, mtu: 1e3}\n", 6, 53, "whole number", NULL},
	{VMS "firewall: {rules: [{from: 10.0.0.1/24, action: drop}]}\n", 6, 27, "a prefix such as",
	 "10.0.0.0/24"},
	{VMS "firewall: {rules: [{from: c, action: drop}]}\n", 6, 27, "name of a VM, port group or group", NULL},
	{VMS "firewall: {rules: [{protocol: htpp, action: drop}]}\n", 6, 31, "a protocol", NULL},
	{VMS "firewall: {rules: [{protocol: tcp, port: 90-80, action: drop}]}\n", 6, 42, "port or range", NULL},
	{VMS "firewall: {rules: [{name: \"a\\nb\", action: drop}]}\n", 6, 28, "one line of text", NULL},
	/* names and references */
	{"lab: t\nhosts: {Esx1: }\nport-groups: {g: }\n", 2, 9, "hosts: expected a name", NULL},
	{"lab: t\nhosts: {averylongname: }\nport-groups: {g: }\n", 2, 9, "at most 11", NULL},
	{VMS "  fabric: {host: h, port-group: g, ip: 10.0.0.2/24}\n", 6, 3, "cannot be called 'fabric'", NULL},
	{VMS "  h-dpu: {host: h, port-group: g, ip: 10.0.0.2/24}\n", 6, 3, "a host's DPU", NULL},
	{VMS "  vf0: {host: h, port-group: g, ip: 10.0.0.2/24}\n", 6, 3, "clash with a device", NULL},
	{VMS "  k: {host: h, port-group: g, ip: 10.0.0.2/24}\n", 6, 3, "of a VM and of a host", NULL},
	{VMS "  v: {host: h, port-group: g, ip: 10.0.0.2/24}\n", 3, 28, "of a VM and of a port group", NULL},
	{VMS "  b: {host: hots, port-group: g, ip: 10.0.0.2/24}\n", 6, 13, "the name of a host", NULL},
	{VMS "  b: {host: h, port-group: x, ip: 10.0.0.2/24}\n", 6, 28, "the name of a port group", NULL},
	/* what only makes sense together */
	{VM_B "10.0.0.1/16}\n", 6, 35, "10.0.0.1/16 is an address of VM 'a'", NULL},
	{VMS "  b: {host: h, port-group: g, ip: [10.0.0.2/24, 10.0.0.2/24]}\n", 6, 49, "twice", NULL},
	{VM_B "224.0.0.1/24}\n", 6, 35, "not the address of a machine", NULL},
	{VM_B "10.0.0.0/24}\n", 6, 35, "not the address of a machine", NULL},
	{VM_B "10.0.0.2/24, mtu: 1551}\n", 6, 53, "more than port group 'g' carries: 1550", NULL},
	{VM_B "'2001:db8::2/64', mtu: 1200}\n", 6, 58, "less than IPv6 needs", NULL},
	{VM_B "'2001:db8::2/64'}\nfabric: {mtu: 16x}\n", 7, 15, "a whole number from", NULL},
	{VM_B "10.0.0.2/24, port: 40}\n  c: {host: h, port-group: g, ip: 10.0.0.3/24, port: 40}\n", 7, 54,
	 "40 is the port of VM 'b' already", NULL},
	{"lab: t\nhosts: {h: {placement: dpu-mux}}\nport-groups: {g: }\n", 2, 24, "needs a DPU", "dpu: true"},
	{"lab: t\nplacement: dpu-mux\nhosts: {h: }\nport-groups: {g: }\n", 3, 9, "needs a DPU", "dpu: true"},
	{"lab: t\nhosts: {h: }\nport-groups: {g: }\nvms:\n  m: {host: h, type: bare-metal, port-group: g, ip: 10.0.0.1/24}\n"
	 "  v: {host: h, port-group: g, ip: 10.0.0.2/24}\n", 6, 13, "is itself machine 'm'", "another host"},
	{"lab: t\nhosts: {h: {dpu-cpus: 1}}\nport-groups: {g: }\n", 2, 23, "has no DPU", NULL},
	{"lab: t\nhosts: {h: {vtep: 10.9.0.1/16}, k: {vtep: 10.9.0.1/16}}\nport-groups: {g: }\n", 2, 43,
	 "VTEP of host 'h' already", NULL},
	{"lab: t\nhosts: {h: {vtep: 10.9.0.1/16}, k: {vtep: 10.8.0.2/16}}\nport-groups: {g: }\n", 2, 43,
	 "not in the network of host 'h'", NULL},
	{"lab: t\nhosts: {h: }\nport-groups: {g: {vni: 1, vlan: 2}}\n", 3, 33, "both vni and vlan", NULL},
	{"lab: t\nhosts: {h: }\nport-groups: {g: {vni: 1, segment: 3}, i: {vni: 2, segment: 3}}\n", 3, 61,
	 "is another segment", NULL},
	{"lab: t\nhosts: {h: }\nport-groups: {g: }\nvms:\n  m: {host: h, type: qemu, kernel: boot/k, port-group: g, ip: 10.0.0.1/24}\n",
	 5, 36, "no absolute path", "begin it with /"},
	{VMS "firewall: {rules: [{port: 80, action: drop}]}\n", 6, 27, "ports need a protocol", "tcp"},
	{VMS "firewall: {rules: [{from: 10.0.0.0/8, to: '::/0', action: drop}]}\n", 6, 20, "never matches", NULL},
	{VMS "firewall: {rules: [{from: 10.0.0.0/8, protocol: icmpv6, action: drop}]}\n", 6, 20,
	 "never matches", "icmp"},
	{SMALL "tables: {flows: 16385}\n", 4, 17, "not a power of two", "16384 or 32768"},
};

static void each_error_has_its_place_and_words(void)
{
	for (size_t i = 0; i < COUNT(errors); i++) {
		struct diag diag = {0};
		struct lab *lab = NULL;
		const struct diag_record *record;
		int err = read_text(errors[i].text, &lab, &diag);

		CU_ASSERT_EQUAL(err, -EINVAL);
		CU_ASSERT_PTR_NULL(lab);
		CU_ASSERT_EQUAL(diag.n, 1);
		record = diag.records;
		if (diag.n != 1 || record->line != errors[i].line || record->column != errors[i].column ||
		    !strstr(record->message, errors[i].message) ||
		    (errors[i].hint && (!record->hint || !strstr(record->hint, errors[i].hint)))) {
			fprintf(stderr, "row %zu, wanted %u:%u %s\n", i, errors[i].line, errors[i].column,
				errors[i].message);
			for (size_t j = 0; j < diag.n; j++)
				fprintf(stderr, "    got %u:%u: %s (%s)\n", diag.records[j].line,
					diag.records[j].column, diag.records[j].message,
					diag.records[j].hint ? diag.records[j].hint : "no hint");
			CU_FAIL("another error than expected");
		}
		diag_clear(&diag);
	}
}

static void errors_come_together_and_in_order(void)
{
	static const char text[] = "lab: t\n"
				   "hosts: {h: {dpu: maybe}}\n"
				   "port-groups: {g: {vni: 0}}\n"
				   "vms: {a: {host: x, port-group: y, ip: [z]}}\n"
				   "firewall: {default: maybe}\n"
				   "tables: {flows: 100}\n"
				   "colour: red\n";
	struct diag diag = {0};
	struct lab *lab = NULL;

	CU_ASSERT_EQUAL(read_text(text, &lab, &diag), -EINVAL);
	CU_ASSERT_EQUAL(diag.n, 8);
	for (size_t i = 1; i < diag.n; i++)
		CU_ASSERT_TRUE(diag.records[i - 1].line <= diag.records[i].line);
	CU_ASSERT_EQUAL_FATAL(diag.n > 0, true);
	CU_ASSERT_STRING_EQUAL(diag.records[0].source, "hosts: {h: {dpu: maybe}}");
	CU_ASSERT_STRING_EQUAL(diag.records[0].file, "x.yaml");
	diag_clear(&diag);
}

/* All VMs alike: every pair clashes, but each VM is named once and the list ends somewhere. */
static void a_flood_of_errors_is_cut(void)
{
	struct diag diag = {0};
	struct lab *lab = NULL;
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	fputs("lab: t\nhosts: {h: }\nport-groups: {g: }\nvms:\n", out);
	for (unsigned i = 0; i < 121; i++)
		fprintf(out, "  v%u: {host: h, port-group: g, ip: 10.0.0.1/24}\n", i);
	fclose(out);
	CU_ASSERT_EQUAL(config_read_text("x.yaml", text, length, &lab, &diag), -EINVAL);
	CU_ASSERT_EQUAL_FATAL(diag.n, 101);
	CU_ASSERT_EQUAL(diag.records[99].line, 4 + 101); /* the first VM clashes with none before it */
	CU_ASSERT_STRING_EQUAL(diag.records[100].message, "x.yaml: and 20 more errors");
	diag_clear(&diag);
	free(text);
}

static void files_that_cannot_be_read_say_why(void)
{
	struct diag diag = {0};
	struct lab *lab = NULL;

	CU_ASSERT_EQUAL(config_read("/nonexistent/lab.yaml", &lab, &diag), -ENOENT);
	CU_ASSERT_EQUAL(config_read("/", &lab, &diag), -EISDIR);
	CU_ASSERT_EQUAL_FATAL(diag.n, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(diag.records[0].message, "/nonexistent/lab.yaml"));
	diag_clear(&diag);
}

/* What is written reads back as the same lab: writing that again gives the same text. */
static void check_round_trip(const struct lab *lab)
{
	struct diag diag = {0};
	char *once = NULL, *twice = NULL;
	struct lab *again;

	CU_ASSERT_EQUAL_FATAL(config_write(lab, &once, &diag), 0);
	again = must_read(once);
	CU_ASSERT_EQUAL_FATAL(config_write(again, &twice, &diag), 0);
	CU_ASSERT_STRING_EQUAL(once, twice);
	CU_ASSERT_EQUAL(lab->n_vms, again->n_vms);
	CU_ASSERT_EQUAL(lab->n_rules, again->n_rules);
	for (size_t i = 0; i < lab->n_vms; i++) {
		CU_ASSERT_EQUAL(lab->vms[i].port, again->vms[i].port);
		CU_ASSERT_EQUAL(memcmp(&lab->vms[i].mac, &again->vms[i].mac, sizeof(struct dpu_mac)), 0);
		CU_ASSERT_EQUAL(lab->vms[i].n_ips, again->vms[i].n_ips);
	}
	lab_free(again);
	free(once);
	free(twice);
	diag_clear(&diag);
}

static void written_labs_read_back(void)
{
	static const char *const texts[] = {
		"lab: t\nhosts: {null: }\nport-groups: {true: }\n",
		SMALL "firewall: {rules: [{name: 'a: \"b\" \\ #c', action: drop}, {name: '- x', action: allow},\n"
		      " {name: \"\\t\\x7fd\", action: reject}, {name: \"\\u00fc\", protocol: 200, action: drop}]}\n",
	};
	struct lab *lab = read_demo();

	check_round_trip(lab);
	lab_free(lab);
	for (size_t i = 0; i < COUNT(texts); i++) {
		lab = must_read(texts[i]);
		check_round_trip(lab);
		lab_free(lab);
	}
}

static void missing_cpus_are_a_warning(void)
{
	struct lab *lab = must_read("lab: t\nhosts: {h: {dpu: true, cpus: '0-3', dpu-cpus: 1}}\nport-groups: {g: }\n");
	struct cpu_set online;
	struct diag diag = {0};

	CU_ASSERT_EQUAL_FATAL(cpu_set_parse("0-1", &online), 0);
	lab_check_cpus(lab, &online, &diag);
	CU_ASSERT_EQUAL_FATAL(diag.n, 1);
	CU_ASSERT_EQUAL(diag.records[0].level, DIAG_WARNING);
	CU_ASSERT_PTR_NOT_NULL(strstr(diag.records[0].message, "CPU 2-3"));
	lab_limit_cpus(lab, &online);
	CU_ASSERT_EQUAL(lab->hosts[0].cpus.bits[0], 3);
	CU_ASSERT_EQUAL(lab->hosts[0].dpu_cpus.bits[0], 2);
	diag_clear(&diag);
	lab_free(lab);
}

/* ---- random damage --------------------------------------------------------------- */

static char *load(const char *path, size_t *ret_length)
{
	FILE *file = fopen(path, "r");
	char *text = malloc(1 << 16);

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	*ret_length = fread(text, 1, 1 << 16, file);
	fclose(file);
	return text;
}

/* One edit in place, of a kind that users and editors make, or of any byte. Room: twice the length. */
static size_t damage(char *text, size_t length, unsigned *seed)
{
	static const char significant[] = " \n\t:-[]{}&*?|>'\"#%@,0123456789/.~<\\";
	const size_t at = rand_r(seed) % length, n = 1 + rand_r(seed) % 12;
	const size_t here = n < length - at ? n : length - at;

	switch (rand_r(seed) % 5) {
	case 0:
		text[at] = rand_r(seed);
		return length;
	case 1:
		text[at] = significant[rand_r(seed) % (sizeof(significant) - 1)];
		return length;
	case 2: /* cut out */
		memmove(text + at, text + at + here, length - at - here);
		return length - here;
	case 3: /* double */
		memmove(text + at + here, text + at, length - at);
		return length + here;
	default: /* cut short, not often */
		return rand_r(seed) % 8 ? length : at + 1;
	}
}

static void damaged_files_never_crash(void)
{
	const char *rounds_wanted = getenv("DPULAB_FUZZ_ROUNDS");
	const unsigned rounds = rounds_wanted ? strtoul(rounds_wanted, NULL, 10) : 3000;
	size_t original_length, length;
	char *original = load(DEMO, &original_length), *text = malloc(2 * original_length + 256);
	unsigned good = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	for (unsigned round = 0; round < rounds; round++) {
		unsigned seed = round;
		struct diag diag = {0};
		struct lab *lab = NULL;
		int err;

		memcpy(text, original, original_length);
		length = original_length;
		for (unsigned edits = 1 + rand_r(&seed) % 6; edits && length; edits--)
			length = damage(text, length, &seed);
		err = config_read_text("damaged.yaml", text, length, &lab, &diag);
		CU_ASSERT_EQUAL(!err, lab != NULL);
		CU_ASSERT_EQUAL(err != 0, diag_has_errors(&diag));
		if (lab) {
			good++;
			check_round_trip(lab);
		}
		lab_free(lab);
		diag_clear(&diag);
	}
	CU_ASSERT(good > 0); /* both outcomes were met */
	CU_ASSERT(good < rounds);
	free(text);
	free(original);
}

SUITE(config,
      {"the shipped lab is what its comment says", demo_is_what_it_says},
      {"defaults are filled in", defaults_are_filled_in},
      {"every key reaches its field", every_key_reaches_its_field},
      {"anchors and merge keys work", anchors_and_merge_keys_work},
      {"each error has its place and its words", each_error_has_its_place_and_words},
      {"errors come together and in the file's order", errors_come_together_and_in_order},
      {"a flood of errors is cut", a_flood_of_errors_is_cut},
      {"files that cannot be read say why", files_that_cannot_be_read_say_why},
      {"what is written reads back as the same lab", written_labs_read_back},
      {"CPUs that the machine lacks are left out with a warning", missing_cpus_are_a_warning},
      {"damaged files never crash the reader", damaged_files_never_crash});
