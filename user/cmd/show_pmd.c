/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* show LAB pmd, and the poll-mode process's part of `show LAB drops`. */
#include "host.h"
#include "inspect.h"
#include "pmd.h"
#include "show.h"

#include <dpulab/pmd.h>

/* Of one that does not run: should it? */
static const char *absent(const struct location *at)
{
	enum frame_path path;
	bool xdp;

	return !place_read(at->lab, at->host, &path, &xdp, NULL) && path == PATH_PMD ? "dead: `dpulab up` starts it"
										     : "not in use";
}

int show_pmd(const struct location *at, struct out *out, struct diag *diag)
{
	struct dpu_pmd state;
	bool alive;

	(void)diag;
	if (at->where != LOCATION_PMD)
		return 0;
	alive = pmd_is_alive(at->dp, &state);
	out_item(out);
	show_node(out, at);
	out_str(out, "state", "%s", !alive ? absent(at) : state.error ? state.message : "polling");
	out_uint(out, "pid", alive ? state.worker : 0);
	out_uint(out, "cpu", state.cpu);
	out_str(out, "sleep", "%s", state.sleep_us ? "adaptive" : "never");
	out_uint(out, "rx", state.rx);
	out_uint(out, "tx", state.tx);
	out_uint(out, "polls", state.polls);
	out_uint(out, "idle_polls", state.idle_polls);
	out_uint(out, "sleeps", state.sleeps);
	out_uint(out, "kicks", state.kicks);
	out_uint(out, "restarts", state.restarts);
	out_end(out);
	return 0;
}

static void out_drops(const struct location *at, struct out *out, const char *reason, uint64_t frames,
		      const char *meaning)
{
	if (!frames)
		return;
	out_item(out);
	show_node(out, at);
	out_str(out, "where", "af_xdp");
	out_str(out, "reason", "%s", reason);
	out_uint(out, "frames", frames);
	out_str(out, "meaning", "%s", meaning);
	out_end(out);
}

void show_pmd_drops(const struct location *at, struct out *out)
{
	struct dpu_pmd state;

	pmd_is_alive(at->dp, &state);
	out_drops(at, out, "no-room", state.no_room, "dropped: the output's transmit ring stayed full, or no memory for a copy");
	out_drops(at, out, "stray", state.stray, "dropped: meant for the kernel's own stack, which is out of the process's reach");
}
