// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "suite.h"
#include "cpumachine.h"
#include "cputasks.h"
#include "spintest.h"

#include <errno.h>

#define LIST(...)                                                                                  \
	(struct cputasks_list){(struct dpu_task_time[]){__VA_ARGS__},                              \
			       sizeof((struct dpu_task_time[]){__VA_ARGS__}) / sizeof(struct dpu_task_time)}
#define TASK(pid_, ns_, ...) {.pid = (pid_), .run_ns = (ns_), __VA_ARGS__}

static void every_task_counts_once(void)
{
	const struct cputasks_list none = {0};

	CU_ASSERT_EQUAL(cputasks_sum(none, none, none, 0), 0);
	CU_ASSERT_EQUAL(cputasks_sum(LIST(TASK(1, 100), TASK(7, 50)), LIST(TASK(1, 160), TASK(7, 50), TASK(9, 5)), none, 1000), 65);
	/* pid 7 was given to another task */
	CU_ASSERT_EQUAL(cputasks_sum(LIST(TASK(7, 50)), LIST(TASK(7, 20)), none, 1000), 20);
}

static void what_ended_counts_from_the_beginning(void)
{
	/* it was there before: what it took since */
	CU_ASSERT_EQUAL(cputasks_sum(LIST(TASK(1, 0), TASK(7, 50)), LIST(TASK(1, 0)), LIST(TASK(7, 80, .start_ns = 1)), 1000), 30);
	/* it came and went */
	CU_ASSERT_EQUAL(cputasks_sum(LIST(TASK(1, 0)), LIST(TASK(1, 0)), LIST(TASK(8, 80, .start_ns = 1001)), 1000), 80);
	/* it had ended when the list was made, and was only freed later */
	CU_ASSERT_EQUAL(cputasks_sum(LIST(TASK(1, 0)), LIST(TASK(1, 0)), LIST(TASK(8, 80, .start_ns = 999)), 1000), 0);
	/* it ended after it had been listed */
	CU_ASSERT_EQUAL(cputasks_sum(LIST(TASK(7, 50)), LIST(TASK(7, 70)), LIST(TASK(7, 80, .start_ns = 1)), 1000), 20);
}

static const char timer_list[] = "Timer List Version: v0.10\nnow at 5 nsecs\n\ncpu: 0\n clock 0:\n"
				 "  .idle_sleeptime : 1000 nsecs\n  .iowait_sleeptime: 20 nsecs\n\n"
				 "cpu: 1\n  .idle_sleeptime : 3000 nsecs\n  .iowait_sleeptime: 0 nsecs\n\n"
				 "cpu: 10\n  .idle_expires : 3000 nsecs\n";

static void idle_time_is_read_from_the_cpu_s_own_section(void)
{
	uint64_t ns = 7;

	CU_ASSERT_EQUAL(cpu_machine_parse_idle(timer_list, 0, &ns), 0);
	CU_ASSERT_EQUAL(ns, 1020);
	CU_ASSERT_EQUAL(cpu_machine_parse_idle(timer_list, 1, &ns), 0);
	CU_ASSERT_EQUAL(ns, 3000);
	CU_ASSERT_EQUAL(cpu_machine_parse_idle(timer_list, 10, &ns), -ENOENT);
	CU_ASSERT_EQUAL(cpu_machine_parse_idle(timer_list, 2, &ns), -ENOENT);
	CU_ASSERT_EQUAL(ns, 3000);
}

static void a_cpu_is_busy_when_it_is_not_idle_or_taken_away(void)
{
	struct cpu_machine begin = {.at_ns = {1000, 1000}, .idle_ns = {500, 0}}, end = {.at_ns = {2000, 2100}, .idle_ns = {700, 1000}};
	const struct cpu_set first = {.bits = {1}}, all = {0};

	CU_ASSERT_EQUAL(cpu_machine_busy(&begin, &end, &first), 800);
	CU_ASSERT_EQUAL(cpu_machine_busy(&begin, &end, &all), 900);
	end.steal_ns[0] = 300;
	CU_ASSERT_EQUAL(cpu_machine_busy(&begin, &end, &first), 500);
	end.steal_ns[0] = 900; /* ticks are coarse */
	CU_ASSERT_EQUAL(cpu_machine_busy(&begin, &end, &first), 0);
}

static void an_idle_task_is_awake_while_it_is_there_and_not_asleep(void)
{
	struct cpu_machine begin = {.at_ns = {1, 1}, .idle_ns = {100, 0}, .idle_task_ns = {1000, 50}};
	struct cpu_machine end = {.at_ns = {2, 2}, .idle_ns = {700, 40}, .idle_task_ns = {1650, 100}};
	const struct cpu_set first = {.bits = {1}}, all = {0};

	CU_ASSERT_EQUAL(cpu_machine_woken(&begin, &end, &first), 50);
	CU_ASSERT_EQUAL(cpu_machine_woken(&begin, &end, &all), 60);
	end.idle_task_ns[0] = end.idle_task_ns[1] = begin.idle_task_ns[0] = begin.idle_task_ns[1] = 0; /* nobody watched */
	CU_ASSERT_EQUAL(cpu_machine_woken(&begin, &end, &all), 0);
}

static void the_spin_has_to_be_in_its_column_and_in_no_other(void)
{
	struct spintest_place place = {.where = CPU_DPU, .runs = 1, .spent_ns = 500,
				       .moved_ns = {[CPU_DPU] = 520, [CPU_HOST] = -30, [CPU_VM] = 4}};
	struct spintest test = {.place = {place, place}, .n = 2};

	CU_ASSERT(spintest_judge(&place));
	place.moved_ns[CPU_DPU] = 500 * (1 + SPIN_TOLERANCE) + 1;
	CU_ASSERT(!spintest_judge(&place));
	place.moved_ns[CPU_DPU] = 500 * (1 - SPIN_TOLERANCE) - 1;
	CU_ASSERT(!spintest_judge(&place));
	place.moved_ns[CPU_DPU] = 500;
	place.moved_ns[CPU_HOST] = 500 * SPIN_TOLERANCE + 1;
	CU_ASSERT(!spintest_judge(&place));
	place.moved_ns[CPU_HOST] = -500 * SPIN_TOLERANCE - 1;
	CU_ASSERT(!spintest_judge(&place));
	place = (struct spintest_place){.where = CPU_HOST}; /* nothing was spent: nothing was tried */
	CU_ASSERT(!spintest_judge(&place));
	CU_ASSERT(!spintest_right(&test));
	test.place[0].right = test.place[1].right = true;
	CU_ASSERT(spintest_right(&test));
	test.n = 0;
	CU_ASSERT(!spintest_right(&test));
}

SUITE(cpuacct, {"every task of the machine counts once", every_task_counts_once},
      {"what ended counts from the beginning of the measurement", what_ended_counts_from_the_beginning},
      {"a CPU's idle time is read from its own section", idle_time_is_read_from_the_cpu_s_own_section},
      {"a CPU is busy when it is neither idle nor taken away", a_cpu_is_busy_when_it_is_not_idle_or_taken_away},
      {"an idle task is awake while it is there and not asleep", an_idle_task_is_awake_while_it_is_there_and_not_asleep},
      {"a known spin has to be in its column and in no other", the_spin_has_to_be_in_its_column_and_in_no_other});
