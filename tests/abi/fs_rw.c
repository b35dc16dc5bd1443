// SPDX-License-Identifier: BSD-2-Clause
/* read, write and their vector and positional forms; lseek with holes; truncate; fallocate. */
#include "abi.h"
#include <linux/falloc.h>
#include <linux/fs.h>

static char page[4096], buf[65536];
static int fd;

static void sums(const char *what)
{
	struct stat st;
	unsigned int h = 5381;

	fstat(fd, &st);
	for (off_t at = 0; at < st.st_size && st.st_size < 4 << 20;) {
		ssize_t n = pread(fd, buf, sizeof(buf), at);
		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			h = h * 33 + (unsigned char)buf[i];
		at += n;
	}
	say("%s: size %lld hash %u\n", what, (long long)st.st_size, h);
}

static void plain(void)
{
	HEAD("read write");
	R(write(fd, "0123456789", 10));
	R(read(fd, buf, 10));
	R(lseek(fd, 3, SEEK_SET));
	R(read(fd, buf, 4));
	say_bytes("got", buf, 4);
	R(read(fd, buf, 100));
	R(read(fd, buf, 0));
	R(read(fd, NULL, 0));
	R(read(fd, NULL, 1));
	R(lseek(fd, 0, SEEK_SET));
	R(read(fd, NULL, 1));
	R(read(fd, (void *)-4096l, 1));
	R(write(fd, NULL, 0));
	R(write(fd, NULL, 1));
	R(write(fd, (void *)-4096l, 1));
	R(write(fd, page, -1));
	R(read(fd, buf, (size_t)SSIZE_MAX + 1) == -1 ? -1 : 0);
	R(read(99, buf, 1));
	R(write(99, buf, 1));
	/* A buffer that ends in an unmapped page: what is there is transferred. */
	char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(m + 4096, 4096);
	memset(m, 'e', 4096);
	R(pwrite(fd, m + 4090, 6, 20));
	sums("exact");
	R(pread(fd, m + 4092, 4, 0));
}

static void positional(void)
{
	struct iovec v[3] = {{buf, 3}, {buf + 10, 0}, {buf + 20, 4}};

	HEAD("positional and vectors");
	memset(buf, '-', 64);
	R(pread(fd, buf, 5, 2));
	R(pread(fd, buf, 5, 1000));
	R(pread(fd, buf, 5, -1));
	R(pwrite(fd, "AB", 2, 4));
	R(pwrite(fd, "AB", 2, -1));
	R(lseek(fd, 0, SEEK_SET));
	R(readv(fd, v, 3));
	say_bytes("vectors", buf, 26);
	R(writev(fd, v, 3));
	R(lseek(fd, 0, SEEK_CUR));
	R(preadv(fd, v, 3, 1));
	R(pwritev(fd, v, 3, 30));
	R(readv(fd, v, 0));
	R(readv(fd, v, -1));
	R(readv(fd, v, 1025));
	R(readv(fd, NULL, 1));
	v[1].iov_len = -1;
	R(readv(fd, v, 3));
	v[1].iov_len = 0;
	v[1].iov_base = NULL;
	R(preadv(fd, v, 3, 0));
	R(preadv2(fd, v, 3, 0, 0));
	R(lseek(fd, 5, SEEK_SET));
	R(preadv2(fd, v, 3, -1, 0));
	R(lseek(fd, 0, SEEK_CUR));
	R(preadv2(fd, v, 3, -2, 0));
	R(preadv2(fd, v, 3, 0, RWF_HIPRI));
	R(preadv2(fd, v, 3, 0, RWF_NOWAIT));
	R(preadv2(fd, v, 3, 0, 0x40000000));
	R(pwritev2(fd, v, 1, 0, RWF_APPEND));
	R(pwritev2(fd, v, 1, 0, RWF_DSYNC));
	R(pwritev2(fd, v, 1, 0, RWF_SYNC));
	sums("vectors");
}

static void seeking(void)
{
	HEAD("lseek");
	ftruncate(fd, 0);
	R(pwrite(fd, page, 4096, 3 * 4096));
	R(pwrite(fd, page, 4096, 6 * 4096));
	R(ftruncate(fd, 10 * 4096));
	R(lseek(fd, 0, SEEK_DATA));
	R(lseek(fd, 0, SEEK_HOLE));
	R(lseek(fd, 3 * 4096 + 5, SEEK_DATA));
	R(lseek(fd, 3 * 4096 + 5, SEEK_HOLE));
	R(lseek(fd, 4 * 4096, SEEK_DATA));
	R(lseek(fd, 6 * 4096, SEEK_HOLE));
	R(lseek(fd, 8 * 4096, SEEK_DATA));
	R(lseek(fd, 8 * 4096, SEEK_HOLE));
	R(lseek(fd, 10 * 4096, SEEK_HOLE));
	R(lseek(fd, 10 * 4096, SEEK_DATA));
	R(lseek(fd, -1, SEEK_DATA));
	R(lseek(fd, 0, SEEK_END));
	R(lseek(fd, 1ll << 40, SEEK_SET));
	R(lseek(fd, -5, SEEK_END));
	R(lseek(fd, -1, SEEK_SET));
	R(lseek(fd, -100000, SEEK_CUR));
	R(lseek(fd, LLONG_MAX, SEEK_SET) == LLONG_MAX);
	R(lseek(fd, 1, SEEK_CUR));
	R(lseek(fd, 0, 7));
	R(lseek(99, 0, SEEK_SET));
	int p[2];
	pipe(p);
	R(lseek(p[0], 0, SEEK_SET));
	R(pread(p[0], buf, 1, 0));
	R(pwrite(p[1], buf, 1, 0));
	close(p[0]);
	close(p[1]);
	lseek(fd, 0, SEEK_SET);
	struct stat st;
	fstat(fd, &st);
	V(st.st_blocks);
}

static void truncating(void)
{
	HEAD("truncate");
	R(ftruncate(fd, 5));
	R(pwrite(fd, "abcde", 5, 0));
	R(ftruncate(fd, 3));
	R(ftruncate(fd, 8));
	R(pread(fd, buf, 100, 0));
	say_bytes("regrown", buf, 8);
	R(truncate("f", 1 << 20));
	sums("grown");
	R(truncate("f", -1));
	R(ftruncate(fd, -1));
	R(truncate("none", 0));
	R(truncate("/work", 0));
	R(truncate("", 0));
	int ro = NEED(open("f", O_RDONLY));
	R(ftruncate(ro, 0));
	close(ro);
	R(truncate("f", LLONG_MAX));
	CHILD {
		const off_t top = 1 << 20;
		struct rlimit rl = {top, top};
		NEED(setrlimit(RLIMIT_FSIZE, &rl));
		signal(SIGXFSZ, SIG_IGN);
		R(truncate("f", top + 1));
		R(truncate("f", top));
		R(pwrite(fd, page, 50, top - 10));
		R(pwrite(fd, page, 50, top));
		R(fallocate(fd, 0, top - 1, 2));
		R(fallocate(fd, FALLOC_FL_KEEP_SIZE, top, 1));
		R(fallocate(fd, 0, 0, top));
		signal(SIGXFSZ, SIG_DFL);
		R(pwrite(fd, page, 50, top));
	}
	REAP("file size limit");
	/* Whether there is room so far out is the system's affair; not that it is gone afterwards. */
	for (int bit = 40; bit < 63; bit++) {
		pwrite(fd, page, 50, 1ll << bit);
		fallocate(fd, 0, 1ll << bit, 1);
		ftruncate(fd, 0);
		ftruncate(fd, 4096);
		ftruncate(fd, 0);
	}
	R(lseek(fd, 0, SEEK_END));
	CHILD {
		struct rlimit rl = {4096, 4096};

		NEED(setrlimit(RLIMIT_FSIZE, &rl));
		ftruncate(fd, 0);
		fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4097);
	}
	REAP("room beyond the limit");
	CHILD {
		become(1000);
		R(truncate("f", 0));
	}
	REAP("user");
}

static void allocating(void)
{
	HEAD("fallocate");
	ftruncate(fd, 0);
	memset(page, 'p', sizeof(page));
	R(fallocate(fd, 0, 0, 8192));
	sums("allocated");
	R(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 16384));
	sums("kept");
	R(pwrite(fd, page, 4096, 0));
	R(pwrite(fd, page, 4096, 4096));
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 50));
	sums("punched inside");
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	sums("punched page");
	R(lseek(fd, 0, SEEK_DATA));
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 4096));
	R(fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 4096));
	R(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 4096));
	R(fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, 4096));
	R(fallocate(fd, 0x1000, 0, 4096));
	R(fallocate(fd, 0, -1, 4096));
	R(fallocate(fd, 0, 0, 0));
	R(fallocate(fd, 0, 0, -5));
	R(fallocate(fd, 0, LLONG_MAX - 10, 100));
	R(fallocate(99, 0, 0, 10));
	int ro = NEED(open("f", O_RDONLY));
	R(fallocate(ro, 0, 0, 10));
	int d = NEED(open(".", O_RDONLY));
	R(fallocate(d, 0, 0, 10));
	int p[2];
	pipe(p);
	R(fallocate(p[1], 0, 0, 10));
	R(fsync(fd));
	R(fdatasync(fd));
	R(fsync(p[0]));
	R(fsync(99));
	R(syncfs(fd));
	R(syncfs(99));
	R(sync_file_range(fd, 0, 100, SYNC_FILE_RANGE_WRITE));
	R(sync_file_range(fd, 0, 100, 64));
	R(sync_file_range(p[0], 0, 100, 0));
	R(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
	R(posix_fadvise(fd, 0, 0, 77));
	R(posix_fadvise(p[0], 0, 0, POSIX_FADV_NORMAL));
	R(posix_fadvise(99, 0, 0, POSIX_FADV_NORMAL));
	R(syscall(SYS_readahead, fd, 0, 100));
	R(syscall(SYS_readahead, p[0], 0, 100));
}

int main(void)
{
	memset(page, 'p', sizeof(page));
	fd = NEED(open("f", O_RDWR | O_CREAT, 0644));
	plain();
	positional();
	seeking();
	truncating();
	allocating();
	return 0;
}
