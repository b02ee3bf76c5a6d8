/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "guest.h"
#include "guest_files.h"
#include "guest_process.h"
#include "guest_session.h"
#include "guest_wire.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../guest/frame.h"
#include "foreign.h"
#include "op.h"
#include "topology.h"

#define BOOT_MS	    180000 /* an emulated CPU that others want, too */
#define BOOT_KVM_MS 15000  /* the same kernel boots in less than a second there, or hangs */
#define KVM_HANGS   STATE_DIR "/.kvm-hangs" /* until the machine boots again */
#define KVM_VERSION 12

static bool is_guest(const struct lab_vm *vm)
{
	return vm->type == VM_QEMU && !vm->loaded; /* whose place a loaded interface has taken does not run */
}

/* ---- what they need ------------------------------------------------------------- */

static bool kvm_opens(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	bool good = fd >= 0 && ioctl(fd, KVM_GET_API_VERSION, 0) == KVM_VERSION;

	if (fd >= 0)
		close(fd);
	return good;
}

static bool uses_kvm(const struct lab_vm *vm)
{
	if (vm->accelerator == ACCELERATOR_AUTO)
		return kvm_opens() && access(KVM_HANGS, F_OK);
	return vm->accelerator == ACCELERATOR_KVM;
}

static int require_one(const struct lab_vm *vm, struct diag *diag)
{
	struct guest_kernel kernel;
	int err = guest_kernel_find(vm->kernel, &kernel, diag);

	if (vm->accelerator == ACCELERATOR_KVM && !kvm_opens())
		err = diag_error(diag, -ENOENT, "load the module kvm_intel or kvm_amd, or write `accelerator: tcg`",
				 "vms.%s.accelerator: kvm: /dev/kvm cannot be used here", vm->name);
	return err;
}

int guests_require(const struct lab *lab, struct diag *diag)
{
	int err = 0, found;

	if (!lab_has_guests(lab))
		return 0;
#ifndef __x86_64__
	return diag_error(diag, -EINVAL, "leave out `type: qemu`", "guests are built for x86_64 only");
#endif
	found = guest_qemu_find(diag);
	err = err ? err : found;
	found = guest_busybox_find(diag);
	err = err ? err : found;
	if (access("/dev/net/tun", F_OK))
		err = diag_error(diag, -ENOENT, "modprobe tun", "a guest takes a tap, and there is no /dev/net/tun");
	for (size_t i = 0; i < lab->n_vms; i++) {
		if (!is_guest(&lab->vms[i]))
			continue;
		found = require_one(&lab->vms[i], diag);
		if (found)
			return found; /* the next one would lack the same */
	}
	return err;
}

/* ---- starting ------------------------------------------------------------------------ */

struct start {
	const struct state *state;
	const struct lab *lab;
	size_t vm;
	struct netns *ns;
	struct guest_kernel kernel;
	char *settings;
	struct diag *diag;
};

static struct guest_start words_of(const struct start *start)
{
	const struct lab_vm *vm = &start->lab->vms[start->vm];

	return (struct guest_start){.lab = start->lab->name, .vm = vm, .cpus = &start->lab->hosts[vm->host].cpus,
				    .kernel = &start->kernel, .kvm = uses_kvm(vm), .tap = -1, .initramfs = -1};
}

static void file_name(const struct lab_vm *vm, const char *what, char *name, size_t size)
{
	snprintf(name, size, GUEST_FILE "%s.%s", vm->name, what);
}

/* Settings are written before the process starts: it never runs with others than the file's. */
static int boot(const struct start *start)
{
	struct guest_start words = words_of(start);
	char name[64];
	int err = guest_process_end(start->lab->name, words.vm->name, start->diag);

	file_name(words.vm, "settings", name, sizeof(name));
	if (!err)
		err = state_write(start->state, name, start->settings, start->diag);
	if (!err)
		err = guest_tap_open(start->ns, words.vm, &words.tap, start->diag);
	if (!err)
		err = guest_image_make(&start->kernel, &words.initramfs, start->diag);
	if (!err)
		err = guest_process_start(&words, start->diag);
	if (words.tap >= 0)
		close(words.tap);
	if (words.initramfs >= 0)
		close(words.initramfs);
	return err;
}

static bool runs_as_it_should(const struct start *start)
{
	const struct lab_vm *vm = &start->lab->vms[start->vm];
	char name[64], *settings;
	bool same;

	file_name(vm, "settings", name, sizeof(name));
	if (!guest_process(start->lab->name, vm->name) || state_read(start->state, name, &settings))
		return false;
	same = !strcmp(settings, start->settings);
	free(settings);
	return same;
}

static int start_one(struct start *start)
{
	const struct lab_vm *vm = &start->lab->vms[start->vm];
	struct guest_start words;
	int err = guest_kernel_find(vm->kernel, &start->kernel, start->diag);

	if (err)
		return err;
	words = words_of(start);
	start->settings = guest_settings(&words);
	if (!start->settings)
		return -ENOMEM;
	err = topology_open_vm(start->lab, start->vm, &start->ns, start->diag);
	if (!err && !runs_as_it_should(start))
		err = boot(start);
	if (!err)
		err = guest_wire(start->lab, start->vm, start->ns, start->diag);
	netns_close(start->ns);
	free(start->settings);
	start->settings = NULL;
	return err;
}

int guests_start(const struct state *state, const struct lab *lab, struct diag *diag)
{
	int err = 0;

	for (size_t vm = 0; !err && vm < lab->n_vms; vm++) {
		struct start start = {.state = state, .lab = lab, .vm = vm, .diag = diag};

		if (is_guest(&lab->vms[vm]))
			err = start_one(&start);
	}
	return err;
}

/* ---- addresses ------------------------------------------------------------------------- */

/* Does nothing in a guest that has these already: connections live on them. */
static const char set_addresses[] =
	"[ \"$(cat /run/configured 2>/dev/null)\" = \"$1\" ] && exit; "
	"hostname \"$2\"; ip link set dev eth0 up && ip addr flush dev eth0 scope global || exit; "
	"for a in $1; do ip addr add \"$a\" dev eth0 || exit; done; "
	"echo \"$1\" >/run/configured";

/* "10.1.0.11/24 2001:db8::11/64"; the caller frees. */
static char *address_list(const struct lab_vm *vm)
{
	size_t size = vm->n_ips * (INET6_ADDRSTRLEN + 5) + 1, used = 0;
	char *text = calloc(1, size), address[INET6_ADDRSTRLEN];

	for (size_t i = 0; text && i < vm->n_ips; i++) {
		const struct lab_prefix *ip = &vm->ips[i];
		bool v4 = ip->family == 4;

		inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? (const void *)&ip->addr.b[12] : ip->addr.b, address, sizeof(address));
		used += (size_t)snprintf(text + used, size - used, "%s%s/%u", i ? " " : "", address, ip->plen);
	}
	return text;
}

static int settle_one(const struct lab *lab, const struct lab_vm *vm, int timeout_ms, struct diag *diag)
{
	char *list = address_list(vm), *said = NULL;
	const char *const argv[] = {"sh", "-c", set_addresses, "sh", list, vm->name, NULL};
	int result = list ? guest_run(lab->name, vm->name, argv, timeout_ms, &said, diag) : -ENOMEM;

	if (result > 0)
		result = diag_error(diag, -EIO, NULL, "guest %s cannot set its addresses: %.200s", vm->name, said ? said : "");
	free(said);
	free(list);
	return result;
}

static int explain_end(const struct lab *lab, const struct lab_vm *vm, int err, struct diag *diag)
{
	char words[256], path[GUEST_PATH_MAX];

	if (guest_process(lab->name, vm->name))
		return diag_error(diag, err, "docs/guests.md", "guest %s did not come up; its console is in %s", vm->name,
				  guest_path(path, lab->name, vm->name, "console"));
	return diag_error(diag, err, NULL, "guest %s ended before it had come up: %s", vm->name,
			  *guest_last_words(lab->name, vm->name, words, sizeof(words)) ? words :
				  "QEMU gives no reason; does its kernel take more memory?");
}

/* Sockets come some time after the program: until then there is nobody to ask. */
static int wait_sockets(const struct lab *lab, const struct lab_vm *vm)
{
	char path[GUEST_PATH_MAX];

	for (int i = 0; i < BOOT_KVM_MS / 5; i++) {
		if (!access(guest_path(path, lab->name, vm->name, "port%u", GUEST_PORTS - 1), F_OK))
			return 0;
		if (!guest_process(lab->name, vm->name))
			break;
		usleep(5000);
	}
	return -ESHUTDOWN;
}

static int settle(const struct lab *lab, const struct lab_vm *vm, int timeout_ms, struct diag *diag)
{
	int err = wait_sockets(lab, vm);

	return err ? err : settle_one(lab, vm, timeout_ms, diag);
}

/* A hypervisor below us may offer KVM and not run it. */
static int start_without_kvm(const struct state *state, const struct lab *lab, size_t vm, struct diag *diag)
{
	struct start start = {.state = state, .lab = lab, .vm = vm, .diag = diag};
	int fd = open(KVM_HANGS, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	op_done();
	diag_warn(diag, "none needed; `accelerator: tcg` says so from the start",
		  "guest %s does not start on KVM here: its CPUs are emulated", lab->vms[vm].name);
	return start_one(&start);
}

int guests_settle(const struct state *state, const struct lab *lab, struct diag *diag)
{
	int err = 0;

	for (size_t i = 0; !err && i < lab->n_vms; i++) {
		const struct lab_vm *vm = &lab->vms[i];
		bool attempt = vm->accelerator == ACCELERATOR_AUTO && uses_kvm(vm);

		if (!is_guest(vm))
			continue;
		err = settle(lab, vm, attempt ? BOOT_KVM_MS : BOOT_MS, NULL);
		if (err && attempt) {
			err = start_without_kvm(state, lab, i, diag);
			if (!err)
				err = settle(lab, vm, BOOT_MS, NULL);
		}
		if (err)
			err = explain_end(lab, vm, err, diag);
	}
	return err;
}

/* ---- ending ------------------------------------------------------------------------------ */

/* The VM of a process file; false: another file. */
static bool names_guest(const char *file, char name[static NODE_NAME_MAX])
{
	size_t prefix = strlen(GUEST_FILE);
	const char *dot = strchr(file, '.'); /* no VM has one in its name */

	if (strncmp(file, GUEST_FILE, prefix) || !dot || strcmp(dot, ".process") || dot - file - prefix >= NODE_NAME_MAX)
		return false;
	snprintf(name, NODE_NAME_MAX, "%.*s", (int)(dot - file - prefix), file + prefix);
	return true;
}

int guests_end(const char *name, const struct lab *lab, struct diag *diag)
{
	char path[STATE_PATH_MAX], vm[NODE_NAME_MAX];
	DIR *files = opendir(state_path(path, name, ""));
	struct dirent *entry;
	int err = 0;

	while (files && !err && (entry = readdir(files))) {
		const struct lab_vm *stays;

		if (!names_guest(entry->d_name, vm))
			continue;
		stays = lab ? lab_find_vm((struct lab *)lab, vm) : NULL;
		if (stays && is_guest(stays))
			continue;
		err = guest_process_end(name, vm, diag);
		if (!err)
			err = foreign_relay_remove(name, vm, diag);
	}
	if (files)
		closedir(files);
	return err;
}

/* ---- looking ------------------------------------------------------------------------------ */

void guest_read(const struct lab *lab, const struct lab_vm *vm, struct guest_status *ret_status)
{
	struct guest_status status = {.pid = guest_process(lab->name, vm->name)};
	char path[GUEST_PATH_MAX], settings[4096] = "";
	struct guest_kernel kernel;
	FILE *file = fopen(guest_path(path, lab->name, vm->name, "settings"), "re");

	if (file) {
		settings[fread(settings, 1, sizeof(settings) - 1, file)] = '\0';
		fclose(file);
	}
	status.kvm = strstr(settings, " -accel kvm ") != NULL;
	snprintf(status.console, sizeof(status.console), "%s", guest_path(path, lab->name, vm->name, "console"));
	if (!guest_kernel_find(vm->kernel, &kernel, NULL))
		snprintf(status.kernel, sizeof(status.kernel), "%s", kernel.release);
	*ret_status = status;
}
