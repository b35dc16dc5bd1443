/* SPDX-License-Identifier: BSD-2-Clause */
#include "virtio-blk_model.h"
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <lib/string.h>

/* Move bytes between @mem and the chain's data. */
static u32 move(const struct virtio_model_seg *segs, unsigned n, bool write, u8 *mem, u32 len)
{
	return virtio_model_copy(segs, n, write, write ? 0 : sizeof(struct virtio_blk_outhdr), mem, len);
}

static u8 change_range(struct disk_model *d, const struct virtio_model_seg *segs, unsigned n, bool zero)
{
	struct virtio_blk_discard_write_zeroes r;

	if (move(segs, n, false, (u8 *)&r, sizeof(r)) != sizeof(r) || r.sector > DISK_SECTORS || r.num_sectors > DISK_SECTORS - r.sector)
		return VIRTIO_BLK_S_IOERR;
	memset(d->now + r.sector * 512, zero ? 0 : 0xdd, r.num_sectors * 512ul);
	return VIRTIO_BLK_S_OK;
}

static u8 carry_out(
	struct disk_model *d, const struct virtio_blk_outhdr *h, const struct virtio_model_seg *segs, unsigned n, u32 readable, u32 writable)
{
	u32 len = h->type == VIRTIO_BLK_T_IN ? writable : readable;

	switch (h->type) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT:
		if (len % 512 || h->sector > DISK_SECTORS || len / 512 > DISK_SECTORS - h->sector)
			return VIRTIO_BLK_S_IOERR;
		(void)move(segs, n, h->type == VIRTIO_BLK_T_IN, d->now + h->sector * 512, len);
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_FLUSH:
		d->flushes++;
		memcpy(d->durable, d->now, sizeof(d->now));
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_GET_ID: (void)move(segs, n, true, (u8 *)"model-disk-0123456789", 20); return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES: return change_range(d, segs, n, h->type == VIRTIO_BLK_T_WRITE_ZEROES);
	default: return VIRTIO_BLK_S_UNSUPP;
	}
}

static u32 handle(struct virtio_model *m, const struct virtio_model_seg *segs, unsigned n)
{
	struct disk_model *d = container_of(m, struct disk_model, m);
	struct virtio_blk_outhdr h;
	u32 readable = 0, writable = 0;
	u8 status;

	if (n < 2 || segs[0].write || segs[0].len < sizeof(h) || !segs[n - 1].write || !segs[n - 1].len)
		return 0;
	memcpy(&h, segs[0].mem, sizeof(h));
	for (unsigned i = 0; i < n; i++)
		*(segs[i].write ? &writable : &readable) += segs[i].len;
	if (h.type != VIRTIO_BLK_T_GET_ID && ++d->requests == d->fail_at)
		status = d->wrong_status;
	else
		status = carry_out(d, &h, segs, n, readable - (u32)sizeof(h), writable - 1);
	segs[n - 1].mem[segs[n - 1].len - 1] = status;
	return writable;
}

void disk_model_resize(struct disk_model *d, u64 sectors)
{
	memcpy(d->m.device_config + offsetof(struct virtio_blk_config, capacity), &sectors, sizeof(sectors));
}

void disk_model_init(struct disk_model *d, enum env_bus bus, u64 features, u32 nqueues)
{
	struct virtio_blk_config c = {.seg_max = 6,
		.size_max = 1024,
		.blk_size = 512,
		.num_queues = (__virtio16)nqueues,
		.wce = 1,
		.max_discard_sectors = 64,
		.max_discard_seg = 1,
		.max_write_zeroes_sectors = 64,
		.max_write_zeroes_seg = 1};

	memset(d, 0, sizeof(*d));
	virtio_model_init(&d->m, bus, VIRTIO_ID_BLOCK,
		features | 1ull << VIRTIO_BLK_F_SEG_MAX | 1ull << VIRTIO_BLK_F_FLUSH | 1ull << VIRTIO_BLK_F_DISCARD |
			1ull << VIRTIO_BLK_F_WRITE_ZEROES | (nqueues > 1 ? 1ull << VIRTIO_BLK_F_MQ : 0));
	memcpy(d->m.device_config, &c, sizeof(c));
	disk_model_resize(d, DISK_SECTORS);
	d->wrong_status = VIRTIO_BLK_S_IOERR;
	virtio_model_vectors(&d->m, nqueues);
	d->m.queue_max = 8;
	d->m.handle = handle;
}
