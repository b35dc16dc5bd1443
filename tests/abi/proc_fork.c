// SPDX-License-Identifier: BSD-2-Clause
/* fork, vfork, clone, clone3: what is shared, copied and inherited; flag errors; tid stores. */
#include "abi.h"
#include <linux/sched.h>
#include <sys/resource.h>

static int global = 1;
static char stack[65536] __attribute__((aligned(16)));

static void inheritance(void)
{
	sigset_t usr1 = sig_set(SIGUSR1), got;

	HEAD("what a child has");
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0644));
	write(fd, "0123456789", 10);
	lseek(fd, 3, SEEK_SET);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	raise(SIGUSR1);
	signal(SIGUSR2, SIG_IGN);
	umask(027);
	alarm(1000);
	setpriority(PRIO_PROCESS, 0, 3);
	prctl(PR_SET_NAME, "parentname");
	struct rlimit rl = {77, 4096};
	setrlimit(RLIMIT_NOFILE, &rl);
	pid_t parent = getpid(), group = getpgrp(), session = getsid(0);
	CHILD {
		IS(getppid() == parent);
		IS(getpid() != parent);
		IS(getpgrp() == group && getsid(0) == session);
		char c;
		R(read(fd, &c, 1));
		say("read '%c'\n", c);
		global = 2;
		sigprocmask(SIG_SETMASK, NULL, &got);
		V(sigismember(&got, SIGUSR1));
		sigpending(&got);
		V(sigismember(&got, SIGUSR1));
		IS(signal(SIGUSR2, SIG_DFL) == SIG_IGN);
		V(umask(0));
		V(alarm(0));
		V(getpriority(PRIO_PROCESS, 0));
		char name[17];
		prctl(PR_GET_NAME, name);
		S(name);
		getrlimit(RLIMIT_NOFILE, &rl);
		V(rl.rlim_cur);
		struct rusage ru;
		getrusage(RUSAGE_CHILDREN, &ru);
		V(ru.ru_utime.tv_sec);
		close(fd);
	}
	REAP("child");
	V(global);
	V(lseek(fd, 0, SEEK_CUR));
	IS(alarm(0) > 0);
	setpriority(PRIO_PROCESS, 0, 0);
	umask(022);
	sigpending(&got);
	V(sigismember(&got, SIGUSR1));
	close(fd);
}

static void vforks(void)
{
	HEAD("vfork");
	volatile int shared = 1;
	pid_t p = vfork();
	if (p == 0) {
		shared = 5;
		_exit(9);
	}
	V(shared);
	reap_pid("vfork child", p);
	p = vfork();
	if (p == 0) {
		char *argv[] = {"proc_fork", "arg", NULL};
		execv("/proc/self/exe", argv);
		_exit(1);
	}
	reap_pid("vfork exec", p);
}

static long clone3_(unsigned long long flags, int sig, void *stk, size_t size, int *ptid, int *ctid,
	int *pidfd)
{
	struct clone_args ca = {
		.flags = flags,
		.exit_signal = sig,
		.stack = (uintptr_t)stk,
		.stack_size = size,
		.parent_tid = (uintptr_t)ptid,
		.child_tid = (uintptr_t)ctid,
		.pidfd = (uintptr_t)pidfd,
	};

	return syscall(SYS_clone3, &ca, sizeof(ca));
}

/* A call expected to fail; a child that appears all the same leaves at once. */
#define BAD(call)                                                                                  \
	({                                                                                         \
		long b_ = (long)(call);                                                            \
		if (b_ == 0)                                                                       \
			_exit(0);                                                                  \
		say("%s: %s\n", #call, b_ > 0 ? "worked" : err_name(errno));                       \
		if (b_ > 0)                                                                        \
			waitpid(b_, NULL, __WALL);                                                 \
	})

static void bad_flags(void)
{
	HEAD("flags that do not go together");
	BAD(clone3_(CLONE_THREAD, 0, NULL, 0, 0, 0, 0));
	BAD(clone3_(CLONE_SIGHAND, SIGCHLD, NULL, 0, 0, 0, 0));
	BAD(clone3_(CLONE_THREAD | CLONE_SIGHAND, 0, NULL, 0, 0, 0, 0));
	BAD(clone3_(CLONE_FS | CLONE_NEWNS, SIGCHLD, NULL, 0, 0, 0, 0));
	BAD(clone3_(CLONE_SIGHAND | CLONE_CLEAR_SIGHAND | CLONE_VM, SIGCHLD, NULL, 0, 0, 0, 0));
	BAD(clone3_(CLONE_DETACHED, SIGCHLD, NULL, 0, 0, 0, 0));
	BAD(clone3_(0x100ull << 32, SIGCHLD, NULL, 0, 0, 0, 0));
	BAD(clone3_(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, SIGCHLD, stack, sizeof(stack), 0, 0, 0));
	BAD(clone3_(0, 65, NULL, 0, 0, 0, 0));
	BAD(clone3_(0, SIGCHLD, stack, 0, 0, 0, 0));
	BAD(clone3_(0, SIGCHLD, NULL, 4096, 0, 0, 0));
	BAD(clone3_(0, SIGCHLD, NULL, 0, 0, 0, 0));
	BAD(clone3_(CLONE_PIDFD, SIGCHLD, NULL, 0, 0, 0, (int *)8));
	BAD(clone3_(CLONE_PARENT_SETTID, SIGCHLD, NULL, 0, (int *)8, 0, 0));
	BAD(syscall(SYS_clone3, NULL, 88));
	BAD(syscall(SYS_clone3, stack, 8));
	BAD(syscall(SYS_clone3, stack, 1 << 20));
	struct clone_args ca[2];
	memset(ca, 0, sizeof(ca));
	ca[0].exit_signal = SIGCHLD;
	((char *)&ca[1])[3] = 1;
	BAD(syscall(SYS_clone3, ca, sizeof(ca)));
	BAD(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0));
	BAD(syscall(SYS_clone, CLONE_THREAD | SIGCHLD, 0, 0, 0, 0));
	BAD(syscall(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, &global, 0, 0));
	BAD(syscall(SYS_clone, CLONE_DETACHED | SIGCHLD, 0, 0, 0, 0));
}

static void sharing(void)
{
	int ptid = 0, ctid = 0, fd = -1;
	long p;

	HEAD("CLONE_FILES and CLONE_FS");
	p = clone3_(CLONE_FILES | CLONE_FS, SIGCHLD, NULL, 0, 0, 0, 0);
	if (p == 0) {
		fd = open("f", O_RDONLY);
		chdir("/proc");
		umask(0123);
		_exit(fd);
	}
	int st;
	waitpid(p, &st, 0);
	R(fcntl(WEXITSTATUS(st), F_GETFD));
	close(WEXITSTATUS(st));
	char cwd[64];
	R(syscall(SYS_getcwd, cwd, sizeof(cwd)));
	S(cwd);
	V(umask(022));
	chdir("/work");
	p = clone3_(0, SIGCHLD, NULL, 0, 0, 0, 0);
	if (p == 0) {
		dup2(0, 50);
		chdir("/");
		_exit(0);
	}
	reap_pid("separate", p);
	R(fcntl(50, F_GETFD));
	syscall(SYS_getcwd, cwd, sizeof(cwd));
	S(cwd);

	HEAD("tid stores and pidfd");
	p = clone3_(CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_PIDFD, SIGCHLD, NULL, 0, &ptid,
		&ctid, &fd);
	if (p == 0)
		_exit(ctid == getpid() ? 4 : 5);
	IS(ptid == p);
	V(ctid);
	R(fcntl(fd, F_GETFD));
	reap_pid("child", p);
	close(fd);

	HEAD("exit signals");
	p = clone3_(0, 0, NULL, 0, 0, 0, 0);
	if (p == 0)
		_exit(3);
	R(waitpid(p, &st, 0));
	R(waitpid(p, &st, __WCLONE) == p);
	say_status("no signal", st);
	p = clone3_(0, SIGUSR2, NULL, 0, 0, 0, 0);
	if (p == 0)
		_exit(3);
	R(waitpid(-1, &st, 0));
	R(waitpid(-1, &st, __WALL) == p);

	HEAD("CLONE_CLEAR_SIGHAND");
	signal(SIGUSR1, SIG_IGN);
	on_signal(SIGUSR2, (void (*)(int))_exit, 0);
	p = clone3_(CLONE_CLEAR_SIGHAND, SIGCHLD, NULL, 0, 0, 0, 0);
	if (p == 0) {
		struct sigaction sa;
		sigaction(SIGUSR1, NULL, &sa);
		IS(sa.sa_handler == SIG_IGN);
		sigaction(SIGUSR2, NULL, &sa);
		IS(sa.sa_handler == SIG_DFL);
		_exit(0);
	}
	reap_pid("child", p);

	HEAD("CLONE_PARENT");
	CHILD {
		p = clone3_(CLONE_PARENT, 0, NULL, 0, 0, 0, 0);
		if (p == 0) {
			await_state(getpid(), 'R');
			_exit(6);
		}
		_exit(7);
	}
	int sum = 0, n = 0;
	for (; waitpid(-1, &st, __WALL) > 0; n++)
		sum += WEXITSTATUS(st);
	say("two children, sum %d count %d\n", sum, n);
}

static void limits(void)
{
	HEAD("RLIMIT_NPROC");
	CHILD {
		become(4242);
		struct rlimit rl = {3, 3};
		NEED(setrlimit(RLIMIT_NPROC, &rl));
		for (int i = 0; i < 4; i++) {
			pid_t p = fork();
			if (p == 0) {
				pause();
				_exit(0);
			}
			say("fork %d: %s\n", i, p > 0 ? "ok" : err_name(errno));
		}
		kill(0, SIGKILL);
	}
	REAP("limited");
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		say("exec'd with %s\n", argv[1]);
		return 8;
	}
	inheritance();
	vforks();
	bad_flags();
	sharing();
	setpgid(0, 0);
	CHILD {
		setpgid(0, 0);
		limits();
	}
	REAP("limits");
	return 0;
}
