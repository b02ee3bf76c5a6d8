// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "suite.h"
#include "baremetal.h"
#include "config.h"
#include "topology.h"

#include <stdio.h>
#include <string.h>

static const char text[] = "lab: t\n"
			   "placement: host\n"
			   "hosts:\n"
			   "  h1: {dpu: true, hook: xdp}\n"
			   "  h2: {}\n"
			   "port-groups: {g: {vni: 7}, v: {vlan: 5}}\n"
			   "vms:\n"
			   "  a: {host: h1, port-group: g, ip: 10.1.0.1/24}\n"
			   "  b: {host: h1, port-group: v, ip: 10.1.0.2/24}\n"
			   "  c: {host: h2, port-group: g, ip: 10.1.0.3/24}\n";

struct planned {
	struct lab *lab;
	struct topology plan;
};

static struct planned plan(void)
{
	struct planned p = {0};
	struct diag diag = {0};

	CU_ASSERT_EQUAL_FATAL(config_read_text("t.yaml", text, strlen(text), &p.lab, &diag), 0);
	CU_ASSERT_EQUAL_FATAL(topology_plan(p.lab, &p.plan), 0);
	diag_clear(&diag);
	return p;
}

static void done(struct planned *p)
{
	topology_free(&p->plan);
	lab_free(p->lab);
}

/* The wire between two devices of two nodes, or NULL. */
static const struct wire *find(const struct topology *plan, const char *node0, const char *dev0,
			       const char *node1, const char *dev1)
{
	for (size_t i = 0; i < plan->n_wires; i++) {
		const struct wire_end *end = plan->wires[i].end;

		if (!strcmp(plan->nodes[end[0].node].name, node0) && !strcmp(end[0].dev, dev0) &&
		    !strcmp(plan->nodes[end[1].node].name, node1) && !strcmp(end[1].dev, dev1))
			return &plan->wires[i];
	}
	return NULL;
}

static void a_host_with_dpu_has_two_wires_and_channels(void)
{
	struct planned p = plan();

	CU_ASSERT_EQUAL(p.plan.n_nodes, 1 + 3 + 3);
	CU_ASSERT_EQUAL(p.plan.n_wires, 3 + 1 + 3 + 2);
	CU_ASSERT_PTR_NOT_NULL(find(&p.plan, "fabric", "h1", "h1", "uplink0"));
	CU_ASSERT_PTR_NOT_NULL(find(&p.plan, "fabric", "h1-dpu", "h1-dpu", "p0"));
	CU_ASSERT_PTR_NOT_NULL(find(&p.plan, "fabric", "h2", "h2", "uplink0"));
	CU_ASSERT_PTR_NOT_NULL(find(&p.plan, "h1-dpu", "pf0hpf", "h1", "pf0"));
	CU_ASSERT_PTR_NOT_NULL(find(&p.plan, "a", "eth0", "h1", "a"));
	CU_ASSERT_PTR_NOT_NULL(find(&p.plan, "h1-dpu", "pf0vf0", "h1", "vf0"));
	CU_ASSERT_PTR_NOT_NULL(find(&p.plan, "h1-dpu", "pf0vf1", "h1", "vf1"));
	CU_ASSERT_PTR_NOT_NULL(find(&p.plan, "c", "eth0", "h2", "c"));
	done(&p);
}

static void an_emulated_link_is_between_all_channels(void)
{
	struct planned p = plan();
	struct topology linked;

	p.lab->hosts[0].link_delay_ns = 1000;
	CU_ASSERT_EQUAL_FATAL(topology_plan(p.lab, &linked), 0);
	CU_ASSERT_EQUAL(linked.n_nodes, p.plan.n_nodes + 1);
	CU_ASSERT_EQUAL(linked.n_wires, p.plan.n_wires + 3);
	for (int i = 0; i < 3; i++) {
		static const char *const host[] = {"pf0", "vf0", "vf1"}, *const dpu[] = {"pf0hpf", "pf0vf0", "pf0vf1"};

		CU_ASSERT_PTR_NULL(find(&linked, "h1-dpu", dpu[i], "h1", host[i]));
		CU_ASSERT_PTR_NOT_NULL(find(&linked, "h1-dpu", dpu[i], "h1-pci", dpu[i]));
		CU_ASSERT_PTR_NOT_NULL(find(&linked, "h1-pci", host[i], "h1", host[i]));
	}
	topology_free(&linked);
	done(&p);
}

static void both_wires_of_a_host_bear_its_address(void)
{
	struct planned p = plan();
	const struct wire *host = find(&p.plan, "fabric", "h1", "h1", "uplink0");
	const struct wire *dpu = find(&p.plan, "fabric", "h1-dpu", "h1-dpu", "p0");

	CU_ASSERT_EQUAL(memcmp(&host->end[1].mac, &p.lab->hosts[0].vtep_mac, 6), 0);
	CU_ASSERT_EQUAL(memcmp(&dpu->end[1].mac, &p.lab->hosts[0].vtep_mac, 6), 0);
	done(&p);
}

static void addresses_are_local_unicast_and_differ(void)
{
	struct planned p = plan(), again = plan();

	for (size_t i = 0; i < 2 * p.plan.n_wires; i++) {
		const struct dpu_mac *mac = &p.plan.wires[i / 2].end[i % 2].mac;

		CU_ASSERT_EQUAL(mac->b[0] & 3, 2);
		CU_ASSERT_EQUAL(memcmp(mac, &again.plan.wires[i / 2].end[i % 2].mac, 6), 0);
		for (size_t j = 0; j < i; j++) {
			bool same = !memcmp(mac, &p.plan.wires[j / 2].end[j % 2].mac, 6);
			/* the two wires of h1 share theirs on purpose */
			bool meant = !memcmp(mac, &p.lab->hosts[0].vtep_mac, 6);

			CU_ASSERT_TRUE(!same || meant);
		}
	}
	done(&p);
	done(&again);
}

static void only_wires_to_the_underlay_join_the_fabric(void)
{
	struct planned p = plan();

	for (size_t i = 0; i < p.plan.n_wires; i++)
		CU_ASSERT_EQUAL(p.plan.wires[i].on_fabric,
				p.plan.nodes[p.plan.wires[i].end[0].node].kind == NODE_FABRIC);
	done(&p);
}

static void a_channel_takes_what_the_wire_takes(void)
{
	struct planned p = plan();
	const struct wire *vnic = find(&p.plan, "a", "eth0", "h1", "a");
	const struct wire *channel = find(&p.plan, "h1-dpu", "pf0vf0", "h1", "vf0");

	CU_ASSERT_EQUAL(vnic->mtu, p.lab->vms[0].mtu);
	CU_ASSERT_EQUAL(channel->mtu, p.lab->fabric_mtu);
	done(&p);
}

static void auto_means_tc_on_virtual_devices(void)
{
	struct planned p = plan();

	for (size_t n = 0; n < p.plan.n_nodes; n++) {
		const struct node *node = &p.plan.nodes[n];
		bool on_h1 = !strncmp(node->name, "h1", 2) || !strcmp(node->name, "a") ||
			     !strcmp(node->name, "b");

		if (node->kind != NODE_FABRIC)
			CU_ASSERT_EQUAL(topology_hook(p.lab, node),
					on_h1 ? LAB_HOOK_XDP : LAB_HOOK_TC);
	}
	done(&p);
}

static void a_host_that_is_a_machine_has_the_vnic_s_end_itself(void)
{
	static const char bare[] = "lab: t\n"
				   "hosts: {h1: {dpu: true, placement: bare-metal}, h2: {dpu: true, placement: dpu-upt}}\n"
				   "port-groups: {g: {vni: 7}}\n"
				   "vms:\n"
				   "  iron: {type: bare-metal, host: h1, port-group: g, ip: 10.1.0.1/24}\n"
				   "  vm: {host: h2, port-group: g, ip: 10.1.0.2/24}\n";
	struct planned p = {0};
	struct diag diag = {0};
	const struct wire *wire;

	CU_ASSERT_EQUAL_FATAL(config_read_text("t.yaml", bare, strlen(bare), &p.lab, &diag), 0);
	CU_ASSERT_EQUAL_FATAL(topology_plan(p.lab, &p.plan), 0);
	CU_ASSERT_EQUAL(p.plan.n_nodes, 1 + 2 + 2 + 1); /* fabric, hosts, DPUs, one VM: the machine has no node */
	wire = find(&p.plan, "h1", "eth0", "h1", "iron");
	CU_ASSERT_PTR_NOT_NULL_FATAL(wire);
	CU_ASSERT(wire->vnic && wire->vm == 0);
	CU_ASSERT_EQUAL(memcmp(&wire->end[0].mac, &p.lab->vms[0].mac, sizeof(wire->end[0].mac)), 0);
	CU_ASSERT_PTR_NOT_NULL(find(&p.plan, "h1-dpu", "pf0vf0", "h1", "vf0"));
	CU_ASSERT_EQUAL(lab_bare_machine(p.lab, 0), 0);
	CU_ASSERT_EQUAL(lab_bare_machine(p.lab, 1), SIZE_MAX);
	diag_clear(&diag);
	done(&p);
}

static void which_path_a_host_can_run_follows_from_who_lives_there(void)
{
	static const char bare[] = "lab: t\n"
				   "hosts: {h1: {dpu: true}, h2: {dpu: true}, h3: {dpu: true}}\n"
				   "port-groups: {g: {vni: 7}}\n"
				   "vms:\n"
				   "  iron: {type: bare-metal, host: h1, port-group: g, ip: 10.1.0.1/24}\n"
				   "  vm: {host: h2, port-group: g, ip: 10.1.0.2/24}\n";
	struct diag diag = {0};
	struct lab *lab;

	CU_ASSERT_EQUAL_FATAL(config_read_text("t.yaml", bare, strlen(bare), &lab, &diag), 0);
	CU_ASSERT_EQUAL(baremetal_refuse(lab, 0, PATH_BARE_METAL, &diag), 0);
	CU_ASSERT_EQUAL(baremetal_refuse(lab, 0, PATH_DPU_UPT, &diag), -EINVAL);
	CU_ASSERT_EQUAL(baremetal_refuse(lab, 1, PATH_BARE_METAL, &diag), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(diag.records[diag.n - 1].message, "VM vm lives there"));
	CU_ASSERT_EQUAL(baremetal_refuse(lab, 1, PATH_DPU_UPT, &diag), 0);
	CU_ASSERT_EQUAL(baremetal_refuse(lab, 2, PATH_BARE_METAL, &diag), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(diag.records[diag.n - 1].message, "no machine of the lab"));
	CU_ASSERT_EQUAL(baremetal_path(lab, 0, PATH_DPU_UPT), PATH_BARE_METAL);
	CU_ASSERT_EQUAL(baremetal_path(lab, 1, PATH_BARE_METAL), PATH_DPU_UPT);
	CU_ASSERT_EQUAL(baremetal_path(lab, 0, PATH_HOST), PATH_HOST);
	diag_clear(&diag);
	lab_free(lab);
}

SUITE(topology,
      {"a host with a DPU has two wires, a PCIe channel, and one channel per vNIC",
       a_host_with_dpu_has_two_wires_and_channels},
      {"where a link is emulated, its relay is between the two ends of every channel", an_emulated_link_is_between_all_channels},
      {"both wires of a host bear its address", both_wires_of_a_host_bear_its_address},
      {"addresses are locally administered, stable, and differ", addresses_are_local_unicast_and_differ},
      {"only wires to the underlay join the fabric", only_wires_to_the_underlay_join_the_fabric},
      {"a channel takes what the wire takes, a vNIC what the VM takes", a_channel_takes_what_the_wire_takes},
      {"hook auto means tc on virtual devices", auto_means_tc_on_virtual_devices},
      {"a host that is itself a machine has the vNIC's end, and the machine no node",
       a_host_that_is_a_machine_has_the_vnic_s_end_itself},
      {"which path a host can run follows from who lives there",
       which_path_a_host_can_run_follows_from_who_lives_there});
