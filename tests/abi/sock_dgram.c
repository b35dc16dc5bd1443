// SPDX-License-Identifier: BSD-2-Clause
/* Datagrams: boundaries, names of senders, connections, queues that are full. */
#include "sock.h"

static void boundaries(void)
{
	int p[2];
	char buf[64];

	HEAD("boundaries");
	make_pair(SOCK_DGRAM, p);
	R(write(p[0], "one", 3));
	R(write(p[0], "three", 5));
	R(write(p[0], "", 0));
	R(write(p[0], "four", 4));
	say_poll("receiver", p[1]);
	say_read("one", p[1], 50, 0);
	say_read("cut", p[1], 2, 0);
	say_read("empty", p[1], 50, 0);
	R(recv(p[1], buf, 2, MSG_TRUNC | MSG_PEEK));
	say_msg("msg", p[1], 2, 0, MSG_TRUNC, NULL);
	say_read("none", p[1], 50, MSG_DONTWAIT);
	R(recv(p[1], buf, 0, MSG_DONTWAIT));
	write(p[0], "zero", 4);
	R(recv(p[1], buf, 0, MSG_DONTWAIT));
	say_read("gone", p[1], 50, MSG_DONTWAIT);
	R(send(p[0], "x", 1, MSG_OOB));
	R(recv(p[1], buf, 1, MSG_OOB));
	write(p[0], "fault", 5);
	R(recv(p[1], (void *)8, 5, 0));
	say_read("gone", p[1], 50, MSG_DONTWAIT);
	R(send(p[0], (void *)8, 5, 0));
	set_int(p[0], SOL_SOCKET, SO_SNDBUF, 8192);
	static char big[20000];
	V(get_int(p[0], SOL_SOCKET, SO_SNDBUF));
	R(send(p[0], big, 16384, 0));
	R(send(p[0], big, 16384 - 32, 0));
	R(send(p[0], big, 16384 - 31, 0));
	R(recv(p[1], big, sizeof(big), 0));
	R(listen(p[0], 1));
	R(accept(p[0], NULL, NULL));
	close(p[0]);
	close(p[1]);
}

static void names(void)
{
	int server = NEED(socket(AF_UNIX, SOCK_DGRAM, 0)), a = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));
	int b = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));

	HEAD("senders");
	NEED(un_bind(server, "server"));
	NEED(un_bind(a, "@nos-abi-dgram-a"));
	R(un_sendto(a, "from a", "server"));
	R(un_sendto(b, "from b", "server"));
	say_msg("1", server, 50, 0, 0, NULL);
	say_msg("2", server, 50, 0, 0, NULL);
	R(send(b, "x", 1, 0));
	R(un_sendto(b, "late", "server"));
	NEED(un_bind(b, "bname"));
	say_msg("3", server, 50, 0, 0, NULL);
	R(un_sendto(b, "orphan", "server"));
	close(b);
	say_msg("4", server, 50, 0, 0, NULL);
	HEAD("connected");
	R(un_connect(a, "server"));
	say_names(a);
	R(send(a, "x", 1, 0));
	R(un_sendto(a, "y", "server"));
	say_msg("5", server, 50, 0, 0, NULL);
	say_msg("6", server, 50, 0, 0, NULL);
	b = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));
	R(un_sendto(b, "not my peer", "@nos-abi-dgram-a"));
	R(un_connect(b, "@nos-abi-dgram-a"));
	R(un_sendto(server, "my peer", "@nos-abi-dgram-a"));
	say_msg("7", a, 50, 0, 0, NULL);
	struct sockaddr un = {.sa_family = AF_UNSPEC};
	R(connect(a, &un, sizeof(un)));
	R(connect(a, &un, 2));
	R(connect(a, &un, 1));
	say_names(a);
	R(send(a, "x", 1, 0));
	R(un_sendto(b, "now", "@nos-abi-dgram-a"));
	say_msg("8", a, 50, 0, 0, NULL);
	HEAD("the receiver goes");
	R(un_connect(a, "server"));
	close(server);
	say_poll("sender", a);
	R(send(a, "x", 1, 0));
	R(send(a, "x", 1, 0));
	say_names(a);
	R(un_sendto(a, "x", "server"));
	HEAD("one of a pair goes");
	int p[2];
	make_pair(SOCK_DGRAM, p);
	write(p[0], "left", 4);
	close(p[0]);
	say_poll("other", p[1]);
	say_read("left", p[1], 50, MSG_DONTWAIT);
	say_read("none", p[1], 50, MSG_DONTWAIT);
	R(write(p[1], "x", 1));
	R(write(p[1], "x", 1));
	close(p[1]);
	HEAD("a pair is taken apart");
	make_pair(SOCK_DGRAM, p);
	write(p[1], "void", 4);
	R(connect(p[0], &un, 2));
	say_read("void", p[0], 50, MSG_DONTWAIT);
	V(get_int(p[1], SOL_SOCKET, SO_ERROR));
	R(write(p[0], "x", 1));
	R(write(p[1], "x", 1));
	close(p[0]);
	close(p[1]);
}

static void shutting(void)
{
	int p[2];

	HEAD("shutdown");
	make_pair(SOCK_DGRAM, p);
	write(p[0], "a", 1);
	R(shutdown(p[1], SHUT_RD));
	say_poll("reader", p[1]);
	say_poll("writer", p[0]);
	R(write(p[0], "b", 1));
	say_read("a", p[1], 50, 0);
	say_read("end", p[1], 50, 0);
	say_read("nonblocking", p[1], 50, MSG_DONTWAIT);
	R(shutdown(p[0], SHUT_WR));
	R(write(p[0], "c", 1));
	R(shutdown(p[0], SHUT_RD));
	say_poll("both", p[0]);
	say_poll("other", p[1]);
	close(p[0]);
	close(p[1]);
}

static void full(void)
{
	int server = NEED(socket(AF_UNIX, SOCK_DGRAM, 0)), a = NEED(socket(AF_UNIX, SOCK_DGRAM, 0)), n = 0, qlen;
	int ep = NEED(epoll_create1(0));
	struct epoll_event ev = {.events = EPOLLOUT | EPOLLET};

	qlen = atoi(get_file("/proc/sys/net/unix/max_dgram_qlen"));
	HEAD("a full queue");
	NEED(un_bind(server, "full"));
	while (un_sendto(a, "x", "full") == 1)
		n++;
	say("%s\n", err_name(errno));
	IS(n == qlen + 1);
	say_poll("not connected", a);
	R(un_connect(a, "full"));
	say_poll("connected", a);
	NEED(epoll_ctl(ep, EPOLL_CTL_ADD, a, &ev));
	R(epoll_wait(ep, &ev, 1, 0));
	say_read("one", server, 10, 0);
	R(epoll_wait(ep, &ev, 1, 1000));
	X(ev.events);
	R(send(a, "y", 1, MSG_DONTWAIT));
	R(send(a, "y", 1, MSG_DONTWAIT));
	CHILD {
		await_state(getppid(), 'S');
		char c;
		for (int i = 0; i < qlen + 2; i++)
			recv(server, &c, 1, 0);
	}
	R(send(a, "z", 1, 0));
	REAP("reader");
	HEAD("the receiver goes while a sender waits");
	while (send(a, "x", 1, MSG_DONTWAIT) == 1)
		;
	CHILD {
		close(server);
		R(send(a, "w", 1, 0));
	}
	await_state(child_pid, 'S');
	close(server);
	REAP("sender");
	HEAD("a pair takes more");
	int p[2];
	make_pair(SOCK_DGRAM, p);
	for (n = 0; send(p[0], "x", 1, MSG_DONTWAIT) == 1; n++)
		;
	say("%s\n", err_name(errno));
	IS(n > 50);
	say_poll("full", p[0]);
	for (char c; n > 0; n--)
		recv(p[1], &c, 1, 0);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	boundaries();
	names();
	shutting();
	full();
	return 0;
}
