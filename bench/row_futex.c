// SPDX-License-Identifier: BSD-2-Clause
/*
 * Futexes, bare and under the C library's condition variable.
 */
#include "bench.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

/* The turn of each side, a cache line apart; in shared memory, for the row between processes. */
struct turns {
	_Alignas(64) unsigned there;
	_Alignas(64) unsigned here;
};

static struct turns *turns;
static long private_flag;

static long futex(unsigned *word, long op, unsigned value)
{
	return sys6(SYS_futex, (long)word, op, value, 0, 0, 0);
}

static void take_turn(unsigned *word)
{
	while (__atomic_exchange_n(word, 0, __ATOMIC_ACQUIRE) == 0) {
		long ret = futex(word, FUTEX_WAIT | private_flag, 0);

		if (ret < 0 && ret != -EAGAIN && ret != -EINTR)
			row_fail("futex wait", (int)-ret);
	}
}

static void give_turn(unsigned *word)
{
	__atomic_store_n(word, 1, __ATOMIC_RELEASE);
	must(futex(word, FUTEX_WAKE | private_flag, 1));
}

static void share_turns(long arg)
{
	turns = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (turns == MAP_FAILED)
		row_fail("mmap", errno);
	turns->here = 0;
	private_flag = arg;
}

static void op_wake_none(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must_be(futex(&turns->here, FUTEX_WAKE | private_flag, 1), 0);
}

static void op_wait_changed(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must_be(futex(&turns->here, FUTEX_WAIT | private_flag, 7), -EAGAIN);
}

static void answer(long arg)
{
	(void)arg;
	for (;;) {
		take_turn(&turns->there);
		give_turn(&turns->here);
	}
}

static void *answer_thread(void *arg)
{
	answer((long)arg);
	return NULL;
}

static void start_answer_thread(long arg)
{
	share_turns(arg);
	start_thread(answer_thread, NULL);
}

static void start_process(long arg)
{
	share_turns(arg);
	spawn(answer, 0);
}

static void op_round_trip(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		give_turn(&turns->there);
		take_turn(&turns->here);
	}
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned turn;

static void cond_pass(unsigned mine, unsigned next)
{
	pthread_mutex_lock(&lock);
	while (turn != mine)
		pthread_cond_wait(&changed, &lock);
	turn = next;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

static void *cond_thread(void *arg)
{
	for (;;)
		cond_pass(1, 0);
	return arg;
}

static void start_cond(long arg)
{
	(void)arg;
	start_thread(cond_thread, NULL);
}

static void op_cond(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		cond_pass(0, 1);
}

const struct row rows_futex[] = {
	{"futex.wake_none", share_turns, op_wake_none, 500, FUTEX_PRIVATE_FLAG, 0},
	{"futex.wake_none_shared", share_turns, op_wake_none, 500, 0, 0},
	{"futex.wait_changed", share_turns, op_wait_changed, 500, FUTEX_PRIVATE_FLAG, 0},
	{"futex.round_trip_thread", start_answer_thread, op_round_trip, 50, FUTEX_PRIVATE_FLAG, 0},
	{"futex.round_trip_process", start_process, op_round_trip, 50, 0, 0},
	{"futex.cond_round_trip", start_cond, op_cond, 50, 0, 0},
	{},
};
