// SPDX-License-Identifier: BSD-2-Clause
/* mprotect, munmap, mremap, madvise as /proc/self/maps shows them: splitting and merging. */
#include "abi.h"
#include <setjmp.h>

enum { PG = 4096, N = 16 };

static char *area;
static sigjmp_buf out;

static void on_fault(int sig)
{
	siglongjmp(out, sig);
}

/* The maps within [area, area + N pages), in pages relative to it. */
static void show(const char *what)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512], prot[8];
	unsigned long from, to, lo = (unsigned long)area, hi = lo + N * PG;
	unsigned long long off;

	say("%s:", what);
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %7s %llx", &from, &to, prot, &off) != 4 || to <= lo || from >= hi)
			continue;
		from = from < lo ? lo : from;
		to = to > hi ? hi : to;
		say(" %ld-%ld %s", (from - lo) / PG, (to - lo) / PG, prot);
		if (off)
			say(" @%llu", off / PG);
	}
	say("\n");
	if (f)
		fclose(f);
}

static void fresh(int prot)
{
	mmap(area, N * PG, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void protection(void)
{
	HEAD("mprotect");
	show("start");
	R(mprotect(area + 4 * PG, 4 * PG, PROT_READ));
	show("middle read-only");
	R(mprotect(area + 6 * PG, 4 * PG, PROT_READ));
	show("extended");
	R(mprotect(area, 2 * PG, PROT_NONE));
	show("first none");
	R(mprotect(area + 5 * PG, PG, PROT_READ | PROT_EXEC));
	show("hole of exec");
	R(mprotect(area, N * PG, PROT_READ | PROT_WRITE));
	show("all again");
	R(munmap(area + 3 * PG, 2 * PG));
	show("hole");
	R(mprotect(area, N * PG, PROT_READ));
	show("across the hole");
	R(mprotect(area + 1, PG, PROT_READ));
	R(mprotect(area, 0, PROT_READ));
	R(mprotect(area, PG, 0x100));
	R(mprotect(area, -PG, PROT_READ));
	R(mprotect(area + 3 * PG, PG, PROT_READ));
	R(mprotect(area + 8 * PG, PG, PROT_READ | PROT_GROWSDOWN));
	R(mprotect(area + 8 * PG, PG, PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP));
	R(munmap(area, N * PG));
	show("nothing");
	fresh(PROT_READ | PROT_WRITE);
	mmap(area + 2 * PG, PG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	show("replaced by the same kind");
	mmap(area + 2 * PG, PG, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	show("a shared page");
}

static void files(void)
{
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0644));

	HEAD("file maps");
	ftruncate(fd, N * PG);
	mmap(area, 4 * PG, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	mmap(area + 4 * PG, 4 * PG, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 4 * PG);
	show("continuing offsets");
	mmap(area + 8 * PG, 4 * PG, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 4 * PG);
	show("another offset");
	mmap(area + 12 * PG, 4 * PG, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 12 * PG);
	show("a private map");
	R(munmap(area + PG, 2 * PG));
	show("cut");
	close(fd);
}

static long move(void *old, size_t olen, size_t nlen, int flags, void *to, char **out_new)
{
	long r = syscall(SYS_mremap, old, olen, nlen, flags, to);

	if (r == -1)
		return -1;
	*out_new = (char *)r;
	return (char *)r == (char *)old ? 0 : 1;
}

static void moving(void)
{
	char *n = NULL;

	HEAD("mremap");
	munmap(area, N * PG);
	mmap(area, 4 * PG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	memset(area, 7, 4 * PG);
	R(move(area, 4 * PG, 6 * PG, 0, 0, &n));
	show("grown in place");
	V(area[0] + area[5 * PG]);
	R(move(area, 6 * PG, 2 * PG, 0, 0, &n));
	show("shrunk");
	mmap(area + 2 * PG, PG, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	R(move(area, 2 * PG, 4 * PG, 0, 0, &n));
	R(move(area, 2 * PG, 4 * PG, MREMAP_MAYMOVE, 0, &n));
	V(n[0] + n[2 * PG]);
	show("moved away");
	R(move(n, 4 * PG, 4 * PG, MREMAP_MAYMOVE | MREMAP_FIXED, area + 8 * PG, &n));
	show("moved back");
	V(area[8 * PG] + area[9 * PG]);
	R(move(area + 8 * PG, 4 * PG, 4 * PG, MREMAP_MAYMOVE | MREMAP_FIXED, area + 9 * PG, &n));
	R(move(area + 8 * PG, 4 * PG, 4 * PG, MREMAP_FIXED, area, &n));
	R(move(area + 8 * PG, 4 * PG, 0, MREMAP_MAYMOVE, 0, &n));
	R(move(area + 8 * PG + 1, PG, PG, MREMAP_MAYMOVE, 0, &n));
	R(move(area + 8 * PG, PG, PG, 64, 0, &n));
	R(move(area + 3 * PG, PG, PG, 0, 0, &n));
	R(move(area + 8 * PG, 6 * PG, 7 * PG, MREMAP_MAYMOVE, 0, &n));
	R(move(area + 8 * PG, PG, PG, MREMAP_MAYMOVE | MREMAP_FIXED, area + 1, &n));
	R(move(area + 9 * PG, PG, PG, MREMAP_MAYMOVE | MREMAP_FIXED, area, &n));
	show("middle page moved");
	R(move(area + 10 * PG, 2 * PG, 2 * PG, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0, &n));
	show("old range stays");
	V(n[0]);
	V(area[10 * PG]);
	R(move(area + 10 * PG, 2 * PG, PG, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0, &n));
	char *sh = mmap(area, 2 * PG, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	sh[0] = 9;
	R(move(sh, 0, 2 * PG, MREMAP_MAYMOVE, 0, &n));
	V(n[0]);
	n[1] = 4;
	V(sh[1]);
	CHILD {
		char *kid = n;
		kid[2] = 6;
	}
	REAP("child");
	V(sh[2]);
}

static int touch(volatile char *p)
{
	int sig = sigsetjmp(out, 1);

	if (sig)
		return -sig;
	return *p;
}

static void advice(void)
{
	unsigned char vec[N];

	HEAD("madvise mincore");
	fresh(PROT_READ | PROT_WRITE);
	memset(area, 5, N * PG);
	R(mincore(area, N * PG, vec));
	V((vec[0] & 1) + (vec[15] & 1));
	R(madvise(area + 2 * PG, 2 * PG, MADV_DONTNEED));
	V(area[PG] + area[2 * PG] + area[3 * PG] + area[4 * PG]);
	R(madvise(area, N * PG, MADV_WILLNEED));
	R(madvise(area, N * PG, MADV_SEQUENTIAL));
	R(madvise(area, N * PG, MADV_NORMAL));
	R(madvise(area, N * PG, MADV_RANDOM));
	R(madvise(area + 8 * PG, PG, MADV_FREE));
	area[8 * PG] = 3;
	V(area[8 * PG]);
	R(madvise(area, PG, 999));
	R(madvise(area + 1, PG, MADV_NORMAL));
	R(madvise(area, 0, MADV_NORMAL));
	R(madvise(area, -PG, MADV_NORMAL));
	R(madvise(area, PG, MADV_DONTFORK));
	R(madvise(area + PG, PG, MADV_WIPEONFORK));
	area[PG] = 8;
	CHILD {
		V(touch(area));
		V(touch(area + PG));
		V(touch(area + 4 * PG));
	}
	REAP("child");
	R(madvise(area, PG, MADV_DOFORK));
	R(madvise(area + PG, PG, MADV_KEEPONFORK));
	R(madvise(area, 2 * PG, MADV_DONTDUMP));
	R(madvise(area, 2 * PG, MADV_DODUMP));
	munmap(area + 12 * PG, PG);
	R(madvise(area, N * PG, MADV_DONTNEED));
	V(area[15 * PG]);
	R(mincore(area, N * PG, vec));
	R(mincore(area + 1, PG, vec));
	R(mincore(area, PG, (void *)8));
	R(mincore(area, 0, vec));
	R(madvise(area, 4 * PG, MADV_POPULATE_WRITE));
	R(mincore(area, 4 * PG, vec));
	V((vec[0] & 1) + (vec[3] & 1));
	mprotect(area, PG, PROT_READ);
	R(madvise(area, 4 * PG, MADV_POPULATE_WRITE));
	R(madvise(area, 4 * PG, MADV_POPULATE_READ));
	R(mlock(area, 2 * PG));
	R(madvise(area, 2 * PG, MADV_DONTNEED));
	R(munlock(area, 2 * PG));
	R(mlock(area + 12 * PG, PG));
	R(mlock(area, -1));
	R(syscall(SYS_mlock2, area, PG, 1));
	R(syscall(SYS_mlock2, area, PG, 2));
	R(mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT));
	R(mlockall(8));
	R(mlockall(MCL_ONFAULT));
	R(munlockall());
}

int main(void)
{
	on_signal(SIGSEGV, on_fault, SA_NODEFER);
	area = mmap(NULL, (N + 2) * PG, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(area, (N + 2) * PG);
	area += PG;
	fresh(PROT_READ | PROT_WRITE);
	protection();
	files();
	moving();
	advice();
	return 0;
}
