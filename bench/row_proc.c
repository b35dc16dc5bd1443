// SPDX-License-Identifier: BSD-2-Clause
/*
 * Processes and threads: made, replaced, waited for. The program executed is hello.c, a static
 * program of the C library that returns at once; the shell is busybox.
 */
#include "bench.h"

#include <pthread.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHELL "/bin/sh"

static char *const hello_argv[] = {(char *)"hello", NULL};
static char *const shell_argv[] = {(char *)"sh", (char *)"-c", (char *)"exit 0", NULL};
static char *const no_env[] = {NULL};

static void wait_exit_0(int pid)
{
	int status;

	must_be(waitpid(pid, &status, 0), pid);
	must_be(status, 0);
}

static void op_fork(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		int pid = (int)must_libc(fork());

		if (pid == 0)
			_exit(0);
		wait_exit_0(pid);
	}
}

static void touch_memory(long len)
{
	char *p = map_anon((size_t)len);

	memset(p, 1, (size_t)len);
}

static void op_vfork(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		int pid = (int)must_libc(vfork());

		if (pid == 0)
			_exit(0);
		wait_exit_0(pid);
	}
}

static void op_fork_exec(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		int pid = (int)must_libc(fork());

		if (pid == 0) {
			execve(hello_path, hello_argv, no_env);
			_exit(127);
		}
		wait_exit_0(pid);
	}
}

static void op_vfork_exec(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		int pid = (int)must_libc(vfork());

		if (pid == 0) {
			execve(hello_path, hello_argv, no_env);
			_exit(127);
		}
		wait_exit_0(pid);
	}
}

static void op_spawn(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		int pid, err = posix_spawn(&pid, hello_path, NULL, NULL, hello_argv, no_env);

		if (err)
			row_fail("posix_spawn", err);
		wait_exit_0(pid);
	}
}

static void op_shell(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		int pid = (int)must_libc(vfork());

		if (pid == 0) {
			execve(SHELL, shell_argv, no_env);
			_exit(127);
		}
		wait_exit_0(pid);
	}
}

static void need_hello(long arg)
{
	(void)arg;
	must_libc(access(hello_path, X_OK));
}

static void need_shell(long arg)
{
	(void)arg;
	must_libc(access(SHELL, X_OK));
}

static void *nothing(void *arg)
{
	return arg;
}

static void op_thread(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		pthread_t thread;
		int err = pthread_create(&thread, NULL, nothing, NULL);

		if (err)
			row_fail("pthread_create", err);
		err = pthread_join(thread, NULL);
		if (err)
			row_fail("pthread_join", err);
	}
}

static void op_pidfd(unsigned n, long pid)
{
	(void)pid;
	pid = getpid();
	while (n--)
		must(sys1(SYS_close, must(sys2(SYS_pidfd_open, pid, 0))));
}

static void op_wait_none(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must_be(sys4(SYS_wait4, -1, 0, WNOHANG, 0), -ECHILD);
}

const struct row rows_proc[] = {
	{"proc.wait_none", NULL, op_wait_none, 200, 0, 0},
	{"proc.pidfd_open_close", NULL, op_pidfd, 100, 0, 0},
	{"proc.fork_exit_wait", NULL, op_fork, 5, 0, 0},
	{"proc.fork_exit_wait_16m", touch_memory, op_fork, 2, 16 * MIB, 0},
	{"proc.vfork_exit_wait", NULL, op_vfork, 5, 0, 0},
	{"proc.fork_exec_wait", need_hello, op_fork_exec, 2, 0, 0},
	{"proc.vfork_exec_wait", need_hello, op_vfork_exec, 2, 0, 0},
	{"proc.posix_spawn_wait", need_hello, op_spawn, 2, 0, 0},
	{"proc.sh_c", need_shell, op_shell, 2, 0, 0},
	{"proc.thread_start_join", NULL, op_thread, 10, 0, 0},
	{},
};
