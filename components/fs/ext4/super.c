/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The superblock: what it may say and what this code makes of it. Every number is checked here, so
 * that no other file divides by zero, shifts too far or leaves the disk because of it.
 */
#include "impl.h"
#include <lib/bits.h>

#define KNOWN_INCOMPAT                                                                       \
	(EXT4_I_FILETYPE | EXT4_I_RECOVER | EXT4_I_META_BG | EXT4_I_EXTENTS | EXT4_I_64BIT | \
		EXT4_I_FLEX_BG | EXT4_I_EA_INODE | EXT4_I_CSUM_SEED | EXT4_I_LARGEDIR |      \
		EXT4_I_INLINE_DATA)
#define KNOWN_RO                                                                                 \
	(EXT4_R_SPARSE_SUPER | EXT4_R_LARGE_FILE | EXT4_R_BTREE_DIR | EXT4_R_HUGE_FILE |         \
		EXT4_R_GDT_CSUM | EXT4_R_DIR_NLINK | EXT4_R_EXTRA_ISIZE | EXT4_R_METADATA_CSUM | \
		EXT4_R_PROJECT | EXT4_R_ORPHAN_PRESENT)

int ext4_writable(const struct ext4 *fs)
{
	return fs->readonly || READ_ONCE(fs->dead) ? -EROFS : 0;
}

int ext4_error(struct ext4 *fs, u32 ino, const char *fmt, ...)
{
	char text[160];
	va_list args;

	va_start(args, fmt);
	vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (ino)
		env_log(ENV_LOG_ERR, "ext4: inode %u: %s", ino, text);
	else
		env_log(ENV_LOG_ERR, "ext4: %s", text);
	if (fs->started) {
		WRITE_ONCE(fs->mark_error, true);
		WRITE_ONCE(fs->event_ino, ino);
		WRITE_ONCE(fs->event_error, -EUCLEAN);
		env_work_queue(&fs->error_work);
		if (fs->opt.errors == EXT4_ERRORS_PANIC)
			env_bug(__FILE__, __LINE__, "ext4: errors=panic");
		if (fs->opt.errors != EXT4_ERRORS_CONTINUE)
			ext4_journal_abort(fs, -EUCLEAN);
	}
	return -EUCLEAN;
}

static int refuse(const char *what)
{
	env_log(ENV_LOG_ERR, "ext4: mount refused: %s", what);
	return -EUCLEAN;
}

static int check_features(struct ext4 *fs, bool want_write)
{
	static const struct {
		u32 bit;
		const char *name;
	} names[] = {{EXT4_I_COMPRESSION, "compression"}, {EXT4_I_JOURNAL_DEV, "journal_dev"},
		{EXT4_I_MMP, "mmp"}, {EXT4_I_DIRDATA, "dirdata"}, {EXT4_I_ENCRYPT, "encrypt"},
		{EXT4_I_CASEFOLD, "casefold"}};
	u32 unknown = fs->incompat & ~KNOWN_INCOMPAT;

	if (unknown) {
		for (u32 i = 0; i < ARRAY_SIZE(names); i++) {
			if (unknown & names[i].bit)
				env_log(ENV_LOG_ERR,
					"ext4: mount refused: feature '%s' is not supported",
					names[i].name);
			unknown &= ~names[i].bit;
		}
		if (unknown)
			env_log(ENV_LOG_ERR,
				"ext4: mount refused: unknown incompatible features %#x", unknown);
		return -EOPNOTSUPP;
	}
	if (!want_write)
		return 0;
	if (fs->ro_compat & ~KNOWN_RO) {
		env_log(ENV_LOG_ERR, "ext4: features %#x allow to mount it read-only only",
			fs->ro_compat & ~KNOWN_RO);
		return -EROFS;
	}
	if (ext4_has_incompat(fs, EXT4_I_EA_INODE)) {
		env_log(ENV_LOG_ERR,
			"ext4: with the feature ea_inode it is mounted read-only only");
		return -EROFS;
	}
	if (!ext4_has_incompat(fs, EXT4_I_EXTENTS)) {
		env_log(ENV_LOG_ERR,
			"ext4: without the feature extents it is mounted read-only only");
		return -EROFS;
	}
	return 0;
}

static int check_geometry(struct ext4 *fs, const struct ext4_super *sb)
{
	u32 log = le32_to_cpu(sb->log_block_size), bits = fs->block_bytes * 8;
	u64 groups;

	if (log > EXT4_MAX_BITS - EXT4_MIN_BITS)
		return refuse("block size");
	if (fs->inode_size < EXT4_OLD_INODE || fs->inode_size > fs->block_bytes ||
		fs->inode_size & (fs->inode_size - 1))
		return refuse("inode size");
	if (!fs->inodes_per_group || fs->inodes_per_group > bits ||
		fs->inodes_per_group % (fs->block_bytes / fs->inode_size) ||
		fs->inodes_per_group % 8)
		return refuse("inodes per group");
	if (fs->blocks_per_group < 256 || fs->blocks_per_group > bits || fs->blocks_per_group % 8)
		return refuse("blocks per group");
	if (ext4_has_incompat(fs, EXT4_I_64BIT)
			? fs->desc_size < 64 || fs->desc_size > fs->block_bytes ||
				  fs->desc_size & (fs->desc_size - 1)
			: fs->desc_size != EXT4_DESC_SMALL)
		return refuse("descriptor size");
	if (fs->first_data_block != (fs->block_bytes == 1024))
		return refuse("first data block");
	if (fs->nblocks <= fs->first_data_block || fs->nblocks >> 48)
		return refuse("number of blocks");
	groups = (fs->nblocks - fs->first_data_block + fs->blocks_per_group - 1) /
		 fs->blocks_per_group;
	if (groups > U32_MAX / fs->inodes_per_group || groups * fs->inodes_per_group != fs->ninodes)
		return refuse("number of inodes");
	fs->ngroups = (u32)groups;
	if (fs->first_ino < 11 || fs->first_ino > fs->ninodes || fs->flex_bits > 31)
		return refuse("first inode or flex_bg size");
	if (fs->nblocks << (fs->block_bits - 9) > fs->info.capacity512) {
		env_log(ENV_LOG_ERR, "ext4: mount refused: %llu blocks on a device of %llu",
			fs->nblocks, fs->info.capacity512 >> (fs->block_bits - 9));
		return -EUCLEAN;
	}
	fs->descs_per_block = fs->block_bytes / fs->desc_size;
	fs->desc_blocks = DIV_ROUND_UP(fs->ngroups, fs->descs_per_block);
	if (fs->reserved_gdt > fs->block_bytes / 4 ||
		(ext4_has_incompat(fs, EXT4_I_META_BG) && fs->first_meta_bg > fs->desc_blocks))
		return refuse("reserved descriptors");
	return 0;
}

static void read_fields(struct ext4 *fs, const struct ext4_super *sb)
{
	bool b64;

	fs->compat = le32_to_cpu(sb->feature_compat);
	fs->incompat = le32_to_cpu(sb->feature_incompat);
	fs->ro_compat = le32_to_cpu(sb->feature_ro_compat);
	b64 = ext4_has_incompat(fs, EXT4_I_64BIT);
	fs->nblocks = le32_to_cpu(sb->blocks_count_lo) |
		      (b64 ? (u64)le32_to_cpu(sb->blocks_count_hi) << 32 : 0);
	fs->root_blocks = le32_to_cpu(sb->r_blocks_count_lo) |
			  (b64 ? (u64)le32_to_cpu(sb->r_blocks_count_hi) << 32 : 0);
	fs->ninodes = le32_to_cpu(sb->inodes_count);
	fs->inode_size = le32_to_cpu(sb->rev_level) ? le16_to_cpu(sb->inode_size) : EXT4_OLD_INODE;
	fs->first_ino = le32_to_cpu(sb->rev_level) ? le32_to_cpu(sb->first_ino) : 11;
	fs->inodes_per_group = le32_to_cpu(sb->inodes_per_group);
	fs->blocks_per_group = le32_to_cpu(sb->blocks_per_group);
	fs->first_data_block = le32_to_cpu(sb->first_data_block);
	fs->desc_size = b64 ? le16_to_cpu(sb->desc_size) : EXT4_DESC_SMALL;
	fs->reserved_gdt = le16_to_cpu(sb->reserved_gdt_blocks);
	fs->first_meta_bg = le32_to_cpu(sb->first_meta_bg);
	fs->flex_bits = ext4_has_incompat(fs, EXT4_I_FLEX_BG) ? sb->log_groups_per_flex : 0;
	fs->want_extra_isize = EXT4_EXTRA_ISIZE;
	fs->overhead = le32_to_cpu(sb->overhead_blocks);
	fs->backup_bgs[0] = le32_to_cpu(sb->backup_bgs[0]);
	fs->backup_bgs[1] = le32_to_cpu(sb->backup_bgs[1]);
	for (u32 i = 0; i < 4; i++)
		fs->hash_seed[i] = le32_to_cpu(sb->hash_seed[i]);
	fs->hash_version = sb->def_hash_version;
	fs->hash_unsigned = le32_to_cpu(sb->flags) & EXT4_SB_UNSIGNED_HASH ? EXT4_HASH_UNSIGNED : 0;
	fs->orphan_ino =
		ext4_has_compat(fs, EXT4_C_ORPHAN_FILE) ? le32_to_cpu(sb->orphan_file_inum) : 0;
	memcpy(fs->uuid, sb->uuid, sizeof(fs->uuid));
	fs->max_bytes = (u64)(U32_MAX - 1) << fs->block_bits;
}

static int check_csum(struct ext4 *fs, const struct ext4_super *sb)
{
	fs->csum = ext4_has_ro(fs, EXT4_R_METADATA_CSUM);
	fs->gdt_csum = !fs->csum && ext4_has_ro(fs, EXT4_R_GDT_CSUM);
	if (fs->csum && (sb->checksum_type != 1 || !ext4_super_csum_ok(sb)))
		return refuse("the superblock's checksum is wrong");
	fs->csum_seed = ext4_has_incompat(fs, EXT4_I_CSUM_SEED) ? le32_to_cpu(sb->checksum_seed)
								: ext4_uuid_seed(sb->uuid);
	return 0;
}

/* The 1024 bytes at 1024, before the size of blocks is known. */
static int read_first(struct ext4 *fs, struct ext4_super *sb)
{
	u32 bytes = max_t(u32, 4096, fs->info.logical_bytes);
	u8 *mem = env_alloc(bytes, 0);
	int err;

	if (!mem)
		return -ENOMEM;
	fs->block_bits = ctz32(bytes);
	fs->block_bytes = bytes;
	err = fs->info.capacity512 < bytes / 512 ? -EINVAL
						 : ext4_rw(fs, BLK_READ, BLK_PRIO, 0, 1, mem);
	memcpy(sb, mem + EXT4_SB_OFFSET, sizeof(*sb));
	env_free(mem, bytes);
	return err;
}

static int take_super(struct ext4 *fs, const struct ext4_super *sb, bool want_write)
{
	int err;

	if (le16_to_cpu(sb->magic) != EXT4_MAGIC)
		return -EINVAL;
	if (le32_to_cpu(sb->rev_level) > 1 || le32_to_cpu(sb->log_block_size) > 6)
		return refuse("revision or block size");
	fs->block_bits = EXT4_MIN_BITS + le32_to_cpu(sb->log_block_size);
	fs->block_bytes = 1u << fs->block_bits;
	read_fields(fs, sb);
	err = check_csum(fs, sb);
	if (!err)
		err = check_features(fs, want_write);
	if (err)
		return err;
	if (fs->block_bytes > 4096 || fs->block_bytes < fs->info.logical_bytes) {
		env_log(ENV_LOG_ERR, "ext4: mount refused: blocks of %u bytes", fs->block_bytes);
		return -EOPNOTSUPP;
	}
	return check_geometry(fs, sb);
}

int ext4_super_read(struct ext4 *fs, bool want_write)
{
	struct ext4_super *sb = env_alloc(sizeof(*sb), 0);
	int err = sb ? read_first(fs, sb) : -ENOMEM;

	if (!err)
		err = take_super(fs, sb, want_write);
	if (sb)
		env_free(sb, sizeof(*sb));
	return err;
}

static void put_counts(struct ext4 *fs, struct ext4_super *sb)
{
	u64 free = READ_ONCE(fs->free_blocks) + READ_ONCE(fs->pending_blocks);

	sb->free_blocks_count_lo = cpu_to_le32((u32)free);
	if (ext4_has_incompat(fs, EXT4_I_64BIT))
		sb->free_blocks_count_hi = cpu_to_le32((u32)(free >> 32));
	sb->free_inodes_count = cpu_to_le32((u32)READ_ONCE(fs->free_inodes));
}

static void put_time(struct le32 *lo, u8 *hi)
{
	u64 now = (u64)(env_time() / 1000000000);

	*lo = cpu_to_le32((u32)now);
	*hi = (u8)(now >> 32);
}

static void set_flag(struct le32 *field, u32 flag, bool on)
{
	u32 v = le32_to_cpu(*field);

	*field = cpu_to_le32(on ? v | flag : v & ~flag);
}

int ext4_super_write(struct ext4 *fs, bool mounted)
{
	struct ext4_super *sb = ext4_sb(fs);
	u16 state = le16_to_cpu(sb->state);

	if (mounted) {
		put_time(&sb->mtime, &sb->mtime_hi);
		sb->mnt_count = cpu_to_le16((u16)(le16_to_cpu(sb->mnt_count) + 1));
	}
	if (!fs->j.has_log)
		state = (u16)(mounted ? state & ~EXT4_VALID_FS : state | fs->was_valid);
	sb->state = cpu_to_le16(state);
	put_time(&sb->wtime, &sb->wtime_hi);
	set_flag(&sb->feature_incompat, EXT4_I_RECOVER, mounted && fs->j.has_log);
	if (ext4_has_compat(fs, EXT4_C_ORPHAN_FILE))
		set_flag(&sb->feature_ro_compat, EXT4_R_ORPHAN_PRESENT,
			mounted || ext4_orphan_left(fs));
	put_counts(fs, sb);
	ext4_super_csum_set(fs, sb);
	return ext4_rw(fs, BLK_WRITE, BLK_PRIO | BLK_FUA, fs->sb->block, 1, fs->sb->data);
}

/*
 * Tell the client, and say on the disk, that errors were found. On the disk: into the superblock as
 * it is there, because the one in memory may hold changes that are not committed.
 */
void ext4_super_mark_error(struct env_work *w)
{
	struct ext4 *fs = container_of(w, struct ext4, error_work);
	u8 *block = env_alloc(fs->block_bytes, 0);
	struct ext4_super *sb = (struct ext4_super *)(block + fs->sb_off);
	s32 event = __atomic_exchange_n(&fs->event_error, 0, __ATOMIC_ACQ_REL);
	struct le32 when;
	u8 when_hi;

	if (event && fs->client_ops)
		fs->client_ops->event(
			fs->client, event, READ_ONCE(fs->event_ino), READ_ONCE(fs->dead));
	if (!block)
		return;
	put_time(&when, &when_hi);
	if (READ_ONCE(fs->mark_error) && !fs->readonly &&
		!ext4_rw(fs, BLK_READ, 0, fs->sb->block, 1, block) &&
		le16_to_cpu(sb->magic) == EXT4_MAGIC) {
		sb->state = cpu_to_le16(le16_to_cpu(sb->state) | EXT4_ERROR_FS);
		if (!le32_to_cpu(sb->error_count)) {
			sb->first_error_time = when;
			sb->first_error_time_hi = when_hi;
		}
		sb->error_count = cpu_to_le32(le32_to_cpu(sb->error_count) + 1);
		sb->last_error_time = when;
		sb->last_error_time_hi = when_hi;
		ext4_super_csum_set(fs, sb);
		(void)!ext4_rw(fs, BLK_WRITE, 0, fs->sb->block, 1, block);
	}
	env_free(block, fs->block_bytes);
}

struct ext4_super *ext4_super_change(struct ext4_handle *h)
{
	ext4_tx_access(h, h->fs->sb);
	return ext4_sb(h->fs);
}

void ext4_super_changed(struct ext4_handle *h)
{
	ext4_super_csum_set(h->fs, ext4_sb(h->fs));
}
