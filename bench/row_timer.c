// SPDX-License-Identifier: BSD-2-Clause
/*
 * Timers: setting them, and being woken by them. A sleeping row shows what exceeds the time it
 * asked for; its timer slack is one nanosecond.
 */
#include "bench.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static int fd, posix_timer;
static sigset_t alarms;

static void no_slack(long arg)
{
	(void)arg;
	must_libc(prctl(PR_SET_TIMERSLACK, 1));
}

static void op_nanosleep(unsigned n, long ns)
{
	struct timespec ts = {0, ns};

	unmeasured_add((uint64_t)ns * n);
	while (n--)
		must(sys2(SYS_nanosleep, (long)&ts, 0));
}

/* A deadline in the past: the call without the sleep. */
static void op_past(unsigned n, long arg)
{
	struct timespec ts = {0, 1};

	(void)arg;
	while (n--)
		must(sys4(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, (long)&ts, 0));
}

static void block_alarm(long arg)
{
	(void)arg;
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	must_libc(sigprocmask(SIG_BLOCK, &alarms, NULL));
}

static void make_timer(long arg)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};

	block_alarm(arg);
	must(sys3(SYS_timer_create, CLOCK_MONOTONIC, (long)&event, (long)&posix_timer));
}

/* Alternately far in the future and off, so that each call has a timer to move. */
static void op_settime(unsigned n, long arg)
{
	struct itimerspec it = {.it_value = {1000, 0}};

	(void)arg;
	while (n--) {
		it.it_value.tv_sec ^= 1000;
		must(sys4(SYS_timer_settime, posix_timer, 0, (long)&it, 0));
	}
}

static void op_expire(unsigned n, long arg)
{
	struct itimerspec it = {.it_value = {0, 1000}};

	(void)arg;
	while (n--) {
		must(sys4(SYS_timer_settime, posix_timer, 0, (long)&it, 0));
		must_be(sys4(SYS_rt_sigtimedwait, (long)&alarms, 0, 0, 8), SIGALRM);
	}
}

static void op_create_delete(unsigned n, long arg)
{
	struct sigevent event = {.sigev_notify = SIGEV_NONE};
	int made;

	(void)arg;
	while (n--) {
		must(sys3(SYS_timer_create, CLOCK_MONOTONIC, (long)&event, (long)&made));
		must(sys1(SYS_timer_delete, made));
	}
}

static void op_itimer(unsigned n, long arg)
{
	struct itimerval it = {.it_value = {1000, 0}};

	(void)arg;
	while (n--) {
		it.it_value.tv_sec ^= 1000;
		must(sys3(SYS_setitimer, ITIMER_REAL, (long)&it, 0));
	}
}

static void op_alarm(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must(sys1(SYS_alarm, n ? 1000 : 0));
}

static void make_timerfd(long arg)
{
	(void)arg;
	fd = (int)must_libc(timerfd_create(CLOCK_MONOTONIC, 0));
}

static void op_timerfd_settime(unsigned n, long arg)
{
	struct itimerspec it = {.it_value = {1000, 0}};

	(void)arg;
	while (n--) {
		it.it_value.tv_sec ^= 1000;
		must(sys4(SYS_timerfd_settime, fd, 0, (long)&it, 0));
	}
}

static void op_timerfd_expire(unsigned n, long arg)
{
	struct itimerspec it = {.it_value = {0, 1000}};
	uint64_t count;

	(void)arg;
	while (n--) {
		must(sys4(SYS_timerfd_settime, fd, 0, (long)&it, 0));
		must_be(sys3(SYS_read, fd, (long)&count, sizeof(count)), sizeof(count));
	}
}

const struct row rows_timer[] = {
	{"timer.nanosleep_past", no_slack, op_past, 500, 0, 0},
	{"timer.nanosleep_1us", no_slack, op_nanosleep, 50, 1000, 0},
	{"timer.nanosleep_20us", no_slack, op_nanosleep, 20, 20000, 0},
	{"timer.create_delete", NULL, op_create_delete, 100, 0, 0},
	{"timer.settime", make_timer, op_settime, 200, 0, 0},
	{"timer.expire_sigwait", make_timer, op_expire, 50, 0, 0},
	{"timer.setitimer", block_alarm, op_itimer, 200, 0, 0},
	{"timer.alarm", block_alarm, op_alarm, 200, 0, 0},
	{"timer.timerfd_settime", make_timerfd, op_timerfd_settime, 200, 0, 0},
	{"timer.timerfd_expire", make_timerfd, op_timerfd_expire, 50, 0, 0},
	{},
};
