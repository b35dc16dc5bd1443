/* SPDX-License-Identifier: BSD-2-Clause */
#include "rtnl.h"

int rtnl_parse(const u8 *at, u32 len, struct rtnl_attrs *out)
{
	memset(out, 0, sizeof(*out));
	while (len >= 4) {
		u16 n = *(const u16_any *)at, type = *(const u16_any *)(at + 2) & NLA_TYPE_MASK;
		u32 step;

		if (n < 4 || n > len)
			return 0; /* what is left over is not looked at */
		if (type < RTNL_ATTRS_MAX)
			out->a[type] = (struct rtnl_attr){at + 4, (u16)(n - 4)};
		step = min(align_up((u32)n, 4u), len);
		at += step;
		len -= step;
	}
	return 0;
}

u32 rtnl_u32(const struct rtnl_attrs *as, unsigned type, u32 otherwise)
{
	const struct rtnl_attr *a = rtnl_get(as, type, 4);

	return a ? *(const u32_any *)a->data : otherwise;
}

bool rtnl_addr(const struct rtnl_attrs *as, unsigned type, u8 family, union ipaddr *out)
{
	const struct rtnl_attr *a = rtnl_get(as, type, family == AF_INET ? 4 : 16);

	if (!a)
		return false;
	*out = family == AF_INET ? ip_load4(a->data) : ip_load6(a->data);
	return true;
}

void rtnl_begin(struct rtnl_msg *m, u16 type, u16 flags, u32 seq, u32 pid, const void *body, u32 body_len)
{
	struct nlmsghdr h = {.nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = seq, .nlmsg_pid = pid};

	memcpy(m->bytes, &h, sizeof(h));
	memcpy(m->bytes + sizeof(h), body, body_len);
	m->len = (u32)sizeof(h) + align_up(body_len, 4u);
	m->full = false;
}

void rtnl_put(struct rtnl_msg *m, u16 type, const void *data, u32 len)
{
	u32 n = 4 + len;

	if (m->len + align_up(n, 4u) > sizeof(m->bytes)) {
		m->full = true;
		return;
	}
	memset(m->bytes + m->len, 0, align_up(n, 4u));
	*(u16_any *)(m->bytes + m->len) = (u16)n;
	*(u16_any *)(m->bytes + m->len + 2) = type;
	if (len)
		memcpy(m->bytes + m->len + 4, data, len);
	m->len += align_up(n, 4u);
}

void rtnl_put_u32(struct rtnl_msg *m, u16 type, u32 v)
{
	rtnl_put(m, type, &v, 4);
}

void rtnl_put_addr(struct rtnl_msg *m, u16 type, const union ipaddr *a)
{
	if (ip_is4(a))
		rtnl_put(m, type, &a->w[3], 4);
	else
		rtnl_put(m, type, a->b, 16);
}

u32 rtnl_nest(struct rtnl_msg *m, u16 type)
{
	u32 at = m->len;

	rtnl_put(m, type, NULL, 0);
	return at;
}

void rtnl_unnest(struct rtnl_msg *m, u32 at)
{
	if (!m->full)
		*(u16_any *)(m->bytes + at) = (u16)(m->len - at);
}

static void finish(struct rtnl_msg *m)
{
	((struct nlmsghdr *)(void *)m->bytes)->nlmsg_len = m->len;
}

int rtnl_emit(struct rtnl_request *r, struct rtnl_msg *m)
{
	finish(m);
	if (m->full || r->reply->left < align_up(m->len, 4u))
		return -EMSGSIZE;
	(void)iobuf_put(r->reply, m->bytes, m->len);
	(void)iobuf_zero(r->reply, align_up(m->len, 4u) - m->len);
	return 0;
}

void rtnl_notify(struct inet *in, u32 group, struct rtnl_msg *m)
{
	struct inet_shard *shard;
	struct pkt *p;
	unsigned long flags;

	if (!in->client_ops)
		return; /* nobody is there yet */
	finish(m);
	p = pkt_alloc(0, m->len);
	if (!p)
		return; /* lost, as when a receiver is full */
	memcpy(pkt_put(p, m->len), m->bytes, m->len);
	p->cb[0] = group;
	shard = inet_shard(in);
	flags = env_spin_lock(&shard->lock);
	pkt_queue_add(&shard->notes, p);
	env_spin_unlock(&shard->lock, flags);
}

static int route_request(struct rtnl_request *r)
{
	u16 type = r->h->nlmsg_type;

	if (type >= RTM_NEWLINK && type <= RTM_SETLINK)
		return rtnl_link(r);
	if (type >= RTM_NEWADDR && type <= RTM_GETADDR)
		return rtnl_addr_request(r);
	if (type >= RTM_NEWROUTE && type <= RTM_GETROUTE)
		return rtnl_route(r);
	if (type >= RTM_NEWNEIGH && type <= RTM_GETNEIGH)
		return rtnl_neigh(r);
	if (type >= RTM_NEWRULE && type <= RTM_GETRULE)
		return rtnl_rule(r);
	return -EOPNOTSUPP;
}

int inet_netlink(struct inet *in, u32 protocol, struct iobuf *request, struct iobuf *reply, u64 *resume, struct link_change *out_change)
{
	u32 len = (u32)min_t(size_t, request->left, RTNL_REQUEST_MAX);
	struct rtnl_request r = {.in = in, .reply = reply, .resume = resume, .change = out_change};
	struct nlmsghdr *h;
	u8 *copy;
	int err;

	if (len < sizeof(*h))
		return -EINVAL;
	copy = env_alloc(len, ENV_ALLOC_NOWAIT);
	if (!copy)
		return -ENOMEM;
	h = (struct nlmsghdr *)(void *)copy;
	if (iobuf_get(request, copy, len) < len) {
		err = -EFAULT;
	} else if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > len) {
		err = -EINVAL;
	} else {
		r.h = h;
		r.body = copy + sizeof(*h);
		r.body_len = h->nlmsg_len - (u32)sizeof(*h);
		err = protocol == NETLINK_ROUTE     ? route_request(&r)
		      : protocol == NETLINK_SOCK_DIAG ? inet_diag_request(&r)
						      : -EPROTONOSUPPORT;
	}
	env_free(copy, len);
	return err;
}
