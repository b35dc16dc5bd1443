// SPDX-License-Identifier: BSD-2-Clause
/*
 * What every ABI test needs: a deterministic way to print what a call did.
 *
 * A test runs on Linux and on NOS and both outputs must agree byte by byte, so it prints results,
 * errno names and signal names, never an address, a pid, a time or an inode number.  R(call) prints
 * the source text of the call and its result, which makes the output readable on its own.
 *
 * Each program is a main() of its own; the driver links all of them into one binary (one libc, one
 * page cache) by renaming main.  Output goes straight to write(2): nothing is buffered across fork.
 * Tests start in an empty tmpfs directory, as root without CAP_SYS_RESOURCE, umask 022, every signal
 * at its default, stdin on /dev/null (tests/init/init.c sets that up on both systems).
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HELPER static __attribute__((unused))

/* Print one formatted piece of output in one write. */
HELPER __attribute__((format(printf, 1, 2))) void say(const char *fmt, ...)
{
	char buf[4096];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(buf) - 1)
		n = sizeof(buf) - 1;
	for (int done = 0; done < n;) {
		ssize_t w = write(1, buf + done, n - done);
		if (w < 0 && errno != EINTR)
			_exit(99);
		if (w > 0)
			done += w;
	}
}

HELPER const char *err_name(int e)
{
	const char *s = strerrorname_np(e);

	return s ? s : "E?";
}

HELPER const char *sig_name(int sig)
{
	static char buf[4][16];
	static unsigned int turn;
	const char *s = sig > 0 && sig < 32 ? sigabbrev_np(sig) : NULL;
	char *b = buf[turn++ % 4];

	if (s)
		snprintf(b, 16, "SIG%s", s);
	else if (sig >= 34 && sig <= 64)
		snprintf(b, 16, "SIGRTMIN+%d", sig - 34);
	else
		snprintf(b, 16, "signal %d", sig);
	return b;
}

/* The result of a call in Linux' convention: value, or -1 with errno. */
HELPER long say_result(const char *text, long r, int e)
{
	if (r == -1)
		say("%s = -1 %s\n", text, err_name(e));
	else
		say("%s = %ld\n", text, r);
	return r;
}

HELPER long say_ok(const char *text, long r, int e)
{
	if (r == -1)
		say("%s = -1 %s\n", text, err_name(e));
	else
		say("%s = ok\n", text);
	return r;
}

/* Evaluate a call once and print text and result (R), or only that it worked (OK). */
#define R(call)                                                                                    \
	({                                                                                         \
		errno = 0;                                                                         \
		long r_ = (long)(call);                                                            \
		say_result(#call, r_, errno);                                                      \
	})
#define OK(call)                                                                                   \
	({                                                                                         \
		errno = 0;                                                                         \
		long r_ = (long)(call);                                                            \
		say_ok(#call, r_, errno);                                                          \
	})
/* A call that returns the error itself, as the pthread functions do. */
#define RE(call)                                                                                   \
	({                                                                                         \
		int e_ = (call);                                                                   \
		say("%s = %s\n", #call, e_ ? err_name(e_) : "0");                                  \
		e_;                                                                                \
	})
#define V(expr) say("%s: %lld\n", #expr, (long long)(expr))
#define X(expr) say("%s: %#llx\n", #expr, (unsigned long long)(expr))
#define S(expr) say("%s: \"%s\"\n", #expr, (expr))
#define IS(expr) say("%s: %s\n", #expr, (expr) ? "yes" : "no")
#define HEAD(title) say("-- %s\n", title)

/* Something the test itself cannot do without. */
#define NEED(call)                                                                                 \
	({                                                                                         \
		long n_ = (long)(call);                                                            \
		if (n_ == -1) {                                                                    \
			say("NEEDED: %s = -1 %s\n", #call, err_name(errno));                       \
			_exit(98);                                                                 \
		}                                                                                  \
		n_;                                                                                \
	})

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* CHILD { ... }: run the block in a child, whose status is 0 unless it exits itself. */
HELPER pid_t child_pid;
#define CHILD for (int in_ = ((child_pid = fork()) == 0); in_; _exit(0))

HELPER void say_status(const char *what, int st)
{
	if (WIFEXITED(st))
		say("%s: exited %d\n", what, WEXITSTATUS(st));
	else if (WIFSIGNALED(st))
		say("%s: killed by %s\n", what, sig_name(WTERMSIG(st)));
	else if (WIFSTOPPED(st))
		say("%s: stopped by %s event %d\n", what, sig_name(WSTOPSIG(st)), st >> 16);
	else if (WIFCONTINUED(st))
		say("%s: continued\n", what);
	else
		say("%s: status %#x\n", what, st);
}

/* Wait for @pid and print how it ended. */
HELPER int reap_pid(const char *what, pid_t pid)
{
	int st = 0;
	pid_t p;

	do
		p = waitpid(pid, &st, 0);
	while (p < 0 && errno == EINTR);
	if (p < 0)
		say("%s: wait %s\n", what, err_name(errno));
	else
		say_status(what, st);
	return st;
}
#define REAP(what) reap_pid(what, child_pid)

HELPER void sleep_ms(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &ts) == EINTR)
		;
}

HELPER long long now_ns(clockid_t clk)
{
	struct timespec ts;

	clock_gettime(clk, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* The state letter of a task in /proc, or 0 when it is gone. */
HELPER char task_state(pid_t tid)
{
	char path[64], buf[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	buf[n] = 0;
	char *p = strrchr(buf, ')');
	return p ? p[2] : 0;
}

/* Wait until task @tid is in state @want ('S' sleeping, 'T' stopped, 'Z' zombie). */
HELPER void await_state(pid_t tid, char want)
{
	for (int i = 0; i < 3000; i++) {
		if (task_state(tid) == want)
			return;
		sleep_ms(5);
	}
	say("task never reached state %c\n", want);
}

/* Become an ordinary user for good. */
HELPER void become(uid_t uid)
{
	NEED(setgroups(0, NULL));
	NEED(setresgid(uid, uid, uid));
	NEED(setresuid(uid, uid, uid));
}

HELPER void put_file(const char *path, const void *data, size_t len, mode_t mode)
{
	int fd = NEED(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));

	for (size_t done = 0; done < len;)
		done += NEED(write(fd, (const char *)data + done, len - done));
	NEED(fchmod(fd, mode));
	close(fd);
}

/* Whole content of a small file as a string, for files of at most 8 KiB (procfs). */
HELPER const char *get_file(const char *path)
{
	static char buf[8192];
	size_t len = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_name(errno);
	for (ssize_t n; len < sizeof(buf) - 1; len += n) {
		n = read(fd, buf + len, sizeof(buf) - 1 - len);
		if (n <= 0)
			break;
	}
	close(fd);
	buf[len] = 0;
	return buf;
}

/* Install @fn without a libc wrapper's opinion about flags. */
HELPER void on_signal(int sig, void (*fn)(int), int flags)
{
	struct sigaction sa = {.sa_handler = fn, .sa_flags = flags};

	NEED(sigaction(sig, &sa, NULL));
}

HELPER void on_siginfo(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = {.sa_sigaction = fn, .sa_flags = flags | SA_SIGINFO};

	NEED(sigaction(sig, &sa, NULL));
}

HELPER sigset_t sig_set(int sig)
{
	sigset_t s;

	sigemptyset(&s);
	if (sig)
		sigaddset(&s, sig);
	return s;
}

HELPER void say_bytes(const char *what, const void *data, size_t len)
{
	const unsigned char *p = data;
	char out[2048];
	size_t n = 0;

	for (size_t i = 0; i < len && n < sizeof(out) - 8; i++) {
		if (p[i] >= 32 && p[i] < 127 && p[i] != '\\')
			out[n++] = p[i];
		else
			n += snprintf(out + n, 5, "\\%03o", p[i]);
	}
	out[n] = 0;
	say("%s: [%s]\n", what, out);
}

HELPER const char *ftype_name(mode_t m)
{
	switch (m & S_IFMT) {
	case S_IFREG: return "reg";
	case S_IFDIR: return "dir";
	case S_IFLNK: return "lnk";
	case S_IFIFO: return "fifo";
	case S_IFCHR: return "chr";
	case S_IFBLK: return "blk";
	case S_IFSOCK: return "sock";
	default: return "anon";
	}
}

/* The fields of stat that a file system must agree on. */
HELPER void say_stat(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		say("%s: %s\n", path, err_name(errno));
	else
		say("%s: %s mode %04o nlink %ld uid %d gid %d size %lld\n", path, ftype_name(st.st_mode),
			st.st_mode & 07777, S_ISDIR(st.st_mode) ? -1L : (long)st.st_nlink, st.st_uid,
			st.st_gid, S_ISDIR(st.st_mode) ? -1LL : (long long)st.st_size);
}
