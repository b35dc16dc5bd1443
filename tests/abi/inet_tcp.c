// SPDX-License-Identifier: BSD-2-Clause
/* TCP over the loopback: connecting, reading and writing, the two ends of a connection's life, options, edges. */
#include "inet.h"
#include <sys/sendfile.h>

static void connecting(void)
{
	int l = NEED(socket(AF_INET, SOCK_STREAM, 0)), c = NEED(socket(AF_INET, SOCK_STREAM, 0)), s;
	struct sockaddr_in in;
	socklen_t n = sizeof(in);
	uint16_t port;

	HEAD("connecting");
	say_poll("fresh", c);
	R(send(c, "x", 1, MSG_NOSIGNAL));
	R(recv(c, &in, 1, 0));
	R(shutdown(c, SHUT_RD));
	R(accept(l, NULL, NULL));
	NEED(bind4(l, 0));
	port = port_of(l);
	R(connect4(c, port));
	R(listen(l, 1));
	V(get_int(l, SOL_SOCKET, SO_ACCEPTCONN));
	say_poll("listens", l);
	R(connect4(l, port));
	R(connect4(c, port));
	R(connect4(c, port));
	say_poll("backlog", l);
	s = accept4(l, (struct sockaddr *)&in, &n, SOCK_CLOEXEC);
	say("accept4 %s\n", s >= 0 ? "ok" : err_name(errno));
	say_inet("peer", &in, n, port_of(c));
	R(fcntl(s, F_GETFD));
	n = sizeof(in);
	R(getpeername(c, (struct sockaddr *)&in, &n));
	say_inet("server", &in, n, port);
	say_poll("client", c);
	close(s);
	close(c);
	fcntl(l, F_SETFL, O_NONBLOCK);
	R(accept(l, NULL, NULL));
	close(l);
	c = NEED(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	int err = connect4(c, port) ? errno : 0;
	say("refused: %s\n", err == EINPROGRESS || err == ECONNREFUSED ? "yes" : err_name(err));
	close(c);
}

static void bytes(void)
{
	int p[2], q = -1;
	char buf[64];

	HEAD("bytes");
	tcp_pair(p);
	R(write(p[0], "hello", 5));
	R(recv(p[1], buf, 3, MSG_WAITALL));
	R(ioctl(p[1], FIONREAD, &q));
	V(q);
	R(recv(p[1], buf, 10, MSG_PEEK));
	R(recv(p[1], buf, 10, MSG_TRUNC));
	R(recv(p[1], buf, 10, MSG_DONTWAIT));
	R(recv(p[1], buf, 0, MSG_DONTWAIT));
	R(syscall(SYS_write, p[0], 8, 5));
	struct iovec v[2] = {{(void *)"ab", 2}, {(void *)"cde", 3}};
	R(writev(p[0], v, 2));
	R(recv(p[1], buf, 5, MSG_WAITALL));
	say("%.5s\n", buf);
	R(send(p[0], "more", 4, MSG_MORE));
	R(send(p[0], "!", 1, 0));
	R(recv(p[1], buf, 5, MSG_WAITALL));
	struct timeval tv = {0, 20000};
	R(setsockopt(p[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	R(recv(p[1], buf, 5, 0));
	R(write(p[0], "ab", 2));
	R(recv(p[1], buf, 5, MSG_WAITALL));
	set_int(p[1], SOL_SOCKET, SO_RCVLOWAT, 4);
	R(write(p[0], "abc", 3));
	say_poll("below the mark", p[1]);
	R(write(p[0], "d", 1));
	say_poll("at the mark", p[1]);
	R(recv(p[1], buf, 64, 0));
	close(p[0]);
	R(recv(p[1], buf, 5, 0));
	say_poll("the other end closed", p[1]);
	close(p[1]);
}

static void ends(void)
{
	int p[2];
	char buf[64];
	struct linger now = {1, 0};

	HEAD("ends");
	tcp_pair(p);
	R(write(p[0], "last", 4));
	R(shutdown(p[0], SHUT_WR));
	R(send(p[0], "x", 1, MSG_NOSIGNAL));
	R(recv(p[1], buf, 10, 0));
	R(recv(p[1], buf, 10, 0));
	say_poll("half closed", p[1]);
	R(send(p[1], "still", 5, 0));
	R(recv(p[0], buf, 10, 0));
	R(shutdown(p[1], SHUT_RDWR));
	R(recv(p[0], buf, 10, 0));
	say_poll("closed", p[0]);
	R(shutdown(p[0], 7));
	close(p[0]);
	close(p[1]);
	tcp_pair(p);
	R(setsockopt(p[0], SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	close(p[0]);
	usleep(20000);
	say_poll("reset", p[1]);
	V(get_int(p[1], SOL_SOCKET, SO_ERROR));
	R(recv(p[1], buf, 1, 0));
	R(send(p[1], "x", 1, MSG_NOSIGNAL));
	close(p[1]);
	tcp_pair(p);
	R(write(p[0], "unread", 6));
	usleep(20000);
	close(p[1]); /* with bytes that nobody read: a reset */
	usleep(20000);
	R(recv(p[0], buf, 1, 0));
	close(p[0]);
}

static void urgent(void)
{
	int p[2], mark = -1;
	char buf[16];

	HEAD("urgent");
	tcp_pair(p);
	R(send(p[0], "abc", 3, MSG_OOB));
	usleep(20000);
	say_poll("urgent", p[1]);
	R(recv(p[1], buf, 1, MSG_OOB));
	say("%c\n", buf[0]);
	R(recv(p[1], buf, 1, MSG_OOB));
	R(ioctl(p[1], SIOCATMARK, &mark));
	V(mark);
	R(recv(p[1], buf, 10, 0));
	R(ioctl(p[1], SIOCATMARK, &mark));
	V(mark);
	R(set_int(p[1], SOL_SOCKET, SO_OOBINLINE, 1));
	R(send(p[0], "xyz", 3, MSG_OOB));
	usleep(20000);
	R(recv(p[1], buf, 10, 0));
	R(recv(p[1], buf, 10, 0));
	close(p[0]);
	close(p[1]);
}

static void options(void)
{
	int p[2];

	HEAD("options");
	tcp_pair(p);
	static const int names[] = {TCP_NODELAY, TCP_CORK, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_SYNCNT, TCP_LINGER2, TCP_DEFER_ACCEPT, TCP_QUICKACK, TCP_USER_TIMEOUT};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		say("option %d: %d, set 1: %d, then %d\n", names[i], get_int(p[0], IPPROTO_TCP, names[i]), set_int(p[0], IPPROTO_TCP, names[i], 1),
			get_int(p[0], IPPROTO_TCP, names[i]));
	R(set_int(p[0], IPPROTO_TCP, 9999, 1));
	R(set_int(p[0], IPPROTO_TCP, TCP_KEEPCNT, 1000));
	R(set_int(p[0], IPPROTO_TCP, TCP_MAXSEG, 10));
	char name[32] = "";
	socklen_t n = sizeof(name);
	R(setsockopt(p[0], IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	R(getsockopt(p[0], IPPROTO_TCP, TCP_CONGESTION, name, &n));
	say("%s\n", name);
	R(setsockopt(p[0], IPPROTO_TCP, TCP_CONGESTION, "nothing", 7));
	struct tcp_info info = {0};
	n = sizeof(info);
	R(getsockopt(p[0], IPPROTO_TCP, TCP_INFO, &info, &n));
	V(info.tcpi_state);
	V(get_int(p[0], SOL_SOCKET, SO_KEEPALIVE));
	V(get_int(p[0], SOL_SOCKET, SO_REUSEADDR));
	close(p[0]);
	close(p[1]);
}

static void edges(void)
{
	int p[2], ep = NEED(epoll_create1(0));
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
	char buf[8];

	HEAD("edges");
	tcp_pair(p);
	NEED(epoll_ctl(ep, EPOLL_CTL_ADD, p[1], &ev));
	R(epoll_wait(ep, &ev, 1, 0));
	say("%#x\n", ev.events);
	R(epoll_wait(ep, &ev, 1, 0));
	write(p[0], "ab", 2);
	R(epoll_wait(ep, &ev, 1, 1000));
	say("%#x\n", ev.events);
	R(read(p[1], buf, 1));
	R(epoll_wait(ep, &ev, 1, 0));
	write(p[0], "c", 1);
	R(epoll_wait(ep, &ev, 1, 1000));
	R(read(p[1], buf, 8));
	shutdown(p[0], SHUT_WR);
	R(epoll_wait(ep, &ev, 1, 1000));
	say("%#x\n", ev.events);
	R(epoll_wait(ep, &ev, 1, 0));
	close(p[0]);
	close(p[1]);
	close(ep);
}

static void files(void)
{
	int p[2], pp[2], f = NEED(open("file", O_RDWR | O_CREAT | O_TRUNC, 0600));
	char buf[64];
	off_t off = 2;

	HEAD("sendfile and splice");
	tcp_pair(p);
	NEED(write(f, "0123456789", 10));
	R(sendfile(p[0], f, &off, 100));
	V(off);
	R(recv(p[1], buf, 8, MSG_WAITALL));
	NEED(pipe(pp));
	R(write(p[0], "through", 7));
	usleep(20000);
	R(splice(p[1], NULL, pp[1], NULL, 64, 0));
	R(splice(pp[0], NULL, p[1], NULL, 64, 0));
	R(recv(p[0], buf, 7, MSG_WAITALL));
	say("%.7s\n", buf);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	lo_up();
	connecting();
	bytes();
	ends();
	urgent();
	options();
	edges();
	files();
	return 0;
}
