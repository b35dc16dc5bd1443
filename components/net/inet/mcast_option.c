/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups and lists of sources by the protocol-independent options, and the older one of IPv4 [rfc3678 4.1.2, 5].
 *
 *	struct group_req	 u32 interface | pad | sockaddr_storage group
 *	struct group_source_req	 u32 interface | pad | sockaddr_storage group | sockaddr_storage source
 *	struct group_filter	 u32 interface | pad | sockaddr_storage group | u32 mode | u32 n | sockaddr_storage sources[n]
 *	struct ip_msfilter	 u32 group | u32 interface's address | u32 mode | u32 n | u32 sources[n]
 */
#include "mcast_impl.h"
#include "sock_impl.h"

#define STORAGE sizeof(struct __kernel_sockaddr_storage)
#define NO_SOURCES offsetof(struct group_filter, gf_slist)
#define OLD_NO_SOURCES offsetof(struct ip_msfilter, imsf_slist)

/* A filter on its way in or out. */
struct filter {
	union ipaddr group;
	u32 ifindex, mode, n;
	union ipaddr sources[SOURCES_MAX];
};

static int take_addr(const void *storage, u16 family, union ipaddr *out)
{
	const u8 *a = storage;
	u16 got;

	memcpy(&got, a, sizeof(got));
	if (got != family)
		return -EADDRNOTAVAIL;
	*out = family == AF_INET ? ip_load4(a + 4) : ip_load6(a + 8);
	return 0;
}

static void give_addr(void *storage, const union ipaddr *addr)
{
	u8 *a = storage;
	u16 family = ip_is4(addr) ? AF_INET : AF_INET6;

	memset(a, 0, STORAGE);
	memcpy(a, &family, sizeof(family));
	memcpy(family == AF_INET ? a + 4 : a + 8, family == AF_INET ? addr->b + 12 : addr->b, family == AF_INET ? 4 : 16);
}

static u32 link_for(struct sock *s, const union ipaddr *group, u32 ifindex)
{
	struct inet_flow flow = {.dst = *group, .oif = s->mc_if, .flags = FLOW_ANYSRC, .src = ip_any(ip_is4(group) ? AF_INET : AF_INET6)};
	struct inet_route r;

	if (ifindex)
		return ifindex;
	return inet_route_lookup(s->in, &flow, &r) ? 0 : r.link->ifindex;
}

static int set_group(struct sock *s, u16 family, u32 name, struct iobuf *value)
{
	struct group_req q;
	union ipaddr group;

	if (value->left < sizeof(q))
		return -EINVAL;
	if (iobuf_get(value, &q, sizeof(q)) < sizeof(q))
		return -EFAULT;
	if (take_addr(&q.gr_group, family, &group))
		return family == AF_INET ? -EINVAL : -EADDRNOTAVAIL;
	if (!ip_is_multicast(&group))
		return -EINVAL;
	if (name == MCAST_LEAVE_GROUP)
		return mcast_sock_leave(s, &group, q.gr_interface, NULL);
	return mcast_sock_join(s, &group, link_for(s, &group, q.gr_interface), NULL);
}

static int set_source(struct sock *s, u16 family, u32 name, struct iobuf *value)
{
	struct group_source_req q;
	union ipaddr group, source;
	u32 ifindex;

	if (value->left < sizeof(q))
		return -EINVAL;
	if (iobuf_get(value, &q, sizeof(q)) < sizeof(q))
		return -EFAULT;
	if (take_addr(&q.gsr_group, family, &group) || take_addr(&q.gsr_source, family, &source))
		return -EADDRNOTAVAIL;
	if (!ip_is_multicast(&group))
		return -EINVAL;
	ifindex = link_for(s, &group, q.gsr_interface);
	if (!ifindex || !link_by_index(s->in, ifindex))
		return -ENODEV;
	switch (name) {
	case MCAST_JOIN_SOURCE_GROUP: return mcast_sock_join(s, &group, ifindex, &source);
	case MCAST_LEAVE_SOURCE_GROUP: return mcast_sock_leave(s, &group, ifindex, &source);
	}
	return mcast_sock_block(s, &group, ifindex, &source, name == MCAST_BLOCK_SOURCE);
}

/* ---- whole filters ---- */

/* What stands before the sources. @f->n is what the user said. */
static int take_head(struct sock *s, u16 family, u32 name, struct iobuf *value, struct filter *f)
{
	struct group_filter q;
	struct ip_msfilter old;

	if (name == IP_MSFILTER) {
		union ipaddr mine;
		struct ifaddr *a;

		if (value->left < OLD_NO_SOURCES)
			return -EINVAL;
		if (iobuf_get(value, &old, OLD_NO_SOURCES) < OLD_NO_SOURCES)
			return -EFAULT;
		f->group = ip_from4(old.imsf_multiaddr);
		f->mode = old.imsf_fmode;
		f->n = old.imsf_numsrc;
		mine = ip_from4(old.imsf_interface);
		a = old.imsf_interface ? ifaddr_find(s->in, &mine, NULL) : NULL;
		f->ifindex = a ? a->link->ifindex : old.imsf_interface ? 0 : link_for(s, &f->group, 0);
		return 0;
	}
	if (value->left < NO_SOURCES)
		return -EINVAL;
	if (iobuf_get(value, &q, NO_SOURCES) < NO_SOURCES)
		return -EFAULT;
	f->mode = q.gf_fmode;
	f->n = q.gf_numsrc;
	if (take_addr(&q.gf_group, family, &f->group))
		return -EADDRNOTAVAIL;
	f->ifindex = link_for(s, &f->group, q.gf_interface);
	return 0;
}

static int take_sources(u16 family, u32 name, struct iobuf *value, struct filter *f)
{
	size_t each = name == IP_MSFILTER ? 4 : STORAGE;
	u8 one[STORAGE];

	if (value->left < f->n * each)
		return -EINVAL;
	for (u32 i = 0; i < f->n; i++) {
		if (iobuf_get(value, one, each) < each)
			return -EFAULT;
		if (name == IP_MSFILTER)
			f->sources[i] = ip_load4(one);
		else if (take_addr(one, family, &f->sources[i]))
			return -EADDRNOTAVAIL;
	}
	return 0;
}

static int set_filter(struct sock *s, u16 family, u32 name, struct iobuf *value, struct filter *f)
{
	int err = take_head(s, family, name, value, f);

	if (err && err != -EADDRNOTAVAIL)
		return err;
	if (f->n > mcast_sources_max(s, family))
		return -ENOBUFS;
	err = err ? err : take_sources(family, name, value, f);
	if (err)
		return err;
	if (!ip_is_multicast(&f->group) || (f->mode != MCAST_INCLUDE && f->mode != MCAST_EXCLUDE))
		return -EINVAL;
	if (!f->ifindex || !link_by_index(s->in, f->ifindex))
		return -ENODEV;
	if (f->mode == MCAST_INCLUDE && !f->n)
		return mcast_sock_leave(s, &f->group, f->ifindex, NULL);
	return mcast_sock_filter(s, &f->group, f->ifindex, f->mode == MCAST_EXCLUDE, f->sources, f->n);
}

/* As many sources as the user has said there is room for; the number is that of all. */
static int give_filter(u32 name, struct iobuf *value, const struct filter *f, u32 room, u32 *out_len)
{
	size_t head = name == IP_MSFILTER ? OLD_NO_SOURCES : NO_SOURCES, each = name == IP_MSFILTER ? 4 : STORAGE;
	u32 numbers[2] = {f->mode, f->n}, n = min(f->n, room);
	u8 one[STORAGE];

	n = (u32)min_t(size_t, n, (value->left - head) / each);
	iobuf_advance(value, head - sizeof(numbers));
	if (iobuf_put(value, numbers, sizeof(numbers)) < sizeof(numbers))
		return -EFAULT;
	for (u32 i = 0; i < n; i++) {
		if (name == IP_MSFILTER)
			memcpy(one, f->sources[i].b + 12, 4);
		else
			give_addr(one, &f->sources[i]);
		if (iobuf_put(value, one, each) < each)
			return -EFAULT;
	}
	*out_len = (u32)(head + n * each);
	return 0;
}

static int get_filter(struct sock *s, u16 family, u32 name, struct iobuf *value, struct filter *f, u32 *out_len)
{
	struct iobuf in = *value;
	int err = take_head(s, family, name, &in, f);
	u32 room = f->n;
	bool exclude;

	if (err)
		return err;
	if (!ip_is_multicast(&f->group))
		return -EINVAL;
	if (!f->ifindex)
		return name == IP_MSFILTER ? -ENODEV : -EADDRNOTAVAIL;
	err = mcast_sock_filter_get(s, &f->group, f->ifindex, &exclude, f->sources, &f->n);
	if (err)
		return err;
	f->mode = exclude ? MCAST_EXCLUDE : MCAST_INCLUDE;
	return give_filter(name, value, f, room, out_len);
}

int mcast_set_option(struct sock *s, u16 family, u32 name, struct iobuf *value)
{
	struct filter *f;
	int err;

	if (name == MCAST_JOIN_GROUP || name == MCAST_LEAVE_GROUP)
		return set_group(s, family, name, value);
	if (name != MCAST_MSFILTER && name != IP_MSFILTER)
		return set_source(s, family, name, value);
	f = env_alloc(sizeof(*f), ENV_ALLOC_NOWAIT | ENV_ALLOC_ZERO);
	if (!f)
		return -ENOBUFS;
	err = set_filter(s, family, name, value, f);
	env_free(f, sizeof(*f));
	return err;
}

int mcast_get_option(struct sock *s, u16 family, u32 name, struct iobuf *value, u32 *out_len)
{
	struct filter *f;
	int err;

	if (name != MCAST_MSFILTER && name != IP_MSFILTER)
		return -ENOPROTOOPT;
	f = env_alloc(sizeof(*f), ENV_ALLOC_NOWAIT | ENV_ALLOC_ZERO);
	if (!f)
		return -ENOBUFS;
	err = get_filter(s, family, name, value, f, out_len);
	env_free(f, sizeof(*f));
	return err;
}
