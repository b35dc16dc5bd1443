/* SPDX-License-Identifier: BSD-2-Clause */
#include "model_disk.h"
#include <stdio.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>

ENV_LOCK_CLASS(model_disk, ENV_RANK_DRIVER_QUEUE, "a disk of tests");

static void disk_open(void *self, const struct blk_client_ops *ops, void *client)
{
}

static void disk_close(void *self)
{
	struct model_disk *d = self;

	host_call_cancel(&d->call);
}

static void disk_info(void *self, struct blk_info *out)
{
	struct model_disk *d = self;

	*out = (struct blk_info){.capacity512 = d->bytes / 512,
		.flags = BLK_INFO_VOLATILE_CACHE | BLK_INFO_FUA | BLK_INFO_DISCARD |
			 (d->read_only ? BLK_INFO_READ_ONLY : 0),
		.logical_bytes = d->logical_bytes,
		.physical_bytes = d->logical_bytes,
		.max_bytes = 65536,
		.max_segs = 32,
		.max_seg_bytes = 65536,
		.seg_align = 4,
		.queue_depth = 64,
		.nqueues = 1,
		.max_discard512 = 1 << 16,
		.max_zeroes512 = 1 << 16,
		.discard_align512 = 8};
}

static void log_write(struct model_disk *d, struct blk_request *rq)
{
	struct model_write *w;
	bool data = rq->op == BLK_WRITE || rq->op == BLK_WRITE_ZEROES;

	if (!d->logging || rq->op == BLK_READ)
		return;
	if (d->nlog == d->log_cap) {
		d->log_cap = d->log_cap ? d->log_cap * 2 : 1024;
		d->log = realloc(d->log, d->log_cap * sizeof(*d->log));
	}
	w = &d->log[d->nlog++];
	rq->provider[1] = d->nlog;
	*w = (struct model_write){.op = rq->op,
		.done_at = ~0ull,
		.fua = rq->flags & BLK_FUA,
		.off = rq->lba512 * 512,
		.len = data ? (u32)(rq->n512 * 512) : 0};
	if (data) {
		w->data = malloc(w->len);
		memcpy(w->data, d->mem + w->off, w->len);
	}
}

void model_disk_mark(struct model_disk *d, u64 off, u64 len)
{
	for (u64 i = off / 4096; d->dirty && len && i <= (off + len - 1) / 4096; i++)
		d->dirty[i] = 1;
}

static s32 carry_out(struct model_disk *d, struct blk_request *rq)
{
	u64 off = rq->lba512 * 512, len = rq->n512 * 512;
	struct iobuf data = rq->data;

	d->requests++;
	if (d->dead || (d->fail_at && (d->fail_on ? d->requests >= d->fail_at
						  : d->requests == d->fail_at)))
		return -EIO;
	if (rq->op == BLK_FLUSH) {
		log_write(d, rq);
		return 0;
	}
	if (off > d->bytes || len > d->bytes - off || off % d->logical_bytes ||
		len % d->logical_bytes)
		return -EINVAL;
	if (d->read_only && rq->op != BLK_READ)
		return -EROFS;
	if (rq->op == BLK_READ)
		return iobuf_put(&data, d->mem + off, len) == len ? 0 : -EINVAL;
	if (rq->op == BLK_WRITE && iobuf_get(&data, d->mem + off, len) != len)
		return -EINVAL;
	if (rq->op == BLK_WRITE_ZEROES)
		memset(d->mem + off, 0, len);
	if (rq->op != BLK_DISCARD)
		model_disk_mark(d, off, len);
	log_write(d, rq);
	return 0;
}

/* d->lock held: done() is about to come. */
static void log_done(struct model_disk *d, const struct blk_request *rq)
{
	if (rq->provider[1])
		d->log[rq->provider[1] - 1].done_at = d->nlog;
}

static void call_done(void *arg)
{
	struct model_disk *d = arg;

	for (;;) {
		unsigned long flags = env_spin_lock(&d->lock);
		struct blk_request *rq = d->first;

		if (rq) {
			d->first = (struct blk_request *)(unsigned long)rq->provider[0];
			if (!d->first)
				d->last = NULL;
			log_done(d, rq);
		}
		env_spin_unlock(&d->lock, flags);
		if (!rq)
			return;
		rq->done(rq);
	}
}

static void disk_submit(void *self, struct blk_request *rq)
{
	struct model_disk *d = self;
	unsigned long flags = env_spin_lock(&d->lock);

	rq->provider[0] = rq->provider[1] = 0;
	rq->status = carry_out(d, rq);
	if (d->immediate) {
		log_done(d, rq);
		env_spin_unlock(&d->lock, flags);
		rq->done(rq);
		return;
	}
	if (d->last)
		d->last->provider[0] = (u64)(unsigned long)rq;
	else
		d->first = rq;
	d->last = rq;
	env_spin_unlock(&d->lock, flags);
	host_call_queue(&d->call);
}

static void disk_kick(void *self, u16 queue)
{
}

static void disk_cancel(void *self, struct blk_request *rq)
{
}

static const struct blk_ops disk_ops = {
	.open = disk_open,
	.close = disk_close,
	.info = disk_info,
	.submit = disk_submit,
	.kick = disk_kick,
	.cancel = disk_cancel,
};

void model_disk_init(struct model_disk *d, u64 bytes)
{
	*d = (struct model_disk){.bytes = bytes, .logical_bytes = 512};
	d->mem = bytes ? calloc(1, bytes) : NULL;
	d->call = (struct host_call){.fn = call_done, .arg = d};
	env_spin_init(&d->lock, &env_lock_class_model_disk);
}

bool model_disk_load(struct model_disk *d, const char *path)
{
	FILE *f = fopen(path, "rb");
	long size;
	bool ok;

	if (!f)
		return false;
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	model_disk_init(d, (u64)size);
	ok = fread(d->mem, 1, (size_t)size, f) == (size_t)size;
	fclose(f);
	return ok;
}

bool model_disk_save(const struct model_disk *d, const char *path)
{
	FILE *f = fopen(path, "wb");
	bool ok = f && fwrite(d->mem, 1, d->bytes, f) == d->bytes;

	return f && !fclose(f) && ok;
}

void model_disk_log_clear(struct model_disk *d)
{
	for (u64 i = 0; i < d->nlog; i++)
		free(d->log[i].data);
	d->nlog = 0;
}

void model_disk_fini(struct model_disk *d)
{
	model_disk_log_clear(d);
	free(d->log);
	free(d->mem);
	d->mem = NULL;
}

struct blk_port model_disk_port(struct model_disk *d)
{
	return (struct blk_port){&disk_ops, d};
}
