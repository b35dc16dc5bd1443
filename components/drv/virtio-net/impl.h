/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * virtio-net: what its files share. [virtio-1.2 5.1]
 *
 *	queues	0: rx of pair 0 | 1: tx of pair 0 | 2: rx of pair 1 | ... | 2 * pairs of the device: control
 *	rx	buffer = | header 12 | frame ...| and, if the frame is longer, further buffers without a header
 *	tx	chain = header (a slot's own, in memory shared for good) + the frame's pieces
 *
 * A ring entry is known by its slot: the client's frame and the segments that were mapped for it.
 * The receiving half of a pair belongs to the poller, the one call of poll, rx_fill or arm that may run
 * (<port/nic.h>), the sending half to who has its lock; interrupts touch `armed` only.
 *
 * A pair is ARMED or POLLED by `armed`. Whoever turns it from true to false, an interrupt or
 * the watch, tells the client; arm() sets it before it looks whether something came meanwhile,
 * and if so takes it back, unless an interrupt was faster: then the client has been told.
 *
 * The device is hostile: a queue that lies is broken (virtq.h) and the device is then as good as
 * gone; a header that lies costs its frame. `watch` fires every few seconds while UP: it finds a
 * device that vanished, and a lost interrupt costs no more than that time.
 */
#include <env/lock.h>
#include <env/task.h>
#include <env/time.h>
#include <port/nic.h>
#include "../virtio/virtio.h"
#include "hdr.h"

#define VNET_PAIRS_MAX	 8u
#define VNET_RING_MAX	 256u
#define VNET_TX_SEGS	 20u /* 64 KiB in pages and something before them */
#define VNET_RX_SEGS	 4u
#define VNET_MERGE_MAX	 64u /* buffers of one frame */
#define VNET_MACS_MAX	 64u
#define VNET_WATCH_NS	 5000000000ull
#define VNET_COMMAND_NS	 2000000000ull

struct vnet_slot {
	struct nic_frame *frame;
	u16 next; /* of the free ones */
	u16 nsegs;
	struct env_dma_seg segs[];
};

/* One direction of a pair. */
struct vnet_ring {
	struct virtio_queue queue;
	void *slots; /* queue.q.size of them, `stride` apart; NULL: not open */
	u32 stride;
	u16 free, segs_max;
	enum env_dma_dir dir;
};

struct vnet_pair {
	struct vnet *net;
	u16 index;
	bool armed;  /* atomic */
	bool quiet;  /* interrupts of both rings are off; the poller's */
	struct vnet_ring rx; /* the poller's */
	struct env_spin lock; /* tx, headers, refused: senders come beside the poller */
	struct vnet_ring tx;
	void *headers; /* of tx slots, shared with the device */
	u64 headers_addr;
	struct nic_frame *refused; /* list by provider[0]: sent, but not to be sent; for poll */
	struct nic_stats *stats;   /* the device keeps them over a stop */
};

/* What the client wants beside frames; given to the device at each start. */
struct vnet_filter {
	u32 flags; /* enum nic_filter_flags */
	u16 nuni, nmulti;
	u8 uni[VNET_MACS_MAX][6], multi[VNET_MACS_MAX][6];
};

struct vnet {
	struct virtio_device v;
	u64 offered;	/* constant: features of the device that we know */
	u16 pairs_offered, pairs; /* constant: of the device; used */
	u16 depth, control_index;
	u32 speed_mbit;
	u16 mtu_max, mtu_default;
	struct env_mutex lock; /* the fields below, and which state; for what may sleep */
	enum { VNET_CLOSED, VNET_DOWN, VNET_UP } state; /* atomic */
	u32 client_features;
	u16 mtu;
	u8 mac[6];
	bool mac_chosen;
	struct vnet_filter filter;
	struct virtio_queue control;
	bool has_control, control_stuck;
	void *command;
	u64 command_addr;
	struct env_event commanded;
	const struct nic_client_ops *ops; /* constant while not CLOSED */
	void *client;
	/* any context */
	bool link; /* atomic */
	bool dead; /* atomic: nothing of the device is asked or believed any more */
	bool told; /* work: the client knows that it is dead */
	struct env_work changed;
	struct env_timer watch;
	struct vnet_pair *pair;	 /* [pairs], in UP */
	struct nic_stats *stats; /* [pairs]; atomic, each written by its pair's caller */
};

/* pair.c: rings. As the port's calls. */
int vnet_pair_open(struct vnet *n, u16 index) MUST_CHECK;
/* The device is reset or gone: buffers go back to the client, memory is freed. May sleep. */
void vnet_pair_close(struct vnet_pair *p);
unsigned vnet_pair_tx(struct vnet_pair *p, struct nic_frame *const *frames, unsigned n);
unsigned vnet_pair_fill(struct vnet_pair *p, struct nic_frame *const *frames, unsigned n);
unsigned vnet_pair_poll(struct vnet_pair *p, unsigned budget);
bool vnet_pair_arm(struct vnet_pair *p);
/* Any context: ARMED becomes POLLED and the client is told. */
void vnet_pair_wake(void *pair);

/* virtio-net.c. The device is no longer to be used: the client hears of it once, by the
 * work. Any context. */
void vnet_die(struct vnet *n, const char *why);

/* control.c. All: lock held, in UP. */
int vnet_control_open(struct vnet *n) MUST_CHECK;
void vnet_control_close(struct vnet *n);
/* Tell the device what the client has chosen so far: pairs, address, filter. */
int vnet_control_start(struct vnet *n) MUST_CHECK;
int vnet_control_filter(struct vnet *n) MUST_CHECK;
int vnet_control_mac(struct vnet *n) MUST_CHECK;
