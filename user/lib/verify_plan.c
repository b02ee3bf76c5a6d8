// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What must happen in a lab: the probes that are worth sending, and what the lab file says of each. Pure. */
#include "l2_policy.h"
#include "policy.h"
#include "schedule.h"
#include "verify.h"
#include "verify_plan.h"

#include <errno.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>

enum {
	MAX_PORTS = 32,	     /* distinct destination ports tried per protocol */
	UNRELATED_PORT = 7,  /* a port that no rule of a sane lab names */
	EPHEMERAL_PORT = 40000, /* of the kind that the kernel chooses for a client */
};

static enum probe_outcome judge(const struct policy_book *book, size_t vm, uint8_t direction,
				const struct probe *probe)
{
	const struct lab *lab = book->lab;
	bool icmp6 = probe->proto == IPPROTO_ICMP && probe->family == 6;
	struct policy_packet packet = {
		.src = verify_address(&lab->vms[probe->from], probe->family)->addr,
		.dst = verify_address(&lab->vms[probe->to], probe->family)->addr,
		.proto = icmp6 ? IPPROTO_ICMPV6 : probe->proto,
		.direction = direction,
		.has_ports = true,
		.sport = probe->proto != IPPROTO_ICMP ? EPHEMERAL_PORT : icmp6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO,
		.dport = probe->port,
	};
	uint8_t action = lab->default_action;
	const struct dpu_rule *hit;
	struct dpu_rule *rules = NULL;
	size_t n = 0;

	if (schedule_closed_now(lab, &packet.closed) || policy_compile(book, vm, &rules, &n, NULL))
		return PROBE_SILENT;
	hit = policy_match(rules, n, &packet);
	if (hit)
		action = hit->action;
	free(rules);
	return action == DPU_ACTION_ALLOW ? PROBE_PASS :
	       action == DPU_ACTION_DROP  ? PROBE_SILENT : PROBE_REJECT;
}

/* ---- frames: rules of category ethernet ----------------------------------------------- */

/* Does a frame from one VM get past the lists of both? */
static bool frame_passes(const struct policy_book *book, size_t from, size_t to, struct l2_frame frame)
{
	uint32_t out = 0, in = 0;

	frame.smac = dpu_mac_number(book->lab->vms[from].mac.b);
	if (!frame.dmac)
		frame.dmac = dpu_mac_number(book->lab->vms[to].mac.b);
	frame.direction = DPU_DIR_OUT;
	if (l2_policy_ask(book, from, &frame, &out) || out)
		return false;
	frame.direction = DPU_DIR_IN;
	return !l2_policy_ask(book, to, &frame, &in) && !in;
}

/* Where the question for an address goes: to all, or to the multicast group of IPv6 that ends alike (RFC 4291 2.7.1, RFC 2464 7). */
static uint64_t asked_at(const struct probe *probe, const struct lab_vm *to)
{
	const union dpu_ip *ip = &verify_address(to, probe->family)->addr;
	const uint8_t group[6] = {0x33, 0x33, 0xff, ip->b[13], ip->b[14], ip->b[15]};

	return probe->family == 4 ? 0xffffffffffff : dpu_mac_number(group);
}

/* Can the one resolve the other's address and send it frames of the family? */
static bool frames_pass(const struct policy_book *book, const struct probe *probe, uint64_t closed)
{
	const struct lab *lab = book->lab;
	const uint16_t type = probe->family == 4 ? ETHERTYPE_IP : ETHERTYPE_IPV6;
	const uint16_t resolving = probe->family == 4 ? ETHERTYPE_ARP : ETHERTYPE_IPV6;
	const struct l2_frame question = {.ethertype = resolving, .dmac = asked_at(probe, &lab->vms[probe->to]), .closed = closed};
	const struct l2_frame answer = {.ethertype = resolving, .closed = closed}, packet = {.ethertype = type, .closed = closed};

	if (!lab->n_rules || lab->rules[0].category != CATEGORY_ETHERNET) /* they come first */
		return true;
	return frame_passes(book, probe->from, probe->to, question) && frame_passes(book, probe->to, probe->from, answer) &&
	       frame_passes(book, probe->from, probe->to, packet);
}

/* And frames back? */
static bool answers_pass(const struct policy_book *book, const struct probe *probe, uint64_t closed)
{
	return frame_passes(book, probe->to, probe->from,
			    (struct l2_frame){.ethertype = probe->family == 4 ? ETHERTYPE_IP : ETHERTYPE_IPV6, .closed = closed});
}

static enum probe_outcome expected(const struct policy_book *book, const struct probe *probe)
{
	const struct lab *lab = book->lab;
	const struct lab_vm *from = &lab->vms[probe->from], *to = &lab->vms[probe->to];
	enum probe_outcome out;
	uint64_t closed;

	if (lab->groups[from->group].segment != lab->groups[to->group].segment || schedule_closed_now(lab, &closed) ||
	    !frames_pass(book, probe, closed))
		return PROBE_SILENT;
	out = judge(book, probe->from, DPU_DIR_OUT, probe);
	if (out == PROBE_PASS)
		out = judge(book, probe->to, DPU_DIR_IN, probe);
	return out == PROBE_PASS && !answers_pass(book, probe, closed) ? PROBE_SILENT : out;
}

enum probe_outcome probe_expected(const struct lab *lab, const struct probe *probe)
{
	enum probe_outcome out = PROBE_SILENT;
	struct policy_book *book;

	if (!policy_book_open(lab, &book)) {
		out = expected(book, probe);
		policy_book_close(book);
	}
	return out;
}

struct port_list {
	uint16_t port[MAX_PORTS];
	size_t n;
};

static void add_port(struct port_list *list, long port)
{
	if (port < 1 || port > 65535 || list->n == MAX_PORTS)
		return;
	for (size_t i = 0; i < list->n; i++)
		if (list->port[i] == port)
			return;
	list->port[list->n++] = (uint16_t)port;
}

static void add_borders(struct port_list *list, const struct policy_service *service)
{
	for (size_t i = 0; i < service->n_dports; i++) {
		if (!service->dports[i].lo && service->dports[i].hi == UINT16_MAX)
			continue; /* any: not a border to ask about */
		add_port(list, service->dports[i].lo);
		add_port(list, service->dports[i].hi);
		add_port(list, (long)service->dports[i].lo - 1);
		add_port(list, (long)service->dports[i].hi + 1);
	}
}

/* Both sides of each border of the rules that speak of proto. */
static struct port_list ports_that_matter(const struct policy_book *book, uint8_t proto)
{
	struct port_list list = {.n = 0};

	add_port(&list, UNRELATED_PORT);
	for (size_t i = 0; i < book->n; i++)
		for (size_t j = 0; j < book->rules[i].n_services; j++) {
			const struct policy_service *service = &book->rules[i].services[j];

			if (!service->proto || service->proto == proto)
				add_borders(&list, service);
		}
	return list;
}

static int plan_pair(const struct policy_book *book, struct probe like, const struct port_list *tcp,
		     const struct port_list *udp, struct probe **probes, size_t *n)
{
	size_t more = 1 + tcp->n + udp->n;
	struct probe *grown = reallocarray(*probes, *n + more, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*probes = grown;
	for (size_t i = 0; i < more; i++) {
		struct probe *probe = &grown[(*n)++];

		*probe = like;
		if (i == 0) {
			probe->proto = IPPROTO_ICMP;
		} else if (i <= tcp->n) {
			probe->proto = IPPROTO_TCP;
			probe->port = tcp->port[i - 1];
		} else {
			probe->proto = IPPROTO_UDP;
			probe->port = udp->port[i - 1 - tcp->n];
		}
		probe->expected = expected(book, probe);
		probe->seen = PROBE_SILENT;
	}
	return 0;
}

static int plan_families(const struct policy_book *book, size_t from, size_t to, const struct port_list *tcp,
			 const struct port_list *udp, struct probe **probes, size_t *n)
{
	const struct lab_vm *vms = book->lab->vms;
	int err = 0;

	for (uint8_t family = 4; family <= 6 && !err; family += 2) {
		struct probe like = {.from = from, .to = to, .family = family};

		if (from != to && verify_address(&vms[from], family) && verify_address(&vms[to], family))
			err = plan_pair(book, like, tcp, udp, probes, n);
	}
	return err;
}

/* Every VM of from ... from_end - 1 with every one of to ... to_end - 1. */
static int plan_range(const struct lab *lab, size_t from, size_t from_end, size_t to, size_t to_end,
		      struct probe **ret_probes, size_t *ret_n)
{
	struct policy_book *book;
	struct port_list tcp, udp;
	struct probe *probes = NULL;
	size_t n = 0;
	int err = policy_book_open(lab, &book);

	if (err)
		return err;
	tcp = ports_that_matter(book, IPPROTO_TCP);
	udp = ports_that_matter(book, IPPROTO_UDP);
	for (size_t a = from; a < from_end; a++)
		for (size_t b = to; b < to_end && !err; b++)
			err = plan_families(book, a, b, &tcp, &udp, &probes, &n);
	policy_book_close(book);
	if (err) {
		free(probes);
		return err;
	}
	*ret_probes = probes;
	*ret_n = n;
	return 0;
}

int verify_plan(const struct lab *lab, struct probe **ret_probes, size_t *ret_n)
{
	return plan_range(lab, 0, lab->n_vms, 0, lab->n_vms, ret_probes, ret_n);
}

int verify_plan_pair(const struct lab *lab, size_t from, size_t to, struct probe **ret_probes, size_t *ret_n)
{
	return plan_range(lab, from, from + 1, to, to + 1, ret_probes, ret_n);
}
