/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Debug kernels: "provoke=NAME" on the command line makes the failure of that name at the end of boot, so that tests see what the kernel says of it.
 */
#include <lib/string.h>
#include <arch/cpu.h>
#include <arch/smp.h>
#include <debug/log.h>
#include <init/initcall.h>
#include <init/param.h>
#include <sched/preempt.h>
#include <sched/thread.h>
#include <time/clock.h>

#define LOCKUP_NS 12000000000ull /* longer than watchdog_thresh=1 and the watchdog's period need */

static NOINLINE unsigned dig(unsigned depth)
{
	volatile u8 buf[256];

	OPAQUE(depth);
	buf[depth % 256] = 1;
	return depth == ~0u ? 0 : dig(depth + 1) + buf[0];
}

static void overflow(void)
{
	dig(0);
}

static void null_pointer(void)
{
	volatile u32 *p = NULL;

	OPAQUE(p);
	*p = 1;
}

/* Not a call, so that the spinning is this file's own. */
static __always_inline void spin(u64 ns)
{
	u64 start = clock_monotonic();

	while (clock_monotonic() - start < ns)
		cpu_relax();
}

static void spin_without_interrupts(void *arg)
{
	irq_disable();
	spin(LOCKUP_NS);
	irq_enable();
	thread_exit();
}

static void spin_without_preemption(void *arg)
{
	preempt_disable();
	spin(LOCKUP_NS);
	preempt_enable();
	thread_exit();
}

static void spin_beside(void *arg)
{
	spin(LOCKUP_NS);
	thread_exit();
}

/* On the last CPU, and another thread beside it that wants to run. Waits for the report. */
static void lock_up(void (*fn)(void *))
{
	void (*const fns[])(void *) = {spin_beside, fn};
	unsigned cpu = cpu_count() - 1;

	for (unsigned i = 0; i < ARRAY_SIZE(fns); i++) {
		struct thread *t;

		if (thread_create_on(cpu, fns[i], NULL, "provoke", &t))
			return;
		thread_start(t);
		thread_put(t);
	}
	thread_prepare_wait(THREAD_SLEEP_UNINTR);
	schedule_deadline(clock_monotonic() + LOCKUP_NS, 0);
	thread_finish_wait();
}

static void hard_lockup(void)
{
	lock_up(spin_without_interrupts);
}

static void soft_lockup(void)
{
	lock_up(spin_without_preemption);
}

static const struct {
	const char *name;
	void (*fn)(void);
} failures[] = {
	{"overflow", overflow}, {"null", null_pointer}, {"hard_lockup", hard_lockup}, {"soft_lockup", soft_lockup},
};

static int provoke(void)
{
	const char *word = param_get("provoke");

	for (unsigned i = 0; word && i < ARRAY_SIZE(failures); i++)
		if (!strcmp(word, failures[i].name))
			failures[i].fn();
	return 0;
}
INITCALL(provoke, "trace", provoke);
