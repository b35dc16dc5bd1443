// SPDX-License-Identifier: BSD-2-Clause
/* /proc/PID/pagemap, clear_refs; overcommit settings. */
#include "mem.h"

/* Present, file, once: what does not depend on frames or soft-dirty. */
static void show(const char *what, int fd, char *p, int n)
{
	uint64_t w[16];

	say("%s: %ld", what, (long)pread(fd, w, n * 8, (uintptr_t)p / 4096 * 8));
	for (int i = 0; i < n; i++)
		say(" %d%d%d%d", (int)(w[i] >> 63), (int)(w[i] >> 62 & 1), (int)(w[i] >> 61 & 1), (int)(w[i] >> 56 & 1));
	say("\n");
}

static void pagemap(void)
{
	int fd = NEED(open("/proc/self/pagemap", O_RDONLY)), file = NEED(open("f", O_RDWR | O_CREAT, 0600));
	char *p = mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *q;
	char c;

	HEAD("pagemap");
	p[0] = p[2 * 4096] = 1;
	show("anonymous", fd, p, 5);
	munmap(p + 4096, 4096);
	show("a hole", fd, p, 4);
	NEED(ftruncate(file, 8 * 4096));
	q = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	q[4096] = 1;
	show("shared", fd, q, 4);
	CHILD {
		show("child", fd, p, 4);
		exit(0);
	}
	REAP("child");
	R(pread(fd, &c, 1, 0));
	uint64_t w[2];
	R(pread(fd, w, 8, 4));
	R(pread(fd, w, 12, 0));
	R(pread(fd, w, 0, 0));
	R(pread(fd, w, 16, 0x7fffffffffffl / 4096 * 8 + 800));
	R(write(fd, w, 8));
	R(lseek(fd, 0, SEEK_END));
	R(lseek(fd, 64, SEEK_SET));
}

static void refs(void)
{
	char *p = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = NEED(open("/proc/self/clear_refs", O_WRONLY));

	HEAD("clear_refs");
	memset(p, 1, 4 * 4096);
	V(smaps(p, "Referenced"));
	R(write(fd, "1\n", 2));
	V(smaps(p, "Referenced"));
	R(write(fd, "3", 1));
	R(write(fd, "2", 1));
	V(smaps(p, "Referenced"));
	R(write(fd, "5", 1));
	R(write(fd, "0", 1));
	R(write(fd, "6", 1));
	R(write(fd, "x", 1));
	V(p[0]);
	R(open("/proc/self/clear_refs", O_RDONLY));
}

static void overcommit(void)
{
	HEAD("sysctl");
	IS(access("/proc/sys/vm/overcommit_kbytes", R_OK) == 0);
	IS(access("/proc/sys/vm/overcommit_ratio", R_OK) == 0);
}

int main(void)
{
	pagemap();
	refs();
	overcommit();
	return 0;
}
