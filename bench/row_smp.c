// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rows for many processors, run on 1, 2, 4 and 8 of them by the wall clock. An operation is a whole
 * round.
 *
 * smp.hackbench_*: groups of senders and receivers; each sender writes to every receiver of its
 * group in turn, by processes or by threads, over pipes. The shape is that of the well-known
 * benchmark of this name.
 *
 * smp.storm: one thread wakes 32 at once by a futex; each checks in, and the last wakes the first
 * thread.
 *
 * smp.fork, smp.map: eight processes at once fork and wait, or map, touch and unmap: what should
 * scale with the processors.
 */
#include "bench.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define GROUPS   2
#define PEERS    8
#define LOOPS    20
#define MESSAGE  100
#define STORMERS 32
#define ROUNDS   20
#define WORKERS  8

static int group_pipe[GROUPS][PEERS][2];

static void send_all(long group)
{
	char message[MESSAGE];

	memset(message, 'n', sizeof(message));
	for (int loop = 0; loop < LOOPS; loop++) {
		for (int peer = 0; peer < PEERS; peer++)
			write_full(group_pipe[group][peer][1], message, MESSAGE);
	}
}

static void receive_all(long who)
{
	char message[MESSAGE];

	for (int count = 0; count < LOOPS * PEERS; count++)
		read_full(group_pipe[who / PEERS][who % PEERS][0], message, MESSAGE);
}

static void *send_thread(void *arg)
{
	send_all((long)arg);
	return NULL;
}

static void *receive_thread(void *arg)
{
	receive_all((long)arg);
	return NULL;
}

static void make_groups(long arg)
{
	(void)arg;
	for (int g = 0; g < GROUPS; g++) {
		for (int p = 0; p < PEERS; p++)
			must_libc(pipe(group_pipe[g][p]));
	}
}

static void op_hackbench_processes(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		int pids[GROUPS * PEERS * 2], count = 0;

		for (long i = 0; i < (long)GROUPS * PEERS; i++) {
			pids[count++] = spawn(receive_all, i);
			pids[count++] = spawn(send_all, i / PEERS);
		}
		for (int i = 0; i < count; i++)
			must_be(waitpid(pids[i], NULL, 0), pids[i]);
	}
}

static void op_hackbench_threads(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		unsigned long threads[GROUPS * PEERS * 2];
		int count = 0;

		for (long i = 0; i < (long)GROUPS * PEERS; i++) {
			threads[count++] = start_thread(receive_thread, (void *)i);
			threads[count++] = start_thread(send_thread, (void *)(i / PEERS));
		}
		while (count)
			pthread_join(threads[--count], NULL);
	}
}

static unsigned round_word, arrived;

static void wait_while(unsigned *word, unsigned value)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value) {
		long ret = sys6(SYS_futex, (long)word, FUTEX_WAIT_PRIVATE, value, 0, 0, 0);

		if (ret < 0 && ret != -EAGAIN && ret != -EINTR)
			row_fail("futex wait", (int)-ret);
	}
}

static void wake(unsigned *word, int count)
{
	must(sys6(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, count, 0, 0, 0));
}

static void check_in(void)
{
	if (__atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL) == STORMERS)
		wake(&arrived, 1);
}

static void *stormer(void *arg)
{
	for (unsigned seen = 0;; seen++) {
		wait_while(&round_word, seen);
		check_in();
	}
	return arg;
}

static void start_stormers(long arg)
{
	(void)arg;
	for (int i = 0; i < STORMERS; i++)
		start_thread(stormer, NULL);
}

static void op_storm(unsigned n, long arg)
{
	(void)arg;
	for (n *= ROUNDS; n; n--) {
		unsigned here;

		__atomic_store_n(&arrived, 0, __ATOMIC_RELAXED);
		__atomic_add_fetch(&round_word, 1, __ATOMIC_RELEASE);
		wake(&round_word, INT_MAX);
		while ((here = __atomic_load_n(&arrived, __ATOMIC_ACQUIRE)) != STORMERS)
			wait_while(&arrived, here);
	}
}

static void leave(long arg)
{
	(void)arg;
}

static void fork_some(long count)
{
	while (count--)
		must_be(waitpid(spawn(leave, 0), NULL, 0) > 0, 1);
}

static void map_some(long count)
{
	while (count--) {
		char *p = map_anon(64 * KIB);

		memset(p, 1, 64 * KIB);
		must_libc(munmap(p, 64 * KIB));
	}
}

/* The same sum of work by WORKERS processes at once. */
static void in_parallel(void (*body)(long), long each)
{
	int pids[WORKERS];

	for (int i = 0; i < WORKERS; i++)
		pids[i] = spawn(body, each);
	for (int i = 0; i < WORKERS; i++)
		must_be(waitpid(pids[i], NULL, 0), pids[i]);
}

static void op_fork(unsigned n, long each)
{
	while (n--)
		in_parallel(fork_some, each);
}

static void op_map(unsigned n, long each)
{
	while (n--)
		in_parallel(map_some, each);
}

const struct row rows_smp[] = {
	{"smp.hackbench_processes", make_groups, op_hackbench_processes, 1, 0, ROW_ONCE},
	{"smp.hackbench_threads", make_groups, op_hackbench_threads, 1, 0, ROW_ONCE},
	{"smp.storm", start_stormers, op_storm, 1, 0, ROW_ONCE},
	{"smp.fork", NULL, op_fork, 1, 8, ROW_ONCE},
	{"smp.map", NULL, op_map, 1, 16, ROW_ONCE},
	{},
};
