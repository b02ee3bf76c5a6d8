/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
void print(void)
{
	out_real(out, "blackout_ms", report->blackout_ms, 1);
}
