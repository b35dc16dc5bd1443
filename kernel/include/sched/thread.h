/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A thread: what the scheduler switches. User threads are the `struct thread` inside the
 * personality's struct task.
 *
 * States and who may change them:
 *
 *   NEW --thread_start--> RUNNING (queued or on a CPU) ----------thread_exit--> DEAD
 *                           ^                          | itself: thread_prepare_wait
 *              owner CPU    |                          v
 *              admits it    |   WOKEN <--waker's CAS-- SLEEP_* | STOPPED
 *                           `-----'
 *
 * on_rq is 1 from the moment a CPU admits the thread until that CPU has switched away from it while
 * it slept (its registers are saved; cleared with release). A thread that is preempted between
 * thread_prepare_wait and schedule is not RUNNING but still queued, so on_rq stays 1.
 *
 * The waker that wins the CAS SLEEP -> WOKEN owns the next step alone. on_rq == 1: it pushes the
 * thread to the inbox of thread->cpu, which will find it queued (then only the state changes) or
 * not. on_rq == 0: nobody else touches the thread; the waker chooses any allowed CPU. Threads that
 * are not RUNNING never migrate, so thread->cpu is stable for the waker. Only the owner of an inbox
 * takes from it and only the owner touches its run queue: neither has a lock, nobody waits.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <lib/rbtree.h>
#include <lib/bitmap.h>
#include <arch/cpu.h>
#include <arch/context.h>
#include <sched/cpumask.h>
#include <sync/rcu.h>

enum thread_state {
	THREAD_RUNNING,	   /* running or waiting in a run queue */
	THREAD_SLEEP_INTR, /* signals wake it */
	THREAD_SLEEP_KILL, /* only fatal signals do */
	THREAD_SLEEP_UNINTR,
	THREAD_STOPPED, /* job control / ptrace; woken by thread_wake_state only */
	THREAD_WOKEN,
	THREAD_NEW,
	THREAD_DEAD,
};

/* Masks for thread_wake_state. */
#define THREAD_MASK(state) (1u << (state))
#define THREAD_MASK_SLEEPING                                                                       \
	(THREAD_MASK(THREAD_SLEEP_INTR) | THREAD_MASK(THREAD_SLEEP_KILL) |                         \
		THREAD_MASK(THREAD_SLEEP_UNINTR))

/* Work that must be done before user mode (thread->user_work). */
enum user_work {
	UW_RESCHED = 1u << 0,
	UW_SIGNAL = 1u << 1,
	UW_NOTIFY = 1u << 2,  /* task work list, rseq, ... */
	UW_SECCOMP = 1u << 4, /* system calls are filtered; stays set */
	UW_SYSCALL = 1u << 3, /* system calls take the slow way in and out (ptrace); stays set */
	UW_DISPATCH = 1u << 5, /* they may be the program's own affair (proc/user_dispatch.h); stays set */
	/* what the way out must clear first */
	UW_EXIT = UW_RESCHED | UW_SIGNAL | UW_NOTIFY,
};

enum sched_class { SCHED_CLASS_DEADLINE, SCHED_CLASS_RT, SCHED_CLASS_FAIR, SCHED_CLASS_IDLE };

struct sched_params {
	int policy;	  /* SCHED_* of <linux/sched.h> */
	int nice;	  /* -20..19 */
	unsigned rt_prio; /* 1..99 */
	u64 dl_runtime, dl_deadline, dl_period;
	u32 flags;	  /* SCHED_FLAG_RESET_ON_FORK, ... */
	u64 slice_ns;	  /* 0: default (sched_attr.sched_runtime for fair threads) */
};

/*
 * Scheduling state. Owned by the CPU that has the thread queued, else by whoever holds the thread:
 * its waker, or the CPU that takes it from its inbox.
 */
struct sched_entity {
	struct rb_node node;	   /* fair: by deadline; deadline class: by dl_abs_deadline */
	struct list_head rt_link;
	u32 weight, inv_weight;	   /* inv_weight = 2^32 / weight */
	u8 klass;		   /* enum sched_class, after inheritance */
	u8 rt_prio;		   /* effective */
	bool queued;		   /* counted in its CPU's queue, running or not */
	bool is_idle_policy, is_batch, is_rr;
	bool dl_throttled;
	u64 vruntime, deadline, min_vruntime; /* virtual ns; min_vruntime: of the subtree */
	u64 slice;		   /* ns of CPU that one request asks for */
	s64 vlag;		   /* V - vruntime when it left its queue */
	u64 exec_start, sum_exec;  /* ns */
	u64 picked_exec;	   /* sum_exec when it was picked last */
	u64 dl_runtime, dl_deadline, dl_period; /* copies of params */
	u64 dl_abs_deadline, dl_replenish;
	s64 dl_budget;
	u64 rr_left;
};

struct vm_space;
struct vm_policy;
struct worker;

struct thread {
	struct arch_thread arch; /* first: the entry code knows its offset is 0 */
	u32 state;		 /* enum thread_state; atomic */
	u32 user_work;		 /* enum user_work bits; atomic */
	void *stack;		 /* base of the kernel stack */
	struct vm_space *space;	 /* NULL: kernel thread, runs on whatever is loaded */
	u32 cpu;		 /* whose run queue or inbox holds it, or held it last */
	u32 on_rq;		 /* see above */
	u32 refs;		 /* atomic */
	u32 pagefault_off;	 /* pagefault_disable depth; own thread only */
	u32 switch_work;	 /* user_work bits to set each time it is switched to; own thread only */
	struct thread *inbox_next;
	struct sched_entity se;
	struct sched_params params; /* params_lock */
	u32 pi_prio;		    /* params_lock: boosted to this rt priority by PI locks; 0 none */
	u32 params_lock;	    /* a bare spin word, interrupts off */
	u32 params_dirty;	    /* atomic: se does not yet follow params and pi_prio */
	u32 migrate_off;	    /* depth; own thread only */
	struct cpumask allowed;	    /* words are atomic; changed by sched_set_affinity only */
	u64 nr_voluntary, nr_involuntary;
	u64 utime_ns, stime_ns;	    /* samples; sched_cputime scales them to sum_exec */
	u64 utime_seen, stime_seen; /* what was reported last, so that times never go back */
	u64 sleep_start;	    /* monotonic ns when it left the CPU last */
	u64 start_ns;
	char name[16];
	u32 id;			   /* the personality's number for it, in traces; 0: none */
	struct list_head all_link; /* all threads, for the debugger and hung-task detector; RCU */
	struct lock_held *held;	   /* lockdep, debug kernels */
	u32 nheld;
	u32 fail_nth;		   /* debug kernels, mm/fail.h: so many allocations from now one fails; 0 none */
	u32 hung_seen;		   /* hung-task detector: low bits of nr_voluntary */
	const char *wait_what;	   /* wchan */
	struct vm_policy *mempolicy; /* a reference, or NULL: the default; written by the thread, read under RCU */
	struct worker *worker;	   /* sched/work.c: told when it goes to sleep */
	struct rcu_head rcu;
	void (*release)(struct thread *); /* last reference is gone: free what embeds it */
};

DECLARE_PER_CPU(struct thread *, current_thread);
static inline struct thread *thread_current(void)
{
	return this_cpu_read(current_thread);
}

/*
 * A kernel thread, not started; the caller has a reference beside the one of its running self.
 * Returns 0; -ENOMEM.  Context: may sleep.
 */
int thread_create(void (*fn)(void *), void *arg, const char *name, struct thread **out) MUST_CHECK;
/* The same, bound to @cpu; "name/cpu". */
int thread_create_on(unsigned cpu, void (*fn)(void *), void *arg, const char *name,
	struct thread **out) MUST_CHECK;
/*
 * Initialise an embedded thread (user task): kernel stack, scheduling state copied from the running
 * thread (reset if its RESET_ON_FORK flag says so), refs = 1: the running thread's own, put when it
 * has ended.  @release: called in thread context after a grace period, must not sleep.
 * Returns 0; -ENOMEM; -EAGAIN: a deadline thread cannot fork.  Context: may sleep.
 */
int thread_init(struct thread *t, const char *name, void (*release)(struct thread *)) MUST_CHECK;
/* Undo thread_init of a thread that was never started; @release is not called. May sleep. */
void thread_fini(struct thread *t);
/* NEW -> RUNNING on a CPU chosen now. Any context. */
void thread_start(struct thread *t);
/*
 * End the running thread: puts its own reference once it is off its CPU. No lock is held, t->space
 * is NULL (thread_set_space).
 */
void thread_exit(void) NORETURN;
void thread_get(struct thread *t);
/* Unless the count is 0 already (lookup under RCU). */
bool thread_tryget(struct thread *t) MUST_CHECK;
/* Any context. The last one frees the thread after an RCU grace period. */
void thread_put(struct thread *t);
/* Run on @space from now on (exec; NULL: at the end, the kernel's own). References are the caller's. */
void thread_set_space(struct vm_space *space);
/* Does it run on a CPU right now (a hint; any context, inside an RCU read section or with a reference)? */
bool thread_is_running(const struct thread *t);
/* Spin until @t, known to be sleeping or stopped, has left its CPU; false: it is awake. May sleep. */
bool thread_wait_inactive(struct thread *t);
/* Who hears of kernel threads, in their creator's context and in their own at the end: the personality, which gives them numbers. May sleep. */
extern void (*thread_kernel_watch)(struct thread *t, bool ends);
/* Every thread, under RCU; fn must not sleep; false stops. */
void thread_for_each(bool (*fn)(struct thread *t, void *arg), void *arg);

/*
 * Waiting, the one way (wait queues, mutexes, futexes are built from it):
 *     thread_prepare_wait(THREAD_SLEEP_INTR);      // state is set, full barrier, then
 *     if (!condition) schedule();                  // sleeps unless woken since
 *     thread_finish_wait();
 */
void thread_prepare_wait(enum thread_state state);
void thread_finish_wait(void);
/* Give up the CPU; returns when chosen again. May sleep; preemption count must be 0. */
void schedule(void);
/*
 * Sleep at most until @deadline_ns (CLOCK_MONOTONIC, ~0 = no limit), after prepare_wait; true if
 * woken, false when the deadline passed.
 */
bool schedule_deadline(u64 deadline_ns, u64 slack_ns);
/* Wake @t if it sleeps in any of the SLEEP states; true if this call woke it. Any context. */
bool thread_wake(struct thread *t);
/* Wake only from states in @mask (THREAD_MASK). */
bool thread_wake_state(struct thread *t, unsigned mask);
/* The waker is about to sleep and hands over (pipes, IPC): prefer this CPU, no preemption now. */
bool thread_wake_sync(struct thread *t);
