/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inline data: the first 60 bytes of a small file lie in inode.block, the rest is the value of the
 * attribute system.data. It is read as it is; whatever changes it makes it an ordinary file first.
 */
#include "impl.h"

int ext4_inline_rest(struct ext4_node *n, u8 **out, u32 *out_len)
{
	u8 *rest = env_alloc(EXT4_INLINE_MAX, 0);
	ssize_t got = rest ? ext4_xattr_get(n, EXT4_XATTR_SYSTEM, "data", 4, rest, EXT4_INLINE_MAX)
			   : -ENOMEM;

	*out = got > 0 ? rest : NULL;
	*out_len = got > 0 ? (u32)got : 0;
	if (rest && got <= 0)
		env_free(rest, EXT4_INLINE_MAX);
	return got < 0 && got != -ENODATA ? (int)got : 0;
}

int ext4_inline_read(struct ext4_node *n, u32 off, void *to, u32 len)
{
	u32 head = off < sizeof(n->block) ? min_t(u32, len, (u32)sizeof(n->block) - off) : 0, got;
	u8 *rest;
	int err;

	memset(to, 0, len);
	if (off < sizeof(n->block))
		memcpy(to, n->block + off, head);
	if (head == len)
		return 0;
	err = ext4_inline_rest(n, &rest, &got);
	if (err || !rest)
		return err;
	off = off + head - (u32)sizeof(n->block);
	if (off < got)
		memcpy((u8 *)to + head, rest + off, min(len - head, got - off));
	env_free(rest, EXT4_INLINE_MAX);
	return 0;
}

static int convert_file(struct ext4_handle *h, struct ext4_node *n, u8 *data)
{
	struct ext4 *fs = n->fs;
	struct ext4_map m = {.lblk = 0, .len = 1};
	u32 len;
	int err;

	ext4_extents_init(n);
	if (!n->size)
		return 0;
	err = ext4_balloc(h, n->last_alloc, 1, 0, &m.pblk, &len);
	/* On the disk before the transaction that shows it. */
	if (!err)
		err = ext4_rw(fs, BLK_WRITE, BLK_PRIO, m.pblk, 1, data);
	if (!err)
		err = ext4_extent_insert(h, n, &m, 0);
	if (!err)
		n->blocks += fs->block_bytes / 512;
	return err;
}

/* The entries behind "." and "..", in a row. */
static void copy_entries(struct ext4_node *dir, u8 *block, const u8 *from, u32 len)
{
	u32 next = 0, bytes = ext4_dir_leaf_bytes(dir->fs), at = 24;
	struct ext4_dirent *d, *last = (struct ext4_dirent *)(block + 12);

	while ((d = ext4_dirent_next(dir, (u8 *)from, len, &next))) {
		u32 size = ext4_dirent_need(d->name_len);

		if (!d->ino.raw || at + size > bytes)
			continue;
		last->rec_len = cpu_to_le16((u16)((u8 *)(block + at) - (u8 *)last));
		last = (struct ext4_dirent *)(block + at);
		memcpy(last, d, size);
		at += size;
	}
	last->rec_len = cpu_to_le16((u16)(bytes - (u32)((u8 *)last - block)));
	ext4_dir_csum_set(dir, block, 0);
}

static int convert_dir(struct ext4_handle *h, struct ext4_node *dir, u8 *data, u32 size)
{
	u32 parent = load_le32(data);
	struct ext4_buf *b;
	int err;

	if (!ext4_dirents_ok(dir->fs, data + 4, (u32)sizeof(dir->block) - 4) ||
		(size > sizeof(dir->block) && !ext4_dirents_ok(dir->fs, data + sizeof(dir->block),
						      size - (u32)sizeof(dir->block))))
		return ext4_error(dir->fs, dir->ino, "inline directory is broken");
	ext4_extents_init(dir);
	dir->size = 0;
	err = ext4_dir_init(h, dir, parent);
	if (err)
		return err;
	err = ext4_dir_block(dir, 0, &b);
	if (err)
		return err;
	ext4_tx_access(h, b);
	copy_entries(dir, b->data, data + 4, max(size, (u32)sizeof(dir->block)) - 4);
	ext4_brelse(b);
	return 0;
}

int ext4_inline_convert(struct ext4_handle *h, struct ext4_node *n)
{
	u8 *data, old_block[60];
	u32 size = (u32)n->size, flags = n->flags;
	int err;

	if (!ext4_is_inline(n))
		return 0;
	data = env_alloc(n->fs->block_bytes, ENV_ALLOC_ZERO);
	if (!data)
		return -ENOMEM;
	memcpy(old_block, n->block, sizeof(old_block));
	err = ext4_inline_read(n, 0, data, size);
	if (err)
		goto out;
	WRITE_ONCE(n->flags, flags & ~(u32)EXT4_FL_INLINE_DATA);
	err = ext4_is_dir(n) ? convert_dir(h, n, data, size) : convert_file(h, n, data);
	if (err) {
		memcpy(n->block, old_block, sizeof(old_block));
		WRITE_ONCE(n->flags, flags);
		n->size = size;
		goto out;
	}
	err = ext4_xattr_set(h, n, EXT4_XATTR_SYSTEM, "data", 4, NULL, 0, 0);
	if (err == -ENODATA)
		err = 0;
	ext4_map_forget(n);
	if (!err)
		err = ext4_node_write(h, n);
out:
	env_free(data, n->fs->block_bytes);
	return err;
}
