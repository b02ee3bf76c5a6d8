/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clsact.h"
#include "op.h"

#define TCX_INGRESS	46 /* BPF_TCX_INGRESS: libbpf 1.1's uapi header does not have it yet */
#define NO_IFINDEX	0x7fffffff

#define RELEASE_POLL_US 2000
#define RELEASE_POLLS	250 /* at most half a second */

const char *attach_kind_name(enum attach_kind kind)
{
	static const char *const names[] = {"none", "xdp", "tcx", "clsact"};

	return names[kind];
}

/*
 * Asked by an attach that cannot succeed: without tcx the attach type is refused (EINVAL), with it the
 * device (ENODEV). DPULAB_NO_TCX is for tests: as if the kernel were an old one.
 */
static bool have_tcx(const struct dataplane *dp)
{
	static enum { UNKNOWN, YES, NO } known;

	if (known == UNKNOWN && getenv("DPULAB_NO_TCX"))
		known = NO;
	if (known == UNKNOWN)
		known = bpf_link_create(dataplane_prog_fd(dp, DATAPLANE_TC), NO_IFINDEX, TCX_INGRESS,
					NULL) == -EINVAL
				? NO
				: YES;
	return known == YES;
}

/* ---- sentences ---------------------------------------------------------- */

/* What the kernel means by the errno of an XDP attach (extack texts of veth and the core). */
static int xdp_error(struct diag *diag, int err, const char *dev)
{
	static const struct {
		int err;
		const char *why, *hint;
	} known[] = {
		{EBUSY, "another XDP program is attached", "`bpftool net` and `bpftool link` name its owner"},
		{ERANGE, "the MTU of the device or of its peer is too large for native XDP", "lower the MTU to 3498 or less"},
		{ENOSPC, "its peer has more transmit queues than it has receive queues", "make both ends with the same number of queues"},
		{ENOTCONN, "its veth peer is gone", "remove the lab and bring it up again"},
		{EOPNOTSUPP, "its driver has no native XDP", "use hook tc: generic XDP breaks TCP and is never used"},
		{EPERM, "not permitted", "run it as root"},
		{EINVAL, "the kernel refused the program for this device", "`dpulab check` tells what this machine lacks"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].err == -err)
			return diag_error(diag, err, known[i].hint, "cannot attach XDP to %s: %s (%s)", dev,
					  known[i].why, strerror(-err));
	return diag_error(diag, err, NULL, "cannot attach XDP to %s: %s", dev, strerror(-err));
}

static int tc_error(struct diag *diag, int err, const char *dev)
{
	return diag_error(diag, err, err == -EPERM ? "run it as root" : NULL,
			  "cannot attach the tc program to %s: %s", dev, strerror(-err));
}

static int no_device(struct diag *diag, const char *dev)
{
	return diag_error(diag, -ENODEV, "bring the lab `up` again: it repairs what is missing",
			  "there is no device %s in this namespace", dev);
}

/* ---- links -------------------------------------------------------------- */

static int link_info(int fd, struct bpf_link_info *ret_info)
{
	__u32 size = sizeof(*ret_info);

	memset(ret_info, 0, sizeof(*ret_info));
	return bpf_obj_get_info_by_fd(fd, ret_info, &size);
}

/* Device a link is on; 0 = the device is gone. tcx and XDP links both begin with the ifindex. */
static unsigned link_ifindex(const struct bpf_link_info *info)
{
	return info->xdp.ifindex;
}

/* The pinned link of a device if it is alive, else -ENOENT (and the dead pin is removed). */
static int open_link(const struct dataplane *dp, enum dataplane_prog prog, const char *dev,
		     unsigned ifindex, struct bpf_link_info *ret_info)
{
	char path[PATH_MAX];
	int fd;

	dataplane_link_path(dp, prog, dev, path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd;
	if (link_info(fd, ret_info) == 0 && link_ifindex(ret_info) == ifindex && ifindex)
		return fd;
	close(fd);
	unlink(path);
	return -ENOENT;
}

static int try_create_link(const struct dataplane *dp, enum dataplane_prog prog, unsigned ifindex)
{
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, opts,
			    .flags = prog == DATAPLANE_XDP ? XDP_FLAGS_DRV_MODE : 0);

	return bpf_link_create(dataplane_prog_fd(dp, prog), (int)ifindex,
			       prog == DATAPLANE_XDP ? BPF_XDP : TCX_INGRESS, &opts);
}

/*
 * The kernel takes a link down some time after its last pin or descriptor has gone, without telling:
 * after a killed command the device may still be taken for a moment.
 */
static int create_link(const struct dataplane *dp, enum dataplane_prog prog, unsigned ifindex)
{
	const struct timespec pause = {.tv_nsec = RELEASE_POLL_US * 1000};
	int fd = try_create_link(dp, prog, ifindex);

	for (int i = 0; (fd == -EBUSY || fd == -EEXIST) && i < RELEASE_POLLS; i++) {
		nanosleep(&pause, NULL);
		fd = try_create_link(dp, prog, ifindex);
	}
	return fd;
}

static int pin_link(int fd, const char *path)
{
	int err = bpf_obj_pin(fd, path);

	if (err == -EEXIST) {
		unlink(path);
		err = bpf_obj_pin(fd, path);
	}
	return err;
}

/* The pin of the same device at the host's other location: "esx1" has "esx1-dpu" and the other way round. */
static void other_link_path(const struct dataplane *dp, enum dataplane_prog prog, const char *dev,
			    char ret_path[static PATH_MAX])
{
	const char *node = dataplane_node(dp), *suffix = "-dpu";
	size_t len = strlen(node), cut = strlen(suffix);
	bool is_dpu = len > cut && !strcmp(node + len - cut, suffix);

	snprintf(ret_path, PATH_MAX, DATAPLANE_PIN_ROOT "/%s/%.*s%s/links/%s-%s", dataplane_lab(dp),
		 (int)(is_dpu ? len - cut : len), node, is_dpu ? "" : suffix, dataplane_prog_name(prog),
		 dev);
}

/* A move killed after its links were handed over, but before the device went, leaves them pinned over there. */
static int take_back_link(const struct dataplane *dp, enum dataplane_prog prog, const char *dev,
			  unsigned ifindex, struct bpf_link_info *ret_info)
{
	char old_path[PATH_MAX], new_path[PATH_MAX];
	int fd, err;

	other_link_path(dp, prog, dev, old_path);
	fd = bpf_obj_get(old_path);
	if (fd < 0)
		return fd;
	if (link_info(fd, ret_info) || link_ifindex(ret_info) != ifindex) {
		close(fd);
		return -ENOENT;
	}
	dataplane_link_path(dp, prog, dev, new_path);
	err = pin_link(fd, new_path);
	if (!err)
		unlink(old_path);
	op_done();
	if (err)
		close(fd);
	return err ? err : fd;
}

static int attach_error(struct diag *diag, enum dataplane_prog prog, int err, const char *dev)
{
	return prog == DATAPLANE_XDP ? xdp_error(diag, err, dev) : tc_error(diag, err, dev);
}

static int link_attach(const struct dataplane *dp, enum dataplane_prog prog, const char *dev,
		       unsigned ifindex, struct diag *diag)
{
	struct bpf_link_info info;
	char path[PATH_MAX];
	int fd = open_link(dp, prog, dev, ifindex, &info), err = 0;

	if (fd < 0)
		fd = take_back_link(dp, prog, dev, ifindex, &info);
	if (fd >= 0) {
		if (info.prog_id != dataplane_prog_id(dp, prog))
			err = bpf_link_update(fd, dataplane_prog_fd(dp, prog), NULL);
	} else {
		fd = create_link(dp, prog, ifindex);
		if (fd < 0)
			return attach_error(diag, prog, fd, dev);
		dataplane_link_path(dp, prog, dev, path);
		err = pin_link(fd, path);
	}
	close(fd);
	op_done();
	return err ? attach_error(diag, prog, err, dev) : 0;
}

int attach_prog(const struct dataplane *dp, enum dataplane_prog prog, const char *dev,
		struct diag *diag)
{
	unsigned ifindex = if_nametoindex(dev);

	if (!ifindex)
		return no_device(diag, dev);
	if (prog == DATAPLANE_TC && !have_tcx(dp))
		return clsact_attach(dp, dev, ifindex, diag);
	return link_attach(dp, prog, dev, ifindex, diag);
}

int detach_prog(const struct dataplane *dp, enum dataplane_prog prog, const char *dev,
		struct diag *diag)
{
	unsigned ifindex = if_nametoindex(dev);
	char path[PATH_MAX];

	if (prog == DATAPLANE_TC && !have_tcx(dp))
		return ifindex ? clsact_detach(dp, dev, ifindex, true, diag) : 0;
	dataplane_link_path(dp, prog, dev, path);
	if (unlink(path) && errno != ENOENT)
		return diag_error(diag, -errno, NULL, "cannot remove the link %s: %s", path, strerror(errno));
	op_done();
	return 0;
}

int detach_filter(const struct dataplane *dp, const char *dev, struct diag *diag)
{
	unsigned ifindex = if_nametoindex(dev);

	if (have_tcx(dp))
		return detach_prog(dp, DATAPLANE_TC, dev, diag);
	return ifindex ? clsact_detach(dp, dev, ifindex, false, diag) : 0;
}

/* The program changes first and the pin moves after: a kill in between leaves a link that one of the
 * two locations recognises by its pin and corrects. */
static int link_hand_over(const struct dataplane *from, const struct dataplane *to,
			  enum dataplane_prog prog, const char *dev, struct diag *diag)
{
	char old_path[PATH_MAX], new_path[PATH_MAX];
	int fd, err;

	dataplane_link_path(from, prog, dev, old_path);
	dataplane_link_path(to, prog, dev, new_path);
	fd = bpf_obj_get(old_path);
	if (fd < 0)
		return fd == -ENOENT ? 0 : attach_error(diag, prog, fd, dev);
	err = bpf_link_update(fd, dataplane_prog_fd(to, prog), NULL);
	if (!err)
		err = pin_link(fd, new_path);
	if (!err)
		unlink(old_path);
	close(fd);
	op_done();
	return err ? attach_error(diag, prog, err, dev) : 0;
}

int attach_hand_over(const struct dataplane *from, const struct dataplane *to, const char *dev,
		     struct diag *diag)
{
	int err = link_hand_over(from, to, DATAPLANE_XDP, dev, diag);

	if (err)
		return err;
	return have_tcx(to) ? link_hand_over(from, to, DATAPLANE_TC, dev, diag)
				 : detach_prog(from, DATAPLANE_TC, dev, diag);
}

static bool link_alive(const struct dataplane *dp, enum dataplane_prog prog, const char *dev)
{
	struct bpf_link_info info;
	char path[PATH_MAX];
	bool alive;
	int fd;

	dataplane_link_path(dp, prog, dev, path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return false;
	alive = link_info(fd, &info) == 0 && link_ifindex(&info);
	close(fd);
	return alive;
}

bool attach_runs(const struct dataplane *dp, enum dataplane_prog prog, const char *dev)
{
	unsigned ifindex = if_nametoindex(dev);
	struct bpf_link_info info;
	int fd;

	if (prog == DATAPLANE_TC && !have_tcx(dp))
		return ifindex && clsact_is_attached(dp, ifindex);
	fd = ifindex ? open_link(dp, prog, dev, ifindex, &info) : -ENOENT;
	if (fd < 0)
		return false;
	close(fd);
	return info.prog_id == dataplane_prog_id(dp, prog);
}

void attach_read(const struct dataplane *dp, const char *dev, struct attach_state *ret_state)
{
	unsigned ifindex = if_nametoindex(dev);

	ret_state->xdp = link_alive(dp, DATAPLANE_XDP, dev) ? ATTACH_XDP : ATTACH_NONE;
	ret_state->tc = ATTACH_NONE;
	if (link_alive(dp, DATAPLANE_TC, dev))
		ret_state->tc = ATTACH_TCX;
	else if (ifindex && !have_tcx(dp) && clsact_is_attached(dp, ifindex))
		ret_state->tc = ATTACH_CLSACT;
}
