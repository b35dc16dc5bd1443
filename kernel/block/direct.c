/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * O_DIRECT: the caller's pages are the request's. They are pinned a chunk at a time; the page cache is made to agree before, and after a write.
 */
#include "block_impl.h"
#include <lib/errno.h>
#include <mm/object.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <sched/thread.h>
#include <vfs/file.h>

#define CHUNK_PAGES 256u
#define DMA_ALIGN   512u /* of memory: Linux' default */

struct chunk {
	struct iobuf_seg segs[CHUNK_PAGES + 1];
	u32 n;
	size_t bytes;
};

static void unpin(struct chunk *c, enum iobuf_kind kind, bool written)
{
	for (u32 i = 0; kind == IOBUF_USER && i < c->n; i++) {
		if (written)
			page_note_written(c->segs[i].page);
		page_put(c->segs[i].page);
	}
	c->n = 0;
	c->bytes = 0;
}

/* Of each piece of memory: where it begins, and its length in blocks. */
static bool is_aligned_buf(const struct iobuf *b, u32 logical)
{
	size_t left = b->left, off = b->seg_off;

	for (const struct iobuf_seg *s = b->segs; left; s++, off = 0) {
		size_t len = min(left, s->len - off);
		u64 at = b->kind == IOBUF_PAGES ? s->page_off : s->base;

		if (len && ((at + off) % DMA_ALIGN || len % logical))
			return false;
		left -= len;
	}
	return true;
}

/* Pages of the next pieces of @b, which does not move. Bytes, whole blocks; -EFAULT. */
static ssize_t pin(const struct iobuf *b, u32 logical, bool for_read, struct chunk *c)
{
	size_t left = b->left, off = b->seg_off;
	int err = 0;

	c->n = 0;
	c->bytes = 0;
	for (const struct iobuf_seg *s = b->segs; left && c->n < CHUNK_PAGES && !err; s++, off = 0) {
		size_t len = min(left, s->len - off);

		while (len && c->n < CHUNK_PAGES) {
			u64 va = s->base + off;
			size_t n = b->kind == IOBUF_USER ? min_t(size_t, len, PAGE_SIZE - va % PAGE_SIZE) : len;
			struct iobuf_seg *to = &c->segs[c->n];

			if (b->kind == IOBUF_USER) {
				err = vm_pin(thread_current()->space, va, for_read, false, &to->page);
				if (err)
					break;
				to->page_off = (u32)(va % PAGE_SIZE);
			} else {
				*to = *s;
				if (b->kind == IOBUF_PAGES)
					to->page_off += (u32)off;
				else
					to->base += off;
			}
			to->len = n;
			c->n++;
			c->bytes += n;
			off += n;
			len -= n;
			left -= n;
		}
	}
	if (!c->bytes)
		return err;
	if (c->bytes & (logical - 1)) { /* a block that lies in two pages ends with the next chunk, or at the fault */
		size_t cut = c->bytes & (logical - 1);

		while (cut && c->segs[c->n - 1].len <= cut) {
			cut -= c->segs[c->n - 1].len;
			c->bytes -= c->segs[c->n - 1].len;
			c->n--;
			if (b->kind == IOBUF_USER)
				page_put(c->segs[c->n].page);
		}
		c->segs[c->n ? c->n - 1 : 0].len -= cut;
		c->bytes -= cut;
	}
	return c->bytes ? (ssize_t)c->bytes : err ? err : -EINVAL;
}

static ssize_t move(struct bdev *b, struct iobuf *buf, u64 at, u32 logical, struct chunk *c, bool write)
{
	enum iobuf_kind kind = (enum iobuf_kind)buf->kind;
	ssize_t done = 0, n = 0;

	while (buf->left) {
		struct iobuf data;
		int err;

		n = pin(buf, logical, !write, c);
		if (n < 0)
			break;
		iobuf_init_segs(&data, kind == IOBUF_KERNEL ? IOBUF_KERNEL : IOBUF_PAGES, c->segs, c->n);
		err = bdev_request(b, write ? BLK_WRITE : BLK_READ, 0, at / 512, (u64)n / 512, &data);
		unpin(c, kind, !write);
		if (err) {
			n = err;
			break;
		}
		iobuf_advance(buf, (size_t)n);
		at += (u64)n;
		done += n;
	}
	return done ? done : n;
}

ssize_t bdev_direct(struct file *f, struct bdev *b, struct iobuf *buf, s64 *pos, unsigned rwf, bool write)
{
	u32 logical = bdev_logical_bytes(b);
	u64 at = (u64)*pos, end = at + buf->left;
	struct chunk *c;
	ssize_t done;
	int err;

	if ((at | buf->left) & (logical - 1) || !is_aligned_buf(buf, logical))
		return -EINVAL;
	err = write ? bdev_cache_drop(b, at, end) : bdev_cache_sync(b, at, end);
	if (err && err != -EBUSY)
		return err;
	c = kmalloc(sizeof(*c), 0);
	if (!c)
		return -ENOMEM;
	done = move(b, buf, at, logical, c, write);
	kfree(c);
	if (write)
		(void)bdev_cache_drop(b, at, end); /* what was read meanwhile */
	if (done > 0)
		*pos += done;
	return done;
}
