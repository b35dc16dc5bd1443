/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page cache's requests become those of the port: the same pages, the same position.
 */
#include "fsys_impl.h"
#include <mm/page.h>
#include <linux/mount.h>

static void io_done(struct fsys_io *io)
{
	struct vm_io *v = container_of(io, struct vm_io, fsys);

	v->status = io->status;
	if (io->op == FSYS_WRITEBACK)
		WRITE_ONCE(container_of(v->cache, struct fsys_inode, cache)->blocks_moved, true);
	v->done(v);
}

static void submit(struct file_cache *c, struct vm_io *v, enum fsys_io_op op)
{
	struct fsys_inode *fi = container_of(c, struct fsys_inode, cache);
	struct fsys_super *fs = fsys_of(&fi->inode);
	unsigned flags = v->flags;

	v->fsys = (struct fsys_io){.op = (u8)op,
		.flags = (u8)((flags & VM_IO_AHEAD ? FSYS_IO_AHEAD : 0) | (flags & VM_IO_SYNC ? FSYS_IO_SYNC : 0)),
		.node = fi->node,
		.off = v->index * PAGE_SIZE,
		.size = v->size,
		.data = v->data,
		.done = io_done};
	fs->port.ops->submit(fs->port.self, &v->fsys);
}

static void io_read(struct file_cache *c, struct vm_io *v)
{
	submit(c, v, FSYS_FILL);
}

static void io_write(struct file_cache *c, struct vm_io *v)
{
	submit(c, v, FSYS_WRITEBACK);
}

/* Pages become dirty: their blocks are promised, so that write-back finds room. */
static int io_dirty(struct file_cache *c, u64 index, u64 n)
{
	struct inode *inode = c->inode;
	struct fsys_cred who = fsys_cred(inode->super);

	if (unlikely(inode->super->flags & MS_RDONLY))
		return -EROFS;
	fsys_inode(inode)->blocks_moved = true;
	return FSYS_CALL(inode, reserve, index * PAGE_SIZE, n * PAGE_SIZE, &who);
}

static void io_undirty(struct file_cache *c, u64 index, u64 n)
{
	fsys_inode(c->inode)->blocks_moved = true;
	FSYS_CALL(c->inode, unreserve, index * PAGE_SIZE, n * PAGE_SIZE);
}

const struct cache_ops fsys_cache_ops = {
	.read = io_read,
	.write = io_write,
	.dirty = io_dirty,
	.undirty = io_undirty,
	.store = fsys_store,
};

/* What is no regular file has no pages here, only times. */
const struct cache_ops fsys_plain_cache_ops = {.store = fsys_store};
