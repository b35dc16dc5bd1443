/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Links: an interface over a nic port, or the loopback. A link has up to LINK_QUEUES queue pairs; each is polled by one work, and sent on
 * under its own lock, with a queue of packets behind the device's ring.
 */
#include <lib/list.h>
#include <port/nic.h>
#include "core.h"

#define LINK_NAME 16
#define LINK_QUEUES 16
#define ETH_HLEN_ 14

struct link_stats {
	u64 rx_packets, rx_bytes, rx_errors, rx_dropped, multicast;
	u64 tx_packets, tx_bytes, tx_errors, tx_dropped;
};
/* One writer at a time (the queue's), readers beside it. */
#define LINK_COUNT(field, by) WRITE_ONCE(field, (field) + (by))

struct link_tx_frame;

struct link_queue {
	struct link *link;
	u16 index;
	bool stopping;
	struct env_work poll;
	struct env_spin lock; /* QUEUE: all below */
	struct pkt_queue waiting;
	struct link_tx_frame *tx_frames; /* arrays of depth */
	struct nic_frame *rx_frames;
	struct nic_frame **tx_free;
	u32 tx_nfree;
	u16 tx_depth, rx_depth;
	struct link_stats stats;     /* rx: the poller's; tx: lock */
	struct pkt *rx_partial;	     /* NIC_MORE: a packet that goes on; the poller's */
	struct nic_frame **rx_empty; /* the poller's: frames without a buffer */
	u32 rx_nempty;
};

/* Per link and family: what /proc/sys/net/ipv{4,6}/conf/<if> has. */
struct link_conf {
	u32 forwarding, rp_filter, accept_redirects, send_redirects, arp_ignore, arp_announce;
	u32 accept_ra, autoconf, dad_transmits, disable_ipv6, hop_limit;
};

struct mc_group; /* mcast.h */

/* A link address that somebody wants frames for. */
struct link_mac {
	struct list_head node; /* link.macs: config */
	u8 mac[6];
	u32 users;
};

struct link_name {
	struct env_rcu rcu;
	char text[LINK_NAME]; /* zeroes behind */
};

struct link {
	struct list_head node; /* in->links */
	struct inet *in;
	u32 ifindex;
	const char *name; /* struct link_name.text; config; RCU: link_name */
	u16 type; /* ARPHRD_* */
	u16 header_len; /* that its frames begin with; the loopback's packets have none, but what is told of them does */
	u8 mac[6], broadcast[6];
	char kind[8]; /* IFLA_INFO_KIND; "": none */
	u8 token[8]; /* an interface identifier for a link without addresses */
	u32 mtu, mtu_max, txqlen;
	u32 flags;   /* IFF_UP ... as set; config, read anywhere */
	bool running, gone; /* carrier; link_remove has begun */
	u32 features;
	u32 max_gso;
	u16 nqueues, rx_buffer, rx_headroom;
	struct nic_port nic; /* ops NULL: loopback */
	struct link_queue *queues;
	u32 tapped;		 /* config; who wants to see its frames */
	struct list_head addrs;	 /* struct ifaddr.link_node: config; RCU */
	struct list_head groups; /* struct mc_group: config; RCU */
	struct link_conf conf;
	struct inet_timer mc_timer, rs_timer;
	u32 promisc, allmulti; /* config */
	struct list_head macs; /* struct link_mac: config */
	u32 ra_hop_limit, ra_mtu, rs_left, reachable_ms, retrans_ms;
	u64 igmp_v1_until, igmp_v2_until, mld_v1_until; /* older routers heard */
	u8 igmp_robust, mld_robust;
	struct env_work filter_work;
	u32 dropped; /* atomic: tx drops outside queues */
	struct env_rcu rcu;
};

/* Inside a read section. NULL: none. */
struct link *link_by_index(struct inet *in, u32 ifindex);
struct link *link_by_name(struct inet *in, const char *name);

/* LINK_NAME bytes with zeroes at the end; inside a read section. */
static inline const char *link_name(const struct link *l)
{
	return LOAD_ACQUIRE(l->name);
}
static inline u32 link_flags(const struct link *l)
{
	return READ_ONCE(l->flags);
}
static inline bool link_is_up(const struct link *l)
{
	return link_flags(l) & 1 /* IFF_UP */;
}

/*
 * Send a packet whose link header is in place (mac_off at its front). Takes it. 0; -ENOBUFS dropped, -ENETDOWN.
 * Does what the device cannot: checksum, segmentation. Context: read section; locks below QUEUE may be held.
 */
int link_transmit(struct link *l, struct pkt *p);
/* Put an Ethernet header in front. False: no memory. */
bool link_header(struct link *l, struct pkt *p, const u8 *dst_mac, const u8 *src_mac, u16 type) MUST_CHECK;
/* A frame that arrived, link header first. Takes it. */
void link_receive(struct link *l, struct pkt *p);
void link_fold_stats(struct link *l, struct link_stats *out);

int link_create(struct inet *in, u32 ifindex, const char *name, const struct nic_port *nic, struct link **out) MUST_CHECK; /* may sleep */
void link_destroy(struct link *l); /* may sleep */
/*
 * What a request changes about a link that takes sleeping, done after the request has left its read section.
 */
struct link_change {
	u32 ifindex; /* 0: nothing */
	s8 up;	     /* -1: no change, 0, 1 */
	bool set_mac;
	u8 mac[6];
	u32 mtu; /* 0: no change */
};
int link_apply(struct inet *in, const struct link_change *c) MUST_CHECK; /* may sleep */
int link_rename(struct inet *in, u32 ifindex, const char *name) MUST_CHECK; /* -ENODEV -EEXIST -ENOMEM */
/* in->control held; may sleep. */
int link_set_up(struct link *l, bool up) MUST_CHECK;
int link_set_mtu(struct link *l, u32 mtu) MUST_CHECK;
