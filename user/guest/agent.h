/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* agent.h - the parts of a guest's first process. */
#pragma once

/* Runs the commands of one virtio-serial port, one after another, for ever; returns if the port fails (session.c). */
void serve(int port);
/* The sockets of verify, as standard input asks for them; the exit status (probe.c). */
int probe(void);
