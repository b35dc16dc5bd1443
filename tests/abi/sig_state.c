// SPDX-License-Identifier: BSD-2-Clause
/* Registers, flags, SSE/AVX/x87 state survive handlers, preemption and nested handlers. */
#include "abi.h"
#include <ucontext.h>
#include <cpuid.h>

static volatile sig_atomic_t ticks;

/* Overwrite every vector register; the frame must bring the old values back. */
static void clobber(int sig)
{
	static const char junk[32] __attribute__((aligned(32))) = "junkjunkjunkjunkjunkjunkjunkjun";

	(void)sig;
	ticks++;
	__asm__ volatile("movdqa %0, %%xmm0; movdqa %0, %%xmm1; movdqa %0, %%xmm2; movdqa %0, %%xmm3;"
		"movdqa %0, %%xmm4; movdqa %0, %%xmm5; movdqa %0, %%xmm6; movdqa %0, %%xmm7;"
		"movdqa %0, %%xmm8; movdqa %0, %%xmm9; movdqa %0, %%xmm10; movdqa %0, %%xmm11;"
		"movdqa %0, %%xmm12; movdqa %0, %%xmm13; movdqa %0, %%xmm14; movdqa %0, %%xmm15;"
		"fninit; fldpi" ::"m"(*(const char(*)[16])junk));
	if (__builtin_cpu_supports("avx"))
		__asm__ volatile(".byte 0xc5, 0xfc, 0x77"); /* vzeroall */
	unsigned int csr = 0x7f80;
	__asm__ volatile("ldmxcsr %0; std; cld" ::"m"(csr));
}

static unsigned long vec[16][4] __attribute__((aligned(32))), back[16][4] __attribute__((aligned(32)));

/* How many of the registers came back different in their first @len bytes. */
static int compare(size_t len)
{
	static const int used[] = {0, 1, 2, 7, 8, 15};
	int bad = 0;

	for (size_t i = 0; i < ARRAY_LEN(used); i++)
		bad += memcmp(vec[used[i]], back[used[i]], len) != 0;
	return bad;
}

static int avx_round(long spins)
{
	__asm__ volatile("vmovdqa (%2), %%ymm0; vmovdqa 32(%2), %%ymm1; vmovdqa 64(%2), %%ymm2;"
		"vmovdqa 224(%2), %%ymm7; vmovdqa 256(%2), %%ymm8; vmovdqa 480(%2), %%ymm15;"
		"1: pause; dec %0; jnz 1b;"
		"vmovdqa %%ymm0, (%1); vmovdqa %%ymm1, 32(%1); vmovdqa %%ymm2, 64(%1);"
		"vmovdqa %%ymm7, 224(%1); vmovdqa %%ymm8, 256(%1); vmovdqa %%ymm15, 480(%1);"
		"vzeroupper"
		: "+r"(spins)
		: "r"(back), "r"(vec)
		: "memory", "xmm0", "xmm1", "xmm2", "xmm7", "xmm8", "xmm15");
	return compare(32);
}

static int sse_round(long spins)
{
	__asm__ volatile("movdqa (%2), %%xmm0; movdqa 32(%2), %%xmm1; movdqa 64(%2), %%xmm2;"
		"movdqa 224(%2), %%xmm7; movdqa 256(%2), %%xmm8; movdqa 480(%2), %%xmm15;"
		"1: pause; dec %0; jnz 1b;"
		"movdqa %%xmm0, (%1); movdqa %%xmm1, 32(%1); movdqa %%xmm2, 64(%1);"
		"movdqa %%xmm7, 224(%1); movdqa %%xmm8, 256(%1); movdqa %%xmm15, 480(%1)"
		: "+r"(spins)
		: "r"(back), "r"(vec)
		: "memory", "xmm0", "xmm1", "xmm2", "xmm7", "xmm8", "xmm15");
	return compare(16);
}

static void fill(unsigned long seed)
{
	for (int i = 0; i < 16; i++)
		for (int j = 0; j < 4; j++)
			vec[i][j] = seed * 0x9e3779b97f4a7c15ul + i * 1000 + j;
}

static void under_signals(void)
{
	struct itimerval it = {{0, 2000}, {0, 2000}}, off = {{0, 0}, {0, 0}};
	int bad = 0;
	bool avx = __builtin_cpu_supports("avx");
	double sum = 0;

	HEAD("under a storm of handlers");
	on_signal(SIGALRM, clobber, SA_RESTART);
	setitimer(ITIMER_REAL, &it, NULL);
	for (unsigned long round = 0; ticks < 60; round++) {
		fill(round);
		bad += avx && round % 2 ? avx_round(20000) : sse_round(20000);
		double x = 1;
		for (int i = 0; i < 1000; i++)
			x = x * 1.0000001 + 1e-9;
		if (!sum)
			sum = x;
		bad += x != sum;
	}
	setitimer(ITIMER_REAL, &off, NULL);
	V(bad);
	unsigned int csr;
	__asm__ volatile("stmxcsr %0" : "=m"(csr));
	X(csr & 0xffc0);
	unsigned short cw;
	__asm__ volatile("fnstcw %0" : "=m"(cw));
	X(cw);
}

static void between_processes(void)
{
	pid_t kids[4];

	HEAD("between processes on one processor");
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	for (int k = 0; k < 4; k++) {
		CHILD {
			int bad = 0;
			bool avx = __builtin_cpu_supports("avx");
			for (int i = 0; i < 60; i++) {
				fill(k * 1000 + i);
				bad += avx && i % 2 ? avx_round(50000) : sse_round(50000);
				sched_yield();
			}
			_exit(bad > 200 ? 200 : bad);
		}
		kids[k] = child_pid;
	}
	for (int k = 0; k < 4; k++)
		reap_pid("process", kids[k]);
}

static void look(int sig, siginfo_t *si, void *ucp)
{
	ucontext_t *uc = ucp;
	struct _fpstate *fp = (struct _fpstate *)uc->uc_mcontext.fpregs;

	(void)sig;
	(void)si;
	IS(fp != NULL);
	say("r12 %#llx r13 %#llx\n", uc->uc_mcontext.gregs[REG_R12], uc->uc_mcontext.gregs[REG_R13]);
	say("xmm5 %#x\n", fp->_xmm[5].element[0]);
	fp->_xmm[5].element[0] = 0x600df00d;
	uc->uc_mcontext.gregs[REG_R13] = 0x1234;
	uc->uc_mcontext.gregs[REG_EFL] |= 1;
	IS((uc->uc_mcontext.gregs[REG_EFL] & 0x400) != 0);
	unsigned long fl;
	__asm__ volatile("pushf; pop %0" : "=r"(fl));
	IS((fl & 0x400) == 0);
	IS(((uintptr_t)__builtin_frame_address(0) & 15) == 0);
}

static void in_frames(void)
{
	unsigned long r13;
	unsigned int x5, carry = 0;

	HEAD("the frame can be read and changed");
	on_siginfo(SIGUSR1, look, 0);
	long pid = getpid(), tid = gettid();
	__asm__ volatile("mov $0x1212, %%r12; mov $0x1313, %%r13; movd %5, %%xmm5; std; clc;"
		"mov %3, %%rdi; mov %4, %%rsi; mov $10, %%edx; mov $234, %%eax; syscall;"
		"setc %b2; cld; mov %%r13, %0; movd %%xmm5, %1"
		: "=r"(r13), "=r"(x5), "+r"(carry)
		: "r"(pid), "r"(tid), "r"(0x5a5a5a5a)
		: "r12", "r13", "xmm5", "rdi", "rsi", "rdx", "rax", "rcx", "r11", "memory", "cc");
	X(r13);
	X(x5);
	V(carry & 1);
}

int main(void)
{
	under_signals();
	between_processes();
	in_frames();
	return 0;
}
