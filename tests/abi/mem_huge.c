// SPDX-License-Identifier: BSD-2-Clause
/* Huge pages asked for with MADV_HUGEPAGE: what smaps says, and that parts of them behave as pages. */
#include "mem.h"
#include <setjmp.h>

#define HUGE (2ul << 20)

static sigjmp_buf out;

static void on_fault(int sig)
{
	siglongjmp(out, sig);
}

static char *aligned(size_t len)
{
	char *p = mmap(NULL, len + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *a = (char *)(((uintptr_t)p + HUGE - 1) & ~(HUGE - 1));

	if (a > p)
		munmap(p, a - p);
	munmap(a + len, p + HUGE - a);
	return a;
}

static int touch(volatile char *p, int value)
{
	int sig = sigsetjmp(out, 1);

	if (sig)
		return -sig;
	*p = value;
	return *p;
}

static char *filled(unsigned n)
{
	char *p = aligned(n * HUGE);

	R(madvise(p, n * HUGE, MADV_HUGEPAGE));
	for (unsigned i = 0; i < n; i++) {
		p[i * HUGE + 4096] = 1 + i;
		p[(i + 1) * HUGE - 1] = 101 + i;
	}
	return p;
}

static void show(const char *what, char *p, unsigned n)
{
	say("%s:", what);
	for (unsigned i = 0; i < n; i++)
		say(" %d %d %d", p[i * HUGE + 4096], p[i * HUGE + 8192], p[(i + 1) * HUGE - 1]);
	say("\n");
}

static void parts(void)
{
	char *p = filled(4), *q;

	HEAD("parts");
	V(smaps(p, "AnonHugePages"));
	V(smaps(p, "THPeligible"));
	V(smaps(p, "Rss"));
	V(smaps(p, "KernelPageSize"));
	show("filled", p, 4);
	R(munmap(p + 8 * 4096, 4096));
	V(smaps(p + 9 * 4096, "AnonHugePages"));
	V(smaps(p, "Rss"));
	V(touch(p + 8 * 4096, 1));
	R(mprotect(p + HUGE + 64 * 4096, 4096, PROT_READ));
	V(touch(p + HUGE + 64 * 4096, 1));
	V(touch(p + HUGE + 65 * 4096, 1));
	R(mprotect(p + 2 * HUGE, HUGE, PROT_NONE));
	V(touch(p + 2 * HUGE, 1));
	V(smaps(p + 2 * HUGE, "AnonHugePages"));
	R(mprotect(p + 2 * HUGE, HUGE, PROT_READ | PROT_WRITE));
	R(madvise(p + 3 * HUGE + 4096, 4096, MADV_DONTNEED));
	V(smaps(p + 3 * HUGE, "AnonHugePages") < 4096);
	V(touch(p + 8 * 4096 + HUGE, 5));
	show("after", p + HUGE, 3);
	q = aligned(4 * HUGE);
	IS(mremap(p + 2 * HUGE, 2 * HUGE, 2 * HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, q) == q);
	show("moved", q, 2);
	IS(mremap(q, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, q + 2 * HUGE + 4096) == q + 2 * HUGE + 4096);
	V(q[2 * HUGE + 4096 + 4096]);
	V(q[2 * HUGE + 4096 + HUGE - 1]);
}

static void forks(void)
{
	char *p = filled(2);

	HEAD("fork");
	CHILD {
		show("child", p, 2);
		V(smaps(p, "AnonHugePages"));
		p[4096] = 55;
		show("child wrote", p, 2);
		exit(0);
	}
	REAP("child");
	show("parent", p, 2);
	p[8192] = 66;
	show("parent wrote", p, 2);
	int pipes[2];
	static char back[3 * 4096];
	NEED(pipe(pipes));
	R(write(pipes[1], p, 3 * 4096));
	R(read(pipes[0], back, sizeof(back)));
	V(back[4096]);
	V(back[8192]);
}

static void advice(void)
{
	char *p = aligned(2 * HUGE);

	HEAD("advice");
	R(madvise(p, HUGE, MADV_HUGEPAGE));
	R(madvise(p, 100, MADV_HUGEPAGE));
	R(madvise(p + 1, 4096, MADV_HUGEPAGE));
	R(madvise(p, 2 * HUGE, MADV_NOHUGEPAGE));
	touch(p, 1);
	V(smaps(p, "AnonHugePages"));
	V(smaps(p, "THPeligible"));
	R(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	R(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0));
	R(prctl(PR_SET_THP_DISABLE, 1, 0, 1, 0));
	R(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	R(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	char *q = filled(1);
	V(smaps(q, "AnonHugePages"));
	V(smaps(q, "THPeligible"));
	CHILD {
		R(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
		exit(0);
	}
	REAP("child");
	R(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
	V(smaps(q, "THPeligible"));
	R(madvise(q, HUGE, 25)); /* MADV_COLLAPSE */
	V(smaps(q, "AnonHugePages"));
	show("collapsed", q, 1);
	R(madvise(q, HUGE - 4096, 25));
	R(madvise(q + 4096, HUGE, 25));
	R(madvise(p, HUGE, 25));
}

int main(void)
{
	sigaction(SIGSEGV, &(struct sigaction){.sa_handler = on_fault}, NULL);
	parts();
	forks();
	advice();
	return 0;
}
