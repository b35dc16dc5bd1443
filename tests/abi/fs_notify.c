// SPDX-License-Identifier: BSD-2-Clause
/*
 * inotify(7) beyond its basics: which names and links hear of what, coalescing, one-shot and unlinked
 * files, overflow, unmounting, limits, SIGIO, epoll, fork, and what sendfile, splice, exec and FIFOs tell.
 */
#include "abi.h"
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>

static int fd;

static void show_fd(int in, const char *what)
{
	static const char *const bits[] = {"ACCESS", "MODIFY", "ATTRIB", "CLOSE_WRITE", "CLOSE_NOWRITE",
		"OPEN", "MOVED_FROM", "MOVED_TO", "CREATE", "DELETE", "DELETE_SELF", "MOVE_SELF", "?",
		"UNMOUNT", "Q_OVERFLOW", "IGNORED"};
	static char buf[65536];
	ssize_t n = read(in, buf, sizeof(buf));

	say("%s: %s\n", what, n < 0 ? err_name(errno) : "");
	for (ssize_t at = 0; at < n;) {
		struct inotify_event *e = (struct inotify_event *)(buf + at);
		say("  wd %d", e->wd);
		for (size_t i = 0; i < ARRAY_LEN(bits); i++)
			if (e->mask & 1u << i)
				say(" %s", bits[i]);
		if (e->mask & IN_ISDIR)
			say(" ISDIR");
		say("%s len %u %s\n", e->cookie ? " cookie" : "", e->len, e->len ? (e->name[0] == '#' ? "#" : e->name) : "");
		at += sizeof(*e) + e->len;
	}
}

static void show(const char *what)
{
	show_fd(fd, what);
}

static void fresh(void)
{
	if (fd)
		close(fd);
	fd = NEED(inotify_init1(IN_NONBLOCK));
}

static void touch(const char *path)
{
	put_file(path, "data", 4, 0644);
}

static void names(void)
{
	char c[8];

	HEAD("two names, two directories");
	fresh();
	mkdir("a", 0755);
	mkdir("b", 0755);
	touch("a/x");
	link("a/x", "b/y");
	R(inotify_add_watch(fd, "b", IN_ALL_EVENTS));
	int f = NEED(open("a/x", O_RDWR));
	read(f, c, 2);
	close(f);
	show("through the other name");
	f = NEED(open("b/y", O_RDWR));
	read(f, c, 2);
	write(f, "z", 1);
	close(f);
	show("through this name");
	R(inotify_add_watch(fd, "a", IN_ALL_EVENTS));
	R(inotify_add_watch(fd, "a/x", IN_ALL_EVENTS));
	f = NEED(open("a/x", O_RDONLY));
	close(f);
	show("directory and file");
	rename("a/x", "b/moved");
	show("moved between watched directories");
	rename("b/moved", "b/y");
	show("to another name of itself");
	touch("a/over");
	show("made");
	rename("a/over", "b/y");
	show("over a link");
	unlink("b/moved");
	show("the last name");
	mkdir("a/dir", 0755);
	touch("a/dir/deep");
	show("deeper names are not told");
	rename("a/dir", "b/dir");
	show("directory moved");
	f = NEED(open("b/dir", O_RDONLY | O_DIRECTORY));
	syscall(SYS_getdents64, f, c, 8);
	char big[1024];
	syscall(SYS_getdents64, f, big, sizeof(big));
	close(f);
	show("directory read");
	syscall(SYS_renameat2, AT_FDCWD, "b/dir", AT_FDCWD, "b/y", 2);
	show("exchanged");
	syscall(SYS_renameat2, AT_FDCWD, "b/dir", AT_FDCWD, "b/none", 1);
	show("no replace");
	mkfifo("a/fifo", 0644);
	mknod("a/null", S_IFCHR | 0666, 0x103);
	symlink("nowhere", "a/sym");
	show("nodes");
	int t = open("a", O_TMPFILE | O_RDWR, 0600);
	write(t, "1", 1);
	close(t);
	show("nameless file");
	unlink("a/sym");
	unlink("a/null");
	show("nodes removed");
}

static void attributes(void)
{
	struct timespec ts[2] = {{1, 0}, {2, 0}};

	HEAD("attributes");
	fresh();
	touch("a/f");
	R(inotify_add_watch(fd, "a", IN_ALL_EVENTS));
	R(inotify_add_watch(fd, "a/f", IN_ATTRIB | IN_MODIFY | IN_ACCESS));
	utimensat(AT_FDCWD, "a/f", ts, 0);
	show("both times");
	ts[0].tv_nsec = UTIME_OMIT;
	utimensat(AT_FDCWD, "a/f", ts, 0);
	show("mtime");
	ts[0].tv_nsec = 5;
	ts[1].tv_nsec = UTIME_OMIT;
	utimensat(AT_FDCWD, "a/f", ts, 0);
	show("atime");
	chown("a/f", 5, -1);
	show("owner");
	chown("a/f", -1, -1);
	show("no owner");
	setxattr("a/f", "user.x", "1", 1, 0);
	removexattr("a/f", "user.x");
	show("xattrs");
	truncate("a/f", 100);
	int f = NEED(open("a/f", O_RDWR));
	ftruncate(f, 10);
	fallocate(f, 0, 0, 20);
	fsync(f);
	lseek(f, 0, SEEK_SET);
	close(f);
	show("sizes");
	link("a/f", "a/g");
	show("link");
	unlink("a/g");
	show("unlink");
	f = NEED(open("a/f", O_WRONLY | O_TRUNC));
	close(f);
	show("O_TRUNC");
	f = NEED(open("a/f", O_PATH));
	close(f);
	show("O_PATH");
	chmod("a", 0700);
	show("the directory");
	chmod("a/none", 0700);
	open("a/none", O_RDONLY);
	open("a/f", O_CREAT | O_EXCL, 0600);
	show("failures");
}

static void coalescing(void)
{
	HEAD("coalescing");
	fresh();
	touch("a/f");
	R(inotify_add_watch(fd, "a/f", IN_MODIFY | IN_ACCESS));
	int f = NEED(open("a/f", O_RDWR));
	char c;
	int n;
	for (int i = 0; i < 5; i++)
		write(f, "x", 1);
	R(ioctl(fd, FIONREAD, &n));
	V(n);
	pread(f, &c, 1, 0);
	write(f, "x", 1);
	write(f, "x", 1);
	show("five, one, two");
	write(f, "", 0);
	read(f, &c, 0);
	read(f, &c, 1);
	show("nothing moved");
	struct iovec v[2] = {{"ab", 2}, {"cd", 2}};
	writev(f, v, 2);
	pwrite(f, "x", 1, 0);
	show("vectors");
	close(f);
}

static void flags(void)
{
	HEAD("masks and flags");
	fresh();
	touch("a/f");
	symlink("f", "a/s");
	int wd = R(inotify_add_watch(fd, "a/f", IN_OPEN));
	R(inotify_add_watch(fd, "a/s", IN_CLOSE | IN_MASK_ADD) == wd);
	close(NEED(open("a/f", O_RDONLY)));
	show("added");
	R(inotify_add_watch(fd, "a/f", IN_MASK_CREATE | IN_OPEN));
	R(inotify_add_watch(fd, "a/s", IN_OPEN | IN_DONT_FOLLOW));
	R(inotify_add_watch(fd, "a/s", IN_OPEN | IN_ONLYDIR));
	R(inotify_add_watch(fd, "a", IN_OPEN | IN_ONLYDIR | IN_MASK_CREATE));
	R(inotify_add_watch(fd, "a/f", IN_ONESHOT | IN_OPEN));
	close(NEED(open("a/f", O_RDONLY)));
	close(NEED(open("a/f", O_RDONLY)));
	show("oneshot");
	R(inotify_add_watch(fd, "a/f", 0x800));
	R(inotify_add_watch(fd, "a/f", IN_ISDIR));
	R(inotify_add_watch(fd, "", IN_OPEN));
	R(inotify_rm_watch(fd, -1));
	R(inotify_rm_watch(fd, 0));
	R(inotify_rm_watch(fd, 99));
	R(inotify_rm_watch(0, 1));
	R(inotify_rm_watch(99, 1));
	CHILD {
		chmod("a/f", 0200);
		become(1000);
		R(inotify_add_watch(fd, "a/f", IN_OPEN));
		R(inotify_add_watch(fd, "a/none", IN_OPEN));
	}
	REAP("user");
	show("after chmod");
}

static void unlinked(void)
{
	HEAD("unlinked files");
	fresh();
	touch("a/f");
	R(inotify_add_watch(fd, "a", IN_ALL_EVENTS));
	R(inotify_add_watch(fd, "a/f", IN_ALL_EVENTS));
	int f = NEED(open("a/f", O_RDWR));
	unlink("a/f");
	show("unlinked while open");
	write(f, "x", 1);
	show("written");
	close(f);
	show("closed");
	fresh();
	touch("a/f");
	R(inotify_add_watch(fd, "a", IN_ALL_EVENTS | IN_EXCL_UNLINK));
	f = NEED(open("a/f", O_RDWR));
	unlink("a/f");
	show("excl: unlinked while open");
	write(f, "x", 1);
	fchmod(f, 0600);
	close(f);
	show("excl: closed");
	fresh();
	mkdir("dead", 0755);
	R(inotify_add_watch(fd, "dead", IN_ALL_EVENTS));
	int d = NEED(open("dead", O_RDONLY));
	rmdir("dead");
	show("directory removed while open");
	close(d);
	show("closed");
	R(inotify_add_watch(fd, "a", IN_ALL_EVENTS));
	R(rename("b/none", "a/none"));
	mkdir("b/empty", 0755);
	mkdir("a/empty", 0755);
	R(inotify_add_watch(fd, "a/empty", IN_ALL_EVENTS));
	rename("b/empty", "a/empty");
	show("directory replaced");
}

static void overflow(void)
{
	HEAD("overflow");
	int s = open("/proc/sys/fs/inotify/max_queued_events", O_RDWR);
	char old[32] = "", path[32];
	ssize_t n = read(s, old, sizeof(old));
	pwrite(s, "10", 2, 0);
	fresh();
	pwrite(s, old, n, 0);
	close(s);
	touch("a/f");
	R(inotify_add_watch(fd, "a", IN_CREATE));
	for (int i = 0; i < 14; i++) {
		snprintf(path, sizeof(path), "a/n%d", i);
		touch(path);
	}
	show("full");
	for (int i = 0; i < 14; i++) {
		snprintf(path, sizeof(path), "a/n%d", i);
		unlink(path);
	}
	touch("a/n1");
	show("and goes on");
	unlink("a/n1");
}

static void unmounting(void)
{
	HEAD("unmount");
	fresh();
	mkdir("m", 0755);
	NEED(mount("none", "m", "tmpfs", 0, NULL));
	touch("m/f");
	R(inotify_add_watch(fd, "m", IN_ALL_EVENTS));
	R(inotify_add_watch(fd, "m/f", IN_OPEN));
	R(inotify_add_watch(fd, ".", IN_ALL_EVENTS));
	R(umount("m"));
	show("unmounted");
	R(inotify_rm_watch(fd, 1));
	rmdir("m");
	show("directory");
}

static volatile sig_atomic_t io_signals;

static void on_io(int sig, siginfo_t *info, void *ctx)
{
	(void)sig;
	(void)ctx;
	io_signals++;
	if (info->si_code == POLL_IN)
		io_signals += 100;
}

static void telling(void)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET}, got;

	HEAD("poll, epoll, SIGIO, fork");
	fresh();
	R(inotify_add_watch(fd, "a", IN_CREATE | IN_DELETE));
	int ep = NEED(epoll_create1(0));
	R(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	R(epoll_wait(ep, &got, 1, 0));
	touch("a/1");
	R(epoll_wait(ep, &got, 1, 0));
	X(got.events);
	R(epoll_wait(ep, &got, 1, 0));
	touch("a/2");
	R(epoll_wait(ep, &got, 1, 0));
	on_siginfo(SIGUSR1, on_io, 0);
	R(fcntl(fd, F_SETOWN, getpid()));
	R(fcntl(fd, F_SETSIG, SIGUSR1));
	R(fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK));
	touch("a/3");
	V(io_signals);
	CHILD {
		unlink("a/3");
		show("child reads");
	}
	REAP("child");
	V(io_signals);
	show("nothing left");
	R(fcntl(fd, F_SETFL, 0));
	CHILD {
		show("child waits");
	}
	await_state(child_pid, 'S');
	touch("a/3");
	REAP("child");
	int dup_fd = dup(fd);
	close(fd);
	fd = dup_fd;
	unlink("a/3");
	show("by the duplicate");
	R(pread(fd, &got, 100, 0));
	R(fcntl(fd, F_GETFL) & O_ACCMODE);
	R(ioctl(fd, TCGETS, NULL));
	close(ep);
	CHILD {
		show("interrupted");
	}
	await_state(child_pid, 'S');
	kill(child_pid, SIGTERM);
	REAP("killed");
}

static void by_other_calls(void)
{
	char buf[64];
	int p[2];

	HEAD("other calls");
	fresh();
	touch("a/f");
	touch("a/g");
	R(inotify_add_watch(fd, "a", IN_ACCESS | IN_MODIFY));
	int f = NEED(open("a/f", O_RDONLY)), g = NEED(open("a/g", O_RDWR));
	R(sendfile(g, f, NULL, 2));
	show("sendfile");
	R(copy_file_range(f, NULL, g, NULL, 2, 0));
	show("copy_file_range");
	pipe(p);
	lseek(f, 0, SEEK_SET);
	R(splice(f, NULL, p[1], NULL, 2, 0));
	show("splice from a file");
	R(splice(p[0], NULL, g, NULL, 2, 0));
	show("splice to a file");
	char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, g, 0);
	m[0] = 'M';
	munmap(m, 4096);
	show("mapped");
	R(readlink("a/s", buf, sizeof(buf)));
	struct stat st;
	stat("a/f", &st);
	access("a/f", R_OK);
	show("readlink, stat, access");
	put_file("a/run", "#!/none\n", 8, 0755);
	fresh();
	R(inotify_add_watch(fd, "a/run", IN_ALL_EVENTS));
	CHILD {
		char *argv[] = {"run", NULL};
		R(execv("a/run", argv));
	}
	REAP("exec");
	show("exec");
}

static void limits(void)
{
	int in[8], n = 0;

	HEAD("limits");
	int s = open("/proc/sys/fs/inotify/max_user_watches", O_RDWR);
	char old[32] = "";
	ssize_t len = read(s, old, sizeof(old));
	IS(atoi(old) >= 8192);
	CHILD {
		become(4321);
		fresh();
		chmod("a", 0755);
		R(inotify_add_watch(fd, "a", IN_OPEN));
		sleep_ms(0);
		pause();
	}
	await_state(child_pid, 'S');
	kill(child_pid, SIGKILL);
	REAP("other user");
	pwrite(s, "2", 1, 0);
	CHILD {
		become(4321);
		fresh();
		R(inotify_add_watch(fd, "a", IN_OPEN));
		R(inotify_add_watch(fd, "b", IN_OPEN));
		R(inotify_add_watch(fd, ".", IN_OPEN));
		R(inotify_rm_watch(fd, 1));
		R(inotify_add_watch(fd, ".", IN_OPEN));
	}
	REAP("watches");
	pwrite(s, old, len, 0);
	close(s);
	s = open("/proc/sys/fs/inotify/max_user_instances", O_RDWR);
	read(s, old, sizeof(old));
	len = strlen(old);
	V(atoi(old));
	pwrite(s, "3", 1, 0);
	CHILD {
		become(4322);
		for (; n < 5; n++)
			R(in[n] = inotify_init1(0)) < 0 ? say("stop\n") : (void)0;
		close(in[0]);
		R(inotify_init1(0) >= 0);
	}
	REAP("instances");
	pwrite(s, old, len, 0);
	close(s);
}

int main(void)
{
	names();
	attributes();
	coalescing();
	flags();
	unlinked();
	overflow();
	unmounting();
	telling();
	by_other_calls();
	limits();
	return 0;
}
