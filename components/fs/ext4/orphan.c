/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Orphans: inodes that a crash would leave without a name or half cut. They stand in slots of the
 * orphan file, or, when there is none or it is full, on a list through the superblock and i_dtime,
 * of which every inode is a node in memory. The next mount deletes or cuts what it finds there.
 */
#include "impl.h"
#include <lib/crc.h>

ENV_LOCK_CLASS(ext4_orphans, ENV_RANK_FS + 1, "ext4: orphan list and file, superblock");

static u32 slots_per_block(const struct ext4 *fs)
{
	return (fs->block_bytes - (u32)sizeof(struct ext4_orphan_tail)) / 4;
}

static u32 block_csum(const struct ext4 *fs, u64 block, const u8 *data)
{
	struct le64 nr = cpu_to_le64(block);
	u32 c = crc32c_update(ext4_inode_seed(fs, fs->orphan_ino, fs->orphan_generation), &nr, 8);

	return crc32c_update(c, data, slots_per_block(fs) * 4);
}

static struct ext4_orphan_tail *tail_of(const struct ext4 *fs, u8 *data)
{
	return (struct ext4_orphan_tail *)(data + fs->block_bytes -
					   sizeof(struct ext4_orphan_tail));
}

static int read_block(struct ext4 *fs, u32 i, struct ext4_buf **out)
{
	int err = ext4_bread(fs, fs->orphan_map[i], out);

	if (err)
		return err;
	if (le32_to_cpu(tail_of(fs, (*out)->data)->magic) == EXT4_ORPHAN_MAGIC &&
		(!fs->csum || le32_to_cpu(tail_of(fs, (*out)->data)->checksum) ==
				      block_csum(fs, fs->orphan_map[i], (*out)->data)))
		return 0;
	ext4_brelse(*out);
	return ext4_error(fs, fs->orphan_ino, "block %u of the orphan file is broken", i);
}

static void put_slot(struct ext4_handle *h, struct ext4_buf *b, u32 slot, u32 ino)
{
	ext4_tx_access(h, b);
	store_le32(b->data + slot * 4, ino);
	if (h->fs->csum)
		tail_of(h->fs, b->data)->checksum =
			cpu_to_le32(block_csum(h->fs, b->block, b->data));
}

static int open_file(struct ext4 *fs, struct ext4_node *n)
{
	u32 blocks = (u32)min_t(u64, n->size >> fs->block_bits, 512);

	if (!ext4_is_reg(n) || !blocks || n->size & (fs->block_bytes - 1))
		return ext4_error(fs, n->ino, "is not an orphan file");
	fs->orphan_generation = n->generation;
	fs->orphan_map = env_alloc(blocks * sizeof(*fs->orphan_map), ENV_ALLOC_ZERO);
	fs->orphan_free = env_alloc(blocks * sizeof(*fs->orphan_free), ENV_ALLOC_ZERO);
	fs->orphan_blocks = blocks;
	if (!fs->orphan_map || !fs->orphan_free)
		return -ENOMEM;
	for (u32 i = 0; i < blocks; i++) {
		struct ext4_map m;
		struct ext4_buf *b;
		int err = ext4_map(n, i, &m);

		if (!err && (!m.pblk || m.unwritten))
			err = ext4_error(fs, n->ino, "block %u of the orphan file is missing", i);
		if (err)
			return err;
		fs->orphan_map[i] = m.pblk;
		err = read_block(fs, i, &b);
		if (err)
			return err;
		for (u32 k = 0; k < slots_per_block(fs); k++)
			fs->orphan_free[i] += !load_le32(b->data + k * 4);
		ext4_brelse(b);
	}
	return 0;
}

void ext4_orphan_init(struct ext4 *fs)
{
	env_mutex_init(&fs->orphan_lock, &env_lock_class_ext4_orphans);
	list_init(&fs->orphans);
}

int ext4_orphan_open(struct ext4 *fs)
{
	struct ext4_node *n;
	int err;

	if (!fs->orphan_ino)
		return 0;
	err = ext4_node_get(fs, fs->orphan_ino, NULL, &n);
	if (err)
		return err == -ESTALE ? ext4_error(fs, fs->orphan_ino, "the orphan file is free")
				      : err;
	err = open_file(fs, n);
	ext4_node_put(n, 1);
	return err;
}

void ext4_orphan_close(struct ext4 *fs)
{
	if (fs->orphan_map)
		env_free(fs->orphan_map, fs->orphan_blocks * sizeof(*fs->orphan_map));
	if (fs->orphan_free)
		env_free(fs->orphan_free, fs->orphan_blocks * sizeof(*fs->orphan_free));
	fs->orphan_map = NULL;
	fs->orphan_free = NULL;
}

bool ext4_orphan_left(struct ext4 *fs)
{
	for (u32 i = 0; i < fs->orphan_blocks; i++) {
		if (fs->orphan_free[i] != slots_per_block(fs))
			return true;
	}
	return false;
}

static int add_to_file(struct ext4_handle *h, struct ext4_node *n)
{
	struct ext4 *fs = h->fs;

	for (u32 k = 0; k < fs->orphan_blocks; k++) {
		u32 i = (fs->orphan_hint + k) % fs->orphan_blocks, slot = 0;
		struct ext4_buf *b;
		int err;

		if (!fs->orphan_free[i])
			continue;
		err = read_block(fs, i, &b);
		if (err)
			return err;
		while (slot < slots_per_block(fs) && load_le32(b->data + slot * 4))
			slot++;
		if (slot < slots_per_block(fs)) {
			put_slot(h, b, slot, n->ino);
			fs->orphan_free[i]--;
			n->orphan_slot = i * slots_per_block(fs) + slot + 1;
		}
		ext4_brelse(b);
		fs->orphan_hint = i;
		if (n->orphan_slot)
			return 0;
	}
	return -ENOSPC;
}

int ext4_orphan_add(struct ext4_handle *h, struct ext4_node *n)
{
	struct ext4 *fs = h->fs;
	struct ext4_super *sb;
	int err = -ENOSPC;

	env_mutex_lock(&fs->orphan_lock);
	if (n->orphan_slot || n->orphan_listed)
		err = 0;
	else if (fs->orphan_blocks)
		err = add_to_file(h, n);
	if (err == -ENOSPC) {
		sb = ext4_super_change(h);
		err = ext4_node_write_dtime(h, n, le32_to_cpu(sb->last_orphan));
		sb->last_orphan = cpu_to_le32(n->ino);
		ext4_super_changed(h);
		n->orphan_listed = true;
		list_add(&n->orphan_link, &fs->orphans);
	}
	env_mutex_unlock(&fs->orphan_lock);
	return err;
}

static int del_from_file(struct ext4_handle *h, struct ext4_node *n)
{
	struct ext4 *fs = h->fs;
	u32 at = n->orphan_slot - 1, i = at / slots_per_block(fs);
	struct ext4_buf *b;
	int err = read_block(fs, i, &b);

	if (err)
		return err;
	put_slot(h, b, at % slots_per_block(fs), 0);
	fs->orphan_free[i]++;
	n->orphan_slot = 0;
	ext4_brelse(b);
	return 0;
}

static int del_from_list(struct ext4_handle *h, struct ext4_node *n)
{
	struct ext4 *fs = h->fs;
	struct ext4_super *sb;
	struct ext4_node *before;
	int err = 0;

	if (list_is_first(&n->orphan_link, &fs->orphans)) {
		sb = ext4_super_change(h);
		sb->last_orphan = cpu_to_le32(n->dtime);
		ext4_super_changed(h);
	} else {
		before = list_prev_entry(n, orphan_link);
		err = ext4_node_write_dtime(h, before, n->dtime);
	}
	list_del_init(&n->orphan_link);
	n->orphan_listed = false;
	return err ? err : ext4_node_write_dtime(h, n, 0);
}

int ext4_orphan_del(struct ext4_handle *h, struct ext4_node *n)
{
	struct ext4 *fs = h->fs;
	int err = 0;

	env_mutex_lock(&fs->orphan_lock);
	if (n->orphan_slot)
		err = del_from_file(h, n);
	else if (n->orphan_listed)
		err = del_from_list(h, n);
	env_mutex_unlock(&fs->orphan_lock);
	return err;
}

/* ---- after a crash ---- */

static int finish_orphan(struct ext4_node *n)
{
	struct ext4_handle h;
	int err = 0;

	if (!n->nlink)
		return 0; /* the last put deletes it */
	if (n->flags & EXT4_FL_EXTENTS)
		err = ext4_remove_blocks(n, ext4_blocks_of(n->fs, n->size), 1ull << 32);
	if (!err)
		err = ext4_tx_begin(n->fs, EXT4_CR_ORPHAN, &h);
	return err ? err : ext4_tx_end(&h, ext4_orphan_del(&h, n));
}

static int recover_slot(struct ext4 *fs, u32 at, u32 ino)
{
	struct ext4_node *n;
	int err = ino < fs->first_ino ? ext4_error(fs, ino, "is no orphan")
				      : ext4_node_get_orphan(fs, ino, &n);

	if (err)
		return err == -ESTALE ? ext4_error(fs, ino, "an orphan is free") : err;
	n->orphan_slot = at + 1;
	err = finish_orphan(n);
	ext4_node_put(n, 1);
	return err;
}

static int recover_file(struct ext4 *fs, u32 *done)
{
	for (u32 i = 0; i < fs->orphan_blocks; i++) {
		struct ext4_buf *b;
		int err = read_block(fs, i, &b);

		if (err)
			return err;
		for (u32 k = 0; !err && k < slots_per_block(fs); k++) {
			u32 ino = load_le32(b->data + k * 4);

			if (!ino)
				continue;
			err = recover_slot(fs, i * slots_per_block(fs) + k, ino);
			++*done;
		}
		ext4_brelse(b);
		if (err)
			return err;
	}
	return 0;
}

/* The whole list into memory, in order; then from its head. */
static int load_list(struct ext4 *fs)
{
	u32 ino = le32_to_cpu(ext4_sb(fs)->last_orphan);

	while (ino) {
		struct ext4_node *n;
		int err = ino < fs->first_ino ? ext4_error(fs, ino, "is no orphan")
					      : ext4_node_get_orphan(fs, ino, &n);

		if (err)
			return err == -ESTALE ? ext4_error(fs, ino, "an orphan is free") : err;
		if (n->orphan_listed) {
			ext4_node_put(n, 1);
			return ext4_error(fs, ino, "the orphan list runs in a circle");
		}
		n->orphan_listed = true;
		list_add_tail(&n->orphan_link, &fs->orphans);
		ino = n->dtime;
	}
	return 0;
}

int ext4_orphan_recover(struct ext4 *fs)
{
	struct ext4_node *n, *next;
	u32 done = 0;
	int err = load_list(fs);

	list_for_each_entry_safe(n, next, &fs->orphans, orphan_link) {
		if (!err)
			err = finish_orphan(n);
		if (err)
			ext4_journal_abort(fs, err); /* the rest stays on the disk as it is */
		ext4_node_put(n, 1);
		done++;
	}
	if (!err)
		err = recover_file(fs, &done);
	if (done)
		env_log(ENV_LOG_INFO, "ext4: %u orphans were deleted or cut", done);
	return err;
}
