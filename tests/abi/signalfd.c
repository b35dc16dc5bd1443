// SPDX-License-Identifier: BSD-2-Clause
/* signalfd(2): what it reads, order, masks changed later, poll, per-reader semantics, errors. */
#include "abi.h"
#include <sys/signalfd.h>

static struct signalfd_siginfo info[8];

static void show(int fd)
{
	ssize_t n = read(fd, info, sizeof(info));

	if (n < 0) {
		say("read: %s\n", err_name(errno));
		return;
	}
	for (size_t i = 0; i < n / sizeof(info[0]); i++)
		say("%s code %d int %d status %d %s uid %u\n", sig_name(info[i].ssi_signo),
			info[i].ssi_code, info[i].ssi_int, info[i].ssi_status,
			info[i].ssi_pid == (unsigned int)getpid() ? "self" :
			info[i].ssi_pid ? "other" : "none", info[i].ssi_uid);
}

int main(void)
{
	sigset_t set = sig_set(SIGUSR1), bad;
	int timer_sig = SIGALRM;

	sigaddset(&set, SIGCHLD);
	sigaddset(&set, timer_sig);
	sigaddset(&set, SIGRTMIN + 1);
	sigaddset(&set, SIGRTMIN + 2);
	sigaddset(&set, SIGKILL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	R(signalfd(-1, &set, 0x1));
	int fd = NEED(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
	R(fcntl(fd, F_GETFD));
	show(fd);
	raise(SIGUSR1);
	raise(SIGUSR1);
	show(fd);
	show(fd);
	sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = 22});
	sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 11});
	sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 12});
	kill(getpid(), SIGUSR1);
	struct pollfd p = {fd, POLLIN | POLLOUT, 0};
	R(poll(&p, 1, 0));
	X(p.revents);
	show(fd);
	R(poll(&p, 1, 0));
	CHILD {
		_exit(5);
	}
	siginfo_t si;
	waitid(P_PID, child_pid, &si, WEXITED | WNOWAIT);
	show(fd);
	REAP("child");
	struct itimerval it = {.it_value = {0, 1000}};
	setitimer(ITIMER_REAL, &it, NULL);
	sleep_ms(30);
	show(fd);
	R(read(fd, info, 10));
	R(write(fd, info, sizeof(info)));
	/* Changing the set. */
	sigset_t only = sig_set(SIGRTMIN + 1);
	raise(SIGUSR1);
	R(signalfd(fd, &only, 0) == fd);
	show(fd);
	R(signalfd(fd, &set, 0) == fd);
	show(fd);
	R(signalfd(0, &set, 0));
	R(signalfd(99, &set, 0));
	R(syscall(SYS_signalfd4, -1, &set, 4, 0));
	R(syscall(SYS_signalfd4, -1, (void *)8, 8, 0));
	sigfillset(&bad);
	R(signalfd(-1, &bad, 0) >= 0);
	/* The child reads its own signals through an inherited descriptor. */
	raise(SIGUSR1);
	CHILD {
		show(fd);
		raise(SIGRTMIN + 2);
		show(fd);
	}
	REAP("reader");
	show(fd);
	fcntl(fd, F_SETFL, 0);
	CHILD {
		fcntl(fd, F_SETFL, 0);
		show(fd);
	}
	await_state(child_pid, 'S');
	kill(child_pid, SIGUSR1);
	REAP("waiter");
	return 0;
}
