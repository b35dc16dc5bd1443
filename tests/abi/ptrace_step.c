// SPDX-License-Identifier: BSD-2-Clause
/* ptrace: single steps, breakpoints in memory and in debug registers, watchpoints. */
#include "trace.h"

#define DEBUGREG(i) (offsetof(struct user, u_debugreg) + 8 * (i))

static volatile long watched;
static volatile int handled;

static void on_sig(int sig)
{
	handled = sig;
}

static unsigned long long pc_of(pid_t pid)
{
	struct user_regs_struct r;

	NEED(PT(PTRACE_GETREGS, pid, 0, &r));
	return r.rip;
}

static unsigned long peek_user(pid_t pid, unsigned long off)
{
	unsigned long v = 0;

	NEED(PT(PTRACE_PEEKUSR, pid, off, &v));
	return v;
}

extern char code[], code_1[], code_2[], code_3[], code_call[], code_after[], code_end[], trap[], trap_1[];
void run_code(void);
void run_trap(void);
__asm__(".text\n.globl run_code, run_trap\n"
	"run_code:\ncode: nop\ncode_1: pushf\ncode_2: pop %rax\ncode_3: mov $39, %eax\ncode_call: syscall\ncode_after: nop\ncode_end: ret\n"
	"run_trap: nop\ntrap: int3\ntrap_1: ret\n");

static const char *place(unsigned long long pc)
{
	static const struct {
		char *at, *name;
	} names[] = {{code, "code"}, {code_1, "1"}, {code_2, "2"}, {code_3, "3"}, {code_call, "call"}, {code_after, "after"},
		{code_end, "end"}, {trap, "trap"}, {trap_1, "trap 1"}, {(char *)on_sig, "handler"}};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if ((unsigned long long)names[i].at == pc)
			return names[i].name;
	return "elsewhere";
}

/* Run to run_code with a breakpoint in a debug register. */
static void to_code(void)
{
	wait_stop("first", child_pid);
	NEED(PT(PTRACE_POKEUSR, child_pid, DEBUGREG(0), code));
	NEED(PT(PTRACE_POKEUSR, child_pid, DEBUGREG(7), 1));
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("code", child_pid);
	say_info(child_pid);
	say("  at %s, dr6 %#lx\n", place(pc_of(child_pid)), peek_user(child_pid, DEBUGREG(6)) & 0xf);
}

static void steps(void)
{
	struct sigaction sa = {.sa_handler = on_sig};
	int st;

	HEAD("steps");
	TRACEE run_code();
	to_code();
	for (int i = 0; i < 7; i++) {
		NEED(PT(PTRACE_SINGLESTEP, child_pid, 0, 0));
		st = wait_stop("  step", child_pid);
		if (!WIFSTOPPED(st))
			return;
		say_info(child_pid);
		struct user_regs_struct r;
		NEED(PT(PTRACE_GETREGS, child_pid, 0, &r));
		say("  at %s, trap flag %d\n", place(r.rip), !!(r.eflags & 0x100));
	}
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("end", child_pid);

	HEAD("a step into a handler");
	sigaction(SIGUSR1, &sa, NULL);
	TRACEE run_code();
	to_code();
	NEED(PT(PTRACE_SINGLESTEP, child_pid, 0, SIGUSR1));
	wait_stop("handler", child_pid);
	say_info(child_pid);
	say("  at %s\n", place(pc_of(child_pid)));
	NEED(PT(PTRACE_SINGLESTEP, child_pid, 0, 0));
	wait_stop("in it", child_pid);
	say_info(child_pid);
	NEED(PT(PTRACE_POKEUSR, child_pid, DEBUGREG(7), 0));
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("end", child_pid);
	signal(SIGUSR1, SIG_DFL);
}

/* On a processor that does not count jumps every instruction is a block. */
static void blocks(void)
{
	unsigned long long pc = (unsigned long)code;
	int st = 0;

	HEAD("blocks");
	TRACEE run_code();
	to_code();
	NEED(PT(PTRACE_POKEUSR, child_pid, DEBUGREG(7), 0));
	for (int i = 0; i < 10 && pc >= (unsigned long)code && pc <= (unsigned long)code_end; i++) {
		NEED(PT(PTRACE_SINGLEBLOCK, child_pid, 0, 0));
		waitpid(child_pid, &st, 0);
		if (!WIFSTOPPED(st) || WSTOPSIG(st) != SIGTRAP)
			return say_status("block", st);
		pc = pc_of(child_pid);
	}
	say_info(child_pid);
	say("  at %s\n", place(pc));
	R(PT(PTRACE_SINGLEBLOCK, child_pid, 0, 65));
	NEED(PT(PTRACE_SINGLESTEP, child_pid, 0, 0));
	wait_stop("step", child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("end", child_pid);
}

static void breakpoints(void)
{
	unsigned long old, w;
	struct user_regs_struct r;

	HEAD("int3");
	TRACEE run_trap();
	wait_stop("first", child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("trap", child_pid);
	say_info(child_pid);
	say("  at %s\n", place(pc_of(child_pid)));
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("end", child_pid);
	HEAD("put into the code");
	TRACEE run_code();
	wait_stop("first", child_pid);
	NEED(PT(PTRACE_PEEKTEXT, child_pid, code_3, &old));
	NEED(PT(PTRACE_POKETEXT, child_pid, code_3, (old & ~0xfful) | 0xcc));
	NEED(PT(PTRACE_PEEKTEXT, child_pid, code_3, &w));
	X(w & 0xff);
	IS((unsigned char)code_3[0] == 0xcc); /* ours is another copy */
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("trap", child_pid);
	NEED(PT(PTRACE_GETREGS, child_pid, 0, &r));
	say("  one behind the place: %s\n", r.rip == (unsigned long)code_3 + 1 ? "yes" : "no");
	NEED(PT(PTRACE_POKETEXT, child_pid, code_3, old));
	r.rip--;
	NEED(PT(PTRACE_SETREGS, child_pid, 0, &r));
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("end", child_pid);
}

static void watchpoints(void)
{
	HEAD("watchpoints");
	TRACEE {
		watched = 1;
		long v = watched;
		watched = v + 1;
		syscall(SYS_getcwd, &watched, 8); /* the kernel's own writes are not seen */
		_exit(7);
	}
	wait_stop("first", child_pid);
	R(PT(PTRACE_POKEUSR, child_pid, DEBUGREG(1), &watched));
	R(PT(PTRACE_POKEUSR, child_pid, DEBUGREG(7), 0x4 | 0xdul << 20)); /* writes of 8... of 4 bytes */
	X(peek_user(child_pid, DEBUGREG(7)));
	IS(peek_user(child_pid, DEBUGREG(1)) == (unsigned long)&watched);
	for (int i = 0; i < 2; i++) {
		long v;

		NEED(PT(PTRACE_CONT, child_pid, 0, 0));
		wait_stop("written", child_pid);
		say_info(child_pid);
		NEED(PT(PTRACE_PEEKDATA, child_pid, &watched, &v));
		V(v);
		X(peek_user(child_pid, DEBUGREG(6)) & 0xf);
		R(PT(PTRACE_POKEUSR, child_pid, DEBUGREG(6), 0));
	}
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("end", child_pid);

	HEAD("refused");
	TRACEE _exit(0);
	wait_stop("first", child_pid);
	X(peek_user(child_pid, DEBUGREG(0)));
	X(peek_user(child_pid, DEBUGREG(4)));
	X(peek_user(child_pid, DEBUGREG(7)));
	R(PT(PTRACE_POKEUSR, child_pid, DEBUGREG(4), 0));
	R(PT(PTRACE_POKEUSR, child_pid, DEBUGREG(5), 0));
	R(PT(PTRACE_POKEUSR, child_pid, DEBUGREG(0), (char *)&watched + 1));
	R(PT(PTRACE_POKEUSR, child_pid, DEBUGREG(7), 1 | 0xdul << 16)); /* not aligned */
	R(PT(PTRACE_POKEUSR, child_pid, DEBUGREG(7), 1 | 0x2ul << 16)); /* I/O */
	R(PT(PTRACE_POKEUSR, child_pid, DEBUGREG(7), 1 | 0xcul << 16)); /* execution of 4 bytes */
	R(PT(PTRACE_POKEUSR, child_pid, DEBUGREG(7), 1));
	R(PT(PTRACE_POKEUSR, child_pid, 3, 0));
	R(PT(PTRACE_POKEUSR, child_pid, sizeof(struct user) + 64, 0));
	R(PT(PTRACE_PEEKUSR, child_pid, sizeof(struct user) + 64, &watched));
	R(PT(PTRACE_PEEKUSR, child_pid, 1, &watched));
	R(PT(PTRACE_PEEKUSR, child_pid, 0, 8));
	R(PT(PTRACE_POKEUSR, child_pid, DEBUGREG(7), 0));
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("end", child_pid);
}

static void *writer(void *arg)
{
	(void)arg;
	watched = 5;
	return NULL;
}

/* Debug registers are a thread's own. */
static void threads(void)
{
	unsigned long tid;

	HEAD("threads");
	TRACEE {
		pthread_t t;

		pthread_create(&t, NULL, writer, NULL);
		pthread_join(t, NULL);
		watched = 6;
		_exit(1);
	}
	wait_stop("first", child_pid);
	NEED(PT(PTRACE_SETOPTIONS, child_pid, 0, PTRACE_O_TRACECLONE));
	NEED(PT(PTRACE_POKEUSR, child_pid, DEBUGREG(0), &watched));
	NEED(PT(PTRACE_POKEUSR, child_pid, DEBUGREG(7), 1 | 0xdul << 16));
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("leader", child_pid);
	NEED(PT(PTRACE_GETEVENTMSG, child_pid, 0, &tid));
	wait_stop("thread", tid);
	X(peek_user(tid, DEBUGREG(0)));
	NEED(PT(PTRACE_CONT, tid, 0, 0));
	wait_stop("thread", tid); /* not its breakpoint */
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("leader", child_pid);
	say_info(child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("leader", child_pid);
}

int main(void)
{
	steps();
	blocks();
	breakpoints();
	watchpoints();
	threads();
	return 0;
}
