// SPDX-License-Identifier: BSD-2-Clause
/* System calls that a program gets back (PR_SET_SYSCALL_USER_DISPATCH), by prctl and by ptrace. */
#include "trace.h"
#include <linux/prctl.h>
#include <ucontext.h>

#define SUD(mode, off, len, sel) prctl(PR_SET_SYSCALL_USER_DISPATCH, mode, off, len, sel)

static volatile char selector;
static volatile int caught, code, number, error;

static void on_sys(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	caught++;
	code = si->si_code;
	number = si->si_syscall;
	error = si->si_errno;
	selector = SYSCALL_DISPATCH_FILTER_ALLOW;
}

static void arguments(void)
{
	HEAD("arguments");
	R(SUD(-1, 0, 0, 0));
	R(SUD(2, 0, 0, 0));
	R(SUD(PR_SYS_DISPATCH_OFF, 1, 0, 0));
	R(SUD(PR_SYS_DISPATCH_OFF, 0, 1, 0));
	R(SUD(PR_SYS_DISPATCH_OFF, 0, 0, &selector));
	R(SUD(PR_SYS_DISPATCH_OFF, 0, 0, 0));
	R(SUD(PR_SYS_DISPATCH_ON, 1, 0, &selector));
	R(SUD(PR_SYS_DISPATCH_ON, -1l, 0, &selector));
	R(SUD(PR_SYS_DISPATCH_ON, 1, -1l, &selector));
	R(SUD(PR_SYS_DISPATCH_ON, -1l, 1, &selector));
	R(SUD(PR_SYS_DISPATCH_ON, 0, 1, (void *)-1l));
}

static void given_back(void)
{
	HEAD("given back");
	on_siginfo(SIGSYS, on_sys, 0);
	selector = SYSCALL_DISPATCH_FILTER_ALLOW;
	R(SUD(PR_SYS_DISPATCH_ON, 0, 0, &selector));
	long before = syscall(SYS_getppid) > 0;
	selector = SYSCALL_DISPATCH_FILTER_BLOCK;
	long r = syscall(0x1234);

	say("before %ld; result %#lx, caught %d, code %d, number %#x, error %d\n", before, r, caught, code, number, error);
	CHILD {
		/* It is not inherited. */
		selector = SYSCALL_DISPATCH_FILTER_BLOCK;
		say("child: %d\n", syscall(SYS_getpid) > 0);
	}
	REAP("fork");
	R(SUD(PR_SYS_DISPATCH_OFF, 0, 0, 0));
	selector = SYSCALL_DISPATCH_FILTER_BLOCK;
	R(syscall(0x1234));
	/* The whole of memory may call: nobody asks the selector. */
	CHILD {
		R(SUD(PR_SYS_DISPATCH_ON, 0, -1l, &selector));
		selector = SYSCALL_DISPATCH_FILTER_BLOCK;
		R(syscall(0x1234));
	}
	REAP("range");
	CHILD {
		SUD(PR_SYS_DISPATCH_ON, 0, 0, &selector);
		selector = 7;
		getppid();
	}
	REAP("bad selector");
	CHILD {
		SUD(PR_SYS_DISPATCH_ON, 0, 0, 8);
		getppid();
	}
	REAP("selector nowhere");
	CHILD {
		signal(SIGSYS, SIG_IGN);
		SUD(PR_SYS_DISPATCH_ON, 0, 0, 0);
		getppid();
	}
	REAP("ignored");
}

static void by_tracer(void)
{
	struct ptrace_sud_config c;
	int st;

	HEAD("by a tracer");
	CHILD {
		PT(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		getppid();
	}
	waitpid(child_pid, &st, 0);
	memset(&c, 0xff, sizeof(c));
	R(PT(PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, child_pid, sizeof(c), &c));
	say("%llu %llu %llu %llu\n", (long long)c.mode, (long long)c.selector, (long long)c.offset, (long long)c.len);
	R(PT(PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, child_pid, sizeof(c) - 1, &c));
	R(PT(PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, child_pid, sizeof(c), 8));
	R(PT(PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG, child_pid, sizeof(c) + 1, &c));
	R(PT(PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG, child_pid, sizeof(c), 8));
	c = (struct ptrace_sud_config){.mode = 5};
	R(PT(PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG, child_pid, sizeof(c), &c));
	c = (struct ptrace_sud_config){.mode = PR_SYS_DISPATCH_ON, .offset = 0x1000, .len = 0x2000};
	R(PT(PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG, child_pid, sizeof(c), &c));
	memset(&c, 0, sizeof(c));
	R(PT(PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, child_pid, sizeof(c), &c));
	say("%llu %llu %llu %llu\n", (long long)c.mode, (long long)c.selector, (long long)c.offset, (long long)c.len);
	signal(SIGSYS, SIG_DFL);
	R(PT(PTRACE_CONT, child_pid, 0, 0));
	waitpid(child_pid, &st, 0);
	say_stop("goes on", st);
	kill(child_pid, SIGKILL);
	waitpid(child_pid, &st, 0);
}

int main(void)
{
	arguments();
	given_back();
	by_tracer();
	return 0;
}
