// SPDX-License-Identifier: BSD-2-Clause
/* Sleeping in socket calls: time limits, signals with and without restart. */
#include "sock.h"

static volatile int hits;

static void hit(int sig)
{
	(void)sig;
	hits++;
}

static void limit(int fd, int opt, long us)
{
	struct timeval tv = {0, us};

	NEED(setsockopt(fd, SOL_SOCKET, opt, &tv, sizeof(tv)));
}

static void limits(void)
{
	int p[2], l, c;
	static char big[300000];
	char b;
	long long t;

	HEAD("time limits");
	make_pair(SOCK_STREAM, p);
	limit(p[0], SO_RCVTIMEO, 30000);
	limit(p[0], SO_SNDTIMEO, 30000);
	t = now_ns(CLOCK_MONOTONIC);
	R(read(p[0], &b, 1));
	IS(now_ns(CLOCK_MONOTONIC) - t >= 25000000);
	R(recv(p[0], &b, 1, MSG_PEEK));
	t = now_ns(CLOCK_MONOTONIC);
	IS(write(p[0], big, sizeof(big)) < (long)sizeof(big));
	IS(now_ns(CLOCK_MONOTONIC) - t >= 25000000);
	R(write(p[0], big, sizeof(big)));
	close(p[0]);
	close(p[1]);
	make_pair(SOCK_DGRAM, p);
	limit(p[0], SO_RCVTIMEO, 30000);
	limit(p[0], SO_SNDTIMEO, 30000);
	R(read(p[0], &b, 1));
	while (send(p[0], "x", 1, MSG_DONTWAIT) == 1)
		;
	R(write(p[0], "x", 1));
	close(p[0]);
	close(p[1]);
	l = un_listener(SOCK_STREAM, "@nos-abi-wait", 0);
	limit(l, SO_RCVTIMEO, 30000);
	R(accept(l, NULL, NULL));
	c = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	NEED(un_connect(c, "@nos-abi-wait"));
	int d = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	limit(d, SO_SNDTIMEO, 30000);
	R(un_connect(d, "@nos-abi-wait"));
	close(l);
	close(c);
	close(d);
}

/* A child sends a signal once we sleep, and writes when we sleep again, if we do. */
static void interrupted(const char *what, int fd, int peer, bool limited)
{
	char b;

	hits = 0;
	CHILD {
		await_state(getppid(), 'S');
		kill(getppid(), SIGUSR1);
		sleep_ms(30);
		await_state(getppid(), 'S');
		write(peer, "y", 1);
	}
	if (limited)
		limit(fd, SO_RCVTIMEO, 999999);
	errno = 0;
	ssize_t n = read(fd, &b, 1);
	say("%s: %zd %s hits %d\n", what, n, n < 0 ? err_name(errno) : "", hits);
	if (n < 0)
		read(fd, &b, 1);
	REAP("child");
	limit(fd, SO_RCVTIMEO, 0);
}

static void signals(int type)
{
	int p[2];

	say("== type %d\n", type);
	make_pair(type, p);
	on_signal(SIGUSR1, hit, 0);
	interrupted("no restart", p[0], p[1], false);
	on_signal(SIGUSR1, hit, SA_RESTART);
	interrupted("restart", p[0], p[1], false);
	interrupted("restart, but limited", p[0], p[1], true);
	close(p[0]);
	close(p[1]);
}

static void several_readers(int type)
{
	int p[2], sum[2], total = 0;
	pid_t kids[4];
	char c;

	HEAD("several readers sleep on one socket");
	make_pair(type, p);
	NEED(pipe(sum));
	for (int i = 0; i < 4; i++) {
		CHILD {
			int n = 0;

			while (read(p[1], &c, 1) == 1 && c != 'q')
				n++;
			write(sum[1], &n, sizeof(n));
		}
		kids[i] = child_pid;
	}
	for (int i = 0; i < 200; i++)
		write(p[0], "x", 1);
	for (int i = 0; i < 4; i++)
		write(p[0], "q", 1);
	for (int i = 0; i < 4; i++) {
		int n;

		read(sum[0], &n, sizeof(n));
		total += n;
		waitpid(kids[i], NULL, 0);
	}
	V(total);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	limits();
	signals(SOCK_STREAM);
	signals(SOCK_DGRAM);
	several_readers(SOCK_STREAM);
	several_readers(SOCK_SEQPACKET);
	return 0;
}
