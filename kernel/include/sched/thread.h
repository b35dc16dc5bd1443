/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A thread: what the scheduler switches. User threads are the `struct thread` inside the personality's struct task.
 *
 * States and who may change them:
 *
 *   NEW ──thread_start──► READY ──owner CPU picks──► RUNNING ──thread_exit──► DEAD
 *                           ▲                          │ itself: thread_prepare_wait
 *              owner CPU    │                          ▼
 *              drains inbox │   WOKEN ◄──waker's CAS── SLEEPING (interruptible | killable | uninterruptible)
 *                           └─────┘
 *
 * A waker that wins the CAS SLEEPING -> WOKEN pushes the thread to a CPU's inbox: its own last CPU's while it is still on that CPU (on_cpu), any
 * allowed CPU's after. Only the owner of an inbox takes from it, so run queues have no lock.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <lib/rbtree.h>
#include <lib/bitmap.h>
#include <arch/cpu.h>
#include <arch/context.h>
#include <sync/rcu.h>

struct cpumask {
	unsigned long bits[MAX_CPUS / 64];
};

enum thread_state {
	THREAD_RUNNING,	      /* running or READY in a run queue */
	THREAD_SLEEP_INTR,    /* signals wake it */
	THREAD_SLEEP_KILL,    /* only fatal signals do */
	THREAD_SLEEP_UNINTR,
	THREAD_STOPPED,	      /* job control / ptrace; woken by thread_wake_state only */
	THREAD_WOKEN,
	THREAD_NEW,
	THREAD_DEAD,
};

/* Work that must be done before user mode (thread->user_work). */
enum user_work {
	UW_RESCHED = 1u << 0,
	UW_SIGNAL = 1u << 1,
	UW_NOTIFY = 1u << 2,	/* task work list, rseq, ... */
	UW_TRACE = 1u << 3,	/* syscall tracing, single step */
	UW_SYSCALL = 1u << 4,	/* slow system-call entry and exit: ptrace, seccomp, audit; stays set */
	UW_EXIT = UW_RESCHED | UW_SIGNAL | UW_NOTIFY | UW_TRACE, /* what the way out must clear first */
};

enum sched_class { SCHED_CLASS_DEADLINE, SCHED_CLASS_RT, SCHED_CLASS_FAIR, SCHED_CLASS_IDLE };

struct sched_params {
	int policy;	/* SCHED_* of <linux/sched.h> */
	int nice;	/* -20..19 */
	unsigned rt_prio; /* 1..99 */
	u64 dl_runtime, dl_deadline, dl_period;
	u32 flags;	/* SCHED_FLAG_RESET_ON_FORK, ... */
	u64 slice_ns;	/* 0: default (sched_attr.sched_runtime for fair threads) */
};

/* Scheduling state; owned by the CPU whose queue holds the thread. */
struct sched_entity {
	struct rb_node node;
	struct list_head rt_link;
	u32 weight;
	u8 klass;	/* enum sched_class, after inheritance */
	bool queued;
	u64 vruntime, deadline, min_vruntime, slice;
	s64 vlag;
	u64 exec_start, sum_exec;	/* ns */
	u64 dl_abs_deadline;
	s64 dl_budget;
	bool dl_throttled;
	u64 rr_left;
};

struct thread {
	struct arch_thread arch;	/* first: the entry code knows its offset is 0 */
	u32 state;		/* enum thread_state; atomic */
	u32 user_work;		/* enum user_work bits; atomic */
	void *stack;		/* base of the kernel stack */
	struct vm_space *space;	/* NULL: kernel thread, runs on whatever is loaded */
	u32 cpu;		/* whose run queue or inbox holds it, or held it last */
	u32 on_cpu;		/* 1 from being picked until its registers are saved (release) */
	u32 refs;
	u32 pagefault_off;	/* pagefault_disable depth; own thread only */
	struct thread *inbox_next;
	struct sched_entity se;
	struct sched_params params;	/* changed by sched_set_params only */
	u32 pi_prio;		/* boosted to this rt priority by PI locks; 0 none */
	struct cpumask allowed;	/* changed by sched_set_affinity only */
	u32 migrate_off;	/* depth */
	u64 nr_voluntary, nr_involuntary;
	u64 utime_ns, stime_ns, last_mark_ns;	/* accounted at kernel entry... by tick/switch; own CPU */
	u64 start_ns;
	char name[16];
	struct list_head all_link;	/* all threads, for the debugger and hung-task detector; RCU */
	struct lock_held *held;		/* lockdep, debug kernels */
	u32 nheld;
	const char *wait_what;		/* wchan */
	struct rcu_head rcu;
	void (*release)(struct thread *);	/* last reference is gone: free the memory that embeds it */
};

DECLARE_PER_CPU(struct thread *, current_thread);
static inline struct thread *thread_current(void)
{
	return this_cpu_read(current_thread);
}

/* A kernel thread, not started. -ENOMEM. */
int thread_create(void (*fn)(void *), void *arg, const char *name, struct thread **out) MUST_CHECK;
/* Initialise an embedded thread (user task): stack allocated, scheduling state copied from the running thread, refs = 1. -ENOMEM. */
int thread_init(struct thread *t, const char *name, void (*release)(struct thread *)) MUST_CHECK;
/* Undo thread_init of a thread that was never started. */
void thread_fini(struct thread *t);
/* NEW -> READY on a CPU chosen now. */
void thread_start(struct thread *t);
/* End the running thread. Its stack and memory go when the last reference is put, after it is off the CPU. */
void thread_exit(void) NORETURN;
void thread_get(struct thread *t);
/* Take a reference unless it is dead already; for lookups under RCU (its memory stays for a grace period after release). */
bool thread_tryget(struct thread *t) MUST_CHECK;
void thread_put(struct thread *t);

/*
 * Waiting, the one way (wait queues, mutexes, futexes are built from it):
 *     thread_prepare_wait(THREAD_SLEEP_INTR);      // state is set, then
 *     if (!condition) schedule();                  // sleeps unless woken since
 *     thread_finish_wait();
 */
void thread_prepare_wait(enum thread_state state);
void thread_finish_wait(void);
/* Give up the CPU; returns when chosen again. May sleep; preemption count must be 0. */
void schedule(void);
/* Sleep at most until @deadline_ns (CLOCK_MONOTONIC, ~0 = no limit), after prepare_wait; true if woken, false when the deadline passed. */
bool schedule_deadline(u64 deadline_ns, u64 slack_ns);
/* Wake @t if it sleeps in any of the SLEEP states; true if this call woke it. Any context. */
bool thread_wake(struct thread *t);
/* Wake only from states in @mask (1 << state). */
bool thread_wake_state(struct thread *t, unsigned mask);
/* The waker is about to sleep and hands over (pipes, IPC): prefer this CPU, no preemption now. */
bool thread_wake_sync(struct thread *t);

