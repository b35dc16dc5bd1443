// SPDX-License-Identifier: BSD-2-Clause
/* Waiting for CPU time: clock_nanosleep and timer_create on the clocks of processes and threads, one's own and others'. */
#include "abi.h"
#include <pthread.h>

#define MS 1000000ll

static volatile int stop;
static volatile sig_atomic_t rings;

static void *spin(void *arg)
{
	while (!stop)
		;
	return arg;
}

static void on_ring(int sig)
{
	(void)sig;
	rings++;
}

static long cpu_sleep(clockid_t clk, int flags, long long ns, struct timespec *rem)
{
	struct timespec ts = {ns / 1000000000, ns % 1000000000};

	return syscall(SYS_clock_nanosleep, clk, flags, &ts, rem);
}

static void sleeping(void)
{
	pthread_t t;
	clockid_t other, thread;
	struct timespec rem = {0, 0};

	HEAD("clock_nanosleep");
	pthread_create(&t, NULL, spin, NULL);
	long long before = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	R(cpu_sleep(CLOCK_PROCESS_CPUTIME_ID, 0, 30 * MS, NULL));
	IS(now_ns(CLOCK_PROCESS_CPUTIME_ID) - before >= 30 * MS);
	before = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	R(cpu_sleep(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, before + 20 * MS, NULL));
	IS(now_ns(CLOCK_PROCESS_CPUTIME_ID) - before >= 20 * MS);
	R(cpu_sleep(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, 1, NULL));
	R(cpu_sleep(CLOCK_PROCESS_CPUTIME_ID, 0, 0, NULL));
	RE(pthread_getcpuclockid(t, &thread));
	before = now_ns(thread);
	R(cpu_sleep(thread, 0, 20 * MS, NULL));
	IS(now_ns(thread) - before >= 20 * MS);
	RE(pthread_getcpuclockid(pthread_self(), &thread));
	R(cpu_sleep(thread, 0, MS, NULL));
	stop = 1;
	pthread_join(t, NULL);
	CHILD {
		for (;;)
			;
	}
	RE(clock_getcpuclockid(child_pid, &other));
	before = now_ns(other);
	R(cpu_sleep(other, 0, 20 * MS, NULL));
	IS(now_ns(other) - before >= 20 * MS);
	kill(child_pid, SIGKILL);
	REAP("child");
	R(cpu_sleep(other, 0, MS, NULL));
	/* A process that sleeps uses no time: only a signal ends the wait. */
	on_signal(SIGALRM, on_ring, 0);
	struct itimerval it = {{0, 0}, {0, 30000}};
	setitimer(ITIMER_REAL, &it, NULL);
	R(cpu_sleep(CLOCK_PROCESS_CPUTIME_ID, 0, 1000000 * MS, &rem));
	IS(rem.tv_sec >= 900 && rem.tv_sec < 1000);
	setitimer(ITIMER_REAL, &it, NULL);
	rem.tv_sec = 7;
	R(cpu_sleep(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, 1000000 * MS, &rem));
	V(rem.tv_sec);
}

static void timers(void)
{
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec its = {{0, 5 * MS}, {0, 10 * MS}};
	clockid_t other;
	timer_t t;

	HEAD("timer_create");
	on_signal(SIGUSR1, on_ring, 0);
	rings = 0;
	R(timer_create(CLOCK_PROCESS_CPUTIME_ID, &ev, &t));
	R(timer_settime(t, 0, &its, NULL));
	sleep_ms(60);
	V(rings);
	while (rings < 5)
		;
	R(timer_settime(t, 0, &(struct itimerspec){0}, &its));
	IS(its.it_value.tv_nsec > 0 && its.it_value.tv_nsec <= 10 * MS);
	R(timer_delete(t));
	CHILD {
		for (;;)
			;
	}
	rings = 0;
	RE(clock_getcpuclockid(child_pid, &other));
	R(timer_create(other, &ev, &t));
	its = (struct itimerspec){{0, 5 * MS}, {0, 10 * MS}};
	R(timer_settime(t, 0, &its, NULL));
	while (rings < 3)
		sleep_ms(1);
	kill(child_pid, SIGKILL);
	REAP("child");
	R(timer_delete(t));
	CHILD {
		its = (struct itimerspec){{0, 0}, {0, 20 * MS}};
		ev.sigev_signo = SIGKILL;
		timer_create(CLOCK_THREAD_CPUTIME_ID, &ev, &t);
		timer_settime(t, 0, &its, NULL);
		for (;;)
			;
	}
	REAP("killed by its own time");
}

static volatile sig_atomic_t rung;

static void ring(int sig)
{
	(void)sig;
	rung++;
}

/* An interval that is over before its signal is sent: once a tick, and the program goes on. */
static void short_interval(void)
{
	struct itimerval it = {{0, 1}, {0, 1}}, off = {0};

	HEAD("intervals of a microsecond");
	on_signal(SIGPROF, ring, 0);
	on_signal(SIGVTALRM, ring, 0);
	OK(setitimer(ITIMER_PROF, &it, NULL));
	OK(setitimer(ITIMER_VIRTUAL, &it, NULL));
	for (long long end = now_ns(CLOCK_PROCESS_CPUTIME_ID) + 60000000; now_ns(CLOCK_PROCESS_CPUTIME_ID) < end;)
		;
	IS(rung > 2);
	OK(setitimer(ITIMER_PROF, &off, NULL));
	OK(setitimer(ITIMER_VIRTUAL, &off, NULL));
}

int main(void)
{
	sleeping();
	timers();
	short_interval();
	return 0;
}
