// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names, on tmpfs: made, found, moved, listed, removed.
 */
#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEEP    "d1/d2/d3/d4/d5/d6/d7/d8/file"
#define ENTRIES 1000

static struct stat st;
static int fd;
static char names[32 * KIB];

static void make_one(long arg)
{
	(void)arg;
	make_file("dir.file", 0);
}

static void op_create_unlink(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		long made = must(sys3(SYS_open, (long)"dir.new", O_CREAT | O_EXCL | O_RDWR, 0644));

		must(sys1(SYS_close, made));
		must(sys1(SYS_unlink, (long)"dir.new"));
	}
}

static void op_open_trunc(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must(sys1(SYS_close,
			must(sys3(SYS_open, (long)"dir.file", O_RDWR | O_CREAT | O_TRUNC, 0644))));
}

static void op_mknod_unlink(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		must(sys3(SYS_mknod, (long)"dir.fifo", S_IFIFO | 0644, 0));
		must(sys1(SYS_unlink, (long)"dir.fifo"));
	}
}

static void op_rename(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		must(sys2(SYS_rename, (long)"dir.file", (long)"dir.other"));
		must(sys2(SYS_rename, (long)"dir.other", (long)"dir.file"));
	}
}

static void op_rename_over(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		must(sys1(
			SYS_close, must(sys3(SYS_open, (long)"dir.new", O_CREAT | O_RDWR, 0644))));
		must(sys2(SYS_rename, (long)"dir.new", (long)"dir.file"));
	}
}

static void op_mkdir_rmdir(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		must(sys2(SYS_mkdir, (long)"dir.dir", 0755));
		must(sys1(SYS_rmdir, (long)"dir.dir"));
	}
}

static void op_link_unlink(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		must(sys2(SYS_link, (long)"dir.file", (long)"dir.link"));
		must(sys1(SYS_unlink, (long)"dir.link"));
	}
}

static void op_symlink_unlink(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		must(sys2(SYS_symlink, (long)"dir.file", (long)"dir.symlink"));
		must(sys1(SYS_unlink, (long)"dir.symlink"));
	}
}

static void make_symlink(long arg)
{
	make_one(arg);
	must_libc(symlink("dir.file", "dir.pointer"));
}

static void op_readlink(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must_be(sys3(SYS_readlink, (long)"dir.pointer", (long)names, sizeof(names)), 8);
}

static void op_stat_symlink(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must(sys2(SYS_stat, (long)"dir.pointer", (long)&st));
}

static void make_deep(long arg)
{
	char path[] = DEEP;

	(void)arg;
	for (char *p = path; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		must_libc(mkdir(path, 0755));
		*p = '/';
	}
	make_file(DEEP, 0);
}

static void op_stat_deep(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must(sys2(SYS_stat, (long)DEEP, (long)&st));
}

static void op_open_deep(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must(sys1(SYS_close, must(sys3(SYS_open, (long)DEEP, O_RDONLY, 0))));
}

static void op_stat_missing(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must_be(sys2(SYS_stat, (long)"dir.missing", (long)&st), -ENOENT);
}

static void op_chdir(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must(sys1(SYS_chdir, (long)"."));
}

static void op_chmod(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must(sys2(SYS_chmod, (long)"dir.file", n & 1 ? 0600 : 0644));
}

static void op_utimens(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must(sys4(SYS_utimensat, AT_FDCWD, (long)"dir.file", 0, 0));
}

static void fill_dir(long arg)
{
	char path[64];

	(void)arg;
	must_libc(mkdir("dir.full", 0755));
	for (int i = 0; i < ENTRIES; i++) {
		snprintf(path, sizeof(path), "dir.full/entry-%d", i);
		make_file(path, 0);
	}
	fd = (int)must_libc(open("dir.full", O_RDONLY | O_DIRECTORY));
}

static void op_list(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		long got, total = 0;

		must(sys3(SYS_lseek, fd, 0, SEEK_SET));
		while ((got = must(sys3(SYS_getdents64, fd, (long)names, sizeof(names)))) > 0)
			total += got;
		/* 24 bytes of header at least, and the name */
		must_be(total > ENTRIES * 24, 1);
	}
}

/* Among a thousand names: a lookup that a list would show. */
static void op_create_in_full(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		must(sys1(SYS_close,
			must(sys4(SYS_openat, fd, (long)"entry-new", O_CREAT | O_RDWR, 0644))));
		must(sys3(SYS_unlinkat, fd, (long)"entry-new", 0));
	}
}

const struct row rows_dir[] = {
	{"dir.create_unlink", NULL, op_create_unlink, 50, 0, 0},
	{"dir.open_trunc_close", make_one, op_open_trunc, 50, 0, 0},
	{"dir.mknod_unlink", NULL, op_mknod_unlink, 50, 0, 0},
	{"dir.rename_twice", make_one, op_rename, 20, 0, 0},
	{"dir.create_rename_over", make_one, op_rename_over, 20, 0, 0},
	{"dir.mkdir_rmdir", NULL, op_mkdir_rmdir, 20, 0, 0},
	{"dir.link_unlink", make_one, op_link_unlink, 50, 0, 0},
	{"dir.symlink_unlink", NULL, op_symlink_unlink, 50, 0, 0},
	{"dir.readlink", make_symlink, op_readlink, 100, 0, 0},
	{"dir.stat_symlink", make_symlink, op_stat_symlink, 100, 0, 0},
	{"dir.stat_deep", make_deep, op_stat_deep, 100, 0, 0},
	{"dir.open_close_deep", make_deep, op_open_deep, 50, 0, 0},
	{"dir.stat_missing", NULL, op_stat_missing, 200, 0, 0},
	{"dir.chdir", NULL, op_chdir, 200, 0, 0},
	{"dir.chmod", make_one, op_chmod, 100, 0, 0},
	{"dir.utimens", make_one, op_utimens, 100, 0, 0},
	{"dir.list_1000", fill_dir, op_list, 2, 0, 0},
	{"dir.create_unlink_in_1000", fill_dir, op_create_in_full, 20, 0, 0},
	{},
};
