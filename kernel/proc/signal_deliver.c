/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking signals: on the way to user mode, or by a call that waits for them.
 *
 * UW_SIGNAL is cleared by the thread itself only, before it looks; so whoever sets it knows that a look follows.
 */
#include <lib/bits.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <arch/elf.h>
#include <arch/signal.h>
#include <arch/trap.h>
#include <asm/unistd.h>
#include <proc/cgroup.h>
#include <proc/coredump.h>
#include <proc/rseq.h>
#include "proc_impl.h"

bool thread_signal_pending(void)
{
	return READ_ONCE(thread_current()->user_work) & UW_SIGNAL;
}

bool thread_kill_pending(void)
{
	struct thread *t = thread_current();

	return (READ_ONCE(t->user_work) & UW_SIGNAL) && (READ_ONCE(thread_task(t)->pending.mask) & SIGMASK(SIGKILL));
}

u64 signal_pending_mask(struct task *t)
{
	return (READ_ONCE(t->pending.mask) | READ_ONCE(t->proc->pending.mask)) & ~READ_ONCE(t->blocked);
}

void signal_recalc(struct task *t)
{
	if (signal_pending_mask(t) || (t->jobctl & (JOBCTL_STOP_PENDING | JOBCTL_TRAP_MASK | JOBCTL_FREEZE)))
		__atomic_or_fetch(&t->thread.user_work, UW_SIGNAL, __ATOMIC_SEQ_CST);
}

static void set_blocked_locked(struct task *me, u64 mask)
{
	WRITE_ONCE(me->blocked, mask & ~SIG_UNBLOCKABLE);
	signal_recalc(me);
}

/* Signals that this thread now blocks may have been meant for any thread. */
static void change_blocked_locked(struct task *me, u64 mask)
{
	if (me->proc->pending.mask & mask & ~me->blocked)
		signal_retarget(me, mask & ~me->blocked);
	set_blocked_locked(me, mask);
}

void signal_set_mask(u64 mask)
{
	struct task *me = task_current();
	irqflags_t flags;
	struct sighand *s;

	mask &= ~SIG_UNBLOCKABLE;
	if (mask == me->blocked)
		return;
	s = sighand_lock(me->proc, &flags);
	change_blocked_locked(me, mask);
	sighand_unlock(s, flags);
}

void signal_set_temp_mask(u64 mask)
{
	struct task *me = task_current();

	me->saved_mask = me->blocked;
	me->restore_mask = true;
	signal_set_mask(mask);
}

void signal_end_temp_mask(bool interrupted)
{
	struct task *me = task_current();

	if (interrupted || !me->restore_mask)
		return; /* signal_deliver puts it into the frame, or restores it */
	me->restore_mask = false;
	signal_set_mask(me->saved_mask);
}

/* Take @signo from a set that has it; @out gets its siginfo. */
static void set_take(struct sigqueue_set *set, int signo, siginfo_t *out)
{
	struct sigqueue *q, *first = NULL;
	bool more = false;

	list_for_each_entry(q, &set->queue, link)
	{
		if (q->info.si_signo != signo)
			continue;
		if (first) {
			more = true;
			break;
		}
		first = q;
	}
	if (!more)
		set->mask &= ~SIGMASK(signo);
	if (!first) {
		memset(out, 0, sizeof(*out));
		out->si_signo = signo;
		out->si_code = SI_USER;
		return;
	}
	list_del_init(&first->link);
	*out = first->info;
	if (first->timer)
		posix_timer_delivered(first->timer, out);
	sigqueue_free(first);
}

static int mask_first(u64 mask)
{
	u64 sync = mask & SIG_SYNC_MASK;

	return sync ? ffs64(sync) : ffs64(mask);
}

/* The next signal of @mask: the thread's own first. 0: none. sighand lock. */
static int dequeue_locked(struct task *me, u64 mask, siginfo_t *out)
{
	struct sigqueue_set *set = &me->pending;

	if (!(set->mask & mask))
		set = &me->proc->pending;
	if (!(set->mask & mask))
		return 0;
	int signo = mask_first(set->mask & mask);

	set_take(set, signo, out);
	if (SIG_STOP_MASK & SIGMASK(signo))
		me->jobctl |= JOBCTL_STOP_DEQUEUED;
	return signo;
}

int signal_dequeue(u64 mask, siginfo_t *out)
{
	struct task *me = task_current();
	irqflags_t flags;
	struct sighand *s = sighand_lock(me->proc, &flags);
	int signo = dequeue_locked(me, mask & ~SIG_UNBLOCKABLE, out);

	sighand_unlock(s, flags);
	return signo;
}

int signal_wait_begin(u64 set, siginfo_t *out)
{
	struct task *me = task_current();
	irqflags_t flags;
	struct sighand *s = sighand_lock(me->proc, &flags);
	int signo = dequeue_locked(me, set & ~SIG_UNBLOCKABLE, out);

	if (!signo) {
		me->waited_mask = set & me->blocked;
		set_blocked_locked(me, me->blocked & ~set);
	}
	sighand_unlock(s, flags);
	return signo;
}

int signal_wait_end(u64 set, u64 blocked, siginfo_t *out)
{
	struct task *me = task_current();
	irqflags_t flags;
	struct sighand *s = sighand_lock(me->proc, &flags);
	int signo = dequeue_locked(me, set & ~SIG_UNBLOCKABLE, out);

	me->waited_mask = 0;
	/* Mostly what has just been taken: nothing is left to deliver then. */
	if (!(me->proc->flags & PROC_TELL_CONTINUED))
		__atomic_and_fetch(&me->thread.user_work, ~(u32)UW_SIGNAL, __ATOMIC_SEQ_CST);
	change_blocked_locked(me, blocked);
	sighand_unlock(s, flags);
	return signo;
}

/* Back up an interrupted call, or turn its restart code into EINTR. @sa NULL: no handler runs. */
static void restart_call(struct trapframe *tf, const struct ksigaction *sa)
{
	if ((s64)tf_syscall_nr(tf) < 0)
		return;
	switch (-tf_ret(tf)) {
	case ERESTART_RESTARTBLOCK:
		if (sa) {
			tf_set_ret(tf, -EINTR);
		} else {
			tf_syscall_set_nr(tf, __NR_restart_syscall);
			tf_syscall_restart(tf);
		}
		break;
	case ERESTARTNOHAND:
		if (sa)
			tf_set_ret(tf, -EINTR);
		else
			tf_syscall_restart(tf);
		break;
	case ERESTARTSYS:
		if (sa && !(sa->flags & SA_RESTART))
			tf_set_ret(tf, -EINTR);
		else
			tf_syscall_restart(tf);
		break;
	case ERESTARTNOINTR: tf_syscall_restart(tf); break;
	default: break;
	}
}

static bool on_altstack(const struct task *me, u64 sp)
{
	u64 base = (u64)me->altstack.ss_sp;

	if (me->altstack.ss_flags & SS_AUTODISARM)
		return false;
	return sp > base && sp - base <= me->altstack.ss_size;
}

/* Run a handler: frame, mask, altstack. */
static void run_handler(struct trapframe *tf, int signo, const siginfo_t *info, const struct ksigaction *sa)
{
	struct task *me = task_current();
	struct signal_frame_args args = {
		.signo = signo,
		.info = info,
		.handler = sa->handler,
		.restorer = sa->restorer,
		.flags = sa->flags,
		.oldmask = me->restore_mask ? me->saved_mask : me->blocked,
		.altstack = me->altstack,
	};
	bool inside = on_altstack(me, tf_sp(tf)), stepped = me->trace_calls & TRACE_CALLS_STEPPED;
	irqflags_t flags;
	struct sighand *s;
	u64 mask;
	int err;

	restart_call(tf, sa);
	if (!uptr_is_null(me->rseq))
		rseq_work(tf); /* the handler must not resume inside a critical section */
	if (!me->altstack.ss_size)
		args.altstack.ss_flags = SS_DISABLE;
	else if (inside)
		args.altstack.ss_flags |= SS_ONSTACK;
	args.on_altstack = (sa->flags & SA_ONSTACK) && me->altstack.ss_size && !inside;
	/* a handler that overflows the alternate stack it runs on must not write below it */
	args.altstack_limit = inside && (sa->flags & SA_ONSTACK) ? (u64)me->altstack.ss_sp : 0;
	if (unlikely(stepped))
		arch_single_step(&me->thread, ARCH_STEP_NONE); /* not into the saved flags */
	err = arch_signal_push(tf, &args);
	me->restore_mask = false;
	if (err) {
		if (signo == SIGSEGV)
			signal_reset_action(SIGSEGV);
		signal_force(SIGSEGV, SI_KERNEL, 0);
		return;
	}
	tf_syscall_set_nr(tf, (u64)-1);
	if (args.altstack.ss_flags & SS_AUTODISARM)
		me->altstack = (stack_t){.ss_flags = SS_DISABLE};
	mask = me->blocked | sa->mask;
	if (!(sa->flags & SA_NODEFER))
		mask |= SIGMASK(signo);
	s = sighand_lock(me->proc, &flags);
	set_blocked_locked(me, mask);
	sighand_unlock(s, flags);
	if (unlikely(stepped))
		(void)ptrace_notify(SIGTRAP, 0); /* a step leads to the handler's first instruction */
}

enum verdict { VERDICT_NEXT, VERDICT_DIE, VERDICT_HANDLER, VERDICT_DONE };

/* Decide about one signal. sighand lock held; it may be dropped and taken again. */
static enum verdict decide(struct sighand **ps, irqflags_t *flags, int signo, struct ksigaction *out_sa)
{
	struct task *me = task_current();
	struct proc *p = me->proc;
	struct ksigaction *sa = &(*ps)->action[signo - 1];
	bool forced = me->forced & SIGMASK(signo);

	me->forced &= ~SIGMASK(signo);
	if (signo == SIGKILL)
		return VERDICT_DIE;
	if (sa->handler == (u64)SIG_IGN)
		return VERDICT_NEXT;
	if (sa->handler != (u64)SIG_DFL) {
		*out_sa = *sa;
		if (sa->flags & SA_RESETHAND)
			sa->handler = (u64)SIG_DFL;
		return VERDICT_HANDLER;
	}
	if (SIG_DFL_IGNORED & SIGMASK(signo))
		return VERDICT_NEXT;
	if ((p->flags & PROC_INIT) && !forced)
		return VERDICT_NEXT;
	if (!(SIG_STOP_MASK & SIGMASK(signo)))
		return VERDICT_DIE;
	if (signo != SIGSTOP) {
		/* a stop from the terminal is nothing to an orphaned group; the tree lock comes before ours */
		sighand_unlock(*ps, *flags);
		bool orphaned = pgrp_is_orphaned(me->pids[PID_PGID]);

		*ps = sighand_lock(p, flags);
		if (orphaned)
			return VERDICT_NEXT;
	}
	signal_group_stop(signo);
	return VERDICT_NEXT;
}

/* Take signals until one has a handler (its number and action) or none is left (0). Does not return when one kills. */
static int next_handler(siginfo_t *info, struct ksigaction *out_sa)
{
	struct task *me = task_current();
	struct proc *p = me->proc;
	irqflags_t flags;
	struct sighand *s;
	int signo;

	for (;;) {
		signal_report_continue(p);
		s = sighand_lock(p, &flags);
		__atomic_and_fetch(&me->thread.user_work, ~(u32)UW_SIGNAL, __ATOMIC_SEQ_CST);
		if (p->group_exit || p->exec_task || (me->pending.mask & SIGMASK(SIGKILL))) {
			signo = SIGKILL;
			break;
		}
		if ((me->jobctl & JOBCTL_STOP_PENDING) && !me->ptrace) {
			signal_stop_here(s, flags);
			continue;
		}
		if (unlikely(me->jobctl & (JOBCTL_STOP_PENDING | JOBCTL_TRAP_MASK))) {
			ptrace_trap(&s, &flags);
			sighand_unlock(s, flags);
			continue;
		}
		if (unlikely(me->jobctl & JOBCTL_FREEZE)) {
			sighand_unlock(s, flags);
			cgroup_freeze_here();
			continue;
		}
		signo = dequeue_locked(me, ~me->blocked, info);
		if (!signo) {
			sighand_unlock(s, flags);
			return 0;
		}
		enum verdict v = VERDICT_NEXT;

		if (unlikely(me->ptrace) && signo != SIGKILL)
			signo = ptrace_signal(&s, &flags, signo, info);
		if (signo)
			v = decide(&s, &flags, signo, out_sa);
		if (v == VERDICT_DIE)
			break;
		signal_recalc(me);
		sighand_unlock(s, flags);
		if (v == VERDICT_HANDLER)
			return signo;
	}
	sighand_unlock(s, flags);
	if (SIG_CORE_MASK & SIGMASK(signo))
		coredump(info);
	proc_exit_group(signo);
}

void signal_deliver(struct trapframe *tf)
{
	struct task *me = task_current();
	struct ksigaction sa;
	siginfo_t info;
	int signo = next_handler(&info, &sa);

	if (signo) {
		run_handler(tf, signo, &info, &sa);
		return;
	}
	restart_call(tf, NULL);
	tf_syscall_set_nr(tf, (u64)-1);
	if (me->restore_mask) {
		me->restore_mask = false;
		signal_set_mask(me->saved_mask);
	}
}

void signal_reset_action(int signo)
{
	irqflags_t flags;
	struct sighand *s = sighand_lock(task_current()->proc, &flags);

	s->action[signo - 1].handler = (u64)SIG_DFL;
	sighand_unlock(s, flags);
}

void return_to_user_work(struct trapframe *tf)
{
	struct task *me = task_current();
	u32 work;

	while ((work = READ_ONCE(me->thread.user_work) & UW_EXIT)) {
		if (work & UW_RESCHED)
			schedule();
		if (work & UW_NOTIFY) {
			task_work_run();
			if (!uptr_is_null(me->rseq))
				rseq_work(tf);
		}
		if (work & UW_SIGNAL)
			signal_deliver(tf);
	}
}
