/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cutting and deleting, in as many transactions as it takes: between them the inode is an orphan,
 * so that a crash is followed by the rest of the work. Each step leaves a whole file system.
 */
#include "impl.h"

#define CREDITS 96

/* [off, off + len) lies in one block: zero it on the disk, where there is something. */
static int zero_in_block(struct ext4_node *n, u64 off, u32 len)
{
	struct ext4 *fs = n->fs;
	struct ext4_map m = {0};
	u8 *data;
	int err;

	env_mutex_lock(&n->lock);
	err = ext4_map(n, (u32)(off >> fs->block_bits), &m);
	env_mutex_unlock(&n->lock);
	if (err || !m.pblk || m.unwritten)
		return err;
	if (n->flags & EXT4_FL_JOURNAL_DATA || fs->opt.data == EXT4_DATA_JOURNAL) {
		struct ext4_handle h;
		struct ext4_buf *b;

		err = ext4_tx_begin(fs, 2, &h);
		if (err)
			return err;
		err = ext4_bread(fs, m.pblk, &b);
		if (!err) {
			ext4_tx_access(&h, b);
			memset(b->data + (off & (fs->block_bytes - 1)), 0, len);
			ext4_brelse(b);
		}
		return ext4_tx_end(&h, err);
	}
	data = env_alloc(fs->block_bytes, 0);
	if (!data)
		return -ENOMEM;
	err = ext4_rw(fs, BLK_READ, BLK_PRIO, m.pblk, 1, data);
	if (!err) {
		memset(data + (off & (fs->block_bytes - 1)), 0, len);
		err = ext4_rw(fs, BLK_WRITE, BLK_PRIO, m.pblk, 1, data);
	}
	env_free(data, fs->block_bytes);
	return err;
}

/* The partial blocks at both ends of [off, off + len). */
int ext4_zero_range(struct ext4_node *n, u64 off, u64 len)
{
	u32 mask = n->fs->block_bytes - 1;
	u64 end = off + len;
	int err = 0;

	if (ext4_is_inline(n) || !len)
		return 0;
	if (off >> n->fs->block_bits == (end - 1) >> n->fs->block_bits) {
		if (off & mask || end & mask)
			err = zero_in_block(n, off, (u32)len);
		return err;
	}
	if (off & mask)
		err = zero_in_block(n, off, n->fs->block_bytes - (u32)(off & mask));
	if (!err && end & mask)
		err = zero_in_block(n, end & ~(u64)mask, (u32)(end & mask));
	return err;
}

int ext4_remove_blocks(struct ext4_node *n, u64 from, u64 to)
{
	while (from < to) {
		struct ext4_handle h;
		int err = ext4_tx_begin(n->fs, CREDITS, &h);

		if (err)
			return err;
		env_mutex_lock(&n->lock);
		err = ext4_extent_remove(&h, n, (u32)from, to, &from);
		env_mutex_unlock(&n->lock);
		err = ext4_tx_end(&h, err);
		if (err)
			return err;
	}
	return 0;
}

/* The first step, with the new size: *out_next is where the rest begins. */
static int cut(struct ext4_node *n, u64 size, const struct fsys_time *now, u64 *out_next)
{
	struct ext4 *fs = n->fs;
	struct ext4_handle h;
	bool shrink = size < n->size;
	u64 from = ext4_blocks_of(fs, size);
	int err = ext4_tx_begin(fs, CREDITS, &h);

	*out_next = 1ull << 32;
	if (err)
		return err;
	env_mutex_lock(&n->lock);
	if (ext4_is_inline(n))
		err = ext4_inline_convert(&h, n);
	if (!err) {
		WRITE_ONCE(n->size, size);
		ext4_node_touch(n, now, true);
		__atomic_store_n(&n->datasync_tid, h.tx->tid, __ATOMIC_RELEASE);
		if (n->flags & EXT4_FL_EXTENTS && (shrink || n->blocks))
			err = ext4_extent_remove(&h, n, (u32)from, 1ull << 32, out_next);
	}
	if (!err && *out_next < 1ull << 32)
		err = ext4_orphan_add(&h, n);
	if (!err)
		err = ext4_node_write(&h, n);
	env_mutex_unlock(&n->lock);
	return ext4_tx_end(&h, err);
}

int ext4_truncate(struct ext4_node *n, u64 size, const struct fsys_time *now)
{
	struct ext4 *fs = n->fs;
	struct ext4_handle h;
	u32 tail = (u32)(size & (fs->block_bytes - 1));
	u64 next;
	int err = 0;

	if (size > fs->max_bytes)
		return -EFBIG;
	if (!(n->flags & (EXT4_FL_EXTENTS | EXT4_FL_INLINE_DATA)))
		return -EOPNOTSUPP;
	if (size < n->size && tail)
		err = ext4_zero_range(n, size, fs->block_bytes - tail);
	if (!err)
		err = cut(n, size, now, &next);
	if (err || next == 1ull << 32)
		return err;
	err = ext4_remove_blocks(n, next, 1ull << 32);
	if (!err)
		err = ext4_tx_begin(fs, EXT4_CR_ORPHAN + EXT4_CR_INODE, &h);
	return err ? err : ext4_tx_end(&h, ext4_orphan_del(&h, n));
}

static int free_inode(struct ext4_handle *h, struct ext4_node *n)
{
	int err = ext4_xattr_free_all(h, n);

	if (!err)
		err = ext4_orphan_del(h, n);
	if (err)
		return err;
	n->size = 0;
	n->dtime = (u32)(env_time() / 1000000000);
	if (!n->dtime)
		n->dtime = 1;
	err = ext4_node_write(h, n);
	ext4_node_leave(n);
	return err ? err : ext4_ifree(h, n->ino, ext4_is_dir(n));
}

int ext4_delete(struct ext4_node *n)
{
	struct ext4_handle h;
	int err = 0;

	if (n->flags & EXT4_FL_EXTENTS)
		err = ext4_remove_blocks(n, 0, 1ull << 32);
	if (!err)
		err = ext4_tx_begin(n->fs, EXT4_CR_XATTR + EXT4_CR_ORPHAN + 8, &h);
	if (err)
		return err;
	env_mutex_lock(&n->lock);
	err = free_inode(&h, n);
	env_mutex_unlock(&n->lock);
	return ext4_tx_end(&h, err);
}
