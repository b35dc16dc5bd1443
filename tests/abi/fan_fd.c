// SPDX-License-Identifier: BSD-2-Clause
/*
 * fanotify(7) with descriptors: what is told, merged, ignored; mounts and file systems; permission.
 */
#include "fan.h"
#include <sys/ioctl.h>
#include <sys/mount.h>

static int fd;

static void group(unsigned flags, unsigned event_flags)
{
	if (fd)
		close(fd);
	fd = NEED(fanotify_init(flags | FAN_NONBLOCK | FAN_CLOEXEC, event_flags));
}

static void show(const char *what)
{
	fan_show(fd, what);
}

static void touch(const char *path)
{
	put_file(path, "data", 4, 0644);
}

static void cat(const char *path)
{
	char c[8];
	int f = open(path, O_RDONLY);

	if (f < 0) {
		say("open %s: %s\n", path, err_name(errno));
		return;
	}
	if (read(f, c, sizeof(c)) < 0)
		say("read %s: %s\n", path, err_name(errno));
	close(f);
}

static void basics(void)
{
	int n = -1, f;

	HEAD("a file, a directory, children");
	touch("f");
	mkdir("d", 0755);
	touch("d/c");
	group(0, O_RDONLY);
	OK(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN | FAN_ACCESS | FAN_MODIFY | FAN_CLOSE, AT_FDCWD, "f"));
	cat("f");
	touch("f");
	R(ioctl(fd, FIONREAD, &n));
	V(n);
	show("the file");
	show("nothing");
	OK(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN | FAN_CLOSE | FAN_ONDIR | FAN_EVENT_ON_CHILD, AT_FDCWD, "d"));
	cat("d/c");
	f = NEED(open("d", O_RDONLY | O_DIRECTORY));
	close(f);
	show("child and directory");
	OK(fanotify_mark(fd, FAN_MARK_REMOVE, FAN_ONDIR | FAN_EVENT_ON_CHILD, AT_FDCWD, "d"));
	cat("d/c");
	f = NEED(open("d", O_RDONLY | O_DIRECTORY));
	close(f);
	show("flags gone");
	R(fanotify_mark(fd, FAN_MARK_REMOVE, FAN_OPEN | FAN_CLOSE, AT_FDCWD, "d"));
	R(fanotify_mark(fd, FAN_MARK_REMOVE, FAN_OPEN, AT_FDCWD, "d"));
	OK(fanotify_mark(fd, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL));
	cat("f");
	show("flushed");
	HEAD("descriptors of events");
	group(0, O_RDWR | O_CLOEXEC | O_APPEND);
	OK(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "f"));
	cat("f");
	struct fanotify_event_metadata m;
	R(read(fd, &m, 8));
	R(read(fd, &m, sizeof(m)));
	X(fcntl(m.fd, F_GETFL) & ~O_LARGEFILE & ~0100000);
	V(fcntl(m.fd, F_GETFD));
	R(write(m.fd, "x", 1));
	close(m.fd);
	show("what is done with it is not told");
}

static void merging(void)
{
	HEAD("merging");
	group(0, O_RDONLY);
	touch("a");
	touch("b");
	fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN | FAN_CLOSE | FAN_ACCESS, AT_FDCWD, "a");
	fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN | FAN_CLOSE | FAN_ACCESS, AT_FDCWD, "b");
	cat("a");
	cat("b");
	cat("a");
	CHILD
	{
		cat("a");
	}
	wait(NULL);
	show("two files, two processes");
}

static void ignoring(void)
{
	HEAD("ignore masks");
	group(0, O_RDONLY);
	touch("i");
	OK(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN | FAN_CLOSE_NOWRITE, AT_FDCWD, "."));
	OK(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_OPEN, AT_FDCWD, "i"));
	cat("i");
	show("open ignored");
	touch("i");
	show("changed");
	cat("i");
	show("and told again");
	OK(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY, FAN_OPEN, AT_FDCWD, "i"));
	touch("i");
	cat("i");
	show("it survives");
	OK(fanotify_mark(fd, FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK, FAN_OPEN, AT_FDCWD, "i"));
	cat("i");
	show("no more");
	R(fanotify_mark(fd, FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK, FAN_OPEN, AT_FDCWD, "i"));
	HEAD("the new kind");
	R(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_IGNORE, FAN_OPEN, AT_FDCWD, "."));
	R(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_IGNORE | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, "."));
	R(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_IGNORE, FAN_OPEN | FAN_ONDIR, AT_FDCWD, "i"));
	OK(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_IGNORE | FAN_MARK_IGNORED_SURV_MODIFY, FAN_OPEN | FAN_EVENT_ON_CHILD, AT_FDCWD, "."));
	cat("i");
	show("children of a directory");
	R(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_OPEN, AT_FDCWD, "."));
	R(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_IGNORE, FAN_OPEN, AT_FDCWD, "i"));
	R(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_IGNORE | FAN_MARK_IGNORED_MASK, FAN_OPEN, AT_FDCWD, "i"));
}

static void wide(void)
{
	HEAD("mounts and file systems");
	mkdir("m1", 0755);
	mkdir("m2", 0755);
	NEED(mount("none", "m1", "tmpfs", 0, NULL));
	NEED(mount("m1", "m2", NULL, MS_BIND, NULL));
	mkdir("m1/old", 0755);
	touch("m1/old/before");
	group(0, O_RDONLY);
	OK(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, "m1"));
	touch("m1/x");
	cat("m1/old/before");
	cat("m2/x");
	show("one mount of two");
	OK(fanotify_mark(fd, FAN_MARK_REMOVE | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, "m1"));
	OK(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN | FAN_ONDIR, AT_FDCWD, "m1/x"));
	cat("m2/old/before");
	cat("m1/x");
	touch("m2/new");
	close(open("m1/old", O_RDONLY));
	cat("f");
	show("both mounts");
	OK(fanotify_mark(fd, FAN_MARK_FLUSH | FAN_MARK_FILESYSTEM, 0, AT_FDCWD, NULL));
	cat("m1/x");
	show("flushed");
	OK(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, "m2"));
	NEED(umount("m2"));
	cat("m1/x");
	show("the mount is gone");
	OK(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN, AT_FDCWD, "m1"));
	NEED(umount("m1"));
	show("the file system is gone");
}

/* Answers the first question and says what it was. */
static void answer(int g, unsigned response)
{
	char buf[256] __attribute__((aligned(8)));
	struct fanotify_event_metadata *m = (void *)buf;
	struct pollfd p = {.fd = g, .events = POLLIN};
	struct fanotify_response r = {.response = response};

	NEED(poll(&p, 1, 20000));
	NEED(read(g, buf, sizeof(*m)));
	say("asked:");
	fan_mask(m->mask);
	say("%s\n", m->pid == getpid() ? " by me" : " by another");
	r.fd = m->fd;
	R(write(g, &r, sizeof(r)));
	R(write(g, &r, sizeof(r)));
	close(m->fd);
}

/* A child says what it has to when the parent has finished its own saying. */
static int go[2];

static void await_go(void)
{
	char c;

	close(go[1]);
	while (read(go[0], &c, 1) < 0 && errno == EINTR)
		;
}

static void let_go(const char *who)
{
	close(go[0]);
	close(go[1]);
	REAP(who);
	NEED(pipe(go));
}

static void permission(void)
{
	struct fanotify_response r = {.fd = 77, .response = FAN_ALLOW};

	NEED(pipe(go));

	HEAD("permission");
	group(FAN_CLASS_CONTENT, O_RDONLY);
	touch("p");
	OK(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_PERM | FAN_ACCESS_PERM, AT_FDCWD, "p"));
	CHILD
	{
		int f = open("p", O_RDONLY), e = errno;
		char c[4];
		ssize_t n = read(f, c, 4);
		int e2 = errno;

		await_go();
		say("child: open %s, read %zd %s\n", f < 0 ? err_name(e) : "ok", n, n < 0 ? err_name(e2) : "");
	}
	answer(fd, FAN_ALLOW);
	answer(fd, FAN_DENY);
	let_go("child");
	CHILD
	{
		int f = open("p", O_RDONLY), e = errno;

		await_go();
		say("child: open %s\n", f < 0 ? err_name(e) : "ok");
	}
	answer(fd, FAN_DENY);
	let_go("child");
	R(write(fd, &r, 4));
	R(write(fd, &r, sizeof(r)));
	r.fd = -1;
	R(write(fd, &r, sizeof(r)));
	r.response = 3;
	R(write(fd, &r, sizeof(r)));
	r.response = FAN_ALLOW | FAN_AUDIT;
	R(write(fd, &r, sizeof(r)));
	r.response = 0;
	R(write(fd, &r, sizeof(r)));
	HEAD("execution");
	OK(fanotify_mark(fd, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL));
	put_file("prog", "#!/nowhere\n", 11, 0755);
	OK(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_EXEC_PERM, AT_FDCWD, "prog"));
	CHILD
	{
		close(open("prog", O_RDONLY));
		execl("prog", "prog", NULL);
		int e = errno;
		await_go();
		say("child: exec %s\n", err_name(e));
	}
	answer(fd, FAN_DENY);
	let_go("child");
	OK(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_EXEC | FAN_OPEN, AT_FDCWD, "prog"));
	CHILD
	{
		execl("prog", "prog", NULL);
		int e = errno;
		await_go();
		say("child: exec %s\n", err_name(e));
	}
	answer(fd, FAN_ALLOW);
	let_go("child");
	show("notified too");
	HEAD("close allows, kill ends");
	OK(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, "p"));
	CHILD
	{
		close(fd);
		say("child: open %s\n", open("p", O_RDONLY) < 0 ? err_name(errno) : "ok");
	}
	await_state(child_pid, 'D');
	close(fd);
	fd = 0;
	REAP("child");
	group(FAN_CLASS_PRE_CONTENT, O_RDONLY);
	OK(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, "p"));
	CHILD
	{
		open("p", O_RDONLY);
	}
	await_state(child_pid, 'D');
	kill(child_pid, SIGKILL);
	REAP("child");
	show("the question is gone");
}

static void overflow(void)
{
	int limit = 16384;
	char name[16], buf[4096];
	ssize_t n;
	long events = 0;

	HEAD("overflow");
	group(0, O_RDONLY);
	sscanf(get_file("/proc/sys/fs/fanotify/max_queued_events"), "%d", &limit);
	V(limit);
	OK(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_CLOSE_WRITE, AT_FDCWD, "."));
	for (int i = 0; i < limit + 3; i++) {
		snprintf(name, sizeof(name), "o%d", i);
		close(open(name, O_WRONLY | O_CREAT, 0600));
		unlink(name);
	}
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		struct fanotify_event_metadata *m = (void *)buf;

		for (; FAN_EVENT_OK(m, n); m = FAN_EVENT_NEXT(m, n)) {
			events++;
			if (m->mask & FAN_Q_OVERFLOW)
				say("overflow: fd %d pid %d at %d past the limit\n", m->fd, m->pid, (int)(events - limit));
			if (m->fd >= 0)
				close(m->fd);
		}
	}
	V(events - limit);
}

int main(void)
{
	basics();
	merging();
	ignoring();
	wide();
	permission();
	overflow();
	return 0;
}
