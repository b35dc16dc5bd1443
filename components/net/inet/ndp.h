/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Neighbour discovery [rfc4861], autoconfiguration [rfc4862]: hosts' and a little of routers' part.
 */
#include "ip.h"
#include "link.h"

/* ICMPv6 types 133..137: @p begins at the ICMPv6 header, checked, hop limit and all are in p. Takes it. */
void ndp_input(struct inet *in, struct pkt *p);
void ndp_start_dad(struct ifaddr *a);
void ndp_send_dad(struct ifaddr *a); /* one probe */
void ndp_address_ready(struct ifaddr *a);
void ndp_link_init(struct link *l);
void ndp_link_up(struct link *l); /* link-local address, router solicitations */
void ndp_link_down(struct link *l);
/* arp.c */
void arp_announce(struct ifaddr *a);
