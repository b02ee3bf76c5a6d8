/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Transport and look-ups; the requests that change links are in rt_link.c.
 *
 * Messages are built with libnl and sent by us: libnl has no way to put many
 * requests into one system call and keep their answers apart.
 */
#include "rt.h"
#include "rt_internal.h"
#include "op.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH_MAX   64	  /* requests per system call; their answers must fit the receive buffer */
#define RECV_BUFFER 32768 /* the kernel fills dumps in pieces of at most this */

struct request {
	struct nl_msg *msg;
	int tolerate; /* errno that counts as success */
	char what[96];
};

struct rt {
	int fd;
	uint32_t seq;
	bool collecting;
	struct request pending[BATCH_MAX];
	size_t n_pending;
	int batch_error; /* first failure since rt_batch() */
	char recv[RECV_BUFFER];
};

/* Kernel's own words in an acknowledgement (NLMSGERR_ATTR_MSG), or "". */
static const char *ack_text(const struct nlmsghdr *header)
{
	const struct nlmsgerr *ack = NLMSG_DATA(header);
	int used = sizeof(*ack);
	struct nlattr *attr;

	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return "";
	if (!(header->nlmsg_flags & NLM_F_CAPPED))
		used += ack->msg.nlmsg_len - sizeof(ack->msg);
	attr = nla_find((struct nlattr *)((char *)ack + used),
			header->nlmsg_len - NLMSG_HDRLEN - used, NLMSGERR_ATTR_MSG);
	return attr ? nla_get_string(attr) : "";
}

static int set_options(int fd)
{
	int on = 1, size = 1 << 20;

	/* without them answers are only wordier or the buffer smaller */
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return 0;
}

static int get_socket(struct netns *ns, struct rt **ret_rt)
{
	struct rt *rt = ns->rt;

	if (!rt) {
		rt = calloc(1, sizeof(*rt));
		if (!rt)
			return -ENOMEM;
		rt->fd = netns_socket(ns, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
		if (rt->fd < 0) {
			int err = rt->fd;

			free(rt);
			return err;
		}
		set_options(rt->fd);
		ns->rt = rt;
	}
	*ret_rt = rt;
	return 0;
}

void rt_close(struct rt *rt)
{
	if (!rt)
		return;
	for (size_t i = 0; i < rt->n_pending; i++)
		nlmsg_free(rt->pending[i].msg);
	close(rt->fd);
	free(rt);
}

static int receive(int fd, char *buffer)
{
	ssize_t got;

	do
		got = recv(fd, buffer, RECV_BUFFER, 0);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : (int)got;
}

static int send_pending(struct rt *rt)
{
	struct iovec iov[BATCH_MAX];
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = rt->n_pending};

	for (size_t i = 0; i < rt->n_pending; i++) {
		struct nlmsghdr *header = nlmsg_hdr(rt->pending[i].msg);

		header->nlmsg_seq = rt->seq + i;
		header->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
		iov[i] = (struct iovec){header, NLMSG_ALIGN(header->nlmsg_len)};
	}
	return sendmsg(rt->fd, &message, 0) < 0 ? -errno : 0;
}

/* One answer of the batch. Its request is found by sequence number. */
static void take_ack(struct netns *ns, const struct nlmsghdr *header, struct diag *diag)
{
	struct rt *rt = ns->rt;
	const struct nlmsgerr *ack = NLMSG_DATA(header);
	const struct request *request = &rt->pending[header->nlmsg_seq - rt->seq];
	const char *text;

	if (!ack->error) {
		op_done();
		return;
	}
	if (-ack->error == request->tolerate)
		return;
	text = ack_text(header);
	diag_error(diag, ack->error, NULL, "cannot %s in %s: %s%s%s", request->what,
		   *ns->name ? ns->name : "this namespace", strerror(-ack->error),
		   *text ? ": " : "", text);
	if (!rt->batch_error)
		rt->batch_error = ack->error;
}

static int take_acks(struct netns *ns, struct diag *diag)
{
	struct rt *rt = ns->rt;
	size_t missing = rt->n_pending;

	while (missing) {
		int len = receive(rt->fd, rt->recv);

		if (len < 0)
			return len;
		for (struct nlmsghdr *h = (void *)rt->recv; nlmsg_ok(h, len);
		     h = nlmsg_next(h, &len)) {
			if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_seq - rt->seq >= rt->n_pending)
				continue;
			take_ack(ns, h, diag);
			missing--;
		}
	}
	return 0;
}

static int flush(struct netns *ns, struct diag *diag)
{
	struct rt *rt = ns->rt;
	int err;

	if (!rt->n_pending)
		return 0;
	err = send_pending(rt);
	if (!err)
		err = take_acks(ns, diag);
	if (err)
		diag_error(diag, err, NULL, "cannot talk netlink in %s: %s", ns->name,
			   strerror(-err));
	rt->seq += rt->n_pending;
	for (size_t i = 0; i < rt->n_pending; i++)
		nlmsg_free(rt->pending[i].msg);
	rt->n_pending = 0;
	return err;
}

void rt_batch(struct netns *ns)
{
	struct rt *rt;

	/* no socket: the requests that follow will say so */
	if (get_socket(ns, &rt))
		return;
	rt->collecting = !op_stepwise();
	rt->batch_error = 0;
}

int rt_commit(struct netns *ns, struct diag *diag)
{
	struct rt *rt;
	int err = get_socket(ns, &rt);

	if (err)
		return diag_error(diag, err, NULL, "cannot open a netlink socket in %s: %s",
				  ns->name, strerror(-err));
	err = flush(ns, diag);
	rt->collecting = false;
	return err ? err : rt->batch_error;
}

int rt_request(struct netns *ns, struct nl_msg *msg, int tolerate, struct diag *diag,
	       const char *what, ...)
{
	struct request *request;
	struct rt *rt;
	va_list args;
	int err;

	if (!msg)
		return -ENOMEM;
	err = get_socket(ns, &rt);
	if (err) {
		nlmsg_free(msg);
		return diag_error(diag, err, NULL, "cannot open a netlink socket in %s: %s",
				  ns->name, strerror(-err));
	}
	request = &rt->pending[rt->n_pending++];
	request->msg = msg;
	request->tolerate = tolerate;
	va_start(args, what);
	vsnprintf(request->what, sizeof(request->what), what, args);
	va_end(args);
	if (rt->collecting)
		return rt->n_pending == BATCH_MAX ? flush(ns, diag) : 0;
	rt->batch_error = 0;
	err = flush(ns, diag);
	return err ? err : rt->batch_error;
}

/* Reads the answer to request seq. Messages that answer something else are skipped. */
static int take_answer(int fd, char *buffer, const struct nlmsghdr *request, rt_parse_fn parse,
		       void *arg)
{
	bool dump = request->nlmsg_flags & NLM_F_DUMP;
	int err = 0;

	for (;;) {
		int len = receive(fd, buffer);

		if (len < 0)
			return len;
		for (struct nlmsghdr *h = (void *)buffer; nlmsg_ok(h, len);
		     h = nlmsg_next(h, &len)) {
			if (h->nlmsg_seq != request->nlmsg_seq)
				continue;
			if (h->nlmsg_type == NLMSG_DONE)
				return err;
			if (h->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
			/* the rest of a dump is read even after a failure, or it would meet the
			 * next query */
			if (!err)
				err = parse(h, arg);
			if (!dump)
				return err;
		}
	}
}

static int ask(int fd, char *buffer, struct nlmsghdr *request, rt_parse_fn parse, void *arg)
{
	request->nlmsg_flags |= NLM_F_REQUEST;
	if (send(fd, request, request->nlmsg_len, 0) < 0)
		return -errno;
	return take_answer(fd, buffer, request, parse, arg);
}

int rt_query(struct netns *ns, struct nl_msg *msg, rt_parse_fn parse, void *arg)
{
	struct nlmsghdr *request = nlmsg_hdr(msg);
	struct rt *rt;
	int err = get_socket(ns, &rt);

	if (!err) {
		request->nlmsg_seq = rt->seq++;
		err = ask(rt->fd, rt->recv, request, parse, arg);
	}
	nlmsg_free(msg);
	return err;
}

int rt_query_generic(struct netns *ns, struct nl_msg *msg, rt_parse_fn parse, void *arg)
{
	struct nlmsghdr *request = nlmsg_hdr(msg);
	char *buffer = malloc(RECV_BUFFER);
	int fd = netns_socket(ns, AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	int err = fd < 0 ? fd : buffer ? 0 : -ENOMEM;

	if (!err) {
		request->nlmsg_seq = 1;
		err = ask(fd, buffer, request, parse, arg);
	}
	if (fd >= 0)
		close(fd);
	free(buffer);
	nlmsg_free(msg);
	return err;
}
