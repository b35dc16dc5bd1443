// SPDX-License-Identifier: BSD-2-Clause
/* Which blocked calls a handler interrupts, and which SA_RESTART restarts. */
#include "abi.h"
#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/timerfd.h>

static int p[2], full[2], ev, tfd, ep, lockfd;
static char c;
static uint64_t v64;
static unsigned int word;
static bool second_signal; /* ends what nothing else releases */

static void nothing(int sig)
{
	(void)sig;
}

static long do_read(void)
{
	return read(p[0], &c, 1);
}
static long do_readv(void)
{
	struct iovec v = {&c, 1};
	return readv(p[0], &v, 1);
}
static long do_write(void)
{
	return write(full[1], &c, 1);
}
static long do_wait(void)
{
	return wait4(-1, NULL, 0, NULL) > 0 ? 1 : -1;
}
static long do_waitid(void)
{
	siginfo_t si;
	return waitid(P_ALL, 0, &si, WEXITED);
}
static long do_pause(void)
{
	return pause();
}
static long do_sigsuspend(void)
{
	sigset_t s = sig_set(0);
	return sigsuspend(&s);
}
static long do_sigwait(void)
{
	sigset_t s = sig_set(SIGUSR2);
	return sigwaitinfo(&s, NULL);
}
static long do_nanosleep(void)
{
	struct timespec ts = {0, 400000000};
	return nanosleep(&ts, NULL);
}
static long do_clock_nanosleep(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += 1;
	int e = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	errno = e;
	return e ? -1 : 0;
}
static long do_poll(void)
{
	struct pollfd f = {p[0], POLLIN, 0};
	return poll(&f, 1, 1000);
}
static long do_ppoll(void)
{
	struct pollfd f = {p[0], POLLIN, 0};
	return ppoll(&f, 1, NULL, NULL);
}
static long do_select(void)
{
	struct timeval tv = {1, 0};
	fd_set r;
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	return select(p[0] + 1, &r, NULL, NULL, &tv);
}
static long do_pselect(void)
{
	return pselect(0, NULL, NULL, NULL, NULL, NULL);
}
static long do_epoll(void)
{
	struct epoll_event e;
	return epoll_wait(ep, &e, 1, 1000);
}
static long do_eventfd(void)
{
	return read(ev, &v64, 8);
}
static long do_timerfd(void)
{
	struct itimerspec it = {.it_value = {0, 400000000}};
	timerfd_settime(tfd, 0, &it, NULL);
	return read(tfd, &v64, 8);
}
static long do_futex(void)
{
	return syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL);
}
static long do_futex_timeout(void)
{
	struct timespec ts = {0, 400000000};
	return syscall(SYS_futex, &word, FUTEX_WAIT, 0, &ts);
}
static long do_setlkw(void)
{
	struct flock fl = {.l_type = F_WRLCK};
	return fcntl(lockfd, F_SETLKW, &fl);
}
static long do_flock(void)
{
	return flock(lockfd, LOCK_EX);
}
static long do_fifo(void)
{
	return open("fifo", O_RDONLY);
}

static const struct {
	const char *name;
	long (*fn)(void);
} calls[] = {
	{"read of a pipe", do_read},
	{"readv of a pipe", do_readv},
	{"write to a full pipe", do_write},
	{"wait4", do_wait},
	{"waitid", do_waitid},
	{"pause", do_pause},
	{"sigsuspend", do_sigsuspend},
	{"sigwaitinfo", do_sigwait},
	{"nanosleep", do_nanosleep},
	{"clock_nanosleep absolute", do_clock_nanosleep},
	{"poll", do_poll},
	{"ppoll", do_ppoll},
	{"select", do_select},
	{"pselect", do_pselect},
	{"epoll_wait", do_epoll},
	{"read of an eventfd", do_eventfd},
	{"read of a timerfd", do_timerfd},
	{"futex wait", do_futex},
	{"futex wait with timeout", do_futex_timeout},
	{"fcntl F_SETLKW", do_setlkw},
	{"flock", do_flock},
	{"open of a fifo", do_fifo},
};

/* The helper releases whatever a restarted call waits for, 150 ms after the signal. */
static void release(pid_t target)
{
	int fd;

	await_state(target, 'S');
	sleep_ms(20);
	kill(target, SIGUSR1);
	sleep_ms(150);
	write(p[1], "x", 1);
	char buf[4096];
	read(full[0], buf, sizeof(buf));
	uint64_t one = 1;
	write(ev, &one, 8);
	fd = open("fifo", O_WRONLY | O_NONBLOCK);
	(void)fd;
	if (second_signal)
		kill(target, SIGUSR2);
	_exit(0);
}

/* One call in a child of its own: interrupted by a handler set up with @flags. */
static void trial(const char *name, long (*fn)(void), int flags)
{
	CHILD {
		NEED(pipe(p));
		NEED(pipe2(full, O_NONBLOCK));
		while (write(full[1], name, 1) > 0)
			;
		fcntl(full[1], F_SETFL, 0);
		ev = NEED(eventfd(0, 0));
		tfd = NEED(timerfd_create(CLOCK_MONOTONIC, 0));
		ep = NEED(epoll_create1(0));
		on_signal(SIGUSR1, nothing, flags);
		on_signal(SIGUSR2, nothing, 0);
		sigset_t usr2 = sig_set(SIGUSR2);
		if (fn == do_sigwait)
			sigprocmask(SIG_BLOCK, &usr2, NULL);
		second_signal = fn != do_wait && fn != do_waitid;
		pid_t self = getpid();
		pid_t helper = fork();
		if (helper == 0)
			release(self);
		errno = 0;
		long r = fn();
		int e = errno;
		say("%s, %s: %s\n", name, flags ? "SA_RESTART" : "plain",
			r >= 0 ? "went on" : err_name(e));
		kill(helper, SIGKILL);
	}
	waitpid(child_pid, NULL, 0);
}

int main(void)
{
	put_file("lock", "", 0, 0644);
	lockfd = NEED(open("lock", O_RDWR));
	mkfifo("fifo", 0600);
	/* Held by this process for all children, whose waits for it end by SIGUSR2. */
	struct flock fl = {.l_type = F_WRLCK};
	NEED(fcntl(lockfd, F_SETLK, &fl));
	int other = NEED(open("lock", O_RDWR));
	NEED(flock(other, LOCK_EX));
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		trial(calls[i].name, calls[i].fn, 0);
		trial(calls[i].name, calls[i].fn, SA_RESTART);
	}
	return 0;
}
