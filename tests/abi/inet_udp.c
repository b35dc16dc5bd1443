// SPDX-License-Identifier: BSD-2-Clause
/* UDP over the loopback: names, boundaries, errors, control messages, what several wait for. */
#include "inet.h"
#include <linux/errqueue.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>

static void kinds(void)
{
	HEAD("kinds");
	static const struct {
		int family, type, protocol;
	} k[] = {
		{AF_INET, SOCK_DGRAM, 0}, {AF_INET, SOCK_DGRAM, IPPROTO_UDP}, {AF_INET, SOCK_DGRAM, IPPROTO_TCP}, {AF_INET, SOCK_STREAM, IPPROTO_UDP},
		{AF_INET, SOCK_STREAM, 0}, {AF_INET, SOCK_SEQPACKET, 0}, {AF_INET, SOCK_RDM, 0}, {AF_INET, SOCK_RAW, 0}, {AF_INET, SOCK_RAW, IPPROTO_ICMP},
		{AF_INET, SOCK_STREAM, -1}, {AF_INET, SOCK_STREAM, 255}, {AF_INET, SOCK_STREAM, 300}, {AF_INET, 77, 0}, {AF_INET6, SOCK_DGRAM, 0}, {AF_INET6, SOCK_STREAM, 0},
	};

	for (size_t i = 0; i < sizeof(k) / sizeof(k[0]); i++) {
		int fd = socket(k[i].family, k[i].type, k[i].protocol);

		say("%d %d %d: %s\n", k[i].family, k[i].type, k[i].protocol, fd >= 0 ? "ok" : err_name(errno));
		if (fd >= 0) {
			V(get_int(fd, SOL_SOCKET, SO_TYPE));
			V(get_int(fd, SOL_SOCKET, SO_DOMAIN));
			V(get_int(fd, SOL_SOCKET, SO_PROTOCOL));
			close(fd);
		}
	}
}

static void binding(void)
{
	int a = NEED(socket(AF_INET, SOCK_DGRAM, 0)), b = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	struct sockaddr_in in = lo4(0);
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	socklen_t n = sizeof(in);

	HEAD("binding");
	R(getsockname(a, (struct sockaddr *)&in, &n));
	say_inet("unbound", &in, n, 0);
	R(getpeername(a, (struct sockaddr *)&in, &n));
	in = lo4(0);
	R(bind(a, (struct sockaddr *)&in, 15));
	R(bind(a, (struct sockaddr *)&in6, sizeof(in6)));
	in.sin_family = AF_UNSPEC;
	R(bind(a, (struct sockaddr *)&in, sizeof(in)));
	in = lo4(0);
	in.sin_addr.s_addr = htonl(0x01020304);
	R(bind(a, (struct sockaddr *)&in, sizeof(in)));
	R(bind4(a, 0));
	R(bind4(a, 0));
	R(bind4(b, port_of(a)));
	set_int(b, SOL_SOCKET, SO_REUSEADDR, 1);
	R(bind4(b, port_of(a)));
	set_int(a, SOL_SOCKET, SO_REUSEADDR, 1);
	R(bind4(b, port_of(a)));
	n = sizeof(in);
	R(getsockname(b, (struct sockaddr *)&in, &n));
	say_inet("bound", &in, n, port_of(a));
	n = 3;
	R(getsockname(b, (struct sockaddr *)&in, &n));
	V(n);
	close(a);
	close(b);
}

static void boundaries(void)
{
	int a = NEED(socket(AF_INET, SOCK_DGRAM, 0)), b = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	struct sockaddr_in in;
	socklen_t n = sizeof(in);
	char buf[64];
	static char big[70000];

	HEAD("boundaries");
	NEED(bind4(b, 0));
	R(send(a, "x", 1, 0));
	in = lo4(port_of(b));
	R(sendto(a, "one", 3, 0, (struct sockaddr *)&in, sizeof(in)));
	R(sendto(a, "one", 3, 0, (struct sockaddr *)&in, 8));
	in.sin_port = 0;
	R(sendto(a, "one", 3, 0, (struct sockaddr *)&in, sizeof(in)));
	R(connect4(a, port_of(b)));
	R(send(a, "", 0, 0));
	R(send(a, "three", 5, 0));
	R(send(a, big, 65507, 0));
	R(send(a, big, 65508, 0));
	R(send(a, (void *)8, 5, 0));
	V(get_int(b, SOL_SOCKET, SO_ERROR));
	say_poll("receiver", b);
	R(recvfrom(b, buf, 2, MSG_PEEK | MSG_TRUNC, (struct sockaddr *)&in, &n));
	say_inet("from", &in, n, port_of(a));
	R(recv(b, buf, 2, MSG_TRUNC));
	R(recv(b, buf, 10, 0));
	int q = -1;
	R(ioctl(b, FIONREAD, &q));
	V(q);
	R(recv(b, (void *)8, 5, 0));
	R(recv(b, buf, 2, MSG_DONTWAIT) == 2);
	R(recv(b, buf, 2, MSG_DONTWAIT));
	R(recv(b, buf, 2, MSG_OOB | MSG_DONTWAIT));
	R(send(a, "x", 1, MSG_OOB));
	R(listen(a, 1));
	R(accept(a, NULL, NULL));
	struct timeval tv = {0, 20000};
	R(setsockopt(b, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	R(recv(b, buf, 2, 0));
	close(a);
	close(b);
}

static void refused(void)
{
	int a = NEED(socket(AF_INET, SOCK_DGRAM, 0)), b = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	char buf[256], control[256];
	struct sockaddr_in from;
	uint16_t port;

	HEAD("nobody there");
	NEED(bind4(b, 0));
	port = port_of(b);
	close(b);
	R(connect4(a, port));
	R(send(a, "x", 1, 0));
	say_poll("refused", a);
	R(send(a, "x", 1, 0));
	R(send(a, "x", 1, 0));
	V(get_int(a, SOL_SOCKET, SO_ERROR));
	V(get_int(a, SOL_SOCKET, SO_ERROR));
	R(recv(a, buf, 1, MSG_DONTWAIT));
	R(set_int(a, IPPROTO_IP, IP_RECVERR, 1));
	R(send(a, "abc", 3, 0));
	say_poll("queue", a);
	struct iovec iov = {buf, sizeof(buf)};
	struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(a, &m, MSG_ERRQUEUE);
	say("errqueue: %zd flags %#x\n", n, m.msg_flags);
	if (n >= 0) {
		say_inet("to", &from, m.msg_namelen, port);
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
			struct sock_extended_err e;

			memcpy(&e, CMSG_DATA(c), sizeof(e));
			say("cmsg %d %d len %zu: %s origin %u type %u code %u\n", c->cmsg_level, c->cmsg_type, (size_t)c->cmsg_len, err_name(e.ee_errno), e.ee_origin, e.ee_type,
				e.ee_code);
		}
	}
	R(recvmsg(a, &m, MSG_ERRQUEUE));
	V(get_int(a, SOL_SOCKET, SO_ERROR));
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	R(connect(a, &none, sizeof(none)));
	R(send(a, "x", 1, 0));
	close(a);
}

static void cmsgs(void)
{
	int a = NEED(socket(AF_INET, SOCK_DGRAM, 0)), b = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	char buf[16], control[256];
	struct iovec iov = {buf, sizeof(buf)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};

	HEAD("control messages");
	NEED(bind4(b, 0));
	NEED(connect4(a, port_of(b)));
	R(set_int(b, IPPROTO_IP, IP_RECVTTL, 1));
	R(set_int(b, IPPROTO_IP, IP_RECVTOS, 1));
	R(set_int(b, IPPROTO_IP, IP_PKTINFO, 1));
	R(set_int(b, SOL_SOCKET, SO_TIMESTAMP, 1));
	R(set_int(a, IPPROTO_IP, IP_TTL, 33));
	R(set_int(a, IPPROTO_IP, IP_TTL, 256));
	R(set_int(a, IPPROTO_IP, IP_TOS, 0x10));
	R(send(a, "x", 1, 0));
	R(recvmsg(b, &m, 0));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		int v = 0;

		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type != IP_PKTINFO)
			memcpy(&v, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0) < 4 ? 1 : 4);
		say("cmsg %d %d len %zu %d\n", c->cmsg_level, c->cmsg_type, (size_t)c->cmsg_len, v);
	}
	V(get_int(a, IPPROTO_IP, IP_TTL));
	V(get_int(a, IPPROTO_IP, IP_TOS));
	V(get_int(a, IPPROTO_IP, IP_MTU_DISCOVER));
	V(get_int(a, IPPROTO_IP, IP_RECVERR));
	V(get_int(a, IPPROTO_IP, IP_MULTICAST_TTL));
	V(get_int(a, IPPROTO_IP, IP_MULTICAST_LOOP));
	V(get_int(a, IPPROTO_IP, 9999));
	close(a);
	close(b);
}

static void several(void)
{
	int a = NEED(socket(AF_INET, SOCK_DGRAM, 0)), b = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	struct mmsghdr v[4] = {0};
	struct iovec iov[4];
	char buf[4][8];

	HEAD("several at once");
	NEED(bind4(b, 0));
	NEED(connect4(a, port_of(b)));
	for (int i = 0; i < 4; i++) {
		iov[i] = (struct iovec){buf[i], (size_t)i + 1};
		v[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
		memset(buf[i], 'a' + i, 8);
	}
	R(sendmmsg(a, v, 4, 0));
	for (int i = 0; i < 4; i++)
		iov[i].iov_len = 8;
	R(recvmmsg(b, v, 4, MSG_DONTWAIT, NULL));
	for (int i = 0; i < 4; i++)
		say("%u %.*s\n", v[i].msg_len, (int)v[i].msg_len, buf[i]);
	R(recvmmsg(b, v, 4, MSG_DONTWAIT, NULL));
	close(a);
	close(b);
}

static void edges(void)
{
	int a = NEED(socket(AF_INET, SOCK_DGRAM, 0)), b = NEED(socket(AF_INET, SOCK_DGRAM, 0)), ep = NEED(epoll_create1(0));
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
	char buf[8];

	HEAD("edges");
	NEED(bind4(b, 0));
	NEED(connect4(a, port_of(b)));
	NEED(epoll_ctl(ep, EPOLL_CTL_ADD, b, &ev));
	R(epoll_wait(ep, &ev, 1, 0));
	say("%#x\n", ev.events);
	R(epoll_wait(ep, &ev, 1, 0));
	send(a, "x", 1, 0);
	R(epoll_wait(ep, &ev, 1, 1000));
	say("%#x\n", ev.events);
	R(epoll_wait(ep, &ev, 1, 0));
	send(a, "y", 1, 0); /* not read, and told again */
	R(epoll_wait(ep, &ev, 1, 1000));
	R(recv(b, buf, 8, 0));
	R(epoll_wait(ep, &ev, 1, 0));
	R(shutdown(b, SHUT_RD));
	NEED(connect4(b, port_of(a)));
	R(shutdown(b, SHUT_RD));
	say_poll("shut", b);
	R(recv(b, buf, 8, 0));
	R(recv(b, buf, 8, 0));
	R(shutdown(a, SHUT_WR));
	R(send(a, "z", 1, MSG_NOSIGNAL));
	close(a);
	close(b);
	close(ep);
}

static void link_settings(void)
{
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	struct ethtool_value v = {.cmd = ETHTOOL_GLINK};
	struct ifreq r = {.ifr_name = "lo", .ifr_data = (void *)&v};

	HEAD("link settings");
	R(ioctl(fd, SIOCETHTOOL, &r));
	V(v.data);
	v.cmd = ETHTOOL_GDRVINFO;
	R(ioctl(fd, SIOCETHTOOL, &r));
	v.cmd = 0x9999;
	R(ioctl(fd, SIOCETHTOOL, &r));
	r.ifr_data = (void *)1;
	R(ioctl(fd, SIOCETHTOOL, &r));
	R(ioctl(fd, SIOCETHTOOL, (void *)1));
	r = (struct ifreq){.ifr_name = "nope", .ifr_data = (void *)&v};
	R(ioctl(fd, SIOCETHTOOL, &r));
	if (fork() == 0) {
		NEED(setresuid(1000, 1000, 1000));
		strcpy(r.ifr_name, "lo");
		R(ioctl(fd, SIOCETHTOOL, &r));
		v.cmd = ETHTOOL_GLINK;
		R(ioctl(fd, SIOCETHTOOL, &r));
		_exit(0);
	}
	wait(NULL);
	close(fd);
}

/* A datagram whose reader's memory comes only with the fault is not lost; one whose reader has none is. */
static void fresh_memory(void)
{
	int a = NEED(socket(AF_INET, SOCK_DGRAM, 0)), b = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sockaddr_in peer = lo4(1);

	HEAD("fresh memory");
	NEED(bind4(b, 0));
	NEED(connect4(a, port_of(b)));
	for (int i = 0; i < 4; i++)
		NEED(send(a, "0123" + i, 1, 0));
	R(recv(b, page, 1, MSG_PEEK | MSG_DONTWAIT));
	madvise(page, 8192, MADV_DONTNEED);
	R(recv(b, page + 4095, 4, MSG_DONTWAIT));
	V(page[4095]);
	R(recv(b, (void *)1, 1, MSG_DONTWAIT | MSG_PEEK));
	R(recv(b, (void *)1, 1, MSG_DONTWAIT));
	if (fork() == 0) { /* shared until it is written */
		R(recv(b, page + 4095, 1, MSG_DONTWAIT));
		V(page[4095]);
		_exit(0);
	}
	wait(NULL);
	R(recv(b, page, 1, MSG_DONTWAIT));
	V(page[0]);
	R(recv(b, page, 1, MSG_DONTWAIT));
	/* An error that waits, too. */
	close(a);
	a = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	set_int(a, IPPROTO_IP, IP_RECVERR, 1);
	peer = lo4(port_of(b));
	close(b);
	NEED(connect(a, (struct sockaddr *)&peer, sizeof(peer)));
	NEED(send(a, "e", 1, 0));
	madvise(page, 8192, MADV_DONTNEED);
	R(recv(a, page, 8, MSG_ERRQUEUE | MSG_DONTWAIT));
	V(page[0]);
	close(a);
	munmap(page, 8192);
}

static void rights(void)
{
	HEAD("rights");
	if (fork() == 0) {
		int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

		NEED(setresuid(1000, 1000, 1000));
		R(bind4(fd, htons(80)));
		R(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
		R(set_int(fd, SOL_SOCKET, SO_MARK, 1));
		R(set_int(fd, SOL_SOCKET, SO_PRIORITY, 7));
		R(set_int(fd, SOL_SOCKET, SO_PRIORITY, 6));
		R(set_int(fd, IPPROTO_IP, IP_TRANSPARENT, 1));
		struct ifreq r = {.ifr_name = "lo"};
		R(ioctl(fd, SIOCGIFFLAGS, &r));
		R(ioctl(fd, SIOCSIFFLAGS, &r));
		_exit(0);
	}
	wait(NULL);
}

int main(void)
{
	lo_up();
	kinds();
	binding();
	boundaries();
	refused();
	cmsgs();
	several();
	edges();
	fresh_memory();
	link_settings();
	rights();
	return 0;
}
