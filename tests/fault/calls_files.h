// SPDX-License-Identifier: BSD-2-Clause
/*
 * The calls on files that fault_calls.c makes fail: each does something through TRY, undoes what it did, and returns 0 or -errno.
 */
#pragma once
#include "../storm/storm.h"
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <grp.h>
#include <sys/fanotify.h>

#define DIR_	"/tmp/fault"
#define LONG	"a-name-that-is-longer-than-what-fits-into-the-entry-itself"
#define PAGE	4096

static int nth_fd;
static unsigned int nth;	/* which allocation of the next call fails; 0 none */
static bool hit;		/* it has failed */

static void set_nth(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	/* Writing may be what meets the failure that was still to come. */
	if (pwrite(nth_fd, text, len, 0) != len)
		CHECK(errno == ENOMEM && pwrite(nth_fd, text, len, 0) == len);
}

static void arm(void)
{
	if (nth)
		set_nth(nth);
}

static void disarm(void)
{
	char text[16] = "";
	int saved = errno;

	if (!nth)
		return;
	CHECK(pread(nth_fd, text, sizeof(text) - 1, 0) > 0);
	hit = atoi(text) == 0;
	set_nth(0);
	errno = saved;
}

/* What @call returns; -errno when that is -1. */
#define TRY(call)                                            \
	({                                                   \
		arm();                                       \
		long try_ = (long)(call);                    \
		disarm();                                    \
		try_ == -1 ? -(long)errno : try_;            \
	})

/* ---- the calls: each undoes what it did, and returns 0 or -errno ---- */

static long close_it(long fd)
{
	if (fd < 0)
		return fd;
	CHECK(!close(fd));
	return 0;
}

static long c_open(void) { return close_it(TRY(open(DIR_ "/file", O_RDWR))); }
static long c_open_path(void) { return close_it(TRY(open(DIR_ "/dir/../link", O_PATH))); }
static long c_open_dir(void) { return close_it(TRY(open(DIR_, O_DIRECTORY))); }
static long c_open_null(void) { return close_it(TRY(open("/dev/null", O_RDWR))); }
static long c_tmpfile(void) { return close_it(TRY(open(DIR_, O_TMPFILE | O_RDWR, 0600))); }
static long c_memfd(void) { return close_it(TRY(memfd_create(LONG, MFD_CLOEXEC))); }
static long c_eventfd(void) { return close_it(TRY(eventfd(0, 0))); }
static long c_timerfd(void) { return close_it(TRY(timerfd_create(CLOCK_MONOTONIC, 0))); }
static long c_pidfd(void) { return close_it(TRY(syscall(SYS_pidfd_open, getpid(), 0))); }
static long c_ptmx(void) { return close_it(TRY(open("/dev/ptmx", O_RDWR | O_NOCTTY))); }
static long c_dup_high(void) { return close_it(TRY(fcntl(0, F_DUPFD, 700))); }

static long c_create(void)
{
	long r = close_it(TRY(open(DIR_ "/" LONG, O_CREAT | O_EXCL | O_RDWR, 0600)));

	if (!r)
		CHECK(!unlink(DIR_ "/" LONG));
	return r;
}

static long undo_name(long r)
{
	if (!r)
		CHECK(!remove(DIR_ "/" LONG));
	return r;
}

static long c_mkdir(void) { return undo_name(TRY(mkdir(DIR_ "/" LONG, 0700))); }
static long c_mkfifo(void) { return undo_name(TRY(mknod(DIR_ "/" LONG, S_IFIFO | 0600, 0))); }
static long c_symlink(void) { return undo_name(TRY(symlink(LONG "/" LONG "/" LONG, DIR_ "/" LONG))); }
static long c_link(void) { return undo_name(TRY(link(DIR_ "/file", DIR_ "/" LONG))); }

static long c_rename(void)
{
	long r = TRY(rename(DIR_ "/file", DIR_ "/dir/" LONG));

	if (!r)
		CHECK(!rename(DIR_ "/dir/" LONG, DIR_ "/file"));
	return r;
}

static long c_unlink(void)
{
	long r;

	CHECK(!close(open(DIR_ "/" LONG, O_CREAT | O_RDWR, 0600)));
	r = TRY(unlink(DIR_ "/" LONG));
	if (r)
		CHECK(!unlink(DIR_ "/" LONG));
	return r;
}

static long c_stat(void)
{
	struct stat st;

	return TRY(stat(DIR_ "/dir/../dir/../link", &st));
}

static long c_stat_missing(void)
{
	struct stat st;
	long r = TRY(stat(DIR_ "/no-" LONG, &st));

	return r == -ENOENT ? 0 : r;
}

static long c_readdir(void)
{
	char buf[4096];
	int fd = open(DIR_, O_RDONLY | O_DIRECTORY);
	long r = TRY(syscall(SYS_getdents64, fd, buf, sizeof(buf)));

	close(fd);
	return r < 0 ? r : 0;
}

static long c_getcwd(void)
{
	char buf[4096];

	return TRY(syscall(SYS_getcwd, buf, sizeof(buf))) > 0 ? 0 : -errno;
}

static long c_chdir(void)
{
	long r = TRY(chdir(DIR_ "/dir"));

	CHECK(!chdir("/"));
	return r;
}

static long c_xattr(void)
{
	long r = TRY(setxattr(DIR_ "/file", "user." LONG, LONG, sizeof(LONG), 0));

	if (!r)
		CHECK(!removexattr(DIR_ "/file", "user." LONG));
	return r;
}

static long c_write(void)
{
	static char bytes[5 * PAGE];
	int fd = open(DIR_ "/file", O_RDWR);
	long r = TRY(pwrite(fd, bytes, sizeof(bytes), 123456789));

	CHECK(!ftruncate(fd, 0));
	close(fd);
	return r < 0 ? r : 0;
}

static long c_writev(void)
{
	static char bytes[100];
	struct iovec v[200];
	int fd = open(DIR_ "/file", O_RDWR);
	long r;

	for (int i = 0; i < 200; i++)
		v[i] = (struct iovec){bytes, sizeof(bytes)};
	r = TRY(writev(fd, v, 200));
	CHECK(!ftruncate(fd, 0));
	close(fd);
	return r < 0 ? r : 0;
}

static long c_fallocate(void)
{
	int fd = open(DIR_ "/file", O_RDWR);
	long r = TRY(fallocate(fd, 0, 1 << 20, 8 * PAGE));

	CHECK(!ftruncate(fd, 0));
	close(fd);
	return r;
}

static long c_sendfile(void)
{
	int from = open("/proc/self/exe", O_RDONLY), to = open(DIR_ "/file", O_RDWR);
	long r = TRY(sendfile(to, from, NULL, 3 * PAGE));

	CHECK(!ftruncate(to, 0));
	close(from);
	close(to);
	return r < 0 ? r : 0;
}

static long c_pipe(void)
{
	int p[2];
	long r = TRY(pipe2(p, O_CLOEXEC));

	if (!r) {
		close(p[0]);
		close(p[1]);
	}
	return r;
}

static long c_pipe_write(void)
{
	static char bytes[3 * PAGE];
	int p[2];
	long r;

	CHECK(!pipe(p));
	r = TRY(write(p[1], bytes, sizeof(bytes)));
	close(p[0]);
	close(p[1]);
	return r < 0 ? r : 0;
}

static long c_pipe_size(void)
{
	int p[2];
	long r;

	CHECK(!pipe(p));
	r = TRY(fcntl(p[1], F_SETPIPE_SZ, 1 << 19));
	close(p[0]);
	close(p[1]);
	return r < 0 ? r : 0;
}

static long c_splice(void)
{
	int p[2], fd = open("/proc/self/exe", O_RDONLY);
	loff_t at = 0;
	long r;

	CHECK(!pipe(p));
	r = TRY(splice(fd, &at, p[1], NULL, 2 * PAGE, 0));
	close(p[0]);
	close(p[1]);
	close(fd);
	return r < 0 ? r : 0;
}

static long c_epoll(void)
{
	struct epoll_event e = {.events = EPOLLIN};
	int p[2], fd;
	long r = TRY(epoll_create1(0));

	if (r < 0)
		return r;
	fd = (int)r;
	CHECK(!pipe(p));
	r = TRY(epoll_ctl(fd, EPOLL_CTL_ADD, p[0], &e));
	close(fd);
	close(p[0]);
	close(p[1]);
	return r;
}

static long c_epoll_create(void) { return close_it(TRY(epoll_create1(0))); }

static long c_signalfd(void)
{
	sigset_t set;

	sigemptyset(&set);
	return close_it(TRY(signalfd(-1, &set, 0)));
}

static long c_poll(void)
{
	struct pollfd p[300];
	int pipes[2];
	long r;

	CHECK(!pipe(pipes));
	for (int i = 0; i < 300; i++)
		p[i] = (struct pollfd){.fd = pipes[0], .events = POLLIN};
	r = TRY(poll(p, 300, 1));
	close(pipes[0]);
	close(pipes[1]);
	return r;
}

static long c_lock(void)
{
	struct flock a = {.l_type = F_WRLCK, .l_len = 100}, b = {.l_type = F_UNLCK, .l_start = 30, .l_len = 10};
	int fd = open(DIR_ "/file", O_RDWR);
	long r;

	CHECK(!fcntl(fd, F_SETLK, &a));
	r = TRY(fcntl(fd, F_SETLK, &b));
	close(fd);
	return r;
}

static long c_flock(void)
{
	int fd = open(DIR_ "/file", O_RDWR);
	long r = TRY(syscall(SYS_flock, fd, 2));

	close(fd);
	return r;
}

static long c_fanotify(void) { return close_it(TRY(fanotify_init(FAN_REPORT_DFID_NAME, O_RDONLY))); }

static long c_fanotify_mark(void)
{
	int fd = fanotify_init(FAN_CLASS_NOTIF, O_RDONLY);
	long r;

	CHECK(fd >= 0);
	r = TRY(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN | FAN_CLOSE, AT_FDCWD, DIR_ "/file"));
	close(fd);
	return r;
}

/* The event that cannot be kept becomes an overflow. */
static long c_fanotify_event(void)
{
	int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY);
	struct fanotify_event_metadata m;
	long r;

	CHECK(fd >= 0 && !fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, DIR_ "/file"));
	r = close_it(TRY(open(DIR_ "/file", O_RDONLY)));
	if (!r) {
		CHECK(read(fd, &m, sizeof(m)) == sizeof(m) && m.mask & (FAN_OPEN | FAN_Q_OVERFLOW));
		if (m.fd >= 0)
			close(m.fd);
	}
	close(fd);
	return r;
}

static long c_lease(void)
{
	int fd = open(DIR_ "/file", O_RDONLY);
	long r;

	CHECK(fd >= 0);
	r = TRY(fcntl(fd, F_SETLEASE, F_RDLCK));
	close(fd);
	return r;
}

static long c_dnotify(void)
{
	int fd = open(DIR_, O_RDONLY);
	long r;

	CHECK(fd >= 0);
	r = TRY(fcntl(fd, F_NOTIFY, DN_CREATE | DN_MULTISHOT));
	close(fd);
	return r;
}

/* A default list and a directory that inherits it. */
static long c_acl(void)
{
	static const unsigned char list[] = {2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 2, 0, 7, 0, 5, 0, 0, 0, 4, 0, 5, 0, 255, 255, 255, 255, 16, 0,
		7, 0, 255, 255, 255, 255, 32, 0, 5, 0, 255, 255, 255, 255};
	long r = TRY(setxattr(DIR_ "/dir", "system.posix_acl_default", list, sizeof(list), 0));

	if (!r) {
		r = TRY(mkdir(DIR_ "/dir/" LONG, 0700));
		if (!r)
			CHECK(!rmdir(DIR_ "/dir/" LONG));
		CHECK(!removexattr(DIR_ "/dir", "system.posix_acl_default"));
	}
	return r;
}
