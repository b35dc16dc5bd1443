/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RTM_*NEIGH and RTM_*RULE [man rtnetlink(7), ip-neighbour(8), ip-rule(8)].
 */
#include "rtnl.h"

static void make_neigh(struct rtnl_msg *m, struct neigh *n, u16 type, u16 flags, u32 seq, u32 pid)
{
	u64 now = env_now(), mac = READ_ONCE(n->mac);
	struct ndmsg d = {.ndm_family = ip_is4(&n->addr) ? AF_INET : AF_INET6,
		.ndm_ifindex = (int)n->link->ifindex,
		.ndm_state = neigh_state(n),
		.ndm_flags = (u8)(n->flags | (n->router ? NTF_ROUTER : 0)),
		.ndm_type = RTN_UNICAST};
	struct nda_cacheinfo c = {.ndm_confirmed = (u32)((now - READ_ONCE(n->confirmed_ns)) / 10000000),
		.ndm_used = (u32)((now - READ_ONCE(n->used_ns)) / 10000000),
		.ndm_updated = (u32)((now - READ_ONCE(n->updated_ns)) / 10000000)};

	rtnl_begin(m, type, flags, seq, pid, &d, sizeof(d));
	rtnl_put_addr(m, NDA_DST, &n->addr);
	if (mac)
		rtnl_put(m, NDA_LLADDR, &mac, 6);
	rtnl_put(m, NDA_CACHEINFO, &c, sizeof(c));
	rtnl_put_u32(m, NDA_PROBES, n->probes);
	if (n->protocol)
		rtnl_put(m, NDA_PROTOCOL, &n->protocol, 1);
}

void neigh_notify(struct inet *in, struct neigh *n, bool new)
{
	struct rtnl_msg m;

	make_neigh(&m, n, new ? RTM_NEWNEIGH : RTM_DELNEIGH, 0, 0, 0);
	rtnl_notify(in, RTNLGRP_NEIGH, &m);
}

struct dump {
	struct rtnl_request *r;
	u8 family;
	u32 ifindex, seen;
	u64 skip;
	bool full;
};

static bool dump_one(struct table_node *t, void *arg)
{
	struct neigh *n = container_of(t, struct neigh, node);
	struct dump *d = arg;
	struct rtnl_msg m;

	if ((d->family == AF_INET || d->family == AF_INET6) && ip_is4(&n->addr) != (d->family == AF_INET))
		return true;
	if ((d->ifindex && n->link->ifindex != d->ifindex) || READ_ONCE(n->state) == NUD_NONE || d->seen++ < d->skip)
		return true;
	make_neigh(&m, n, RTM_NEWNEIGH, NLM_F_MULTI, d->r->h->nlmsg_seq, d->r->h->nlmsg_pid);
	d->full = rtnl_emit(d->r, &m) != 0;
	if (!d->full)
		(*d->r->resume)++;
	return !d->full;
}

int rtnl_neigh(struct rtnl_request *r)
{
	const struct rtnl_attr *mac;
	struct rtnl_attrs as = {0};
	struct ndmsg d = {0};
	union ipaddr addr;
	struct neigh *n;
	struct link *l;
	u64 cursor = 0;
	int err = 0;

	memcpy(&d, r->body, min(r->body_len, (u32)sizeof(d)));
	if (r->body_len >= sizeof(d))
		err = rtnl_parse(r->body + sizeof(d), r->body_len - (u32)sizeof(d), &as);
	if (err)
		return err;
	if (r->h->nlmsg_type == RTM_GETNEIGH && (r->h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP) {
		struct dump dump = {.r = r, .family = d.ndm_family, .ifindex = rtnl_u32(&as, NDA_IFINDEX, 0), .skip = *r->resume};

		if (d.ndm_flags & NTF_PROXY)
			return 0;
		table_walk(&r->in->neigh->table, &cursor, dump_one, &dump);
		return dump.full ? -EMSGSIZE : 0;
	}
	if (r->body_len < sizeof(d))
		return -EINVAL;
	if (d.ndm_family != AF_INET && d.ndm_family != AF_INET6)
		return -EAFNOSUPPORT;
	if (d.ndm_flags & NTF_PROXY)
		return -EOPNOTSUPP;
	l = d.ndm_ifindex > 0 ? link_by_index(r->in, (u32)d.ndm_ifindex) : NULL;
	if (!rtnl_addr(&as, NDA_DST, d.ndm_family, &addr))
		return -EINVAL;
	if (!l)
		return -ENODEV;
	n = neigh_find(l, &addr);
	if (r->h->nlmsg_type == RTM_GETNEIGH) {
		struct rtnl_msg m;

		if (!n)
			return -ENOENT;
		make_neigh(&m, n, RTM_NEWNEIGH, 0, r->h->nlmsg_seq, r->h->nlmsg_pid);
		return rtnl_emit(r, &m);
	}
	if (r->h->nlmsg_type == RTM_DELNEIGH)
		return n && neigh_delete(n) ? 0 : -ENOENT;
	if (n && (r->h->nlmsg_flags & NLM_F_EXCL))
		return -EEXIST;
	if (!n && !(r->h->nlmsg_flags & NLM_F_CREATE))
		return -ENOENT;
	n = n ? n : neigh_get(l, &addr);
	if (!n)
		return -ENOBUFS;
	mac = rtnl_get(&as, NDA_LLADDR, 6);
	return neigh_set(n, mac ? mac->data : NULL, (u8)(d.ndm_state ? d.ndm_state : NUD_PERMANENT), d.ndm_flags & (u8)~NTF_ROUTER,
		NEIGH_ADMIN | (r->h->nlmsg_flags & NLM_F_REPLACE || !READ_ONCE(n->mac) ? NEIGH_OVERRIDE : 0) |
			(d.ndm_flags & NTF_ROUTER ? NEIGH_SET_ROUTER : 0));
}

/* ---- rules ---- */

static u8 wire_len(u8 family, u8 len)
{
	return family == AF_INET ? (u8)(len - 96) : len;
}

static void make_rule(struct rtnl_msg *m, const struct fib_rule *r, u16 type, u16 flags, u32 seq, u32 pid)
{
	struct fib_rule_hdr h = {.family = r->family,
		.dst_len = r->has_dst ? wire_len(r->family, r->dst_len) : 0,
		.src_len = r->has_src ? wire_len(r->family, r->src_len) : 0,
		.tos = r->tos,
		.table = (u8)(r->table < 256 ? r->table : RT_TABLE_COMPAT),
		.action = r->action,
		.flags = r->flags};

	rtnl_begin(m, type, flags, seq, pid, &h, sizeof(h));
	rtnl_put_u32(m, FRA_TABLE, r->table);
	rtnl_put_u32(m, FRA_SUPPRESS_PREFIXLEN, (u32)r->suppress_prefixlen);
	rtnl_put(m, FRA_PROTOCOL, &r->protocol, 1);
	if (r->priority)
		rtnl_put_u32(m, FRA_PRIORITY, r->priority);
	if (r->target)
		rtnl_put_u32(m, FRA_GOTO, r->target);
	if (r->iif[0])
		rtnl_put(m, FRA_IIFNAME, r->iif, (u32)strnlen(r->iif, LINK_NAME - 1) + 1);
	if (r->oif[0])
		rtnl_put(m, FRA_OIFNAME, r->oif, (u32)strnlen(r->oif, LINK_NAME - 1) + 1);
	if (r->mask) {
		rtnl_put_u32(m, FRA_FWMARK, r->mark);
		rtnl_put_u32(m, FRA_FWMASK, r->mask);
	}
	if (r->has_uid) {
		struct fib_rule_uid_range u = {r->uid_low, r->uid_high};

		rtnl_put(m, FRA_UID_RANGE, &u, sizeof(u));
	}
	if (r->proto)
		rtnl_put(m, FRA_IP_PROTO, &r->proto, 1);
	if (r->sport_high) {
		struct fib_rule_port_range p = {r->sport_low, r->sport_high};

		rtnl_put(m, FRA_SPORT_RANGE, &p, sizeof(p));
	}
	if (r->dport_high) {
		struct fib_rule_port_range p = {r->dport_low, r->dport_high};

		rtnl_put(m, FRA_DPORT_RANGE, &p, sizeof(p));
	}
	if (r->has_dst)
		rtnl_put_addr(m, FRA_DST, &r->dst);
	if (r->has_src)
		rtnl_put_addr(m, FRA_SRC, &r->src);
}

static void rule_notify(struct inet *in, const struct fib_rule *r, bool new)
{
	struct rtnl_msg m;

	make_rule(&m, r, new ? RTM_NEWRULE : RTM_DELRULE, 0, 0, 0);
	rtnl_notify(in, r->family == AF_INET ? RTNLGRP_IPV4_RULE : RTNLGRP_IPV6_RULE, &m);
}

static void read_name(const struct rtnl_attrs *as, unsigned type, char *out)
{
	const struct rtnl_attr *a = rtnl_get(as, type, 1);

	if (a)
		memcpy(out, a->data, min((u32)a->len, (u32)LINK_NAME - 1));
}

static int read_rule(const struct fib_rule_hdr *h, const struct rtnl_attrs *as, struct fib_rule *r)
{
	u8 base = h->family == AF_INET ? 96 : 0;
	const struct rtnl_attr *a;

	*r = (struct fib_rule){.family = h->family, .action = h->action, .tos = h->tos, .flags = h->flags & FIB_RULE_INVERT};
	if (h->family != AF_INET && h->family != AF_INET6)
		return -EAFNOSUPPORT;
	if (h->src_len > 128 - base || h->dst_len > 128 - base)
		return -EINVAL;
	r->has_src = h->src_len && rtnl_addr(as, FRA_SRC, h->family, &r->src);
	r->has_dst = h->dst_len && rtnl_addr(as, FRA_DST, h->family, &r->dst);
	if ((h->src_len && !r->has_src) || (h->dst_len && !r->has_dst))
		return -EINVAL;
	r->src_len = (u8)(h->src_len + base);
	r->dst_len = (u8)(h->dst_len + base);
	r->table = rtnl_u32(as, FRA_TABLE, h->table);
	r->priority = rtnl_u32(as, FRA_PRIORITY, 0);
	r->target = rtnl_u32(as, FRA_GOTO, 0);
	r->mark = rtnl_u32(as, FRA_FWMARK, 0);
	r->mask = rtnl_u32(as, FRA_FWMASK, r->mark || rtnl_get(as, FRA_FWMARK, 4) ? ~0u : 0);
	r->suppress_prefixlen = (s32)rtnl_u32(as, FRA_SUPPRESS_PREFIXLEN, ~0u);
	read_name(as, FRA_IIFNAME, r->iif);
	read_name(as, FRA_OIFNAME, r->oif);
	a = rtnl_get(as, FRA_UID_RANGE, 8);
	if (a) {
		r->has_uid = true;
		r->uid_low = *(const u32_any *)a->data;
		r->uid_high = *(const u32_any *)(a->data + 4);
	}
	a = rtnl_get(as, FRA_IP_PROTO, 1);
	r->proto = a ? a->data[0] : 0;
	a = rtnl_get(as, FRA_PROTOCOL, 1);
	r->protocol = a ? a->data[0] : 0;
	a = rtnl_get(as, FRA_SPORT_RANGE, 4);
	if (a) {
		r->sport_low = *(const u16_any *)a->data;
		r->sport_high = *(const u16_any *)(a->data + 2);
	}
	a = rtnl_get(as, FRA_DPORT_RANGE, 4);
	if (a) {
		r->dport_low = *(const u16_any *)a->data;
		r->dport_high = *(const u16_any *)(a->data + 2);
	}
	return 0;
}

static bool same_rule(const struct fib_rule *a, const struct fib_rule *b)
{
	return a->action == b->action && a->table == b->table && a->tos == b->tos && a->mark == b->mark && a->mask == b->mask &&
	       a->has_src == b->has_src && a->has_dst == b->has_dst && (!a->has_src || (ip_equal(&a->src, &b->src) && a->src_len == b->src_len)) &&
	       (!a->has_dst || (ip_equal(&a->dst, &b->dst) && a->dst_len == b->dst_len)) && !strncmp(a->iif, b->iif, LINK_NAME) &&
	       !strncmp(a->oif, b->oif, LINK_NAME) && a->proto == b->proto && a->has_uid == b->has_uid && a->flags == b->flags;
}

static void rule_free(struct env_rcu *rcu)
{
	env_free(container_of(rcu, struct fib_rule, rcu), sizeof(struct fib_rule));
}

static int new_rule(struct rtnl_request *q, const struct fib_rule *like)
{
	struct list_head *rules = &q->in->fib->rules[like->family == AF_INET6];
	struct fib_rule *r, *o;
	unsigned long flags;
	int err = 0;

	if (like->action < FR_ACT_TO_TBL || like->action > FR_ACT_PROHIBIT || (like->action == FR_ACT_TO_TBL && !like->table))
		return -EINVAL;
	if (like->action == FR_ACT_GOTO && like->target <= like->priority)
		return -EINVAL;
	r = env_alloc(sizeof(*r), ENV_ALLOC_NOWAIT);
	if (!r)
		return -ENOMEM;
	*r = *like;
	flags = env_spin_lock(&q->in->config);
	if (!r->priority) { /* before the first that is not the local table's */
		list_for_each_entry(o, rules, node) {
			if (o->priority) {
				r->priority = o->priority - 1;
				break;
			}
		}
	}
	if (q->h->nlmsg_flags & NLM_F_EXCL)
		list_for_each_entry(o, rules, node)
			if (o->priority == r->priority && same_rule(o, r))
				err = -EEXIST;
	if (!err) {
		err = fib_rule_add(q->in, r);
		rule_notify(q->in, r, true);
	}
	env_spin_unlock(&q->in->config, flags);
	if (err)
		env_free(r, sizeof(*r));
	return err;
}

static int del_rule(struct rtnl_request *q, const struct fib_rule *like, const struct fib_rule_hdr *h, const struct rtnl_attrs *as)
{
	struct fib_rule *r, *found = NULL;
	unsigned long flags = env_spin_lock(&q->in->config);

	list_for_each_entry(r, &q->in->fib->rules[like->family == AF_INET6], node) {
		if ((rtnl_get(as, FRA_PRIORITY, 4) && r->priority != like->priority) || (like->table && r->table != like->table) ||
			(h->action && r->action != h->action) || (like->mask && (r->mark != like->mark || r->mask != like->mask)) ||
			(h->tos && r->tos != h->tos))
			continue;
		if ((like->has_src && (!r->has_src || r->src_len != like->src_len || !ip_equal(&r->src, &like->src))) ||
			(like->has_dst && (!r->has_dst || r->dst_len != like->dst_len || !ip_equal(&r->dst, &like->dst))))
			continue;
		if ((like->iif[0] && strncmp(r->iif, like->iif, LINK_NAME)) || (like->oif[0] && strncmp(r->oif, like->oif, LINK_NAME)))
			continue;
		found = r;
		break;
	}
	if (found) {
		list_del_rcu(&found->node);
		inet_route_changed(q->in);
		rule_notify(q->in, found, false);
		env_rcu_call(&found->rcu, rule_free);
	}
	env_spin_unlock(&q->in->config, flags);
	return found ? 0 : -ENOENT;
}

static int dump_rules(struct rtnl_request *q, u8 family)
{
	u64 n = 0;

	for (unsigned i = 0; i < 2; i++) {
		struct fib_rule *r;

		if ((family == AF_INET && i) || (family == AF_INET6 && !i))
			continue;
		list_for_each_entry_rcu(r, &q->in->fib->rules[i], node) {
			struct rtnl_msg m;

			if (n++ < *q->resume)
				continue;
			make_rule(&m, r, RTM_NEWRULE, NLM_F_MULTI, q->h->nlmsg_seq, q->h->nlmsg_pid);
			if (rtnl_emit(q, &m))
				return -EMSGSIZE;
			(*q->resume)++;
		}
	}
	return 0;
}

int rtnl_rule(struct rtnl_request *q)
{
	struct fib_rule_hdr h = {0};
	struct rtnl_attrs as;
	struct fib_rule like;
	int err;

	memcpy(&h, q->body, min(q->body_len, (u32)sizeof(h)));
	if (q->h->nlmsg_type == RTM_GETRULE)
		return (q->h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP ? dump_rules(q, h.family) : -EOPNOTSUPP;
	if (q->body_len < sizeof(h))
		return -EINVAL;
	err = rtnl_parse(q->body + sizeof(h), q->body_len - (u32)sizeof(h), &as);
	err = err ? err : read_rule(&h, &as, &like);
	if (err)
		return err;
	return q->h->nlmsg_type == RTM_NEWRULE ? new_rule(q, &like) : del_rule(q, &like, &h, &as);
}
