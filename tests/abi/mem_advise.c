// SPDX-License-Identifier: BSD-2-Clause
/* madvise's other advice, process_madvise, mseal, cachestat, mlock2, what they refuse. */
#include "abi.h"
#include <setjmp.h>

#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

static sigjmp_buf out;

static void on_fault(int sig)
{
	siglongjmp(out, sig);
}

static int touch(volatile char *p, int value)
{
	int sig = sigsetjmp(out, 1);

	if (sig)
		return -sig;
	*p = value;
	return *p;
}

static char *map(int pages, int prot)
{
	return mmap(NULL, pages * 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void lazy(void)
{
	char *p = map(4, PROT_READ | PROT_WRITE), *shared;

	HEAD("MADV_FREE, COLD, PAGEOUT");
	memset(p, 1, 4 * 4096);
	R(madvise(p, 4 * 4096, MADV_FREE));
	p[0] = 2;
	p[4096] = 3;
	V(p[0]);
	V(p[4096]);
	IS(p[2 * 4096] == 0 || p[2 * 4096] == 1);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	R(madvise(shared, 4096, MADV_FREE));
	memset(p, 5, 4096);
	R(madvise(p, 4 * 4096, MADV_COLD));
	R(madvise(p, 4 * 4096, MADV_PAGEOUT));
	R(madvise(p, 4 * 4096, MADV_WILLNEED));
	V(p[0]);
	R(mlock(p, 4096));
	R(madvise(p, 4096, MADV_DONTNEED));
	R(madvise(p, 4096, MADV_COLD));
	R(madvise(p, 4096, MADV_PAGEOUT));
	R(madvise(p, 4096, 24)); /* MADV_DONTNEED_LOCKED */
	V(p[0]);
	R(madvise(p, 4096, 9999));
	R(madvise(p, 4096, 7));
	R(madvise(p, -4096, MADV_NORMAL));
	R(madvise(p, 0, MADV_NORMAL));
}

static void forks(void)
{
	char *p = map(3, PROT_READ | PROT_WRITE);

	HEAD("DONTFORK, WIPEONFORK");
	memset(p, 7, 3 * 4096);
	R(madvise(p, 4096, MADV_DONTFORK));
	R(madvise(p + 4096, 4096, MADV_WIPEONFORK));
	CHILD {
		V(touch(p, 1));
		V(p[4096]);
		V(p[8192]);
		exit(0);
	}
	REAP("child");
	R(madvise(p, 4096, MADV_DOFORK));
	R(madvise(p + 4096, 4096, MADV_KEEPONFORK));
	CHILD {
		V(p[0]);
		V(p[4096]);
		exit(0);
	}
	REAP("child");
}

static void populate(void)
{
	char *p = map(4, PROT_READ), *q = map(4, PROT_READ | PROT_WRITE);
	unsigned char vec[4];

	HEAD("POPULATE");
	R(madvise(q, 2 * 4096, MADV_POPULATE_WRITE));
	R(mincore(q, 4 * 4096, vec));
	say("%d %d %d %d\n", vec[0] & 1, vec[1] & 1, vec[2] & 1, vec[3] & 1);
	R(madvise(p, 4 * 4096, MADV_POPULATE_READ));
	R(madvise(p, 4096, MADV_POPULATE_WRITE));
	mprotect(p, 4096, PROT_NONE);
	R(madvise(p, 4096, MADV_POPULATE_READ));
	munmap(q + 4096, 4096);
	R(madvise(q, 3 * 4096, MADV_POPULATE_READ));
	mprotect(q, 4096, PROT_WRITE);
	R(madvise(q, 4096, MADV_POPULATE_READ)); /* not readable by right, though by the processor */
	R(madvise(q, 4096, MADV_POPULATE_WRITE));
	mprotect(q, 4096, PROT_READ | PROT_WRITE);
	R(munlock(q, 4096));
	R(mlock2(q, 4096, MLOCK_ONFAULT));
	R(mlock2(q, 4096, 2));
	R(mlock2(q, 3 * 4096, 0));
}

static void others(void)
{
	char *p = map(4, PROT_READ | PROT_WRITE);
	struct iovec v[2] = {{p, 4096}, {p + 8192, 4096}};
	int me = NEED(syscall(SYS_pidfd_open, getpid(), 0));

	HEAD("process_madvise");
	memset(p, 9, 4 * 4096);
	R(syscall(SYS_process_madvise, me, v, 2, MADV_COLD, 0));
	R(syscall(SYS_process_madvise, me, v, 2, MADV_PAGEOUT, 0));
	R(syscall(SYS_process_madvise, me, v, 2, MADV_WILLNEED, 0));
	R(syscall(SYS_process_madvise, me, v, 2, MADV_COLD, 1));
	R(syscall(SYS_process_madvise, 99, v, 2, MADV_COLD, 0));
	R(syscall(SYS_process_madvise, 0, v, 2, MADV_COLD, 0));
	R(syscall(SYS_process_madvise, me, v, 2, 9999, 0));
	R(syscall(SYS_process_madvise, me, NULL, 2, MADV_COLD, 0));
	R(syscall(SYS_process_madvise, me, v, 5000, MADV_COLD, 0));
	R(syscall(SYS_process_madvise, me, v, 0, MADV_COLD, 0));
	munmap(p + 8192, 4096);
	R(syscall(SYS_process_madvise, me, v, 2, MADV_COLD, 0));
	v[0] = v[1];
	R(syscall(SYS_process_madvise, me, v, 1, MADV_COLD, 0));
}

static void seals(void)
{
	char *p = map(8, PROT_READ | PROT_WRITE), *ro = map(2, PROT_READ);

	HEAD("mseal");
	R(syscall(SYS_mseal, p, 4096, 1));
	R(syscall(SYS_mseal, p + 1, 4096, 0));
	R(syscall(SYS_mseal, p, -1ul, 0));
	R(syscall(SYS_mseal, p, 0, 0));
	munmap(p + 7 * 4096, 4096);
	R(syscall(SYS_mseal, p + 6 * 4096, 2 * 4096, 0));
	R(syscall(SYS_mseal, p + 2 * 4096, 2 * 4096, 0));
	R(munmap(p, 6 * 4096));
	R(munmap(p + 2 * 4096, 4096));
	V(touch(p, 1));
	R(mprotect(p + 2 * 4096, 4096, PROT_READ));
	IS(mmap(p + 3 * 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED);
	S(err_name(errno));
	IS(mremap(p + 2 * 4096, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED);
	S(err_name(errno));
	R(madvise(p + 2 * 4096, 4096, MADV_DONTNEED));
	R(syscall(SYS_mseal, ro, 4096, 0));
	R(madvise(ro, 4096, MADV_DONTNEED));
	R(madvise(ro, 4096, MADV_FREE));
	R(madvise(ro, 4096, MADV_DONTFORK));
	R(madvise(ro, 4096, MADV_COLD));
	R(madvise(ro, 4096, MADV_RANDOM));
	R(munmap(p, 2 * 4096));
	CHILD {
		R(munmap(p + 2 * 4096, 4096));
		exit(0);
	}
	REAP("child");
}

static void cache(void)
{
	struct {
		uint64_t off, len;
	} range = {0, 0};
	struct {
		uint64_t cached, dirty, writeback, evicted, recently;
	} st;
	int fd = NEED(open("file", O_RDWR | O_CREAT, 0600));
	char page[4096] = "x";

	HEAD("cachestat");
	for (int i = 0; i < 6; i++)
		NEED(pwrite(fd, page, sizeof(page), i * 8192));
	R(syscall(SYS_cachestat, fd, &range, &st, 0));
	V(st.cached);
	V(st.writeback);
	range.off = 8192;
	range.len = 8193;
	R(syscall(SYS_cachestat, fd, &range, &st, 0));
	V(st.cached);
	R(syscall(SYS_cachestat, fd, &range, &st, 1));
	R(syscall(SYS_cachestat, 99, &range, &st, 0));
	R(syscall(SYS_cachestat, fd, NULL, &st, 0));
	R(syscall(SYS_cachestat, fd, &range, NULL, 0));
}

int main(void)
{
	sigaction(SIGSEGV, &(struct sigaction){.sa_handler = on_fault}, NULL);
	lazy();
	forks();
	populate();
	others();
	seals();
	cache();
	return 0;
}
