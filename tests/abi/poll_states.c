// SPDX-License-Identifier: BSD-2-Clause
/* poll, ppoll, select, pselect: states of every kind of descriptor, timeouts, masks, errors. */
#include "abi.h"
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>

static char big[1 << 17];
static volatile sig_atomic_t hits;

static void on_sig(int sig)
{
	(void)sig;
	hits++;
}

static void show(const char *what, int fd, short want)
{
	struct pollfd p = {fd, want, 0};
	int r = poll(&p, 1, 0);

	say("%s: %d%s%s%s%s%s%s%s%s%s\n", what, r, p.revents & POLLIN ? " IN" : "",
		p.revents & POLLPRI ? " PRI" : "", p.revents & POLLOUT ? " OUT" : "",
		p.revents & POLLERR ? " ERR" : "", p.revents & POLLHUP ? " HUP" : "",
		p.revents & POLLNVAL ? " NVAL" : "", p.revents & POLLRDNORM ? " RDNORM" : "",
		p.revents & POLLWRNORM ? " WRNORM" : "", p.revents & POLLRDHUP ? " RDHUP" : "");
}

enum { ALL = POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLWRNORM | POLLRDHUP };

static void states(void)
{
	int p[2];

	HEAD("states");
	pipe2(p, O_NONBLOCK);
	show("empty pipe, read end", p[0], ALL);
	show("empty pipe, write end", p[1], ALL);
	write(p[1], "x", 1);
	show("filled pipe, read end", p[0], ALL);
	while (write(p[1], big, 4096) > 0)
		;
	show("full pipe, write end", p[1], ALL);
	read(p[0], big, 1);
	show("one byte read, write end", p[1], ALL);
	read(p[0], big, 4096);
	show("a page read, write end", p[1], ALL);
	close(p[1]);
	show("no writer, data", p[0], ALL);
	while (read(p[0], big, sizeof(big)) > 0)
		;
	show("no writer, empty", p[0], ALL);
	show("no writer, nothing asked", p[0], 0);
	close(p[0]);
	pipe(p);
	close(p[0]);
	show("no reader", p[1], ALL);
	show("no reader, nothing asked", p[1], 0);
	close(p[1]);
	show("closed descriptor", p[1], ALL);
	show("negative descriptor", -1, ALL);
	int f = NEED(open("f", O_RDWR | O_CREAT, 0644));
	show("regular file", f, ALL);
	int d = NEED(open(".", O_RDONLY));
	show("directory", d, ALL);
	show("/dev/null", NEED(open("/dev/null", O_RDWR)), ALL);
	show("/dev/zero", NEED(open("/dev/zero", O_RDWR)), ALL);
	show("O_PATH", NEED(open("f", O_PATH)), ALL);
	int e = NEED(eventfd(0, 0));
	show("eventfd 0", e, ALL);
	uint64_t v = 1;
	write(e, &v, 8);
	show("eventfd 1", e, ALL);
	v = 0xfffffffffffffffdull;
	write(e, &v, 8);
	show("eventfd at its top", e, ALL);
	close(e);
}

static void calling(void)
{
	struct pollfd p[3] = {{-1, POLLIN, 7}, {99, POLLIN, 7}, {-5, 0, 7}};

	HEAD("poll");
	R(poll(p, 3, 1000));
	V(p[0].revents);
	X(p[1].revents);
	R(poll(NULL, 0, 10));
	R(poll(NULL, 1, 10));
	R(poll(p, 1, 10));
	R(syscall(SYS_poll, p, 5000, 0));
	R(syscall(SYS_poll, (void *)-4096l, 1, 0));
	struct timespec ts = {0, 1000000};
	R(ppoll(NULL, 0, &ts, NULL));
	ts.tv_nsec = 1000000000;
	R(ppoll(NULL, 0, &ts, NULL));
	ts.tv_sec = -1;
	ts.tv_nsec = 0;
	R(ppoll(NULL, 0, &ts, NULL));
	ts.tv_sec = 0;
	sigset_t s = sig_set(SIGUSR1);
	R(syscall(SYS_ppoll, NULL, 0, &ts, &s, 4));
	R(syscall(SYS_ppoll, NULL, 0, &ts, (void *)8, 8));
	R(syscall(SYS_ppoll, NULL, 0, (void *)8, NULL, 0));
}

static void masks(void)
{
	sigset_t usr1 = sig_set(SIGUSR1), none = sig_set(0), now;

	HEAD("ppoll's mask");
	on_signal(SIGUSR1, on_sig, SA_RESTART);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	raise(SIGUSR1);
	V(hits);
	R(ppoll(NULL, 0, NULL, &none));
	V(hits);
	sigprocmask(SIG_SETMASK, NULL, &now);
	V(sigismember(&now, SIGUSR1));
	raise(SIGUSR1);
	struct timespec zero = {0, 0};
	R(ppoll(NULL, 0, &zero, &none));
	V(hits);
	raise(SIGUSR1);
	R(pselect(0, NULL, NULL, NULL, NULL, &none));
	V(hits);
}

static void interrupted(void)
{
	int p[2];
	struct itimerval it = {.it_value = {0, 20000}};

	HEAD("signals end poll and select, restart or not");
	pipe(p);
	on_signal(SIGALRM, on_sig, SA_RESTART);
	struct pollfd pf = {p[0], POLLIN, 0};
	hits = 0;
	setitimer(ITIMER_REAL, &it, NULL);
	R(poll(&pf, 1, -1));
	setitimer(ITIMER_REAL, &it, NULL);
	fd_set rs;
	FD_ZERO(&rs);
	FD_SET(p[0], &rs);
	R(select(p[0] + 1, &rs, NULL, NULL, NULL));
	V(hits);
	/* A stop and continue restarts a poll without a handler. */
	CHILD {
		struct pollfd q = {p[0], POLLIN, 0};
		say("child's poll %d\n", poll(&q, 1, 20000));
	}
	await_state(child_pid, 'S');
	kill(child_pid, SIGSTOP);
	await_state(child_pid, 'T');
	kill(child_pid, SIGCONT);
	await_state(child_pid, 'S');
	write(p[1], "x", 1);
	REAP("poller");
}

static void selecting(void)
{
	int p[2];
	fd_set r, w, x;
	struct timeval tv = {0, 0};

	HEAD("select");
	pipe(p);
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&x);
	FD_SET(p[0], &r);
	FD_SET(p[1], &w);
	FD_SET(p[0], &x);
	R(select(p[1] + 1, &r, &w, &x, &tv));
	say("r %d w %d x %d\n", !!FD_ISSET(p[0], &r), !!FD_ISSET(p[1], &w), !!FD_ISSET(p[0], &x));
	write(p[1], "x", 1);
	FD_SET(p[0], &r);
	R(select(p[1] + 1, &r, &w, NULL, NULL));
	close(p[1]);
	read(p[0], big, 1);
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	R(select(p[0] + 1, &r, NULL, NULL, &tv));
	R(select(p[0] + 1, NULL, NULL, NULL, &tv));
	FD_ZERO(&r);
	FD_SET(50, &r);
	R(select(51, &r, NULL, NULL, &tv));
	R(select(-1, NULL, NULL, NULL, &tv));
	R(select(5000, NULL, NULL, NULL, &tv));
	tv.tv_sec = -1;
	R(select(0, NULL, NULL, NULL, &tv));
	tv.tv_sec = 0;
	tv.tv_usec = 2000;
	R(select(0, NULL, NULL, NULL, &tv));
	say("remaining %ld %ld\n", (long)tv.tv_sec, (long)tv.tv_usec);
	tv.tv_usec = 1000001;
	R(select(0, NULL, NULL, NULL, &tv));
	R(syscall(SYS_select, 10, (void *)8, NULL, NULL, NULL));
	R(syscall(SYS_pselect6, 0, NULL, NULL, NULL, (void *)8, NULL));
}

static void wakeups(void)
{
	int p[2], q[2];

	HEAD("woken by another process");
	pipe(p);
	pipe(q);
	CHILD {
		await_state(getppid(), 'S');
		write(q[1], "x", 1);
	}
	struct pollfd pf[3] = {{p[0], POLLIN, 0}, {q[0], POLLIN, 0}, {p[0], POLLIN, 0}};
	R(poll(pf, 3, 20000));
	X(pf[1].revents);
	REAP("waker");
	read(q[0], big, 1);
	CHILD {
		close(p[0]);
		await_state(getppid(), 'S');
	}
	close(p[1]);
	R(poll(pf, 3, 20000));
	X(pf[0].revents);
	X(pf[2].revents);
	REAP("closer");
}

int main(void)
{
	states();
	calling();
	masks();
	interrupted();
	selecting();
	wakeups();
	return 0;
}
