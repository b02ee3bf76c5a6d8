/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* verify_plan.h - inside verify, and what else opens sockets in VMs: addresses. */
#pragma once
#include <sys/socket.h>
#include "model.h"

/* The VM's first address of a family, or NULL. */
const struct lab_prefix *verify_address(const struct lab_vm *vm, uint8_t family);
/* The same as a socket address with a port (host order); the VM has one. Returns its size. */
socklen_t verify_sockaddr(const struct lab_vm *vm, uint8_t family, uint16_t port, struct sockaddr_storage *ret);
