// SPDX-License-Identifier: BSD-2-Clause
/* epoll(7): level, edge, one-shot, exclusive, nesting, duplicates, closing, waits, errors. */
#include "abi.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

static struct epoll_event ev[16];
static volatile sig_atomic_t hits;

static void on_sig(int sig)
{
	(void)sig;
	hits++;
}

static long ctl(int ep, int op, int fd, unsigned int events, unsigned long long data)
{
	struct epoll_event e = {.events = events, .data.u64 = data};

	return epoll_ctl(ep, op, fd, &e);
}

static int by_data(const void *a, const void *b)
{
	const struct epoll_event *x = a, *y = b;

	return x->data.u64 < y->data.u64 ? -1 : x->data.u64 > y->data.u64;
}

static void wait_show(const char *what, int ep, int max)
{
	int n = epoll_wait(ep, ev, max, 0);

	say("%s: %d", what, n);
	if (n > 1)
		qsort(ev, n, sizeof(ev[0]), by_data);
	for (int i = 0; i < n; i++)
		say(" [%llu %#x]", (unsigned long long)ev[i].data.u64, ev[i].events);
	say("\n");
}

static void errors(void)
{
	int p[2];

	HEAD("errors");
	R(epoll_create(0));
	R(epoll_create1(7));
	int ep = NEED(epoll_create1(EPOLL_CLOEXEC));
	R(fcntl(ep, F_GETFD));
	pipe(p);
	R(ctl(ep, EPOLL_CTL_ADD, p[0], EPOLLIN, 1));
	R(ctl(ep, EPOLL_CTL_ADD, p[0], EPOLLIN, 1));
	R(ctl(ep, EPOLL_CTL_MOD, p[1], EPOLLIN, 1));
	R(ctl(ep, EPOLL_CTL_DEL, p[1], EPOLLIN, 1));
	R(ctl(ep, 9, p[1], EPOLLIN, 1));
	R(ctl(ep, EPOLL_CTL_ADD, ep, EPOLLIN, 1));
	R(ctl(ep, EPOLL_CTL_ADD, 99, EPOLLIN, 1));
	R(ctl(99, EPOLL_CTL_ADD, p[1], EPOLLIN, 1));
	R(ctl(p[0], EPOLL_CTL_ADD, p[1], EPOLLIN, 1));
	int f = NEED(open("f", O_RDWR | O_CREAT, 0644));
	R(ctl(ep, EPOLL_CTL_ADD, f, EPOLLIN, 1));
	int d = NEED(open(".", O_RDONLY));
	R(ctl(ep, EPOLL_CTL_ADD, d, EPOLLIN, 1));
	R(epoll_ctl(ep, EPOLL_CTL_ADD, p[1], NULL));
	R(epoll_wait(ep, ev, 0, 0));
	R(epoll_wait(ep, ev, -1, 0));
	R(epoll_wait(p[0], ev, 1, 0));
	R(epoll_wait(99, ev, 1, 0));
	write(p[1], "x", 1);
	R(syscall(SYS_epoll_wait, ep, (void *)8, 1, 0));
	wait_show("after EFAULT", ep, 16);
	char c;
	R(read(ep, &c, 1));
	R(write(ep, &c, 1));
	close(ep);
	close(p[0]);
	close(p[1]);
}

static void triggers(void)
{
	int p[2], ep = NEED(epoll_create1(0));
	char c;

	HEAD("level");
	pipe(p);
	ctl(ep, EPOLL_CTL_ADD, p[0], EPOLLIN, 1);
	ctl(ep, EPOLL_CTL_ADD, p[1], EPOLLOUT, 2);
	wait_show("empty", ep, 16);
	write(p[1], "ab", 2);
	wait_show("data", ep, 16);
	wait_show("data again", ep, 16);
	read(p[0], &c, 1);
	wait_show("one left", ep, 16);
	ctl(ep, EPOLL_CTL_MOD, p[0], 0, 1);
	wait_show("nothing asked", ep, 16);
	ctl(ep, EPOLL_CTL_DEL, p[1], 0, 0);
	close(p[1]);
	wait_show("hangup though nothing asked", ep, 16);
	close(p[0]);
	wait_show("closed", ep, 16);

	HEAD("edge");
	pipe(p);
	ctl(ep, EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLET, 3);
	write(p[1], "a", 1);
	wait_show("data", ep, 16);
	wait_show("again", ep, 16);
	write(p[1], "b", 1);
	wait_show("more data", ep, 16);
	read(p[0], &c, 1);
	wait_show("a read is no edge", ep, 16);
	ctl(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLET, 4);
	wait_show("MOD arms again", ep, 16);
	ctl(ep, EPOLL_CTL_DEL, p[0], 0, 0);

	HEAD("one shot");
	ctl(ep, EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLONESHOT, 5);
	wait_show("data", ep, 16);
	wait_show("again", ep, 16);
	write(p[1], "b", 1);
	wait_show("more data", ep, 16);
	ctl(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT, 6);
	wait_show("armed", ep, 16);
	R(ctl(ep, EPOLL_CTL_ADD, p[0], EPOLLIN, 6));
	close(p[0]);
	close(p[1]);
	close(ep);
}

static void exclusive(void)
{
	int p[2], ep = NEED(epoll_create1(0)), in = NEED(epoll_create1(0));

	HEAD("exclusive");
	pipe(p);
	R(ctl(ep, EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLEXCLUSIVE, 1));
	R(ctl(ep, EPOLL_CTL_MOD, p[0], EPOLLIN, 1));
	R(ctl(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLEXCLUSIVE, 1));
	R(ctl(ep, EPOLL_CTL_DEL, p[0], 0, 1));
	R(ctl(ep, EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 1));
	R(ctl(ep, EPOLL_CTL_ADD, in, EPOLLIN | EPOLLEXCLUSIVE, 1));
	R(ctl(ep, EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLPRI, 1));
	close(p[0]);
	close(p[1]);
	close(ep);
	close(in);
}

static void nested(void)
{
	int p[2], inner = NEED(epoll_create1(0)), outer = NEED(epoll_create1(0));

	HEAD("nested");
	pipe(p);
	R(ctl(inner, EPOLL_CTL_ADD, p[0], EPOLLIN, 1));
	R(ctl(outer, EPOLL_CTL_ADD, inner, EPOLLIN, 2));
	wait_show("outer, nothing", outer, 16);
	write(p[1], "x", 1);
	wait_show("outer", outer, 16);
	wait_show("inner", inner, 16);
	struct pollfd pf = {outer, POLLIN, 0};
	R(poll(&pf, 1, 0));
	R(ctl(inner, EPOLL_CTL_ADD, outer, EPOLLIN, 3));
	int chain[8];
	chain[0] = NEED(epoll_create1(0));
	for (int i = 1; i < 7; i++) {
		chain[i] = NEED(epoll_create1(0));
		say("depth %d: %s\n", i, ctl(chain[i], EPOLL_CTL_ADD, chain[i - 1], EPOLLIN, i)
			? err_name(errno) : "ok");
	}
	for (int i = 0; i < 7; i++)
		close(chain[i]);
	close(inner);
	wait_show("inner closed", outer, 16);
	close(outer);
	close(p[0]);
	close(p[1]);
}

static void lifetimes(void)
{
	int p[2], ep = NEED(epoll_create1(0));

	HEAD("registrations live with the open file");
	pipe(p);
	int dupfd = dup(p[0]);
	R(ctl(ep, EPOLL_CTL_ADD, p[0], EPOLLIN, 1));
	R(ctl(ep, EPOLL_CTL_ADD, dupfd, EPOLLIN, 2));
	write(p[1], "x", 1);
	wait_show("both", ep, 16);
	close(p[0]);
	wait_show("first closed, file alive", ep, 16);
	R(ctl(ep, EPOLL_CTL_DEL, p[0], 0, 0));
	close(dupfd);
	wait_show("file gone", ep, 16);
	close(p[1]);
	close(ep);
}

static void waiting(void)
{
	int e = NEED(eventfd(0, 0)), ep = NEED(epoll_create1(0));
	struct itimerval it = {.it_value = {0, 20000}};
	sigset_t usr1 = sig_set(SIGUSR1), none = sig_set(0);
	struct timespec ts = {0, 1000000};

	HEAD("waiting");
	ctl(ep, EPOLL_CTL_ADD, e, EPOLLIN, 9);
	R(epoll_wait(ep, ev, 4, 10));
	on_signal(SIGALRM, on_sig, SA_RESTART);
	setitimer(ITIMER_REAL, &it, NULL);
	R(epoll_wait(ep, ev, 4, -1));
	on_signal(SIGUSR1, on_sig, 0);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	raise(SIGUSR1);
	R(epoll_pwait(ep, ev, 4, -1, &none));
	V(hits);
	R(syscall(SYS_epoll_pwait2, ep, ev, 4, &ts, NULL, 0));
	ts.tv_nsec = -1;
	R(syscall(SYS_epoll_pwait2, ep, ev, 4, &ts, NULL, 0));
	R(syscall(SYS_epoll_pwait, ep, ev, 4, 0, &none, 5));
	CHILD {
		await_state(getppid(), 'S');
		uint64_t v = 1;
		write(e, &v, 8);
	}
	R(epoll_wait(ep, ev, 4, 20000));
	REAP("waker");
	/* More ready than asked for: the rest comes with the next call, in turn. */
	int many[6];
	uint64_t v = 1;
	for (int i = 0; i < 6; i++) {
		many[i] = NEED(eventfd(1, 0));
		ctl(ep, EPOLL_CTL_ADD, many[i], EPOLLIN, 20 + i);
	}
	read(e, &v, 8);
	wait_show("first four", ep, 4);
	wait_show("next four", ep, 4);
	wait_show("all", ep, 16);
}

int main(void)
{
	errors();
	triggers();
	exclusive();
	nested();
	lifetimes();
	waiting();
	return 0;
}
