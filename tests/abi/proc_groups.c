// SPDX-License-Identifier: BSD-2-Clause
/* Sessions, process groups, reparenting, subreapers, orphaned groups, parent-death signals. */
#include "abi.h"

static int go[2], done[2];

static void await_byte(int *p)
{
	char c;

	if (read(p[0], &c, 1) != 1)
		_exit(77);
}

static void send_byte(int *p)
{
	write(p[1], "x", 1);
}

static void ids(void)
{
	HEAD("groups and sessions");
	pid_t self = getpid();
	IS(getpgid(0) == self && getsid(0) == self);
	IS(getpgid(self) == getpgrp());
	R(setsid());
	R(setpgid(0, 0));
	R(setpgid(0, -1));
	R(setpgid(-1, 0));
	R(setpgid(999999, 0));
	R(setpgid(1, 0));
	R(getpgid(-1));
	R(getpgid(999999));
	R(getsid(999999));
	CHILD {
		R(setpgid(0, 999999));
		R(setpgid(0, 0));
		IS(getpgrp() == getpid());
		R(setpgid(0, self));
		IS(getpgrp() == self);
		IS(setsid() == getpid());
		IS(getsid(0) == getpid() && getpgrp() == getpid());
		R(setpgid(0, 0));
		R(setpgid(self, 0));
	}
	REAP("child");
	NEED(pipe(go));
	CHILD {
		await_byte(go);
	}
	R(setpgid(child_pid, child_pid));
	IS(getpgid(child_pid) == child_pid);
	R(setpgid(child_pid, self));
	pid_t p = child_pid;
	CHILD {
		R(setpgid(p, p));
	}
	REAP("not its child");
	send_byte(go);
	reap_pid("grouped", p);
	CHILD {
		NEED(setsid());
		send_byte(go);
		pause();
	}
	await_byte(go);
	R(setpgid(child_pid, self));
	kill(child_pid, SIGKILL);
	REAP("other session");
	CHILD {
		char *argv[] = {"sleep", "100", NULL};
		execv("/bin/busybox", argv);
	}
	for (int i = 0; i < 2000 && setpgid(child_pid, child_pid) == 0; i++)
		sleep_ms(2);
	R(setpgid(child_pid, child_pid));
	kill(child_pid, SIGKILL);
	REAP("after exec");
}

/* A group, and its number, live on after their leader is reaped. */
static void group_without_leader(void)
{
	HEAD("group without leader");
	pid_t leader, member;
	int tell[2];

	NEED(prctl(PR_SET_CHILD_SUBREAPER, 1));
	NEED(pipe(tell));
	leader = fork();
	if (leader == 0) {
		setpgid(0, 0);
		member = fork();
		if (member == 0) {
			pause();
			_exit(0);
		}
		write(tell[1], &member, sizeof(member));
		_exit(0);
	}
	NEED(read(tell[0], &member, sizeof(member)));
	IS(waitpid(leader, NULL, 0) == leader);
	IS(getpgid(member) == leader);
	R(kill(leader, 0));
	R(kill(-leader, 0));
	R(setpgid(0, leader));
	IS(getpgrp() == leader);
	R(kill(member, SIGKILL));
	IS(waitpid(-leader, NULL, 0) == member);
	R(kill(-leader, 0));
	R(setpgid(0, 0));
	R(kill(-leader, 0));
	close(tell[0]);
	close(tell[1]);
	NEED(prctl(PR_SET_CHILD_SUBREAPER, 0));
}

static void reparenting(void)
{
	int st;

	HEAD("subreaper");
	int on = -1;
	R(prctl(PR_GET_CHILD_SUBREAPER, &on));
	V(on);
	R(prctl(PR_SET_CHILD_SUBREAPER, 1));
	prctl(PR_GET_CHILD_SUBREAPER, &on);
	V(on);
	pid_t self = getpid();
	CHILD {
		prctl(PR_GET_CHILD_SUBREAPER, &on);
		V(on);
		CHILD {
			while (getppid() != self)
				sleep_ms(1);
			_exit(55);
		}
		_exit(44);
	}
	REAP("middle");
	R(waitpid(-1, &st, 0) > 0);
	say_status("grandchild", st);
	R(prctl(PR_SET_CHILD_SUBREAPER, 0));
	CHILD {
		CHILD {
			while (getppid() != 1)
				sleep_ms(1);
			await_byte(done);
			say("adopted by init\n");
			send_byte(go);
		}
		_exit(0);
	}
	REAP("middle");
	send_byte(done);
	await_byte(go);
	R(waitpid(-1, &st, 0));
	HEAD("parent-death signal");
	CHILD {
		CHILD {
			on_signal(SIGUSR1, SIG_DFL, 0);
			sigset_t s = sig_set(SIGUSR1);
			sigprocmask(SIG_BLOCK, &s, NULL);
			prctl(PR_SET_PDEATHSIG, SIGUSR1);
			send_byte(go);
			int sig = 0;
			sigwait(&s, &sig);
			await_byte(done);
			say("got %s\n", sig_name(sig));
			send_byte(go);
		}
		await_byte(go);
		_exit(0);
	}
	REAP("parent");
	send_byte(done);
	await_byte(go);
	R(prctl(PR_SET_PDEATHSIG, 65));
}

static volatile sig_atomic_t hups, conts;

static void on_hup(int sig)
{
	if (sig == SIGHUP)
		hups++;
	else
		conts++;
}

static void orphaned(void)
{
	HEAD("a stopped group that becomes orphaned gets SIGHUP and SIGCONT");
	CHILD {
		NEED(setsid());
		CHILD {
			setpgid(0, 0);
			on_signal(SIGHUP, on_hup, 0);
			on_signal(SIGCONT, on_hup, 0);
			send_byte(go);
			raise(SIGSTOP);
			await_byte(done);
			say("woken: hup %d cont %d\n", hups, conts);
			send_byte(go);
		}
		await_byte(go);
		await_state(child_pid, 'T');
		_exit(0);
	}
	REAP("leader");
	send_byte(done);
	await_byte(go);

	HEAD("no stop by SIGTSTP in an orphaned group");
	CHILD {
		NEED(setsid());
		CHILD {
			setpgid(0, 0);
			while (getppid() != 1)
				sleep_ms(1);
			raise(SIGTSTP);
			raise(SIGTTIN);
			raise(SIGTTOU);
			await_byte(done);
			say("went on\n");
			send_byte(go);
		}
		_exit(0);
	}
	REAP("leader");
	send_byte(done);
	await_byte(go);
	HEAD("kill by group");
	CHILD {
		NEED(setpgid(0, 0));
		for (int i = 0; i < 3; i++)
			CHILD {
				pause();
			}
		signal(SIGTERM, SIG_IGN);
		R(kill(0, SIGTERM));
		int n = 0, st;
		while (waitpid(-1, &st, 0) > 0)
			n += WIFSIGNALED(st) && WTERMSIG(st) == SIGTERM;
		V(n);
		R(kill(-getpid(), 0));
	}
	REAP("group");
	R(kill(-999999, 0));
	R(kill(999999, 0));
	R(kill(getpid(), 65));
	R(kill(getpid(), -1));
	R(kill(getpid(), 0));
}

int main(void)
{
	NEED(pipe(done));
	ids();
	group_without_leader();
	reparenting();
	orphaned();
	return 0;
}
