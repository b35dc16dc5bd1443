/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks for a file: where to look for them, and a file's blocks as metadata. */
#include "impl.h"

static u64 goal_of(struct ext4_node *n, u32 lblk)
{
	struct ext4_path p;
	u64 goal = 0;

	if (!ext4_path_find(n, lblk, &p)) {
		struct ext4_path_at *leaf = &p.at[p.depth];

		if (leaf->pos >= 0) {
			struct ext4_ext_leaf *e = ext4_leaf(leaf->h, leaf->pos);

			goal = ext4_leaf_start(e) + (lblk - le32_to_cpu(e->block));
		}
		ext4_path_release(&p);
	}
	if (!goal || goal >= n->fs->nblocks)
		goal = n->last_alloc
			       ? n->last_alloc
			       : ext4_group_first(n->fs, (n->ino - 1) / n->fs->inodes_per_group);
	return goal;
}

int ext4_extent_alloc(struct ext4_handle *h, struct ext4_node *n, struct ext4_map *m, u32 flags)
{
	u32 len;
	int err = ext4_balloc(
		h, goal_of(n, m->lblk), min(m->len, EXT4_EXT_MAX_LEN - 1u), flags, &m->pblk, &len);

	if (err)
		return err;
	m->len = len;
	n->blocks += (u64)len << (n->fs->block_bits - 9);
	err = ext4_extent_insert(h, n, m, flags);
	if (err == -ENOSPC || err == -EFBIG) {
		int free_err = ext4_bfree(h, m->pblk, len, false);

		n->blocks -= (u64)len << (n->fs->block_bits - 9);
		return free_err ? free_err : err;
	}
	if (!err) {
		n->last_alloc = m->pblk + len;
		err = ext4_node_write(h, n);
	}
	return err;
}

int ext4_node_bread(struct ext4_node *n, u32 lblk, struct ext4_buf **out)
{
	struct ext4_map m;
	int err = ext4_map(n, lblk, &m);

	if (err)
		return err;
	if (!m.pblk || m.unwritten)
		return ext4_error(n->fs, n->ino, "block %u is missing", lblk);
	return ext4_bread(n->fs, m.pblk, out);
}

int ext4_node_bnew(struct ext4_handle *h, struct ext4_node *n, u32 lblk, struct ext4_buf **out)
{
	struct ext4_map m = {.lblk = lblk, .len = 1};
	int err;

	if (!(n->flags & EXT4_FL_EXTENTS))
		return -EOPNOTSUPP;
	err = ext4_extent_alloc(h, n, &m, 0);
	if (err)
		return err;
	err = ext4_bnew(n->fs, m.pblk, out);
	if (err)
		return err;
	ext4_tx_access(h, *out);
	if (n->size < (u64)(lblk + 1) << n->fs->block_bits) {
		n->size = (u64)(lblk + 1) << n->fs->block_bits;
		err = ext4_node_write(h, n);
	}
	if (err)
		ext4_brelse(*out);
	return err;
}
