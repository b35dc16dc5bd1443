/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocating blocks. A group's buddy is made from its bitmap when the group is first used, and says
 * what may be taken now; the bitmap is what the disk says. They differ by what was freed and is not
 * committed yet: the old owner may come back by a crash, so it is not taken before.
 *
 * Counted in the file system, atomically: `free_blocks` may be taken now, `reserved` of them are
 * promised to dirty pages. Of the rest the last 2 % (at most 4096) are for metadata alone, so that
 * a promise can be kept when writing it back needs blocks for the tree.
 */
#include "impl.h"

static u64 slack(const struct ext4 *fs)
{
	return min_t(u64, fs->nblocks / 50, 4096);
}

static u64 available(struct ext4 *fs, u32 flags)
{
	u64 free = READ_ONCE(fs->free_blocks), used = READ_ONCE(fs->reserved);

	if (!(flags & EXT4_ALLOC_META))
		used += slack(fs) + (flags & EXT4_ALLOC_ROOT ? 0 : fs->root_blocks);
	return free > used ? free - used : 0;
}

u64 ext4_available(struct ext4 *fs, bool root)
{
	return available(fs, root ? EXT4_ALLOC_ROOT : 0);
}

static bool promise(struct ext4 *fs, u64 n, u32 flags)
{
	__atomic_add_fetch(&fs->reserved, n, __ATOMIC_ACQ_REL);
	/* With ours already counted: what is left may be nothing, but not less. */
	if (READ_ONCE(fs->free_blocks) >=
		READ_ONCE(fs->reserved) +
			(flags & EXT4_ALLOC_META
					? 0
					: slack(fs) +
						  (flags & EXT4_ALLOC_ROOT ? 0 : fs->root_blocks)))
		return true;
	__atomic_sub_fetch(&fs->reserved, n, __ATOMIC_ACQ_REL);
	return false;
}

bool ext4_reserve_blocks(struct ext4 *fs, u64 n, bool root)
{
	return promise(fs, n, root ? EXT4_ALLOC_ROOT : 0);
}

void ext4_unreserve_blocks(struct ext4 *fs, u64 n)
{
	__atomic_sub_fetch(&fs->reserved, n, __ATOMIC_ACQ_REL);
}

bool ext4_space_retry(struct ext4 *fs, int err, unsigned *tries)
{
	if (err != -ENOSPC || *tries >= 2 || !READ_ONCE(fs->pending_blocks))
		return false;
	++*tries;
	return !ext4_commit_all(fs);
}

/* ---- a group ---- */

static u32 next_bit(const u8 *bits, u32 n, u32 from, bool set)
{
	while (from < n) {
		if (!(from & 7) && bits[from / 8] == (set ? 0 : 0xff)) {
			from += 8;
			continue;
		}
		if (!!(bits[from / 8] & 1u << (from & 7)) == set)
			return from;
		from++;
	}
	return n;
}

/* group.lock held. -ENOSPC: it is broken, and was reported. */
static int load(struct ext4 *fs, u32 g)
{
	struct ext4_group *grp = ext4_group(fs, g);
	u32 n = ext4_group_blocks(fs, g);
	struct ext4_desc d;
	struct ext4_buf *b;
	int err;

	if (grp->buddy)
		return 0;
	if (grp->bad_blocks)
		return -ENOSPC;
	err = ext4_desc_read(fs, g, &d);
	if (!err)
		err = ext4_block_bitmap(fs, g, &d, &b);
	if (err) {
		grp->bad_blocks = err == -EUCLEAN;
		return err;
	}
	grp->buddy = env_alloc(ext4_buddy_bytes(n), 0);
	if (!grp->buddy) {
		ext4_brelse(b);
		return -ENOMEM;
	}
	ext4_buddy_init(grp->buddy, n);
	for (u32 at = next_bit(b->data, n, 0, false); at < n;) {
		u32 end = next_bit(b->data, n, at, true);

		(void)ext4_buddy_free(grp->buddy, at, end - at);
		at = next_bit(b->data, n, end, false);
	}
	ext4_brelse(b);
	grp->largest = ext4_buddy_largest(grp->buddy);
	if (grp->buddy->free == ext4_desc_free_blocks(fs, &d))
		return 0;
	err = ext4_error(fs, 0, "group %u: %u blocks are free in the bitmap, %u in the descriptor",
		g, grp->buddy->free, ext4_desc_free_blocks(fs, &d));
	env_free(grp->buddy, ext4_buddy_bytes(n));
	grp->buddy = NULL;
	grp->bad_blocks = true;
	return err;
}

static void set_bits(u8 *bits, u32 start, u32 len, bool set)
{
	for (u32 i = start; i < start + len; i++) {
		if (set)
			bits[i / 8] |= (u8)(1u << (i & 7));
		else
			bits[i / 8] &= (u8) ~(1u << (i & 7));
	}
}

/* Change bitmap and descriptor: @len blocks from @start on become used, or free. */
static int change_bitmap(struct ext4_handle *h, u32 g, u32 start, u32 len, bool use)
{
	struct ext4 *fs = h->fs;
	struct ext4_buf *dbuf, *b;
	struct ext4_desc d;
	u32 free, csum;
	int err = ext4_desc_change(h, g, &dbuf, &d);

	if (err)
		return err;
	err = ext4_block_bitmap(fs, g, &d, &b);
	if (!err && next_bit(b->data, start + len, start, use) != start + len) {
		err = ext4_error(
			fs, 0, "blocks of group %u are %s already", g, use ? "used" : "free");
		ext4_brelse(b);
	}
	if (err) {
		ext4_brelse(dbuf);
		return err;
	}
	ext4_tx_access(h, b);
	set_bits(b->data, start, len, use);
	free = ext4_desc_free_blocks(fs, &d);
	free = use ? free - len : free + len;
	d.free_blocks_lo = cpu_to_le16((u16)free);
	d.free_blocks_hi = cpu_to_le16((u16)(free >> 16));
	d.flags = cpu_to_le16(le16_to_cpu(d.flags) & (u16)~EXT4_BG_BLOCK_UNINIT);
	if (fs->csum) {
		csum = ext4_bitmap_csum(fs, b->data, fs->blocks_per_group / 8);
		d.block_csum_lo = cpu_to_le16((u16)csum);
		d.block_csum_hi = cpu_to_le16((u16)(csum >> 16));
	}
	ext4_desc_put(h, g, dbuf, &d);
	ext4_brelse(b);
	WRITE_ONCE(ext4_group(fs, g)->free, free);
	return 0;
}

/* ---- allocating ---- */

/* 1..want blocks of group @g. -ENOSPC: nothing (good enough) is free. */
static int take(
	struct ext4_handle *h, u32 g, u32 goal, u32 want, bool any, u64 *out_block, u32 *out_len)
{
	struct ext4 *fs = h->fs;
	struct ext4_group *grp = ext4_group(fs, g);
	u32 start, len;
	int err;

	env_mutex_lock(&grp->lock);
	err = load(fs, g);
	if (!err && !ext4_buddy_find(grp->buddy, goal, want, &start, &len))
		err = -ENOSPC;
	if (!err && !any && goal >= grp->buddy->nblocks && len < want && len < 1u << 11)
		err = -ENOSPC;
	if (!err && !ext4_data_valid(fs, ext4_group_first(fs, g) + start, len)) {
		grp->bad_blocks = true;
		err = ext4_error(fs, 0, "group %u: metadata is free in the bitmap", g);
	}
	if (!err)
		err = change_bitmap(h, g, start, len, true);
	if (!err) {
		ext4_buddy_use(grp->buddy, start, len);
		WRITE_ONCE(grp->largest, ext4_buddy_largest(grp->buddy));
		*out_block = ext4_group_first(fs, g) + start;
		*out_len = len;
	}
	env_mutex_unlock(&grp->lock);
	return err;
}

/* Worth a look: by numbers that may be a little old. */
static bool promising(struct ext4 *fs, u32 g, u32 want, bool any)
{
	const struct ext4_group *grp = ext4_group(fs, g);
	u32 largest = READ_ONCE(grp->largest);

	if (!READ_ONCE(grp->free) || grp->bad_blocks)
		return false;
	if (largest == U32_MAX)
		return any || READ_ONCE(grp->free) >= want;
	return largest < EXT4_BUDDY_ORDERS && (any || 1u << largest >= min(want, 1u << 11));
}

static int search(struct ext4_handle *h, u64 goal, u32 want, u64 *out_block, u32 *out_len)
{
	struct ext4 *fs = h->fs;
	u32 first, off;

	if (goal < fs->first_data_block || goal >= fs->nblocks)
		goal = fs->first_data_block;
	first = (u32)((goal - fs->first_data_block) / fs->blocks_per_group);
	off = (u32)((goal - fs->first_data_block) % fs->blocks_per_group);
	for (u32 pass = 0; pass < 2; pass++) {
		for (u32 i = 0; i < fs->ngroups; i++) {
			u32 g = (first + i) % fs->ngroups;
			int err;

			if (!promising(fs, g, want, pass || !i))
				continue;
			err = take(h, g, i ? U32_MAX : off, want, pass || !i, out_block, out_len);
			if (err != -ENOSPC)
				return err;
		}
	}
	return -ENOSPC;
}

int ext4_balloc(struct ext4_handle *h, u64 goal, u32 want, u32 flags, u64 *out_block, u32 *out_len)
{
	struct ext4 *fs = h->fs;
	u64 promised = 0;
	int err;

	if (!(flags & EXT4_ALLOC_RESERVED)) {
		want = (u32)min_t(u64, want, available(fs, flags));
		if (!want || !promise(fs, want, flags))
			return -ENOSPC;
		promised = want;
	}
	err = search(h, goal, want, out_block, out_len);
	if (!err) {
		__atomic_sub_fetch(&fs->free_blocks, *out_len, __ATOMIC_ACQ_REL);
		if (flags & EXT4_ALLOC_RESERVED)
			promised = *out_len;
	}
	__atomic_sub_fetch(&fs->reserved, promised, __ATOMIC_ACQ_REL);
	return err;
}

/* ---- freeing ---- */

static int free_in_group(struct ext4_handle *h, u32 g, u64 block, u32 len)
{
	struct ext4 *fs = h->fs;
	struct ext4_group *grp = ext4_group(fs, g);
	struct ext4_freed *f = env_alloc(sizeof(*f), 0);
	unsigned long flags;
	int err;

	if (!f)
		return -ENOMEM;
	*f = (struct ext4_freed){.block = block, .len = len};
	env_mutex_lock(&grp->lock);
	err = load(fs, g); /* before the bitmap says that it is free */
	if (!err)
		err = change_bitmap(h, g, (u32)(block - ext4_group_first(fs, g)), len, false);
	env_mutex_unlock(&grp->lock);
	if (err) {
		env_free(f, sizeof(*f));
		return err == -ENOSPC ? -EUCLEAN : err;
	}
	flags = env_spin_lock(&fs->j.lock);
	list_add_tail(&f->link, &h->tx->freed);
	env_spin_unlock(&fs->j.lock, flags);
	__atomic_add_fetch(&fs->pending_blocks, len, __ATOMIC_RELAXED);
	return 0;
}

int ext4_bfree(struct ext4_handle *h, u64 block, u64 len, bool meta)
{
	struct ext4 *fs = h->fs;
	int err = 0;

	if (!ext4_data_valid(fs, block, len))
		return ext4_error(fs, 0, "freeing blocks %llu to %llu", block, block + len - 1);
	for (u64 i = 0; meta && !err && i < len; i++)
		err = ext4_tx_forget(h, block + i);
	while (!err && len) {
		u32 g = (u32)((block - fs->first_data_block) / fs->blocks_per_group);
		u32 n = (u32)min_t(
			u64, len, ext4_group_first(fs, g) + ext4_group_blocks(fs, g) - block);

		err = free_in_group(h, g, block, n);
		block += n;
		len -= n;
	}
	return err;
}

static void discard(struct ext4 *fs, u64 block, u64 len)
{
	struct ext4_bio bio;

	if (!(fs->info.flags & BLK_INFO_DISCARD))
		return;
	ext4_bio_init(&bio, fs, NULL);
	ext4_bio_add(&bio, BLK_DISCARD, 0, block, len, NULL);
	(void)!ext4_bio_wait(&bio); /* a hint */
}

void ext4_freed_release(struct ext4 *fs, struct ext4_tx *tx)
{
	struct ext4_freed *f, *tmp;

	list_for_each_entry_safe(f, tmp, &tx->freed, link) {
		u32 g = (u32)((f->block - fs->first_data_block) / fs->blocks_per_group);
		struct ext4_group *grp = ext4_group(fs, g);

		if (fs->opt.discard)
			discard(fs, f->block, f->len);
		env_mutex_lock(&grp->lock);
		if (!ext4_buddy_free(grp->buddy, (u32)(f->block - ext4_group_first(fs, g)), f->len))
			grp->bad_blocks = true;
		WRITE_ONCE(grp->largest, ext4_buddy_largest(grp->buddy));
		env_mutex_unlock(&grp->lock);
		__atomic_add_fetch(&fs->free_blocks, f->len, __ATOMIC_ACQ_REL);
		__atomic_sub_fetch(&fs->pending_blocks, f->len, __ATOMIC_RELAXED);
		list_del(&f->link);
		env_free(f, sizeof(*f));
	}
}

/* ---- discarding what is free ---- */

static int trim_group(struct ext4 *fs, u32 g, u32 from, u32 to, u32 min_len, u64 *trimmed)
{
	struct ext4_group *grp = ext4_group(fs, g);
	int err;

	env_mutex_lock(&grp->lock);
	err = load(fs, g);
	for (u32 at = from; !err && at < to;) {
		u32 run = ext4_buddy_run(grp->buddy, at, to - at);

		if (run >= min_len && run) {
			/* Under the lock: nobody takes it meanwhile. */
			discard(fs, ext4_group_first(fs, g) + at, run);
			*trimmed += run;
		}
		at += max(run, 1u);
	}
	env_mutex_unlock(&grp->lock);
	return err;
}

int ext4_trim(struct ext4 *fs, u64 start, u64 len, u64 min_len, u64 *out_trimmed)
{
	u64 end = len > fs->nblocks - min(start, fs->nblocks) ? fs->nblocks : start + len;
	int err = 0;

	*out_trimmed = 0;
	if (!(fs->info.flags & BLK_INFO_DISCARD))
		return -EOPNOTSUPP;
	for (u32 g = 0; !err && g < fs->ngroups; g++) {
		u64 first = ext4_group_first(fs, g), last = first + ext4_group_blocks(fs, g);

		if (last > start && first < end)
			err = trim_group(fs, g, (u32)(max(start, first) - first),
				(u32)(min(end, last) - first), (u32)min_t(u64, min_len, U32_MAX),
				out_trimmed);
	}
	return err;
}
