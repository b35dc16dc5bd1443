// SPDX-License-Identifier: BSD-2-Clause
/*
 * Protection keys. Where one of the two processors has none, both outputs say only what does not depend on it; the rest is checked by the program itself.
 */
#include "abi.h"
#include <setjmp.h>

static sigjmp_buf out;
static int code, key_of_fault;
static unsigned rights_in_handler;

static unsigned rights(void)
{
	unsigned lo, hi;

	__asm__ volatile("rdpkru" : "=a"(lo), "=d"(hi) : "c"(0));
	return lo;
}

static void set_rights(unsigned value)
{
	__asm__ volatile("wrpkru" ::"a"(value), "c"(0), "d"(0) : "memory");
}

static void on_fault(int sig, siginfo_t *si, void *uc __attribute__((unused)))
{
	code = si->si_code;
	key_of_fault = (int)si->si_pkey;
	rights_in_handler = rights();
	siglongjmp(out, sig);
}

/* What an access gives: 0, or the code of the signal. */
static int try(volatile char *p, int write)
{
	if (sigsetjmp(out, 1))
		return code;
	if (write)
		*p = 1;
	else
		(void)*p;
	return 0;
}

static int failed;

static void check(int line, int ok)
{
	if (!ok) {
		say("line %d\n", line);
		failed = 1;
	}
}
#define CHECK(x) check(__LINE__, !!(x))

/* Not siglongjmp: the handler repairs the rights in the frame and returns. */
static unsigned keys_offset(void)
{
	unsigned a = 13, b, c = 9, d;

	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return b;
}

static void on_usr(int sig __attribute__((unused)), siginfo_t *si __attribute__((unused)), void *ctx)
{
	ucontext_t *uc = ctx;
	char *area = (char *)uc->uc_mcontext.fpregs;
	uint64_t bv;

	memcpy(&bv, area + 512, 8);
	rights_in_handler = rights();
	if (bv >> 9 & 1) {
		code = 1;
		memset(area + keys_offset(), 0, 4);
	}
}

static void with_keys(char *p)
{
	int key = pkey_alloc(0, 0), key2 = pkey_alloc(0, PKEY_DISABLE_WRITE), n;
	unsigned before;

	CHECK(key > 0 && key2 > 0 && key != key2);
	CHECK(pkey_mprotect(p, 4096, PROT_READ | PROT_WRITE, key) == 0);
	CHECK(pkey_mprotect(p + 4096, 4096, PROT_READ | PROT_WRITE, key2) == 0);
	CHECK(try(p, 1) == 0);
	CHECK(try(p + 4096, 0) == 0 && try(p + 4096, 1) == SEGV_PKUERR && key_of_fault == key2);
	CHECK((rights_in_handler >> 2 * key2 & 1) == 1 && (rights_in_handler & 3) == 0);
	pkey_set(key, PKEY_DISABLE_ACCESS);
	CHECK(try(p, 0) == SEGV_PKUERR && key_of_fault == key && try(p, 1) == SEGV_PKUERR);
	CHECK(pkey_get(key) == PKEY_DISABLE_ACCESS);
	/* The kernel's own accesses, too. */
	CHECK(getcwd(p, 4096) == NULL && errno == EFAULT);
	CHECK(mprotect(p, 4096, PROT_READ) == 0 && try(p, 0) == SEGV_PKUERR);
	CHECK(pkey_mprotect(p, 4096, PROT_READ | PROT_WRITE, 0) == 0 && try(p, 1) == 0);
	/* A huge page, taken apart by another key of a part. */
	char *h = (char *)(((uintptr_t)p + (2 << 20)) & -(2ul << 20));
	madvise(h, 2 << 20, MADV_HUGEPAGE);
	h[0] = 1;
	CHECK(pkey_mprotect(h, 2 << 20, PROT_READ | PROT_WRITE, key2) == 0 && try(h + 77777, 1) == SEGV_PKUERR);
	CHECK(pkey_mprotect(h + 4096, 4096, PROT_READ | PROT_WRITE, 0) == 0 && try(h + 4096, 1) == 0 && try(h, 1) == SEGV_PKUERR);
	CHECK(try(h, 0) == 0 && h[0] == 1);
	/* Rights are a thread's own: a child has a copy, a switch keeps them. */
	before = rights();
	CHILD {
		CHECK(rights() == before);
		set_rights(before ^ 4);
		sched_yield();
		CHECK(rights() == (before ^ 4));
		_exit(failed);
	}
	waitpid(child_pid, &n, 0);
	CHECK(n == 0 && rights() == before);
	/* What the handler writes into the frame counts. */
	code = 0;
	raise(SIGUSR1);
	CHECK(code == 1 && rights_in_handler != before && rights() == 0);
	set_rights(before);
	for (n = 0; pkey_alloc(0, 0) > 0; n++)
		;
	CHECK(errno == ENOSPC && n == 13);
	CHECK(pkey_free(key2) == 0 && pkey_alloc(0, 0) == key2);
	CHECK(pkey_free(key) == 0 && pkey_free(key) == -1 && errno == EINVAL);
	CHECK(pkey_mprotect(h, 4096, PROT_READ, key) == -1 && errno == EINVAL);
}

/* Sealed memory (mseal: 462) whose key forbids writing is a constant. */
static void sealed(void)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int key = pkey_alloc(0, 0);

	CHECK(key > 0 && !pkey_mprotect(p, 4096, PROT_READ | PROT_WRITE, key) && !syscall(462, p, 4096, 0));
	CHECK(!madvise(p, 4096, MADV_DONTNEED));
	pkey_set(key, PKEY_DISABLE_WRITE);
	CHECK(madvise(p, 4096, MADV_DONTNEED) == -1 && errno == EPERM);
	CHECK(!pkey_free(key));
}

/* What may only be executed has a key that is nobody's, and loses it with that. */
static void execute_only(void)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int exec_key;

	*p = (char)0xc3; /* ret */
	CHECK(!mprotect(p, 4096, PROT_EXEC));
	((void (*)(void))p)();
	CHECK(try(p, 0) == SEGV_PKUERR);
	exec_key = key_of_fault;
	CHECK(exec_key > 0 && pkey_free(exec_key) == -1 && errno == EINVAL);
	CHECK(pkey_mprotect(p, 4096, PROT_READ, exec_key) == -1 && errno == EINVAL);
	CHECK(!mprotect(p, 4096, PROT_READ) && !try(p, 0));
	CHECK(!mprotect(p, 4096, PROT_EXEC) && try(p, 0) == SEGV_PKUERR && key_of_fault == exec_key);
	CHECK(!mprotect(p, 4096, PROT_NONE) && !mprotect(p, 4096, PROT_READ | PROT_EXEC) && !try(p, 0));
	p = mmap(NULL, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(try(p, 0) == SEGV_PKUERR && key_of_fault == exec_key);
}

int main(void)
{
	char *p = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int key;

	sigaction(SIGSEGV, &(struct sigaction){.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO}, NULL);
	sigaction(SIGUSR1, &(struct sigaction){.sa_sigaction = on_usr, .sa_flags = SA_SIGINFO}, NULL);
	R(syscall(SYS_pkey_alloc, 1, 0));
	R(syscall(SYS_pkey_alloc, 0, 4));
	R(syscall(SYS_pkey_free, 99));
	R(syscall(SYS_pkey_free, -1));
	R(syscall(SYS_pkey_mprotect, p, 4096, PROT_READ, -1));
	R(syscall(SYS_pkey_mprotect, p, 4096, PROT_READ, 77));
	R(syscall(SYS_pkey_mprotect, p + 1, 4096, PROT_READ, -1));
	R(syscall(SYS_pkey_mprotect, p, 4096, PROT_READ | PROT_WRITE, -1));
	key = pkey_alloc(0, 0);
	if (key > 0) {
		pkey_free(key);
		with_keys(p);
		sealed();
		execute_only();
	}
	IS(key > 0 || errno == ENOSPC || errno == ENOSYS);
	IS(!failed);
	return 0;
}
