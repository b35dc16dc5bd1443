// SPDX-License-Identifier: BSD-2-Clause
/* Who is at the other end: SO_PEERCRED, SCM_CREDENTIALS, SCM_PIDFD. */
#include "sock.h"

static ssize_t send_creds(int sock, struct ucred u, size_t len)
{
	union {
		struct cmsghdr h;
		char b[CMSG_SPACE(64)];
	} c = {};
	struct iovec iov = {"c", 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = CMSG_SPACE(len)};

	c.h.cmsg_level = SOL_SOCKET;
	c.h.cmsg_type = SCM_CREDENTIALS;
	c.h.cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(&c.h), &u, sizeof(u));
	return sendmsg(sock, &m, 0);
}

static void say_peer(const char *what, int fd)
{
	struct ucred u = {-7, -7, -7};
	socklen_t len = sizeof(u);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &len))
		say("%s: %s\n", what, err_name(errno));
	else
		say("%s: len %u pid %s uid %d gid %d\n", what, len,
			u.pid == getpid() ? "mine" : u.pid == getppid() ? "parent's" : u.pid == child_pid ? "child's" : u.pid ? "other" : "0",
			(int)u.uid, (int)u.gid);
}

static void peers(void)
{
	int p[2], l, c;
	gid_t groups[8];
	socklen_t len;
	char b;

	HEAD("SO_PEERCRED");
	c = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	say_peer("fresh", c);
	len = sizeof(groups);
	R(getsockopt(c, SOL_SOCKET, SO_PEERGROUPS, groups, &len));
	R(getsockopt(c, SOL_SOCKET, SO_PEERPIDFD, groups, &len));
	len = sizeof(b);
	R(getsockopt(c, SOL_SOCKET, SO_PEERNAME, groups, &len));
	close(c);
	make_pair(SOCK_DGRAM, p);
	say_peer("pair", p[0]);
	CHILD {
		become(1234);
		say_peer("pair in child", p[0]);
	}
	REAP("child");
	close(p[0]);
	close(p[1]);
	NEED(setgroups(3, (gid_t[]){30, 10, 20}));
	l = un_listener(SOCK_STREAM, "@nos-abi-creds", 3);
	say_peer("listener", l);
	CHILD {
		become(1234);
		c = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
		NEED(un_connect(c, "@nos-abi-creds"));
		say_peer("client", c);
		len = sizeof(groups);
		int n = getsockopt(c, SOL_SOCKET, SO_PEERGROUPS, groups, &len);
		say("groups %d: %u: %d %d %d\n", n, len, groups[0], groups[1], groups[2]);
		len = 4;
		R(getsockopt(c, SOL_SOCKET, SO_PEERGROUPS, groups, &len));
		V(len);
		write(c, "r", 1);
		read(c, &b, 1);
	}
	int s = NEED(accept(l, NULL, NULL));
	read(s, &b, 1); /* the child has printed */
	say_peer("accepted", s);
	int fd = -1;
	len = sizeof(fd);
	R(getsockopt(s, SOL_SOCKET, SO_PEERPIDFD, &fd, &len));
	IS(fd >= 0);
	V(fcntl(fd, F_GETFD));
	struct pollfd pf = {.fd = fd, .events = POLLIN};
	R(poll(&pf, 1, 0));
	write(s, "x", 1);
	R(poll(&pf, 1, 10000));
	REAP("client");
	close(fd);
	say_peer("accepted, client gone", s);
	close(s);
	close(l);
	NEED(setgroups(0, NULL));
}

static void in_messages(int type)
{
	struct ucred me = {getpid(), getuid(), getgid()}, u;
	int p[2];

	say("== type %d\n", type);
	make_pair(type, p);
	HEAD("not asked for");
	R(send_creds(p[0], me, sizeof(me)));
	say_msg("no", p[1], 10, 256, 0, NULL);
	HEAD("SO_PASSCRED");
	write(p[0], "before", 6);
	R(set_int(p[1], SOL_SOCKET, SO_PASSCRED, 1));
	V(get_int(p[1], SOL_SOCKET, SO_PASSCRED));
	say_msg("sent before", p[1], 10, 256, 0, NULL);
	write(p[0], "after", 5);
	say_msg("sent after", p[1], 10, 256, 0, NULL);
	write(p[0], "x", 1);
	say_msg("no room", p[1], 10, 0, 0, NULL);
	write(p[0], "x", 1);
	say_msg("half the room", p[1], 10, 20, 0, NULL);
	write(p[0], "x", 1);
	say_read("read", p[1], 10, 0);
	HEAD("explicit");
	R(send_creds(p[0], me, sizeof(me)));
	say_msg("mine", p[1], 10, 256, 0, NULL);
	R(send_creds(p[0], me, sizeof(me) - 1));
	R(send_creds(p[0], me, sizeof(me) + 4));
	u = me;
	u.pid = 1 << 22;
	R(send_creds(p[0], u, sizeof(u)));
	u.pid = getppid();
	R(send_creds(p[0], u, sizeof(u)));
	say_msg("parent's", p[1], 10, 256, 0, NULL);
	u = me;
	u.uid = 77;
	u.gid = 78;
	R(send_creds(p[0], u, sizeof(u)));
	say_msg("another user's", p[1], 10, 256, 0, NULL);
	HEAD("unprivileged");
	CHILD {
		u = (struct ucred){getpid(), 1234, 1234};
		become(1234);
		R(send_creds(p[0], u, sizeof(u)));
		u.uid = 0;
		R(send_creds(p[0], u, sizeof(u)));
		u.uid = 1234;
		u.gid = 0;
		R(send_creds(p[0], u, sizeof(u)));
		u.gid = 1234;
		u.pid = getppid();
		R(send_creds(p[0], u, sizeof(u)));
		write(p[0], "child", 5);
	}
	REAP("child");
	say_msg("child's", p[1], 50, 256, 0, NULL);
	say_msg("child's", p[1], 50, 256, MSG_DONTWAIT, NULL);
	HEAD("writers are kept apart");
	write(p[0], "one", 3);
	write(p[0], "two", 3);
	CHILD {
		become(1234);
		write(p[0], "three", 5);
	}
	REAP("child");
	write(p[0], "four", 4);
	for (int i = 0; i < 4; i++)
		say_msg("part", p[1], 50, 256, MSG_DONTWAIT, NULL);
	HEAD("rights with credentials");
	R(send_fds(p[0], "r", 1, p, 2, 0));
	say_msg("both", p[1], 10, 256, 0, NULL);
	HEAD("SO_PASSPIDFD");
	R(set_int(p[1], SOL_SOCKET, SO_PASSPIDFD, 1));
	write(p[0], "p", 1);
	say_msg("pidfd", p[1], 10, 256, 0, NULL);
	R(set_int(p[1], SOL_SOCKET, SO_PASSCRED, 0));
	write(p[0], "p", 1);
	say_msg("pidfd alone", p[1], 10, 256, 0, NULL);
	CHILD {
		write(p[0], "c", 1);
	}
	REAP("child");
	say_msg("of one who is gone", p[1], 10, 256, 0, NULL);
	write(p[0], "p", 1);
	say_msg("no room", p[1], 10, 16, 0, NULL);
	close(p[0]);
	close(p[1]);
}

static void autobind(void)
{
	int s = NEED(socket(AF_UNIX, SOCK_DGRAM, 0)), c = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));

	HEAD("with SO_PASSCRED a sender gets a name");
	NEED(un_bind(s, "@nos-abi-auto"));
	set_int(c, SOL_SOCKET, SO_PASSCRED, 1);
	say_names(c);
	R(un_sendto(c, "x", "@nos-abi-auto"));
	say_names(c);
	say_msg("got", s, 10, 256, 0, NULL);
	close(s);
	close(c);
	s = un_listener(SOCK_STREAM, "@nos-abi-auto", 2);
	set_int(s, SOL_SOCKET, SO_PASSCRED, 1);
	c = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	set_int(c, SOL_SOCKET, SO_PASSCRED, 1);
	R(un_connect(c, "@nos-abi-auto"));
	say_names(c);
	write(c, "early", 5);
	int a = NEED(accept(s, NULL, NULL));
	V(get_int(a, SOL_SOCKET, SO_PASSCRED));
	set_int(a, SOL_SOCKET, SO_PASSCRED, 1);
	say_msg("early", a, 10, 256, 0, NULL);
}

int main(void)
{
	peers();
	in_messages(SOCK_STREAM);
	in_messages(SOCK_DGRAM);
	in_messages(SOCK_SEQPACKET);
	autobind();
	return 0;
}
