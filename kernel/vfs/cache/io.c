/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests: runs of pages to and from the owner of the data.
 *
 * A read's pages are LOCKED, a write's WRITEBACK until it is done: that keeps them in their object, so requests hold no references. A read, and a write that
 * went well, end where they are told of it, interrupts included. A write that failed needs locks that interrupts do not take: a work ends it.
 */
#include "cache_impl.h"
#include <mm/slab.h>
#include <sync/rcu.h>

static void io_free(struct vm_io *io)
{
	struct bdi *b = io->cache->bdi;

	if (likely(io != b->spare)) {
		kfree(io);
		return;
	}
	__atomic_store_n(&b->spare_used, 0, __ATOMIC_SEQ_CST);
	wait_wake_all(&b->done);
}

static void end_read(struct vm_io *io)
{
	int err = io->status;

	/* Which page it is, and whether anybody wants it, is not known: whoever does tries that one again. */
	if (err && (io->npages > 1 || (io->flags & VM_IO_AHEAD)))
		err = -EAGAIN;
	for (u32 i = 0; i < io->npages; i++)
		page_end_fill(io->segs[i].page, err);
	io_free(io);
}

static void end_write(struct vm_io *io)
{
	struct file_cache *c = io->cache;
	struct bdi *b = c->bdi;
	unsigned epoch = io->epoch;
	u32 n = io->npages;

	for (u32 i = 0; i < n; i++)
		page_end_writeback(io->segs[i].page);
	io_free(io);
	rcu_read_lock();
	__atomic_fetch_add(&b->written, n, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&b->nwriting, n, __ATOMIC_RELEASE);
	flight_end(&c->writes, epoch & 1, &b->done);
	flight_end(&b->writes, epoch >> 1, &b->done);
	wait_wake_all(&b->done);
	rcu_read_unlock();
}

/* Not written for want of memory or of a moment: dirty again; else lost, and all who have the file open will be told. */
static void end_failed(struct vm_io *io)
{
	struct file_cache *c = io->cache;
	bool again = io->status == -ENOMEM || io->status == -EAGAIN;

	if (!again)
		cache_set_error(c, io->status);
	for (u32 i = 0; again && i < io->npages; i++)
		vm_object_redirty(io->segs[i].page);
	if (!again && c->ops->undirty)
		c->ops->undirty(c, io->index, io->npages);
	end_write(io);
}

void cache_fail_work(struct work *w)
{
	struct bdi *b = container_of(w, struct bdi, fail_work);
	LIST_HEAD(failed);
	irqflags_t flags = spin_lock_irqsave(&b->fail_lock);

	list_splice(&b->failed, &failed);
	list_init(&b->failed);
	spin_unlock_irqrestore(&b->fail_lock, flags);
	while (!list_empty(&failed)) {
		struct vm_io *io = list_first_entry(&failed, struct vm_io, link);

		list_del(&io->link);
		end_failed(io);
	}
}

static void write_done(struct vm_io *io)
{
	struct bdi *b = io->cache->bdi;
	irqflags_t flags;

	if (likely(!io->status)) {
		end_write(io);
		return;
	}
	flags = spin_lock_irqsave(&b->fail_lock);
	list_add_tail(&io->link, &b->failed);
	spin_unlock_irqrestore(&b->fail_lock, flags);
	work_queue(&b->fail_work);
}

static struct vm_io *io_init(struct vm_io *io, struct file_cache *c, u64 index, unsigned room, unsigned flags)
{
	io->cache = c;
	io->flags = (u8)flags;
	io->status = 0;
	io->index = index;
	io->npages = 0;
	io->room = room;
	io->done = flags & VM_IO_WRITE ? write_done : end_read;
	if (flags & VM_IO_WRITE)
		io->epoch = flight_begin(&c->writes) | flight_begin(&c->bdi->writes) << 1;
	return io;
}

static bool take_spare(struct bdi *b)
{
	return !__atomic_exchange_n(&b->spare_used, 1, __ATOMIC_ACQUIRE);
}

struct vm_io *cache_io_new(struct file_cache *c, u64 index, unsigned room, unsigned flags, unsigned alloc_flags)
{
	struct vm_io *io = kmalloc(sizeof(*io) + room * sizeof(io->segs[0]), alloc_flags);

	if (io)
		return io_init(io, c, index, room, flags);
	if (!(flags & VM_IO_WRITE))
		return NULL;
	/* Write-back is what frees memory: it goes on, one request at a time. */
	wait_event(&c->bdi->done, take_spare(c->bdi));
	return io_init(c->bdi->spare, c, index, 1, flags);
}

void cache_io_submit(struct vm_io *io)
{
	struct file_cache *c = io->cache;

	if (!io->npages) {
		unsigned epoch = io->epoch;
		bool write = io->flags & VM_IO_WRITE;

		io_free(io);
		if (write) {
			flight_end(&c->writes, epoch & 1, &c->bdi->done);
			flight_end(&c->bdi->writes, epoch >> 1, &c->bdi->done);
		}
		return;
	}
	io->size = READ_ONCE(cache_object(c)->size);
	iobuf_init_segs(&io->data, IOBUF_PAGES, io->segs, io->npages);
	if (io->flags & VM_IO_WRITE)
		c->ops->write(c, io);
	else
		c->ops->read(c, io);
}
