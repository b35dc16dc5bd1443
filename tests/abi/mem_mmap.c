// SPDX-License-Identifier: BSD-2-Clause
/* mmap, munmap: every flag and error, fixed placement, file maps coherent with read and write. */
#include "abi.h"
#include <setjmp.h>

static sigjmp_buf out;
static char *area;
static int fd;

static void on_fault(int sig)
{
	siglongjmp(out, sig);
}

/* 'r', 'w' and 'x' as far as the memory allows, or the signal. */
static void probe(const char *what, volatile char *p)
{
	int sig = sigsetjmp(out, 1);

	if (sig) {
		say("%s: read %s\n", what, sig_name(sig));
		return;
	}
	char c = *p;
	sig = sigsetjmp(out, 1);
	if (sig) {
		say("%s: reads %d, write %s\n", what, c, sig_name(sig));
		return;
	}
	*p = c;
	say("%s: reads and writes %d\n", what, c);
}

static long map(void *at, size_t len, int prot, int flags, int f, off_t off)
{
	void *p = mmap(at, len, prot, flags, f, off);

	if (p == MAP_FAILED)
		return -1;
	if (!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)))
		munmap(p, len);
	return 0;
}

static void errors(void)
{
	const int anon = MAP_PRIVATE | MAP_ANONYMOUS;
	int ro = NEED(open("f", O_RDONLY)), wo = NEED(open("f", O_WRONLY));
	int dir = NEED(open(".", O_RDONLY));

	HEAD("flags and errors");
	R(map(NULL, 0, PROT_READ, anon, -1, 0));
	R(map(NULL, 1, PROT_READ, anon, -1, 0));
	R(map(NULL, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0));
	R(map(NULL, 4096, PROT_READ, MAP_ANONYMOUS | MAP_SHARED, -1, 0));
	R(map(NULL, 4096, PROT_READ, MAP_ANONYMOUS | MAP_SHARED_VALIDATE, -1, 0));
	R(map(NULL, 4096, PROT_READ, MAP_PRIVATE, -1, 0));
	R(map(NULL, 4096, PROT_READ, MAP_PRIVATE, 99, 0));
	R(map(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 1));
	R(map(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 4096));
	R(map(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, -4096));
	R(map(NULL, -1, PROT_READ, anon, -1, 0));
	R(map(NULL, -4096, PROT_READ, anon, -1, 0));
	R(map(NULL, 1ul << 47, PROT_NONE, anon | MAP_NORESERVE, -1, 0));
	R(map((void *)1, 4096, PROT_READ, anon | MAP_FIXED, -1, 0));
	R(map((void *)0xfffffffffff000, 4096, PROT_READ, anon | MAP_FIXED, -1, 0));
	R(map((void *)0xffff800000000000, 4096, PROT_READ, anon | MAP_FIXED, -1, 0));
	R(map((void *)-4096l, 8192, PROT_READ, anon | MAP_FIXED, -1, 0));
	R(map(NULL, 4096, PROT_WRITE, MAP_SHARED, ro, 0));
	R(map(NULL, 4096, PROT_WRITE, MAP_PRIVATE, ro, 0));
	R(map(NULL, 4096, PROT_READ, MAP_PRIVATE, wo, 0));
	R(map(NULL, 4096, PROT_WRITE, MAP_SHARED, wo, 0));
	R(map(NULL, 4096, PROT_READ, MAP_PRIVATE, dir, 0));
	R(map(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE | 0x8000000, fd, 0));
	R(map(NULL, 4096, PROT_READ, MAP_SHARED | 0x8000000, fd, 0));
	R(map(NULL, 4096, PROT_READ, anon | MAP_POPULATE | MAP_NORESERVE | MAP_STACK, -1, 0));
	R(map(NULL, 4096, PROT_READ, anon | MAP_LOCKED, -1, 0));
	R(map(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_DENYWRITE | MAP_EXECUTABLE, fd, 0));
	R(map(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, anon, -1, 0));
	void *low = mmap(NULL, 4096, PROT_READ, anon | MAP_32BIT, -1, 0);
	IS((uintptr_t)low < 1ul << 32);
	munmap(low, 4096);
	close(ro);
	close(wo);
	close(dir);
	R(munmap(area + 1, 4096));
	R(munmap(area, 0));
	R(munmap(area, -1));
	R(munmap((void *)0xfffffffffff000, 8192));
	R(munmap((void *)0x600000000000, 1 << 20));
}

static void fixed(void)
{
	const int anon = MAP_PRIVATE | MAP_ANONYMOUS;

	HEAD("placement");
	memset(area, 1, 8 * 4096);
	R(map(area + 4096, 4096, PROT_READ | PROT_WRITE, anon | MAP_FIXED, -1, 0));
	V(area[0]);
	V(area[4096]);
	V(area[8192]);
	R(map(area + 4096, 4096, PROT_READ, anon | MAP_FIXED_NOREPLACE, -1, 0));
	R(munmap(area + 4096, 4096));
	probe("hole", area + 4096);
	probe("before the hole", area);
	R(map(area, 8192, PROT_READ, anon | MAP_FIXED_NOREPLACE, -1, 0));
	R(map(area + 4096, 4096, PROT_READ, anon | MAP_FIXED_NOREPLACE, -1, 0));
	probe("filled read-only", area + 4096);
	R(munmap(area, 8 * 4096));
	R(munmap(area, 8 * 4096));
	void *hint = mmap(area, 4096, PROT_READ, anon, -1, 0);
	IS(hint == area);
	void *hint2 = mmap(area, 4096, PROT_READ, anon, -1, 0);
	IS(hint2 != area && hint2 != MAP_FAILED);
	R(map(area, 8 * 4096, PROT_READ | PROT_WRITE, anon | MAP_FIXED, -1, 0));
	char *top = mmap(NULL, 4096, PROT_READ, anon, -1, 0), *below = mmap(NULL, 4096, PROT_READ,
		anon, -1, 0);
	IS(top != below);
	munmap(top, 4096);
	munmap(below, 4096);
}

static void files(void)
{
	char buf[64];
	struct stat st;

	HEAD("shared and private file maps");
	ftruncate(fd, 0);
	pwrite(fd, "file content", 12, 0);
	char *sh = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *pr = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	say_bytes("shared", sh, 14);
	memcpy(sh, "FILE", 4);
	pread(fd, buf, 12, 0);
	say_bytes("read after map write", buf, 12);
	pwrite(fd, "CONTENT", 7, 5);
	say_bytes("shared after write", sh, 12);
	say_bytes("private follows until written", pr, 12);
	pr[0] = 'p';
	pwrite(fd, "xxxx", 4, 0);
	say_bytes("private after its own copy", pr, 12);
	say_bytes("shared", sh, 12);
	sh[4000] = 'z';
	fstat(fd, &st);
	V(st.st_size);
	ftruncate(fd, 5000);
	V(sh[4000]);
	ftruncate(fd, 3000);
	ftruncate(fd, 5000);
	V(sh[4000]);
	probe("second page", sh + 4096);
	ftruncate(fd, 12);
	probe("second page after truncation", sh + 4096);
	probe("private second page", pr + 4096);
	probe("private first page", pr);
	R(msync(sh, 8192, MS_SYNC));
	R(msync(sh, 4096, MS_ASYNC | MS_INVALIDATE));
	R(msync(sh, 4096, MS_SYNC | MS_ASYNC));
	R(msync(sh, 4096, 64));
	R(msync(sh + 1, 4096, MS_SYNC));
	R(msync((void *)0x600000000000, 4096, MS_SYNC));
	R(msync(sh, 0, MS_SYNC));
	int ro = NEED(open("f", O_RDONLY));
	char *rp = mmap(NULL, 4096, PROT_READ, MAP_SHARED, ro, 0);
	R(mprotect(rp, 4096, PROT_READ | PROT_WRITE));
	R(mprotect(rp, 4096, PROT_READ | PROT_EXEC));
	close(ro);
	unlink("f");
	say_bytes("mapped though unlinked", rp, 4);
	/* Shared with a child; private not. */
	ftruncate(fd, 4096);
	char *as = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *ap = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHILD {
		as[0] = ap[0] = sh[0] = pr[0] = 'C';
	}
	REAP("child");
	say("shared anonymous %d, private anonymous %d, shared file %c, private file %c\n", as[0], ap[0],
		sh[0], pr[0]);
	/* read(2) into a map of the same file and page. */
	lseek(fd, 0, SEEK_SET);
	R(read(fd, sh + 100, 20));
	R(write(fd, sh, 4096));
}

static void limits(void)
{
	HEAD("limits");
	CHILD {
		struct rlimit rl = {64 << 20, 64 << 20};
		NEED(setrlimit(RLIMIT_AS, &rl));
		R(map(NULL, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		R(map(NULL, 16 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	}
	REAP("RLIMIT_AS");
	CHILD {
		struct rlimit rl = {16 << 20, 16 << 20};
		NEED(setrlimit(RLIMIT_DATA, &rl));
		R(map(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		R(map(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
		R(map(NULL, 64 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	}
	REAP("RLIMIT_DATA");
	CHILD {
		become(1000);
		struct rlimit rl = {8192, 8192};
		NEED(setrlimit(RLIMIT_MEMLOCK, &rl));
		char *m = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		R(mlock(m, 8192));
		R(mlock(m, 16384));
		R(mlock(m, 8192));
		R(mlock(m + 8192, 1));
		R(munlock(m, 4096));
		R(mlock(m + 8192, 1));
		R(mlockall(MCL_CURRENT));
		R(map(NULL, 16384, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0));
		rl.rlim_cur = rl.rlim_max = 0;
		setrlimit(RLIMIT_MEMLOCK, &rl);
		R(mlock(m, 4096));
	}
	REAP("RLIMIT_MEMLOCK");
}

int main(void)
{
	on_signal(SIGSEGV, on_fault, SA_NODEFER);
	on_signal(SIGBUS, on_fault, SA_NODEFER);
	fd = NEED(open("f", O_RDWR | O_CREAT, 0644));
	ftruncate(fd, 100);
	area = mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	errors();
	fixed();
	files();
	limits();
	return 0;
}
