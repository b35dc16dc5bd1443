// SPDX-License-Identifier: BSD-2-Clause
/*
 * seccomp(2): what is refused, each action, inheritance, TSYNC.
 */
#include "abi.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>

static long seccomp(unsigned op, unsigned flags, void *args)
{
	return syscall(SYS_seccomp, op, flags, args);
}

#define LOAD_NR BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define ON(call, action) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1), BPF_STMT(BPF_RET | BPF_K, action)
#define REST BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static long set(struct sock_filter *f, unsigned short n, unsigned flags)
{
	struct sock_fprog p = {.len = n, .filter = f};

	return seccomp(SECCOMP_SET_MODE_FILTER, flags, &p);
}

static long set_action(unsigned action)
{
	struct sock_filter f[] = {LOAD_NR, ON(SYS_getppid, action), REST};

	return set(f, 4, 0);
}

static void in_child(const char *what, void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		fn();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		say("%s: signal %s\n", what, sig_name(WTERMSIG(status)));
	else
		say("%s: exit %d\n", what, WEXITSTATUS(status));
}

static void refused(void)
{
	struct sock_filter bad_load[] = {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), REST};
	struct sock_filter odd_load[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), REST};
	struct sock_filter far_load[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sizeof(struct seccomp_data)), REST};
	struct sock_filter no_ret[] = {LOAD_NR};
	struct sock_filter ok[] = {REST};
	struct sock_fprog null = {.len = 1};
	unsigned action = SECCOMP_RET_ERRNO, odd = 0x12340000;

	R(seccomp(77, 0, NULL));
	R(seccomp(SECCOMP_SET_MODE_STRICT, 1, NULL));
	R(seccomp(SECCOMP_SET_MODE_STRICT, 0, &action));
	R(seccomp(SECCOMP_SET_MODE_FILTER, 1u << 20, NULL));
	R(seccomp(SECCOMP_SET_MODE_FILTER, 0, NULL));
	R(seccomp(SECCOMP_SET_MODE_FILTER, 0, &null));
	R(set(ok, 0, 0));
	R(set(ok, 5000, 0));
	R(set(bad_load, 2, 0));
	R(set(odd_load, 2, 0));
	R(set(far_load, 2, 0));
	R(set(no_ret, 1, 0));
	R(seccomp(SECCOMP_GET_ACTION_AVAIL, 1, &action));
	R(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action));
	R(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &odd));
	R(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, NULL));
	R(prctl(PR_SET_SECCOMP, 7, 0, 0, 0));
	R(prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
}

static void unprivileged(void)
{
	struct sock_filter ok[] = {REST};

	if (fork() == 0) {
		setuid(1000);
		R(set(ok, 1, 0)); /* NO_NEW_PRIVS is set here */
		_exit(0);
	}
	wait(NULL);
}

static void with_errno(void)
{
	R(set_action(SECCOMP_RET_ERRNO | 7));
	R(getppid());
	R(syscall(SYS_getppid));
	R(prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
	R(seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL));
	if (fork() == 0) {
		R(syscall(SYS_getppid)); /* inherited */
		_exit(0);
	}
	wait(NULL);
	R(set_action(SECCOMP_RET_ERRNO | 9)); /* equal: the newest wins */
	R(syscall(SYS_getppid));
	R(set_action(SECCOMP_RET_ALLOW));
	R(syscall(SYS_getppid));
}

static void on_sigsys(int sig, siginfo_t *info, __attribute__((unused)) void *context)
{
	say("handler: %d code %d errno %d call is getppid %d arch %d\n", sig == SIGSYS, info->si_code, info->si_errno,
		info->si_syscall == SYS_getppid, info->si_arch == AUDIT_ARCH_X86_64);
}

static void with_trap(void)
{
	struct sigaction sa = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO};

	sigaction(SIGSYS, &sa, NULL);
	R(set_action(SECCOMP_RET_TRAP | 5));
	say("returns its number: %d\n", syscall(SYS_getppid) == SYS_getppid);
	signal(SIGSYS, SIG_IGN);
	syscall(SYS_getppid);
}

static void with_trace(void)
{
	R(set_action(SECCOMP_RET_TRACE));
	R(syscall(SYS_getppid));
}

static void with_log(void)
{
	R(set_action(SECCOMP_RET_LOG));
	say("made: %d\n", syscall(SYS_getppid) > 0);
}

static void *make_call(__attribute__((unused)) void *arg)
{
	syscall(SYS_getppid);
	return NULL;
}

static void kill_process(void)
{
	struct sigaction sa = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO};
	pthread_t t;

	sigaction(SIGSYS, &sa, NULL);
	R(set_action(SECCOMP_RET_KILL_PROCESS));
	pthread_create(&t, NULL, make_call, NULL);
	pthread_join(t, NULL);
	say("not reached\n");
}

static void kill_thread(void)
{
	pthread_t t;

	R(set_action(SECCOMP_RET_KILL_THREAD));
	pthread_create(&t, NULL, make_call, NULL);
	usleep(100000);
	say("lives on\n");
	_exit(3);
}

static void kill_last(void)
{
	R(set_action(SECCOMP_RET_KILL_THREAD));
	syscall(SYS_getppid);
}

static void strict(void)
{
	char c = 'x';

	R(seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL));
	(void)!write(-1, &c, 1);
	syscall(SYS_getppid);
}

static int ready[2], go[2];

static void *synced(__attribute__((unused)) void *arg)
{
	char c;

	(void)!write(ready[1], "r", 1);
	(void)!read(go[0], &c, 1);
	R(syscall(SYS_getppid));
	R(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	return NULL;
}

static void tsync(void)
{
	struct sock_filter f[] = {LOAD_NR, ON(SYS_getppid, SECCOMP_RET_ERRNO | 11), REST};
	pthread_t t;
	char c;

	(void)!pipe(ready);
	(void)!pipe(go);
	pthread_create(&t, NULL, synced, NULL);
	(void)!read(ready[0], &c, 1);
	R(set(f, 4, SECCOMP_FILTER_FLAG_TSYNC));
	(void)!write(go[1], "g", 1);
	pthread_join(t, NULL);
}

static void *diverged(__attribute__((unused)) void *arg)
{
	char c;

	set_action(SECCOMP_RET_LOG);
	(void)!write(ready[1], "r", 1);
	(void)!read(go[0], &c, 1);
	return NULL;
}

static void tsync_fails(void)
{
	struct sock_filter f[] = {REST};
	pthread_t t;
	char c;

	(void)!pipe(ready);
	(void)!pipe(go);
	pthread_create(&t, NULL, diverged, NULL);
	(void)!read(ready[0], &c, 1);
	say("names a thread: %d\n", set(f, 1, SECCOMP_FILTER_FLAG_TSYNC) > 0);
	R(set(f, 1, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH));
	(void)!write(go[1], "g", 1);
	pthread_join(t, NULL);
}

static void too_many(void)
{
	static struct sock_filter f[4096];
	int n = 0;

	for (int i = 0; i < 4096; i++)
		f[i] = (struct sock_filter)REST;
	while (set(f, 4096, 0) == 0)
		n++;
	say("%d: some filters, then %s\n", n > 0, errno == ENOMEM ? "ENOMEM" : "another error");
}

static void status(void)
{
	char line[128];
	FILE *f;

	set_action(SECCOMP_RET_LOG);
	set_action(SECCOMP_RET_LOG);
	f = fopen("/proc/self/status", "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "Seccomp", 7) || !strncmp(line, "NoNewPrivs", 10))
			say("%s", line);
	}
}

int main(void)
{
	in_child("refused", refused);
	in_child("unprivileged", unprivileged);
	in_child("errno", with_errno);
	in_child("trap", with_trap);
	in_child("trace", with_trace);
	in_child("log", with_log);
	in_child("kill process", kill_process);
	in_child("kill thread", kill_thread);
	in_child("kill last", kill_last);
	in_child("strict", strict);
	in_child("tsync", tsync);
	in_child("tsync fails", tsync_fails);
	in_child("too many", too_many);
	in_child("status", status);
	return 0;
}
