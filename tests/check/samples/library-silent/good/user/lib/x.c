/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
int n = snprintf(s, size, "printf(");
fprintf(file, "state");
