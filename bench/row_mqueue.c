// SPDX-License-Identifier: BSD-2-Clause
/*
 * POSIX message queues, of messages of 64 bytes.
 */
#include "bench.h"

#include <fcntl.h>
#include <linux/mqueue.h>
#include <unistd.h>

#define MESSAGE 64

static int there, back;
static char message[MESSAGE];
static char name[32] = "nos-bench-there", other[32] = "nos-bench-back";

static int make_queue(const char *queue)
{
	struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = MESSAGE};
	int fd;

	sys1(SYS_mq_unlink, (long)queue);
	fd = (int)must(sys4(SYS_mq_open, (long)queue, O_CREAT | O_RDWR, 0600, (long)&attr));
	return fd;
}

static void make_queues(long arg)
{
	(void)arg;
	there = make_queue(name);
	back = make_queue(other);
}

static void op_open(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must(sys1(SYS_close, must(sys4(SYS_mq_open, (long)name, O_RDWR, 0, 0))));
}

static void op_create(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		must(sys1(SYS_close, make_queue(name)));
		must(sys1(SYS_mq_unlink, (long)name));
	}
}

static void send_to(int fd, unsigned priority)
{
	must(sys6(SYS_mq_timedsend, fd, (long)message, MESSAGE, priority, 0, 0));
}

static void receive_from(int fd)
{
	must_be(sys6(SYS_mq_timedreceive, fd, (long)message, MESSAGE, 0, 0, 0), MESSAGE);
}

static void op_self(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		send_to(there, 0);
		receive_from(there);
	}
}

/* Eight of four priorities, out of order, then taken in theirs. */
static void op_priorities(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		for (unsigned i = 0; i < 8; i++)
			send_to(there, i * 3 % 4);
		for (unsigned i = 0; i < 8; i++)
			receive_from(there);
	}
}

static void echo(long arg)
{
	(void)arg;
	for (;;) {
		receive_from(there);
		send_to(back, 0);
	}
}

static void start_echo(long arg)
{
	make_queues(arg);
	spawn(echo, 0);
}

static void op_round_trip(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		send_to(there, 0);
		receive_from(back);
	}
}

const struct row rows_mqueue[] = {
	{"mqueue.create_unlink", NULL, op_create, 20, 0, 0},
	{"mqueue.open_close", make_queues, op_open, 50, 0, 0},
	{"mqueue.self_64", make_queues, op_self, 100, 0, 0},
	{"mqueue.self_8_priorities", make_queues, op_priorities, 20, 0, 0},
	{"mqueue.round_trip_process", start_echo, op_round_trip, 50, 0, 0},
	{},
};
