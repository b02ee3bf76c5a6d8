/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
void print(void)
{
	out_str(out, "steal_percent", "%s", text);
}
