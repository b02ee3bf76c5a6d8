// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* profile_find.c - profiles by name: the user's own before those that ship. */
#include "profile.h"
#include "config_file.h"
#include "sharedir.h"
#include "values.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OWN_FOLDER "/etc/dpulab/profiles"
#define FOLDERS	   3
#define NAMES_MAX  256

bool profile_is_path(const char *name)
{
	size_t length = strlen(name);

	return strchr(name, '/') || (length > 5 && !strcmp(name + length - 5, ".yaml"));
}

/* Folder number i of those that are searched, or NULL. */
static const char *folder(size_t i, char buffer[static PATH_MAX])
{
	if (i == 0)
		return getenv("DPULAB_PROFILES");
	if (i == 1)
		return OWN_FOLDER;
	return sharedir_find("profiles", buffer) ? NULL : buffer;
}

static int find_file(const char *name, char ret_path[static PATH_MAX])
{
	char buffer[PATH_MAX];

	for (size_t i = 0; i < FOLDERS; i++) {
		const char *where = folder(i, buffer);

		if (where && snprintf(ret_path, PATH_MAX, "%s/%s.yaml", where, name) < PATH_MAX &&
		    !access(ret_path, R_OK))
			return 0;
	}
	return -ENOENT;
}

/* The error of a name that is no profile's. */
static int refuse_name(const char *name, struct diag *diag)
{
	const char *nearest = NULL;
	char **names = NULL, hint[PROFILE_NAME_MAX + 160];
	size_t n = 0;

	if (!profile_list(&names, &n, NULL))
		nearest = nearest_word(name, (const char *const *)names, n);
	if (nearest)
		snprintf(hint, sizeof(hint), "did you mean %s?", nearest);
	else
		snprintf(hint, sizeof(hint), "`dpulab profile list` names them; a file of your own is given by its path");
	diag_error(diag, -ENOENT, hint, "there is no device profile called %.60s", name);
	profile_free_names(names, n);
	return -ENOENT;
}

int profile_load(const char *name, struct profile **ret_profile, struct diag *diag)
{
	char path[PATH_MAX], *text;
	size_t length;
	int err;

	if (profile_is_path(name))
		snprintf(path, sizeof(path), "%s", name);
	else if (find_file(name, path))
		return refuse_name(name, diag);
	err = config_file_read(path, &text, &length);
	if (err)
		return diag_error(diag, err, err == -ENOENT ? "is the path right?" : NULL,
				  "cannot read the device profile %s: %s", path, strerror(-err));
	err = profile_parse(path, text, length, ret_profile, diag);
	free(text);
	return err;
}

int profile_save(const struct profile *profile, const char *file, struct diag *diag)
{
	char *text = profile_write(profile);
	FILE *out = text ? fopen(file, "wxe") : NULL;
	int err = text && !out ? -errno : text ? 0 : -ENOMEM;

	if (out && (fputs(text, out) < 0) | fclose(out))
		err = -EIO;
	free(text);
	return err ? diag_error(diag, err, "name another with --output", "cannot write %s: %s", file, strerror(-err)) : 0;
}

/* ---- the list ------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has_name(char **names, size_t n, const char *name, size_t length)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(names[i]) == length && !strncmp(names[i], name, length))
			return true;
	return false;
}

/* Adds the profiles of a folder; one that is not there has none. */
static void add_folder(const char *path, char **names, size_t *n)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		size_t length = strlen(entry->d_name);

		if (length <= 5 || strcmp(entry->d_name + length - 5, ".yaml") || *n == NAMES_MAX ||
		    has_name(names, *n, entry->d_name, length - 5))
			continue;
		names[*n] = strndup(entry->d_name, length - 5);
		*n += names[*n] != NULL;
	}
	if (dir)
		closedir(dir);
}

int profile_list(char ***ret_names, size_t *ret_n, struct diag *diag)
{
	char **names = calloc(NAMES_MAX, sizeof(*names)), buffer[PATH_MAX];
	size_t n = 0;

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < FOLDERS; i++) {
		const char *where = folder(i, buffer);

		if (where)
			add_folder(where, names, &n);
	}
	if (!n && diag)
		diag_warn(diag, "make install, or run build/dpulab in the source tree",
			  "no device profiles are beside the program");
	qsort(names, n, sizeof(*names), by_name);
	*ret_names = names;
	*ret_n = n;
	return 0;
}

void profile_free_names(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}
