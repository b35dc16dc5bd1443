// SPDX-License-Identifier: BSD-2-Clause
/* Signals from the processor: codes, addresses, register state, and what the handler may change. */
#include "abi.h"
#include <setjmp.h>
#include <ucontext.h>

static sigjmp_buf out;
static siginfo_t info;
static volatile long trapno, errcode, cr2;
static char *page;
static int nsig;

static void on_fault(int sig, siginfo_t *si, void *uc)
{
	mcontext_t *mc = &((ucontext_t *)uc)->uc_mcontext;

	nsig = sig;
	info = *si;
	trapno = mc->gregs[REG_TRAPNO];
	errcode = mc->gregs[REG_ERR];
	cr2 = mc->gregs[REG_CR2];
	siglongjmp(out, 1);
}

static void show(const char *what, const void *expect)
{
	say("%s: %s code %d trap %ld err %ld address %s\n", what, sig_name(nsig), info.si_code, trapno,
		errcode, !expect ? "-" : info.si_addr == expect ? "right" : info.si_addr ? "wrong"
		: "zero");
}

#define FAULT(what, expect, code)                                                                  \
	do {                                                                                       \
		nsig = 0;                                                                          \
		if (!sigsetjmp(out, 1)) {                                                          \
			code;                                                                      \
			say("%s: no fault\n", what);                                               \
		} else {                                                                           \
			show(what, expect);                                                        \
		}                                                                                  \
	} while (0)

static void memory(void)
{
	HEAD("memory");
	volatile char *hole = page + 4096 * 3;
	volatile char *ro = page, *none = page + 4096, *nx = page + 8192;

	munmap(page + 4096 * 3, 4096);
	mprotect(page, 4096, PROT_READ);
	mprotect(page + 4096, 4096, PROT_NONE);
	FAULT("write to a hole", (void *)(hole + 8), hole[8] = 1);
	FAULT("read of a hole", (void *)hole, (void)*hole);
	FAULT("write to read-only", (void *)(ro + 100), ro[100] = 1);
	FAULT("read of PROT_NONE", (void *)none, (void)*none);
	nx[0] = (char)0xc3;
	FAULT("execution of data", (void *)nx, ((void (*)(void))nx)());
	FAULT("jump to a hole", (void *)hole, ((void (*)(void))hole)());
	FAULT("NULL read", NULL, (void)*(volatile char *)0);
	FAULT("kernel address", (void *)0xffffffff80000000ul,
		(void)*(volatile char *)0xffffffff80000000ul);
	FAULT("non-canonical", (void *)-1, (void)*(volatile char *)0x8000000000000000ul);
	FAULT("non-canonical jump", (void *)-1, ((void (*)(void))0x8000000000000000ul)());
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0644));
	ftruncate(fd, 4096);
	volatile char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	FAULT("past the end of a file", (void *)(m + 4100), m[4100] = 1);
	m[0] = 1;
	ftruncate(fd, 0);
	FAULT("truncated away", (void *)m, (void)*m);
}

static void instructions(void)
{
	HEAD("instructions");
	FAULT("ud2", NULL, __asm__ volatile("ud2"));
	FAULT("int3", NULL, __asm__ volatile("int3"));
	FAULT("hlt", NULL, __asm__ volatile("hlt"));
	FAULT("cli", NULL, __asm__ volatile("cli"));
	FAULT("int $0x20", NULL, __asm__ volatile("int $0x20"));
	FAULT("in", NULL, __asm__ volatile("inb $0x80, %%al" ::: "rax"));
	FAULT("mov to cr3", NULL, __asm__ volatile("mov %%rax, %%cr3" ::: "memory"));
	FAULT("wrmsr", NULL, __asm__ volatile("wrmsr" ::"a"(0), "d"(0), "c"(0x10)));
	FAULT("divide by zero", NULL, __asm__ volatile("xor %%ecx, %%ecx; div %%ecx" ::"a"(1), "d"(0)
		: "ecx"));
	FAULT("divide overflow", NULL, __asm__ volatile("idiv %%ecx" ::"a"(0x80000000), "d"(-1), "c"(-1)));
	FAULT("single step", NULL, __asm__ volatile("pushf; orq $0x100, (%rsp); popf; nop; nop"));
	FAULT("lock prefix on a register", NULL, __asm__ volatile(".byte 0xf0, 0x90"));
	FAULT("misaligned SSE", NULL, __asm__ volatile("movaps 1(%0), %%xmm0" ::"r"(page + 8192)
		: "xmm0"));
	FAULT("load of a bad selector", NULL, __asm__ volatile("mov %0, %%fs" ::"r"(0x1234)));
	FAULT("too long an instruction", NULL, __asm__ volatile(
		".byte 0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x90"));
}

static void floats(void)
{
	unsigned short cw = 0x37f & ~4;

	/* Only x87: QEMU's interpreter does not raise the exceptions of SSE. */
	HEAD("floating point");
	FAULT("x87 divide", NULL, __asm__ volatile("fninit; fldcw %0; fld1; fldz; fdivrp; fwait" ::"m"(cw)));
	__asm__ volatile("fnclex; fninit");
}

static volatile int fixed;

static void repair(int sig, siginfo_t *si, void *uc)
{
	mcontext_t *mc = &((ucontext_t *)uc)->uc_mcontext;

	(void)sig;
	fixed++;
	if (si->si_code == SEGV_ACCERR && fixed == 1)
		mprotect(page + 4096, 4096, PROT_READ | PROT_WRITE);
	else if (sig == SIGILL)
		mc->gregs[REG_RIP] += 2;
	else if (sig == SIGFPE)
		mc->gregs[REG_RCX] = 5;
	else
		_exit(66);
}

static void repairs(void)
{
	HEAD("a handler repairs and returns");
	on_siginfo(SIGSEGV, repair, 0);
	on_siginfo(SIGILL, repair, 0);
	on_siginfo(SIGFPE, repair, 0);
	((volatile char *)page)[4096] = 42;
	V(((volatile char *)page)[4096]);
	__asm__ volatile("ud2");
	int q, rem;
	__asm__ volatile("xor %%ecx, %%ecx; div %%ecx" : "=a"(q), "=d"(rem) : "a"(17), "d"(0) : "rcx");
	V(q);
	V(rem);
	V(fixed);
}

static void blocked(void)
{
	HEAD("a blocked or ignored fault kills");
	for (int i = 0; i < 3; i++) {
		CHILD {
			sigset_t s = sig_set(SIGSEGV);
			signal(SIGSEGV, i == 1 ? SIG_IGN : SIG_DFL);
			if (i == 2) {
				on_siginfo(SIGSEGV, on_fault, 0);
				sigprocmask(SIG_BLOCK, &s, NULL);
			}
			*(volatile char *)8 = 1;
		}
		REAP(i == 0 ? "default" : i == 1 ? "ignored" : "blocked");
	}
	CHILD {
		signal(SIGSEGV, SIG_DFL);
		on_siginfo(SIGSEGV, on_fault, SA_ONSTACK);
		__asm__ volatile("xor %%rsp, %%rsp; push %%rax" ::: "memory");
	}
	REAP("no stack for the handler");
	CHILD {
		__asm__ volatile("mov %0, %%rsp; push %%rax" ::"r"(1ul << 63) : "memory");
	}
	REAP("non-canonical stack");
	CHILD {
		int sig = SIGILL;
		struct sigaction sa = {.sa_handler = SIG_DFL};
		sigaction(sig, &sa, NULL);
		__asm__ volatile("ud2");
	}
	REAP("SIGILL");
	CHILD {
		signal(SIGTRAP, SIG_IGN);
		__asm__ volatile("int3");
		say("not reached\n");
	}
	REAP("ignored SIGTRAP");
	CHILD {
		abort();
	}
	REAP("abort");
}

int main(void)
{
	static const int sigs[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};

	page = mmap(NULL, 4096 * 4, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < ARRAY_LEN(sigs); i++)
		on_siginfo(sigs[i], on_fault, 0);
	memory();
	instructions();
	floats();
	repairs();
	blocked();
	return 0;
}
