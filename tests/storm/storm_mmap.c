// SPDX-License-Identifier: BSD-2-Clause
/* mmap, munmap, mprotect, mremap, madvise and faults from many threads of one address space. */
#include "storm.h"
#include <fcntl.h>
#include <pthread.h>

enum { PG = 4096, MAPS = 12, MAXPG = 64 };

struct map {
	unsigned char *p;
	int pages;
	unsigned char value; /* what each written page holds in its first and last byte */
	bool shared;
};

static int file;
static volatile long *shared_counters;

static void fill(struct map *m, unsigned char v)
{
	m->value = v;
	for (int i = 0; i < m->pages; i++)
		m->p[i * PG] = m->p[i * PG + PG - 1] = v;
}

static void verify(const struct map *m)
{
	for (int i = 0; i < m->pages; i++)
		if (m->p[i * PG] != m->value || m->p[i * PG + PG - 1] != m->value)
			die("page %d of %d at %p holds %d %d instead of %d", i, m->pages, (void *)m->p,
				m->p[i * PG], m->p[i * PG + PG - 1], m->value);
}

static void create(struct map *m, unsigned int *seed)
{
	m->pages = 1 + rnd(seed) % MAXPG;
	m->shared = rnd(seed) % 4 == 0;
	m->p = mmap(NULL, m->pages * PG, PROT_READ | PROT_WRITE,
		(m->shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS |
		(rnd(seed) % 8 ? 0 : MAP_POPULATE), -1, 0);
	CHECK(m->p != MAP_FAILED);
	fill(m, rnd(seed));
}

static void change(struct map *m, unsigned int *seed)
{
	void *q;
	int n;

	switch (rnd(seed) % 7) {
	case 0:
		CHECK(!munmap(m->p, m->pages * PG));
		m->p = NULL;
		break;
	case 1:
		CHECK(!mprotect(m->p, m->pages * PG, PROT_READ));
		verify(m);
		CHECK(!mprotect(m->p, m->pages * PG, PROT_READ | PROT_WRITE));
		fill(m, rnd(seed));
		break;
	case 2:
		if (m->shared)
			break;
		n = 1 + rnd(seed) % MAXPG;
		q = mremap(m->p, m->pages * PG, n * PG, MREMAP_MAYMOVE);
		CHECK(q != MAP_FAILED);
		m->p = q;
		if (n < m->pages)
			m->pages = n;
		verify(m);
		m->pages = n;
		fill(m, rnd(seed));
		break;
	case 3:
		if (m->shared)
			break;
		CHECK(!madvise(m->p, m->pages * PG, MADV_DONTNEED));
		m->value = 0;
		verify(m);
		fill(m, rnd(seed));
		break;
	case 4: /* a hole in the middle and back */
		n = rnd(seed) % m->pages;
		CHECK(!munmap(m->p + n * PG, PG));
		if (mmap(m->p + n * PG, PG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
			    MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED) {
			/* Another thread's map took the hole: keep what is in front of it. */
			CHECK(errno == EEXIST);
			if (n + 1 < m->pages)
				CHECK(!munmap(m->p + (n + 1) * PG, (m->pages - n - 1) * PG));
			m->pages = n;
			if (!n)
				m->p = NULL;
			break;
		}
		m->p[n * PG] = m->p[n * PG + PG - 1] = m->value;
		verify(m);
		CHECK(!munmap(m->p, m->pages * PG));
		m->p = NULL;
		break;
	case 5:
		q = mmap(NULL, 4 * PG, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
		CHECK(q != MAP_FAILED);
		__atomic_add_fetch((long *)q + 1 + rnd(seed) % 4 * (PG / 8), 1, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&shared_counters[0], 1, __ATOMIC_SEQ_CST);
		CHECK(!munmap(q, 4 * PG));
		break;
	default: {
		pid_t p = rnd(seed) % 16 ? -1 : fork();
		if (p == 0) {
			verify(m);
			if (!m->shared)
				fill(m, m->value + 1);
			_exit(0);
		}
		if (p > 0) {
			int st;
			CHECK(waitpid(p, &st, 0) == p);
			if (st)
				die("copy-on-write child: status %#x", st);
		}
		verify(m);
	}
	}
}

static void *thread(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	struct map maps[MAPS];

	memset(maps, 0, sizeof(maps));
	while (going()) {
		struct map *m = &maps[rnd(&seed) % MAPS];
		if (!m->p)
			create(m, &seed);
		else
			change(m, &seed);
		m = &maps[rnd(&seed) % MAPS];
		if (m->p)
			verify(m);
	}
	for (int i = 0; i < MAPS; i++)
		if (maps[i].p)
			CHECK(!munmap(maps[i].p, maps[i].pages * PG));
	return NULL;
}

static void process(int i, unsigned int seed)
{
	pthread_t t[4];

	(void)i;
	for (int k = 0; k < 4; k++)
		CHECK(!pthread_create(&t[k], NULL, thread, (void *)(uintptr_t)(seed + k)));
	for (int k = 0; k < 4; k++)
		pthread_join(t[k], NULL);
}

static void round_(void)
{
	file = memfd_create("counters", 0);
	CHECK(file >= 0 && !ftruncate(file, 4 * PG));
	shared_counters = mmap(NULL, PG, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long *q = mmap(NULL, 4 * PG, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	run_workers((cpus() + 1) / 2 + 1, process, 31);
	long sum = 0;
	for (int i = 0; i < 4; i++)
		sum += q[1 + i * (PG / 8)];
	if (sum != shared_counters[0])
		die("shared file map lost updates: %ld of %ld", sum, shared_counters[0]);
	munmap(q, 4 * PG);
	munmap((void *)shared_counters, PG);
	close(file);
}

int main(int argc, char **argv)
{
	return storm_main(argc, argv, round_, 8192);
}
