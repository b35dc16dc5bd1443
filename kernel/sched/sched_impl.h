/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Inside the scheduler: the run queue of a CPU and what its files call of each other.
 *
 * Everything in struct rq is its owner's, interrupts off, except the fields below "others":
 *   inbox       anyone pushes (CAS), the owner takes all (exchange)
 *   steal_req   a thief writes 0 -> thief + 1, the owner takes it (exchange)
 *   pub_*       the owner writes, anyone reads a moment of the past
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/bitmap.h>
#include <lib/list.h>
#include <lib/rbtree.h>
#include <arch/cpu.h>
#include <debug/panic.h>
#include <debug/trace.h>
#include <sched/sched.h>
#include <time/clock.h>
#include <time/timer.h>

#define NSEC_PER_MSEC	1000000ull
#define SCHED_TICK_NS	(4 * NSEC_PER_MSEC)   /* sampling, balancing, coarse clocks */
#define SLICE_BASE_NS	(3 * NSEC_PER_MSEC)   /* fair: default request */
#define SLICE_MIN_NS	(NSEC_PER_MSEC / 10)
#define SLICE_MAX_NS	(100 * NSEC_PER_MSEC)
#define PREEMPT_MIN_NS	(NSEC_PER_MSEC * 7 / 10) /* fair: a waking equal waits so long */
#define RR_SLICE_NS	(100 * NSEC_PER_MSEC)
#define RT_PERIOD_NS	(1000 * NSEC_PER_MSEC)
#define RT_RUNTIME_NS	(950 * NSEC_PER_MSEC)
#define WEIGHT_NICE_0	1024
#define WEIGHT_IDLE	3
#define RT_PRIOS	100

/* What another CPU may know of the running thread, larger is more urgent: pub_rank. */
enum { RANK_RUN_IDLE = 0, RANK_RUN_IDLE_POLICY = 1, RANK_RUN_FAIR = 2, RANK_RUN_RT = 100,
	RANK_RUN_DEADLINE = 300 };

struct fair_rq {
	struct rb_root_cached tree; /* by deadline, without the running thread */
	struct thread *curr;	    /* the running thread if it is fair and queued */
	u32 nr;			    /* with curr */
	u64 weight;		    /* of the tree */
	s64 sum;		    /* over the tree: weight * (vruntime - base) */
	u64 base;		    /* near the smallest vruntime; keeps sum small */
};

struct rt_rq {
	BITMAP_DECLARE(map, RT_PRIOS);
	struct list_head queue[RT_PRIOS];
	u32 nr;
	bool throttled;
	u64 time;		    /* used in this period */
	u64 period_start;
};

struct dl_rq {
	struct rb_root_cached tree; /* by dl_abs_deadline; threads that may run, and the running one */
	struct rb_root_cached throttled; /* by dl_replenish */
	u32 nr;			    /* in tree */
	struct timer timer;	    /* first replenishment */
};

struct rq {
	struct thread *curr, *idle;
	u32 cpu;
	u32 nr;			    /* queued threads, the running one included, idle not */
	u64 now;		    /* sched_clock at entry */
	struct thread *release;	    /* switched away from asleep: give it up in the tail */
	struct thread *expel;	    /* switched away from, must go to another CPU */
	struct vm_space *loaded;    /* whose page tables are active; NULL the kernel's own */
	struct vm_space *lazy;	    /* == loaded while a kernel thread borrows it: a reference */
	struct vm_space *drop;	    /* reference to put in the tail */
	u64 tick_at;		    /* monotonic; what TICK_SCHED is set to */
	u64 sample_at;		    /* sched_clock of the last sample of user/system */
	u64 balance_at;
	u64 last_switch, resched_since; /* watchdog.c */
	bool lockup_reported;
	u64 rng;
	struct fair_rq fair;
	struct rt_rq rt;
	struct dl_rq dl;
	struct sched_stats stats;
	u64 idle_since;
	void *stash[4];		    /* kernel stacks of threads that ended here */
	u32 nstash;

	/* others */
	struct thread *inbox __aligned(64);
	u32 steal_req;
	u32 polling;		    /* idle and looking at the inbox: no interrupt needed */
	u32 pub_nr __aligned(64);
	u32 pub_rank;
	u64 pub_weight;
	u64 heartbeat;		    /* sched_clock of its last timer interrupt or switch */
};
DECLARE_PER_CPU(struct rq, sched_rq);

extern bool sched_started; /* the boot CPU has reached its idle loop */
static inline struct rq *rq_this(void)
{
	return this_cpu_ptr(&sched_rq);
}

static inline struct rq *rq_of(unsigned cpu)
{
	return per_cpu_ptr(&sched_rq, cpu);
}

static inline bool thread_is_idle(const struct rq *rq, const struct thread *t)
{
	return t == rq->idle;
}

extern struct cpumask sched_idle_cpus; /* atomic: a hint for wakers */

enum enqueue_why { ENQ_WAKE, ENQ_NEW, ENQ_MOVE };

/* core.c; all with interrupts off, on rq's CPU */
void rq_enqueue(struct rq *rq, struct thread *t, enum enqueue_why why);
void rq_dequeue(struct rq *rq, struct thread *t, bool sleeps);
void rq_update(struct rq *rq);			/* clock, and charge the running thread */
void rq_resched(struct rq *rq);			/* set need_resched */
void rq_check_preempt(struct rq *rq, struct thread *t);
void rq_publish(struct rq *rq);
void rq_tick_start(struct rq *rq);
unsigned thread_rank(const struct thread *t);

/* wake.c */
void inbox_push(unsigned cpu, struct thread *first, struct thread *last);
void inbox_drain(struct rq *rq);
unsigned sched_select_cpu(struct thread *t, bool sync);
void sched_send(struct thread *t, unsigned cpu); /* a thread nobody holds: into that CPU's inbox */

/* fair.c */
void fair_init(struct fair_rq *f);
void fair_enqueue(struct rq *rq, struct thread *t, enum enqueue_why why);
void fair_dequeue(struct rq *rq, struct thread *t, bool sleeps);
void fair_charge(struct rq *rq, struct thread *t, u64 delta);
struct thread *fair_pick(struct rq *rq);
void fair_set_curr(struct rq *rq, struct thread *t);
void fair_put_curr(struct rq *rq, struct thread *t);
bool fair_should_preempt(struct rq *rq, struct thread *t);
bool fair_slice_over(struct rq *rq, struct thread *t);
u64 fair_slice_left(struct rq *rq, struct thread *t);
void fair_yield(struct rq *rq, struct thread *t);
u32 fair_weight(int nice);

/* rt.c */
void rt_init(struct rt_rq *rt);
void rt_enqueue(struct rq *rq, struct thread *t, bool at_head);
void rt_dequeue(struct rq *rq, struct thread *t);
struct thread *rt_pick(struct rq *rq);
void rt_charge(struct rq *rq, struct thread *t, u64 delta);
void rt_yield(struct rq *rq, struct thread *t);
/* ns until something is to be decided; ~0 never */
u64 rt_slice_left(struct rq *rq, struct thread *t);
/* Time has passed: round robin, throttling. True: pick again. */
bool rt_tick(struct rq *rq, struct thread *t);

/* deadline.c */
void dl_init(struct dl_rq *dl);
void dl_enqueue(struct rq *rq, struct thread *t, enum enqueue_why why);
void dl_dequeue(struct rq *rq, struct thread *t);
void dl_charge(struct rq *rq, struct thread *t, u64 delta);
struct thread *dl_pick(struct rq *rq);
bool dl_should_preempt(struct rq *rq, struct thread *t);
u64 dl_slice_left(struct rq *rq, struct thread *t);
void dl_yield(struct rq *rq, struct thread *t);
int dl_admit(const struct sched_params *old, const struct sched_params *new_params) MUST_CHECK;

/* params.c */
void params_apply(struct thread *t);  /* se follows params; t is in no queue, interrupts off */

/* balance.c */
void sched_answer_thief(struct rq *rq);
bool sched_try_steal(struct rq *rq);  /* idle: ask somebody. True: asked */
void sched_balance_tick(struct rq *rq);

/* thread.c */
void thread_reap(struct rq *rq, struct thread *t); /* DEAD and off its CPU; interrupts off */
void sched_idle_thread_init(struct thread *t, unsigned cpu);

/* work.c */
void work_init_cpu(unsigned cpu);
void work_start(void);
void work_sleeping(struct worker *k);

/* watchdog.c */
void sched_watch_tick(struct rq *rq);
void sched_watch_start(void);
