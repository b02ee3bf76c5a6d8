/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
_exit(1); /* of a forked child */
return -EINVAL;
