// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sharedir.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <unistd.h>

int sharedir_find_in(const char *const *folders, const char *name, char ret_path[static PATH_MAX])
{
	char exe[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (length < 0)
		return -errno;
	exe[length] = '\0';
	dirname(exe);
	for (size_t i = 0; folders[i]; i++)
		if (snprintf(ret_path, PATH_MAX, "%s/%s/%s", exe, folders[i], name) < PATH_MAX &&
		    !access(ret_path, R_OK))
			return 0;
	return -ENOENT;
}

int sharedir_find(const char *name, char ret_path[static PATH_MAX])
{
	/* of build/dpulab, of bin/dpulab, of build/tests/unit */
	static const char *const folders[] = {"../user/share", "../share/dpulab", "../../user/share", NULL};

	return sharedir_find_in(folders, name, ret_path);
}
