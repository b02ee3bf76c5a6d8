/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "frame_text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame_bytes.h"
#include "frame_spec.h"
#include "values.h"

#define EPHEMERAL_PORT 40000
#define DEFAULT_TTL    64

struct reader {
	const struct lab *lab;
	struct diag *diag;
	struct frame_spec spec;
	const struct lab_vm *from, *to; /* to: NULL if it is no VM */
	char **words;
	size_t n, next;
	bool v6, said_family, said_proto, said_dmac, said_flags, said_src;
	uint16_t numbers[2]; /* bare ones */
	size_t n_numbers;
};

static int refuse(struct reader *r, const char *hint, const char *what, const char *word)
{
	return diag_error(r->diag, -EINVAL, hint, "in the frame: %s%s%s", what, word ? " " : "", word ? word : "");
}

#define SHAPE "VM > DESTINATION [PROTOCOL] [PORTS] [FLAGS] [KEY=VALUE...], as in: web1 > web2 tcp 80 syn"

/* ---- single words ----------------------------------------------------------- */

static const struct flag_word {
	const char *word;
	uint8_t bit;
} flag_words[] = {
	{"fin", TH_FIN}, {"syn", TH_SYN}, {"rst", TH_RST},  {"psh", TH_PUSH},
	{"ack", TH_ACK}, {"urg", TH_URG}, {"none", 0},
};

static int flag_parse(const char *word, size_t len, uint8_t *flags)
{
	for (size_t i = 0; i < sizeof(flag_words) / sizeof(*flag_words); i++)
		if (strlen(flag_words[i].word) == len && !strncmp(flag_words[i].word, word, len)) {
			*flags |= flag_words[i].bit;
			return 0;
		}
	return -EINVAL;
}

/* "syn", "syn,ack" */
static int flags_parse(const char *word, uint8_t *ret_flags)
{
	uint8_t flags = 0;

	for (;;) {
		size_t len = strcspn(word, ",");

		if (flag_parse(word, len, &flags))
			return -EINVAL;
		if (!word[len])
			break;
		word += len + 1;
	}
	*ret_flags = flags;
	return 0;
}

static void set_icmp(struct reader *r, uint8_t type4, uint8_t type6)
{
	r->spec.type = r->v6 ? type6 : type4;
}

/* Words that say more than a protocol number. */
static bool kind_word(struct reader *r, const char *word)
{
	struct frame_spec *spec = &r->spec;

	if (!strcmp(word, "arp")) {
		spec->kind = FRAME_ARP;
		spec->type = ARPOP_REQUEST;
	} else if (!strcmp(word, "ns") || !strcmp(word, "na")) {
		spec->kind = FRAME_ND;
		spec->proto = IPPROTO_ICMPV6;
		spec->type = word[1] == 's' ? ND_NEIGHBOR_SOLICIT : ND_NEIGHBOR_ADVERT;
		r->v6 = r->said_family = true;
	} else if (!strcmp(word, "ip") || !strcmp(word, "ip4") || !strcmp(word, "ip6")) {
		r->v6 = word[2] == '6';
		r->said_family = true;
		return true;
	} else {
		return false;
	}
	r->said_proto = true;
	return true;
}

static bool plain_word(struct reader *r, const char *word)
{
	struct frame_spec *spec = &r->spec;
	uint64_t number;

	if (kind_word(r, word))
		return true;
	if (r->said_proto && !number_parse(word, 0, UINT16_MAX, &number) && r->n_numbers < 2) {
		r->numbers[r->n_numbers++] = (uint16_t)number;
		return true;
	}
	if (!r->said_proto && !protocol_parse(word, &spec->proto) && spec->proto) {
		r->v6 |= spec->proto == IPPROTO_ICMPV6;
		r->said_family |= spec->proto == IPPROTO_ICMPV6;
		r->said_proto = true;
		return true;
	}
	if (spec->kind == FRAME_ARP && (!strcmp(word, "request") || !strcmp(word, "reply"))) {
		spec->type = word[2] == 'p' ? ARPOP_REPLY : ARPOP_REQUEST;
		return true;
	}
	if (spec->proto == IPPROTO_TCP && !flags_parse(word, &spec->tcp_flags))
		return r->said_flags = true;
	return false;
}

/* ---- KEY=VALUE ----------------------------------------------------------------- */

static int number_into(const char *value, uint64_t max, uint64_t *ret_number)
{
	return number_parse(value, 0, max, ret_number);
}

static int set_number(struct frame_spec *spec, const char *key, const char *value)
{
	const struct {
		const char *key;
		uint16_t *wide;
		uint8_t *narrow;
	} places[] = {
		{"sport", &spec->sport, NULL}, {"dport", &spec->dport, NULL}, {"id", &spec->id, NULL},
		{"seq", &spec->seq, NULL},     {"len", &spec->payload, NULL}, {"type", NULL, &spec->type},
		{"code", NULL, &spec->code},   {"ttl", NULL, &spec->ttl},     {"ethertype", &spec->ethertype, NULL},
	};
	uint64_t number;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (strcmp(places[i].key, key))
			continue;
		if (number_into(value, places[i].wide ? UINT16_MAX : UINT8_MAX, &number))
			return -EINVAL;
		if (places[i].wide)
			*places[i].wide = (uint16_t)number;
		else
			*places[i].narrow = (uint8_t)number;
		if (places[i].wide == &spec->ethertype)
			spec->kind = FRAME_RAW;
		return 0;
	}
	return -ENOENT;
}

static int set_address(struct reader *r, const char *key, const char *value)
{
	struct frame_spec *spec = &r->spec;
	uint8_t family;

	if (!strcmp(key, "smac"))
		return mac_parse(value, &spec->smac);
	if (!strcmp(key, "dmac")) {
		r->said_dmac = true;
		return mac_parse(value, &spec->dmac);
	}
	if (!strcmp(key, "sha"))
		return mac_parse(value, &spec->claim_mac);
	if (!strcmp(key, "spa") || !strcmp(key, "target"))
		return ip_parse(value, &spec->claim_ip, &family);
	if (strcmp(key, "src"))
		return -ENOENT;
	if (ip_parse(value, &spec->src, &family))
		return -EINVAL;
	r->v6 = family == 6;
	r->said_family = r->said_src = true;
	return 0;
}

static int key_value(struct reader *r, const char *word, const char *equals)
{
	char key[16];
	int err;

	snprintf(key, sizeof(key), "%.*s", (int)(equals - word), word);
	err = set_number(&r->spec, key, equals + 1);
	if (!strcmp(key, "flags")) {
		r->said_flags = true;
		err = flags_parse(equals + 1, &r->spec.tcp_flags);
	} else if (err == -ENOENT) {
		err = set_address(r, key, equals + 1);
	}
	if (err == -ENOENT)
		return refuse(r, "keys: src, smac, dmac, sport, dport, flags, type, code, id, seq, ttl, len, sha, spa, "
				 "target, ethertype; or hex=, pcap= alone", "there is no key", key);
	return err ? refuse(r, "flags: syn,ack; addresses and numbers as in a lab file", "cannot read", word) : 0;
}

/* ---- ends ------------------------------------------------------------------------ */

static const struct lab_vm *find_vm(const struct reader *r, const char *name)
{
	for (size_t i = 0; i < r->lab->n_vms; i++)
		if (!strcmp(r->lab->vms[i].name, name))
			return &r->lab->vms[i];
	return NULL;
}

static const union dpu_ip *vm_address(const struct lab_vm *vm, int family)
{
	for (size_t i = 0; i < vm->n_ips; i++)
		if (vm->ips[i].family == family)
			return &vm->ips[i].addr;
	return NULL;
}

static const struct lab_vm *vm_with_address(const struct reader *r, const union dpu_ip *ip)
{
	for (size_t i = 0; i < r->lab->n_vms; i++)
		for (size_t j = 0; j < r->lab->vms[i].n_ips; j++)
			if (!memcmp(&r->lab->vms[i].ips[j].addr, ip, sizeof(*ip)))
				return &r->lab->vms[i];
	return NULL;
}

static int read_source(struct reader *r)
{
	const char *word = r->words[r->next++];

	r->from = find_vm(r, word);
	if (!r->from)
		return refuse(r, SHAPE, "the first word names the VM that sends it; there is no VM", word);
	r->spec.smac = r->from->mac;
	if (r->next < r->n && (!strcmp(r->words[r->next], ">") || !strcmp(r->words[r->next], "to")))
		r->next++;
	return 0;
}

static int read_destination(struct reader *r)
{
	const char *word = r->next < r->n ? r->words[r->next++] : NULL;
	uint8_t family;

	if (!word)
		return refuse(r, SHAPE, "where does it go", NULL);
	r->to = find_vm(r, word);
	if (r->to)
		return 0;
	if (!mac_parse(word, &r->spec.dmac)) {
		r->said_dmac = true;
		return 0;
	}
	if (ip_parse(word, &r->spec.dst, &family))
		return refuse(r, SHAPE, "the destination is a VM, an address or a MAC, not", word);
	r->v6 = family == 6;
	r->said_family = true;
	r->to = vm_with_address(r, &r->spec.dst);
	return 0;
}

static bool is_zero_ip(const union dpu_ip *ip)
{
	return !ip->q[0] && !ip->q[1];
}

/* 224/4 and ff00::/8 (RFC 1112 6.4, RFC 2464 7), the limited broadcast. false: neither. */
static bool group_mac(const union dpu_ip *ip, struct dpu_mac *ret_mac)
{
	if (ip_family(ip) == 6) {
		if (ip->b[0] != 0xff)
			return false;
		*ret_mac = (struct dpu_mac){{0x33, 0x33, ip->b[12], ip->b[13], ip->b[14], ip->b[15]}};
	} else if (ip->w[3] == INADDR_BROADCAST) {
		memset(ret_mac, 0xff, sizeof(*ret_mac));
	} else if (ip->b[12] >> 4 == 14) {
		*ret_mac = (struct dpu_mac){{0x01, 0x00, 0x5e, ip->b[13] & 0x7f, ip->b[14], ip->b[15]}};
	} else {
		return false;
	}
	return true;
}

/* A solicitation goes to everybody (ARP), or to the solicited-node group of who is asked (RFC 4291 2.7.1). */
static void ask_everybody(struct frame_spec *spec)
{
	const union dpu_ip target = spec->dst;

	if (spec->kind == FRAME_ARP) {
		memset(&spec->dmac, 0xff, sizeof(spec->dmac));
		return;
	}
	if (is_zero_ip(&spec->claim_ip))
		spec->claim_ip = target;
	spec->dst = (union dpu_ip){.b = {0xff, 2, [11] = 1, 0xff, target.b[13], target.b[14], target.b[15]}};
	group_mac(&spec->dst, &spec->dmac);
}

static int choose_dmac(struct reader *r)
{
	struct frame_spec *spec = &r->spec;
	bool asks = (spec->kind == FRAME_ARP && spec->type == ARPOP_REQUEST) ||
		    (spec->kind == FRAME_ND && spec->type == ND_NEIGHBOR_SOLICIT);
	struct dpu_mac said = spec->dmac;

	if (asks)
		ask_everybody(spec);
	if (r->said_dmac)
		spec->dmac = said;
	if (r->said_dmac || asks || group_mac(&spec->dst, &spec->dmac))
		return 0;
	if (!r->to)
		return refuse(r, "dmac=MAC says where it goes at layer 2: a router's address, say",
			      "no VM of the lab has the destination's address", NULL);
	if (r->to->group != r->from->group && r->lab->groups[r->to->group].segment !=
						      r->lab->groups[r->from->group].segment)
		return refuse(r, "dmac=MAC says which router takes it", "it would have to be routed: other port group than that of",
			      r->to->name);
	spec->dmac = r->to->mac;
	return 0;
}

/* Which family, where nothing says so: the first that both ends have. */
static void choose_family(struct reader *r)
{
	if (r->said_family || r->spec.kind == FRAME_ARP)
		return;
	r->v6 = !vm_address(r->from, 4) || (r->to && !vm_address(r->to, 4));
}

static int choose_addresses(struct reader *r)
{
	int family = r->v6 ? 6 : 4;
	const union dpu_ip *src = vm_address(r->from, family);
	const union dpu_ip *dst = r->to ? vm_address(r->to, family) : NULL;
	struct frame_spec *spec = &r->spec;

	if (spec->kind == FRAME_RAW)
		return 0;
	if (!r->said_src && src)
		spec->src = *src;
	if (is_zero_ip(&spec->src) && !r->said_src)
		return refuse(r, "src=ADDRESS", r->v6 ? "no IPv6 address of" : "no IPv4 address of", r->from->name);
	if (is_zero_ip(&spec->dst) && dst)
		spec->dst = *dst;
	if (is_zero_ip(&spec->dst))
		return refuse(r, "give the destination as an address", r->v6 ? "no IPv6 address of the destination" :
								       "no IPv4 address of the destination", NULL);
	if (ip_family(&spec->dst) != ip_family(&spec->src) && !is_zero_ip(&spec->src))
		return refuse(r, NULL, "source and destination are of different families", NULL);
	return 0;
}

/* ---- what is left unsaid ------------------------------------------------------------ */

static void use_numbers(struct reader *r)
{
	struct frame_spec *spec = &r->spec;

	if (protocol_has_ports(spec->proto)) {
		if (r->n_numbers == 2)
			spec->sport = r->numbers[0];
		if (r->n_numbers)
			spec->dport = r->numbers[r->n_numbers - 1];
		if (!spec->sport)
			spec->sport = EPHEMERAL_PORT;
	} else if (r->n_numbers) {
		spec->type = (uint8_t)r->numbers[0];
		spec->code = (uint8_t)r->numbers[1];
	}
}

static void fill_in(struct reader *r)
{
	static const struct dpu_mac none;
	struct frame_spec *spec = &r->spec;
	bool icmp = spec->proto == IPPROTO_ICMP || spec->proto == IPPROTO_ICMPV6;

	if (icmp && r->v6)
		spec->proto = IPPROTO_ICMPV6; /* "icmp" is either, as in a rule */
	if (icmp && spec->kind == FRAME_IP && !spec->type)
		set_icmp(r, ICMP_ECHO, ICMP6_ECHO_REQUEST);
	use_numbers(r);
	if (spec->proto == IPPROTO_TCP && !r->said_flags)
		spec->tcp_flags = TH_SYN;
	if (icmp && !spec->id)
		spec->id = 1;
	if (!memcmp(&spec->claim_mac, &none, sizeof(none)))
		spec->claim_mac = spec->smac;
	if (is_zero_ip(&spec->claim_ip) && (spec->kind == FRAME_ARP || spec->type == ND_NEIGHBOR_ADVERT))
		spec->claim_ip = spec->src;
	if (!spec->ttl)
		spec->ttl = DEFAULT_TTL;
}

static int read_words(struct reader *r)
{
	int err = read_destination(r);

	while (!err && r->next < r->n) {
		const char *word = r->words[r->next++], *equals = strchr(word, '=');

		if (equals)
			err = key_value(r, word, equals);
		else if (!plain_word(r, word))
			err = refuse(r, SHAPE, "what is", word);
	}
	if (err)
		return err;
	if (!r->said_proto && r->spec.kind == FRAME_IP)
		return refuse(r, SHAPE, "which protocol: tcp, udp, icmp, sctp, arp, ns, na, a number, or ethertype=", NULL);
	choose_family(r);
	err = choose_addresses(r);
	if (err)
		return err;
	fill_in(r);
	return choose_dmac(r);
}

/* ---- the whole ----------------------------------------------------------------------- */

/* One word each, from arguments that may hold several. The strings are inside *ret_text. */
static int split(struct reader *r, size_t n, char *const *args, char **ret_text)
{
	size_t length = 1;
	char *text, *word, *rest;

	for (size_t i = 0; i < n; i++)
		length += strlen(args[i]) + 1;
	text = calloc(1, length);
	r->words = calloc(length, sizeof(*r->words));
	if (!text || !r->words) {
		free(text);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		strcat(strcat(text, args[i]), " ");
	for (word = strtok_r(text, " \t\n", &rest); word; word = strtok_r(NULL, " \t\n", &rest))
		r->words[r->n++] = word;
	*ret_text = text;
	return 0;
}

static int read_frame(struct reader *r, struct frame_text *frame)
{
	const char *bytes;
	int err = r->n ? read_source(r) : refuse(r, SHAPE, "it has no words", NULL);

	if (err)
		return err;
	frame->vm = (size_t)(r->from - r->lab->vms);
	bytes = r->next + 1 == r->n ? r->words[r->next] : "";
	if (!strncmp(bytes, "hex=", 4) || !strncmp(bytes, "pcap=", 5))
		return frame_bytes_read(bytes, frame->data, sizeof(frame->data), &frame->len, r->diag);
	err = read_words(r);
	if (err)
		return err;
	frame->len = frame_build_bytes(&r->spec, frame->data, sizeof(frame->data));
	return frame->len ? 0 : refuse(r, "len= is the payload, in bytes", "it is too long", NULL);
}

int frame_text_parse(const struct lab *lab, size_t n, char *const *words, struct frame_text *ret_frame,
		     struct diag *diag)
{
	struct reader reader = {.lab = lab, .diag = diag};
	char *text = NULL;
	int err = split(&reader, n, words, &text);

	if (!err)
		err = read_frame(&reader, ret_frame);
	free(reader.words);
	free(text);
	return err;
}
