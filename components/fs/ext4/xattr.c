/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes, read: an area in the inode behind its fields, and one block, which inodes
 * with the same attributes may share (refcount). An area is a row of entries that grows upwards to
 * four zero bytes; values lie where the entries say, or in an inode of their own (ea_inode).
 */
#include "xattr.h"

static const struct {
	u8 index;
	const char *prefix;
} prefixes[] = {{1, "user."}, {2, "system.posix_acl_access"}, {3, "system.posix_acl_default"},
	{4, "trusted."}, {6, "security."}, {8, "system.richacl"}, {7, "system."}};

u8 ext4_xattr_index(const char *name, u32 len, u32 *out_skip)
{
	for (u32 i = 0; i < ARRAY_SIZE(prefixes); i++) {
		u32 n = (u32)strlen(prefixes[i].prefix);
		bool whole = prefixes[i].prefix[n - 1] != '.';

		if (len >= n && (whole ? len == n : len > n) &&
			!memcmp(name, prefixes[i].prefix, n)) {
			*out_skip = n;
			return prefixes[i].index;
		}
	}
	return 0;
}

const char *ext4_xattr_prefix(u8 index)
{
	for (u32 i = 0; i < ARRAY_SIZE(prefixes); i++) {
		if (prefixes[i].index == index)
			return prefixes[i].prefix;
	}
	return NULL;
}

struct ext4_xattr_entry *ext4_xattr_next(const struct ext4_xattr_area *a, u32 *off)
{
	struct ext4_xattr_entry *e = (struct ext4_xattr_entry *)(a->data + *off);

	if (*off + 4 > a->bytes || !load_le32(e))
		return NULL;
	*off += ext4_xattr_need(e->name_len);
	return e;
}

/* Every entry and value lies inside, and no value among the entries. */
static bool area_ok(const struct ext4 *fs, const struct ext4_xattr_area *a)
{
	u32 off = a->first, end;

	for (;;) {
		const struct ext4_xattr_entry *e = (const struct ext4_xattr_entry *)(a->data + off);

		if (off + 4 > a->bytes)
			return false;
		if (!load_le32(e))
			break;
		if (off + sizeof(*e) > a->bytes || ext4_xattr_need(e->name_len) > a->bytes - off)
			return false;
		off += ext4_xattr_need(e->name_len);
	}
	end = off + 4;
	off = a->first;
	for (;;) {
		const struct ext4_xattr_entry *e = ext4_xattr_next(a, &off);
		u32 at, size;

		if (!e)
			return true;
		size = le32_to_cpu(e->value_size);
		at = le16_to_cpu(e->value_off) + a->value_base;
		if (e->value_ino.raw) {
			if (!ext4_has_incompat(fs, EXT4_I_EA_INODE) || size > 1u << 24)
				return false;
		} else if (size && (at < end || at > a->bytes || size > a->bytes - at)) {
			return false;
		}
	}
}

int ext4_xattr_inode_area(struct ext4_node *n, struct ext4_xattr_area *out)
{
	struct ext4 *fs = n->fs;
	struct ext4_raw_inode *raw;
	u32 start = EXT4_OLD_INODE + n->extra_isize;
	int err;

	*out = (struct ext4_xattr_area){0};
	if (fs->inode_size <= EXT4_OLD_INODE || start + 8 > fs->inode_size || !n->extra_isize)
		return -ENODATA;
	err = ext4_inode_locate(fs, n->ino, &out->buf, &raw);
	if (err)
		return err;
	out->data = (u8 *)raw + start;
	out->bytes = fs->inode_size - start;
	out->first = out->value_base = 4;
	if (load_le32(out->data) != EXT4_XATTR_MAGIC) {
		out->empty = true;
		return 0;
	}
	if (area_ok(fs, out))
		return 0;
	ext4_brelse(out->buf);
	return ext4_error(fs, n->ino, "the attributes in the inode are broken");
}

static bool block_ok(const struct ext4 *fs, const struct ext4_xattr_area *a)
{
	const struct ext4_xattr_header *h = (const struct ext4_xattr_header *)a->data;

	return le32_to_cpu(h->magic) == EXT4_XATTR_MAGIC && le32_to_cpu(h->blocks) == 1 &&
	       h->refcount.raw &&
	       (!fs->csum ||
		       le32_to_cpu(h->checksum) == ext4_xattr_csum(fs, a->buf->block, a->data)) &&
	       area_ok(fs, a);
}

int ext4_xattr_block_area(struct ext4_node *n, struct ext4_xattr_area *out)
{
	struct ext4 *fs = n->fs;
	bool ok = true;
	int err;

	*out = (struct ext4_xattr_area){0};
	if (!n->file_acl)
		return -ENODATA;
	err = ext4_bread(fs, n->file_acl, &out->buf);
	if (err)
		return err;
	out->data = out->buf->data;
	out->bytes = fs->block_bytes;
	out->first = sizeof(struct ext4_xattr_header);
	if (LOAD_ACQUIRE(out->buf->owner) == EXT4_XATTR_OWNER)
		return 0;
	env_mutex_lock(&fs->xattr_lock);
	if (out->buf->owner != EXT4_XATTR_OWNER) {
		ok = block_ok(fs, out);
		if (ok)
			STORE_RELEASE(out->buf->owner, EXT4_XATTR_OWNER);
	}
	env_mutex_unlock(&fs->xattr_lock);
	if (ok)
		return 0;
	ext4_brelse(out->buf);
	return ext4_error(fs, n->ino, "attribute block %llu is broken", n->file_acl);
}

struct ext4_xattr_entry *ext4_xattr_find(
	const struct ext4_xattr_area *a, u8 index, const char *name, u32 len)
{
	u32 off = a->first;
	struct ext4_xattr_entry *e;

	if (a->empty)
		return NULL;
	while ((e = ext4_xattr_next(a, &off))) {
		if (e->name_index == index && e->name_len == len && !memcmp(e->name, name, len))
			return e;
	}
	return NULL;
}

/* The value that has an inode of its own. */
static int read_ea_inode(struct ext4_node *n, const struct ext4_xattr_entry *e, u8 *to, u32 size)
{
	struct ext4_node *ea;
	int err = ext4_node_get(n->fs, le32_to_cpu(e->value_ino), NULL, &ea);

	if (err)
		return err == -ESTALE
			       ? ext4_error(n->fs, n->ino, "the inode of an attribute is free")
			       : err;
	if (!ext4_is_reg(ea) || !(ea->flags & EXT4_FL_EA_INODE) || ea->size != size)
		err = ext4_error(n->fs, ea->ino, "is not the inode of an attribute");
	for (u32 at = 0; !err && at < size; at += n->fs->block_bytes) {
		struct ext4_buf *b;

		err = ext4_node_bread(ea, at >> n->fs->block_bits, &b);
		if (!err) {
			memcpy(to + at, b->data, min(size - at, n->fs->block_bytes));
			ext4_brelse(b);
		}
	}
	ext4_node_put(ea, 1);
	return err;
}

static ssize_t get_from(struct ext4_node *n, const struct ext4_xattr_area *a, u8 index,
	const char *name, u32 len, void *to, size_t max)
{
	const struct ext4_xattr_entry *e = ext4_xattr_find(a, index, name, len);
	u32 size;
	int err = 0;

	if (!e)
		return -ENODATA;
	size = le32_to_cpu(e->value_size);
	if (to && size > max)
		return -ERANGE;
	if (to && e->value_ino.raw)
		err = read_ea_inode(n, e, to, size);
	else if (to)
		memcpy(to, a->data + a->value_base + le16_to_cpu(e->value_off), size);
	return err ? err : (ssize_t)size;
}

ssize_t ext4_xattr_get(
	struct ext4_node *n, u8 index, const char *name, u32 len, void *to, size_t max)
{
	struct ext4_xattr_area a;
	ssize_t got = ext4_xattr_inode_area(n, &a);

	if (!got) {
		got = get_from(n, &a, index, name, len, to, max);
		ext4_brelse(a.buf);
	}
	if (got != -ENODATA)
		return got;
	got = ext4_xattr_block_area(n, &a);
	if (!got) {
		got = get_from(n, &a, index, name, len, to, max);
		ext4_brelse(a.buf);
	}
	return got;
}

static int list_area(const struct ext4_xattr_area *a, char *to, size_t max, size_t *at)
{
	u32 off = a->first;
	const struct ext4_xattr_entry *e;

	if (a->empty)
		return 0;
	while ((e = ext4_xattr_next(a, &off))) {
		const char *prefix = ext4_xattr_prefix(e->name_index);
		size_t n;

		if (!prefix || (e->name_index == EXT4_XATTR_SYSTEM))
			continue; /* the file system's own */
		n = strlen(prefix);
		if (to) {
			if (*at + n + e->name_len + 1 > max)
				return -ERANGE;
			memcpy(to + *at, prefix, n);
			memcpy(to + *at + n, e->name, e->name_len);
			to[*at + n + e->name_len] = '\0';
		}
		*at += n + e->name_len + 1;
	}
	return 0;
}

ssize_t ext4_xattr_list(struct ext4_node *n, char *to, size_t max)
{
	struct ext4_xattr_area a;
	size_t at = 0;
	int err = ext4_xattr_inode_area(n, &a);

	if (!err) {
		err = list_area(&a, to, max, &at);
		ext4_brelse(a.buf);
	}
	if (err && err != -ENODATA)
		return err;
	err = ext4_xattr_block_area(n, &a);
	if (!err) {
		err = list_area(&a, to, max, &at);
		ext4_brelse(a.buf);
	}
	return err && err != -ENODATA ? err : (ssize_t)at;
}
