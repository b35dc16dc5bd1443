/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * nic: inet and a network driver. Batches both ways; the offload words are those of
 *[virtio-1.2 5.1.6], which every driver can be brought to.
 *
 * Buffers. A frame out belongs to the provider from tx until tx_done, an empty buffer from rx_fill
 *until rx (or until stop, which returns all of both kinds with len 0). Nothing is copied: the
 *iobufs are given to the device.
 *
 *	CLOSED --open--> DOWN --start--> UP --stop--> DOWN --close--> CLOSED
 *
 * Poll mode. In UP each queue is ARMED or POLLED:
 *
 *	ARMED --ready() upcall, interrupts of the queue now off--> POLLED --arm() == true--> ARMED
 *
 * The client answers ready by calling poll from a thread of its own until it returns less than its
 *budget, then arm; arm returns false if something came meanwhile, and the queue stays POLLED.
 *Upcalls rx and tx_done come only from within poll and stop, in their caller's thread.
 *
 * Locks: of poll, rx_fill and arm one call runs at a time for one queue, and of tx one, which may be at the
 * same time as the others; different queues are independent; stop comes alone. The client may hold a
 * spinlock over tx. Upcalls may call tx and rx_fill of the same queue. A queue is POLLED after start.
 *
 * Death of a provider: frames in flight are lost, which the layers above know how to bear; the
 *proxy returns their buffers with len 0, gives the successor the same filters and state, and the
 *client sees link down, link up.
 */
#include <lib/compiler.h>
#include <lib/types.h>
#include <env/iobuf.h>
#include <port/port.h>

enum nic_frame_flags {
	NIC_CSUM_PARTIAL =
		1u
		<< 0, /* out: put the sum over [csum_start, end) at csum_start + csum_off. In: the
		       * same is still to be done (it comes from a neighbour on this machine) */
	NIC_CSUM_VALID = 1u << 1, /* in: the transport checksum was verified */
	NIC_HASH_VALID = 1u << 2,
	NIC_VLAN = 1u << 3, /* vlan_tci is outside of the bytes */
	NIC_MORE = 1u << 4, /* in: the frame goes on in the next buffer of the batch */
};

enum nic_gso { NIC_GSO_NONE, NIC_GSO_TCP4, NIC_GSO_TCP6, NIC_GSO_UDP };

struct nic_frame {
	u64 cookie;        /* the client's */
	struct iobuf data; /* out: the frame. In: the buffer, kernel memory or page frames; after rx
			    * it stands at the first byte of this piece of the frame */
	u32 len;           /* in: bytes received of this piece; 0: nothing, a buffer returned */
	u16 flags;         /* enum nic_frame_flags */
	u8 gso; /* enum nic_gso: cut by the device into segments of gso_size payload bytes */
	u8 gso_ecn;
	u16 gso_size, hdr_len;
	u16 csum_start, csum_off;
	u16 vlan_tci;
	u16 protocol; /* in, of an ip_only nic: ETH_P_*; 0: the packet tells by itself */
	u32 hash;
	/* ---- */
	u64 provider[4];
};

enum nic_features {
	NIC_F_TX_CSUM = 1u << 0,
	NIC_F_RX_CSUM = 1u << 1,
	NIC_F_TX_TCP4 = 1u << 2,
	NIC_F_TX_TCP6 = 1u << 3,
	NIC_F_TX_UDP = 1u << 4,
	NIC_F_RX_LARGE = 1u << 5, /* received frames may be larger than the MTU (gso is set) */
	NIC_F_VLAN = 1u << 6,
	NIC_F_HASH = 1u << 7,
};

struct nic_info {
	u8 mac[6];
	u16 mtu, mtu_max;
	u16 nqueues;            /* pairs */
	u16 tx_depth, rx_depth; /* frames per queue */
	u16 tx_max_segs;
	u16 rx_headroom;     /* bytes before the frame that the provider uses of a receive buffer */
	u32 features;        /* enum nic_features: there */
	u32 rx_buffer_bytes; /* least size of a receive buffer */
	u32 max_gso_bytes;
	u32 speed_mbit; /* 0: unknown */
	bool link;
	char kind[8]; /* of a device in software, as IFLA_INFO_KIND has it; "": none */
	bool ip_only; /* frames are packets without a link header; there are no link addresses */
};

enum nic_filter_flags { NIC_FILTER_PROMISC = 1, NIC_FILTER_ALL_MULTICAST = 2 };

struct nic_stats {
	u64 rx_frames, rx_bytes, rx_dropped, rx_errors;
	u64 tx_frames, tx_bytes, tx_dropped, tx_errors;
};

struct nic_client_ops {
	void (*ready)(void *client, u16 queue); /* any context */
	void (*link)(void *client, bool up);    /* any context */
	void (*gone)(void *client);             /* any context: stop and close are what is left */
	void (*rx)(void *client, u16 queue, struct nic_frame *const *frames, unsigned n);
	void (*tx_done)(void *client, u16 queue, struct nic_frame *const *frames, unsigned n);
};

struct nic_ops {
	void (*info)(void *self, struct nic_info *out); /* any context */
	/* @features: those the client wants, a subset. 0; -EBUSY; -ENODEV.  Context: may sleep. */
	int (*open)(void *self, u32 features, const struct nic_client_ops *ops, void *client);
	void (*close)(void *self); /* in DOWN.  May sleep */
	/* 0; -ENODEV; -ENOMEM; -ETIMEDOUT.  Context: may sleep. */
	int (*start)(void *self);
	/* All buffers have come back on return.  Context: may sleep. */
	void (*stop)(void *self);
	/* Take frames out from the front of @frames: how many. Less than @n: the ring is full.
	 * Never sleeps. */
	unsigned (*tx)(void *self, u16 queue, struct nic_frame *const *frames, unsigned n);
	/* Take empty buffers: how many. Never sleeps. */
	unsigned (*rx_fill)(void *self, u16 queue, struct nic_frame *const *frames, unsigned n);
	/* Frames received and sent that were handed up, at most @budget.  Context: thread, does not
	 * sleep. */
	unsigned (*poll)(void *self, u16 queue, unsigned budget);
	bool (*arm)(void *self, u16 queue); /* never sleeps */
	/* @macs: n addresses of 6 bytes; more than the device has is made up by passing all.
	 * -ENODEV. May sleep. */
	int (*set_filter)(void *self, u32 flags, const struct iobuf *macs, unsigned n);
	int (*set_mac)(void *self, const u8 mac[6]);      /* -EOPNOTSUPP.  May sleep */
	int (*set_mtu)(void *self, u16 mtu);              /* in DOWN. -EINVAL.  May sleep */
	void (*stats)(void *self, struct nic_stats *out); /* any context */
};

struct nic_port {
	const struct nic_ops *ops;
	void *self;
};
