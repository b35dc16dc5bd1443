/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests that the block layer itself makes and waits for.
 */
#include "block_impl.h"
#include <arch/cpu.h>
#include <lib/errno.h>
#include <sync/wait.h>

struct waited {
	struct blk_request rq;
	struct completion ended;
};

static void waited_done(struct blk_request *rq)
{
	complete(&container_of(rq, struct waited, rq)->ended);
}

int bdev_request(struct bdev *b, u8 op, u8 flags, u64 lba512, u64 n512, const struct iobuf *data)
{
	struct waited w = {.rq = {.op = op, .flags = flags | BLK_PRIO, .queue = (u16)cpu_id(), .lba512 = lba512, .n512 = n512, .done = waited_done}};

	completion_init(&w.ended);
	if (data)
		w.rq.data = *data;
	blkq_submit(b->disk->q, &b->range, &w.rq);
	blkq_kick(b->disk->q, w.rq.queue);
	completion_wait(&w.ended);
	return w.rq.status;
}

int bdev_flush(struct bdev *b)
{
	return bdev_request(b, BLK_FLUSH, 0, 0, 0, NULL);
}

int bdev_read(struct bdev *b, u64 pos, void *buf, size_t len)
{
	struct iobuf data;

	if (!len)
		return 0;
	if ((pos | len) % 512)
		return -EINVAL;
	iobuf_init_kernel(&data, buf, len);
	return bdev_request(b, BLK_READ, 0, pos / 512, len / 512, &data);
}
