/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Groups: what sockets joined, what links therefore listen to, and what the routers are told (IGMP, MLD).
 */
#include "link.h"
#include "sock.h"

/* Does @l listen to @group, from @src (NULL: from anybody)? Read section. */
bool mcast_is_member(struct link *l, const union ipaddr *group, const union ipaddr *src);
/* Does @s want packets to @group from @src on @ifindex? */
bool mcast_sock_wants(const struct sock *s, const union ipaddr *group, const union ipaddr *src, u32 ifindex);

/* The link address of a group [rfc1112 6.4] [rfc2464 7]. */
void mcast_mac(const union ipaddr *group, u8 *mac);

void mcast_link_init(struct link *l);
void mcast_link_up(struct link *l);   /* all-hosts, reports */
void mcast_link_down(struct link *l);
void mcast_link_gone(struct link *l);
void mcast_set_filter(struct link *l); /* tells the nic; may sleep */
/* The solicited-node group of an IPv6 address [rfc4291 2.7.1]. Read section; config may be held (gone) or not (added). */
void mcast_address_added(struct ifaddr *a);
void mcast_address_gone(struct ifaddr *a);

/* Sockets; takes config, so the sock's lock is not held. -EADDRINUSE joined already, -ENOBUFS too many, -ENODEV, -EADDRNOTAVAIL not joined. */
int mcast_sock_join(struct sock *s, const union ipaddr *group, u32 ifindex, const union ipaddr *source) MUST_CHECK;
int mcast_sock_leave(struct sock *s, const union ipaddr *group, u32 ifindex, const union ipaddr *source) MUST_CHECK;
int mcast_sock_block(struct sock *s, const union ipaddr *group, u32 ifindex, const union ipaddr *source, bool block) MUST_CHECK;
/* All sources of a group that is joined; -EINVAL: it is not. */
int mcast_sock_filter(struct sock *s, const union ipaddr *group, u32 ifindex, bool exclude, const union ipaddr *sources, u32 n) MUST_CHECK;
/* @sources: SOURCES_MAX. -EADDRNOTAVAIL not joined. */
int mcast_sock_filter_get(struct sock *s, const union ipaddr *group, u32 ifindex, bool *out_exclude, union ipaddr *sources, u32 *out_n) MUST_CHECK;
u32 mcast_sources_max(const struct sock *s, u32 family);
void mcast_sock_leave_all(struct sock *s);
/* MCAST_* of either family, and IP_MSFILTER (mcast_option.c). */
int mcast_set_option(struct sock *s, u16 family, u32 name, struct iobuf *value) MUST_CHECK;
int mcast_get_option(struct sock *s, u16 family, u32 name, struct iobuf *value, u32 *out_len) MUST_CHECK;

void mld_input(struct inet *in, struct pkt *p);
