// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sockets of the local family.
 */
#include "bench.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BULK (64 * KIB)

static int ends[2], listener;
static char bulk[BULK], byte;
static struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "unix.socket"};

static void op_pair(unsigned n, long type)
{
	while (n--) {
		must(sys4(SYS_socketpair, AF_UNIX, type, 0, (long)ends));
		must(sys1(SYS_close, ends[0]));
		must(sys1(SYS_close, ends[1]));
	}
}

static void make_pair(long type)
{
	must(sys4(SYS_socketpair, AF_UNIX, type, 0, (long)ends));
}

static void op_self(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		must_be(sys3(SYS_write, ends[0], (long)&byte, 1), 1);
		must_be(sys3(SYS_read, ends[1], (long)&byte, 1), 1);
	}
}

static void echo(long arg)
{
	char c;

	(void)arg;
	for (;;) {
		must_be(sys3(SYS_read, ends[1], (long)&c, 1), 1);
		must_be(sys3(SYS_write, ends[1], (long)&c, 1), 1);
	}
}

static void start_echo(long type)
{
	make_pair(type);
	spawn(echo, 0);
}

static void op_round_trip(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		must_be(sys3(SYS_write, ends[0], (long)&byte, 1), 1);
		must_be(sys3(SYS_read, ends[0], (long)&byte, 1), 1);
	}
}

static void pour(long arg)
{
	(void)arg;
	for (;;)
		write_full(ends[1], bulk, sizeof(bulk));
}

static void start_pour(long type)
{
	make_pair(type);
	spawn(pour, 0);
}

static void op_bulk(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		read_full(ends[0], bulk, sizeof(bulk));
}

/* A descriptor carried over, received and closed. */
static void op_pass_fd(unsigned n, long arg)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control};

	(void)arg;
	while (n--) {
		int got;

		msg.msg_controllen = sizeof(control);
		control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.header), &ends[0], sizeof(int));
		must_be(sys3(SYS_sendmsg, ends[0], (long)&msg, 0), 1);
		must_be(sys3(SYS_recvmsg, ends[1], (long)&msg, 0), 1);
		must_be(control.header.cmsg_type, SCM_RIGHTS);
		memcpy(&got, CMSG_DATA(&control.header), sizeof(int));
		must(sys1(SYS_close, got));
	}
}

static void start_listening(long type)
{
	listener = (int)must_libc(socket(AF_UNIX, (int)type, 0));
	must_libc(bind(listener, (struct sockaddr *)&address, sizeof(address)));
	must_libc(listen(listener, 8));
}

static void op_connect(unsigned n, long type)
{
	while (n--) {
		long client = must(sys3(SYS_socket, AF_UNIX, type, 0));

		must(sys3(SYS_connect, client, (long)&address, sizeof(address)));
		must(sys1(SYS_close, must(sys4(SYS_accept4, listener, 0, 0, 0))));
		must(sys1(SYS_close, client));
	}
}

const struct row rows_unix[] = {
	{"unix.pair_close", NULL, op_pair, 50, SOCK_STREAM, 0},
	{"unix.self_stream", make_pair, op_self, 100, SOCK_STREAM, 0},
	{"unix.self_dgram", make_pair, op_self, 100, SOCK_DGRAM, 0},
	{"unix.round_trip_stream", start_echo, op_round_trip, 50, SOCK_STREAM, 0},
	{"unix.round_trip_dgram", start_echo, op_round_trip, 50, SOCK_DGRAM, 0},
	{"unix.bulk_64k", start_pour, op_bulk, 10, SOCK_STREAM, 0},
	{"unix.pass_fd", make_pair, op_pass_fd, 50, SOCK_STREAM, 0},
	{"unix.connect_accept", start_listening, op_connect, 20, SOCK_STREAM, 0},
	{},
};
