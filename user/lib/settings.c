/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* settings.c - the load-time constants of the datapath (dpulab/settings.h) from a lab. */
#include "dataplane.h"

#include <dpulab/flow.h>
#include <dpulab/qos.h>
#include <dpulab/settings.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define NSEC	   1000000000ull
#define REEVAL_PPS 20000

static uint32_t power_of_two_from(uint32_t n)
{
	uint32_t power = 1;

	while (power < n)
		power <<= 1;
	return power;
}

/* What a tenant must not know. Multipliers have to be odd. */
static void settings_secrets(struct dpu_settings *settings)
{
	uint64_t state = (uint64_t)getpid() << 32 ^ (uint64_t)time(NULL);

	if (getrandom(&settings->hash_seed, sizeof(settings->hash_seed), 0) < 0)
		settings->hash_seed = (uint32_t)state;
	if (getrandom(settings->secret, sizeof(settings->secret), 0) < 0)
		settings->secret[0] = settings->secret[1] = state * 0x9e3779b97f4a7c15ull;
	for (size_t i = 0; i < DPU_HASH_WORDS; i++) {
		uint64_t word = state = state * 6364136223846793005ull + 1442695040888963407ull;

		if (getrandom(&word, sizeof(word), 0) < 0)
			word = state ^ state >> 29;
		settings->hash_multiplier[i] = word | 1;
	}
}

static void settings_timeouts(const struct lab_timeouts *s, struct dpu_settings *settings)
{
	const uint32_t tcp_s[DPU_CT_STATES] = {
		[DPU_CT_SYN_SENT] = s->tcp_syn_sent,
		[DPU_CT_SYN_SENT2] = s->tcp_syn_sent,
		[DPU_CT_SYN_RECV] = s->tcp_syn_recv,
		[DPU_CT_ESTABLISHED] = s->tcp_established,
		[DPU_CT_FIN_WAIT] = s->tcp_fin_wait,
		[DPU_CT_CLOSE_WAIT] = s->tcp_close_wait,
		[DPU_CT_LAST_ACK] = s->tcp_last_ack,
		[DPU_CT_TIME_WAIT] = s->tcp_time_wait,
		[DPU_CT_CLOSE] = s->tcp_close,
		[DPU_CT_REOPENING] = s->tcp_close,
	};

	for (size_t i = 0; i < DPU_CT_STATES; i++)
		settings->ct_timeout_ns[i] = tcp_s[i] * NSEC;
	settings->ct_udp_new_ns = s->udp_new * NSEC;
	settings->ct_udp_est_ns = s->udp_established * NSEC;
	settings->ct_icmp_ns = s->icmp * NSEC;
	settings->ct_other_ns = s->other * NSEC;
}

void dataplane_features(const struct lab *lab, struct dpu_settings *settings)
{
	settings->hold_fragments = lab->fragments == LAB_FRAGMENTS_REASSEMBLE;
	settings->tcp_strict = lab->tcp_window == LAB_TCP_WINDOW_STRICT;
	settings->qos = lab_uses_qos(lab) ? DPU_QOS_ON : 0;
	settings->qos |= lab_uses_dscp(lab) ? DPU_QOS_DSCP : 0;
	settings->qos |= lab_uses_marks(lab) ? DPU_QOS_MARKS : 0;
}

bool dataplane_same_tables(const struct lab *a, const struct lab *b)
{
	return a->fragments == b->fragments && a->tcp_window == b->tcp_window;
}

void dataplane_settings(const struct lab *lab, struct dpu_settings *settings)
{
	memset(settings, 0, sizeof(*settings));
	settings->flow_slot_shift = DPU_FLOW_SLOT_SHIFT(lab->flows / DPU_FLOW_WAYS);
	settings->ct_clock_mask = power_of_two_from(2 * lab->connections) - 1;
	settings_secrets(settings);
	settings->fdb_age_ns = lab->mac_ageing_s * NSEC;
	settings->flow_renew_ns = 60 * NSEC;
	settings_timeouts(&lab->timeouts, settings);
	settings->reeval_pps = REEVAL_PPS;
	settings->flow_cache = 1;
	settings->log_pps = lab->log_pps;
	dataplane_features(lab, settings);
}
