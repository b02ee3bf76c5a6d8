// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "shapers.h"

#include <errno.h>
#include <string.h>

#include "mapio.h"
#include "op.h"

#define NSEC	      1000000000ull
#define N_SHAPERS     (DPU_MAX_PORTS * DPU_SHAPE_DIRECTIONS)
#define PEAK_DEPTH_NS 10000000ull  /* of the peak rate's bucket, but at least ... */
#define PEAK_DEPTH    65536ull	   /* ... as many bytes: a sender's first window, a GSO frame */
#define BACKSTOP_NS   100000000ull /* behind a queue: how much later than the queue lets them go frames may come */

static struct dpu_shaper *open_shapers(const struct dataplane *dp, size_t *ret_size, struct diag *diag)
{
	struct dpu_shaper *shapers = mapio_mmap(dp, MAP_shapers, true, ret_size);

	if (!shapers)
		diag_error(diag, -errno, NULL, "cannot map table %s of %s: %s", dataplane_map_name(MAP_shapers),
			   dataplane_node(dp), strerror(errno));
	return shapers;
}

/*
 * Towards the VM the queue is behind the programs (the qdisc of the port's device), so they only count. What the
 * VM sends was in a queue of its own end before: the switch still polices, as it owns no more than the wire.
 * What the poll-mode process sends passes qdiscs by.
 */
enum dpu_shape_mode shapers_mode(const struct location *location, const struct lab_vm *vm, enum dpu_shape_direction direction)
{
	const struct lab *lab = location->lab;

	if (!lab_shaper(lab, vm, direction).average)
		return DPU_SHAPE_OFF;
	if (direction == DPU_SHAPE_EGRESS && location->where != LOCATION_PMD && lab_shape_mode(lab, vm) == LAB_SHAPE_PACE)
		return DPU_SHAPE_COUNT;
	return DPU_SHAPE_POLICE;
}

static uint64_t cost_of(uint64_t bits_per_second)
{
	return ((8 * NSEC << DPU_SHAPE_COST_SHIFT) + bits_per_second - 1) / bits_per_second;
}

static struct dpu_shaper describe(const struct location *location, const struct lab_vm *vm,
				  enum dpu_shape_direction direction)
{
	const struct lab *lab = location->lab;
	const struct lab_shaper shaper = lab_shaper(lab, vm, direction);
	struct dpu_shaper new = {.mode = shapers_mode(location, vm, direction)};
	bool queued = direction == DPU_SHAPE_INGRESS && !vm->loaded && lab_shape_mode(lab, vm) == LAB_SHAPE_PACE;

	if (new.mode == DPU_SHAPE_OFF)
		return new;
	new.cost[DPU_SHAPE_AVERAGE] = cost_of(shaper.average);
	new.depth_ns[DPU_SHAPE_AVERAGE] = (uint64_t)((double)shaper.burst * 8e9 / (double)shaper.average);
	if (shaper.peak) {
		new.cost[DPU_SHAPE_PEAK] = cost_of(shaper.peak);
		new.depth_ns[DPU_SHAPE_PEAK] = PEAK_DEPTH * 8 * NSEC / shaper.peak;
		if (new.depth_ns[DPU_SHAPE_PEAK] < PEAK_DEPTH_NS)
			new.depth_ns[DPU_SHAPE_PEAK] = PEAK_DEPTH_NS;
	}
	for (int i = 0; queued && i < DPU_SHAPE_BUCKETS; i++)
		new.depth_ns[i] += BACKSTOP_NS;
	return new;
}

/* Word by word: programs read while this is written. Returns whether the flows of the port have to be decided anew. */
static bool set_shaper(struct dpu_shaper *shaper, const struct dpu_shaper *new)
{
	bool appears = (shaper->mode == DPU_SHAPE_OFF) != (new->mode == DPU_SHAPE_OFF);

	if (shaper->mode == new->mode && !memcmp(shaper->cost, new->cost, sizeof(new->cost)) &&
	    !memcmp(shaper->depth_ns, new->depth_ns, sizeof(new->depth_ns)))
		return false;
	if (shaper->mode == DPU_SHAPE_OFF) /* what it counted was another vNIC's */
		memset(&shaper->packets, 0, offsetof(struct dpu_shaper, pad) - offsetof(struct dpu_shaper, packets));
	for (int i = 0; i < DPU_SHAPE_BUCKETS; i++) {
		__atomic_store_n(&shaper->cost[i], new->cost[i], __ATOMIC_RELAXED);
		__atomic_store_n(&shaper->depth_ns[i], new->depth_ns[i], __ATOMIC_RELAXED);
		/* an empty bucket of an old, low rate would take minutes to fill */
		__atomic_store_n(&shaper->due_ns[i], 0, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&shaper->mode, new->mode, __ATOMIC_RELEASE);
	op_done();
	return appears;
}

int shapers_fill(const struct location *location, struct diag *diag)
{
	static const struct dpu_shaper off;
	const struct lab *lab = location->lab;
	size_t size;
	struct dpu_shaper *shapers = open_shapers(location->dp, &size, diag);

	if (!shapers)
		return -errno;
	for (uint16_t number = DPU_PORT_VNIC_MIN; number <= DPU_PORT_VNIC_MAX; number++) {
		const struct port_dev *port = location_port(location, number);
		bool changed = false;

		for (int dir = 0; dir < DPU_SHAPE_DIRECTIONS; dir++) {
			struct dpu_shaper new = port && port->vm != SIZE_MAX
							? describe(location, &lab->vms[port->vm], dir)
							: off;

			changed |= set_shaper(&shapers[DPU_SHAPER(number, dir)], &new);
		}
		if (changed)
			mapio_bump(location->dp, DPU_GEN_OF_PORT(number));
	}
	mapio_munmap(shapers, size);
	return 0;
}

int shapers_read(const struct dataplane *dp, uint16_t port, enum dpu_shape_direction direction,
		 struct dpu_shaper *ret_shaper, struct diag *diag)
{
	return mapio_get_range(dp, MAP_shapers, DPU_SHAPER((uint32_t)port, direction), 1, ret_shaper, diag);
}

/* Adds to *to what *from has counted since *told. */
static void hand_on(__u64 *from, __u64 *to, __u64 *told)
{
	__u64 now = __atomic_load_n(from, __ATOMIC_RELAXED);

	__atomic_fetch_add(to, now - *told, __ATOMIC_RELAXED);
	*told = now;
}

static void latest(__u64 *from, __u64 *to)
{
	__u64 theirs = __atomic_load_n(from, __ATOMIC_RELAXED), ours = __atomic_load_n(to, __ATOMIC_RELAXED);

	while (theirs > ours && !__atomic_compare_exchange_n(to, &ours, theirs, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

static void copy_shaper(struct dpu_shaper *theirs, struct dpu_shaper *ours, struct dpu_shaper *told)
{
	for (int bucket = 0; bucket < DPU_SHAPE_BUCKETS; bucket++)
		latest(&theirs->due_ns[bucket], &ours->due_ns[bucket]);
	hand_on(&theirs->packets, &ours->packets, &told->packets);
	hand_on(&theirs->bytes, &ours->bytes, &told->bytes);
	hand_on(&theirs->dropped_packets, &ours->dropped_packets, &told->dropped_packets);
	hand_on(&theirs->dropped_bytes, &ours->dropped_bytes, &told->dropped_bytes);
}

int shapers_copy(const struct dataplane *from, uint16_t port_from, const struct dataplane *to, uint16_t port_to,
		 struct dpu_shaper *told, struct diag *diag)
{
	size_t from_size, to_size;
	struct dpu_shaper *theirs = open_shapers(from, &from_size, diag), *ours;

	if (!theirs)
		return -errno;
	ours = open_shapers(to, &to_size, diag);
	for (size_t i = 0; ours && i < N_SHAPERS; i++) {
		const uint16_t port = (uint16_t)(i / DPU_SHAPE_DIRECTIONS);

		if (!port_from)
			copy_shaper(&theirs[i], &ours[i], &told[i]);
		else if (port == port_from)
			copy_shaper(&theirs[i], &ours[DPU_SHAPER(port_to, i % DPU_SHAPE_DIRECTIONS)], &told[i]);
	}
	mapio_munmap(theirs, from_size);
	if (!ours)
		return -errno;
	mapio_munmap(ours, to_size);
	op_done();
	return 0;
}

int shapers_clear(const struct dataplane *dp, uint16_t port, struct diag *diag)
{
	size_t size;
	struct dpu_shaper *shapers = open_shapers(dp, &size, diag);

	if (!shapers)
		return -errno;
	for (size_t i = 0; i < N_SHAPERS; i++)
		if (!port || i / DPU_SHAPE_DIRECTIONS == port)
			memset(shapers[i].due_ns, 0, sizeof(shapers[i]) - offsetof(struct dpu_shaper, due_ns));
	mapio_munmap(shapers, size);
	return 0;
}
