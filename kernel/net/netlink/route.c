/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NETLINK_ROUTE: links, addresses, routes, neighbours and rules are the network's, behind <port/inet.h>: a request goes there as it came, with the sender's port in it, and the
 * answers come back as messages. What it tells of changes goes to the members of the group. Changes need CAP_NET_ADMIN.
 *
 * Without a network there is nothing: dumps are empty and a single thing asked for is not there.
 */
#include "netlink_impl.h"
#include <lib/string.h>
#include <linux/capability.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <mm/slab.h>
#include <net/device.h>
#include <net/inet.h>
#include <proc/cred.h>
#include <sched/work.h>

#define REPLY_ROOM 8192u

/* ---- the network answers ---- */

static int ask(u32 protocol, void *request, u32 len, struct nl_out *o, u64 *resume)
{
	const struct inet_port *p = inet_network();
	struct iobuf in, out;
	int err;

	iobuf_init_kernel(&in, request, len);
	iobuf_init_kernel(&out, o->buf->bytes + o->len, o->room - o->len);
	err = p->ops->netlink ? p->ops->netlink(p->self, protocol, &in, &out, resume) : -EOPNOTSUPP;
	o->len = o->room - (u32)out.left;
	return err;
}

static int fill_from_inet(struct nl_dump *d, struct nl_out *o)
{
	u32 before = o->len;
	int err = ask((u32)d->arg[0], d->request, d->request_len, o, &d->cursor);

	return err == -EMSGSIZE && o->len > before ? 1 : err;
}

static int start_dump(struct nl_request *r, u32 protocol)
{
	struct nl_dump d = {.fill = fill_from_inet, .arg = {protocol}};

	d.request_len = (u16)min(r->h->nlmsg_len, NL_DUMP_REQUEST);
	memcpy(d.request, r->h, d.request_len);
	((struct nlmsghdr *)(void *)d.request)->nlmsg_len = d.request_len;
	((struct nlmsghdr *)(void *)d.request)->nlmsg_pid = r->from->port;
	return nl_dump_start(r, &d);
}

int nl_ask_inet(struct nl_request *r, u32 protocol)
{
	struct nlmsghdr *h;
	struct nl_out o;
	u64 resume = 0;
	int err;

	if (r->h->nlmsg_flags & NLM_F_DUMP && (protocol != NETLINK_ROUTE || (r->h->nlmsg_type - RTM_BASE) % 4 == 2))
		return start_dump(r, protocol);
	h = kmemdup(r->h, r->h->nlmsg_len, 0);
	if (!h)
		return -ENOMEM;
	h->nlmsg_pid = r->from->port;
	err = nl_out_init(&o, REPLY_ROOM);
	if (!err) {
		err = ask(protocol, h, h->nlmsg_len, &o, &resume);
		if (err)
			o.len = 0;
		nl_reply(r->from, &o);
	}
	kfree(h);
	return err;
}

/* ---- news ---- */

struct news {
	struct news *next;
	u32 group;
	struct nl_buf *buf;
};

static struct news *untold; /* atomic: the newest first */

static void tell_news(struct work *w)
{
	struct news *n = __atomic_exchange_n(&untold, NULL, __ATOMIC_ACQUIRE), *in_order = NULL, *next;

	for (; n; n = next) {
		next = n->next;
		n->next = in_order;
		in_order = n;
	}
	for (n = in_order; n; n = next) {
		next = n->next;
		(void)nl_broadcast(&nl_route, NULL, n->buf, 0, 0, n->group, NULL);
		nl_buf_put(n->buf);
		kfree(n);
	}
}

static struct work news_work = WORK_INIT(tell_news);

/* Without memory it is lost, as on Linux when a receiver is full. */
void netlink_route_notify(u32 group, const struct iobuf *message)
{
	struct iobuf b = *message;
	struct news *n;

	if (message->segs == &message->one)
		b.segs = &b.one;
	n = kmalloc(sizeof(*n), ALLOC_NOWAIT);
	if (!n)
		return;
	n->buf = kmalloc(sizeof(*n->buf) + b.left, ALLOC_NOWAIT);
	if (!n->buf) {
		kfree(n);
		return;
	}
	refcount_set(&n->buf->refs, 1);
	n->buf->len = (u32)b.left;
	n->group = group;
	(void)iobuf_get(&b, n->buf->bytes, b.left);
	n->next = READ_ONCE(untold);
	while (!__atomic_compare_exchange_n(&untold, &n->next, n, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	work_queue(&news_work);
}

/* ---- requests ---- */

/* Message types come in fours: NEW, DEL, GET, SET. */
static bool is_get(u16 type)
{
	return (type - RTM_BASE) % 4 == 2;
}

/* What Linux answers for one thing that it does not have. */
static int nothing(u16 type)
{
	switch (type) {
	case RTM_GETLINK: return -ENODEV;
	case RTM_GETROUTE: return -ENETUNREACH;
	case RTM_GETNEIGH: return -ENOENT;
	default: return -EOPNOTSUPP;
	}
}

static bool is_known_get(u16 type)
{
	switch (type) {
	case RTM_GETLINK:
	case RTM_GETADDR:
	case RTM_GETROUTE:
	case RTM_GETNEIGH:
	case RTM_GETRULE:
	case RTM_GETNEIGHTBL:
	case RTM_GETADDRLABEL:
	case RTM_GETNETCONF:
	case RTM_GETNEXTHOP:
	case RTM_GETQDISC:
	case RTM_GETTCLASS:
	case RTM_GETTFILTER:
	case RTM_GETMULTICAST:
	case RTM_GETSTATS: return true;
	default: return false;
	}
}

/* What of a request about a link is the business of the list of devices: its name, its end. The rest is the network's. */
static int device_request(struct nl_request *r)
{
	const struct nlattr *attrs[IFLA_MAX + 1] = {NULL};
	const struct ifinfomsg *i = r->body;
	char name[NET_NAME_MAX] = "", found[NET_NAME_MAX];
	u32 ifindex;

	if (r->len < sizeof(*i))
		return 0;
	nl_parse(i + 1, r->len - (u32)sizeof(*i), attrs, IFLA_MAX);
	if (attrs[IFLA_IFNAME])
		memcpy(name, nl_attr_data(attrs[IFLA_IFNAME]), min(nl_attr_len(attrs[IFLA_IFNAME]), (u32)sizeof(name) - 1));
	ifindex = i->ifi_index > 0 ? (u32)i->ifi_index : *name ? net_device_find(name, found) : 0;
	if (r->h->nlmsg_type == RTM_DELLINK)
		return ifindex ? net_device_delete(ifindex) : -ENODEV;
	return i->ifi_index > 0 && *name && !(r->h->nlmsg_flags & NLM_F_EXCL) ? net_device_rename(ifindex, name) : 0;
}

static int route_request(struct nl_request *r)
{
	u16 type = r->h->nlmsg_type;

	if (type < RTM_BASE || type > RTM_MAX)
		return -EOPNOTSUPP;
	if (r->len < sizeof(struct rtgenmsg))
		return 0; /* all of them begin with a family */
	if (!is_get(type) && !capable(CAP_NET_ADMIN))
		return -EPERM;
	if (inet_network() && (type == RTM_NEWLINK || type == RTM_SETLINK || type == RTM_DELLINK)) {
		int err = device_request(r);

		if (err || type == RTM_DELLINK)
			return err;
	}
	if (inet_network())
		return nl_ask_inet(r, NETLINK_ROUTE);
	if (!is_get(type) || !is_known_get(type))
		return -EOPNOTSUPP;
	if (r->h->nlmsg_flags & NLM_F_DUMP)
		return nl_dump_start(r, &(struct nl_dump){.fill = NULL});
	return nothing(type);
}

struct nl_protocol nl_route = {.name = "route", .ngroups = RTNLGRP_MAX, .nonroot_receive = true, .input = nl_input, .request = route_request};
