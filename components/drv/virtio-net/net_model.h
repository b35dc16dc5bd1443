/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The device side of virtio-net for host and sim: pairs of queues and a control queue, over PCI or
 * MMIO registers, over the virtio model. What is sent on a pair comes back on it (the
 * wire is a loop) unless `cut`. It follows the rules unless `lie` says otherwise.
 */
#include <linux/virtio_net.h>
#include "../virtio/virtio_model.h"

#define NET_MODEL_PAIRS	 2
#define NET_MODEL_QUEUES (2 * NET_MODEL_PAIRS + 1)
#define NET_MODEL_FRAME	 70000

enum net_lie {
	NET_LIE_NONE,
	/* of the queue */
	NET_LIE_ID,
	NET_LIE_LEN,
	NET_LIE_INDEX,
	NET_LIE_BROKEN = NET_LIE_INDEX, /* up to here the queue is useless afterwards */
	/* of the header: frames are lost */
	NET_LIE_SHORT, /* used, but not even a header in it */
	NET_LIE_NO_BUFFERS,
	NET_LIE_MORE_BUFFERS, /* says one more than it gives */
	NET_LIE_MANY_BUFFERS,
	NET_LIE_GSO,
	NET_LIE_GSO_SIZE,
	NET_LIE_CSUM,
	NET_LIE_COUNT
};

struct net_model {
	struct virtio_model m; /* its lock: all below */
	enum net_lie lie;
	bool cut, mute_control, refuse_control;
	/* what it was told */
	u16 pairs;
	bool promisc, allmulti;
	u32 nuni, nmulti;
	u8 mac[6];
	u64 sent, delivered, dropped;
	u8 frame[NET_MODEL_FRAME];
};

void net_model_init(struct net_model *m, enum env_bus bus, u64 features);
/* A frame comes over the wire for @pair; @h: its header, but for num_buffers. Whether there was room. */
bool net_model_deliver(struct net_model *m, unsigned pair, const struct virtio_net_hdr_v1 *h, const void *bytes, u32 len);
void net_model_link(struct net_model *m, bool up);
