/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SIOCGIF*, SIOCSIF*, SIOCADDRT, SIOCDELRT, SIOC[GSD]ARP [man netdevice(7), arp(7), rtnetlink(7)].
 */
#include <lib/bits.h>
#include "link_impl.h"
#include "neigh_impl.h"
#include "route_impl.h"
#include "sock_impl.h"

static union ipaddr sockaddr4(const u8 *sa)
{
	return ip_load4(sa + 4);
}

static void put_sockaddr4(u8 *sa, const union ipaddr *a)
{
	memset(sa, 0, 16);
	*(u16_any *)sa = AF_INET;
	memcpy(sa + 4, &a->w[3], 4);
}

static union ipaddr mask_of(unsigned prefix)
{
	union ipaddr ones = {.q = {~0ull, ~0ull}}, m = ip_mask(&ones, prefix);

	return ip_from4(m.w[3]);
}

/* Contiguous ones, or -1. */
static int prefix_of(u32 mask) /* host order */
{
	u32 inverse = ~mask;

	return inverse & (inverse + 1) ? -1 : 96 + (mask ? 32 - (int)popcount32(inverse) : 0);
}

static struct ifaddr *first_addr(struct link *l)
{
	struct ifaddr *a;

	list_for_each_entry_rcu(a, &l->addrs, link_node)
		if (ip_is4(&a->addr))
			return a;
	return NULL;
}

static u32 shown_flags(const struct link *l)
{
	u32 f = link_flags(l);

	if ((f & IFF_UP) && READ_ONCE(l->running))
		f |= IFF_RUNNING;
	return f;
}

static int get_address(struct link *l, u32 request, struct ifreq *r)
{
	struct ifaddr *a = first_addr(l);
	union ipaddr any = ip_any(AF_INET), m;

	if (!a)
		return -EADDRNOTAVAIL;
	switch (request) {
	case SIOCGIFADDR:
		put_sockaddr4(r->sockaddr, &a->addr);
		break;
	case SIOCGIFDSTADDR:
		put_sockaddr4(r->sockaddr, &a->peer);
		break;
	case SIOCGIFBRDADDR:
		put_sockaddr4(r->sockaddr, ip_is4(&a->broadcast) ? &a->broadcast : &any);
		break;
	default:
		m = mask_of(a->prefix);
		put_sockaddr4(r->sockaddr, &m);
	}
	return 0;
}

static int get(struct link *l, u32 request, struct ifreq *r)
{
	switch (request) {
	case SIOCGIFFLAGS:
		r->flags = (s16)shown_flags(l);
		return 0;
	case SIOCGIFINDEX:
		r->number = (s32)l->ifindex;
		return 0;
	case SIOCGIFMTU:
		r->number = (s32)l->mtu;
		return 0;
	case SIOCGIFMETRIC:
		r->number = 0;
		return 0;
	case SIOCGIFTXQLEN:
		r->number = (s32)l->txqlen;
		return 0;
	case SIOCGIFHWADDR:
		memset(r->sockaddr, 0, 16);
		*(u16_any *)r->sockaddr = l->type;
		memcpy(r->sockaddr + 2, l->mac, 6);
		return 0;
	case SIOCGIFMAP:
		memset(&r->map, 0, sizeof(r->map));
		return 0;
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFBRDADDR:
	case SIOCGIFNETMASK:
		return get_address(l, request, r);
	}
	return -ENOIOCTLCMD;
}

/* Classful, as ifconfig expects of SIOCSIFADDR. */
static u8 class_prefix(const union ipaddr *a)
{
	return (u8)(96 + (a->b[12] < 128 ? 8 : a->b[12] < 192 ? 16 : 24));
}

/* The first address as changed by one ioctl: taken out and put back. */
static int set_address(struct link *l, u32 request, const struct ifreq *r)
{
	struct inet *in = l->in;
	union ipaddr given = sockaddr4(r->sockaddr);
	struct ifaddr like = {.scope = RT_SCOPE_UNIVERSE, .flags = IFA_F_PERMANENT, .valid_until = U64_MAX, .preferred_until = U64_MAX};
	struct ifaddr *old, *made;
	int prefix, err = 0;
	unsigned long flags;

	if (*(const u16_any *)r->sockaddr != AF_INET)
		return -EINVAL;
	flags = env_spin_lock(&in->config);
	old = first_addr(l);
	if (old) {
		like.addr = old->addr;
		like.peer = old->peer;
		like.prefix = old->prefix;
		like.broadcast = old->broadcast;
	} else if (request != SIOCSIFADDR) {
		err = -EADDRNOTAVAIL;
	}
	like.broadcast = old ? old->broadcast : ip_any(AF_INET);
	memcpy(like.label, link_name(l), LINK_NAME);
	switch (request) {
	case SIOCSIFADDR:
		like.addr = like.peer = given;
		like.prefix = class_prefix(&given);
		like.broadcast = ip_any(AF_INET);
		if (link_flags(l) & IFF_BROADCAST) {
			union ipaddr m = mask_of(like.prefix);

			like.broadcast = ip_from4(given.w[3] | ~m.w[3]);
		}
		break;
	case SIOCSIFDSTADDR:
		like.peer = given;
		break;
	case SIOCSIFBRDADDR:
		like.broadcast = given;
		break;
	case SIOCSIFNETMASK:
		prefix = prefix_of(ip4_host(&given));
		if (prefix < 0)
			err = -EINVAL;
		else
			like.prefix = (u8)prefix;
		break;
	}
	if (!err && old)
		ifaddr_remove(old);
	if (!err && !(request == SIOCSIFADDR && ip_is_any(&given)))
		err = ifaddr_add(l, &like, &made);
	else
		made = NULL;
	env_spin_unlock(&in->config, flags);
	if (!err && made)
		ifaddr_activate(made);
	return err;
}

static int set_flags(struct link *l, u32 flags, struct link_change *out)
{
	struct inet *in = l->in;
	u32 settable = IFF_PROMISC | IFF_ALLMULTI | IFF_NOARP | IFF_MULTICAST | IFF_DEBUG | IFF_DYNAMIC, fresh;
	unsigned long f;

	f = env_spin_lock(&in->config);
	fresh = (l->flags & ~settable) | (flags & settable);
	WRITE_ONCE(l->flags, fresh);
	env_spin_unlock(&in->config, f);
	env_work_queue(&l->filter_work);
	*out = (struct link_change){.ifindex = l->ifindex, .up = (flags & IFF_UP) != 0};
	return 0;
}

static int change(struct link *l, u32 request, const struct ifreq *r, struct link_change *out)
{
	switch (request) {
	case SIOCSIFFLAGS:
		return set_flags(l, (u16)r->flags, out);
	case SIOCSIFMTU:
		if (r->number < 68 || (u32)r->number > l->mtu_max)
			return -EINVAL;
		*out = (struct link_change){.ifindex = l->ifindex, .up = -1, .mtu = (u32)r->number};
		return 0;
	case SIOCSIFHWADDR:
		if (*(const u16_any *)r->sockaddr != l->type)
			return -EINVAL;
		*out = (struct link_change){.ifindex = l->ifindex, .up = -1, .set_mac = true};
		memcpy(out->mac, r->sockaddr + 2, 6);
		return 0;
	case SIOCSIFTXQLEN:
		if (r->number < 0)
			return -EINVAL;
		l->txqlen = (u32)r->number;
		return 0;
	case SIOCSIFMETRIC:
		return -EOPNOTSUPP;
	case SIOCSIFADDR:
	case SIOCSIFDSTADDR:
	case SIOCSIFBRDADDR:
	case SIOCSIFNETMASK:
		return set_address(l, request, r);
	}
	return -ENOIOCTLCMD;
}

/* ---- routes ---- */

static bool any_gateway(const struct fib_route *r, const void *arg)
{
	const struct fib_route *like = arg;

	if (like->hops[0].has_gateway && (!r->nhops || !ip_equal(&r->hops[0].gateway, &like->hops[0].gateway)))
		return false;
	if (like->hops[0].link && (!r->nhops || r->hops[0].link != like->hops[0].link))
		return false;
	return !like->priority || r->priority == like->priority;
}

static int parse_rtentry(struct inet *in, const struct rtentry *e, struct fib_route *r)
{
	union ipaddr dst = sockaddr4(e->dst), mask = sockaddr4(e->genmask);
	int prefix = e->flags & RTF_HOST ? 128 : prefix_of(ip4_host(&mask));
	struct inet_flow flow;
	struct inet_route hop;

	if (*(const u16_any *)e->dst != AF_INET && *(const u16_any *)e->dst)
		return -EAFNOSUPPORT;
	if (prefix < 0)
		return -EINVAL;
	r->dst = ip_mask(&dst, (unsigned)prefix);
	if (!ip_equal(&r->dst, &dst))
		return -EINVAL;
	r->len = (u8)prefix;
	r->family = AF_INET;
	r->type = e->flags & RTF_REJECT ? RTN_UNREACHABLE : RTN_UNICAST;
	r->table = RT_TABLE_MAIN;
	r->protocol = RTPROT_BOOT;
	r->prefsrc = ip_any(AF_INET);
	r->priority = e->metric > 0 ? (u32)e->metric - 1 : 0;
	r->scope = RT_SCOPE_LINK;
	if (e->flags & RTF_MTU)
		r->metrics[RTAX_MTU] = (u32)e->mtu;
	r->hops[0].weight = 1;
	if (!(e->flags & RTF_GATEWAY))
		return 0;
	r->hops[0].gateway = sockaddr4(e->gateway);
	r->hops[0].has_gateway = true;
	r->scope = RT_SCOPE_UNIVERSE;
	if (r->hops[0].link)
		return 0;
	flow = (struct inet_flow){.src = ip_any(AF_INET), .dst = r->hops[0].gateway, .flags = FLOW_ANYSRC};
	if (inet_route_lookup(in, &flow, &hop) || hop.type != RTN_UNICAST || hop.gateway)
		return -ENETUNREACH;
	r->hops[0].link = hop.link;
	return 0;
}

static int route_request(struct inet *in, u32 request, struct iobuf *arg)
{
	struct {
		struct rtentry e;
		char dev[LINK_NAME]; /* the kernel puts the name behind, as rt_dev is a pointer */
	} a = {0};
	struct fib_route *r, *found;
	unsigned long flags;
	int err;

	if (iobuf_get(arg, &a, min_t(size_t, sizeof(a), arg->left)) < sizeof(a.e))
		return -EFAULT;
	r = fib_route_alloc(1);
	if (!r)
		return -ENOMEM;
	if (a.dev[0]) {
		a.dev[LINK_NAME - 1] = 0;
		r->hops[0].link = link_by_name(in, a.dev);
		if (!r->hops[0].link) {
			fib_route_free(r);
			return -ENODEV;
		}
	}
	err = parse_rtentry(in, &a.e, r);
	if (!err && request == SIOCADDRT && !r->hops[0].link && r->type == RTN_UNICAST)
		err = -ENODEV;
	flags = env_spin_lock(&in->config);
	if (!err && request == SIOCADDRT) {
		err = fib_insert(in, r, NLM_F_CREATE | NLM_F_EXCL);
		if (!err) {
			route_notify(in, r, true);
			r = NULL;
		}
	} else if (!err) {
		found = fib_find(in, AF_INET, RT_TABLE_MAIN, &r->dst, r->len, any_gateway, r);
		if (found) {
			route_notify(in, found, false);
			fib_remove(in, found);
		} else {
			err = -ESRCH;
		}
	}
	env_spin_unlock(&in->config, flags);
	fib_route_free(r);
	return err;
}

/* ---- ARP ---- */

static int arp_request(struct inet *in, u32 request, struct iobuf *arg)
{
	struct iobuf out = *arg;
	struct inet_flow flow;
	struct inet_route r;
	struct arpreq a;
	union ipaddr addr;
	struct neigh *n;
	struct link *l = NULL;

	if (iobuf_get(arg, &a, sizeof(a)) < sizeof(a))
		return -EFAULT;
	if (*(const u16_any *)a.pa != AF_INET)
		return -EPFNOSUPPORT;
	a.dev[15] = 0;
	addr = sockaddr4(a.pa);
	if (a.dev[0])
		l = link_by_name(in, a.dev);
	if (a.dev[0] && !l)
		return -ENODEV;
	if (!l) {
		flow = (struct inet_flow){.src = ip_any(AF_INET), .dst = addr, .flags = FLOW_ANYSRC};
		if (inet_route_lookup(in, &flow, &r))
			return -ENETUNREACH;
		l = r.link;
	}
	if (request == SIOCSARP) {
		n = neigh_get(l, &addr);
		return n ? neigh_set(n, a.ha + 2, a.flags & ATF_PERM ? NUD_PERMANENT : NUD_STALE, 0, NEIGH_OVERRIDE | NEIGH_ADMIN) : -ENOBUFS;
	}
	n = neigh_find(l, &addr);
	if (!n)
		return -ENXIO;
	if (request == SIOCDARP)
		return neigh_delete(n) ? 0 : -ENXIO;
	if (!READ_ONCE(n->mac))
		return -ENXIO;
	memset(a.ha, 0, sizeof(a.ha));
	*(u16_any *)a.ha = l->type;
	memcpy(a.ha + 2, &n->mac, 6);
	a.flags = ATF_COM | (READ_ONCE(n->state) == NUD_PERMANENT ? ATF_PERM : 0);
	memset(a.dev, 0, sizeof(a.dev));
	memcpy(a.dev, link_name(l), strnlen(link_name(l), sizeof(a.dev) - 1));
	return iobuf_put(&out, &a, sizeof(a)) == sizeof(a) ? 0 : -EFAULT;
}

/* ---- all interfaces ---- */

/* @arg: room for struct ifreq after struct ifreq; *out_value: bytes that there are. */
static int list_interfaces(struct inet *in, struct iobuf *arg, u32 *out_value)
{
	struct link *l;
	struct ifaddr *a;

	*out_value = 0;
	list_for_each_entry_rcu(l, &in->links, node) {
		list_for_each_entry_rcu(a, &l->addrs, link_node) {
			struct ifreq r = {0};

			if (!ip_is4(&a->addr))
				continue;
			memcpy(r.name, a->label[0] ? a->label : link_name(l), LINK_NAME);
			put_sockaddr4(r.sockaddr, &a->addr);
			if (arg->left >= sizeof(r) && iobuf_put(arg, &r, sizeof(r)) < sizeof(r))
				return -EFAULT;
			*out_value += (u32)sizeof(r);
		}
	}
	return 0;
}

int inet_ioctl(struct inet *in, u32 request, struct iobuf *arg, u32 *out_value, struct link_change *out_change)
{
	struct iobuf out;
	struct ifreq r;
	struct link *l;
	char *colon;
	int err;

	if (!arg)
		return -ENOIOCTLCMD;
	out = *arg;
	switch (request) {
	case SIOCADDRT:
	case SIOCDELRT:
		return route_request(in, request, arg);
	case SIOCGARP:
	case SIOCSARP:
	case SIOCDARP:
		return arp_request(in, request, arg);
	case SIOCGIFCONF:
		return list_interfaces(in, arg, out_value);
	}
	if (iobuf_get(arg, &r, sizeof(r)) < sizeof(r))
		return -EFAULT;
	r.name[LINK_NAME - 1] = 0;
	if (request == SIOCGIFNAME) {
		l = r.number > 0 ? link_by_index(in, (u32)r.number) : NULL;
		if (!l)
			return -ENODEV;
		memcpy(r.name, link_name(l), LINK_NAME);
		return iobuf_put(&out, &r, sizeof(r)) == sizeof(r) ? 0 : -EFAULT;
	}
	for (colon = r.name; *colon && *colon != ':'; colon++)
		;
	*colon = 0; /* eth0:1, an alias */
	l = link_by_name(in, r.name);
	if (!l)
		return request >> 8 == 0x89 ? -ENODEV : -ENOIOCTLCMD;
	err = get(l, request, &r);
	if (!err)
		return iobuf_put(&out, &r, sizeof(r)) == sizeof(r) ? 0 : -EFAULT;
	return err == -ENOIOCTLCMD ? change(l, request, &r, out_change) : err;
}
