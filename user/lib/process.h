/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* process.h - processes of ours that outlive the command which starts them: the poll-mode process, guests. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* State and start time (proc(5)) of a process; false: there is none. */
bool process_stat(uint32_t pid, char *ret_state, uint64_t *ret_started);
/*
 * In a child: a process of its own, with nothing of the command that started it, its locks above all. Descriptors from
 * keep on are closed, 0 to 2 lead nowhere.
 */
void process_detach(unsigned keep);
/* Waits for the end of the process behind a pidfd. -ETIMEDOUT. */
int process_wait(int process);
/* Kills a process and waits for its end. The caller has just found it by this number. None there is success. */
int process_end(uint32_t pid);
