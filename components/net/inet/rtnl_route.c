/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RTM_*ROUTE and RTM_*RULE [man rtnetlink(7), ip-route(8), ip-rule(8)].
 */
#include "rtnl.h"

static u8 wire_len(const union ipaddr *a, u8 len)
{
	return (u8)(ip_is4(a) ? len - 96 : len);
}

static void put_metrics(struct rtnl_msg *m, const struct fib_route *r)
{
	u32 at = 0;

	for (u16 i = 1; i < FIB_METRICS; i++) {
		if (!r->metrics[i])
			continue;
		if (!at)
			at = rtnl_nest(m, RTA_METRICS);
		rtnl_put_u32(m, i, r->metrics[i]);
	}
	if (at && r->metrics_lock)
		rtnl_put_u32(m, RTAX_LOCK, r->metrics_lock);
	if (at)
		rtnl_unnest(m, at);
}

static void put_hops(struct rtnl_msg *m, const struct fib_route *r)
{
	u32 all, one;

	if (r->nhops == 1) {
		if (r->hops[0].has_gateway)
			rtnl_put_addr(m, RTA_GATEWAY, &r->hops[0].gateway);
		if (r->hops[0].link)
			rtnl_put_u32(m, RTA_OIF, r->hops[0].link->ifindex);
		return;
	}
	all = rtnl_nest(m, RTA_MULTIPATH);
	for (u32 i = 0; i < r->nhops && !m->full; i++) {
		const struct fib_hop *h = &r->hops[i];
		struct rtnexthop nh = {.rtnh_hops = (u8)(h->weight - 1), .rtnh_flags = h->flags, .rtnh_ifindex = h->link ? (int)h->link->ifindex : 0};

		one = m->len;
		rtnl_put(m, 0, (const u8 *)&nh + 4, sizeof(nh) - 4); /* the same head: a length first */
		if (m->full)
			return;
		memcpy(m->bytes + one, &nh, sizeof(nh));
		if (h->has_gateway)
			rtnl_put_addr(m, RTA_GATEWAY, &h->gateway);
		rtnl_unnest(m, one);
	}
	rtnl_unnest(m, all);
}

static void make_route(struct rtnl_msg *m, const struct fib_route *r, u16 type, u16 flags, u32 seq, u32 pid)
{
	struct rtmsg t = {.rtm_family = r->family,
		.rtm_dst_len = wire_len(&r->dst, r->len),
		.rtm_tos = r->tos,
		.rtm_table = (u8)(r->table < 256 ? r->table : RT_TABLE_COMPAT),
		.rtm_protocol = r->protocol,
		.rtm_scope = r->scope,
		.rtm_type = r->type,
		.rtm_flags = r->nhops ? r->hops[0].flags : 0};

	if (r->nhops == 1 && r->hops[0].link && !READ_ONCE(r->hops[0].link->running))
		t.rtm_flags |= RTNH_F_LINKDOWN;
	rtnl_begin(m, type, flags, seq, pid, &t, sizeof(t));
	rtnl_put_u32(m, RTA_TABLE, r->table);
	if (t.rtm_dst_len)
		rtnl_put_addr(m, RTA_DST, &r->dst);
	if (r->priority || r->family == AF_INET6)
		rtnl_put_u32(m, RTA_PRIORITY, r->priority);
	if (!ip_is_any(&r->prefsrc))
		rtnl_put_addr(m, RTA_PREFSRC, &r->prefsrc);
	put_metrics(m, r);
	put_hops(m, r);
	if (r->family == AF_INET6) {
		u64 now = env_now();
		struct rta_cacheinfo c = {.rta_expires = r->expires_ns > now ? (u32)((r->expires_ns - now) / 10000000) : 0};

		rtnl_put(m, RTA_CACHEINFO, &c, sizeof(c));
		rtnl_put(m, RTA_PREF, &r->pref, 1);
	}
}

void route_notify(struct inet *in, const struct fib_route *r, bool new)
{
	struct rtnl_msg m;

	make_route(&m, r, new ? RTM_NEWROUTE : RTM_DELROUTE, 0, 0, 0);
	rtnl_notify(in, r->family == AF_INET ? RTNLGRP_IPV4_ROUTE : RTNLGRP_IPV6_ROUTE, &m);
}

/* ---- requests ---- */

static bool known_type(u8 type)
{
	return type == RTN_UNICAST || type == RTN_LOCAL || type == RTN_BROADCAST || type == RTN_MULTICAST || type == RTN_BLACKHOLE ||
	       type == RTN_UNREACHABLE || type == RTN_PROHIBIT || type == RTN_THROW;
}

static bool needs_hop(u8 type)
{
	return type == RTN_UNICAST || type == RTN_LOCAL || type == RTN_BROADCAST || type == RTN_MULTICAST;
}

static u32 count_hops(const struct rtnl_attr *mp)
{
	u32 n = 0, at = 0;

	while (at + sizeof(struct rtnexthop) <= mp->len) {
		u16 len = *(const u16_any *)(mp->data + at);

		if (len < sizeof(struct rtnexthop) || at + len > mp->len)
			return 0;
		n++;
		at += align_up((u32)len, 4u);
	}
	return n;
}

/* The gateway's own link, if none was named: it must be a neighbour. */
static int find_link(struct inet *in, const struct fib_route *r, struct fib_hop *h)
{
	struct inet_flow flow = {.src = ip_any(r->family), .dst = h->gateway, .flags = FLOW_ANYSRC, .oif = h->link ? h->link->ifindex : 0};
	struct inet_route hop;

	if (h->flags & RTNH_F_ONLINK)
		return h->link ? 0 : -ENODEV;
	if (!ip_is4(&h->gateway) && ip6_is_linklocal(&h->gateway))
		return h->link ? 0 : -EINVAL;
	if (inet_route_lookup(in, &flow, &hop) || hop.type != RTN_UNICAST || hop.gateway)
		return r->family == AF_INET ? -ENETUNREACH : -EHOSTUNREACH;
	if (h->link && h->link != hop.link)
		return -ENETUNREACH;
	h->link = hop.link;
	return 0;
}

static int read_hop(struct inet *in, const struct fib_route *r, const struct rtnl_attrs *as, u32 ifindex, u8 flags, u8 weight, struct fib_hop *h)
{
	const struct rtnl_attr *via = rtnl_get(as, RTA_VIA, 2);

	*h = (struct fib_hop){.weight = (u16)(weight + 1), .flags = flags & RTNH_F_ONLINK};
	if (ifindex) {
		h->link = link_by_index(in, ifindex);
		if (!h->link)
			return -ENODEV;
	}
	h->has_gateway = rtnl_addr(as, RTA_GATEWAY, r->family, &h->gateway);
	if (!h->has_gateway && via)
		return -EOPNOTSUPP; /* a gateway of the other family */
	if (h->has_gateway && ip_is_any(&h->gateway))
		h->has_gateway = false;
	return 0;
}

static int read_hops(struct inet *in, const struct rtmsg *t, const struct rtnl_attrs *as, struct fib_route *r)
{
	const struct rtnl_attr *mp = rtnl_get(as, RTA_MULTIPATH, sizeof(struct rtnexthop));
	u32 at = 0;

	if (!mp)
		return read_hop(in, r, as, rtnl_u32(as, RTA_OIF, 0), (u8)t->rtm_flags, 0, &r->hops[0]);
	for (u32 i = 0; i < r->nhops; i++) {
		struct rtnexthop nh;
		struct rtnl_attrs sub;
		int err;

		memcpy(&nh, mp->data + at, sizeof(nh));
		err = rtnl_parse(mp->data + at + sizeof(nh), nh.rtnh_len - (u32)sizeof(nh), &sub);
		err = err ? err : read_hop(in, r, &sub, (u32)nh.rtnh_ifindex, nh.rtnh_flags, nh.rtnh_hops, &r->hops[i]);
		if (err)
			return err;
		at += align_up((u32)nh.rtnh_len, 4u);
	}
	return 0;
}

static int read_metrics(const struct rtnl_attrs *as, struct fib_route *r)
{
	const struct rtnl_attr *a = rtnl_get(as, RTA_METRICS, 0);
	struct rtnl_attrs sub;
	int err;

	if (!a)
		return 0;
	err = rtnl_parse(a->data, a->len, &sub);
	if (err)
		return err;
	for (unsigned i = 1; i < FIB_METRICS; i++)
		r->metrics[i] = rtnl_u32(&sub, i, 0);
	r->metrics_lock = r->metrics[RTAX_LOCK];
	r->metrics[RTAX_LOCK] = 0;
	return r->metrics[RTAX_HOPLIMIT] > 255 ? -EINVAL : 0;
}

static int read_route(struct rtnl_request *q, const struct rtmsg *t, const struct rtnl_attrs *as, struct fib_route **out)
{
	const struct rtnl_attr *mp = rtnl_get(as, RTA_MULTIPATH, sizeof(struct rtnexthop)), *pref;
	u8 base = t->rtm_family == AF_INET ? 96 : 0;
	u32 nhops = mp ? count_hops(mp) : 1;
	struct fib_route *r;
	int err;

	if (t->rtm_family != AF_INET && t->rtm_family != AF_INET6)
		return -EAFNOSUPPORT;
	if (t->rtm_dst_len > 128 - base || t->rtm_src_len || !nhops || nhops > FIB_NEXTHOPS_MAX)
		return -EINVAL;
	r = fib_route_alloc(nhops);
	if (!r)
		return -ENOMEM;
	r->family = t->rtm_family;
	r->dst = ip_any(t->rtm_family);
	r->prefsrc = ip_any(t->rtm_family);
	r->len = (u8)(t->rtm_dst_len + base);
	r->tos = t->rtm_tos;
	r->type = t->rtm_type ? t->rtm_type : RTN_UNICAST;
	r->scope = r->family == AF_INET ? t->rtm_scope : RT_SCOPE_UNIVERSE;
	r->protocol = t->rtm_protocol ? t->rtm_protocol : RTPROT_BOOT;
	r->table = rtnl_u32(as, RTA_TABLE, t->rtm_table ? t->rtm_table : RT_TABLE_MAIN);
	r->priority = rtnl_u32(as, RTA_PRIORITY, 0);
	if (r->family == AF_INET6 && !r->priority && q->h->nlmsg_type == RTM_NEWROUTE)
		r->priority = 1024;
	pref = rtnl_get(as, RTA_PREF, 1);
	r->pref = pref ? pref->data[0] : 0;
	if (rtnl_u32(as, RTA_EXPIRES, 0))
		r->expires_ns = env_deadline(rtnl_u32(as, RTA_EXPIRES, 0) * 1000000000ull);
	(void)rtnl_addr(as, RTA_DST, r->family, &r->dst);
	(void)rtnl_addr(as, RTA_PREFSRC, r->family, &r->prefsrc);
	err = !known_type(r->type) ? -EINVAL : read_metrics(as, r);
	if (!err && r->family == AF_INET) {
		union ipaddr masked = ip_mask(&r->dst, r->len);

		if (!ip_equal(&masked, &r->dst))
			err = -EINVAL;
	}
	r->dst = ip_mask(&r->dst, r->len);
	err = err ? err : read_hops(q->in, t, as, r);
	if (err) {
		fib_route_free(r);
		return err;
	}
	*out = r;
	return 0;
}

static int check_hops(struct inet *in, struct fib_route *r)
{
	for (u32 i = 0; i < r->nhops; i++) {
		int err = r->hops[i].has_gateway ? find_link(in, r, &r->hops[i]) : 0;

		if (err)
			return err;
		if (!r->hops[i].link && needs_hop(r->type))
			return -ENODEV;
		if (r->hops[i].link && !link_is_up(r->hops[i].link) && needs_hop(r->type))
			return -ENETDOWN;
	}
	if (!ip_is_any(&r->prefsrc) && inet_addr_type(in, &r->prefsrc) != RTN_LOCAL)
		return -EINVAL;
	return 0;
}

static int new_route(struct rtnl_request *q, struct fib_route *r)
{
	unsigned long flags;
	int err = check_hops(q->in, r);

	if (err) {
		fib_route_free(r);
		return err;
	}
	flags = env_spin_lock(&q->in->config);
	for (u32 i = 0; i < r->nhops; i++)
		if (r->hops[i].link && READ_ONCE(r->hops[i].link->gone))
			err = -ENODEV;
	err = err ? err : fib_insert(q->in, r, q->h->nlmsg_flags);
	if (!err)
		route_notify(q->in, r, true);
	env_spin_unlock(&q->in->config, flags);
	if (err)
		fib_route_free(r);
	return err;
}

struct wanted {
	const struct fib_route *like;
	const struct rtmsg *t;
};

/* What was not said matches anything. */
static bool is_wanted(const struct fib_route *r, const void *arg)
{
	const struct wanted *w = arg;
	const struct fib_hop *h = &w->like->hops[0];

	if (w->t->rtm_type && r->type != w->t->rtm_type)
		return false;
	if (w->t->rtm_protocol && r->protocol != w->t->rtm_protocol)
		return false;
	if (w->like->priority && r->priority != w->like->priority)
		return false;
	if (w->t->rtm_tos && r->tos != w->t->rtm_tos)
		return false;
	if (r->family == AF_INET && w->t->rtm_scope != RT_SCOPE_NOWHERE && r->scope != w->t->rtm_scope)
		return false;
	if (!ip_is_any(&w->like->prefsrc) && !ip_equal(&r->prefsrc, &w->like->prefsrc))
		return false;
	if (h->link && (!r->nhops || r->hops[0].link != h->link))
		return false;
	return !h->has_gateway || (r->nhops && r->hops[0].has_gateway && ip_equal(&r->hops[0].gateway, &h->gateway));
}

static int del_route(struct rtnl_request *q, struct fib_route *like, const struct rtmsg *t)
{
	struct wanted w = {like, t};
	unsigned long flags = env_spin_lock(&q->in->config);
	struct fib_route *r = fib_find(q->in, like->family, like->table, &like->dst, like->len, is_wanted, &w);

	if (r) {
		route_notify(q->in, r, false);
		fib_remove(q->in, r);
	}
	env_spin_unlock(&q->in->config, flags);
	fib_route_free(like);
	return r ? 0 : -ESRCH;
}

/* "ip route get": what a packet would do. */
static int get_route(struct rtnl_request *q, const struct rtmsg *t, const struct rtnl_attrs *as)
{
	struct inet_flow flow = {.src = ip_any(t->rtm_family), .dst = ip_any(t->rtm_family), .oif = rtnl_u32(as, RTA_OIF, 0),
		.iif = rtnl_u32(as, RTA_IIF, 0), .mark = rtnl_u32(as, RTA_MARK, 0), .uid = rtnl_u32(as, RTA_UID, 0), .tos = t->rtm_tos};
	struct rtmsg out = {.rtm_family = t->rtm_family, .rtm_dst_len = t->rtm_family == AF_INET ? 32 : 128, .rtm_table = RT_TABLE_MAIN,
		.rtm_flags = RTM_F_CLONED};
	struct inet_route r;
	struct rtnl_msg m;
	int err;

	if (t->rtm_family != AF_INET && t->rtm_family != AF_INET6)
		return -EAFNOSUPPORT;
	(void)rtnl_addr(as, RTA_DST, t->rtm_family, &flow.dst);
	if (rtnl_addr(as, RTA_SRC, t->rtm_family, &flow.src) && flow.iif)
		flow.flags |= FLOW_FORWARD;
	err = inet_route_lookup(q->in, &flow, &r);
	if (err)
		return err;
	out.rtm_type = r.type;
	out.rtm_table = (u8)(r.table < 256 ? r.table : RT_TABLE_COMPAT);
	rtnl_begin(&m, RTM_NEWROUTE, 0, q->h->nlmsg_seq, q->h->nlmsg_pid, &out, sizeof(out));
	rtnl_put_u32(&m, RTA_TABLE, r.table);
	rtnl_put_addr(&m, RTA_DST, &flow.dst);
	if (r.gateway)
		rtnl_put_addr(&m, RTA_GATEWAY, &r.hop);
	rtnl_put_u32(&m, RTA_OIF, r.link->ifindex);
	if (!ip_is_any(&r.src))
		rtnl_put_addr(&m, RTA_PREFSRC, &r.src);
	if (t->rtm_family == AF_INET6)
		rtnl_put_u32(&m, RTA_PRIORITY, r.priority);
	rtnl_put_u32(&m, RTA_UID, flow.uid);
	return rtnl_emit(q, &m);
}

static bool shown(const struct fib_route *r, const struct rtmsg *t, const struct rtnl_attrs *as)
{
	u32 table = rtnl_u32(as, RTA_TABLE, t->rtm_table), oif = rtnl_u32(as, RTA_OIF, 0);

	if ((t->rtm_family == AF_INET || t->rtm_family == AF_INET6) && r->family != t->rtm_family)
		return false;
	if ((table && r->table != table) || (t->rtm_type && r->type != t->rtm_type) || (t->rtm_protocol && r->protocol != t->rtm_protocol))
		return false;
	return !oif || (r->nhops && r->hops[0].link && r->hops[0].link->ifindex == oif);
}

/* Under config, in batches of what fits: routes have no list that readers may walk. */
static int dump_routes(struct rtnl_request *q, const struct rtmsg *t, const struct rtnl_attrs *as)
{
	u64 n = 0;
	struct rtnl_msg m;
	struct fib_table *table;
	struct fib_route *r;
	int err = 0;
	unsigned long flags;

	if (t->rtm_flags & RTM_F_CLONED)
		return 0; /* exceptions are not shown */
	flags = env_spin_lock(&q->in->config);
	list_for_each_entry(table, &q->in->fib->tables, node) {
		list_for_each_entry(r, &table->all, all) {
			if (!shown(r, t, as) || n++ < *q->resume)
				continue;
			make_route(&m, r, RTM_NEWROUTE, NLM_F_MULTI, q->h->nlmsg_seq, q->h->nlmsg_pid);
			err = rtnl_emit(q, &m);
			if (err)
				goto out;
			(*q->resume)++;
		}
	}
out:
	env_spin_unlock(&q->in->config, flags);
	return err;
}

int rtnl_route(struct rtnl_request *q)
{
	struct rtmsg t = {0};
	struct rtnl_attrs as = {0};
	struct fib_route *r;
	bool get = q->h->nlmsg_type == RTM_GETROUTE;
	int err = 0;

	memcpy(&t, q->body, min(q->body_len, (u32)sizeof(t)));
	if (q->body_len >= sizeof(t))
		err = rtnl_parse(q->body + sizeof(t), q->body_len - (u32)sizeof(t), &as);
	if (err)
		return err;
	if (get && (q->h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
		return dump_routes(q, &t, &as);
	if (q->body_len < sizeof(t))
		return -EINVAL;
	if (get)
		return get_route(q, &t, &as);
	err = read_route(q, &t, &as, &r);
	if (err)
		return err;
	return q->h->nlmsg_type == RTM_NEWROUTE ? new_route(q, r) : del_route(q, r, &t);
}
