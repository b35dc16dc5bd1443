/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RTM_*LINK and RTM_*ADDR [man rtnetlink(7)].
 */
#include "rtnl.h"

static u32 shown_flags(const struct link *l)
{
	u32 f = link_flags(l);

	if ((f & IFF_UP) && READ_ONCE(l->running))
		f |= IFF_RUNNING | IFF_LOWER_UP;
	return f;
}

static void put_stats(struct rtnl_msg *m, const struct link *l)
{
	struct rtnl_link_stats64 s = {0};
	struct rtnl_link_stats s32 = {0};
	struct link_stats st;
	const u64 *from = (const u64 *)&s;
	u32 *to = (u32 *)&s32;

	link_fold_stats((struct link *)(unsigned long)l, &st);
	s.rx_packets = st.rx_packets;
	s.tx_packets = st.tx_packets;
	s.rx_bytes = st.rx_bytes;
	s.tx_bytes = st.tx_bytes;
	s.rx_errors = st.rx_errors;
	s.tx_errors = st.tx_errors;
	s.rx_dropped = st.rx_dropped;
	s.tx_dropped = st.tx_dropped;
	s.multicast = st.multicast;
	for (unsigned i = 0; i < min(sizeof(s) / 8, sizeof(s32) / 4); i++)
		to[i] = (u32)from[i];
	rtnl_put(m, IFLA_STATS64, &s, sizeof(s));
	rtnl_put(m, IFLA_STATS, &s32, sizeof(s32));
}

static void make_link(struct rtnl_msg *m, const struct link *l, u16 type, u16 flags, u32 seq, u32 pid)
{
	struct ifinfomsg i = {.ifi_type = l->type, .ifi_index = (int)l->ifindex, .ifi_flags = shown_flags(l)};
	bool up = (i.ifi_flags & (IFF_UP | IFF_LOWER_UP)) == (IFF_UP | IFF_LOWER_UP);
	u8 oper = link_flags(l) & IFF_LOOPBACK ? IF_OPER_UNKNOWN : up ? IF_OPER_UP : IF_OPER_DOWN, zero = 0, carrier = READ_ONCE(l->running);

	rtnl_begin(m, type, flags, seq, pid, &i, sizeof(i));
	rtnl_put(m, IFLA_IFNAME, link_name(l), (u32)strnlen(link_name(l), LINK_NAME - 1) + 1);
	rtnl_put_u32(m, IFLA_TXQLEN, l->txqlen);
	rtnl_put(m, IFLA_OPERSTATE, &oper, 1);
	rtnl_put(m, IFLA_LINKMODE, &zero, 1);
	rtnl_put_u32(m, IFLA_MTU, l->mtu);
	rtnl_put_u32(m, IFLA_MIN_MTU, link_flags(l) & IFF_LOOPBACK ? 0 : 68);
	rtnl_put_u32(m, IFLA_MAX_MTU, link_flags(l) & IFF_LOOPBACK ? 0 : l->mtu_max);
	rtnl_put_u32(m, IFLA_GROUP, 0);
	rtnl_put_u32(m, IFLA_PROMISCUITY, READ_ONCE(l->promisc) + ((link_flags(l) & IFF_PROMISC) != 0));
	rtnl_put_u32(m, IFLA_ALLMULTI, READ_ONCE(l->allmulti) + ((link_flags(l) & IFF_ALLMULTI) != 0));
	rtnl_put_u32(m, IFLA_NUM_TX_QUEUES, l->nqueues);
	rtnl_put_u32(m, IFLA_GSO_MAX_SEGS, 65535);
	rtnl_put_u32(m, IFLA_GSO_MAX_SIZE, l->max_gso);
	rtnl_put_u32(m, IFLA_NUM_RX_QUEUES, l->nqueues);
	rtnl_put(m, IFLA_CARRIER, &carrier, 1);
	rtnl_put(m, IFLA_QDISC, link_flags(l) & IFF_LOOPBACK ? "noqueue" : "pfifo", link_flags(l) & IFF_LOOPBACK ? 8 : 6);
	if (l->header_len) {
		rtnl_put(m, IFLA_ADDRESS, l->mac, 6);
		rtnl_put(m, IFLA_BROADCAST, l->broadcast, 6);
	}
	if (l->kind[0]) {
		u32 at = rtnl_nest(m, IFLA_LINKINFO);

		rtnl_put(m, IFLA_INFO_KIND, l->kind, (u32)strnlen(l->kind, sizeof(l->kind) - 1) + 1);
		rtnl_unnest(m, at);
	}
	put_stats(m, l);
}

void link_notify(struct link *l, bool new)
{
	struct rtnl_msg m;

	make_link(&m, l, new ? RTM_NEWLINK : RTM_DELLINK, 0, 0, 0);
	rtnl_notify(l->in, RTNLGRP_LINK, &m);
}

static struct link *named_link(struct rtnl_request *r, const struct ifinfomsg *i, const struct rtnl_attrs *as)
{
	const struct rtnl_attr *name = rtnl_get(as, IFLA_IFNAME, 1);
	char buf[LINK_NAME] = {0};

	if (i->ifi_index > 0)
		return link_by_index(r->in, (u32)i->ifi_index);
	if (!name)
		name = rtnl_get(as, IFLA_ALT_IFNAME, 1);
	if (!name)
		return NULL;
	memcpy(buf, name->data, min((u32)name->len, (u32)LINK_NAME - 1));
	return link_by_name(r->in, buf);
}

static int dump_links(struct rtnl_request *r)
{
	u64 from = *r->resume, next;
	struct rtnl_msg m;
	struct link *l, *o;

	/* In order of ifindex: a list that changes in between is told once each. */
	for (;;) {
		next = U64_MAX;
		l = NULL;
		list_for_each_entry_rcu(o, &r->in->links, node) {
			if (o->ifindex >= from && o->ifindex < next) {
				next = o->ifindex;
				l = o;
			}
		}
		if (!l)
			return 0;
		make_link(&m, l, RTM_NEWLINK, NLM_F_MULTI, r->h->nlmsg_seq, r->h->nlmsg_pid);
		if (rtnl_emit(r, &m))
			return -EMSGSIZE;
		from = *r->resume = next + 1;
	}
}

static int set_link(struct rtnl_request *r, const struct ifinfomsg *i, const struct rtnl_attrs *as)
{
	u32 settable = IFF_PROMISC | IFF_ALLMULTI | IFF_NOARP | IFF_MULTICAST | IFF_DEBUG | IFF_DYNAMIC;
	u32 change = i->ifi_change ? i->ifi_change : i->ifi_flags ? ~0u : 0;
	struct link *l = named_link(r, i, as);
	const struct rtnl_attr *mac;
	unsigned long flags;
	u32 mtu;

	if (!l)
		return r->h->nlmsg_type == RTM_NEWLINK && (r->h->nlmsg_flags & NLM_F_CREATE) ? -EOPNOTSUPP : -ENODEV;
	if (r->h->nlmsg_type == RTM_NEWLINK && (r->h->nlmsg_flags & NLM_F_EXCL))
		return -EEXIST;
	mtu = rtnl_u32(as, IFLA_MTU, 0);
	if (mtu && (mtu < 68 || mtu > l->mtu_max))
		return -EINVAL;
	if (rtnl_get(as, IFLA_TXQLEN, 4))
		l->txqlen = rtnl_u32(as, IFLA_TXQLEN, l->txqlen);
	if (change & settable) {
		flags = env_spin_lock(&r->in->config);
		WRITE_ONCE(l->flags, (l->flags & ~(change & settable)) | (i->ifi_flags & change & settable));
		env_spin_unlock(&r->in->config, flags);
		env_work_queue(&l->filter_work);
		link_notify(l, true);
	}
	*r->change = (struct link_change){.ifindex = l->ifindex, .up = change & IFF_UP ? (i->ifi_flags & IFF_UP) != 0 : -1, .mtu = mtu};
	mac = rtnl_get(as, IFLA_ADDRESS, 6);
	if (mac) {
		r->change->set_mac = true;
		memcpy(r->change->mac, mac->data, 6);
	}
	return 0;
}

int rtnl_link(struct rtnl_request *r)
{
	struct rtnl_attrs as;
	struct ifinfomsg i = {0};
	struct rtnl_msg m;
	struct link *l;
	bool dump = (r->h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	int err;

	if (r->h->nlmsg_type == RTM_GETLINK && dump)
		return dump_links(r);
	if (r->body_len < sizeof(i))
		return -EINVAL;
	memcpy(&i, r->body, sizeof(i));
	err = rtnl_parse(r->body + sizeof(i), r->body_len - (u32)sizeof(i), &as);
	if (err)
		return err;
	switch (r->h->nlmsg_type) {
	case RTM_GETLINK:
		l = named_link(r, &i, &as);
		if (!l)
			return -ENODEV;
		make_link(&m, l, RTM_NEWLINK, 0, r->h->nlmsg_seq, r->h->nlmsg_pid);
		return rtnl_emit(r, &m);
	case RTM_NEWLINK:
	case RTM_SETLINK:
		return set_link(r, &i, &as);
	}
	return named_link(r, &i, &as) ? -EOPNOTSUPP : -ENODEV; /* devices come and go by their drivers */
}

/* ---- addresses ---- */

static void make_addr(struct rtnl_msg *m, const struct ifaddr *a, u16 type, u16 flags, u32 seq, u32 pid)
{
	bool v4 = ip_is4(&a->addr);
	u32 f = READ_ONCE(a->flags);
	struct ifaddrmsg i = {.ifa_family = v4 ? AF_INET : AF_INET6,
		.ifa_prefixlen = (u8)(v4 ? a->prefix - 96 : a->prefix),
		.ifa_flags = (u8)f,
		.ifa_scope = a->scope,
		.ifa_index = a->link->ifindex};
	u64 now = env_now();
	struct ifa_cacheinfo c = {
		.ifa_prefered = a->preferred_until == U64_MAX ? U32_MAX : a->preferred_until > now ? (u32)((a->preferred_until - now) / 1000000000) : 0,
		.ifa_valid = a->valid_until == U64_MAX ? U32_MAX : a->valid_until > now ? (u32)((a->valid_until - now) / 1000000000) : 0,
		.cstamp = (u32)(a->created_ns / 10000000),
		.tstamp = (u32)(a->changed_ns / 10000000),
	};

	rtnl_begin(m, type, flags, seq, pid, &i, sizeof(i));
	if (v4) {
		rtnl_put_addr(m, IFA_ADDRESS, &a->peer);
		rtnl_put_addr(m, IFA_LOCAL, &a->addr);
		if (ip_is4(&a->broadcast) && !ip_is_any(&a->broadcast))
			rtnl_put_addr(m, IFA_BROADCAST, &a->broadcast);
		if (a->label[0])
			rtnl_put(m, IFA_LABEL, a->label, (u32)strnlen(a->label, 15) + 1);
	} else if (!ip_equal(&a->peer, &a->addr)) {
		rtnl_put_addr(m, IFA_LOCAL, &a->addr);
		rtnl_put_addr(m, IFA_ADDRESS, &a->peer);
	} else {
		rtnl_put_addr(m, IFA_ADDRESS, &a->addr);
	}
	if (a->metric)
		rtnl_put_u32(m, IFA_RT_PRIORITY, a->metric);
	rtnl_put_u32(m, IFA_FLAGS, f);
	if (a->proto)
		rtnl_put(m, IFA_PROTO, &a->proto, 1);
	rtnl_put(m, IFA_CACHEINFO, &c, sizeof(c));
}

void addr_notify(struct inet *in, const struct ifaddr *a, bool new)
{
	struct rtnl_msg m;

	make_addr(&m, a, new ? RTM_NEWADDR : RTM_DELADDR, 0, 0, 0);
	rtnl_notify(in, ip_is4(&a->addr) ? RTNLGRP_IPV4_IFADDR : RTNLGRP_IPV6_IFADDR, &m);
}

/* @resume: how many were sent. */
static int dump_addrs(struct rtnl_request *r, u8 family, u32 ifindex)
{
	u64 n = 0;
	struct rtnl_msg m;
	struct link *l;
	struct ifaddr *a;

	list_for_each_entry_rcu(l, &r->in->links, node) {
		if (ifindex && l->ifindex != ifindex)
			continue;
		list_for_each_entry_rcu(a, &l->addrs, link_node) {
			if ((family == AF_INET || family == AF_INET6) && (ip_is4(&a->addr) != (family == AF_INET)))
				continue;
			if (n++ < *r->resume)
				continue;
			make_addr(&m, a, RTM_NEWADDR, NLM_F_MULTI, r->h->nlmsg_seq, r->h->nlmsg_pid);
			if (rtnl_emit(r, &m))
				return -EMSGSIZE;
			(*r->resume)++;
		}
	}
	return 0;
}

static int read_addr(const struct ifaddrmsg *i, const struct rtnl_attrs *as, struct ifaddr *out)
{
	bool v4 = i->ifa_family == AF_INET, local;
	const struct rtnl_attr *a;

	*out = (struct ifaddr){.scope = i->ifa_scope, .prefix = (u8)(i->ifa_prefixlen + (v4 ? 96 : 0)), .broadcast = ip_any(AF_INET)};
	if (!v4 && i->ifa_family != AF_INET6)
		return -EAFNOSUPPORT;
	if (i->ifa_prefixlen > (v4 ? 32 : 128))
		return -EINVAL;
	local = rtnl_addr(as, IFA_LOCAL, i->ifa_family, &out->addr);
	if (!rtnl_addr(as, IFA_ADDRESS, i->ifa_family, &out->peer)) {
		if (!local)
			return -EINVAL;
		out->peer = out->addr;
	} else if (!local) {
		out->addr = out->peer;
	}
	if (v4)
		(void)rtnl_addr(as, IFA_BROADCAST, AF_INET, &out->broadcast);
	a = rtnl_get(as, IFA_LABEL, 1);
	if (a)
		memcpy(out->label, a->data, min((u32)a->len, 15u));
	out->flags = rtnl_u32(as, IFA_FLAGS, i->ifa_flags) & (IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR |
								 IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN | IFA_F_OPTIMISTIC);
	out->metric = rtnl_u32(as, IFA_RT_PRIORITY, 0);
	a = rtnl_get(as, IFA_PROTO, 1);
	out->proto = a ? a->data[0] : 0;
	out->valid_until = out->preferred_until = U64_MAX;
	return 0;
}

static int new_addr(struct rtnl_request *r, const struct ifaddrmsg *i, const struct rtnl_attrs *as)
{
	const struct rtnl_attr *cache = rtnl_get(as, IFA_CACHEINFO, sizeof(struct ifa_cacheinfo));
	u32 valid = U32_MAX, preferred = U32_MAX;
	struct ifaddr like, *a = NULL, *old;
	struct link *l;
	bool fresh = true;
	unsigned long flags;
	int err = read_addr(i, as, &like);

	if (err)
		return err;
	if (cache) {
		preferred = ((const struct ifa_cacheinfo *)(const void *)cache->data)->ifa_prefered;
		valid = ((const struct ifa_cacheinfo *)(const void *)cache->data)->ifa_valid;
		if (!valid || preferred > valid)
			return -EINVAL;
	}
	l = link_by_index(r->in, i->ifa_index);
	if (!l)
		return -ENODEV;
	if (!ip_is4(&like.addr) && (ip_is_multicast(&like.addr) || l->conf.disable_ipv6))
		return ip_is_multicast(&like.addr) ? -EADDRNOTAVAIL : -EACCES;
	if (ip_is4(&like.addr) && !like.label[0])
		memcpy(like.label, link_name(l), LINK_NAME);
	if (!ip_is4(&like.addr) && ip6_is_linklocal(&like.addr))
		like.scope = RT_SCOPE_LINK;
	flags = env_spin_lock(&r->in->config);
	old = ifaddr_lookup(l, &like.addr, ip_is4(&like.addr) ? like.prefix : 0);
	if (old && ((r->h->nlmsg_flags & NLM_F_EXCL) || !(r->h->nlmsg_flags & NLM_F_REPLACE))) {
		err = -EEXIST;
	} else if (old) {
		a = old;
		fresh = false;
	} else {
		err = ifaddr_add(l, &like, &a);
	}
	if (!err)
		ifaddr_set_lifetimes(a, valid, preferred);
	if (!err)
		addr_notify(r->in, a, true);
	env_spin_unlock(&r->in->config, flags);
	if (!err && fresh)
		ifaddr_activate(a);
	return err;
}

static int del_addr(struct rtnl_request *r, const struct ifaddrmsg *i, const struct rtnl_attrs *as)
{
	struct ifaddr like, *a, *found = NULL;
	struct link *l;
	unsigned long flags;
	int err = read_addr(i, as, &like);

	if (err)
		return err;
	l = link_by_index(r->in, i->ifa_index);
	if (!l)
		return -ENODEV;
	flags = env_spin_lock(&r->in->config);
	list_for_each_entry(a, &l->addrs, link_node) {
		if (ip_equal(&a->addr, &like.addr) && (!i->ifa_prefixlen || a->prefix == like.prefix)) {
			found = a;
			break;
		}
	}
	if (found)
		ifaddr_remove(found);
	env_spin_unlock(&r->in->config, flags);
	return found ? 0 : -EADDRNOTAVAIL;
}

int rtnl_addr_request(struct rtnl_request *r)
{
	struct rtnl_attrs as;
	struct ifaddrmsg i = {0};
	bool get = r->h->nlmsg_type == RTM_GETADDR;
	int err;

	memcpy(&i, r->body, min(r->body_len, (u32)sizeof(i)));
	if (get && (r->h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
		return dump_addrs(r, r->body_len ? r->body[0] : 0, r->body_len >= sizeof(i) ? i.ifa_index : 0);
	if (r->body_len < sizeof(i))
		return -EINVAL;
	err = rtnl_parse(r->body + sizeof(i), r->body_len - (u32)sizeof(i), &as);
	if (err || get)
		return err ? err : -EOPNOTSUPP;
	return r->h->nlmsg_type == RTM_NEWADDR ? new_addr(r, &i, &as) : del_addr(r, &i, &as);
}
