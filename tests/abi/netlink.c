// SPDX-License-Identifier: BSD-2-Clause
/*
 * AF_NETLINK: creation, ports, groups, options, messages between users, acknowledgements, the generic controller, filters.
 */
#include "abi.h"
#include <linux/filter.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>

static int usersock(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_USERSOCK);
}

static long bind_nl(int s, unsigned pid, unsigned groups)
{
	struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_pid = pid, .nl_groups = groups};

	return bind(s, (struct sockaddr *)&a, sizeof(a));
}

static void names(void)
{
	struct sockaddr_nl a;
	socklen_t len = sizeof(a);
	int s, t;

	R(socket(AF_NETLINK, SOCK_STREAM, NETLINK_USERSOCK));
	R(socket(AF_NETLINK, SOCK_RAW, 99));
	R(socket(AF_NETLINK, SOCK_RAW, -1));
	s = usersock();
	t = usersock();
	R(bind_nl(s, 70001, 5));
	getsockname(s, (struct sockaddr *)&a, &len);
	say("len %u family %d pid %u groups %#x\n", len, a.nl_family == AF_NETLINK, a.nl_pid, a.nl_groups);
	R(bind_nl(t, 70001, 0));
	R(bind_nl(s, 70002, 0));
	R(bind_nl(s, 70001, 1));
	R(bind(s, (struct sockaddr *)&a, 4));
	a.nl_family = AF_UNIX;
	R(bind(s, (struct sockaddr *)&a, sizeof(a)));
	R(listen(s, 1));
	R(accept(s, NULL, NULL));
	R(shutdown(s, SHUT_RDWR));
	R(bind_nl(t, 0, 0));
	getsockname(t, (struct sockaddr *)&a, &len);
	say("own process: %d\n", a.nl_pid == (unsigned)getpid());
	close(s);
	close(t);
}

static void options(void)
{
	static const int known[] = {NETLINK_PKTINFO, NETLINK_BROADCAST_ERROR, NETLINK_NO_ENOBUFS, NETLINK_LISTEN_ALL_NSID, NETLINK_CAP_ACK,
		NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK};
	int s = usersock(), v = 1, got;
	unsigned groups[4] = {0};
	socklen_t len;

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		len = sizeof(got);
		got = -1;
		say("option %d: set %d", known[i], setsockopt(s, SOL_NETLINK, known[i], &v, sizeof(v)));
		say(" get %d", getsockopt(s, SOL_NETLINK, known[i], &got, &len));
		say(" value %d len %u\n", got, len);
	}
	R(setsockopt(s, SOL_NETLINK, 99, &v, sizeof(v)));
	R(setsockopt(s, SOL_SOCKET + 1, 1, &v, sizeof(v)));
	v = 33;
	R(setsockopt(s, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &v, sizeof(v)));
	v = 0;
	R(setsockopt(s, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &v, sizeof(v)));
	v = 3;
	R(setsockopt(s, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &v, sizeof(v)));
	len = sizeof(groups);
	R(getsockopt(s, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, groups, &len));
	say("len %u groups %#x\n", len, groups[0]);
	R(setsockopt(s, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &v, sizeof(v)));
	v = 1;
	R(setsockopt(s, SOL_SOCKET, SO_PASSCRED, &v, sizeof(v)));
	close(s);
}

static long send_to(int s, unsigned pid, unsigned groups, const void *bytes, size_t len)
{
	struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_pid = pid, .nl_groups = groups};

	return sendto(s, bytes, len, 0, (struct sockaddr *)&a, sizeof(a));
}

static void receive(int s, size_t room)
{
	char bytes[256], control[256];
	struct sockaddr_nl a = {0};
	struct iovec iov = {bytes, room};
	struct msghdr m = {.msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(s, &m, 0);

	if (n < 0) {
		say("receive: %s\n", strerrorname_np(errno));
		return;
	}
	say("receive: %zd flags %#x from %u groups %#x namelen %u\n", n, m.msg_flags, a.nl_pid, a.nl_groups, m.msg_namelen);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
			struct ucred u;

			memcpy(&u, CMSG_DATA(c), sizeof(u));
			say("  credentials: own pid %d uid %d gid %d\n", u.pid == getpid(), u.uid, u.gid);
		} else {
			struct nl_pktinfo p;

			memcpy(&p, CMSG_DATA(c), sizeof(p));
			say("  level %d type %d group %u\n", c->cmsg_level, c->cmsg_type, p.group);
		}
	}
}

static void messages(void)
{
	int a = usersock(), b = usersock(), one = 1, small = 2304;
	struct pollfd p;
	char big[1024] = "";

	bind_nl(a, 70001, 0);
	bind_nl(b, 70002, 4);
	setsockopt(b, SOL_NETLINK, NETLINK_PKTINFO, &one, sizeof(one));
	setsockopt(b, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one));
	R(send_to(a, 70002, 0, "hello", 5));
	receive(b, 256);
	R(send_to(a, 70002, 0, "hello", 5));
	receive(b, 3);
	R(send_to(a, 70003, 0, "hello", 5));
	R(send_to(a, 0, 0, "hello", 5));
	R(send_to(a, 70001, 4, "group", 5)); /* and to itself */
	receive(b, 256);
	receive(a, 256);
	receive(b, 256);
	R(send(a, "", 0, 0));
	R(send(a, "x", 1, MSG_OOB));
	R(recv(b, big, 1, MSG_OOB));
	setsockopt(b, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (int i = 0; i < 20; i++)
		send_to(a, 70001, 4, big, sizeof(big));
	p = (struct pollfd){.fd = b, .events = POLLIN};
	poll(&p, 1, 0);
	say("overrun: %s\n", p.revents & POLLERR ? "POLLERR" : "nothing");
	receive(b, 256);
	while (recv(b, big, sizeof(big), 0) > 0)
		;
	say("and then %s\n", strerrorname_np(errno));
	close(a);
	close(b);
}

static void filters(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'y', 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = {.len = 4, .filter = code}, bad = {.len = 3, .filter = code}, none = {.len = 0, .filter = code};
	int a = usersock(), b = usersock(), one = 1;
	socklen_t len = 0;

	bind_nl(a, 70001, 0);
	bind_nl(b, 70002, 0);
	code[1].jf = 9;
	R(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
	code[1].jf = 1;
	R(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &bad, sizeof(bad)));
	R(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &none, sizeof(none)));
	R(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &prog, 4));
	R(setsockopt(b, SOL_SOCKET, SO_DETACH_FILTER, &one, sizeof(one)));
	R(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
	R(getsockopt(b, SOL_SOCKET, SO_GET_FILTER, NULL, &len));
	say("instructions: %u\n", len);
	R(send_to(a, 70002, 0, "no", 2));
	R(send_to(a, 70002, 0, "yes", 3));
	receive(b, 256);
	receive(b, 256);
	R(setsockopt(b, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof(one)));
	R(setsockopt(b, SOL_SOCKET, SO_DETACH_FILTER, &one, sizeof(one)));
	R(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
	one = 0;
	R(setsockopt(b, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof(one)));
	close(a);
	close(b);
}

static void answers(int s)
{
	char buf[8192];
	ssize_t n;

	while ((n = recv(s, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			say("  type %u flags %#x seq %u len %u", h->nlmsg_type, h->nlmsg_flags, h->nlmsg_seq,
				h->nlmsg_type == NLMSG_ERROR ? h->nlmsg_len : 0);
			if (h->nlmsg_type == NLMSG_ERROR)
				say(" error %d", ((struct nlmsgerr *)NLMSG_DATA(h))->error);
			if (h->nlmsg_type == GENL_ID_CTRL)
				say(" cmd %u", ((struct genlmsghdr *)NLMSG_DATA(h))->cmd);
			say("\n");
		}
	}
}

static void requests(void)
{
	struct {
		struct nlmsghdr h;
		struct genlmsghdr g;
		struct nlattr a;
		char name[12];
	} q = {.h = {sizeof(q), GENL_ID_CTRL, NLM_F_REQUEST, 1, 0}, .g = {CTRL_CMD_GETFAMILY, 1, 0}, .a = {NLA_HDRLEN + 7, CTRL_ATTR_FAMILY_NAME},
		.name = "nlctrl"};
	int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC), one = 1;

	R(bind_nl(s, 0, 0));
	R(send(s, &q, sizeof(q), 0) == sizeof(q));
	answers(s);
	q.h.nlmsg_flags |= NLM_F_ACK;
	q.h.nlmsg_seq = 2;
	send(s, &q, sizeof(q), 0);
	answers(s);
	strcpy(q.name, "nlnone");
	q.h.nlmsg_seq = 3;
	send(s, &q, sizeof(q), 0);
	answers(s);
	setsockopt(s, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	q.h.nlmsg_seq = 4;
	send(s, &q, sizeof(q), 0);
	answers(s);
	q.h.nlmsg_type = NLMSG_NOOP;
	send(s, &q, sizeof(q), 0);
	answers(s);
	q.h.nlmsg_flags = 0;
	send(s, &q, sizeof(q), 0);
	answers(s);
	q.h.nlmsg_len = 4;
	R(send(s, &q, sizeof(q), 0) == sizeof(q));
	R(send(s, &q, 3, 0));
	answers(s);
	close(s);
}

static void diag(void)
{
	struct {
		struct nlmsghdr h;
		struct unix_diag_req r;
	} q = {.h = {sizeof(q), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 1, 0}, .r = {.sdiag_family = AF_UNIX, .udiag_show = UDIAG_SHOW_NAME}};
	int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG), pair[2];
	struct stat st;
	char buf[1024];

	(void)!socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	fstat(pair[0], &st);
	send(s, &q, sizeof(q), 0);
	answers(s);
	q.r.udiag_ino = st.st_ino;
	q.r.udiag_cookie[0] = q.r.udiag_cookie[1] = -1;
	send(s, &q, sizeof(q), 0);
	if (recv(s, buf, sizeof(buf), 0) > 0) {
		struct nlmsghdr *h = (void *)buf;
		struct unix_diag_msg *m = NLMSG_DATA(h);

		say("type %u family %u type %u state %u inode %d\n", h->nlmsg_type, m->udiag_family, m->udiag_type, m->udiag_state,
			m->udiag_ino == st.st_ino);
	}
	q.h.nlmsg_len = sizeof(struct nlmsghdr) + 1;
	send(s, &q, sizeof(q), 0);
	answers(s);
	close(s);
}

int main(void)
{
	names();
	options();
	messages();
	filters();
	requests();
	diag();
	return 0;
}
