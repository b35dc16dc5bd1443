// SPDX-License-Identifier: BSD-2-Clause
/* setsockopt(2), getsockopt(2) at SOL_SOCKET. */
#include "sock.h"

#define OPT(n) {#n, n}
static const struct {
	const char *name;
	int opt;
} ints[] = {OPT(SO_DEBUG), OPT(SO_REUSEADDR), OPT(SO_TYPE), OPT(SO_ERROR), OPT(SO_DONTROUTE), OPT(SO_BROADCAST), OPT(SO_SNDBUF),
	OPT(SO_RCVBUF), OPT(SO_KEEPALIVE), OPT(SO_OOBINLINE), OPT(SO_NO_CHECK), OPT(SO_PRIORITY), OPT(SO_PASSCRED), OPT(SO_RCVLOWAT),
	OPT(SO_SNDLOWAT), OPT(SO_TIMESTAMP), OPT(SO_ACCEPTCONN), OPT(SO_TIMESTAMPNS), OPT(SO_PROTOCOL), OPT(SO_DOMAIN), OPT(SO_RXQ_OVFL),
	OPT(SO_PEEK_OFF), OPT(SO_NOFCS), OPT(SO_SELECT_ERR_QUEUE), OPT(SO_PASSPIDFD), OPT(SO_WIFI_STATUS), OPT(SO_LOCK_FILTER)};

static void numbers(int type)
{
	int fd = NEED(socket(AF_UNIX, type, 0));

	say("== type %d\n", type);
	for (size_t i = 0; i < ARRAY_LEN(ints); i++) {
		int opt = ints[i].opt, v = get_int(fd, SOL_SOCKET, opt);

		if (opt == SO_SNDBUF || opt == SO_RCVBUF)
			v = v > 4000;
		say("%s: %d", ints[i].name, v);
		if (opt == SO_LOCK_FILTER) {
			say("\n");
			continue;
		}
		int r = set_int(fd, SOL_SOCKET, opt, 5);
		say(" set 5: %s", r ? err_name(errno) : "ok");
		say(" now %d", get_int(fd, SOL_SOCKET, opt));
		r = set_int(fd, SOL_SOCKET, opt, -1);
		say(" set -1: %s", r ? err_name(errno) : "ok");
		v = get_int(fd, SOL_SOCKET, opt);
		say(" now %d", (opt == SO_SNDBUF || opt == SO_RCVBUF) ? v > 4000 : v);
		r = set_int(fd, SOL_SOCKET, opt, 0);
		say(" set 0: %s", r ? err_name(errno) : "ok");
		say(" now %d\n", get_int(fd, SOL_SOCKET, opt));
	}
	close(fd);
}

static void forms(void)
{
	int fd = NEED(socket(AF_UNIX, SOCK_DGRAM, 0)), v = 1;
	char b[64];
	socklen_t len;

	HEAD("forms");
	R(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &v, 3));
	R(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &v, 0));
	R(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &v, -1));
	R(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, (void *)8, 4));
	R(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, b, 64));
	R(setsockopt(fd, SOL_SOCKET, 9999, &v, 4));
	R(setsockopt(fd, 6, 1, &v, 4));
	R(setsockopt(fd, 0, 1, &v, 4));
	len = 4;
	R(getsockopt(fd, 6, 1, &v, &len));
	R(getsockopt(fd, SOL_SOCKET, 9999, &v, &len));
	for (int n = -1; n < 6; n++) {
		len = n;
		memset(b, '#', 8);
		int r = getsockopt(fd, SOL_SOCKET, SO_TYPE, b, &len);
		say("room %d: %s len %u ", n, r ? err_name(errno) : "ok", len);
		say_bytes("value", b, 6);
	}
	len = 4;
	R(getsockopt(fd, SOL_SOCKET, SO_TYPE, (void *)8, &len));
	R(getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, NULL));
	close(fd);
}

static void buffers(void)
{
	int fd = NEED(socket(AF_UNIX, SOCK_DGRAM, 0)), v = 0;
	int wmax = atoi(get_file("/proc/sys/net/core/wmem_max")), rmax = atoi(get_file("/proc/sys/net/core/rmem_max"));
	socklen_t len = 4;

	HEAD("buffer sizes");
	IS(get_int(fd, SOL_SOCKET, SO_SNDBUF) == atoi(get_file("/proc/sys/net/core/wmem_default")));
	IS(get_int(fd, SOL_SOCKET, SO_RCVBUF) == atoi(get_file("/proc/sys/net/core/rmem_default")));
	set_int(fd, SOL_SOCKET, SO_SNDBUF, 10000);
	set_int(fd, SOL_SOCKET, SO_RCVBUF, 10000);
	V(get_int(fd, SOL_SOCKET, SO_SNDBUF));
	V(get_int(fd, SOL_SOCKET, SO_RCVBUF));
	set_int(fd, SOL_SOCKET, SO_SNDBUF, 1 << 30);
	set_int(fd, SOL_SOCKET, SO_RCVBUF, 1 << 30);
	IS(get_int(fd, SOL_SOCKET, SO_SNDBUF) == 2 * wmax);
	IS(get_int(fd, SOL_SOCKET, SO_RCVBUF) == 2 * rmax);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, 1);
	set_int(fd, SOL_SOCKET, SO_RCVBUF, 1);
	V(get_int(fd, SOL_SOCKET, SO_SNDBUF));
	V(get_int(fd, SOL_SOCKET, SO_RCVBUF));
	R(set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, wmax + 5000));
	IS(get_int(fd, SOL_SOCKET, SO_SNDBUF) == 2 * (wmax + 5000));
	R(set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, -5));
	V(get_int(fd, SOL_SOCKET, SO_RCVBUF));
	CHILD {
		become(1234);
		R(set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, 5000));
		R(set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, 5000));
		R(set_int(fd, SOL_SOCKET, SO_PRIORITY, 6));
		R(set_int(fd, SOL_SOCKET, SO_PRIORITY, 7));
		R(set_int(fd, SOL_SOCKET, SO_MARK, 7));
		R(set_int(fd, SOL_SOCKET, SO_DEBUG, 1));
		R(set_int(fd, SOL_SOCKET, SO_DEBUG, 0));
	}
	REAP("child");
	R(getsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &v, &len));
	close(fd);
}

static void others(void)
{
	int fd = NEED(socket(AF_UNIX, SOCK_STREAM, 0)), fd2 = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	struct linger l = {1, 70000};
	struct timeval tv = {-1, -1};
	uint64_t c1 = 0, c2 = 0, c3 = 0;
	socklen_t len = sizeof(l);

	HEAD("SO_LINGER");
	R(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	R(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, 4));
	l = (struct linger){1, 3};
	R(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	R(getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len));
	say("%d %d %u\n", l.l_onoff, l.l_linger, len);
	l = (struct linger){0, 9};
	R(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	R(getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len));
	say("%d %d %u\n", l.l_onoff, l.l_linger, len);
	HEAD("time limits");
	for (int i = 0; i < 2; i++) {
		int opt = i ? SO_SNDTIMEO : SO_RCVTIMEO;
		len = sizeof(tv);
		R(getsockopt(fd, SOL_SOCKET, opt, &tv, &len));
		say("%ld %ld %u\n", (long)tv.tv_sec, (long)tv.tv_usec, len);
		tv = (struct timeval){3, 1500};
		R(setsockopt(fd, SOL_SOCKET, opt, &tv, sizeof(tv)));
		R(setsockopt(fd, SOL_SOCKET, opt, &tv, 8));
		tv.tv_usec = 1000000;
		R(setsockopt(fd, SOL_SOCKET, opt, &tv, sizeof(tv)));
		tv.tv_usec = -1;
		R(setsockopt(fd, SOL_SOCKET, opt, &tv, sizeof(tv)));
		R(getsockopt(fd, SOL_SOCKET, opt, &tv, &len));
		say("%ld %s\n", (long)tv.tv_sec, tv.tv_usec / 4000 * 4000 <= 4000 ? "rounded" : "?");
		tv = (struct timeval){-1, 0};
		R(setsockopt(fd, SOL_SOCKET, opt, &tv, sizeof(tv)));
		R(getsockopt(fd, SOL_SOCKET, opt, &tv, &len));
		say("%ld %ld\n", (long)tv.tv_sec, (long)tv.tv_usec);
		tv = (struct timeval){0, 0};
		R(setsockopt(fd, SOL_SOCKET, opt, &tv, sizeof(tv)));
		R(getsockopt(fd, SOL_SOCKET, opt, &tv, &len));
		say("%ld %ld\n", (long)tv.tv_sec, (long)tv.tv_usec);
	}
	HEAD("SO_COOKIE");
	len = 8;
	R(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &c1, &len));
	R(getsockopt(fd2, SOL_SOCKET, SO_COOKIE, &c2, &len));
	R(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &c3, &len));
	IS(c1 && c1 == c3 && c1 != c2);
	len = 4;
	R(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &c3, &len));
	HEAD("the rest");
	R(set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1));
	R(set_int(fd, SOL_SOCKET, SO_REUSEPORT, 0));
	R(set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 1));
	V(get_int(fd, SOL_SOCKET, SO_ZEROCOPY));
	R(set_int(fd, SOL_SOCKET, SO_DETACH_FILTER, 0));
	R(set_int(fd, SOL_SOCKET, SO_PEERCRED, 0));
	R(set_int(fd, SOL_SOCKET, 72, 3));
	V(get_int(fd, SOL_SOCKET, 72));
	R(set_int(fd, SOL_SOCKET, 72, 4));
	char b[64];
	len = sizeof(b);
	R(getsockopt(fd, SOL_SOCKET, SO_PEERSEC, b, &len));
	len = sizeof(b);
	R(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, b, &len));
	V(len);
}

static void stamps(void)
{
	static const int opts[] = {SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMP_NEW, SO_TIMESTAMPNS_NEW};
	int p[2];

	HEAD("time stamps");
	make_pair(SOCK_DGRAM, p);
	for (size_t i = 0; i < ARRAY_LEN(opts); i++) {
		set_int(p[1], SOL_SOCKET, opts[i], 1);
		for (size_t k = 0; k < ARRAY_LEN(opts); k++)
			say("%d ", get_int(p[1], SOL_SOCKET, opts[k]));
		say("\n");
		write(p[0], "x", 1);
		say_msg("stamped", p[1], 10, 256, 0, NULL);
	}
	set_int(p[1], SOL_SOCKET, SO_TIMESTAMP, 0);
	write(p[0], "x", 1);
	say_msg("not stamped", p[1], 10, 256, 0, NULL);
}

static void peek_off(void)
{
	int p[2];

	HEAD("SO_PEEK_OFF, stream");
	make_pair(SOCK_STREAM, p);
	write(p[0], "abcdefgh", 8);
	R(set_int(p[1], SOL_SOCKET, SO_PEEK_OFF, 2));
	say_read("cd", p[1], 2, MSG_PEEK);
	V(get_int(p[1], SOL_SOCKET, SO_PEEK_OFF));
	say_read("ef", p[1], 2, MSG_PEEK);
	say_read("ab", p[1], 2, 0);
	V(get_int(p[1], SOL_SOCKET, SO_PEEK_OFF));
	write(p[0], "ijkl", 4);
	say_read("g..", p[1], 20, MSG_PEEK);
	say_read("none", p[1], 20, MSG_PEEK | MSG_DONTWAIT);
	say_read("all", p[1], 20, 0);
	V(get_int(p[1], SOL_SOCKET, SO_PEEK_OFF));
	close(p[0]);
	close(p[1]);
	HEAD("SO_PEEK_OFF, datagrams");
	make_pair(SOCK_DGRAM, p);
	write(p[0], "first", 5);
	write(p[0], "second", 6);
	R(set_int(p[1], SOL_SOCKET, SO_PEEK_OFF, 0));
	say_read("fi", p[1], 2, MSG_PEEK);
	say_read("rst", p[1], 20, MSG_PEEK);
	say_read("second", p[1], 20, MSG_PEEK);
	say_read("none", p[1], 20, MSG_PEEK | MSG_DONTWAIT);
	V(get_int(p[1], SOL_SOCKET, SO_PEEK_OFF));
	say_read("first", p[1], 20, 0);
	V(get_int(p[1], SOL_SOCKET, SO_PEEK_OFF));
	R(set_int(p[1], SOL_SOCKET, SO_PEEK_OFF, -1));
	say_read("second", p[1], 20, MSG_PEEK);
	say_read("second", p[1], 20, 0);
}

int main(void)
{
	numbers(SOCK_STREAM);
	numbers(SOCK_DGRAM);
	forms();
	buffers();
	others();
	stamps();
	peek_off();
	return 0;
}
