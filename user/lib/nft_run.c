/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* nft_run.c - runs nftables text. The only user of libnftables. */
#include "nft.h"
#include "clockzone.h"
#include "op.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <string.h>

/* libnftables reports as nft prints: the sentence first, then the offending line and a caret. */
static int report(struct nft_ctx *nft, struct diag *diag)
{
	const char *text = nft_ctx_get_error_buffer(nft);
	size_t len = text ? strcspn(text, "\n") : 0;

	if (!len)
		return diag_error(diag, -EIO, NULL, "nftables refused the rules without a word");
	return diag_error(diag, -EIO,
			  "the kernel may lack a part of nftables; `dpulab check` names what is missing",
			  "nftables refused the rules: %.*s", (int)len, text);
}

struct text_for {
	struct nft_ctx *nft;
	const char *text;
};

static int run_text(void *arg)
{
	const struct text_for *run = arg;

	return nft_run_cmd_from_buffer(run->nft, run->text);
}

int nft_run(const char *text, struct diag *diag)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	int err = 0;

	if (!nft)
		return diag_error(diag, -ENOMEM, NULL, "cannot set up libnftables");
	nft_ctx_buffer_error(nft);
	nft_ctx_buffer_output(nft);
	/* times of rules are UTC's; nftables reads them by the clocks of TZ */
	if (clockzone_with("UTC", run_text, &(struct text_for){nft, text}) == 0)
		op_done();
	else
		err = report(nft, diag);
	nft_ctx_free(nft);
	return err;
}
