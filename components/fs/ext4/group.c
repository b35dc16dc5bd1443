/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups: where their descriptors, bitmaps and tables lie, and the list of all those zones, which
 * no file may own. With meta_bg the descriptors of a block's worth of groups lie in the first of
 * them; else all in a row behind the superblock.
 *
 * An UNINIT bitmap is not on the disk: it is made here when it is first asked for, and gets there
 * when the group is first changed.
 */
#include "impl.h"
#include <lib/sort.h>

ENV_LOCK_CLASS(ext4_group, ENV_RANK_FS + 2, "ext4: bitmaps, descriptor and buddy of a group");

#define BIT_OWNER (1u << 31) /* ext4_buf.owner of bitmaps: group + this */

static bool is_power_of(u32 g, u32 base)
{
	u32 n = base;

	while (n < g && n <= U32_MAX / base)
		n *= base;
	return n == g;
}

bool ext4_group_has_super(const struct ext4 *fs, u32 g)
{
	if (!g)
		return true;
	if (ext4_has_compat(fs, EXT4_C_SPARSE_SUPER2))
		return g == fs->backup_bgs[0] || g == fs->backup_bgs[1];
	if (g == 1 || !ext4_has_ro(fs, EXT4_R_SPARSE_SUPER))
		return true;
	return g & 1 && (is_power_of(g, 3) || is_power_of(g, 5) || is_power_of(g, 7));
}

u64 ext4_group_first(const struct ext4 *fs, u32 g)
{
	return (u64)g * fs->blocks_per_group + fs->first_data_block;
}

u32 ext4_group_blocks(const struct ext4 *fs, u32 g)
{
	u64 first = ext4_group_first(fs, g);

	return (u32)min_t(u64, fs->blocks_per_group, fs->nblocks - first);
}

u64 ext4_desc_block_of(const struct ext4 *fs, u32 g)
{
	u32 i = g / fs->descs_per_block, first;

	if (!ext4_has_incompat(fs, EXT4_I_META_BG) || i < fs->first_meta_bg)
		return (u64)fs->first_data_block + 1 + i;
	first = i * fs->descs_per_block;
	return ext4_group_first(fs, first) + ext4_group_has_super(fs, first);
}

/* Superblock and descriptors at the start of a group: how many blocks. */
static u32 base_blocks(const struct ext4 *fs, u32 g)
{
	bool super = ext4_group_has_super(fs, g);
	u32 metagroup = g / fs->descs_per_block, in = g % fs->descs_per_block;

	if (!ext4_has_incompat(fs, EXT4_I_META_BG) || metagroup < fs->first_meta_bg)
		return super ? 1 +
				       (ext4_has_incompat(fs, EXT4_I_META_BG) ? fs->first_meta_bg
									      : fs->desc_blocks) +
				       fs->reserved_gdt
			     : 0;
	return super + (in == 0 || in == 1 || in == fs->descs_per_block - 1);
}

static u64 join(struct le32 lo, struct le32 hi, bool wide)
{
	return le32_to_cpu(lo) | (wide ? (u64)le32_to_cpu(hi) << 32 : 0);
}

static u32 join16(struct le16 lo, struct le16 hi, bool wide)
{
	return le16_to_cpu(lo) | (wide ? (u32)le16_to_cpu(hi) << 16 : 0);
}

static bool wide(const struct ext4 *fs)
{
	return fs->desc_size >= 64;
}

u64 ext4_desc_inode_table(const struct ext4 *fs, const struct ext4_desc *d)
{
	return join(d->inode_table_lo, d->inode_table_hi, wide(fs));
}

u64 ext4_desc_block_bitmap(const struct ext4 *fs, const struct ext4_desc *d)
{
	return join(d->block_bitmap_lo, d->block_bitmap_hi, wide(fs));
}

u64 ext4_desc_inode_bitmap(const struct ext4 *fs, const struct ext4_desc *d)
{
	return join(d->inode_bitmap_lo, d->inode_bitmap_hi, wide(fs));
}

u32 ext4_desc_free_blocks(const struct ext4 *fs, const struct ext4_desc *d)
{
	return join16(d->free_blocks_lo, d->free_blocks_hi, wide(fs));
}

u32 ext4_desc_free_inodes(const struct ext4 *fs, const struct ext4_desc *d)
{
	return join16(d->free_inodes_lo, d->free_inodes_hi, wide(fs));
}

u32 ext4_desc_dirs(const struct ext4 *fs, const struct ext4_desc *d)
{
	return join16(d->used_dirs_lo, d->used_dirs_hi, wide(fs));
}

u32 ext4_desc_unused(const struct ext4 *fs, const struct ext4_desc *d)
{
	if (!fs->csum && !fs->gdt_csum)
		return 0;
	return min(
		join16(d->itable_unused_lo, d->itable_unused_hi, wide(fs)), fs->inodes_per_group);
}

static u32 table_blocks(const struct ext4 *fs)
{
	return fs->inodes_per_group / (fs->block_bytes / fs->inode_size);
}

static int read_desc(struct ext4 *fs, u32 g, struct ext4_buf **out_buf, struct ext4_desc *out)
{
	u64 block = ext4_desc_block_of(fs, g);
	struct ext4_buf *b;
	u64 table;
	int err = ext4_bread(fs, block, &b);

	if (err)
		return err;
	memset(out, 0, sizeof(*out));
	memcpy(out, b->data + g % fs->descs_per_block * fs->desc_size,
		min_t(u32, fs->desc_size, sizeof(*out)));
	if (le16_to_cpu(out->checksum) != ext4_desc_csum(fs, g, out) &&
		(fs->csum || fs->gdt_csum)) {
		ext4_brelse(b);
		return ext4_error(fs, 0, "the checksum of group %u's descriptor is wrong", g);
	}
	table = ext4_desc_inode_table(fs, out);
	if (table <= fs->first_data_block || table + table_blocks(fs) > fs->nblocks ||
		ext4_desc_block_bitmap(fs, out) >= fs->nblocks ||
		ext4_desc_inode_bitmap(fs, out) >= fs->nblocks ||
		ext4_desc_block_bitmap(fs, out) <= fs->first_data_block ||
		ext4_desc_inode_bitmap(fs, out) <= fs->first_data_block ||
		ext4_desc_free_inodes(fs, out) > fs->inodes_per_group ||
		ext4_desc_free_blocks(fs, out) > fs->blocks_per_group) {
		ext4_brelse(b);
		return ext4_error(fs, 0, "group %u's descriptor is broken", g);
	}
	if (out_buf)
		*out_buf = b;
	else
		ext4_brelse(b);
	return 0;
}

int ext4_desc_read(struct ext4 *fs, u32 g, struct ext4_desc *out)
{
	return read_desc(fs, g, NULL, out);
}

/* Inodes of the table that were ever used. */
static u32 used_inodes(const struct ext4 *fs, const struct ext4_desc *d)
{
	return fs->inodes_per_group - ext4_desc_unused(fs, d);
}

/*
 * The descriptor changes under the group's lock, which inodes do not take: what they ask for is
 * constant, or a hint. Before the groups are open (the journal's inode) nothing changes.
 */
int ext4_group_itable(struct ext4 *fs, u32 g, u64 *out_start, u32 *out_used)
{
	struct ext4_desc d;
	int err = 0;

	if (fs->groups) {
		*out_start = ext4_group(fs, g)->itable;
		*out_used = READ_ONCE(ext4_group(fs, g)->used_inodes);
		return 0;
	}
	err = ext4_desc_read(fs, g, &d);
	if (!err) {
		*out_start = ext4_desc_inode_table(fs, &d);
		*out_used = used_inodes(fs, &d);
	}
	return err;
}

int ext4_desc_change(struct ext4_handle *h, u32 g, struct ext4_buf **out_buf, struct ext4_desc *out)
{
	return read_desc(h->fs, g, out_buf, out);
}

void ext4_desc_put(struct ext4_handle *h, u32 g, struct ext4_buf *buf, const struct ext4_desc *d)
{
	struct ext4 *fs = h->fs;
	struct ext4_desc fresh = *d;

	fresh.checksum = cpu_to_le16(ext4_desc_csum(fs, g, &fresh));
	WRITE_ONCE(ext4_group(fs, g)->used_inodes, used_inodes(fs, d));
	ext4_tx_access(h, buf);
	memcpy(buf->data + g % fs->descs_per_block * fs->desc_size, &fresh,
		min_t(u32, fs->desc_size, sizeof(fresh)));
	ext4_brelse(buf);
}

/* ---- bitmaps ---- */

static void mark(const struct ext4 *fs, u32 g, u8 *bits, u64 block, u64 len)
{
	u64 first = ext4_group_first(fs, g), end = first + ext4_group_blocks(fs, g);

	for (u64 at = max(block, first); at < min(block + len, end); at++)
		bits[(at - first) / 8] |= (u8)(1u << ((at - first) & 7));
}

static void make_block_bitmap(const struct ext4 *fs, u32 g, const struct ext4_desc *d, u8 *bits)
{
	u32 n = ext4_group_blocks(fs, g);

	memset(bits, 0, fs->block_bytes);
	mark(fs, g, bits, ext4_group_first(fs, g), base_blocks(fs, g));
	mark(fs, g, bits, ext4_desc_block_bitmap(fs, d), 1);
	mark(fs, g, bits, ext4_desc_inode_bitmap(fs, d), 1);
	mark(fs, g, bits, ext4_desc_inode_table(fs, d), table_blocks(fs));
	for (u32 i = n; i < fs->block_bytes * 8; i++)
		bits[i / 8] |= (u8)(1u << (i & 7));
}

static int bitmap_get(struct ext4 *fs, u64 block, bool make, struct ext4_buf **out)
{
	struct ext4_buf *b;

	/* Made ones are not on the disk: what is in the cache is newer than what is there. */
	if (!make)
		return ext4_bread(fs, block, out);
	b = ext4_bfind(fs, block);
	if (b && LOAD_ACQUIRE(b->flags) & EXT4_BUF_UPTODATE && b->owner) {
		*out = b;
		return 0;
	}
	ext4_brelse(b);
	return ext4_bnew(fs, block, out);
}

int ext4_block_bitmap(struct ext4 *fs, u32 g, struct ext4_desc *d, struct ext4_buf **out)
{
	bool make = (fs->csum || fs->gdt_csum) && le16_to_cpu(d->flags) & EXT4_BG_BLOCK_UNINIT;
	u32 csum, stored = join16(d->block_csum_lo, d->block_csum_hi, wide(fs));
	struct ext4_buf *b;
	int err = bitmap_get(fs, ext4_desc_block_bitmap(fs, d), make, &b);

	if (err)
		return err;
	if (b->owner == (g | BIT_OWNER)) {
		*out = b;
		return 0;
	}
	if (make) {
		make_block_bitmap(fs, g, d, b->data);
	} else if (fs->csum) {
		csum = ext4_bitmap_csum(fs, b->data, fs->blocks_per_group / 8);
		if (stored != (wide(fs) ? csum : (csum & 0xffff))) {
			ext4_brelse(b);
			return ext4_error(
				fs, 0, "the checksum of group %u's block bitmap is wrong", g);
		}
	}
	b->owner = g | BIT_OWNER;
	*out = b;
	return 0;
}

int ext4_inode_bitmap(struct ext4 *fs, u32 g, struct ext4_desc *d, struct ext4_buf **out)
{
	bool make = (fs->csum || fs->gdt_csum) && le16_to_cpu(d->flags) & EXT4_BG_INODE_UNINIT;
	u32 csum, stored = join16(d->inode_csum_lo, d->inode_csum_hi, wide(fs));
	struct ext4_buf *b;
	int err = bitmap_get(fs, ext4_desc_inode_bitmap(fs, d), make, &b);

	if (err)
		return err;
	if (b->owner == (g | BIT_OWNER)) {
		*out = b;
		return 0;
	}
	if (make) {
		memset(b->data, 0, fs->inodes_per_group / 8);
		memset(b->data + fs->inodes_per_group / 8, 0xff,
			fs->block_bytes - fs->inodes_per_group / 8);
	} else if (fs->csum) {
		csum = ext4_bitmap_csum(fs, b->data, fs->inodes_per_group / 8);
		if (stored != (wide(fs) ? csum : (csum & 0xffff))) {
			ext4_brelse(b);
			return ext4_error(
				fs, 0, "the checksum of group %u's inode bitmap is wrong", g);
		}
	}
	b->owner = g | BIT_OWNER;
	*out = b;
	return 0;
}

/* ---- zones ---- */

static int add_zone(struct ext4 *fs, u64 start, u64 len)
{
	struct ext4_zone *last = fs->nzones ? &fs->zones[fs->nzones - 1] : NULL;

	if (!len)
		return 0;
	if (last && last->start + last->len == start) {
		last->len += len;
		return 0;
	}
	if (fs->nzones == fs->zones_cap) {
		u32 cap = fs->zones_cap ? fs->zones_cap * 2 : 64;
		struct ext4_zone *more = env_alloc(cap * sizeof(*more), 0);

		if (!more)
			return -ENOMEM;
		if (fs->zones) {
			memcpy(more, fs->zones, fs->nzones * sizeof(*more));
			env_free(fs->zones, fs->zones_cap * sizeof(*more));
		}
		fs->zones = more;
		fs->zones_cap = cap;
	}
	fs->zones[fs->nzones++] = (struct ext4_zone){start, len};
	return 0;
}

static int zone_cmp(const void *a, const void *b, void *arg)
{
	const struct ext4_zone *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

bool ext4_data_valid(const struct ext4 *fs, u64 block, u64 len)
{
	u32 lo = 0, hi = fs->nzones;

	if (block <= fs->first_data_block || block >= fs->nblocks || len > fs->nblocks - block)
		return false;
	while (lo < hi) { /* the first zone that ends behind the block */
		u32 mid = (lo + hi) / 2;

		if (fs->zones[mid].start + fs->zones[mid].len <= block)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo == fs->nzones || fs->zones[lo].start >= block + len;
}

/* ---- all of them ---- */

static int open_group(struct ext4 *fs, u32 g)
{
	struct ext4_group *grp;
	struct ext4_desc d;
	int err = 0;

	if (g % EXT4_GROUP_CHUNK == 0) {
		fs->groups[g / EXT4_GROUP_CHUNK] =
			env_alloc(EXT4_GROUP_CHUNK * sizeof(struct ext4_group), ENV_ALLOC_ZERO);
		if (!fs->groups[g / EXT4_GROUP_CHUNK])
			return -ENOMEM;
	}
	grp = ext4_group(fs, g);
	env_mutex_init(&grp->lock, &env_lock_class_ext4_group);
	grp->largest = U32_MAX;
	err = ext4_desc_read(fs, g, &d);
	if (err)
		return err;
	grp->free = ext4_desc_free_blocks(fs, &d);
	grp->free_inodes = ext4_desc_free_inodes(fs, &d);
	grp->used_dirs = ext4_desc_dirs(fs, &d);
	grp->itable = ext4_desc_inode_table(fs, &d);
	grp->used_inodes = used_inodes(fs, &d);
	fs->free_blocks += grp->free;
	fs->free_inodes += grp->free_inodes;
	fs->ndirs += grp->used_dirs;
	err = add_zone(fs, ext4_group_first(fs, g), base_blocks(fs, g));
	if (!err)
		err = add_zone(fs, ext4_desc_block_bitmap(fs, &d), 1);
	if (!err)
		err = add_zone(fs, ext4_desc_inode_bitmap(fs, &d), 1);
	if (!err)
		err = add_zone(fs, ext4_desc_inode_table(fs, &d), table_blocks(fs));
	return err;
}

/* Joined where they touch; those that overlap are an error of the disk. */
static int join_zones(struct ext4 *fs)
{
	u32 n = 0;

	sort(fs->zones, fs->nzones, sizeof(*fs->zones), zone_cmp, NULL);
	for (u32 i = 0; i < fs->nzones; i++) {
		struct ext4_zone z = fs->zones[i], *last = n ? &fs->zones[n - 1] : NULL;

		if (last && last->start + last->len > z.start)
			return ext4_error(
				fs, 0, "metadata of groups overlap at block %llu", z.start);
		if (last && last->start + last->len == z.start)
			last->len += z.len;
		else
			fs->zones[n++] = z;
	}
	fs->nzones = n;
	return 0;
}

int ext4_groups_open(struct ext4 *fs)
{
	u32 chunks = DIV_ROUND_UP(fs->ngroups, EXT4_GROUP_CHUNK);
	int err = 0;

	fs->groups = env_alloc(chunks * sizeof(*fs->groups), ENV_ALLOC_ZERO);
	if (!fs->groups)
		return -ENOMEM;
	for (u32 g = 0; !err && g < fs->ngroups; g++)
		err = open_group(fs, g);
	if (!err)
		err = join_zones(fs);
	if (!err && fs->free_blocks > fs->nblocks)
		err = ext4_error(fs, 0, "more free blocks than blocks");
	if (!err && !fs->overhead) {
		for (u32 i = 0; i < fs->nzones; i++)
			fs->overhead += fs->zones[i].len;
	}
	return err;
}

void ext4_groups_close(struct ext4 *fs)
{
	u32 chunks = DIV_ROUND_UP(fs->ngroups, EXT4_GROUP_CHUNK);

	if (!fs->groups)
		return;
	for (u32 g = 0; g < fs->ngroups && fs->groups[g / EXT4_GROUP_CHUNK]; g++) {
		struct ext4_group *grp = ext4_group(fs, g);

		if (grp->buddy)
			env_free(grp->buddy, ext4_buddy_bytes(ext4_group_blocks(fs, g)));
	}
	for (u32 i = 0; i < chunks; i++)
		env_free(fs->groups[i], EXT4_GROUP_CHUNK * sizeof(struct ext4_group));
	env_free(fs->groups, chunks * sizeof(*fs->groups));
	if (fs->zones)
		env_free(fs->zones, fs->zones_cap * sizeof(*fs->zones));
	fs->groups = NULL;
	fs->zones = NULL;
}
