/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "state.h"
#include "op.h"
#include "schema.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK "lock"

struct state {
	char lab[32];
	int dir;
	int lock;
};

const char *state_path(char *buffer, const char *lab, const char *file)
{
	snprintf(buffer, STATE_PATH_MAX, STATE_DIR "/%s%s%s", lab, *file ? "/" : "", file);
	return buffer;
}

static int make_dirs(const char *path)
{
	if (mkdir(STATE_DIR, 0755) && errno != EEXIST)
		return -errno;
	if (!mkdir(path, 0755))
		op_done();
	else if (errno != EEXIST)
		return -errno;
	return 0;
}

static int take_lock(int fd, const char *lab, enum state_access access, struct diag *diag)
{
	int how = access == STATE_READ ? LOCK_SH : LOCK_EX;

	if (!flock(fd, how | LOCK_NB))
		return 0;
	if (access == STATE_TRY)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	diag_note(diag, "another dpulab is at work on lab %s: waiting for it", lab);
	while (flock(fd, how))
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* While we waited, the lab may have been removed: then this lock guards nothing. */
static bool still_there(const struct state *state)
{
	struct stat ours, there;

	return !fstat(state->lock, &ours) && !fstatat(state->dir, LOCK, &there, 0) &&
	       ours.st_ino == there.st_ino;
}

static int open_once(struct state *state, enum state_access access, struct diag *diag)
{
	char path[STATE_PATH_MAX];
	int err = 0;

	state_path(path, state->lab, "");
	if (access == STATE_CREATE)
		err = make_dirs(path);
	if (err)
		return err;
	state->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state->dir < 0)
		return -errno;
	if (access == STATE_PEEK)
		return 0;
	/* also when only reading or removing: a killed up may have left a folder without a lock */
	state->lock = openat(state->dir, LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	err = state->lock < 0 ? -errno : take_lock(state->lock, state->lab, access, diag);
	if (!err && !still_there(state))
		err = -ESTALE;
	if (err) {
		if (state->lock >= 0)
			close(state->lock);
		close(state->dir);
	}
	return err;
}

int state_open(const char *lab, enum state_access access, struct state **ret_state,
	       struct diag *diag)
{
	struct state *state;
	int err;

	/* a name that no lab can have, such as "../x", must not lead to somebody's files */
	if (!lab_name_is_valid(lab))
		return -ENOENT;
	state = calloc(1, sizeof(*state));
	if (!state)
		return -ENOMEM;
	snprintf(state->lab, sizeof(state->lab), "%s", lab);
	state->lock = -1;
	do
		err = open_once(state, access, diag);
	while (err == -ESTALE);
	if (!err) {
		*ret_state = state;
		return 0;
	}
	free(state);
	if (err == -ENOENT || err == -EBUSY)
		return err;
	return diag_error(diag, err, NULL, "cannot open " STATE_DIR "/%s: %s", lab, strerror(-err));
}

void state_close(struct state *state)
{
	if (!state)
		return;
	if (state->lock >= 0)
		close(state->lock);
	close(state->dir);
	free(state);
}

int state_read(const struct state *state, const char *file, char **ret_text)
{
	int fd = openat(state->dir, file, O_RDONLY | O_CLOEXEC);
	struct stat stat;
	char *text;

	if (fd < 0)
		return -errno;
	text = fstat(fd, &stat) ? NULL : calloc(1, stat.st_size + 1);
	if (!text || read(fd, text, stat.st_size) != stat.st_size) {
		free(text);
		close(fd);
		return -EIO;
	}
	close(fd);
	*ret_text = text;
	return 0;
}

static bool has_text(const struct state *state, const char *file, const char *text)
{
	char *now;
	bool same;

	if (state_read(state, file, &now))
		return false;
	same = !strcmp(now, text);
	free(now);
	return same;
}

static int write_new(const struct state *state, const char *file, const void *bytes, size_t length)
{
	char temporary[32];
	int fd, err = 0;

	snprintf(temporary, sizeof(temporary), "%s.new", file);
	fd = openat(state->dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	if (write(fd, bytes, length) != (ssize_t)length)
		err = -EIO;
	close(fd);
	if (!err && renameat(state->dir, temporary, state->dir, file))
		err = -errno;
	return err;
}

int state_write_bytes(const struct state *state, const char *file, const void *bytes, size_t length,
		      struct diag *diag)
{
	int err = write_new(state, file, bytes, length);

	if (err)
		return diag_error(diag, err, NULL, "cannot write " STATE_DIR "/%s/%s: %s",
				  state->lab, file, strerror(-err));
	op_done();
	return 0;
}

int state_write(const struct state *state, const char *file, const char *text, struct diag *diag)
{
	return has_text(state, file, text) ? 0 : state_write_bytes(state, file, text, strlen(text), diag);
}

int state_lines_begin(struct state_lines *ret_lines)
{
	*ret_lines = (struct state_lines){};
	ret_lines->out = open_memstream(&ret_lines->text, &ret_lines->size);
	return ret_lines->out ? 0 : -ENOMEM;
}

int state_lines_end(struct state_lines *lines, const struct state *state, const char *file, struct diag *diag)
{
	int err;

	if (fclose(lines->out))
		err = -ENOMEM;
	else
		err = lines->size ? state_write(state, file, lines->text, diag) : state_remove(state, file, diag);
	free(lines->text);
	return err;
}

int state_view(const struct state *state, const char *file, struct state_view *ret_view)
{
	int fd = openat(state->dir, file, O_RDONLY | O_CLOEXEC), err = 0;
	struct state_view view = {0};
	struct stat stat;
	void *bytes;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &stat))
		err = -errno;
	if (!err && stat.st_size) {
		bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes == MAP_FAILED)
			err = -errno;
		view.bytes = err ? NULL : bytes;
	}
	close(fd);
	if (err)
		return err;
	view.length = (size_t)stat.st_size;
	view.inode = stat.st_ino;
	view.mtime_ns = (uint64_t)stat.st_mtim.tv_sec * 1000000000u + (uint64_t)stat.st_mtim.tv_nsec;
	*ret_view = view;
	return 0;
}

void state_view_close(struct state_view *view)
{
	if (view->bytes)
		munmap((void *)view->bytes, view->length);
	*view = (struct state_view){0};
}

int state_remove(const struct state *state, const char *file, struct diag *diag)
{
	if (!unlinkat(state->dir, file, 0))
		op_done();
	else if (errno != ENOENT)
		return diag_error(diag, -errno, NULL, "cannot remove " STATE_DIR "/%s/%s: %s",
				  state->lab, file, strerror(errno));
	return 0;
}

/* The folder is ours: whatever is in it goes, the lock last, so that nobody waits on it in vain. */
static int remove_files(const struct state *state, struct diag *diag)
{
	struct dirent *entry;
	DIR *dir = fdopendir(openat(state->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	int err = 0;

	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir)))
		if (entry->d_type == DT_REG && strcmp(entry->d_name, LOCK))
			err = state_remove(state, entry->d_name, diag);
	closedir(dir);
	return err ? err : state_remove(state, LOCK, diag);
}

int state_destroy(const struct state *state, struct diag *diag)
{
	char path[STATE_PATH_MAX];
	int err = remove_files(state, diag);

	if (err)
		return err;
	if (rmdir(state_path(path, state->lab, "")) && errno != ENOENT)
		return diag_error(diag, -errno, "see what is in it", "cannot remove %s: %s", path,
				  strerror(errno));
	op_done();
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int state_labs(char ***ret_names, size_t *ret_n)
{
	char **names = NULL;
	struct dirent *entry;
	size_t n = 0;
	DIR *dir = opendir(STATE_DIR);

	while (dir && (entry = readdir(dir))) {
		char **grown;

		if (*entry->d_name == '.' || entry->d_type != DT_DIR)
			continue;
		grown = reallocarray(names, n + 1, sizeof(*names));
		if (!grown)
			break;
		names = grown;
		names[n] = strdup(entry->d_name);
		if (names[n])
			n++;
	}
	if (dir)
		closedir(dir);
	if (n)
		qsort(names, n, sizeof(*names), by_name);
	*ret_names = names;
	*ret_n = n;
	return 0;
}

void state_free_names(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}
