// SPDX-License-Identifier: BSD-2-Clause
/* What the tests of AF_INET and AF_INET6 share. Loopback only; ports are the kernel's choice and never printed. */
#pragma once

#include "sock.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

/* lo may be down where nobody has set it up. */
HELPER void lo_up(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = {.ifr_name = "lo"};

	if (fd >= 0 && !ioctl(fd, SIOCGIFFLAGS, &r) && !(r.ifr_flags & IFF_UP)) {
		r.ifr_flags |= IFF_UP;
		ioctl(fd, SIOCSIFFLAGS, &r);
	}
	close(fd);
}

HELPER struct sockaddr_in lo4(uint16_t port_be)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port_be, .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

HELPER uint16_t port_of(int fd)
{
	struct sockaddr_in6 a;
	socklen_t n = sizeof(a);

	return getsockname(fd, (struct sockaddr *)&a, &n) ? 0 : a.sin6_port;
}

HELPER int bind4(int fd, uint16_t port_be)
{
	struct sockaddr_in a = lo4(port_be);

	return bind(fd, (struct sockaddr *)&a, sizeof(a));
}

HELPER int connect4(int fd, uint16_t port_be)
{
	struct sockaddr_in a = lo4(port_be);

	return connect(fd, (struct sockaddr *)&a, sizeof(a));
}

/* An address without its port, and whether that is @own's. */
HELPER void say_inet(const char *what, const void *addr, socklen_t len, uint16_t own)
{
	char text[64] = "?";
	const struct sockaddr_in *a4 = addr;
	const struct sockaddr_in6 *a6 = addr;

	if (len >= sizeof(*a4) && a4->sin_family == AF_INET)
		inet_ntop(AF_INET, &a4->sin_addr, text, sizeof(text));
	else if (len >= sizeof(*a6) && a4->sin_family == AF_INET6)
		inet_ntop(AF_INET6, &a6->sin6_addr, text, sizeof(text));
	say("%s: len %u family %u %s port %s\n", what, (unsigned)len, len >= 2 ? a4->sin_family : 0, text,
		len < 4 ? "none" : !a4->sin_port ? "0" : a4->sin_port == own ? "as expected" : "another");
}

/* Two ends of a TCP connection over the loopback. */
HELPER void tcp_pair(int p[2])
{
	int l = NEED(socket(AF_INET, SOCK_STREAM, 0));

	NEED(bind4(l, 0));
	NEED(listen(l, 1));
	p[0] = NEED(socket(AF_INET, SOCK_STREAM, 0));
	NEED(connect4(p[0], port_of(l)));
	p[1] = NEED(accept(l, NULL, NULL));
	close(l);
}
