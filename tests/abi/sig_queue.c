// SPDX-License-Identifier: BSD-2-Clause
/* Queued signals: siginfo of every sender, order, limits, sigtimedwait, rt_sigqueueinfo, tgkill. */
#include "abi.h"
#include <sys/pidfd.h>

static siginfo_t got[64];
static volatile int ngot;

static void on_info(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	if (ngot < 64)
		got[ngot++] = *si;
}

static const char *code_name(int code)
{
	switch (code) {
	case SI_USER: return "SI_USER";
	case SI_KERNEL: return "SI_KERNEL";
	case SI_QUEUE: return "SI_QUEUE";
	case SI_TIMER: return "SI_TIMER";
	case SI_TKILL: return "SI_TKILL";
	case SI_MESGQ: return "SI_MESGQ";
	case SI_ASYNCIO: return "SI_ASYNCIO";
	default: return "other";
	}
}

static void show(const siginfo_t *si)
{
	say("  %s %s errno %d", sig_name(si->si_signo), code_name(si->si_code), si->si_errno);
	if (si->si_code == SI_TIMER)
		say(" value %d\n", si->si_value.sival_int);
	else if (si->si_code == SI_QUEUE)
		say(" value %d uid %d %s\n", si->si_value.sival_int, si->si_uid,
			si->si_pid == getpid() ? "self" : "other");
	else if (si->si_code == SI_KERNEL)
		say("\n");
	else
		say(" uid %d %s\n", si->si_uid, si->si_pid == getpid() ? "self" : "other");
}

static void show_all(const char *what)
{
	say("%s: %d\n", what, ngot);
	for (int i = 0; i < ngot; i++)
		show(&got[i]);
	ngot = 0;
}

static void senders(void)
{
	HEAD("senders");
	on_siginfo(SIGUSR1, on_info, 0);
	on_siginfo(SIGALRM, on_info, 0);
	on_siginfo(SIGRTMIN + 3, on_info, 0);
	raise(SIGUSR1);
	kill(getpid(), SIGUSR1);
	sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 7});
	syscall(SYS_tkill, gettid(), SIGUSR1);
	syscall(SYS_tgkill, getpid(), gettid(), SIGRTMIN + 3);
	show_all("self");
	pid_t parent = getpid();
	CHILD {
		become(1000);
		setuid(1000);
		kill(parent, SIGUSR1);
	}
	REAP("unprivileged");
	sigset_t both = sig_set(SIGUSR1);
	sigaddset(&both, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &both, NULL);
	CHILD {
		kill(parent, SIGUSR1);
		sigqueue(parent, SIGRTMIN + 3, (union sigval){.sival_int = 9});
	}
	REAP("child");
	sigprocmask(SIG_UNBLOCK, &both, NULL);
	show_all("from a child");
	struct itimerval it = {.it_value = {0, 1000}};
	setitimer(ITIMER_REAL, &it, NULL);
	while (!ngot)
		sleep_ms(1);
	show_all("itimer");
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 3};
	ev.sigev_value.sival_int = 123;
	timer_t t;
	NEED(timer_create(CLOCK_MONOTONIC, &ev, &t));
	struct itimerspec its = {.it_value = {0, 1000}};
	timer_settime(t, 0, &its, NULL);
	while (!ngot)
		sleep_ms(1);
	show_all("timer");
	timer_delete(t);
}

static void queueing(void)
{
	sigset_t s = sig_set(SIGRTMIN), old;
	siginfo_t si;

	HEAD("order and values");
	for (int i = 1; i < 4; i++)
		sigaddset(&s, SIGRTMIN + i);
	sigaddset(&s, SIGUSR1);
	sigprocmask(SIG_BLOCK, &s, &old);
	for (int i = 0; i < 3; i++)
		for (int k = 3; k >= 0; k--)
			sigqueue(getpid(), SIGRTMIN + k, (union sigval){.sival_int = 10 * k + i});
	sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 1});
	sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 2});
	struct timespec zero = {0, 0};
	int r;
	while ((r = sigtimedwait(&s, &si, &zero)) > 0)
		show(&si);
	say("then %s\n", err_name(errno));
	for (int k = 0; k < 4; k++)
		on_siginfo(SIGRTMIN + k, on_info, 0);
	for (int i = 0; i < 2; i++)
		for (int k = 3; k >= 0; k--)
			sigqueue(getpid(), SIGRTMIN + k, (union sigval){.sival_int = 10 * k + i});
	sigprocmask(SIG_SETMASK, &old, NULL);
	/* Handlers nest, so the last signal to be set up runs first. */
	show_all("through handlers");

	HEAD("limit");
	CHILD {
		become(4343);
		struct rlimit rl = {10, 10};
		setrlimit(RLIMIT_SIGPENDING, &rl);
		sigprocmask(SIG_BLOCK, &s, NULL);
		int n = 0;
		while (n < 100 && !sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = n}))
			n++;
		say("queued %d then %s\n", n, err_name(errno));
		R(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 5}));
		R(kill(getpid(), SIGRTMIN));
		R(kill(getpid(), SIGUSR1));
		for (n = 0; sigtimedwait(&s, &si, &zero) > 0; n++)
			;
		say("received %d\n", n);
	}
	REAP("limited");
}

static void timed_waits(void)
{
	sigset_t s = sig_set(SIGUSR1);
	siginfo_t si;
	struct timespec ts = {0, 5000000};

	HEAD("sigtimedwait");
	sigprocmask(SIG_BLOCK, &s, NULL);
	R(sigtimedwait(&s, &si, &ts));
	ts.tv_nsec = 1000000000;
	R(sigtimedwait(&s, &si, &ts));
	ts.tv_nsec = -1;
	R(sigtimedwait(&s, &si, &ts));
	R(syscall(SYS_rt_sigtimedwait, &s, &si, NULL, 4));
	R(syscall(SYS_rt_sigtimedwait, (void *)8, &si, NULL, 8));
	raise(SIGUSR1);
	R(syscall(SYS_rt_sigtimedwait, &s, NULL, NULL, 8));
	raise(SIGUSR1);
	R(syscall(SYS_rt_sigtimedwait, &s, (void *)8, NULL, 8));
	on_siginfo(SIGALRM, on_info, SA_RESTART);
	struct itimerval it = {.it_value = {0, 20000}};
	setitimer(ITIMER_REAL, &it, NULL);
	R(sigwaitinfo(&s, &si));
	CHILD {
		int sig;
		R(sigwait(&s, &sig));
		say("waited for %s\n", sig_name(sig));
	}
	await_state(child_pid, 'S');
	kill(child_pid, SIGUSR1);
	REAP("sigwait");
	sigprocmask(SIG_UNBLOCK, &s, NULL);
}

static void raw_queue(void)
{
	siginfo_t si;
	pid_t self = getpid();

	HEAD("rt_sigqueueinfo");
	ngot = 0;
	memset(&si, 0, sizeof(si));
	si.si_signo = SIGUSR1;
	si.si_code = SI_QUEUE;
	si.si_pid = self;
	si.si_uid = 77;
	si.si_value.sival_int = 55;
	R(syscall(SYS_rt_sigqueueinfo, self, SIGUSR1, &si));
	si.si_code = -50;
	R(syscall(SYS_rt_sigqueueinfo, self, SIGUSR1, &si));
	si.si_code = SI_USER;
	R(syscall(SYS_rt_sigqueueinfo, self, SIGUSR1, &si));
	CHILD {
		R(syscall(SYS_rt_sigqueueinfo, self, SIGUSR1, &si));
		si.si_code = SI_TKILL;
		R(syscall(SYS_rt_sigqueueinfo, self, SIGUSR1, &si));
		si.si_code = SI_QUEUE;
		R(syscall(SYS_rt_sigqueueinfo, self, 0, &si));
		R(syscall(SYS_rt_sigqueueinfo, self, 65, &si));
		R(syscall(SYS_rt_sigqueueinfo, 999999, SIGUSR1, &si));
		R(syscall(SYS_rt_sigqueueinfo, self, SIGUSR1, (void *)8));
	}
	REAP("other");
	si.si_code = SI_QUEUE;
	R(syscall(SYS_rt_tgsigqueueinfo, self, self, SIGUSR1, &si));
	R(syscall(SYS_rt_tgsigqueueinfo, self, 999999, SIGUSR1, &si));
	R(syscall(SYS_rt_tgsigqueueinfo, -1, self, SIGUSR1, &si));
	int fd = NEED(pidfd_open(self, 0));
	R(pidfd_send_signal(fd, SIGUSR1, NULL, 0));
	R(pidfd_send_signal(fd, SIGUSR1, &si, 0));
	R(pidfd_send_signal(fd, SIGUSR2, &si, 0));
	R(pidfd_send_signal(fd, SIGUSR1, NULL, 0x100));
	R(pidfd_send_signal(0, SIGUSR1, NULL, 0));
	show_all("received");
	HEAD("tkill tgkill");
	R(syscall(SYS_tgkill, self, self, 0));
	R(syscall(SYS_tgkill, self, 1, 0));
	R(syscall(SYS_tgkill, self, 999999, 0));
	R(syscall(SYS_tgkill, -1, self, 0));
	R(syscall(SYS_tgkill, self, self, 65));
	R(syscall(SYS_tkill, 0, 0));
	R(syscall(SYS_tkill, -1, 0));
	R(syscall(SYS_tkill, 999999, 0));
}

int main(void)
{
	senders();
	queueing();
	timed_waits();
	raw_queue();
	return 0;
}
