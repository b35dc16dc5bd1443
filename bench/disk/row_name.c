// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names on a disk: made, found, moved, listed, removed, one by one and as trees.
 */
#include "disk.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TREE_DIRS  100
#define TREE_FILES 100
#define WIDE       10000
#define TAR_DIRS   20
#define TAR_FILES  25

static struct stat st;
static int fd;
static char names[32 * KIB], text[64 * KIB];

static void start(long arg)
{
	(void)arg;
	idle_start();
	make_file("name.file", 0);
}

static void op_create_unlink(unsigned n, long arg)
{
	(void)arg;
	idle_begin();
	while (n--) {
		must(sys1(SYS_close,
			must(sys3(SYS_open, (long)"name.new", O_CREAT | O_EXCL | O_RDWR, 0644))));
		must(sys1(SYS_unlink, (long)"name.new"));
	}
	idle_end();
}

static void op_create_4k_unlink(unsigned n, long arg)
{
	(void)arg;
	idle_begin();
	while (n--) {
		long made = must(sys3(SYS_open, (long)"name.new", O_CREAT | O_EXCL | O_RDWR, 0644));

		must_be(sys3(SYS_write, made, (long)text, PAGE), PAGE);
		must(sys1(SYS_close, made));
		must(sys1(SYS_unlink, (long)"name.new"));
	}
	idle_end();
}

static void op_mkdir_rmdir(unsigned n, long arg)
{
	(void)arg;
	idle_begin();
	while (n--) {
		must(sys2(SYS_mkdir, (long)"name.dir", 0755));
		must(sys1(SYS_rmdir, (long)"name.dir"));
	}
	idle_end();
}

static void op_link_unlink(unsigned n, long arg)
{
	(void)arg;
	idle_begin();
	while (n--) {
		must(sys2(SYS_link, (long)"name.file", (long)"name.link"));
		must(sys1(SYS_unlink, (long)"name.link"));
	}
	idle_end();
}

static void op_rename(unsigned n, long arg)
{
	(void)arg;
	idle_begin();
	while (n--) {
		must(sys2(SYS_rename, (long)"name.file", (long)"name.other"));
		must(sys2(SYS_rename, (long)"name.other", (long)"name.file"));
	}
	idle_end();
}

/* As programs replace a file: the new one, whole, then its name. */
static void op_rename_over(unsigned n, long arg)
{
	(void)arg;
	idle_begin();
	while (n--) {
		make_file("name.new", PAGE);
		must(sys2(SYS_rename, (long)"name.new", (long)"name.file"));
	}
	idle_end();
}

static void tree_name(char *out, size_t size, unsigned number)
{
	number %= TREE_DIRS * TREE_FILES;
	snprintf(out, size, "d%02u/file-%02u", number / TREE_FILES, number % TREE_FILES);
}

static void make_tree(long arg)
{
	char path[64];

	start(arg);
	for (unsigned i = 0; i < TREE_DIRS * TREE_FILES; i++) {
		tree_name(path, sizeof(path), i);
		if (i % TREE_FILES == 0) {
			*strchr(path, '/') = '\0';
			must_libc(mkdir(path, 0755));
			*strchr(path, '\0') = '/';
		}
		make_file(path, 0);
	}
	sync();
}

static void op_stat_tree(unsigned n, long is_cold)
{
	static unsigned at;
	char path[64];

	idle_begin();
	if (is_cold)
		disk_cool();
	while (n--) {
		tree_name(path, sizeof(path), at++);
		must(sys2(SYS_stat, (long)path, (long)&st));
	}
	idle_end();
}

static void make_wide(long arg)
{
	char path[64];

	start(arg);
	must_libc(mkdir("wide", 0755));
	for (int i = 0; i < WIDE; i++) {
		snprintf(path, sizeof(path), "wide/entry-%d", i);
		make_file(path, 0);
	}
	sync();
	fd = (int)must_libc(open("wide", O_RDONLY | O_DIRECTORY));
}

static void op_list(unsigned n, long is_cold)
{
	idle_begin();
	while (n--) {
		long got, total = 0;

		if (is_cold)
			disk_cool();
		must(sys3(SYS_lseek, fd, 0, SEEK_SET));
		while ((got = must(sys3(SYS_getdents64, fd, (long)names, sizeof(names)))) > 0)
			total += got;
		must_be(total > WIDE * 24, 1);
	}
	idle_end();
}

/* Among ten thousand names: a lookup that a list would show. */
static void op_create_in_wide(unsigned n, long arg)
{
	(void)arg;
	idle_begin();
	while (n--) {
		must(sys1(SYS_close,
			must(sys4(SYS_openat, fd, (long)"new", O_CREAT | O_RDWR, 0644))));
		must(sys3(SYS_unlinkat, fd, (long)"new", 0));
	}
	idle_end();
}

/* The calls of tar for a tree of 500 files, most of them small. */
static void unpack(void)
{
	static const unsigned sizes[] = {120, 900, 2500, 4096, 7000, 15000, 40000};
	const struct timespec times[2] = {{1700000000, 0}, {1700000000, 0}};
	char path[64];

	for (unsigned d = 0; d < TAR_DIRS; d++) {
		snprintf(path, sizeof(path), "tar-%u", d);
		must(sys2(SYS_mkdir, (long)path, 0755));
		for (unsigned f = 0; f < TAR_FILES; f++) {
			long file;

			snprintf(path, sizeof(path), "tar-%u/source-file-%u.c", d, f);
			file = must(sys3(SYS_open, (long)path, O_CREAT | O_EXCL | O_WRONLY, 0644));
			write_full((int)file, text,
				sizes[(d + f) % (sizeof(sizes) / sizeof(sizes[0]))]);
			must(sys4(SYS_utimensat, file, 0, (long)times, 0));
			must(sys2(SYS_fchmod, file, 0644));
			must(sys1(SYS_close, file));
		}
	}
}

static void unpack_remove(void)
{
	char path[64];

	for (unsigned d = 0; d < TAR_DIRS; d++) {
		for (unsigned f = 0; f < TAR_FILES; f++) {
			snprintf(path, sizeof(path), "tar-%u/source-file-%u.c", d, f);
			must(sys1(SYS_unlink, (long)path));
		}
		snprintf(path, sizeof(path), "tar-%u", d);
		must(sys1(SYS_rmdir, (long)path));
	}
}

/* With what it costs to bring it to the disk. */
static void op_untar(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		idle_begin();
		unpack();
		sync();
		aside_begin();
		unpack_remove();
		sync();
		aside_end();
		idle_end();
	}
}

static void op_remove_tree(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		idle_begin();
		aside_begin();
		unpack();
		sync();
		aside_end();
		unpack_remove();
		sync();
		idle_end();
	}
}

const struct row rows_disk_name[] = {
	{"disk.create_unlink", start, op_create_unlink, 50, 0, 0},
	{"disk.create_4k_unlink", start, op_create_4k_unlink, 50, 0, 0},
	{"disk.mkdir_rmdir", start, op_mkdir_rmdir, 20, 0, 0},
	{"disk.link_unlink", start, op_link_unlink, 50, 0, 0},
	{"disk.rename_twice", start, op_rename, 20, 0, 0},
	{"disk.write_rename_over", start, op_rename_over, 20, 0, 0},
	{"disk.stat_tree", make_tree, op_stat_tree, 500, 0, 0},
	{"disk.stat_tree_cold", make_tree, op_stat_tree, 500, 1, 0},
	{"disk.readdir_10000", make_wide, op_list, 1, 0, 0},
	{"disk.readdir_10000_cold", make_wide, op_list, 1, 1, 0},
	{"disk.create_unlink_in_10000", make_wide, op_create_in_wide, 50, 0, 0},
	{"disk.untar_500", start, op_untar, 1, 0, ROW_ONCE},
	{"disk.remove_500", start, op_remove_tree, 1, 0, ROW_ONCE},
	{},
};
