// SPDX-License-Identifier: BSD-2-Clause
/*
 * System calls with each of their allocations failing once (/proc/PID/fail-nth, debug kernels): a call succeeds nevertheless or says that there is no
 * memory, has changed nothing then, and works the next time. Descriptors, mappings and names are looked at after each failure, the kernel's
 * objects at the end.
 *
 *	fault_calls [PART-OF-A-NAME]
 */
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

static long unmap(long r, size_t len)
{
	if (r < 0 && r > -4096)
		return r;
	CHECK(!munmap((void *)r, len));
	return 0;
}

static long c_mmap(void)
{
	return unmap(TRY(mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)), 4 * PAGE);
}

static long c_mmap_shared(void)
{
	return unmap(TRY(mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0)), 4 * PAGE);
}

static long c_mmap_populate(void)
{
	return unmap(TRY(mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)),
		16 * PAGE);
}

static long c_mmap_file(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	long r = unmap(TRY(mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0)), 4 * PAGE);

	close(fd);
	return r;
}

static char *nine_pages(void)
{
	char *p = mmap(NULL, 9 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

static long c_munmap(void)
{
	char *p = nine_pages();
	long r = TRY(munmap(p + 3 * PAGE, PAGE));

	CHECK(!munmap(p, 9 * PAGE));
	return r;
}

static long c_mprotect(void)
{
	char *p = nine_pages();
	long r = TRY(mprotect(p + 3 * PAGE, PAGE, PROT_READ));

	CHECK(!munmap(p, 9 * PAGE));
	return r;
}

static long c_mremap(void)
{
	char *p = nine_pages();
	long r;

	memset(p, 1, 9 * PAGE);
	r = TRY(mremap(p, 9 * PAGE, 50 * PAGE, MREMAP_MAYMOVE));
	return unmap(r > -4096 && r < 0 ? (long)p : r, r > -4096 && r < 0 ? 9 * PAGE : 50 * PAGE) ?: r > -4096 && r < 0 ? r : 0;
}

static long c_mlock(void)
{
	char *p = nine_pages();
	long r = TRY(mlock(p + PAGE, 5 * PAGE));

	CHECK(!munmap(p, 9 * PAGE));
	return r;
}

/* A page fault finds another frame, or waits: the program never notices. */
static long c_touch(void)
{
	char *p = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	arm();
	for (long at = 0; at < 4 << 20; at += 1 << 20)
		*(volatile char *)(p + at) = 1;
	disarm();
	CHECK(!munmap(p, 4 << 20));
	return 0;
}

static long c_touch_file(void)
{
	int fd = open(DIR_ "/file", O_RDWR);
	char *p;

	CHECK(!ftruncate(fd, 8 * PAGE));
	p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	arm();
	for (int i = 0; i < 8; i++)
		*(volatile char *)(p + i * PAGE) = 1;
	disarm();
	CHECK(!munmap(p, 8 * PAGE));
	CHECK(!ftruncate(fd, 0));
	close(fd);
	return 0;
}

static long c_fork(void)
{
	long pid = TRY(fork());

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		CHECK(waitpid((pid_t)pid, NULL, 0) == pid);
	return pid < 0 ? pid : 0;
}

static void *thread(void *arg)
{
	return arg;
}

static long c_thread(void)
{
	pthread_t t;
	long r;

	arm();
	r = pthread_create(&t, NULL, thread, NULL);
	disarm();
	if (!r)
		CHECK(!pthread_join(t, NULL));
	return -r;
}

/*
 * Behind the point of no return there is nobody left to get the error: the program is killed. Or the failure meets the start of the new one in its own
 * library, which gives up with 127.
 */
static long c_exec(void)
{
	int p[2], status;
	char word[2] = "";
	pid_t pid;

	CHECK(!pipe2(p, O_CLOEXEC));
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		char path[] = "/proc/self/exe";
		char *argv[] = {path, (char *)"--exit", NULL}, *envp[] = {NULL};

		close(nth_fd);
		nth_fd = open("/proc/self/fail-nth", O_RDWR);
		arm();
		execve(path, argv, envp);
		disarm();
		if (!hit || errno != ENOMEM)
			_exit(9);
		(void)!write(p[1], "h", 1);
		_exit(0);
	}
	close(p[1]);
	(void)!read(p[0], word, 1);
	close(p[0]);
	CHECK(waitpid(pid, &status, 0) == pid);
	/* No more allocations than N: the program began with its first one to fail still to come, and is asked. */
	hit = *word == 'h' || WIFSIGNALED(status) || WEXITSTATUS(status) == 1 || WEXITSTATUS(status) == 127;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGSEGV ? -ENOMEM : -EINTR;
	if (WEXITSTATUS(status) > 1 && WEXITSTATUS(status) != 127)
		return -EPROTO;
	return *word == 'h' || WEXITSTATUS(status) == 127 ? -ENOMEM : 0;
}

/* The program that c_exec starts: 1 if the failure has been, 0 if it was still to come. */
static int exec_exit(void)
{
	char text[16] = "";
	int fd = open("/proc/self/fail-nth", O_RDWR);

	if (fd < 0)
		return 1; /* our own look-up has met it: it was still to come, but the sweep may go on */
	return read(fd, text, sizeof(text) - 1) > 0 && atoi(text) > 0 ? 0 : 1;
}

static long c_timer(void)
{
	struct sigevent e = {.sigev_notify = SIGEV_NONE};
	int id;
	long r = TRY(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &id));

	if (!r)
		CHECK(!syscall(SYS_timer_delete, id));
	return r;
}

static long c_sigqueue(void)
{
	sigset_t set;
	siginfo_t info;
	struct timespec none = {0, 0};
	long r;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 3);
	CHECK(!sigprocmask(SIG_BLOCK, &set, NULL));
	r = TRY(sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = 1}));
	while (sigtimedwait(&set, &info, &none) > 0)
		;
	CHECK(!sigprocmask(SIG_UNBLOCK, &set, NULL));
	return r;
}

static long c_setgroups(void)
{
	gid_t groups[100];
	long r;

	for (int i = 0; i < 100; i++)
		groups[i] = (gid_t)i;
	r = TRY(setgroups(100, groups));
	CHECK(!setgroups(0, NULL));
	return r;
}

static long c_setresuid(void)
{
	long r = TRY(syscall(SYS_setresuid, 0, 77, 0));

	CHECK(!syscall(SYS_setresuid, 0, 0, 0));
	return r;
}

static long c_mount(void)
{
	long r = TRY(mount("none", DIR_ "/dir", "tmpfs", MS_NODEV, "size=1m"));

	if (!r)
		CHECK(!umount(DIR_ "/dir"));
	return r;
}

static long c_bind(void)
{
	long r = TRY(mount("/proc", DIR_ "/dir", NULL, MS_BIND | MS_REC, NULL));

	if (!r)
		CHECK(!umount2(DIR_ "/dir", MNT_DETACH));
	return r;
}

static long read_all(const char *path)
{
	char buf[PAGE];
	long fd, r;

	arm();
	fd = open(path, O_RDONLY);
	r = fd < 0 ? -errno : read((int)fd, buf, sizeof(buf));
	if (fd >= 0 && r < 0)
		r = -errno;
	disarm();
	if (fd >= 0)
		close((int)fd);
	return r < 0 ? r : r ? 0 : -ENODATA;
}

static long c_read_maps(void) { return read_all("/proc/self/maps"); }
static long c_read_stat(void) { return read_all("/proc/self/stat"); }
static long c_read_mounts(void) { return read_all("/proc/self/mountinfo"); }
static long c_read_meminfo(void) { return read_all("/proc/meminfo"); }
static long c_read_sys(void) { return read_all("/sys/devices/system/cpu/online"); }

static const struct call {
	const char *name;
	long (*run)(void);
	int also[2]; /* errors beside ENOMEM; tmpfs says ENOSPC where it has no inode, as Linux' does */
} calls[] = {
	{"open", c_open, {0}}, {"open_path", c_open_path, {0}}, {"open_dir", c_open_dir, {0}},
	{"open_null", c_open_null, {0}}, {"tmpfile", c_tmpfile, {ENOSPC}}, {"memfd", c_memfd, {ENOSPC}},
	{"eventfd", c_eventfd, {0}}, {"timerfd", c_timerfd, {0}}, {"pidfd", c_pidfd, {0}}, {"ptmx", c_ptmx, {0}},
	{"dup_high", c_dup_high, {EMFILE}}, {"create", c_create, {ENOSPC}}, {"mkdir", c_mkdir, {ENOSPC}},
	{"mkfifo", c_mkfifo, {ENOSPC}}, {"symlink", c_symlink, {ENOSPC}}, {"link", c_link, {ENOSPC}},
	{"rename", c_rename, {0}}, {"unlink", c_unlink, {0}}, {"stat", c_stat, {0}},
	{"stat_missing", c_stat_missing, {0}}, {"readdir", c_readdir, {0}}, {"getcwd", c_getcwd, {0}},
	{"chdir", c_chdir, {0}}, {"xattr", c_xattr, {ENOSPC}}, {"write", c_write, {0}}, {"writev", c_writev, {0}},
	{"fallocate", c_fallocate, {0}}, {"sendfile", c_sendfile, {0}}, {"pipe", c_pipe, {ENFILE}},
	{"pipe_write", c_pipe_write, {0}}, {"pipe_size", c_pipe_size, {0}}, {"splice", c_splice, {0}},
	{"epoll_create", c_epoll_create, {0}}, {"epoll", c_epoll, {0}}, {"signalfd", c_signalfd, {0}},
	{"poll", c_poll, {0}}, {"lock", c_lock, {ENOLCK}}, {"flock", c_flock, {ENOLCK}}, {"mmap", c_mmap, {0}},
	{"mmap_shared", c_mmap_shared, {ENOSPC}}, {"mmap_populate", c_mmap_populate, {0}},
	{"mmap_file", c_mmap_file, {0}}, {"munmap", c_munmap, {0}}, {"mprotect", c_mprotect, {0}},
	{"mremap", c_mremap, {0}}, {"mlock", c_mlock, {EAGAIN}}, {"touch", c_touch, {0}},
	{"touch_file", c_touch_file, {0}}, {"fork", c_fork, {EAGAIN}}, {"thread", c_thread, {EAGAIN}},
	{"exec", c_exec, {0}}, {"timer", c_timer, {EAGAIN}}, {"sigqueue", c_sigqueue, {EAGAIN}},
	{"setgroups", c_setgroups, {0}}, {"setresuid", c_setresuid, {EAGAIN}}, {"mount", c_mount, {ENOSPC}},
	{"bind", c_bind, {0}}, {"read_maps", c_read_maps, {0}},
	{"read_stat", c_read_stat, {0}}, {"read_mounts", c_read_mounts, {0}}, {"read_meminfo", c_read_meminfo, {0}},
	{"read_sys", c_read_sys, {0}},
};
#define CALLS (sizeof(calls) / sizeof(calls[0]))

/* ---- what must not change ---- */

struct state {
	int fds, names;
	long pages;
};

static struct state look(void)
{
	struct state s = {0};
	DIR *d = opendir(DIR_);
	FILE *f = fopen("/proc/self/statm", "r");

	CHECK(d && f);
	while (readdir(d))
		s.names++;
	CHECK(fscanf(f, "%ld", &s.pages) == 1);
	closedir(d);
	fclose(f);
	for (int fd = 0; fd < 1024; fd++)
		s.fds += fcntl(fd, F_GETFD) >= 0;
	return s;
}

static int sweep(const struct call *c, unsigned int *out_n)
{
	struct state before, after;
	int bad = 0;
	long r;

	nth = 0;
	r = c->run();
	if (r) {
		printf("%s: fails without a failure: %s\n", c->name, strerror((int)-r));
		return 1;
	}
	before = look();
	for (nth = 1; nth < 3000; nth++) {
		hit = false;
		r = c->run();
		after = look();
		if (after.fds != before.fds || after.names != before.names || after.pages != before.pages) {
			printf("%s: allocation %u fails (%ld): descriptors %d, was %d; names %d, was %d; pages %ld, was %ld\n",
				c->name, nth, r, after.fds, before.fds, after.names, before.names, after.pages,
				before.pages);
			bad++;
			before = after;
		}
		if (r && !hit)
			printf("%s: %s, but allocation %u was still to come\n", c->name, strerror((int)-r), nth), bad++;
		if (r && r != -ENOMEM && r != -c->also[0] && r != -c->also[1])
			printf("%s: allocation %u fails: %s\n", c->name, nth, strerror((int)-r)), bad++;
		if (!hit)
			break;
	}
	*out_n += nth - 1;
	nth = 0;
	r = c->run();
	if (r)
		printf("%s: fails afterwards: %s\n", c->name, strerror((int)-r)), bad++;
	return bad;
}

/* ---- the kernel's objects ---- */

#define CACHES 200
struct cache {
	char name[32];
	long live;
};

static int read_caches(struct cache *c)
{
	FILE *f = fopen("/proc/sys/vm/drop_caches", "w");
	char line[256];
	int n = 0;

	/* Names that nobody uses, and what KASAN keeps back, are no leak. */
	CHECK(f && fputs("3", f) >= 0 && !fclose(f));
	f = fopen("/proc/slabinfo", "r");
	CHECK(f);
	while (n < CACHES && fgets(line, sizeof(line), f))
		if (sscanf(line, "%31s %ld", c[n].name, &c[n].live) == 2 && strncmp(c[n].name, "magazine", 8))
			n++;
	fclose(f);
	return n;
}

/* How many caches have more than @slack objects more than before, when all that is late has come. */
static int grown(const struct cache *before, int n, long slack, bool print)
{
	struct cache now_[CACHES];
	int m = read_caches(now_), bad = 0;

	for (int i = 0; i < n && i < m; i++)
		if (now_[i].live > before[i].live + slack) {
			bad++;
			if (print)
				printf("%s: %ld objects, were %ld\n", now_[i].name, now_[i].live, before[i].live);
		}
	return bad;
}

static unsigned int sweep_all(const char *filter, int *bad)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < CALLS; i++)
		if (!filter || strstr(calls[i].name, filter))
			*bad += sweep(&calls[i], &n);
	return n;
}

int main(int argc, char **argv)
{
	struct cache before[CACHES];
	char text[16];
	int n, bad = 0, again = 0;
	unsigned int failures;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && !strcmp(argv[1], "--exit"))
		return exec_exit();
	CHECK(!mkdir(DIR_, 0700) && !mkdir(DIR_ "/dir", 0700));
	CHECK(!close(open(DIR_ "/file", O_CREAT | O_RDWR, 0600)) && !symlink("file", DIR_ "/link"));
	nth_fd = open("/proc/self/fail-nth", O_RDWR);
	if (nth_fd < 0) {
		printf("no /proc/PID/fail-nth: not a debug kernel\n");
		return 1;
	}
	CHECK(pread(nth_fd, text, sizeof(text), 0) > 0); /* its buffer is made now */
	failures = sweep_all(argc > 1 ? argv[1] : NULL, &bad);
	/* What the first round leaves are caches; the second one must find them. */
	usleep(300000);
	n = read_caches(before);
	sweep_all(argc > 1 ? argv[1] : NULL, &again);
	for (int i = 0; i < 50 && grown(before, n, 30, false); i++)
		usleep(100000);
	bad += grown(before, n, 30, true);
	printf("%u failures, %d complaints\n", failures, bad + again);
	return bad + again ? 1 : 0;
}
