// SPDX-License-Identifier: BSD-2-Clause
/*
 * Events of files: a watch made and taken away, and what a watched file's and directory's changes cost with the
 * reading of their events.
 */
#include "bench.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "watched"
#define DIR_NAME  "folder"
#define NEW_NAME  "folder/new"

static int notify_fd, file_fd;
static char events[4 * KIB];

static void op_create(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must(sys1(SYS_close, must(sys1(SYS_inotify_init1, 0))));
}

static void make_instance(long arg)
{
	(void)arg;
	make_file(FILE_NAME, 1);
	file_fd = (int)must_libc(open(FILE_NAME, O_RDWR));
	notify_fd = (int)must_libc(inotify_init1(0));
}

static void watch_file(long mask)
{
	make_instance(0);
	must_libc(inotify_add_watch(notify_fd, FILE_NAME, (uint32_t)mask));
}

static void watch_dir(long mask)
{
	must_libc(mkdir(DIR_NAME, 0755));
	notify_fd = (int)must_libc(inotify_init1(0));
	must_libc(inotify_add_watch(notify_fd, DIR_NAME, (uint32_t)mask));
}

/* The end of a watch is an event too. */
static void op_add_remove(unsigned n, long mask)
{
	while (n--) {
		long wd = must(sys3(SYS_inotify_add_watch, notify_fd, (long)FILE_NAME, mask));

		must(sys2(SYS_inotify_rm_watch, notify_fd, wd));
		must_be(sys3(SYS_read, notify_fd, (long)events, sizeof(events)), sizeof(struct inotify_event));
	}
}

static void op_modify(unsigned n, long mask)
{
	(void)mask;
	while (n--) {
		must_be(sys4(SYS_pwrite64, file_fd, (long)events, 1, 0), 1);
		must_be(sys3(SYS_read, notify_fd, (long)events, sizeof(events)), sizeof(struct inotify_event));
	}
}

static void op_create_unlink(unsigned n, long mask)
{
	(void)mask;
	while (n--) {
		must(sys1(SYS_close, must(sys3(SYS_open, (long)NEW_NAME, O_CREAT | O_EXCL | O_RDWR, 0644))));
		must(sys1(SYS_unlink, (long)NEW_NAME));
		must_be(sys3(SYS_read, notify_fd, (long)events, sizeof(events)), 2 * (sizeof(struct inotify_event) + 16));
	}
}

const struct row rows_inotify[] = {
	{"inotify.create_close", NULL, op_create, 50, 0, 0},
	{"inotify.add_remove", make_instance, op_add_remove, 50, IN_MODIFY, 0},
	{"inotify.modify_read", watch_file, op_modify, 100, IN_MODIFY, 0},
	{"inotify.create_unlink_read", watch_dir, op_create_unlink, 20, IN_CREATE | IN_DELETE, 0},
	{},
};
