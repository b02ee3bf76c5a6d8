// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * TCP's state machine, as packet scripts: a line is a segment, what becomes of it
 * and the state its connection is in afterwards.
 *
 *	VM16 --16 [only VM16 may open connections] (no firewall) 17-- VM17
 *
 *	> S seq=0 len=5 +10   pass  SYN_SENT
 *
 * >		from VM16, the opener; < from VM17
 * S A F R P U	its flags; . = none
 * seq= ack=	relative to the first SYN of their side. Left out: what a TCP would send
 *		that has heard everything so far
 * len=		bytes of data
 * win= scale=	the window (1000), and the scale option of a SYN (none)
 * +		seconds that pass before it; such a script runs natively only
 * pass, hit	it arrives, by the slow path or the flow cache; invalid, default, window: dropped for that reason
 * -		no connection
 */
#include "prog.h"
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dpulab/conntrack.h>
#include "core/tcp_state.h"

#define ISN_A	1000000000u
#define ISN_B	0xfffffff8u /* wraps in the first bytes */
#define TABLE	"docs/dfw-conntrack.md"
#define SECONDS 1000000000ull

struct script {
	const char *sentence;
	const char *lines;
};

#define HANDSHAKE "> S pass SYN_SENT\n< SA pass SYN_RECV\n> A pass ESTABLISHED\n"

static const struct script scripts[] = {
	/* opening */
	{"an open, step by step", HANDSHAKE "> A hit ESTABLISHED\n< A pass ESTABLISHED\n< PA len=9 hit ESTABLISHED\n"},
	{"a SYN sent again, before and after the answer",
	 "> S pass SYN_SENT\n> S seq=0 pass SYN_SENT\n< SA pass SYN_RECV\n> S seq=0 pass SYN_RECV\n> A pass ESTABLISHED\n"},
	{"a SYN/ACK sent again, before and after the ACK",
	 "> S pass SYN_SENT\n< SA pass SYN_RECV\n< SA seq=0 pass SYN_RECV\n> A pass ESTABLISHED\n< SA seq=0 pass ESTABLISHED\n"},
	{"data with the handshake's ACK", "> S pass SYN_SENT\n< SA pass SYN_RECV\n> PA len=20 pass ESTABLISHED\n"},
	{"data in the SYN and the SYN/ACK (RFC 7413)",
	 "> S len=30 pass SYN_SENT\n< SA len=40 pass SYN_RECV\n< PA len=100 pass SYN_RECV\n> A pass ESTABLISHED\n"},
	{"data in the SYN that the SYN/ACK does not acknowledge",
	 "> S len=30 pass SYN_SENT\n< SA ack=1 pass SYN_RECV\n> PA seq=1 len=30 pass ESTABLISHED\n"},
	{"simultaneous open", "> S pass SYN_SENT\n< S pass SYN_SENT2\n> SA seq=0 pass SYN_RECV\n< SA seq=0 pass SYN_RECV\n"
			      "> A pass ESTABLISHED\n< A pass ESTABLISHED\n< A hit ESTABLISHED\n"},
	{"simultaneous open, one SYN/ACK lost", "> S pass SYN_SENT\n< S pass SYN_SENT2\n< SA seq=0 pass SYN_RECV\n"
						"> A pass ESTABLISHED\n"},
	{"simultaneous open, a SYN sent again from either side",
	 "> S pass SYN_SENT\n< S pass SYN_SENT2\n> S seq=0 pass SYN_SENT2\n< S seq=0 pass SYN_SENT2\n"
	 "> SA seq=0 pass SYN_RECV\n< S seq=0 default SYN_RECV\n< SA seq=0 pass SYN_RECV\n"},
	{"an ACK before any answer is invalid", "> S pass SYN_SENT\n> A invalid SYN_SENT\n"},
	{"a FIN before any answer is invalid, from either side",
	 "> S pass SYN_SENT\n> FA invalid SYN_SENT\n< FA invalid SYN_SENT\n"},
	{"a challenge ACK passes back, and the RST it draws leaves the new connection alone (RFC 9293 3.5.1)",
	 "> S pass SYN_SENT\n< A seq=100 ack=5000 pass SYN_SENT\n> R seq=5000 pass SYN_SENT\n> S seq=0 pass SYN_SENT\n"
	 "< SA pass SYN_RECV\n> A pass ESTABLISHED\n"},
	{"the answer to an old duplicate SYN changes nothing, nor does its RST (RFC 9293 figure 9)",
	 "> S pass SYN_SENT\n< SA seq=70 ack=91 pass SYN_SENT\n> R seq=91 pass SYN_SENT\n< SA seq=0 ack=1 pass SYN_RECV\n"
	 "> A ack=1 pass ESTABLISHED\n"},
	{"an ACK that does not answer the SYN/ACK is invalid: it opens nothing",
	 "> S pass SYN_SENT\n< SA pass SYN_RECV\n> A ack=0x20000 invalid SYN_RECV\n> FA ack=0x20000 invalid SYN_RECV\n"
	 "> A pass ESTABLISHED\n"},
	{"another SYN from the same port, before the answer, is the one that counts",
	 "> S pass SYN_SENT\n> S seq=70000 pass SYN_SENT\n< SA ack=1 pass SYN_SENT\n< SA ack=70001 seq=9 pass SYN_RECV\n"
	 "> A seq=70001 ack=10 pass ESTABLISHED\n"},
	{"flags that no TCP sends together, in any state",
	 "> SF invalid -\n> . invalid -\n" HANDSHAKE "> SR invalid ESTABLISHED\n> SF invalid ESTABLISHED\n"
	 "> F invalid ESTABLISHED\n> . invalid ESTABLISHED\n> FPU invalid ESTABLISHED\n> RF invalid ESTABLISHED\n"},
	{"without a connection only a SYN opens one",
	 "> A invalid -\n> SA invalid -\n> FA invalid -\n> R invalid -\n> RA invalid -\n< S default -\n"},

	/* RST */
	{"an RST answers a SYN", "> S pass SYN_SENT\n< RA seq=0 pass CLOSE\n"},
	{"an RST that does not acknowledge the SYN is invalid (RFC 9293 3.10.7.3)",
	 "> S pass SYN_SENT\n< R invalid SYN_SENT\n< RA ack=2 invalid SYN_SENT\n< RA ack=0 invalid SYN_SENT\n< SA pass SYN_RECV\n"},
	{"an RST acknowledges the data in the SYN", "> S len=30 pass SYN_SENT\n< RA ack=31 pass CLOSE\n"},
	{"the opener gives up", "> S pass SYN_SENT\n> R seq=1 pass CLOSE\n"},
	{"the opener resets a half-open connection", "> S pass SYN_SENT\n< SA pass SYN_RECV\n> R seq=1 pass CLOSE\n"},
	{"an RST for a half-open connection with a wrong number is invalid",
	 "> S pass SYN_SENT\n< SA pass SYN_RECV\n> R seq=2 invalid SYN_RECV\n> RA seq=0 invalid SYN_RECV\n> A pass ESTABLISHED\n"},
	{"an RST closes, the next SYN opens anew",
	 HANDSHAKE "< R pass CLOSE\n> S seq=90000 pass REOPENING\n< SA seq=80000 ack=90001 pass SYN_RECV\n"
	 "> A seq=90001 ack=80001 pass ESTABLISHED\n> FA seq=90001 ack=80001 pass FIN_WAIT\n"},
	{"only the SYN/ACK to that SYN opens: whoever forges the RST and the SYN ends nothing",
	 HANDSHAKE "> R pass CLOSE\n> S seq=90000 pass REOPENING\n< SA seq=0 ack=1 pass REOPENING\n< A pass REOPENING\n"
	 "< RA seq=0 ack=90001 pass REOPENING\n> PA len=5 pass ESTABLISHED\n< A pass ESTABLISHED\n> A hit ESTABLISHED\n"},
	{"the same in the replier's name", HANDSHAKE "< R pass CLOSE\n> S seq=90000 pass REOPENING\n> A pass REOPENING\n< A pass ESTABLISHED\n"},
	{"a SYN after an RST, sent again with another number", HANDSHAKE "< R pass CLOSE\n> S seq=90000 pass REOPENING\n"
	 "> S seq=95000 pass REOPENING\n< SA seq=80000 ack=90001 pass REOPENING\n< SA seq=80000 ack=95001 pass SYN_RECV\n"},
	{"an RST in every later state closes",
	 HANDSHAKE "> FA pass FIN_WAIT\n> R pass CLOSE\n> S seq=9 pass REOPENING\n< SA seq=5 ack=10 pass SYN_RECV\n"
	 "> A seq=10 ack=6 pass ESTABLISHED\n< FA pass FIN_WAIT\n> A pass CLOSE_WAIT\n> RA pass CLOSE\n"},
	{"an RST in somebody's name ends nothing: the named side goes on",
	 HANDSHAKE "< R pass CLOSE\n> A pass CLOSE\n< A pass ESTABLISHED\n> A pass ESTABLISHED\n> A hit ESTABLISHED\n"},
	{"the same while half-closed", HANDSHAKE "> FA pass FIN_WAIT\n< A pass CLOSE_WAIT\n< R pass CLOSE\n< PA len=5 pass CLOSE_WAIT\n"},
	{"the other side going on does not take the RST back",
	 HANDSHAKE "< R pass CLOSE\n> PA len=5 pass CLOSE\n> FA pass CLOSE\n< R pass CLOSE\n"},
	{"an RST in a handshake is final", "> S pass SYN_SENT\n< RA seq=0 pass CLOSE\n< A pass CLOSE\n"},

	/* closing */
	{"a close by the opener", HANDSHAKE "> FA pass FIN_WAIT\n< A pass CLOSE_WAIT\n< FA pass LAST_ACK\n> A pass TIME_WAIT\n"},
	{"a close by the replier", HANDSHAKE "< FA pass FIN_WAIT\n> A pass CLOSE_WAIT\n> FA pass LAST_ACK\n< A pass TIME_WAIT\n"},
	{"a close in three segments", HANDSHAKE "> FA pass FIN_WAIT\n< FA pass LAST_ACK\n> A pass TIME_WAIT\n"},
	{"both close at once", HANDSHAKE "> FA pass FIN_WAIT\n< FA ack=1 pass LAST_ACK\n> A pass TIME_WAIT\n< A pass TIME_WAIT\n"},
	{"a FIN with the handshake's ACK", "> S pass SYN_SENT\n< SA pass SYN_RECV\n> FA pass FIN_WAIT\n< A pass CLOSE_WAIT\n"},
	{"a FIN out of the half-open state", "> S pass SYN_SENT\n< SA pass SYN_RECV\n< FA pass FIN_WAIT\n> A pass CLOSE_WAIT\n"},
	{"a FIN sent again in every state after it",
	 HANDSHAKE "> FA pass FIN_WAIT\n> FA seq=1 pass FIN_WAIT\n< A pass CLOSE_WAIT\n> FA seq=1 pass CLOSE_WAIT\n"
	 "< FA pass LAST_ACK\n> FA seq=1 pass LAST_ACK\n< FA seq=1 pass LAST_ACK\n> A pass TIME_WAIT\n< FA seq=1 pass TIME_WAIT\n"
	 "> A pass TIME_WAIT\n"},
	{"data sent again by the side that has closed is not the other's acknowledgement",
	 HANDSHAKE "> PA len=100 hit ESTABLISHED\n> FA pass FIN_WAIT\n> PA seq=1 len=100 pass FIN_WAIT\n< A pass CLOSE_WAIT\n"},
	{"half-closed by the opener: the answer streams, cached, and the acknowledgements too",
	 HANDSHAKE "> FA pass FIN_WAIT\n< A pass CLOSE_WAIT\n< PA len=99 hit CLOSE_WAIT\n> A pass CLOSE_WAIT\n> A hit CLOSE_WAIT\n"
	 "< FA pass LAST_ACK\n> A pass TIME_WAIT\n"},
	{"half-closed by the replier",
	 HANDSHAKE "< FA pass FIN_WAIT\n> PA len=99 pass CLOSE_WAIT\n> PA len=99 hit CLOSE_WAIT\n< A pass CLOSE_WAIT\n"
	 "> FA pass LAST_ACK\n< A pass TIME_WAIT\n"},
	{"half-closed for long: the answer may take an hour",
	 HANDSHAKE "> FA pass FIN_WAIT\n< A pass CLOSE_WAIT\n< PA len=9 +3500 pass CLOSE_WAIT\n> A pass CLOSE_WAIT\n< FA +3500 pass LAST_ACK\n"},
	{"a SYN while closing passes and changes nothing: the ends sort it out",
	 HANDSHAKE "> FA pass FIN_WAIT\n> S seq=9 pass FIN_WAIT\n< A pass CLOSE_WAIT\n> S seq=9 pass CLOSE_WAIT\n"
	 "< FA pass LAST_ACK\n> S seq=9 pass LAST_ACK\n"},

	/* reuse */
	{"a closed tuple is opened anew by its opener",
	 HANDSHAKE "> FA pass FIN_WAIT\n< FA pass LAST_ACK\n> A pass TIME_WAIT\n> S seq=90000 pass SYN_SENT\n"
	 "< SA seq=70000 ack=90001 pass SYN_RECV\n> A seq=90001 ack=70001 pass ESTABLISHED\n"},
	{"a closed tuple opened by the other side is judged as new, and stays if refused",
	 HANDSHAKE "> FA pass FIN_WAIT\n< FA pass LAST_ACK\n> A pass TIME_WAIT\n< S seq=90000 default TIME_WAIT\n< A pass TIME_WAIT\n"},
	{"a SYN of the replier into a living connection is for the rules, because its opener may have forgotten and listen",
	 HANDSHAKE "< S seq=90000 default ESTABLISHED\n> FA pass FIN_WAIT\n< S seq=90000 default FIN_WAIT\n< A pass CLOSE_WAIT\n"
	 "< S seq=90000 default CLOSE_WAIT\n< FA pass LAST_ACK\n< S seq=90000 default LAST_ACK\n> A pass TIME_WAIT\n"},
	{"an RST and a SYN in the replier's name end nothing either",
	 HANDSHAKE "< R pass CLOSE\n< S seq=90000 default CLOSE\n< A pass ESTABLISHED\n> A pass ESTABLISHED\n"},
	{"an acknowledgement of the old connection does not belong to the new one",
	 HANDSHAKE "> FA pass FIN_WAIT\n< FA pass LAST_ACK\n> A pass TIME_WAIT\n> S seq=90000 pass SYN_SENT\n> A seq=1 invalid SYN_SENT\n"
	 "< FA invalid SYN_SENT\n"},
	{"a SYN into a connection that one end has forgotten: challenged, reset, opened anew",
	 HANDSHAKE "> S seq=90000 pass ESTABLISHED\n< A pass ESTABLISHED\n> R seq=1 pass CLOSE\n> S seq=90000 pass REOPENING\n"
	 "< SA seq=7 ack=90001 pass SYN_RECV\n> A seq=90001 ack=8 pass ESTABLISHED\n"},
	{"a SYN into a connection that both ends have forgotten goes on as the old one",
	 HANDSHAKE "> S seq=90000 pass ESTABLISHED\n< SA seq=5 ack=90001 pass ESTABLISHED\n> A seq=90001 ack=6 hit ESTABLISHED\n"},

	/* time: of tests/lib/settings.c */
	{"time-out: SYN_SENT", "> S pass SYN_SENT\n< SA +119 pass SYN_RECV\n"},
	{"timed out: SYN_SENT", "> S pass SYN_SENT\n< SA +121 invalid SYN_SENT\n"},
	{"time-out: SYN_RECV", "> S pass SYN_SENT\n< SA pass SYN_RECV\n> A +59 pass ESTABLISHED\n"},
	{"timed out: SYN_RECV", "> S pass SYN_SENT\n< SA pass SYN_RECV\n> A +61 invalid SYN_RECV\n"},
	{"time-out: ESTABLISHED", HANDSHAKE "< A +3599 pass ESTABLISHED\n"},
	{"timed out: ESTABLISHED", HANDSHAKE "< A +3601 invalid ESTABLISHED\n"},
	{"timed out: FIN_WAIT", HANDSHAKE "> FA pass FIN_WAIT\n< A +121 invalid FIN_WAIT\n"},
	{"timed out: CLOSE_WAIT", HANDSHAKE "> FA pass FIN_WAIT\n< A pass CLOSE_WAIT\n< A +3601 invalid CLOSE_WAIT\n"},
	{"timed out: LAST_ACK", HANDSHAKE "> FA pass FIN_WAIT\n< FA pass LAST_ACK\n> A +31 invalid LAST_ACK\n"},
	{"timed out: TIME_WAIT", HANDSHAKE "> FA pass FIN_WAIT\n< FA pass LAST_ACK\n> A pass TIME_WAIT\n> A +121 invalid TIME_WAIT\n"},
	{"timed out: CLOSE", HANDSHAKE "< R pass CLOSE\n< A +11 invalid CLOSE\n"},
	{"timed out: REOPENING", HANDSHAKE "< R pass CLOSE\n> S seq=90000 pass REOPENING\n< SA seq=5 ack=90001 +11 invalid REOPENING\n"},
	{"what timed out is opened anew by a SYN", HANDSHAKE "> S seq=90000 +3601 pass SYN_SENT\n"},
};

/* Strict mode. Windows are 1000 bytes unless the line says otherwise. */
#define STRICT_OPEN "> S pass SYN_SENT\n< SA pass SYN_RECV\n> A pass ESTABLISHED\n"
#define SCALED	    "> S win=100 scale=3 pass SYN_SENT\n< SA win=100 scale=2 pass SYN_RECV\n> A win=100 pass ESTABLISHED\n"

static const struct script strict_scripts[] = {
	{"strict: data both ways, acknowledged, closed: nothing of it is cached",
	 STRICT_OPEN "> PA len=900 pass ESTABLISHED\n< PA len=500 pass ESTABLISHED\n> PA len=800 pass ESTABLISHED\n"
	 "< A pass ESTABLISHED\n> FA pass FIN_WAIT\n< A pass CLOSE_WAIT\n< FA pass LAST_ACK\n> A pass TIME_WAIT\n"},
	{"strict: a full window without an acknowledgement, and no byte more",
	 STRICT_OPEN "> A len=600 pass ESTABLISHED\n> A len=400 pass ESTABLISHED\n> A seq=1001 len=1 pass ESTABLISHED\n"
	 "> A seq=1001 len=2 window ESTABLISHED\n> A seq=1002 len=1 window ESTABLISHED\n> A seq=1002 window ESTABLISHED\n"
	 "< A ack=1001 pass ESTABLISHED\n> A seq=1001 len=1000 pass ESTABLISHED\n"},
	{"strict: sent again, as far back as a window",
	 STRICT_OPEN "> A len=1000 pass ESTABLISHED\n< A ack=1001 pass ESTABLISHED\n> A len=500 pass ESTABLISHED\n"
	 "> A seq=501 len=1000 pass ESTABLISHED\n> A seq=1 len=400 window ESTABLISHED\n> A seq=1 len=500 pass ESTABLISHED\n"},
	{"strict: a keep-alive, a probe of a closed window",
	 STRICT_OPEN "> A seq=0 pass ESTABLISHED\n< A win=0 pass ESTABLISHED\n> A len=1000 pass ESTABLISHED\n"
	 "< A ack=1001 win=0 pass ESTABLISHED\n> A seq=1001 len=1 pass ESTABLISHED\n> A seq=1000 pass ESTABLISHED\n"},
	{"strict: an acknowledgement of what was never sent, and one that is too old",
	 STRICT_OPEN "< A ack=2 window ESTABLISHED\n> A len=900 pass ESTABLISHED\n< A ack=901 pass ESTABLISHED\n"
	 "< A ack=902 window ESTABLISHED\n< A ack=0x80000000 window ESTABLISHED\n< A ack=1 pass ESTABLISHED\n"},
	{"strict: windows are scaled",
	 SCALED "< A win=100 pass ESTABLISHED\n> A win=100 len=390 pass ESTABLISHED\n> A win=100 len=11 pass ESTABLISHED\n"
	 "> A seq=402 len=1 window ESTABLISHED\n< A win=100 len=800 ack=401 pass ESTABLISHED\n"
	 "< A len=1 seq=802 window ESTABLISHED\n"},
	{"strict: scaled by both or by none (RFC 7323 2.2); the windows of SYNs never are",
	 "> S scale=14 pass SYN_SENT\n< SA pass SYN_RECV\n> A pass ESTABLISHED\n< A len=1001 pass ESTABLISHED\n"
	 "< A seq=1002 len=1 window ESTABLISHED\n"},
	{"strict: a handshake's ACK outside the window", "> S pass SYN_SENT\n< SA pass SYN_RECV\n> A seq=5000 ack=1 window SYN_RECV\n"
							 "> A pass ESTABLISHED\n"},
	{"strict: an RST outside the window is dropped, in either name",
	 STRICT_OPEN "< R seq=1002 window ESTABLISHED\n< R seq=0x70000000 window ESTABLISHED\n< R seq=0 window ESTABLISHED\n"
	 "> R seq=0 window ESTABLISHED\n> RA seq=90000 window ESTABLISHED\n> A len=5 pass ESTABLISHED\n"},
	{"strict: an RST in the window is for its receiver to challenge, the next number resets (RFC 5961)",
	 STRICT_OPEN "< R seq=500 pass ESTABLISHED\n> A pass ESTABLISHED\n< R seq=1 pass CLOSE\n"},
	{"strict: an RST behind what was sent, with data under way",
	 STRICT_OPEN "> A len=700 pass ESTABLISHED\n> R seq=701 pass CLOSE\n< R seq=1 pass CLOSE\n> S seq=5000 pass REOPENING\n"},
	{"strict: a FIN outside the window is dropped, in the window it closes",
	 STRICT_OPEN "> FA seq=1002 window ESTABLISHED\n< FA seq=70000 window ESTABLISHED\n> FA seq=1 ack=5 window ESTABLISHED\n"
	 "< FA seq=1 pass FIN_WAIT\n"},
	{"strict: a SYN passes to be challenged; a SYN/ACK only if it is the first one again",
	 STRICT_OPEN "> S seq=5000 pass ESTABLISHED\n< SA seq=0 ack=1 pass ESTABLISHED\n< SA seq=90 ack=5001 window ESTABLISHED\n"
	 "< A pass ESTABLISHED\n> A len=9 pass ESTABLISHED\n"},
	{"strict: nothing that is dropped is learned from",
	 STRICT_OPEN "> A seq=9000 len=500 window ESTABLISHED\n< A ack=9500 win=60000 window ESTABLISHED\n> A len=1000 pass ESTABLISHED\n"
	 "> A seq=1002 len=1 window ESTABLISHED\n"},
	{"strict: a segment of nobody's takes no reset connection back",
	 STRICT_OPEN "< R pass CLOSE\n< A seq=60000 window CLOSE\n< A pass ESTABLISHED\n"},
	{"strict: reopened after an RST, with the new SYNs' numbers and scales",
	 STRICT_OPEN "< R pass CLOSE\n> S seq=90000 scale=3 pass REOPENING\n< SA seq=80000 ack=90001 scale=2 pass SYN_RECV\n"
	 "> A seq=90001 ack=80001 pass ESTABLISHED\n> A seq=90001 ack=80001 len=1000 pass ESTABLISHED\n"
	 "< A seq=80001 ack=91001 win=300 pass ESTABLISHED\n> A seq=91001 ack=80001 len=1200 pass ESTABLISHED\n"},
	{"strict: data in the SYN, and before the handshake is over",
	 "> S len=30 pass SYN_SENT\n< SA len=40 pass SYN_RECV\n< PA len=100 pass SYN_RECV\n> A pass ESTABLISHED\n"
	 "> A len=900 pass ESTABLISHED\n"},
	{"strict: a SYN with another number does not disturb a handshake",
	 "> S pass SYN_SENT\n< SA pass SYN_RECV\n> S seq=0x50000000 pass SYN_RECV\n> A pass ESTABLISHED\n> A len=1000 pass ESTABLISHED\n"},
	{"strict: simultaneous open", "> S pass SYN_SENT\n< S pass SYN_SENT2\n> SA seq=0 pass SYN_RECV\n< SA seq=0 pass SYN_RECV\n"
				      "> A pass ESTABLISHED\n< A len=900 pass ESTABLISHED\n< A seq=5000 window ESTABLISHED\n"},
};

static const char *const state_names[DPU_CT_STATES] = {
	"-", "NEW", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE",
	"SYN_SENT2", "REOPENING",
};

/* ---- reading a line ---------------------------------------------------------- */

/* One end, as it would go on: numbers as on the wire. */
struct end {
	uint32_t isn, next;
};

struct line {
	int from; /* 0 = the opener */
	uint32_t flags, seq, ack, len, seconds, window, scale;
	bool seq_given;
	enum dpu_reason reason;
	const char *state;
};

static uint32_t read_flags(const char *word)
{
	static const struct {
		char letter;
		uint32_t flag;
	} letters[] = {{'S', SYN}, {'A', ACK}, {'F', FIN}, {'R', RST}, {'P', PSH}, {'U', URG}};
	uint32_t flags = 0;

	for (; *word; word++)
		for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
			if (letters[i].letter == *word)
				flags |= letters[i].flag;
	return flags;
}

static int read_reason(const char *word)
{
	static const struct {
		const char *word;
		enum dpu_reason reason;
	} words[] = {
		{"pass", DPU_REASON_FORWARD},
		{"hit", DPU_REASON_FLOW_HIT},
		{"invalid", DPU_REASON_DROP_CT_INVALID},
		{"default", DPU_REASON_DROP_DEFAULT},
		{"window", DPU_REASON_DROP_TCP_WINDOW},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i].word, word))
			return words[i].reason;
	return -1;
}

static bool read_option(const char *word, const struct end *ends, struct line *line)
{
	const char *value = strchr(word, '=');
	uint32_t number = strtoul(value ? value + 1 : word + 1, NULL, 0);

	if (*word == '+') {
		line->seconds = number;
	} else if (!strncmp(word, "seq=", 4)) {
		line->seq = ends[line->from].isn + number;
		line->seq_given = true;
	} else if (!strncmp(word, "ack=", 4)) {
		line->ack = ends[!line->from].isn + number;
	} else if (!strncmp(word, "len=", 4)) {
		line->len = number;
	} else if (!strncmp(word, "win=", 4)) {
		line->window = number;
	} else if (!strncmp(word, "scale=", 6)) {
		line->scale = 1 + number;
	} else {
		return false;
	}
	return true;
}

/* Reads one line and moves the text on. false: not a line of a script. */
static bool read_line(const char **text, const struct end *ends, struct line *ret_line)
{
	size_t size = strcspn(*text, "\n");
	static char copy[128];
	struct line line = {.window = 1000};
	char *word, *rest;
	int reason = -1;

	if (size >= sizeof(copy))
		return false;
	memcpy(copy, *text, size);
	copy[size] = 0;
	*text += size + !!(*text)[size];
	word = strtok_r(copy, " ", &rest);
	line.from = word && *word == '<';
	line.seq = ends[line.from].next;
	line.ack = ends[!line.from].next;
	word = strtok_r(NULL, " ", &rest);
	line.flags = word ? read_flags(word) : 0;
	while ((word = strtok_r(NULL, " ", &rest)) && read_option(word, ends, &line))
		;
	reason = word ? read_reason(word) : -1;
	line.reason = reason < 0 ? DPU_REASON_NONE : (enum dpu_reason)reason;
	word = strtok_r(NULL, " ", &rest);
	for (size_t i = 0; word && i < DPU_CT_STATES; i++)
		if (!strcmp(state_names[i], word))
			line.state = state_names[i];
	*ret_line = line;
	return reason >= 0 && line.state;
}

/* ---- playing it -------------------------------------------------------------- */

static const char *state_now(bool v6)
{
	struct dpu_ct_key key = {.zone = 16, .proto = 6};
	struct dpu_ct ct;

	for (int i = 0; i < 2; i++) {
		key.addr[i].h[5] = v6 ? 0 : 0xffff;
		key.addr[i].b[v6 ? 0 : 12] = v6 ? 0x20 : 10;
		if (v6) {
			key.addr[i].b[1] = 0x01;
			key.addr[i].b[2] = 0x0d;
			key.addr[i].b[3] = 0xb8;
		}
		key.addr[i].b[15] = v6 ? 0x16 + i : 16 + i;
	}
	key.port[0] = __builtin_bswap16(1000);
	key.port[1] = __builtin_bswap16(80);
	if (prog_backend()->lookup("conntrack", &key, &ct))
		return "-";
	return ct.state < DPU_CT_STATES ? state_names[ct.state] : "?";
}

static void build(const struct line *line, bool v6, struct frame *ret_frame)
{
	const char *address[2][2] = {{"10.0.0.16", "10.0.0.17"}, {"2001:db8::16", "2001:db8::17"}};
	const char *from = address[v6][line->from], *to = address[v6][!line->from];
	uint32_t ports[2] = {1000, 80};
	struct layer layers[] = {
		ETH(MAC(line->from ? 16 : 17), MAC(line->from ? 17 : 16)), {0},
		TCP(ports[line->from], ports[!line->from], line->flags, .seq = line->seq, .ack = line->ack, .window = line->window, .scale = line->scale),
		FILL(line->len), {.kind = LAYER_END}};

	layers[1] = v6 ? (struct layer)IP6(from, to) : (struct layer)IP4(from, to);
	frame_build(layers, ret_frame);
}

/* NULL, or what is wrong. */
static const char *play_line(const struct line *line, struct end *ends, bool v6)
{
	static struct backend_result result;
	static char text[160];
	struct frame frame;
	const char *state;

	if (line->seconds)
		prog_backend()->advance(line->seconds * SECONDS);
	build(line, v6, &frame);
	if (prog_backend()->run(&frame, line->from ? 17 : 16, 0, &result))
		return "cannot run";
	state = state_now(v6);
	if (!line->seq_given && result.exit.verdict == DPU_VERDICT_FORWARD)
		ends[line->from].next = line->seq + line->len + !!(line->flags & SYN) + !!(line->flags & FIN);
	if (result.exit.reason == (__u32)line->reason && !strcmp(state, line->state))
		return NULL;
	snprintf(text, sizeof(text), "reason %u and state %s, expected reason %u and %s", result.exit.reason, state,
		 line->reason, line->state);
	return text;
}

/* NULL, or what is wrong in which line. */
static const char *play(const struct script *script, bool v6)
{
	struct end ends[2] = {{ISN_A, ISN_A}, {ISN_B, ISN_B}};
	const char *text = script->lines, *at, *wrong;
	static char detail[320];
	struct line line;

	prog_use(prog_backend());
	only_16_opens();
	while (*text) {
		at = text;
		if (!read_line(&text, ends, &line))
			wrong = "this is no line of a script";
		else
			wrong = play_line(&line, ends, v6);
		if (wrong) {
			snprintf(detail, sizeof(detail), "%.*s: %s", (int)strcspn(at, "\n"), at, wrong);
			return detail;
		}
	}
	return NULL;
}

static void run_hook(enum dpu_hook hook, bool v6, const struct script *list, size_t n, const char *pattern)
{
	static const char *const names[DPU_HOOKS] = {"xdp", "tc", "native"};
	const char *reason, *wrong;
	const struct backend *backend = prog_at(hook, true, &reason);
	char suite[64];

	snprintf(suite, sizeof(suite), "tcp [%s%s]", names[hook], v6 ? ", IPv6" : "");
	if (!backend) {
		report_fail(suite, "the program can be run", reason);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (!report_wanted(pattern, suite, list[i].sentence) || (!backend->advance && strchr(list[i].lines, '+')))
			continue;
		prog_use(backend);
		wrong = play(&list[i], v6);
		if (wrong)
			report_fail(suite, list[i].sentence, wrong);
		else
			report_pass(suite, list[i].sentence);
	}
}

/* ---- the table in the documentation ----------------------------------------- */

static const char *const event_names[TCP_EVENTS] = {
	"SYN", "SYN/ACK", "ACK", "ACK, other side closed", "FIN, first", "FIN, last", "FIN, again", "old SYN/ACK or ACK",
	"RST", "old RST", "SYN after an RST",
};

static const char *short_name(__u8 next, __u8 state)
{
	static const char *const names[DPU_CT_STATES] = {"drop", "", "ES", "SS", "SR", "FW", "CW", "LA", "TW", "CL", "S2", "RO"};

	if (next == TCP_REOPEN)
		return "new";
	if (next == TCP_COUNTER)
		return "rules";
	if (next == TCP_ASK)
		return "asks";
	return next == state ? "." : names[next];
}

/* One row as the page has it. */
static void table_row(__u32 dir, __u32 event, char *text, size_t size)
{
	static const __u8 order[] = {DPU_CT_SYN_SENT, DPU_CT_SYN_SENT2, DPU_CT_SYN_RECV, DPU_CT_ESTABLISHED, DPU_CT_FIN_WAIT,
				     DPU_CT_CLOSE_WAIT, DPU_CT_LAST_ACK, DPU_CT_TIME_WAIT, DPU_CT_CLOSE,
				     DPU_CT_REOPENING};
	size_t n = snprintf(text, size, "| %s %s |", dir ? "<" : ">", event_names[event]);

	for (size_t i = 0; i < sizeof(order) && n < size; i++)
		n += snprintf(text + n, size - n, " %s |", short_name(tcp_next_state(dir, event, order[i]), order[i]));
}

static bool page_has(const char *wanted)
{
	FILE *page = fopen(TABLE, "r");
	bool found = false;
	char row[256];

	while (page && !found && fgets(row, sizeof(row), page)) {
		row[strcspn(row, "\n")] = 0;
		found = !strcmp(row, wanted);
	}
	if (page)
		fclose(page);
	return found;
}

static void compare_table(const char *pattern)
{
	static const char sentence[] = "the table in " TABLE " is the datapath's";
	char text[256], missing[4096] = "";
	size_t n = 0;

	if (!report_wanted(pattern, "tcp", sentence))
		return;
	for (__u32 dir = 0; dir < 2; dir++)
		for (__u32 event = 0; event < TCP_EVENTS; event++) {
			table_row(dir, event, text, sizeof(text));
			if (!page_has(text))
				n += snprintf(missing + n, sizeof(missing) - n, "%s%s", n ? "\n" : "", text);
		}
	if (n)
		report_fail("tcp", sentence, missing);
	else
		report_pass("tcp", sentence);
}

static void run_all(const struct script *list, size_t n, const char *pattern)
{
	for (enum dpu_hook hook = 0; hook < DPU_HOOKS; hook++)
		run_hook(hook, false, list, n, pattern);
	run_hook(DPU_HOOK_NATIVE, true, list, n, pattern);
}

static void run(const char *pattern)
{
	run_all(scripts, sizeof(scripts) / sizeof(scripts[0]), pattern);
	backend_strict = true;
	run_all(strict_scripts, sizeof(strict_scripts) / sizeof(strict_scripts[0]), pattern);
	backend_strict = false;
	compare_table(pattern);
}

PROG_GENERATED(tcp, run)
