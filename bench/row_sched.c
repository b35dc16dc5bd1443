// SPDX-License-Identifier: BSD-2-Clause
/*
 * The scheduler: yields, rings of processes that pass a byte round, and its settings. One operation
 * of a ring is one hop: a write, a switch, a read, and a walk over the process's own array (0 or 16
 * KiB).
 */
#include "bench.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAX_RING 16

/* A ring's argument: how many processes, and KiB each. */
#define RING(procs, kib) ((procs) | (long)(kib) << 16)

static int link_of[MAX_RING][2];
static long work[16 * KIB / sizeof(long)];
static volatile long sum;

static void op_yield(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must(sys0(SYS_sched_yield));
}

/* Shared by the row's processes: how often each has been given the processor. */
static volatile unsigned long *turns;

static void yield_forever(long me)
{
	for (;;) {
		turns[me]++;
		must(sys0(SYS_sched_yield));
	}
}

static void start_yielders(long count)
{
	turns = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (turns == MAP_FAILED)
		row_fail("mmap", errno);
	for (long me = 0; me < count; me++)
		spawn(yield_forever, me);
}

/* Until the last of the others has had a turn: a yield that gives nothing away does not count. */
static void op_exchange(unsigned n, long count)
{
	while (n--) {
		unsigned long seen = turns[count - 1];

		while (turns[count - 1] == seen)
			must(sys0(SYS_sched_yield));
	}
}

static void pass(int from, int to, long kib)
{
	char token;
	long total = 0;

	must_be(sys3(SYS_read, link_of[from][0], (long)&token, 1), 1);
	for (size_t i = 0; i < (size_t)kib * KIB / sizeof(long); i++)
		total += work[i];
	sum = total;
	must_be(sys3(SYS_write, link_of[to][1], (long)&token, 1), 1);
}

static void ring_member(long arg)
{
	int me = (int)(arg >> 32), procs = (int)(arg & 0xffff);

	memset(work, me, sizeof(work));
	for (;;)
		pass(me, (me + 1) % procs, arg >> 16 & 0xffff);
}

static void start_ring(long arg)
{
	int procs = (int)(arg & 0xffff);

	memset(work, 1, sizeof(work));
	for (int i = 0; i < procs; i++)
		must_libc(pipe(link_of[i]));
	for (int i = 1; i < procs; i++)
		spawn(ring_member, arg | (long)i << 32);
	must_be(write(link_of[0][1], "t", 1), 1);
}

/* Each turn of the loop moves the token once round; n is a multiple of every ring's size. */
static void op_ring(unsigned n, long arg)
{
	unsigned procs = (unsigned)(arg & 0xffff);

	for (; n >= procs; n -= procs)
		pass(0, 1, arg >> 16);
}

static void op_setscheduler(unsigned n, long arg)
{
	struct sched_param param = {0};

	(void)arg;
	while (n--)
		must(sys3(SYS_sched_setscheduler, 0, n & 1 ? SCHED_BATCH : SCHED_OTHER,
			(long)&param));
}

static void op_setaffinity(unsigned n, long arg)
{
	unsigned long mask = 1;

	(void)arg;
	while (n--)
		must(sys3(SYS_sched_setaffinity, 0, sizeof(mask), (long)&mask));
}

static void op_nice(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must(sys3(SYS_setpriority, PRIO_PROCESS, 0, n & 1));
}

const struct row rows_sched[] = {
	{"sched.yield_1", NULL, op_yield, 500, 0, 0},
	{"sched.yield_exchange_2", start_yielders, op_exchange, 100, 1, 0},
	{"sched.yield_exchange_8", start_yielders, op_exchange, 50, 7, 0},
	{"sched.ring_2_0k", start_ring, op_ring, 96, RING(2, 0), 0},
	{"sched.ring_2_16k", start_ring, op_ring, 96, RING(2, 16), 0},
	{"sched.ring_8_0k", start_ring, op_ring, 96, RING(8, 0), 0},
	{"sched.ring_8_16k", start_ring, op_ring, 96, RING(8, 16), 0},
	{"sched.ring_16_0k", start_ring, op_ring, 96, RING(16, 0), 0},
	{"sched.ring_16_16k", start_ring, op_ring, 96, RING(16, 16), 0},
	{"sched.setscheduler", NULL, op_setscheduler, 100, 0, 0},
	{"sched.setaffinity", NULL, op_setaffinity, 100, 0, 0},
	{"sched.setpriority", NULL, op_nice, 200, 0, 0},
	{},
};
