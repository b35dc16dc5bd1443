// SPDX-License-Identifier: BSD-2-Clause
/*
 * Page faults, each touch being one operation: making and removing the map lies outside the
 * measured time. Huge pages are refused, so that a fault is a page on every kernel.
 */
#include "bench.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 256
#define LEN   (PAGES * (long)PAGE)

enum touch { TOUCH_READ, TOUCH_WRITE };

static volatile char *region;
static int fd;

static void touch_all(enum touch how)
{
	for (long at = 0; at < LEN; at += PAGE) {
		if (how == TOUCH_WRITE)
			region[at] = 1;
		else
			(void)region[at];
	}
}

/* n counts pages; a batch is a multiple of PAGES. */
static void op_anon(unsigned n, long how)
{
	for (; n >= PAGES; n -= PAGES) {
		unmeasured_begin();
		region = map_anon(LEN);
		unmeasured_end();
		touch_all((enum touch)how);
		unmeasured_begin();
		must_libc(munmap((void *)region, LEN));
		unmeasured_end();
	}
}

static void open_file(long arg)
{
	(void)arg;
	make_file("fault.file", LEN);
	fd = (int)must_libc(open("fault.file", O_RDWR));
}

static void fault_file(unsigned n, int flags, enum touch how)
{
	for (; n >= PAGES; n -= PAGES) {
		unmeasured_begin();
		region = mmap(NULL, LEN, PROT_READ | PROT_WRITE, flags, fd, 0);
		if (region == MAP_FAILED)
			row_fail("mmap", errno);
		unmeasured_end();
		touch_all(how);
		unmeasured_begin();
		must_libc(munmap((void *)region, LEN));
		unmeasured_end();
	}
}

static void op_file_shared(unsigned n, long how)
{
	fault_file(n, MAP_SHARED, (enum touch)how);
}

static void op_file_private(unsigned n, long how)
{
	fault_file(n, MAP_PRIVATE, (enum touch)how);
}

static void touched_region(long arg)
{
	(void)arg;
	region = map_anon(LEN);
	touch_all(TOUCH_WRITE);
}

static void rest(long arg)
{
	(void)arg;
	for (;;)
		pause();
}

/* The child shares every page and sleeps: each write of the parent copies one. */
static void op_cow(unsigned n, long arg)
{
	(void)arg;
	for (; n >= PAGES; n -= PAGES) {
		int child;

		unmeasured_begin();
		child = spawn(rest, 0);
		unmeasured_end();
		touch_all(TOUCH_WRITE);
		unmeasured_begin();
		reap(child);
		unmeasured_end();
	}
}

/* The child is gone: each write finds itself the last owner. */
static void op_cow_last(unsigned n, long arg)
{
	(void)arg;
	for (; n >= PAGES; n -= PAGES) {
		unmeasured_begin();
		reap(spawn(rest, 0));
		unmeasured_end();
		touch_all(TOUCH_WRITE);
	}
}

const struct row rows_fault[] = {
	{"fault.anon_write", NULL, op_anon, PAGES, TOUCH_WRITE, 0},
	{"fault.anon_read", NULL, op_anon, PAGES, TOUCH_READ, 0},
	{"fault.file_shared_read", open_file, op_file_shared, PAGES, TOUCH_READ, 0},
	{"fault.file_shared_write", open_file, op_file_shared, PAGES, TOUCH_WRITE, 0},
	{"fault.file_private_read", open_file, op_file_private, PAGES, TOUCH_READ, 0},
	{"fault.file_private_write", open_file, op_file_private, PAGES, TOUCH_WRITE, 0},
	{"fault.cow", touched_region, op_cow, PAGES, 0, 0},
	{"fault.cow_last_owner", touched_region, op_cow_last, PAGES, 0, 0},
	{},
};
