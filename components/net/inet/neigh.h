/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Neighbours: link addresses of the next hops of a link, for ARP [rfc826] and NDP [rfc4861 7.3] alike.
 *
 *	NONE --first packet--> INCOMPLETE --answer--> REACHABLE --reachable time--> STALE --a packet--> DELAY --5 s--> PROBE
 *	                           |                      ^                          ^                    |             |
 *	                      no answer: FAILED           +---- confirmation --------+--------------------+-------------+ no answer: FAILED
 *
 * PERMANENT and NOARP are set by hand. States are NUD_* of <linux/neighbour.h>.
 */
#include "link.h"

#define NEIGH_MAC_VALID (1ull << 63)

struct neigh {
	struct table_node node; /* neigh_table.table */
	struct link *link;
	union ipaddr addr;
	u64 mac; /* atomic: NEIGH_MAC_VALID | the bytes, the first lowest */
	struct env_spin lock; /* TABLE: all below; state is also read without */
	u8 state, flags; /* NUD_*, NTF_* */
	bool router, dead;
	u8 probes, protocol;
	u64 confirmed_ns, used_ns, updated_ns;
	struct pkt_queue waiting;
	u32 waiting_bytes;
	struct inet_timer timer;
	struct refcount refs; /* table, timer */
	struct env_rcu rcu;
};

static inline u64 neigh_pack_mac(const u8 *mac)
{
	u64 v = 0;

	memcpy(&v, mac, 6);
	return v | NEIGH_MAC_VALID;
}

/* Find or make the neighbour @addr of @l. NULL: the table is full (gc_thresh3) or no memory. Read section. */
struct neigh *neigh_get(struct link *l, const union ipaddr *addr);
/* Send an IP packet (net header first) to it; it waits while the address is being found. Takes @p. */
int neigh_output(struct neigh *n, struct pkt *p);
/* The path to it works: an upper layer's hint (a new acknowledgment) [rfc4861 7.3.1]. */
void neigh_confirm(struct neigh *n);

int neigh_init(struct inet *in) MUST_CHECK;
void neigh_fini(struct inet *in);
void neigh_flush(struct inet *in, struct link *l); /* all of @l; all at all if NULL */
