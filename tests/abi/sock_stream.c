// SPDX-License-Identifier: BSD-2-Clause
/* Byte streams: order, flags of recv, shutdown, what remains after the peer has gone. */
#include "sock.h"

static volatile int pipes;

static void count_pipe(int sig)
{
	(void)sig;
	pipes++;
}

static void bytes(void)
{
	int p[2];
	char buf[64];
	struct iovec v[3] = {{"ab", 2}, {"", 0}, {"cde", 3}}, w[2] = {{buf, 4}, {buf + 8, 4}};

	HEAD("bytes");
	make_pair(SOCK_STREAM, p);
	say_names(p[0]);
	R(write(p[0], "hello", 5));
	R(write(p[0], " world", 6));
	say_read("3", p[1], 3, 0);
	say_read("peek", p[1], 50, MSG_PEEK);
	say_read("peek 2", p[1], 2, MSG_PEEK);
	say_read("rest", p[1], 50, 0);
	say_read("none", p[1], 50, MSG_DONTWAIT);
	R(write(p[0], "", 0));
	R(send(p[0], "", 0, 0));
	R(recv(p[1], buf, 0, MSG_DONTWAIT));
	R(read(p[1], buf, 0));
	R(writev(p[0], v, 3));
	memset(buf, '.', sizeof(buf));
	R(readv(p[1], w, 2));
	say_bytes("readv", buf, 12);
	R(recv(p[1], buf, 0, 0 | MSG_DONTWAIT));
	R(write(p[0], "abc", 3));
	R(recv(p[1], buf, 0, MSG_DONTWAIT));
	say_read("still", p[1], 50, MSG_TRUNC);
	R(send(p[0], (void *)8, 5, 0));
	R(write(p[0], (void *)8, 5));
	R(write(p[0], "xyz", 3));
	R(recv(p[1], (void *)8, 3, 0));
	R(read(p[1], (void *)8, 3));
	say_read("after fault", p[1], 50, 0);
	R(send(p[0], "q", 1, MSG_MORE | MSG_EOR | MSG_CONFIRM | MSG_DONTROUTE));
	say_read("q", p[1], 50, 0);
	R(recv(p[1], buf, 5, MSG_ERRQUEUE | MSG_DONTWAIT));
	struct sockaddr_un a;
	un_addr(&a, "@x");
	R(sendto(p[0], "x", 1, 0, (void *)&a, sizeof(a)));
	int lone = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	R(sendto(lone, "x", 1, 0, (void *)&a, sizeof(a)));
	R(send(lone, "x", 1, 0));
	R(recv(lone, buf, 1, 0));
	close(lone);
	socklen_t len = sizeof(a);
	write(p[0], "who", 3);
	R(recvfrom(p[1], buf, 3, 0, (void *)&a, &len));
	V(len);
	close(p[0]);
	close(p[1]);
}

static void waitall(void)
{
	int p[2];
	char buf[64];

	HEAD("MSG_WAITALL");
	make_pair(SOCK_STREAM, p);
	CHILD {
		write(p[0], "one", 3);
		await_state(getppid(), 'S');
		write(p[0], "two", 3);
		await_state(getppid(), 'S');
		write(p[0], "three", 5);
	}
	say_read("10", p[1], 10, MSG_WAITALL);
	REAP("writer");
	say_read("1", p[1], 10, MSG_WAITALL | MSG_DONTWAIT);
	CHILD {
		write(p[0], "end", 3);
		await_state(getppid(), 'S');
		shutdown(p[0], SHUT_WR);
	}
	say_read("until the end", p[1], 10, MSG_WAITALL);
	REAP("writer");
	R(recv(p[1], buf, 10, 0));
	close(p[0]);
	close(p[1]);
	HEAD("SO_RCVLOWAT");
	make_pair(SOCK_STREAM, p);
	set_int(p[1], SOL_SOCKET, SO_RCVLOWAT, 4);
	CHILD {
		write(p[0], "ab", 2);
		await_state(getppid(), 'S');
		write(p[0], "cdef", 4);
	}
	say_read("4", p[1], 5, 0);
	REAP("writer");
	close(p[0]);
	close(p[1]);
}

static void ends(void)
{
	int p[2];

	on_signal(SIGPIPE, count_pipe, 0);
	HEAD("shutdown");
	make_pair(SOCK_STREAM, p);
	R(shutdown(p[0], 3));
	R(shutdown(p[0], -1));
	write(p[0], "left", 4);
	R(shutdown(p[0], SHUT_WR));
	say_poll("writer", p[0]);
	say_poll("reader", p[1]);
	R(write(p[0], "x", 1));
	V(pipes);
	R(send(p[0], "x", 1, MSG_NOSIGNAL));
	V(pipes);
	say_read("left", p[1], 50, 0);
	say_read("end", p[1], 50, 0);
	R(write(p[1], "back", 4));
	say_read("back", p[0], 50, 0);
	R(shutdown(p[0], SHUT_RD));
	say_poll("both", p[0]);
	say_poll("other", p[1]);
	R(write(p[1], "x", 1));
	V(pipes);
	say_read("end", p[0], 50, 0);
	R(shutdown(p[0], SHUT_RDWR));
	close(p[0]);
	close(p[1]);
	HEAD("shutdown for reading with bytes in the queue");
	make_pair(SOCK_STREAM, p);
	write(p[0], "abc", 3);
	R(shutdown(p[1], SHUT_RD));
	say_read("abc", p[1], 50, 0);
	say_read("end", p[1], 50, 0);
	close(p[0]);
	close(p[1]);
	HEAD("the peer closes");
	make_pair(SOCK_STREAM, p);
	write(p[0], "last", 4);
	close(p[0]);
	say_poll("survivor", p[1]);
	say_names(p[1]);
	say_read("last", p[1], 50, 0);
	say_read("end", p[1], 50, 0);
	say_poll("survivor", p[1]);
	pipes = 0;
	R(write(p[1], "x", 1));
	V(pipes);
	V(get_int(p[1], SOL_SOCKET, SO_ERROR));
	close(p[1]);
	HEAD("the peer closes and has not read");
	make_pair(SOCK_STREAM, p);
	write(p[1], "lost", 4);
	write(p[0], "sent", 4);
	close(p[0]);
	say_poll("survivor", p[1]);
	say_read("sent", p[1], 50, 0);
	say_read("reset", p[1], 50, 0);
	say_read("end", p[1], 50, 0);
	close(p[1]);
	make_pair(SOCK_STREAM, p);
	write(p[1], "lost", 4);
	close(p[0]);
	V(get_int(p[1], SOL_SOCKET, SO_ERROR));
	V(get_int(p[1], SOL_SOCKET, SO_ERROR));
	say_poll("survivor", p[1]);
	close(p[1]);
	make_pair(SOCK_STREAM, p);
	write(p[1], "lost", 4);
	close(p[0]);
	pipes = 0;
	R(write(p[1], "x", 1));
	V(pipes);
	say_read("reset", p[1], 50, 0);
	close(p[1]);
}

static void full(void)
{
	int p[2];
	static char big[1 << 20];
	size_t total = 0, got = 0;
	ssize_t n;

	HEAD("full");
	make_pair(SOCK_STREAM | SOCK_NONBLOCK, p);
	while ((n = write(p[0], big, sizeof(big))) > 0)
		total += n;
	say("%s\n", err_name(errno));
	IS(total > 100000 && total < 500000);
	say_poll("full", p[0]);
	R(send(p[0], "x", 1, 0));
	while ((n = read(p[1], big, 4096)) > 0)
		got += n;
	IS(got == total);
	say_poll("empty", p[0]);
	fcntl(p[0], F_SETFL, 0);
	fcntl(p[1], F_SETFL, 0);
	CHILD {
		size_t sum = 0;

		close(p[0]);
		while ((n = read(p[1], big, 10000)) > 0)
			for (ssize_t i = 0; i < n; i++)
				sum += (unsigned char)big[i];
		say("sum %zu\n", sum);
	}
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = i * 7 + (i >> 8);
	R(write(p[0], big, sizeof(big)));
	shutdown(p[0], SHUT_WR);
	REAP("reader");
	close(p[0]);
	close(p[1]);
	HEAD("a writer that sleeps when the reader goes");
	make_pair(SOCK_STREAM, p);
	CHILD {
		close(p[0]);
		await_state(getppid(), 'S');
		char c[100];
		read(p[1], c, 100);
		await_state(getppid(), 'S');
	}
	close(p[1]);
	n = write(p[0], big, sizeof(big));
	IS(n > 0 && n < (ssize_t)sizeof(big));
	REAP("reader");
	R(write(p[0], big, 10));
	R(write(p[0], big, 10));
	close(p[0]);
}

int main(void)
{
	bytes();
	waitall();
	ends();
	full();
	return 0;
}
