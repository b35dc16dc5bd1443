/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The device side of virtio-net for host and sim: pairs of queues and a control queue, over PCI or
 * MMIO registers, reaching memory by host_dma() only. What is sent on a pair comes back on it (the
 * wire is a loop) unless `cut`. It follows the rules unless `lie` says otherwise.
 */
#include <pthread.h>
#include <linux/virtio_net.h>
#include <env_host/device.h>

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

struct net_model_queue {
	u32 size;
	u64 desc, avail, used;
	bool ready;
	u16 seen, used_idx, vector;
};

struct net_model {
	struct env_device dev;
	pthread_mutex_t lock; /* all below, against the test's own thread */
	u32 status, features_sel, select, isr, generation;
	u64 offered, accepted;
	u32 queue_max;
	struct net_model_queue queues[NET_MODEL_QUEUES];
	struct virtio_net_config net;
	enum net_lie lie;
	bool cut, mute_control, refuse_control;
	/* what it was told */
	u16 pairs;
	bool promisc, allmulti;
	u32 nuni, nmulti;
	u8 mac[6];
	u64 sent, delivered, dropped;
	u8 config[256]; /* PCI configuration space */
	u8 frame[NET_MODEL_FRAME];
};

void net_model_init(struct net_model *m, enum env_bus bus, u64 features);
/* A frame comes over the wire for @pair; @h: its header, but for num_buffers. Whether there was room. */
bool net_model_deliver(struct net_model *m, unsigned pair, const struct virtio_net_hdr_v1 *h, const void *bytes, u32 len);
void net_model_link(struct net_model *m, bool up);
