/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sharedir.h - where the files that ship with dpulab are: beside the binary, in the source tree or installed. */
#pragma once
#include <limits.h>

/* Path of a shipped file or folder that is there, e.g. "profiles". -ENOENT: none is. */
int sharedir_find(const char *name, char ret_path[static PATH_MAX]);
