// SPDX-License-Identifier: BSD-2-Clause
/* ptrace: events of fork, vfork, clone, exec and exit; EXITKILL; what children inherit. */
#include "trace.h"

#define ALL (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT)

static long message(pid_t pid)
{
	unsigned long v = 0;

	NEED(PT(PTRACE_GETEVENTMSG, pid, 0, &v));
	return (long)v;
}

static pid_t start(void (*fn)(void), long options)
{
	TRACEE fn();
	wait_stop("first", child_pid);
	NEED(PT(PTRACE_SETOPTIONS, child_pid, 0, options));
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	return child_pid;
}

/* Run @pid to its next stop, on to its end with @left stops more. */
static void run_out(const char *what, pid_t pid)
{
	int st;

	do {
		if (PT(PTRACE_CONT, pid, 0, 0))
			return;
		st = wait_stop(what, pid);
		if (st >> 16 == PTRACE_EVENT_EXIT) {
			say_info(pid);
			say("  message %#lx\n", message(pid));
		}
	} while (WIFSTOPPED(st));
}

static void does_fork(void)
{
	pid_t p = fork();

	if (!p)
		_exit(4);
	int st;
	waitpid(p, &st, 0);
	_exit(WEXITSTATUS(st) + 1);
}

static void does_vfork(void)
{
	pid_t p = vfork();

	if (!p)
		_exit(4);
	_exit(3);
}

static void forks(void)
{
	pid_t pid, kid;

	HEAD("fork");
	pid = start(does_fork, ALL);
	wait_stop("parent", pid);
	say_info(pid);
	kid = message(pid);
	wait_stop("child", kid);
	say_info(kid);
	run_out("child", kid);
	run_out("parent", pid);

	HEAD("fork, detached child");
	pid = start(does_fork, PTRACE_O_TRACEFORK);
	wait_stop("parent", pid);
	kid = message(pid);
	wait_stop("child", kid);
	R(PT(PTRACE_DETACH, kid, 0, 0));
	run_out("parent", pid);

	HEAD("fork, not asked for");
	pid = start(does_fork, PTRACE_O_TRACECLONE);
	wait_stop("parent", pid);
	run_out("parent", pid);

	HEAD("vfork");
	pid = start(does_vfork, ALL);
	wait_stop("parent", pid);
	kid = message(pid);
	wait_stop("child", kid);
	NEED(PT(PTRACE_CONT, pid, 0, 0));
	run_out("child", kid);
	wait_stop("parent", pid);
	say("the same child: %s\n", message(pid) == kid ? "yes" : "no");
	run_out("parent", pid);
}

static int clone_fn(void *arg)
{
	(void)arg;
	_exit(6);
}

static void does_clone(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	int st;
	pid_t p = clone(clone_fn, stack + sizeof(stack), 0, NULL);

	NEED(waitpid(p, &st, __WALL));
	_exit(WEXITSTATUS(st));
}

static void does_clone_untraced(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	int st;
	pid_t p = clone(clone_fn, stack + sizeof(stack), CLONE_UNTRACED | SIGCHLD, NULL);

	NEED(waitpid(p, &st, __WALL));
	_exit(WEXITSTATUS(st));
}

static void does_clone_ptrace(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	int st;
	pid_t p = clone(clone_fn, stack + sizeof(stack), CLONE_PTRACE | SIGCHLD, NULL);

	NEED(waitpid(p, &st, __WALL));
	_exit(WEXITSTATUS(st));
}

static void *thread_fn(void *arg)
{
	return arg;
}

static void does_thread(void)
{
	pthread_t t;

	pthread_create(&t, NULL, thread_fn, NULL);
	pthread_join(t, NULL);
	_exit(2);
}

static void clones(void)
{
	pid_t pid, kid;
	int st;

	HEAD("clone");
	pid = start(does_clone, PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK);
	wait_stop("parent", pid);
	kid = message(pid);
	wait_stop("child", kid);
	run_out("child", kid);
	run_out("parent", pid);
	HEAD("clone, untraced");
	pid = start(does_clone_untraced, ALL);
	do
		st = wait_stop("parent", pid);
	while (WIFSTOPPED(st) && !PT(PTRACE_CONT, pid, 0, st >> 16 ? 0 : WSTOPSIG(st)));
	HEAD("clone, with us");
	pid = start(does_clone_ptrace, 0);
	kid = waitpid(-1, &st, __WALL);
	say_stop(kid == pid ? "parent" : "child", st);
	run_out("child", kid);
	wait_stop("parent", pid);
	run_out("parent", pid);
	HEAD("thread");
	pid = start(does_thread, PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXIT);
	wait_stop("leader", pid);
	kid = message(pid);
	wait_stop("thread", kid);
	NEED(PT(PTRACE_CONT, pid, 0, 0));
	run_out("thread", kid);
	wait_stop("leader", pid);
	say("  message %#lx\n", message(pid));
	run_out("leader", pid);
}

static void does_exec(void)
{
	execl("/proc/self/exe", "ptrace_events", "child", NULL);
}

static void *exec_fn(void *arg)
{
	(void)arg;
	does_exec();
	return NULL;
}

static void does_exec_in_thread(void)
{
	pthread_t t;

	pthread_create(&t, NULL, exec_fn, NULL);
	pause();
}

static void execs(void)
{
	pid_t pid, kid;
	int st;

	HEAD("exec");
	pid = start(does_exec, PTRACE_O_TRACEEXEC);
	wait_stop("exec", pid);
	say_info(pid);
	say("its own number: %s\n", message(pid) == pid ? "yes" : "no");
	run_out("exec", pid);
	HEAD("exec, not asked for");
	pid = start(does_exec, 0);
	wait_stop("exec", pid);
	say_info(pid);
	run_out("exec", pid);
	HEAD("exec, seized");
	CHILD {
		raise(SIGSTOP);
		does_exec();
	}
	waitpid(child_pid, &st, WUNTRACED);
	NEED(PT(PTRACE_SEIZE, child_pid, 0, 0));
	wait_stop("seized", child_pid);
	kill(child_pid, SIGCONT);
	run_out("seized", child_pid);
	HEAD("exec in a thread");
	pid = start(does_exec_in_thread, PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT);
	wait_stop("leader", pid);
	kid = message(pid);
	wait_stop("thread", kid);
	NEED(PT(PTRACE_CONT, pid, 0, 0));
	NEED(PT(PTRACE_CONT, kid, 0, 0));
	wait_stop("leader", pid); /* its end */
	NEED(PT(PTRACE_CONT, pid, 0, 0));
	wait_stop("leader's number", pid);
	say("was the thread: %s\n", message(pid) == kid ? "yes" : "no");
	R(waitpid(kid, &st, __WALL));
	run_out("leader's number", pid);
}

static void exits(void)
{
	pid_t pid;
	int st, fds[2];
	char c;

	HEAD("exit");
	pid = start(does_exec, PTRACE_O_TRACEEXIT);
	wait_stop("exec", pid);
	run_out("exit", pid);
	TRACEE raise(SIGTERM);
	wait_stop("first", child_pid);
	NEED(PT(PTRACE_SETOPTIONS, child_pid, 0, PTRACE_O_TRACEEXIT));
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	wait_stop("signal", child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, SIGTERM));
	wait_stop("dying", child_pid);
	say("  message %#lx\n", message(child_pid));
	run_out("dead", child_pid);
	TRACEE pause();
	wait_stop("first", child_pid);
	NEED(PT(PTRACE_SETOPTIONS, child_pid, 0, PTRACE_O_TRACEEXIT));
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	kill(child_pid, SIGKILL);
	wait_stop("killed", child_pid);
	say("  message %#lx\n", message(child_pid));
	run_out("dead", child_pid);

	HEAD("the tracer ends");
	for (int with_kill = 0; with_kill < 2; with_kill++) {
		NEED(pipe(fds));
		CHILD {
			pid_t tracee = fork();

			if (!tracee) {
				close(fds[0]);
				PT(PTRACE_TRACEME, 0, 0, 0);
				raise(SIGSTOP);
				write(fds[1], "x", 1);
				_exit(0);
			}
			waitpid(tracee, &st, 0);
			PT(PTRACE_SETOPTIONS, tracee, 0, with_kill ? PTRACE_O_EXITKILL : 0);
		}
		close(fds[1]);
		say("the tracee says %ld\n", (long)read(fds[0], &c, 1));
		close(fds[0]);
		REAP("tracer");
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "child"))
		_exit(9);
	forks();
	clones();
	execs();
	exits();
	return 0;
}
