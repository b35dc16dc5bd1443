/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A virtqueue, driver side, split layout [virtio-1.2 2.7], as a pure state machine: it moves words
 *in memory that the device shares and in memory that it does not, and says when to notify. No
 *locks, no allocation, no registers: the owner serialises the calls for one queue.
 *
 *	shared:	 descriptors | avail ring | used ring | indirect tables (one per slot)
 *	private: slots[size]: per chain head what was given to the device, and the list of free
 *descriptors
 *
 * The device may write anything into the shared part at any time. Nothing that was written there is
 *read back but used.idx, used elements, used.flags and avail_event, each once per use, and a chain
 *is known only from the private part: a device that lies about an index, an id or a length makes
 *the queue broken (-EIO from then on) and never moves memory of its own choice.
 *
 *	slot:	FREE --virtq_add--> IN FLIGHT --virtq_pop (or virtq_abort, after reset)--> FREE
 */
#include <lib/compiler.h>
#include <lib/types.h>

#define VIRTQ_MAX_SIZE 32768

struct virtq_slot {
	void *token;  /* the owner's, of a head in flight; NULL: not a head */
	u32 writable; /* bytes of the chain that the device may write */
	u16 ndesc;    /* ring descriptors of the chain */
	u16 next;     /* next of the chain, or of the free list */
};

struct virtq {
	void *desc, *avail, *used, *tables; /* shared */
	u64 table_addr;
	struct virtq_slot *slots;
	u16 size, table_max;
	u16 nfree, free_head;
	u16 avail_idx, kicked_idx, used_idx; /* used_idx: next to look at */
	u16 inflight;
	bool event_idx, broken;
};

struct virtq_seg {
	u64 addr;
	u32 len;
};

/* Bytes of shared memory for a ring of @size with indirect tables of @table_max (0: none), and of
 * private memory. */
size_t virtq_shared_bytes(u16 size, u16 table_max);
size_t virtq_private_bytes(u16 size);

/* Where the device finds the parts, as offsets in the shared memory. */
struct virtq_layout {
	u64 desc, avail, used, tables;
};
void virtq_layout(u16 size, struct virtq_layout *out);

/*
 * Begin with both memories zeroed. @size is a power of two. @event_idx: VIRTIO_RING_F_EVENT_IDX is
 * negotiated;
 * @table_max > 0 only with VIRTIO_RING_F_INDIRECT_DESC.
 * Returns: 0; -EINVAL.
 */
int virtq_init(struct virtq *q, u16 size, u16 table_max, bool event_idx, void *shared, u64 addr,
	void *private) MUST_CHECK;

/*
 * Give the device a chain of @nout segments that it reads and @nin that it writes, with a @token
 * (not NULL). The device sees it after virtq_publish. Returns: 0; -ENOSPC: no room now; -EINVAL: no
 * segments, an empty one, or more than would ever fit; -EIO: broken.
 */
int virtq_add(struct virtq *q, const struct virtq_seg *segs, unsigned nout, unsigned nin,
	void *token) MUST_CHECK;
/* Show the device what was added. Returns whether it wants to be notified. */
bool virtq_publish(struct virtq *q);

/*
 * Take the next chain that the device is done with: its token and the bytes it says it wrote (at
 * most what it was given). Returns: 1; 0: none; -EIO: the device lied, the queue is broken.
 */
int virtq_pop(struct virtq *q, void **out_token, u32 *out_len) MUST_CHECK;

/* Ask for no interrupts; ask for the next one: then true means that something came meanwhile. */
void virtq_disarm(struct virtq *q);
bool virtq_arm(struct virtq *q);
/* The same for when most of what is in flight is done, or the next one if the device cannot. */
bool virtq_arm_most(struct virtq *q);

/* After the device was reset: take back what is in flight, one token a call; NULL: no more. */
void *virtq_abort(struct virtq *q);
/* The invariants of the private part, for tests. */
bool virtq_check(const struct virtq *q);
