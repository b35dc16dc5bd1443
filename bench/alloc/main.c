/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench-alloc: millions of blocks per second (an allocation and its release count as one), one line per row:
 *
 *	ROW CPUS NAME MILLIONS NAME MILLIONS ...
 *
 * A round is some thousand operations between two barriers; the best of many rounds counts, since other programs of the machine only take away.
 * The contenders take turns.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <lib/compiler.h>
#include "alloc.h"

#define CPUS_MAX 2
#define LIVE	 4096 /* blocks that a thread has at most */
#define ROUNDS	 60
#define RING	 1024

struct row {
	const char *name;
	size_t size;
	void (*work)(const struct contender *c, unsigned cpu, u64 n);
	u64 n;			/* blocks in a round of one thread */
	unsigned from;		/* with that many processors or more */
	const struct contender *nos;
};

static void pair(const struct contender *c, unsigned cpu, u64 n)
{
	while (n--) {
		void *p = c->alloc();

		__asm__ volatile("" : : "r"(p) : "memory");
		c->free(p);
	}
}

static void *blocks[CPUS_MAX][LIVE];

/* Many out, then all back. */
static void bulk_of(const struct contender *c, void **mine, unsigned many, u64 n)
{
	for (; n; n -= many) {
		for (unsigned i = 0; i < many; i++)
			mine[i] = c->alloc();
		for (unsigned i = 0; i < many; i++)
			c->free(mine[i]);
	}
}

static void bulk(const struct contender *c, unsigned cpu, u64 n)
{
	bulk_of(c, blocks[cpu], 512, n);
}

static void bulk_large(const struct contender *c, unsigned cpu, u64 n)
{
	bulk_of(c, blocks[cpu], 16, n);
}

/* A random one of many is given back and had again. */
static void churn(const struct contender *c, unsigned cpu, u64 n)
{
	void **mine = blocks[cpu];
	u64 seed = cpu + 1;

	for (unsigned i = 0; i < LIVE; i++)
		mine[i] = c->alloc();
	while (n--) {
		void **p;

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		p = &mine[seed >> 52];
		c->free(*p);
		*p = c->alloc();
	}
	for (unsigned i = 0; i < LIVE; i++)
		c->free(mine[i]);
}

/* One processor allocates, the other one frees. */
static struct {
	void *block[RING];
	u64 put __attribute__((aligned(64)));
	u64 got __attribute__((aligned(64)));
} ring;

static void wait_a_little(unsigned spins)
{
	if (spins % 4096)
		__builtin_ia32_pause();
	else
		sched_yield();
}

static void hand_over(const struct contender *c, unsigned cpu, u64 n)
{
	for (u64 i = 0; i < n; i++) {
		if (cpu == 0) {
			void *p = c->alloc();

			for (unsigned spins = 1; __atomic_load_n(&ring.got, __ATOMIC_ACQUIRE) + RING <= ring.put; spins++)
				wait_a_little(spins);
			ring.block[ring.put % RING] = p;
			__atomic_store_n(&ring.put, ring.put + 1, __ATOMIC_RELEASE);
		} else {
			for (unsigned spins = 1; __atomic_load_n(&ring.put, __ATOMIC_ACQUIRE) == ring.got; spins++)
				wait_a_little(spins);
			c->free(ring.block[ring.got % RING]);
			__atomic_store_n(&ring.got, ring.got + 1, __ATOMIC_RELEASE);
		}
	}
}

static const struct row rows[] = {
	{"page_4k.pair", 4096, pair, 20000, 1, &nos_pages},
	{"page_4k.bulk_512", 4096, bulk, 20480, 1, &nos_pages},
	{"page_4k.churn_4096", 4096, churn, 20000, 1, &nos_pages},
	{"page_4k.hand_over", 4096, hand_over, 5000, 2, &nos_pages},
	{"page_2m.pair", 2ul << 20, pair, 2000, 1, &nos_pages},
	{"page_2m.bulk_16", 2ul << 20, bulk_large, 1600, 1, &nos_pages},
	{"object_64.pair", 64, pair, 20000, 1, &nos_objects},
	{"object_64.bulk_512", 64, bulk, 20480, 1, &nos_objects},
	{"object_64.churn_4096", 64, churn, 20000, 1, &nos_objects},
	{"object_64.hand_over", 64, hand_over, 5000, 2, &nos_objects},
	{"object_1k.pair", 1024, pair, 20000, 1, &nos_objects},
	{"object_1k.bulk_512", 1024, bulk, 20480, 1, &nos_objects},
	{"object_1k.churn_4096", 1024, churn, 20000, 1, &nos_objects},
};

struct run {
	const struct row *row;
	const struct contender *c;
	unsigned cpus;
	unsigned arrived, round;
	double best; /* seconds */
};

static void barrier_wait(struct run *r, unsigned *phase)
{
	unsigned mine = ++*phase;

	if (__atomic_add_fetch(&r->arrived, 1, __ATOMIC_ACQ_REL) == r->cpus * mine)
		__atomic_store_n(&r->round, mine, __ATOMIC_RELEASE);
	while (__atomic_load_n(&r->round, __ATOMIC_ACQUIRE) < mine)
		__builtin_ia32_pause();
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct thread_arg {
	struct run *run;
	unsigned cpu;
};

/* Thread 0 keeps the time. */
static void *thread(void *p)
{
	struct thread_arg *a = p;
	struct run *r = a->run;
	unsigned phase = 0;

	if (r->cpus > 1) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(a->cpu, &set);
		(void)sched_setaffinity(0, sizeof(set), &set); /* not allowed: the host places us */
	}
	r->c->enter(a->cpu);
	for (unsigned i = 0; i < ROUNDS; i++) {
		double start;

		barrier_wait(r, &phase);
		start = now();
		r->row->work(r->c, a->cpu, r->row->n);
		barrier_wait(r, &phase);
		if (a->cpu == 0 && (i == 0 || now() - start < r->best))
			r->best = now() - start;
	}
	return NULL;
}

static double measure(const struct row *row, const struct contender *c, unsigned cpus)
{
	struct run r = {.row = row, .c = c, .cpus = cpus};
	struct thread_arg args[CPUS_MAX];
	pthread_t threads[CPUS_MAX];
	u64 made = row->work == hand_over ? row->n : row->n * cpus;

	memset(&ring, 0, sizeof(ring));
	c->start(row->size, cpus);
	for (unsigned i = 0; i < cpus; i++) {
		args[i] = (struct thread_arg){&r, i};
		if (pthread_create(&threads[i], NULL, thread, &args[i]))
			abort();
	}
	for (unsigned i = 0; i < cpus; i++)
		pthread_join(threads[i], NULL);
	return (double)made / r.best / 1e6;
}

int main(int argc, char **argv)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];

		if (argc > 1 && !strstr(row->name, argv[1]))
			continue;
		for (unsigned cpus = row->from; cpus <= CPUS_MAX; cpus++) {
			const struct contender *all[] = {row->nos, &libc_malloc, &locked_buddy};

			printf("%s %u", row->name, cpus);
			for (unsigned k = 0; k < ARRAY_SIZE(all); k++) {
				printf(" %s %.2f", all[k]->name, measure(row, all[k], cpus));
				fflush(stdout);
			}
			printf("\n");
		}
	}
	return 0;
}
