/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * blk: file systems, partitions and swap ask a disk. [virtio-1.2 5.2] and [nvme-base-2.0 3] fit
 * below it. See port.h for the life of a request.
 *
 * Order and persistence, all there is:
 * - Requests in flight at the same time are carried out in any order; whoever wants an order waits.
 * - A write that is done is in the device, perhaps in a cache that power loss empties
 *   (BLK_INFO_VOLATILE_CACHE).
 * - BLK_FLUSH: when it is done without error, every write that was done before the flush was
 * submitted survives power loss.
 * - BLK_FUA on a write (or zeroes): it survives power loss itself when it is done. Says nothing of
 * others. Providers without it flush after the write; clients may always ask.
 * - A write that failed or was cut by power loss has left each logical block old or new, not a
 * mixture, and which one is open block by block.
 * - A flush that failed: writes since the last good flush are in doubt, also those that a later
 * flush reports good; the client treats it as loss, not as something to repeat.
 *
 * Death of a provider. The device keeps its cache over a driver's restart, so a request that was
 * not done may be repeated as it stands, and requests that were done need nothing: the proxy
 * resubmits all, flushes last. It must not, if the device itself lost power (info.generation
 * changed): then writes since the last flush are in doubt, all in flight end with -EOWNERDEAD and
 * clients treat it as a failed flush.
 */
#include <lib/compiler.h>
#include <lib/types.h>
#include <env/iobuf.h>
#include <port/port.h>

enum blk_op {
	BLK_READ = 0,
	BLK_WRITE = 1,
	BLK_FLUSH = 2,        /* no range, no data */
	BLK_DISCARD = 3,      /* the contents may be anything afterwards; no data. A hint: 0 even if
				 nothing was done */
	BLK_WRITE_ZEROES = 4, /* reads as zero afterwards; no data */
};

enum blk_flags {
	BLK_FUA = 1u << 0,
	BLK_MAY_UNMAP = 1u << 1, /* WRITE_ZEROES: the range may lose its backing */
	BLK_PRIO = 1u << 2,      /* somebody waits for it */
	BLK_AHEAD = 1u << 3,     /* nobody waits: fail early rather than retry */
};

struct blk_request {
	u8 op;      /* enum blk_op */
	u8 flags;   /* enum blk_flags */
	u16 queue;  /* which of info.nqueues is near; any number */
	s32 status; /* out: 0 -EIO -ENOSPC -EROFS -EREMOTEIO -EINVAL (outside, misaligned, too
		     * large) -EOPNOTSUPP -ENODEV -ETIMEDOUT -ECANCELED -EOWNERDEAD */
	u64 lba512; /* first sector; both are multiples of info.logical_bytes */
	u64 n512;
	struct iobuf data; /* READ, WRITE: n512 * 512 bytes from its position, which does not move.
			    * Kernel memory or page frames; the bytes are the device's until done */
	/* ---- */
	void (*done)(struct blk_request *rq);
	u64 provider[6];
};

enum blk_info_flags {
	BLK_INFO_READ_ONLY = 1u << 0,
	BLK_INFO_VOLATILE_CACHE = 1u << 1, /* else flush and FUA cost nothing */
	BLK_INFO_FUA = 1u << 2,            /* native */
	BLK_INFO_DISCARD = 1u << 3,
	BLK_INFO_ZEROES = 1u << 4, /* else -EOPNOTSUPP, and the kernel's block layer writes zeroes: its ports have it */
	BLK_INFO_ROTATIONAL = 1u << 5,
	BLK_INFO_REMOVABLE = 1u << 6,
};

struct blk_info {
	u64 capacity512;
	u32 flags;          /* enum blk_info_flags */
	u32 logical_bytes;  /* power of two, 512..65536 */
	u32 physical_bytes; /* what is written without reading first */
	u32 optimal_bytes;  /* 0: unknown */
	u32 max_bytes;      /* of one request with data; a multiple of logical_bytes */
	u32 max_segs;       /* of one request's iobuf, counting each piece that cannot be joined */
	u32 max_seg_bytes;
	u32 seg_align;   /* of each segment's start and length, power of two */
	u32 queue_depth; /* more than that waits in the provider */
	u32 nqueues;
	u64 max_discard512, max_zeroes512;
	u32 discard_align512;
	u32 generation; /* changes when the device lost what it had not flushed */
	char serial[24], model[44];
};

/* What the provider tells its client. Any context, must not sleep. */
struct blk_client_ops {
	void (*changed)(void *client); /* ask info again: capacity, read-only */
	void (*gone)(void *client);    /* every request ends with -ENODEV from now on */
};

struct blk_ops {
	/* The one client says where it is told; before the first submit.  Context: may sleep. */
	void (*open)(void *self, const struct blk_client_ops *ops, void *client);
	/* All requests are done; no upcall comes after it.  Context: may sleep. */
	void (*close)(void *self);
	void (*info)(void *self, struct blk_info *out); /* any context */
	/* Context: any. Longer than the queue is kept by the provider, in the order of arrival. */
	void (*submit)(void *self, struct blk_request *rq);
	/*
	 * Begin what submit only collected: a client that submits several says so once. Requests
	 * also begin by themselves after at most a millisecond.  Context: any.
	 */
	void (*kick)(void *self, u16 queue);
	/* End it with -ECANCELED if the device does not have it yet; else it runs on.  Context:
	 * any. */
	void (*cancel)(void *self, struct blk_request *rq);
};

/* A bound port. */
struct blk_port {
	const struct blk_ops *ops;
	void *self;
};
