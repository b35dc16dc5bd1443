/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Signals. Signal n is bit n-1 of a u64 mask.
 *
 * A signal is pending for a task or for its process. send_* queue it and pick a thread that can take it; that thread finds UW_SIGNAL set, and on its way to user
 * mode signal_deliver takes signals one by one: default action, or a frame for the handler.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <lib/refcount.h>
#include <sync/spinlock.h>
#include <sync/rcu.h>
#include <sync/wait.h>
#include <linux/signal.h>

struct task;
struct proc;
struct pid;
struct cred;
struct user;
struct trapframe;

#define SIG_MAX	    64
#define SIGMASK(n)  (1ull << ((n)-1))
#define SIG_UNBLOCKABLE (SIGMASK(SIGKILL) | SIGMASK(SIGSTOP))

/* One queued signal. */
struct sigqueue {
	struct list_head link;
	siginfo_t info;
	struct user *user;	/* whose RLIMIT_SIGPENDING it counts to */
	bool prealloc;		/* belongs to a POSIX timer, not freed on delivery */
	struct posix_timer *timer;
};

struct sigqueue_set {
	u64 mask;
	struct list_head queue;
};

struct ksigaction {
	u64 handler;	/* SIG_DFL, SIG_IGN or a user address */
	u64 flags;
	u64 restorer;
	u64 mask;
};

struct sighand {
	struct refcount refs;
	struct spinlock lock;
	struct ksigaction action[SIG_MAX];
	struct wait_queue signalfd_wait;
	struct rcu_head rcu;
};

/* task->jobctl; sighand lock. The first three are about the group stop, whose signal is in the low byte. */
enum jobctl {
	JOBCTL_SIGNAL = 0xff,
	JOBCTL_STOP_PENDING = 1 << 8,	/* to stop, or seized and to report it */
	JOBCTL_STOP_COUNTED = 1 << 9,	/* and the group's stop waits for it: proc->stop_count */
	JOBCTL_STOP_DEQUEUED = 1 << 10, /* a stop signal was taken, and no SIGCONT came since */
	JOBCTL_STOPPED = 1 << 11,	/* stopped by job control */
	JOBCTL_TRAP_STOP = 1 << 12,	/* a tracer, or a group stop while traced, wants a stop */
	JOBCTL_TRAP_NOTIFY = 1 << 13,	/* seized: something about the group's stop has changed */
	JOBCTL_TRAPPING = 1 << 14,	/* a tracer waits until it has gone from STOPPED to TRACED */
	JOBCTL_TRACED = 1 << 15,	/* in a ptrace-stop */
	JOBCTL_LISTENING = 1 << 16,	/* PTRACE_LISTEN: and to wait(2) it is not */
	JOBCTL_FROZEN = 1 << 17,	/* the tracer is at it: not even a kill ends the stop now */
	JOBCTL_FREEZE = 1 << 18,	/* its control group is to stand still: <proc/cgroup.h> */
	JOBCTL_TRAP_MASK = JOBCTL_TRAP_STOP | JOBCTL_TRAP_NOTIFY,
	JOBCTL_PENDING = JOBCTL_STOP_PENDING | JOBCTL_STOP_COUNTED | JOBCTL_STOP_DEQUEUED | JOBCTL_TRAP_MASK | JOBCTL_TRAPPING,
};

/* Sources of siginfo: */
void siginfo_kernel(siginfo_t *info, int signo);	/* SI_KERNEL */
void siginfo_user(siginfo_t *info, int signo);		/* SI_USER from the running task */

/*
 * Queue @info for a task, a process or a group. 0; -EAGAIN when a queued (real-time, sigqueue) signal exceeds RLIMIT_SIGPENDING; -ESRCH: exiting.
 * No permission check: signal_may_send. Any context.
 */
int signal_send_task(struct task *t, const siginfo_t *info);
int signal_send_proc(struct proc *p, const siginfo_t *info);
int signal_send_pgrp(struct pid *pgrp, const siginfo_t *info);	/* takes the tree lock */
int signal_may_send(struct task *t, int signo) MUST_CHECK;	/* 0 or -EPERM */
/* A fault of the running thread: cannot be ignored or blocked. */
void signal_force(int signo, int code, u64 addr);
void signal_force_info(const siginfo_t *info);
void signal_kill_proc(struct proc *p);	/* SIGKILL without questions (OOM, exec, exit_group) */

/* The running thread's mask; KILL and STOP are dropped from it. */
void signal_set_mask(u64 mask);
/*
 * sigsuspend, pselect...: a mask for the time of the call. At its end: _end_temp_mask(true) if it returns because a signal is pending (the handler runs under the
 * temporary mask, its frame saves the old one), false otherwise.
 */
void signal_set_temp_mask(u64 mask);
void signal_end_temp_mask(bool interrupted);
u64 signal_pending_mask(struct task *t);	/* unblocked and pending, both queues */
void signal_recalc(struct task *t);		/* UW_SIGNAL; sighand lock held */
/* Take the first pending signal of @mask from the running task: number with info, 0 if none (sigtimedwait, signalfd). Sighand lock taken here. */
int signal_dequeue(u64 mask, siginfo_t *out);
/*
 * For sigtimedwait: as signal_dequeue, and if there is none (0), those of @set are unblocked: they wake us like any other, but send_is_lost and the like still
 * take them for blocked. The end takes one and blocks @blocked again, before anything is delivered.
 */
int signal_wait_begin(u64 set, siginfo_t *out);
int signal_wait_end(u64 set, u64 blocked, siginfo_t *out);
/* Way out: deliver what is pending, or restart the interrupted call. (return_to_user_work) */
void signal_deliver(struct trapframe *tf);
/* After an action changed: drop pending signals @signo that it ignores. sighand lock held. */
void signal_discard_ignored(struct proc *p, struct sighand *s, int signo);
bool signal_is_ignored(struct task *t, int signo);

/* exec: caught signals back to default. clone: new or shared table. */
struct sighand *sighand_create(const struct sighand *from, bool reset_handlers);
void sighand_put(struct sighand *s);
/* Lock the signal state of a process that the caller holds a reference to. Interrupts off until sighand_unlock. */
struct sighand *sighand_lock(struct proc *p, irqflags_t *flags);
void sighand_unlock(struct sighand *s, irqflags_t flags);
void sigqueue_flush(struct sigqueue_set *set);

/* siginfo_t <-> user */
int siginfo_to_user(struct uptr p, const siginfo_t *info) MUST_CHECK;
int siginfo_from_user(siginfo_t *info, struct uptr p) MUST_CHECK;
int sigset_from_user(u64 *out, struct uptr p, size_t sigsetsize) MUST_CHECK; /* -EINVAL: size is not 8 */
