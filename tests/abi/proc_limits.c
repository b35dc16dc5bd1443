// SPDX-License-Identifier: BSD-2-Clause
/* getrlimit, setrlimit, prlimit64: every resource, raising and lowering, effects. */
#include "abi.h"

static const struct {
	const char *name;
	int id;
} all[] = {
	{"CPU", RLIMIT_CPU}, {"FSIZE", RLIMIT_FSIZE}, {"DATA", RLIMIT_DATA}, {"STACK", RLIMIT_STACK},
	{"CORE", RLIMIT_CORE}, {"RSS", RLIMIT_RSS}, {"NPROC", RLIMIT_NPROC},
	{"NOFILE", RLIMIT_NOFILE}, {"MEMLOCK", RLIMIT_MEMLOCK}, {"AS", RLIMIT_AS},
	{"LOCKS", RLIMIT_LOCKS}, {"SIGPENDING", RLIMIT_SIGPENDING}, {"MSGQUEUE", RLIMIT_MSGQUEUE},
	{"NICE", RLIMIT_NICE}, {"RTPRIO", RLIMIT_RTPRIO}, {"RTTIME", RLIMIT_RTTIME},
};

int main(void)
{
	struct rlimit rl, old;

	HEAD("reading");
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		getrlimit(all[i].id, &rl);
		say("%s: %lld %lld\n", all[i].name, (long long)rl.rlim_cur, (long long)rl.rlim_max);
	}
	R(getrlimit(16, &rl));
	R(getrlimit(-1, &rl));
	R(getrlimit(RLIMIT_CPU, (void *)8));
	R(setrlimit(16, &rl));
	R(syscall(SYS_setrlimit, RLIMIT_CPU, (void *)8));
	HEAD("changing");
	rl = (struct rlimit){100, 50};
	R(setrlimit(RLIMIT_NOFILE, &rl));
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		CHILD {
			rl = (struct rlimit){1000, 2000};
			int r = setrlimit(all[i].id, &rl);
			say("%s: lower %s", all[i].name, r ? err_name(errno) : "ok");
			rl.rlim_cur = 2000;
			r = setrlimit(all[i].id, &rl);
			say(" soft up %s", r ? err_name(errno) : "ok");
			rl.rlim_max = 3000;
			r = setrlimit(all[i].id, &rl);
			say(" hard up %s\n", r ? err_name(errno) : "ok");
		}
		waitpid(child_pid, NULL, 0);
	}
	HEAD("prlimit");
	CHILD {
		pause();
	}
	pid_t p = child_pid;
	rl = (struct rlimit){10, 20};
	R(prlimit(p, RLIMIT_NOFILE, &rl, &old));
	say("was %lld %lld\n", (long long)old.rlim_cur, (long long)old.rlim_max);
	R(prlimit(p, RLIMIT_NOFILE, NULL, &old));
	say("is %lld %lld\n", (long long)old.rlim_cur, (long long)old.rlim_max);
	R(prlimit(p, RLIMIT_NOFILE, NULL, NULL));
	R(prlimit(999999, RLIMIT_NOFILE, NULL, &old));
	R(prlimit(-1, RLIMIT_NOFILE, NULL, &old));
	R(prlimit(p, 99, NULL, &old));
	CHILD {
		become(1000);
		R(prlimit(p, RLIMIT_NOFILE, NULL, &old));
		R(prlimit(0, RLIMIT_NOFILE, NULL, &old));
		rl = (struct rlimit){5000, 5000};
		R(prlimit(0, RLIMIT_NOFILE, &rl, NULL));
	}
	REAP("user");
	kill(p, SIGKILL);
	reap_pid("target", p);
	HEAD("core limit and stack");
	CHILD {
		rl = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
		R(setrlimit(RLIMIT_STACK, &rl));
		R(setrlimit(RLIMIT_CORE, &rl));
		rl = (struct rlimit){65536, 65536};
		R(setrlimit(RLIMIT_STACK, &rl));
		char *argv[] = {"proc_limits_none", NULL};
		char *big[2] = {malloc(40000), NULL};
		memset(big[0], 'e', 39999);
		big[0][39999] = 0;
		R(execve("/bin/busybox", argv, big));
	}
	REAP("tight stack");
	return 0;
}
