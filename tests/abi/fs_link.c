// SPDX-License-Identifier: BSD-2-Clause
/* link, unlink, mkdir, rmdir, symlink: rules, link counts, trailing slashes, deleted directories. */
#include "abi.h"

static long nlink_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? -1 : (long)st.st_nlink;
}

static void directories(void)
{
	HEAD("mkdir rmdir");
	R(mkdir("d", 0777));
	say_stat("d");
	V(nlink_of("d"));
	R(mkdir("d", 0777));
	R(mkdir("d/", 0777));
	R(mkdir("e/", 07777));
	say_stat("e");
	R(mkdir("none/x", 0777));
	R(mkdir(".", 0777));
	R(mkdir("..", 0777));
	R(mkdir("/", 0777));
	R(mkdir("d/..", 0777));
	R(mkdir("d/a", 0777));
	R(mkdir("d/b", 0777));
	V(nlink_of("d"));
	put_file("d/f", "", 0, 0644);
	V(nlink_of("d"));
	R(mkdir("d/f/x", 0777));
	R(rmdir("d"));
	R(rmdir("d/a"));
	R(rmdir("d/b/"));
	R(rmdir("d/f"));
	R(rmdir("d/."));
	R(rmdir("d/.."));
	R(rmdir("/"));
	R(rmdir("none"));
	R(rmdir(""));
	R(unlink("d"));
	R(unlink("d/f"));
	symlink("d", "ld");
	symlink("none", "dang");
	R(rmdir("ld"));
	R(rmdir("ld/"));
	R(mkdir("dang", 0777));
	R(mkdir("dang/", 0777));
	R(mkdir("ld/viasym", 0777));
	R(rmdir("d/viasym"));
	R(rmdir("d"));
	R(rmdir("/proc"));
}

static void hard_links(void)
{
	HEAD("link unlink");
	put_file("f", "data", 4, 0644);
	R(link("f", "g"));
	V(nlink_of("f"));
	R(link("f", "g"));
	R(link("f", "none/g"));
	R(link("none", "h"));
	R(link("e", "h"));
	R(link("f", "h/"));
	R(link("f/", "h"));
	R(link("f", ""));
	R(link("", "h"));
	R(link("f", "/proc/h"));
	symlink("f", "s");
	R(link("s", "t"));
	say_stat("t");
	V(nlink_of("s"));
	R(unlink("f"));
	V(nlink_of("g"));
	R(unlink("g/"));
	R(unlink("s/"));
	R(unlink("s"));
	R(unlink("s"));
	R(unlink(""));
	R(unlink("."));
	R(unlink("e"));
	R(unlink("e/"));
	int fd = NEED(open("g", O_RDWR));
	R(unlink("g"));
	struct stat st;
	fstat(fd, &st);
	V(st.st_nlink);
	V(st.st_size);
	R(write(fd, "more data", 9));
	char buf[16];
	R(pread(fd, buf, sizeof(buf), 0));
	R(linkat(fd, "", AT_FDCWD, "back", AT_EMPTY_PATH));
	close(fd);
}

static void symlinks(void)
{
	char buf[8192], big[8192];

	HEAD("symlink");
	R(symlink("x", "s1"));
	R(symlink("x", "s1"));
	R(symlink("x", "e"));
	R(symlink("x", "s2/"));
	R(symlink("", "s3"));
	memset(big, 'a', sizeof(big));
	big[4095] = 0;
	R(symlink(big, "long"));
	R(readlink("long", buf, sizeof(buf)));
	say_stat("long");
	big[4095] = 'a';
	big[4096] = 0;
	R(symlink(big, "longer"));
	R(readlink("s1", buf, 8192));
	R(readlink("s1", buf, 0));
	R(syscall(SYS_readlink, "s1", buf, -1));
	R(readlink("e", buf, 10));
	say_stat("s1");
	R(chmod("s1", 0600));
	R(lchown("s1", 3, 4));
	say_stat("s1");
	/* A symlink in the middle, with dot-dot after it. */
	mkdir("p", 0755);
	mkdir("p/q", 0755);
	symlink("p/q", "pq");
	put_file("p/up", "", 0, 0644);
	R(access("pq/../up", F_OK));
	R(access("pq/./../../p/up", F_OK));
	R(access("p//q/..///up", F_OK));
	symlink("/proc/self/cwd/p", "abs");
	R(access("abs/up", F_OK));
	symlink("s_self", "s_self");
	R(access("s_self", F_OK));
	R(access("s_self/x", F_OK));
	R(unlink("s_self"));
}

static void dead_directory(void)
{
	char buf[256];

	HEAD("a deleted working directory");
	mkdir("gone", 0755);
	int fd = NEED(open("gone", O_RDONLY | O_DIRECTORY));
	R(chdir("gone"));
	R(rmdir("../gone"));
	struct stat st;
	R(fstat(fd, &st));
	V(st.st_nlink);
	R(syscall(SYS_getcwd, buf, sizeof(buf)));
	R(open("f", O_CREAT | O_WRONLY, 0644));
	R(mkdir("d", 0755));
	R(symlink("x", "l"));
	R(mknod("n", S_IFREG | 0644, 0));
	R(open(".", O_RDONLY));
	R(stat(".", &st));
	R(stat("..", &st));
	R(syscall(SYS_getdents64, fd, buf, sizeof(buf)));
	R(openat(fd, "f", O_CREAT | O_WRONLY, 0644));
	R(open(".", O_TMPFILE | O_RDWR, 0600));
	R(chdir(".."));
	R(fchdir(fd));
	R(chdir("/work"));
}

int main(void)
{
	directories();
	hard_links();
	symlinks();
	dead_directory();
	return 0;
}
