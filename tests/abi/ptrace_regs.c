// SPDX-License-Identifier: BSD-2-Clause
/* ptrace: register sets, signal masks and queues, thread pointers, rseq. */
#include "trace.h"
#include <asm/prctl.h>

static void general(void)
{
	struct user_regs_struct r, again;
	struct iovec iov = {&r, sizeof(r)};
	unsigned long w;

	HEAD("general registers");
	TRACEE {
		unsigned long v;

		__asm__ volatile("mov $1, %%r15; mov $39, %%eax; syscall; mov %%r15, %0" : "=r"(v)::"rax", "rcx", "r11", "r15", "memory");
		_exit(v == 1 ? 1 : 2);
	}
	wait_stop("first", child_pid);
	R(PT(PTRACE_GETREGS, child_pid, 0, &r));
	R(PT(PTRACE_GETREGSET, child_pid, NT_PRSTATUS, &iov));
	V(iov.iov_len);
	R(PT(PTRACE_GETREGS, child_pid, 0, &again));
	IS(!memcmp(&r, &again, sizeof(r)));
	X(r.cs);
	X(r.ss);
	X(r.ds);
	X(r.eflags & 0x200);
	IS(r.fs_base != 0);
	iov.iov_len = 16;
	R(PT(PTRACE_GETREGSET, child_pid, NT_PRSTATUS, &iov));
	V(iov.iov_len);
	iov.iov_len = 10000;
	R(PT(PTRACE_GETREGSET, child_pid, NT_PRSTATUS, &iov) && errno);
	iov.iov_len = 15;
	R(PT(PTRACE_GETREGSET, child_pid, NT_PRSTATUS, &iov));
	iov.iov_len = 16;
	R(PT(PTRACE_GETREGSET, child_pid, 0x999, &iov));
	R(PT(PTRACE_GETREGSET, child_pid, NT_PRSTATUS, 8));
	iov.iov_base = (void *)8;
	R(PT(PTRACE_GETREGSET, child_pid, NT_PRSTATUS, &iov));
	R(PT(PTRACE_SETREGSET, child_pid, NT_PRSTATUS, &iov));
	R(PT(PTRACE_GETREGS, child_pid, 0, 8));
	R(PT(PTRACE_SETREGS, child_pid, 0, 8));
	HEAD("what may not be set");
	again = r;
	again.cs = 0x10;
	R(PT(PTRACE_SETREGS, child_pid, 0, &again));
	again = r;
	again.ss = 0;
	R(PT(PTRACE_SETREGS, child_pid, 0, &again));
	again = r;
	again.fs_base = 0xffff800000000000;
	R(PT(PTRACE_SETREGS, child_pid, 0, &again));
	R(PT(PTRACE_POKEUSR, child_pid, offsetof(struct user_regs_struct, gs_base), 0x800000000000));
	R(PT(PTRACE_POKEUSR, child_pid, offsetof(struct user_regs_struct, eflags), 0)); /* interrupts stay on */
	R(PT(PTRACE_PEEKUSR, child_pid, offsetof(struct user_regs_struct, eflags), &w));
	X(w & 0x200);
	R(PT(PTRACE_POKEUSR, child_pid, offsetof(struct user_regs_struct, r12), 99));
	R(PT(PTRACE_PEEKUSR, child_pid, offsetof(struct user_regs_struct, r12), &w));
	V(w);
	R(PT(PTRACE_SETREGS, child_pid, 0, &r));
	HEAD("thread pointers");
	R(PT(PTRACE_ARCH_PRCTL, child_pid, &w, ARCH_GET_FS));
	IS(w == r.fs_base);
	R(PT(PTRACE_ARCH_PRCTL, child_pid, 0x1000, ARCH_SET_GS));
	R(PT(PTRACE_ARCH_PRCTL, child_pid, &w, ARCH_GET_GS));
	X(w);
	R(PT(PTRACE_ARCH_PRCTL, child_pid, 8, ARCH_GET_GS));
	R(PT(PTRACE_ARCH_PRCTL, child_pid, 0xffff800000000000, ARCH_SET_GS));
	R(PT(PTRACE_ARCH_PRCTL, child_pid, 0, 0x7777));
	R(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("end", child_pid);
	/* a program counter that is none */
	TRACEE _exit(0);
	wait_stop("first", child_pid);
	NEED(PT(PTRACE_GETREGS, child_pid, 0, &r));
	r.rip = 0x8000000000000000;
	R(PT(PTRACE_SETREGS, child_pid, 0, &r));
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("wild", child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, SIGKILL));
	wait_stop("end", child_pid);
}

static void floating(void)
{
	static unsigned char x[16384] __attribute__((aligned(64)));
	struct user_fpregs_struct f;
	struct iovec iov = {x, sizeof(x)};
	unsigned long v = 0x1234;

	HEAD("vector registers");
	TRACEE {
		__asm__ volatile("movq %1, %%xmm3; mov $37, %%esi; mov $234, %%eax; int3; movq %%xmm3, %0" : "+r"(v) : "r"(v) : "xmm3", "rax", "rsi", "rcx", "r11", "memory");
		_exit(v == 0x5678 ? 1 : v == 0x1234 ? 2 : 3);
	}
	wait_stop("first", child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("loaded", child_pid);
	R(PT(PTRACE_GETFPREGS, child_pid, 0, &f));
	X(f.xmm_space[12]);
	X(f.cwd);
	X(f.mxcsr);
	f.xmm_space[12] = 0x5678;
	R(PT(PTRACE_SETFPREGS, child_pid, 0, &f));
	iov.iov_len = sizeof(x);
	R(PT(PTRACE_GETREGSET, child_pid, NT_X86_XSTATE, &iov));
	IS(iov.iov_len >= 576 && iov.iov_len % 8 == 0);
	X(*(unsigned int *)(x + 160 + 48));
	X(*(unsigned long *)(x + 464) & 3); /* XCR0 is where debuggers look for it */
	X(*(unsigned long *)(x + 512) & 3);
	R(PT(PTRACE_SETREGSET, child_pid, NT_X86_XSTATE, &iov));
	f.mxcsr = 0xffffffff;
	R(PT(PTRACE_SETFPREGS, child_pid, 0, &f));
	*(unsigned long *)(x + 512) |= 1ul << 62;
	R(PT(PTRACE_SETREGSET, child_pid, NT_X86_XSTATE, &iov));
	*(unsigned long *)(x + 512) &= ~(1ul << 62);
	*(unsigned long *)(x + 520) = 1ul << 63;
	R(PT(PTRACE_SETREGSET, child_pid, NT_X86_XSTATE, &iov));
	*(unsigned long *)(x + 520) = 0;
	*(unsigned long *)(x + 560) = 1;
	R(PT(PTRACE_SETREGSET, child_pid, NT_X86_XSTATE, &iov));
	iov.iov_len = 512;
	R(PT(PTRACE_SETREGSET, child_pid, NT_X86_XSTATE, &iov));
	iov.iov_len = 256;
	R(PT(PTRACE_SETREGSET, child_pid, NT_PRFPREG, &iov));
	iov.iov_len = 1000;
	R(PT(PTRACE_GETREGSET, child_pid, NT_PRFPREG, &iov));
	V(iov.iov_len);
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("end", child_pid);
}

static void signals(void)
{
	struct __ptrace_peeksiginfo_args { unsigned long long off; unsigned int flags; int nr; } a = {0, 0, 10};
	siginfo_t si[10];
	sigset_t set;
	unsigned long mask, n;

	HEAD("masks and queues");
	TRACEE {
		sigemptyset(&set);
		sigaddset(&set, SIGUSR1);
		sigaddset(&set, SIGRTMIN);
		sigprocmask(SIG_BLOCK, &set, NULL);
		for (int i = 0; i < 3; i++)
			sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
		syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
		__asm__ volatile("int3");
		sigpending(&set);
		_exit(sigismember(&set, SIGUSR1) + 2 * sigismember(&set, SIGRTMIN));
	}
	wait_stop("first", child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("pending", child_pid);
	n = R(PT(PTRACE_PEEKSIGINFO, child_pid, &a, si));
	for (unsigned long i = 0; i < n; i++)
		say("  %s code %d\n", sig_name(si[i].si_signo), si[i].si_code);
	a.flags = 1;
	n = R(PT(PTRACE_PEEKSIGINFO, child_pid, &a, si));
	for (unsigned long i = 0; i < n; i++)
		say("  %s code %d value %d\n", sig_name(si[i].si_signo), si[i].si_code, si[i].si_value.sival_int);
	a.off = 2;
	R(PT(PTRACE_PEEKSIGINFO, child_pid, &a, si));
	V(si[0].si_value.sival_int);
	a.off = 3;
	R(PT(PTRACE_PEEKSIGINFO, child_pid, &a, si));
	a.off = 0;
	R(PT(PTRACE_PEEKSIGINFO, child_pid, &a, 8));
	a.nr = -1;
	R(PT(PTRACE_PEEKSIGINFO, child_pid, &a, si));
	a.nr = 1;
	a.flags = 2;
	R(PT(PTRACE_PEEKSIGINFO, child_pid, &a, si));
	R(PT(PTRACE_PEEKSIGINFO, child_pid, 8, si));
	R(PT(PTRACE_GETSIGMASK, child_pid, 8, &mask));
	X(mask);
	R(PT(PTRACE_GETSIGMASK, child_pid, 4, &mask));
	R(PT(PTRACE_GETSIGMASK, child_pid, 8, 8));
	R(PT(PTRACE_SETSIGMASK, child_pid, 16, &mask));
	R(PT(PTRACE_SETSIGMASK, child_pid, 8, 8));
	mask = ~0ul;
	R(PT(PTRACE_SETSIGMASK, child_pid, 8, &mask));
	R(PT(PTRACE_GETSIGMASK, child_pid, 8, &mask));
	X(mask); /* without SIGKILL and SIGSTOP */
	mask = 1ul << (SIGRTMIN - 1);
	R(PT(PTRACE_SETSIGMASK, child_pid, 8, &mask));
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("unblocked", child_pid);
	HEAD("the siginfo");
	R(PT(PTRACE_GETSIGINFO, child_pid, 0, 8));
	R(PT(PTRACE_SETSIGINFO, child_pid, 0, 8));
	R(PT(PTRACE_GETSIGINFO, child_pid, 0, &si[0]));
	si[0].si_code = 77;
	R(PT(PTRACE_SETSIGINFO, child_pid, 0, &si[0]));
	si[0].si_code = 0;
	R(PT(PTRACE_GETSIGINFO, child_pid, 0, &si[0]));
	V(si[0].si_code);
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("end", child_pid);
}

static void files(void)
{
	char path[64], text[256] = "";
	unsigned long a, v;
	int fd;

	HEAD("/proc");
	TRACEE {
		int fds[2];
		char c;

		pipe(fds);
		read(fds[0], &c, 1);
	}
	wait_stop("first", child_pid);
	/* everything may be written through mem, as through POKEDATA */
	snprintf(path, sizeof(path), "/proc/%d/mem", child_pid);
	fd = NEED(open(path, O_RDWR));
	static const long constant = 1;
	v = 2;
	R(pwrite(fd, &v, sizeof(v), (off_t)(unsigned long)&constant));
	v = 0;
	R(pread(fd, &v, sizeof(v), (off_t)(unsigned long)&constant));
	V(v);
	V(*(volatile const long *)&constant);
	R(pread(fd, &v, sizeof(v), 0));
	close(fd);
	snprintf(path, sizeof(path), "/proc/%d/auxv", child_pid);
	fd = NEED(open(path, O_RDONLY));
	NEED(read(fd, &a, sizeof(a)));
	IS(a != 0);
	close(fd);
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	await_state(child_pid, 'S');
	snprintf(path, sizeof(path), "/proc/%d/syscall", child_pid);
	sscanf(get_file(path), "%255s", text);
	S(text);
	kill(child_pid, SIGKILL);
	wait_stop("end", child_pid);
}

int main(void)
{
	general();
	floating();
	signals();
	files();
	return 0;
}
