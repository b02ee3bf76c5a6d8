/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stream - numbered UDP datagrams at a steady rate, and a sink that says exactly
 * which arrived. Used by the net tests that move a lab under traffic.
 *
 *   stream send ADDRESS PORT PPS STOP	until the file STOP exists; prints "under way", "sent N total N"
 *   stream sink PORT				prints "ready", "received N lost N duplicated N reordered N gap_us N"
 *
 * The sender ends with datagrams that carry the total, so lost is exact even if
 * the last ones are. gap_us is the longest time between two arrivals.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH	     64
#define END_COPIES   20
#define END_PAUSE_NS 10000000ull
#define END_MARK     (1ull << 63) /* the rest of the number is the total */
#define RCVBUF	     (64 << 20)
#define SINK_WAIT_S  30
#define SEEN_MAX     (1u << 24) /* numbers the sink can tell apart */
#define TICK_NS	     500000ull
#define CATCH_UP     2 /* a sender that was not run for a while goes on at most this much faster */
#define BEHIND_MAX   128 /* and sends at most so many late: rings take 256, and a slow reader was not run either */
#define NS_PER_S     1000000000ull

struct datagram {
	uint64_t number; /* host order: both ends are this program on one machine */
	uint8_t fill[10]; /* 18 bytes of payload make a 60-byte frame */
} __attribute__((packed));

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static int die(const char *what)
{
	fprintf(stderr, "stream: %s: %s\n", what, strerror(errno));
	return 1;
}

/* ---- send --------------------------------------------------------------- */

/* Sends numbers first ... first + n - 1; what the socket does not take is simply not sent yet. */
static unsigned send_some(int fd, uint64_t first, unsigned n)
{
	struct datagram data[BATCH] = {};
	struct iovec iov[BATCH];
	struct mmsghdr messages[BATCH] = {};
	int sent;

	if (n > BATCH)
		n = BATCH;
	for (unsigned i = 0; i < n; i++) {
		data[i].number = first + i;
		iov[i] = (struct iovec){&data[i], sizeof(data[i])};
		messages[i].msg_hdr.msg_iov = &iov[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	sent = sendmmsg(fd, messages, n, 0);
	return sent < 0 ? 0 : (unsigned)sent;
}

/* What is due, but no burst that no ring takes. Returns how many it sent. */
static uint64_t send_tick(int fd, uint64_t sent, uint64_t due, uint64_t pps)
{
	uint64_t most = CATCH_UP * pps * TICK_NS / NS_PER_S + 1, n = due > sent ? due - sent : 0, done = 0;

	n = n < most ? n : most;
	while (done < n)
		done += send_some(fd, sent + done, (unsigned)(n - done < BATCH ? n - done : BATCH));
	return done;
}

static void wait_until(uint64_t when_ns)
{
	struct timespec when = {.tv_sec = (time_t)(when_ns / NS_PER_S), .tv_nsec = (long)(when_ns % NS_PER_S)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
}

static int run_send(const char *address, const char *port, uint64_t pps, const char *stop)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	uint64_t begin = now_ns(), sent = 0;
	bool under_way = false;
	unsigned ends = 0; /* the sink closes after the first: then an ICMP error takes the place of one */
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return die("connect");
	while (!under_way || access(stop, F_OK)) {
		uint64_t due = (now_ns() - begin) * pps / NS_PER_S;

		if (due > sent + BEHIND_MAX) {
			begin += (due - sent - BEHIND_MAX) * NS_PER_S / pps;
			due = sent + BEHIND_MAX;
		}
		sent += send_tick(fd, sent, due, pps);
		if (!under_way && sent > pps / 10) {
			under_way = true;
			puts("under way");
			fflush(stdout);
		}
		wait_until(now_ns() + TICK_NS);
	}
	for (int i = 0; i < END_COPIES; i++) {
		wait_until(now_ns() + END_PAUSE_NS);
		ends += send_some(fd, END_MARK | sent, 1);
	}
	printf("sent %llu total %llu\n", (unsigned long long)sent, (unsigned long long)(sent + ends));
	return 0;
}

/* ---- sink --------------------------------------------------------------- */

struct sink {
	uint8_t *seen; /* a bit for each number */
	uint64_t received, duplicated, reordered, highest, total, last_ns, gap_ns;
	bool any, ended;
};

static void take(struct sink *sink, uint64_t number)
{
	uint8_t bit = (uint8_t)(1 << (number % 8));
	uint64_t now = now_ns();

	if (number & END_MARK) {
		sink->total = number & ~END_MARK;
		sink->ended = true;
		return;
	}
	if (sink->any && now - sink->last_ns > sink->gap_ns)
		sink->gap_ns = now - sink->last_ns;
	sink->last_ns = now;
	if (number >= SEEN_MAX)
		return;
	if (sink->seen[number / 8] & bit) {
		sink->duplicated++;
		return;
	}
	sink->seen[number / 8] |= bit;
	sink->received++;
	if (sink->any && number < sink->highest)
		sink->reordered++;
	else
		sink->highest = number;
	sink->any = true;
}

static int sink_socket(const char *port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	struct timeval wait = {.tv_sec = SINK_WAIT_S};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = RCVBUF;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)))
		return -1;
	return fd;
}

static int run_sink(const char *port)
{
	struct sink sink = {.seen = calloc(SEEN_MAX / 8, 1)};
	struct datagram data;
	int fd = sink_socket(port);

	if (fd < 0 || !sink.seen)
		return die("sink");
	puts("ready");
	fflush(stdout);
	while (!sink.ended) {
		ssize_t got = recv(fd, &data, sizeof(data), 0);

		if (got < 0)
			return die("nothing arrives");
		if ((size_t)got >= sizeof(data.number))
			take(&sink, data.number);
	}
	printf("received %llu lost %llu duplicated %llu reordered %llu gap_us %llu\n",
	       (unsigned long long)sink.received, (unsigned long long)(sink.total - sink.received),
	       (unsigned long long)sink.duplicated, (unsigned long long)sink.reordered,
	       (unsigned long long)(sink.gap_ns / 1000));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "send"))
		return run_send(argv[2], argv[3], strtoull(argv[4], NULL, 10), argv[5]);
	if (argc == 3 && !strcmp(argv[1], "sink"))
		return run_sink(argv[2]);
	fputs("usage: stream send ADDRESS PORT PPS STOP | stream sink PORT\n", stderr);
	return 2;
}
