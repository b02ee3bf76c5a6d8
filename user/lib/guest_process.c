/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "guest_process.h"
#include "guest_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../guest/frame.h"
#include "cpus.h"
#include "op.h"
#include "process.h"

enum { /* descriptors in QEMU: above all that a command has open by then, the lab's lock above all */
	FD_TAP = 900,
	FD_INITRAMFS,
	FD_LOCK,
	FD_FAILED, /* closed by exec */
	FD_FIRST_FREE,
};

#define WORDS_MAX 80

const char *guest_path(char buffer[static GUEST_PATH_MAX], const char *lab, const char *vm, const char *what, ...)
{
	int used = snprintf(buffer, GUEST_PATH_MAX, STATE_DIR "/%s/" GUEST_FILE "%s.", lab, vm);
	va_list args;

	va_start(args, what);
	vsnprintf(buffer + used, GUEST_PATH_MAX - (size_t)used, what, args);
	va_end(args);
	return buffer;
}

int guest_qemu_find(struct diag *diag)
{
	const char *dirs = getenv("PATH");
	char *copy = strdup(dirs && *dirs ? dirs : "/usr/bin"), *rest = copy, *dir, path[4096];
	bool found = false;

	while (!found && (dir = strsep(&rest, ":"))) {
		snprintf(path, sizeof(path), "%s/" GUEST_QEMU, dir);
		found = !access(path, X_OK);
	}
	free(copy);
	return found ? 0 :
		       diag_error(diag, -ENOENT, "apt-get install qemu-system-x86",
				  "a VM of type qemu takes the program " GUEST_QEMU ", which is not installed");
}

/* ---- words ------------------------------------------------------------------------ */

struct words {
	char *word[WORDS_MAX + 1]; /* NULL-terminated; each its own */
	size_t n;
	bool failed;
};

__attribute__((format(printf, 2, 3))) static void say(struct words *words, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (words->n == WORDS_MAX || vasprintf(&words->word[words->n], format, args) < 0) {
		words->failed = true;
		words->word[words->n] = NULL;
	} else {
		words->n++;
	}
	va_end(args);
}

static void say_two(struct words *words, const char *option, const char *value)
{
	say(words, "%s", option);
	say(words, "%s", value);
}

static void say_machine(struct words *words, const struct guest_start *start)
{
	const struct lab_vm *vm = start->vm;
	char path[GUEST_PATH_MAX];

	say(words, GUEST_QEMU);
	say(words, "-name");
	say(words, "%s-%s", start->lab, vm->name);
	say_two(words, "-accel", start->kvm ? "kvm" : "tcg,thread=multi");
	say_two(words, "-cpu", "max");
	say(words, "-smp");
	say(words, "%u", vm->cpus);
	say(words, "-m");
	say(words, "%u", vm->memory_mib);
	say(words, "-nodefaults");
	say(words, "-no-user-config");
	say(words, "-no-reboot");
	say_two(words, "-display", "none");
	say_two(words, "-kernel", start->kernel->image);
	say(words, "-initrd");
	say(words, "/proc/self/fd/%d", FD_INITRAMFS);
	say_two(words, "-append", "console=ttyS0 quiet panic=-1");
	say(words, "-serial");
	say(words, "file:%s", guest_path(path, start->lab, vm->name, "console"));
}

/*
 * What the guest leaves to its card, a checksum or a segmentation, stays undone in the kernel's buffer until the vNIC's own
 * offloads say otherwise: it is the veth behind the relay that decides, as for any VM of the lab.
 */
static void say_devices(struct words *words, const struct guest_start *start)
{
	const struct lab_vm *vm = start->vm;
	const uint8_t *mac = vm->mac.b;
	char path[GUEST_PATH_MAX];

	say(words, "-netdev");
	say(words, "tap,id=vnic,fd=%d,vhost=off", FD_TAP);
	say(words, "-device");
	say(words, "virtio-net-pci,netdev=vnic,mac=%02x:%02x:%02x:%02x:%02x:%02x,host_mtu=%u,romfile=", mac[0], mac[1], mac[2],
	    mac[3], mac[4], mac[5], vm->mtu);
	say_two(words, "-device", "virtio-rng-pci");
	say_two(words, "-device", "virtio-serial-pci");
	for (unsigned port = 0; port < GUEST_PORTS; port++) {
		say(words, "-chardev");
		say(words, "socket,id=port%u,path=%s,server=on,wait=off", port,
		    guest_path(path, start->lab, vm->name, "port%u", port));
		say(words, "-device");
		say(words, "virtserialport,chardev=port%u,name=" GUEST_PORT "%u", port, port);
	}
}

static void free_words(struct words *words)
{
	for (size_t i = 0; i < words->n; i++)
		free(words->word[i]);
}

static int make_words(struct words *words, const struct guest_start *start)
{
	*words = (struct words){};
	say_machine(words, start);
	say_devices(words, start);
	return words->failed ? -ENOMEM : 0;
}

char *guest_settings(const struct guest_start *start)
{
	struct words words;
	size_t length = 1;
	char *text = NULL;

	if (!make_words(&words, start)) {
		for (size_t i = 0; i < words.n; i++)
			length += strlen(words.word[i]) + 1;
		text = calloc(1, length);
	}
	for (size_t i = 0; text && i < words.n; i++) {
		strcat(text, words.word[i]);
		strcat(text, i + 1 < words.n ? " " : "\n");
	}
	free_words(&words);
	return text;
}

/* ---- which process ------------------------------------------------------------------ */

uint32_t guest_process(const char *lab, const char *vm)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[GUEST_PATH_MAX];
	int fd = open(guest_path(path, lab, vm, "process"), O_RDWR | O_CLOEXEC);
	bool held;

	if (fd < 0)
		return 0;
	held = !fcntl(fd, F_GETLK, &lock) && lock.l_type != F_UNLCK;
	close(fd);
	return held ? (uint32_t)lock.l_pid : 0;
}

/* ---- starting ------------------------------------------------------------------------ */

/*
 * In the child: its lock first, while we still have the lab's through the descriptor that we inherited. Locks of this kind
 * survive exec, and end when any descriptor of the file is closed: so the last one to be made takes it.
 */
static int take_lock(const struct guest_start *start)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[GUEST_PATH_MAX];
	int fd = open(guest_path(path, start->lab, start->vm->name, "process"), O_RDWR | O_CREAT, 0600);

	if (fd < 0 || dup2(fd, FD_LOCK) < 0)
		return -errno;
	close(fd);
	return fcntl(FD_LOCK, F_SETLK, &lock) ? -errno : 0;
}

static void write_to(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd >= 0) {
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		close(fd);
	}
}

static void __attribute__((noreturn)) become(const struct guest_start *start, struct words *words, int failed)
{
	char path[GUEST_PATH_MAX];
	int err = 0;

	if (dup2(failed, FD_FAILED) < 0)
		_exit(127);
	if (dup2(start->tap, FD_TAP) < 0 || dup2(start->initramfs, FD_INITRAMFS) < 0)
		err = -errno;
	if (!err)
		err = take_lock(start);
	if (!err) {
		cpus_pin_self(start->cpus);
		process_detach(FD_FIRST_FREE);
		close_range(3, FD_TAP - 1, 0);
		write_to(guest_path(path, start->lab, start->vm->name, "qemu"));
		fcntl(FD_FAILED, F_SETFD, FD_CLOEXEC);
		execvp(words->word[0], words->word);
		err = -errno;
	}
	if (write(FD_FAILED, &err, sizeof(err)) != sizeof(err))
		_exit(126);
	_exit(127);
}

/* Twice forked, so that the command is not its parent and need not wait for its end. */
static int spawn(const struct guest_start *start, struct words *words)
{
	int failed[2], err = 0;
	pid_t pid;

	if (pipe2(failed, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid) {
		op_forget();
		if (fork())
			_exit(0);
		become(start, words, failed[1]);
	}
	if (pid < 0)
		err = -errno;
	close(failed[1]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	/* exec closes the pipe */
	if (!err && read(failed[0], &err, sizeof(err)) < 0)
		err = -errno;
	close(failed[0]);
	return err;
}

int guest_process_start(const struct guest_start *start, struct diag *diag)
{
	struct words words;
	int err = make_words(&words, start);

	if (!err)
		err = spawn(start, &words);
	free_words(&words);
	op_done();
	return err ? diag_error(diag, err, NULL, "cannot start " GUEST_QEMU " for guest %s: %s", start->vm->name, strerror(-err)) :
		     0;
}

const char *guest_last_words(const char *lab, const char *vm, char *buffer, size_t size)
{
	char path[GUEST_PATH_MAX], line[256];
	FILE *file = fopen(guest_path(path, lab, vm, "qemu"), "re");

	*buffer = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		snprintf(buffer, size, "%s", line);
	}
	if (file)
		fclose(file);
	return buffer;
}

/* ---- ending ---------------------------------------------------------------------------- */

/* The process file last: it is what a lab's guests are found by. */
static int remove_files(const char *lab, const char *vm, struct diag *diag)
{
	static const char *const files[] = {"settings", "console", "qemu", "process"};
	char path[GUEST_PATH_MAX];

	for (unsigned port = 0; port < GUEST_PORTS; port++) {
		unlink(guest_path(path, lab, vm, "port%u", port));
		unlink(guest_path(path, lab, vm, "lock%u", port));
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (unlink(guest_path(path, lab, vm, "%s", files[i])) && errno != ENOENT)
			return diag_error(diag, -errno, NULL, "cannot remove %s: %s", path, strerror(errno));
	return 0;
}

int guest_process_end(const char *lab, const char *vm, struct diag *diag)
{
	uint32_t pid = guest_process(lab, vm);
	int err = pid ? process_end(pid) : 0;

	if (err)
		return diag_error(diag, err, NULL, "cannot end guest %s, process %u: %s", vm, pid, strerror(-err));
	if (pid)
		op_done();
	return remove_files(lab, vm, diag);
}
