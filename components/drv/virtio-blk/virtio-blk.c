/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device: its limits, the port, its life. See vblk.h.
 */
#include "vblk.h"
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <lib/endian.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <env/log.h>
#include <env/mem.h>

ENV_LOCK_CLASS(vblk, ENV_RANK_DRIVER_QUEUE + 1, "a virtio disk: what it says of itself, its client");

#define MAX_BYTES    (4u << 20)
#define ID_WAIT_NS   5000000000ull
#define RANGE_MAX512 0x7fffffffu /* sectors of one discard */

static u64 bit(unsigned n)
{
	return 1ull << n;
}

/* ---- what it says of itself ---- */

static u32 cfg32(__virtio32 v)
{
	return le32_to_cpu((struct le32){v});
}

/* Capacity and write protection: they may change. */
static int read_capacity(struct vblk *d, u32 logical_bytes, u64 *out_sectors)
{
	struct le64 capacity;
	int err = virtio_config_read(&d->v, offsetof(struct virtio_blk_config, capacity), &capacity, sizeof(capacity));

	if (!err)
		*out_sectors = min(le64_to_cpu(capacity), 1ull << 54) & ~((u64)logical_bytes / 512 - 1);
	return err;
}

static void set_ranges(struct vblk *d, const struct virtio_blk_config *c, u32 logical_bytes)
{
	u64 mask = ~((u64)logical_bytes / 512 - 1);

	if (virtio_has(&d->v, VIRTIO_BLK_F_DISCARD) && cfg32(c->max_discard_seg)) {
		d->info.flags |= BLK_INFO_DISCARD;
		d->info.max_discard512 = (cfg32(c->max_discard_sectors) ? min(cfg32(c->max_discard_sectors), RANGE_MAX512) : RANGE_MAX512) & mask;
		d->info.discard_align512 = cfg32(c->discard_sector_alignment);
	}
	if (virtio_has(&d->v, VIRTIO_BLK_F_WRITE_ZEROES) && cfg32(c->max_write_zeroes_seg)) {
		d->info.flags |= BLK_INFO_ZEROES;
		d->info.max_zeroes512 =
			(cfg32(c->max_write_zeroes_sectors) ? min(cfg32(c->max_write_zeroes_sectors), RANGE_MAX512) : RANGE_MAX512) & mask;
	}
	if (!d->info.max_discard512)
		d->info.flags &= ~(u32)BLK_INFO_DISCARD;
	if (!d->info.max_zeroes512)
		d->info.flags &= ~(u32)BLK_INFO_ZEROES;
}

/* The limits of a request's data. -EINVAL: nothing could be asked of this device. */
static int set_limits(struct vblk *d, const struct virtio_blk_config *c, u32 ring_size)
{
	u32 logical = virtio_has(&d->v, VIRTIO_BLK_F_BLK_SIZE) ? cfg32(c->blk_size) : 512, segs = 1, seg_bytes = MAX_BYTES;
	u8 exp = virtio_has(&d->v, VIRTIO_BLK_F_TOPOLOGY) ? c->physical_block_exp : 0;

	if (logical < 512 || logical > 65536 || logical & (logical - 1))
		return -EINVAL;
	if (virtio_has(&d->v, VIRTIO_BLK_F_SEG_MAX) && cfg32(c->seg_max))
		segs = cfg32(c->seg_max);
	if (virtio_has(&d->v, VIRTIO_BLK_F_SIZE_MAX))
		seg_bytes = min(seg_bytes, cfg32(c->size_max));
	seg_bytes &= ~511u;
	d->max_segs = min(segs, virtio_has(&d->v, VIRTIO_RING_F_INDIRECT_DESC) ? VBLK_TABLE - 2u : min(ring_size, (u32)VBLK_DEPTH) - 2);
	d->info.logical_bytes = logical;
	d->info.physical_bytes = exp <= 16 && (u64)logical << exp <= 1u << 20 ? logical << exp : logical;
	d->info.optimal_bytes = virtio_has(&d->v, VIRTIO_BLK_F_TOPOLOGY) && cfg32(c->opt_io_size) <= MAX_BYTES / logical
					? cfg32(c->opt_io_size) * logical
					: 0;
	d->info.max_segs = d->max_segs;
	d->info.max_seg_bytes = seg_bytes;
	d->info.max_bytes = (u32)min((u64)seg_bytes * d->max_segs, (u64)MAX_BYTES) & ~(logical - 1);
	d->info.seg_align = 1;
	return d->info.max_bytes ? 0 : -EINVAL;
}

static int read_config(struct vblk *d)
{
	struct virtio_blk_config c = {0};
	u32 logical;
	int err = virtio_config_read(&d->v, 0, &c, (u32)min_t(u64, sizeof(c), d->v.config_len));

	if (!err)
		err = set_limits(d, &c, d->v.ops->queue_size(&d->v, 0));
	if (err)
		return err;
	logical = d->info.logical_bytes;
	err = read_capacity(d, logical, &d->info.capacity512);
	if (err)
		return err;
	d->nqueues = virtio_has(&d->v, VIRTIO_BLK_F_MQ) ? le16_to_cpu((struct le16){c.num_queues}) : 1;
	if (!d->nqueues)
		return -EINVAL;
	d->nqueues = min(d->nqueues, (u32)VBLK_QUEUES);
	d->wce = virtio_has(&d->v, VIRTIO_BLK_F_FLUSH) && (!virtio_has(&d->v, VIRTIO_BLK_F_CONFIG_WCE) || c.wce);
	d->info.flags |= (virtio_has(&d->v, VIRTIO_BLK_F_RO) ? BLK_INFO_READ_ONLY : 0) | (d->wce ? BLK_INFO_VOLATILE_CACHE : 0) |
			 BLK_INFO_ROTATIONAL;
	set_ranges(d, &c, logical);
	return 0;
}

/* ---- upcalls ---- */

static void tell(struct vblk *d, bool gone)
{
	unsigned long flags = env_spin_lock(&d->lock);
	const struct blk_client_ops *ops = d->client_ops;
	void *client = d->client;

	env_spin_unlock(&d->lock, flags);
	if (ops && gone)
		ops->gone(client);
	else if (ops)
		ops->changed(client);
}

static void config_work(struct env_work *w)
{
	struct vblk *d = container_of(w, struct vblk, changed);
	unsigned long flags;
	u64 sectors = 0;
	bool differs;

	if (READ_ONCE(d->dead) || read_capacity(d, d->info.logical_bytes, &sectors))
		return;
	flags = env_spin_lock(&d->lock);
	differs = d->info.capacity512 != sectors;
	d->info.capacity512 = sectors;
	env_spin_unlock(&d->lock, flags);
	if (differs)
		tell(d, false);
}

static void config_changed(void *arg)
{
	struct vblk *d = arg;

	env_work_queue(&d->changed);
}

void vblk_die(struct vblk *d, s32 status)
{
	s32 alive = 0;

	if (__atomic_compare_exchange_n(&d->dead, &alive, status, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		env_work_queue(&d->death);
}

static void drain_all(struct vblk *d)
{
	s32 status = READ_ONCE(d->dead);

	(void)!virtio_reset(&d->v); /* gone is as good */
	for (u32 i = 0; i < d->nqueues; i++)
		if (d->queues[i].open)
			vblk_queue_drain(&d->queues[i], status);
}

static void death_work(struct env_work *w)
{
	struct vblk *d = container_of(w, struct vblk, death);

	drain_all(d);
	tell(d, true);
}

/* ---- the port ---- */

static void vblk_open(void *self, const struct blk_client_ops *ops, void *client)
{
	struct vblk *d = self;
	unsigned long flags = env_spin_lock(&d->lock);

	d->client_ops = ops;
	d->client = client;
	env_spin_unlock(&d->lock, flags);
}

static void vblk_close(void *self)
{
	struct vblk *d = self;

	vblk_open(self, NULL, NULL);
	env_work_flush(&d->changed); /* an upcall on its way */
	env_work_flush(&d->death);
}

static void vblk_info(void *self, struct blk_info *out)
{
	struct vblk *d = self;
	unsigned long flags = env_spin_lock(&d->lock);

	*out = d->info;
	env_spin_unlock(&d->lock, flags);
}

/* What the device need not be asked. */
static s32 check(const struct vblk *d, const struct blk_request *rq)
{
	const struct blk_info *i = &d->info;
	u64 capacity = READ_ONCE(i->capacity512), mask = i->logical_bytes / 512 - 1;
	bool writes = rq->op == BLK_WRITE || rq->op == BLK_DISCARD || rq->op == BLK_WRITE_ZEROES;

	if (rq->op == BLK_FLUSH)
		return 0;
	if (rq->op > BLK_WRITE_ZEROES)
		return -EINVAL;
	if (writes && i->flags & BLK_INFO_READ_ONLY)
		return -EROFS;
	if (!rq->n512 || (rq->lba512 | rq->n512) & mask || rq->n512 > capacity || rq->lba512 > capacity - rq->n512)
		return -EINVAL;
	if (rq->op == BLK_DISCARD)
		return !(i->flags & BLK_INFO_DISCARD) ? -EOPNOTSUPP : rq->n512 > i->max_discard512 ? -EINVAL : 0;
	if (rq->op == BLK_WRITE_ZEROES)
		return !(i->flags & BLK_INFO_ZEROES) ? -EOPNOTSUPP : rq->n512 > i->max_zeroes512 ? -EINVAL : 0;
	return rq->n512 * 512 > i->max_bytes || rq->data.left != rq->n512 * 512 ? -EINVAL : 0;
}

static void vblk_submit(void *self, struct blk_request *rq)
{
	struct vblk *d = self;

	vblk_queue_submit(&d->queues[rq->queue % d->nqueues], rq, check(d, rq));
}

static void vblk_kick(void *self, u16 queue)
{
	struct vblk *d = self;

	vblk_queue_kick(&d->queues[queue % d->nqueues]);
}

static void vblk_cancel(void *self, struct blk_request *rq)
{
	struct vblk *d = self;

	vblk_queue_cancel(&d->queues[rq->queue % d->nqueues], rq);
}

static const struct blk_ops vblk_ops = {
	.open = vblk_open,
	.close = vblk_close,
	.info = vblk_info,
	.submit = vblk_submit,
	.kick = vblk_kick,
	.cancel = vblk_cancel,
};

/* ---- life ---- */

static void id_done(struct blk_request *rq)
{
	struct vblk *d = container_of(rq, struct vblk, id_rq);

	STORE_RELEASE(d->id_done, 1);
	env_event_signal(&d->id_ev);
}

/* The serial number, if the device tells in time; not all have one. */
static void ask_id(struct vblk *d)
{
	u64 deadline = env_deadline(ID_WAIT_NS);

	d->id_rq = (struct blk_request){.op = VBLK_OP_ID, .done = id_done};
	iobuf_init_kernel(&d->id_rq.data, d->id, VBLK_ID_BYTES);
	vblk_queue_submit(&d->queues[0], &d->id_rq, 0);
	vblk_queue_kick(&d->queues[0]);
	for (;;) {
		u32 seq = env_event_read(&d->id_ev);

		if (LOAD_ACQUIRE(d->id_done) || env_event_wait(&d->id_ev, seq, deadline))
			break;
	}
	if (LOAD_ACQUIRE(d->id_done))
		memcpy(d->info.serial, d->id, VBLK_ID_BYTES);
}

static void close_queues(struct vblk *d)
{
	for (u32 i = 0; i < d->nqueues; i++)
		if (d->queues[i].open)
			vblk_queue_close(&d->queues[i]);
}

static int start(struct vblk *d)
{
	int err = virtio_negotiate(&d->v, bit(VIRTIO_RING_F_INDIRECT_DESC) | bit(VIRTIO_RING_F_EVENT_IDX) | bit(VIRTIO_BLK_F_SIZE_MAX) |
						  bit(VIRTIO_BLK_F_SEG_MAX) | bit(VIRTIO_BLK_F_RO) | bit(VIRTIO_BLK_F_BLK_SIZE) |
						  bit(VIRTIO_BLK_F_FLUSH) | bit(VIRTIO_BLK_F_TOPOLOGY) | bit(VIRTIO_BLK_F_CONFIG_WCE) |
						  bit(VIRTIO_BLK_F_MQ) | bit(VIRTIO_BLK_F_DISCARD) | bit(VIRTIO_BLK_F_WRITE_ZEROES));

	if (!err)
		err = read_config(d);
	if (err)
		return err;
	d->v.arg = d;
	d->v.changed = config_changed;
	for (u32 i = 0; i < d->nqueues; i++) {
		err = vblk_queue_open(d, (u16)i);
		if (err && i && err != -ENOMEM) {
			d->nqueues = i; /* it has fewer than it says */
			err = 0;
		}
		if (err)
			return err;
	}
	err = virtio_start(&d->v);
	for (u32 i = 0; !err && i < d->nqueues; i++)
		(void)virtq_arm(&d->queues[i].vq.q);
	if (!err)
		ask_id(d);
	return err;
}

/* What start has made, and what is in flight, goes. */
static void stop(struct vblk *d, s32 status)
{
	vblk_die(d, status);
	env_work_flush(&d->death);
	drain_all(d);
	close_queues(d);
	virtio_close(&d->v);
	env_work_flush(&d->changed); /* the interrupt is unbound now */
}

static int vblk_attach(struct env_device *dev, void **out_self)
{
	struct vblk *d = env_alloc(sizeof(*d), ENV_ALLOC_ZERO);
	int err;

	if (!d)
		return -ENOMEM;
	env_spin_init(&d->lock, &env_lock_class_vblk);
	env_work_init(&d->changed, config_work);
	env_work_init(&d->death, death_work);
	env_event_init(&d->id_ev);
	err = virtio_open(&d->v, dev, VIRTIO_ID_BLOCK);
	if (!err) {
		err = start(d);
		if (err)
			stop(d, -ENODEV);
	}
	if (err)
		env_free(d, sizeof(*d));
	else
		*out_self = d;
	return err;
}

static void vblk_detach(void *self, enum env_detach why)
{
	struct vblk *d = self;

	stop(d, -ENODEV);
	env_free(d, sizeof(*d));
}

static const struct env_match matches[] = {
	{.bus = ENV_BUS_PCI, .vendor = 0x1af4, .device = 0x1040 + VIRTIO_ID_BLOCK},
	{.bus = ENV_BUS_PCI, .vendor = 0x1af4, .device = 0x1001}, /* transitional */
	{.bus = ENV_BUS_VIRTIO_MMIO, .vendor = ~0u, .device = VIRTIO_ID_BLOCK},
};

extern const struct env_driver virtio_blk_driver; /* named by the placement table */
const struct env_driver virtio_blk_driver = {
	.name = "virtio-blk",
	.matches = matches,
	.nmatches = ARRAY_SIZE(matches),
	.port = PORT_BLK,
	.ops = &vblk_ops,
	.attach = vblk_attach,
	.detach = vblk_detach,
};
