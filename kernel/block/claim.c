/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Claims: who has a device for himself, and the port that a kernel client is given with it. See <block/bdev.h>.
 */
#include "block_impl.h"
#include <lib/errno.h>
#include <mm/slab.h>

struct bdev_claim {
	struct bdev *bdev;
	const void *holder;
	unsigned mode;
	struct list_head link; /* disk->claims; block_lock */
	const struct blk_client_ops *client_ops; /* block_lock */
	void *client;
};

int bdev_hold(struct bdev *b, const void *holder)
{
	struct bdev *whole = b->disk->whole;

	if (b->nclaims && b->holder != holder)
		return -EBUSY;
	if (bdev_is_part(b) ? whole->nclaims != 0 : b->part_holders != 0)
		return -EBUSY;
	b->holder = holder;
	b->nclaims++;
	if (bdev_is_part(b))
		whole->part_holders++;
	return 0;
}

void bdev_unhold(struct bdev *b)
{
	b->nclaims--;
	if (!b->nclaims)
		b->holder = NULL;
	if (bdev_is_part(b))
		b->disk->whole->part_holders--;
}

void claims_tell(struct disk *d, bool gone)
{
	struct bdev_claim *c;

	mutex_lock(&block_lock);
	list_for_each_entry(c, &d->claims, link) {
		if (c->client_ops && gone)
			c->client_ops->gone(c->client);
		else if (c->client_ops)
			c->client_ops->changed(c->client);
	}
	mutex_unlock(&block_lock);
}

/* ---- the port ---- */

static void port_open(void *self, const struct blk_client_ops *ops, void *client)
{
	struct bdev_claim *c = self;

	mutex_lock(&block_lock);
	c->client_ops = ops;
	c->client = client;
	mutex_unlock(&block_lock);
}

static void port_close(void *self)
{
	port_open(self, NULL, NULL);
}

static void port_info(void *self, struct blk_info *out)
{
	const struct bdev_claim *c = self;
	struct blkq *q = c->bdev->disk->q;

	blkq_info(q, out);
	out->capacity512 = READ_ONCE(c->bdev->range.n512);
	out->flags |= BLK_INFO_ZEROES | (bdev_is_read_only(c->bdev) || !(c->mode & BDEV_WRITE) ? BLK_INFO_READ_ONLY : 0);
	out->max_bytes = 1u << 30;
	out->max_segs = out->max_seg_bytes = ~0u;
	out->max_discard512 = out->max_zeroes512 = ~0ull;
	out->nqueues = blkq_lanes(q);
}

static void port_submit(void *self, struct blk_request *rq)
{
	const struct bdev_claim *c = self;

	blkq_submit(c->bdev->disk->q, &c->bdev->range, rq);
}

static void port_kick(void *self, u16 queue)
{
	const struct bdev_claim *c = self;

	blkq_kick(c->bdev->disk->q, queue);
}

static void port_cancel(void *self, struct blk_request *rq)
{
	const struct bdev_claim *c = self;

	blkq_cancel(c->bdev->disk->q, rq);
}

static const struct blk_ops claim_ops = {
	.open = port_open,
	.close = port_close,
	.info = port_info,
	.submit = port_submit,
	.kick = port_kick,
	.cancel = port_cancel,
};

/* ---- life ---- */

int bdev_claim(struct bdev *b, unsigned mode, const void *holder, struct bdev_claim **out_claim, struct blk_port *out_port)
{
	bool write = mode & BDEV_WRITE;
	struct bdev_claim *c;
	int err;

	if (write && bdev_is_read_only(b))
		return -EROFS;
	c = kzalloc(sizeof(*c), 0);
	if (!c)
		return -ENOMEM;
	*c = (struct bdev_claim){.bdev = b, .holder = holder, .mode = mode};
	err = bdev_open(b, write);
	if (err) {
		kfree(c);
		return err;
	}
	mutex_lock(&block_lock);
	err = bdev_hold(b, holder);
	if (!err)
		list_add_tail(&c->link, &b->disk->claims);
	mutex_unlock(&block_lock);
	if (!err && write) {
		err = bdev_cache_drop(b, 0, ~0ull);
		if (err == -EBUSY)
			err = 0; /* mapped pages stay and are what they are */
		if (err) {
			bdev_release(c);
			return err;
		}
	}
	if (err) {
		bdev_close(b, write);
		kfree(c);
		return err;
	}
	*out_claim = c;
	*out_port = (struct blk_port){&claim_ops, c};
	return 0;
}

void bdev_release(struct bdev_claim *c)
{
	struct bdev *b = c->bdev;

	mutex_lock(&block_lock);
	bdev_unhold(b);
	list_del(&c->link);
	mutex_unlock(&block_lock);
	if (c->mode & BDEV_WRITE)
		(void)bdev_cache_drop(b, 0, ~0ull);
	bdev_close(b, c->mode & BDEV_WRITE);
	kfree(c);
}

struct bdev *bdev_of_claim(const struct bdev_claim *claim)
{
	return claim->bdev;
}
