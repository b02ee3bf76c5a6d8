/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* nft_run.c - runs nftables text. The only user of libnftables. */
#include "nft.h"
#include "op.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

/* Times of rules are UTC's; nftables reads them by the clocks of TZ. */
static int run_in_utc(struct nft_ctx *nft, const char *text)
{
	const char *was = getenv("TZ");
	char *kept = was ? strdup(was) : NULL;
	int err;

	if (was && !kept)
		return -1;
	setenv("TZ", "UTC", 1);
	tzset();
	err = nft_run_cmd_from_buffer(nft, text);
	if (kept)
		setenv("TZ", kept, 1);
	else
		unsetenv("TZ");
	tzset();
	free(kept);
	return err;
}

int nft_run(const char *text, struct diag *diag)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	int err = 0;

	if (!nft)
		return diag_error(diag, -ENOMEM, NULL, "cannot set up libnftables");
	nft_ctx_buffer_error(nft);
	nft_ctx_buffer_output(nft);
	if (run_in_utc(nft, text) == 0)
		op_done();
	else
		err = report(nft, diag);
	nft_ctx_free(nft);
	return err;
}
