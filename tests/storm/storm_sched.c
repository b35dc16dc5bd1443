// SPDX-License-Identifier: BSD-2-Clause
/* Affinity changes, nice, real-time mixes and CPU-bound work; nobody starves, nobody strays. */
#include "storm.h"

static volatile struct {
	long work[64], pings[64];
} *sh;

/* Moves between processors; after each move it must be where it asked to be. */
static void wanderer(int i, unsigned int seed)
{
	cpu_set_t all, one;
	int ids[256], n = 0;

	CHECK(!sched_getaffinity(0, sizeof(all), &all));
	for (int c = 0; c < CPU_SETSIZE && n < 256; c++)
		if (CPU_ISSET(c, &all))
			ids[n++] = c;
	while (going()) {
		int c = ids[rnd(&seed) % n];
		CPU_ZERO(&one);
		CPU_SET(c, &one);
		CHECK(!sched_setaffinity(0, sizeof(one), &one));
		for (int k = 0; k < 10; k++)
			if (sched_getcpu() != c)
				die("on processor %d instead of %d", sched_getcpu(), c);
		if (rnd(&seed) % 4 == 0)
			sched_yield();
		if (rnd(&seed) % 16 == 0)
			usleep(rnd(&seed) % 200);
		CHECK(!sched_setaffinity(0, sizeof(all), &all));
		sh->work[i]++;
	}
}

static void burner(int i, unsigned int seed)
{
	CHECK(!setpriority(PRIO_PROCESS, 0, rnd(&seed) % 20));
	if (i % 3 == 0) {
		struct sched_param sp = {0};
		CHECK(!sched_setscheduler(0, SCHED_BATCH, &sp));
	}
	volatile double x = 1;
	while (going()) {
		for (int k = 0; k < 20000; k++)
			x = x * 1.0000001;
		sh->work[i]++;
		if (rnd(&seed) % 64 == 0)
			CHECK(!setpriority(PRIO_PROCESS, 0, rnd(&seed) % 20));
	}
}

/* Real-time tasks that work for moments and sleep for longer. */
static void realtime(int i, unsigned int seed)
{
	while (going()) {
		struct sched_param sp = {.sched_priority = 1 + rnd(&seed) % 50};
		int policy = rnd(&seed) % 2 ? SCHED_FIFO : SCHED_RR;
		CHECK(!sched_setscheduler(0, policy, &sp));
		double until = now() + (rnd(&seed) % 1000) * 1e-6;
		while (now() < until)
			;
		usleep(1000 + rnd(&seed) % 2000);
		CHECK(sched_getscheduler(0) == policy);
		sp.sched_priority = 0;
		CHECK(!sched_setscheduler(0, SCHED_OTHER, &sp));
		sched_yield();
		sh->work[i]++;
	}
}

/* Two processes play ball through pipes. */
static void player(int i, unsigned int seed)
{
	int a[2], b[2];
	char c = 'x';

	(void)seed;
	CHECK(!pipe(a) && !pipe(b));
	pid_t p = fork();
	CHECK(p >= 0);
	if (p == 0) {
		close(a[1]);
		close(b[0]);
		while (read(a[0], &c, 1) == 1)
			CHECK(write(b[1], &c, 1) == 1);
		_exit(0);
	}
	close(a[0]);
	close(b[1]);
	while (going()) {
		CHECK(write(a[1], &c, 1) == 1);
		CHECK(read(b[0], &c, 1) == 1);
		sh->work[i]++;
	}
	close(a[1]);
	int st;
	CHECK(waitpid(p, &st, 0) == p && st == 0);
}

static void any(int i, unsigned int seed)
{
	void (*const kinds[])(int, unsigned int) = {wanderer, burner, realtime, player};

	kinds[i % 4](i, seed);
	if (!sh->work[i])
		die("worker %d of kind %d never ran", i, i % 4);
}

static void round_(void)
{
	sh = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(sh != MAP_FAILED);
	int n = cpus() * 2;
	run_workers(n < 8 ? 8 : n > 64 ? 64 : n, any, 99);
	munmap((void *)sh, 4096);
}

int main(int argc, char **argv)
{
	return storm_main(argc, argv, round_, 8192);
}
