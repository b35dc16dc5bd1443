// SPDX-License-Identifier: BSD-2-Clause
/*
 * Bytes of files, on tmpfs: read, written, appended, cut, copied.
 */
#include "bench.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define BIG (64 * KIB)

static int fd, fd2, pipe_fd[2];
static char buf[BIG];

static void open_file(long arg)
{
	(void)arg;
	memset(buf, 'b', sizeof(buf));
	make_file("tmpfs.file", BIG);
	fd = (int)must_libc(open("tmpfs.file", O_RDWR));
}

static void open_append(long arg)
{
	(void)arg;
	make_file("tmpfs.append", 0);
	fd = (int)must_libc(open("tmpfs.append", O_RDWR | O_APPEND));
}

static void op_pread(unsigned n, long len)
{
	while (n--)
		must_be(sys4(SYS_pread64, fd, (long)buf, len, 0), len);
}

static void op_pwrite(unsigned n, long len)
{
	while (n--)
		must_be(sys4(SYS_pwrite64, fd, (long)buf, len, 0), len);
}

/* Along a file of 64 KiB, back to its start at the end. */
static void op_read(unsigned n, long len)
{
	long at = 0;

	while (n--) {
		if (at == 0)
			must(sys3(SYS_lseek, fd, 0, SEEK_SET));
		must_be(sys3(SYS_read, fd, (long)buf, len), len);
		at = (at + len) % BIG;
	}
}

static void op_read_end(unsigned n, long arg)
{
	(void)arg;
	must(sys3(SYS_lseek, fd, 0, SEEK_END));
	while (n--)
		must_be(sys3(SYS_read, fd, (long)buf, 1), 0);
}

static void op_readv(unsigned n, long len)
{
	struct iovec iov[4];

	for (int i = 0; i < 4; i++)
		iov[i] = (struct iovec){buf + i * len / 4, (size_t)len / 4};
	while (n--)
		must_be(sys6(SYS_preadv, fd, (long)iov, 4, 0, 0, 0), len);
}

/* A new file each time: every page is allocated, and freed by the cut. */
static void op_write_new(unsigned n, long len)
{
	while (n--) {
		must_be(sys4(SYS_pwrite64, fd, (long)buf, len, 0), len);
		must(sys2(SYS_ftruncate, fd, 0));
	}
}

static void op_append(unsigned n, long len)
{
	must(sys2(SYS_ftruncate, fd, 0));
	while (n--)
		must_be(sys3(SYS_write, fd, (long)buf, len), len);
}

static void op_truncate(unsigned n, long len)
{
	while (n--) {
		must(sys2(SYS_truncate, (long)"tmpfs.file", len));
		must(sys2(SYS_truncate, (long)"tmpfs.file", 0));
	}
}

static void op_fallocate(unsigned n, long len)
{
	while (n--) {
		must(sys4(SYS_fallocate, fd, 0, 0, len));
		must(sys2(SYS_ftruncate, fd, 0));
	}
}

static void op_fsync(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must(sys1(SYS_fsync, fd));
}

static void open_two(long arg)
{
	open_file(arg);
	make_file("tmpfs.copy", 0);
	fd2 = (int)must_libc(open("tmpfs.copy", O_RDWR));
}

static void op_copy_range(unsigned n, long len)
{
	while (n--) {
		loff_t from = 0, to = 0;

		must_be(sys6(SYS_copy_file_range, fd, (long)&from, fd2, (long)&to, len, 0), len);
	}
}

static void op_sendfile(unsigned n, long len)
{
	while (n--) {
		off_t at = 0;

		must(sys3(SYS_lseek, fd2, 0, SEEK_SET));
		must_be(sys4(SYS_sendfile, fd2, fd, (long)&at, len), len);
	}
}

static void open_and_pipe(long arg)
{
	open_file(arg);
	must_libc(pipe(pipe_fd));
}

static void op_splice(unsigned n, long len)
{
	while (n--) {
		loff_t at = 0;

		must_be(sys6(SYS_splice, fd, (long)&at, pipe_fd[1], 0, len, 0), len);
		read_full(pipe_fd[0], buf, (size_t)len);
	}
}

static void op_flock(unsigned n, long arg)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};

	(void)arg;
	while (n--) {
		lock.l_type = F_WRLCK;
		must(sys3(SYS_fcntl, fd, F_SETLK, (long)&lock));
		lock.l_type = F_UNLCK;
		must(sys3(SYS_fcntl, fd, F_SETLK, (long)&lock));
	}
}

const struct row rows_tmpfs[] = {
	{"tmpfs.read_1", open_file, op_read, 256, 1, 0},
	{"tmpfs.read_4k", open_file, op_read, 128, 4 * KIB, 0},
	{"tmpfs.pread_4k", open_file, op_pread, 200, 4 * KIB, 0},
	{"tmpfs.pread_64k", open_file, op_pread, 20, BIG, 0},
	{"tmpfs.preadv_4k", open_file, op_readv, 100, 4 * KIB, 0},
	{"tmpfs.read_end", open_file, op_read_end, 200, 0, 0},
	{"tmpfs.pwrite_1", open_file, op_pwrite, 200, 1, 0},
	{"tmpfs.pwrite_4k", open_file, op_pwrite, 100, 4 * KIB, 0},
	{"tmpfs.pwrite_64k", open_file, op_pwrite, 20, BIG, 0},
	{"tmpfs.write_new_4k", open_file, op_write_new, 50, 4 * KIB, 0},
	{"tmpfs.write_new_64k", open_file, op_write_new, 5, BIG, 0},
	{"tmpfs.append_100", open_append, op_append, 100, 100, 0},
	{"tmpfs.truncate_twice", open_file, op_truncate, 50, BIG, 0},
	{"tmpfs.fallocate_64k", open_file, op_fallocate, 5, BIG, 0},
	{"tmpfs.fsync", open_file, op_fsync, 200, 0, 0},
	{"tmpfs.lock_unlock", open_file, op_flock, 100, 0, 0},
	{"tmpfs.copy_range_64k", open_two, op_copy_range, 5, BIG, 0},
	{"tmpfs.sendfile_64k", open_two, op_sendfile, 5, BIG, 0},
	{"tmpfs.splice_64k", open_and_pipe, op_splice, 5, BIG, 0},
	{},
};
