// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pipes: made, written and read by one process, between two processes and two threads, and in bulk.
 */
#include "bench.h"

#include <string.h>
#include <unistd.h>

#define BULK (64 * KIB)

static int to[2], from[2];
static char byte, bulk[BULK];

static void op_create(unsigned n, long arg)
{
	int ends[2];

	(void)arg;
	while (n--) {
		must(sys2(SYS_pipe2, (long)ends, 0));
		must(sys1(SYS_close, ends[0]));
		must(sys1(SYS_close, ends[1]));
	}
}

static void make_pipes(long arg)
{
	(void)arg;
	must_libc(pipe(to));
	must_libc(pipe(from));
	memset(bulk, 'n', sizeof(bulk));
}

static void op_self(unsigned n, long len)
{
	while (n--) {
		must_be(sys3(SYS_write, to[1], (long)bulk, len), len);
		must_be(sys3(SYS_read, to[0], (long)bulk, len), len);
	}
}

static void echo(long arg)
{
	char c;

	(void)arg;
	for (;;) {
		must_be(sys3(SYS_read, to[0], (long)&c, 1), 1);
		must_be(sys3(SYS_write, from[1], (long)&c, 1), 1);
	}
}

static void *echo_thread(void *arg)
{
	echo((long)arg);
	return NULL;
}

static void start_process(long arg)
{
	make_pipes(arg);
	spawn(echo, 0);
}

static void start_echo_thread(long arg)
{
	make_pipes(arg);
	start_thread(echo_thread, NULL);
}

static void op_round_trip(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		must_be(sys3(SYS_write, to[1], (long)&byte, 1), 1);
		must_be(sys3(SYS_read, from[0], (long)&byte, 1), 1);
	}
}

static void pour(long arg)
{
	(void)arg;
	for (;;)
		write_full(to[1], bulk, sizeof(bulk));
}

static void start_pour(long arg)
{
	make_pipes(arg);
	spawn(pour, 0);
}

static void op_bulk(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		read_full(to[0], bulk, sizeof(bulk));
}

const struct row rows_pipe[] = {
	{"pipe.create_close", NULL, op_create, 50, 0, 0},
	{"pipe.self_1", make_pipes, op_self, 200, 1, 0},
	{"pipe.self_4k", make_pipes, op_self, 100, 4 * KIB, 0},
	{"pipe.self_64k", make_pipes, op_self, 10, BULK, 0},
	{"pipe.round_trip_process", start_process, op_round_trip, 50, 0, 0},
	{"pipe.round_trip_thread", start_echo_thread, op_round_trip, 50, 0, 0},
	{"pipe.bulk_64k", start_pour, op_bulk, 10, 0, 0},
	{},
};
