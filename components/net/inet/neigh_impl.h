/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Neighbours towards ARP, NDP and rtnetlink. */
#include "neigh.h"

struct neigh_table {
	struct table table;
	u64 forced_gc_ns; /* atomic */
	struct inet_timer gc;
};

enum neigh_update {
	NEIGH_OVERRIDE = 1,	  /* a different link address may replace what is known */
	NEIGH_CREATE = 2,	  /* make it if it is unknown */
	NEIGH_WEAK_OVERRIDE = 4,  /* a different address: keep ours, but doubt it [rfc4861 7.2.5] */
	NEIGH_SET_ROUTER = 8,
	NEIGH_CLEAR_ROUTER = 16,
	NEIGH_ADMIN = 32,	  /* by hand */
};

struct neigh *neigh_find(struct link *l, const union ipaddr *addr);
/* Somebody said that @addr has @mac (NULL: nothing said) and the entry should be @state. Sends what waited. */
void neigh_learn(struct link *l, const union ipaddr *addr, const u8 *mac, u8 state, u32 flags);
int neigh_set(struct neigh *n, const u8 *mac, u8 state, u8 ntf_flags, u32 update); /* -EINVAL */
bool neigh_delete(struct neigh *n); /* read section; false: already gone */
u8 neigh_state(const struct neigh *n); /* NUD_REACHABLE that is over is NUD_STALE */

/* Ask for it: on the wire to all, or to the address we know. arp.c, ndp.c */
void arp_solicit(struct neigh *n, bool unicast);
void ndp_solicit(struct neigh *n, bool unicast, const union ipaddr *src);
void arp_input(struct inet *in, struct pkt *p);
void neigh_notify(struct inet *in, struct neigh *n, bool new);
