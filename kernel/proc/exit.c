/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of threads and processes.
 *
 * A thread that exits gives up what it shares in order: memory (robust futexes and clear_child_tid before it), files, names, then its place in the tree. The last thread of
 * a process turns it into a zombie (PROC_ZOMBIE), which its parent reaps, or which goes at once when the parent ignores SIGCHLD. A leader that exits
 * before its threads stays in the tree as a dead task until they are gone: it carries the process's number.
 */
#include <io/sysv.h>
#include <lib/errno.h>
#include <debug/log.h>
#include <debug/panic.h>
#include <io/tty_session.h>
#include <mm/space.h>
#include <mm/uaccess.h>
#include <proc/cgroup.h>
#include <proc/futex.h>
#include <proc/pidfd.h>
#include <proc/ns.h>
#include <vfs/file.h>
#include <vfs/namei.h>
#include "proc_impl.h"

/* Nothing runs it here any more: who waits for us may write to it then. */
static void leave_program(struct proc *p)
{
	struct file *f;

	spin_lock(&p->lock);
	f = p->exe;
	p->exe = NULL;
	spin_unlock(&p->lock);
	if (f)
		file_put(f);
}

static void exit_space(struct task *me)
{
	struct vm_space *s = me->thread.space;
	struct completion *done;

	futex_exit_robust(me);
	futex_exit_pi(me, true);
	if (!uptr_is_null(me->clear_child_tid)) {
		if (!user_store32(me->clear_child_tid, 0))
			futex_wake_user(me->clear_child_tid);
	}
	spin_lock(&me->alloc_lock);
	thread_set_space(NULL);
	done = me->vfork_done;
	me->vfork_done = NULL;
	if (done)
		complete(done);
	spin_unlock(&me->alloc_lock);
	if (s)
		vm_space_put_user(s);
	if (__atomic_sub_fetch(&me->proc->in_memory, 1, __ATOMIC_ACQ_REL) == 0) {
		leave_program(me->proc);
		oom_memory_left(me->proc);
	}
}

static void exit_files(struct task *me)
{
	struct files *files;
	struct fs_context *fs;

	spin_lock(&me->alloc_lock);
	files = me->files;
	fs = me->fs;
	me->files = NULL;
	me->fs = NULL;
	spin_unlock(&me->alloc_lock);
	if (files)
		files_put(files);
	if (fs)
		fs_context_put(fs);
	nsproxy_switch(NULL);
}

/* Who takes the children of @p: the nearest living subreaper above it, else init. Tree lock. */
static struct proc *find_reaper(struct proc *p)
{
	for (struct proc *a = p->parent; a && !(a->flags & PROC_INIT); a = a->parent) {
		if ((a->flags & PROC_SUBREAPER) && __atomic_load_n(&a->live, __ATOMIC_RELAXED))
			return a;
	}
	return init_task->proc;
}

static void send_pdeath(struct proc *child)
{
	siginfo_t info;
	struct task *t;

	list_for_each_entry(t, &child->threads, thread_link)
	{
		if (!t->pdeath_signal)
			continue;
		siginfo_user(&info, (int)t->pdeath_signal);
		signal_send_task(t, &info);
	}
}

/* The running thread leaves; its children go to a sister thread, or, if it was the last, to a reaper. Zombies that nobody waits for go to @out_dead. */
static void reparent_children(struct task *me, struct list_head *out_dead)
{
	struct proc *p = me->proc, *child, *tmp;
	struct proc *reaper = NULL;
	bool last = !__atomic_load_n(&p->live, __ATOMIC_RELAXED);
	struct task *sister = NULL, *t;

	if (list_empty(&p->children))
		return;
	if (last) {
		reaper = find_reaper(p);
	} else {
		list_for_each_entry(t, &p->threads, thread_link)
		{
			if (t != me && !t->exiting)
				sister = t;
		}
	}
	list_for_each_entry_safe(child, tmp, &p->children, sibling)
	{
		if (child->forker == me) {
			child->forker = reaper ? reaper->leader : sister;
			send_pdeath(child);
		}
		if (!reaper)
			continue;
		child->forker = reaper->leader;
		child->parent = reaper;
		child->exit_signal = SIGCHLD;
		list_move_tail(&child->sibling, &reaper->children);
		if (child->state == PROC_ZOMBIE) {
			if (!child->leader->ptrace && proc_notify_parent_exit(child)) {
				child->state = PROC_REAPED;
				list_move_tail(&child->sibling, out_dead);
			}
		} else {
			pgrp_check_orphans(child, p);
		}
	}
}

/* Take a thread out of the tree. Tree lock. The caller drops the tree's reference after the lock. */
static void task_unlink(struct task *t)
{
	struct proc *p = t->proc;

	for (int type = 0; type < PID_TYPES; type++) {
		if (type == PID_TID || t == p->leader)
			task_detach_pid(t, (enum pid_type)type);
	}
	list_del_rcu(&t->thread_link);
	cgroup_release_locked(t);
	p->nthreads--;
	atomic64_sub_relaxed(&t->cred->user->nprocs, 1);
}

static void usage_fold(struct task *me)
{
	struct proc_usage u;

	task_usage_get(me, &u);
	proc_usage_add(&me->proc->dead, &u);
}

void proc_reap(struct proc *p)
{
	struct task *leader = p->leader;

	if (leader->ptrace)
		ptrace_unlink(leader);
	task_unlink(leader);
	list_del_init(&p->sibling);
	spin_unlock(&proc_tree_lock);
	pid_put(leader->pids[PID_TID]);
	leader->pids[PID_TID] = NULL;
	task_put(leader);
}

/* Is @p all gone but for its dead leader? Then it is a zombie now. Tree lock. True: nobody waits for it. */
static bool proc_try_zombie(struct proc *p)
{
	struct task *leader = p->leader;

	if (p->nthreads != 1 || !leader->tree_exited || p->state != PROC_ALIVE || p->exec_task)
		return false;
	p->state = PROC_ZOMBIE;
	pgrp_check_orphans(p, NULL);
	if (!proc_notify_parent_exit(p))
		return false;
	p->state = PROC_REAPED;
	return true;
}

/* A thread less, or the leader is dead: does anybody wait for that? Tree lock held, dropped. */
static void proc_shrunk(struct proc *p)
{
	if (p->exec_task && p->nthreads <= 2)
		thread_wake(&p->exec_task->thread);
	if (proc_try_zombie(p))
		proc_reap(p);
	else
		spin_unlock(&proc_tree_lock);
}

void thread_leave(struct task *t)
{
	struct proc *p = t->proc;

	if (t->ptrace)
		ptrace_unlink(t);
	task_unlink(t);
	proc_get(p);
	proc_shrunk(p);
	pidfd_notify(t->pids[PID_TID]);
	pid_put(t->pids[PID_TID]);
	t->pids[PID_TID] = NULL;
	task_put(t); /* the tree's */
	proc_put(p);
}

/* Zombies that nobody waits for: processes by their place among the children, tracees by theirs. */
static void reap_dead(struct list_head *procs, struct list_head *tracees)
{
	struct task *t;

	while (!list_empty(procs)) {
		spin_lock(&proc_tree_lock);
		proc_reap(list_first_entry(procs, struct proc, sibling));
	}
	while (!list_empty(tracees)) {
		t = list_first_entry(tracees, struct task, tracee_link);
		list_del_init(&t->tracee_link);
		spin_lock(&proc_tree_lock);
		if (t == t->proc->leader)
			proc_reap(t->proc);
		else
			thread_leave(t);
	}
}

static void exit_notify(struct task *me)
{
	struct list_head dead = LIST_HEAD_INIT(dead), dead_tracees = LIST_HEAD_INIT(dead_tracees);
	struct proc *p = me->proc;

	spin_lock(&proc_tree_lock);
	if (unlikely(!list_empty(&p->tracees)))
		ptrace_exit_tracer(me, &dead_tracees);
	reparent_children(me, &dead);
	me->tree_exited = true;
	cgroup_exit_locked(me);
	usage_fold(me);
	if (me->ptrace && (me != p->leader || p->nthreads > 1))
		proc_notify_tracer_exit(me);
	if (p->leader == me) {
		proc_get(p);
		proc_shrunk(p);
		proc_put(p);
	} else if (!me->ptrace) {
		thread_leave(me); /* the running thread has a reference of its own */
	} else {
		pidfd_notify(me->pids[PID_TID]);
		proc_shrunk(p);
	}
	reap_dead(&dead, &dead_tracees);
}

void proc_leave_tty(struct proc *p)
{
	struct tty *tty;

	spin_lock(&proc_tree_lock);
	tty = p->tty;
	p->tty = NULL;
	spin_unlock(&proc_tree_lock);
	if (tty)
		tty_put(tty);
}

static void signal_pgrp(struct pid *pgrp, int signo)
{
	siginfo_t info;

	siginfo_kernel(&info, signo);
	(void)signal_send_pgrp(pgrp, &info);
}

void proc_leave_session(struct proc *p)
{
	struct tty *tty = NULL;
	struct pid *old;

	spin_lock(&proc_tree_lock);
	if (p->leader->pids[PID_SID] == p->pid && p->tty) {
		tty = p->tty;
		tty_get(tty);
	}
	old = p->tty_old_pgrp;
	p->tty_old_pgrp = NULL;
	spin_unlock(&proc_tree_lock);
	if (tty) {
		tty_session_end(tty);
		tty_put(tty);
	}
	if (old) {
		signal_pgrp(old, SIGHUP);
		signal_pgrp(old, SIGCONT);
		pid_put(old);
	}
	proc_leave_tty(p);
}

/* The last living thread of the process has begun to exit. */
static void exit_group_last(struct task *me)
{
	struct proc *p = me->proc;

	if (p->flags & PROC_INIT)
		panic("attempted to kill init! exitcode=%#010x", (unsigned)(p->group_exit ? p->group_exit_code : me->exit_code));
	posix_timers_exit(p);
	if (me->thread.space)
		p->dead.maxrss_kb = (u64)me->thread.space->peak_rss * (PAGE_SIZE / 1024);
	proc_leave_session(p);
}

void task_exit(s32 code)
{
	struct task *me = task_current();
	struct proc *p = me->proc;

	ASSERT(!in_irq());
	coredump_pass(me);
	ptrace_exit_tracee(code);
	me->exit_code = code;
	me->exiting = true;
	if (__atomic_sub_fetch(&p->live, 1, __ATOMIC_ACQ_REL) == 0)
		exit_group_last(me);
	signal_exit_thread(me);
	exit_space(me);
	sysv_exit(me);
	exit_files(me);
	task_work_close();
	exit_notify(me);
	arch_thread_fini(&me->thread);
	thread_exit();
}

void proc_exit_group(s32 code)
{
	struct task *me = task_current();
	struct proc *p = me->proc;
	irqflags_t flags;
	struct sighand *s = sighand_lock(p, &flags);

	if (p->group_exit) {
		code = p->group_exit_code;
	} else if (p->exec_task) {
		code = SIGKILL; /* another thread is replacing the program */
	} else {
		p->group_exit = true;
		p->group_exit_code = code;
		proc_kill_other_threads(p, me);
	}
	sighand_unlock(s, flags);
	task_exit(code);
}
