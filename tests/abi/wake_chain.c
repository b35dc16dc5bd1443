// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two wait for the same thing and the first one who is woken does not use it up: he faults, takes a part, or is interrupted at the
 * same moment. The second one must hear of it.
 */
#include "abi.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define ROUNDS 20

static int fds[2], ep, want_epoll;
static char page[4096];

static void on_sig(int sig)
{
	(void)sig;
}

/* A sleeping child that does @fn and ends with what it returned; who sleeps on is killed. */
static pid_t sleeper(int (*fn)(void))
{
	CHILD {
		alarm(60);
		_exit(fn());
	}
	await_state(child_pid, 'S');
	return child_pid;
}

static int result(ssize_t n)
{
	return n < 0 ? errno : 100 + (int)n;
}

static int write_bad(void)
{
	return result(write(fds[1], (void *)8, 4096));
}

static int write_one(void)
{
	return result(write(fds[1], page, 1));
}

static int read_one(void)
{
	char c;

	return result(read(fds[0], &c, 1));
}

static int read_bad(void)
{
	return result(read(fds[0], (void *)8, 1));
}

static int peek_one(void)
{
	char c;

	return result(recv(fds[0], &c, 1, MSG_PEEK));
}

static int splice_one(void)
{
	int to[2];

	NEED(pipe(to));
	return result(splice(fds[0], NULL, to[1], NULL, 1, 0));
}

static int tee_one(void)
{
	int to[2];

	NEED(pipe(to));
	return result(tee(fds[0], to[1], 1, 0));
}

static void two_reap(const char *what, pid_t first, pid_t second)
{
	HEAD(what);
	reap_pid("first", first);
	reap_pid("second", second);
	close(fds[0]);
	close(fds[1]);
}

static void full_pipe(void)
{
	pid_t a, b;

	NEED(pipe(fds));
	for (int i = 0; i < 16; i++)
		NEED(write(fds[1], page, sizeof(page)));
	a = sleeper(write_bad);
	b = sleeper(write_one);
	NEED(read(fds[0], page, sizeof(page)));
	two_reap("a full pipe: a writer faults", a, b);
}

static void empty_pipe(const char *what, int (*first)(void))
{
	pid_t a, b;

	NEED(pipe(fds));
	a = sleeper(first);
	b = sleeper(read_one);
	NEED(write(fds[1], page, 2));
	two_reap(what, a, b);
}

static void empty_stream(const char *what, int (*first)(void))
{
	pid_t a, b;

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	a = sleeper(first);
	b = sleeper(read_one);
	NEED(write(fds[1], page, 2));
	two_reap(what, a, b);
}

/* ---- woken and interrupted ---- */

static int read_value(void)
{
	uint64_t v;

	return want_epoll ? result(epoll_wait(ep, &(struct epoll_event){0}, 1, -1)) : result(read(fds[0], &v, 8));
}

static int status_of(pid_t pid)
{
	int st;

	NEED(waitpid(pid, &st, 0));
	return WIFEXITED(st) ? WEXITSTATUS(st) : -1;
}

/* The first one hears a signal and the news at once: he may take the news or leave them, but not lose them. */
static void interrupted(const char *what, bool epoll, bool pipes)
{
	int good = 0, odd = 0;
	uint64_t one = 1;

	want_epoll = epoll;
	for (int i = 0; i < ROUNDS; i++) {
		pid_t a, b;
		int ra;

		if (pipes)
			NEED(pipe(fds));
		else
			fds[0] = fds[1] = NEED(eventfd(0, 0));
		ep = NEED(epoll_create1(0));
		NEED(epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &(struct epoll_event){.events = EPOLLIN}));
		a = sleeper(read_value);
		b = sleeper(read_value);
		kill(a, SIGUSR1);
		NEED(write(fds[1], &one, 8));
		ra = status_of(a);
		if (ra != EINTR && !epoll)
			NEED(write(fds[1], &one, 8)); /* he took it: one more for the other */
		odd += ra != EINTR && ra != (epoll ? 101 : 108);
		good += status_of(b) == (epoll ? 101 : 108);
		close(ep);
		close(fds[0]);
		if (pipes)
			close(fds[1]);
	}
	HEAD(what);
	V(good);
	V(odd);
}

int main(void)
{
	on_signal(SIGUSR1, on_sig, 0);
	full_pipe();
	empty_pipe("an empty pipe: a reader takes a part", read_one);
	empty_pipe("an empty pipe: a reader faults", read_bad);
	empty_pipe("an empty pipe: splice takes a part", splice_one);
	empty_pipe("an empty pipe: tee takes nothing", tee_one);
	empty_stream("a stream: a reader takes a part", read_one);
	empty_stream("a stream: a reader faults", read_bad);
	empty_stream("a stream: a reader only looks", peek_one);
	interrupted("eventfd", false, false);
	interrupted("pipe", false, true);
	interrupted("epoll", true, false);
	return 0;
}
