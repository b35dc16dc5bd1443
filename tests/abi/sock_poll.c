// SPDX-License-Identifier: BSD-2-Clause
/* Readiness of sockets: poll in all states, epoll by edges, signals. */
#include "sock.h"

static int ep;

static void watch(int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.fd = fd};

	NEED(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
}

static void say_edges(const char *what)
{
	struct epoll_event ev[4];
	int n = epoll_wait(ep, ev, 4, 0);

	say("%s: %d", what, n);
	for (int i = 0; i < n; i++)
		say(" %#x", ev[i].events);
	say("\n");
}

static void edges(int type)
{
	int p[2];
	char buf[8];

	say("== type %d\n", type);
	ep = NEED(epoll_create1(0));
	make_pair(type, p);
	watch(p[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET);
	say_edges("start");
	say_edges("nothing new");
	write(p[1], "abc", 3);
	say_edges("bytes");
	say_edges("not read");
	write(p[1], "def", 3);
	say_edges("more bytes");
	read(p[0], buf, 2);
	say_edges("some read");
	while (recv(p[0], buf, 8, MSG_DONTWAIT) > 0)
		;
	say_edges("all read");
	write(p[0], "x", 1);
	say_edges("we wrote");
	recv(p[1], buf, 1, MSG_DONTWAIT);
	say_edges("peer read");
	shutdown(p[1], SHUT_WR);
	say_edges("peer's shutdown");
	recv(p[0], buf, 1, MSG_DONTWAIT);
	say_edges("end read");
	close(p[1]);
	say_edges("peer closed");
	say_edges("nothing new");
	close(p[0]);
	say_edges("closed");
	close(ep);
}

static void full_edge(void)
{
	int p[2];
	static char big[4096];

	HEAD("edge when room is made");
	ep = NEED(epoll_create1(0));
	make_pair(SOCK_STREAM | SOCK_NONBLOCK, p);
	while (write(p[0], big, sizeof(big)) > 0)
		;
	watch(p[0], EPOLLOUT | EPOLLET);
	say_edges("full");
	read(p[1], big, 10);
	say_edges("hardly any room");
	while (read(p[1], big, sizeof(big)) > 0)
		;
	say_edges("empty");
	say_edges("nothing new");
	close(p[0]);
	close(p[1]);
	close(ep);
}

static void listening(void)
{
	int l = un_listener(SOCK_STREAM, "@nos-abi-poll", 5), c[2];

	HEAD("a listener's edges");
	ep = NEED(epoll_create1(0));
	watch(l, EPOLLIN | EPOLLET);
	say_edges("start");
	for (int i = 0; i < 2; i++) {
		c[i] = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
		NEED(un_connect(c[i], "@nos-abi-poll"));
		say_edges("one");
	}
	say_edges("nothing new");
	close(accept(l, NULL, NULL));
	say_edges("accepted");
	close(accept(l, NULL, NULL));
	say_poll("none left", l);
	shutdown(l, SHUT_RDWR);
	say_edges("shut");
	say_poll("shut", l);
	close(l);
	close(ep);
}

static void oneshot(void)
{
	int p[2];
	struct epoll_event ev = {.events = EPOLLIN | EPOLLONESHOT};

	HEAD("one shot, level");
	ep = NEED(epoll_create1(0));
	make_pair(SOCK_DGRAM, p);
	watch(p[0], EPOLLIN | EPOLLONESHOT);
	write(p[1], "a", 1);
	say_edges("shot");
	write(p[1], "b", 1);
	say_edges("off");
	NEED(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev));
	say_edges("armed");
	ev.events = EPOLLIN;
	NEED(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev));
	say_edges("level");
	say_edges("level");
	say_read("a", p[0], 5, 0);
	say_edges("level");
	say_read("b", p[0], 5, 0);
	say_edges("none");
	close(p[0]);
	close(p[1]);
	close(ep);
}

static void blocked(void)
{
	int p[2];
	struct pollfd f;

	HEAD("poll that waits");
	make_pair(SOCK_STREAM, p);
	CHILD {
		await_state(getppid(), 'S');
		write(p[1], "x", 1);
		await_state(getppid(), 'S');
		close(p[1]);
		close(p[0]);
		await_state(getppid(), 'Z');
	}
	f = (struct pollfd){.fd = p[0], .events = POLLIN};
	close(p[1]);
	R(poll(&f, 1, 10000));
	X(f.revents);
	say_read("x", p[0], 5, 0);
	f.events = POLLRDHUP;
	R(poll(&f, 1, 10000));
	X(f.revents);
	kill(child_pid, SIGKILL);
	REAP("child");
	close(p[0]);
}

static volatile int ios;

static void count_io(int sig)
{
	(void)sig;
	ios++;
}

static void async(void)
{
	int p[2], on = 1;

	HEAD("SIGIO");
	make_pair(SOCK_STREAM, p);
	on_signal(SIGIO, count_io, 0);
	fcntl(p[0], F_SETOWN, getpid());
	R(ioctl(p[0], FIOASYNC, &on));
	X(fcntl(p[0], F_GETFL));
	write(p[1], "x", 1);
	for (int i = 0; i < 2000 && !ios; i++)
		sleep_ms(1);
	IS(ios);
	on = 0;
	R(ioctl(p[0], FIOASYNC, &on));
	on = 1;
	R(ioctl(p[0], FIONBIO, &on));
	X(fcntl(p[0], F_GETFL));
	say_read("x", p[0], 5, 0);
	say_read("none", p[0], 5, 0);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	edges(SOCK_STREAM);
	edges(SOCK_DGRAM);
	edges(SOCK_SEQPACKET);
	full_edge();
	listening();
	oneshot();
	blocked();
	async();
	return 0;
}
