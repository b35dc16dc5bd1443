// SPDX-License-Identifier: BSD-2-Clause
/* Questions of seccomp filters (SECCOMP_RET_USER_NOTIF), and what a tracer sees of filters. */
#include "trace.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define ASKED SYS_getpriority

static long filter(unsigned flags, int nr, unsigned action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {ARRAY_LEN(code), code};

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

static int send_fd(int sock, int fd)
{
	char c = 'x', room[CMSG_SPACE(sizeof(fd))] = "";
	struct iovec io = {&c, 1};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	return (int)sendmsg(sock, &m, 0);
}

static int take_fd(int sock)
{
	char c, room[CMSG_SPACE(sizeof(int))];
	struct iovec io = {&c, 1};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
	int fd = -1;

	if (recvmsg(sock, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

static volatile int interrupted;

static void on_usr(int sig)
{
	(void)sig;
	interrupted++;
}

static void ask(const char *what)
{
	long r = syscall(ASKED, 7, 8);

	say("%s: %ld %s\n", what, r, r < 0 ? err_name(errno) : "");
}

/* The child, whose calls are asked about. */
static void asker(int sock)
{
	/* Said when all is over: who asks and who answers run at the same time. */
	dup2(open("asker", O_WRONLY | O_CREAT, 0644), 1);
	int fd = (int)filter(SECCOMP_FILTER_FLAG_NEW_LISTENER, ASKED, SECCOMP_RET_USER_NOTIF);

	say("listener: %s\n", fd >= 0 ? "yes" : err_name(errno));
	say("cloexec: %d\n", fcntl(fd, F_GETFD));
	R(filter(SECCOMP_FILTER_FLAG_NEW_LISTENER, ASKED, SECCOMP_RET_USER_NOTIF));
	send_fd(sock, fd);
	close(fd);
	ask("value");
	ask("error");
	ask("made");
	ask("descriptor");
	say("it is %s\n", fcntl(77, F_GETFD) == FD_CLOEXEC ? "there" : "not there");
	ask("descriptor as the result");
	on_signal(SIGUSR1, on_usr, 0);
	ask("interrupted");
	on_signal(SIGUSR1, on_usr, SA_RESTART);
	ask("restarted");
	say("%d signals\n", interrupted);
	ask("closed");
	ask("closed before");
	_exit(5);
}

static int lfd;

static __u64 receive(void)
{
	struct seccomp_notif n;
	long r;

	memset(&n, 0, sizeof(n));
	r = ioctl(lfd, SECCOMP_IOCTL_NOTIF_RECV, &n);
	say("received %ld: pid %s, flags %u, call %d, arguments %llu %llu\n", r, n.pid == (__u32)child_pid ? "ok" : "wrong", n.flags,
		n.data.nr == ASKED, (unsigned long long)n.data.args[0], (unsigned long long)n.data.args[1]);
	return n.id;
}

static long answer(__u64 id, long val, int error, unsigned flags)
{
	struct seccomp_notif_resp r = {id, val, error, flags};

	return ioctl(lfd, SECCOMP_IOCTL_NOTIF_SEND, &r);
}

static long add_fd(__u64 id, unsigned flags, int fd, unsigned at, unsigned fd_flags)
{
	struct seccomp_notif_addfd a = {id, flags, (unsigned)fd, at, fd_flags};

	return ioctl(lfd, SECCOMP_IOCTL_NOTIF_ADDFD, &a);
}

static void poll_it(const char *what)
{
	struct pollfd p = {lfd, POLLIN | POLLOUT, 0};

	poll(&p, 1, 0);
	say("%s:%s%s%s\n", what, p.revents & POLLIN ? " in" : "", p.revents & POLLOUT ? " out" : "", p.revents & POLLHUP ? " hup" : "");
}

static void await(short events)
{
	struct pollfd p = {lfd, events, 0};

	poll(&p, 1, 5000);
}

static void bad_calls(__u64 id)
{
	struct seccomp_notif n;
	__u64 other = id + 1000;

	memset(&n, 1, sizeof(n));
	R(ioctl(lfd, SECCOMP_IOCTL_NOTIF_RECV, &n));
	R(ioctl(lfd, SECCOMP_IOCTL_NOTIF_RECV, NULL));
	R(ioctl(lfd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id));
	R(ioctl(lfd, SECCOMP_IOCTL_NOTIF_ID_VALID, &other));
	R(ioctl(lfd, SECCOMP_IOCTL_NOTIF_ID_VALID, NULL));
	R(ioctl(lfd, SECCOMP_IOCTL_NOTIF_SEND, NULL));
	R(answer(other, 0, 0, 0));
	R(answer(id, 0, 0, 2));
	R(answer(id, 1, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
	R(answer(id, 0, -1, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
	R(add_fd(other, 0, 0, 0, 0));
	R(add_fd(id, 4, 0, 0, 0));
	R(add_fd(id, 0, 0, 5, 0));
	R(add_fd(id, 0, 0, 0, O_NONBLOCK));
	R(add_fd(id, 0, 999, 0, 0));
	R(ioctl(lfd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, 2));
	R(ioctl(lfd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP));
	R(ioctl(lfd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, 0));
	R(ioctl(lfd, 0x1234, 0));
}

static void questions(void)
{
	int pair[2];
	__u64 id;

	HEAD("questions");
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	CHILD
		asker(pair[1]);
	lfd = take_fd(pair[0]);
	await(POLLIN);
	poll_it("asked");
	id = receive();
	poll_it("taken");
	bad_calls(id);
	R(answer(id, 42, 0, 0));
	id = receive();
	R(answer(id, 0, -EXFULL, 0));
	id = receive();
	R(answer(id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
	id = receive();
	R(add_fd(id, SECCOMP_ADDFD_FLAG_SETFD, pair[0], 77, O_CLOEXEC));
	R(answer(id, 1, 0, 0));
	id = receive();
	IS(add_fd(id, SECCOMP_ADDFD_FLAG_SEND, pair[0], 0, 0) > 2);
	R(answer(id, 1, 0, 0));
	id = receive();
	kill(child_pid, SIGUSR1);
	for (int i = 0; i < 5000 && !ioctl(lfd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id); i++)
		sleep_ms(1);
	R(answer(id, 1, 0, 0));
	id = receive();
	kill(child_pid, SIGUSR1);
	id = receive();
	R(answer(id, 12, 0, 0));
	receive();
	close(lfd);
	REAP("asker");
	say("%s", get_file("asker"));
}

static void arguments(void)
{
	struct seccomp_notif_sizes sizes;
	unsigned action = SECCOMP_RET_USER_NOTIF;

	HEAD("arguments");
	R(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
	R(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes));
	CHILD {
		R(filter(SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC, ASKED, SECCOMP_RET_USER_NOTIF));
		R(filter(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, ASKED, SECCOMP_RET_USER_NOTIF));
		IS(filter(SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH, SYS_getpgid, SECCOMP_RET_ALLOW) >= 0);
		R(filter(0, ASKED, SECCOMP_RET_USER_NOTIF));
		ask("nobody listens");
	}
	REAP("child");
	CHILD {
		int pair[2];

		socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
		CHILD {
			send_fd(pair[1], (int)filter(SECCOMP_FILTER_FLAG_NEW_LISTENER, ASKED, SECCOMP_RET_USER_NOTIF));
		}
		lfd = take_fd(pair[0]);
		REAP("its last user");
		await(POLLHUP);
		poll_it("orphaned");
		receive();
	}
	REAP("orphans");
}

static void filters_of(void)
{
	struct sock_filter code[16];
	struct seccomp_metadata m = {0};
	int st;

	HEAD("a tracer looks");
	CHILD {
		filter(0, SYS_getpgid, SECCOMP_RET_ERRNO | 1);
		filter(SECCOMP_FILTER_FLAG_LOG, SYS_getsid, SECCOMP_RET_ALLOW);
		PT(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
	}
	waitpid(child_pid, &st, 0);
	for (int i = 0; i < 3; i++) {
		memset(code, 0, sizeof(code));
		m.filter_off = i;
		m.flags = 99;
		R(PT(PTRACE_SECCOMP_GET_FILTER, child_pid, i, 0));
		R(PT(PTRACE_SECCOMP_GET_FILTER, child_pid, i, code));
		say("%d: %s\n", i, code[1].k == SYS_getpgid ? "first" : code[1].k == SYS_getsid ? "second" : "none");
		R(PT(PTRACE_SECCOMP_GET_METADATA, child_pid, sizeof(m), &m));
		say("flags %llu\n", (unsigned long long)m.flags);
	}
	R(PT(PTRACE_SECCOMP_GET_FILTER, child_pid, 0, 8));
	R(PT(PTRACE_SECCOMP_GET_METADATA, child_pid, 7, &m));
	R(PT(PTRACE_SECCOMP_GET_METADATA, child_pid, 8, &m));
	R(PT(PTRACE_SECCOMP_GET_METADATA, child_pid, 8, 8));
	PT(PTRACE_KILL, child_pid, 0, 0);
	waitpid(child_pid, &st, 0);
	CHILD {
		PT(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
	}
	waitpid(child_pid, &st, 0);
	R(PT(PTRACE_SECCOMP_GET_FILTER, child_pid, 0, 0));
	PT(PTRACE_KILL, child_pid, 0, 0);
	waitpid(child_pid, &st, 0);
}

int main(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	arguments();
	questions();
	filters_of();
	return 0;
}
