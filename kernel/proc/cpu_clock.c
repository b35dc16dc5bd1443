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

u64 proc_cpu_ns(struct proc *p)
{
	struct proc_usage u;

	proc_usage_get(p, &u);
	return u.utime_ns + u.stime_ns;
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

/* CPU clocks have no timer of their own here: look again when the time could have passed, if all threads had run all the while. */
s64 cpu_clock_sleep(int id, bool absolute, u64 ns, struct uptr rem)
{
	struct task *t;
	bool process;
	s64 start, now, ret = 0;
	int err = cpu_clock_task(id, &t, &process);

	if (err)
		return err;
	if (!process && t == task_current())
		err = -EINVAL;
	task_put(t);
	if (!err)
		err = cpu_clock_read(id, &start);
	if (err)
		return err;
	if (!absolute)
		ns += (u64)start;
	for (;;) {
		err = cpu_clock_read(id, &now);
		if (err || (u64)now >= ns)
			return err;
		thread_prepare_wait(THREAD_SLEEP_INTR);
		if (thread_signal_pending()) {
			ret = -EINTR;
			break;
		}
		schedule_deadline(deadline_after(max((ns - (u64)now) / 4, 1000000ull)), 0);
	}
	thread_finish_wait();
	if (!absolute && !uptr_is_null(rem)) {
		u64 left = ns - (u64)now;

		if (user_store64(rem, left / 1000000000) || user_store64(uptr_add(rem, 8), left % 1000000000))
			return -EFAULT;
	}
	return ret;
}
