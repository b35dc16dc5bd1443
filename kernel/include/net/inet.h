/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * AF_INET and AF_INET6: the provider behind <port/inet.h>, and what the rest of the kernel wants of it.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <port/inet.h>

/* From now on @port is behind the families. Once, at boot. -EBUSY: there is one; what open says. May sleep. */
int inet_provide(const struct inet_port *port) MUST_CHECK;
/* NULL: there is no network. Constant once it is not NULL. */
const struct inet_port *inet_network(void);

/* Who is shown frames of links that are tapped, as struct inet_client_ops has it. Once, at boot, before inet_provide. */
struct inet_tap_ops {
	void (*frame)(void *client, const struct inet_frame *f);
	void (*link)(void *client, u32 ifindex, enum inet_link_event event);
};
void inet_set_tap(const struct inet_tap_ops *ops);

/* SIOCGIF*, SIOCSIF* and their like, on a socket of whatever family. -ENOIOCTLCMD: it is none of them. */
s64 inet_device_ioctl(unsigned cmd, u64 arg);

/* One of them with its argument (struct ifreq, struct rtentry) in kernel memory; rights are not asked for. 0; -ENODEV; ... May sleep. */
int inet_device_request(u32 cmd, void *arg, u32 len) MUST_CHECK;

/* A netlink message of the provider for @group of NETLINK_ROUTE; any context. (netlink/route.c) */
void netlink_route_notify(u32 group, const struct iobuf *message);
