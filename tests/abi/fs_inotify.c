// SPDX-License-Identifier: BSD-2-Clause
/* inotify(7): events with names and cookies, masks, removal, overflow of the read buffer, errors. */
#include "abi.h"
#include <sys/inotify.h>
#include <sys/ioctl.h>

static int fd;
static char buf[8192];

static void show(const char *what)
{
	static const struct {
		unsigned int bit;
		const char *name;
	} bits[] = {
		{IN_ACCESS, "ACCESS"},
		{IN_MODIFY, "MODIFY"},
		{IN_ATTRIB, "ATTRIB"},
		{IN_CLOSE_WRITE, "CLOSE_WRITE"},
		{IN_CLOSE_NOWRITE, "CLOSE_NOWRITE"},
		{IN_OPEN, "OPEN"},
		{IN_MOVED_FROM, "MOVED_FROM"},
		{IN_MOVED_TO, "MOVED_TO"},
		{IN_CREATE, "CREATE"},
		{IN_DELETE, "DELETE"},
		{IN_DELETE_SELF, "DELETE_SELF"},
		{IN_MOVE_SELF, "MOVE_SELF"},
		{IN_UNMOUNT, "UNMOUNT"},
		{IN_Q_OVERFLOW, "Q_OVERFLOW"},
		{IN_IGNORED, "IGNORED"},
		{IN_ISDIR, "ISDIR"},
	};
	ssize_t n = read(fd, buf, sizeof(buf));
	unsigned int cookie = 0;

	say("%s: %s\n", what, n < 0 ? err_name(errno) : "");
	for (ssize_t at = 0; at < n;) {
		struct inotify_event *e = (struct inotify_event *)(buf + at);
		say("  wd %d", e->wd);
		for (size_t i = 0; i < ARRAY_LEN(bits); i++)
			if (e->mask & bits[i].bit)
				say(" %s", bits[i].name);
		if (e->len)
			say(" %s", e->name);
		if (e->cookie) {
			say("%s", e->cookie == cookie ? " same cookie" : " cookie");
			cookie = e->cookie;
		}
		say("\n");
		at += sizeof(*e) + e->len;
	}
}

int main(void)
{
	int n;

	fd = NEED(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
	R(fcntl(fd, F_GETFD));
	R(inotify_init1(7));
	mkdir("d", 0755);
	mkdir("e", 0755);
	put_file("d/f", "", 0, 0644);
	int wd = R(inotify_add_watch(fd, "d", IN_ALL_EVENTS));
	R(inotify_add_watch(fd, "d/f", IN_MODIFY | IN_DELETE_SELF | IN_ATTRIB | IN_MOVE_SELF));
	R(inotify_add_watch(fd, "d", IN_ALL_EVENTS) == wd);
	R(inotify_add_watch(fd, "none", IN_ALL_EVENTS));
	R(inotify_add_watch(fd, "d/f", IN_ONLYDIR | IN_OPEN));
	R(inotify_add_watch(fd, "d", 0));
	R(inotify_add_watch(fd, "d", IN_MASK_CREATE | IN_OPEN));
	R(inotify_add_watch(fd, "d", IN_MASK_CREATE | IN_MASK_ADD | IN_OPEN));
	R(inotify_add_watch(0, "d", IN_OPEN));
	R(inotify_add_watch(99, "d", IN_OPEN));
	show("nothing yet");
	put_file("d/new", "x", 1, 0644);
	show("create and write");
	int f = open("d/f", O_RDONLY);
	char c;
	read(f, &c, 1);
	close(f);
	show("read an empty file");
	put_file("d/f", "data", 4, 0644);
	show("rewrite");
	rename("d/new", "d/renamed");
	show("rename inside");
	rename("d/renamed", "e/out");
	show("rename out");
	rename("e/out", "d/in");
	show("rename in");
	chmod("d/in", 0600);
	show("chmod");
	mkdir("d/sub", 0755);
	rmdir("d/sub");
	show("mkdir rmdir");
	link("d/in", "d/hard");
	unlink("d/hard");
	show("link unlink");
	symlink("x", "d/sym");
	show("symlink");
	rename("d/f", "d/g");
	show("rename a watched file");
	truncate("d/g", 0);
	show("truncate");
	R(ioctl(fd, FIONREAD, &n));
	V(n);
	utimensat(AT_FDCWD, "d/g", NULL, 0);
	R(ioctl(fd, FIONREAD, &n));
	IS(n > 0);
	show("utimensat");
	unlink("d/g");
	show("unlink the watched file");
	put_file("d/x", "", 0, 0644);
	R(read(fd, buf, 4));
	show("after a too small read");
	R(inotify_add_watch(fd, "e", IN_CREATE | IN_ONESHOT));
	put_file("e/1", "", 0, 0644);
	put_file("e/2", "", 0, 0644);
	show("oneshot");
	R(inotify_rm_watch(fd, wd));
	R(inotify_rm_watch(fd, wd));
	show("removed");
	mkdir("gone", 0755);
	R(inotify_add_watch(fd, "gone", IN_ALL_EVENTS));
	rmdir("gone");
	show("directory deleted");
	R(write(fd, "x", 1));
	R(lseek(fd, 0, SEEK_SET));
	struct pollfd p = {fd, POLLIN | POLLOUT, 0};
	R(poll(&p, 1, 0));
	R(inotify_add_watch(fd, "e", IN_ALL_EVENTS));
	mkdir("e/z", 0755);
	R(poll(&p, 1, 0));
	X(p.revents);
	return 0;
}
