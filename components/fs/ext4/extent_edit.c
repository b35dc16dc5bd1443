/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of extents, changed. Each function leaves a valid tree at each point where it can fail
 * for lack of room: room in a leaf is made first, block by block, then entries are changed in
 * place. A block is accessed (journal) before it is changed and sealed (checksum) after; the root
 * is in the inode, which is written instead.
 */
#include "impl.h"

static void touch(struct ext4_handle *h, struct ext4_path *p, u32 level)
{
	if (p->at[level].buf)
		ext4_tx_access(h, p->at[level].buf);
}

static int seal(struct ext4_handle *h, struct ext4_node *n, struct ext4_path *p, u32 level)
{
	struct ext4_path_at *at = &p->at[level];
	u32 tail = (u32)(sizeof(*at->h) + le16_to_cpu(at->h->max) * sizeof(struct ext4_ext_leaf));

	ext4_map_forget(n);
	__atomic_store_n(&n->datasync_tid, h->tx->tid, __ATOMIC_RELEASE);
	if (!at->buf)
		return ext4_node_write(h, n);
	if (n->fs->csum)
		store_le32(at->buf->data + tail, ext4_extent_csum(n, at->h, tail));
	return 0;
}

static u32 count_of(const struct ext4_path *p, u32 level)
{
	return le16_to_cpu(p->at[level].h->entries);
}

static void set_count(struct ext4_path *p, u32 level, u32 count)
{
	p->at[level].h->entries = cpu_to_le16((u16)count);
}

static void put_leaf(struct ext4_ext_leaf *e, u32 block, u32 len, u64 start, bool unwritten)
{
	e->block = cpu_to_le32(block);
	e->len = cpu_to_le16((u16)(unwritten ? len + EXT4_EXT_MAX_LEN : len));
	e->start_hi = cpu_to_le16((u16)(start >> 32));
	e->start_lo = cpu_to_le32((u32)start);
}

static void put_index(struct ext4_ext_index *e, u32 block, u64 leaf)
{
	*e = (struct ext4_ext_index){.block = cpu_to_le32(block),
		.leaf_lo = cpu_to_le32((u32)leaf),
		.leaf_hi = cpu_to_le16((u16)(leaf >> 32))};
}

/* The first key of @level is @key now: so say the levels above. */
static int fix_keys(
	struct ext4_handle *h, struct ext4_node *n, struct ext4_path *p, u32 level, u32 key)
{
	int err = 0;

	while (!err && level-- > 0) {
		touch(h, p, level);
		ext4_index(p->at[level].h, p->at[level].pos)->block = cpu_to_le32(key);
		err = seal(h, n, p, level);
		if (p->at[level].pos)
			break;
	}
	return err;
}

/* ---- making room ---- */

static int new_block(struct ext4_handle *h, struct ext4_node *n, u32 depth, struct ext4_path *out)
{
	struct ext4 *fs = n->fs;
	struct ext4_ext_header *hdr;
	u64 block;
	u32 len;
	int err = ext4_balloc(h, n->last_alloc, 1, EXT4_ALLOC_META, &block, &len);

	if (err)
		return err;
	err = ext4_bnew(fs, block, &out->at[0].buf);
	if (err)
		return err;
	ext4_tx_access(h, out->at[0].buf);
	hdr = (struct ext4_ext_header *)out->at[0].buf->data;
	hdr->magic = cpu_to_le16(EXT4_EXT_MAGIC);
	hdr->max =
		cpu_to_le16((u16)((fs->block_bytes - sizeof(*hdr)) / sizeof(struct ext4_ext_leaf)));
	hdr->depth = cpu_to_le16((u16)depth);
	out->at[0].h = hdr;
	out->at[0].buf->owner = n->ino;
	n->blocks += fs->block_bytes / 512;
	return 0;
}

/* The root moves down into a block of its own. */
static int add_level(struct ext4_handle *h, struct ext4_node *n, struct ext4_path *p)
{
	struct ext4_ext_header *root = p->at[0].h;
	struct ext4_path below = {0};
	u32 key = le32_to_cpu(ext4_leaf(root, 0)->block);
	int err;

	if (p->depth >= EXT4_EXT_DEPTH)
		return -EFBIG;
	err = new_block(h, n, le16_to_cpu(root->depth), &below);
	if (err)
		return err;
	below.at[0].h->entries = root->entries;
	memcpy(below.at[0].h + 1, root + 1, count_of(p, 0) * sizeof(struct ext4_ext_leaf));
	err = seal(h, n, &below, 0);
	root->depth = cpu_to_le16((u16)(le16_to_cpu(root->depth) + 1));
	root->entries = cpu_to_le16(1);
	put_index(ext4_index(root, 0), key, below.at[0].buf->block);
	ext4_brelse(below.at[0].buf);
	return err ? err : seal(h, n, p, 0);
}

/* The node at @level, full, gives its upper half to a new one, whose parent has room. */
static int split_node(
	struct ext4_handle *h, struct ext4_node *n, struct ext4_path *p, u32 level, u32 lblk)
{
	struct ext4_path_at *at = &p->at[level], *up = &p->at[level - 1];
	u32 count = count_of(p, level), keep = count / 2, key;
	bool leaf = level == p->depth;
	struct ext4_path fresh = {0};
	int err = new_block(h, n, le16_to_cpu(at->h->depth), &fresh);

	if (err)
		return err;
	/* What grows at its end fills its leaves: the new one begins with what comes. */
	if (leaf && at->pos == (s32)count - 1)
		keep = count;
	key = keep == count ? lblk : le32_to_cpu(ext4_leaf(at->h, (s32)keep)->block);
	memcpy(fresh.at[0].h + 1, ext4_leaf(at->h, (s32)keep),
		(count - keep) * sizeof(struct ext4_ext_leaf));
	set_count(&fresh, 0, count - keep);
	err = seal(h, n, &fresh, 0);
	touch(h, p, level);
	set_count(p, level, keep);
	if (!err)
		err = seal(h, n, p, level);
	touch(h, p, level - 1);
	memmove(ext4_index(up->h, up->pos + 2), ext4_index(up->h, up->pos + 1),
		(count_of(p, level - 1) - (u32)up->pos - 1) * sizeof(struct ext4_ext_index));
	put_index(ext4_index(up->h, up->pos + 1), key, fresh.at[0].buf->block);
	set_count(p, level - 1, count_of(p, level - 1) + 1);
	ext4_brelse(fresh.at[0].buf);
	return err ? err : seal(h, n, p, level - 1);
}

static bool has_room(const struct ext4_path *p, u32 level, u32 need)
{
	return count_of(p, level) + need <= le16_to_cpu(p->at[level].h->max);
}

/* The path to @lblk, in whose leaf @need entries have room. */
static int find_with_room(
	struct ext4_handle *h, struct ext4_node *n, u32 lblk, u32 need, struct ext4_path *p)
{
	for (u32 tries = 0; tries < 3 * EXT4_EXT_DEPTH; tries++) {
		u32 level;
		int err = ext4_path_find(n, lblk, p);

		if (err)
			return err;
		if (has_room(p, p->depth, need))
			return 0;
		for (level = p->depth; level > 0 && !has_room(p, level - 1, 1);)
			level--;
		err = level ? split_node(h, n, p, level, lblk) : add_level(h, n, p);
		ext4_path_release(p);
		if (err)
			return err;
	}
	return ext4_error(n->fs, n->ino, "the extent tree does not make room");
}

/* ---- entries of a leaf ---- */

static bool can_merge(const struct ext4_ext_leaf *a, const struct ext4_ext_leaf *b)
{
	u32 len = ext4_leaf_len(a), sum = len + ext4_leaf_len(b);

	return ext4_leaf_unwritten(a) == ext4_leaf_unwritten(b) &&
	       le32_to_cpu(a->block) + len == le32_to_cpu(b->block) &&
	       ext4_leaf_start(a) + len == ext4_leaf_start(b) &&
	       sum <= (ext4_leaf_unwritten(a) ? EXT4_EXT_MAX_LEN - 1u : EXT4_EXT_MAX_LEN);
}

static void delete_at(struct ext4_path *p, u32 level, s32 i)
{
	u32 count = count_of(p, level);

	memmove(ext4_leaf(p->at[level].h, i), ext4_leaf(p->at[level].h, i + 1),
		(count - (u32)i - 1) * sizeof(struct ext4_ext_leaf));
	set_count(p, level, count - 1);
}

/* Entry @i and the one behind it become one, if they can. The leaf is touched. */
static void merge_at(struct ext4_path *p, s32 i)
{
	struct ext4_ext_header *hdr = p->at[p->depth].h;
	struct ext4_ext_leaf *a = ext4_leaf(hdr, i);

	if (i < 0 || i + 1 >= (s32)count_of(p, p->depth) || !can_merge(a, a + 1))
		return;
	put_leaf(a, le32_to_cpu(a->block), ext4_leaf_len(a) + ext4_leaf_len(a + 1),
		ext4_leaf_start(a), ext4_leaf_unwritten(a));
	delete_at(p, p->depth, i + 1);
}

/* The leaf has room and is touched. */
static void insert_at(struct ext4_path *p, s32 i, u32 block, u32 len, u64 start, bool unwritten)
{
	struct ext4_ext_header *hdr = p->at[p->depth].h;
	u32 count = count_of(p, p->depth);

	memmove(ext4_leaf(hdr, i + 1), ext4_leaf(hdr, i),
		(count - (u32)i) * sizeof(struct ext4_ext_leaf));
	put_leaf(ext4_leaf(hdr, i), block, len, start, unwritten);
	set_count(p, p->depth, count + 1);
}

/* Longer by what comes right behind or before an entry? */
static bool extend(struct ext4_handle *h, struct ext4_path *p, const struct ext4_map *m)
{
	struct ext4_ext_header *hdr = p->at[p->depth].h;
	s32 pos = p->at[p->depth].pos;
	struct ext4_ext_leaf fresh, *e;

	put_leaf(&fresh, m->lblk, m->len, m->pblk, m->unwritten);
	if (pos >= 0 && can_merge(ext4_leaf(hdr, pos), &fresh)) {
		e = ext4_leaf(hdr, pos);
		touch(h, p, p->depth);
		put_leaf(e, le32_to_cpu(e->block), ext4_leaf_len(e) + m->len, ext4_leaf_start(e),
			m->unwritten);
		merge_at(p, pos);
		return true;
	}
	/* In front of the first of a leaf it would change keys above: not worth it. */
	if (pos >= 0 && pos + 1 < (s32)count_of(p, p->depth) &&
		can_merge(&fresh, ext4_leaf(hdr, pos + 1))) {
		e = ext4_leaf(hdr, pos + 1);
		touch(h, p, p->depth);
		put_leaf(e, m->lblk, ext4_leaf_len(e) + m->len, m->pblk, m->unwritten);
		return true;
	}
	return false;
}

int ext4_extent_insert(
	struct ext4_handle *h, struct ext4_node *n, const struct ext4_map *m, u32 flags)
{
	struct ext4_path p;
	s32 at;
	int err = ext4_path_find(n, m->lblk, &p);

	if (err)
		return err;
	if (extend(h, &p, m)) {
		err = seal(h, n, &p, p.depth);
		ext4_path_release(&p);
		return err;
	}
	ext4_path_release(&p);
	err = find_with_room(h, n, m->lblk, 1, &p);
	if (err)
		return err;
	at = p.at[p.depth].pos + 1;
	touch(h, &p, p.depth);
	insert_at(&p, at, m->lblk, m->len, m->pblk, m->unwritten);
	err = seal(h, n, &p, p.depth);
	if (!err && !at)
		err = fix_keys(h, n, &p, p.depth, m->lblk);
	ext4_path_release(&p);
	return err;
}

/* ---- taking out ---- */

/* Entry @i of the leaf goes, and with the last one the leaf, and so on upwards. */
static int drop_entry(struct ext4_handle *h, struct ext4_node *n, struct ext4_path *p)
{
	u32 level = p->depth;
	s32 i = p->at[level].pos;
	int err = 0;

	touch(h, p, level);
	delete_at(p, level, i);
	while (!err && level > 0 && !count_of(p, level)) {
		err = ext4_bfree(h, p->at[level].buf->block, 1, true);
		n->blocks -= n->fs->block_bytes / 512;
		level--;
		i = p->at[level].pos;
		touch(h, p, level);
		delete_at(p, level, i);
	}
	if (err)
		return err;
	if (!level && !count_of(p, 0))
		p->at[0].h->depth = cpu_to_le16(0);
	err = seal(h, n, p, level);
	if (!err && !i && level && count_of(p, level))
		err = fix_keys(h, n, p, level, le32_to_cpu(ext4_leaf(p->at[level].h, 0)->block));
	return err;
}

/* [s, t) of the entry at p's end goes. *p may be found anew. */
static int cut_entry(struct ext4_handle *h, struct ext4_node *n, struct ext4_path *p, u32 s, u32 t)
{
	struct ext4_ext_leaf *e = ext4_leaf(p->at[p->depth].h, p->at[p->depth].pos);
	u32 a = le32_to_cpu(e->block), b = a + ext4_leaf_len(e);
	u64 start = ext4_leaf_start(e);
	bool unwritten = ext4_leaf_unwritten(e);
	int err;

	if (a == s && b == t)
		return drop_entry(h, n, p);
	if (a < s && t < b) {
		ext4_path_release(p);
		err = find_with_room(h, n, s, 1, p);
		if (err) {
			memset(p, 0, sizeof(*p));
			return err;
		}
		touch(h, p, p->depth);
		insert_at(p, p->at[p->depth].pos + 1, t, b - t, start + (t - a), unwritten);
		put_leaf(ext4_leaf(p->at[p->depth].h, p->at[p->depth].pos), a, s - a, start,
			unwritten);
		return seal(h, n, p, p->depth);
	}
	touch(h, p, p->depth);
	if (a < s) {
		put_leaf(e, a, s - a, start, unwritten);
		return seal(h, n, p, p->depth);
	}
	put_leaf(e, t, b - t, start + (t - a), unwritten);
	err = seal(h, n, p, p->depth);
	if (!err && !p->at[p->depth].pos)
		err = fix_keys(h, n, p, p->depth, t);
	return err;
}

/* The first entry that has something at or behind @from: p->pos is it. -ENOENT: none. */
static int find_from(struct ext4_node *n, u32 from, struct ext4_path *p)
{
	for (;;) {
		struct ext4_path_at *leaf;
		struct ext4_ext_leaf *e;
		u32 level;
		int err = ext4_path_find(n, from, p);

		if (err)
			return err;
		leaf = &p->at[p->depth];
		e = ext4_leaf(leaf->h, leaf->pos);
		if (leaf->pos >= 0 && from - le32_to_cpu(e->block) < ext4_leaf_len(e))
			return 0;
		if (leaf->pos + 1 < (s32)count_of(p, p->depth)) {
			leaf->pos++;
			return 0;
		}
		for (level = p->depth; level > 0; level--) {
			if (p->at[level - 1].pos + 1 < (s32)count_of(p, level - 1))
				break;
		}
		if (!level) {
			ext4_path_release(p);
			return -ENOENT;
		}
		/* Into the next leaf; its key is larger, so this ends. */
		from = max(from + 1,
			le32_to_cpu(
				ext4_index(p->at[level - 1].h, p->at[level - 1].pos + 1)->block));
		ext4_path_release(p);
	}
}

static bool holds_metadata(const struct ext4_node *n)
{
	return !ext4_is_reg(n) || n->flags & (EXT4_FL_JOURNAL_DATA | EXT4_FL_EA_INODE) ||
	       n->fs->opt.data == EXT4_DATA_JOURNAL;
}

int ext4_extent_remove(struct ext4_handle *h, struct ext4_node *n, u32 from, u64 to, u64 *out_next)
{
	u32 limit = 4 * n->fs->blocks_per_group;

	*out_next = from;
	for (;;) {
		struct ext4_path p;
		struct ext4_ext_leaf *e;
		u32 s, t;
		u64 start;
		int err = find_from(n, from, &p);

		if (err == -ENOENT) {
			*out_next = to;
			return 0;
		}
		if (err)
			return err;
		e = ext4_leaf(p.at[p.depth].h, p.at[p.depth].pos);
		s = max(from, le32_to_cpu(e->block));
		if (s >= to || !ext4_tx_has(h, 20 + 2 * p.depth)) {
			*out_next = s >= to ? to : s;
			ext4_path_release(&p);
			return 0;
		}
		t = (u32)min(
			min(to, (u64)le32_to_cpu(e->block) + ext4_leaf_len(e)), (u64)s + limit);
		start = ext4_leaf_start(e) + (s - le32_to_cpu(e->block));
		err = cut_entry(h, n, &p, s, t);
		ext4_path_release(&p);
		if (err)
			return err;
		n->blocks -= min(n->blocks, (u64)(t - s) << (n->fs->block_bits - 9));
		err = ext4_bfree(h, start, t - s, holds_metadata(n));
		if (!err)
			err = ext4_node_write(h, n);
		if (err)
			return err;
		from = t;
	}
}

/* ---- converting ---- */

static int convert_piece(struct ext4_handle *h, struct ext4_node *n, struct ext4_path *p, u32 s,
	u32 t, bool unwritten)
{
	s32 pos = p->at[p->depth].pos;
	struct ext4_ext_leaf *e = ext4_leaf(p->at[p->depth].h, pos);
	u32 a = le32_to_cpu(e->block), b = a + ext4_leaf_len(e);
	bool old = ext4_leaf_unwritten(e);
	u64 start = ext4_leaf_start(e);

	touch(h, p, p->depth);
	if (t < b)
		insert_at(p, pos + 1, t, b - t, start + (t - a), old);
	if (a < s) {
		put_leaf(ext4_leaf(p->at[p->depth].h, pos), a, s - a, start, old);
		pos++;
		insert_at(p, pos, s, t - s, start + (s - a), unwritten);
	} else {
		put_leaf(ext4_leaf(p->at[p->depth].h, pos), s, t - s, start, unwritten);
	}
	merge_at(p, pos);
	merge_at(p, pos - 1);
	return seal(h, n, p, p->depth);
}

int ext4_extent_convert(
	struct ext4_handle *h, struct ext4_node *n, u32 lblk, u32 len, bool unwritten)
{
	u32 at = lblk, end = lblk + len;

	while (at < end) {
		struct ext4_path p;
		struct ext4_ext_leaf *e;
		u32 s, t, a;
		int err = find_from(n, at, &p);

		if (err)
			return err == -ENOENT ? 0 : err;
		e = ext4_leaf(p.at[p.depth].h, p.at[p.depth].pos);
		a = le32_to_cpu(e->block);
		s = max(at, a);
		t = min(end, a + ext4_leaf_len(e));
		if (unwritten)
			t = min(t, s + EXT4_EXT_MAX_LEN - 1);
		if (s >= end || ext4_leaf_unwritten(e) == unwritten) {
			ext4_path_release(&p);
			at = max(t, s);
			continue;
		}
		if ((s != a || t != a + ext4_leaf_len(e)) && !has_room(&p, p.depth, 2)) {
			ext4_path_release(&p);
			err = find_with_room(h, n, s, 2, &p);
			if (err)
				return err;
		}
		err = convert_piece(h, n, &p, s, t, unwritten);
		ext4_path_release(&p);
		if (err)
			return err;
		at = t;
	}
	return 0;
}

/* ---- shifting ---- */

/* An extent that reaches over @lblk is cut in two there. */
static int split_at(struct ext4_handle *h, struct ext4_node *n, u32 lblk)
{
	struct ext4_path p;
	struct ext4_ext_leaf *e;
	u32 a, len;
	int err = find_with_room(h, n, lblk, 1, &p);

	if (err)
		return err;
	e = ext4_leaf(p.at[p.depth].h, p.at[p.depth].pos);
	if (p.at[p.depth].pos >= 0) {
		a = le32_to_cpu(e->block);
		len = ext4_leaf_len(e);
		if (lblk > a && lblk - a < len) {
			touch(h, &p, p.depth);
			insert_at(&p, p.at[p.depth].pos + 1, lblk, len - (lblk - a),
				ext4_leaf_start(e) + (lblk - a), ext4_leaf_unwritten(e));
			put_leaf(e, a, lblk - a, ext4_leaf_start(e), ext4_leaf_unwritten(e));
			err = seal(h, n, &p, p.depth);
		}
	}
	ext4_path_release(&p);
	return err;
}

/* The last entry that begins below @below. -ENOENT: none. */
static int find_below(struct ext4_node *n, u64 below, struct ext4_path *p)
{
	while (below) {
		u32 level;
		int err = ext4_path_find(n, (u32)(below - 1), p);

		if (err)
			return err;
		if (p->at[p->depth].pos >= 0)
			return 0;
		for (level = p->depth; level > 0 && !p->at[level - 1].pos;)
			level--;
		below = level ? le32_to_cpu(
					ext4_index(p->at[level - 1].h, p->at[level - 1].pos)->block)
			      : 0;
		ext4_path_release(p);
	}
	return -ENOENT;
}

int ext4_extent_shift(struct ext4_handle *h, struct ext4_node *n, u32 from, s64 delta, u64 *cursor,
	bool *out_done)
{
	struct ext4_path p;
	struct ext4_ext_leaf *e;
	u32 a, len;
	int err = 0;

	*out_done = true;
	if (delta > 0 && *cursor > U32_MAX)
		err = split_at(h, n, from);
	if (!err)
		err = delta > 0 ? find_below(n, min_t(u64, *cursor, U32_MAX), &p)
				: find_from(n, (u32)max_t(u64, *cursor, from), &p);
	if (err)
		return err == -ENOENT ? 0 : err;
	e = ext4_leaf(p.at[p.depth].h, p.at[p.depth].pos);
	a = le32_to_cpu(e->block);
	len = ext4_leaf_len(e);
	if (a >= from) {
		touch(h, &p, p.depth);
		e->block = cpu_to_le32((u32)(a + delta));
		err = seal(h, n, &p, p.depth);
		if (!err && !p.at[p.depth].pos)
			err = fix_keys(h, n, &p, p.depth, (u32)(a + delta));
		*cursor = delta > 0 ? a : (u64)a + len;
		*out_done = false;
	}
	ext4_path_release(&p);
	return err;
}
