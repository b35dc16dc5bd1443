// SPDX-License-Identifier: BSD-2-Clause
/* The *at calls: relative, absolute and AT_FDCWD names, AT_ flags, and their errors. */
#include "abi.h"
#include <sys/sysmacros.h>

static int dfd, ffd;

static void creating(void)
{
	HEAD("mkdirat mknodat symlinkat");
	R(mkdirat(dfd, "sub", 0750));
	say_stat("d/sub");
	R(mkdirat(dfd, "sub", 0750));
	R(mkdirat(ffd, "sub", 0750));
	R(mkdirat(77, "sub", 0750));
	R(mkdirat(77, "/proc", 0750));
	R(mkdirat(AT_FDCWD, "cwd", 0777));
	R(mkdirat(dfd, "", 0750));
	R(mknodat(dfd, "fifo", S_IFIFO | 0640, 0));
	R(mknodat(dfd, "reg", S_IFREG | 0640, 0));
	R(mknodat(dfd, "zero", 0640, 0));
	R(mknodat(dfd, "chr", S_IFCHR | 0640, makedev(1, 3)));
	R(mknodat(dfd, "blk", S_IFBLK | 0640, makedev(7, 9)));
	R(mknodat(dfd, "sock", S_IFSOCK | 0640, 0));
	R(mknodat(dfd, "dir", S_IFDIR | 0640, 0));
	R(mknodat(dfd, "lnk", S_IFLNK | 0640, 0));
	R(mknodat(dfd, "bad", 0150000 | 0640, 0));
	R(mknodat(dfd, "reg", S_IFREG | 0640, 0));
	say_stat("d/fifo");
	say_stat("d/reg");
	say_stat("d/zero");
	say_stat("d/chr");
	say_stat("d/blk");
	say_stat("d/sock");
	struct stat st;
	lstat("d/chr", &st);
	V(major(st.st_rdev));
	V(minor(st.st_rdev));
	R(open("d/sock", O_RDONLY));
	R(symlinkat("reg", dfd, "l"));
	R(symlinkat("reg", dfd, "l"));
	R(symlinkat("", dfd, "empty"));
	R(symlinkat("x", dfd, ""));
	R(symlinkat("nowhere", ffd, "l2"));
	say_stat("d/l");
}

static void reading_links(void)
{
	char buf[64];

	HEAD("readlinkat");
	memset(buf, '.', sizeof(buf));
	R(readlinkat(dfd, "l", buf, sizeof(buf)));
	say_bytes("link", buf, 5);
	R(readlinkat(dfd, "l", buf, 2));
	R(readlinkat(dfd, "l", buf, 0));
	R(readlinkat(dfd, "reg", buf, sizeof(buf)));
	R(readlinkat(dfd, "sub", buf, sizeof(buf)));
	R(readlinkat(dfd, "none", buf, sizeof(buf)));
	R(readlinkat(dfd, "", buf, sizeof(buf)));
	int lfd = openat(dfd, "l", O_PATH | O_NOFOLLOW);
	memset(buf, '.', sizeof(buf));
	R(readlinkat(lfd, "", buf, sizeof(buf)));
	say_bytes("link", buf, 5);
	R(readlinkat(dfd, "l/", buf, sizeof(buf)));
	close(lfd);
}

static void linking(void)
{
	HEAD("linkat unlinkat");
	R(linkat(dfd, "reg", dfd, "hard", 0));
	say_stat("d/hard");
	R(linkat(dfd, "l", dfd, "hardlink_of_symlink", 0));
	say_stat("d/hardlink_of_symlink");
	R(linkat(dfd, "l", dfd, "followed", AT_SYMLINK_FOLLOW));
	say_stat("d/followed");
	R(linkat(dfd, "sub", dfd, "dirlink", 0));
	R(linkat(dfd, "reg", dfd, "hard", 0));
	R(linkat(dfd, "reg", dfd, "x", 0x8000));
	R(linkat(dfd, "none", dfd, "x", 0));
	R(linkat(dfd, "reg", AT_FDCWD, "/proc/x", 0));
	R(unlinkat(dfd, "hard", 0));
	R(unlinkat(dfd, "hard", 0));
	R(unlinkat(dfd, "sub", 0));
	R(unlinkat(dfd, "reg", AT_REMOVEDIR));
	R(unlinkat(dfd, "sub", AT_REMOVEDIR));
	R(unlinkat(dfd, "reg", 0x4000));
	R(unlinkat(dfd, "", AT_REMOVEDIR));
	R(unlinkat(dfd, ".", AT_REMOVEDIR));
	R(unlinkat(dfd, "..", AT_REMOVEDIR));
	R(unlinkat(AT_FDCWD, "/", AT_REMOVEDIR));
	R(unlinkat(dfd, "l", AT_REMOVEDIR));
	R(unlinkat(dfd, "l/", 0));
	R(unlinkat(dfd, "reg/", 0));
}

static void modes(void)
{
	struct stat st;

	HEAD("fchmodat fchownat");
	R(fchmodat(dfd, "l", 0600, 0));
	say_stat("d/reg");
	say_stat("d/l");
	R(syscall(SYS_fchmodat, dfd, "reg", 0644));
	R(syscall(SYS_fchmodat, dfd, "none", 0644));
	R(syscall(452, dfd, "l", 0600, AT_SYMLINK_NOFOLLOW));
	R(syscall(452, ffd, "", 0640, AT_EMPTY_PATH));
	R(syscall(452, dfd, "reg", 0640, 0x8000));
	R(fchownat(dfd, "l", 5, 6, AT_SYMLINK_NOFOLLOW));
	say_stat("d/l");
	R(fchownat(dfd, "l", 7, 8, 0));
	say_stat("d/reg");
	R(fchownat(ffd, "", 9, 10, AT_EMPTY_PATH));
	fstat(ffd, &st);
	V(st.st_uid);
	V(st.st_gid);
	R(fchownat(ffd, "", 9, 10, 0));
	R(fchownat(dfd, "reg", 0, 0, 0x8000));
	R(fchownat(dfd, "reg", -1, 3, 0));
	R(fchownat(dfd, "reg", 4, -1, 0));
	say_stat("d/reg");
}

static void stating(void)
{
	struct stat st;

	HEAD("fstatat faccessat2");
	R(fstatat(dfd, "l", &st, 0));
	S(ftype_name(st.st_mode));
	R(fstatat(dfd, "l", &st, AT_SYMLINK_NOFOLLOW));
	S(ftype_name(st.st_mode));
	R(fstatat(ffd, "", &st, AT_EMPTY_PATH));
	R(fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH));
	S(ftype_name(st.st_mode));
	R(fstatat(ffd, "", &st, 0));
	R(fstatat(dfd, "reg", &st, AT_NO_AUTOMOUNT));
	R(syscall(SYS_newfstatat, dfd, "reg", &st, 0x8000));
	R(syscall(SYS_newfstatat, dfd, "reg", NULL, 0));
	R(syscall(SYS_faccessat2, dfd, "reg", R_OK | W_OK, 0));
	R(syscall(SYS_faccessat2, dfd, "reg", X_OK, 0));
	R(syscall(SYS_faccessat2, dfd, "reg", 8, 0));
	R(syscall(SYS_faccessat2, dfd, "reg", F_OK, 0x8000));
	R(syscall(SYS_faccessat2, dfd, "none", F_OK, 0));
	R(syscall(SYS_faccessat2, ffd, "", R_OK, AT_EMPTY_PATH));
	R(syscall(SYS_faccessat2, dfd, "l", F_OK, AT_SYMLINK_NOFOLLOW));
	R(syscall(SYS_faccessat2, ffd, "x", F_OK, 0));
	R(syscall(SYS_faccessat2, dfd, "sub", X_OK, 0));
	CHILD {
		NEED(setresuid(0, 1000, 0));
		R(syscall(SYS_faccessat2, AT_FDCWD, "f600", R_OK, 0));
		R(syscall(SYS_faccessat2, AT_FDCWD, "f600", R_OK, AT_EACCESS));
	}
	REAP("real against effective");
}

int main(void)
{
	put_file("f", "data", 4, 0644);
	put_file("f600", "data", 4, 0600);
	mkdir("d", 0755);
	dfd = NEED(open("d", O_RDONLY | O_DIRECTORY));
	ffd = NEED(open("f", O_RDWR));
	creating();
	reading_links();
	linking();
	modes();
	stating();
	return 0;
}
