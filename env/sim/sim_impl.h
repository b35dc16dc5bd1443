/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the simulated machine share; sim.c says how it works. All of it belongs to the
 * thread that holds the baton.
 */
#pragma once

#include <pthread.h>

#include <env/lock.h>
#include <env/log.h>
#include <env/rcu.h>
#include <env/task.h>
#include <env/time.h>
#include <env_sim/sim.h>

#define MAX_HELD 16
#define NO_WAIT  (~0ull)

struct env_task {
	struct env_task *next; /* all */
	pthread_t thread;
	pthread_cond_t baton;
	void (*fn)(void *arg);
	void *arg;
	const void *waits; /* what for; NULL: can run */
	u64 deadline;
	bool timed_out, stop, ended, is_worker;
	unsigned nheld, readers, cpu;
	const struct env_lock_class *held[MAX_HELD];
};

struct sim_timer {
	struct env_timer *next;
	u64 expires;
	u32 armed, pad;
};
static_assert(sizeof(struct sim_timer) <= sizeof_field(struct env_timer, opaque), "storage");

extern struct sim {
	pthread_mutex_t lock;
	struct env_task *current, *all, worker, first;
	u64 seed, random, now, steps;
	struct host_call *calls;
	struct env_timer *timers;
	struct env_work *works, **works_tail, *running_work;
	unsigned spins;   /* held spinlocks */
	unsigned readers; /* open read sections of all threads */
	unsigned ntasks;
	struct env_rcu *rcu;
	struct host_call rcu_call;
	bool in_irq, end;
} sim;

/* A rule is broken: say which, and the seed and step that show it, and abort. */
void NORETURN sim_give_up(const char *what);
/* The seed's next number. */
u64 sim_draw(void);
/* Something else may happen here; nothing does in an interrupt and under a spinlock. */
void sim_step(void);
void sim_assert_may_sleep(void);
/* Until sim_wake_all(@what): 0, or until the deadline: -ETIMEDOUT. May sleep. */
int sim_wait_on(const void *what, u64 deadline);
void sim_wake_all(const void *what);
/* The thread that carries out work (time.c). */
void sim_worker_main(void *arg);
