// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The words of `fw explain` against tests/lib/packet.h, which builds frames in its own way. */
#include "config.h"
#include "frame_text.h"
#include "packet.h"
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))

static const char lab_text[] =
	"lab: t\n"
	"hosts:\n"
	"  h: {}\n"
	"port-groups:\n"
	"  red: {}\n"
	"  blue: {vlan: 2}\n"
	"vms:\n"
	"  a: {host: h, port-group: red, ip: [10.0.0.1/24, \"2001:db8::1/64\"], mac: \"02:00:00:00:00:01\"}\n"
	"  b: {host: h, port-group: red, ip: [10.0.0.2/24, \"2001:db8::2/64\"], mac: \"02:00:00:00:00:02\"}\n"
	"  c: {host: h, port-group: blue, ip: \"2001:db8:2::3/64\", mac: \"02:00:00:00:00:03\"}\n";

#define A4(dst_, ...) IP4("10.0.0.1", dst_, .id = 1, .frag = DF, ##__VA_ARGS__)
#define SEGMENT(...)  TCP(__VA_ARGS__, .seq = 1, .window = 65535)

static const struct {
	const char *words;
	const struct layer *frame;
} rows[] = {
	{"a > b tcp 80", FRAME(ETH(MAC(2), MAC(1)), A4("10.0.0.2"), SEGMENT(40000, 80, SYN))},
	{"a to b tcp 1 2 syn,ack len=3", FRAME(ETH(MAC(2), MAC(1)), A4("10.0.0.2"), SEGMENT(1, 2, SYN | ACK, .ack = 1), FILL(3))},
	{"b a tcp sport=7 dport=8 flags=rst ttl=3",
	 FRAME(ETH(MAC(1), MAC(2)), IP4("10.0.0.2", "10.0.0.1", .id = 1, .frag = DF, .ttl = 3), SEGMENT(7, 8, RST))},
	{"a > 10.0.0.2 udp 53 len=4", FRAME(ETH(MAC(2), MAC(1)), A4("10.0.0.2"), UDP(40000, 53), FILL(4))},
	{"a > 2001:db8::2 tcp 80", FRAME(ETH(MAC(2), MAC(1)), IP6("2001:db8::1", "2001:db8::2"), SEGMENT(40000, 80, SYN))},
	{"a > b ip6 udp 9 9", FRAME(ETH(MAC(2), MAC(1)), IP6("2001:db8::1", "2001:db8::2"), UDP(9, 9))},
	{"a > b icmp", FRAME(ETH(MAC(2), MAC(1)), A4("10.0.0.2"), ICMP(8, 0, .id = 1))},
	{"a > b icmp 3 1 id=5 seq=6", FRAME(ETH(MAC(2), MAC(1)), A4("10.0.0.2"), ICMP(3, 1, .id = 5, .seq = 6))},
	{"a > b icmp ip6", FRAME(ETH(MAC(2), MAC(1)), IP6("2001:db8::1", "2001:db8::2"), ICMP(128, 0, .id = 1))},
	{"a > b icmpv6", FRAME(ETH(MAC(2), MAC(1)), IP6("2001:db8::1", "2001:db8::2"), ICMP(128, 0, .id = 1))},
	{"a > b arp", FRAME(ETH(BROADCAST, MAC(1)), ARP(1, MAC(1), "10.0.0.1", 0, "10.0.0.2"))},
	{"a > b arp reply", FRAME(ETH(MAC(2), MAC(1)), ARP(2, MAC(1), "10.0.0.1", MAC(2), "10.0.0.2"))},
	{"a > b arp reply sha=02:00:00:00:00:09 spa=10.0.0.9",
	 FRAME(ETH(MAC(2), MAC(1)), ARP(2, MAC(9), "10.0.0.9", MAC(2), "10.0.0.2"))},
	{"a > 224.0.0.251 udp 5353", FRAME(ETH(0x01005e0000fbull, MAC(1)), A4("224.0.0.251"), UDP(40000, 5353))},
	{"a > 255.255.255.255 udp 68 67 src=0.0.0.0",
	 FRAME(ETH(BROADCAST, MAC(1)), IP4("0.0.0.0", "255.255.255.255", .id = 1, .frag = DF), UDP(68, 67))},
	{"a > 8.8.8.8 udp 53 dmac=02:00:00:00:00:77 smac=02:00:00:00:00:66",
	 FRAME(ETH(MAC(0x77), MAC(0x66)), A4("8.8.8.8"), UDP(40000, 53))},
	{"a > 02:00:00:00:00:55 ethertype=0x88b5 len=9", FRAME(ETH(MAC(0x55), MAC(1), .type = 0x88b5), FILL(9))},
	{"a > b 47 len=8", FRAME(ETH(MAC(2), MAC(1)), A4("10.0.0.2", .proto = 47), FILL(8))},
	{"a hex=020000000002.020000000001.88b5:0102", FRAME(ETH(MAC(2), MAC(1), .type = 0x88b5), FILL(2, .first = 1))},
};

static struct lab *read_lab(void)
{
	struct lab *lab = NULL;

	CU_ASSERT_EQUAL_FATAL(config_read_text("t.yaml", lab_text, strlen(lab_text), &lab, NULL), 0);
	return lab;
}

static void same_frame(const char *words, const struct frame_text *got, const struct frame *want)
{
	char text[1024];
	struct frame frame = {.len = got->len};

	memcpy(frame.data, got->data, got->len);
	frame_difference(&frame, want, text, sizeof(text));
	if (*text)
		printf("\n    %s: %s", words, text);
	CU_ASSERT_STRING_EQUAL(text, "");
}

static void words_are_frames(void)
{
	struct lab *lab = read_lab();

	for (size_t i = 0; i < COUNT(rows); i++) {
		static struct frame_text got;
		static struct frame want;
		char *words = (char *)rows[i].words;

		CU_ASSERT_EQUAL(frame_text_parse(lab, 1, &words, &got, NULL), 0);
		CU_ASSERT_EQUAL(got.vm, words[0] == 'b');
		frame_build(rows[i].frame, &want);
		same_frame(words, &got, &want);
	}
	lab_free(lab);
}

static void words_may_come_apart(void)
{
	char *const words[] = {"a", ">", "b", "tcp", "80  syn"};
	struct lab *lab = read_lab();
	static struct frame_text got;
	static struct frame want;

	CU_ASSERT_EQUAL(frame_text_parse(lab, COUNT(words), words, &got, NULL), 0);
	frame_build(rows[0].frame, &want);
	same_frame("apart", &got, &want);
	lab_free(lab);
}

static void nonsense_is_refused(void)
{
	static const char *const lines[] = {
		"", "x > b tcp 80", "a", "a > x tcp 80", "a > b", "a > b tcp 80 81 82", "a > b tcp 65536", "a > b tcp sin",
		"a > b udp syn", "a > b tcp sport=", "a > b tcp ttl=256", "a > b foo=1", "a > c tcp 80", "a > c ip4 tcp 80",
		"a > 10.0.0.3 tcp 80", "a > b ethertype=70000", "a > b tcp len=9300", "a hex=", "a hex=0102", "a hex=012",
		"a hex=02000000000202000000000188b5gg", "a > b tcp src=2001:db8::1 dmac=1",
	};
	struct lab *lab = read_lab();

	for (size_t i = 0; i < COUNT(lines); i++) {
		static struct frame_text got;
		struct diag diag = {0};
		char *words = (char *)lines[i];

		if (frame_text_parse(lab, 1, &words, &got, &diag) != -EINVAL)
			CU_FAIL(lines[i]);
		CU_ASSERT_EQUAL(diag.n, 1);
		diag_clear(&diag);
	}
	lab_free(lab);
}

/* Two frames of 15 and 16 bytes, as a machine of either byte order writes them. */
static void put_word(FILE *file, uint32_t word, int swapped)
{
	word = swapped ? __builtin_bswap32(word) : word;
	fwrite(&word, sizeof(word), 1, file);
}

static void write_capture(const char *path, int swapped)
{
	static const uint8_t bytes[16] = {2, [14] = 14, [15] = 15};
	FILE *file = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	for (size_t i = 0; i < 6; i++)
		put_word(file, (const uint32_t[]){0xa1b2c3d4, 0, 0, 0, 65535, 1}[i], swapped);
	for (uint32_t len = 15; len <= 16; len++) {
		for (size_t i = 0; i < 4; i++)
			put_word(file, (const uint32_t[]){0, 0, len, len}[i], swapped);
		fwrite(bytes, len, 1, file);
	}
	fclose(file);
}

static void captures_are_read(void)
{
	char path[] = "/tmp/dpulab-capture-XXXXXX", words[4][64];
	struct lab *lab = read_lab();
	static struct frame_text got;
	int fd = mkstemp(path);

	CU_ASSERT_FATAL(fd >= 0);
	close(fd);
	snprintf(words[0], sizeof(words[0]), "a pcap=%s", path);
	snprintf(words[1], sizeof(words[1]), "a pcap=%s:2", path);
	snprintf(words[2], sizeof(words[2]), "a pcap=%s:3", path);
	for (int swapped = 0; swapped < 2; swapped++) {
		write_capture(path, swapped);
		for (uint32_t i = 0; i < 3; i++) {
			char *word = words[i];

			CU_ASSERT_EQUAL(frame_text_parse(lab, 1, &word, &got, NULL), i < 2 ? 0 : -EINVAL);
			CU_ASSERT(i == 2 || (got.len == 15 + i && got.data[got.len - 1] == 14 + i));
		}
	}
	unlink(path);
	CU_ASSERT_EQUAL(frame_text_parse(lab, 1, (char *[]){words[0]}, &got, NULL), -ENOENT);
	lab_free(lab);
}

SUITE(frame_text, {"words are the frames they name", words_are_frames},
      {"words may come in several arguments", words_may_come_apart},
      {"what is no frame is refused, with one sentence", nonsense_is_refused},
      {"frames of a capture file, of either byte order", captures_are_read});
