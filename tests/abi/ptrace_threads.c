// SPDX-License-Identifier: BSD-2-Clause
/* ptrace: tracers and tracees that are threads; wait's options; zombies of threads; races that must end well. */
#include "trace.h"

static volatile pid_t tids[4];
static pthread_barrier_t bar;
static volatile int stop_all;

static void *spins(void *arg)
{
	tids[(long)arg] = gettid();
	pthread_barrier_wait(&bar);
	while (!stop_all)
		sleep_ms(20);
	return NULL;
}

/* A process of the leader and two threads; their numbers come through a pipe. */
static pid_t make(pid_t out[3])
{
	pthread_t t[2];
	int fds[2];
	pid_t pid;

	NEED(pipe(fds));
	pid = NEED(fork());
	if (!pid) {
		pthread_barrier_init(&bar, NULL, 3);
		for (long i = 0; i < 2; i++)
			pthread_create(&t[i], NULL, spins, (void *)(i + 1));
		pthread_barrier_wait(&bar);
		tids[0] = gettid();
		write(fds[1], (void *)tids, sizeof(tids));
		for (;;)
			sleep_ms(20);
	}
	NEED(read(fds[0], out, sizeof(pid_t) * 3));
	close(fds[0]);
	close(fds[1]);
	return pid;
}

static void all_threads(void)
{
	pid_t t[3], pid = make(t);
	int st, seen = 0;

	HEAD("each thread is traced by itself");
	for (int i = 0; i < 3; i++)
		R(PT(PTRACE_SEIZE, t[i], 0, 0));
	R(PT(PTRACE_INTERRUPT, t[1], 0, 0));
	wait_stop("one", t[1]);
	say("states %c %c\n", task_state(t[1]), task_state(t[0]) != 't' ? '-' : 't');
	kill(pid, SIGSTOP);
	/* one of the others takes the signal, then all report the group's stop */
	for (int left = 1; left;) {
		pid_t got = waitpid(-1, &st, __WALL);
		if (st >> 16)
			continue;
		say_stop("taken", st);
		NEED(PT(PTRACE_CONT, got, 0, SIGSTOP));
		left--;
	}
	NEED(PT(PTRACE_CONT, t[1], 0, 0));
	for (int i = 0; i < 3; i++) {
		do
			waitpid(t[i], &st, __WALL);
		while (st >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(st) == SIGTRAP && !PT(PTRACE_CONT, t[i], 0, 0));
		seen += st >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(st) == SIGSTOP;
	}
	V(seen);
	HEAD("the group ends: all are zombies for us");
	kill(pid, SIGKILL);
	for (int i = 2; i >= 0; i--)
		wait_stop("dead", t[i]);
	R(waitpid(-1, &st, __WALL));
}

static void *tracer_thread(void *arg)
{
	pid_t pid = *(pid_t *)arg;
	int st;

	R(PT(PTRACE_SEIZE, pid, 0, 0));
	R(PT(PTRACE_INTERRUPT, pid, 0, 0));
	wait_stop("own tracee", pid);
	pthread_barrier_wait(&bar);
	pthread_barrier_wait(&bar);
	R(waitpid(pid, &st, __WALL | __WNOTHREAD | WNOHANG));
	return NULL; /* lets it go */
}

static void *waiter_thread(void *arg)
{
	pid_t pid = *(pid_t *)arg;
	int st;

	R(waitpid(pid, &st, __WNOTHREAD | __WALL | WNOHANG));
	R(waitpid(pid, &st, __WALL | WNOHANG));
	R(PT(PTRACE_CONT, pid, 0, 0)); /* another thread's tracee */
	return NULL;
}

static void tracers(void)
{
	pthread_t t, w;
	pid_t pid;
	int st;

	HEAD("a thread traces, another cannot");
	pid = NEED(fork());
	if (!pid)
		for (;;)
			sleep_ms(20);
	pthread_barrier_init(&bar, NULL, 2);
	pthread_create(&t, NULL, tracer_thread, &pid);
	pthread_barrier_wait(&bar);
	pthread_create(&w, NULL, waiter_thread, &pid);
	pthread_join(w, NULL);
	R(PT(PTRACE_CONT, pid, 0, 0));
	pthread_barrier_wait(&bar);
	pthread_join(t, NULL);
	HEAD("the tracer's end sets it free");
	for (int i = 0; i < 2000 && task_state(pid) == 't'; i++)
		sleep_ms(1);
	R(PT(PTRACE_SEIZE, pid, 0, 0));
	kill(pid, SIGKILL);
	waitpid(pid, &st, 0);
	say_stop("dead", st);
}

static void wait_options(void)
{
	int st;

	HEAD("options of wait");
	TRACEE pause();
	await_state(child_pid, 't');
	/* __WCLONE and the like are about children, not about tracees */
	R(waitpid(child_pid, &st, __WCLONE) == child_pid);
	say_stop("with __WCLONE", st);
	NEED(PT(PTRACE_CONT, child_pid, 0, SIGSTOP));
	R(waitpid(child_pid, &st, 0) == child_pid);
	say_stop("without WUNTRACED", st);
	R(waitpid(child_pid, &st, WNOHANG));
	kill(child_pid, SIGKILL);
	R(waitpid(-getpgrp(), &st, 0) == child_pid);
	say_stop("by its group", st);
	R(waitpid(child_pid, &st, WNOHANG));
}

static void ignored_children(void)
{
	pid_t kid, tracer;
	int st, fds[2];
	char c;

	HEAD("a parent that does not wait");
	NEED(pipe(fds));
	signal(SIGCHLD, SIG_IGN);
	kid = NEED(fork());
	if (!kid)
		pause();
	tracer = NEED(fork());
	if (!tracer) {
		signal(SIGCHLD, SIG_DFL);
		NEED(PT(PTRACE_SEIZE, kid, 0, 0));
		kill(kid, SIGKILL);
		wait_stop("tracer", kid);
		write(fds[1], "x", 1);
		_exit(0);
	}
	read(fds[0], &c, 1);
	R(waitpid(kid, &st, 0));
	signal(SIGCHLD, SIG_DFL);
	waitpid(tracer, &st, 0);
	/* traced by the parent itself it is a zombie until it is waited for */
	signal(SIGCHLD, SIG_IGN);
	TRACEE _exit(3);
	wait_stop("first", child_pid);
	NEED(PT(PTRACE_CONT, child_pid, 0, 0));
	await_state(child_pid, 'Z');
	wait_stop("end", child_pid);
	signal(SIGCHLD, SIG_DFL);
}

static void *exits(void *arg)
{
	return arg;
}

/* Tracees that die, exec and make threads while they are looked at. */
static void races(void)
{
	struct user_regs_struct r;
	int st;

	HEAD("races");
	for (int i = 0; i < 100; i++) {
		CHILD {
			pthread_t t[2];

			for (int n = 0; n < 20; n++) {
				for (int k = 0; k < 2; k++)
					pthread_create(&t[k], NULL, exits, NULL);
				for (int k = 0; k < 2; k++)
					pthread_join(t[k], NULL);
			}
		}
		if (PT(PTRACE_SEIZE, child_pid, 0, PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXIT))
			say("seize: %s\n", err_name(errno));
		PT(PTRACE_INTERRUPT, child_pid, 0, 0);
		if (i % 4 == 0)
			kill(child_pid, SIGKILL);
		for (int n = 0; n < 50; n++) {
			pid_t got = waitpid(-1, &st, __WALL);

			if (got < 0 || (got == child_pid && !WIFSTOPPED(st)))
				break;
			if (n == 20 && i % 4 == 1)
				kill(child_pid, SIGKILL);
			if (!WIFSTOPPED(st))
				continue;
			if (n == 30 && i % 4 == 2)
				kill(child_pid, SIGKILL);
			PT(PTRACE_GETREGS, got, 0, &r);
			PT(n % 3 ? PTRACE_CONT : PTRACE_SYSCALL, got, 0, 0);
		}
		kill(child_pid, SIGKILL);
		for (pid_t got; (got = waitpid(-1, &st, __WALL)) > 0;)
			if (WIFSTOPPED(st))
				PT(PTRACE_CONT, got, 0, 0);
	}
	R(waitpid(-1, &st, __WALL));
}

int main(void)
{
	all_threads();
	tracers();
	wait_options();
	ignored_children();
	races();
	return 0;
}
