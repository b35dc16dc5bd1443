/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What the files of ext4 share. Read in this order: bio, bcache, journal, group, node, extent, dir.
 *
 * Locks, outer to inner; an operation holds at most one of each line:
 *	handle (ext4_tx_begin)	not a lock, but waits for a commit, which waits for other handles:
 *				begun before any lock is taken
 *	node.lock		one inode: its tree of extents, its entries, its attributes
 *	nodes.lock		a shard of the table of nodes
 *	group.lock		bitmaps, descriptor and buddy of a group
 *	journal.lock (spin)	which transaction has which buffer
 *	node.io_lock, node.map_lock, bcache shard (spin)
 * Beside these, below node.lock: orphan_lock (the list's links on the disk, i_dtime, of nodes of
 * others too) and xattr_lock (what inodes share in an attribute block).
 *
 * Who keeps a node: counts are the client's. It gives back the last one when all its requests are
 * done, and done() is the last touch of the node by a request: work is queued under io_lock, which
 * the work takes first, so a request's end never touches a node behind its done. ext4_node_put
 * waits for the work.
 * Writers to different files meet in none of them but the journal's, for a list insertion, when
 * they allocate; overwriting meets in none at all.
 */
#include "store.h"

/* ---- groups (group.c, balloc.c, ialloc.c) ---- */

struct ext4_group {
	struct env_mutex lock;
	struct ext4_buddy *buddy; /* what may be allocated; NULL: not looked at yet */
	u32 free;                 /* on the disk: pending frees counted; read without the lock */
	u32 largest;              /* order; read without the lock as a hint. U32_MAX: not known */
	u32 free_inodes, used_dirs;
	bool bad_blocks, bad_inodes; /* the bitmap is broken: nothing is taken from here */
	u64 itable;                  /* constant: where its inodes lie */
	u32 used_inodes;             /* of them, from the first on; read without the lock as a hint */
};

struct ext4_zone {
	u64 start, len;
};

/* ---- nodes (node.c) ---- */

struct ext4_map {
	u32 lblk, len;
	u64 pblk; /* 0: a hole */
	bool unwritten;
};

#define EXT4_NODE_MAPS 8

struct ext4_node {
	struct hlist_node hash; /* shard */
	u64 count;              /* shard */
	struct ext4 *fs;
	u32 ino, generation;
	bool dying; /* shard: the last forget is freeing it */
	struct env_mutex lock;
	/* lock: the inode, decoded; size (as on the disk) and flags are read without it. dtime:
	 * orphan_lock while listed */
	u16 mode;
	u32 uid, gid, nlink, rdev, flags, dtime, project;
	u16 extra_isize;
	u64 size, blocks; /* blocks: in units of i_blocks, 512 bytes */
	u64 file_acl, version;
	struct fsys_time atime, mtime, ctime, btime;
	u8 block[60];
	u32 tid, datasync_tid; /* last transactions that changed it; atomic */
	u32 orphan_slot;       /* in the orphan file, + 1; 0: not */
	bool orphan_listed;    /* fs.orphan_lock */
	struct list_head orphan_link;
	u64 last_alloc; /* goal of the next allocation */
	/* map_lock: the inode's bytes in its block, dtime, which a neighbour on the orphan list
	 * changes too, and mappings seen, for those that cannot sleep */
	struct env_spin map_lock;
	struct ext4_map maps[EXT4_NODE_MAPS];
	u32 map_next;
	u64 reserved; /* atomic: blocks promised to dirty pages */
	/* io_lock */
	struct env_spin io_lock;
	struct fsys_io *io_first, *io_last; /* to begin */
	struct fsys_io *end_first;          /* written: conversion is due */
	u32 inflight;                       /* atomic: writebacks not done */
	struct env_work work;
	struct env_event idle;
};

#define EXT4_NODE_SHARDS 64
struct ext4_node_shard {
	struct env_mutex lock;
	struct hlist_head hash[64];
};

enum ext4_data_mode { EXT4_DATA_ORDERED, EXT4_DATA_WRITEBACK, EXT4_DATA_JOURNAL };

struct ext4_options {
	u8 data;   /* enum ext4_data_mode */
	u8 errors; /* enum ext4_errors */
	bool barrier, discard, noload, norecovery_said, delalloc, grpid;
	u32 commit_s;
	u32 resuid, resgid;
	u64 sb_block;
};

struct ext4 {
	struct blk_port dev;
	struct blk_info info;
	const struct fsys_client_ops *client_ops;
	void *client;
	struct ext4_options opt;
	struct env_event io_ev[16];
	/* from the superblock; constant */
	u32 block_bits, block_bytes, block_sectors_bits;
	u32 compat, incompat, ro_compat;
	u32 inode_size, inodes_per_group, blocks_per_group, first_data_block, first_ino;
	u32 ngroups, desc_size, descs_per_block, desc_blocks, reserved_gdt, first_meta_bg;
	u32 ninodes, flex_bits, want_extra_isize, csum_seed, hash_seed[4], min_extra;
	u8 hash_version, hash_unsigned;
	u8 uuid[16];
	u64 nblocks, root_blocks, overhead, backup_bgs[2];
	bool csum, gdt_csum, readonly, started, sync;
	u16 was_valid;              /* EXT4_VALID_FS or 0, before it was mounted */
	struct env_work error_work; /* tells the client, marks the superblock */
	s32 event_error;            /* atomic: to tell */
	u32 event_ino;
	bool mark_error;
	bool device_gone;    /* atomic */
	s32 dead;            /* atomic: 0, or why nothing is changed any more */
	u64 max_bytes;       /* largest file */
	struct ext4_buf *sb; /* block of the superblock; struct at sb_off */
	u32 sb_off;
	struct ext4_cache_shard cache[EXT4_CACHE_SHARDS];
	struct ext4_node_shard nodes[EXT4_NODE_SHARDS];
	struct ext4_journal j;
	struct ext4_group **groups; /* chunks of EXT4_GROUP_CHUNK */
	struct ext4_zone *zones;    /* of metadata, sorted */
	u32 nzones, zones_cap;
	struct env_mutex xattr_lock; /* counts of shared attribute blocks, and their first check */
	u32 signals;                 /* atomic: ends of requests that still touch io_ev */
	/* atomic */
	u64 free_blocks;    /* can be allocated now */
	u64 pending_blocks; /* freed, not committed yet */
	u64 reserved;       /* of free_blocks: promised to dirty pages */
	u64 free_inodes, ndirs;
	u64 dir_hint;
	/* orphans */
	struct env_mutex orphan_lock;
	struct list_head orphans; /* nodes on the disk's list, its head first */
	u32 orphan_ino, orphan_blocks, *orphan_free, orphan_hint;
	u64 *orphan_map; /* physical blocks of the orphan file */
	u32 orphan_generation;
};

#define EXT4_GROUP_CHUNK 64

static inline bool ext4_has_compat(const struct ext4 *fs, u32 f)
{
	return fs->compat & f;
}
static inline bool ext4_has_incompat(const struct ext4 *fs, u32 f)
{
	return fs->incompat & f;
}
static inline bool ext4_has_ro(const struct ext4 *fs, u32 f)
{
	return fs->ro_compat & f;
}
static inline struct ext4_super *ext4_sb(const struct ext4 *fs)
{
	return (struct ext4_super *)(fs->sb->data + fs->sb_off);
}
static inline struct ext4_group *ext4_group(const struct ext4 *fs, u32 g)
{
	return &fs->groups[g / EXT4_GROUP_CHUNK][g % EXT4_GROUP_CHUNK];
}
static inline u64 ext4_blocks_of(const struct ext4 *fs, u64 bytes)
{
	return (bytes >> fs->block_bits) + !!(bytes & (fs->block_bytes - 1));
}

/* ---- errors (super.c) ---- */

/*
 * The structure of the disk is broken at inode @ino (0: none). Says so in the log, once a cause,
 * and does what errors= says.  Returns: -EUCLEAN.
 */
int ext4_error(struct ext4 *fs, u32 ino, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* May it be changed? 0 or -EROFS. */
int ext4_writable(const struct ext4 *fs) MUST_CHECK;

/* csum.c */
u32 ext4_uuid_seed(const u8 uuid[16]);
u32 ext4_inode_seed(const struct ext4 *fs, u32 ino, u32 generation);
void ext4_super_csum_set(const struct ext4 *fs, struct ext4_super *sb);
bool ext4_super_csum_ok(const struct ext4_super *sb);
u16 ext4_desc_csum(const struct ext4 *fs, u32 group, const struct ext4_desc *d);
u32 ext4_bitmap_csum(const struct ext4 *fs, const void *bitmap, u32 bytes);
u32 ext4_inode_csum(const struct ext4 *fs, u32 ino, const struct ext4_raw_inode *raw);
bool ext4_inode_csum_ok(const struct ext4 *fs, u32 ino, const struct ext4_raw_inode *raw);
void ext4_inode_csum_set(const struct ext4 *fs, u32 ino, struct ext4_raw_inode *raw);
u32 ext4_extent_csum(const struct ext4_node *n, const struct ext4_ext_header *h, u32 tail_off);
u32 ext4_dir_csum(const struct ext4_node *dir, const void *block);
u32 ext4_dx_csum(
	const struct ext4_node *dir, const void *block, u32 table_off, u32 count, u32 limit);
u32 ext4_xattr_csum(const struct ext4 *fs, u64 block, const void *data);

/* super.c */
int ext4_super_read(struct ext4 *fs, bool want_write) MUST_CHECK;
/* Write the superblock itself, outside of the journal: when it is mounted and unmounted. */
int ext4_super_write(struct ext4 *fs, bool mounted) MUST_CHECK;
void ext4_super_mark_error(struct env_work *w);
/* options.c */
/* Cuts @text into words. */
int ext4_options_parse(struct ext4_options *opt, char *text) MUST_CHECK;
u32 ext4_options_show(const struct ext4 *fs, char *to, u32 max);

/* group.c */
int ext4_groups_open(struct ext4 *fs) MUST_CHECK;
void ext4_groups_close(struct ext4 *fs);
bool ext4_group_has_super(const struct ext4 *fs, u32 g);
u64 ext4_group_first(const struct ext4 *fs, u32 g);
u32 ext4_group_blocks(const struct ext4 *fs, u32 g);
u64 ext4_desc_block_of(const struct ext4 *fs, u32 g);
/* A copy of the descriptor, checked. group.lock held, or nobody changes anything yet. */
int ext4_desc_read(struct ext4 *fs, u32 g, struct ext4_desc *out) MUST_CHECK;
/* The descriptor to change: ext4_desc_put ends it with a new checksum. group.lock held. */
int ext4_desc_change(
	struct ext4_handle *h, u32 g, struct ext4_buf **out_buf, struct ext4_desc *out) MUST_CHECK;
void ext4_desc_put(struct ext4_handle *h, u32 g, struct ext4_buf *buf, const struct ext4_desc *d);
/* Where @g's inodes lie, and how many of them were ever used: a hint. No lock. */
int ext4_group_itable(struct ext4 *fs, u32 g, u64 *out_start, u32 *out_used) MUST_CHECK;
u64 ext4_desc_inode_table(const struct ext4 *fs, const struct ext4_desc *d);
u64 ext4_desc_block_bitmap(const struct ext4 *fs, const struct ext4_desc *d);
u64 ext4_desc_inode_bitmap(const struct ext4 *fs, const struct ext4_desc *d);
u32 ext4_desc_free_blocks(const struct ext4 *fs, const struct ext4_desc *d);
u32 ext4_desc_free_inodes(const struct ext4 *fs, const struct ext4_desc *d);
u32 ext4_desc_dirs(const struct ext4 *fs, const struct ext4_desc *d);
u32 ext4_desc_unused(const struct ext4 *fs, const struct ext4_desc *d);
/* The bitmap's buffer, checked or made (UNINIT). group.lock held. */
int ext4_block_bitmap(
	struct ext4 *fs, u32 g, struct ext4_desc *d, struct ext4_buf **out) MUST_CHECK;
int ext4_inode_bitmap(
	struct ext4 *fs, u32 g, struct ext4_desc *d, struct ext4_buf **out) MUST_CHECK;
/* Blocks of files may lie there: inside of the disk, and not in what the file system itself uses.
 */
bool ext4_data_valid(const struct ext4 *fs, u64 block, u64 len);

/* balloc.c */
enum ext4_alloc_flags {
	EXT4_ALLOC_META = 1,     /* may use the last reserve */
	EXT4_ALLOC_RESERVED = 2, /* the caller's dirty pages have paid */
	EXT4_ALLOC_ROOT = 4,     /* may use root's blocks */
};
/* 1 to @want blocks in a row, near @goal. -ENOSPC. */
int ext4_balloc(struct ext4_handle *h, u64 goal, u32 want, u32 flags, u64 *out_block,
	u32 *out_len) MUST_CHECK;
/* @meta: it held metadata, also in the log. */
int ext4_bfree(struct ext4_handle *h, u64 block, u64 len, bool meta) MUST_CHECK;
/* A transaction is committed: what it freed can be used. */
void ext4_freed_release(struct ext4 *fs, struct ext4_tx *tx);
bool ext4_reserve_blocks(struct ext4 *fs, u64 n, bool root);
void ext4_unreserve_blocks(struct ext4 *fs, u64 n);
u64 ext4_available(struct ext4 *fs, bool root);
/* -ENOSPC was met: is there something to wait for? Commits; true: try again. */
bool ext4_space_retry(struct ext4 *fs, int err, unsigned *tries);
int ext4_trim(struct ext4 *fs, u64 start, u64 len, u64 min_len, u64 *out_trimmed) MUST_CHECK;

/* ialloc.c */
int ext4_ialloc(struct ext4_handle *h, struct ext4_node *dir, u32 mode, u32 *out_ino) MUST_CHECK;
int ext4_ifree(struct ext4_handle *h, u32 ino, bool was_dir) MUST_CHECK;

/* node.c */
int ext4_nodes_init(struct ext4 *fs) MUST_CHECK;
/* With one count. -ESTALE: free, or of another generation (@generation NULL: any). -EUCLEAN. */
int ext4_node_get(
	struct ext4 *fs, u32 ino, const u32 *generation, struct ext4_node **out) MUST_CHECK;
/* An orphan: also without links. */
int ext4_node_get_orphan(struct ext4 *fs, u32 ino, struct ext4_node **out) MUST_CHECK;
void ext4_node_hold(struct ext4_node *n);
void ext4_node_put(struct ext4_node *n, u64 count);
/* A dying one leaves the table: its bytes on the disk are its last, its number is about to be free. */
void ext4_node_leave(struct ext4_node *n);
/* A new one for a just allocated inode, known to nobody else yet; count 1. */
int ext4_node_create(struct ext4_handle *h, struct ext4_node *dir, u32 ino, u32 mode, u32 rdev,
	const struct fsys_cred *who, struct ext4_node **out) MUST_CHECK;
/* Where its bytes lie. */
int ext4_inode_locate(
	struct ext4 *fs, u32 ino, struct ext4_buf **out, struct ext4_raw_inode **raw) MUST_CHECK;
/* The decoded fields to the disk's block. node.lock held, or nobody else has the node yet. */
int ext4_node_write(struct ext4_handle *h, struct ext4_node *n) MUST_CHECK;
/* That one alone, which also a neighbour on the orphan list changes: fs.orphan_lock held. */
int ext4_node_write_dtime(struct ext4_handle *h, struct ext4_node *n, u32 dtime) MUST_CHECK;
/* Takes the node's lock. */
void ext4_node_attr(struct ext4_node *n, struct fsys_attr *out);
void ext4_node_touch(struct ext4_node *n, const struct fsys_time *now, bool mtime);
void ext4_nodes_close(struct ext4 *fs);
static inline bool ext4_is_dir(const struct ext4_node *n)
{
	return (n->mode & 0170000) == 0040000;
}
static inline bool ext4_is_reg(const struct ext4_node *n)
{
	return (n->mode & 0170000) == 0100000;
}
static inline bool ext4_is_lnk(const struct ext4_node *n)
{
	return (n->mode & 0170000) == 0120000;
}
static inline bool ext4_is_inline(const struct ext4_node *n)
{
	return READ_ONCE(n->flags) & EXT4_FL_INLINE_DATA;
}

/* extent.c, indirect.c, extent_edit.c; node.lock held */
struct ext4_path {
	u32 depth;
	struct ext4_path_at {
		struct ext4_buf *buf; /* NULL: the root, in node.block */
		struct ext4_ext_header *h;
		s32 pos; /* last entry that begins at or before the block; -1: none */
	} at[EXT4_EXT_DEPTH + 1];
};
int ext4_path_find(struct ext4_node *n, u32 lblk, struct ext4_path *p) MUST_CHECK;
void ext4_path_release(struct ext4_path *p);
/* What is at @lblk, as far as it is alike (len >= 1). */
int ext4_map(struct ext4_node *n, u32 lblk, struct ext4_map *out) MUST_CHECK;
int ext4_indirect_map(struct ext4_node *n, u32 lblk, struct ext4_map *out) MUST_CHECK;
bool ext4_map_cached(struct ext4_node *n, u32 lblk, struct ext4_map *out);
void ext4_map_remember(struct ext4_node *n, const struct ext4_map *m);
void ext4_map_forget(struct ext4_node *n);
void ext4_extents_init(struct ext4_node *n);
static inline struct ext4_ext_leaf *ext4_leaf(struct ext4_ext_header *h, s32 i)
{
	return (struct ext4_ext_leaf *)(h + 1) + i;
}
static inline struct ext4_ext_index *ext4_index(struct ext4_ext_header *h, s32 i)
{
	return (struct ext4_ext_index *)(h + 1) + i;
}
static inline u32 ext4_leaf_len(const struct ext4_ext_leaf *e)
{
	u32 len = le16_to_cpu(e->len);

	return len > EXT4_EXT_MAX_LEN ? len - EXT4_EXT_MAX_LEN : len;
}
static inline bool ext4_leaf_unwritten(const struct ext4_ext_leaf *e)
{
	return le16_to_cpu(e->len) > EXT4_EXT_MAX_LEN;
}
static inline u64 ext4_leaf_start(const struct ext4_ext_leaf *e)
{
	return (u64)le16_to_cpu(e->start_hi) << 32 | le32_to_cpu(e->start_lo);
}
static inline u64 ext4_index_leaf(const struct ext4_ext_index *e)
{
	return (u64)le16_to_cpu(e->leaf_hi) << 32 | le32_to_cpu(e->leaf_lo);
}

/* Credits of one change of a tree of extents, with the blocks that it may need. */
#define EXT4_CR_EXTENT 26
#define EXT4_CR_INODE  2
#define EXT4_CR_ALLOC  2
#define EXT4_CR_NAME   60 /* any change of names in one directory */
#define EXT4_CR_XATTR  12
#define EXT4_CR_ORPHAN 4

int ext4_extent_insert(
	struct ext4_handle *h, struct ext4_node *n, const struct ext4_map *m, u32 flags) MUST_CHECK;
/*
 * Take [from, to) out of the tree and free its blocks, as far as credits go: *out_next is @to when
 * all is done, else where to go on in a new handle.
 */
int ext4_extent_remove(
	struct ext4_handle *h, struct ext4_node *n, u32 from, u64 to, u64 *out_next) MUST_CHECK;
/* Make [lblk, lblk + len), all unwritten or written, written (or unwritten). */
int ext4_extent_convert(
	struct ext4_handle *h, struct ext4_node *n, u32 lblk, u32 len, bool unwritten) MUST_CHECK;
/* Move what begins at or behind @from by @delta blocks, one extent a call. *out_done: no more. */
int ext4_extent_shift(struct ext4_handle *h, struct ext4_node *n, u32 from, s64 delta, u64 *cursor,
	bool *out_done) MUST_CHECK;
/* Allocate what is missing of the hole at m->lblk (at most m->len), unwritten or not, and insert
 * it. */
int ext4_extent_alloc(
	struct ext4_handle *h, struct ext4_node *n, struct ext4_map *m, u32 flags) MUST_CHECK;
/* The file's block @lblk as metadata (directories, journaled data): read, or made. */
int ext4_node_bread(struct ext4_node *n, u32 lblk, struct ext4_buf **out) MUST_CHECK;
int ext4_node_bnew(
	struct ext4_handle *h, struct ext4_node *n, u32 lblk, struct ext4_buf **out) MUST_CHECK;

/* dirhash.c */
struct ext4_hash {
	u32 major, minor;
};
/* -EINVAL: not a version of these. */
int ext4_dirhash(const u32 seed[4], unsigned version, const char *name, u32 len,
	struct ext4_hash *out) MUST_CHECK;

/* dir.c, htree.c, readdir.c; node.lock of the directory held */
struct ext4_dirpos {
	struct ext4_buf *buf; /* holds a reference when found; NULL: inline */
	u32 off, prev; /* in the block; prev: the entry before it, off itself if there is none */
	u32 lblk;
	u32 ino;
	u8 type;
};
int ext4_dir_find(
	struct ext4_node *dir, const char *name, u32 len, struct ext4_dirpos *out) MUST_CHECK;
void ext4_dirpos_put(struct ext4_dirpos *pos);
int ext4_dir_add(struct ext4_handle *h, struct ext4_node *dir, const char *name, u32 len, u32 ino,
	u8 type) MUST_CHECK;
int ext4_dir_remove(
	struct ext4_handle *h, struct ext4_node *dir, struct ext4_dirpos *pos) MUST_CHECK;
int ext4_dir_set(struct ext4_handle *h, struct ext4_node *dir, struct ext4_dirpos *pos, u32 ino,
	u8 type) MUST_CHECK;
int ext4_dir_init(struct ext4_handle *h, struct ext4_node *dir, u32 parent) MUST_CHECK;
int ext4_dir_is_empty(struct ext4_node *dir, bool *out) MUST_CHECK;
/* Records from @cookie on into @to, as many as @max bytes hold. */
ssize_t ext4_dir_read(struct ext4_node *dir, u64 cookie, u8 *to, u32 max);
/* A directory's block, checked once; leaf: false for an index block (its checksum is another). */
int ext4_dir_block(struct ext4_node *dir, u32 lblk, struct ext4_buf **out) MUST_CHECK;
bool ext4_dir_is_index(const struct ext4_node *dir, const u8 *block, u32 lblk);
void ext4_dir_csum_set(struct ext4_node *dir, u8 *block, u32 lblk);
/* The place of an entry in a block of entries; *next moves on. NULL: none more. */
struct ext4_dirent *ext4_dirent_next(const struct ext4_node *dir, u8 *data, u32 bytes, u32 *next);
static inline u32 ext4_dir_blocks(const struct ext4_node *dir)
{
	return (u32)(dir->size >> dir->fs->block_bits);
}
u32 ext4_dir_leaf_bytes(const struct ext4 *fs);
static inline u32 ext4_dirent_need(u32 name_len)
{
	return (EXT4_DIRENT_HEAD + name_len + 3) & ~3u;
}
int ext4_dir_insert_at(struct ext4_handle *h, struct ext4_node *dir, struct ext4_buf *b,
	const char *name, u32 len, u32 ino, u8 type) MUST_CHECK;
bool ext4_dir_search(struct ext4_node *dir, const u8 *data, u32 bytes, const char *name, u32 len,
	struct ext4_dirpos *out);
bool ext4_dirents_ok(const struct ext4 *fs, const u8 *data, u32 bytes);
u8 ext4_type_of_mode(u32 mode);

/* htree.c: -ENOTDIR: this directory's index cannot be used, look at all blocks */
int ext4_dx_find(
	struct ext4_node *dir, const char *name, u32 len, struct ext4_dirpos *out) MUST_CHECK;
int ext4_dx_add(struct ext4_handle *h, struct ext4_node *dir, const char *name, u32 len, u32 ino,
	u8 type) MUST_CHECK;
/* Block 0, the only one, is full: it becomes an index. */
int ext4_dx_make(struct ext4_handle *h, struct ext4_node *dir) MUST_CHECK;
struct ext4_dx_table {
	u32 off, count, limit;
};
/* The table of an index block, checked. */
int ext4_dx_table(
	struct ext4_node *dir, const u8 *block, u32 lblk, struct ext4_dx_table *out) MUST_CHECK;
/* The leaf for @hash, and the hash where the next leaf begins (out_next: 0: none). */
int ext4_dx_leaf(struct ext4_node *dir, u32 hash, u32 *out_lblk, u64 *out_next) MUST_CHECK;
int ext4_dir_hash(
	struct ext4_node *dir, const char *name, u32 len, struct ext4_hash *out) MUST_CHECK;

/* inline.c; node.lock held */
/* The two pieces of an inline file: node.block, and the value of system.data. */
int ext4_inline_read(struct ext4_node *n, u32 off, void *to, u32 len) MUST_CHECK;
/* The second alone: NULL if there is none, else to be freed with EXT4_INLINE_MAX bytes. */
#define EXT4_INLINE_MAX 4096
int ext4_inline_rest(struct ext4_node *n, u8 **out, u32 *out_len) MUST_CHECK;
/* Make it an ordinary file or directory. */
int ext4_inline_convert(struct ext4_handle *h, struct ext4_node *n) MUST_CHECK;

/* xattr.c, acl.c; node.lock held */
#define EXT4_XATTR_SYSTEM 7
/* The value into @to (NULL: none), at most @max bytes.  Returns: its size; -ENODATA. */
ssize_t ext4_xattr_get(
	struct ext4_node *n, u8 index, const char *name, u32 len, void *to, size_t max);
/* @value NULL: remove. */
int ext4_xattr_set(struct ext4_handle *h, struct ext4_node *n, u8 index, const char *name, u32 len,
	const void *value, u32 size, u32 flags) MUST_CHECK;
ssize_t ext4_xattr_list(struct ext4_node *n, char *to, size_t max);
int ext4_xattr_free_all(struct ext4_handle *h, struct ext4_node *n) MUST_CHECK;
/* The prefix's number and what remains of the name; 0: no such prefix. */
u8 ext4_xattr_index(const char *name, u32 len, u32 *out_skip);
const char *ext4_xattr_prefix(u8 index);
/* POSIX ACLs: the disk's form and that of the system calls. Lengths; -EINVAL. */
ssize_t ext4_acl_to_disk(const u8 *from, size_t len, u8 *to, size_t max);
ssize_t ext4_acl_from_disk(const u8 *from, size_t len, u8 *to, size_t max);

/* orphan.c */
/* Before any node is forgotten. */
void ext4_orphan_init(struct ext4 *fs);
int ext4_orphan_open(struct ext4 *fs) MUST_CHECK;
int ext4_orphan_recover(struct ext4 *fs) MUST_CHECK;
void ext4_orphan_close(struct ext4 *fs);
bool ext4_orphan_left(struct ext4 *fs);
int ext4_orphan_add(struct ext4_handle *h, struct ext4_node *n) MUST_CHECK;
int ext4_orphan_del(struct ext4_handle *h, struct ext4_node *n) MUST_CHECK;
/* The superblock's buffer to change, with its checksum made by the second. */
struct ext4_super *ext4_super_change(struct ext4_handle *h);
void ext4_super_changed(struct ext4_handle *h);

/* truncate.c, falloc.c */
/* Cut to @size blocks' end and set the size; begins its own handles. */
int ext4_truncate(struct ext4_node *n, u64 size, const struct fsys_time *now) MUST_CHECK;
/* Blocks from @from on go, in as many handles as it takes. The node is an orphan meanwhile. */
int ext4_remove_blocks(struct ext4_node *n, u64 from, u64 to) MUST_CHECK;
/* The last link and the last count are gone. */
int ext4_delete(struct ext4_node *n) MUST_CHECK;
int ext4_zero_range(struct ext4_node *n, u64 off, u64 len) MUST_CHECK;
int ext4_fallocate(
	struct ext4_node *n, u32 mode, u64 off, u64 len, const struct fsys_cred *who) MUST_CHECK;
int ext4_seek(struct ext4_node *n, u64 off, u32 whence, u64 *out) MUST_CHECK;
int ext4_fiemap(struct ext4_node *n, u64 off, struct iobuf *to, u32 *out_n) MUST_CHECK;

/* data.c */
void ext4_submit(struct ext4 *fs, struct fsys_io *io);
void ext4_cancel(struct ext4 *fs, struct fsys_io *io);
void ext4_node_drain(struct ext4_node *n);
void ext4_data_init(struct ext4_node *n);
int ext4_reserve(struct ext4_node *n, u64 off, u64 len, bool root) MUST_CHECK;
void ext4_unreserve(struct ext4_node *n, u64 off, u64 len);

/* names.c, ops.c */
extern const struct fsys_ops ext4_ops;
int ext4_create(struct ext4 *fs, struct ext4_node *dir, const char *name, u32 len, u32 mode,
	u32 rdev, const char *target, u32 target_len, const struct fsys_cred *who,
	struct fsys_attr *out) MUST_CHECK;
int ext4_tmpfile(struct ext4 *fs, struct ext4_node *dir, u32 mode, const struct fsys_cred *who,
	struct fsys_attr *out) MUST_CHECK;
int ext4_link(struct ext4 *fs, struct ext4_node *n, struct ext4_node *dir, const char *name,
	u32 len, const struct fsys_cred *who, struct fsys_attr *out) MUST_CHECK;
int ext4_remove(struct ext4 *fs, struct ext4_node *dir, const char *name, u32 len,
	struct ext4_node *n, const struct fsys_cred *who) MUST_CHECK;
struct ext4_rename {
	struct ext4_node *from_dir, *to_dir, *node, *victim;
	const char *from, *to;
	u32 from_len, to_len, flags;
};
int ext4_rename(
	struct ext4 *fs, const struct ext4_rename *r, const struct fsys_cred *who) MUST_CHECK;
int ext4_readlink(struct ext4_node *n, struct iobuf *to) MUST_CHECK;

/* mount.c */
extern const struct fsys_type ext4_type;
int ext4_sync(struct ext4 *fs) MUST_CHECK;
int ext4_remount(struct ext4 *fs, u32 ms_flags, const struct iobuf *options) MUST_CHECK;
int ext4_unmount(struct ext4 *fs);
void ext4_statfs(struct ext4 *fs, struct fsys_statfs *out);
