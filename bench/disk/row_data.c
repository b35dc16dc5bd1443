// SPDX-License-Identifier: BSD-2-Clause
/*
 * Bytes of files on a disk: from the cache, through it and past it.
 */
#include "disk.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SMALL (1 * MIB)  /* stays in the cache */
#define LARGE (32 * MIB) /* is read from the disk */
#define CHUNK (64 * KIB)
#define BLOCK (4 * KIB)

static int fd;
static char buf[CHUNK] __attribute__((aligned(PAGE)));
static uint64_t seed;

static void open_sized(size_t len, int flags)
{
	idle_start();
	memset(buf, 'b', sizeof(buf));
	make_file("data.file", len);
	fd = (int)must_libc(open("data.file", O_RDWR | flags));
	must_libc(fsync(fd));
}

static void open_small(long arg)
{
	(void)arg;
	open_sized(SMALL, 0);
}

static void open_large(long arg)
{
	(void)arg;
	open_sized(LARGE, 0);
}

static void open_direct(long arg)
{
	(void)arg;
	open_sized(LARGE, O_DIRECT);
}

static void open_append(long arg)
{
	(void)arg;
	open_sized(0, O_APPEND);
}

/* The same places in every run, on every kernel. */
static long anywhere(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (long)((seed >> 33) % (LARGE / BLOCK) * BLOCK);
}

static void forget(void)
{
	aside_begin();
	must_libc(fsync(fd));
	must_be(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	aside_end();
}

static void op_read_cached(unsigned n, long len)
{
	idle_begin();
	for (unsigned i = 0; i < n; i++)
		must_be(sys4(SYS_pread64, fd, (long)buf, len, (long)i * len % SMALL), len);
	idle_end();
}

static void op_overwrite_cached(unsigned n, long len)
{
	idle_begin();
	for (unsigned i = 0; i < n; i++)
		must_be(sys4(SYS_pwrite64, fd, (long)buf, len, (long)i * len % SMALL), len);
	idle_end();
}

static void op_append_fsync(unsigned n, long len)
{
	idle_begin();
	while (n--) {
		must_be(sys3(SYS_write, fd, (long)buf, len), len);
		must(sys1(SYS_fsync, fd));
	}
	idle_end();
}

static void op_overwrite_fdatasync(unsigned n, long len)
{
	idle_begin();
	while (n--) {
		must_be(sys4(SYS_pwrite64, fd, (long)buf, len, (long)n * len), len);
		must(sys1(SYS_fdatasync, fd));
	}
	idle_end();
}

/* A file that grows from nothing, then fsync: its blocks are allocated within. */
static void op_write_new(unsigned n, long len)
{
	idle_begin();
	aside_begin();
	must_libc(ftruncate(fd, 0));
	must_libc(fsync(fd));
	aside_end();
	for (unsigned i = 0; i < n; i++)
		must_be(sys4(SYS_pwrite64, fd, (long)buf, len, (long)i * len), len);
	must(sys1(SYS_fsync, fd));
	idle_end();
}

static void op_read_row(unsigned n, long len)
{
	idle_begin();
	forget();
	for (unsigned i = 0; i < n; i++)
		must_be(sys4(SYS_pread64, fd, (long)buf, len, (long)i * len), len);
	idle_end();
}

static void op_read_random(unsigned n, long len)
{
	idle_begin();
	forget();
	while (n--)
		must_be(sys4(SYS_pread64, fd, (long)buf, len, anywhere()), len);
	idle_end();
}

static void op_write_random(unsigned n, long len)
{
	idle_begin();
	while (n--)
		must_be(sys4(SYS_pwrite64, fd, (long)buf, len, anywhere()), len);
	must(sys1(SYS_fsync, fd));
	idle_end();
}

static void op_direct_read_row(unsigned n, long len)
{
	idle_begin();
	for (unsigned i = 0; i < n; i++)
		must_be(sys4(SYS_pread64, fd, (long)buf, len, (long)i * len), len);
	idle_end();
}

static void op_direct_write_row(unsigned n, long len)
{
	idle_begin();
	for (unsigned i = 0; i < n; i++)
		must_be(sys4(SYS_pwrite64, fd, (long)buf, len, (long)i * len), len);
	idle_end();
}

static void op_direct_read_random(unsigned n, long len)
{
	idle_begin();
	while (n--)
		must_be(sys4(SYS_pread64, fd, (long)buf, len, anywhere()), len);
	idle_end();
}

static void op_direct_write_random(unsigned n, long len)
{
	idle_begin();
	while (n--)
		must_be(sys4(SYS_pwrite64, fd, (long)buf, len, anywhere()), len);
	idle_end();
}

const struct row rows_disk_data[] = {
	{"disk.read_4k", open_small, op_read_cached, 200, BLOCK, 0},
	{"disk.read_64k", open_small, op_read_cached, 16, CHUNK, 0},
	{"disk.overwrite_4k", open_small, op_overwrite_cached, 200, BLOCK, 0},
	{"disk.overwrite_64k", open_small, op_overwrite_cached, 16, CHUNK, 0},
	{"disk.append_fsync", open_append, op_append_fsync, 10, BLOCK, 0},
	{"disk.overwrite_fdatasync", open_small, op_overwrite_fdatasync, 10, BLOCK, 0},
	{"disk.write_new_64k", open_append, op_write_new, 128, CHUNK, 0},
	{"disk.read_row_4k", open_large, op_read_row, 2048, BLOCK, 0},
	{"disk.read_row_64k", open_large, op_read_row, 128, CHUNK, 0},
	{"disk.read_random_4k", open_large, op_read_random, 100, BLOCK, 0},
	{"disk.write_random_4k", open_large, op_write_random, 100, BLOCK, 0},
	{"disk.direct_read_row_64k", open_direct, op_direct_read_row, 32, CHUNK, 0},
	{"disk.direct_read_random_4k", open_direct, op_direct_read_random, 50, BLOCK, 0},
	{"disk.direct_write_row_64k", open_direct, op_direct_write_row, 32, CHUNK, 0},
	{"disk.direct_write_random_4k", open_direct, op_direct_write_random, 50, BLOCK, 0},
	{},
};
