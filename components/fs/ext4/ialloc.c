/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocating inodes, in the manner of Orlov: directories below the root are spread over the disk,
 * other directories stay near their parent while there is room for what they will hold, files go
 * to their directory's group, or to one that its number chooses when that is full.
 */
#include "impl.h"
#include <lib/hash.h>

static bool roomy(const struct ext4 *fs, u32 g, u64 min_inodes, u64 min_blocks)
{
	const struct ext4_group *grp = ext4_group(fs, g);

	return READ_ONCE(grp->free_inodes) >= max_t(u64, min_inodes, 1) && !grp->bad_inodes &&
	       READ_ONCE(grp->free) >= min_blocks;
}

static u32 group_for_dir(struct ext4 *fs, const struct ext4_node *parent)
{
	u64 inodes = READ_ONCE(fs->free_inodes) / fs->ngroups,
	    blocks = READ_ONCE(fs->free_blocks) / fs->ngroups;
	u32 g = (parent->ino - 1) / fs->inodes_per_group, best = U32_MAX;

	if (parent->ino == EXT4_ROOT_INO) {
		g = (u32)(__atomic_fetch_add(&fs->dir_hint, 1, __ATOMIC_RELAXED) % fs->ngroups);
		for (u32 i = 0; i < fs->ngroups; i++) {
			u32 at = (g + i) % fs->ngroups;

			if (roomy(fs, at, inodes, blocks) &&
				(best == U32_MAX ||
					READ_ONCE(ext4_group(fs, at)->used_dirs) <
						READ_ONCE(ext4_group(fs, best)->used_dirs)))
				best = at;
		}
		return best == U32_MAX ? g : best;
	}
	for (u32 i = 0; i < fs->ngroups; i++) {
		u32 at = (g + i) % fs->ngroups;

		if (roomy(fs, at, inodes - inodes / 4, blocks - blocks / 4))
			return at;
	}
	return g;
}

static u32 group_for_file(struct ext4 *fs, const struct ext4_node *parent)
{
	u32 g = (parent->ino - 1) / fs->inodes_per_group;

	if (roomy(fs, g, 1, 1))
		return g;
	for (u32 i = 1, at = (g + parent->ino) % fs->ngroups; i < fs->ngroups; i <<= 1) {
		at = (at + i) % fs->ngroups;
		if (roomy(fs, at, 1, 1))
			return at;
	}
	return g;
}

static int put_bitmap(
	struct ext4_handle *h, u32 g, struct ext4_buf *b, u32 i, bool use, struct ext4_desc *d)
{
	struct ext4 *fs = h->fs;
	u32 csum;

	ext4_tx_access(h, b);
	if (use)
		b->data[i / 8] |= (u8)(1u << (i & 7));
	else
		b->data[i / 8] &= (u8) ~(1u << (i & 7));
	if (fs->csum) {
		csum = ext4_bitmap_csum(fs, b->data, fs->inodes_per_group / 8);
		d->inode_csum_lo = cpu_to_le16((u16)csum);
		d->inode_csum_hi = cpu_to_le16((u16)(csum >> 16));
	}
	return 0;
}

/* Used and free inodes and directories of the descriptor. */
static void put_counts(
	struct ext4 *fs, struct ext4_group *grp, struct ext4_desc *d, int inodes, int dirs)
{
	u32 free = ext4_desc_free_inodes(fs, d) - (u32)inodes,
	    used = ext4_desc_dirs(fs, d) + (u32)dirs;

	d->free_inodes_lo = cpu_to_le16((u16)free);
	d->free_inodes_hi = cpu_to_le16((u16)(free >> 16));
	d->used_dirs_lo = cpu_to_le16((u16)used);
	d->used_dirs_hi = cpu_to_le16((u16)(used >> 16));
	WRITE_ONCE(grp->free_inodes, free);
	WRITE_ONCE(grp->used_dirs, used);
	__atomic_sub_fetch(&fs->free_inodes, (u64)(s64)inodes, __ATOMIC_RELAXED);
	__atomic_add_fetch(&fs->ndirs, (u64)(s64)dirs, __ATOMIC_RELAXED);
}

/* An inode's group has a block bitmap on the disk, as others expect. */
static int init_blocks(struct ext4_handle *h, u32 g, struct ext4_desc *d)
{
	struct ext4 *fs = h->fs;
	struct ext4_buf *b;
	u32 csum;
	int err;

	if (!(fs->csum || fs->gdt_csum) || !(le16_to_cpu(d->flags) & EXT4_BG_BLOCK_UNINIT))
		return 0;
	err = ext4_block_bitmap(fs, g, d, &b);
	if (err)
		return err;
	ext4_tx_access(h, b);
	d->flags = cpu_to_le16(le16_to_cpu(d->flags) & (u16)~EXT4_BG_BLOCK_UNINIT);
	if (fs->csum) {
		csum = ext4_bitmap_csum(fs, b->data, fs->blocks_per_group / 8);
		d->block_csum_lo = cpu_to_le16((u16)csum);
		d->block_csum_hi = cpu_to_le16((u16)(csum >> 16));
	}
	ext4_brelse(b);
	return 0;
}

static u32 find_free(const struct ext4 *fs, u32 g, const u8 *bits)
{
	u32 i = g ? 0 : fs->first_ino - 1;

	for (; i < fs->inodes_per_group; i++) {
		if (!(i & 7) && bits[i / 8] == 0xff)
			i += 7;
		else if (!(bits[i / 8] & 1u << (i & 7)))
			return i;
	}
	return U32_MAX;
}

static int take(struct ext4_handle *h, u32 g, bool dir, u32 *out_ino)
{
	struct ext4 *fs = h->fs;
	struct ext4_group *grp = ext4_group(fs, g);
	struct ext4_buf *dbuf, *b = NULL;
	struct ext4_desc d;
	u32 i = 0, unused;
	int err = ext4_desc_change(h, g, &dbuf, &d);

	if (err)
		return err;
	err = ext4_inode_bitmap(fs, g, &d, &b);
	if (!err) {
		i = find_free(fs, g, b->data);
		err = i == U32_MAX || !ext4_desc_free_inodes(fs, &d) ? -ENOSPC
								     : init_blocks(h, g, &d);
	}
	if (err) {
		ext4_brelse(b);
		ext4_brelse(dbuf);
		return err;
	}
	err = put_bitmap(h, g, b, i, true, &d);
	unused = ext4_desc_unused(fs, &d);
	if (fs->inodes_per_group - unused < i + 1)
		unused = fs->inodes_per_group - i - 1;
	if (fs->csum || fs->gdt_csum) {
		d.itable_unused_lo = cpu_to_le16((u16)unused);
		d.itable_unused_hi = cpu_to_le16((u16)(unused >> 16));
	}
	d.flags = cpu_to_le16(le16_to_cpu(d.flags) & (u16)~EXT4_BG_INODE_UNINIT);
	put_counts(fs, grp, &d, 1, dir);
	ext4_desc_put(h, g, dbuf, &d);
	ext4_brelse(b);
	*out_ino = g * fs->inodes_per_group + i + 1;
	return err;
}

int ext4_ialloc(struct ext4_handle *h, struct ext4_node *parent, u32 mode, u32 *out_ino)
{
	struct ext4 *fs = h->fs;
	bool dir = (mode & 0170000) == 0040000;
	u32 first = dir ? group_for_dir(fs, parent) : group_for_file(fs, parent);

	for (u32 i = 0; i < fs->ngroups; i++) {
		u32 g = (first + i) % fs->ngroups;
		struct ext4_group *grp = ext4_group(fs, g);
		int err;

		if (!READ_ONCE(grp->free_inodes) || grp->bad_inodes)
			continue;
		env_mutex_lock(&grp->lock);
		err = take(h, g, dir, out_ino);
		if (err == -EUCLEAN || err == -ENOSPC)
			grp->bad_inodes |= err == -EUCLEAN;
		env_mutex_unlock(&grp->lock);
		if (err != -ENOSPC)
			return err;
	}
	return -ENOSPC;
}

int ext4_ifree(struct ext4_handle *h, u32 ino, bool was_dir)
{
	struct ext4 *fs = h->fs;
	u32 g = (ino - 1) / fs->inodes_per_group, i = (ino - 1) % fs->inodes_per_group;
	struct ext4_group *grp = ext4_group(fs, g);
	struct ext4_buf *dbuf, *b = NULL;
	struct ext4_desc d;
	int err;

	env_mutex_lock(&grp->lock);
	err = ext4_desc_change(h, g, &dbuf, &d);
	if (!err) {
		err = ext4_inode_bitmap(fs, g, &d, &b);
		if (!err && !(b->data[i / 8] & 1u << (i & 7)))
			err = ext4_error(fs, ino, "is free already");
		if (!err)
			err = put_bitmap(h, g, b, i, false, &d);
		if (!err) {
			put_counts(fs, grp, &d, -1, was_dir ? -1 : 0);
			ext4_desc_put(h, g, dbuf, &d);
		} else {
			ext4_brelse(dbuf);
		}
		ext4_brelse(b);
	}
	env_mutex_unlock(&grp->lock);
	return err;
}
