/* SPDX-License-Identifier: BSD-2-Clause */
/* What sockets are told beside their bytes, and the options of groups; tests/abi/inet_told.c compares the same with Linux. */
#include <stddef.h>
#include <lib/endian.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <lib/test.h>
#include "net_model.h"
#include "uapi.h"

#include <linux/net_tstamp.h>
#include <linux/tcp.h>

static struct model m;
#define port (m.port)

/* The control messages of one receive, the last seen. */
static struct {
	struct sock_extended_err err;
	u32 n, flags, left;
	s64 stamp;
} told;

static ssize_t hear(u64 h, void *to, size_t len, u32 flags)
{
	u8 control[256];
	struct iobuf data, room;
	struct inet_msg msg = {.flags = flags, .data = &data, .control = &room};
	ssize_t n;

	memset(&told, 0, sizeof(told));
	iobuf_init_kernel(&data, to, len);
	iobuf_init_kernel(&room, control, sizeof(control));
	n = port.ops->receive(port.self, h, &msg);
	told.flags = msg.flags;
	for (u32 at = 0; n >= 0 && at + 16 <= msg.control_len; told.n++) {
		u64 size;
		u32 kind[2];

		memcpy(&size, control + at, 8);
		memcpy(kind, control + at + 8, 8);
		if (kind[0] == SOL_IP && kind[1] == IP_RECVERR)
			memcpy(&told.err, control + at + 16, sizeof(told.err));
		else if (kind[0] == SOL_SOCKET && kind[1] == SO_TIMESTAMPING_OLD)
			memcpy(&told.stamp, control + at + 16, 8);
		else if (kind[0] == SOL_TCP && kind[1] == TCP_CM_INQ)
			memcpy(&told.left, control + at + 16, 4);
		at += (u32)align_up(size, 8ull);
	}
	return n;
}

static void start(u32 type, u64 *ls, u64 *a, u64 *b)
{
	struct inet_addr at, peer;

	memset(&m, 0, sizeof(m));
	model_start(&m, NULL, 0);
	CHECK_EQ(model_socket(&m, AF_INET, type, 0, 1, ls), 0);
	CHECK_EQ(model_socket(&m, AF_INET, type, 0, 2, a), 0);
	model_addr4(&at, 0x7f000001, 7000);
	CHECK_EQ(port.ops->bind(port.self, *ls, &at), 0);
	if (type == SOCK_DGRAM) {
		CHECK_EQ(port.ops->connect(port.self, *a, &at), 0);
		*b = *ls;
		return;
	}
	CHECK_EQ(port.ops->listen(port.self, *ls, 8), 0);
	CHECK_EQ(port.ops->connect(port.self, *a, &at), -EINPROGRESS);
	CHECK_EQ(port.ops->accept(port.self, *ls, 3, b, &peer), 0);
}

static void stop(u64 ls, u64 a, u64 b)
{
	port.ops->release(port.self, a);
	if (b != ls)
		port.ops->release(port.self, b);
	port.ops->release(port.self, ls);
	model_stop(&m);
}

#define STAMPS (SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_OPT_ID)

TEST(told_of_datagrams)
{
	u64 ls, a, b;
	u8 buf[200];

	start(SOCK_DGRAM, &ls, &a, &b);
	CHECK_EQ(model_option(&m, a, SOL_SOCKET, SO_TIMESTAMPING_OLD, 1 << 30), -EINVAL);
	CHECK_EQ(model_option(&m, a, SOL_SOCKET, SO_TIMESTAMPING_OLD, STAMPS | SOF_TIMESTAMPING_TX_SCHED), 0);
	CHECK_EQ(model_option(&m, b, SOL_SOCKET, SO_TIMESTAMPING_OLD, SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE), 0);
	CHECK_EQ(model_option(&m, a, SOL_SOCKET, SO_ZEROCOPY, 1), 0);
	for (u32 i = 0; i < 2; i++) {
		CHECK_EQ(model_send(&m, a, "hello", 5, NULL, 0), 5);
		CHECK_EQ(hear(a, buf, sizeof(buf), MSG_ERRQUEUE), 14 + 20 + 8 + 5);
		CHECK_MEM_EQ(buf + 42, "hello", 5);
		CHECK(told.err.ee_errno == ENOMSG && told.err.ee_info == SCM_TSTAMP_SCHED && told.err.ee_data == i && told.stamp);
		CHECK_EQ(hear(a, buf, 0, MSG_ERRQUEUE), 0);
		CHECK(told.err.ee_info == SCM_TSTAMP_SND && told.err.ee_origin == SO_EE_ORIGIN_TIMESTAMPING);
		CHECK_EQ(told.flags, MSG_ERRQUEUE | MSG_TRUNC);
		CHECK_EQ(hear(a, buf, 0, MSG_ERRQUEUE), -EAGAIN);
		CHECK_EQ(hear(b, buf, sizeof(buf), 0), 5);
		CHECK(told.n == 1 && told.stamp);
	}
	CHECK_EQ(model_option(&m, a, SOL_SOCKET, SO_TIMESTAMPING_OLD, 0), 0);
	for (u32 i = 0; i < 3; i++) {
		CHECK_EQ(model_send(&m, a, "zero", 4, NULL, MSG_ZEROCOPY), 4);
		CHECK_EQ(hear(b, buf, sizeof(buf), 0), 4);
	}
	CHECK_EQ(hear(a, buf, sizeof(buf), MSG_ERRQUEUE), 0);
	CHECK(told.err.ee_origin == SO_EE_ORIGIN_ZEROCOPY && told.err.ee_code == SO_EE_CODE_ZEROCOPY_COPIED);
	CHECK(told.err.ee_info == 0 && told.err.ee_data == 2);
	stop(ls, a, b);
}

TEST(told_of_streams)
{
	u64 ls, a, b;
	u8 buf[200];

	start(SOCK_STREAM, &ls, &a, &b);
	CHECK_EQ(model_option(&m, a, SOL_SOCKET, SO_TIMESTAMPING_OLD, STAMPS | SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_OPT_ID_TCP), 0);
	CHECK_EQ(model_option(&m, b, SOL_TCP, TCP_INQ, 1), 0);
	CHECK_EQ(model_send(&m, a, "stream", 6, NULL, 0), 6);
	CHECK_EQ(hear(b, buf, 2, 0), 2);
	CHECK_EQ(told.left, 4);
	CHECK_EQ(hear(b, buf, sizeof(buf), 0), 4);
	CHECK(told.n == 1 && !told.left);
	CHECK_EQ(model_send(&m, b, "answer", 6, NULL, 0), 6); /* with the ACK */
	CHECK_EQ(hear(a, buf, sizeof(buf), MSG_ERRQUEUE), 0);
	CHECK(told.err.ee_info == SCM_TSTAMP_SND && told.err.ee_data == 5);
	CHECK_EQ(hear(a, buf, sizeof(buf), MSG_ERRQUEUE), 0);
	CHECK(told.err.ee_info == SCM_TSTAMP_ACK && told.err.ee_data == 5);
	CHECK_EQ(hear(a, buf, sizeof(buf), MSG_ERRQUEUE), -EAGAIN); /* not the bytes */
	CHECK_EQ(port.ops->shutdown(port.self, a, 1), 0);
	CHECK_EQ(hear(b, buf, sizeof(buf), 0), 0);
	CHECK_EQ(told.left, 1);
	stop(ls, a, b);
}

TEST(port_in_time_wait)
{
	struct inet_addr at, any;
	u64 ls, a, b, c;

	start(SOCK_STREAM, &ls, &a, &b);
	port.ops->release(port.self, b); /* it waits */
	port.ops->release(port.self, a);
	port.ops->release(port.self, ls);
	model_addr4(&at, 0x7f000001, 7000);
	model_addr4(&any, 0, 7000);
	CHECK_EQ(model_socket(&m, AF_INET, SOCK_STREAM, 0, 4, &c), 0);
	CHECK_EQ(port.ops->bind(port.self, c, &at), -EADDRINUSE);
	CHECK_EQ(port.ops->bind(port.self, c, &any), -EADDRINUSE);
	model_addr4(&at, 0x7f000002, 7000);
	CHECK_EQ(port.ops->bind(port.self, c, &at), 0);
	port.ops->release(port.self, c);
	model_stop(&m);
}

static int group(u64 s, u32 name, u32 family, u32 a, u32 source)
{
	struct group_source_req q = {.gsr_interface = 1};
	u16 f = (u16)family;
	u32 group_be = ENDIAN_BE(32, a), source_be = ENDIAN_BE(32, source);
	struct iobuf b;

	memcpy(&q.gsr_group, &f, 2);
	memcpy(&q.gsr_source, &f, 2);
	memcpy((u8 *)&q.gsr_group + 4, &group_be, 4);
	memcpy((u8 *)&q.gsr_source + 4, &source_be, 4);
	iobuf_init_kernel(&b, &q, source ? sizeof(q) : offsetof(struct group_source_req, gsr_source));
	return port.ops->set_option(port.self, s, SOL_IP, name, &b);
}

TEST(groups_by_mcast_options)
{
	u64 ls, a, b;

	start(SOCK_DGRAM, &ls, &a, &b);
	CHECK_EQ(group(a, MCAST_JOIN_GROUP, AF_INET6, 0xe8010203, 0), -EINVAL);
	CHECK_EQ(group(a, MCAST_JOIN_GROUP, AF_INET, 0x0a010203, 0), -EINVAL);
	CHECK_EQ(group(a, MCAST_JOIN_GROUP, AF_INET, 0xe8010203, 0), 0);
	CHECK_EQ(group(a, MCAST_JOIN_GROUP, AF_INET, 0xe8010203, 0), -EADDRINUSE);
	CHECK_EQ(group(a, MCAST_BLOCK_SOURCE, AF_INET, 0xe8010203, 0x0a000001), 0);
	CHECK_EQ(group(a, MCAST_JOIN_SOURCE_GROUP, AF_INET, 0xe8010203, 0x0a000001), -EINVAL);
	CHECK_EQ(group(a, MCAST_UNBLOCK_SOURCE, AF_INET, 0xe8010203, 0x0a000001), 0);
	CHECK_EQ(group(a, MCAST_JOIN_SOURCE_GROUP, AF_INET, 0xe8010203, 0x0a000001), 0);
	CHECK_EQ(group(a, MCAST_LEAVE_SOURCE_GROUP, AF_INET, 0xe8010203, 0x0a000001), 0);
	CHECK_EQ(group(a, MCAST_LEAVE_GROUP, AF_INET, 0xe8010203, 0), -EADDRNOTAVAIL);
	stop(ls, a, b);
}

/* ---- sock_diag ---- */

static ssize_t diag(u16 type, u16 flags, const void *filter, u32 len, struct inet_diag_req_v2 *q)
{
	static u8 reply[65536];
	struct {
		struct nlmsghdr h;
		struct inet_diag_req_v2 q;
		u16 attr_len, attr_type;
		u8 filter[64];
	} ask = {.h = {.nlmsg_len = NLMSG_LENGTH(sizeof(*q)), .nlmsg_type = type, .nlmsg_flags = flags | NLM_F_REQUEST},
		.q = *q, .attr_len = (u16)(4 + len), .attr_type = INET_DIAG_REQ_BYTECODE};
	struct iobuf in, out;
	u64 resume = 0;
	int err;

	if (filter) {
		memcpy(ask.filter, filter, len);
		ask.h.nlmsg_len += 4 + len;
	}
	iobuf_init_kernel(&in, &ask, ask.h.nlmsg_len);
	iobuf_init_kernel(&out, reply, sizeof(reply));
	err = port.ops->netlink(port.self, NETLINK_SOCK_DIAG, &in, &out, &resume);
	return err ? err : (ssize_t)(sizeof(reply) - out.left);
}

TEST(diag_filters_and_ends)
{
	/* sport = 7000, and the same with a step into the middle of an operation */
	static const struct inet_diag_bc_op same[] = {{INET_DIAG_BC_S_EQ, 8, 12}, {0, 0, 7000}}, other[] = {{INET_DIAG_BC_S_EQ, 8, 12}, {0, 0, 7001}},
					     back[] = {{INET_DIAG_BC_S_EQ, 8, 0}, {0, 0, 1}},
					     into[] = {{INET_DIAG_BC_JMP, 4, 8}, {INET_DIAG_BC_S_EQ, 8, 12}, {0, 0, 1}};
	struct inet_diag_req_v2 q = {.sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u};
	ssize_t all, one;
	u64 ls, a, b;
	u8 buf[8];

	start(SOCK_STREAM, &ls, &a, &b);
	all = diag(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, NULL, 0, &q);
	one = diag(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, same, sizeof(same), &q);
	CHECK(all > one && one > 0);
	CHECK_EQ(diag(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, other, sizeof(other), &q), 0);
	CHECK_EQ(diag(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, back, sizeof(back), &q), -EINVAL);
	CHECK_EQ(diag(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, into, sizeof(into), &q), -EINVAL);
	CHECK_EQ(diag(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, same, 6, &q), -EINVAL);
	q.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	CHECK_EQ(diag(SOCK_DESTROY, 0, NULL, 0, &q), -ENOENT);
	q.id.idiag_sport = ENDIAN_BE(16, 7000);
	q.id.idiag_src[0] = ENDIAN_BE(32, 0x7f000001u);
	CHECK_EQ(diag(SOCK_DESTROY, 0, NULL, 0, &q), 0); /* the listener */
	CHECK(m.events[1] & EPOLLERR);
	CHECK_EQ(model_send(&m, a, "x", 1, NULL, 0), 1);
	CHECK_EQ(hear(b, buf, sizeof(buf), 0), 1);
	stop(ls, a, b);
}
