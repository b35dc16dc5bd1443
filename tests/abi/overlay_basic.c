// SPDX-License-Identifier: BSD-2-Clause
/* Overlays: layers, whiteouts, copy-up, removal, opaque directories. */
#include "overlay.h"

static void fill(void)
{
	put("l1/a", "top");
	put("l2/a", "bottom");
	put("l2/b", "only below");
	NEED(mkdir("l1/d", 0750));
	NEED(mkdir("l2/d", 0700));
	put("l1/d/x", "x1");
	put("l2/d/x", "x2");
	put("l2/d/y", "y2");
	NEED(mkdir("l2/gone", 0755));
	put("l2/gone/f", "f");
	NEED(mknod("l1/gone", S_IFCHR, makedev(0, 0)));
	NEED(mkdir("l1/opq", 0755));
	NEED(setxattr("l1/opq", "trusted.overlay.opaque", "y", 1, 0));
	NEED(mkdir("l2/opq", 0755));
	put("l2/opq/hidden", "h");
	put("l1/opq/seen", "s");
	NEED(symlink("a", "l2/link"));
	NEED(mkfifo("l2/fifo", 0640));
	NEED(mknod("l2/null", S_IFCHR | 0666, makedev(1, 3)));
	put("l1/mixed", "a file above");
	NEED(mkdir("l2/mixed", 0755));
	put("l2/mixed/f", "f");
}

static void read_only(void)
{
	HEAD("read-only");
	OK(overlay("lowerdir=l1:l2"));
	show_mounts("mounts");
	show_tree("m", true);
	R(open("m/a", O_WRONLY));
	R(open("m/new", O_WRONLY | O_CREAT, 0600));
	R(mkdir("m/new", 0700));
	R(unlink("m/a"));
	R(chmod("m/a", 0600));
	R(mount(NULL, "m", NULL, MS_REMOUNT, NULL));
	OK(umount("m"));
}

static void copying(void)
{
	int fd;

	HEAD("copy-up");
	OK(overlay(STD));
	show_mounts("mounts");
	show_tree("u", true);
	fd = open("m/b", O_WRONLY | O_APPEND);
	R(write(fd, "+more", 5));
	close(fd);
	cat("m/b");
	cat("l2/b");
	OK(chmod("m/d/y", 0600));
	OK(chown("m/link", 3, 4));
	OK(lchown("m/link", 5, 6));
	OK(setxattr("m/fifo", "trusted.t", "1", 1, 0));
	OK(truncate("m/d/x", 1));
	cat("m/link");
	OK(link("m/mixed", "m/mixed2"));
	OK(utimensat(AT_FDCWD, "m/null", NULL, 0));
	show_tree("m", true);
	show_tree("u", true);
	show_tree("w", true);
	OK(umount("m"));
}

static void removing(void)
{
	HEAD("removing");
	OK(overlay(STD));
	OK(unlink("m/a"));
	R(unlink("m/a"));
	cat("m/a");
	OK(unlink("m/b"));
	R(rmdir("m/d"));
	OK(unlink("m/d/x"));
	OK(unlink("m/d/y"));
	OK(rmdir("m/d"));
	OK(unlink("m/mixed"));
	R(rmdir("m/opq"));
	OK(unlink("m/opq/seen"));
	OK(rmdir("m/opq"));
	show_tree("m", true);
	show_tree("u", true);
	OK(mkdir("m/d", 0711));
	OK(close(open("m/a", O_WRONLY | O_CREAT | O_EXCL, 0640)));
	OK(symlink("nowhere", "m/b"));
	OK(mkdir("m/opq", 0700));
	show_tree("m", true);
	show_tree("u", true);
	R(mknod("m/white", S_IFCHR, makedev(0, 0)));
	OK(mknod("m/zero", S_IFCHR | 0600, makedev(1, 5)));
	OK(mkfifo("m/ff", 0600));
	OK(rmdir("m/d"));
	OK(unlink("m/a"));
	show_tree("u", true);
	OK(umount("m"));
}

static void owners(void)
{
	HEAD("owners");
	NEED(mkdir("l2/shared", 0755));
	NEED(chmod("l2/shared", 02777));
	NEED(chown("l2/shared", 0, 50));
	put("l2/shared/old", "o");
	NEED(chmod("l2/shared/old", 0666));
	NEED(mkdir("l2/private", 0700));
	put("l2/private/f", "f");
	OK(overlay(STD));
	CHILD {
		NEED(setgroups(0, NULL));
		NEED(setresgid(1000, 1000, 1000));
		NEED(setresuid(1000, 1000, 1000));
		OK(open("m/shared/mine", O_WRONLY | O_CREAT, 02770));
		OK(mkdir("m/shared/dir", 0755));
		OK(open("m/shared/old", O_WRONLY));
		R(chmod("m/shared/old", 0600));
		R(open("m/private/f", O_RDONLY));
		R(open("m/a", O_WRONLY));
		R(unlink("m/null"));
		OK(unlink("m/shared/old"));
		OK(open("m/shared/old", O_WRONLY | O_CREAT, 0644));
	}
	wait(NULL);
	show_tree("m/shared", true);
	show_tree("u", true);
	OK(umount("m"));
}

int main(void)
{
	own_mounts();
	layers();
	fill();
	read_only();
	copying();
	removing();
	owners();
	HEAD("again");
	OK(overlay(STD));
	show_tree("m", true);
	OK(umount("m"));
	return 0;
}
