/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * env.h - what stages may use of the world besides the frame: maps, clock,
 * random, bounded loops. BPF: helpers. Native build (DPU_NATIVE): user/lib/env_native.h
 * provides the same names over plain memory, with a clock of its own.
 *
 *   env_lookup(map, key)	pointer into the map or NULL. map is the name from maps.h
 *   env_value(map)	the value of a one-entry array that user/lib/directmaps.h names: an
 *			address in the program, no look-up
 *   env_update(map, key, val, flags), env_delete(map, key)   0 or -errno
 *   env_reserve(ring, size)	room for a record of a ring buffer, or NULL: full
 *   env_submit(record)	it is complete: readers see it
 *   env_ring(rings, key)	one of a table of rings (DPU_RINGS), or NULL: there is none;
 *   env_reserve_in(ring, size), env_submit_in(ring, record)   the same for it
 *   env_now_ns()		CLOCK_MONOTONIC_COARSE
 *   env_clock_ns()	CLOCK_MONOTONIC, exact; a call that costs some 20 ns
 *   env_busy_ns()	time that this code has had a CPU: in the kernel, where no other task comes between, the same clock
 *   env_tai_s()		CLOCK_TAI, seconds; a call
 *   env_tick()			a number that changes whenever env_now_ns() does; no call
 *   env_random()		32 random bits
 *   env_loop(n, fn, arg)	fn(u32 i, void *arg) up to n times, until it returns 1
 *   env_add(ptr, n)		atomic add
 *   env_fetch_add(ptr, n)	the same, returns the value before
 *   env_cas(ptr, old, new)	atomic compare and swap: the value found
 *   env_rmb(), env_wmb()	order for the flow cache's seq protocol
 *   STAGE			storage class of a stage function that is verified once
 *				(a global BPF function); its pointer arguments may be NULL
 *				for the verifier and must be checked
 *   INLINE			always inlined
 *   rarely(x)			x, which is nearly always 0: the code for it stands out of the way
 */
#pragma once
#include <linux/errno.h>

#define rarely(x) __builtin_expect(!!(x), 0)

#ifdef DPU_NATIVE
#ifdef DPU_PMD
#include "env_pmd.h"
#else
#include "env_native.h"
#endif

#define INLINE static inline __attribute__((always_inline, unused))
#define STAGE  static __attribute__((noinline, unused))
#define SEC(name) /* placement in the object has no meaning here */

#define env_now_ns()   native_now_ns
#define env_tick()     native_now_ns
#define env_random()   native_random()
#define env_cpu()      0u
#define env_loop(n, fn, arg)                                                                       \
	({                                                                                         \
		__u32 env_i = 0, env_n = (n);                                                      \
		while (env_i < env_n && !fn(env_i++, (arg)))                                       \
			;                                                                          \
		(long)env_i;                                                                       \
	})
#else
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define INLINE static __always_inline
#define STAGE  __attribute__((noinline))

#define env_lookup(map, key)		 bpf_map_lookup_elem(&(map), (key))
/* The compiler must not think that the map's definition is what is read. */
#define env_value(map)                                                                             \
	({                                                                                         \
		void *value_ = &(map);                                                             \
		asm("" : "+r"(value_));                                                            \
		value_;                                                                            \
	})
#define env_update(map, key, val, flags) bpf_map_update_elem(&(map), (key), (val), (flags))
#define env_delete(map, key)		 bpf_map_delete_elem(&(map), (key))
#define env_reserve(ring, size)		 bpf_ringbuf_reserve(&(ring), (size), 0)
#define env_submit(record)		 bpf_ringbuf_submit((record), 0)
#define env_ring(rings, key)		 bpf_map_lookup_elem(&(rings), (key))
#define env_reserve_in(ring, size)	 bpf_ringbuf_reserve((ring), (size), 0)
#define env_submit_in(ring, record)	 bpf_ringbuf_submit((record), 0)
#define env_now_ns()			 bpf_ktime_get_coarse_ns()
#define env_clock_ns()			 bpf_ktime_get_ns()
#define env_busy_ns()			 bpf_ktime_get_ns()
#define env_tai_s()			 (bpf_ktime_get_tai_ns() / 1000000000)
#define env_tick()			 bpf_jiffies64()
#define env_random()			 bpf_get_prandom_u32()
#define env_loop(n, fn, arg)		 bpf_loop((n), (fn), (arg), 0)
#define env_cpu()			 bpf_get_smp_processor_id()
#endif

#ifndef barrier
#define barrier() __asm__ volatile("" ::: "memory")
#endif
/* x86-64 keeps loads ordered among loads and stores among stores; docs/limits.md says so. */
#define env_rmb() barrier()
#define env_wmb() barrier()

/* One builtin each makes the BPF and the native instruction. */
#define env_add(ptr, n)	       ((void)__sync_fetch_and_add((ptr), (n)))
#define env_fetch_add(ptr, n)  __sync_fetch_and_add((ptr), (n))
#define env_cas(ptr, old, new) __sync_val_compare_and_swap((ptr), (old), (new))
#define env_read(x)	       (*(const volatile __typeof__(x) *)&(x))
#define env_write(x, value) (*(volatile __typeof__(x) *)&(x) = (value))
