// SPDX-License-Identifier: BSD-2-Clause
/*
 * The clocks: through the vDSO, and by a system call.
 */
#include "bench.h"

#include <sched.h>
#include <sys/time.h>
#include <time.h>

static struct timespec ts;
static struct timeval tv;

static void op_vdso(unsigned n, long clock)
{
	while (n--)
		must_libc(clock_gettime((clockid_t)clock, &ts));
}

static void op_call(unsigned n, long clock)
{
	while (n--)
		must(sys2(SYS_clock_gettime, clock, (long)&ts));
}

static void op_vdso_timeofday(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must_libc(gettimeofday(&tv, NULL));
}

static void op_call_timeofday(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must(sys2(SYS_gettimeofday, (long)&tv, 0));
}

static void op_vdso_time(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must_libc(time(NULL));
}

static void op_vdso_getcpu(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must_libc(sched_getcpu());
}

static void op_getres(unsigned n, long clock)
{
	while (n--)
		must(sys2(SYS_clock_getres, clock, (long)&ts));
}

const struct row rows_time[] = {
	{"time.vdso_monotonic", NULL, op_vdso, 2000, CLOCK_MONOTONIC, 0},
	{"time.vdso_realtime", NULL, op_vdso, 2000, CLOCK_REALTIME, 0},
	{"time.vdso_coarse", NULL, op_vdso, 2000, CLOCK_MONOTONIC_COARSE, 0},
	{"time.vdso_gettimeofday", NULL, op_vdso_timeofday, 2000, 0, 0},
	{"time.vdso_time", NULL, op_vdso_time, 2000, 0, 0},
	{"time.vdso_getcpu", NULL, op_vdso_getcpu, 2000, 0, 0},
	{"time.call_monotonic", NULL, op_call, 500, CLOCK_MONOTONIC, 0},
	{"time.call_realtime", NULL, op_call, 500, CLOCK_REALTIME, 0},
	{"time.call_process_cpu", NULL, op_call, 500, CLOCK_PROCESS_CPUTIME_ID, 0},
	{"time.call_thread_cpu", NULL, op_call, 500, CLOCK_THREAD_CPUTIME_ID, 0},
	{"time.call_gettimeofday", NULL, op_call_timeofday, 500, 0, 0},
	{"time.call_getres", NULL, op_getres, 500, CLOCK_MONOTONIC, 0},
	{},
};
