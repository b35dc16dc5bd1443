/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nodes: inodes that somebody has a handle of, decoded, in a table by number. The handle is the
 * node's address. What is on the disk is as of the last ext4_node_write.
 *
 *	(none) --get: read, create--> KNOWN, count > 0
 *	KNOWN --put to 0, links left--> out of the table | its work ended | freed
 *	KNOWN --put to 0, no links--> DYING: in the table, to others -ESTALE | its work ended |
 *		ext4_delete: its last bytes, out of the table, its number free | freed
 *	KNOWN, DYING --truncate, delete failed for lack of memory--> an orphan on the disk: stays in
 *		the table without a count, to be cut by who truncates it next, or by the next mount
 *
 * Who holds a count: the client for each handle it was given (a request in flight is covered by it:
 * done() comes before forget); the function between get or create and what it returns. Work holds
 * none: it is queued by requests only, and the last put, which comes behind the last done(), waits
 * for what still runs of it. The orphan list holds none: who frees a node takes it off first.
 *
 * The shard's lock orders the table with an inode's bytes on the disk. They are decoded under it,
 * when there is no node, and changed only while there is one in the table, KNOWN or DYING (a new
 * one enters with its bytes cleared): so nobody decodes bytes in motion. A node leaves the table
 * before its number can be taken again: there is one for a number at most. Whoever comes by a name
 * holds the directory's lock until he has his count, so the name is still there and the inode is
 * not freed; whoever comes by a number (find) says the generation.
 */
#include "impl.h"
#include <lib/hash.h>

ENV_LOCK_CLASS(ext4_nodes, ENV_RANK_FS + 1, "ext4: a shard of the table of nodes");
ENV_LOCK_CLASS(ext4_node, ENV_RANK_FS, "ext4: one inode: extents, entries, attributes");
ENV_LOCK_CLASS(ext4_node_map, ENV_RANK_FS_ALLOC + 1, "ext4: bytes of an inode, mappings seen");
ENV_LOCK_CLASS(ext4_xattrs, ENV_RANK_FS + 1, "ext4: attribute blocks that inodes share");
ENV_LOCK_CLASS(ext4_node_io, ENV_RANK_FS_ALLOC, "ext4: requests of an inode that wait");

static struct ext4_node_shard *shard_of(struct ext4 *fs, u32 ino)
{
	return &fs->nodes[hash_u32(ino, 6)];
}

static struct hlist_head *bucket_of(struct ext4_node_shard *s, u32 ino)
{
	return &s->hash[hash_u32(ino, 12) & 63];
}

int ext4_nodes_init(struct ext4 *fs)
{
	env_mutex_init(&fs->xattr_lock, &env_lock_class_ext4_xattrs);
	for (u32 i = 0; i < EXT4_NODE_SHARDS; i++)
		env_mutex_init(&fs->nodes[i].lock, &env_lock_class_ext4_nodes);
	return 0;
}

int ext4_inode_locate(struct ext4 *fs, u32 ino, struct ext4_buf **out, struct ext4_raw_inode **raw)
{
	u32 g = (ino - 1) / fs->inodes_per_group, i = (ino - 1) % fs->inodes_per_group;
	u32 per_block = fs->block_bytes / fs->inode_size;
	u64 table;
	u32 at, used;
	int err;

	if (!ino || ino > fs->ninodes)
		return ext4_error(fs, ino, "there is no inode with this number");
	err = ext4_group_itable(fs, g, &table, &used);
	if (err)
		return err;
	at = i / per_block;
	/* Its neighbours are often wanted next: they were made in the same directory. */
	if (!ext4_bcached(fs, table + at)) {
		u32 first = align_down(at, (u32)EXT4_AHEAD), end = DIV_ROUND_UP(used, per_block);

		if (first < end)
			ext4_bread_ahead(fs, table + first, min(end - first, (u32)EXT4_AHEAD));
	}
	err = ext4_bread(fs, table + at, out);
	if (!err)
		*raw = (struct ext4_raw_inode *)((*out)->data + i % per_block * fs->inode_size);
	return err;
}

/* ---- decoding ---- */

static void get_time(struct fsys_time *t, struct le32 sec, const struct le32 *extra)
{
	u32 x = extra ? le32_to_cpu(*extra) : 0;

	t->sec = (s64)(s32)le32_to_cpu(sec) + ((s64)(x & 3) << 32);
	t->nsec = min(x >> 2, 999999999u);
	t->pad = 0;
}

static void put_time(const struct fsys_time *t, struct le32 *sec, struct le32 *extra)
{
	s64 s = t->sec;

	if (!extra)
		s = clamp(s, (s64)S32_MIN, (s64)S32_MAX);
	else
		s = clamp(s, (s64)S32_MIN, (s64)S32_MAX + (3ll << 32));
	*sec = cpu_to_le32((u32)s);
	if (extra)
		*extra = cpu_to_le32((u32)((s - (s32)(u32)s) >> 32 & 3) | t->nsec << 2);
}

static bool has_extra(const struct ext4_node *n, u32 end)
{
	return n->fs->inode_size > EXT4_OLD_INODE && (u32)n->extra_isize + EXT4_OLD_INODE >= end;
}
#define HAS_EXTRA(n, field)                                   \
	has_extra(n, offsetof(struct ext4_raw_inode, field) + \
			     (u32)sizeof_field(struct ext4_raw_inode, field))

static void decode_extra(struct ext4_node *n, const struct ext4_raw_inode *r)
{
	get_time(&n->atime, r->atime, HAS_EXTRA(n, atime_extra) ? &r->atime_extra : NULL);
	get_time(&n->mtime, r->mtime, HAS_EXTRA(n, mtime_extra) ? &r->mtime_extra : NULL);
	get_time(&n->ctime, r->ctime, HAS_EXTRA(n, ctime_extra) ? &r->ctime_extra : NULL);
	if (HAS_EXTRA(n, crtime_extra))
		get_time(&n->btime, r->crtime, &r->crtime_extra);
	n->version = le32_to_cpu(r->version);
	if (HAS_EXTRA(n, version_hi))
		n->version |= (u64)le32_to_cpu(r->version_hi) << 32;
	if (HAS_EXTRA(n, projid) && ext4_has_ro(n->fs, EXT4_R_PROJECT))
		n->project = le32_to_cpu(r->projid);
}

static void decode(struct ext4_node *n, const struct ext4_raw_inode *r)
{
	u32 dev;

	n->mode = le16_to_cpu(r->mode);
	n->uid = le16_to_cpu(r->uid) | (u32)le16_to_cpu(r->uid_hi) << 16;
	n->gid = le16_to_cpu(r->gid) | (u32)le16_to_cpu(r->gid_hi) << 16;
	n->nlink = le16_to_cpu(r->links);
	n->flags = le32_to_cpu(r->flags);
	n->generation = le32_to_cpu(r->generation);
	n->dtime = le32_to_cpu(r->dtime);
	n->size = le32_to_cpu(r->size_lo) | (u64)le32_to_cpu(r->size_hi) << 32;
	n->blocks = le32_to_cpu(r->blocks_lo) | (u64)le16_to_cpu(r->blocks_hi) << 32;
	if (n->flags & EXT4_FL_HUGE_FILE && ext4_has_ro(n->fs, EXT4_R_HUGE_FILE))
		n->blocks <<= n->fs->block_bits - 9;
	n->file_acl = le32_to_cpu(r->file_acl_lo) | (u64)le16_to_cpu(r->file_acl_hi) << 32;
	memcpy(n->block, r->block, sizeof(n->block));
	if (n->fs->inode_size > EXT4_OLD_INODE)
		n->extra_isize = le16_to_cpu(r->extra_isize);
	decode_extra(n, r);
	dev = load_le32(n->block);
	n->rdev = dev ? (dev & 0xff) | (dev & 0xff00) : load_le32(n->block + 4);
}

static int check(const struct ext4_node *n)
{
	struct ext4 *fs = n->fs;
	u32 type = n->mode >> 12;

	if (!(1u << type & (1u << 1 | 1u << 2 | 1u << 4 | 1u << 6 | 1u << 8 | 1u << 10 | 1u << 12)))
		return ext4_error(fs, n->ino, "type %#o is none", n->mode & 0170000);
	if (n->extra_isize > fs->inode_size - EXT4_OLD_INODE || n->extra_isize % 4)
		return ext4_error(fs, n->ino, "extra_isize %u", n->extra_isize);
	if (n->size > fs->max_bytes || (ext4_is_dir(n) && !ext4_is_inline(n) &&
					       (n->size & (fs->block_bytes - 1) || !n->size)))
		return ext4_error(fs, n->ino, "size %llu", n->size);
	if (ext4_is_inline(n) && (!ext4_has_incompat(fs, EXT4_I_INLINE_DATA) ||
					 n->size > fs->block_bytes || n->flags & EXT4_FL_EXTENTS))
		return ext4_error(fs, n->ino, "inline data where none may be");
	if (n->file_acl && !ext4_data_valid(fs, n->file_acl, 1))
		return ext4_error(fs, n->ino, "attribute block %llu", n->file_acl);
	return 0;
}

static int read_node(struct ext4_node *n, bool deleted_too)
{
	struct ext4 *fs = n->fs;
	struct ext4_raw_inode *raw;
	struct ext4_buf *b;
	int err = ext4_inode_locate(fs, n->ino, &b, &raw);

	if (err)
		return err;
	if (!raw->mode.raw && !raw->links.raw)
		err = -ESTALE;
	else if (!ext4_inode_csum_ok(fs, n->ino, raw))
		err = ext4_error(fs, n->ino, "its checksum is wrong");
	if (!err) {
		decode(n, raw);
		if (!n->nlink && !deleted_too)
			err = -ESTALE;
		else
			err = check(n);
	}
	ext4_brelse(b);
	return err;
}

/* ---- encoding ---- */

static void encode_extra(const struct ext4_node *n, struct ext4_raw_inode *r)
{
	put_time(&n->atime, &r->atime, HAS_EXTRA(n, atime_extra) ? &r->atime_extra : NULL);
	put_time(&n->mtime, &r->mtime, HAS_EXTRA(n, mtime_extra) ? &r->mtime_extra : NULL);
	put_time(&n->ctime, &r->ctime, HAS_EXTRA(n, ctime_extra) ? &r->ctime_extra : NULL);
	if (HAS_EXTRA(n, crtime_extra))
		put_time(&n->btime, &r->crtime, &r->crtime_extra);
	r->version = cpu_to_le32((u32)n->version);
	if (HAS_EXTRA(n, version_hi))
		r->version_hi = cpu_to_le32((u32)(n->version >> 32));
	if (HAS_EXTRA(n, projid) && ext4_has_ro(n->fs, EXT4_R_PROJECT))
		r->projid = cpu_to_le32(n->project);
}

static void encode(const struct ext4_node *n, struct ext4_raw_inode *r)
{
	u64 blocks = n->blocks;
	u32 flags = n->flags & ~(u32)EXT4_FL_HUGE_FILE;

	if (blocks >> 48) {
		blocks >>= n->fs->block_bits - 9;
		flags |= EXT4_FL_HUGE_FILE;
	}
	r->mode = cpu_to_le16(n->mode);
	r->uid = cpu_to_le16((u16)n->uid);
	r->uid_hi = cpu_to_le16((u16)(n->uid >> 16));
	r->gid = cpu_to_le16((u16)n->gid);
	r->gid_hi = cpu_to_le16((u16)(n->gid >> 16));
	r->links = cpu_to_le16((u16)n->nlink);
	r->flags = cpu_to_le32(flags);
	r->generation = cpu_to_le32(n->generation);
	r->dtime = cpu_to_le32(n->dtime);
	r->size_lo = cpu_to_le32((u32)n->size);
	r->size_hi = cpu_to_le32((u32)(n->size >> 32));
	r->blocks_lo = cpu_to_le32((u32)blocks);
	r->blocks_hi = cpu_to_le16((u16)(blocks >> 32));
	r->file_acl_lo = cpu_to_le32((u32)n->file_acl);
	r->file_acl_hi = cpu_to_le16((u16)(n->file_acl >> 32));
	memcpy(r->block, n->block, sizeof(n->block));
	if (n->fs->inode_size > EXT4_OLD_INODE)
		r->extra_isize = cpu_to_le16(n->extra_isize);
	encode_extra(n, r);
}

int ext4_node_write(struct ext4_handle *h, struct ext4_node *n)
{
	struct ext4_raw_inode *raw;
	struct ext4_buf *b;
	unsigned long flags;
	int err = ext4_inode_locate(n->fs, n->ino, &b, &raw);

	if (err)
		return err;
	ext4_tx_access(h, b);
	flags = env_spin_lock(&n->map_lock);
	encode(n, raw);
	ext4_inode_csum_set(n->fs, n->ino, raw);
	env_spin_unlock(&n->map_lock, flags);
	ext4_brelse(b);
	__atomic_store_n(&n->tid, h->tx->tid, __ATOMIC_RELEASE);
	return 0;
}

int ext4_node_write_dtime(struct ext4_handle *h, struct ext4_node *n, u32 dtime)
{
	struct ext4_raw_inode *raw;
	struct ext4_buf *b;
	unsigned long flags;
	int err = ext4_inode_locate(n->fs, n->ino, &b, &raw);

	if (err)
		return err;
	ext4_tx_access(h, b);
	flags = env_spin_lock(&n->map_lock);
	n->dtime = dtime;
	raw->dtime = cpu_to_le32(dtime);
	ext4_inode_csum_set(n->fs, n->ino, raw);
	env_spin_unlock(&n->map_lock, flags);
	ext4_brelse(b);
	return 0;
}

/* ---- the table ---- */

static struct ext4_node *alloc_node(struct ext4 *fs, u32 ino)
{
	struct ext4_node *n = env_alloc(sizeof(*n), ENV_ALLOC_ZERO);

	if (!n)
		return NULL;
	n->fs = fs;
	n->ino = ino;
	n->count = 1;
	/* It may have been changed and forgotten just before: its fsync waits for what runs now. */
	n->tid = n->datasync_tid = READ_ONCE(fs->j.next_tid) - 1;
	list_init(&n->orphan_link);
	env_mutex_init(&n->lock, &env_lock_class_ext4_node);
	env_spin_init(&n->map_lock, &env_lock_class_ext4_node_map);
	env_spin_init(&n->io_lock, &env_lock_class_ext4_node_io);
	ext4_data_init(n);
	return n;
}

static struct ext4_node *lookup_locked(struct ext4_node_shard *s, u32 ino)
{
	struct ext4_node *n;

	hlist_for_each_entry(n, bucket_of(s, ino), hash) {
		if (n->ino == ino)
			return n;
	}
	return NULL;
}

static int get_node(
	struct ext4 *fs, u32 ino, const u32 *generation, bool deleted_too, struct ext4_node **out)
{
	struct ext4_node_shard *s = shard_of(fs, ino);
	struct ext4_node *n;
	int err = 0;

	env_mutex_lock(&s->lock);
	n = lookup_locked(s, ino);
	if (n) {
		if (n->dying || (generation && n->generation != *generation))
			err = -ESTALE;
		else
			n->count++;
		goto out;
	}
	n = alloc_node(fs, ino);
	if (!n) {
		err = -ENOMEM;
		goto out;
	}
	err = read_node(n, deleted_too);
	if (!err && generation && n->generation != *generation)
		err = -ESTALE;
	if (err)
		env_free(n, sizeof(*n));
	else
		hlist_add_head(&n->hash, bucket_of(s, ino));
out:
	env_mutex_unlock(&s->lock);
	if (!err)
		*out = n;
	return err;
}

int ext4_node_get(struct ext4 *fs, u32 ino, const u32 *generation, struct ext4_node **out)
{
	return get_node(fs, ino, generation, false, out);
}

int ext4_node_get_orphan(struct ext4 *fs, u32 ino, struct ext4_node **out)
{
	return get_node(fs, ino, NULL, true, out);
}

void ext4_node_hold(struct ext4_node *n)
{
	struct ext4_node_shard *s = shard_of(n->fs, n->ino);

	env_mutex_lock(&s->lock);
	n->count++;
	env_mutex_unlock(&s->lock);
}

void ext4_node_leave(struct ext4_node *n)
{
	struct ext4_node_shard *s = shard_of(n->fs, n->ino);

	env_mutex_lock(&s->lock);
	if (!hlist_unhashed(&n->hash))
		hlist_del_init(&n->hash);
	env_mutex_unlock(&s->lock);
}

/* Its place on the disk's list of orphans is known here only, and its neighbours ask for it. */
static bool is_orphan(const struct ext4_node *n)
{
	return n->orphan_listed || n->orphan_slot;
}

void ext4_node_put(struct ext4_node *n, u64 count)
{
	struct ext4 *fs = n->fs;
	struct ext4_node_shard *s = shard_of(fs, n->ino);
	bool last;

	env_mutex_lock(&s->lock);
	ENV_ASSERT(n->count >= count);
	n->count -= count;
	last = !n->count && (!n->nlink || !is_orphan(n));
	n->dying = last && !n->nlink;
	if (last && n->nlink)
		hlist_del_init(&n->hash);
	env_mutex_unlock(&s->lock);
	if (!last)
		return;
	env_work_flush(&n->work);
	if (n->reserved)
		ext4_unreserve_blocks(fs, n->reserved);
	n->reserved = 0;
	if (n->dying && !ext4_writable(fs)) {
		if (ext4_delete(n))
			env_log(ENV_LOG_ERR, "ext4: inode %u stays an orphan", n->ino);
		if (is_orphan(n))
			return;
	}
	ext4_node_leave(n);
	env_mutex_lock(&fs->orphan_lock);
	list_del_init(&n->orphan_link);
	env_mutex_unlock(&fs->orphan_lock);
	env_free(n, sizeof(*n));
}

/* ---- new ones ---- */

#define INHERITED                                                                             \
	(FS_SECRM_FL | FS_UNRM_FL | FS_COMPR_FL | FS_SYNC_FL | FS_NODUMP_FL | FS_NOATIME_FL | \
		FS_NOCOMP_FL | FS_JOURNAL_DATA_FL | FS_NOTAIL_FL | FS_DIRSYNC_FL |            \
		FS_PROJINHERIT_FL)

static u32 inherit_flags(const struct ext4_node *dir, u32 mode)
{
	u32 type = mode & 0170000;

	if (type == 0040000)
		return dir->flags & INHERITED;
	if (type == 0100000)
		return dir->flags & INHERITED & ~(u32)FS_DIRSYNC_FL;
	return dir->flags & (FS_NODUMP_FL | FS_NOATIME_FL);
}

static void fill_new(struct ext4_node *n, const struct ext4_node *dir, u32 mode, u32 rdev,
	const struct fsys_cred *who)
{
	struct ext4 *fs = n->fs;
	u32 type = mode & 0170000;

	n->mode = (u16)mode;
	n->uid = who->uid;
	n->gid = who->gid;
	if (dir->mode & 02000 || fs->opt.grpid) {
		n->gid = dir->gid;
		if (type == 0040000)
			n->mode |= 02000;
	}
	n->nlink = type == 0040000 ? 2 : 1;
	n->flags = inherit_flags(dir, mode);
	if (dir->flags & EXT4_FL_PROJINHERIT)
		n->project = dir->project;
	if (fs->inode_size > EXT4_OLD_INODE)
		n->extra_isize = (u16)min_t(u32, EXT4_EXTRA_ISIZE, fs->inode_size - EXT4_OLD_INODE);
	n->atime = n->mtime = n->ctime = n->btime = who->now;
	n->version = 1;
	env_random(&n->generation, sizeof(n->generation));
	if (type == 0040000 || type == 0100000) {
		ext4_extents_init(n);
	} else if (type == 0020000 || type == 0060000) {
		n->rdev = rdev;
		if (rdev >> 16)
			store_le32(n->block + 4, rdev);
		else
			store_le32(n->block, rdev);
	}
}

int ext4_node_create(struct ext4_handle *h, struct ext4_node *dir, u32 ino, u32 mode, u32 rdev,
	const struct fsys_cred *who, struct ext4_node **out)
{
	struct ext4 *fs = h->fs;
	struct ext4_node_shard *s = shard_of(fs, ino);
	struct ext4_node *n = alloc_node(fs, ino);
	struct ext4_raw_inode *raw;
	struct ext4_buf *b;
	int err = n ? ext4_inode_locate(fs, ino, &b, &raw) : -ENOMEM;

	if (err) {
		if (n)
			env_free(n, sizeof(*n));
		return err;
	}
	fill_new(n, dir, mode, rdev, who);
	ext4_tx_access(h, b);
	env_mutex_lock(&s->lock);
	memset(raw, 0, fs->inode_size);
	hlist_add_head(&n->hash, bucket_of(s, ino));
	env_mutex_unlock(&s->lock);
	ext4_brelse(b);
	*out = n;
	return 0;
}

void ext4_node_touch(struct ext4_node *n, const struct fsys_time *now, bool mtime)
{
	n->ctime = *now;
	if (mtime)
		n->mtime = *now;
	n->version++;
}

void ext4_node_attr(struct ext4_node *n, struct fsys_attr *out)
{
	env_mutex_lock(&n->lock);
	*out = (struct fsys_attr){.node = (u64)(unsigned long)n,
		.ino = n->ino,
		.generation = n->generation,
		.mode = n->mode,
		.uid = n->uid,
		.gid = n->gid,
		.nlink = n->nlink,
		.size = n->size,
		.blocks512 = n->blocks + (READ_ONCE(n->reserved) << (n->fs->block_bits - 9)),
		.atime = n->atime,
		.mtime = n->mtime,
		.ctime = n->ctime,
		.btime = n->btime,
		.flags = n->flags & (FS_FL_USER_VISIBLE | EXT4_FL_INLINE_DATA),
		.project = n->project,
		.version = n->version};
	if ((n->mode & 0170000) == 0020000 || (n->mode & 0170000) == 0060000)
		out->rdev = n->rdev;
	env_mutex_unlock(&n->lock);
}

/* What is left when everything should have been forgotten. */
void ext4_nodes_close(struct ext4 *fs)
{
	for (u32 i = 0; i < EXT4_NODE_SHARDS; i++) {
		for (u32 k = 0; k < 64; k++) {
			struct ext4_node *n;
			struct hlist_node *tmp;

			hlist_for_each_entry_safe(n, tmp, &fs->nodes[i].hash[k], hash) {
				if (n->count)
					env_log(ENV_LOG_WARN,
						"ext4: inode %u was never forgotten", n->ino);
				hlist_del(&n->hash);
				env_work_flush(&n->work);
				env_free(n, sizeof(*n));
			}
		}
	}
}
