/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INET_DIAG, for ss(8) [man sock_diag(7)]: a dump by protocol, family, states and a filter, or one socket by its ends, told of or ended.
 */
#include <linux/tcp.h>
#include "diag_filter.h"
#include "rtnl.h"
#include "show.h"
#include "tcp/tcp_sock.h"

/* @resume: the number of the last socket told, or MINIS with the bucket and how many of it. */
#define MINIS (1ull << 63)
#define MINIS_SHIFT 24

static void put_name(__be32 *to, const union ipaddr *a, bool v4)
{
	if (v4)
		to[0] = a->w[3];
	else
		memcpy(to, a->b, 16);
}

static void put_tcp(struct rtnl_msg *m, const struct sock_view *v, u8 ext)
{
	struct tcp_sock *t = tcp_of((struct sock *)(unsigned long)v->sock);
	bool cubic;
	struct tcp_info info;
	unsigned long flags = env_spin_lock(&t->sock.lock);

	tcp_info(&t->c, env_now(), &info);
	cubic = t->c.cong.kind == TCP_CC_CUBIC;
	env_spin_unlock(&t->sock.lock, flags);
	info.tcpi_state = v->state;
	if (v->state == TCP_S_LISTEN) {
		info.tcpi_unacked = v->rqueue;
		info.tcpi_sacked = v->wqueue;
	}
	if (ext & 1u << (INET_DIAG_INFO - 1))
		rtnl_put(m, INET_DIAG_INFO, &info, sizeof(info));
	if (ext & 1u << (INET_DIAG_CONG - 1))
		rtnl_put(m, INET_DIAG_CONG, cubic ? "cubic" : "reno", cubic ? 6 : 5);
}

static void make_sock(struct rtnl_msg *m, const struct sock_view *v, const struct inet_diag_req_v2 *q, const struct nlmsghdr *h, u16 nl_flags)
{
	bool v4 = v->family == AF_INET;
	struct inet_diag_msg d = {.idiag_family = (u8)v->family,
		.idiag_state = v->state,
		.idiag_timer = v->timer,
		.idiag_retrans = v->retransmits,
		.idiag_expires = (u32)min_t(u64, v->expires_ns / 1000000, U32_MAX),
		.idiag_rqueue = v->rqueue,
		.idiag_wqueue = v->wqueue,
		.idiag_uid = v->uid,
		.idiag_inode = (u32)v->inode};
	u32 mem[9] = {[0] = v->rmem, [1] = v->rcvbuf, [2] = v->wmem, [3] = v->sndbuf, [8] = v->drops};

	d.id.idiag_sport = ENDIAN_BE(16, v->lport);
	d.id.idiag_dport = ENDIAN_BE(16, v->rport);
	put_name(d.id.idiag_src, &v->laddr, v4);
	put_name(d.id.idiag_dst, &v->raddr, v4);
	d.id.idiag_if = v->bound_if;
	d.id.idiag_cookie[0] = (u32)v->number;
	d.id.idiag_cookie[1] = (u32)(v->number >> 32);
	rtnl_begin(m, SOCK_DIAG_BY_FAMILY, nl_flags, h->nlmsg_seq, h->nlmsg_pid, &d, sizeof(d));
	if (!v->sock)
		return;
	if (v->shutdown || v->sock->proto == &tcp_proto)
		rtnl_put(m, INET_DIAG_SHUTDOWN, &v->shutdown, 1);
	if (q->idiag_ext & 1u << (INET_DIAG_SKMEMINFO - 1))
		rtnl_put(m, INET_DIAG_SKMEMINFO, mem, sizeof(mem));
	if (v->family == AF_INET6) {
		u8 only = (v->sock->flags & SOCK_F_V6ONLY) != 0;

		rtnl_put(m, INET_DIAG_SKV6ONLY, &only, 1);
	}
	if (v->sock->proto == &tcp_proto)
		put_tcp(m, v, q->idiag_ext);
}

/* What is asked for. */
struct query {
	struct inet_diag_req_v2 q;
	const u8 *filter; /* NULL: none */
	u32 filter_len;
};

static bool is_wanted(const struct query *query, const struct sock_view *v)
{
	return query->q.idiag_states & 1u << v->state &&
	       (!query->filter || diag_filter_run(query->filter, query->filter_len, v));
}

static int dump_socks(struct rtnl_request *r, const struct query *query)
{
	const struct inet_diag_req_v2 *q = &query->q;
	struct sock_view v;
	struct rtnl_msg m;
	struct sock *s;

	list_for_each_entry_rcu(s, &r->in->socks->all, all_node) {
		if (s->number <= *r->resume || s->family != q->sdiag_family || s->protocol != q->sdiag_protocol)
			continue;
		sock_look(s, &v);
		if (!is_wanted(query, &v) || (v.state == TCP_S_CLOSE && s->proto == &tcp_proto && !v.lport))
			continue;
		make_sock(&m, &v, q, r->h, NLM_F_MULTI);
		if (rtnl_emit(r, &m))
			return -EMSGSIZE;
		*r->resume = s->number;
	}
	return 0;
}

struct mini_dump {
	struct rtnl_request *r;
	const struct query *query;
	u64 bucket; /* where the walk is */
	u64 at;	    /* the bucket that `seen` counts in */
	u64 seen, skip;
	bool full;
};

static bool dump_mini(const struct sock_view *v, void *arg)
{
	struct mini_dump *d = arg;
	struct rtnl_msg m;

	if (d->at != d->bucket) {
		d->at = d->bucket;
		d->seen = d->skip = 0;
	}
	if (d->seen < d->skip || !is_wanted(d->query, v)) {
		d->seen++;
		return true;
	}
	make_sock(&m, v, &d->query->q, d->r->h, NLM_F_MULTI);
	d->full = rtnl_emit(d->r, &m) != 0;
	d->seen += !d->full;
	return !d->full;
}

static int dump_minis(struct rtnl_request *r, const struct query *query)
{
	u64 from = *r->resume & MINIS ? *r->resume & ~MINIS : 0;
	struct mini_dump d = {.r = r, .query = query, .bucket = from >> MINIS_SHIFT, .skip = from & ((1u << MINIS_SHIFT) - 1)};

	if (query->q.sdiag_protocol != IPPROTO_TCP)
		return 0;
	d.at = d.bucket;
	tcp_look_minis(r->in, query->q.sdiag_family, &d.bucket, dump_mini, &d);
	*r->resume = MINIS | d.bucket << MINIS_SHIFT | d.seen;
	return d.full ? -EMSGSIZE : 0;
}

static bool is_asked_for(const struct sock_view *v, const struct inet_diag_req_v2 *q)
{
	const u32 *cookie = q->id.idiag_cookie;

	if (ENDIAN_BE(16, v->lport) != q->id.idiag_sport || ENDIAN_BE(16, v->rport) != q->id.idiag_dport)
		return false;
	if (cookie[0] != INET_DIAG_NOCOOKIE && (cookie[0] != (u32)v->number || cookie[1] != (u32)(v->number >> 32)))
		return false;
	if (v->family == AF_INET)
		return v->laddr.w[3] == q->id.idiag_src[0] && v->raddr.w[3] == q->id.idiag_dst[0];
	return !memcmp(v->laddr.b, q->id.idiag_src, 16) && !memcmp(v->raddr.b, q->id.idiag_dst, 16);
}

/* One by its two ends: told of, or ended. */
static int one(struct rtnl_request *r, const struct inet_diag_req_v2 *q, bool destroy)
{
	struct sock_view v;
	struct rtnl_msg m;
	struct sock *s;

	list_for_each_entry_rcu(s, &r->in->socks->all, all_node) {
		if (s->family != q->sdiag_family || s->protocol != q->sdiag_protocol)
			continue;
		sock_look(s, &v);
		if (!is_asked_for(&v, q))
			continue;
		if (destroy)
			return s->proto->abort ? s->proto->abort(s, ECONNABORTED) : -EOPNOTSUPP;
		make_sock(&m, &v, q, r->h, 0);
		return rtnl_emit(r, &m);
	}
	return -ENOENT;
}

int inet_diag_request(struct rtnl_request *r)
{
	bool destroy = r->h->nlmsg_type == SOCK_DESTROY;
	const struct rtnl_attr *filter;
	struct rtnl_attrs attrs;
	struct query query = {0};
	int err = 0;

	if ((r->h->nlmsg_type != SOCK_DIAG_BY_FAMILY && !destroy) || r->body_len < sizeof(query.q))
		return -EINVAL;
	memcpy(&query.q, r->body, sizeof(query.q));
	if (query.q.sdiag_family != AF_INET && query.q.sdiag_family != AF_INET6)
		return -ENOENT;
	if (destroy || !(r->h->nlmsg_flags & NLM_F_DUMP))
		return one(r, &query.q, destroy);
	err = rtnl_parse(r->body + NLMSG_ALIGN(sizeof(query.q)), r->body_len - (u32)sizeof(query.q), &attrs);
	filter = err ? NULL : rtnl_get(&attrs, INET_DIAG_REQ_BYTECODE, 0);
	if (err || (filter && !diag_filter_ok(filter->data, filter->len)))
		return -EINVAL;
	if (filter) {
		query.filter = filter->data;
		query.filter_len = filter->len;
	}
	if (!(*r->resume & MINIS))
		err = dump_socks(r, &query);
	return err ? err : dump_minis(r, &query);
}
