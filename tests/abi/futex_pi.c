// SPDX-License-Identifier: BSD-2-Clause
/* PI futexes under contention: hand-over, order by priority, dead owners, cycles, mutexes of the C library. */
#include "abi.h"
#include <linux/futex.h>
#include <pthread.h>

static unsigned int *words;

static long futex(unsigned int *w, int op, unsigned int val, const void *t, unsigned int *w2,
	unsigned int val3)
{
	return syscall(SYS_futex, w, op, val, t, w2, val3);
}

/* A process that takes lock @w, tells by words[100], waits for words[101], then gives it up or dies with it. */
static pid_t holder(unsigned int *w, bool dies)
{
	words[100] = words[101] = 0;
	CHILD {
		if (futex(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0))
			_exit(1);
		words[100] = 1;
		while (!__atomic_load_n(&words[101], __ATOMIC_SEQ_CST))
			sleep_ms(1);
		if (!dies && futex(w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0))
			_exit(2);
	}
	while (!__atomic_load_n(&words[100], __ATOMIC_SEQ_CST))
		sleep_ms(1);
	return child_pid;
}

/* A process that locks @w with real-time priority @prio (0: none), notes its place, unlocks. */
static pid_t contender(unsigned int *w, int prio, int mark)
{
	CHILD {
		struct sched_param sp = {prio};
		if (prio && sched_setscheduler(0, SCHED_FIFO, &sp))
			_exit(1);
		long r = futex(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
		if (r)
			_exit(errno);
		words[110 + words[109]++] = mark;
		_exit(futex(w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) ? 3 : 0);
	}
	await_state(child_pid, 'S');
	return child_pid;
}

static void reap(const char *what, pid_t pid)
{
	int st;

	waitpid(pid, &st, 0);
	say_status(what, st);
}

static void by_priority(void)
{
	unsigned int *w = words;
	pid_t a, b, c, h;

	HEAD("the most urgent waiter is first");
	h = holder(w, false);
	IS((*w & FUTEX_TID_MASK) == (unsigned int)h);
	R(futex(w, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
	R(futex(w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	a = contender(w, 0, 1);
	b = contender(w, 10, 2);
	c = contender(w, 20, 3);
	IS((*w & FUTEX_WAITERS) != 0);
	R(futex(w, FUTEX_WAKE, 1, NULL, NULL, 0));
	R(futex(w, FUTEX_REQUEUE, 1, (void *)1, w + 1, 0));
	__atomic_store_n(&words[101], 1, __ATOMIC_SEQ_CST);
	reap("holder", h);
	reap("first come", a);
	reap("second", b);
	reap("third", c);
	say("order %u %u %u\n", words[110], words[111], words[112]);
	IS((*w & FUTEX_TID_MASK) == 0);
}

static void dead_owner(void)
{
	unsigned int *w = words + 4;
	pid_t a, b, h;

	HEAD("the owner dies");
	words[109] = 0;
	h = holder(w, true);
	a = contender(w, 0, 1);
	b = contender(w, 0, 2);
	__atomic_store_n(&words[101], 1, __ATOMIC_SEQ_CST);
	reap("holder", h);
	reap("heir", a);
	reap("next", b);
	V(words[109]);
	h = holder(w + 1, true);
	__atomic_store_n(&words[101], 1, __ATOMIC_SEQ_CST);
	reap("holder", h);
	R(futex(w + 1, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
}

static void *closes_cycle(void *arg)
{
	unsigned int *w = arg;

	futex(w + 1, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
	words[100] = 1;
	long r = futex(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
	futex(w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
	futex(w + 1, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
	return (void *)r;
}

static void cycles(void)
{
	unsigned int *w = words + 8;
	pthread_t t;
	void *other;

	HEAD("cycles");
	words[100] = 0;
	R(futex(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	pthread_create(&t, NULL, closes_cycle, w);
	while (!words[100] || !(__atomic_load_n(w, __ATOMIC_SEQ_CST) & FUTEX_WAITERS))
		sleep_ms(1);
	R(futex(w + 1, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	R(futex(w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	pthread_join(t, &other);
	V((long)other);
}

static pthread_mutex_t mu;
static volatile int counter;

static void *counts(void *arg)
{
	for (int i = 0; i < 3000; i++) {
		pthread_mutex_lock(&mu);
		counter++;
		if (i % 64 == 0)
			sched_yield();
		pthread_mutex_unlock(&mu);
	}
	return arg;
}

static void mutexes(void)
{
	pthread_mutexattr_t at;
	struct timespec past = {1, 0};
	pthread_t t[4];

	HEAD("mutexes");
	pthread_mutexattr_init(&at);
	RE(pthread_mutexattr_setprotocol(&at, PTHREAD_PRIO_INHERIT));
	RE(pthread_mutex_init(&mu, &at));
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, counts, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	V(counter);
	pthread_mutex_t *m = (void *)(words + 400);
	pthread_mutexattr_setpshared(&at, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&at, PTHREAD_MUTEX_ROBUST);
	RE(pthread_mutex_init(m, &at));
	CHILD {
		pthread_mutex_lock(m);
		raise(SIGKILL);
	}
	REAP("killed holding it");
	RE(pthread_mutex_lock(m));
	RE(pthread_mutex_consistent(m));
	RE(pthread_mutex_unlock(m));
	RE(pthread_mutex_lock(m));
	CHILD {
		RE(pthread_mutex_trylock(m));
		RE(pthread_mutex_timedlock(m, &past));
	}
	REAP("child");
	RE(pthread_mutex_unlock(m));
	CHILD {
		RE(pthread_mutex_lock(m));
		RE(pthread_mutex_unlock(m));
	}
	REAP("child");
}

int main(void)
{
	words = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	by_priority();
	dead_owner();
	cycles();
	mutexes();
	return 0;
}
