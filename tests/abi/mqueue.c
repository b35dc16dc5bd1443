// SPDX-License-Identifier: BSD-2-Clause
/* POSIX message queues. */
#include "abi.h"
#include <mqueue.h>

#define NAME "nos-abi-queue"

static char buf[8192];

static int mqopen(const char *name, int flags, int mode, struct mq_attr *attr)
{
	return (int)syscall(SYS_mq_open, name, flags, mode, attr);
}

static void show_attr(int q)
{
	struct mq_attr a;

	R(syscall(SYS_mq_getsetattr, q, NULL, &a));
	say("flags %lx max %ld size %ld now %ld\n", a.mq_flags, a.mq_maxmsg, a.mq_msgsize, a.mq_curmsgs);
}

static void get(int q)
{
	unsigned prio = 7;
	long n = syscall(SYS_mq_timedreceive, q, buf, sizeof(buf), &prio, NULL);

	if (n < 0)
		say("receive: %s\n", err_name(errno));
	else
		say("receive: %ld, priority %u: %.*s\n", n, prio, (int)n, buf);
}

#define SEND(q, text, prio) R(syscall(SYS_mq_timedsend, q, text, strlen(text), prio, NULL))

static void names(void)
{
	HEAD("names");
	struct mq_attr a = {.mq_maxmsg = 4, .mq_msgsize = 100};
	struct stat st;
	int q;

	R(mqopen(NAME, O_RDWR, 0, NULL));
	R(mqopen("", O_RDWR | O_CREAT, 0600, NULL));
	R(mqopen("a/b", O_RDWR | O_CREAT, 0600, NULL));
	R(mqopen("..", O_RDWR | O_CREAT, 0600, NULL));
	R(mqopen(NULL, O_RDWR, 0, NULL));
	memset(buf, 'n', 300);
	buf[300] = 0;
	R(mqopen(buf, O_RDWR | O_CREAT, 0600, NULL));
	NEED(q = mqopen(NAME, O_RDWR | O_CREAT | O_EXCL, 0640, &a));
	V(fcntl(q, F_GETFD));
	V(fcntl(q, F_GETFL) & ~0100000);
	show_attr(q);
	NEED(fstat(q, &st));
	V(st.st_mode);
	V(st.st_size);
	V(st.st_nlink);
	R(mqopen(NAME, O_RDWR | O_CREAT | O_EXCL, 0640, &a));
	OK(close(mqopen(NAME, O_RDONLY | O_CREAT, 0600, NULL)));
	R(mqopen(NAME, O_ACCMODE, 0, NULL));
	R(mqopen(NAME "2", O_RDWR | O_CREAT, 0600, (struct mq_attr *)8));
	struct mq_attr bad[] = {{.mq_maxmsg = 0, .mq_msgsize = 10}, {.mq_maxmsg = 10, .mq_msgsize = 0}, {.mq_maxmsg = -1, .mq_msgsize = 10},
		{.mq_maxmsg = 11, .mq_msgsize = 10}, {.mq_maxmsg = 10, .mq_msgsize = 8193}};
	for (int i = 0; i < 5; i++)
		R(mqopen(NAME "2", O_RDWR | O_CREAT, 0600, &bad[i]));
	CHILD {
		NEED(setresuid(1000, 1000, 1000));
		R(mqopen(NAME, O_RDONLY, 0, NULL));
		R(syscall(SYS_mq_unlink, NAME));
	}
	REAP("other user");
	R(syscall(SYS_mq_unlink, NAME));
	R(syscall(SYS_mq_unlink, NAME));
	R(mqopen(NAME, O_RDWR, 0, NULL));
	SEND(q, "still here", 1);
	get(q);
	R(close(q));
	struct rlimit rl = {20000, 20000};
	CHILD {
		NEED(setrlimit(RLIMIT_MSGQUEUE, &rl));
		NEED(setresuid(100000 + getpid(), 100000 + getpid(), 100000 + getpid())); /* root's queues may be somebody else's */
		a = (struct mq_attr){.mq_maxmsg = 10, .mq_msgsize = 8192};
		R(mqopen(NAME, O_RDWR | O_CREAT, 0600, &a));
		a = (struct mq_attr){.mq_maxmsg = 10, .mq_msgsize = 1904};
		OK(mqopen(NAME, O_RDWR | O_CREAT, 0600, &a));
		R(mqopen(NAME "3", O_RDWR | O_CREAT, 0600, &(struct mq_attr){.mq_maxmsg = 1, .mq_msgsize = 1}));
	}
	REAP("limited");
	R(syscall(SYS_mq_unlink, NAME));
}

static void messages(void)
{
	HEAD("messages");
	struct mq_attr a = {.mq_maxmsg = 4, .mq_msgsize = 20}, set = {.mq_flags = O_NONBLOCK};
	struct timespec past = {1, 0}, bad = {1, 1000000000};
	int q, ro, wo;
	struct pollfd p;

	NEED(q = mqopen(NAME, O_RDWR | O_CREAT | O_NONBLOCK, 0600, &a));
	NEED(ro = mqopen(NAME, O_RDONLY, 0, NULL));
	NEED(wo = mqopen(NAME, O_WRONLY, 0, NULL));
	get(q);
	SEND(q, "low", 1);
	SEND(q, "high", 9);
	SEND(q, "low again", 1);
	SEND(q, "", 32767);
	SEND(q, "full", 1);
	SEND(q, "too much priority", 32768);
	SEND(q, "longer than twenty bytes", 1);
	SEND(ro, "x", 1);
	SEND(0, "x", 1);
	SEND(99, "x", 1);
	R(syscall(SYS_mq_timedsend, wo, "x", 1, 0, &past));
	R(syscall(SYS_mq_timedsend, wo, "x", 1, 0, &bad));
	R(syscall(SYS_mq_timedsend, q, NULL, 5, 0, NULL));
	R(syscall(SYS_mq_timedreceive, q, buf, 19, NULL, NULL));
	R(syscall(SYS_mq_timedreceive, wo, buf, 20, NULL, NULL));
	show_attr(q);
	lseek(q, 0, SEEK_SET);
	memset(buf, 0, sizeof(buf));
	R(read(q, buf, 200));
	say("%s", buf);
	p = (struct pollfd){.fd = q, .events = POLLIN | POLLOUT};
	R(poll(&p, 1, 0));
	V(p.revents);
	for (int i = 0; i < 5; i++)
		get(q);
	R(poll(&p, 1, 0));
	V(p.revents);
	R(syscall(SYS_mq_timedreceive, ro, buf, 20, NULL, &past));
	R(syscall(SYS_mq_getsetattr, ro, &set, &a));
	V(a.mq_flags);
	show_attr(ro);
	get(ro);
	set.mq_flags = O_APPEND;
	R(syscall(SYS_mq_getsetattr, ro, &set, NULL));
	R(syscall(SYS_mq_getsetattr, 0, NULL, &a));
	R(close(ro));
	R(close(wo));
	R(close(q));
	R(syscall(SYS_mq_unlink, NAME));
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void waiting(void)
{
	HEAD("waiting");
	struct mq_attr a = {.mq_maxmsg = 1, .mq_msgsize = 20};
	int q;

	NEED(q = mqopen(NAME, O_RDWR | O_CREAT, 0600, &a));
	CHILD {
		get(q);
		get(q);
	}
	sleep_ms(20);
	NEED(syscall(SYS_mq_timedsend, q, "one", 3, 1, NULL));
	NEED(syscall(SYS_mq_timedsend, q, "two", 3, 2, NULL));
	REAP("receiver");
	NEED(syscall(SYS_mq_timedsend, q, "x", 1, 2, NULL));
	CHILD {
		struct sigaction sa = {.sa_handler = on_alarm};
		struct itimerval it = {{0, 0}, {0, 30000}};
		sigaction(SIGALRM, &sa, NULL);
		setitimer(ITIMER_REAL, &it, NULL);
		SEND(q, "interrupted", 1);
	}
	REAP("sender");
	close(q);
	syscall(SYS_mq_unlink, NAME);
}

static void notification(void)
{
	HEAD("notification");
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77};
	struct sigevent none = {.sigev_notify = SIGEV_NONE}, bad = {.sigev_notify = 9}, sig = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 65};
	struct timespec ts = {5, 0}, no = {0, 0};
	struct mq_attr a = {.mq_maxmsg = 4, .mq_msgsize = 20};
	sigset_t set;
	siginfo_t si;
	int q;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	NEED(q = mqopen(NAME, O_RDWR | O_CREAT, 0600, &a));
	R(syscall(SYS_mq_notify, q, &ev));
	R(syscall(SYS_mq_notify, q, &ev));
	CHILD {
		R(syscall(SYS_mq_notify, q, &none));
		R(syscall(SYS_mq_notify, q, NULL));
		SEND(q, "hello", 1);
	}
	REAP("child");
	IS(sigtimedwait(&set, &si, &ts) == SIGUSR1);
	V(si.si_code);
	IS(si.si_pid == child_pid && si.si_uid == 0);
	V(si.si_value.sival_int);
	SEND(q, "again", 1);
	R(sigtimedwait(&set, &si, &no));
	R(syscall(SYS_mq_notify, q, &ev));
	SEND(q, "not empty", 1);
	R(sigtimedwait(&set, &si, &no));
	R(syscall(SYS_mq_notify, q, NULL));
	R(syscall(SYS_mq_notify, q, &none));
	R(syscall(SYS_mq_notify, q, &bad));
	R(syscall(SYS_mq_notify, q, &sig));
	R(syscall(SYS_mq_notify, 0, &ev));
	R(close(q));
	R(syscall(SYS_mq_unlink, NAME));
}

int main(void)
{
	names();
	messages();
	waiting();
	notification();
	return 0;
}
