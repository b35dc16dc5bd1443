// SPDX-License-Identifier: BSD-2-Clause
/* timer_create with every notification, overruns, setitimer of all kinds, alarm. */
#include "abi.h"
#include <pthread.h>

static volatile sig_atomic_t rings, last_tid, last_code, last_value;

static void on_ring(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	last_code = si->si_code;
	last_value = si->si_value.sival_int;
	last_tid = gettid();
	rings++;
}

static void await_rings(int n)
{
	for (int i = 0; i < 5000 && rings < n; i++)
		sleep_ms(1);
}

static void notified(union sigval v)
{
	last_value = v.sival_int;
	rings++;
}

static void posix_timers(void)
{
	struct sigevent ev;
	struct itimerspec it = {.it_value = {0, 1000000}}, old;
	timer_t t;
	int raw;

	HEAD("timer_create");
	on_siginfo(SIGUSR1, on_ring, 0);
	on_siginfo(SIGALRM, on_ring, 0);
	memset(&ev, 0, sizeof(ev));
	ev.sigev_notify = SIGEV_SIGNAL;
	ev.sigev_signo = SIGUSR1;
	ev.sigev_value.sival_int = 31;
	R(timer_create(CLOCK_MONOTONIC, &ev, &t));
	R(timer_gettime(t, &old));
	V(old.it_value.tv_nsec);
	R(timer_settime(t, 0, &it, NULL));
	await_rings(1);
	say("rang %d value %d code %d\n", rings, last_value, last_code);
	R(timer_settime(t, 0, &it, &old));
	V(old.it_value.tv_nsec);
	await_rings(2);
	it.it_value.tv_sec = 1000;
	it.it_interval.tv_sec = 5;
	R(timer_settime(t, 0, &it, NULL));
	R(timer_gettime(t, &old));
	IS(old.it_value.tv_sec >= 900 && old.it_value.tv_sec <= 1000);
	V(old.it_interval.tv_sec);
	memset(&it, 0, sizeof(it));
	R(timer_settime(t, 0, &it, &old));
	V(old.it_interval.tv_sec);
	R(timer_getoverrun(t));
	R(timer_delete(t));
	R(syscall(SYS_timer_delete, 12345));
	R(syscall(SYS_timer_gettime, 12345, &old));
	R(syscall(SYS_timer_settime, 12345, 0, &it, NULL));
	R(syscall(SYS_timer_getoverrun, 12345));
	rings = 0;
	R(timer_create(CLOCK_REALTIME, NULL, &t));
	it.it_value.tv_nsec = 1000000;
	R(timer_settime(t, 0, &it, NULL));
	await_rings(1);
	say("default: %d code %d\n", rings, last_code);
	it.it_value.tv_nsec = 1000000000;
	R(timer_settime(t, 0, &it, NULL));
	it.it_value.tv_nsec = 5;
	it.it_value.tv_sec = -1;
	R(timer_settime(t, 0, &it, NULL));
	R(syscall(SYS_timer_settime, t, 0, NULL, NULL));
	R(syscall(SYS_timer_settime, t, 0, (void *)8, NULL));
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	it.it_value = now;
	rings = 0;
	R(timer_settime(t, TIMER_ABSTIME, &it, NULL));
	await_rings(1);
	V(rings);
	CHILD {
		R(timer_gettime(t, &old));
	}
	REAP("not inherited");
	timer_delete(t);
	ev.sigev_signo = 65;
	R(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &raw));
	ev.sigev_signo = SIGUSR1;
	ev.sigev_notify = 77;
	R(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &raw));
	ev.sigev_notify = SIGEV_SIGNAL;
	R(syscall(SYS_timer_create, 99, &ev, &raw));
	R(syscall(SYS_timer_create, CLOCK_MONOTONIC_RAW, &ev, &raw));
	R(syscall(SYS_timer_create, CLOCK_MONOTONIC, (void *)8, &raw));
	R(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, (void *)8));
	static const int ids[] = {CLOCK_BOOTTIME, CLOCK_TAI, CLOCK_PROCESS_CPUTIME_ID,
		CLOCK_THREAD_CPUTIME_ID};
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		R(timer_create(ids[i], &ev, &t));
		timer_delete(t);
	}
	HEAD("to a thread, by no signal, by a function");
	rings = 0;
	ev.sigev_notify = SIGEV_THREAD_ID;
	ev._sigev_un._tid = gettid();
	R(timer_create(CLOCK_MONOTONIC, &ev, &t));
	it = (struct itimerspec){.it_value = {0, 1000000}};
	timer_settime(t, 0, &it, NULL);
	await_rings(1);
	IS(last_tid == gettid());
	timer_delete(t);
	ev._sigev_un._tid = 1 << 22;
	R(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &raw));
	ev.sigev_notify = SIGEV_NONE;
	R(timer_create(CLOCK_MONOTONIC, &ev, &t));
	rings = 0;
	timer_settime(t, 0, &it, NULL);
	sleep_ms(20);
	R(timer_gettime(t, &old));
	V(old.it_value.tv_nsec);
	V(rings);
	timer_delete(t);
	memset(&ev, 0, sizeof(ev));
	ev.sigev_notify = SIGEV_THREAD;
	ev.sigev_notify_function = notified;
	ev.sigev_value.sival_int = 64;
	R(timer_create(CLOCK_MONOTONIC, &ev, &t));
	timer_settime(t, 0, &it, NULL);
	await_rings(1);
	V(last_value);
	timer_delete(t);
}

static void overruns(void)
{
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec it = {{0, 1000000}, {0, 1000000}};
	sigset_t s = sig_set(SIGUSR1);
	struct timespec zero = {0, 0};
	siginfo_t si;
	timer_t t;

	HEAD("overruns");
	sigprocmask(SIG_BLOCK, &s, NULL);
	timer_create(CLOCK_MONOTONIC, &ev, &t);
	timer_settime(t, 0, &it, NULL);
	sleep_ms(100);
	memset(&it, 0, sizeof(it));
	R(sigtimedwait(&s, &si, NULL) == SIGUSR1);
	IS(si.si_overrun >= 10);
	IS(timer_getoverrun(t) == si.si_overrun);
	timer_settime(t, 0, &it, NULL);
	sigtimedwait(&s, &si, &zero);
	R(sigtimedwait(&s, &si, &zero));
	timer_delete(t);
	sigprocmask(SIG_UNBLOCK, &s, NULL);
}

static void interval_timers(void)
{
	static const struct {
		const char *name;
		int which, sig;
	} all[] = {{"REAL", ITIMER_REAL, SIGALRM}, {"VIRTUAL", ITIMER_VIRTUAL, SIGVTALRM},
		{"PROF", ITIMER_PROF, SIGPROF}};
	struct itimerval it, old;

	HEAD("setitimer");
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		on_siginfo(all[i].sig, on_ring, SA_RESTART);
		rings = 0;
		it = (struct itimerval){{0, 5000}, {0, 5000}};
		setitimer(all[i].which, &it, NULL);
		long long limit = now_ns(CLOCK_MONOTONIC) + 20000000000ll;
		while (rings < 3 && now_ns(CLOCK_MONOTONIC) < limit)
			;
		it = (struct itimerval){{0, 0}, {0, 0}};
		setitimer(all[i].which, &it, &old);
		say("%s: rang %s, interval %ld, code %d\n", all[i].name, rings >= 3 ? "3" : "no",
			(long)old.it_interval.tv_usec, last_code);
		getitimer(all[i].which, &old);
		V(old.it_value.tv_sec + old.it_value.tv_usec);
	}
	R(setitimer(5, &it, NULL));
	R(getitimer(5, &old));
	it.it_value.tv_usec = 1000000;
	R(setitimer(ITIMER_REAL, &it, NULL));
	it.it_value.tv_usec = -1;
	R(setitimer(ITIMER_REAL, &it, NULL));
	R(getitimer(ITIMER_REAL, (void *)8));
	R(syscall(SYS_setitimer, ITIMER_REAL, (void *)8, NULL));
	HEAD("alarm");
	R(alarm(100));
	IS(alarm(50) > 90);
	R(getitimer(ITIMER_REAL, &old));
	IS(old.it_value.tv_sec > 40 && old.it_value.tv_sec <= 50);
	IS(alarm(0) > 40);
	R(alarm(0));
	CHILD {
		signal(SIGALRM, SIG_DFL);
		ualarm(1000, 0);
		for (;;)
			pause();
	}
	REAP("default action");
	CHILD {
		struct rlimit rl = {1, 2};
		setrlimit(RLIMIT_CPU, &rl);
		signal(SIGXCPU, SIG_DFL);
		for (;;)
			;
	}
	REAP("RLIMIT_CPU soft");
	CHILD {
		struct rlimit rl = {1, 2};
		setrlimit(RLIMIT_CPU, &rl);
		signal(SIGXCPU, SIG_IGN);
		for (;;)
			;
	}
	REAP("RLIMIT_CPU hard");
}

static pthread_t spinner;
static volatile sig_atomic_t elsewhere;

static void on_tick(int sig)
{
	(void)sig;
	if (!pthread_equal(pthread_self(), spinner))
		elsewhere++;
	rings++;
}

static void *spin(void *arg)
{
	struct itimerspec it = {{0, 5000000}, {0, 5000000}};
	timer_t t;

	(void)arg;
	await_state(getpid(), 'S');
	R(timer_create(CLOCK_PROCESS_CPUTIME_ID, NULL, &t));
	R(timer_settime(t, 0, &it, NULL));
	while (rings < 10)
		;
	R(timer_delete(t));
	return NULL;
}

/* A clock of CPU time tells the thread that runs, not the one that sleeps. */
static void distribution(void)
{
	HEAD("who is told");
	rings = 0;
	on_signal(SIGALRM, on_tick, 0);
	pthread_create(&spinner, NULL, spin, NULL);
	pthread_join(spinner, NULL);
	V(elsewhere);
}

int main(void)
{
	posix_timers();
	distribution();
	overruns();
	interval_timers();
	return 0;
}
