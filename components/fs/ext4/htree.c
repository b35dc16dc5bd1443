/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Indexed directories. The tables map the lowest hash of a block to the block; a hash whose bit 0
 * is set says that names with the same hash are also at the end of the block before.
 *
 * Growing goes step by step, each of which leaves a valid tree, until the name fits: split the leaf
 * if its table has room, else the deepest table whose parent has room, else add a level.
 */
#include "impl.h"
#include <lib/sort.h>

#define BLOCK_MASK 0x0fffffffu

struct frame {
	struct ext4_buf *buf;
	u32 lblk;
	struct ext4_dx_table t;
	u32 pos;
};

struct walk {
	u32 depth; /* frames */
	struct frame at[EXT4_DX_DEPTH];
	struct ext4_hash hash;
};

static struct ext4_dx_entry *entry(const struct frame *f, u32 i)
{
	return (struct ext4_dx_entry *)(f->buf->data + f->t.off) + i;
}

static u32 entry_block(const struct frame *f, u32 i)
{
	return le32_to_cpu(entry(f, i)->block) & BLOCK_MASK;
}

static u32 table_limit(const struct ext4 *fs, u32 off)
{
	return (fs->block_bytes - off - (fs->csum ? (u32)sizeof(struct ext4_dx_tail) : 0)) /
	       (u32)sizeof(struct ext4_dx_entry);
}

static u32 max_levels(const struct ext4 *fs)
{
	return ext4_has_incompat(fs, EXT4_I_LARGEDIR) ? 3 : 2;
}

int ext4_dx_table(struct ext4_node *dir, const u8 *block, u32 lblk, struct ext4_dx_table *out)
{
	const struct ext4_dx_info *info = (const struct ext4_dx_info *)(block + EXT4_DX_ROOT_INFO);

	out->off = EXT4_DX_NODE;
	if (!lblk) {
		if (info->zero.raw || info->info_len != sizeof(*info) ||
			info->hash_version > EXT4_HASH_TEA || info->levels >= max_levels(dir->fs) ||
			load_le16(block + 4) != 12)
			return -ENOTDIR;
		out->off = EXT4_DX_ROOT_INFO + (u32)sizeof(*info);
	}
	out->limit = load_le16(block + out->off);
	out->count = load_le16(block + out->off + 2);
	if (out->limit != table_limit(dir->fs, out->off) || !out->count || out->count > out->limit)
		return -ENOTDIR;
	return 0;
}

static void walk_end(struct walk *w)
{
	for (u32 i = 0; i < w->depth; i++)
		ext4_brelse(w->at[i].buf);
	w->depth = 0;
}

static u32 search(const struct frame *f, u32 hash)
{
	u32 lo = 1, hi = f->t.count;

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (le32_to_cpu(entry(f, mid)->hash) <= hash)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo - 1;
}

static int open_frame(struct ext4_node *dir, struct walk *w, u32 lblk)
{
	struct frame *f = &w->at[w->depth];
	int err = ext4_dir_block(dir, lblk, &f->buf);

	if (err)
		return err;
	f->lblk = lblk;
	w->depth++;
	return ext4_dx_table(dir, f->buf->data, lblk, &f->t);
}

static int walk_hash(struct ext4_node *dir, u32 hash, struct walk *w)
{
	u32 lblk = 0, levels = 0;
	int err;

	for (u32 i = 0;; i++) {
		err = open_frame(dir, w, lblk);
		if (err)
			break;
		if (!i)
			levels = w->at[0].buf->data[EXT4_DX_ROOT_INFO + 6];
		w->at[i].pos = search(&w->at[i], hash);
		lblk = entry_block(&w->at[i], w->at[i].pos);
		if (!lblk) {
			err = -ENOTDIR; /* the root cannot be below anything */
			break;
		}
		if (i == levels)
			return 0;
	}
	walk_end(w);
	return err;
}

/* The hash that this directory sorts by. */
int ext4_dir_hash(struct ext4_node *dir, const char *name, u32 len, struct ext4_hash *out)
{
	struct ext4 *fs = dir->fs;
	u32 version = fs->hash_version;

	if (dir->flags & EXT4_FL_INDEX) {
		struct ext4_buf *b;
		int err = ext4_dir_block(dir, 0, &b);

		if (err)
			return err;
		version = b->data[EXT4_DX_ROOT_INFO + 4];
		ext4_brelse(b);
	}
	if (version <= EXT4_HASH_TEA)
		version += fs->hash_unsigned;
	if (ext4_dirhash(fs->hash_seed, version, name, len, out))
		return -ENOTDIR;
	return 0;
}

static int walk_name(struct ext4_node *dir, const char *name, u32 len, struct walk *w)
{
	int err;

	memset(w, 0, sizeof(*w));
	err = ext4_dir_hash(dir, name, len, &w->hash);
	return err ? err : walk_hash(dir, w->hash.major, w);
}

/* To the next leaf. *out_hash: where it begins. -ENOENT: there is none. */
static int walk_next(struct ext4_node *dir, struct walk *w, u32 *out_hash)
{
	u32 i = w->depth, levels = w->depth;
	int err = 0;

	while (i > 0 && w->at[i - 1].pos + 1 >= w->at[i - 1].t.count)
		i--;
	if (!i)
		return -ENOENT;
	w->at[i - 1].pos++;
	*out_hash = le32_to_cpu(entry(&w->at[i - 1], w->at[i - 1].pos)->hash);
	while (w->depth > i)
		ext4_brelse(w->at[--w->depth].buf);
	while (!err && w->depth < levels) {
		struct frame *above = &w->at[w->depth - 1];

		err = open_frame(dir, w, entry_block(above, above->pos));
		if (!err)
			w->at[w->depth - 1].pos = 0;
	}
	return err;
}

static u32 leaf_of(const struct walk *w)
{
	return entry_block(&w->at[w->depth - 1], w->at[w->depth - 1].pos);
}

static int read_leaf(struct ext4_node *dir, u32 lblk, struct ext4_buf **out)
{
	int err = ext4_dir_block(dir, lblk, out);

	if (err)
		return err;
	if (!lblk || (dir->fs->csum && ext4_dir_is_index(dir, (*out)->data, lblk))) {
		ext4_brelse(*out);
		return ext4_error(dir->fs, dir->ino, "index block %u where a leaf should be", lblk);
	}
	return 0;
}

int ext4_dx_find(struct ext4_node *dir, const char *name, u32 len, struct ext4_dirpos *out)
{
	struct walk w;
	u32 hash, budget = ext4_dir_blocks(dir);
	int err = walk_name(dir, name, len, &w);

	while (!err) {
		struct ext4_buf *b;

		err = read_leaf(dir, leaf_of(&w), &b);
		if (err)
			break;
		if (ext4_dir_search(dir, b->data, ext4_dir_leaf_bytes(dir->fs), name, len, out)) {
			out->buf = b;
			out->lblk = leaf_of(&w);
			break;
		}
		ext4_brelse(b);
		err = budget-- ? walk_next(dir, &w, &hash) : -ENOENT;
		if (!err && hash != (w.hash.major | 1))
			err = -ENOENT;
	}
	walk_end(&w);
	return err;
}

int ext4_dx_leaf(struct ext4_node *dir, u32 hash, u32 *out_lblk, u64 *out_next)
{
	struct walk w = {0};
	u32 next;
	int err = walk_hash(dir, hash, &w);

	if (err)
		return err;
	*out_lblk = leaf_of(&w);
	err = walk_next(dir, &w, &next);
	*out_next = err ? 0 : next;
	walk_end(&w);
	return err == -ENOENT ? 0 : err;
}

/* ---- growing ---- */

static void set_count(struct frame *f, u32 count)
{
	f->t.count = count;
	store_le16(f->buf->data + f->t.off + 2, (u16)count);
}

/* @f has room and access. */
static void insert_entry(struct ext4_node *dir, struct frame *f, u32 hash, u32 lblk)
{
	struct ext4_dx_entry *at = entry(f, f->pos + 1);

	memmove(at + 1, at, (f->t.count - f->pos - 1) * sizeof(*at));
	*at = (struct ext4_dx_entry){cpu_to_le32(hash), cpu_to_le32(lblk)};
	set_count(f, f->t.count + 1);
	ext4_dir_csum_set(dir, f->buf->data, f->lblk);
}

/* An empty table in a new block at the end of the directory. */
static int new_node(struct ext4_handle *h, struct ext4_node *dir, struct frame *out)
{
	int err;

	*out = (struct frame){.lblk = ext4_dir_blocks(dir)};
	err = ext4_node_bnew(h, dir, out->lblk, &out->buf);
	if (err)
		return err;
	((struct ext4_dirent *)out->buf->data)->rec_len = cpu_to_le16((u16)dir->fs->block_bytes);
	out->t = (struct ext4_dx_table){
		.off = EXT4_DX_NODE, .limit = table_limit(dir->fs, EXT4_DX_NODE)};
	store_le16(out->buf->data + out->t.off, (u16)out->t.limit);
	out->buf->owner = dir->ino;
	return 0;
}

static void move_entries(struct frame *from, u32 first, struct frame *to)
{
	u32 n = from->t.count - first;

	/* The first entry's hash gives its place to limit and count. */
	memcpy(entry(to, 1), entry(from, first + 1), (n - 1) * sizeof(struct ext4_dx_entry));
	entry(to, 0)->block = entry(from, first)->block;
	set_count(to, n);
}

static int add_level(struct ext4_handle *h, struct ext4_node *dir, struct walk *w)
{
	struct frame *root = &w->at[0], below;
	int err;

	if (w->depth >= max_levels(dir->fs)) {
		env_log(ENV_LOG_WARN, "ext4: inode %u: the directory's index is full", dir->ino);
		return -ENOSPC;
	}
	err = new_node(h, dir, &below);
	if (err)
		return err;
	ext4_tx_access(h, root->buf);
	move_entries(root, 0, &below);
	ext4_dir_csum_set(dir, below.buf->data, below.lblk);
	set_count(root, 1);
	entry(root, 0)->block = cpu_to_le32(below.lblk);
	root->buf->data[EXT4_DX_ROOT_INFO + 6]++;
	ext4_dir_csum_set(dir, root->buf->data, 0);
	ext4_brelse(below.buf);
	return 0;
}

static int split_node(
	struct ext4_handle *h, struct ext4_node *dir, struct frame *above, struct frame *f)
{
	u32 keep = f->t.count / 2, hash = le32_to_cpu(entry(f, keep)->hash);
	struct frame fresh;
	int err = new_node(h, dir, &fresh);

	if (err)
		return err;
	ext4_tx_access(h, f->buf);
	ext4_tx_access(h, above->buf);
	move_entries(f, keep, &fresh);
	ext4_dir_csum_set(dir, fresh.buf->data, fresh.lblk);
	set_count(f, keep);
	ext4_dir_csum_set(dir, f->buf->data, f->lblk);
	insert_entry(dir, above, hash, fresh.lblk);
	ext4_brelse(fresh.buf);
	return 0;
}

struct sorted {
	u32 hash;
	u16 off, size;
};

static int sorted_cmp(const void *a, const void *b, void *arg)
{
	const struct sorted *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (int)x->off - (int)y->off;
}

/* The entries of a leaf by hash. */
static int sort_leaf(struct ext4_node *dir, u8 *data, struct sorted *list, u32 *out_n)
{
	u32 next = 0, at = 0, n = 0, bytes = ext4_dir_leaf_bytes(dir->fs);
	struct ext4_dirent *d;

	while ((d = ext4_dirent_next(dir, data, bytes, &next))) {
		struct ext4_hash hash;

		if (d->ino.raw) {
			int err = ext4_dir_hash(dir, d->name, d->name_len, &hash);

			if (err)
				return err;
			list[n++] = (struct sorted){
				hash.major, (u16)at, (u16)ext4_dirent_need(d->name_len)};
		}
		at = next;
	}
	sort(list, n, sizeof(*list), sorted_cmp, NULL);
	*out_n = n;
	return 0;
}

/* The listed entries of @from in a row at @to, the last one reaching to the end. */
static void pack(struct ext4_node *dir, const u8 *from, u8 *to, const struct sorted *list, u32 n)
{
	u32 at = 0, bytes = ext4_dir_leaf_bytes(dir->fs);
	struct ext4_dirent *d = (struct ext4_dirent *)to;

	memset(to, 0, bytes);
	for (u32 i = 0; i < n; i++) {
		d = (struct ext4_dirent *)(to + at);
		memcpy(d, from + list[i].off, list[i].size);
		d->rec_len = cpu_to_le16(list[i].size);
		at += list[i].size;
	}
	d->rec_len = cpu_to_le16((u16)(bytes - (at - (n ? list[n - 1].size : 0))));
	ext4_dir_csum_set(dir, to, 1);
}

static int split_leaf(struct ext4_handle *h, struct ext4_node *dir, struct frame *f)
{
	u32 bytes = dir->fs->block_bytes, max = bytes / 12, n, keep = 0, size = 0, lblk;
	struct sorted *list = env_alloc(max * sizeof(*list), 0);
	u8 *copy = env_alloc(bytes, 0);
	struct ext4_buf *b = NULL, *fresh = NULL;
	int err = list && copy ? read_leaf(dir, entry_block(f, f->pos), &b) : -ENOMEM;

	if (!err)
		err = sort_leaf(dir, b->data, list, &n);
	if (!err && n < 2)
		err = ext4_error(dir->fs, dir->ino, "a full leaf with %u entries", n);
	lblk = ext4_dir_blocks(dir);
	if (!err)
		err = ext4_node_bnew(h, dir, lblk, &fresh);
	if (!err) {
		while (keep < n - 1 && size + list[keep].size <= bytes / 2)
			size += list[keep++].size;
		keep = max(keep, 1u);
		memcpy(copy, b->data, bytes);
		ext4_tx_access(h, b);
		ext4_tx_access(h, f->buf);
		pack(dir, copy, fresh->data, list + keep, n - keep);
		pack(dir, copy, b->data, list, keep);
		fresh->owner = dir->ino;
		insert_entry(
			dir, f, list[keep].hash | (list[keep].hash == list[keep - 1].hash), lblk);
	}
	ext4_brelse(fresh);
	ext4_brelse(b);
	if (copy)
		env_free(copy, bytes);
	if (list)
		env_free(list, max * sizeof(*list));
	return err;
}

static int grow(struct ext4_handle *h, struct ext4_node *dir, struct walk *w)
{
	u32 i = w->depth;

	while (i > 0 && w->at[i - 1].t.count == w->at[i - 1].t.limit)
		i--;
	if (!i)
		return add_level(h, dir, w);
	if (i == w->depth)
		return split_leaf(h, dir, &w->at[i - 1]);
	return split_node(h, dir, &w->at[i - 1], &w->at[i]);
}

int ext4_dx_add(
	struct ext4_handle *h, struct ext4_node *dir, const char *name, u32 len, u32 ino, u8 type)
{
	/* A split leaf may still be too full for it, once or twice; a table's split comes before.
	 */
	for (u32 tries = 0; tries < 4 * EXT4_DX_DEPTH; tries++) {
		struct ext4_buf *b;
		struct walk w;
		int err = walk_name(dir, name, len, &w);

		if (err)
			return err;
		err = read_leaf(dir, leaf_of(&w), &b);
		if (!err) {
			err = ext4_dir_insert_at(h, dir, b, name, len, ino, type);
			ext4_brelse(b);
		}
		if (err != -ENOSPC) {
			walk_end(&w);
			return err;
		}
		err = grow(h, dir, &w);
		walk_end(&w);
		if (err)
			return err;
	}
	return -ENOSPC;
}

int ext4_dx_make(struct ext4_handle *h, struct ext4_node *dir)
{
	struct ext4 *fs = dir->fs;
	struct ext4_buf *root, *leaf;
	struct ext4_dirent *d;
	struct frame f;
	u32 next = 0, at = 0, bytes = ext4_dir_leaf_bytes(fs);
	int err = ext4_dir_block(dir, 0, &root);

	if (err)
		return err;
	/* "." and ".." must be where an index has them. */
	if (load_le16(root->data + 4) != 12 || root->data[6] != 1 || root->data[12 + 6] != 2) {
		ext4_brelse(root);
		return ext4_error(fs, dir->ino, "'.' and '..' are not at the front");
	}
	err = ext4_node_bnew(h, dir, 1, &leaf);
	if (err) {
		ext4_brelse(root);
		return err;
	}
	ext4_tx_access(h, root);
	next = 12 + load_le16(root->data + 12 + 4);
	((struct ext4_dirent *)leaf->data)->rec_len = cpu_to_le16((u16)bytes);
	while ((d = ext4_dirent_next(dir, root->data, bytes, &next))) {
		u32 size = ext4_dirent_need(d->name_len);

		if (!d->ino.raw)
			continue;
		memcpy(leaf->data + at, d, size);
		((struct ext4_dirent *)(leaf->data + at))->rec_len = cpu_to_le16((u16)size);
		at += size;
		if (at < bytes)
			((struct ext4_dirent *)(leaf->data + at))->rec_len =
				cpu_to_le16((u16)(bytes - at));
	}
	/* What follows the last entry belongs to it: a free entry may not be shorter than 12. */
	if (bytes - at < 12 && at) {
		u32 off = 0, last = 0;

		while (off < at) {
			last = off;
			off += load_le16(leaf->data + off + 4);
		}
		store_le16(leaf->data + last + 4, (u16)(bytes - last));
	}
	leaf->owner = dir->ino;
	ext4_dir_csum_set(dir, leaf->data, 1);
	dir->flags |= EXT4_FL_INDEX;
	memset(root->data + EXT4_DX_ROOT_INFO, 0, fs->block_bytes - EXT4_DX_ROOT_INFO);
	store_le16(root->data + 12 + 4, (u16)(fs->block_bytes - 12));
	root->data[EXT4_DX_ROOT_INFO + 4] =
		fs->hash_version <= EXT4_HASH_TEA ? fs->hash_version : EXT4_HASH_MD4;
	root->data[EXT4_DX_ROOT_INFO + 5] = sizeof(struct ext4_dx_info);
	f = (struct frame){
		.buf = root, .t = {.off = EXT4_DX_ROOT_INFO + sizeof(struct ext4_dx_info)}};
	store_le16(root->data + f.t.off, (u16)table_limit(fs, f.t.off));
	set_count(&f, 1);
	entry(&f, 0)->block = cpu_to_le32(1);
	ext4_dir_csum_set(dir, root->data, 0);
	ext4_brelse(leaf);
	ext4_brelse(root);
	return ext4_node_write(h, dir);
}
