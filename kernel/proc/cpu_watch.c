/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for a CPU clock to reach a time.
 *
 * CPU time passes only while a thread of the process runs, and then there is a tick: it looks at the watches of the process that it interrupts. So nothing
 * happens while the process sleeps, and a time is noticed a tick late at most, as on Linux.
 *
 *     idle --arm--> queued --tick, time reached--> firing (fn runs, without locks) --> idle, or queued again if fn armed it
 *
 * proc->cpu_lock guards the list and the states of the watches of that process.
 */
#include <linux/time.h>
#include <proc/cpu_clock.h>
#include "proc_impl.h"

u64 cpu_watch_now(const struct cpu_watch *w)
{
	struct proc_usage u;

	if (w->process)
		proc_usage_get_nolock(w->task->proc, &u);
	else if (!w->user_only)
		return sched_runtime_ns(&w->task->thread);
	else
		task_usage_get(w->task, &u);
	return w->user_only ? u.utime_ns : u.utime_ns + u.stime_ns;
}

void cpu_watch_arm(struct cpu_watch *w, u64 at)
{
	struct proc *p = w->task->proc;
	irqflags_t flags = spin_lock_irqsave(&p->cpu_lock);

	w->at = at;
	if (!w->queued)
		list_add_tail(&w->link, &p->cpu_watches);
	w->queued = true;
	spin_unlock_irqrestore(&p->cpu_lock, flags);
}

static bool unqueue(struct cpu_watch *w)
{
	struct proc *p = w->task->proc;
	irqflags_t flags = spin_lock_irqsave(&p->cpu_lock);
	bool firing = w->firing;

	if (w->queued)
		list_del(&w->link);
	w->queued = false;
	spin_unlock_irqrestore(&p->cpu_lock, flags);
	return firing;
}

void cpu_watch_cancel(struct cpu_watch *w)
{
	(void)unqueue(w);
}

void cpu_watch_cancel_sync(struct cpu_watch *w)
{
	while (unqueue(w))
		cpu_relax();
}

/*
 * Each watch is looked at once: one that is armed again while it fires waits for the next tick, even if its time has passed meanwhile, as it does
 * when the interval is shorter than the firing takes.
 */
static NOINLINE void look(struct proc *p)
{
	struct list_head todo;
	irqflags_t flags = spin_lock_irqsave(&p->cpu_lock);

	list_init(&todo);
	list_splice_tail(&p->cpu_watches, &todo);
	while (!list_empty(&todo)) {
		struct cpu_watch *w = list_first_entry(&todo, struct cpu_watch, link);

		list_del(&w->link);
		if (w->firing || cpu_watch_now(w) < w->at) {
			list_add_tail(&w->link, &p->cpu_watches);
			continue;
		}
		w->queued = false;
		w->firing = true;
		spin_unlock_irqrestore(&p->cpu_lock, flags);
		w->fn(w);
		flags = spin_lock_irqsave(&p->cpu_lock);
		w->firing = false; /* from here on it may be gone */
	}
	spin_unlock_irqrestore(&p->cpu_lock, flags);
}

void task_tick(struct thread *t)
{
	struct proc *p;

	if (t->release != task_release)
		return;
	p = thread_task(t)->proc;
	if (unlikely(!list_empty(&p->cpu_watches)))
		look(p);
}
