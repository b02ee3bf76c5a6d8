/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "drill_record.h"
#include "host.h"
#include "lab.h"
#include "loan.h"
#include "monotonic.h"
#include "moved.h"
#include "standby.h"

#define STATE_AGENT "agent"
#define CLAIM_MS    1000 /* until what a killed agent has started has ended */
#define AGAIN_MS    5	 /* between two tries to get the lock, when something looks wrong */
#define RETRY_MS    1000 /* behind a failover that could not be done */
#define IDLE_EVERY  10	 /* the DPU that is not active is looked at once in so many rounds */

/* A host as it was last said to be. */
struct seen {
	unsigned active;
	enum dpu_health health[2]; /* by DPU */
};

/* Which files of the lab's folder there are: one that is replaced is another. */
#define FILES 6
struct stamp {
	uint64_t file[FILES][2];
};

struct agent {
	const char *name;
	const struct agent_config *config;
	struct state *folder;	    /* as it was when we came; no lock */
	struct lab_session session; /* what looks are made with; of `stamp` */
	struct stamp stamp;
	struct seen *seen; /* by host */
	size_t n_seen;
	unsigned round;
	bool begun;  /* has had the lock: what a killed agent has left is in order */
	bool broken; /* has been said */
	bool gone;   /* the lab */
	uint64_t not_before_ns;
};

static void pause_ms(unsigned ms)
{
	const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	nanosleep(&pause, NULL);
}

/* ---- one agent of a lab -------------------------------------------------- */

/* Of the open file: it goes with the process, however that ends. */
static int claim(const char *lab, int *ret_fd, struct diag *diag)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	uint64_t until = monotonic_ns() + CLAIM_MS * 1000000ull;
	char path[STATE_PATH_MAX];
	int fd = open(state_path(path, lab, STATE_AGENT), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return diag_error(diag, -errno, NULL, "cannot open %s: %s", path, strerror(errno));
	while (fcntl(fd, F_OFD_SETLK, &lock)) {
		if (monotonic_ns() >= until) {
			close(fd);
			return diag_error(diag, -EBUSY, NULL, "lab %s has an agent already", lab);
		}
		pause_ms(AGAIN_MS);
	}
	*ret_fd = fd;
	return 0;
}

bool agent_watches(const char *lab)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[STATE_PATH_MAX];
	int fd = open(state_path(path, lab, STATE_AGENT), O_RDWR | O_CLOEXEC);
	bool held = fd >= 0 && !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;

	if (fd >= 0)
		close(fd);
	return held;
}

/* ---- events ---------------------------------------------------------------- */

const char *agent_event_word(enum agent_event_kind kind)
{
	static const char *const words[] = {
		[AGENT_WATCHES] = "watches",	 [AGENT_REPAIRED] = "repaired", [AGENT_BROKEN] = "broken",
		[AGENT_FAILED] = "failed",	 [AGENT_FAILED_OVER] = "failed-over", [AGENT_NOT_OVER] = "not-failed-over",
		[AGENT_SERVES] = "serves",	 [AGENT_ACTIVE] = "active",	[AGENT_IDLE_FAILED] = "idle-failed",
		[AGENT_IDLE_SERVES] = "idle-serves", [AGENT_ENDS] = "ends",
	};

	return words[kind];
}

static void tell(const struct agent *agent, struct agent_event *event)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	event->time_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	agent->config->event(event, agent->config->arg);
}

static void tell_lab(const struct agent *agent, enum agent_event_kind kind, const char *why)
{
	struct agent_event event = {.kind = kind, .why = why};

	tell(agent, &event);
}

static void tell_dpu(const struct agent *agent, enum agent_event_kind kind, const struct lab_host *host, unsigned dpu,
		     enum dpu_health health)
{
	struct agent_event event = {.kind = kind, .host = host->name, .health = health};

	topology_dpu_of(host, dpu, event.dpu);
	if (kind == AGENT_FAILED && lab_has_standby(host))
		topology_dpu_of(host, !dpu, event.standby);
	tell(agent, &event);
}

static const char *last_word(const struct diag *diag, int err)
{
	return diag->n ? diag->records[diag->n - 1].message : strerror(-err);
}

/* ---- looking, without the lock ------------------------------------------- */

static void take_stamp(const struct state *folder, struct stamp *ret_stamp)
{
	static const char *const files[FILES] = {STATE_LAB, STATE_CHANGES, STATE_LOADED, STATE_READY, STATE_ACTIVE, STATE_MOVED};
	struct state_view view;

	*ret_stamp = (struct stamp){};
	for (size_t i = 0; i < FILES; i++) {
		if (state_view(folder, files[i], &view))
			continue;
		ret_stamp->file[i][0] = view.inode;
		ret_stamp->file[i][1] = view.mtime_ns;
		state_view_close(&view);
	}
}

/* Host names and numbers are those of the new lab: nothing has been said of them. */
static int forget_seen(struct agent *agent, const struct lab *lab)
{
	struct seen *seen = calloc(lab->n_hosts ? lab->n_hosts : 1, sizeof(*seen));

	if (!seen)
		return -ENOMEM;
	for (size_t i = 0; i < lab->n_hosts; i++)
		seen[i].active = lab->hosts[i].active;
	free(agent->seen);
	agent->seen = seen;
	agent->n_seen = lab->n_hosts;
	return 0;
}

/* The lab as it is to be, read anew when a file of it has changed. */
static int refresh(struct agent *agent, struct diag *diag)
{
	struct lab_session session;
	struct stamp stamp;
	int err;

	take_stamp(agent->folder, &stamp);
	agent->gone = !stamp.file[0][0];
	if (agent->gone || (agent->session.lab && !memcmp(&stamp, &agent->stamp, sizeof(stamp))))
		return 0;
	err = lab_open(agent->name, STATE_PEEK, &session, diag);
	if (err)
		return err;
	if (!agent->seen || agent->n_seen != session.lab->n_hosts)
		err = forget_seen(agent, session.lab);
	lab_close(&agent->session);
	agent->session = session;
	agent->stamp = stamp;
	return err;
}

/* What a host's DPUs are now; of the idle one, unless `both`, what was last seen. *ret_used: its frame path is theirs. */
static int look(const struct agent *agent, const struct lab *lab, size_t host, bool both, struct seen *ret_seen, bool *ret_used,
		struct diag *diag)
{
	const struct lab_host *h = &lab->hosts[host];
	enum frame_path path = PATH_HOST;
	bool xdp;
	int err = lab_n_dpus(h) ? place_read(lab, host, &path, &xdp, diag) : 0;

	*ret_seen = agent->seen[host];
	ret_seen->active = h->active;
	*ret_used = !err && frame_path_needs_dpu(path);
	for (unsigned dpu = 0; !err && *ret_used && dpu < lab_n_dpus(h); dpu++)
		if (both || dpu == h->active)
			err = dpu_health(lab, host, dpu, &ret_seen->health[dpu], diag);
	return err;
}

static bool same(const struct seen *a, const struct seen *b)
{
	return a->active == b->active && a->health[0] == b->health[0] && a->health[1] == b->health[1];
}

/* Is a host other than was said last, or has a killed command left a lab to be repaired? */
static bool looks_wrong(const struct agent *agent, struct diag *diag)
{
	const struct lab *lab = agent->session.lab;
	bool used, both = agent->round % IDLE_EVERY == 0;
	struct seen now;

	if (!agent->begun || (!agent->stamp.file[3][0] && !agent->broken)) /* no "ready" */
		return true;
	for (size_t host = 0; host < lab->n_hosts; host++)
		if (look(agent, lab, host, both, &now, &used, diag) || (used && !same(&now, &agent->seen[host])))
			return true;
	return false;
}

/* ---- acting, with it --------------------------------------------------------- */

/* Says what has changed, and remembers that it was said. */
static void tell_changes(struct agent *agent, const struct lab *lab, size_t host, const struct seen *now)
{
	const struct lab_host *h = &lab->hosts[host];
	struct seen *before = &agent->seen[host];

	if (now->active != before->active)
		tell_dpu(agent, AGENT_ACTIVE, h, now->active, now->health[now->active]);
	for (unsigned dpu = 0; dpu < lab_n_dpus(h); dpu++) {
		bool active = dpu == now->active;

		if (now->health[dpu] == before->health[dpu])
			continue;
		if (now->health[dpu] == DPU_SERVES)
			tell_dpu(agent, active ? AGENT_SERVES : AGENT_IDLE_SERVES, h, dpu, DPU_SERVES);
		else
			tell_dpu(agent, active ? AGENT_FAILED : AGENT_IDLE_FAILED, h, dpu, now->health[dpu]);
	}
	*before = *now;
}

/* Where the lab is to be, for whoever finds it without "ready". In a drill its own record stands. */
static int write_down(const struct lab_session *session, size_t host, struct diag *diag)
{
	struct lab_host *h = &session->lab->hosts[host];
	uint8_t active = h->active;
	int err;

	h->active = !active;
	err = drill_record_write(session->state, session->lab, NULL, diag);
	h->active = active;
	return err ? err : state_remove(session->state, STATE_READY, diag);
}

/* "ready" first: between the two there is a record too many, not one too few (lab.c). */
static int cross_out(const struct lab_session *session, struct diag *diag)
{
	int err = state_write(session->state, STATE_READY, "", diag);

	return err ? err : drill_record_remove(session->state, diag);
}

static int fail_over(struct agent *agent, const struct lab_session *session, size_t host, bool lent, struct loan_use *use,
		     bool *ret_done, struct diag *diag)
{
	struct agent_event event = {.kind = AGENT_FAILED_OVER, .host = session->lab->hosts[host].name};
	int err = lent ? 0 : write_down(session, host, diag);

	use->begin_ns = monotonic_ns();
	if (!err)
		err = failover_check(session->state, session->lab, host, ret_done, &use->failover, diag);
	if (!err && !lent)
		err = cross_out(session, diag);
	if (!err && !*ret_done) /* it has come to itself in between */
		return 0;
	event.kind = err ? AGENT_NOT_OVER : AGENT_FAILED_OVER;
	event.why = err ? last_word(diag, err) : NULL;
	event.failover = use->failover;
	if (!err)
		agent->seen[host].active = use->failover.to;
	else
		agent->not_before_ns = monotonic_ns() + RETRY_MS * 1000000ull;
	topology_dpu_of(&session->lab->hosts[host], err ? session->lab->hosts[host].active : use->failover.to, event.dpu);
	tell(agent, &event);
	return err;
}

static int act_on_host(struct agent *agent, const struct lab_session *session, size_t host, bool lent, struct loan_use *use,
		       bool *ret_done, struct diag *diag)
{
	const struct lab_host *h = &session->lab->hosts[host];
	struct seen now;
	bool used;
	int err = look(agent, session->lab, host, true, &now, &used, diag);

	if (err || !used)
		return err;
	tell_changes(agent, session->lab, host, &now);
	if (now.health[now.active] == DPU_SERVES || !lab_has_standby(h) || now.health[!now.active] != DPU_SERVES)
		return 0;
	return fail_over(agent, session, host, lent, use, ret_done, diag);
}

/* What a killed command has left: of an agent or a drill it is known how the lab is to be. */
static int mend_ruins(struct agent *agent, const struct lab_session *session, struct diag *diag)
{
	struct lab_report ignored;
	int err;

	if (drill_record_place(session->state, session->lab)) {
		if (!agent->broken)
			tell_lab(agent, AGENT_BROKEN, "a command was killed: `dpulab up LAB.yaml` repairs the lab");
		agent->broken = true;
		return -ESTALE;
	}
	err = lab_repair(session, &ignored, diag);
	if (!err)
		tell_lab(agent, AGENT_REPAIRED, "a killed command had left it broken");
	return err;
}

static bool is_ready(const struct lab_session *session)
{
	char *text;

	if (state_read(session->state, STATE_READY, &text))
		return false;
	free(text);
	return true;
}

static int act_locked(struct agent *agent, const struct lab_session *session, bool lent, struct loan_use *use,
		      bool *ret_done, struct diag *diag)
{
	int err = lent || is_ready(session) ? 0 : mend_ruins(agent, session, diag);

	if (err)
		return err == -ESTALE ? 0 : err;
	agent->broken = false;
	agent->begun = true;
	if (!lent) /* of a lab that is whole: killed behind its last step but one */
		err = drill_record_remove(session->state, diag);
	if (!err && agent->n_seen != session->lab->n_hosts)
		err = forget_seen(agent, session->lab);
	if (!err)
		err = place_read_all(session->lab, diag);
	for (size_t host = 0; !err && !*ret_done && host < session->lab->n_hosts; host++)
		err = act_on_host(agent, session, host, lent, use, ret_done, diag);
	return err;
}

/* With the lab's lock, or a drill's that lends it; -EBUSY: neither can be had. */
static int act(struct agent *agent, struct diag *diag)
{
	struct lab_session session;
	struct loan_use use = {};
	bool done = false;
	int loan = -1, err = lab_open(agent->name, STATE_TRY, &session, diag);

	if (err == -EBUSY) {
		loan = loan_take(agent->name);
		if (loan < 0)
			return loan;
		err = lab_open(agent->name, STATE_PEEK, &session, diag);
		if (err)
			loan_return(loan, NULL);
	}
	if (err)
		return err;
	err = act_locked(agent, &session, loan >= 0, &use, &done, diag);
	if (loan >= 0)
		loan_return(loan, done ? &use : NULL);
	lab_close(&session);
	return err;
}

/* ---- the loop ------------------------------------------------------------------ */

/* The pause until the next round. */
static unsigned watch_once(struct agent *agent)
{
	struct diag diag = {};
	unsigned pause = agent->config->interval_ms;
	int err = refresh(agent, &diag);

	agent->round++;
	/* a file that is being replaced, or a namespace that goes, is looked at again */
	if (!err && !agent->gone && monotonic_ns() >= agent->not_before_ns && looks_wrong(agent, &diag) &&
	    act(agent, &diag) == -EBUSY && pause > AGAIN_MS)
		pause = AGAIN_MS;
	diag_clear(&diag);
	return pause;
}

static void watch(struct agent *agent)
{
	const struct agent_config *config = agent->config;

	tell_lab(agent, AGENT_WATCHES, NULL);
	while (!config->stop(config->arg) && !agent->gone) {
		unsigned pause = watch_once(agent);

		if (!config->stop(config->arg) && !agent->gone)
			pause_ms(pause);
	}
	tell_lab(agent, AGENT_ENDS, agent->gone ? "the lab is gone" : "it was told to");
}

int agent_run(const char *lab, const struct agent_config *config, struct diag *diag)
{
	struct agent agent = {.name = lab, .config = config};
	int fd = -1, err = lab_open(lab, STATE_PEEK, &agent.session, diag);

	if (!err)
		err = claim(lab, &fd, diag);
	if (!err)
		err = state_open(lab, STATE_PEEK, &agent.folder, diag);
	if (!err)
		err = forget_seen(&agent, agent.session.lab);
	if (!err)
		watch(&agent);
	if (fd >= 0)
		close(fd);
	state_close(agent.folder);
	lab_close(&agent.session);
	free(agent.seen);
	return err;
}
