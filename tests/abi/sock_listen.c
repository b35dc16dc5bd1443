// SPDX-License-Identifier: BSD-2-Clause
/* listen, connect, accept: order, queues, errors, for streams and packets in sequence. */
#include "sock.h"

static void basics(int type)
{
	struct sockaddr_un a;
	socklen_t len = sizeof(a);
	int l, c, s;

	say("== type %d\n", type);
	HEAD("states");
	l = NEED(socket(AF_UNIX, type, 0));
	R(listen(l, 1));
	R(accept(l, NULL, NULL));
	NEED(un_bind(l, "l"));
	c = NEED(socket(AF_UNIX, type, 0));
	say_poll("fresh", c);
	R(un_connect(c, "l"));
	V(get_int(l, SOL_SOCKET, SO_ACCEPTCONN));
	R(listen(l, 3));
	R(listen(l, 2));
	V(get_int(l, SOL_SOCKET, SO_ACCEPTCONN));
	say_poll("listening", l);
	R(un_connect(l, "l"));
	R(un_connect(c, "l"));
	say_poll("listening", l);
	say_poll("connected", c);
	say_names(c);
	R(un_connect(c, "l"));
	R(un_bind(c, "client"));
	R(listen(c, 1));
	R(write(c, "early", 5));
	R(accept4(l, NULL, NULL, 1));
	s = NEED(accept4(l, (void *)&a, &len, SOCK_CLOEXEC | SOCK_NONBLOCK));
	say_addr("accepted", &a, len);
	say("FD %d FL %#x\n", fcntl(s, F_GETFD), fcntl(s, F_GETFL));
	say_names(s);
	say_read("early", s, 10, 0);
	say_read("none", s, 10, 0);
	R(write(s, "late", 4));
	say_read("late", c, 10, 0);
	R(getpeername(l, (void *)&a, &len));
	R(recv(l, &a, 1, MSG_DONTWAIT));
	R(send(l, &a, 1, MSG_DONTWAIT));
	fcntl(l, F_SETFL, O_NONBLOCK);
	R(accept(l, NULL, NULL));
	R(accept(l, (void *)&a, NULL));
	close(s);
	say_read("end", c, 10, 0);
	say_read("end", c, 10, 0);
	R(send(c, "x", 1, MSG_NOSIGNAL));
	R(un_connect(c, "l"));
	close(c);
	HEAD("accept tells a bad place");
	c = NEED(socket(AF_UNIX, type, 0));
	NEED(un_connect(c, "l"));
	R(accept(l, (void *)8, &len));
	say_poll("client", c);
	close(c);
	c = NEED(socket(AF_UNIX, type, 0));
	NEED(un_connect(c, "l"));
	len = -1;
	R(accept(l, (void *)&a, &len));
	close(c);
	HEAD("the client goes before it is accepted");
	c = NEED(socket(AF_UNIX, type, 0));
	NEED(un_connect(c, "l"));
	write(c, "will", 4);
	close(c);
	s = R(accept(l, NULL, NULL)) < 0 ? -1 : dup(0) - 1;
	close(s + 1);
	say_poll("server side", s);
	say_read("will", s, 10, 0);
	say_read("end", s, 10, 0);
	close(s);
	HEAD("the listener goes");
	c = NEED(socket(AF_UNIX, type, 0));
	NEED(un_connect(c, "l"));
	write(c, "lost", 4);
	close(l);
	say_poll("client", c);
	say_read("reset", c, 10, 0);
	say_read("end", c, 10, 0);
	R(send(c, "x", 1, MSG_NOSIGNAL));
	close(c);
	c = NEED(socket(AF_UNIX, type, 0));
	R(un_connect(c, "l"));
	close(c);
	unlink("l");
	unlink("client");
}

static void backlog(int type)
{
	int l = un_listener(type, "@nos-abi-backlog", 1), c[5];

	HEAD("backlog");
	for (int i = 0; i < 4; i++) {
		c[i] = NEED(socket(AF_UNIX, type | SOCK_NONBLOCK, 0));
		R(un_connect(c[i], "@nos-abi-backlog"));
	}
	say_poll("refused", c[3]);
	CHILD {
		fcntl(c[3], F_SETFL, 0);
		R(un_connect(c[3], "@nos-abi-backlog"));
		R(write(c[3], "hi", 2));
	}
	await_state(child_pid, 'S');
	int s = NEED(accept(l, NULL, NULL));
	REAP("connecting");
	close(s);
	for (int i = 0; i < 2; i++) {
		s = NEED(accept(l, NULL, NULL));
		say_read(i ? "second" : "first", s, 10, MSG_DONTWAIT);
		close(s);
	}
	for (int i = 0; i < 4; i++)
		close(c[i]);
	HEAD("a blocked accept");
	CHILD {
		await_state(getppid(), 'S');
		int k = socket(AF_UNIX, type, 0);
		un_connect(k, "@nos-abi-backlog");
		sleep_ms(20);
	}
	OK(accept(l, NULL, NULL));
	REAP("client");
	HEAD("shutdown of a listener");
	CHILD {
		R(accept(l, NULL, NULL));
	}
	await_state(child_pid, 'S');
	int e = shutdown(l, SHUT_RD);
	REAP("accepting");
	V(e);
	R(accept(l, NULL, NULL));
	c[0] = NEED(socket(AF_UNIX, type, 0));
	R(un_connect(c[0], "@nos-abi-backlog"));
	close(c[0]);
	close(l);
	HEAD("a listener that goes while somebody connects");
	l = un_listener(type, "@nos-abi-backlog", 0);
	c[0] = NEED(socket(AF_UNIX, type | SOCK_NONBLOCK, 0));
	R(un_connect(c[0], "@nos-abi-backlog"));
	c[1] = NEED(socket(AF_UNIX, type, 0));
	CHILD {
		close(l);
		R(un_connect(c[1], "@nos-abi-backlog"));
	}
	await_state(child_pid, 'S');
	close(l);
	REAP("connecting");
	close(c[0]);
	close(c[1]);
}

static void seqpacket(void)
{
	int p[2];
	char buf[16];

	HEAD("packets in sequence");
	make_pair(SOCK_SEQPACKET, p);
	R(write(p[0], "one", 3));
	R(write(p[0], "twotwo", 6));
	R(send(p[0], "", 0, 0));
	R(send(p[0], "eor", 3, MSG_EOR));
	say_msg("one", p[1], 50, 0, 0, NULL);
	say_msg("cut", p[1], 3, 0, 0, NULL);
	R(recv(p[1], buf, 10, 0));
	say_msg("eor", p[1], 10, 0, 0, NULL);
	R(recv(p[1], buf, 10, MSG_DONTWAIT));
	struct sockaddr_un a;
	un_addr(&a, "@nobody");
	R(sendto(p[0], "x", 1, 0, (void *)&a, sizeof(a)));
	say_read("x", p[1], 10, 0);
	write(p[1], "lost", 4);
	write(p[0], "left", 4);
	close(p[0]);
	say_poll("survivor", p[1]);
	say_read("left", p[1], 10, 0);
	say_read("then", p[1], 10, 0);
	say_read("then", p[1], 10, MSG_DONTWAIT);
	signal(SIGPIPE, SIG_IGN);
	R(write(p[1], "x", 1));
	close(p[1]);
	make_pair(SOCK_SEQPACKET, p);
	shutdown(p[0], SHUT_WR);
	say_poll("shut", p[0]);
	say_poll("other", p[1]);
	R(recv(p[1], buf, 10, 0));
	R(recv(p[1], buf, 10, MSG_DONTWAIT));
	R(write(p[0], "x", 1));
	signal(SIGPIPE, SIG_DFL);
	CHILD {
		write(p[0], "x", 1);
		say("no signal\n");
	}
	REAP("writer");
	int lone = NEED(socket(AF_UNIX, SOCK_SEQPACKET, 0));
	R(write(lone, "x", 1));
	R(read(lone, buf, 1));
	close(lone);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	basics(SOCK_STREAM);
	basics(SOCK_SEQPACKET);
	backlog(SOCK_STREAM);
	backlog(SOCK_SEQPACKET);
	seqpacket();
	return 0;
}
