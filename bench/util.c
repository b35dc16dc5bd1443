// SPDX-License-Identifier: BSD-2-Clause
#include "bench.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

void make_file(const char *path, size_t len)
{
	char block[PAGE];
	int fd = (int)must_libc(open(path, O_CREAT | O_TRUNC | O_RDWR, 0644));

	memset(block, 'n', sizeof(block));
	while (len) {
		size_t part = len < sizeof(block) ? len : sizeof(block);

		write_full(fd, block, part);
		len -= part;
	}
	close(fd);
}

int spawn(void (*body)(long arg), long arg)
{
	int pid = (int)must_libc(fork());

	if (pid == 0) {
		body(arg);
		_exit(0);
	}
	return pid;
}

void reap(int pid)
{
	must_libc(kill(pid, SIGKILL));
	must_be(waitpid(pid, NULL, 0), pid);
}

void *map_anon(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		row_fail("mmap", errno);
	/* A kernel without huge pages may refuse the advice; it then needs none. */
	(void)madvise(p, len, MADV_NOHUGEPAGE);
	return p;
}

void read_full(int fd, void *buf, size_t len)
{
	char *p = buf;

	while (len) {
		long got = must(sys3(SYS_read, fd, (long)p, (long)len));

		if (got == 0)
			row_fail("read: end of file", EPIPE);
		p += got;
		len -= (size_t)got;
	}
}

void write_full(int fd, const void *buf, size_t len)
{
	const char *p = buf;

	while (len) {
		long put = must(sys3(SYS_write, fd, (long)p, (long)len));

		p += put;
		len -= (size_t)put;
	}
}

unsigned long start_thread(void *(*body)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * KIB);
	err = pthread_create(&thread, &attr, body, arg);
	if (err)
		row_fail("pthread_create", err);
	pthread_attr_destroy(&attr);
	return thread;
}
