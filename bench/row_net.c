// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sockets of the internet families over the loopback device. One processor runs both ends, so a
 * figure is what the sender, the receiver, and the two switches between them cost.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BULK 65536
#define FILE_PATH "net.file"

static int near_fd, far_fd, listener, epfd, file_fd;
static int *clients, *servers;
static char bulk[BULK], byte;
static struct sockaddr_in address;
static struct sockaddr_in6 address6;

/* The loopback device comes up down. */
static void raise_loopback(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd = (int)must_libc(socket(AF_INET, SOCK_DGRAM, 0));

	must_libc(ioctl(fd, SIOCGIFFLAGS, &request));
	request.ifr_flags |= IFF_UP;
	must_libc(ioctl(fd, SIOCSIFFLAGS, &request));
	close(fd);
}

/* A socket of @type on a port of 127.0.0.1 that the kernel chose; its name is in @address. */
static int make_bound(int type)
{
	socklen_t len = sizeof(address);
	int fd = (int)must_libc(socket(AF_INET, type, 0));

	address = (struct sockaddr_in){.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	must_libc(bind(fd, (struct sockaddr *)&address, sizeof(address)));
	must_libc(getsockname(fd, (struct sockaddr *)&address, &len));
	return fd;
}

static void start_listening(long backlog)
{
	raise_loopback();
	listener = make_bound(SOCK_STREAM);
	must_libc(listen(listener, backlog ? (int)backlog : 8));
}

static void set_nodelay(int fd)
{
	int one = 1;

	must_libc(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
}

static void make_connection(int *out_client, int *out_server)
{
	*out_client = (int)must_libc(socket(AF_INET, SOCK_STREAM, 0));
	must_libc(connect(*out_client, (struct sockaddr *)&address, sizeof(address)));
	*out_server = (int)must_libc(accept(listener, NULL, NULL));
	set_nodelay(*out_client);
	set_nodelay(*out_server);
}

static void make_tcp(long arg)
{
	(void)arg;
	start_listening(0);
	make_connection(&near_fd, &far_fd);
}

static void make_tcp6(long arg)
{
	socklen_t len = sizeof(address6);

	(void)arg;
	raise_loopback();
	address6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
	listener = (int)must_libc(socket(AF_INET6, SOCK_STREAM, 0));
	must_libc(bind(listener, (struct sockaddr *)&address6, sizeof(address6)));
	must_libc(getsockname(listener, (struct sockaddr *)&address6, &len));
	must_libc(listen(listener, 8));
	near_fd = (int)must_libc(socket(AF_INET6, SOCK_STREAM, 0));
	must_libc(connect(near_fd, (struct sockaddr *)&address6, sizeof(address6)));
	far_fd = (int)must_libc(accept(listener, NULL, NULL));
	set_nodelay(near_fd);
	set_nodelay(far_fd);
}

/* Two sockets connected to each other. */
static void make_udp(long arg)
{
	struct sockaddr_in first;

	(void)arg;
	raise_loopback();
	near_fd = make_bound(SOCK_DGRAM);
	first = address;
	far_fd = make_bound(SOCK_DGRAM);
	must_libc(connect(near_fd, (struct sockaddr *)&address, sizeof(address)));
	must_libc(connect(far_fd, (struct sockaddr *)&first, sizeof(first)));
}

static void op_self(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		must_be(sys3(SYS_write, near_fd, (long)&byte, 1), 1);
		must_be(sys3(SYS_read, far_fd, (long)&byte, 1), 1);
	}
}

static void echo(long arg)
{
	char c;

	(void)arg;
	for (;;) {
		must_be(sys3(SYS_read, far_fd, (long)&c, 1), 1);
		must_be(sys3(SYS_write, far_fd, (long)&c, 1), 1);
	}
}

static void start_tcp_echo(long arg)
{
	make_tcp(arg);
	spawn(echo, 0);
}

static void start_tcp6_echo(long arg)
{
	make_tcp6(arg);
	spawn(echo, 0);
}

static void start_udp_echo(long arg)
{
	make_udp(arg);
	spawn(echo, 0);
}

static void op_round_trip(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		must_be(sys3(SYS_write, near_fd, (long)&byte, 1), 1);
		must_be(sys3(SYS_read, near_fd, (long)&byte, 1), 1);
	}
}

static void pour(long chunk)
{
	for (;;)
		write_full(far_fd, bulk, (size_t)chunk);
}

static void start_pour(long chunk)
{
	make_tcp(0);
	spawn(pour, chunk);
}

/* 64 KiB, whatever the size of the writes. */
static void op_bulk(unsigned n, long chunk)
{
	(void)chunk;
	while (n--)
		read_full(near_fd, bulk, sizeof(bulk));
}

static void drain(long arg)
{
	(void)arg;
	while (sys3(SYS_read, far_fd, (long)bulk, sizeof(bulk)) > 0)
		;
}

static void start_drain(long arg)
{
	make_tcp(arg);
	make_file(FILE_PATH, BULK);
	file_fd = (int)must_libc(open(FILE_PATH, O_RDONLY));
	spawn(drain, 0);
}

static void op_sendfile(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		long offset = 0;

		while (offset < BULK)
			must(sys4(SYS_sendfile, near_fd, file_fd, (long)&offset, BULK - offset));
	}
}

static void op_connect(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		long client = must(sys3(SYS_socket, AF_INET, SOCK_STREAM, 0));

		must(sys3(SYS_connect, client, (long)&address, sizeof(address)));
		must(sys1(SYS_close, must(sys4(SYS_accept4, listener, 0, 0, 0))));
		must(sys1(SYS_close, client));
	}
}

static void op_socket(unsigned n, long type)
{
	while (n--)
		must(sys1(SYS_close, must(sys3(SYS_socket, AF_INET, type, 0))));
}

static void raise_files(long files)
{
	struct rlimit limit = {(rlim_t)files, (rlim_t)files};

	must_libc(setrlimit(RLIMIT_NOFILE, &limit));
}

/* @count connections; the servers' ends are watched. */
static void watch_connections(long count)
{
	raise_files(2 * count + 100);
	start_listening(128);
	clients = map_anon((size_t)count * sizeof(int));
	servers = map_anon((size_t)count * sizeof(int));
	epfd = (int)must_libc(epoll_create1(0));
	for (long i = 0; i < count; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = (unsigned)i};

		make_connection(&clients[i], &servers[i]);
		must_libc(epoll_ctl(epfd, EPOLL_CTL_ADD, servers[i], &event));
	}
}

/* A client asks, the server is told which, reads and answers: another connection each time. */
static void op_server(unsigned n, long count)
{
	static unsigned long turn;
	struct epoll_event events[16];

	while (n--) {
		unsigned who = (unsigned)(turn += 7919) % (unsigned)count;

		must_be(sys3(SYS_write, clients[who], (long)&byte, 1), 1);
		must_be(sys4(SYS_epoll_wait, epfd, (long)events, 16, -1), 1);
		must_be(events[0].data.u32, who);
		must_be(sys3(SYS_read, servers[who], (long)&byte, 1), 1);
		must_be(sys3(SYS_write, servers[who], (long)&byte, 1), 1);
		must_be(sys3(SYS_read, clients[who], (long)&byte, 1), 1);
	}
}

static void need_loopback(long arg)
{
	(void)arg;
	raise_loopback();
}

const struct row rows_net[] = {
	{"net.tcp_socket_close", need_loopback, op_socket, 50, SOCK_STREAM, 0},
	{"net.udp_socket_close", need_loopback, op_socket, 50, SOCK_DGRAM, 0},
	{"net.udp_self", make_udp, op_self, 50, 0, 0},
	{"net.udp_round_trip", start_udp_echo, op_round_trip, 50, 0, 0},
	{"net.tcp_self", make_tcp, op_self, 50, 0, 0},
	{"net.tcp_round_trip", start_tcp_echo, op_round_trip, 50, 0, 0},
	{"net.tcp6_round_trip", start_tcp6_echo, op_round_trip, 50, 0, 0},
	{"net.tcp_bulk_64k", start_pour, op_bulk, 50, BULK, 0},
	{"net.tcp_bulk_1k", start_pour, op_bulk, 20, KIB, 0},
	{"net.tcp_sendfile_64k", start_drain, op_sendfile, 50, 0, 0},
	{"net.tcp_connect_accept", start_listening, op_connect, 20, 0, 0},
	{"net.tcp_server_10", watch_connections, op_server, 100, 10, 0},
	{"net.tcp_server_1000", watch_connections, op_server, 100, 1000, 0},
	{"net.tcp_server_10000", watch_connections, op_server, 100, 10000, 0},
	{},
};
