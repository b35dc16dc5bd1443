// SPDX-License-Identifier: BSD-2-Clause
/* wait4, waitid, exit statuses, SIGCHLD's siginfo, SA_NOCLDSTOP/WAIT, ignored children, rusage. */
#include "abi.h"
#include <sys/pidfd.h>

static pid_t sleeper(void)
{
	CHILD {
		for (;;)
			pause();
	}
	await_state(child_pid, 'S');
	return child_pid;
}

static void show(const siginfo_t *si, pid_t expect)
{
	static const char *const codes[] = {"0", "EXITED", "KILLED", "DUMPED", "TRAPPED", "STOPPED",
		"CONTINUED"};

	say("  signo %s code %s status %d uid %d %s\n",
		si->si_signo ? sig_name(si->si_signo) : "0",
		si->si_code >= 0 && si->si_code < 7 ? codes[si->si_code] : "?", si->si_status,
		si->si_uid, si->si_pid == expect ? "that child" : si->si_pid ? "other" : "no pid");
}

static void exit_codes(void)
{
	static const int codes[] = {0, 1, 127, 128, 255, 256, -1, 0x1234};

	HEAD("exit codes");
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		CHILD {
			_exit(codes[i]);
		}
		int st;
		waitpid(child_pid, &st, 0);
		say("_exit(%d) -> %#x\n", codes[i], st);
	}
	static const int sigs[] = {SIGHUP, SIGKILL, SIGTERM, SIGALRM, SIGUSR1, SIGPIPE, SIGVTALRM};
	for (size_t i = 0; i < ARRAY_LEN(sigs); i++) {
		CHILD {
			raise(sigs[i]);
		}
		int st;
		waitpid(child_pid, &st, 0);
		say("%s -> %#x\n", sig_name(sigs[i]), st & 0x7f);
	}
	static const int ignored[] = {SIGCHLD, SIGURG, SIGWINCH, SIGCONT};
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++) {
		CHILD {
			raise(ignored[i]);
		}
		REAP(sig_name(ignored[i]));
	}
}

static void errors(void)
{
	int st;
	siginfo_t si;

	HEAD("errors");
	R(waitpid(-1, &st, 0));
	R(waitpid(getpid(), &st, 0));
	R(waitpid(1, &st, 0));
	R(waitpid(INT_MIN, &st, 0));
	R(waitpid(-1, &st, 0x100));
	R(waitid(P_ALL, 0, &si, 0));
	R(waitid(P_ALL, 0, &si, WEXITED));
	R(waitid(P_ALL, 0, &si, WEXITED | 0x100));
	R(waitid(P_PID, 0, &si, WEXITED));
	R(waitid(P_PID, -1, &si, WEXITED));
	R(waitid(9, 1, &si, WEXITED));
	R(waitid(P_PGID, -1, &si, WEXITED));
	R(waitid(P_PIDFD, 99, &si, WEXITED));
	R(waitid(P_PIDFD, 0, &si, WEXITED));
	pid_t p = sleeper();
	R(waitpid(-1, &st, WNOHANG));
	si.si_pid = 7;
	R(waitid(P_ALL, 0, &si, WEXITED | WNOHANG));
	V(si.si_pid);
	kill(p, SIGKILL);
	R(waitpid(p, (int *)8, 0));
	R(waitpid(p, &st, 0));
}

static void stops(void)
{
	int st;
	siginfo_t si;

	HEAD("stop and continue");
	pid_t p = sleeper();
	/* A group of its own, whose parent is in the session: not orphaned, so SIGTSTP stops it. */
	NEED(setpgid(p, p));
	R(kill(p, SIGSTOP));
	R(waitid(P_PID, p, &si, WSTOPPED | WNOWAIT));
	show(&si, p);
	R(waitpid(p, &st, WUNTRACED) == p);
	say_status("child", st);
	R(waitpid(p, &st, WUNTRACED | WNOHANG));
	R(kill(p, SIGCONT));
	R(waitid(P_PID, p, &si, WCONTINUED));
	show(&si, p);
	R(waitpid(p, &st, WCONTINUED | WNOHANG));
	kill(p, SIGTSTP);
	R(waitpid(p, &st, WUNTRACED | WCONTINUED) == p);
	say_status("child", st);
	kill(p, SIGTTIN);
	R(waitpid(p, &st, WUNTRACED | WNOHANG));
	kill(p, SIGCONT);
	R(waitpid(p, &st, WUNTRACED | WCONTINUED) == p);
	say_status("child", st);
	kill(p, SIGSTOP);
	R(waitpid(p, &st, WUNTRACED) == p);
	R(waitpid(p, &st, WNOHANG));
	kill(p, SIGTERM);
	R(waitpid(p, &st, WNOHANG));
	kill(p, SIGKILL);
	R(waitpid(p, &st, 0) == p);
	say_status("stopped, then killed", st);
	R(kill(p, 0));
}

static void waiting_ids(void)
{
	siginfo_t si;
	int st;

	HEAD("which child");
	CHILD {
		setpgid(0, 0);
		_exit(3);
	}
	pid_t p = child_pid;
	R(waitid(P_PID, p, &si, WEXITED | WNOWAIT));
	show(&si, p);
	V(task_state(p));
	R(kill(p, SIGTERM));
	R(waitpid(0, &st, WNOHANG));
	R(waitpid(-p, &st, WNOHANG) == p);
	say_status("by group", st);
	p = sleeper();
	int fd = NEED(pidfd_open(p, 0));
	R(waitid(P_PIDFD, fd, &si, WEXITED | WNOHANG));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	R(waitid(P_PIDFD, fd, &si, WEXITED));
	kill(p, SIGTERM);
	struct pollfd pf = {fd, POLLIN, 0};
	R(poll(&pf, 1, 20000));
	R(waitid(P_PIDFD, fd, &si, WEXITED));
	show(&si, p);
	R(waitid(P_PIDFD, fd, &si, WEXITED));
	CHILD {
		raise(SIGQUIT);
	}
	R(waitid(P_ALL, 0, &si, WEXITED));
	show(&si, child_pid);
	CHILD {
		_exit(300);
	}
	R(syscall(SYS_waitid, P_ALL, 0, NULL, WEXITED, NULL));
	CHILD {
		_exit(1);
	}
	struct rusage ru;
	memset(&ru, 0x55, sizeof(ru));
	R(syscall(SYS_waitid, P_PID, child_pid, NULL, WEXITED, &ru));
	IS(ru.ru_utime.tv_sec >= 0 && ru.ru_utime.tv_sec < 100 && ru.ru_utime.tv_usec < 1000000);
}

static volatile sig_atomic_t chld;
static siginfo_t last;

static void on_chld(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	chld++;
	last = *si;
}

static void signals(void)
{
	int st;

	HEAD("SIGCHLD");
	on_siginfo(SIGCHLD, on_chld, 0);
	CHILD {
		_exit(42);
	}
	while (!chld)
		sleep_ms(1);
	V(chld);
	show(&last, child_pid);
	REAP("child");
	chld = 0;
	pid_t p = sleeper();
	kill(p, SIGSTOP);
	while (chld < 1)
		sleep_ms(1);
	show(&last, p);
	kill(p, SIGCONT);
	while (chld < 2)
		sleep_ms(1);
	show(&last, p);
	on_siginfo(SIGCHLD, on_chld, SA_NOCLDSTOP);
	kill(p, SIGSTOP);
	R(waitpid(p, &st, WUNTRACED) == p);
	kill(p, SIGCONT);
	R(waitpid(p, &st, WCONTINUED) == p);
	V(chld);
	kill(p, SIGKILL);
	while (chld < 3)
		sleep_ms(1);
	show(&last, p);
	R(waitpid(p, &st, 0) == p);

	HEAD("children nobody waits for");
	signal(SIGCHLD, SIG_IGN);
	CHILD {
		_exit(1);
	}
	R(waitpid(child_pid, &st, 0));
	on_siginfo(SIGCHLD, on_chld, SA_NOCLDWAIT);
	chld = 0;
	CHILD {
		_exit(1);
	}
	p = child_pid;
	while (waitpid(p, &st, 0) < 0 && errno == EINTR)
		;
	R(waitpid(p, &st, 0));
	V(chld);
	signal(SIGCHLD, SIG_DFL);
}

static void many(void)
{
	int st, sum = 0, n = 0;

	HEAD("many zombies");
	for (int i = 0; i < 100; i++)
		CHILD {
			_exit(i);
		}
	for (; waitpid(-1, &st, 0) > 0; n++)
		sum += WEXITSTATUS(st);
	say("%d children, sum %d\n", n, sum);
	struct rusage ru;
	R(getrusage(RUSAGE_CHILDREN, &ru));
	IS(ru.ru_maxrss > 0 && ru.ru_minflt > 0);
	R(getrusage(RUSAGE_SELF, &ru));
	R(getrusage(RUSAGE_THREAD, &ru));
	R(getrusage(7, &ru));
	R(getrusage(RUSAGE_SELF, (void *)8));
}

int main(void)
{
	exit_codes();
	errors();
	stops();
	waiting_ids();
	signals();
	many();
	return 0;
}
