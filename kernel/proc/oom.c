/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Out of memory: choose a process to end.
 *
 * The one that frees most: resident pages, shifted by oom_score_adj (a thousandth of memory per step); init, kernel threads and those at -1000 are spared. While a victim is
 * still leaving no second one is chosen: whoever needs memory waits until it has given its memory up, or for the time that this may take at most.
 */
#include <lib/errno.h>
#include <debug/log.h>
#include <mm/oom.h>
#include <mm/page.h>
#include <mm/space.h>
#include <time/clock.h>
#include "proc_impl.h"

#define SPARE_SCORE	-1000
#define VICTIM_GRACE_NS (2ull * 1000000000)

LOCK_CLASS(oom, RANK_LEAF, "one victim at a time");

static struct spinlock oom_lock = SPINLOCK_INIT(oom);
static u64 victim_until;	/* oom_lock; so is the next */
static struct proc *victim_proc; /* only compared; NULL: it has given its memory up */

/* Pages that the end of @t would free, weighted; negative: not a candidate. */
static s64 badness(struct task *t, u64 total)
{
	struct vm_space *s;
	struct vm_rss rss;
	s64 score, peak;

	if ((t->proc->flags & PROC_INIT) || t->exiting || t->oom_score_adj == SPARE_SCORE)
		return -1;
	s = task_space_get(t);
	if (!s)
		return -1;
	vm_space_rss(s, &rss, &peak);
	score = rss.anon + rss.file + rss.shmem;
	vm_space_put(s);
	score += (s64)t->oom_score_adj * (s64)(total / 1000);
	return max(score, (s64)0);
}

static struct task *choose(void)
{
	struct task *best = NULL;
	struct page_stats st;
	s64 best_score = -1;
	struct pid *pid;
	s32 nr = 2;

	page_stats(&st);
	while ((pid = pid_next_get(nr))) {
		struct task *t = pid_task_get(pid, PID_TGID);
		s64 score;

		nr = pid_nr(pid) + 1;
		pid_put(pid);
		if (!t)
			continue;
		score = badness(t, st.total);
		if (score > best_score) {
			swap(best, t);
			best_score = score;
		}
		if (t)
			task_put(t);
	}
	return best;
}

void oom_memory_left(struct proc *p)
{
	if (likely(READ_ONCE(victim_proc) != p))
		return;
	spin_lock(&oom_lock);
	if (victim_proc == p) {
		victim_proc = NULL;
		victim_until = 0;
	}
	spin_unlock(&oom_lock);
}

/* May this caller choose? Else a victim is on its way out. */
static bool begin(void)
{
	u64 now = clock_monotonic();
	bool mine;

	spin_lock(&oom_lock);
	mine = now >= victim_until;
	if (mine)
		victim_until = now + VICTIM_GRACE_NS;
	spin_unlock(&oom_lock);
	return mine;
}

void oom_kill(void)
{
	struct task *victim;

	if (!thread_kill_pending() && begin()) {
		victim = choose();
		if (victim) {
			spin_lock(&oom_lock);
			/* One that has just gone by itself says nothing any more: then the time must pass. */
			victim_proc = victim->proc;
			spin_unlock(&oom_lock);
			klog(LOG_ERR, "out of memory: killed process %d (%s)", task_tgid(victim), victim->thread.name);
			signal_kill_proc(victim->proc);
			task_put(victim);
		}
	}
	/* let it run; a caller that is itself the victim returns to die */
	if (!thread_kill_pending()) {
		thread_prepare_wait(THREAD_SLEEP_KILL);
		schedule_deadline(deadline_after(10000000), 0);
		thread_finish_wait();
	}
}
