/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of ext2 and ext3, mapped by blocks of block numbers: read only. 12 direct ones in the
 * inode, then one that points to a block of them, one to a block of those, and one level more.
 */
#include "impl.h"

struct step {
	u32 block; /* what the slot says */
	u32 run;   /* slots from it on that go on like it: holes, or blocks in a row */
};

static void read_slots(const u8 *slots, u32 n, u32 at, struct step *out)
{
	u32 first = load_le32(slots + at * 4), k = 1;

	while (at + k < n && load_le32(slots + (at + k) * 4) == (first ? first + k : 0))
		k++;
	*out = (struct step){first, k};
}

static int follow(struct ext4_node *n, u64 block, u32 slot, struct step *out)
{
	struct ext4_buf *b;
	int err;

	if (!ext4_data_valid(n->fs, block, 1))
		return ext4_error(n->fs, n->ino, "block map leads to block %llu", block);
	err = ext4_bread(n->fs, block, &b);
	if (err)
		return err;
	read_slots(b->data, n->fs->block_bytes / 4, slot, out);
	ext4_brelse(b);
	return 0;
}

int ext4_indirect_map(struct ext4_node *n, u32 lblk, struct ext4_map *out)
{
	u32 bits = n->fs->block_bits - 2, level = 0;
	struct step s;
	u64 in = lblk, len;
	int err = 0;

	if (lblk < 12) {
		read_slots(n->block, 12, lblk, &s);
	} else {
		in -= 12;
		for (level = 1; level <= 3 && in >> (level * bits); level++)
			in -= 1ull << (level * bits);
		if (level > 3)
			return -EFBIG;
		s = (struct step){load_le32(n->block + (11 + level) * 4), 1};
	}
	while (!err && level > 0 && s.block) {
		level--;
		err = follow(n, s.block, (u32)(in >> (level * bits)) & ((1u << bits) - 1), &s);
	}
	if (err)
		return err;
	/* A hole above the leaves is as long as what would be below it. */
	len = level ? ((u64)s.run << (level * bits)) - (in & ((1ull << (level * bits)) - 1))
		    : s.run;
	if (s.block && !ext4_data_valid(n->fs, s.block, len))
		return ext4_error(n->fs, n->ino, "block map leads to block %u", s.block);
	*out = (struct ext4_map){
		.lblk = lblk, .len = (u32)min_t(u64, len, U32_MAX - lblk), .pblk = s.block};
	return 0;
}
