/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * ext4 on the disk: little-endian but for the journal, which is big-endian.
 * Source: the kernel's public description, Documentation/filesystems/ext4 ("Data Structures and
 * Algorithms") and its chapter on jbd2. Names follow it, so that debugfs' output can be read here.
 */
#include <lib/compiler.h>
#include <lib/endian.h>
#include <lib/types.h>

#define EXT4_SB_OFFSET   1024
#define EXT4_MAGIC       0xef53
#define EXT4_MIN_BITS    10
#define EXT4_MAX_BITS    16
#define EXT4_ROOT_INO    2
#define EXT4_RESIZE_INO  7
#define EXT4_JOURNAL_INO 8
#define EXT4_N_BLOCKS    15
#define EXT4_OLD_INODE   128
#define EXT4_LINK_MAX    65000

enum ext4_state { EXT4_VALID_FS = 1, EXT4_ERROR_FS = 2, EXT4_ORPHAN_FS = 4 };
enum ext4_errors { EXT4_ERRORS_CONTINUE = 1, EXT4_ERRORS_RO = 2, EXT4_ERRORS_PANIC = 3 };
enum ext4_sb_flags { EXT4_SB_SIGNED_HASH = 1, EXT4_SB_UNSIGNED_HASH = 2 };

enum ext4_compat {
	EXT4_C_HAS_JOURNAL = 0x4,
	EXT4_C_EXT_ATTR = 0x8,
	EXT4_C_RESIZE_INODE = 0x10,
	EXT4_C_DIR_INDEX = 0x20,
	EXT4_C_SPARSE_SUPER2 = 0x200,
	EXT4_C_FAST_COMMIT = 0x400,
	EXT4_C_ORPHAN_FILE = 0x1000,
};

enum ext4_incompat {
	EXT4_I_COMPRESSION = 0x1,
	EXT4_I_FILETYPE = 0x2,
	EXT4_I_RECOVER = 0x4,
	EXT4_I_JOURNAL_DEV = 0x8,
	EXT4_I_META_BG = 0x10,
	EXT4_I_EXTENTS = 0x40,
	EXT4_I_64BIT = 0x80,
	EXT4_I_MMP = 0x100,
	EXT4_I_FLEX_BG = 0x200,
	EXT4_I_EA_INODE = 0x400,
	EXT4_I_DIRDATA = 0x1000,
	EXT4_I_CSUM_SEED = 0x2000,
	EXT4_I_LARGEDIR = 0x4000,
	EXT4_I_INLINE_DATA = 0x8000,
	EXT4_I_ENCRYPT = 0x10000,
	EXT4_I_CASEFOLD = 0x20000,
};

enum ext4_ro_compat {
	EXT4_R_SPARSE_SUPER = 0x1,
	EXT4_R_LARGE_FILE = 0x2,
	EXT4_R_BTREE_DIR = 0x4,
	EXT4_R_HUGE_FILE = 0x8,
	EXT4_R_GDT_CSUM = 0x10,
	EXT4_R_DIR_NLINK = 0x20,
	EXT4_R_EXTRA_ISIZE = 0x40,
	EXT4_R_QUOTA = 0x100,
	EXT4_R_BIGALLOC = 0x200,
	EXT4_R_METADATA_CSUM = 0x400,
	EXT4_R_READONLY = 0x1000,
	EXT4_R_PROJECT = 0x2000,
	EXT4_R_SHARED_BLOCKS = 0x4000,
	EXT4_R_VERITY = 0x8000,
	EXT4_R_ORPHAN_PRESENT = 0x10000,
};

struct ext4_super {
	struct le32 inodes_count, blocks_count_lo, r_blocks_count_lo, free_blocks_count_lo;
	struct le32 free_inodes_count, first_data_block, log_block_size, log_cluster_size;
	struct le32 blocks_per_group, clusters_per_group, inodes_per_group, mtime;
	struct le32 wtime;
	struct le16 mnt_count, max_mnt_count, magic, state, errors, minor_rev_level;
	struct le32 lastcheck, checkinterval, creator_os, rev_level;
	struct le16 def_resuid, def_resgid;
	struct le32 first_ino;
	struct le16 inode_size, block_group_nr;
	struct le32 feature_compat, feature_incompat, feature_ro_compat;
	u8 uuid[16];
	char volume_name[16], last_mounted[64];
	struct le32 algorithm_usage_bitmap;
	u8 prealloc_blocks, prealloc_dir_blocks;
	struct le16 reserved_gdt_blocks;
	u8 journal_uuid[16];
	struct le32 journal_inum, journal_dev, last_orphan;
	struct le32 hash_seed[4];
	u8 def_hash_version, jnl_backup_type;
	struct le16 desc_size;
	struct le32 default_mount_opts, first_meta_bg, mkfs_time, jnl_blocks[17];
	struct le32 blocks_count_hi, r_blocks_count_hi, free_blocks_count_hi;
	struct le16 min_extra_isize, want_extra_isize;
	struct le32 flags;
	struct le16 raid_stride, mmp_update_interval;
	struct le64 mmp_block;
	struct le32 raid_stripe_width;
	u8 log_groups_per_flex, checksum_type, encryption_level, reserved_pad;
	struct le64 kbytes_written;
	struct le32 snapshot_inum, snapshot_id;
	struct le64 snapshot_r_blocks_count;
	struct le32 snapshot_list, error_count, first_error_time, first_error_ino;
	struct le64 first_error_block;
	u8 first_error_func[32];
	struct le32 first_error_line, last_error_time, last_error_ino, last_error_line;
	struct le64 last_error_block;
	u8 last_error_func[32], mount_opts[64];
	struct le32 usr_quota_inum, grp_quota_inum, overhead_blocks, backup_bgs[2];
	u8 encrypt_algos[4], encrypt_pw_salt[16];
	struct le32 lpf_ino, prj_quota_inum, checksum_seed;
	u8 wtime_hi, mtime_hi, mkfs_time_hi, lastcheck_hi, first_error_time_hi, last_error_time_hi;
	u8 first_error_errcode, last_error_errcode;
	struct le16 encoding, encoding_flags;
	struct le32 orphan_file_inum, reserved[94], checksum;
};
static_assert(sizeof(struct ext4_super) == 1024, "superblock");
static_assert(offsetof(struct ext4_super, checksum_seed) == 0x270, "superblock");
static_assert(offsetof(struct ext4_super, hash_seed) == 0xec, "superblock");
static_assert(offsetof(struct ext4_super, orphan_file_inum) == 0x280, "superblock");

enum ext4_bg_flags {
	EXT4_BG_INODE_UNINIT = 1,
	EXT4_BG_BLOCK_UNINIT = 2,
	EXT4_BG_INODE_ZEROED = 4,
};

struct ext4_desc { /* 32 bytes, or desc_size (64) with the second half */
	struct le32 block_bitmap_lo, inode_bitmap_lo, inode_table_lo;
	struct le16 free_blocks_lo, free_inodes_lo, used_dirs_lo, flags;
	struct le32 exclude_bitmap_lo;
	struct le16 block_csum_lo, inode_csum_lo, itable_unused_lo, checksum;
	struct le32 block_bitmap_hi, inode_bitmap_hi, inode_table_hi;
	struct le16 free_blocks_hi, free_inodes_hi, used_dirs_hi, itable_unused_hi;
	struct le32 exclude_bitmap_hi;
	struct le16 block_csum_hi, inode_csum_hi;
	struct le32 reserved;
};
static_assert(sizeof(struct ext4_desc) == 64, "group descriptor");
#define EXT4_DESC_SMALL 32

struct ext4_raw_inode { /* 128 bytes, then those that extra_isize counts */
	struct le16 mode, uid;
	struct le32 size_lo, atime, ctime, mtime, dtime;
	struct le16 gid, links;
	struct le32 blocks_lo, flags, version;
	u8 block[60];
	struct le32 generation, file_acl_lo, size_hi, obso_faddr;
	struct le16 blocks_hi, file_acl_hi, uid_hi, gid_hi, checksum_lo, reserved;
	struct le16 extra_isize, checksum_hi;
	struct le32 ctime_extra, mtime_extra, atime_extra, crtime, crtime_extra, version_hi, projid;
};
static_assert(offsetof(struct ext4_raw_inode, extra_isize) == 128, "inode");
static_assert(sizeof(struct ext4_raw_inode) == 160, "inode");
#define EXT4_EXTRA_ISIZE (sizeof(struct ext4_raw_inode) - EXT4_OLD_INODE)

/* i_flags beyond FS_*_FL of <linux/fs.h>, and those that this code decides by. */
enum ext4_inode_flags {
	EXT4_FL_INDEX = 0x1000,
	EXT4_FL_JOURNAL_DATA = 0x4000,
	EXT4_FL_HUGE_FILE = 0x40000,
	EXT4_FL_EXTENTS = 0x80000,
	EXT4_FL_EA_INODE = 0x200000,
	EXT4_FL_INLINE_DATA = 0x10000000,
	EXT4_FL_PROJINHERIT = 0x20000000,
};

/* ---- extents ---- */

#define EXT4_EXT_MAGIC 0xf30a
#define EXT4_EXT_MAX_LEN \
	32768 /* of a written one; an unwritten one is longer than that by so much */
#define EXT4_EXT_DEPTH 5

struct ext4_ext_header {
	struct le16 magic, entries, max, depth;
	struct le32 generation;
};
struct ext4_ext_leaf {
	struct le32 block;
	struct le16 len, start_hi;
	struct le32 start_lo;
};
struct ext4_ext_index {
	struct le32 block, leaf_lo;
	struct le16 leaf_hi, unused;
};
static_assert(sizeof(struct ext4_ext_header) == 12 && sizeof(struct ext4_ext_leaf) == 12 &&
		      sizeof(struct ext4_ext_index) == 12,
	"extents");

/* ---- directories ---- */

struct ext4_dirent {
	struct le32 ino;
	struct le16 rec_len;
	u8 name_len, file_type;
	char name[];
};
#define EXT4_DIRENT_HEAD 8

struct ext4_dir_tail {
	struct le32 zero;
	struct le16 rec_len;         /* 12 */
	u8 zero_name_len, file_type; /* EXT4_FT_CSUM */
	struct le32 checksum;
};
static_assert(sizeof(struct ext4_dir_tail) == 12, "directory tail");

enum ext4_file_type {
	EXT4_FT_UNKNOWN,
	EXT4_FT_REG,
	EXT4_FT_DIR,
	EXT4_FT_CHR,
	EXT4_FT_BLK,
	EXT4_FT_FIFO,
	EXT4_FT_SOCK,
	EXT4_FT_LNK,
	EXT4_FT_CSUM = 0xde
};

enum ext4_hash_version {
	EXT4_HASH_LEGACY,
	EXT4_HASH_MD4,
	EXT4_HASH_TEA,
	EXT4_HASH_UNSIGNED /* + one of the above */ = 3,
	EXT4_HASH_SIP = 6
};

/*
 * The root of an index: "." and "..", then this at byte 24, then the table at 24 + info_len.
 * An inner node: a directory entry that covers the block, then the table at byte 8.
 */
struct ext4_dx_info {
	struct le32 zero;
	u8 hash_version, info_len, levels, flags;
};
struct ext4_dx_entry {
	struct le32 hash; /* of the table's first entry: limit, count (both u16) */
	struct le32 block;
};
struct ext4_dx_tail {
	struct le32 reserved, checksum;
};
#define EXT4_DX_ROOT_INFO 24
#define EXT4_DX_NODE      8
#define EXT4_DX_DEPTH     3

/* ---- extended attributes ---- */

#define EXT4_XATTR_MAGIC 0xea020000
struct ext4_xattr_header { /* of a block; in an inode only the magic */
	struct le32 magic, refcount, blocks, hash, checksum, reserved[3];
};
struct ext4_xattr_entry {
	u8 name_len, name_index;
	struct le16 value_off;
	struct le32 value_ino, value_size, hash;
	char name[];
};
static_assert(sizeof(struct ext4_xattr_header) == 32 && sizeof(struct ext4_xattr_entry) == 16,
	"extended attributes");

/* ---- orphan file: inode numbers to the end of the block, where this stands ---- */

#define EXT4_ORPHAN_MAGIC 0x0b10ca04
struct ext4_orphan_tail {
	struct le32 magic, checksum;
};

/* ---- journal ---- */

#define JBD2_MAGIC 0xc03b3998
enum jbd2_block {
	JBD2_DESCRIPTOR = 1,
	JBD2_COMMIT = 2,
	JBD2_SUPER_V1 = 3,
	JBD2_SUPER_V2 = 4,
	JBD2_REVOKE = 5
};
enum jbd2_compat { JBD2_C_CHECKSUM = 1 };
enum jbd2_incompat {
	JBD2_I_REVOKE = 1,
	JBD2_I_64BIT = 2,
	JBD2_I_ASYNC_COMMIT = 4,
	JBD2_I_CSUM_V2 = 8,
	JBD2_I_CSUM_V3 = 0x10,
	JBD2_I_FAST_COMMIT = 0x20
};
enum jbd2_tag {
	JBD2_TAG_ESCAPE = 1,
	JBD2_TAG_SAME_UUID = 2,
	JBD2_TAG_DELETED = 4,
	JBD2_TAG_LAST = 8
};

struct jbd2_header {
	struct be32 magic, type, sequence;
};
struct jbd2_super {
	struct jbd2_header h;
	struct be32 block_size, max_len, first, sequence, start, err;
	struct be32 compat, incompat, ro_compat;
	u8 uuid[16];
	struct be32 nr_users, dynsuper, max_transaction, max_trans_data;
	u8 checksum_type, pad[3];
	struct be32 num_fc_blocks, head, padding[40], checksum;
	u8 users[16 * 48];
};
static_assert(sizeof(struct jbd2_super) == 1024, "journal superblock");
static_assert(offsetof(struct jbd2_super, checksum) == 0xfc, "journal superblock");
struct jbd2_revoke {
	struct jbd2_header h;
	struct be32 bytes; /* this head counted */
};
struct jbd2_commit {
	struct jbd2_header h;
	u8 csum_type, csum_size, pad[2];
	struct be32 csum[8];
	struct be64 sec;
	struct be32 nsec;
};
static_assert(offsetof(struct jbd2_commit, sec) == 48, "commit block");
