/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checksums of metadata: crc32c, begun with the file system's seed (of its uuid, or the
 * superblock's own) and what says whose block it is; before metadata_csum a crc16 of group
 * descriptors alone. A field that holds a checksum counts as zero.
 */
#include "impl.h"
#include <lib/crc.h>

static u32 crc_u32(u32 seed, u32 v)
{
	struct le32 x = cpu_to_le32(v);

	return crc32c_update(seed, &x, sizeof(x));
}

u32 ext4_uuid_seed(const u8 uuid[16])
{
	return crc32c_update(~0u, uuid, 16);
}

u32 ext4_inode_seed(const struct ext4 *fs, u32 ino, u32 generation)
{
	return crc_u32(crc_u32(fs->csum_seed, ino), generation);
}

static u32 super_csum(const struct ext4_super *sb)
{
	return crc32c_update(~0u, sb, offsetof(struct ext4_super, checksum));
}

void ext4_super_csum_set(const struct ext4 *fs, struct ext4_super *sb)
{
	if (fs->csum)
		sb->checksum = cpu_to_le32(super_csum(sb));
}

bool ext4_super_csum_ok(const struct ext4_super *sb)
{
	return le32_to_cpu(sb->checksum) == super_csum(sb);
}

u16 ext4_desc_csum(const struct ext4 *fs, u32 group, const struct ext4_desc *d)
{
	const u32 at = offsetof(struct ext4_desc, checksum);
	const u8 *bytes = (const u8 *)d;
	struct le32 g = cpu_to_le32(group);
	const u16 zero = 0;

	if (fs->csum) {
		u32 c = crc32c_update(crc_u32(fs->csum_seed, group), bytes, at);

		c = crc32c_update(c, &zero, 2);
		return (u16)crc32c_update(c, bytes + at + 2, min(fs->desc_size, 64u) - at - 2u);
	}
	if (fs->gdt_csum) {
		u16 c = crc16_update(0xffff, fs->uuid, sizeof(fs->uuid));

		c = crc16_update(c, &g, 4);
		c = crc16_update(c, bytes, at);
		if (fs->desc_size > EXT4_DESC_SMALL)
			c = crc16_update(c, bytes + at + 2, min(fs->desc_size, 64u) - at - 2u);
		return c;
	}
	return 0;
}

u32 ext4_bitmap_csum(const struct ext4 *fs, const void *bitmap, u32 bytes)
{
	return crc32c_update(fs->csum_seed, bitmap, bytes);
}

u32 ext4_inode_csum(const struct ext4 *fs, u32 ino, const struct ext4_raw_inode *raw)
{
	const u32 lo = offsetof(struct ext4_raw_inode, checksum_lo);
	const u32 hi = offsetof(struct ext4_raw_inode, checksum_hi);
	const u8 *bytes = (const u8 *)raw;
	const u16 zero = 0;
	u32 c = ext4_inode_seed(fs, ino, le32_to_cpu(raw->generation));

	c = crc32c_update(c, bytes, lo);
	c = crc32c_update(c, &zero, 2);
	c = crc32c_update(c, bytes + lo + 2, EXT4_OLD_INODE - lo - 2);
	if (fs->inode_size > EXT4_OLD_INODE) {
		bool has_hi = EXT4_OLD_INODE + (u32)le16_to_cpu(raw->extra_isize) >= hi + 2;

		c = crc32c_update(c, bytes + EXT4_OLD_INODE, 2);
		c = crc32c_update(c, has_hi ? (const u8 *)&zero : bytes + hi, 2u);
		c = crc32c_update(c, bytes + hi + 2, fs->inode_size - hi - 2);
		if (!has_hi)
			c &= 0xffff;
	} else {
		c &= 0xffff;
	}
	return c;
}

bool ext4_inode_csum_ok(const struct ext4 *fs, u32 ino, const struct ext4_raw_inode *raw)
{
	u32 c, stored = le16_to_cpu(raw->checksum_lo);

	if (!fs->csum)
		return true;
	c = ext4_inode_csum(fs, ino, raw);
	if (fs->inode_size > EXT4_OLD_INODE && le16_to_cpu(raw->extra_isize) >= 4)
		stored |= (u32)le16_to_cpu(raw->checksum_hi) << 16;
	return c == stored;
}

void ext4_inode_csum_set(const struct ext4 *fs, u32 ino, struct ext4_raw_inode *raw)
{
	u32 c;

	if (!fs->csum)
		return;
	c = ext4_inode_csum(fs, ino, raw);
	raw->checksum_lo = cpu_to_le16((u16)c);
	if (fs->inode_size > EXT4_OLD_INODE && le16_to_cpu(raw->extra_isize) >= 4)
		raw->checksum_hi = cpu_to_le16((u16)(c >> 16));
}

u32 ext4_extent_csum(const struct ext4_node *n, const struct ext4_ext_header *h, u32 tail_off)
{
	return crc32c_update(ext4_inode_seed(n->fs, n->ino, n->generation), h, tail_off);
}

u32 ext4_dir_csum(const struct ext4_node *dir, const void *block)
{
	return crc32c_update(ext4_inode_seed(dir->fs, dir->ino, dir->generation), block,
		dir->fs->block_bytes - sizeof(struct ext4_dir_tail));
}

u32 ext4_dx_csum(
	const struct ext4_node *dir, const void *block, u32 table_off, u32 count, u32 limit)
{
	const u8 *bytes = block;
	u32 tail = table_off + limit * (u32)sizeof(struct ext4_dx_entry);
	u32 c = ext4_inode_seed(dir->fs, dir->ino, dir->generation);

	c = crc32c_update(c, bytes, table_off + count * sizeof(struct ext4_dx_entry));
	c = crc32c_update(c, bytes + tail, 4);
	return crc_u32(c, 0);
}

u32 ext4_xattr_csum(const struct ext4 *fs, u64 block, const void *data)
{
	const u32 at = offsetof(struct ext4_xattr_header, checksum);
	struct le64 nr = cpu_to_le64(block);
	u32 c = crc32c_update(fs->csum_seed, &nr, 8);

	c = crc_u32(crc32c_update(c, data, at), 0);
	return crc32c_update(c, (const u8 *)data + at + 4, fs->block_bytes - at - 4);
}
