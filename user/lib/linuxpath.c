/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * linuxpath.c - start and stop of frame path "linux" on one host.
 *
 * Order: devices, then rules, then ports join their bridges, so that no frame
 * passes unfiltered; stop goes the other way round. Every step makes what is
 * missing and corrects what differs: start over the ruins of a killed start or
 * stop converges, and stop finds what to remove by name, not by the lab file.
 */
#include "linuxpath.h"
#include "host.h"
#include "linuxdev.h"
#include "nft.h"
#include "op.h"
#include "qos.h"
#include "topology.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BRIDGE_SYSCTLS "/proc/sys/net/bridge"

/* A host being worked on. */
struct path {
	const struct lab *lab;
	size_t host;
	struct netns *ns;
	struct linuxpath_segment *segments;
	size_t n_segments;
	struct diag *diag;
};

/* ---- br_netfilter ------------------------------------------------------------ */

static bool has_br_netfilter(void)
{
	return access(BRIDGE_SYSCTLS, F_OK) == 0;
}

/* option: "-q" loads, "-nq" only finds out whether it could. */
static int modprobe(const char *option, const char *module)
{
	char *argv[] = {"modprobe", (char *)option, (char *)module, NULL};
	char *env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, env))
		return -ENOENT;
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
		return -ENOENT;
	return 0;
}

int linuxpath_find_br_netfilter(struct diag *diag)
{
	if (has_br_netfilter() || !modprobe("-nq", "br_netfilter"))
		return 0;
	return diag_error(diag, -EOPNOTSUPP,
			  "install the kernel's module br_netfilter, or choose another placement",
			  "placement linux: this kernel has no br_netfilter and cannot filter bridged "
			  "frames statefully");
}

/*
 * Loading br_netfilter sends the frames of every bridge of the machine through
 * iptables; the caller's own bridges, which worked without, keep doing so.
 */
static int need_br_netfilter(struct diag *diag)
{
	static const char *const calls[] = {"bridge/bridge-nf-call-iptables",
					    "bridge/bridge-nf-call-ip6tables",
					    "bridge/bridge-nf-call-arptables"};
	NETNS_CLEANUP struct netns *own = NULL;
	int err;

	if (has_br_netfilter())
		return 0;
	err = linuxpath_find_br_netfilter(diag);
	if (err)
		return err;
	if (modprobe("-q", "br_netfilter"))
		return diag_error(diag, -EOPNOTSUPP, "see `modprobe -v br_netfilter`",
				  "the kernel refused its module br_netfilter");
	op_done();
	err = netns_open_own(&own, diag);
	for (size_t i = 0; !err && i < sizeof(calls) / sizeof(calls[0]); i++)
		err = netns_sysctl(own, calls[i], "0", false, diag);
	return err;
}

/* ---- start ------------------------------------------------------------------- */

/* RFC 7600: the address of those who have none. Source of the ICMP errors of a reject. */
static struct rt_addr answer_address(int ifindex)
{
	struct rt_addr addr = {.ifindex = ifindex,
			       .family = 4,
			       .plen = 32,
			       .addr.b = {[10] = 0xff, 0xff, 192, 0, 0, 8}};

	return addr;
}

static int bridge_sysctls(struct path *path, const char *bridge)
{
	static const struct {
		const char *path, *value;
	} settings[] = {
		{"ipv4/conf/%s/forwarding", "0"}, /* segments are not routed to each other */
		{"ipv4/conf/%s/arp_ignore", "1"}, /* the host's underlay address is not for VMs */
		{"ipv6/conf/%s/accept_ra", "0"},
		/* a link-local address, usable at once, which the host's other devices do not have */
		{"ipv6/conf/%s/accept_dad", "0"},
		{"ipv6/conf/%s/disable_ipv6", "0"},
		{"ipv6/conf/%s/addr_gen_mode", "0"},
	};
	char name[64];
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(settings) / sizeof(settings[0]); i++) {
		snprintf(name, sizeof(name), settings[i].path, bridge);
		err = netns_sysctl(path->ns, name, settings[i].value, true, path->diag);
	}
	return err;
}

static int start_bridge(struct path *path, const struct linuxpath_segment *segment)
{
	struct rt_addr source;
	int bridge, err;

	err = linuxdev_bridge(path->ns, segment->bridge, path->lab->mac_ageing_s, &bridge,
			      path->diag);
	if (!err)
		err = bridge_sysctls(path, segment->bridge);
	if (!err)
		err = rt_link_up(path->ns, bridge, true, path->diag);
	if (err)
		return err;
	source = answer_address(bridge);
	err = rt_addr_add(path->ns, &source, path->diag);
	if (err)
		return err;
	return linuxdev_answer_route(path->ns, segment->number, bridge, &source, path->diag);
}

/* Hosts, this one excepted, that have a VM in the segment. Returns how many. */
static size_t segment_endpoints(const struct path *path, uint16_t segment, union dpu_ip *endpoints)
{
	const struct lab *lab = path->lab;
	size_t n = 0;

	for (size_t host = 0; host < lab->n_hosts; host++) {
		bool member = false;

		for (size_t vm = 0; vm < lab->n_vms && !member; vm++)
			member = lab->vms[vm].host == host &&
				 lab->groups[lab->vms[vm].group].segment == segment;
		if (member && host != path->host)
			endpoints[n++] = lab->hosts[host].vtep.addr;
	}
	return n;
}

static int start_vxlan(struct path *path, const struct linuxpath_segment *segment)
{
	const struct lab *lab = path->lab;
	union dpu_ip *endpoints = calloc(lab->n_hosts, sizeof(*endpoints));
	int vxlan, err;

	if (!endpoints)
		return -ENOMEM;
	err = linuxdev_vxlan(path->ns, segment->wire_dev, segment->vni,
			     &lab->hosts[path->host].vtep.addr, lab->mac_ageing_s, &vxlan,
			     path->diag);
	if (!err)
		err = linuxdev_flood_list(path->ns, vxlan, endpoints,
					  segment_endpoints(path, segment->number, endpoints),
					  path->diag);
	free(endpoints);
	return err;
}

/* The bridge becomes the host's foot on the underlay: uplink0's MAC and address, then the port. */
static int start_untagged(struct path *path, const struct linuxpath_segment *segment)
{
	const struct lab_host *host = &path->lab->hosts[path->host];
	int bridge = rt_ifindex(path->ns, segment->bridge);
	struct rt_addr addr = {.ifindex = bridge,
			       .family = 4,
			       .plen = host->vtep.plen,
			       .addr = host->vtep.addr};
	int err = rt_link_mac(path->ns, bridge, host->vtep_mac, path->diag);

	if (!err)
		err = rt_addr_add(path->ns, &addr, path->diag);
	addr.ifindex = rt_ifindex(path->ns, TOPOLOGY_UPLINK);
	if (!err)
		err = rt_addr_del(path->ns, &addr, path->diag);
	return err;
}

/* Without 802.1Q devices the segment works inside the host; said, not hidden. */
static int start_vlan(struct path *path, struct linuxpath_segment *segment)
{
	int ifindex;
	int err = linuxdev_vlan(path->ns, segment->wire_dev, TOPOLOGY_UPLINK, segment->vlan,
				&ifindex, path->diag);

	if (err != -EOPNOTSUPP)
		return err;
	segment->wire = LINUXPATH_NO_WIRE;
	diag_warn(path->diag, "use a VNI, or an untagged port group, or a kernel with CONFIG_VLAN_8021Q",
		  "placement linux: VLAN %u stays inside host %s, this kernel has no 802.1Q devices",
		  segment->vlan, path->lab->hosts[path->host].name);
	return 0;
}

static int start_wire(struct path *path, struct linuxpath_segment *segment)
{
	switch (segment->wire) {
	case LINUXPATH_VXLAN:
		return start_vxlan(path, segment);
	case LINUXPATH_VLAN:
		return start_vlan(path, segment);
	case LINUXPATH_UNTAGGED:
		return start_untagged(path, segment);
	default:
		return 0;
	}
}

static int join_bridge(struct path *path, const char *dev, const char *bridge)
{
	struct rt_link link;
	int master = rt_ifindex(path->ns, bridge);
	int err = rt_link_get(path->ns, dev, &link, path->diag);

	if (err || master < 0)
		return diag_error(path->diag, err ? err : master, "bring the lab up first",
				  "there is no %s in %s", err ? dev : bridge, path->ns->name);
	if (link.master != master)
		err = rt_link_master(path->ns, link.ifindex, master, path->diag);
	if (!err && !(link.flags & IFF_UP))
		err = rt_link_up(path->ns, link.ifindex, true, path->diag);
	return err;
}

static const char *bridge_of(const struct path *path, const struct lab_vm *vm)
{
	for (size_t i = 0; i < path->n_segments; i++)
		if (path->segments[i].number == path->lab->groups[vm->group].segment)
			return path->segments[i].bridge;
	return "";
}

static int join_ports(struct path *path)
{
	const struct lab *lab = path->lab;
	int err = 0;

	for (size_t i = 0; !err && i < path->n_segments; i++)
		if (path->segments[i].wire != LINUXPATH_NO_WIRE)
			err = join_bridge(path, path->segments[i].wire_dev, path->segments[i].bridge);
	for (size_t vm = 0; !err && vm < lab->n_vms; vm++)
		if (lab->vms[vm].host == path->host)
			err = join_bridge(path, lab->vms[vm].name, bridge_of(path, &lab->vms[vm]));
	return err;
}

struct rules_job {
	const char *text;
	struct diag *diag;
};

static int run_rules_here(void *arg)
{
	const struct rules_job *job = arg;

	return nft_run(job->text, job->diag);
}

static int start_rules(struct path *path)
{
	struct rules_job job = {.diag = path->diag};
	char *text = nft_ruleset(path->lab, path->host, path->segments, path->n_segments);
	int err;

	if (!text)
		return -ENOMEM;
	job.text = text;
	err = netns_run(path->ns, run_rules_here, &job);
	free(text);
	return err;
}

/*
 * Answers of the firewall: they carry the mark of what they answer
 * (linuxdev_answer_route() builds on it), and each rejected packet gets one. By
 * default the kernel answers one IPv6 packet a second and stays silent to the rest.
 */
static int set_answers(struct path *path, bool on)
{
	static const struct {
		const char *name, *on, *off;
	} settings[] = {
		{"ipv4/fwmark_reflect", "1", "0"},
		{"ipv6/fwmark_reflect", "1", "0"},
		{"ipv4/icmp_ratelimit", "0", "1000"},
		{"ipv6/icmp/ratelimit", "0", "1000"},
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings) && !err; i++)
		err = netns_sysctl(path->ns, settings[i].name, on ? settings[i].on : settings[i].off,
				   i > 0, path->diag);
	return err;
}

/*
 * Tracking as the other frame paths do it, and as fast as the kernel can: by
 * flags, without TCP windows unless the lab wants them, and without summing up every packet. Only there
 * once the rules have brought conntrack in.
 */
static int set_tracking(struct path *path, bool on)
{
	int err = netns_sysctl(path->ns, "netfilter/nf_conntrack_checksum", on ? "0" : "1", true,
			       path->diag);

	return err ? err : netns_sysctl(path->ns, "netfilter/nf_conntrack_tcp_be_liberal",
					on && path->lab->tcp_window == LAB_TCP_WINDOW_LIBERAL ? "1" : "0", true,
					path->diag);
}

/* ---- stop -------------------------------------------------------------------- */

static bool is_ours(const char *dev)
{
	return !strncmp(dev, "br_", 3) || !strncmp(dev, "vx_", 3) || !strncmp(dev, "vl_", 3);
}

static bool is_planned(const struct path *path, const char *dev)
{
	for (size_t i = 0; i < path->n_segments; i++)
		if (!strcmp(dev, path->segments[i].bridge) ||
		    !strcmp(dev, path->segments[i].wire_dev))
			return true;
	return false;
}

static bool is_ours_by_index(const struct rt_link *links, size_t n, int ifindex)
{
	for (size_t i = 0; i < n; i++)
		if (links[i].ifindex == ifindex)
			return is_ours(links[i].name);
	return false;
}

/* Takes ports out of, and removes, every device of this path that the plan does not name. */
static int remove_unplanned(struct path *path)
{
	struct rt_link *links;
	size_t n;
	int err = rt_links(path->ns, &links, &n, path->diag);

	if (err)
		return err;
	for (size_t i = 0; !err && i < n; i++)
		if (!path->n_segments && !is_ours(links[i].name) &&
		    is_ours_by_index(links, n, links[i].master))
			err = rt_link_master(path->ns, links[i].ifindex, 0, path->diag);
	for (size_t i = 0; !err && i < n; i++)
		if (is_ours(links[i].name) && !is_planned(path, links[i].name))
			err = rt_link_del(path->ns, links[i].ifindex, path->diag);
	free(links);
	return err;
}

/* The underlay address is uplink0's again, whether or not a bridge had it. */
static int restore_uplink(struct path *path)
{
	const struct lab_host *host = &path->lab->hosts[path->host];
	struct rt_addr addr = {.ifindex = rt_ifindex(path->ns, TOPOLOGY_UPLINK),
			       .family = 4,
			       .plen = host->vtep.plen,
			       .addr = host->vtep.addr};

	if (addr.ifindex < 0)
		return 0;
	return rt_addr_add(path->ns, &addr, path->diag);
}

static int remove_rules(struct path *path)
{
	struct rules_job job = {.text = nft_removal(), .diag = path->diag};

	return netns_run(path->ns, run_rules_here, &job);
}

/* ---- both -------------------------------------------------------------------- */

/* A chain that is not run is no mere difference: what it was there to drop passes. */
static void warn_intercept(const struct lab *lab, size_t host, struct diag *diag)
{
	size_t n = lab_intercepted(lab, host);

	if (n)
		diag_warn(diag, "use placement host, dpu-mux or dpu-upt there",
			  "placement linux of host %s: there is no intercept, the chains of %zu vNIC%s are not run",
			  lab->hosts[host].name, n, n == 1 ? "" : "s");
}

int linuxpath_start_in(struct netns *ns, const struct lab *lab, size_t host, struct diag *diag)
{
	struct path path = {.lab = lab, .host = host, .ns = ns, .diag = diag};
	int err = linuxpath_segments(lab, host, &path.segments, &path.n_segments);

	warn_intercept(lab, host, diag);
	if (!err)
		err = need_br_netfilter(diag);
	if (!err)
		err = set_answers(&path, true);
	for (size_t i = 0; !err && i < path.n_segments; i++) {
		err = start_bridge(&path, &path.segments[i]);
		if (!err)
			err = start_wire(&path, &path.segments[i]);
	}
	if (!err)
		err = start_rules(&path);
	if (!err)
		err = set_tracking(&path, true);
	if (!err)
		err = join_ports(&path);
	if (!err)
		err = remove_unplanned(&path);
	if (!err && !strcmp(linuxpath_underlay(path.segments, path.n_segments), TOPOLOGY_UPLINK))
		err = restore_uplink(&path);
	free(path.segments);
	return err;
}

static int stop_in(struct netns *ns, const struct lab *lab, size_t host, struct diag *diag)
{
	struct path path = {.lab = lab, .host = host, .ns = ns, .diag = diag};
	int err = remove_unplanned(&path);

	if (!err)
		err = restore_uplink(&path);
	if (!err)
		err = remove_rules(&path);
	if (!err)
		err = linuxdev_answer_rules_remove(ns, diag);
	if (!err)
		err = set_answers(&path, false);
	if (!err)
		err = set_tracking(&path, false);
	if (!err)
		err = linuxdev_forget_connections(ns, diag);
	return err;
}

int linuxpath_start(const struct lab *lab, size_t host, struct diag *diag)
{
	NETNS_CLEANUP struct netns *ns = NULL;
	int err = topology_open_host(lab, host, &ns, diag);

	if (err)
		return err == -ENOENT ? diag_error(diag, err, "bring the lab up first",
						   "host %s of lab %s is not up",
						   lab->hosts[host].name, lab->name)
				      : err;
	err = linuxpath_start_in(ns, lab, host, diag);
	return err ? err : qos_set(lab, host, PATH_LINUX, false, diag);
}

int linuxpath_stop(const struct lab *lab, size_t host, struct diag *diag)
{
	NETNS_CLEANUP struct netns *ns = NULL;
	int err = lab_is_beside(&lab->hosts[host]) ? -ENOENT : topology_open_host(lab, host, &ns, diag);

	if (err) /* what is on the machine of a second switch is the first one's */
		return err == -ENOENT ? 0 : err;
	return stop_in(ns, lab, host, diag);
}

bool linuxpath_runs(const struct lab *lab, size_t host)
{
	NETNS_CLEANUP struct netns *ns = NULL;
	struct rt_link *links;
	bool runs = false;
	size_t n;

	if (lab_is_beside(&lab->hosts[host]) || topology_open_host(lab, host, &ns, NULL) || rt_links(ns, &links, &n, NULL))
		return false;
	for (size_t i = 0; i < n; i++)
		runs |= is_ours(links[i].name);
	free(links);
	return runs;
}
