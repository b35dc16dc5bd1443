/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The port of a loop device: requests wait in a list and are carried out by its work, one after the other, with the file's own operations. See loop.h.
 */
#include "loop.h"
#include <lib/errno.h>
#include <vfs/file.h>
#include <vfs/namei.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

LOCK_CLASS(loop_queue, 375, "requests to a loop device");

#define MAX_BYTES (1u << 20)

static struct blk_request **link_of(struct blk_request *rq)
{
	return (struct blk_request **)(void *)&rq->provider[0];
}

u64 loop_file_size(const struct file *f)
{
	struct bdev *b = bdev_of_file(f);

	return b ? bdev_size(b) : inode_is(f->inode, S_IFREG) ? READ_ONCE(f->inode->data.size) : 0;
}

/* ---- carrying out ---- */

static bool is_direct(const struct loop *lo)
{
	return lo->flags & LO_FLAGS_DIRECT_IO && bdev_of_file(lo->file);
}

static s32 status_of(ssize_t n)
{
	return n == -ENOSPC || n == -EOPNOTSUPP ? (s32)n : -EIO;
}

static s32 move(struct loop *lo, struct iobuf data, s64 pos, bool write)
{
	struct file *f = lo->file;

	while (data.left) {
		ssize_t n;

		if (is_direct(lo))
			n = bdev_direct(f, bdev_of_file(f), &data, &pos, 0, write);
		else
			n = write ? f->ops->write(f, &data, &pos, 0) : f->ops->read(f, &data, &pos, 0);
		if (n < 0)
			return status_of(n);
		if (!n && write)
			return -EIO;
		if (!n) /* the file has become shorter */
			(void)iobuf_zero(&data, data.left);
	}
	return 0;
}

static s32 write_zeroes(struct loop *lo, s64 pos, u64 left)
{
	s32 err = 0;

	while (left && !err) {
		size_t n = (size_t)min(left, (u64)PAGE_SIZE);
		struct iobuf data;

		iobuf_init_kernel(&data, loop_zeroes, n);
		err = move(lo, data, pos, true);
		pos += (s64)n;
		left -= n;
	}
	return err;
}

static s32 change_range(struct loop *lo, const struct blk_request *rq, s64 pos)
{
	struct file *f = lo->file;
	s64 len = (s64)(rq->n512 * 512);
	bool punch = rq->op == BLK_DISCARD || rq->flags & BLK_MAY_UNMAP;
	int err = -EOPNOTSUPP;

	if (f->ops->fallocate)
		err = f->ops->fallocate(f, FALLOC_FL_KEEP_SIZE | (punch ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE), pos, len);
	if (rq->op == BLK_DISCARD)
		return err == -EOPNOTSUPP ? 0 : err ? status_of(err) : 0;
	return err == -EOPNOTSUPP ? write_zeroes(lo, pos, (u64)len) : err ? status_of(err) : 0;
}

static s32 make_stable(struct loop *lo)
{
	struct file *f = lo->file;
	int err = f->ops->fsync ? f->ops->fsync(f, 0, S64_MAX, true) : 0;

	return err && err != -EINVAL ? -EIO : 0;
}

static s32 carry_out(struct loop *lo, const struct blk_request *rq)
{
	s64 pos = (s64)(rq->lba512 * 512 + READ_ONCE(lo->offset));
	s32 err;

	if (!lo->file)
		return -EIO;
	if (rq->op != BLK_READ && rq->op != BLK_FLUSH && lo->flags & LO_FLAGS_READ_ONLY)
		return -EROFS;
	switch (rq->op) {
	case BLK_READ: return move(lo, rq->data, pos, false);
	case BLK_FLUSH: return make_stable(lo);
	case BLK_WRITE: err = move(lo, rq->data, pos, true); break;
	default: err = change_range(lo, rq, pos);
	}
	return !err && rq->flags & BLK_FUA ? make_stable(lo) : err;
}

static void run(struct work *w)
{
	struct loop *lo = container_of(w, struct loop, work);

	for (;;) {
		irqflags_t flags = spin_lock_irqsave(&lo->lock);
		struct blk_request *rq = lo->head;

		if (rq) {
			lo->head = *link_of(rq);
			if (!lo->head)
				lo->tail = &lo->head;
		}
		spin_unlock_irqrestore(&lo->lock, flags);
		if (!rq)
			return;
		rq->status = carry_out(lo, rq);
		rq->done(rq);
	}
}

/* ---- the port ---- */

static void port_submit(void *self, struct blk_request *rq)
{
	struct loop *lo = self;
	irqflags_t flags = spin_lock_irqsave(&lo->lock);

	*link_of(rq) = NULL;
	*lo->tail = rq;
	lo->tail = link_of(rq);
	spin_unlock_irqrestore(&lo->lock, flags);
	work_queue(&lo->work);
}

static void port_kick(void *self, u16 queue)
{
}

static void port_cancel(void *self, struct blk_request *rq)
{
}

static void port_info(void *self, struct blk_info *out)
{
	const struct loop *lo = self;
	u32 block = READ_ONCE(lo->block_bytes);

	*out = (struct blk_info){.capacity512 = READ_ONCE(lo->size512) & ~((u64)block / 512 - 1),
		.flags = BLK_INFO_VOLATILE_CACHE | BLK_INFO_DISCARD | BLK_INFO_ZEROES | (lo->flags & LO_FLAGS_READ_ONLY ? BLK_INFO_READ_ONLY : 0),
		.logical_bytes = block,
		.physical_bytes = block,
		.max_bytes = MAX_BYTES,
		.max_segs = 256,
		.max_seg_bytes = MAX_BYTES,
		.seg_align = 1,
		.queue_depth = 128,
		.nqueues = 1,
		.max_discard512 = (1u << 31) / 512,
		.max_zeroes512 = (1u << 31) / 512};
}

const struct blk_ops loop_port_ops = {.info = port_info, .submit = port_submit, .kick = port_kick, .cancel = port_cancel};

void loop_queue_init(struct loop *lo)
{
	spin_init(&lo->lock, loop_queue);
	lo->tail = &lo->head;
	work_init(&lo->work, run);
}
