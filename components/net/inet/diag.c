/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INET_DIAG of datagram and raw sockets, for ss(8) [man sock_diag(7)]: a dump by protocol, family and states.
 */
#include "rtnl.h"

#define STATE_ESTABLISHED 1
#define STATE_CLOSE 7

static void put_name(__be32 *to, const union ipaddr *a, bool v4)
{
	if (v4)
		to[0] = a->w[3];
	else
		memcpy(to, a->b, 16);
}

static void make_sock(struct rtnl_msg *m, const struct sock *s, const struct inet_diag_req_v2 *q, const struct nlmsghdr *h)
{
	bool v4 = s->family == AF_INET;
	struct inet_diag_msg d = {.idiag_family = (u8)s->family,
		.idiag_state = s->connected ? STATE_ESTABLISHED : STATE_CLOSE,
		.idiag_rqueue = (u32)READ_ONCE(s->rmem),
		.idiag_wqueue = (u32)READ_ONCE(s->wmem),
		.idiag_uid = s->uid,
		.idiag_inode = (u32)s->cookie};
	u32 mem[9] = {[0] = (u32)READ_ONCE(s->rmem), [1] = s->rcvbuf, [2] = (u32)READ_ONCE(s->wmem), [3] = s->sndbuf, [8] = s->drops};

	d.id.idiag_sport = ENDIAN_BE(16, s->lport);
	d.id.idiag_dport = ENDIAN_BE(16, s->rport);
	put_name(d.id.idiag_src, &s->laddr, v4);
	put_name(d.id.idiag_dst, &s->raddr, v4);
	d.id.idiag_if = s->bound_if;
	d.id.idiag_cookie[0] = (u32)s->number;
	d.id.idiag_cookie[1] = (u32)(s->number >> 32);
	rtnl_begin(m, SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, h->nlmsg_seq, h->nlmsg_pid, &d, sizeof(d));
	if (q->idiag_ext & 1u << (INET_DIAG_SKMEMINFO - 1))
		rtnl_put(m, INET_DIAG_SKMEMINFO, mem, sizeof(mem));
}

int inet_diag_request(struct rtnl_request *r)
{
	struct inet_diag_req_v2 q;
	struct sock *s;
	struct rtnl_msg m;

	if (r->h->nlmsg_type != SOCK_DIAG_BY_FAMILY || r->body_len < sizeof(q))
		return -EINVAL;
	memcpy(&q, r->body, sizeof(q));
	if (q.sdiag_family != AF_INET && q.sdiag_family != AF_INET6)
		return -ENOENT;
	if (!(r->h->nlmsg_flags & NLM_F_DUMP))
		return -EOPNOTSUPP;
	list_for_each_entry_rcu(s, &r->in->socks->all, all_node) {
		u8 state = s->connected ? STATE_ESTABLISHED : STATE_CLOSE;

		if (s->number <= *r->resume || s->family != q.sdiag_family || s->protocol != q.sdiag_protocol || !(q.idiag_states & 1u << state))
			continue;
		make_sock(&m, s, &q, r->h);
		if (rtnl_emit(r, &m))
			return -EMSGSIZE;
		*r->resume = s->number;
	}
	return 0;
}
