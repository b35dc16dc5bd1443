/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ext4: mounting, and the life of an instance.
 *
 * Death: all that lives is on the disk. What was fsynced, and every transaction that was committed,
 * is found again by the successor, which recovers the log; the last seconds of changes that were
 * not committed are lost as after a power cut, and pages that were not stable come again from the
 * page cache. Handles are made again by (number, generation) with find(). Not there yet:
 * done_intent, so a proxy cannot yet tell whether a change in flight was made.
 *
 * Order: options | superblock | log: recover, then all is read anew | groups | orphan file | if it
 * may be changed: the journal's task, "mounted" on the disk, what orphans are left | root.
 */
#include "impl.h"
#include <linux/mount.h>

static void device_changed(void *client)
{
}

static void device_gone(void *client)
{
	struct ext4 *fs = client;

	WRITE_ONCE(fs->device_gone, true);
}

static const struct blk_client_ops device_ops = {.changed = device_changed, .gone = device_gone};

#define OPTIONS_BYTES 4096

static int parse_options(struct ext4 *fs, const struct iobuf *options)
{
	struct iobuf from;
	char *text;
	size_t n;
	int err;

	if (!options)
		return 0;
	from = *options;
	if (from.left >= OPTIONS_BYTES)
		return -EINVAL;
	text = env_alloc(OPTIONS_BYTES, 0);
	if (!text)
		return -ENOMEM;
	n = iobuf_get(&from, text, OPTIONS_BYTES - 1);
	text[n] = '\0';
	err = ext4_options_parse(&fs->opt, text);
	env_free(text, OPTIONS_BYTES);
	return err;
}

static void default_options(struct ext4 *fs)
{
	fs->opt = (struct ext4_options){
		.data = EXT4_DATA_ORDERED, .barrier = true, .delalloc = true, .commit_s = 5};
}

/* What the superblock says where the options do not. */
static void super_options(struct ext4 *fs, const struct ext4_super *sb)
{
	static const u8 modes[] = {
		EXT4_DATA_ORDERED, EXT4_DATA_JOURNAL, EXT4_DATA_ORDERED, EXT4_DATA_WRITEBACK};
	u32 bits = le32_to_cpu(sb->default_mount_opts), errors = le16_to_cpu(sb->errors);

	fs->opt.data = modes[bits >> 5 & 3];
	fs->opt.discard = bits & 0x400;
	fs->opt.barrier = !(bits & 0x100);
	fs->opt.errors = (u8)(errors >= EXT4_ERRORS_CONTINUE && errors <= EXT4_ERRORS_PANIC
				      ? errors
				      : EXT4_ERRORS_CONTINUE);
	fs->opt.resuid = le16_to_cpu(sb->def_resuid);
	fs->opt.resgid = le16_to_cpu(sb->def_resgid);
}

/* ---- the log ---- */

static int read_runs(struct ext4 *fs, struct ext4_node *n)
{
	struct ext4_journal *j = &fs->j;
	u64 blocks = n->size >> fs->block_bits;
	int err = 0;

	if (blocks > U32_MAX || blocks < 64)
		return ext4_error(fs, n->ino, "a journal of %llu blocks", blocks);
	for (u64 at = 0; !err && at < blocks;) {
		struct ext4_map m;

		err = ext4_map(n, (u32)at, &m);
		if (!err && (!m.pblk || m.unwritten))
			err = ext4_error(fs, n->ino, "the journal has a hole at block %llu", at);
		if (err)
			break;
		if (j->nruns == j->runs_cap) {
			u32 cap = j->runs_cap ? j->runs_cap * 2 : 16;
			struct ext4_jrun *more = env_alloc(cap * sizeof(*more), 0);

			if (!more)
				return -ENOMEM;
			if (j->runs) {
				memcpy(more, j->runs, j->nruns * sizeof(*more));
				env_free(j->runs, j->runs_cap * sizeof(*more));
			}
			j->runs = more;
			j->runs_cap = cap;
		}
		m.len = (u32)min_t(u64, m.len, blocks - at);
		j->runs[j->nruns++] = (struct ext4_jrun){(u32)at, m.len, m.pblk};
		at += m.len;
	}
	j->log.total = (u32)blocks;
	return err;
}

u64 ext4_journal_block(const struct ext4_journal *j, u32 lblk)
{
	u32 lo = 0, hi = j->nruns;

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (j->runs[mid].lblk + j->runs[mid].len <= lblk)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < j->nruns && lblk >= j->runs[lo].lblk
		       ? j->runs[lo].pblk + (lblk - j->runs[lo].lblk)
		       : 0;
}

static int log_read(void *ctx, u32 at, u8 *block)
{
	struct ext4 *fs = ctx;
	u64 pblk = ext4_journal_block(&fs->j, at);

	return pblk ? ext4_rw(fs, BLK_READ, BLK_PRIO, pblk, 1, block) : -EUCLEAN;
}

static int home_write(void *ctx, u64 block, const u8 *data)
{
	struct ext4 *fs = ctx;

	if (block >= fs->nblocks)
		return -EUCLEAN;
	return ext4_rw(fs, BLK_WRITE, 0, block, 1, (void *)data);
}

int ext4_journal_write_super(struct ext4 *fs, u32 start, u32 sequence)
{
	u8 *block = env_alloc(fs->block_bytes, 0);
	struct jbd2_super *js = (struct jbd2_super *)block;
	u64 pblk = ext4_journal_block(&fs->j, 0);
	int err;

	if (!block)
		return -ENOMEM;
	err = ext4_rw(fs, BLK_READ, BLK_PRIO, pblk, 1, block);
	if (!err) {
		js->start = cpu_to_be32(start);
		js->sequence = cpu_to_be32(sequence);
		js->incompat = cpu_to_be32(fs->j.log.incompat);
		js->head = cpu_to_be32(start ? 0 : fs->j.log.head);
		jlog_super_csum_set(js);
		err = ext4_rw(fs, BLK_WRITE, BLK_PRIO | BLK_FUA, pblk, 1, block);
	}
	env_free(block, fs->block_bytes);
	return err;
}

/* New logs learn what this file system wants of them, as the format's owner does at mount. */
static void choose_features(struct ext4 *fs, struct jbd2_super *js)
{
	struct jlog *l = &fs->j.log;

	if (be32_to_cpu(js->h.type) != JBD2_SUPER_V2)
		return;
	l->incompat |= JBD2_I_REVOKE;
	if (ext4_has_incompat(fs, EXT4_I_64BIT))
		l->incompat |= JBD2_I_64BIT;
	if (fs->csum && !jlog_has_csum(l)) {
		l->incompat |= JBD2_I_CSUM_V3;
		l->compat &= ~(u32)JBD2_C_CHECKSUM;
		js->compat = cpu_to_be32(l->compat);
		js->checksum_type = 4;
		js->incompat = cpu_to_be32(l->incompat);
		jlog_super_csum_set(js);
	}
}

static int recover(struct ext4 *fs, const struct jbd2_super *js, bool *recovered)
{
	struct jlog_io io = {log_read, home_write, fs};
	struct jlog_recovery r;
	int err;

	if (fs->info.flags & BLK_INFO_READ_ONLY) {
		env_log(ENV_LOG_ERR,
			"ext4: the log must be recovered, and the device is read-only");
		return -EROFS;
	}
	err = jlog_recover(&fs->j.log, &io, be32_to_cpu(js->start), be32_to_cpu(js->sequence), &r);
	if (err) {
		env_log(ENV_LOG_ERR, "ext4: the log cannot be recovered: error %d", -err);
		return err;
	}
	env_log(ENV_LOG_INFO, "ext4: recovered %u transactions, %u blocks, %u revoked",
		r.transactions, r.blocks, r.revoked);
	fs->j.next_tid = r.next_seq + 1;
	fs->j.log.head = fs->j.log.first;
	*recovered = true;
	err = ext4_flush(fs);
	return err ? err : ext4_journal_write_super(fs, 0, fs->j.next_tid);
}

static int open_log(struct ext4 *fs, struct jbd2_super *js, bool may_write, bool *recovered)
{
	struct ext4_journal *j = &fs->j;
	int err = log_read(fs, 0, (u8 *)js);

	if (err)
		return err;
	err = jlog_open(&j->log, js, fs->block_bytes, j->log.total);
	if (err) {
		env_log(ENV_LOG_ERR, "ext4: the journal's superblock is %s",
			err == -EOPNOTSUPP ? "of a kind that is not supported" : "broken");
		return err;
	}
	j->has_log = true;
	j->next_tid = max(be32_to_cpu(js->sequence), 1u);
	if (js->err.raw)
		env_log(ENV_LOG_WARN, "ext4: the journal was aborted before; fsck is advised");
	if (!js->start.raw) {
		if (may_write && !(fs->info.flags & BLK_INFO_READ_ONLY)) {
			choose_features(fs, js);
			if (be32_to_cpu(js->compat) == j->log.compat)
				err = ext4_rw(
					fs, BLK_WRITE, BLK_PRIO, ext4_journal_block(j, 0), 1, js);
		}
		return err;
	}
	if (fs->opt.noload) {
		env_log(ENV_LOG_WARN,
			"ext4: the log is not recovered, as asked: what is seen may be torn");
		return may_write ? -EROFS : 0;
	}
	return recover(fs, js, recovered);
}

static int open_journal(struct ext4 *fs, bool may_write, bool *recovered)
{
	const struct ext4_super *sb = ext4_sb(fs);
	struct ext4_node *n;
	u8 *block;
	int err;

	*recovered = false;
	if (!ext4_has_compat(fs, EXT4_C_HAS_JOURNAL)) {
		if (!ext4_has_incompat(fs, EXT4_I_RECOVER))
			return 0;
		env_log(ENV_LOG_ERR, "ext4: mount refused: a log to recover, but no journal");
		return -EUCLEAN;
	}
	if (!sb->journal_inum.raw) {
		env_log(ENV_LOG_ERR,
			"ext4: mount refused: the journal on another device is not supported");
		return -EOPNOTSUPP;
	}
	err = ext4_node_get(fs, le32_to_cpu(sb->journal_inum), NULL, &n);
	if (err)
		return err == -ESTALE ? -EUCLEAN : err;
	err = ext4_is_reg(n) ? read_runs(fs, n) : -EUCLEAN;
	ext4_node_put(n, 1);
	if (err)
		return err;
	block = env_alloc(fs->block_bytes, 0);
	if (!block)
		return -ENOMEM;
	err = open_log(fs, (struct jbd2_super *)block, may_write, recovered);
	env_free(block, fs->block_bytes);
	return err;
}

/* ---- mounting ---- */

static int load_super(struct ext4 *fs)
{
	u32 at = fs->block_bytes > EXT4_SB_OFFSET ? 0 : EXT4_SB_OFFSET / fs->block_bytes;

	fs->sb_off = fs->block_bytes > EXT4_SB_OFFSET ? EXT4_SB_OFFSET : 0;
	return ext4_bread(fs, at, &fs->sb);
}

static int open_structures(struct ext4 *fs, const struct fsys_mount *m, bool want_write)
{
	bool recovered;
	int err = ext4_cache_init(fs);

	if (!err)
		err = load_super(fs);
	if (err)
		return err;
	super_options(fs, ext4_sb(fs));
	err = parse_options(fs, m->options);
	if (!err && fs->opt.noload && want_write)
		err = -EROFS;
	if (!err)
		err = open_journal(fs, want_write, &recovered);
	if (err || !recovered)
		return err;
	/* What is in the cache is of the time before. */
	ext4_brelse(fs->sb);
	fs->sb = NULL;
	ext4_cache_fini(fs);
	memset(fs->cache, 0, sizeof(fs->cache));
	err = ext4_super_read(fs, want_write);
	if (!err)
		err = ext4_cache_init(fs);
	return err ? err : load_super(fs);
}

static int start_writing(struct ext4 *fs)
{
	int err = ext4_journal_start(fs);

	if (err)
		return err;
	fs->was_valid = le16_to_cpu(ext4_sb(fs)->state) & EXT4_VALID_FS;
	fs->started = true;
	err = ext4_super_write(fs, true);
	return err ? err : ext4_orphan_recover(fs);
}

static int stop_writing(struct ext4 *fs)
{
	int err = ext4_journal_stop(fs);

	if (!err && !READ_ONCE(fs->dead))
		err = ext4_super_write(fs, false);
	if (!err)
		err = ext4_flush(fs);
	return err;
}

static void teardown(struct ext4 *fs)
{
	env_work_flush(&fs->error_work);
	ext4_nodes_close(fs);
	ext4_orphan_close(fs);
	ext4_groups_close(fs);
	ext4_journal_close(fs);
	if (fs->sb)
		ext4_brelse(fs->sb);
	ext4_bio_quiesce(fs);
	ext4_cache_fini(fs);
	fs->dev.ops->close(fs->dev.self);
	env_free(fs, sizeof(*fs));
}

static int open_root(struct ext4 *fs, struct fsys_attr *out)
{
	struct ext4_node *root;
	int err = ext4_node_get(fs, EXT4_ROOT_INO, NULL, &root);

	if (err)
		return err == -ESTALE ? ext4_error(fs, EXT4_ROOT_INO, "there is no root directory")
				      : err;
	if (!ext4_is_dir(root)) {
		ext4_node_put(root, 1);
		return ext4_error(fs, EXT4_ROOT_INO, "the root is no directory");
	}
	ext4_node_attr(root, out);
	return 0;
}

static int mount_it(struct ext4 *fs, const struct fsys_mount *m, struct fsys_attr *out_root)
{
	bool want_write = !(m->ms_flags & MS_RDONLY);
	int err = ext4_super_read(fs, want_write);

	if (!err && want_write && fs->info.flags & BLK_INFO_READ_ONLY)
		err = -EROFS;
	if (!err)
		err = open_structures(fs, m, want_write);
	if (!err)
		err = ext4_groups_open(fs);
	if (!err)
		err = ext4_orphan_open(fs);
	if (err)
		return err;
	fs->readonly = !want_write;
	fs->sync = m->ms_flags & MS_SYNCHRONOUS;
	if (le16_to_cpu(ext4_sb(fs)->state) & EXT4_ERROR_FS)
		env_log(ENV_LOG_WARN, "ext4: errors were found before; fsck is advised");
	if (want_write)
		err = start_writing(fs);
	return err ? err : open_root(fs, out_root);
}

static int ext4_mount(const struct fsys_mount *m, void **out_self, struct fsys_attr *out_root)
{
	struct ext4 *fs = env_alloc(sizeof(*fs), ENV_ALLOC_ZERO);
	int err;

	if (!fs)
		return -ENOMEM;
	fs->dev = m->device;
	fs->client_ops = m->client_ops;
	fs->client = m->client;
	for (u32 i = 0; i < ARRAY_SIZE(fs->io_ev); i++)
		env_event_init(&fs->io_ev[i]);
	env_work_init(&fs->error_work, ext4_super_mark_error);
	default_options(fs);
	fs->dev.ops->open(fs->dev.self, &device_ops, fs);
	fs->dev.ops->info(fs->dev.self, &fs->info);
	ext4_journal_init(fs);
	ext4_orphan_init(fs);
	err = ext4_nodes_init(fs);
	if (!err)
		err = mount_it(fs, m, out_root);
	if (!err) {
		*out_self = fs;
		return 0;
	}
	if (fs->j.task)
		(void)!stop_writing(fs);
	teardown(fs);
	return err;
}

int ext4_unmount(struct ext4 *fs)
{
	int err = 0;

	if (!fs->readonly)
		err = stop_writing(fs);
	if (READ_ONCE(fs->dead))
		err = -EIO;
	teardown(fs);
	return err;
}

int ext4_sync(struct ext4 *fs)
{
	int err;

	if (fs->readonly)
		return 0;
	if (READ_ONCE(fs->dead))
		return -EROFS;
	err = ext4_commit_all(fs);
	return err ? err : ext4_flush(fs);
}

int ext4_remount(struct ext4 *fs, u32 ms_flags, const struct iobuf *options)
{
	struct ext4_options old = fs->opt;
	bool ro = ms_flags & MS_RDONLY;
	int err = parse_options(fs, options);

	if (!err && (fs->opt.data != old.data || fs->opt.noload != old.noload))
		err = -EINVAL;
	if (!err && READ_ONCE(fs->dead) && !ro)
		err = -EROFS;
	if (!err && ro && !fs->readonly) {
		if (!READ_ONCE(fs->dead) &&
			(ext4_orphan_left(fs) || !list_empty(&fs->orphans)))
			err = -EBUSY;
		if (!err)
			err = stop_writing(fs);
		if (!err || READ_ONCE(fs->dead))
			fs->readonly = true;
	} else if (!err && !ro && fs->readonly) {
		err = ext4_super_read(fs, true);
		if (!err && fs->info.flags & BLK_INFO_READ_ONLY)
			err = -EROFS;
		if (!err) {
			fs->readonly = false;
			err = start_writing(fs);
			fs->readonly = err;
		}
	}
	if (err)
		fs->opt = old;
	else
		fs->sync = ms_flags & MS_SYNCHRONOUS;
	return err;
}

void ext4_statfs(struct ext4 *fs, struct fsys_statfs *out)
{
	u64 free = READ_ONCE(fs->free_blocks) + READ_ONCE(fs->pending_blocks),
	    used = READ_ONCE(fs->reserved);
	u64 overhead = fs->overhead;
	const u8 *u = fs->uuid;

	free = free > used ? free - used : 0;
	*out = (struct fsys_statfs){.magic = EXT4_MAGIC,
		.block_bytes = fs->block_bytes,
		.blocks = fs->nblocks > overhead ? fs->nblocks - overhead : 0,
		.free = free,
		.available = free > fs->root_blocks ? free - fs->root_blocks : 0,
		.files = fs->ninodes,
		.files_free = READ_ONCE(fs->free_inodes),
		.fsid = load_le64(u) ^ load_le64(u + 8),
		.file_max = fs->max_bytes,
		.name_max = 255};
}

const struct fsys_type ext4_type = {
	.name = "ext4",
	.flags = FSYS_TYPE_NEEDS_DEVICE,
	.ops = &ext4_ops,
	.mount = ext4_mount,
};
