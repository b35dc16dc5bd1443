// SPDX-License-Identifier: BSD-2-Clause
/* AF_PACKET over the loopback: names, frames, options, filters. Others' packets are filtered out by a program that wants our port. */
#include "packet.h"

static void errors(void)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_ifindex = 1}, got;
	socklen_t n;
	int fd;

	HEAD("socket and names");
	R(socket(AF_PACKET, SOCK_STREAM, 0) >= 0);
	fd = NEED(socket(AF_PACKET, SOCK_RAW, 0));
	R(bind(fd, (struct sockaddr *)&ll, sizeof(ll) - 1));
	ll.sll_family = AF_INET;
	R(bind(fd, (struct sockaddr *)&ll, sizeof(ll)));
	ll.sll_family = AF_PACKET;
	ll.sll_ifindex = 12345;
	R(bind(fd, (struct sockaddr *)&ll, sizeof(ll)));
	n = sizeof(got);
	R(getsockname(fd, (struct sockaddr *)&got, &n));
	say("len %u family %u protocol %#x ifindex %d hatype %u pkttype %u halen %u\n", n, got.sll_family, ntohs(got.sll_protocol), got.sll_ifindex,
		got.sll_hatype, got.sll_pkttype, got.sll_halen);
	ll.sll_ifindex = 1;
	ll.sll_protocol = htons(ETH_P_IP);
	R(bind(fd, (struct sockaddr *)&ll, sizeof(ll)));
	n = sizeof(got);
	R(getsockname(fd, (struct sockaddr *)&got, &n));
	say("len %u family %u protocol %#x ifindex %d hatype %u pkttype %u halen %u\n", n, got.sll_family, ntohs(got.sll_protocol), got.sll_ifindex,
		got.sll_hatype, got.sll_pkttype, got.sll_halen);
	R(getpeername(fd, (struct sockaddr *)&got, &n));
	R(connect(fd, (struct sockaddr *)&ll, sizeof(ll)));
	R(listen(fd, 1));
	R(accept(fd, NULL, NULL));
	R(shutdown(fd, SHUT_RDWR));
	R(recv(fd, &got, 1, MSG_OOB));
	R(recv(fd, &got, 1, MSG_DONTWAIT | MSG_ERRQUEUE));
	close(fd);
	CHILD
	{
		drop_caps();
		R(socket(AF_PACKET, SOCK_RAW, 0));
		R(socket(AF_PACKET, SOCK_STREAM, 0));
	}
	REAP("without rights");
}

static void receiving(int type)
{
	int fd = tap(type, ETH_P_ALL), on = 1, off = 0;
	struct tpacket_stats st;
	socklen_t n = sizeof(st);

	HEAD(type == SOCK_RAW ? "raw" : "cooked");
	want_port(fd);
	NEED(setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)));
	send_udp("hello, tap", 10);
	show_frame(fd, 0);
	show_frame(fd, 0);
	show_frame(fd, 0);
	NEED(setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &off, sizeof(off)));
	send_udp("peeked at", 9);
	show_frame(fd, MSG_PEEK);
	show_frame(fd, 0);
	show_frame(fd, 0);
	R(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &n));
	say("packets %u drops %u len %u\n", st.tp_packets, st.tp_drops, n);
	R(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &n));
	say("packets %u drops %u\n", st.tp_packets, st.tp_drops);
	R(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)));
	send_udp("only in", 7);
	show_frame(fd, 0);
	show_frame(fd, 0);
	close(fd);
}

static void sending(void)
{
	unsigned char frame[64] = {[12] = 8};
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_ifindex = 1, .sll_protocol = htons(ETH_P_IP), .sll_halen = 6};
	int raw = NEED(socket(AF_PACKET, SOCK_RAW, 0)), cooked = NEED(socket(AF_PACKET, SOCK_DGRAM, 0));
	int to = tap(SOCK_RAW, ETH_P_ALL);
	static char big[70000];
	size_t len;

	HEAD("sending");
	want_port(to);
	len = make_udp(frame + 14, udp_port, "by hand");
	R(send(raw, frame, 14 + len, 0));
	R(sendto(raw, frame, 14 + len, 0, (struct sockaddr *)&ll, sizeof(ll)) == (ssize_t)(14 + len));
	show_frame(to, 0);
	show_frame(to, 0);
	R(sendto(cooked, frame + 14, len, 0, (struct sockaddr *)&ll, sizeof(ll)) == (ssize_t)len);
	show_frame(to, 0);
	show_frame(to, 0);
	R(sendto(raw, frame, 13, 0, (struct sockaddr *)&ll, sizeof(ll)));
	R(sendto(raw, big, sizeof(big), 0, (struct sockaddr *)&ll, sizeof(ll)));
	R(sendto(raw, frame, 14 + len, 0, (struct sockaddr *)&ll, sizeof(ll) - 1));
	ll.sll_halen = 9;
	R(sendto(raw, frame, 14 + len, 0, (struct sockaddr *)&ll, sizeof(ll)));
	ll.sll_halen = 6;
	ll.sll_ifindex = 12345;
	R(sendto(raw, frame, 14 + len, 0, (struct sockaddr *)&ll, sizeof(ll)));
	ll.sll_ifindex = 1;
	NEED(bind(raw, (struct sockaddr *)&ll, sizeof(ll)));
	R(send(raw, frame, 14 + len, 0) == (ssize_t)(14 + len));
	show_frame(to, 0);
	want_port(raw);
	R(send(raw, frame, 14 + len, 0) == (ssize_t)(14 + len));
	show_frame(raw, 0); /* what comes in, but not what it sent */
	show_frame(raw, 0);
	close(raw);
	close(cooked);
	close(to);
}

static void memberships(void)
{
	struct packet_mreq m = {.mr_ifindex = 1, .mr_type = PACKET_MR_PROMISC};
	int fd = NEED(socket(AF_PACKET, SOCK_RAW, 0));

	HEAD("memberships");
	R(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m) - 1));
	R(setsockopt(fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &m, sizeof(m)));
	R(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)));
	R(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)));
	R(setsockopt(fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &m, sizeof(m)));
	R(setsockopt(fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &m, sizeof(m)));
	R(setsockopt(fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &m, sizeof(m)));
	m.mr_type = PACKET_MR_MULTICAST;
	R(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)));
	m.mr_alen = 7;
	R(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)));
	m.mr_alen = 6;
	m.mr_address[0] = 1;
	R(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)));
	m.mr_type = 77;
	R(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)));
	m.mr_ifindex = 12345;
	R(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)));
	close(fd);
}

static const struct {
	const char *text;
	int name;
} words[] = {
	{"AUXDATA", PACKET_AUXDATA},
	{"ORIGDEV", PACKET_ORIGDEV},
	{"VERSION", PACKET_VERSION},
	{"RESERVE", PACKET_RESERVE},
	{"LOSS", PACKET_LOSS},
	{"VNET_HDR", PACKET_VNET_HDR},
	{"TIMESTAMP", PACKET_TIMESTAMP},
	{"TX_HAS_OFF", PACKET_TX_HAS_OFF},
	{"QDISC_BYPASS", PACKET_QDISC_BYPASS},
	{"IGNORE_OUTGOING", PACKET_IGNORE_OUTGOING},
	{"COPY_THRESH", PACKET_COPY_THRESH},
	{"FANOUT", PACKET_FANOUT},
	{"HDRLEN", PACKET_HDRLEN},
	{"no such option", 99},
};

static void options(int type)
{
	int fd = NEED(socket(AF_PACKET, type, 0));
	static const int values[] = {1, 2, 7, -1, 0};

	HEAD("options");
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		say("%s:", words[i].text);
		for (size_t k = 0; k < ARRAY_LEN(values); k++) {
			int v = values[k], r = setsockopt(fd, SOL_PACKET, words[i].name, &v, sizeof(v));
			socklen_t n = sizeof(v);

			say(" %s", r ? err_name(errno) : "ok");
			v = words[i].name == PACKET_HDRLEN ? values[k] : 0;
			r = getsockopt(fd, SOL_PACKET, words[i].name, &v, &n);
			if (r)
				say("/%s", err_name(errno));
			else
				say("/%d", v);
		}
		say(" short %s", setsockopt(fd, SOL_PACKET, words[i].name, values, 3) ? err_name(errno) : "ok");
		say(" long %s\n", setsockopt(fd, SOL_PACKET, words[i].name, values, 8) ? err_name(errno) : "ok");
	}
	R(setsockopt(fd, SOL_IP, 1, &values, 4));
	close(fd);
}

static void filters(void)
{
	/* What the loads at SKF_AD_OFF give becomes the number of bytes that are kept. */
	static const struct {
		const char *text;
		int off;
		int add;
	} loads[] = {
		{"protocol", SKF_AD_PROTOCOL, -0x7f0},
		{"type", SKF_AD_PKTTYPE, 20},
		{"ifindex", SKF_AD_IFINDEX, 20},
		{"hatype", SKF_AD_HATYPE, -740},
		{"mark", SKF_AD_MARK, 20},
		{"vlan", SKF_AD_VLAN_TAG_PRESENT, 20},
	};
	int fd = tap(SOCK_RAW, ETH_P_IP);

	HEAD("filters");
	for (size_t i = 0; i < ARRAY_LEN(loads); i++) {
		struct sock_filter f[] = {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, SKF_NET_OFF + 22), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohs(udp_port), 1, 0),
			BPF_STMT(BPF_RET | BPF_K, 0), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + loads[i].off),
			BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, loads[i].add), BPF_STMT(BPF_RET | BPF_A, 0)};
		struct sock_fprog p = {ARRAY_LEN(f), f};
		char buf[200];

		say("%s: ", loads[i].text);
		NEED(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)));
		send_udp("0123456789012345678901234567890123456789", 40);
		R(recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
	}
	int on = 1;

	R(setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)));
	R(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof(on)));
	R(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &(struct sock_fprog){0, NULL}, sizeof(struct sock_fprog)));
	close(fd);
}

/* Filters of sockets of AF_INET look from the UDP header on. */
static void inet_filters(void)
{
	struct sock_filter first[] = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 8), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'y', 0, 1), BPF_STMT(BPF_RET | BPF_K, 12),
		BPF_STMT(BPF_RET | BPF_K, 0)};
	struct sock_fprog p = {ARRAY_LEN(first), first};
	int to = NEED(socket(AF_INET, SOCK_DGRAM, 0)), from = NEED(socket(AF_INET, SOCK_DGRAM, 0)), pair[2];
	char buf[64];

	HEAD("filters of AF_INET");
	NEED(bind4(to, 0));
	NEED(connect4(from, port_of(to)));
	R(setsockopt(to, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)));
	R(send(from, "no", 2, 0));
	R(send(from, "yes, but cut", 12, 0));
	R(recv(to, buf, sizeof(buf), 0));
	R(recv(to, buf, sizeof(buf), MSG_DONTWAIT));
	R(setsockopt(to, SOL_SOCKET, SO_DETACH_FILTER, &p, sizeof(p)));
	R(setsockopt(to, SOL_SOCKET, SO_DETACH_FILTER, &p, sizeof(p)));
	R(send(from, "no", 2, 0));
	R(recv(to, buf, sizeof(buf), 0));
	tcp_pair(pair);
	p.filter = &(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0xffff);
	p.len = 1;
	R(setsockopt(pair[1], SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)));
	R(send(pair[0], "through", 7, 0));
	R(recv(pair[1], buf, sizeof(buf), 0));
	close(to);
	close(from);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	lo_up();
	udp_init();
	errors();
	receiving(SOCK_RAW);
	receiving(SOCK_DGRAM);
	sending();
	memberships();
	options(SOCK_RAW);
	options(SOCK_DGRAM);
	filters();
	inet_filters();
	return 0;
}
