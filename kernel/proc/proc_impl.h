/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What the files of kernel/proc share with each other only.
 */
#include <proc/task.h>
#include <proc/cred.h>
#include <proc/ptrace.h>
#include <proc/signal.h>
#include <sched/sched.h>
#include <sync/lockdep.h>
#include <arch/irq.h>

struct trapframe;

/* task->work of a task that takes no more */
#define TASK_WORK_CLOSED ((struct task_work *)1)

struct task *task_alloc(void);
void task_release(struct thread *th);
struct proc *proc_alloc(void);
void proc_get(struct proc *p);
void proc_put(struct proc *p);
/* Set bits of thread->user_work and make the thread notice them. Any context. */
void task_notify(struct task *t, u32 work);
/* If it runs on another CPU, bring it into the kernel. */
void task_kick(struct task *t);
/* Run what is queued / run it and refuse more. Own thread, may sleep. */
void task_work_run(void);
void task_work_close(void);

void proc_usage_add(struct proc_usage *to, const struct proc_usage *from);

/* The tree; proc_tree_lock held. */
void task_attach_pid(struct task *t, enum pid_type type, struct pid *pid); /* takes a reference */
void task_detach_pid(struct task *t, enum pid_type type);		   /* the reference stays; frees the numbers with the last user */
void proc_change_group(struct task *leader, enum pid_type type, struct pid *pid);
/* Groups that lose their last parent outside, when @p leaves: SIGHUP+SIGCONT to those with stopped members. */
void pgrp_check_orphans(struct proc *p, struct proc *parent);
bool pgrp_would_be_orphaned(struct pid *pgrp, struct proc *except);
/* Remove a zombie from the tree for good; the tree lock is dropped inside. */
void proc_reap(struct proc *p);
/* Tell @p's parent of a stop or continuation (CLD_STOPPED, CLD_CONTINUED). Tree lock held. */
void proc_notify_parent_stop(struct proc *p, int cld);
/* Tell the parent, or the leader's tracer, of the exit. Tree lock held. True: the parent does not care, reap now. */
bool proc_notify_parent_exit(struct proc *p);
/* Are the zombies of its children nothing to @p? */
bool proc_ignores_children(struct proc *p);
/* A thread that has exited, not the leader, leaves the tree; its process may be a zombie then. Tree lock held, dropped. */
void thread_leave(struct task *t);

/* The last thread that began to exit: session leader gives up the terminal; timers stop. */
void proc_leave_session(struct proc *p);
/* setsid: the process has no controlling terminal any more. */
void proc_leave_tty(struct proc *p);
/* The last thread of @p has let go of its address space. */
void oom_memory_left(struct proc *p);
void posix_timers_exit(struct proc *p);
void posix_timers_exec(struct proc *p);

/* Signals */
/* Signals whose default action stops, and those whose default action is nothing. */
#define SIG_STOP_MASK	(SIGMASK(SIGSTOP) | SIGMASK(SIGTSTP) | SIGMASK(SIGTTIN) | SIGMASK(SIGTTOU))
#define SIG_DFL_IGNORED (SIGMASK(SIGCHLD) | SIGMASK(SIGURG) | SIGMASK(SIGWINCH) | SIGMASK(SIGCONT))
/* Those whose default action dumps core. */
#define SIG_CORE_MASK                                                                              \
	(SIGMASK(SIGQUIT) | SIGMASK(SIGILL) | SIGMASK(SIGTRAP) | SIGMASK(SIGABRT) | SIGMASK(SIGBUS) | SIGMASK(SIGFPE) |     \
		SIGMASK(SIGSEGV) | SIGMASK(SIGXCPU) | SIGMASK(SIGXFSZ) | SIGMASK(SIGSYS))
/* Raised by the instruction itself: taken before all others. */
#define SIG_SYNC_MASK                                                                              \
	(SIGMASK(SIGSEGV) | SIGMASK(SIGBUS) | SIGMASK(SIGILL) | SIGMASK(SIGTRAP) | SIGMASK(SIGFPE) | SIGMASK(SIGSYS))
/* Set UW_SIGNAL and wake: from interruptible sleep, or (fatal) from any that a kill ends. sighand lock. */
void signal_wake(struct task *t, bool fatal);
/* SIGCONT was sent: end or cancel a group stop. sighand lock. */
void signal_continue(struct proc *p);
/* Begin a group stop with @signo, which the running thread has taken; it takes part, too, on its way out. sighand lock. */
void signal_group_stop(int signo);
/* One thread less to stop. True: it was the last, the stop is complete and the parent to be told. sighand lock. */
bool signal_stop_done(struct task *t);
/* A thread that @maker has just made takes part in the stop of its group. sighand lock. */
void signal_stop_join(struct task *t, const struct task *maker);
/* Tell the parent of a continuation, if that is still to be done. No locks. */
void signal_report_continue(struct proc *p);
void sigqueue_free(struct sigqueue *q);
/* Process signals of @mask for which only @me may have been woken, and that it will not take: wake others. sighand lock. */
void signal_retarget(struct task *me, u64 mask);
/* Back to the default action. */
void signal_reset_action(int signo);
/* Queue a timer's own entry for @t (NULL: the process). -ESRCH: ignored or exiting, it is not queued. Any context. */
int signal_send_prealloc(struct task *t, struct proc *p, struct sigqueue *q) MUST_CHECK;
/* Take it back if it is still queued. */
void signal_cancel_prealloc(struct proc *p, struct task *t, struct sigqueue *q);
/* A timer's signal is taken: set si_overrun, arm again. sighand lock. */
void posix_timer_delivered(struct posix_timer *timer, siginfo_t *info);
/* The running thread will take no more: hand its share of pending process signals to others, leave a group stop. */
void signal_exit_thread(struct task *me);
void sigqueue_set_init(struct sigqueue_set *s);
void sighand_flush_handlers(struct proc *p); /* exec */
/* Queue @info for @t, or with @to_proc its process. 0; -EAGAIN. sighand lock. */
int signal_send_locked(struct sighand *s, struct task *t, const siginfo_t *info, bool to_proc);
/* Make every other thread of the process die. sighand lock held. */
void proc_kill_other_threads(struct proc *p, struct task *except);
/* The running thread stops until continued or killed (jobctl says so). sighand lock held, dropped. */
void signal_stop_here(struct sighand *s, irqflags_t flags);

/* Robust and private futexes at exit or exec of the running thread. */
void futex_exit_robust(struct task *t);
/* Hand on the PI futexes that others wait for; @final: nobody waits for @t any more. */
void futex_exit_pi(struct task *t, bool final);
void futex_wake_user(struct uptr va); /* clear_child_tid */

/* Tracing; see ptrace.c */
/* A clone of @me is about to be linked into the tree: traced with it, if CLONE_PTRACE or an event (@traced) says so. Tree lock. */
void ptrace_clone(struct task *t, const struct task *me, bool traced);
/* Nobody traces @t any more. Tree lock. */
void ptrace_unlink(struct task *t);
/* The running thread exits: what it traces is let go; zombies that nobody waits for go to @out_dead by their tracee_link. Tree lock. */
void ptrace_exit_tracer(struct task *me, struct list_head *out_dead);
/* PTRACE_EVENT_EXIT, with @code as in wait(2). */
void ptrace_exit_tracee(s32 code);
/* By somebody of another process than the parent's? Tree lock. */
static inline bool ptrace_by_stranger(const struct task *t)
{
	return t->tracer && t->tracer->proc != t->proc->parent;
}
/* The stop state of a seized tracee's group has changed. sighand lock. */
void ptrace_trap_notify(struct task *t);
/* Wake a tracee to look at what is pending, with @resume out of a ptrace-stop, too. sighand lock. */
void ptrace_wake(struct task *t, bool resume);
/* The two stops on the way out: for @signo, taken with @info, which may change; what to go on with. For a trap that is pending. sighand lock held, dropped and retaken. */
int ptrace_signal(struct sighand **s, irqflags_t *flags, int signo, siginfo_t *info);
void ptrace_trap(struct sighand **s, irqflags_t *flags);
/* Tell @to of a stop or continuation of @t, its tracer of its end. Tree lock. */
void proc_notify_stop(struct task *t, struct proc *to, int cld, s32 status);
void proc_notify_tracer_exit(struct task *t);

/* exec */
int exec_de_thread(struct task *me) MUST_CHECK;
void exec_take_leader(struct task *me);
