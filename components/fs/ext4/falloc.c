/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fallocate in all its modes [man fallocate(2)], and where data is: SEEK_DATA, SEEK_HOLE, FIEMAP.
 * The page cache has written and dropped what it had of a range before it is punched, zeroed or
 * moved. Unwritten extents count as holes here; whether a page above one is dirty, the cache knows.
 */
#include "impl.h"
#include <linux/falloc.h>
#include <linux/fiemap.h>

#define CREDITS (EXT4_CR_EXTENT + EXT4_CR_INODE + EXT4_CR_ALLOC)

static int set_size(struct ext4_node *n, u64 size, const struct fsys_cred *who)
{
	struct ext4_handle h;
	int err = ext4_tx_begin(n->fs, EXT4_CR_INODE, &h);

	if (err)
		return err;
	env_mutex_lock(&n->lock);
	WRITE_ONCE(n->size, size);
	ext4_node_touch(n, &who->now, true);
	__atomic_store_n(&n->datasync_tid, h.tx->tid, __ATOMIC_RELEASE);
	err = ext4_node_write(&h, n);
	env_mutex_unlock(&n->lock);
	return ext4_tx_end(&h, err);
}

/* One piece from *@at on: mapped already, or allocated unwritten. */
static int fill_piece(struct ext4_node *n, u32 *at, u32 end, const struct fsys_cred *who)
{
	struct ext4_handle h;
	struct ext4_map m = {0};
	unsigned tries = 0;
	int err;

	do {
		err = ext4_tx_begin(n->fs, CREDITS, &h);
		if (err)
			return err;
		env_mutex_lock(&n->lock);
		err = ext4_map(n, *at, &m);
		m.len = min(m.len, end - *at);
		if (!err && !m.pblk) {
			m.unwritten = true;
			err = ext4_extent_alloc(
				&h, n, &m, who->may_use_reserve ? EXT4_ALLOC_ROOT : 0);
		}
		env_mutex_unlock(&n->lock);
		err = ext4_tx_end(&h, err);
	} while (ext4_space_retry(n->fs, err, &tries));
	if (!err)
		*at += m.len;
	return err;
}

static int fill_range(struct ext4_node *n, u64 off, u64 len, const struct fsys_cred *who)
{
	u32 at = (u32)(off >> n->fs->block_bits), end = (u32)ext4_blocks_of(n->fs, off + len);
	int err = 0;

	while (!err && at < end)
		err = fill_piece(n, &at, end, who);
	return err;
}

/* Whole blocks inside of the range: first and end. */
static void inner(const struct ext4_node *n, u64 off, u64 len, u64 *from, u64 *to)
{
	*from = ext4_blocks_of(n->fs, off);
	*to = max((off + len) >> n->fs->block_bits, *from);
}

static int punch(struct ext4_node *n, u64 off, u64 len)
{
	u64 from, to;
	int err = ext4_zero_range(n, off, len);

	inner(n, off, len, &from, &to);
	return err ? err : ext4_remove_blocks(n, from, to);
}

static int zero(struct ext4_node *n, u64 off, u64 len, const struct fsys_cred *who)
{
	u64 from, to;
	int err = ext4_zero_range(n, off, len);

	inner(n, off, len, &from, &to);
	while (!err && from < to) {
		struct ext4_handle h;
		struct ext4_map m = {0};

		err = ext4_tx_begin(n->fs, CREDITS, &h);
		if (err)
			break;
		env_mutex_lock(&n->lock);
		err = ext4_map(n, (u32)from, &m);
		m.len = (u32)min_t(u64, m.len, min_t(u64, to - from, EXT4_EXT_MAX_LEN - 1));
		if (!err && m.pblk && !m.unwritten)
			err = ext4_extent_convert(&h, n, (u32)from, m.len, true);
		env_mutex_unlock(&n->lock);
		err = ext4_tx_end(&h, err);
		from += m.len;
	}
	return err ? err : fill_range(n, off, len, who);
}

static int shift(struct ext4_node *n, u64 from, s64 delta)
{
	u64 cursor = delta > 0 ? 1ull << 32 : 0;
	bool done = false;
	int err = 0;

	while (!err && !done) {
		struct ext4_handle h;

		err = ext4_tx_begin(n->fs, EXT4_CR_EXTENT, &h);
		if (err)
			break;
		env_mutex_lock(&n->lock);
		err = ext4_extent_shift(&h, n, (u32)from, delta, &cursor, &done);
		env_mutex_unlock(&n->lock);
		err = ext4_tx_end(&h, err);
	}
	return err;
}

static int collapse(struct ext4_node *n, u64 off, u64 len, const struct fsys_cred *who)
{
	u32 bits = n->fs->block_bits;
	int err;

	if ((off | len) & (n->fs->block_bytes - 1) || off + len >= n->size)
		return -EINVAL;
	err = ext4_remove_blocks(n, off >> bits, (off + len) >> bits);
	if (!err)
		err = shift(n, (off + len) >> bits, -(s64)(len >> bits));
	return err ? err : set_size(n, n->size - len, who);
}

static int insert(struct ext4_node *n, u64 off, u64 len, const struct fsys_cred *who)
{
	u32 bits = n->fs->block_bits;
	int err;

	if ((off | len) & (n->fs->block_bytes - 1) || off >= n->size)
		return -EINVAL;
	if (n->size + len > n->fs->max_bytes)
		return -EFBIG;
	/* What lies behind the end of the file would be shifted out of the number space. */
	err = ext4_remove_blocks(n, ext4_blocks_of(n->fs, n->size), 1ull << 32);
	if (!err)
		err = set_size(n, n->size + len, who);
	return err ? err : shift(n, off >> bits, (s64)(len >> bits));
}

static int prepare(struct ext4_node *n)
{
	struct ext4_handle h;
	int err;

	if (!ext4_is_inline(n))
		return n->flags & EXT4_FL_EXTENTS ? 0 : -EOPNOTSUPP;
	err = ext4_tx_begin(n->fs, CREDITS + EXT4_CR_XATTR, &h);
	if (err)
		return err;
	env_mutex_lock(&n->lock);
	err = ext4_inline_convert(&h, n);
	env_mutex_unlock(&n->lock);
	return ext4_tx_end(&h, err);
}

int ext4_fallocate(struct ext4_node *n, u32 mode, u64 off, u64 len, const struct fsys_cred *who)
{
	u32 what = mode & ~(u32)FALLOC_FL_KEEP_SIZE;
	u64 end = off + len;
	int err;

	if (!len || end < off)
		return -EINVAL;
	if (!ext4_is_reg(n))
		return -EOPNOTSUPP;
	if (end > n->fs->max_bytes)
		return -EFBIG;
	err = prepare(n);
	if (err)
		return err;
	switch (what) {
	case 0: err = fill_range(n, off, len, who); break;
	case FALLOC_FL_PUNCH_HOLE:
		return mode & FALLOC_FL_KEEP_SIZE ? punch(n, off, len) : -EOPNOTSUPP;
	case FALLOC_FL_ZERO_RANGE: err = zero(n, off, len, who); break;
	case FALLOC_FL_COLLAPSE_RANGE:
		return mode == what ? collapse(n, off, len, who) : -EOPNOTSUPP;
	case FALLOC_FL_INSERT_RANGE: return mode == what ? insert(n, off, len, who) : -EOPNOTSUPP;
	default: return -EOPNOTSUPP;
	}
	if (!err && !(mode & FALLOC_FL_KEEP_SIZE) && end > n->size)
		err = set_size(n, end, who);
	return err;
}

/* ---- where data is ---- */

int ext4_seek(struct ext4_node *n, u64 off, u32 whence, u64 *out)
{
	bool want_data = whence == 3; /* SEEK_DATA; 4: SEEK_HOLE */
	u64 at = off;
	int err = 0;

	if (whence != 3 && whence != 4)
		return -EINVAL;
	env_mutex_lock(&n->lock);
	if (off >= n->size)
		err = -ENXIO;
	while (!err && at < n->size && !ext4_is_inline(n)) {
		struct ext4_map m = {0};
		bool data;

		err = ext4_map(n, (u32)(at >> n->fs->block_bits), &m);
		data = m.pblk && !m.unwritten;
		if (err || data == want_data)
			break;
		at = (u64)((u64)m.lblk + m.len) << n->fs->block_bits;
	}
	if (ext4_is_inline(n) && !want_data)
		at = n->size;
	if (!err && at >= n->size) {
		at = n->size;
		err = want_data ? -ENXIO : 0;
	}
	env_mutex_unlock(&n->lock);
	if (!err)
		*out = at;
	return err;
}

/* The next extent at or behind @at. -ENOENT: there is none. */
static int next_extent(struct ext4_node *n, u64 at, struct ext4_map *m)
{
	/* Behind the end of the file are only extents; a map of blocks ends there. */
	u64 end = n->flags & EXT4_FL_EXTENTS ? U32_MAX : ext4_blocks_of(n->fs, n->size);

	while (at < end) {
		int err = ext4_map(n, (u32)at, m);

		if (err || m->pblk)
			return err;
		at = (u64)m->lblk + m->len;
	}
	return -ENOENT;
}

#define BATCH 16

static int map_batch(struct ext4_node *n, u64 off, struct fsys_extent *out, u32 max, u32 *out_n)
{
	u32 bits = n->fs->block_bits, k = 0;
	struct ext4_map m = {0};
	int err;

	*out_n = 0;
	if (ext4_is_inline(n)) {
		if (off < n->size) {
			out[0] = (struct fsys_extent){.len = n->size,
				.flags = FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_NOT_ALIGNED |
					 FIEMAP_EXTENT_LAST};
			*out_n = 1;
		}
		return 0;
	}
	err = next_extent(n, off >> bits, &m);
	while (!err && k < max) {
		struct fsys_extent *e = &out[k++];

		*e = (struct fsys_extent){.off = (u64)m.lblk << bits,
			.phys = m.pblk << bits,
			.len = (u64)m.len << bits,
			.flags = m.unwritten ? FIEMAP_EXTENT_UNWRITTEN : 0};
		err = next_extent(n, (u64)m.lblk + m.len, &m);
		if (err == -ENOENT)
			e->flags |= FIEMAP_EXTENT_LAST;
	}
	*out_n = k;
	return err == -ENOENT ? 0 : err;
}

int ext4_fiemap(struct ext4_node *n, u64 off, struct iobuf *to, u32 *out_n)
{
	struct fsys_extent batch[BATCH];
	u32 total = 0, got;
	int err;

	*out_n = 0;
	do {
		u32 want = (u32)min_t(size_t, to->left / sizeof(batch[0]), BATCH);

		if (!want)
			break;
		env_mutex_lock(&n->lock);
		err = map_batch(n, off, batch, want, &got);
		env_mutex_unlock(&n->lock);
		if (err)
			return err;
		if (iobuf_put(to, batch, got * sizeof(batch[0])) < got * sizeof(batch[0]))
			return -EFAULT;
		total += got;
		if (got)
			off = batch[got - 1].off + batch[got - 1].len;
	} while (got && !(batch[got - 1].flags & FIEMAP_EXTENT_LAST));
	*out_n = total;
	return 0;
}
