// SPDX-License-Identifier: BSD-2-Clause
/*
 * System calls with each of their allocations failing once (/proc/PID/fail-nth, debug kernels): a call succeeds nevertheless or says that there is no
 * memory, has changed nothing then, and works the next time. Descriptors, mappings and names are looked at after each failure, the kernel's
 * objects at the end.
 *
 *	fault_calls [PART-OF-A-NAME]
 */
#include "calls_files.h"
#include "calls_tasks.h"

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
	{"read_sys", c_read_sys, {0}}, {"fanotify", c_fanotify, {0}}, {"fanotify_mark", c_fanotify_mark, {0}},
	{"fanotify_event", c_fanotify_event, {0}}, {"lease", c_lease, {0}}, {"dnotify", c_dnotify, {0}},
	{"acl", c_acl, {ENOSPC}},
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
