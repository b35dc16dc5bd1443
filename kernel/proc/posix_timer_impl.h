/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Between posix_timer.c and itimer.c.
 */
#include <proc/cpu_clock.h>
#include <proc/posix_timer.h>
#include <proc/signal.h>
#include <sync/spinlock.h>
#include <time/timer.h>

#define NS_PER_SEC 1000000000ull

struct posix_timer {
	struct timer timer;
	struct cpu_watch watch;	/* of a CPU clock: instead of timer; its task is referenced, else NULL */
	struct posix_timers *table;
	int clock;		/* as the user named it */
	struct task *target;	/* SIGEV_THREAD_ID; referenced; NULL: the process */
	int notify, signo;
	siginfo_t info;
	s32 id;			/* < 0: an itimer or the limit */
	struct spinlock lock;	/* for the next three lines; written with the table's lock, too, but by delivery */
	u64 expires, interval;	/* in terms of the clock; expires 0: disarmed */
	u64 overrun, overrun_last;
	bool pending;		/* its signal is queued */
	bool deleted;
	struct sigqueue queue;	/* the one signal that it can have pending */
};

enum { ITIMERS = 3, LIMIT_TIMER = 3, FIXED_TIMERS = 4 };

struct posix_timers {
	struct spinlock lock;
	struct proc *proc;
	struct posix_timer *fixed[FIXED_TIMERS];	/* ITIMER_REAL, VIRTUAL, PROF, RLIMIT_CPU */
	struct posix_timer **slots;
	u32 nslots;
	s32 next_id;
};

/* The table of the running process, made when missing. NULL: -ENOMEM. */
struct posix_timers *posix_timers_table(void);
/* A disarmed timer, in no table yet. -ENOMEM -EINVAL -EOPNOTSUPP. */
int posix_timer_alloc(struct posix_timers *table, int clock, struct posix_timer **out) MUST_CHECK;
/* Disarmed for good and not queued: free it. No lock. */
void posix_timer_free(struct posix_timer *pt);
/* The table's lock. */
void posix_timer_read_locked(struct posix_timer *pt, struct timer_spec *out);
void posix_timer_set_locked(struct posix_timer *pt, bool absolute, const struct timer_spec *spec);
