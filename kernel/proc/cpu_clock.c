/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPU-time clocks.
 */
#include <lib/errno.h>
#include <linux/time.h>
#include <proc/cpu_clock.h>
#include <mm/uaccess.h>
#include <time/clock.h>
#include "proc_impl.h"

#define CPUCLOCK_PID(id)       (~((id) >> 3))
#define CPUCLOCK_IS_THREAD(id) ((id)&4)
#define CPUCLOCK_KIND(id)      ((id)&3)
enum { KIND_PROF, KIND_VIRT, KIND_SCHED, KIND_COUNT };

int cpu_clock_task(int id, struct task **out, bool *out_process)
{
	struct task *me = task_current(), *t;
	s32 nr;

	if (id == CLOCK_PROCESS_CPUTIME_ID)
		id = (int)(~0u << 3 | KIND_SCHED);
	else if (id == CLOCK_THREAD_CPUTIME_ID)
		id = (int)(~0u << 3 | 4 | KIND_SCHED);
	if (id >= 0 || CPUCLOCK_KIND(id) >= KIND_COUNT)
		return -EINVAL;
	nr = CPUCLOCK_PID(id);
	*out_process = !CPUCLOCK_IS_THREAD(id);
	if (!nr) {
		task_get(me);
		*out = me;
		return 0;
	}
	t = task_find_get(nr, *out_process ? PID_TGID : PID_TID);
	if (!t)
		return -EINVAL;
	if (!*out_process && t->proc != me->proc) {
		task_put(t);
		return -EINVAL;
	}
	*out = t;
	return 0;
}

int cpu_clock_read(int id, s64 *out_ns)
{
	struct proc_usage u;
	struct task *t;
	bool process;
	int kind = id >= 0 ? KIND_SCHED : CPUCLOCK_KIND(id);
	int err = cpu_clock_task(id, &t, &process);

	if (err)
		return err;
	if (process)
		proc_usage_get(t->proc, &u);
	else
		task_usage_get(t, &u);
	if (kind == KIND_VIRT)
		*out_ns = (s64)u.utime_ns;
	else if (!process && kind == KIND_SCHED)
		*out_ns = (s64)sched_runtime_ns(&t->thread);
	else
		*out_ns = (s64)(u.utime_ns + u.stime_ns);
	task_put(t);
	return 0;
}

struct sleeper {
	struct cpu_watch watch;
	struct thread *thread;
	bool due;
};

static void sleeper_due(struct cpu_watch *w)
{
	struct sleeper *s = container_of(w, struct sleeper, watch);

	WRITE_ONCE(s->due, true);
	thread_wake(s->thread);
}

static int MUST_CHECK sleeper_init(struct sleeper *s, int id)
{
	bool process;
	int err;

	*s = (struct sleeper){.watch = {.fn = sleeper_due}, .thread = thread_current()};
	err = cpu_clock_task(id, &s->watch.task, &process);
	if (err)
		return err;
	s->watch.process = process;
	s->watch.user_only = id < 0 && CPUCLOCK_KIND(id) == KIND_VIRT;
	if (process || s->watch.task != task_current())
		return 0;
	task_put(s->watch.task);
	return -EINVAL; /* a thread cannot wait for itself to run */
}

/* Until the clock says @at: 0; -ERESTARTNOHAND: a signal, with *out_left. Consumes the task's reference. */
static int sleep_until(struct sleeper *s, u64 at, u64 *out_left)
{
	int ret = 0;
	u64 now;

	cpu_watch_arm(&s->watch, at);
	if (cpu_watch_now(&s->watch) >= at)
		WRITE_ONCE(s->due, true);
	for (;;) {
		thread_prepare_wait(THREAD_SLEEP_INTR);
		if (READ_ONCE(s->due))
			break;
		if (thread_signal_pending()) {
			ret = -ERESTARTNOHAND;
			break;
		}
		schedule();
	}
	thread_finish_wait();
	cpu_watch_cancel_sync(&s->watch);
	now = cpu_watch_now(&s->watch);
	*out_left = at > now ? at - now : 0;
	task_put(s->watch.task);
	return *out_left ? ret : 0;
}

/* args: clock, when, where to report what is left */
static s64 sleep_restart(struct restart_block *rb)
{
	struct uptr rem = uptr_make(rb->args[2]);
	struct sleeper s;
	u64 left;
	int err = sleeper_init(&s, (int)rb->args[0]);

	if (!err)
		err = sleep_until(&s, rb->args[1], &left);
	if (err != -ERESTARTNOHAND)
		return err;
	if (!uptr_is_null(rem) && (user_store64(rem, left / 1000000000) || user_store64(uptr_add(rem, 8), left % 1000000000)))
		return -EFAULT;
	return -ERESTART_RESTARTBLOCK;
}

s64 cpu_clock_sleep(int id, bool absolute, u64 ns, struct uptr rem)
{
	struct restart_block *rb = &task_current()->restart;
	struct sleeper s;
	u64 at, left;
	int err = sleeper_init(&s, id);

	if (err)
		return err;
	if (absolute)
		return sleep_until(&s, ns, &left);
	at = cpu_watch_now(&s.watch) + ns;
	task_put(s.watch.task);
	rb->fn = sleep_restart;
	rb->args[0] = (u64)(u32)id;
	rb->args[1] = at;
	rb->args[2] = rem.va;
	return sleep_restart(rb);
}
