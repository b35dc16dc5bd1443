// SPDX-License-Identifier: BSD-2-Clause
/* ptrace: attaching, seizing, interrupting, listening; job control seen by tracers and parents. */
#include "trace.h"

static void spin(void)
{
	for (;;)
		sleep_ms(50);
}

static void attach_running(void)
{
	HEAD("attach");
	CHILD spin();
	R(PT(PTRACE_ATTACH, child_pid, 0, 0));
	wait_stop("attached", child_pid);
	say_info(child_pid);
	R(PT(PTRACE_DETACH, child_pid, 0, 0));
	R(PT(PTRACE_ATTACH, child_pid, 0, 0));
	wait_stop("again", child_pid);
	kill(child_pid, SIGUSR1);
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("signal", child_pid);
	R(PT(PTRACE_DETACH, child_pid, 0, SIGKILL));
	wait_stop("end", child_pid);
}

static void attach_stopped(void)
{
	int st;

	HEAD("attach to one that is stopped");
	CHILD spin();
	kill(child_pid, SIGSTOP);
	waitpid(child_pid, &st, WUNTRACED);
	say("state %c\n", task_state(child_pid));
	R(PT(PTRACE_ATTACH, child_pid, 0, 0));
	say("state %c\n", task_state(child_pid));
	R(waitpid(child_pid, &st, WNOHANG) == child_pid);
	say_stop("now", st);
	say_info(child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("then", child_pid);
	say_info(child_pid);
	/* detached, it is stopped again */
	R(PT(PTRACE_DETACH, child_pid, 0, SIGSTOP));
	await_state(child_pid, 'T');
	kill(child_pid, SIGCONT);
	await_state(child_pid, 'S');
	kill(child_pid, SIGKILL);
	wait_stop("end", child_pid);

	HEAD("seize one that is stopped");
	CHILD spin();
	kill(child_pid, SIGSTOP);
	waitpid(child_pid, &st, WUNTRACED);
	R(PT(PTRACE_SEIZE, child_pid, 0, 0));
	wait_stop("seized", child_pid);
	say_info(child_pid);
	R(PT(PTRACE_DETACH, child_pid, 0, 0));
	await_state(child_pid, 'T');
	kill(child_pid, SIGKILL);
	wait_stop("end", child_pid);
}

static void interrupt(void)
{
	struct timespec ts = {30, 0};
	int st;

	HEAD("interrupt");
	CHILD {
		/* a call that is interrupted by a tracer goes on */
		R(nanosleep(&ts, NULL));
	}
	await_state(child_pid, 'S');
	NEED(PT(PTRACE_SEIZE, child_pid, 0, 0));
	R(waitpid(child_pid, &st, WNOHANG | __WALL));
	for (int i = 0; i < 2; i++) {
		R(PT(PTRACE_INTERRUPT, child_pid, 0, 0));
		wait_stop("interrupted", child_pid);
		say_info(child_pid);
		R(PT(PTRACE_CONT, child_pid, 0, 0));
		await_state(child_pid, 'S');
	}
	R(PT(PTRACE_INTERRUPT, child_pid, 0, 0));
	wait_stop("interrupted", child_pid);
	R(PT(PTRACE_INTERRUPT, child_pid, 0, 0)); /* while stopped: another stop follows */
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("again", child_pid);
	R(PT(PTRACE_LISTEN, child_pid, 0, 0));
	say("state %c\n", task_state(child_pid));
	R(waitpid(child_pid, &st, WNOHANG | __WALL));
	R(PT(PTRACE_CONT, child_pid, 0, 0));
	R(PT(PTRACE_INTERRUPT, child_pid, 0, 0));
	wait_stop("out of listening", child_pid);
	R(PT(PTRACE_KILL, child_pid, 0, 0));
	wait_stop("end", child_pid);
}

static void group_stop(void)
{
	int st;

	HEAD("group stop, seized");
	CHILD spin();
	NEED(PT(PTRACE_SEIZE, child_pid, 0, 0));
	kill(child_pid, SIGTSTP);
	wait_stop("signal", child_pid);
	say_info(child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, SIGTSTP));
	wait_stop("group", child_pid);
	say_info(child_pid);
	R(PT(PTRACE_LISTEN, child_pid, 0, 0));
	R(waitpid(child_pid, &st, WNOHANG | __WALL));
	kill(child_pid, SIGCONT);
	wait_stop("continued", child_pid);
	say_info(child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("SIGCONT", child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, SIGCONT));
	await_state(child_pid, 'S');
	kill(child_pid, SIGKILL);
	wait_stop("end", child_pid);

	HEAD("group stop, attached");
	TRACEE spin();
	wait_stop("first", child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, SIGSTOP));
	wait_stop("group", child_pid);
	say_info(child_pid);
	kill(child_pid, SIGCONT); /* it is the tracer who lets it go */
	say("state %c\n", task_state(child_pid));
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("SIGCONT", child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, SIGCONT));
	await_state(child_pid, 'S');
	kill(child_pid, SIGKILL);
	wait_stop("end", child_pid);
	HEAD("SIGCONT while SIGSTOP is looked at");
	TRACEE spin();
	wait_stop("first", child_pid);
	kill(child_pid, SIGCONT);
	NEED(PT(PTRACE_CONT, child_pid, 0, SIGSTOP));
	wait_stop("SIGCONT", child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, SIGCONT));
	await_state(child_pid, 'S');
	kill(child_pid, SIGKILL);
	wait_stop("end", child_pid);
}

/* Another process traces our child: we see its stops by job control only, and its end when the tracer has. */
static void stranger(void)
{
	int to[2], from[2], st;
	char c = 0;
	pid_t kid, tracer;

	HEAD("a tracer that is not the parent");
	NEED(pipe(to));
	NEED(pipe(from));
	kid = NEED(fork());
	if (!kid)
		spin();
	tracer = NEED(fork());
	if (!tracer) {
		NEED(PT(PTRACE_SEIZE, kid, 0, 0));
		write(from[1], "a", 1);
		wait_stop("tracer", kid); /* SIGSTOP */
		NEED(PT(PTRACE_CONT, kid, 0, SIGSTOP));
		wait_stop("tracer", kid); /* group stop */
		write(from[1], "b", 1);
		read(to[0], &c, 1);
		kill(kid, SIGKILL);
		siginfo_t si;
		R(waitid(P_PID, kid, &si, WEXITED | WNOWAIT));
		write(from[1], "c", 1);
		read(to[0], &c, 1);
		wait_stop("tracer", kid);
		R(waitpid(kid, &st, __WALL));
		_exit(0);
	}
	read(from[0], &c, 1);
	kill(kid, SIGSTOP);
	read(from[0], &c, 1);
	R(waitpid(kid, &st, WUNTRACED) == kid);
	say_status("parent", st);
	R(waitpid(kid, &st, WUNTRACED | WNOHANG));
	write(to[1], "x", 1);
	read(from[0], &c, 1);
	R(waitpid(kid, &st, WNOHANG)); /* the tracer's for now */
	write(to[1], "y", 1);
	reap_pid("the tracer", tracer);
	reap_pid("parent", kid);
}

static void access_rights(void)
{
	int fds[2];
	char c;
	pid_t kid;

	HEAD("rights");
	NEED(pipe(fds));
	kid = NEED(fork());
	if (!kid) {
		become(1000);
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		write(fds[1], "x", 1);
		read(fds[0], &c, 0);
		spin();
	}
	read(fds[0], &c, 1);
	CHILD {
		become(1001);
		R(PT(PTRACE_SEIZE, kid, 0, 0));
		R(PT(PTRACE_ATTACH, kid, 0, 0));
		R(PT(PTRACE_SEIZE, getppid(), 0, 0));
	}
	REAP("another user");
	CHILD {
		become(1000);
		R(PT(PTRACE_SEIZE, kid, 0, PTRACE_O_SUSPEND_SECCOMP));
		R(PT(PTRACE_SEIZE, kid, 0, 0));
		R(PT(PTRACE_SEIZE, getppid(), 0, 0));
	}
	REAP("the same user");
	kill(kid, SIGKILL);
	reap_pid("kid", kid);
	kid = NEED(fork());
	if (!kid) {
		become(1000);
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
		write(fds[1], "x", 1);
		spin();
	}
	read(fds[0], &c, 1);
	CHILD {
		become(1000);
		R(PT(PTRACE_SEIZE, kid, 0, 0));
	}
	REAP("the same user");
	R(PT(PTRACE_SEIZE, kid, 0, 0));
	kill(kid, SIGKILL);
	reap_pid("kid", kid);
}

int main(void)
{
	attach_running();
	attach_stopped();
	interrupt();
	group_stop();
	stranger();
	access_rights();
	return 0;
}
