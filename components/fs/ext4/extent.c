/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of extents, read: from the root in the inode down to a leaf, each block checked once
 * when it comes into the cache, its place in this tree each time.
 *
 *	header | entry | entry | ...            a node's entries are sorted, all of its keys are at
 *	max, entries, depth                     or above the key that points to it
 */
#include "impl.h"

static u32 capacity(const struct ext4_node *n, bool root)
{
	u32 bytes = root ? (u32)sizeof(n->block) : n->fs->block_bytes;

	return (bytes - (u32)sizeof(struct ext4_ext_header)) / (u32)sizeof(struct ext4_ext_leaf);
}

void ext4_extents_init(struct ext4_node *n)
{
	struct ext4_ext_header *h = (struct ext4_ext_header *)n->block;

	memset(n->block, 0, sizeof(n->block));
	h->magic = cpu_to_le16(EXT4_EXT_MAGIC);
	h->max = cpu_to_le16((u16)capacity(n, true));
	WRITE_ONCE(n->flags, n->flags | EXT4_FL_EXTENTS);
}

static bool entries_ok(const struct ext4_node *n, struct ext4_ext_header *h)
{
	u32 count = le16_to_cpu(h->entries);
	u64 next = 0;

	for (u32 i = 0; i < count; i++) {
		u32 block = le32_to_cpu(ext4_leaf(h, (s32)i)->block);

		if (block < next || (h->depth.raw && i && block == 0))
			return false;
		if (h->depth.raw) {
			if (!ext4_data_valid(n->fs, ext4_index_leaf(ext4_index(h, (s32)i)), 1))
				return false;
			next = (u64)block + 1;
		} else {
			struct ext4_ext_leaf *e = ext4_leaf(h, (s32)i);
			u32 len = ext4_leaf_len(e);

			if (!len || (u64)block + len > (u64)U32_MAX ||
				!ext4_data_valid(n->fs, ext4_leaf_start(e), len))
				return false;
			next = (u64)block + len;
		}
	}
	return true;
}

static int check_node(struct ext4_node *n, struct ext4_ext_header *h, struct ext4_buf *b, u32 depth)
{
	u32 max = le16_to_cpu(h->max), tail;

	if (le16_to_cpu(h->magic) != EXT4_EXT_MAGIC || le16_to_cpu(h->depth) != depth ||
		le16_to_cpu(h->entries) > max || !max || max > capacity(n, !b) ||
		(depth && !h->entries.raw))
		return ext4_error(n->fs, n->ino, "a node of the extent tree is broken");
	if (b && b->owner == n->ino)
		return 0;
	if (b && n->fs->csum) {
		tail = (u32)sizeof(*h) + max * (u32)sizeof(struct ext4_ext_leaf);
		if (tail + 4 > n->fs->block_bytes ||
			load_le32(b->data + tail) != ext4_extent_csum(n, h, tail))
			return ext4_error(n->fs, n->ino, "an extent block's checksum is wrong");
	}
	if (!entries_ok(n, h))
		return ext4_error(n->fs, n->ino, "extents are out of order or outside of the disk");
	if (b)
		b->owner = n->ino;
	return 0;
}

/* The last entry that begins at or before @lblk; -1. */
static s32 search(struct ext4_ext_header *h, u32 lblk)
{
	s32 lo = 0, hi = (s32)le16_to_cpu(h->entries);

	while (lo < hi) {
		s32 mid = (lo + hi) / 2;

		if (le32_to_cpu(ext4_leaf(h, mid)->block) <= lblk)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo - 1;
}

void ext4_path_release(struct ext4_path *p)
{
	for (u32 i = 0; i <= p->depth && i <= EXT4_EXT_DEPTH; i++)
		ext4_brelse(p->at[i].buf);
}

int ext4_path_find(struct ext4_node *n, u32 lblk, struct ext4_path *p)
{
	struct ext4_ext_header *h = (struct ext4_ext_header *)n->block;
	u32 depth = le16_to_cpu(h->depth);
	int err;

	memset(p, 0, sizeof(*p));
	p->at[0].h = h;
	if (depth > EXT4_EXT_DEPTH)
		return ext4_error(n->fs, n->ino, "the extent tree is %u levels deep", depth);
	err = check_node(n, h, NULL, depth);
	for (u32 i = 0; !err; i++) {
		struct ext4_path_at *at = &p->at[i];

		p->depth = i;
		at->pos = search(at->h, lblk);
		if (i == depth)
			return 0;
		at->pos = max(at->pos, 0);
		err = ext4_bread(
			n->fs, ext4_index_leaf(ext4_index(at->h, at->pos)), &p->at[i + 1].buf);
		if (err)
			break;
		p->depth = i + 1;
		p->at[i + 1].h = (struct ext4_ext_header *)p->at[i + 1].buf->data;
		err = check_node(n, p->at[i + 1].h, p->at[i + 1].buf, depth - i - 1);
	}
	ext4_path_release(p);
	return err;
}

/* Where the next leaf begins; 2^32: there is none. */
static u64 next_key(const struct ext4_path *p)
{
	for (u32 i = p->depth; i-- > 0;) {
		if (p->at[i].pos + 1 < (s32)le16_to_cpu(p->at[i].h->entries))
			return le32_to_cpu(ext4_index(p->at[i].h, p->at[i].pos + 1)->block);
	}
	return 1ull << 32;
}

static void map_in_path(struct ext4_path *p, u32 lblk, struct ext4_map *out)
{
	struct ext4_path_at *leaf = &p->at[p->depth];
	u64 end = next_key(p);

	*out = (struct ext4_map){.lblk = lblk};
	if (leaf->pos >= 0) {
		struct ext4_ext_leaf *e = ext4_leaf(leaf->h, leaf->pos);
		u32 off = lblk - le32_to_cpu(e->block);

		if (off < ext4_leaf_len(e)) {
			out->len = ext4_leaf_len(e) - off;
			out->pblk = ext4_leaf_start(e) + off;
			out->unwritten = ext4_leaf_unwritten(e);
			return;
		}
	}
	if (leaf->pos + 1 < (s32)le16_to_cpu(leaf->h->entries))
		end = le32_to_cpu(ext4_leaf(leaf->h, leaf->pos + 1)->block);
	/* A leaf whose first key lies before its index' key would give nonsense here. */
	out->len = end > lblk ? (u32)min_t(u64, end - lblk, U32_MAX) : 1;
}

int ext4_map(struct ext4_node *n, u32 lblk, struct ext4_map *out)
{
	struct ext4_path p;
	int err;

	if (ext4_is_inline(n))
		return ext4_error(n->fs, n->ino, "inline data where blocks are wanted");
	if (ext4_map_cached(n, lblk, out))
		return 0;
	if (!(n->flags & EXT4_FL_EXTENTS)) {
		err = ext4_indirect_map(n, lblk, out);
	} else {
		err = ext4_path_find(n, lblk, &p);
		if (!err) {
			map_in_path(&p, lblk, out);
			ext4_path_release(&p);
		}
	}
	if (!err)
		ext4_map_remember(n, out);
	return err;
}

/* ---- mappings that were seen ---- */

bool ext4_map_cached(struct ext4_node *n, u32 lblk, struct ext4_map *out)
{
	unsigned long flags = env_spin_lock(&n->map_lock);
	bool found = false;

	for (u32 i = 0; i < EXT4_NODE_MAPS && !found; i++) {
		const struct ext4_map *m = &n->maps[i];
		u32 off = lblk - m->lblk;

		if (off < m->len) {
			*out = (struct ext4_map){.lblk = lblk,
				.len = m->len - off,
				.pblk = m->pblk ? m->pblk + off : 0,
				.unwritten = m->unwritten};
			found = true;
		}
	}
	env_spin_unlock(&n->map_lock, flags);
	return found;
}

void ext4_map_remember(struct ext4_node *n, const struct ext4_map *m)
{
	unsigned long flags = env_spin_lock(&n->map_lock);

	n->maps[n->map_next] = *m;
	n->map_next = (n->map_next + 1) % EXT4_NODE_MAPS;
	env_spin_unlock(&n->map_lock, flags);
}

void ext4_map_forget(struct ext4_node *n)
{
	unsigned long flags = env_spin_lock(&n->map_lock);

	memset(n->maps, 0, sizeof(n->maps));
	env_spin_unlock(&n->map_lock, flags);
}
