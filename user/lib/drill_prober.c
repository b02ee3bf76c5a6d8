/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "drill_prober.h"
#include "monotonic.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frame.h"
#include "netns.h"
#include "topology.h"
#include "verify_plan.h"

#define ENDS_MAX      256
#define ATTEMPTS_MAX  32 /* DRILL_PATIENCE_MS / DRILL_CONNECT_MS at a time, and some */
#define NUMBERS	      (1u << 16) /* requests that are told apart: 131 s of them */
#define NUMBER_WORDS  (NUMBERS / 64)
#define NICENESS      (-15) /* on a busy machine the flows must not be what waits */
#define MS	      1000000ull
#define SO_LINGER_RST ((struct linger){.l_onoff = 1, .l_linger = 0})

struct request { /* what is sent, and comes back as it is */
	uint64_t number, sent_ns;
};

struct icmp_request {
	struct icmphdr icmp;
	struct request request;
};

enum end_role {
	END_NONE,
	END_CLIENT,   /* icmp, udp, tcp */
	END_ATTEMPT,  /* connect */
	END_LISTENER, /* tcp, connect */
	END_ACCEPTED, /* of tcp: sends back; of connect: is closed by the other side */
	END_UDP,      /* sends back */
};

struct end { /* one socket */
	enum end_role role;
	size_t flow;
	uint64_t since_ns;     /* an attempt */
	uint8_t part[sizeof(struct request)]; /* tcp client: an answer that has come in part */
	size_t n_part;
};

struct prober {
	const struct lab *lab;
	struct drill_shared *shared;
	struct end ends[ENDS_MAX];
	struct pollfd fds[ENDS_MAX];
	size_t n;
	struct netns **ns; /* by VM */
	uint64_t (*seen)[NUMBER_WORDS]; /* by flow, a bit for each number that came back */
	uint64_t next_number, next_connect_ns;
	uint32_t retransmits[DRILL_FLOWS_MAX]; /* before the mark */
	uint64_t counts_from_ns; /* what is sent since then counts; 0: no mark yet */
};

/* ---- sockets ------------------------------------------------------------ */

static int add_end(struct prober *prober, int fd, struct end end, short events)
{
	size_t i = 0;

	while (i < prober->n && prober->ends[i].role != END_NONE)
		i++;
	if (i == ENDS_MAX) {
		close(fd);
		return -EMFILE;
	}
	prober->ends[i] = end;
	prober->fds[i] = (struct pollfd){.fd = fd, .events = events};
	if (i == prober->n)
		prober->n++;
	return 0;
}

static void close_end(struct prober *prober, size_t i)
{
	close(prober->fds[i].fd);
	prober->fds[i].fd = -1;
	prober->ends[i].role = END_NONE;
}

static struct drill_flow *flow_of(const struct prober *prober, const struct end *end)
{
	return &prober->shared->flows[end->flow];
}

static int open_socket(const struct prober *prober, size_t vm, const struct drill_flow *flow)
{
	int domain = flow->family == 4 ? AF_INET : AF_INET6, one = 1, fd;
	int type = flow->kind == FLOW_ICMP ? SOCK_RAW : flow->kind == FLOW_UDP ? SOCK_DGRAM : SOCK_STREAM;
	int protocol = flow->kind != FLOW_ICMP ? 0 : flow->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	fd = netns_socket(prober->ns[vm], domain, type | SOCK_NONBLOCK, protocol);
	if (fd >= 0 && type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static socklen_t address_of(const struct prober *prober, const struct drill_flow *flow, uint16_t port,
			    struct sockaddr_storage *ret)
{
	return verify_sockaddr(&prober->lab->vms[flow->to], flow->family, port, ret);
}

/* At the first port that is free in the VM; the flow then has this one only. */
static int open_server(struct prober *prober, size_t index)
{
	struct drill_flow *flow = &prober->shared->flows[index];
	int fd = open_socket(prober, flow->to, flow), err = -EADDRINUSE, one = 1;
	struct sockaddr_storage address;

	if (fd < 0)
		return fd;
	/* connections of an earlier drill may not be buried yet; a living server keeps its port all the same */
	if (flow->kind != FLOW_UDP)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	for (size_t i = 0; err == -EADDRINUSE && i < flow->n_ports; i++) {
		socklen_t size = address_of(prober, flow, flow->ports[i], &address);

		err = bind(fd, (struct sockaddr *)&address, size) ? -errno : 0;
		if (!err)
			flow->ports[0] = flow->ports[i];
	}
	if (!err && flow->kind != FLOW_UDP && listen(fd, ATTEMPTS_MAX))
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	return add_end(prober, fd,
		       (struct end){.role = flow->kind == FLOW_UDP ? END_UDP : END_LISTENER, .flow = index}, POLLIN);
}

static int open_client(struct prober *prober, size_t index, enum end_role role)
{
	const struct drill_flow *flow = &prober->shared->flows[index];
	int fd = open_socket(prober, flow->from, flow);
	struct sockaddr_storage address;
	socklen_t size = address_of(prober, flow, flow->ports[0], &address);

	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&address, size) && errno != EINPROGRESS) {
		int err = -errno;

		close(fd);
		return err;
	}
	return add_end(prober, fd, (struct end){.role = role, .flow = index, .since_ns = monotonic_ns()},
		       role == END_ATTEMPT ? POLLOUT : POLLIN);
}

/* New connections go to the server of the established one: a policy may allow one port only. */
static bool share_server(struct prober *prober, size_t index)
{
	struct drill_flow *flow = &prober->shared->flows[index], *before = flow - 1;

	if (flow->kind != FLOW_CONNECT || !index || before->kind != FLOW_TCP || before->to != flow->to)
		return false;
	flow->ports[0] = before->ports[0];
	return true;
}

static int open_flow(struct prober *prober, size_t index)
{
	enum flow_kind kind = prober->shared->flows[index].kind;
	int err = kind == FLOW_ICMP || share_server(prober, index) ? 0 : open_server(prober, index);

	return err || kind == FLOW_CONNECT ? err : open_client(prober, index, END_CLIENT);
}

/* ---- what counts -------------------------------------------------------- */

static void store(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static uint64_t mark(const struct prober *prober)
{
	return __atomic_load_n(&prober->shared->mark_ns, __ATOMIC_ACQUIRE);
}

static void note_sent(struct prober *prober, size_t flow)
{
	if (prober->counts_from_ns)
		store(&prober->shared->states[flow].sent, prober->shared->states[flow].sent + 1);
}

static void note_answer(struct prober *prober, size_t flow, uint64_t sent_ns)
{
	struct drill_flow_state *state = &prober->shared->states[flow];
	uint64_t now = monotonic_ns(), marked = mark(prober);
	uint64_t gap = state->last_answer_ns ? now - state->last_answer_ns : 0;

	if (!marked || now < marked) {
		if (gap > state->calm_gap_ns)
			state->calm_gap_ns = gap;
	} else if (gap > state->gap_ns) {
		state->gap_ns = gap;
		state->gap_end_ns = now;
	}
	if (prober->counts_from_ns && sent_ns >= prober->counts_from_ns)
		store(&state->answered, state->answered + 1);
	store(&state->answer_sent_ns, sent_ns);
	store(&state->last_answer_ns, now);
}

/* An answer that comes twice is one. */
static void note_reply(struct prober *prober, size_t flow, const struct request *request)
{
	uint64_t *word = &prober->seen[flow][request->number % NUMBERS / 64];
	uint64_t bit = 1ull << request->number % 64;

	if (*word & bit)
		return;
	*word |= bit;
	note_answer(prober, flow, request->sent_ns);
}

static void note_attempt(struct prober *prober, const struct end *end, bool came_about)
{
	uint64_t *streak = &prober->shared->states[end->flow].streak;

	store(streak, came_about ? *streak + 1 : 0);
	if (came_about)
		note_answer(prober, end->flow, end->since_ns);
}

static void note_retransmits(struct prober *prober, int fd, size_t flow)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size))
		return;
	if (!prober->counts_from_ns)
		prober->retransmits[flow] = info.tcpi_total_retrans;
	prober->shared->states[flow].retransmits = info.tcpi_total_retrans - prober->retransmits[flow];
}

/* ---- sending ------------------------------------------------------------ */

static ssize_t send_icmp(int fd, const struct drill_flow *flow, const struct request *request)
{
	struct icmp_request echo = {.icmp = {.type = flow->family == 4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST,
					     .un.echo = {.id = htons((uint16_t)getpid()),
							 .sequence = htons((uint16_t)request->number)}},
				    .request = *request};

	/* that of ICMPv6 is the kernel's */
	if (flow->family == 4)
		echo.icmp.checksum = frame_ip_checksum(&echo, sizeof(echo));
	return send(fd, &echo, sizeof(echo), 0);
}

/* A connection whose buffer is full, or that is yet to be made, has nothing to say this time. */
static void send_requests(struct prober *prober)
{
	struct request request = {.number = prober->next_number++, .sent_ns = monotonic_ns()};

	for (size_t i = 0; i < DRILL_FLOWS_MAX; i++)
		prober->seen[i][request.number % NUMBERS / 64] &= ~(1ull << request.number % 64);
	for (size_t i = 0; i < prober->n; i++) {
		const struct end *end = &prober->ends[i];
		const struct drill_flow *flow = flow_of(prober, end);
		int fd = prober->fds[i].fd;
		ssize_t sent;

		if (end->role != END_CLIENT || prober->shared->states[end->flow].broken)
			continue;
		sent = flow->kind == FLOW_ICMP ? send_icmp(fd, flow, &request)
					       : send(fd, &request, sizeof(request), MSG_NOSIGNAL);
		/* datagrams: what the socket refuses was asked for and is not answered */
		if (flow->kind != FLOW_TCP || sent == sizeof(request))
			note_sent(prober, end->flow);
		if (flow->kind == FLOW_TCP)
			note_retransmits(prober, fd, end->flow);
	}
}

static void send_attempts(struct prober *prober)
{
	for (size_t i = 0; i < prober->shared->n; i++) {
		if (prober->shared->flows[i].kind != FLOW_CONNECT)
			continue;
		note_sent(prober, i);
		open_client(prober, i, END_ATTEMPT);
	}
}

/* ---- receiving ---------------------------------------------------------- */

/* A raw socket hears all ICMP of its namespace. */
static void take_icmp(struct prober *prober, const struct end *end, const uint8_t *bytes, size_t len)
{
	size_t off = flow_of(prober, end)->family == 4 && len ? (size_t)(bytes[0] & 15) * 4 : 0;
	uint8_t reply = flow_of(prober, end)->family == 4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
	struct icmp_request echo;

	if (len < off + sizeof(echo))
		return;
	memcpy(&echo, bytes + off, sizeof(echo));
	if (echo.icmp.type == reply && echo.icmp.un.echo.id == htons((uint16_t)getpid()))
		note_reply(prober, end->flow, &echo.request);
}

static void take_stream(struct prober *prober, struct end *end, const uint8_t *bytes, size_t len)
{
	struct request request;

	for (size_t i = 0; i < len; i++) {
		end->part[end->n_part++] = bytes[i];
		if (end->n_part < sizeof(request))
			continue;
		memcpy(&request, end->part, sizeof(request));
		end->n_part = 0;
		note_reply(prober, end->flow, &request);
	}
}

/* False: nothing more to read. */
static bool take_answer(struct prober *prober, size_t i)
{
	struct end *end = &prober->ends[i];
	enum flow_kind kind = flow_of(prober, end)->kind;
	uint8_t bytes[2048];
	struct request request;
	ssize_t got = recv(prober->fds[i].fd, bytes, sizeof(bytes), 0);

	if (kind == FLOW_TCP && (!got || (got < 0 && errno != EAGAIN && errno != EINTR))) {
		prober->shared->states[end->flow].broken = true;
		prober->fds[i].events = 0;
		return false;
	}
	if (got < 0)
		return false;
	if (kind == FLOW_ICMP) {
		take_icmp(prober, end, bytes, (size_t)got);
	} else if (kind == FLOW_TCP) {
		take_stream(prober, end, bytes, (size_t)got);
	} else if (got == sizeof(request)) {
		memcpy(&request, bytes, sizeof(request));
		note_reply(prober, end->flow, &request);
	}
	return true;
}

/* Comes about, or not. Its end is a reset: nothing stays behind in either VM. */
static void end_attempt(struct prober *prober, size_t i)
{
	struct end *end = &prober->ends[i];
	const struct linger reset = SO_LINGER_RST;
	socklen_t size = sizeof(int);
	int err = ETIMEDOUT, fd = prober->fds[i].fd;

	if (prober->fds[i].revents)
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size);
	note_attempt(prober, end, !err);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close_end(prober, i);
}

static void end_old_attempts(struct prober *prober, uint64_t now)
{
	for (size_t i = 0; i < prober->n; i++) {
		prober->fds[i].revents = 0;
		if (prober->ends[i].role == END_ATTEMPT && prober->ends[i].since_ns + DRILL_PATIENCE_MS * MS < now)
			end_attempt(prober, i);
	}
}

static void accept_one(struct prober *prober, size_t i)
{
	int fd = accept4(prober->fds[i].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	add_end(prober, fd, (struct end){.role = END_ACCEPTED, .flow = prober->ends[i].flow}, POLLIN);
}

static void send_back(struct prober *prober, size_t i)
{
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	uint8_t bytes[2048];
	int fd = prober->fds[i].fd;
	ssize_t got = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &size), sent = 0;

	/* the drill's load (drill_load.h) comes to the same port and is not answered */
	if (prober->ends[i].role == END_UDP && got != sizeof(struct request))
		return;
	if (got > 0)
		sent = prober->ends[i].role == END_UDP
			       ? sendto(fd, bytes, (size_t)got, 0, (struct sockaddr *)&from, size)
			       : send(fd, bytes, (size_t)got, MSG_NOSIGNAL);
	if (prober->ends[i].role == END_ACCEPTED && (got == 0 || (got < 0 && errno != EAGAIN) || sent < 0))
		close_end(prober, i);
}

static void serve(struct prober *prober, size_t i)
{
	switch (prober->ends[i].role) {
	case END_CLIENT:
		while (take_answer(prober, i))
			continue;
		return;
	case END_ATTEMPT:
		end_attempt(prober, i);
		return;
	case END_LISTENER:
		accept_one(prober, i);
		return;
	case END_ACCEPTED:
	case END_UDP:
		send_back(prober, i);
		return;
	case END_NONE:
		return;
	}
}

/* ---- the loop ----------------------------------------------------------- */

static void send_due(struct prober *prober, uint64_t now)
{
	/* From one round on: a mark that is set between a question and its time would count one of question and answer only. */
	if (!prober->counts_from_ns && mark(prober))
		prober->counts_from_ns = monotonic_ns();
	send_requests(prober);
	if (now < prober->next_connect_ns)
		return;
	prober->next_connect_ns = now + DRILL_CONNECT_MS * MS;
	send_attempts(prober);
}

static void run_flows(struct prober *prober)
{
	uint64_t next_ns = monotonic_ns();

	while (true) {
		uint64_t now = monotonic_ns();
		struct timespec wait = {};

		if (now >= next_ns) {
			if (!__atomic_load_n(&prober->shared->stop, __ATOMIC_ACQUIRE))
				send_due(prober, now);
			end_old_attempts(prober, now);
			next_ns = now + DRILL_FLOW_PERIOD_MS * MS;
		}
		now = monotonic_ns();
		wait.tv_nsec = next_ns > now ? (long)(next_ns - now) : 0;
		if (ppoll(prober->fds, prober->n, &wait, NULL) <= 0)
			continue;
		for (size_t i = 0, n = prober->n; i < n; i++)
			if (prober->fds[i].revents)
				serve(prober, i);
	}
}

static int open_all(struct prober *prober)
{
	int err = 0;

	prober->ns = calloc(prober->lab->n_vms, sizeof(*prober->ns));
	prober->seen = calloc(DRILL_FLOWS_MAX, sizeof(*prober->seen));
	if (!prober->ns || !prober->seen)
		return -ENOMEM;
	for (size_t i = 0; !err && i < prober->shared->n; i++) {
		size_t vms[] = {prober->shared->flows[i].from, prober->shared->flows[i].to};

		for (size_t v = 0; !err && v < 2; v++)
			if (!prober->ns[vms[v]])
				err = topology_open_vm(prober->lab, vms[v], &prober->ns[vms[v]], NULL);
		if (!err)
			err = open_flow(prober, i);
	}
	return err;
}

void drill_prober_run(const struct lab *lab, struct drill_shared *shared, pid_t parent)
{
	static struct prober prober;
	int err;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(1);
	setpriority(PRIO_PROCESS, 0, NICENESS);
	prober = (struct prober){.lab = lab, .shared = shared};
	err = open_all(&prober);
	if (!err)
		run_flows(&prober);
	__atomic_store_n(&shared->error, err, __ATOMIC_RELEASE);
	_exit(1);
}
