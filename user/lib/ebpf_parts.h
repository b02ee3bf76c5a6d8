/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ebpf_parts.h - what the files of ebpf.h share. */
#pragma once
#include "location.h"

/* A location's programs on a device; xdp: that one, too, or not any more. The caller is in its namespace. */
int ebpf_attach_port(const struct location *location, const char *dev, bool xdp, struct diag *diag);
/* A killed move leaves a vNIC down. */
int ebpf_raise_ports(const struct location *location, struct diag *diag);
