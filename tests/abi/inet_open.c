// SPDX-License-Identifier: BSD-2-Clause
/* TCP fast open by its client's calls; whose level an option is; the attribute of a socket's inode; bind and TIME-WAIT. */
#include "inet.h"
#include <netinet/udp.h>
#include <poll.h>
#include <sys/xattr.h>

static void levels(int family, int type, int protocol)
{
	static const int list[] = {500, IPPROTO_UDP, IPPROTO_TCP, IPPROTO_IPV6, IPPROTO_IP, IPPROTO_RAW, IPPROTO_ICMPV6, SOL_SOCKET};
	int fd = NEED(socket(family, type, protocol)), v = 1;
	socklen_t len;
	char b[64];
	ssize_t n;

	say("== family %d type %d protocol %d\n", family, type, protocol);
	for (size_t i = 0; i < ARRAY_LEN(list); i++) {
		say("level %d\n", list[i]);
		R(setsockopt(fd, list[i], 900, &v, sizeof(v)));
		len = sizeof(v);
		R(getsockopt(fd, list[i], 900, &v, &len));
	}
	R(setsockopt(fd, 500, 1, (void *)8, sizeof(v)));
	n = R(fgetxattr(fd, "system.sockprotoname", b, sizeof(b)));
	say_bytes("name", b, n > 0 ? n : 0);
	say("\n");
	R(fgetxattr(fd, "system.sockprotoname", NULL, 0) == n);
	R(fgetxattr(fd, "system.sockprotoname", b, 2));
	R(fgetxattr(fd, "system.other", b, sizeof(b)));
	R(fsetxattr(fd, "system.sockprotoname", "x", 1, 0));
	n = R(flistxattr(fd, b, sizeof(b)));
	say_bytes("list", b, n > 0 ? n : 0);
	say("\n");
	R(flistxattr(fd, b, 2));
	R(flistxattr(fd, NULL, 0));
	close(fd);
}

static ssize_t open_send(int fd, uint16_t port, const char *text, int flags)
{
	struct sockaddr_in a = lo4(port);

	return sendto(fd, text, strlen(text), MSG_FASTOPEN | MSG_NOSIGNAL | flags, (struct sockaddr *)&a, sizeof(a));
}

static void say_received(int l)
{
	int fd = NEED(accept(l, NULL, NULL));
	char b[20];
	ssize_t n = recv(fd, b, sizeof(b), 0);

	say_bytes("received", b, n > 0 ? n : 0);
	say("\n");
	close(fd);
}

static void fast_open(void)
{
	int l = NEED(socket(AF_INET, SOCK_STREAM, 0)), fd, v = 0;
	struct sockaddr_in none = {.sin_family = AF_UNSPEC}, peer;
	socklen_t len = sizeof(peer);
	struct pollfd p;
	uint16_t port, nobody;

	HEAD("fast open");
	NEED(bind4(l, 0));
	NEED(listen(l, 5));
	port = port_of(l);
	fd = NEED(socket(AF_INET, SOCK_STREAM, 0));
	R(send(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL));
	R(sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&none, sizeof(none)));
	R(open_send(fd, port, "waiting", 0));
	R(open_send(fd, port, "again", 0));
	R(connect4(fd, port));
	R(send(fd, " more", 5, 0));
	say_received(l);
	close(fd);
	fd = NEED(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	R(open_send(fd, port, "later", 0));
	p = (struct pollfd){.fd = fd, .events = POLLOUT};
	R(poll(&p, 1, 5000));
	R(send(fd, "now", 3, 0));
	say_received(l);
	close(fd);

	HEAD("nobody there");
	fd = NEED(socket(AF_INET, SOCK_STREAM, 0));
	NEED(bind4(fd, 0));
	nobody = port_of(fd);
	close(fd);
	fd = NEED(socket(AF_INET, SOCK_STREAM, 0));
	R(open_send(fd, nobody, "x", 0));
	R(connect4(fd, port)); /* and another try */
	R(send(fd, "second", 6, 0));
	say_received(l);
	R(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &(int){1}, sizeof(int)));
	close(fd);

	HEAD("TCP_FASTOPEN_CONNECT");
	fd = NEED(socket(AF_INET, SOCK_STREAM, 0));
	R(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &(int){2}, sizeof(int)));
	R(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &(int){1}, sizeof(int)));
	len = sizeof(v);
	R(getsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &v, &len));
	say("%d\n", v);
	R(connect4(fd, port)); /* without a cookie it connects at once */
	len = sizeof(peer);
	R(getpeername(fd, (struct sockaddr *)&peer, &len));
	R(send(fd, "third", 5, 0));
	say_received(l);
	close(fd);
	fd = NEED(socket(AF_INET, SOCK_STREAM, 0));
	R(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &(int){1}, sizeof(int)));
	R(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, &(int){1}, sizeof(int)));
	R(connect4(fd, port));
	len = sizeof(peer);
	R(getpeername(fd, (struct sockaddr *)&peer, &len));
	p = (struct pollfd){.fd = fd, .events = POLLOUT | POLLIN};
	R(poll(&p, 1, 0));
	say("revents %x\n", p.revents);
	R(recv(fd, &v, 1, MSG_DONTWAIT));
	R(send(fd, "fourth", 6, 0));
	R(getpeername(fd, (struct sockaddr *)&peer, &len));
	R(connect4(fd, port));
	say_received(l);
	close(fd);
	close(l);
}

/* The end that closed first stays in TIME-WAIT: its port is taken, but for who says SO_REUSEADDR. */
static void time_wait(void)
{
	int l = NEED(socket(AF_INET, SOCK_STREAM, 0)), fd, server;
	uint16_t port;
	char b;

	HEAD("TIME-WAIT");
	NEED(bind4(l, 0));
	NEED(listen(l, 5));
	port = port_of(l);
	fd = NEED(socket(AF_INET, SOCK_STREAM, 0));
	NEED(connect4(fd, port));
	server = NEED(accept(l, NULL, NULL));
	close(l);
	NEED(shutdown(server, SHUT_WR));
	R(recv(fd, &b, 1, 0));
	close(fd);
	R(recv(server, &b, 1, 0));
	close(server);
	fd = NEED(socket(AF_INET, SOCK_STREAM, 0));
	R(bind4(fd, port));
	R(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)));
	R(bind4(fd, port));
	R(listen(fd, 1));
	close(fd);
}

int main(void)
{
	lo_up();
	levels(AF_INET, SOCK_STREAM, 0);
	levels(AF_INET, SOCK_DGRAM, 0);
	levels(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
	levels(AF_INET6, SOCK_STREAM, 0);
	levels(AF_INET6, SOCK_DGRAM, 0);
	levels(AF_UNIX, SOCK_STREAM, 0);
	levels(AF_UNIX, SOCK_DGRAM, 0);
	fast_open();
	time_wait();
	return 0;
}
