/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of ext2 and ext3, mapped by blocks of block numbers: read only. 12 direct ones in the
 * inode, then one that points to a block of them, one to a block of those, and one level more.
 */
#include "impl.h"

static int follow(struct ext4_node *n, u64 block, u32 slot, u32 *out)
{
	struct ext4_buf *b;
	int err;

	*out = 0;
	if (!block)
		return 0;
	if (!ext4_data_valid(n->fs, block, 1))
		return ext4_error(n->fs, n->ino, "block map leads to block %llu", block);
	err = ext4_bread(n->fs, block, &b);
	if (err)
		return err;
	*out = load_le32(b->data + slot * 4);
	ext4_brelse(b);
	return 0;
}

int ext4_indirect_map(struct ext4_node *n, u32 lblk, struct ext4_map *out)
{
	u32 bits = n->fs->block_bits - 2, levels = 0, block;
	u64 in = lblk;
	int err = 0;

	if (lblk < 12) {
		block = load_le32(n->block + lblk * 4);
	} else {
		in -= 12;
		for (levels = 1; levels <= 3 && in >> (levels * bits); levels++)
			in -= 1ull << (levels * bits);
		if (levels > 3)
			return -EFBIG;
		block = load_le32(n->block + (11 + levels) * 4);
	}
	for (u32 i = levels; !err && i-- > 0;)
		err = follow(n, block, (u32)(in >> (i * bits)) & ((1u << bits) - 1), &block);
	if (err)
		return err;
	if (block && !ext4_data_valid(n->fs, block, 1))
		return ext4_error(n->fs, n->ino, "block map leads to block %u", block);
	*out = (struct ext4_map){.lblk = lblk, .len = 1, .pblk = block};
	return 0;
}
