/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Freezing and killing whole groups.
 *
 *	running --JOBCTL_FREEZE set, woken--> on its way to user mode: cgroup_freeze_here, t->frozen --JOBCTL_FREEZE cleared, or SIGKILL--> running
 *
 * A thread that is stopped (job control) or waits for the child of its vfork will not get there: it counts as frozen where it is (t->quiet). The writer sets
 * JOBCTL_FREEZE and then looks at quiet, the thread sets quiet and then looks at JOBCTL_FREEZE, with barriers: one of them marks it. t->frozen and all counts: tree lock.
 */
#include "cgroup_impl.h"
#include <lib/errno.h>
#include <lib/parse.h>
#include <sched/thread.h>

void cgroup_update_frozen(struct cgroup *cg)
{
	for (;; cg = cg->parent) {
		bool now = cg->freezing && cg->nfrozen == cg->nlive && cg->nfrozen_children == cg->nchildren;

		if (now == cg->frozen || !cg->parent)
			return;
		cg->frozen = now;
		cg->parent->nfrozen_children += now ? 1u : ~0u;
		cgroup_file_changed(cg, CGF_EVENTS);
	}
}

static void enter_frozen_locked(struct task *t)
{
	if (t->frozen)
		return;
	t->frozen = true;
	t->cgroup->nfrozen++;
	cgroup_update_frozen(t->cgroup);
}

void cgroup_leave_frozen_locked(struct task *t)
{
	t->frozen = false;
	t->cgroup->nfrozen--;
	cgroup_update_frozen(t->cgroup);
}

void cgroup_freeze_task(struct task *t, bool freeze)
{
	irqflags_t flags;
	struct sighand *s = sighand_lock(t->proc, &flags);

	if (freeze) {
		t->jobctl |= JOBCTL_FREEZE;
		signal_wake(t, false);
	} else {
		t->jobctl &= ~JOBCTL_FREEZE;
		thread_wake_state(&t->thread, THREAD_MASK(THREAD_STOPPED));
	}
	sighand_unlock(s, flags);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (freeze && READ_ONCE(t->quiet))
		enter_frozen_locked(t);
}

void cgroup_quiet_begin(void)
{
	struct task *me = task_current();

	WRITE_ONCE(me->quiet, true);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (unlikely(READ_ONCE(me->jobctl) & JOBCTL_FREEZE)) {
		spin_lock(&proc_tree_lock);
		if (me->jobctl & JOBCTL_FREEZE)
			enter_frozen_locked(me);
		spin_unlock(&proc_tree_lock);
	}
}

void cgroup_quiet_end(void)
{
	struct task *me = task_current();

	WRITE_ONCE(me->quiet, false);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (likely(!READ_ONCE(me->frozen) && !(READ_ONCE(me->jobctl) & JOBCTL_FREEZE)))
		return;
	spin_lock(&proc_tree_lock); /* who saw us quiet has marked us by now */
	if (me->frozen)
		cgroup_leave_frozen_locked(me);
	spin_unlock(&proc_tree_lock);
}

static bool must_stay(const struct task *me)
{
	return (READ_ONCE(me->jobctl) & JOBCTL_FREEZE) && !(READ_ONCE(me->pending.mask) & SIGMASK(SIGKILL))
	       && !READ_ONCE(me->proc->group_exit);
}

void cgroup_freeze_here(void)
{
	const struct task *me = task_current();

	cgroup_quiet_begin();
	for (;;) {
		thread_prepare_wait(THREAD_STOPPED);
		if (!must_stay(me))
			break;
		schedule();
	}
	thread_finish_wait();
	cgroup_quiet_end();
}

/* ---- the files ---- */

int cgroup_show_freeze(struct pseudo_text *t)
{
	strbuf_printf(&t->sb, "%d\n", READ_ONCE(cgroup_of(t)->freeze));
	return 0;
}

/* One more or less that asks @cg to stand still. Tree lock. */
static void freeze_one(struct cgroup *cg, bool freeze)
{
	struct task *t;

	cg->freezing += freeze ? 1u : ~0u;
	if (cg->freezing != freeze) /* others ask as well: nothing changes */
		return;
	list_for_each_entry(t, &cg->tasks, cgroup_link)
	{
		if (!t->tree_exited)
			cgroup_freeze_task(t, freeze);
	}
	cgroup_update_frozen(cg);
}

int cgroup_store_freeze(struct pseudo_text *t, char *text, size_t len)
{
	struct cgroup *cg = cgroup_of(t), *at = NULL;
	s32 freeze;
	int err = strtos32(pseudo_trim(text), 0, &freeze);

	if (err)
		return err;
	if (freeze < 0 || freeze > 1)
		return -ERANGE;
	err = cgroup_lock_live(cg);
	if (err)
		return err;
	spin_lock(&proc_tree_lock);
	if (cg->freeze != freeze) {
		cg->freeze = freeze;
		while ((at = cgroup_next(at, cg)))
			freeze_one(at, freeze);
	}
	spin_unlock(&proc_tree_lock);
	mutex_unlock(&cgroup_mutex);
	return 0;
}

/* A fork of one that is killed here either has linked its child, which is found, or sees the signal and links none: clone_link. */
int cgroup_store_kill(struct pseudo_text *t, char *text, size_t len)
{
	struct cgroup *cg = cgroup_of(t), *at = NULL;
	struct task *task;
	s32 kill;
	int err = strtos32(pseudo_trim(text), 0, &kill);

	if (err)
		return err;
	if (kill != 1)
		return -ERANGE;
	err = cgroup_lock_live(cg);
	if (err)
		return err;
	if (cgroup_is_threaded(cg)) {
		mutex_unlock(&cgroup_mutex);
		return -EOPNOTSUPP;
	}
	spin_lock(&proc_tree_lock);
	while ((at = cgroup_next(at, cg))) {
		list_for_each_entry(task, &at->tasks, cgroup_link)
		{
			if (!task->tree_exited)
				signal_kill_proc(task->proc);
		}
	}
	spin_unlock(&proc_tree_lock);
	mutex_unlock(&cgroup_mutex);
	return 0;
}
