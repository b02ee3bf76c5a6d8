// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * nfct.c - the kernel's side of tests/prog/test_conformance.c. A write to a tun device
 * carries the packet through the whole router before it returns, as a rule; a marker sent
 * behind it, which always passes, tells when a packet that has not arrived never will.
 */
#include "nfct.h"
#include "nft.h"
#include "rt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MARKER_PORT 9
#define PATIENCE_MS 60000 /* for the marker: the machine may be busy with something else */
#define ETH_LEN	    14
#define IP_LEN	    20
#define IP6_LEN	    40
#define IP6_NEXT    6 /* where the next header stands */

struct nfct {
	int tun[2];
	struct nl_sock *sock;
};

static const char rules[] = "table inet conformance {\n"
			    "	chain forward {\n"
			    "		type filter hook forward priority 0; policy drop\n"
			    "		udp dport 9 accept\n"
			    "		ct state established,related accept\n"
			    "		iifname \"opener\" ct state new accept\n"
			    "	}\n"
			    "}\n";

/* ---- the router ---------------------------------------------------------------- */

static int set_sysctls(void)
{
	static const struct {
		const char *path, *value;
		bool optional;
	} wanted[] = {
		{"ipv4/ip_forward", "1", false},
		{"ipv4/conf/all/rp_filter", "0", false},
		{"ipv4/conf/default/rp_filter", "0", false},
		{"ipv6/conf/all/forwarding", "1", true},
		{"ipv6/conf/default/disable_ipv6", "0", true},
		{"ipv6/conf/default/addr_gen_mode", "1", true},
		{"netfilter/nf_conntrack_tcp_be_liberal", "1", false},
		{"netfilter/nf_conntrack_tcp_loose", "0", false},
		{"netfilter/nf_conntrack_checksum", "0", false}, /* of SCTP: not made by these tests */
		{"netfilter/nf_conntrack_tcp_ignore_invalid_rst", "1", true},
		{"netfilter/nf_conntrack_tcp_timeout_close", "3600", false},
		{"netfilter/nf_conntrack_tcp_timeout_close_wait", "3600", false},
		{"netfilter/nf_conntrack_tcp_timeout_fin_wait", "3600", false},
		{"netfilter/nf_conntrack_tcp_timeout_last_ack", "3600", false},
		{"netfilter/nf_conntrack_tcp_timeout_syn_recv", "3600", false},
		{"netfilter/nf_conntrack_tcp_timeout_syn_sent", "3600", false},
		{"netfilter/nf_conntrack_tcp_timeout_time_wait", "3600", false},
		{"netfilter/nf_conntrack_udp_timeout", "3600", false},
		{"netfilter/nf_conntrack_icmp_timeout", "3600", false},
		{"netfilter/nf_conntrack_icmpv6_timeout", "3600", true},
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(wanted) / sizeof(wanted[0]); i++)
		err = netns_sysctl_here(wanted[i].path, wanted[i].value, wanted[i].optional);
	return err;
}

/* A tun device with 10.NET.0.1/24 and 2001:db8:NET::1/64. Returns its descriptor. */
static int make_tun(const char *name, uint8_t net, struct diag *diag)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	struct rt_addr address = {.family = 4, .plen = 24}, address6 = {.family = 6, .plen = 64};
	struct netns *ns = NULL;
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	err = ioctl(fd, TUNSETIFF, &request) < 0 ? -errno : 0;
	if (!err)
		err = netns_open_own(&ns, diag);
	if (!err) {
		address.ifindex = rt_ifindex(ns, name);
		memcpy(address.addr.b + 10, (uint8_t[]){0xff, 0xff, 10, net, 0, 1}, 6);
		err = rt_link_up(ns, address.ifindex, true, diag);
	}
	if (!err)
		err = rt_addr_add(ns, &address, diag);
	if (!err) {
		address6.ifindex = address.ifindex;
		memcpy(address6.addr.b, (uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, 0, net, [15] = 1}, 16);
		err = rt_addr_add(ns, &address6, diag);
	}
	netns_close(ns);
	if (err)
		close(fd);
	return err ? err : fd;
}

static int open_netlink(struct nfct *nfct)
{
	nfct->sock = nl_socket_alloc();
	if (!nfct->sock)
		return -ENOMEM;
	nl_socket_disable_auto_ack(nfct->sock);
	return nl_connect(nfct->sock, NETLINK_NETFILTER) < 0 ? -EPROTONOSUPPORT : 0;
}

/* In the new namespace. Gives the reason if this machine cannot. */
static int build_router(struct nfct *nfct, struct diag *diag, const char **ret_reason)
{
	*ret_reason = "the kernel refuses nftables rules with `ct state`";
	if (nft_run(rules, diag))
		return -EOPNOTSUPP;
	*ret_reason = "the kernel has no settings of nf_conntrack in a namespace";
	if (set_sysctls())
		return -EOPNOTSUPP;
	*ret_reason = "no tun devices (/dev/net/tun)";
	nfct->tun[0] = make_tun("opener", 1, diag);
	nfct->tun[1] = make_tun("replier", 2, diag);
	if (nfct->tun[0] < 0 || nfct->tun[1] < 0)
		return -EOPNOTSUPP;
	*ret_reason = "no netlink socket for nf_conntrack";
	return open_netlink(nfct);
}

static int build_in_namespace(struct nfct *nfct, const char **ret_reason)
{
	struct diag diag = {0};
	struct netns *home = NULL;
	int err, back = -1;

	*ret_reason = "cannot make a network namespace";
	err = netns_open_own(&home, &diag);
	if (!err)
		err = netns_enter(home, &back); /* a way back */
	if (!err && unshare(CLONE_NEWNET) < 0)
		err = -errno;
	if (!err)
		err = build_router(nfct, &diag, ret_reason);
	if (back >= 0)
		netns_leave(back);
	netns_close(home);
	diag_clear(&diag);
	return err;
}

void nfct_close(struct nfct *nfct)
{
	if (!nfct)
		return;
	for (int i = 0; i < 2; i++)
		if (nfct->tun[i] >= 0)
			close(nfct->tun[i]);
	nl_socket_free(nfct->sock);
	free(nfct);
}

/* Is ctnetlink there? A question about nothing has an answer. */
static bool answers(struct nfct *nfct)
{
	enum dpu_ct_state state;

	return !nfct_state(nfct, &(struct nfct_tuple){.proto = IPPROTO_TCP, .sport = 1, .dport = 1}, &state);
}

struct nfct *nfct_open(const char **ret_reason)
{
	struct nfct *nfct = calloc(1, sizeof(*nfct));
	int err;

	*ret_reason = "out of memory";
	if (!nfct)
		return NULL;
	nfct->tun[0] = nfct->tun[1] = -1;
	err = build_in_namespace(nfct, ret_reason);
	if (!err && !answers(nfct)) {
		*ret_reason = "nf_conntrack does not tell its states (CONFIG_NF_CT_NETLINK)";
		err = -EOPNOTSUPP;
	}
	if (!err)
		return nfct;
	nfct_close(nfct);
	return NULL;
}

/* ---- a packet ------------------------------------------------------------------- */

static int put(struct nfct *nfct, int side, const uint8_t *packet, size_t len)
{
	ssize_t written = write(nfct->tun[side], packet, len);

	if (written < 0)
		return -errno;
	return (size_t)written == len ? 0 : -EIO;
}

static const struct layer *const markers[2][2] = {
	{FRAME(ETH(MAC(2), MAC(1)), IP4(NFCT_OPENER, NFCT_REPLIER), UDP(MARKER_PORT, MARKER_PORT)),
	 FRAME(ETH(MAC(1), MAC(2)), IP4(NFCT_REPLIER, NFCT_OPENER), UDP(MARKER_PORT, MARKER_PORT))},
	{FRAME(ETH(MAC(2), MAC(1)), IP6(NFCT_OPENER6, NFCT_REPLIER6), UDP(MARKER_PORT, MARKER_PORT)),
	 FRAME(ETH(MAC(1), MAC(2)), IP6(NFCT_REPLIER6, NFCT_OPENER6), UDP(MARKER_PORT, MARKER_PORT))},
};

static bool is_v6(const uint8_t *packet)
{
	return packet[0] >> 4 == 6;
}

static size_t ip_len(const uint8_t *packet)
{
	return is_v6(packet) ? IP6_LEN : IP_LEN;
}

static int send_marker(struct nfct *nfct, int from, bool v6)
{
	struct frame frame;

	frame_build(markers[v6][from], &frame);
	return put(nfct, from, frame.data + ETH_LEN, frame.len - ETH_LEN);
}

static bool is_marker(const uint8_t *packet, size_t len)
{
	const uint8_t *udp = packet + ip_len(packet);

	return len == ip_len(packet) + 8 && packet[is_v6(packet) ? IP6_NEXT : 9] == IPPROTO_UDP && !udp[2] && udp[3] == MARKER_PORT;
}

/* What the router says for itself over IPv6: multicast listener reports, behind hop-by-hop options. */
static bool is_routers_own(const uint8_t *packet)
{
	return is_v6(packet) && packet[IP6_NEXT] == 0;
}

/* The next packet that arrives at a side. */
static int receive(struct nfct *nfct, int side, uint8_t *packet, size_t size, size_t *ret_len)
{
	struct pollfd waiting = {.fd = nfct->tun[side], .events = POLLIN};
	ssize_t got = read(nfct->tun[side], packet, size);

	if (got < 0 && errno == EAGAIN) {
		if (poll(&waiting, 1, PATIENCE_MS) <= 0)
			return -ETIMEDOUT;
		got = read(nfct->tun[side], packet, size);
	}
	if (got < 0)
		return -errno;
	*ret_len = got;
	return 0;
}

int nfct_route(struct nfct *nfct, const struct frame *frame, int from, bool *ret_passed)
{
	size_t len = frame->len - ETH_LEN, got;
	const uint8_t *sent = frame->data + ETH_LEN;
	uint8_t packet[FRAME_MAX];
	bool passed = false;
	int err;

	err = put(nfct, from, sent, len);
	if (!err)
		err = send_marker(nfct, from, is_v6(sent));
	while (!err) {
		err = receive(nfct, !from, packet, sizeof(packet), &got);
		if (err || is_marker(packet, got))
			break;
		if (got == len && !memcmp(packet + ip_len(sent), sent + ip_len(sent), len - ip_len(sent)))
			passed = true;
		else if (!is_routers_own(packet))
			err = -EBADMSG; /* nobody else sends here */
	}
	if (!err)
		*ret_passed = passed;
	return err;
}

/* ---- a state ---------------------------------------------------------------------- */

static struct nl_msg *question(const struct nfct_tuple *tuple)
{
	struct nl_msg *msg = nlmsg_alloc_simple(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, NLM_F_REQUEST);
	struct nfgenmsg head = {.nfgen_family = tuple->v6 ? AF_INET6 : AF_INET, .version = NFNETLINK_V0};
	uint8_t addresses[2][16];
	struct nlattr *whole, *part;

	nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO);
	whole = nla_nest_start(msg, CTA_TUPLE_ORIG | NLA_F_NESTED);
	part = nla_nest_start(msg, CTA_TUPLE_IP | NLA_F_NESTED);
	inet_pton(head.nfgen_family, tuple->v6 ? NFCT_OPENER6 : NFCT_OPENER, addresses[0]);
	inet_pton(head.nfgen_family, tuple->v6 ? NFCT_REPLIER6 : NFCT_REPLIER, addresses[1]);
	nla_put(msg, tuple->v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, tuple->v6 ? 16 : 4, addresses[0]);
	nla_put(msg, tuple->v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, tuple->v6 ? 16 : 4, addresses[1]);
	nla_nest_end(msg, part);
	part = nla_nest_start(msg, CTA_TUPLE_PROTO | NLA_F_NESTED);
	nla_put_u8(msg, CTA_PROTO_NUM, tuple->proto);
	if (tuple->proto == IPPROTO_ICMP) {
		nla_put_u16(msg, CTA_PROTO_ICMP_ID, htons(tuple->sport));
		nla_put_u8(msg, CTA_PROTO_ICMP_TYPE, 8);
		nla_put_u8(msg, CTA_PROTO_ICMP_CODE, 0);
	} else if (tuple->proto == IPPROTO_ICMPV6) {
		nla_put_u16(msg, CTA_PROTO_ICMPV6_ID, htons(tuple->sport));
		nla_put_u8(msg, CTA_PROTO_ICMPV6_TYPE, 128);
		nla_put_u8(msg, CTA_PROTO_ICMPV6_CODE, 0);
	} else {
		nla_put_u16(msg, CTA_PROTO_SRC_PORT, htons(tuple->sport));
		nla_put_u16(msg, CTA_PROTO_DST_PORT, htons(tuple->dport));
	}
	nla_nest_end(msg, part);
	nla_nest_end(msg, whole);
	return msg;
}

static enum dpu_ct_state tcp_state(uint8_t state)
{
	static const enum dpu_ct_state states[] = {
		[TCP_CONNTRACK_SYN_SENT] = DPU_CT_SYN_SENT,	  [TCP_CONNTRACK_SYN_RECV] = DPU_CT_SYN_RECV,
		[TCP_CONNTRACK_ESTABLISHED] = DPU_CT_ESTABLISHED, [TCP_CONNTRACK_FIN_WAIT] = DPU_CT_FIN_WAIT,
		[TCP_CONNTRACK_CLOSE_WAIT] = DPU_CT_CLOSE_WAIT,	  [TCP_CONNTRACK_LAST_ACK] = DPU_CT_LAST_ACK,
		[TCP_CONNTRACK_TIME_WAIT] = DPU_CT_TIME_WAIT,	  [TCP_CONNTRACK_CLOSE] = DPU_CT_CLOSE,
		[TCP_CONNTRACK_SYN_SENT2] = DPU_CT_SYN_SENT2,
	};

	return state < sizeof(states) / sizeof(states[0]) ? states[state] : DPU_CT_STATES;
}

/* What one message says: a state, or that there is none. */
static int read_answer(struct nlmsghdr *header, uint8_t proto, enum dpu_ct_state *ret_state)
{
	struct nlattr *whole[CTA_MAX + 1], *info[CTA_PROTOINFO_MAX + 1], *tcp[CTA_PROTOINFO_TCP_MAX + 1];
	const struct nlmsgerr *error = nlmsg_data(header);

	if (header->nlmsg_type == NLMSG_ERROR) {
		*ret_state = DPU_CT_NONE;
		return error->error == -ENOENT ? 0 : error->error ? error->error : -EBADMSG;
	}
	if (nlmsg_parse(header, sizeof(struct nfgenmsg), whole, CTA_MAX, NULL) < 0 || !whole[CTA_STATUS])
		return -EBADMSG;
	if (proto != IPPROTO_TCP) {
		*ret_state = ntohl(nla_get_u32(whole[CTA_STATUS])) & IPS_SEEN_REPLY ? DPU_CT_ESTABLISHED : DPU_CT_NEW;
		return 0;
	}
	if (!whole[CTA_PROTOINFO] || nla_parse_nested(info, CTA_PROTOINFO_MAX, whole[CTA_PROTOINFO], NULL) < 0 ||
	    !info[CTA_PROTOINFO_TCP] ||
	    nla_parse_nested(tcp, CTA_PROTOINFO_TCP_MAX, info[CTA_PROTOINFO_TCP], NULL) < 0 || !tcp[CTA_PROTOINFO_TCP_STATE])
		return -EBADMSG;
	*ret_state = tcp_state(nla_get_u8(tcp[CTA_PROTOINFO_TCP_STATE]));
	return 0;
}

int nfct_state(struct nfct *nfct, const struct nfct_tuple *tuple, enum dpu_ct_state *ret_state)
{
	struct nl_msg *msg = question(tuple);
	struct sockaddr_nl from;
	unsigned char *answer = NULL;
	int len;

	len = nl_send_auto(nfct->sock, msg);
	nlmsg_free(msg);
	if (len < 0)
		return -EIO;
	len = nl_recv(nfct->sock, &from, &answer, NULL);
	if (len < (int)sizeof(struct nlmsghdr)) {
		free(answer);
		return -EIO;
	}
	len = read_answer((struct nlmsghdr *)answer, tuple->proto, ret_state);
	free(answer);
	return len;
}
