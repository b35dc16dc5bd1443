// SPDX-License-Identifier: BSD-2-Clause
/* pipe(2): atomic writes, blocking, short transfers, EOF, EPIPE and SIGPIPE, O_DIRECT packets. */
#include "abi.h"
#include <sys/sendfile.h>
#include <sys/ioctl.h>

static char big[1 << 18];
static volatile sig_atomic_t pipes_broken, alarms;

static void on_pipe(int sig)
{
	(void)sig;
	pipes_broken++;
}

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

static int avail(int fd)
{
	int n = -1;

	ioctl(fd, FIONREAD, &n);
	return n;
}

static void errors(void)
{
	int p[2];
	char c;

	HEAD("errors");
	R(syscall(SYS_pipe2, p, 0x1));
	R(syscall(SYS_pipe2, NULL, 0));
	R(syscall(SYS_pipe2, p, O_CLOEXEC | O_NONBLOCK));
	R(fcntl(p[0], F_GETFD));
	R(fcntl(p[1], F_GETFL));
	R(fcntl(p[0], F_GETFL));
	R(read(p[1], &c, 1));
	R(write(p[0], &c, 1));
	R(read(p[0], &c, 1));
	R(read(p[0], &c, 0));
	R(write(p[1], &c, 0));
	R(write(p[1], "abcdef", 6));
	R(avail(p[0]));
	R(avail(p[1]));
	R(read(p[0], big, 4));
	R(read(p[0], (void *)-4096l, 2));
	R(avail(p[0]));
	R(read(p[0], big, 4));
	R(write(p[1], (void *)-4096l, 4));
	R(avail(p[0]));
	R(read(p[0], big, 4));
	close(p[1]);
	R(read(p[0], &c, 1));
	close(p[0]);
}

static void broken(void)
{
	int p[2];

	HEAD("no reader");
	NEED(pipe(p));
	close(p[0]);
	on_signal(SIGPIPE, on_pipe, 0);
	R(write(p[1], "x", 1));
	V(pipes_broken);
	R(write(p[1], "", 0));
	V(pipes_broken);
	signal(SIGPIPE, SIG_IGN);
	R(write(p[1], "x", 1));
	CHILD {
		signal(SIGPIPE, SIG_DFL);
		write(p[1], "x", 1);
		say("not reached\n");
	}
	REAP("default action");
	close(p[1]);
}

static void full(void)
{
	int p[2];
	long n, total = 0;

	HEAD("full");
	NEED(pipe2(p, O_NONBLOCK));
	while ((n = write(p[1], big, 4096)) > 0)
		total += n;
	V(total);
	R(write(p[1], big, 1));
	R(read(p[0], big, 4095));
	R(write(p[1], big, 4096));
	R(write(p[1], big, 1));
	R(read(p[0], big, 1));
	R(write(p[1], big, 4096));
	R(write(p[1], big, 4097));
	R(read(p[0], big, 4096 * 3));
	R(write(p[1], big, 10000));
	/* A blocking write larger than the pipe completes as the reader drains it. */
	fcntl(p[0], F_SETFL, 0);
	fcntl(p[1], F_SETFL, 0);
	CHILD {
		close(p[0]);
		say("child wrote %zd\n", write(p[1], big, sizeof(big)));
	}
	await_state(child_pid, 'S');
	close(p[1]);
	for (total = 0; (n = read(p[0], big, 30000)) > 0;)
		total += n;
	REAP("writer");
	V(total - (long)sizeof(big) > 0);
	close(p[0]);
}

static void interrupted(void)
{
	int p[2];
	char c;

	HEAD("interrupted");
	NEED(pipe(p));
	on_signal(SIGALRM, on_alarm, 0);
	struct itimerval it = {.it_value = {0, 20000}};
	setitimer(ITIMER_REAL, &it, NULL);
	R(read(p[0], &c, 1));
	V(alarms);
	setitimer(ITIMER_REAL, &it, NULL);
	IS(write(p[1], big, sizeof(big)) == 65536);
	setitimer(ITIMER_REAL, &it, NULL);
	R(write(p[1], big, 10));
	V(alarms);
	on_signal(SIGALRM, on_alarm, SA_RESTART);
	CHILD {
		sleep_ms(100);
		while (read(p[0], big, sizeof(big)) == 65536)
			;
		_exit(0);
	}
	setitimer(ITIMER_REAL, &it, NULL);
	R(write(p[1], big, 10));
	V(alarms);
	close(p[1]);
	kill(child_pid, SIGKILL);
	waitpid(child_pid, NULL, 0);
	close(p[0]);
}

static void atomic(void)
{
	enum { WRITERS = 4, ROUNDS = 100, SIZE = 4096 };
	int p[2], counts[WRITERS] = {0}, torn = 0;
	pid_t kids[WRITERS];
	size_t got = 0;

	HEAD("PIPE_BUF writes stay whole");
	NEED(pipe(p));
	for (int w = 0; w < WRITERS; w++) {
		CHILD {
			memset(big, 'A' + w, SIZE);
			for (int i = 0; i < ROUNDS; i++)
				if (write(p[1], big, SIZE) != SIZE)
					_exit(1);
		}
		kids[w] = child_pid;
	}
	close(p[1]);
	for (ssize_t n; (n = read(p[0], big + got, SIZE - got)) > 0;) {
		got += n;
		if (got < SIZE)
			continue;
		for (int i = 1; i < SIZE; i++)
			torn += big[i] != big[0];
		counts[big[0] - 'A']++;
		got = 0;
	}
	for (int w = 0; w < WRITERS; w++)
		reap_pid("writer", kids[w]);
	V(torn);
	for (int w = 0; w < WRITERS; w++)
		V(counts[w]);
	close(p[0]);
}

static void packets(void)
{
	int p[2];

	HEAD("O_DIRECT packets");
	NEED(pipe2(p, O_DIRECT | O_NONBLOCK));
	R(write(p[1], "one", 3));
	R(write(p[1], "second", 6));
	R(read(p[0], big, 100));
	R(read(p[0], big, 2));
	R(read(p[0], big, 100));
	R(write(p[1], big, 5000));
	R(read(p[0], big, 10000));
	R(read(p[0], big, 10000));
	close(p[0]);
	close(p[1]);
}

static void through_proc(void)
{
	int p[2];
	char path[64], c;

	HEAD("reopened through /proc");
	NEED(pipe(p));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[0]);
	int w = R(open(path, O_WRONLY));
	R(write(w, "z", 1));
	R(read(p[0], &c, 1));
	close(p[1]);
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	R(read(p[0], &c, 1));
	close(w);
	R(read(p[0], &c, 1));
	close(p[0]);
}

/* Files that are made while they are read, with the pipe they go to locked. */
static void made_files(void)
{
	static const char *const names[] = {
		"/proc/self/status", "/proc/self/maps", "/proc/self/smaps", "/proc/self/mountinfo",
		"/proc/self/fdinfo/0", "/proc/self/limits", "/proc/self/cmdline", "/proc/self/environ",
		"/proc/self/auxv", "/proc/self/stat", "/proc/self/pagemap", "/proc/meminfo", "/proc/stat",
		"/proc/sys/kernel/ostype", "/sys/devices/system/cpu/online"};
	int p[2];
	char path[64];

	HEAD("files of /proc and /sys, spliced");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		NEED(pipe(p));
		int f = NEED(open(names[i], O_RDONLY));
		ssize_t n = splice(f, NULL, p[1], NULL, 64, 0);
		say("%s: %s\n", names[i], n < 0 ? strerrorname_np(errno) : n ? "bytes" : "nothing");
		n = sendfile(p[1], f, NULL, 64);
		say("sent: %s\n", n < 0 ? strerrorname_np(errno) : n ? "bytes" : "nothing");
		close(f);
		close(p[0]);
		close(p[1]);
	}
	NEED(pipe(p));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", p[1]);
	int f = NEED(open(path, O_RDONLY));
	say("a pipe's own fdinfo into it: %d\n", splice(f, NULL, p[1], NULL, 64, 0) > 0);
	close(f);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	errors();
	broken();
	full();
	interrupted();
	atomic();
	packets();
	through_proc();
	made_files();
	return 0;
}
