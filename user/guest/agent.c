/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * agent.c - the first process of a guest (`type: qemu`), made static and carried inside dpulab.
 *
 * As process 1 it mounts what there is to mount, loads the modules that the image names (/modules, in that order),
 * prepares the network as dpulab does in a VM's namespace, and starts a server for each virtio-serial port. A server runs one
 * command after another (session.c). Addresses are set from outside, by commands.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"
#include "frame.h"
#include "probe.h"

#define WAIT_MS 20000 /* for a device behind a module */
#define BUSYBOX "/bin/busybox"

static void complain(const char *what, const char *about)
{
	dprintf(STDERR_FILENO, "dpulab guest: %s %s: %s\n", what, about, strerror(errno));
}

/* ---- what a kernel needs ----------------------------------------------------- */

static void mount_one(const char *type, const char *at)
{
	mkdir(at, 0755);
	if (mount(type, at, type, MS_NOSUID, NULL) && errno != EBUSY)
		complain("cannot mount", at);
}

/* The kernel had no console to give when it unpacked the image. */
static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR);

	for (int to = 0; fd >= 0 && to < 3; to++)
		dup2(fd, to);
	if (fd > 2)
		close(fd);
}

static void load_module(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
		complain("cannot load", file);
	if (fd >= 0)
		close(fd);
}

static void load_modules(void)
{
	char line[256];
	FILE *list = fopen("/modules", "re");

	while (list && fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = '\0';
		load_module(line);
	}
	if (list)
		fclose(list);
}

static void write_setting(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return; /* a kernel without this setting */
	if (write(fd, value, strlen(value)) < 0)
		complain("cannot set", path);
	close(fd);
}

/* As in the namespace of a VM: addresses are chosen by the lab and must work at once. */
static void set_network(void)
{
	static const char *const settings[][2] = {
		{"ipv6/conf/default/accept_dad", "0"},
		{"ipv6/conf/default/dad_transmits", "0"},
		{"ipv6/conf/default/accept_ra", "0"},
		{"ipv6/conf/default/router_solicitations", "0"},
		{"ipv4/ping_group_range", "0 2147483647"},
	};
	char path[128];

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		snprintf(path, sizeof(path), "/proc/sys/net/%s", settings[i][0]);
		write_setting(path, settings[i][1]);
	}
}

static void run(const char *const argv[])
{
	pid_t pid = fork();

	if (!pid) {
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void set_up(void)
{
	mount_one("proc", "/proc");
	mount_one("sysfs", "/sys");
	mount_one("devtmpfs", "/dev");
	mount_one("tmpfs", "/run");
	mount_one("tmpfs", "/tmp");
	open_console();
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	set_network();
	load_modules();
	run((const char *const[]){BUSYBOX, "--install", "-s", "/bin", NULL});
	run((const char *const[]){BUSYBOX, "ip", "link", "set", "lo", "up", NULL});
}

/* ---- ports --------------------------------------------------------------------- */

/* The device of the port with this name, as sysfs has it; false: not (yet) there. */
static bool find_port(const char *name, char *path, size_t size)
{
	DIR *ports = opendir("/sys/class/virtio-ports");
	struct dirent *entry;
	bool found = false;

	while (ports && !found && (entry = readdir(ports))) {
		char file[320], text[64] = "";
		FILE *is;

		snprintf(file, sizeof(file), "/sys/class/virtio-ports/%s/name", entry->d_name);
		is = fopen(file, "re");
		if (is && fgets(text, sizeof(text), is)) {
			text[strcspn(text, "\n")] = '\0';
			found = !strcmp(text, name);
		}
		if (is)
			fclose(is);
		if (found)
			snprintf(path, size, "/dev/%s", entry->d_name);
	}
	if (ports)
		closedir(ports);
	return found;
}

/* Ports come one by one, some time after the module. */
static int open_port(unsigned number)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	char name[32], path[320];
	int fd = -1;

	snprintf(name, sizeof(name), GUEST_PORT "%u", number);
	for (int i = 0; i < WAIT_MS / 5 && fd < 0; i++) {
		if (find_port(name, path, sizeof(path)))
			fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			nanosleep(&pause, NULL);
	}
	if (fd < 0)
		complain("cannot open port", name);
	return fd;
}

static pid_t start_server(unsigned number)
{
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	fd = open_port(number);
	if (fd >= 0)
		serve(fd);
	_exit(1);
}

/* Process 1 is everybody's parent in the end; a server that dies is started again. */
static void __attribute__((noreturn)) watch(void)
{
	pid_t servers[GUEST_PORTS];

	for (unsigned i = 0; i < GUEST_PORTS; i++)
		servers[i] = start_server(i);
	for (;;) {
		pid_t pid = wait(NULL);

		for (unsigned i = 0; pid > 0 && i < GUEST_PORTS; i++)
			if (servers[i] == pid)
				servers[i] = start_server(i);
		if (pid < 0 && errno == ECHILD)
			pause();
	}
}

int main(int argc, char **argv)
{
	if (getpid() != 1)
		return argc == 2 && !strcmp(argv[1], GUEST_PROBE_WORD) ? probe() : 2;
	set_up();
	watch();
}
