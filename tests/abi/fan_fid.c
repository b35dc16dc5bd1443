// SPDX-License-Identifier: BSD-2-Clause
/*
 * fanotify(7) with handles: records by flags, names, renames, pidfds, unprivileged listeners; the errors of
 * fanotify_init(2) and fanotify_mark(2); fdinfo.
 */
#include "fan.h"
#include <sys/mount.h>
#include <sys/syscall.h>

#define DIRENT (FAN_CREATE | FAN_DELETE | FAN_MOVE)
#define SELF (FAN_DELETE_SELF | FAN_MOVE_SELF | FAN_ATTRIB)

static int fd;

static void group(unsigned flags)
{
	if (fd)
		close(fd);
	fd = NEED(fanotify_init(flags | FAN_NONBLOCK | FAN_CLOEXEC, O_RDONLY));
}

static void scene(void)
{
	mkdir("d", 0755);
	mkdir("e", 0755);
	mkdir("d/sub", 0755);
	put_file("d/f", "data", 4, 0644);
}

static void act(void)
{
	put_file("d/new", "x", 1, 0644);
	chmod("d/f", 0600);
	close(open("d", O_RDONLY));
	rename("d/new", "e/moved");
	mkdir("d/dir", 0755);
	rename("d/dir", "d/dir2");
	rmdir("d/dir2");
	unlink("e/moved");
	link("d/f", "e/hard");
	unlink("e/hard");
}

static void by_flags(const char *what, unsigned flags)
{
	say("-- %s\n", what);
	group(flags);
	OK(fanotify_mark(fd, FAN_MARK_ADD, DIRENT | SELF | FAN_OPEN | FAN_CLOSE | FAN_ONDIR | FAN_EVENT_ON_CHILD, AT_FDCWD, "d"));
	OK(fanotify_mark(fd, FAN_MARK_ADD, DIRENT | FAN_ONDIR, AT_FDCWD, "e"));
	OK(fanotify_mark(fd, FAN_MARK_ADD, FAN_ATTRIB | FAN_OPEN, AT_FDCWD, "d/f"));
	act();
	fan_show(fd, what);
	OK(fanotify_mark(fd, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL));
}

static void whole(const char *what, unsigned flags, unsigned long long more)
{
	say("-- %s\n", what);
	group(flags);
	OK(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, DIRENT | SELF | FAN_CLOSE_WRITE | FAN_ONDIR | more, AT_FDCWD, "d"));
	act();
	put_file("d/gone", "x", 1, 0644);
	unlink("d/gone");
	fan_show(fd, what);
}

static void renames(void)
{
	HEAD("FAN_RENAME");
	group(FAN_REPORT_DFID_NAME);
	OK(fanotify_mark(fd, FAN_MARK_ADD, FAN_RENAME, AT_FDCWD, "d"));
	put_file("d/r", "x", 1, 0644);
	rename("d/r", "e/r");
	fan_show(fd, "old directory only");
	rename("e/r", "d/r2");
	fan_show(fd, "new directory only");
	rename("d/r2", "d/r3");
	fan_show(fd, "in one");
	OK(fanotify_mark(fd, FAN_MARK_ADD, FAN_RENAME, AT_FDCWD, "e"));
	rename("d/r3", "e/r4");
	fan_show(fd, "both");
	mkdir("d/rd", 0755);
	rename("d/rd", "e/rd");
	fan_show(fd, "a directory, not asked for");
	rmdir("e/rd");
	unlink("e/r4");
	R(fanotify_mark(fd, FAN_MARK_ADD, FAN_RENAME, AT_FDCWD, "d/f"));
}

static void pids(void)
{
	HEAD("pidfd, tid");
	group(FAN_REPORT_PIDFD);
	OK(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "d/f"));
	close(open("d/f", O_RDONLY));
	fan_show(fd, "mine");
	CHILD
	{
		close(open("d/f", O_RDONLY));
	}
	wait(NULL);
	fan_show(fd, "of who has ended");
	R(fanotify_init(FAN_REPORT_PIDFD | FAN_REPORT_TID, 0));
	group(FAN_REPORT_TID);
	OK(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "d/f"));
	close(open("d/f", O_RDONLY));
	fan_show(fd, "thread");
}

static void init_errors(void)
{
	HEAD("fanotify_init");
	R(fanotify_init(0x80000000, 0));
	R(fanotify_init(0, 3));
	R(fanotify_init(0, O_CREAT));
	R(fanotify_init(0, O_DIRECTORY));
	R(fanotify_init(FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT, 0));
	R(fanotify_init(FAN_CLASS_CONTENT | FAN_REPORT_FID, 0));
	R(fanotify_init(FAN_REPORT_NAME, 0));
	R(fanotify_init(FAN_REPORT_TARGET_FID | FAN_REPORT_DFID_NAME, 0));
	OK(close(fanotify_init(FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS | FAN_ENABLE_AUDIT | FAN_CLASS_CONTENT, O_RDWR | O_NOATIME)));
}

static void mark_errors(void)
{
	int p[2], in = NEED(open("d/f", O_RDONLY));

	HEAD("fanotify_mark");
	group(0);
	R(fanotify_mark(fd, 0, FAN_OPEN, AT_FDCWD, "d"));
	R(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_REMOVE, FAN_OPEN, AT_FDCWD, "d"));
	R(fanotify_mark(fd, FAN_MARK_ADD | 0x1000, FAN_OPEN, AT_FDCWD, "d"));
	R(fanotify_mark(fd, FAN_MARK_ADD, 0, AT_FDCWD, "d"));
	R(fanotify_mark(fd, FAN_MARK_ADD, 1ull << 40, AT_FDCWD, "d"));
	R(fanotify_mark(fd, FAN_MARK_ADD, FAN_Q_OVERFLOW, AT_FDCWD, "d"));
	R(fanotify_mark(fd, FAN_MARK_ADD, FAN_CREATE, AT_FDCWD, "d"));
	R(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, "d"));
	R(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT | FAN_MARK_FILESYSTEM, FAN_OPEN, AT_FDCWD, "d"));
	R(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_OPEN, AT_FDCWD, "d/f"));
	R(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_OPEN, in, NULL));
	R(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "none"));
	R(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, 99, NULL));
	OK(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, in, NULL));
	R(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, (char *)1));
	R(fanotify_mark(99, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "d"));
	R(fanotify_mark(in, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "d"));
	R(fanotify_mark(fd, FAN_MARK_FLUSH | FAN_MARK_ONLYDIR, 0, AT_FDCWD, "d"));
	R(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_EVICTABLE | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, "d"));
	OK(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_EVICTABLE, FAN_OPEN, AT_FDCWD, "d"));
	OK(fanotify_mark(fd, FAN_MARK_ADD, FAN_CLOSE, AT_FDCWD, "d"));
	R(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_EVICTABLE, FAN_OPEN, AT_FDCWD, "d"));
	NEED(pipe(p));
	R(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, p[0], NULL));
	symlink("f", "d/link");
	OK(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_DONT_FOLLOW, FAN_OPEN, AT_FDCWD, "d/link"));
	unlink("d/link");
	group(FAN_REPORT_FID);
	R(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_ATTRIB, AT_FDCWD, "d"));
	R(fanotify_mark(fd, FAN_MARK_ADD, FAN_RENAME, AT_FDCWD, "d"));
	R(fanotify_mark(fd, FAN_MARK_ADD, FAN_FS_ERROR, AT_FDCWD, "d"));
	OK(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_FS_ERROR, AT_FDCWD, "d"));
	group(FAN_CLASS_CONTENT);
	R(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, "/proc/self/status"));
	close(in);
}

static void user(void)
{
	HEAD("an ordinary user");
	chmod(".", 0777);
	CHILD
	{
		become(1000);
		R(fanotify_init(0, 0));
		R(fanotify_init(FAN_CLASS_CONTENT | FAN_REPORT_FID, 0));
		R(fanotify_init(FAN_REPORT_FID | FAN_UNLIMITED_QUEUE, 0));
		R(fanotify_init(FAN_REPORT_FID | FAN_REPORT_PIDFD, 0));
		fd = NEED(fanotify_init(FAN_REPORT_FID | FAN_NONBLOCK, 0));
		mkdir("u", 0755);
		OK(fanotify_mark(fd, FAN_MARK_ADD, FAN_CREATE, AT_FDCWD, "u"));
		R(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, "u"));
		R(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN, AT_FDCWD, "u"));
		put_file("u/1", "", 0, 0644);
		if (fork() == 0) {
			put_file("u/2", "", 0, 0644);
			_exit(0);
		}
		wait(NULL);
		fan_show(fd, "own and another's");
		mkdir("secret", 0);
		R(fanotify_mark(fd, FAN_MARK_ADD, FAN_CREATE, AT_FDCWD, "secret"));
		int n = 1, last = 0;
		while (n < 1000 && (last = fanotify_init(FAN_REPORT_FID, 0)) >= 0)
			n++;
		say("%d groups, then %s\n", n, err_name(errno));
	}
	REAP("user");
}

/* fdinfo without what differs from run to run. */
static void fdinfo(void)
{
	char path[64], *line, *save;

	HEAD("fdinfo");
	group(FAN_REPORT_FID | FAN_REPORT_DFID_NAME);
	fanotify_mark(fd, FAN_MARK_ADD, FAN_CREATE | FAN_ONDIR, AT_FDCWD, "d");
	fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY, FAN_OPEN, AT_FDCWD, "d/f");
	fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_EVICTABLE, FAN_OPEN, AT_FDCWD, "e");
	fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_DELETE, AT_FDCWD, "e");
	fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, "e");
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	for (line = strtok_r((char *)get_file(path), "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *flags = strstr(line, "mflags"), *handle = strstr(line, " fhandle");

		if (strncmp(line, "fanotify flags", 14) == 0)
			say("%s\n", line);
		else if (flags)
			say("%.12s... %.*s%.*s\n", line, (int)(handle ? handle - flags : (long)strlen(flags)), flags, handle ? 41 : 0,
				handle ? handle : "");
	}
}

int main(void)
{
	scene();
	by_flags("FID", FAN_REPORT_FID);
	by_flags("DIR_FID", FAN_REPORT_DIR_FID);
	by_flags("DIR_FID FID", FAN_REPORT_DIR_FID | FAN_REPORT_FID);
	by_flags("DFID_NAME", FAN_REPORT_DFID_NAME);
	by_flags("DFID_NAME FID", FAN_REPORT_DFID_NAME | FAN_REPORT_FID);
	by_flags("TARGET", FAN_REPORT_DFID_NAME | FAN_REPORT_FID | FAN_REPORT_TARGET_FID);
	whole("file system, FID", FAN_REPORT_FID, 0);
	whole("file system, names and targets", FAN_REPORT_DFID_NAME | FAN_REPORT_FID | FAN_REPORT_TARGET_FID, FAN_RENAME);
	renames();
	pids();
	init_errors();
	mark_errors();
	user();
	fdinfo();
	return 0;
}
