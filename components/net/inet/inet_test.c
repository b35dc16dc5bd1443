/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The family as its client sees it: over the loopback, and two instances over a wire.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <lib/test.h>
#include <env_sim/sim.h>
#include "net_model.h"
#include "uapi.h"

static void run(void (*fn)(void *arg), void *arg, u64 seeds)
{
#if ENV_SIM
	for (u64 seed = 1; seed <= test_rounds(seeds); seed++)
		sim_run(&(struct sim_options){.seed = seed}, fn, arg);
#else
	fn(arg);
#endif
}

static u64 bound(struct model *m, u32 family, u32 addr, u16 port, u64 cookie)
{
	struct inet_addr a;
	u64 s;

	CHECK_EQ(model_socket(m, family, SOCK_DGRAM, 0, cookie, &s), 0);
	model_addr4(&a, addr, port);
	CHECK_EQ(m->port.ops->bind(m->port.self, s, &a), 0);
	return s;
}

static void loopback(void *arg)
{
	struct model m;
	struct inet_addr to, from;
	char buf[100];
	u64 a, b;

	model_start(&m, NULL, 0);
	a = bound(&m, AF_INET, 0x7f000001, 5000, 1);
	CHECK_EQ(model_socket(&m, AF_INET, SOCK_DGRAM, 0, 2, &b), 0);
	model_addr4(&to, 0x7f000001, 5000);
	CHECK_EQ(model_send(&m, b, "hello", 5, &to, 0), 5);
	CHECK_EQ(model_receive(&m, a, buf, sizeof(buf), &from, 1000), 5);
	CHECK_MEM_EQ(buf, "hello", 5);
	CHECK_EQ(model_send(&m, a, "world!", 6, &from, 0), 6);
	CHECK_EQ(model_receive(&m, b, buf, sizeof(buf), &from, 1000), 6);
	CHECK(m.events[1] & EPOLLIN);
	m.port.ops->release(m.port.self, a);
	/* Nobody there: the connected socket is told. */
	CHECK_EQ(m.port.ops->connect(m.port.self, b, &to), 0);
	CHECK_EQ(model_send(&m, b, "x", 1, NULL, 0), 1);
	CHECK_EQ(model_receive(&m, b, buf, sizeof(buf), &from, 1000), -ECONNREFUSED);
	m.port.ops->release(m.port.self, b);
	model_stop(&m);
}

TEST(udp_over_loopback)
{
	run(loopback, NULL, 200);
}

struct bad_wire {
	u32 loss, dup, corrupt, reorder;
};

static void transfer(void *arg)
{
	const struct bad_wire *bad = arg;
	struct wire w;
	struct model m[2];
	struct inet_addr to, from;
	static u8 sent[4000], got[4000];
	u64 a, b;
	u32 received = 0, wrong = 0;

	wire_init(&w);
	w.loss = bad->loss;
	w.dup = bad->dup;
	w.corrupt = bad->corrupt;
	w.reorder = bad->reorder;
	w.jitter_ns = 50000;
	model_start(&m[0], &w, 0);
	model_start(&m[1], &w, 1);
	a = bound(&m[0], AF_INET, 0, 6000, 1);
	b = bound(&m[1], AF_INET, 0, 6000, 1);
	model_addr4(&to, 0x0a000002, 6000);
	for (u32 i = 0; i < 40; i++) {
		u32 len = i % 4 == 3 ? 3900 : 100 + i;

		for (u32 j = 0; j < len; j++)
			sent[j] = (u8)(i + j * 7);
		sent[0] = (u8)i;
		CHECK_EQ(model_send(&m[0], a, sent, len, &to, 0), len);
		for (;;) {
			/* The first comes when the neighbour is known: a lost question is asked again after a second. */
			ssize_t n = model_receive(&m[1], b, got, sizeof(got), &from, received ? 2 : 2000);

			if (n <= 0)
				break;
			received++;
			for (u32 j = 1; j < (u32)n; j++)
				wrong += got[j] != (u8)(got[0] + j * 7);
		}
	}
	CHECK_EQ(wrong, 0);
	if (!bad->loss && !bad->corrupt && !bad->dup)
		CHECK_EQ(received, 40);
	else
		CHECK(received > 5);
	m[0].port.ops->release(m[0].port.self, a);
	m[1].port.ops->release(m[1].port.self, b);
	model_stop(&m[0]);
	model_stop(&m[1]);
	wire_fini(&w);
}

TEST(udp_over_a_good_wire)
{
	run(transfer, &(struct bad_wire){0}, 20);
}

TEST(udp_over_a_reordering_wire)
{
	run(transfer, &(struct bad_wire){.reorder = 200}, 20);
}

TEST(udp_over_a_bad_wire)
{
	run(transfer, &(struct bad_wire){.loss = 50, .dup = 50, .corrupt = 50, .reorder = 100}, 40);
}

/* ---- IPv6, groups, configuration ---- */

static const u8 group6[16] = {0xff, 0x02, [15] = 0x77};

static u32 count_dump(struct model *m, u16 type, u8 family)
{
	struct {
		struct nlmsghdr h;
		u8 body[16];
	} q = {.h = {.nlmsg_len = sizeof(q), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}, .body = {family}};
	u64 resume = 0;
	u32 n = 0;
	int err;

	do {
		u8 room[2048];
		struct iobuf in, out;

		iobuf_init_kernel(&in, &q, sizeof(q));
		iobuf_init_kernel(&out, room, sizeof(room));
		err = m->port.ops->netlink(m->port.self, NETLINK_ROUTE, &in, &out, &resume);
		for (u32 at = 0; at < sizeof(room) - out.left; n++)
			at += align_up(((struct nlmsghdr *)(void *)(room + at))->nlmsg_len, 4u);
	} while (err == -EMSGSIZE);
	CHECK_EQ(err, 0);
	return n;
}

static void texts(struct model *m)
{
	for (u32 which = 0; which < INET_NTEXTS; which++) {
		u64 resume = 0;
		ssize_t n;

		do {
			static u8 room[4096];
			struct iobuf out;

			iobuf_init_kernel(&out, room, sizeof(room));
			n = m->port.ops->text(m->port.self, which, &out, &resume);
			CHECK(n >= 0);
		} while (n > 0);
	}
}

static void six(void *arg)
{
	struct wire w;
	struct model m[2];
	struct inet_addr to, from;
	static u8 sent[5000], got[5000];
	struct {
		u8 group[16];
		u32 ifindex;
	} mreq;
	struct iobuf b;
	u64 s[2], ping;
	u8 echo[32] = {128};

	wire_init(&w);
	model_start(&m[0], &w, 0);
	model_start(&m[1], &w, 1);
	env_sleep_until(env_deadline(4000000000ull)); /* addresses are tentative at first */
	CHECK(count_dump(&m[0], RTM_GETADDR, AF_INET6) == 2);
	CHECK(count_dump(&m[0], RTM_GETLINK, 0) == 2);
	CHECK(count_dump(&m[0], RTM_GETROUTE, 0) > 5);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(model_socket(&m[i], AF_INET6, SOCK_DGRAM, 0, 1, &s[i]), 0);
		model_addr6(&to, (u8[16]){0}, 7000, 0);
		CHECK_EQ(m[i].port.ops->bind(m[i].port.self, s[i], &to), 0);
	}
	/* A group on the link, and a large datagram in fragments from link-local to link-local. */
	memcpy(mreq.group, group6, 16);
	mreq.ifindex = 2;
	iobuf_init_kernel(&b, &mreq, sizeof(mreq));
	CHECK_EQ(m[1].port.ops->set_option(m[1].port.self, s[1], SOL_IPV6, IPV6_ADD_MEMBERSHIP, &b), 0);
	model_addr6(&to, group6, 7000, 2);
	CHECK_EQ(model_send(&m[0], s[0], "group", 5, &to, 0), 5);
	CHECK_EQ(model_receive(&m[1], s[1], got, sizeof(got), &from, 1000), 5);
	for (u32 i = 0; i < sizeof(sent); i++)
		sent[i] = (u8)(i * 13);
	CHECK_EQ(model_send(&m[1], s[1], sent, sizeof(sent), &from, 0), sizeof(sent));
	CHECK_EQ(model_receive(&m[0], s[0], got, sizeof(got), &from, 1000), sizeof(sent));
	CHECK_MEM_EQ(sent, got, sizeof(sent));
	/* IPv4 through the same socket. */
	model_addr6(&to, (u8[16]){[10] = 0xff, 0xff, 10, 0, 0, 2}, 7000, 0);
	CHECK_EQ(model_send(&m[0], s[0], "four", 4, &to, 0), 4);
	CHECK_EQ(model_receive(&m[1], s[1], got, sizeof(got), &from, 1000), 4);
	CHECK_EQ(from.bytes[18], 0xff);
	/* An echo. */
	CHECK_EQ(model_socket(&m[0], AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, 2, &ping), 0);
	model_addr6(&to, (u8[16]){0xff, 2, [15] = 1}, 0, 2);
	CHECK_EQ(model_send(&m[0], ping, echo, sizeof(echo), &to, 0), sizeof(echo));
	do {
		CHECK(model_receive(&m[0], ping, got, sizeof(got), &from, 1000) > 0);
	} while (got[0] != 129 && !test_failures());
	texts(&m[0]);
	for (unsigned i = 0; i < 2; i++)
		m[i].port.ops->release(m[i].port.self, s[i]);
	m[0].port.ops->release(m[0].port.self, ping);
	CHECK(m[0].notes > 3);
	model_stop(&m[0]);
	model_stop(&m[1]);
	wire_fini(&w);
}

TEST(ipv6_over_a_wire)
{
	run(six, NULL, 20);
}

/* ---- taps ---- */

/* A UDP datagram from 127.0.0.1:9 to 127.0.0.1:5000, with its Ethernet header and two bytes of payload; the sum of UDP is left out. */
static const u8 udp_frame[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0x45, 0, 0, 30, 0, 0, 0, 0, 64, 17, 0x7c, 0xcd, 127, 0, 0, 1, 127, 0, 0, 1, 0, 9,
	0x13, 0x88, 0, 10, 0, 0, 'h', 'i'};

static ssize_t send_raw(struct model *m, u32 ifindex, const void *bytes, size_t len, u64 sender)
{
	struct iobuf b;
	struct inet_raw raw = {.data = &b, .sender = sender, .protocol = 0x0800};

	iobuf_init_kernel(&b, (void *)(unsigned long)bytes, len);
	return m->port.ops->link_send(m->port.self, ifindex, &raw);
}

static void taps(void *arg)
{
	static const u8 mac[6] = {1, 2, 3, 4, 5, 6};
	struct inet_link_info info;
	struct model m;
	struct wire w;
	char buf[100];
	u64 a;

	wire_init(&w);
	model_start(&m, &w, 0);
	a = bound(&m, AF_INET, 0x7f000001, 5000, 1);
	CHECK_EQ(send_raw(&m, 1, udp_frame, sizeof(udp_frame), 7), sizeof(udp_frame));
	CHECK_EQ(model_receive(&m, a, buf, sizeof(buf), NULL, 1000), 2);
	CHECK_EQ(m.senders, 0); /* nobody has asked */
	CHECK_EQ(m.port.ops->tap(m.port.self, 9, 1), -ENODEV);
	CHECK_EQ(m.port.ops->tap(m.port.self, 1, 1), 0);
	CHECK_EQ(send_raw(&m, 1, udp_frame, sizeof(udp_frame), 7), sizeof(udp_frame));
	CHECK_EQ(model_receive(&m, a, buf, sizeof(buf), NULL, 1000), 2);
	CHECK_EQ(m.senders, 1);
	CHECK_EQ(m.frames[4], 1); /* out */
	CHECK_EQ(m.frames[0], 1); /* in */
	CHECK_EQ(m.last_frame_len, sizeof(udp_frame));
	CHECK_MEM_EQ(m.last_frame + 12, udp_frame + 12, sizeof(udp_frame) - 12);
	CHECK_EQ(send_raw(&m, 2, udp_frame, sizeof(udp_frame), 7), sizeof(udp_frame));
	CHECK_EQ(m.senders, 1);
	CHECK_EQ(m.port.ops->tap(m.port.self, 1, -1), 0);
	CHECK_EQ(m.port.ops->tap(m.port.self, 0, 1), 0);
	CHECK_EQ(send_raw(&m, 2, udp_frame, sizeof(udp_frame), 7), sizeof(udp_frame));
	CHECK_EQ(m.senders, 2);
	CHECK_EQ(send_raw(&m, 2, udp_frame, 13, 7), -EINVAL);
	CHECK_EQ(send_raw(&m, 9, udp_frame, sizeof(udp_frame), 7), -ENXIO);
	CHECK_EQ(send_raw(&m, 2, m.last_frame, 1515, 7), -EMSGSIZE);
	CHECK_EQ(m.port.ops->tap(m.port.self, 0, -1), 0);
	CHECK_EQ(m.port.ops->link_want(m.port.self, 2, INET_WANT_ADDRESS, mac, -1), -ENOENT);
	CHECK_EQ(m.port.ops->link_want(m.port.self, 2, INET_WANT_ADDRESS, mac, 1), 0);
	CHECK_EQ(m.port.ops->link_want(m.port.self, 2, INET_WANT_PROMISC, NULL, 1), 0);
	CHECK_EQ(m.port.ops->link_want(m.port.self, 9, INET_WANT_PROMISC, NULL, 1), -ENODEV);
	CHECK_EQ(m.port.ops->link_rename(m.port.self, 2, "lo"), -EEXIST);
	CHECK_EQ(m.port.ops->link_rename(m.port.self, 9, "new"), -ENODEV);
	CHECK_EQ(m.port.ops->link_rename(m.port.self, 2, "new"), 0);
	CHECK_EQ(m.port.ops->link_info(m.port.self, 2, &info), 0);
	CHECK_MEM_EQ(info.name, "new", 4);
	CHECK_EQ(info.header_len, 14);
	texts(&m);
	m.port.ops->release(m.port.self, a);
	model_stop(&m);
	wire_fini(&w);
}

TEST(taps_see_what_they_ask_for)
{
	run(taps, NULL, 20);
}
