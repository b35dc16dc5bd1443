/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending signals: queueing, choosing a thread, waking it.
 *
 * A standard signal is pending at most once, a real-time signal is queued each time. A set's mask has a bit for each pending signal; its queue holds the siginfo of those
 * that have one (a standard signal may be pending without one when memory was short: it then arrives as SI_USER from 0, as on Linux).
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <arch/usercopy.h>
#include "proc_impl.h"

LOCK_CLASS(sighand, RANK_SIGHAND, "signal actions, pending signals, stop state of a process");

void sigqueue_set_init(struct sigqueue_set *s)
{
	s->mask = 0;
	list_init(&s->queue);
}

void sigqueue_free(struct sigqueue *q)
{
	if (q->prealloc)
		return; /* its POSIX timer owns it */
	atomic64_sub_relaxed(&q->user->nsigpending, 1);
	user_put(q->user);
	kfree(q);
}

void sigqueue_flush(struct sigqueue_set *set)
{
	struct sigqueue *q, *tmp;

	list_for_each_entry_safe(q, tmp, &set->queue, link)
	{
		list_del_init(&q->link);
		sigqueue_free(q);
	}
	set->mask = 0;
}

/* Drop the signals of @mask from a set. */
static void sigqueue_remove(struct sigqueue_set *set, u64 mask)
{
	struct sigqueue *q, *tmp;

	if (!(set->mask & mask))
		return;
	set->mask &= ~mask;
	list_for_each_entry_safe(q, tmp, &set->queue, link)
	{
		if (mask & SIGMASK(q->info.si_signo)) {
			list_del_init(&q->link);
			sigqueue_free(q);
		}
	}
}

struct sighand *sighand_create(const struct sighand *from, bool reset_handlers)
{
	struct sighand *s = kzalloc(sizeof(*s), ALLOC_SLEEP);
	irqflags_t flags;

	if (!s)
		return NULL;
	refcount_set(&s->refs, 1);
	spin_init(&s->lock, sighand);
	wait_queue_init(&s->signalfd_wait);
	if (!from)
		return s;
	flags = spin_lock_irqsave(&((struct sighand *)from)->lock);
	memcpy(s->action, from->action, sizeof(s->action));
	spin_unlock_irqrestore(&((struct sighand *)from)->lock, flags);
	for (int i = 0; reset_handlers && i < SIG_MAX; i++) {
		if (s->action[i].handler != (u64)SIG_IGN)
			s->action[i] = (struct ksigaction){0};
	}
	return s;
}

static void sighand_free_rcu(struct rcu_head *head)
{
	kfree(container_of(head, struct sighand, rcu));
}

void sighand_put(struct sighand *s)
{
	if (refcount_dec_and_test(&s->refs)) {
		wait_queue_drain(&s->signalfd_wait); /* an epoll may still watch it */
		rcu_call(&s->rcu, sighand_free_rcu);
	}
}

struct sighand *sighand_lock(struct proc *p, irqflags_t *out_flags)
{
	irqflags_t flags = irq_save(); /* no quiescent state: the table that is found stays */
	struct sighand *s;

	/* exec may replace the table until its lock is held */
	for (;;) {
		s = rcu_dereference(p->sighand);
		spin_lock(&s->lock);
		if (likely(s == READ_ONCE(p->sighand)))
			break;
		spin_unlock(&s->lock);
	}
	*out_flags = flags;
	return s;
}

void sighand_unlock(struct sighand *s, irqflags_t flags)
{
	spin_unlock_irqrestore(&s->lock, flags);
}

static bool action_ignores(const struct sighand *s, int signo)
{
	u64 h = s->action[signo - 1].handler;

	return h == (u64)SIG_IGN || (h == (u64)SIG_DFL && (SIG_DFL_IGNORED & SIGMASK(signo)));
}

void signal_discard_ignored(struct proc *p, struct sighand *s, int signo)
{
	struct task *t;

	if (!action_ignores(s, signo))
		return;
	sigqueue_remove(&p->pending, SIGMASK(signo));
	list_for_each_entry_rcu(t, &p->threads, thread_link)
		sigqueue_remove(&t->pending, SIGMASK(signo));
}

bool signal_is_ignored(struct task *t, int signo)
{
	irqflags_t flags;
	struct sighand *s = sighand_lock(t->proc, &flags);
	bool ignored = action_ignores(s, signo);

	sighand_unlock(s, flags);
	return ignored;
}

/* Would the signal vanish if it were delivered to @t now? Blocked ones stay pending: the action may change before. */
static bool send_is_lost(const struct sighand *s, const struct task *t, int signo)
{
	if ((READ_ONCE(t->blocked) | t->waited_mask) & SIGMASK(signo))
		return false;
	if (unlikely(t->ptrace))
		return false; /* a tracer sees also what is ignored */
	if ((t->proc->flags & PROC_INIT) && s->action[signo - 1].handler == (u64)SIG_DFL)
		return true; /* init takes only what it has a handler for */
	return action_ignores(s, signo);
}

/* What a stop or continue signal cancels, wherever it is pending. sighand lock. */
static void send_prepare(struct proc *p, int signo)
{
	struct task *t;
	u64 cancel = 0;

	if (SIG_STOP_MASK & SIGMASK(signo)) {
		cancel = SIGMASK(SIGCONT);
	} else if (signo == SIGCONT) {
		cancel = SIG_STOP_MASK;
		signal_continue(p);
	}
	if (!cancel)
		return;
	sigqueue_remove(&p->pending, cancel);
	list_for_each_entry_rcu(t, &p->threads, thread_link)
		sigqueue_remove(&t->pending, cancel);
}

static struct sigqueue *sigqueue_alloc(struct user *user, u64 limit, bool override)
{
	struct sigqueue *q;

	if ((u64)atomic64_fetch_add_relaxed(&user->nsigpending, 1) >= limit && !override)
		goto fail;
	q = kmalloc(sizeof(*q), ALLOC_NOWAIT);
	if (!q)
		goto fail;
	user_hold(user);
	q->user = user;
	q->prealloc = false;
	q->timer = NULL;
	return q;
fail:
	atomic64_sub_relaxed(&user->nsigpending, 1);
	return NULL;
}

/* Add to a set. 0; -EAGAIN: a queued signal found no room. */
static int sigqueue_add(struct sigqueue_set *set, struct task *t, const siginfo_t *info)
{
	int signo = info->si_signo;
	bool rt = signo >= SIGRTMIN;
	/* the kernel's own and kill() always arrive, if need be without their siginfo */
	bool must = !rt && (info->si_code >= 0 || info->si_code == SI_KERNEL);
	const struct cred *cred;
	struct sigqueue *q;
	u64 limit;

	if (!rt && (set->mask & SIGMASK(signo)))
		return 0;
	if (signo == SIGKILL) {
		set->mask |= SIGMASK(signo);
		return 0;
	}
	limit = READ_ONCE(t->proc->rlimits[RLIMIT_SIGPENDING].cur);
	rcu_read_lock();
	cred = rcu_dereference(t->cred);
	q = sigqueue_alloc(cred->user, limit, must);
	rcu_read_unlock();
	if (!q) {
		if (rt && info->si_code != SI_USER && info->si_code != SI_KERNEL)
			return -EAGAIN;
		set->mask |= SIGMASK(signo);
		return 0;
	}
	q->info = *info;
	list_add_tail(&q->link, &set->queue);
	set->mask |= SIGMASK(signo);
	return 0;
}

static bool task_wants(const struct task *t, int signo)
{
	if (t->exiting || (READ_ONCE(t->blocked) & SIGMASK(signo)))
		return false;
	if (signo == SIGKILL)
		return true;
	return !(t->jobctl & (JOBCTL_STOPPED | JOBCTL_TRACED)) && (!(READ_ONCE(t->thread.user_work) & UW_SIGNAL) || t == task_current());
}

void signal_wake(struct task *t, bool fatal)
{
	unsigned mask = 1u << THREAD_SLEEP_INTR;

	if (fatal) {
		mask |= 1u << THREAD_SLEEP_KILL;
		if (!(t->jobctl & JOBCTL_FROZEN)) {
			t->jobctl &= ~(u32)(JOBCTL_STOPPED | JOBCTL_TRACED);
			mask |= 1u << THREAD_STOPPED;
		}
	}
	__atomic_or_fetch(&t->thread.user_work, UW_SIGNAL, __ATOMIC_SEQ_CST);
	if (!thread_wake_state(&t->thread, mask))
		task_kick(t);
}

/* A signal with this default action ends the process, now: no handler, not blocked, not to be dumped. sighand lock. */
static bool is_fatal_now(const struct sighand *s, const struct task *t, int signo)
{
	if (signo == SIGKILL)
		return true;
	if (s->action[signo - 1].handler != (u64)SIG_DFL || ((SIG_DFL_IGNORED | SIG_STOP_MASK | SIG_CORE_MASK) & SIGMASK(signo)))
		return false;
	if (unlikely(t->ptrace))
		return false;
	return !(t->proc->flags & PROC_INIT) && !((READ_ONCE(t->blocked) | t->waited_mask) & SIGMASK(signo));
}

/* Choose a thread for a signal to the process and wake it. sighand lock. */
static void complete_send(struct sighand *s, struct task *t, int signo, bool to_proc)
{
	struct proc *p = t->proc;
	struct task *chosen = NULL, *other;

	wait_wake(&s->signalfd_wait, 0, ~0u);
	if (task_wants(t, signo)) {
		chosen = t;
	} else if (to_proc) {
		list_for_each_entry_rcu(other, &p->threads, thread_link)
		{
			if (task_wants(other, signo)) {
				chosen = other;
				break;
			}
		}
	}
	if (!chosen)
		return;
	if (is_fatal_now(s, chosen, signo) && (!p->group_exit || (p->flags & PROC_COREDUMP)) && !p->exec_task) {
		/* the whole process ends: no thread needs to run to find that out */
		p->group_exit = true;
		p->group_exit_code = signo;
		proc_kill_other_threads(p, NULL);
		return;
	}
	signal_wake(chosen, signo == SIGKILL);
}

/* To a process that is ending nothing is sent any more, but what ends a core dump. */
static bool is_ending(const struct proc *p, int signo)
{
	return p->group_exit && !((p->flags & PROC_COREDUMP) && signo == SIGKILL);
}

int signal_send_locked(struct sighand *s, struct task *t, const siginfo_t *info, bool to_proc)
{
	struct proc *p = t->proc;
	int err;

	if (!info->si_signo || unlikely(is_ending(p, info->si_signo)))
		return 0;
	send_prepare(p, info->si_signo);
	if (send_is_lost(s, t, info->si_signo) && info->si_signo != SIGKILL && info->si_signo != SIGSTOP)
		return 0;
	if ((p->flags & PROC_INIT) && (info->si_signo == SIGKILL || (info->si_signo == SIGSTOP && !t->ptrace)))
		return 0;
	err = sigqueue_add(to_proc ? &p->pending : &t->pending, t, info);
	if (!err)
		complete_send(s, t, info->si_signo, to_proc);
	return err;
}

int signal_send_prealloc(struct task *t, struct proc *p, struct sigqueue *q)
{
	irqflags_t flags;
	struct sighand *s = sighand_lock(p, &flags);
	struct task *me = task_current_or_null(), *to = t ? t : READ_ONCE(p->leader);
	struct sigqueue_set *set = t ? &t->pending : &p->pending;
	int signo = q->info.si_signo, err = -ESRCH;

	/* Of the threads that may take it, one that runs: a clock of CPU time expires on it. */
	if (!t && to && me && me->proc == p && !me->exiting)
		to = me;

	if ((t && t->exiting) || !to || p->state != PROC_ALIVE || send_is_lost(s, to, signo))
		goto out;
	err = 0;
	if (list_empty(&q->link))
		list_add_tail(&q->link, &set->queue);
	set->mask |= SIGMASK(signo);
	complete_send(s, to, signo, !t);
out:
	sighand_unlock(s, flags);
	return err;
}

void signal_cancel_prealloc(struct proc *p, struct task *t, struct sigqueue *q)
{
	irqflags_t flags;
	struct sighand *s = sighand_lock(p, &flags);
	struct sigqueue_set *set = t ? &t->pending : &p->pending;
	struct sigqueue *other;
	bool more = false;

	if (!list_empty(&q->link)) {
		list_del_init(&q->link);
		list_for_each_entry(other, &set->queue, link)
			more |= other->info.si_signo == q->info.si_signo;
		if (!more)
			set->mask &= ~SIGMASK(q->info.si_signo);
	}
	sighand_unlock(s, flags);
}

int signal_send_task(struct task *t, const siginfo_t *info)
{
	irqflags_t flags;
	struct sighand *s = sighand_lock(t->proc, &flags);
	int err = -ESRCH;

	if (!t->exiting)
		err = signal_send_locked(s, t, info, false);
	sighand_unlock(s, flags);
	return err;
}

int signal_send_proc(struct proc *p, const siginfo_t *info)
{
	irqflags_t flags;
	struct sighand *s = sighand_lock(p, &flags);
	struct task *t = READ_ONCE(p->leader);
	int err = 0;

	/* a zombie can be signalled: nothing happens */
	if (t && p->state == PROC_ALIVE)
		err = signal_send_locked(s, t, info, true);
	sighand_unlock(s, flags);
	return err;
}

int signal_send_pgrp(struct pid *pgrp, const siginfo_t *info)
{
	int err = -ESRCH;
	struct task *t;

	spin_lock(&proc_tree_lock);
	list_for_each_entry(t, &pgrp->members[PID_PGID], pid_links[PID_PGID])
		err = signal_send_proc(t->proc, info);
	spin_unlock(&proc_tree_lock);
	return err;
}

void proc_kill_other_threads(struct proc *p, struct task *except)
{
	struct task *t;

	p->stop_count = 0;
	p->flags &= ~PROC_STOPPED;
	list_for_each_entry_rcu(t, &p->threads, thread_link)
	{
		if (t == except || t->exiting)
			continue;
		t->jobctl &= ~(u32)(JOBCTL_PENDING | JOBCTL_STOPPED);
		t->pending.mask |= SIGMASK(SIGKILL);
		signal_wake(t, true);
	}
}

void signal_kill_proc(struct proc *p)
{
	siginfo_t info;

	siginfo_kernel(&info, SIGKILL);
	signal_send_proc(p, &info);
}

int signal_may_send(struct task *t, int signo)
{
	const struct cred *me = cred_current(), *c;
	int err = -EPERM;

	if (signo < 0 || signo > SIG_MAX)
		return -EINVAL;
	if (t->proc == task_current()->proc)
		return 0;
	rcu_read_lock();
	c = rcu_dereference(t->cred);
	if (me->euid == c->suid || me->euid == c->uid || me->uid == c->suid || me->uid == c->uid)
		err = 0;
	else if (signo == SIGCONT && t->pids[PID_SID] == task_current()->pids[PID_SID])
		err = 0;
	rcu_read_unlock();
	if (err && capable(CAP_KILL))
		err = 0;
	return err;
}

void signal_force_info(const siginfo_t *info)
{
	struct task *me = task_current();
	int signo = info->si_signo;
	struct ksigaction *sa;
	irqflags_t flags;
	struct sighand *s = sighand_lock(me->proc, &flags);

	sa = &s->action[signo - 1];
	/* a fault cannot wait: a handler that is blocked or ignored is as good as none */
	if (sa->handler == (u64)SIG_IGN || (me->blocked & SIGMASK(signo))) {
		sa->handler = (u64)SIG_DFL;
		me->blocked &= ~SIGMASK(signo);
		signal_recalc(me);
	}
	me->forced |= SIGMASK(signo);
	sigqueue_add(&me->pending, me, info);
	signal_wake(me, false);
	sighand_unlock(s, flags);
}

void signal_force(int signo, int code, u64 addr)
{
	siginfo_t info;

	siginfo_kernel(&info, signo);
	info.si_code = code;
	info.si_addr = (void *)addr;
	signal_force_info(&info);
}
