// SPDX-License-Identifier: BSD-2-Clause
/* Signals: actions, masks, nesting, flags, alternate stacks, pending sets, kill permission. */
#include "abi.h"
#include <ucontext.h>

static volatile sig_atomic_t count, depth, max_depth, order[16], norder;
static char alt[32768] __attribute__((aligned(16)));

static void note(int sig)
{
	count++;
	if (norder < 16)
		order[norder++] = sig;
}

static void show_order(const char *what)
{
	say("%s:", what);
	for (int i = 0; i < norder; i++)
		say(" %s", sig_name(order[i]));
	say("\n");
	norder = 0;
}

static void nest(int sig)
{
	depth++;
	if (depth > max_depth)
		max_depth = depth;
	if (count++ < 3)
		raise(sig);
	depth--;
}

static void handlers(void)
{
	struct sigaction sa, old;

	HEAD("sigaction");
	R(sigaction(SIGUSR1, NULL, &old));
	IS(old.sa_handler == SIG_DFL);
	V(old.sa_flags);
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = note;
	sa.sa_flags = SA_RESTART | SA_NODEFER | SA_NOCLDSTOP;
	sigaddset(&sa.sa_mask, SIGUSR2);
	sigaddset(&sa.sa_mask, SIGKILL);
	R(sigaction(SIGUSR1, &sa, NULL));
	R(sigaction(SIGUSR1, NULL, &old));
	IS(old.sa_handler == note);
	X(old.sa_flags & ~0x04000000);
	V(sigismember(&old.sa_mask, SIGUSR2));
	V(sigismember(&old.sa_mask, SIGKILL));
	R(sigaction(SIGKILL, &sa, NULL));
	R(sigaction(SIGSTOP, &sa, NULL));
	R(sigaction(SIGKILL, NULL, &old));
	R(sigaction(0, NULL, &old));
	R(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8));
	R(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4));
	R(syscall(SYS_rt_sigaction, SIGUSR1, (void *)8, NULL, 8));
	R(syscall(SYS_rt_sigaction, SIGUSR1, NULL, (void *)8, 8));
	R(raise(SIGUSR1));
	V(count);
	on_signal(SIGUSR1, note, SA_RESETHAND);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &old);
	IS(old.sa_handler == SIG_DFL);

	HEAD("nesting");
	count = 0;
	on_signal(SIGUSR1, nest, 0);
	raise(SIGUSR1);
	V(max_depth);
	V(count);
	count = max_depth = 0;
	on_signal(SIGUSR1, nest, SA_NODEFER);
	raise(SIGUSR1);
	V(max_depth);
	V(count);
}

static void masks(void)
{
	sigset_t s, old, pend;

	HEAD("masks and pending");
	count = 0;
	on_signal(SIGUSR1, note, 0);
	on_signal(SIGUSR2, note, 0);
	on_signal(SIGRTMIN, note, 0);
	on_signal(SIGRTMIN + 1, note, 0);
	on_signal(SIGTERM, note, 0);
	sigfillset(&s);
	R(sigprocmask(SIG_BLOCK, &s, &old));
	R(sigprocmask(SIG_BLOCK, NULL, &s));
	V(sigismember(&s, SIGKILL));
	V(sigismember(&s, SIGSTOP));
	V(sigismember(&s, SIGUSR1));
	raise(SIGRTMIN + 1);
	raise(SIGRTMIN);
	raise(SIGRTMIN + 1);
	raise(SIGUSR2);
	raise(SIGUSR1);
	raise(SIGUSR1);
	kill(getpid(), SIGTERM);
	sigpending(&pend);
	V(sigismember(&pend, SIGUSR1) + sigismember(&pend, SIGUSR2) + sigismember(&pend, SIGTERM));
	V(count);
	R(sigprocmask(SIG_SETMASK, &old, NULL));
	show_order("delivered");
	R(sigprocmask(77, &s, NULL));
	R(sigprocmask(77, NULL, &s));
	R(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &s, NULL, 16));
	R(syscall(SYS_rt_sigprocmask, SIG_BLOCK, (void *)8, NULL, 8));
	R(syscall(SYS_rt_sigpending, &s, 16));
	R(syscall(SYS_rt_sigpending, (void *)-4096l, 8));
	/* Ignoring a pending signal discards it. */
	s = sig_set(SIGUSR1);
	sigprocmask(SIG_BLOCK, &s, NULL);
	raise(SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	on_signal(SIGUSR1, note, 0);
	sigpending(&pend);
	V(sigismember(&pend, SIGUSR1));
	/* SIGCONT discards pending stops, and the other way round. */
	sigaddset(&s, SIGTSTP);
	sigaddset(&s, SIGCONT);
	sigprocmask(SIG_BLOCK, &s, NULL);
	raise(SIGTSTP);
	raise(SIGCONT);
	sigpending(&pend);
	say("TSTP %d CONT %d\n", sigismember(&pend, SIGTSTP), sigismember(&pend, SIGCONT));
	raise(SIGTSTP);
	sigpending(&pend);
	say("TSTP %d CONT %d\n", sigismember(&pend, SIGTSTP), sigismember(&pend, SIGCONT));
	raise(SIGCONT);
	signal(SIGCONT, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &s, NULL);
	HEAD("sigsuspend");
	s = sig_set(SIGUSR1);
	sigprocmask(SIG_BLOCK, &s, NULL);
	raise(SIGUSR1);
	count = 0;
	sigset_t none = sig_set(0);
	R(sigsuspend(&none));
	V(count);
	sigprocmask(SIG_BLOCK, NULL, &old);
	V(sigismember(&old, SIGUSR1));
	R(syscall(SYS_rt_sigsuspend, &none, 4));
	R(syscall(SYS_rt_sigsuspend, (void *)8, 8));
	sigprocmask(SIG_UNBLOCK, &s, NULL);
	CHILD {
		on_signal(SIGUSR1, note, 0);
		R(pause());
	}
	await_state(child_pid, 'S');
	kill(child_pid, SIGUSR1);
	REAP("pause");
}

static volatile sig_atomic_t in_mask, on_alt, alt_flags;

static void see_mask(int sig)
{
	sigset_t s;
	stack_t ss;
	char here;

	(void)sig;
	sigprocmask(SIG_BLOCK, NULL, &s);
	in_mask = sigismember(&s, SIGUSR1) | sigismember(&s, SIGUSR2) << 1;
	on_alt = &here >= alt && &here < alt + sizeof(alt);
	sigaltstack(NULL, &ss);
	alt_flags = ss.ss_flags;
}

static void change_mask(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	sigaddset(&((ucontext_t *)uc)->uc_sigmask, SIGUSR2);
}

static void overflow_handler(int sig)
{
	(void)sig;
	say("overflow handled on the alternate stack\n");
	_exit(3);
}

static int recurse(volatile int *depth_left)
{
	volatile char pad[4096];

	pad[0] = 1;
	--*depth_left;
	return *depth_left ? recurse(depth_left) + pad[0] : 0;
}

static void overflow(void)
{
	volatile int forever = INT_MAX;

	recurse(&forever);
}

static void stacks(void)
{
	struct sigaction sa = {.sa_handler = see_mask};
	stack_t ss = {.ss_sp = alt, .ss_size = sizeof(alt)}, old;

	HEAD("mask during a handler");
	sigaddset(&sa.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	V(in_mask);
	sa.sa_flags = SA_NODEFER;
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	V(in_mask);
	on_siginfo(SIGUSR1, change_mask, 0);
	raise(SIGUSR1);
	sigset_t now;
	sigprocmask(SIG_BLOCK, NULL, &now);
	V(sigismember(&now, SIGUSR2));
	now = sig_set(0);
	sigprocmask(SIG_SETMASK, &now, NULL);

	HEAD("alternate stack");
	R(sigaltstack(NULL, &old));
	X(old.ss_flags);
	R(sigaltstack(&ss, NULL));
	sa.sa_flags = 0;
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	say("without SA_ONSTACK: on %d flags %#x\n", on_alt, alt_flags);
	sa.sa_flags = SA_ONSTACK;
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	say("with SA_ONSTACK: on %d flags %#x\n", on_alt, alt_flags);
	ss.ss_size = 100;
	R(sigaltstack(&ss, NULL));
	ss.ss_size = sizeof(alt);
	ss.ss_flags = 0x100;
	R(sigaltstack(&ss, NULL));
	ss.ss_flags = (int)(1u << 31);
	R(sigaltstack(&ss, NULL));
	raise(SIGUSR1);
	say("autodisarm: on %d flags %#x\n", on_alt, alt_flags);
	sigaltstack(NULL, &old);
	X(old.ss_flags);
	ss.ss_flags = SS_DISABLE;
	R(sigaltstack(&ss, &old));
	R(sigaltstack((void *)8, NULL));
	CHILD {
		ss.ss_flags = 0;
		sigaltstack(&ss, NULL);
		struct rlimit rl = {1 << 20, 1 << 20};
		setrlimit(RLIMIT_STACK, &rl);
		on_signal(SIGSEGV, overflow_handler, SA_ONSTACK);
		overflow();
	}
	REAP("stack overflow");
	CHILD {
		struct rlimit rl = {1 << 20, 1 << 20};
		setrlimit(RLIMIT_STACK, &rl);
		on_signal(SIGSEGV, overflow_handler, 0);
		overflow();
	}
	REAP("stack overflow without alternate stack");
}

static void permissions(void)
{
	HEAD("kill permission");
	CHILD {
		setpgid(0, 0);
		become(1000);
		pause();
	}
	pid_t user = child_pid;
	await_state(user, 'S');
	CHILD {
		setpgid(0, 0);
		pause();
	}
	pid_t root = child_pid;
	await_state(root, 'S');
	CHILD {
		become(1000);
		R(kill(root, 0));
		R(kill(root, SIGTERM));
		R(kill(user, 0));
		R(kill(1, 0));
		R(syscall(SYS_tgkill, root, root, 0));
	}
	REAP("user 1000");
	CHILD {
		become(1001);
		R(kill(user, 0));
		R(kill(user, SIGCONT));
	}
	REAP("user 1001");
	CHILD {
		NEED(setresuid(-1, 1000, -1));
		R(kill(user, 0));
		R(kill(root, 0));
	}
	REAP("effective 1000, real 0");
	CHILD {
		NEED(setresuid(1000, 5, 5));
		R(kill(user, 0));
		R(kill(root, 0));
	}
	REAP("real 1000, effective 5");
	kill(user, SIGKILL);
	kill(root, SIGKILL);
	reap_pid("user's", user);
	reap_pid("root's", root);
}

int main(void)
{
	handlers();
	masks();
	stacks();
	permissions();
	return 0;
}
