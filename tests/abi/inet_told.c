// SPDX-License-Identifier: BSD-2-Clause
/* What sockets are told beside their bytes: stamps, completions of MSG_ZEROCOPY, what is left; groups by MCAST_*, ports in TIME-WAIT. */
#include "inet.h"
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

#ifndef SO_EE_CODE_ZEROCOPY_COPIED
#define SO_EE_CODE_ZEROCOPY_COPIED 1
#endif

static void say_message(const char *what, int fd, int flags)
{
	char control[256], data[256];
	struct iovec v = {data, sizeof(data)};
	struct sockaddr_storage from;
	struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control)};
	struct pollfd p = {.fd = fd, .events = 0};
	long n;

	if (flags & MSG_ERRQUEUE)
		poll(&p, 1, 500);
	n = recvmsg(fd, &m, flags | MSG_DONTWAIT);
	say("%s: ", what);
	if (n < 0) {
		say("%s\n", err_name(errno));
		return;
	}
	say("%ld bytes, flags %x, name %u\n", n, (unsigned)m.msg_flags, flags & MSG_ERRQUEUE ? (unsigned)m.msg_namelen : 0);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		say("  cmsg level %d type %d len %u", c->cmsg_level, c->cmsg_type, (unsigned)c->cmsg_len);
		if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) {
			struct sock_extended_err e;

			memcpy(&e, CMSG_DATA(c), sizeof(e));
			say(" errno %u origin %u type %u code %u info %u data %u", e.ee_errno, e.ee_origin, e.ee_type, e.ee_code, e.ee_info,
				e.ee_data);
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPING) {
			struct timespec t[3];

			memcpy(t, CMSG_DATA(c), sizeof(t));
			say(" stamps %d%d%d", t[0].tv_sec != 0, t[1].tv_sec != 0, t[2].tv_sec != 0);
		} else if (c->cmsg_level == SOL_TCP) {
			int left;

			memcpy(&left, CMSG_DATA(c), sizeof(left));
			say(" left %d", left);
		}
		say("\n");
	}
}

static void udp_pair(int p[2])
{
	p[0] = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	p[1] = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	NEED(bind4(p[1], 0));
	NEED(connect4(p[0], port_of(p[1])));
}

static void stamps(void)
{
	int p[2], flags = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;
	char frame[128];

	HEAD("stamps");
	udp_pair(p);
	R(set_int(p[0], SOL_SOCKET, SO_TIMESTAMPING, 1 << 30));
	R(set_int(p[0], SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_OPT_ID_TCP));
	R(set_int(p[0], SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_OPT_STATS));
	V(get_int(p[0], SOL_SOCKET, SO_TIMESTAMPING));
	R(set_int(p[0], SOL_SOCKET, SO_TIMESTAMPING, flags));
	V(get_int(p[0], SOL_SOCKET, SO_TIMESTAMPING));
	R(set_int(p[1], SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE));
	usleep(100000); /* Linux begins to stamp what arrives a little later */
	R(send(p[0], "first", 5, 0));
	R(send(p[0], "second", 6, 0));
	say_poll("sender", p[0]);
	say_message("sent", p[0], MSG_ERRQUEUE);
	say_message("sent", p[0], MSG_ERRQUEUE);
	say_message("sent", p[0], MSG_ERRQUEUE);
	V(get_int(p[0], SOL_SOCKET, SO_ERROR));
	say_message("came", p[1], 0);
	R(set_int(p[0], SOL_SOCKET, SO_TIMESTAMPING, flags & ~SOF_TIMESTAMPING_OPT_TSONLY & ~SOF_TIMESTAMPING_OPT_ID));
	R(send(p[0], "third", 5, 0));
	long n = recv(p[0], frame, sizeof(frame), MSG_ERRQUEUE | MSG_DONTWAIT);
	say("frame %ld: type %02x%02x version %x ttl %u protocol %u text %.5s\n", n, frame[12] & 0xff, frame[13] & 0xff, frame[14] & 0xff,
		(unsigned)frame[22], (unsigned)frame[23], frame + 42);
	close(p[0]);
	close(p[1]);
	tcp_pair(p);
	R(set_int(p[0], SOL_SOCKET, SO_TIMESTAMPING, flags | SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_OPT_ID_TCP));
	R(send(p[0], "stream", 6, 0));
	usleep(100000);
	say_message("sent", p[0], MSG_ERRQUEUE);
	say_message("acknowledged", p[0], MSG_ERRQUEUE);
	say_message("nothing", p[0], MSG_ERRQUEUE);
	R(send(p[1], "data", 4, 0));
	say_message("no error", p[0], MSG_ERRQUEUE);
	close(p[0]);
	close(p[1]);
}

static void zerocopy(void)
{
	static char buf[32768];
	int p[2];

	HEAD("zerocopy");
	tcp_pair(p);
	V(get_int(p[0], SOL_SOCKET, SO_ZEROCOPY));
	R(send(p[0], buf, 100, MSG_ZEROCOPY));
	R(recv(p[1], buf, 100, MSG_WAITALL));
	say_message("without the option", p[0], MSG_ERRQUEUE);
	R(set_int(p[0], SOL_SOCKET, SO_ZEROCOPY, 2));
	R(set_int(p[0], SOL_SOCKET, SO_ZEROCOPY, 1));
	V(get_int(p[0], SOL_SOCKET, SO_ZEROCOPY));
	R(send(p[0], buf, sizeof(buf), MSG_ZEROCOPY));
	R(recv(p[1], buf, sizeof(buf), MSG_WAITALL));
	usleep(100000);
	say_message("one", p[0], MSG_ERRQUEUE);
	R(send(p[0], buf, 10000, MSG_ZEROCOPY));
	R(recv(p[1], buf, 10000, MSG_WAITALL));
	usleep(100000);
	R(send(p[0], buf, 10000, MSG_ZEROCOPY));
	R(recv(p[1], buf, 10000, MSG_WAITALL));
	usleep(100000);
	say_message("two in one", p[0], MSG_ERRQUEUE);
	close(p[0]);
	close(p[1]);
	udp_pair(p);
	R(set_int(p[0], SOL_SOCKET, SO_ZEROCOPY, 1));
	R(send(p[0], buf, 1000, MSG_ZEROCOPY));
	R(recv(p[1], buf, 1000, 0));
	say_message("datagram", p[0], MSG_ERRQUEUE);
	close(p[0]);
	close(p[1]);
	p[0] = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	R(set_int(p[0], SOL_SOCKET, SO_ZEROCOPY, 1));
	close(p[0]);
}

static void left(void)
{
	int p[2];

	HEAD("what is left");
	tcp_pair(p);
	R(set_int(p[1], SOL_TCP, TCP_INQ, 2));
	R(set_int(p[1], SOL_TCP, TCP_INQ, 1));
	V(get_int(p[1], SOL_TCP, TCP_INQ));
	char many[600];
	memset(many, 'm', sizeof(many));
	R(send(p[0], many, sizeof(many), 0));
	say_message("some", p[1], 0);
	say_message("more", p[1], 0);
	say_message("rest", p[1], 0);
	shutdown(p[0], SHUT_WR);
	usleep(20000);
	say_message("end", p[1], 0);
	close(p[0]);
	close(p[1]);
}

static struct sockaddr_storage name4(const char *text)
{
	struct sockaddr_storage s = {0};
	struct sockaddr_in *a = (struct sockaddr_in *)&s;

	a->sin_family = AF_INET;
	inet_pton(AF_INET, text, &a->sin_addr);
	return s;
}

static int source(int fd, int option, const char *from)
{
	struct group_source_req q = {.gsr_interface = if_nametoindex("lo"), .gsr_group = name4("232.1.2.3"), .gsr_source = name4(from)};

	return setsockopt(fd, SOL_IP, option, &q, sizeof(q));
}

static void say_filter(int fd)
{
	char room[GROUP_FILTER_SIZE(4)] __attribute__((aligned(8))) = {0};
	struct group_filter *f = (struct group_filter *)room;
	socklen_t n = sizeof(room);

	f->gf_interface = if_nametoindex("lo");
	f->gf_group = name4("232.1.2.3");
	f->gf_numsrc = 1;
	if (getsockopt(fd, SOL_IP, MCAST_MSFILTER, f, &n))
		say("filter: %s\n", err_name(errno));
	else
		say("filter: len %u mode %u n %u\n", (unsigned)n, f->gf_fmode, f->gf_numsrc);
}

static void groups(void)
{
	struct group_req q = {.gr_interface = if_nametoindex("lo"), .gr_group = name4("232.1.2.3")};
	char room[GROUP_FILTER_SIZE(2)] __attribute__((aligned(8))) = {0};
	struct group_filter *f = (struct group_filter *)room;
	struct ip_msfilter old = {.imsf_multiaddr = {inet_addr("232.1.2.3")}, .imsf_interface = {htonl(INADDR_LOOPBACK)}, .imsf_numsrc = 1};
	int l = NEED(socket(AF_INET, SOCK_STREAM, 0)), u = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	socklen_t n = sizeof(old);

	HEAD("groups");
	R(setsockopt(l, SOL_IP, MCAST_JOIN_GROUP, &q, sizeof(q) - 1));
	R(setsockopt(l, SOL_IP, MCAST_JOIN_GROUP, &q, sizeof(q)));
	R(setsockopt(l, SOL_IP, MCAST_JOIN_GROUP, &q, sizeof(q)));
	R(setsockopt(u, SOL_IP, MCAST_LEAVE_GROUP, &q, sizeof(q)));
	R(setsockopt(l, SOL_IP, MCAST_LEAVE_GROUP, &q, sizeof(q)));
	R(setsockopt(l, SOL_IP, MCAST_LEAVE_GROUP, &q, sizeof(q)));
	q.gr_interface = 12345;
	R(setsockopt(u, SOL_IP, MCAST_JOIN_GROUP, &q, sizeof(q)));
	q.gr_interface = if_nametoindex("lo");
	q.gr_group = name4("127.0.0.1");
	R(setsockopt(u, SOL_IP, MCAST_JOIN_GROUP, &q, sizeof(q)));
	say_filter(u);
	R(source(u, MCAST_BLOCK_SOURCE, "10.0.0.1"));
	R(source(u, MCAST_JOIN_SOURCE_GROUP, "10.0.0.1"));
	R(source(u, MCAST_JOIN_SOURCE_GROUP, "10.0.0.1"));
	R(source(u, MCAST_JOIN_SOURCE_GROUP, "10.0.0.2"));
	R(source(u, MCAST_BLOCK_SOURCE, "10.0.0.3"));
	say_filter(u);
	R(source(u, MCAST_LEAVE_SOURCE_GROUP, "10.0.0.1"));
	R(source(u, MCAST_LEAVE_SOURCE_GROUP, "10.0.0.1"));
	R(source(u, MCAST_LEAVE_SOURCE_GROUP, "10.0.0.2"));
	say_filter(u);
	q.gr_group = name4("232.1.2.3");
	R(setsockopt(u, SOL_IP, MCAST_JOIN_GROUP, &q, sizeof(q)));
	say_filter(u);
	R(source(u, MCAST_BLOCK_SOURCE, "10.0.0.1"));
	R(source(u, MCAST_BLOCK_SOURCE, "10.0.0.1"));
	R(source(u, MCAST_UNBLOCK_SOURCE, "10.0.0.2"));
	say_filter(u);
	f->gf_interface = if_nametoindex("lo");
	f->gf_group = q.gr_group;
	f->gf_fmode = MCAST_INCLUDE;
	f->gf_numsrc = 2;
	f->gf_slist[0] = name4("10.0.0.7");
	((struct sockaddr_storage *)f->gf_slist)[1] = name4("10.0.0.8");
	R(setsockopt(u, SOL_IP, MCAST_MSFILTER, room, GROUP_FILTER_SIZE(0) - 1));
	R(setsockopt(u, SOL_IP, MCAST_MSFILTER, room, GROUP_FILTER_SIZE(1)));
	R(setsockopt(u, SOL_IP, MCAST_MSFILTER, room, GROUP_FILTER_SIZE(2)));
	say_filter(u);
	R(getsockopt(u, SOL_IP, IP_MSFILTER, &old, &n));
	say("old: len %u mode %u n %u\n", (unsigned)n, old.imsf_fmode, old.imsf_numsrc);
	f->gf_fmode = 5;
	R(setsockopt(u, SOL_IP, MCAST_MSFILTER, room, GROUP_FILTER_SIZE(2)));
	f->gf_numsrc = 100000;
	R(setsockopt(u, SOL_IP, MCAST_MSFILTER, room, GROUP_FILTER_SIZE(2)));
	f->gf_numsrc = 0;
	f->gf_fmode = MCAST_INCLUDE;
	R(setsockopt(u, SOL_IP, MCAST_MSFILTER, room, GROUP_FILTER_SIZE(2)));
	say_filter(u);
	close(l);
	close(u);
}

static void time_wait(void)
{
	int l = NEED(socket(AF_INET, SOCK_STREAM, 0)), c = NEED(socket(AF_INET, SOCK_STREAM, 0)), s;
	uint16_t port, theirs;
	char b;

	HEAD("ports in TIME-WAIT");
	NEED(bind4(l, 0));
	port = port_of(l);
	NEED(listen(l, 1));
	NEED(connect4(c, port));
	theirs = port_of(c);
	s = NEED(accept(l, NULL, NULL));
	close(s); /* the server's end waits */
	R(recv(c, &b, 1, 0));
	close(c);
	close(l);
	usleep(50000);
	l = NEED(socket(AF_INET, SOCK_STREAM, 0));
	R(bind4(l, port));
	R(bind4(l, theirs));
	close(l);
	l = NEED(socket(AF_INET, SOCK_STREAM, 0));
	NEED(set_int(l, SOL_SOCKET, SO_REUSEADDR, 1));
	R(bind4(l, port)); /* the other did not allow it */
	close(l);
}

int main(void)
{
	lo_up();
	stamps();
	zerocopy();
	left();
	groups();
	time_wait();
	return 0;
}
