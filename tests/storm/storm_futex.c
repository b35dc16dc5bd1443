// SPDX-License-Identifier: BSD-2-Clause
/* Mutexes, conditions, barriers, semaphores and thread creation from many threads. */
#include "storm.h"
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>

enum { LOCKS = 8, THREADS = 16, RING = 16 };

static pthread_mutex_t locks[LOCKS];
static long counters[LOCKS], total;
static pthread_mutex_t qlock;
static pthread_cond_t not_empty, not_full;
static unsigned int ring[RING], head, tail;
static long produced, consumed;
static bool closing;
static unsigned int words[4];

static void *locker(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	long mine = 0;

	while (going()) {
		int a = rnd(&seed) % LOCKS, b = rnd(&seed) % LOCKS;
		if (a > b) {
			int t = a;
			a = b;
			b = t;
		}
		pthread_mutex_lock(&locks[a]);
		if (a != b)
			pthread_mutex_lock(&locks[b]);
		counters[a]++;
		if (a != b)
			counters[b]++;
		mine += 1 + (a != b);
		if (rnd(&seed) % 50 == 0)
			sched_yield();
		if (a != b)
			pthread_mutex_unlock(&locks[b]);
		pthread_mutex_unlock(&locks[a]);
		if (rnd(&seed) % 8 == 0) { /* raw operations nobody depends on */
			struct timespec ts = {0, 1000 + rnd(&seed) % 500000};
			unsigned int *w = &words[rnd(&seed) % 4], *v = &words[rnd(&seed) % 4];
			switch (rnd(&seed) % 4) {
			case 0: syscall(SYS_futex, w, FUTEX_WAIT_PRIVATE, 0, &ts); break;
			case 1: syscall(SYS_futex, w, FUTEX_WAKE_PRIVATE, 2); break;
			case 2: syscall(SYS_futex, w, FUTEX_REQUEUE_PRIVATE, 1, (void *)2, v); break;
			default:
				syscall(SYS_futex, w, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, v,
					FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_EQ, 0));
			}
		}
	}
	__atomic_add_fetch(&total, mine, __ATOMIC_SEQ_CST);
	return NULL;
}

static void *producer(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;

	while (going()) {
		pthread_mutex_lock(&qlock);
		while (head - tail == RING)
			pthread_cond_wait(&not_full, &qlock);
		ring[head++ % RING] = 1;
		produced++;
		if (rnd(&seed) % 2)
			pthread_cond_signal(&not_empty);
		else
			pthread_cond_broadcast(&not_empty);
		pthread_mutex_unlock(&qlock);
	}
	return NULL;
}

static void *consumer(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&qlock);
	for (;;) {
		while (head == tail && !closing)
			pthread_cond_wait(&not_empty, &qlock);
		if (head == tail)
			break;
		consumed += ring[tail++ % RING];
		pthread_cond_broadcast(&not_full);
	}
	pthread_mutex_unlock(&qlock);
	return NULL;
}

static void *short_lived(void *arg)
{
	return arg;
}

static void *spawner(void *arg)
{
	while (going()) {
		pthread_t t[4];
		for (uintptr_t i = 0; i < 4; i++)
			CHECK(!pthread_create(&t[i], NULL, short_lived, (void *)(i + 1)));
		for (uintptr_t i = 0; i < 4; i++) {
			void *r;
			CHECK(!pthread_join(t[i], &r) && r == (void *)(i + 1));
		}
	}
	return arg;
}

/* One process with all of it. */
static void family(int index, unsigned int seed)
{
	pthread_t l[THREADS], p[2], c[3], s;

	(void)index;
	pthread_mutexattr_t pi;
	pthread_mutexattr_init(&pi);
	pthread_mutexattr_setprotocol(&pi, PTHREAD_PRIO_INHERIT);
	for (int i = 0; i < LOCKS; i++)
		pthread_mutex_init(&locks[i], i % 2 ? &pi : NULL);
	pthread_mutex_init(&qlock, NULL);
	pthread_cond_init(&not_empty, NULL);
	pthread_cond_init(&not_full, NULL);
	for (int i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&l[i], NULL, locker, (void *)(uintptr_t)(seed + i)));
	for (int i = 0; i < 2; i++)
		CHECK(!pthread_create(&p[i], NULL, producer, (void *)(uintptr_t)(seed + 50 + i)));
	for (int i = 0; i < 3; i++)
		CHECK(!pthread_create(&c[i], NULL, consumer, NULL));
	CHECK(!pthread_create(&s, NULL, spawner, NULL));
	for (int i = 0; i < THREADS; i++)
		pthread_join(l[i], NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(p[i], NULL);
	pthread_mutex_lock(&qlock);
	closing = true;
	pthread_cond_broadcast(&not_empty);
	pthread_mutex_unlock(&qlock);
	for (int i = 0; i < 3; i++)
		pthread_join(c[i], NULL);
	pthread_join(s, NULL);
	long sum = 0;
	for (int i = 0; i < LOCKS; i++)
		sum += counters[i];
	if (sum != total)
		die("lost updates: %ld counted, %ld made", sum, total);
	if (produced != consumed)
		die("lost items: %ld produced, %ld consumed", produced, consumed);
}

static void round_(void)
{
	run_workers(2, family, 100);
}

int main(int argc, char **argv)
{
	return storm_main(argc, argv, round_, 8192);
}
