// SPDX-License-Identifier: BSD-2-Clause
/* Sockets with splice, tee, sendfile, ioctl; /proc/net/unix and fdinfo. */
#include "sock.h"
#include <sys/sendfile.h>

#ifndef SIOCINQ
#define SIOCINQ FIONREAD
#endif
#ifndef SIOCOUTQ
#define SIOCOUTQ TIOCOUTQ
#endif
#define SIOCUNIXFILE 0x89e0

static void moving(void)
{
	int s[2], q[2], f;
	char buf[100];
	off_t off = 2;
	loff_t loff = 0;

	HEAD("splice");
	make_pair(SOCK_STREAM, s);
	NEED(pipe(q));
	write(s[0], "through", 7);
	R(splice(s[1], NULL, q[1], NULL, 100, 0));
	R(read(q[0], buf, 100));
	R(splice(s[1], NULL, q[1], NULL, 100, SPLICE_F_NONBLOCK));
	R(splice(s[1], &loff, q[1], NULL, 100, SPLICE_F_NONBLOCK));
	write(q[1], "back", 4);
	R(splice(q[0], NULL, s[0], NULL, 100, 0));
	say_read("back", s[1], 10, 0);
	R(splice(s[0], NULL, s[1], NULL, 10, 0));
	R(tee(s[0], q[1], 10, 0));
	CHILD {
		await_state(getppid(), 'S');
		write(s[0], "slow", 4);
	}
	R(splice(s[1], NULL, q[1], NULL, 100, 0));
	REAP("writer");
	R(read(q[0], buf, 100));
	shutdown(s[0], SHUT_WR);
	R(splice(s[1], NULL, q[1], NULL, 100, 0));
	HEAD("sendfile");
	put_file("file", "0123456789", 10, 0644);
	f = NEED(open("file", O_RDONLY));
	R(sendfile(s[1], f, NULL, 4));
	R(sendfile(s[1], f, &off, 100));
	V(off);
	say_read("sent", s[0], 50, 0);
	R(sendfile(s[1], s[0], NULL, 5));
	R(sendfile(f, s[0], NULL, 5));
	close(s[0]);
	signal(SIGPIPE, SIG_IGN);
	R(sendfile(s[1], f, NULL, 5));
	R(splice(q[0], NULL, s[1], NULL, 5, SPLICE_F_NONBLOCK));
	close(s[1]);
}

static int count(int fd, unsigned long cmd)
{
	int n = -1;

	return ioctl(fd, cmd, &n) ? -errno : n;
}

static void controls(void)
{
	int s[2], l, fd;
	struct stat a, b;

	HEAD("ioctl");
	make_pair(SOCK_STREAM, s);
	V(count(s[0], SIOCINQ));
	V(count(s[0], SIOCOUTQ));
	write(s[0], "abc", 3);
	write(s[0], "de", 2);
	V(count(s[1], SIOCINQ));
	IS(count(s[0], SIOCOUTQ) > 0);
	R(ioctl(s[1], SIOCINQ, (void *)8));
	V(count(s[1], 0x8999));
	V(count(s[1], 0x5413));
	close(s[0]);
	close(s[1]);
	make_pair(SOCK_DGRAM, s);
	write(s[0], "abc", 3);
	write(s[0], "de", 2);
	V(count(s[1], SIOCINQ));
	close(s[0]);
	close(s[1]);
	l = un_listener(SOCK_STREAM, "@nos-abi-ioctl", 1);
	V(count(l, SIOCINQ));
	R(ioctl(l, SIOCUNIXFILE, 0));
	close(l);
	l = un_listener(SOCK_STREAM, "file-name", 1);
	fd = NEED(ioctl(l, SIOCUNIXFILE, 0));
	fstat(fd, &a);
	stat("file-name", &b);
	IS(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	V(fcntl(fd, F_GETFD));
	CHILD {
		become(1234);
		R(ioctl(l, SIOCUNIXFILE, 0));
	}
	REAP("child");
	close(fd);
	close(l);
}

/* The fields behind the first one of the line of the socket with inode @ino. */
static void say_line(int fd)
{
	char want[32], *line, *save = NULL;
	struct stat st;
	static char text[1 << 20];
	size_t len = 0;
	int f = NEED(open("/proc/net/unix", O_RDONLY));

	for (ssize_t n; len < sizeof(text) - 1 && (n = read(f, text + len, sizeof(text) - 1 - len)) > 0;)
		len += n;
	close(f);
	text[len] = 0;
	fstat(fd, &st);
	snprintf(want, sizeof(want), " %lu", (unsigned long)st.st_ino);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *at = strstr(line, want);

		if (!at || (at[strlen(want)] && at[strlen(want)] != ' '))
			continue;
		char *colon = strchr(line, ':');
		say("line:%.35s ino%s\n", colon + 1, at + strlen(want));
	}
}

static void listed(void)
{
	char path[64];
	int s[2], l;

	HEAD("/proc/net/unix");
	say_bytes("title", get_file("/proc/net/unix"), 56);
	make_pair(SOCK_SEQPACKET, s);
	say_line(s[0]);
	close(s[0]);
	close(s[1]);
	l = un_listener(SOCK_STREAM, "listed", 1);
	say_line(l);
	close(l);
	l = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));
	NEED(un_bind(l, "@nos-abi-listed"));
	say_line(l);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", l);
	IS(strstr(get_file(path), "flags:\t02") != NULL);
	IS(strstr(get_file(path), "scm_fds: 0") != NULL);
	close(l);
}

int main(void)
{
	moving();
	controls();
	listed();
	return 0;
}
