/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NETLINK_ROUTE while there is no network: no links, addresses, routes, neighbours or rules, so dumps are empty and a single thing asked for is not there. Changes
 * need CAP_NET_ADMIN and are not supported. The component that brings links takes this file's place.
 */
#include "netlink_impl.h"
#include <linux/capability.h>
#include <linux/rtnetlink.h>
#include <proc/cred.h>

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

static int route_request(struct nl_request *r)
{
	u16 type = r->h->nlmsg_type;

	if (type < RTM_BASE || type > RTM_MAX)
		return -EOPNOTSUPP;
	if (r->len < sizeof(struct rtgenmsg))
		return 0; /* all of them begin with a family */
	if (!is_get(type))
		return capable(CAP_NET_ADMIN) ? -EOPNOTSUPP : -EPERM;
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
	case RTM_GETSTATS: break;
	default: return -EOPNOTSUPP;
	}
	if (r->h->nlmsg_flags & NLM_F_DUMP)
		return nl_dump_start(r, &(struct nl_dump){.fill = NULL});
	return nothing(type);
}

struct nl_protocol nl_route = {.name = "route", .ngroups = RTNLGRP_MAX, .nonroot_receive = true, .input = nl_input, .request = route_request};
