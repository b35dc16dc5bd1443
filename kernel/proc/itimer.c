/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The timers that a process has one each of: interval timers [man getitimer(2)] and the CPU limit.
 */
#include <lib/errno.h>
#include <linux/time.h>
#include "posix_timer_impl.h"
#include "proc_impl.h"

/* One of the fixed timers, made at first use; NULL: -ENOMEM. */
static struct posix_timer *fixed_get(struct posix_timers *t, int which)
{
	static const int signo[FIXED_TIMERS] = {SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU};
	struct posix_timer *pt = LOAD_ACQUIRE(t->fixed[which]), *expected = NULL;

	if (pt)
		return pt;
	/* the process's own clock, whoever asks (prlimit may be another process) */
	if (posix_timer_alloc(t, which == ITIMER_REAL ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &pt))
		return NULL;
	if (pt->watch.task && pt->watch.task->proc != t->proc) {
		task_put(pt->watch.task);
		pt->watch.task = t->proc->leader;
		task_get(pt->watch.task);
	}
	pt->watch.user_only = which == ITIMER_VIRTUAL;
	pt->clock = which;
	pt->id = -1;
	pt->notify = SIGEV_SIGNAL;
	pt->signo = signo[which];
	if (__atomic_compare_exchange_n(&t->fixed[which], &expected, pt, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return pt;
	posix_timer_free(pt);
	return expected;
}

int itimer_set(int which, const struct timer_spec *spec, struct timer_spec *out_old)
{
	struct posix_timers *t = posix_timers_table();
	struct posix_timer *pt;
	irqflags_t flags;

	if (which < 0 || which >= ITIMERS)
		return -EINVAL;
	pt = t ? fixed_get(t, which) : NULL;
	if (!pt)
		return -ENOMEM;
	flags = spin_lock_irqsave(&t->lock);
	if (out_old)
		posix_timer_read_locked(pt, out_old);
	posix_timer_set_locked(pt, false, spec);
	spin_unlock_irqrestore(&t->lock, flags);
	return 0;
}

int itimer_get(int which, struct timer_spec *out)
{
	struct posix_timers *t = LOAD_ACQUIRE(task_current()->proc->timers);
	struct posix_timer *pt;
	irqflags_t flags;

	if (which < 0 || which >= ITIMERS)
		return -EINVAL;
	*out = (struct timer_spec){0};
	pt = t ? LOAD_ACQUIRE(t->fixed[which]) : NULL;
	if (!pt)
		return 0;
	flags = spin_lock_irqsave(&t->lock);
	posix_timer_read_locked(pt, out);
	spin_unlock_irqrestore(&t->lock, flags);
	return 0;
}

void cpu_limit_changed(struct proc *p)
{
	u64 soft = READ_ONCE(p->rlimits[RLIMIT_CPU].cur);
	struct posix_timers *t = p == task_current()->proc ? posix_timers_table() : LOAD_ACQUIRE(p->timers);
	struct timer_spec spec = {.value = soft == ~0ull ? 0 : max(soft, 1ull) * NS_PER_SEC};
	struct posix_timer *pt = t ? fixed_get(t, LIMIT_TIMER) : NULL;
	irqflags_t flags;

	if (!pt)
		return;
	flags = spin_lock_irqsave(&t->lock);
	posix_timer_set_locked(pt, true, &spec);
	spin_unlock_irqrestore(&t->lock, flags);
}
