// SPDX-License-Identifier: BSD-2-Clause
/* Clocks and sleeping: every id, resolutions, monotony, remaining time, setting, adjtimex. */
#include "abi.h"
#include <sys/timex.h>
#include <sys/times.h>

static const struct {
	const char *name;
	int id;
} clocks[] = {
	{"REALTIME", CLOCK_REALTIME},
	{"MONOTONIC", CLOCK_MONOTONIC},
	{"PROCESS_CPUTIME", CLOCK_PROCESS_CPUTIME_ID},
	{"THREAD_CPUTIME", CLOCK_THREAD_CPUTIME_ID},
	{"MONOTONIC_RAW", CLOCK_MONOTONIC_RAW},
	{"REALTIME_COARSE", CLOCK_REALTIME_COARSE},
	{"MONOTONIC_COARSE", CLOCK_MONOTONIC_COARSE},
	{"BOOTTIME", CLOCK_BOOTTIME},
	{"REALTIME_ALARM", CLOCK_REALTIME_ALARM},
	{"BOOTTIME_ALARM", CLOCK_BOOTTIME_ALARM},
	{"TAI", CLOCK_TAI},
	{"10", 10},
	{"12", 12},
	{"99", 99},
	{"negative", -1},
};

static void reading(void)
{
	struct timespec ts, res;

	HEAD("reading");
	for (size_t i = 0; i < ARRAY_LEN(clocks); i++) {
		if (clocks[i].id == CLOCK_REALTIME_ALARM || clocks[i].id == CLOCK_BOOTTIME_ALARM)
			continue;
		long r = syscall(SYS_clock_gettime, clocks[i].id, &ts);
		say("%s: %s", clocks[i].name, r ? err_name(errno) : "ok");
		if (!r)
			say(" nsec %s", ts.tv_nsec >= 0 && ts.tv_nsec < 1000000000 ? "in range" : "bad");
		r = syscall(SYS_clock_getres, clocks[i].id, &res);
		say(" resolution %s\n", r ? err_name(errno) : res.tv_sec ? "seconds" :
			res.tv_nsec == 1 ? "1 ns" : "coarse");
	}
	R(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, (void *)-4096l));
	R(syscall(SYS_clock_getres, CLOCK_MONOTONIC, NULL));
	R(syscall(SYS_clock_getres, 99, NULL));
	int back = 0;
	static const int mono[] = {CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME,
		CLOCK_PROCESS_CPUTIME_ID, CLOCK_MONOTONIC_COARSE};
	for (size_t k = 0; k < ARRAY_LEN(mono); k++) {
		long long last = 0;
		for (int i = 0; i < 20000; i++) {
			long long now = now_ns(mono[k]);
			back += now < last;
			last = now;
		}
	}
	V(back);
	long long a = now_ns(CLOCK_MONOTONIC);
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
	long long b = ts.tv_sec * 1000000000ll + ts.tv_nsec, c = now_ns(CLOCK_MONOTONIC);
	IS(a <= b && b <= c);
	IS(now_ns(CLOCK_BOOTTIME) >= now_ns(CLOCK_MONOTONIC) - 1000000);
	struct timeval tv;
	time_t t1 = time(NULL);
	gettimeofday(&tv, NULL);
	time_t t2 = syscall(SYS_time, NULL);
	IS(t1 <= tv.tv_sec && tv.tv_sec <= t2 + 1);
	struct timezone tz = {5, 5};
	R(syscall(SYS_gettimeofday, &tv, &tz));
	V(tz.tz_minuteswest);
	R(syscall(SYS_gettimeofday, NULL, NULL));
	R(syscall(SYS_gettimeofday, (void *)-4096l, NULL));
	struct tms tms;
	OK(times(&tms));
	OK(times(NULL));
	R(syscall(SYS_times, (void *)8));
	clockid_t cpu;
	RE(clock_getcpuclockid(0, &cpu));
	IS(now_ns(cpu) > 0);
	RE(clock_getcpuclockid(999999, &cpu));
}

static void cpu_time(void)
{
	HEAD("processor time");
	long long before = now_ns(CLOCK_PROCESS_CPUTIME_ID), wall = now_ns(CLOCK_MONOTONIC);
	sleep_ms(100);
	IS(now_ns(CLOCK_PROCESS_CPUTIME_ID) - before < 50000000);
	IS(now_ns(CLOCK_MONOTONIC) - wall >= 100000000);
	before = now_ns(CLOCK_THREAD_CPUTIME_ID);
	while (now_ns(CLOCK_THREAD_CPUTIME_ID) - before < 50000000)
		;
	IS(now_ns(CLOCK_PROCESS_CPUTIME_ID) >= 50000000);
	struct rusage ru;
	getrusage(RUSAGE_SELF, &ru);
	IS(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec + (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec)
		* 1000000 >= 30000);
	IS(clock() >= 50000);
}

static volatile sig_atomic_t rings;

static void on_alarm(int sig)
{
	(void)sig;
	rings++;
}

static void sleeping(void)
{
	struct timespec ts = {0, 30000000}, rem = {7, 7};
	struct itimerval it = {.it_value = {0, 20000}};

	HEAD("sleeping");
	long long t0 = now_ns(CLOCK_MONOTONIC);
	R(nanosleep(&ts, &rem));
	IS(now_ns(CLOCK_MONOTONIC) - t0 >= 30000000);
	V(rem.tv_sec);
	ts.tv_nsec = 1000000000;
	R(nanosleep(&ts, NULL));
	ts.tv_nsec = -1;
	R(nanosleep(&ts, NULL));
	ts = (struct timespec){-1, 0};
	R(nanosleep(&ts, NULL));
	R(syscall(SYS_nanosleep, (void *)8, NULL));
	ts = (struct timespec){0, 0};
	R(nanosleep(&ts, NULL));
	on_signal(SIGALRM, on_alarm, 0);
	ts = (struct timespec){100, 0};
	setitimer(ITIMER_REAL, &it, NULL);
	R(nanosleep(&ts, &rem));
	IS(rem.tv_sec <= 99 && rem.tv_sec >= 80);
	setitimer(ITIMER_REAL, &it, NULL);
	R(syscall(SYS_nanosleep, &ts, (void *)8));
	setitimer(ITIMER_REAL, &it, NULL);
	rem.tv_sec = 7;
	RE(clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &rem));
	IS(rem.tv_sec <= 99 && rem.tv_sec >= 80);
	rem.tv_sec = 7;
	struct timespec abs;
	clock_gettime(CLOCK_MONOTONIC, &abs);
	abs.tv_sec += 100;
	setitimer(ITIMER_REAL, &it, NULL);
	RE(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &abs, &rem));
	V(rem.tv_sec);
	abs.tv_sec = 1;
	RE(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &abs, NULL));
	RE(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &abs, NULL));
	RE(clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &abs, NULL));
	RE(clock_nanosleep(CLOCK_TAI, TIMER_ABSTIME, &abs, NULL));
	RE(clock_nanosleep(99, 0, &abs, NULL));
	R(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &abs, NULL));
	R(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, &abs, NULL));
	R(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_COARSE, 0, &abs, NULL));
	/* A stopped and continued sleeper sleeps on. */
	CHILD {
		struct timespec s = {0, 300000000};
		R(nanosleep(&s, NULL));
	}
	await_state(child_pid, 'S');
	kill(child_pid, SIGSTOP);
	await_state(child_pid, 'T');
	kill(child_pid, SIGCONT);
	REAP("sleeper");
}

static void setting(void)
{
	struct timespec ts = {1000, 0};
	struct timex tx = {0};

	HEAD("setting");
	R(clock_settime(CLOCK_MONOTONIC, &ts));
	R(clock_settime(CLOCK_BOOTTIME, &ts));
	R(clock_settime(99, &ts));
	ts.tv_nsec = 1000000000;
	R(clock_settime(CLOCK_REALTIME, &ts));
	ts.tv_nsec = 0;
	ts.tv_sec = -5;
	R(clock_settime(CLOCK_REALTIME, &ts));
	R(syscall(SYS_clock_settime, CLOCK_REALTIME, (void *)8));
	CHILD {
		become(1000);
		ts.tv_sec = 1000000000;
		R(clock_settime(CLOCK_REALTIME, &ts));
		tx.modes = ADJ_TICK;
		R(adjtimex(&tx));
		tx.modes = 0;
		IS(adjtimex(&tx) >= 0);
	}
	REAP("user");
	tx.modes = 0;
	IS(adjtimex(&tx) >= 0);
	IS(tx.tick >= 9000 && tx.tick <= 11000);
	IS(tx.time.tv_sec > 1);
	IS(clock_adjtime(CLOCK_REALTIME, &tx) >= 0);
	R(clock_adjtime(CLOCK_MONOTONIC, &tx));
	R(syscall(SYS_adjtimex, (void *)8));
}

int main(void)
{
	reading();
	cpu_time();
	sleeping();
	setting();
	return 0;
}
