// SPDX-License-Identifier: BSD-2-Clause
/* The urgent byte of a stream: MSG_OOB, SO_OOBINLINE, SIOCATMARK, SIGURG. */
#include "sock.h"

static volatile int urgent;

static void count_urgent(int sig)
{
	(void)sig;
	urgent++;
}

static void say_mark(int fd)
{
	int v = -1;

	if (ioctl(fd, SIOCATMARK, &v))
		say("SIOCATMARK %s\n", err_name(errno));
	else
		say("mark %d\n", v);
}

static void out_of_band(void)
{
	int p[2], n;

	HEAD("out of band");
	make_pair(SOCK_STREAM, p);
	R(recv(p[1], &n, 1, MSG_OOB));
	R(send(p[0], "", 0, MSG_OOB));
	R(send(p[0], "abcX", 4, MSG_OOB));
	say_poll("pending", p[1]);
	say_mark(p[1]);
	ioctl(p[1], FIONREAD, &n);
	V(n);
	say_read("peek", p[1], 50, MSG_OOB | MSG_PEEK);
	say_msg("urgent", p[1], 50, 0, MSG_OOB, NULL);
	say_poll("taken", p[1]);
	say_read("again", p[1], 50, MSG_OOB);
	write(p[0], "def", 3);
	say_read("up to the mark", p[1], 50, 0);
	say_mark(p[1]);
	say_read("behind it", p[1], 50, 0);
	say_mark(p[1]);
	HEAD("not taken");
	send(p[0], "abX", 3, MSG_OOB);
	write(p[0], "cd", 2);
	say_read("before", p[1], 50, 0);
	say_mark(p[1]);
	say_read("behind: the byte is gone", p[1], 50, 0);
	say_read("gone", p[1], 50, MSG_OOB);
	HEAD("a second one");
	send(p[0], "X", 1, MSG_OOB);
	send(p[0], "Y", 1, MSG_OOB);
	say_read("Y", p[1], 50, MSG_OOB);
	say_read("X is ordinary", p[1], 50, MSG_DONTWAIT);
	say_read("none", p[1], 50, MSG_DONTWAIT);
	HEAD("alone");
	send(p[0], "Z", 1, MSG_OOB);
	say_mark(p[1]);
	say_read("passed over", p[1], 50, MSG_DONTWAIT);
	say_read("gone", p[1], 50, MSG_OOB);
	HEAD("peek");
	send(p[0], "abX", 3, MSG_OOB);
	write(p[0], "cd", 2);
	say_read("ab", p[1], 50, MSG_PEEK);
	say_read("ab", p[1], 50, 0);
	say_read("cd", p[1], 50, MSG_PEEK);
	say_read("X", p[1], 50, MSG_OOB);
	say_read("cd", p[1], 50, 0);
	close(p[0]);
	close(p[1]);
}

static void in_line(void)
{
	int p[2];

	HEAD("in line");
	make_pair(SOCK_STREAM, p);
	set_int(p[1], SOL_SOCKET, SO_OOBINLINE, 1);
	send(p[0], "abX", 3, MSG_OOB);
	write(p[0], "cd", 2);
	say_read("not apart", p[1], 50, MSG_OOB);
	say_read("ab", p[1], 50, 0);
	say_mark(p[1]);
	say_read("Xcd", p[1], 50, 0);
	send(p[0], "X", 1, MSG_OOB);
	say_read("X", p[1], 50, 0);
	close(p[0]);
	close(p[1]);
}

static void signals(void)
{
	int p[2], v = 0;

	HEAD("SIGURG and SIGIO");
	make_pair(SOCK_STREAM, p);
	on_signal(SIGURG, count_urgent, 0);
	send(p[0], "X", 1, MSG_OOB);
	V(urgent);
	R(ioctl(p[1], SIOCGPGRP, &v));
	V(v);
	R(fcntl(p[1], F_SETOWN, getpid()));
	IS(fcntl(p[1], F_GETOWN) == getpid());
	send(p[0], "X", 1, MSG_OOB);
	for (int i = 0; i < 1000 && !urgent; i++)
		sleep_ms(1);
	V(urgent);
	v = -getpgrp();
	R(ioctl(p[1], SIOCSPGRP, &v));
	IS(ioctl(p[1], SIOCGPGRP, &v) == 0 && v == -getpgrp());
	IS(ioctl(p[1], FIOGETOWN, &v) == 0 && v == -getpgrp());
	v = 1 << 24;
	R(ioctl(p[1], FIOSETOWN, &v));
	R(ioctl(p[1], SIOCSPGRP, (void *)8));
}

int main(void)
{
	out_of_band();
	in_line();
	signals();
	return 0;
}
