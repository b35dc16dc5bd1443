// SPDX-License-Identifier: BSD-2-Clause
/* Descriptors: dup, dup2, dup3, close, close_range, fcntl's flags, owners, pipe sizes, leases. */
#include "abi.h"
#include <linux/close_range.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int count_open(int from)
{
	int n = 0;

	for (int fd = from; fd < 300; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void duplicates(void)
{
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0644));

	HEAD("dup");
	R(dup(fd));
	R(dup(-1));
	R(dup(99));
	R(dup2(fd, 10));
	R(dup2(fd, fd));
	R(dup2(99, 99));
	R(dup2(99, 3));
	R(fcntl(3, F_GETFD));
	R(dup2(fd, -1));
	R(dup2(fd, 1 << 20));
	R(syscall(SYS_dup3, fd, fd, 0));
	R(syscall(SYS_dup3, fd, 11, O_CLOEXEC));
	R(fcntl(11, F_GETFD));
	R(syscall(SYS_dup3, fd, 11, O_NONBLOCK));
	R(syscall(SYS_dup3, fd, 11, 0));
	R(fcntl(11, F_GETFD));
	R(fcntl(fd, F_DUPFD, 20));
	R(fcntl(fd, F_DUPFD, 20));
	R(fcntl(fd, F_DUPFD_CLOEXEC, 20));
	R(fcntl(22, F_GETFD));
	R(fcntl(fd, F_DUPFD, -1));
	R(fcntl(fd, F_DUPFD, 5000));
	R(write(10, "abc", 3));
	R(lseek(fd, 0, SEEK_CUR));
	R(fcntl(10, F_SETFL, O_APPEND));
	R(fcntl(fd, F_GETFL) & O_APPEND);
	R(fcntl(10, F_SETFD, FD_CLOEXEC));
	R(fcntl(fd, F_GETFD));
	R(close(10));
	R(close(10));
	R(close(-1));
	V(count_open(3));
}

static void ranges(void)
{
	HEAD("close_range");
	for (int fd = 3; fd < 60; fd++)
		dup2(0, fd);
	R(syscall(SYS_close_range, 50, 1000, 0));
	V(count_open(3));
	R(syscall(SYS_close_range, 40, 45, CLOSE_RANGE_CLOEXEC));
	R(fcntl(42, F_GETFD));
	R(fcntl(46, F_GETFD));
	R(syscall(SYS_close_range, 30, 20, 0));
	R(syscall(SYS_close_range, 30, 31, 8));
	R(syscall(SYS_close_range, 3, ~0u, 0));
	V(count_open(3));
	for (int fd = 3; fd < 20; fd++)
		dup2(0, fd);
	CHILD {
		R(syscall(SYS_close_range, 5, 10, CLOSE_RANGE_UNSHARE));
		V(count_open(3));
	}
	REAP("unshared");
	V(count_open(3));
	R(syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC));
	V(count_open(3));
	syscall(SYS_close_range, 3, ~0u, 0);
}

static void status(void)
{
	int fd = NEED(open("f", O_RDWR));

	HEAD("F_GETFL F_SETFL F_SETFD");
	R(fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND | O_NOATIME));
	X(fcntl(fd, F_GETFL) & ~O_LARGEFILE & ~0100000);
	R(fcntl(fd, F_SETFL, O_RDONLY | O_SYNC | O_CREAT | O_EXCL | O_TRUNC | O_DIRECTORY));
	X(fcntl(fd, F_GETFL) & ~O_LARGEFILE & ~0100000);
	R(fcntl(fd, F_SETFL, O_ASYNC));
	R(fcntl(fd, F_SETFD, 0xff));
	R(fcntl(fd, F_GETFD));
	R(fcntl(fd, F_SETFD, 0xfe));
	R(fcntl(fd, F_GETFD));
	R(fcntl(fd, 9999, 0));
	R(fcntl(99, F_GETFD));
	R(fcntl(99, F_GETFL));
	int on = 1;
	R(ioctl(fd, FIOCLEX));
	R(fcntl(fd, F_GETFD));
	R(ioctl(fd, FIONCLEX));
	R(fcntl(fd, F_GETFD));
	R(ioctl(fd, FIONBIO, &on));
	R(fcntl(fd, F_GETFL) & O_NONBLOCK);
	R(ioctl(fd, FIONBIO, NULL));
	R(ioctl(fd, TCGETS, NULL));
	R(ioctl(fd, 0xdeadbeef, NULL));
	R(ioctl(99, FIONBIO, &on));
	write(fd, "hello", 5);
	lseek(fd, 2, SEEK_SET);
	R(ioctl(fd, FIONREAD, &on));
	V(on);
	close(fd);
	CHILD {
		put_file("app", "", 0, 0666);
		int a = NEED(open("app", O_WRONLY | O_APPEND));
		become(1000);
		R(fcntl(a, F_SETFL, O_NOATIME));
	}
	REAP("user");
}

static void owners(void)
{
	struct f_owner_ex ex;
	int p[2];

	HEAD("owners and signals");
	pipe(p);
	R(fcntl(p[0], F_GETOWN));
	R(fcntl(p[0], F_SETOWN, getpid()));
	IS(fcntl(p[0], F_GETOWN) == getpid());
	R(fcntl(p[0], F_GETOWN_EX, &ex));
	V(ex.type);
	IS(ex.pid == getpid());
	ex.type = F_OWNER_PGRP;
	ex.pid = getpgrp();
	R(fcntl(p[0], F_SETOWN_EX, &ex));
	R(fcntl(p[0], F_GETOWN_EX, &ex));
	V(ex.type);
	ex.type = 9;
	R(fcntl(p[0], F_SETOWN_EX, &ex));
	R(fcntl(p[0], F_SETOWN, 0));
	R(fcntl(p[0], F_GETSIG));
	R(fcntl(p[0], F_SETSIG, SIGUSR1));
	R(fcntl(p[0], F_GETSIG));
	R(fcntl(p[0], F_SETSIG, 65));
	R(fcntl(p[0], F_SETSIG, -1));
	close(p[0]);
	close(p[1]);
}

static volatile sig_atomic_t io_signals;

static void on_io(int sig)
{
	(void)sig;
	io_signals++;
}

static void async_io(void)
{
	int p[2];
	char c;

	HEAD("O_ASYNC on a pipe");
	pipe(p);
	on_signal(SIGIO, on_io, 0);
	R(fcntl(p[0], F_SETOWN, getpid()));
	R(fcntl(p[0], F_SETFL, O_ASYNC | O_NONBLOCK));
	R(write(p[1], "x", 1));
	IS(io_signals == 1);
	R(read(p[0], &c, 1));
	R(fcntl(p[0], F_SETFL, O_NONBLOCK));
	io_signals = 0;
	R(write(p[1], "x", 1));
	V(io_signals);
	close(p[0]);
	close(p[1]);
	HEAD("O_ASYNC on sockets");
	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	R(fcntl(p[0], F_SETOWN, getpid()));
	R(fcntl(p[0], F_SETFL, O_ASYNC | O_NONBLOCK));
	R(write(p[1], "x", 1));
	IS(io_signals == 1);
	R(read(p[0], &c, 1));
	close(p[1]);
	IS(io_signals >= 2);
	close(p[0]);
	io_signals = 0;
	socketpair(AF_UNIX, SOCK_DGRAM, 0, p);
	R(fcntl(p[0], F_SETOWN, getpid()));
	int on = 1;
	R(ioctl(p[0], FIOASYNC, &on));
	R(fcntl(p[0], F_GETFL) & O_ASYNC);
	R(write(p[1], "x", 1));
	IS(io_signals == 1);
	close(p[0]);
	close(p[1]);
	int e = open("f", O_RDONLY);
	R(ioctl(e, FIOASYNC, &on));
	close(e);
}

static void pipe_sizes(void)
{
	static char buf[1 << 20];
	int p[2], n;

	HEAD("pipe sizes");
	pipe2(p, O_NONBLOCK);
	R(fcntl(p[0], F_GETPIPE_SZ));
	R(fcntl(p[0], F_SETPIPE_SZ, 1));
	R(fcntl(p[0], F_SETPIPE_SZ, 5000));
	R(fcntl(p[0], F_SETPIPE_SZ, 1 << 20));
	R(fcntl(p[1], F_GETPIPE_SZ));
	R(write(p[1], buf, 1 << 20));
	R(write(p[1], buf, 1));
	R(fcntl(p[0], F_SETPIPE_SZ, 4096));
	R(ioctl(p[0], FIONREAD, &n));
	V(n);
	R(fcntl(p[0], F_SETPIPE_SZ, 0));
	R(fcntl(p[0], F_SETPIPE_SZ, -1));
	int fd = NEED(open("f", O_RDWR));
	R(fcntl(fd, F_GETPIPE_SZ));
	CHILD {
		become(1000);
		R(fcntl(p[0], F_SETPIPE_SZ, 2 << 20));
	}
	REAP("user");
	close(p[0]);
	close(p[1]);
	close(fd);
}

static void across_exec(void)
{
	HEAD("close on exec");
	int a = NEED(open("f", O_RDWR | O_CLOEXEC)), b = NEED(open("f", O_RDWR));
	CHILD {
		char *argv[] = {"fs_fcntl", "child", NULL};
		V(fcntl(a, F_GETFD));
		V(fcntl(b, F_GETFD));
		execv("/proc/self/exe", argv);
	}
	REAP("exec");
	CHILD {
		NEED(syscall(SYS_close_range, 0x7fffffff, ~0u, CLOSE_RANGE_CLOEXEC));
		V(count_open(3));
	}
	REAP("far range");
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		say("%s: fd 3 %s, fd 4 %s\n", argv[1], fcntl(3, F_GETFD) < 0 ? "closed" : "open",
			fcntl(4, F_GETFD) < 0 ? "closed" : "open");
		return 0;
	}
	duplicates();
	ranges();
	status();
	owners();
	async_io();
	pipe_sizes();
	across_exec();
	return 0;
}
