/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * virtio-blk: the block device [virtio-1.2 5.2] behind the blk port. vblk_queue.c moves requests through one queue, virtio-blk.c is the device: its limits, its
 * life and the port.
 *
 *	request	IDLE --submit--> WAITING --room in the ring--> SLOT (the device's) --used--> DONE --done()--> IDLE
 *		                    |                          |--write with FUA: once more, as a flush
 *		                    |-- cancel, death          |-- death: when the device was reset, for until then its memory is the device's
 *		                    '--> ENDED (by the work) --'
 *
 * Each queue has one lock; requests end without it, in the interrupt or in the queue's work. A request older than TIMEOUT_NS, a lie in the ring and
 * a vanished device kill the instance: what waits ends at once, what the device has after the reset, all that is submitted later with the same status.
 *
 * Death: nothing is kept and nothing need be; the device keeps its cache over a reset, so the port's rules for repeating hold.
 */
#include <linux/virtio_blk.h>
#include <env/lock.h>
#include <env/task.h>
#include <env/time.h>
#include <port/blk.h>
#include "../virtio/virtio.h"

#define VBLK_QUEUES   8
#define VBLK_DEPTH    64
#define VBLK_TABLE    128 /* segments of a chain: the request's and two */
#define VBLK_ID_BYTES 20
#define VBLK_OP_ID    255 /* beside enum blk_op: ask for the serial number */

#define VBLK_TIMEOUT_NS 600000000000ull
#define VBLK_LATE_NS	30000000000ull /* it is said in the log */
#define VBLK_LOOK_NS	1000000000ull /* a lost interrupt costs this */
#define VBLK_KICK_NS	1000000ull

/* What the device shares of a slot. */
struct vblk_shared {
	struct virtio_blk_outhdr head;
	struct virtio_blk_discard_write_zeroes range;
	u8 id[VBLK_ID_BYTES];
	u8 status;
	u8 pad[11];
};
static_assert(sizeof(struct vblk_shared) == 64, "no slot crosses a page");

struct vblk_slot {
	struct blk_request *rq; /* NULL: free */
	struct vblk_slot *next; /* free list */
	struct env_dma_seg *segs;
	u64 started_ns;
	u32 nsegs;    /* mapped */
	u32 writable; /* bytes that the device must have written */
	bool flushing; /* second round of a write with FUA */
};

struct vblk_list { /* of requests, by provider[0] */
	struct blk_request *head, **tail;
};

struct vblk_queue {
	struct vblk *dev;
	struct virtio_queue vq;
	struct env_spin lock; /* all below, and vq.q */
	struct vblk_list waiting, ended;
	struct vblk_slot *slots, *free;
	struct vblk_shared *shared;
	u64 shared_addr;
	struct env_dma_seg *segs; /* of all slots */
	struct virtq_seg *chain;  /* scratch */
	u32 inflight;
	u64 timer_ns; /* when the timer comes; 0: it does not */
	bool unkicked;
	bool late; /* said so */
	bool open;
	struct env_timer timer;
	struct env_work work; /* calls done() of `ended` */
};

struct vblk {
	struct virtio_device v;
	struct vblk_queue queues[VBLK_QUEUES];
	u32 nqueues, max_segs;
	bool wce;
	s32 dead; /* atomic: 0, or the status of all requests from now on */
	struct env_spin lock; /* info, client */
	struct blk_info info;
	const struct blk_client_ops *client_ops;
	void *client;
	struct env_work changed, death;
	struct env_event id_ev;
	struct blk_request id_rq;
	u32 id_done; /* atomic */
	u8 id[VBLK_ID_BYTES];
};

/* ---- vblk_queue.c ---- */

/* 0; -ENOENT: the device has no such queue; -ENOMEM... */
int vblk_queue_open(struct vblk *d, u16 index) MUST_CHECK;
/* The device is reset or gone: what it had ends with @status.  Context: may sleep. */
void vblk_queue_drain(struct vblk_queue *q, s32 status);
/* Drained; no timer, work or interrupt is left afterwards.  Context: may sleep. */
void vblk_queue_close(struct vblk_queue *q);
/* Any context, for the three. */
void vblk_queue_submit(struct vblk_queue *q, struct blk_request *rq, s32 refused);
void vblk_queue_kick(struct vblk_queue *q);
void vblk_queue_cancel(struct vblk_queue *q, struct blk_request *rq);

/* ---- virtio-blk.c ---- */

/* The instance is over: no new request reaches the device, a work resets it. Any context; locks of queues may be held. */
void vblk_die(struct vblk *d, s32 status);
