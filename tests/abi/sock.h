// SPDX-License-Identifier: BSD-2-Clause
/* What the tests of sockets share: addresses, messages with control data, and how to print them. */
#pragma once

#include "abi.h"
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#define SO_PEERPIDFD 77
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif

#define PATH_OFF offsetof(struct sockaddr_un, sun_path)

/* "@name" is an abstract name. */
HELPER socklen_t un_addr(struct sockaddr_un *a, const char *name)
{
	size_t n = strlen(name);

	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	memcpy(a->sun_path, name, n);
	if (name[0] == '@') {
		a->sun_path[0] = 0;
		return PATH_OFF + n;
	}
	return PATH_OFF + n + 1;
}

HELPER int un_bind(int fd, const char *name)
{
	struct sockaddr_un a;
	socklen_t n = un_addr(&a, name);

	return bind(fd, (struct sockaddr *)&a, n);
}

HELPER int un_connect(int fd, const char *name)
{
	struct sockaddr_un a;
	socklen_t n = un_addr(&a, name);

	return connect(fd, (struct sockaddr *)&a, n);
}

HELPER ssize_t un_sendto(int fd, const char *text, const char *name)
{
	struct sockaddr_un a;
	socklen_t n = un_addr(&a, name);

	return sendto(fd, text, strlen(text), MSG_DONTWAIT, (struct sockaddr *)&a, n);
}

/* Print an address; automatic names are not printed, only their form. */
HELPER void say_addr(const char *what, const struct sockaddr_un *a, socklen_t len)
{
	say("%s: len %u", what, (unsigned)len);
	if (len >= 2)
		say(" family %d", a->sun_family);
	if (len > PATH_OFF) {
		if (!a->sun_path[0] && len == PATH_OFF + 6)
			say(" automatic %d", (int)strspn(strndupa(a->sun_path + 1, 5), "0123456789abcdef"));
		else
			say_bytes(" name", a->sun_path, len - PATH_OFF);
	}
	if (len <= PATH_OFF || (!a->sun_path[0] && len == PATH_OFF + 6))
		say("\n");
}

HELPER void say_names(int fd)
{
	struct sockaddr_un a;
	socklen_t len = sizeof(a);

	memset(&a, 0, sizeof(a));
	if (getsockname(fd, (struct sockaddr *)&a, &len))
		say("getsockname %s\n", err_name(errno));
	else
		say_addr("sock name", &a, len);
	memset(&a, 0, sizeof(a));
	len = sizeof(a);
	if (getpeername(fd, (struct sockaddr *)&a, &len))
		say("getpeername %s\n", err_name(errno));
	else
		say_addr("peer name", &a, len);
}

HELPER void make_pair(int type, int fd[2])
{
	NEED(socketpair(AF_UNIX, type, 0, fd));
}

HELPER int un_listener(int type, const char *name, int backlog)
{
	int fd = NEED(socket(AF_UNIX, type, 0));

	NEED(un_bind(fd, name));
	NEED(listen(fd, backlog));
	return fd;
}

HELPER void say_read(const char *what, int fd, size_t n, int flags)
{
	char buf[256];
	ssize_t got = recv(fd, buf, n, flags);

	if (got < 0)
		say("%s: %s\n", what, err_name(errno));
	else
		say_bytes(what, buf, got < (ssize_t)n ? (size_t)got : n);
}

HELPER void say_poll(const char *what, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLWRNORM | POLLRDBAND | POLLWRBAND};
	int n = poll(&p, 1, 0);

	say("%s: poll %d %#x\n", what, n, (unsigned short)p.revents);
}

HELPER int get_int(int fd, int level, int name)
{
	int v = -12345;
	socklen_t len = sizeof(v);

	if (getsockopt(fd, level, name, &v, &len))
		return -errno;
	return v;
}

HELPER int set_int(int fd, int level, int name, int v)
{
	return setsockopt(fd, level, name, &v, sizeof(v));
}

/* One message with descriptors. */
HELPER ssize_t send_fds(int sock, const char *text, size_t n, const int *fds, unsigned nfds, int flags)
{
	char control[CMSG_SPACE(300 * sizeof(int))];
	struct iovec iov = {(void *)text, n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(nfds * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	memset(control, 0, sizeof(control));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
	memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	return sendmsg(sock, &m, flags);
}

#define MSG_FLAG(f) ((m.msg_flags & (f)) ? " " #f : "")

/* Receive with @room bytes for control messages and print all of it; descriptors go to @fds, their number is returned. */
HELPER int say_msg(const char *what, int sock, size_t n, size_t room, int flags, int *fds)
{
	union {
		struct cmsghdr align;
		char bytes[2048];
	} control;
	char buf[256];
	struct sockaddr_un from;
	struct iovec iov = {buf, n};
	struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room ? control.bytes : NULL, .msg_controllen = room};
	int got = 0;
	ssize_t len;

	memset(&control, 0, sizeof(control));
	len = recvmsg(sock, &m, flags);
	if (len < 0) {
		say("%s: recvmsg %s\n", what, err_name(errno));
		return -1;
	}
	say("%s: %zd bytes, control %zu, flags%s%s%s%s%s\n", what, len, (size_t)m.msg_controllen, MSG_FLAG(MSG_TRUNC), MSG_FLAG(MSG_CTRUNC),
		MSG_FLAG(MSG_OOB), MSG_FLAG(MSG_EOR), MSG_FLAG(MSG_CMSG_CLOEXEC));
	say_bytes("  data", buf, len < (ssize_t)n ? (size_t)len : n);
	if (m.msg_namelen)
		say_addr("  from", &from, m.msg_namelen);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == SCM_RIGHTS) {
			int k = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

			say("  rights: %d\n", k);
			if (fds)
				memcpy(fds + got, CMSG_DATA(c), k * sizeof(int));
			else
				for (int i = 0; i < k; i++)
					close(((int *)(void *)CMSG_DATA(c))[i]);
			got += k;
		} else if (c->cmsg_type == SCM_CREDENTIALS) {
			struct ucred u;

			memcpy(&u, CMSG_DATA(c), sizeof(u));
			say("  credentials: pid %s uid %d gid %d\n",
				u.pid == getpid() ? "mine" : u.pid == getppid() ? "parent's" : u.pid == child_pid ? "child's" : u.pid ? "other" : "0",
				u.uid, u.gid);
		} else if (c->cmsg_type == SCM_PIDFD) {
			int fd;

			memcpy(&fd, CMSG_DATA(c), sizeof(fd));
			say("  pidfd: %s\n", fd >= 0 ? "yes" : err_name(-fd));
			if (fd >= 0)
				close(fd);
		} else {
			say("  level %d type %d len %zu\n", c->cmsg_level, c->cmsg_type, (size_t)c->cmsg_len);
		}
	}
	return got;
}
