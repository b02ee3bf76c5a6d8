/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sharedir.h - where the files that ship with dpulab are: beside the binary, in the source tree or installed. */
#pragma once
#include <limits.h>

/* Path of a shipped file or folder that is there, e.g. "profiles". -ENOENT: none is. */
int sharedir_find(const char *name, char ret_path[static PATH_MAX]);
/* The same in other folders, counted from the binary's; ended by NULL. */
int sharedir_find_in(const char *const *folders, const char *name, char ret_path[static PATH_MAX]);
