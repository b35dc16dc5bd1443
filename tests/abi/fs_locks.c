// SPDX-License-Identifier: BSD-2-Clause
/* File locks: POSIX, open-file-description and flock; splitting, deadlock, release, waiting. */
#include "abi.h"
#include <sys/file.h>

static int fd;

static long lock(int f, int cmd, int type, off_t start, off_t len)
{
	struct flock fl = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};

	return fcntl(f, cmd, &fl);
}

/* What another process would be told about [start, start+len). */
static void ask(int type, off_t start, off_t len)
{
	struct flock fl = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
	pid_t holder = getpid();

	CHILD {
		if (fcntl(fd, F_GETLK, &fl) < 0)
			say("getlk: %s\n", err_name(errno));
		else if (fl.l_type == F_UNLCK)
			say("[%lld,+%lld): free\n", (long long)start, (long long)len);
		else
			say("[%lld,+%lld): %s lock [%lld,+%lld) of %s\n", (long long)start,
				(long long)len, fl.l_type == F_RDLCK ? "read" : "write",
				(long long)fl.l_start, (long long)fl.l_len,
				fl.l_pid == holder ? "the parent" : fl.l_pid == -1 ? "-1" : "another");
	}
	waitpid(child_pid, NULL, 0);
}

static void posix_ranges(void)
{
	HEAD("ranges");
	R(lock(fd, F_SETLK, F_WRLCK, 10, 20));
	ask(F_RDLCK, 0, 10);
	ask(F_RDLCK, 0, 11);
	ask(F_WRLCK, 29, 1);
	ask(F_WRLCK, 30, 0);
	R(lock(fd, F_SETLK, F_UNLCK, 15, 5));
	ask(F_WRLCK, 15, 5);
	ask(F_WRLCK, 0, 0);
	ask(F_WRLCK, 20, 5);
	R(lock(fd, F_SETLK, F_RDLCK, 12, 2));
	ask(F_RDLCK, 12, 2);
	ask(F_WRLCK, 12, 2);
	ask(F_WRLCK, 10, 2);
	R(lock(fd, F_SETLK, F_WRLCK, 0, 0));
	ask(F_RDLCK, 1 << 20, 1);
	R(lock(fd, F_SETLK, F_UNLCK, 0, 0));
	ask(F_WRLCK, 0, 0);
	R(lock(fd, F_SETLK, F_WRLCK, 10, -5));
	ask(F_WRLCK, 0, 0);
	R(lock(fd, F_SETLK, F_WRLCK, 3, -5));
	R(lock(fd, F_SETLK, F_WRLCK, -1, 5));
	R(lock(fd, F_SETLK, 7, 0, 5));
	struct flock fl = {.l_type = F_WRLCK, .l_whence = 9};
	R(fcntl(fd, F_SETLK, &fl));
	R(fcntl(fd, F_SETLK, NULL));
	R(lock(99, F_SETLK, F_WRLCK, 0, 0));
	int ro = NEED(open("f", O_RDONLY)), wo = NEED(open("f", O_WRONLY));
	R(lock(ro, F_SETLK, F_WRLCK, 0, 0));
	R(lock(wo, F_SETLK, F_RDLCK, 0, 0));
	fl = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -4, .l_len = 4};
	R(fcntl(fd, F_SETLK, &fl));
	/* Closing any descriptor of the file drops the process's locks. */
	ask(F_WRLCK, 0, 0);
	close(ro);
	ask(F_WRLCK, 0, 0);
	close(wo);
}

static void posix_waiting(void)
{
	int p[2];

	HEAD("waiting and deadlock");
	pipe(p);
	R(lock(fd, F_SETLK, F_WRLCK, 0, 10));
	CHILD {
		R(lock(fd, F_SETLK, F_WRLCK, 5, 1));
		R(lock(fd, F_SETLK, F_RDLCK, 20, 1));
		write(p[1], "x", 1);
		R(lock(fd, F_SETLKW, F_WRLCK, 5, 1));
		_exit(7);
	}
	char c;
	read(p[0], &c, 1);
	await_state(child_pid, 'S');
	R(lock(fd, F_SETLKW, F_WRLCK, 20, 1));
	NEED(lock(fd, F_SETLK, F_UNLCK, 0, 0));
	REAP("waiter");
	R(lock(fd, F_SETLK, F_WRLCK, 0, 10));
	CHILD {
		signal(SIGALRM, SIG_DFL);
		struct sigaction sa = {.sa_handler = SIG_DFL};
		sa.sa_handler = (void (*)(int))_exit;
		sigaction(SIGUSR1, &sa, NULL);
		R(lock(fd, F_SETLKW, F_WRLCK, 0, 1));
	}
	await_state(child_pid, 'S');
	kill(child_pid, SIGUSR1);
	int st;
	waitpid(child_pid, &st, 0);
	V(WEXITSTATUS(st) == SIGUSR1);
	/* Not inherited by fork; kept over exec; dropped at exit. */
	CHILD {
		R(lock(fd, F_SETLK, F_UNLCK, 0, 0));
	}
	REAP("child");
	ask(F_WRLCK, 0, 0);
	R(lock(fd, F_SETLK, F_UNLCK, 0, 0));
	close(p[0]);
	close(p[1]);
}

static void ofd(void)
{
	HEAD("open file descriptions");
	int a = NEED(open("f", O_RDWR)), b = NEED(open("f", O_RDWR));
	R(lock(a, F_OFD_SETLK, F_WRLCK, 0, 10));
	R(lock(b, F_OFD_SETLK, F_WRLCK, 5, 10));
	R(lock(b, F_OFD_SETLK, F_WRLCK, 10, 10));
	ask(F_WRLCK, 0, 5);
	R(lock(fd, F_SETLK, F_RDLCK, 0, 1));
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 5};
	R(fcntl(b, F_OFD_GETLK, &fl));
	V(fl.l_type);
	V(fl.l_pid);
	fl.l_pid = 5;
	R(fcntl(b, F_OFD_GETLK, &fl));
	R(fcntl(b, F_OFD_SETLK, &fl));
	int a2 = dup(a);
	close(a);
	R(lock(b, F_OFD_SETLK, F_WRLCK, 5, 1));
	CHILD {
		R(lock(a2, F_OFD_SETLK, F_WRLCK, 0, 3));
	}
	REAP("inherited");
	R(lock(b, F_OFD_SETLK, F_WRLCK, 2, 1));
	close(a2);
	R(lock(b, F_OFD_SETLK, F_WRLCK, 2, 1));
	close(b);
	ask(F_WRLCK, 0, 0);
}

static void whole_file(void)
{
	HEAD("flock");
	int a = NEED(open("f", O_RDONLY)), b = NEED(open("f", O_RDWR));
	R(flock(a, LOCK_SH));
	R(flock(b, LOCK_SH | LOCK_NB));
	R(flock(a, LOCK_EX | LOCK_NB));
	R(flock(b, LOCK_UN));
	R(flock(a, LOCK_EX | LOCK_NB));
	R(flock(b, LOCK_SH | LOCK_NB));
	R(flock(b, LOCK_EX | LOCK_NB));
	R(lock(b, F_SETLK, F_WRLCK, 0, 0));
	R(lock(b, F_SETLK, F_UNLCK, 0, 0));
	CHILD {
		R(flock(a, LOCK_EX | LOCK_NB));
		R(flock(a, LOCK_UN));
	}
	REAP("child shares the description");
	R(flock(b, LOCK_EX | LOCK_NB));
	CHILD {
		int c = NEED(open("f", O_RDONLY));
		R(flock(c, LOCK_SH | LOCK_NB));
		R(flock(c, LOCK_SH));
	}
	await_state(child_pid, 'S');
	close(a);
	NEED(flock(b, LOCK_UN));
	REAP("waiter");
	R(flock(b, LOCK_EX | LOCK_SH));
	R(flock(b, 0));
	R(flock(b, 64));
	R(flock(99, LOCK_SH));
	int d = NEED(open(".", O_RDONLY));
	R(flock(d, LOCK_EX));
	close(b);
	close(d);
	int p = NEED(open("f", O_PATH));
	R(flock(p, LOCK_SH));
}

static void leases(void)
{
	HEAD("leases");
	int a = NEED(open("f", O_RDONLY));
	R(fcntl(a, F_GETLEASE));
	R(fcntl(a, F_SETLEASE, 9));
	R(fcntl(fd, F_SETLEASE, F_UNLCK));
	close(a);
}

int main(void)
{
	put_file("f", "0123456789", 10, 0666);
	fd = NEED(open("f", O_RDWR));
	posix_ranges();
	posix_waiting();
	ofd();
	whole_file();
	leases();
	return 0;
}
