// SPDX-License-Identifier: BSD-2-Clause
/* ptrace: who may trace whom, stops before signals, memory, what is refused. */
#include "trace.h"

static volatile long word = 0x1122334455667788;
static const long constant = 0x0102030405060708;
static volatile int handled;

static void on_sig(int sig)
{
	handled = sig;
}

static void errors(void)
{
	long v;
	int st;

	HEAD("errors");
	R(PT(PTRACE_CONT, 1, 0, 0));
	R(PT(PTRACE_CONT, 0, 0, 0));
	R(PT(PTRACE_CONT, -1, 0, 0));
	R(PT(PTRACE_ATTACH, getpid(), 0, 0));
	R(PT(PTRACE_ATTACH, 999999, 0, 0));
	R(PT(PTRACE_SEIZE, getpid(), 1, 0));
	R(PT(PTRACE_SEIZE, getpid(), 0, 0x1000000));
	R(PT(PTRACE_PEEKDATA, getpid(), &word, &v));
	CHILD pause();
	R(PT(PTRACE_CONT, child_pid, 0, 0));
	R(PT(PTRACE_KILL, child_pid, 0, 0));
	R(PT(PTRACE_INTERRUPT, child_pid, 0, 0));
	R(PT(PTRACE_SEIZE, child_pid, 0, PTRACE_O_MASK + 1));
	OK(PT(PTRACE_SEIZE, child_pid, 0, 0));
	R(PT(PTRACE_SEIZE, child_pid, 0, 0));
	R(PT(PTRACE_ATTACH, child_pid, 0, 0));
	R(PT(PTRACE_CONT, child_pid, 0, 0)); /* it runs */
	R(PT(PTRACE_PEEKDATA, child_pid, &word, &v));
	R(PT(PTRACE_LISTEN, child_pid, 0, 0));
	R(PT(PTRACE_DETACH, child_pid, 0, 0));
	kill(child_pid, SIGKILL);
	waitpid(child_pid, &st, 0);
	say_stop("killed", st);
	R(PT(PTRACE_CONT, child_pid, 0, 0));
	R(prctl(PR_SET_PTRACER, 1, 0, 0, 0));
	CHILD {
		R(PT(PTRACE_TRACEME, 0, 0, 0));
		R(PT(PTRACE_TRACEME, 0, 0, 0));
		_exit(3);
	}
	wait_stop("traceme", child_pid);
}

static void in_stop(void)
{
	unsigned long v;
	char path[64];

	HEAD("in a stop");
	TRACEE _exit(word == 77 && constant == 99 ? 7 : 8);
	wait_stop("first", child_pid);
	say_info(child_pid);
	say("state %c\n", task_state(child_pid));
	snprintf(path, sizeof(path), "/proc/%d/status", child_pid);
	const char *s = strstr(get_file(path), "TracerPid:\t");
	say("tracer is me: %s\n", s && atoi(s + 11) == getpid() ? "yes" : "no");
	R(PT(PTRACE_PEEKDATA, child_pid, &word, &v));
	X(v);
	R(PT(PTRACE_PEEKTEXT, child_pid, (char *)&word + 1, &v));
	R(PT(PTRACE_PEEKDATA, child_pid, 0, &v));
	R(PT(PTRACE_PEEKDATA, child_pid, &word, 8));
	R(PT(PTRACE_PEEKDATA, child_pid, 0xffffffff80000000, &v));
	R(PT(PTRACE_POKEDATA, child_pid, &word, 77));
	R(PT(PTRACE_POKEDATA, child_pid, 0, 77));
	R(PT(PTRACE_POKEDATA, child_pid, &constant, 99)); /* read-only, private: copied */
	X(word);
	X(*(volatile const long *)&constant);
	R(PT(PTRACE_PEEKDATA, child_pid, &constant, &v));
	V(v);
	R(PT(PTRACE_CONT, child_pid, 0, 65));
	R(PT(PTRACE_SYSCALL, child_pid, 0, -1));
	R(PT(PTRACE_DETACH, child_pid, 0, 65));
	R(PT(PTRACE_INTERRUPT, child_pid, 0, 0)); /* not seized */
	R(PT(PTRACE_LISTEN, child_pid, 0, 0));
	R(PT(PTRACE_SETOPTIONS, child_pid, 0, PTRACE_O_MASK + 1));
	R(PT(PTRACE_SETOPTIONS, child_pid, 0, 0x400000));
	R(PT(PTRACE_GETEVENTMSG, child_pid, 0, 8));
	R(PT(PTRACE_GETEVENTMSG, child_pid, 0, &v));
	V(v);
	R(PT(0x7777, child_pid, 0, 0));
	R(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("end", child_pid);
}

static void signals(void)
{
	struct sigaction sa = {.sa_handler = on_sig};

	HEAD("signals");
	sigaction(SIGUSR1, &sa, NULL);
	signal(SIGUSR2, SIG_IGN);
	TRACEE {
		raise(SIGUSR1); /* delivered */
		say("handled %s\n", sig_name(handled));
		handled = 0;
		raise(SIGUSR1); /* suppressed */
		V(handled);
		raise(SIGUSR2); /* ignored, and seen all the same */
		raise(SIGCHLD);
		raise(SIGTERM); /* turned into SIGUSR1 */
		say("handled %s\n", sig_name(handled));
		sigset_t set;
		sigemptyset(&set);
		sigaddset(&set, SIGTERM);
		sigprocmask(SIG_BLOCK, &set, NULL);
		raise(SIGUSR2); /* turned into SIGTERM, which is blocked */
		sigpending(&set);
		IS(sigismember(&set, SIGTERM));
		raise(SIGSEGV);
	}
	wait_stop("first", child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("deliver", child_pid);
	say_info(child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, SIGUSR1));
	wait_stop("suppress", child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("ignored", child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, SIGUSR2));
	wait_stop("ignored by default", child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, SIGCHLD));
	wait_stop("other", child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, SIGUSR1));
	wait_stop("other", child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, SIGTERM));
	wait_stop("fatal", child_pid);
	say_info(child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, SIGSEGV));
	wait_stop("end", child_pid);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
}

static void kills(void)
{
	int st;

	HEAD("kill");
	TRACEE pause();
	wait_stop("first", child_pid);
	R(kill(child_pid, SIGTERM)); /* must wait for the tracer */
	R(PT(PTRACE_KILL, child_pid, 0, 0));
	wait_stop("killed in a stop", child_pid);
	TRACEE {
		for (;;)
			;
	}
	wait_stop("first", child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	kill(child_pid, SIGTERM);
	wait_stop("term", child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	kill(child_pid, SIGKILL);
	wait_stop("killed", child_pid);
	R(waitpid(child_pid, &st, 0));
	TRACEE _exit(0);
	wait_stop("first", child_pid);
	R(PT(PTRACE_DETACH, child_pid, 0, SIGABRT));
	wait_stop("detached with a signal", child_pid);
}

static void waits(void)
{
	siginfo_t si;

	HEAD("waitid");
	TRACEE _exit(5);
	/* a ptrace-stop is seen whether it was asked for or not */
	memset(&si, 0, sizeof(si));
	R(waitid(P_PID, child_pid, &si, WEXITED | WNOWAIT));
	say("code %d status %d\n", si.si_code == CLD_TRAPPED, si.si_status);
	memset(&si, 0, sizeof(si));
	R(waitid(P_PID, child_pid, &si, WEXITED));
	say("code %d status %d\n", si.si_code == CLD_TRAPPED, si.si_status);
	memset(&si, 0, sizeof(si));
	R(waitid(P_PID, child_pid, &si, WSTOPPED | WNOHANG));
	V(si.si_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	memset(&si, 0, sizeof(si));
	R(waitid(P_PID, child_pid, &si, WEXITED | WNOWAIT));
	say("exited %d status %d\n", si.si_code == CLD_EXITED, si.si_status);
	R(waitid(P_PID, child_pid, &si, WSTOPPED | WNOHANG));
	wait_stop("end", child_pid);
}

int main(void)
{
	errors();
	in_stop();
	signals();
	kills();
	waits();
	return 0;
}
