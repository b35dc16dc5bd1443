// SPDX-License-Identifier: BSD-2-Clause
/* SCM_RIGHTS: descriptors in messages, what is cut, limits, and sockets that only messages know. */
#include "sock.h"

static int count_fds(void)
{
	int n = 0;

	for (int i = 0; i < 200; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

static void passing(int type)
{
	int p[2], fds[300], q[2];
	char c;

	say("== type %d\n", type);
	make_pair(type, p);
	NEED(pipe(q));
	int before = count_fds();
	R(send_fds(p[0], "A", 1, q, 2, 0));
	R(say_msg("two", p[1], 10, CMSG_SPACE(8), 0, fds));
	IS(count_fds() == before + 2);
	write(fds[1], "!", 1);
	read(q[0], &c, 1);
	V(c);
	V(fcntl(fds[0], F_GETFD));
	IS(syscall(SYS_kcmp, getpid(), getpid(), 0, fds[0], q[0]) == 0 || errno == ENOSYS);
	close(fds[0]);
	close(fds[1]);
	HEAD("close on exec");
	R(send_fds(p[0], "B", 1, q, 1, 0));
	R(say_msg("one", p[1], 10, CMSG_SPACE(4), MSG_CMSG_CLOEXEC, fds));
	V(fcntl(fds[0], F_GETFD));
	close(fds[0]);
	HEAD("too little room");
	R(send_fds(p[0], "C", 1, q, 2, 0));
	R(say_msg("one of two", p[1], 10, CMSG_LEN(4), 0, fds));
	close(fds[0]);
	R(send_fds(p[0], "D", 1, q, 2, 0));
	R(say_msg("none", p[1], 10, CMSG_LEN(3), 0, fds));
	R(send_fds(p[0], "E", 1, q, 2, 0));
	R(say_msg("no control", p[1], 10, 0, 0, fds));
	R(send_fds(p[0], "F", 1, q, 2, 0));
	R(say_msg("tiny", p[1], 10, 8, 0, fds));
	R(send_fds(p[0], "G", 1, q, 2, 0));
	say_read("plain read", p[1], 10, 0);
	V(count_fds() - before);
	HEAD("peek");
	R(send_fds(p[0], "H", 1, q, 1, 0));
	R(say_msg("peek", p[1], 10, CMSG_SPACE(4), MSG_PEEK, fds));
	R(say_msg("take", p[1], 10, CMSG_SPACE(4), 0, fds + 1));
	IS(fds[0] != fds[1]);
	close(fds[0]);
	close(fds[1]);
	HEAD("no empty slot");
	struct rlimit old, few;
	getrlimit(RLIMIT_NOFILE, &old);
	int next = dup(0);
	close(next);
	few = old;
	few.rlim_cur = next + 1;
	R(send_fds(p[0], "I", 1, q, 2, 0));
	setrlimit(RLIMIT_NOFILE, &few);
	R(say_msg("one fits", p[1], 10, CMSG_SPACE(8), 0, fds));
	setrlimit(RLIMIT_NOFILE, &old);
	close(fds[0]);
	V(count_fds() - before);
	HEAD("bad ones");
	fds[0] = -1;
	R(send_fds(p[0], "x", 1, fds, 1, 0));
	fds[0] = 199;
	R(send_fds(p[0], "x", 1, fds, 1, 0));
	fds[0] = q[0];
	fds[1] = 199;
	R(send_fds(p[0], "x", 1, fds, 2, 0));
	for (int i = 0; i < 300; i++)
		fds[i] = q[0];
	R(send_fds(p[0], "x", 1, fds, 254, 0));
	R(send_fds(p[0], "x", 1, fds, 253, 0));
	R(say_msg("all", p[1], 10, CMSG_SPACE(253 * 4), 0, fds));
	for (int i = 0; i < 253; i++)
		close(fds[i]);
	R(send_fds(p[0], "x", 1, fds, 0, 0));
	say_msg("zero", p[1], 10, CMSG_SPACE(4), 0, NULL);
	fds[0] = NEED(open("/", O_PATH));
	R(send_fds(p[0], "x", 1, fds, 1, 0));
	R(say_msg("O_PATH", p[1], 10, CMSG_SPACE(4), 0, fds + 1));
	close(fds[0]);
	close(fds[1]);
	R(send_fds(p[0], "", 0, q, 1, 0));
	say_msg("no bytes", p[1], 10, CMSG_SPACE(4), MSG_DONTWAIT, NULL);
	HEAD("two headers in one message");
	union {
		struct cmsghdr h;
		char b[2 * CMSG_SPACE(4)];
	} u = {};
	struct iovec iov = {"J", 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = sizeof(u)};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(4);
	memcpy(CMSG_DATA(h), &q[0], 4);
	h = (struct cmsghdr *)(void *)(u.b + CMSG_SPACE(4));
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(4);
	memcpy(CMSG_DATA(h), &q[1], 4);
	R(sendmsg(p[0], &m, 0));
	say_msg("both", p[1], 10, CMSG_SPACE(8), 0, NULL);
	h->cmsg_len = 5;
	R(sendmsg(p[0], &m, 0));
	h->cmsg_len = 500;
	R(sendmsg(p[0], &m, 0));
	h->cmsg_len = CMSG_LEN(4);
	h->cmsg_type = 77;
	R(sendmsg(p[0], &m, 0));
	h->cmsg_level = 77;
	R(sendmsg(p[0], &m, 0));
	say_msg("other level", p[1], 10, CMSG_SPACE(8), 0, NULL);
	m.msg_controllen = 1 << 30;
	R(sendmsg(p[0], &m, 0));
	m.msg_controllen = 8;
	R(sendmsg(p[0], &m, 0));
	say_msg("short", p[1], 10, CMSG_SPACE(8), 0, NULL);
	V(count_fds() - before);
	close(p[0]);
	close(p[1]);
	close(q[0]);
	close(q[1]);
}

static void in_stream(void)
{
	int p[2];

	HEAD("descriptors in a stream stand at their byte");
	make_pair(SOCK_STREAM, p);
	write(p[0], "abc", 3);
	send_fds(p[0], "DEF", 3, p, 1, 0);
	write(p[0], "ghi", 3);
	send_fds(p[0], "JKL", 3, p, 1, 0);
	send_fds(p[0], "MNO", 3, p, 1, 0);
	say_msg("1", p[1], 50, 64, 0, NULL);
	say_msg("2", p[1], 50, 64, 0, NULL);
	say_msg("3", p[1], 2, 64, 0, NULL);
	say_msg("4", p[1], 50, 64, 0, NULL);
	send_fds(p[0], "PQR", 3, p, 1, 0);
	write(p[0], "stu", 3);
	say_msg("5", p[1], 2, 64, 0, NULL);
	say_msg("6", p[1], 50, 64, 0, NULL);
	close(p[0]);
	close(p[1]);
}

/* The write end of a pipe is known to nobody but a socket that is known to nobody: the reader sees the end. */
static void await_end(int fd)
{
	struct pollfd f = {.fd = fd, .events = POLLIN};
	int n = poll(&f, 1, 20000);

	say("poll %d %#x\n", n, f.revents);
}

static void kick(void)
{
	int p[2];

	make_pair(SOCK_STREAM, p);
	close(p[0]);
	close(p[1]);
}

static void cycles(void)
{
	int p[2], r[2], q[2], l, c;

	HEAD("a socket in its own queue");
	NEED(pipe(q));
	make_pair(SOCK_STREAM, p);
	send_fds(p[0], "x", 1, (int[]){p[1], q[1]}, 2, 0);
	close(q[1]);
	close(p[1]);
	close(p[0]);
	kick();
	await_end(q[0]);
	close(q[0]);
	HEAD("two pairs in each other's queues");
	NEED(pipe(q));
	make_pair(SOCK_DGRAM, p);
	make_pair(SOCK_DGRAM, r);
	send_fds(p[0], "x", 1, (int[]){r[1], q[1]}, 2, 0);
	send_fds(r[0], "x", 1, (int[]){p[1]}, 1, 0);
	close(q[1]);
	close(p[1]);
	close(r[1]);
	kick();
	fcntl(q[0], F_SETFL, O_NONBLOCK);
	close(p[0]);
	close(r[0]);
	kick();
	await_end(q[0]);
	close(q[0]);
	HEAD("what a living socket has is kept");
	make_pair(SOCK_STREAM, p);
	make_pair(SOCK_STREAM, r);
	send_fds(p[0], "x", 1, (int[]){r[0], r[1]}, 2, 0);
	send_fds(r[0], "y", 1, (int[]){r[1]}, 1, 0);
	close(r[0]);
	close(r[1]);
	kick();
	sleep_ms(50);
	kick();
	R(say_msg("kept", p[1], 10, 64, 0, r));
	say_msg("kept", r[1], 10, 64, 0, NULL);
	close(r[0]);
	close(r[1]);
	close(p[0]);
	close(p[1]);
	HEAD("a listener in the queue of a connection to it");
	NEED(pipe(q));
	l = un_listener(SOCK_STREAM, "@nos-abi-cycle", 5);
	c = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	NEED(un_connect(c, "@nos-abi-cycle"));
	R(send_fds(c, "x", 1, (int[]){l, q[1]}, 2, 0));
	close(l);
	close(q[1]);
	close(c);
	kick();
	await_end(q[0]);
	close(q[0]);
}

static void limits(void)
{
	int p[2], n = 0;

	HEAD("too many in flight");
	make_pair(SOCK_STREAM, p);
	struct rlimit few = {20, 20};
	CHILD {
		become(4711);
		setrlimit(RLIMIT_NOFILE, &few);
		while (send_fds(p[0], "x", 1, p, 2, MSG_DONTWAIT) == 1)
			n++;
		say("%d %s\n", n, err_name(errno));
		say_msg("one back", p[1], 1, 64, 0, NULL);
		R(send_fds(p[0], "x", 1, p, 2, MSG_DONTWAIT));
		R(send_fds(p[0], "x", 1, p, 2, MSG_DONTWAIT));
	}
	REAP("sender");
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	passing(SOCK_STREAM);
	passing(SOCK_DGRAM);
	in_stream();
	cycles();
	limits();
	return 0;
}
