/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "guest_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "foreign.h"
#include "guest.h"
#include "op.h"
#include "rt.h"
#include "topology.h"

/* In the namespace that the tap is to be in. */
static int open_tap(void *arg)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int *ret_fd = arg, fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	strcpy(request.ifr_name, GUEST_TAP);
	if (ioctl(fd, TUNSETIFF, &request)) {
		err = -errno;
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int guest_tap_open(struct netns *ns, const struct lab_vm *vm, int *ret_fd, struct diag *diag)
{
	int err = netns_run(ns, open_tap, ret_fd);

	if (err)
		return diag_error(diag, err, err == -EBUSY ? "does another program hold it?" : "modprobe tun",
				  "cannot make the tap of guest %s: %s", vm->name, strerror(-err));
	op_done();
	return 0;
}

int guest_wire(const struct lab *lab, size_t vm, struct netns *ns, struct diag *diag)
{
	struct rt_link tap;
	int err = rt_link_get(ns, GUEST_TAP, &tap, diag);

	if (err == -ENODEV)
		return diag_error(diag, err, "dpulab up starts it again", "guest %s of lab %s has ended", lab->vms[vm].name,
				  lab->name);
	if (!err && tap.mtu != lab->vms[vm].mtu)
		err = rt_link_mtu(ns, tap.ifindex, lab->vms[vm].mtu, diag);
	if (!err && !(tap.flags & IFF_UP))
		err = rt_link_up(ns, tap.ifindex, true, diag);
	return err ? err : foreign_relay(lab, vm, ns, GUEST_TAP, TOPOLOGY_VM_DEV, diag);
}
