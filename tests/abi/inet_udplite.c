// SPDX-License-Identifier: BSD-2-Clause
/* UDP-Lite over the loopback [man udplite(7)]: its ports, what the checksum covers, and who takes what is covered in part. */
#include "inet.h"

#define LITE 136
#define SEND_COVER 10
#define RECEIVE_COVER 11

static int raw;

static int lite(int family)
{
	return NEED(socket(family, SOCK_DGRAM, LITE));
}

/* The last datagram on the wire: what its header says is covered, and whether there is a sum. */
static void say_wire(void)
{
	unsigned char p[2048];
	ssize_t n = -1, got;

	while ((got = recv(raw, p, sizeof(p), MSG_DONTWAIT)) > 0)
		n = got;
	if (n < 28)
		say("wire: nothing\n");
	else
		say("wire: %zd bytes, covered %d, sum %s\n", n - 20, p[24] << 8 | p[25], p[26] | p[27] ? "yes" : "none");
}

static void kinds(void)
{
	HEAD("kinds");
	for (int i = 0; i < 2; i++) {
		int family = i ? AF_INET6 : AF_INET, fd = lite(family);
		socklen_t n = sizeof(int);
		int v = -1;

		R(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &v, &n));
		V(v);
		R(socket(family, SOCK_STREAM, LITE));
		close(fd);
	}
}

static void options(void)
{
	static const int values[] = {0, 1, 7, 8, 20, 70000, -1};
	int fd = lite(AF_INET), udp = NEED(socket(AF_INET, SOCK_DGRAM, 0)), v;
	socklen_t n = sizeof(v);

	HEAD("options");
	for (int opt = SEND_COVER; opt <= RECEIVE_COVER; opt++) {
		for (size_t i = 0; i < ARRAY_LEN(values); i++) {
			R(setsockopt(fd, LITE, opt, &values[i], sizeof(int)));
			NEED(getsockopt(fd, LITE, opt, &v, &n));
			V(v);
		}
		R(setsockopt(udp, LITE, opt, &values[3], sizeof(int)));
		R(getsockopt(udp, LITE, opt, &v, &n));
		R(setsockopt(fd, LITE, opt, &v, 3));
		R(setsockopt(fd, LITE, opt, NULL, 4));
	}
	R(setsockopt(fd, LITE, 99, &v, sizeof(v)));
	R(getsockopt(fd, LITE, 99, &v, &n));
	close(fd);
	close(udp);
}

static void send_some(int from, int to, size_t len)
{
	static char text[1000];
	char got[1000];
	struct sockaddr_in at = lo4(port_of(to));

	R(sendto(from, text, len, 0, (struct sockaddr *)&at, sizeof(at)));
	say_wire();
	R(recv(to, got, sizeof(got), MSG_DONTWAIT));
}

static void set(int fd, int opt, int v)
{
	NEED(setsockopt(fd, LITE, opt, &v, sizeof(v)));
}

static void coverage(void)
{
	int a = lite(AF_INET), b = lite(AF_INET);

	HEAD("coverage");
	NEED(bind4(b, 0));
	send_some(a, b, 100);
	send_some(a, b, 0);
	set(a, SEND_COVER, 20);
	send_some(a, b, 100);
	send_some(a, b, 12);
	send_some(a, b, 5);
	HEAD("all wanted");
	set(b, RECEIVE_COVER, 0);
	send_some(a, b, 100);
	send_some(a, b, 12);
	HEAD("some wanted");
	set(b, RECEIVE_COVER, 20);
	send_some(a, b, 100);
	set(a, SEND_COVER, 19);
	send_some(a, b, 100);
	close(a);
	close(b);
}

static void ports(void)
{
	int a = lite(AF_INET), b = NEED(socket(AF_INET, SOCK_DGRAM, 0)), c = lite(AF_INET), d = lite(AF_INET);
	char x;

	HEAD("ports");
	R(bind4(a, 0));
	R(bind4(b, port_of(a)));
	R(bind4(c, port_of(a)));
	R(connect4(d, port_of(a)));
	R(send(d, "l", 1, 0));
	R(recv(b, &x, 1, MSG_DONTWAIT));
	R(recv(a, &x, 1, 0));
	close(a);
	R(send(d, "l", 1, 0));
	R(send(d, "l", 1, 0));
	R(recv(b, &x, 1, MSG_DONTWAIT));
	close(b);
	close(c);
	close(d);
}

static void version6(void)
{
	int a = lite(AF_INET6), b = lite(AF_INET6);
	struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	char got[200];

	HEAD("IPv6");
	NEED(bind(b, (struct sockaddr *)&at, sizeof(at)));
	at.sin6_port = port_of(b);
	NEED(connect(a, (struct sockaddr *)&at, sizeof(at)));
	R(send(a, got, 100, 0));
	R(recv(b, got, sizeof(got), 0));
	set(a, SEND_COVER, 10);
	R(send(a, got, 100, 0));
	R(recv(b, got, sizeof(got), 0));
	close(a);
	close(b);
}

int main(void)
{
	lo_up();
	raw = NEED(socket(AF_INET, SOCK_RAW, LITE));
	kinds();
	options();
	coverage();
	ports();
	version6();
	return 0;
}
