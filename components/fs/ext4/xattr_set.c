/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes, changed. An area is written anew as a whole from a list of its attributes:
 * entries upwards (sorted in the block), values downwards from the end. A block that other inodes
 * share is left to them and a copy is changed.
 */
#include "xattr.h"
#include <linux/xattr.h>
#include <lib/sort.h>

#define MAX_ITEMS 256

struct item {
	u8 index, len;
	const char *name;
	const u8 *value;
	u32 size;
};

struct items {
	u32 n;
	struct item at[MAX_ITEMS];
};

struct change {
	struct ext4_handle *h;
	struct ext4_node *n;
	struct item what; /* value NULL: remove */
	struct ext4_xattr_area inode, block;
	bool has_inode, has_block, in_inode, in_block;
	struct items *list;
	u8 *scratch; /* a block */
};

static u32 padded(u32 n)
{
	return (n + 3) & ~3u;
}

/* All of @a but the one that is changed. */
static int gather(struct change *c, const struct ext4_xattr_area *a)
{
	u32 off = a->first;
	struct ext4_xattr_entry *e;

	c->list->n = 0;
	while (!a->empty && (e = ext4_xattr_next(a, &off))) {
		struct item *to = &c->list->at[c->list->n];

		if (e->name_index == c->what.index && e->name_len == c->what.len &&
			!memcmp(e->name, c->what.name, e->name_len))
			continue;
		if (e->value_ino.raw)
			return -EOPNOTSUPP;
		if (c->list->n == MAX_ITEMS - 1)
			return -ENOSPC;
		*to = (struct item){e->name_index, e->name_len, e->name,
			a->data + a->value_base + le16_to_cpu(e->value_off),
			le32_to_cpu(e->value_size)};
		c->list->n++;
	}
	return 0;
}

static bool fits(const struct items *list, const struct ext4_xattr_area *a)
{
	u32 need = a->first + 4;

	for (u32 i = 0; i < list->n; i++) {
		if (list->at[i].size > a->bytes)
			return false;
		need += ext4_xattr_need(list->at[i].len) + padded(list->at[i].size);
	}
	return need <= a->bytes;
}

static u32 entry_hash(const struct item *it)
{
	u32 h = 0;

	for (u32 i = 0; i < it->len; i++)
		h = (h << 5) ^ (h >> 27) ^ (u8)it->name[i];
	for (u32 i = 0; i < it->size; i += 4) {
		u8 word[4] = {0};

		memcpy(word, it->value + i, min(it->size - i, 4u));
		h = (h << 16) ^ (h >> 16) ^ load_le32(word);
	}
	return h;
}

static int item_cmp(const void *a, const void *b, void *arg)
{
	const struct item *x = a, *y = b;

	if (x->index != y->index)
		return (int)x->index - y->index;
	if (x->len != y->len)
		return (int)x->len - y->len;
	return memcmp(x->name, y->name, x->len);
}

/* The list as an area of @a's shape, into scratch. Returns the hash of the whole. */
static u32 build(struct change *c, const struct ext4_xattr_area *a)
{
	u32 at = a->first, end = a->bytes, all = 0;
	bool none = false;

	memset(c->scratch, 0, a->bytes);
	for (u32 i = 0; i < c->list->n; i++) {
		const struct item *it = &c->list->at[i];
		struct ext4_xattr_entry *e = (struct ext4_xattr_entry *)(c->scratch + at);
		u32 hash = entry_hash(it);

		end -= padded(it->size);
		*e = (struct ext4_xattr_entry){.name_len = it->len,
			.name_index = it->index,
			.value_off = cpu_to_le16((u16)(it->size ? end - a->value_base : 0)),
			.value_size = cpu_to_le32(it->size),
			.hash = cpu_to_le32(hash)};
		memcpy(e->name, it->name, it->len);
		if (it->size)
			memcpy(c->scratch + end, it->value, it->size);
		at += ext4_xattr_need(it->len);
		none |= !hash;
		all = (all << 16) ^ (all >> 16) ^ hash;
	}
	return none ? 0 : all;
}

static void write_inode(struct change *c)
{
	unsigned long flags;

	(void)build(c, &c->inode);
	if (c->list->n)
		store_le32(c->scratch, EXT4_XATTR_MAGIC);
	ext4_tx_access(c->h, c->inode.buf);
	flags = env_spin_lock(&c->n->map_lock);
	memcpy(c->inode.data, c->scratch, c->inode.bytes);
	env_spin_unlock(&c->n->map_lock, flags);
}

/* 1 is the last inode's own, and stays so; more is xattr_lock's. */
static u32 refcount(const u8 *data)
{
	const struct ext4_xattr_header *h = (const struct ext4_xattr_header *)data;

	return le32_to_cpu((struct le32){READ_ONCE(h->refcount.raw)});
}

static void put_csum(struct ext4 *fs, u64 block, u8 *data)
{
	if (fs->csum)
		((struct ext4_xattr_header *)data)->checksum =
			cpu_to_le32(ext4_xattr_csum(fs, block, data));
}

/* This inode no longer uses its block. */
static int leave_block(struct ext4_handle *h, struct ext4_node *n, struct ext4_buf *b)
{
	u64 block = n->file_acl;
	u32 refs;

	n->file_acl = 0;
	n->blocks -= min_t(u64, n->blocks, n->fs->block_bytes / 512);
	env_mutex_lock(&n->fs->xattr_lock);
	refs = refcount(b->data);
	if (refs > 1) {
		ext4_tx_access(h, b);
		((struct ext4_xattr_header *)b->data)->refcount = cpu_to_le32(refs - 1);
		put_csum(n->fs, block, b->data);
	}
	env_mutex_unlock(&n->fs->xattr_lock);
	return refs > 1 ? 0 : ext4_bfree(h, block, 1, true);
}

/* The block for the new contents: the old one, or one of its own. */
static int own_block(struct change *c, struct ext4_buf **out)
{
	struct ext4_node *n = c->n;
	u64 block;
	u32 len;
	int err;

	if (c->has_block && refcount(c->block.data) == 1) {
		ext4_bget(c->block.buf);
		*out = c->block.buf;
		return 0;
	}
	err = ext4_balloc(c->h,
		n->last_alloc ? n->last_alloc
			      : ext4_group_first(n->fs, (n->ino - 1) / n->fs->inodes_per_group),
		1, EXT4_ALLOC_META, &block, &len);
	if (!err && c->has_block)
		err = leave_block(c->h, n, c->block.buf);
	if (!err)
		err = ext4_bnew(n->fs, block, out);
	if (err)
		return err;
	n->file_acl = block;
	n->blocks += n->fs->block_bytes / 512;
	return 0;
}

static int write_block(struct change *c)
{
	struct ext4_xattr_area shape = {
		.bytes = c->n->fs->block_bytes, .first = sizeof(struct ext4_xattr_header)};
	struct ext4_xattr_header *hdr = (struct ext4_xattr_header *)c->scratch;
	struct ext4_buf *b;
	u32 hash;
	int err;

	if (!c->list->n)
		return leave_block(c->h, c->n, c->block.buf);
	sort(c->list->at, c->list->n, sizeof(c->list->at[0]), item_cmp, NULL);
	hash = build(c, &shape);
	err = own_block(c, &b);
	if (err)
		return err;
	*hdr = (struct ext4_xattr_header){.magic = cpu_to_le32(EXT4_XATTR_MAGIC),
		.refcount = cpu_to_le32(1),
		.blocks = cpu_to_le32(1),
		.hash = cpu_to_le32(hash)};
	put_csum(c->n->fs, b->block, c->scratch);
	ext4_tx_access(c->h, b);
	memcpy(b->data, c->scratch, shape.bytes);
	STORE_RELEASE(b->owner, EXT4_XATTR_OWNER);
	ext4_brelse(b);
	return 0;
}

static int remove_from(struct change *c, bool inode)
{
	int err = gather(c, inode ? &c->inode : &c->block);

	if (err)
		return err;
	if (!inode)
		return write_block(c);
	write_inode(c);
	return 0;
}

static int put_new(struct change *c)
{
	const struct ext4_xattr_area shape = {
		.bytes = c->n->fs->block_bytes, .first = sizeof(struct ext4_xattr_header)};
	int err;

	if (c->has_inode) {
		err = gather(c, &c->inode);
		if (err)
			return err;
		c->list->at[c->list->n++] = c->what;
		if (fits(c->list, &c->inode)) {
			write_inode(c);
			return c->in_block ? remove_from(c, false) : 0;
		}
	}
	c->list->n = 0;
	err = c->has_block ? gather(c, &c->block) : 0;
	if (err)
		return err;
	c->list->at[c->list->n++] = c->what;
	if (c->what.index == EXT4_XATTR_SYSTEM || !fits(c->list, &shape))
		return -ENOSPC;
	err = write_block(c);
	return !err && c->in_inode ? remove_from(c, true) : err;
}

static int open_areas(struct change *c)
{
	int err = ext4_xattr_inode_area(c->n, &c->inode);

	c->has_inode = !err;
	if (err && err != -ENODATA)
		return err;
	err = ext4_xattr_block_area(c->n, &c->block);
	c->has_block = !err;
	if (err && err != -ENODATA)
		return err;
	c->in_inode = c->has_inode &&
		      ext4_xattr_find(&c->inode, c->what.index, c->what.name, c->what.len);
	c->in_block = c->has_block &&
		      ext4_xattr_find(&c->block, c->what.index, c->what.name, c->what.len);
	return 0;
}

int ext4_xattr_set(struct ext4_handle *h, struct ext4_node *n, u8 index, const char *name, u32 len,
	const void *value, u32 size, u32 flags)
{
	struct change c = {.h = h, .n = n, .what = {index, (u8)len, name, value, size}};
	int err;

	if (len > 255 || size > 65536)
		return -ERANGE;
	c.list = env_alloc(sizeof(*c.list), 0);
	c.scratch = env_alloc(n->fs->block_bytes, 0);
	err = c.list && c.scratch ? open_areas(&c) : -ENOMEM;
	if (!err && (c.in_inode || c.in_block) && flags & XATTR_CREATE)
		err = -EEXIST;
	if (!err && !c.in_inode && !c.in_block && (flags & XATTR_REPLACE || !value))
		err = -ENODATA;
	if (!err)
		err = value ? put_new(&c) : remove_from(&c, c.in_inode);
	if (!err)
		err = ext4_node_write(h, n);
	if (c.has_inode)
		ext4_brelse(c.inode.buf);
	if (c.has_block)
		ext4_brelse(c.block.buf);
	if (c.scratch)
		env_free(c.scratch, n->fs->block_bytes);
	if (c.list)
		env_free(c.list, sizeof(*c.list));
	return err;
}

int ext4_xattr_free_all(struct ext4_handle *h, struct ext4_node *n)
{
	struct ext4_xattr_area a;
	int err = ext4_xattr_block_area(n, &a);

	if (err)
		return err == -ENODATA ? 0 : err;
	err = leave_block(h, n, a.buf);
	ext4_brelse(a.buf);
	return err;
}
