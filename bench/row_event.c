// SPDX-License-Identifier: BSD-2-Clause
/*
 * Readiness: eventfd, epoll, poll and select. The watched descriptors are the read ends of empty
 * pipes, but for those that the row's name calls ready.
 */
#include "bench.h"

#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <unistd.h>

#define MANY 100

static int ends[MANY][2], epfd, event_fd, answer_fd;
static struct pollfd polled[MANY];

static void make_pipes_ready(long ready)
{
	char byte = 0;

	for (int i = 0; i < MANY; i++) {
		must_libc(pipe(ends[i]));
		polled[i] = (struct pollfd){.fd = ends[i][0], .events = POLLIN};
		if (i < ready)
			must_be(write(ends[i][1], &byte, 1), 1);
	}
}

static void make_pipes(long arg)
{
	(void)arg;
	make_pipes_ready(0);
}

static void epoll_add(int i)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = (unsigned)i};

	must(sys4(SYS_epoll_ctl, epfd, EPOLL_CTL_ADD, ends[i][0], (long)&event));
}

static void watch_all(long ready)
{
	make_pipes_ready(ready);
	epfd = (int)must_libc(epoll_create1(0));
	for (int i = 0; i < MANY; i++)
		epoll_add(i);
}

static void watch_none(long arg)
{
	(void)arg;
	make_pipes_ready(0);
	epfd = (int)must_libc(epoll_create1(0));
}

static void op_epoll_wait(unsigned n, long ready)
{
	struct epoll_event events[MANY];

	while (n--)
		must_be(sys4(SYS_epoll_wait, epfd, (long)events, MANY, 0), ready);
}

static void op_epoll_add_del(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		epoll_add(0);
		must(sys4(SYS_epoll_ctl, epfd, EPOLL_CTL_DEL, ends[0][0], 0));
	}
}

static void op_epoll_mod(unsigned n, long arg)
{
	struct epoll_event event = {.events = EPOLLIN};

	(void)arg;
	while (n--)
		must(sys4(SYS_epoll_ctl, epfd, EPOLL_CTL_MOD, ends[0][0], (long)&event));
}

static void op_epoll_create(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must(sys1(SYS_close, must(sys1(SYS_epoll_create1, 0))));
}

/* Write, be told, read: the loop of a server on a hundred connections. */
static void op_epoll_cycle(unsigned n, long arg)
{
	struct epoll_event events[MANY];
	char byte = 0;

	(void)arg;
	while (n--) {
		must_be(sys3(SYS_write, ends[n % MANY][1], (long)&byte, 1), 1);
		must_be(sys4(SYS_epoll_wait, epfd, (long)events, MANY, -1), 1);
		must_be(sys3(SYS_read, ends[events[0].data.u32][0], (long)&byte, 1), 1);
	}
}

static void op_poll(unsigned n, long count)
{
	while (n--)
		must_be(sys3(SYS_poll, (long)polled, count, 0), 0);
}

static void op_poll_ready(unsigned n, long count)
{
	while (n--)
		must_be(sys3(SYS_poll, (long)polled, count, -1), 1);
}

/* Only the last is ready and the caller would wait: every descriptor's queue is joined and left. */
static void make_pipes_last_ready(long count)
{
	char byte = 0;

	make_pipes_ready(0);
	must_be(write(ends[count - 1][1], &byte, 1), 1);
}

static void op_select(unsigned n, long count)
{
	struct timeval zero = {0, 0};
	fd_set set;

	while (n--) {
		FD_ZERO(&set);
		for (long i = 0; i < count; i++)
			FD_SET(ends[i][0], &set);
		must_be(select(ends[count - 1][0] + 1, &set, NULL, NULL, &zero), 0);
	}
}

static void op_eventfd_create(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must(sys1(SYS_close, must(sys2(SYS_eventfd2, 0, 0))));
}

static void make_eventfd(long arg)
{
	(void)arg;
	event_fd = (int)must_libc(eventfd(0, 0));
}

static void op_eventfd(unsigned n, long arg)
{
	uint64_t count = 1;

	(void)arg;
	while (n--) {
		must_be(sys3(SYS_write, event_fd, (long)&count, 8), 8);
		must_be(sys3(SYS_read, event_fd, (long)&count, 8), 8);
	}
}

static void *echo_thread(void *arg)
{
	uint64_t count;

	for (;;) {
		must_be(sys3(SYS_read, event_fd, (long)&count, 8), 8);
		must_be(sys3(SYS_write, answer_fd, (long)&count, 8), 8);
	}
	return arg;
}

static void start_echo(long arg)
{
	make_eventfd(arg);
	answer_fd = (int)must_libc(eventfd(0, 0));
	start_thread(echo_thread, NULL);
}

static void op_eventfd_round_trip(unsigned n, long arg)
{
	uint64_t count = 1;

	(void)arg;
	while (n--) {
		must_be(sys3(SYS_write, event_fd, (long)&count, 8), 8);
		must_be(sys3(SYS_read, answer_fd, (long)&count, 8), 8);
	}
}

const struct row rows_event[] = {
	{"eventfd.create_close", NULL, op_eventfd_create, 100, 0, 0},
	{"eventfd.self", make_eventfd, op_eventfd, 200, 0, 0},
	{"eventfd.round_trip_thread", start_echo, op_eventfd_round_trip, 50, 0, 0},
	{"epoll.create_close", NULL, op_epoll_create, 100, 0, 0},
	{"epoll.add_del", watch_none, op_epoll_add_del, 100, 0, 0},
	{"epoll.mod", watch_all, op_epoll_mod, 200, 0, 0},
	{"epoll.wait_0_of_100", watch_all, op_epoll_wait, 500, 0, 0},
	{"epoll.wait_1_of_100", watch_all, op_epoll_wait, 500, 1, 0},
	{"epoll.wait_100_of_100", watch_all, op_epoll_wait, 20, MANY, 0},
	{"epoll.write_wait_read", watch_all, op_epoll_cycle, 100, 0, 0},
	{"poll.1", make_pipes, op_poll, 500, 1, 0},
	{"poll.1_ready", make_pipes_ready, op_poll_ready, 500, 1, 0},
	{"poll.10", make_pipes, op_poll, 100, 10, 0},
	{"poll.100", make_pipes, op_poll, 20, 100, 0},
	{"poll.100_last_ready", make_pipes_last_ready, op_poll_ready, 20, 100, 0},
	{"select.10", make_pipes, op_select, 100, 10, 0},
	{"select.100", make_pipes, op_select, 20, 100, 0},
	{},
};
