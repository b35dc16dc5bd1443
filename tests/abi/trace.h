// SPDX-License-Identifier: BSD-2-Clause
/* What tests of ptrace(2) share: tracees, and their stops in words. */
#pragma once
#include "abi.h"
#include <elf.h>
#include <linux/ptrace.h>
#include <pthread.h>
#include <sys/user.h>

/* The call itself: glibc's wrapper changes what PEEK returns. */
HELPER long pt(long request, pid_t pid, unsigned long addr, unsigned long data)
{
	return syscall(SYS_ptrace, request, (long)pid, addr, data);
}
#define PT(request, pid, addr, data) pt(request, pid, (unsigned long)(addr), (unsigned long)(data))

HELPER const char *event_name(int event)
{
	static const char *const names[] = {"", "fork", "vfork", "clone", "exec", "vfork-done", "exit", "seccomp"};

	if (event == PTRACE_EVENT_STOP)
		return "stop";
	return event >= 0 && event < (int)ARRAY_LEN(names) ? names[event] : "?";
}

/* A wait status of a tracee. */
HELPER void say_stop(const char *what, int st)
{
	int sig = WSTOPSIG(st);

	if (!WIFSTOPPED(st))
		say_status(what, st);
	else if (sig == (SIGTRAP | 0x80))
		say("%s: system call\n", what);
	else if (st >> 16)
		say("%s: %s, event %s\n", what, sig_name(sig), event_name(st >> 16));
	else
		say("%s: %s\n", what, sig_name(sig));
}

HELPER int wait_stop(const char *what, pid_t pid)
{
	int st = 0;
	pid_t got;

	do
		got = waitpid(pid, &st, __WALL);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		say("%s: wait %s\n", what, err_name(errno));
	else
		say_stop(what, st);
	return st;
}

/* CHILD that is traced and has stopped itself. */
#define TRACEE for (int in_ = ((child_pid = fork()) == 0 && PT(PTRACE_TRACEME, 0, 0, 0) == 0 && raise(SIGSTOP) == 0); in_; _exit(0))

HELPER void say_info(pid_t pid)
{
	siginfo_t si;

	memset(&si, 0, sizeof(si));
	if (PT(PTRACE_GETSIGINFO, pid, 0, &si))
		say("  no siginfo: %s\n", err_name(errno));
	else
		say("  siginfo: %s code %d\n", sig_name(si.si_signo), si.si_code);
}
