// SPDX-License-Identifier: BSD-2-Clause
/* ptrace: system calls seen, changed, left out and emulated. */
#include "trace.h"

static struct user_regs_struct regs_of(pid_t pid)
{
	struct user_regs_struct r;

	NEED(PT(PTRACE_GETREGS, pid, 0, &r));
	return r;
}

/* An argument that is neither an address nor what somebody left in the register. */
static long long number(unsigned long long v)
{
	return v < 10000 ? (long long)v : -1;
}

static void say_call(pid_t pid)
{
	struct ptrace_syscall_info info;
	struct user_regs_struct r = regs_of(pid);

	memset(&info, 0xff, sizeof(info));
	long n = PT(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info);
	say("  info %ld: op %d arch %x, pc and stack as in the registers: %d\n", n, info.op, info.arch,
		info.instruction_pointer == r.rip && info.stack_pointer == r.rsp);
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		say("  entry %llu (%lld %lld %lld) rax %lld\n", info.entry.nr, number(info.entry.args[0]), number(info.entry.args[1]),
			number(info.entry.args[2]), (long long)r.rax);
	if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		say("  exit %lld error %d, orig %lld\n", (long long)info.exit.rval, info.exit.is_error, (long long)r.orig_rax);
}

static int next(long request, int sig)
{
	NEED(PT(request, child_pid, 0, sig));
	return wait_stop("  stop", child_pid);
}

static void see(void)
{
	struct ptrace_syscall_info info;

	HEAD("seen");
	TRACEE {
		syscall(SYS_getpriority, 1, 2, 3);
		syscall(SYS_close, 77);
		syscall(9999, 1, 2, 3);
		syscall(SYS_exit_group, 4);
	}
	wait_stop("first", child_pid);
	say_call(child_pid);
	next(PTRACE_SYSCALL, 0); /* the end of tgkill, without the option */
	say_info(child_pid);
	say_call(child_pid);
	R(PT(PTRACE_SETOPTIONS, child_pid, 0, PTRACE_O_TRACESYSGOOD));
	for (int st = next(PTRACE_SYSCALL, 0); WIFSTOPPED(st); st = next(PTRACE_SYSCALL, 0)) {
		/* what raise() does around the call is its own business */
		if (regs_of(child_pid).orig_rax == SYS_rt_sigprocmask)
			continue;
		say_info(child_pid);
		say_call(child_pid);
		R(PT(PTRACE_GET_SYSCALL_INFO, child_pid, 8, &info));
		R(PT(PTRACE_GET_SYSCALL_INFO, child_pid, 100, 8));
	}
}

static void change(void)
{
	struct user_regs_struct r;

	HEAD("changed");
	TRACEE {
		R(syscall(SYS_getpriority, 0, 0, 0));
		R(syscall(SYS_getpriority, 0, 0, 0));
		R(syscall(SYS_getpriority, 0, 0, 0));
		R(syscall(SYS_getpriority, 0, 0, 0));
	}
	wait_stop("first", child_pid);
	NEED(PT(PTRACE_SETOPTIONS, child_pid, 0, PTRACE_O_TRACESYSGOOD));
	for (int i = 0; i < 4;) {
		NEED(PT(PTRACE_SYSCALL, child_pid, 0, 0));
		int st;
		waitpid(child_pid, &st, __WALL);
		r = regs_of(child_pid);
		if (r.orig_rax != SYS_getpriority)
			continue;
		if (i == 0) {
			r.orig_rax = SYS_close; /* another call */
			r.rdi = 55;
		} else if (i == 1) {
			r.orig_rax = -1; /* none */
		} else if (i == 2) {
			r.orig_rax = -1;
			r.rax = 1234; /* none, with a result */
		}
		NEED(PT(PTRACE_SETREGS, child_pid, 0, &r));
		NEED(PT(PTRACE_SYSCALL, child_pid, 0, 0));
		waitpid(child_pid, &st, __WALL);
		say_call(child_pid);
		if (i == 3) {
			r = regs_of(child_pid);
			r.rax = 4321; /* another result */
			NEED(PT(PTRACE_SETREGS, child_pid, 0, &r));
		}
		i++;
	}
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("end", child_pid);
}

static void emulate(void)
{
	struct user_regs_struct r;

	HEAD("emulated");
	TRACEE {
		long v = syscall(SYS_getpriority, 0, 0, 0);
		_exit(v == 42 ? 11 : 12);
	}
	wait_stop("first", child_pid);
	NEED(PT(PTRACE_SETOPTIONS, child_pid, 0, PTRACE_O_TRACESYSGOOD));
	for (int n = 0; n < 100; n++) {
		int st;

		NEED(PT(n % 2 ? PTRACE_SYSEMU : PTRACE_SYSEMU_SINGLESTEP, child_pid, 0, 0));
		waitpid(child_pid, &st, __WALL);
		if (!WIFSTOPPED(st) || WSTOPSIG(st) != (SIGTRAP | 0x80))
			continue;
		r = regs_of(child_pid);
		if (r.orig_rax == SYS_exit_group)
			break;
		if (r.orig_rax != SYS_getpriority)
			continue;
		say_call(child_pid);
		r.rax = 42;
		NEED(PT(PTRACE_SETREGS, child_pid, 0, &r));
	}
	say("leaves with %lld\n", (long long)regs_of(child_pid).rdi);
	/* even that can be left out */
	NEED(PT(PTRACE_CONT, child_pid, 0, SIGKILL));
	wait_stop("end", child_pid);
}

static volatile int handled;

static void on_sig(int sig)
{
	handled = sig;
}

static void restarts(void)
{
	struct sigaction sa = {.sa_handler = on_sig};
	int fds[2], st;
	char c;

	HEAD("restarts");
	NEED(pipe(fds));
	sigaction(SIGUSR1, &sa, NULL);
	sa.sa_flags = SA_RESTART;
	sigaction(SIGUSR2, &sa, NULL);
	CHILD {
		struct timespec ts = {20, 0};

		close(fds[1]);
		R(read(fds[0], &c, 1));
		V(handled);
		R(read(fds[0], &c, 1));
		R(nanosleep(&ts, NULL));
	}
	await_state(child_pid, 'S');
	NEED(PT(PTRACE_SEIZE, child_pid, 0, PTRACE_O_TRACESYSGOOD));
	kill(child_pid, SIGUSR1);
	wait_stop("signal", child_pid);
	struct user_regs_struct r = regs_of(child_pid);
	say("  rax %lld orig %lld\n", (long long)r.rax, (long long)r.orig_rax);
	next(PTRACE_SYSCALL, 0); /* suppressed: made again, seen from its start */
	say_call(child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	await_state(child_pid, 'S');
	kill(child_pid, SIGUSR2);
	wait_stop("signal", child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, SIGUSR2));
	await_state(child_pid, 'S');
	kill(child_pid, SIGUSR1);
	wait_stop("signal", child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, SIGUSR1)); /* EINTR */
	await_state(child_pid, 'S');
	sleep_ms(50);
	write(fds[1], "x", 1);
	sleep_ms(50);
	await_state(child_pid, 'S'); /* in nanosleep */
	NEED(PT(PTRACE_INTERRUPT, child_pid, 0, 0));
	wait_stop("interrupted", child_pid);
	r = regs_of(child_pid);
	say("  rax %lld\n", (long long)r.rax);
	next(PTRACE_SYSCALL, 0);
	say("  orig is restart_syscall: %d\n", regs_of(child_pid).orig_rax == SYS_restart_syscall);
	kill(child_pid, SIGKILL);
	waitpid(child_pid, &st, 0);
	say_stop("end", st);
}

int main(void)
{
	see();
	change();
	emulate();
	restarts();
	return 0;
}
