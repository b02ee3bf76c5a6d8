/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * background.h - a process that outlives the command that starts it: started, told from others by number and start
 * time, ended. Whose it is and what it does is written where the caller keeps its state.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/*
 * Runs fn(arg) in a process of its own: without a terminal, without the command's descriptors, signals or locks; the command
 * is not its parent and need not wait for its end. name: as ps shows it. Memory is the child's own copy, but for what is
 * mapped shared. 0 or a negative errno.
 */
int background_start(const char *name, void (*fn)(void *arg), void *arg);
/* When a process was started, in ticks since boot; false: there is none, or it has ended and waits for its parent. */
bool background_started(uint32_t pid, uint64_t *ret_started);
/* The process with that number still is the one that started then. */
bool background_lives(uint32_t pid, uint64_t started);
/* Wakes it from a sleep in the kernel, if it has a handler for SIGUSR1. None with that number: nothing happens. */
void background_wake(uint32_t pid);
