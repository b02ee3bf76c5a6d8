/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* move LAB VM HOST: a VM to another host, live, and what it cost. */
#include "emulated.h"
#include "verbs.h"
#include "vmmove.h"

const struct cmd_option cmd_move_options[] = {
    {0, "any-model", NULL, "also between DPUs of different models"},
    {},
};

static void out_emulated(struct out *out, const struct lab *lab, const struct vm_move_report *report)
{
	char from[EMULATED_TEXT_MAX], to[EMULATED_TEXT_MAX];

	out_str(out, "from_emulated", "%s", emulated_on(lab_find_host((struct lab *)lab, report->from), report->from_path, from));
	out_str(out, "to_emulated", "%s", emulated_on(lab_find_host((struct lab *)lab, report->to), report->to_path, to));
}

static void out_report(struct out *out, const char *vm, bool guest, const struct vm_move_report *report)
{
	out_str(out, "vm", "%s", vm);
	out_str(out, "from", "%s", report->from);
	out_str(out, "from_path", "%s", frame_path_name(report->from_path));
	out_str(out, "to", "%s", report->to);
	out_str(out, "to_path", "%s", frame_path_name(report->to_path));
	out_real(out, "total_ms", report->total_ms, 1);
	out_real(out, "bulk_ms", report->bulk_ms, 1);
	out_real(out, "flip_ms", report->flip_ms, 1);
	out_real(out, "delta_ms", report->delta_ms, 1);
	/* a QEMU guest's is no figure to compare with the others: its wire is behind another one */
	out_real(out, guest ? "guest_blackout_ms" : "blackout_ms", report->blackout_ms, 1);
	out_uint(out, "connections", report->connections);
	out_uint(out, "bytes", report->bytes);
	out_uint(out, "dropped", report->dropped);
	out_bool(out, "fell_back", report->fell_back);
}

int cmd_move(struct cmd_context *ctx, int argc, char **argv)
{
	struct vm_move_request request = {.vm = argv[1], .host = argv[2], .any_model = cmd_option(ctx, "any-model")};
	struct vm_move_report report;
	enum vm_move_refusal refusal;
	struct lab_session session;
	int err = lab_open(argv[0], STATE_WRITE, &session, ctx->diag);

	(void)argc;
	if (err)
		return cmd_result(err);
	err = vm_move(&session, &request, &report, &refusal, ctx->diag);
	if (!err) {
		out_report(ctx->out, argv[1], lab_find_vm(session.lab, argv[1])->type == VM_QEMU, &report);
		out_emulated(ctx->out, session.lab, &report);
	}
	lab_close(&session);
	if (refusal == VM_MOVE_USAGE)
		return CMD_USAGE;
	return refusal == VM_MOVE_WANTING ? CMD_WANTING : cmd_result(err);
}
