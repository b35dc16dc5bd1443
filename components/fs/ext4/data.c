/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Data between the page cache and the disk.
 *
 *	fill	  mapped? --yes, seen before--> read, from the caller's thread
 *			  --else--> node.work: map, read
 *	writeback overwrites what is mapped, size stays --> write, from the caller's thread
 *		  else node.work: allocate unwritten | write | node.work: mark written, size
 *
 * Blocks are shown (written, inside of the size) in a transaction that begins after their data is
 * on the disk, so a crash shows no old contents, and a commit never waits for data: that is
 * data=ordered. With data=writeback new blocks are written ones at once. With data=journal, or
 * chattr +j, the data itself goes through the log, like metadata.
 */
#include "impl.h"

#define CREDITS (EXT4_CR_EXTENT + EXT4_CR_INODE + EXT4_CR_ALLOC)

struct state { /* in fsys_io.provider */
	struct fsys_io *next;
	struct ext4_bio bio;
	u64 size;     /* to set at the end; 0: stays */
	bool convert; /* some of it is unwritten */
	u8 *tail;     /* the last, partial block */
};
static_assert(sizeof(struct state) <= sizeof_field(struct fsys_io, provider), "storage");

static struct state *state_of(struct fsys_io *io)
{
	return (struct state *)io->provider;
}

static struct ext4_node *node_of(const struct fsys_io *io)
{
	return (struct ext4_node *)(unsigned long)io->node;
}

/* The node may be gone when done() returns. */
static void finish(struct fsys_io *io, s32 status)
{
	struct ext4_node *n = node_of(io);
	struct state *s = state_of(io);

	if (s->tail)
		env_free(s->tail, n->fs->block_bytes);
	io->status = status;
	io->stable = false;
	if (io->op == FSYS_WRITEBACK && !__atomic_sub_fetch(&n->inflight, 1, __ATOMIC_ACQ_REL))
		env_event_signal(&n->idle);
	io->done(io);
}

void ext4_node_drain(struct ext4_node *n)
{
	for (;;) {
		u32 seq = env_event_read(&n->idle);

		if (!LOAD_ACQUIRE(n->inflight))
			return;
		/* Each request has an end. */
		(void)!env_event_wait(&n->idle, seq, ENV_FOREVER);
	}
}

/* What of it counts: of a writeback not the blocks wholly behind the end of the file. */
static u64 length(const struct fsys_io *io)
{
	u64 end;

	if (io->op == FSYS_FILL)
		return io->data.left;
	end = align_up(io->size, (u64)node_of(io)->fs->block_bytes);
	return end > io->off ? min_t(u64, io->data.left, end - io->off) : 0;
}

/* ---- the end of a request ---- */

static void queue_end(struct ext4_node *n, struct fsys_io *io)
{
	unsigned long flags = env_spin_lock(&n->io_lock);

	state_of(io)->next = n->end_first;
	n->end_first = io;
	env_work_queue(&n->work);
	env_spin_unlock(&n->io_lock, flags);
}

/* What of a block lies behind the end of the file reads as zero. */
static void zero_tail(struct fsys_io *io)
{
	u64 size = READ_ONCE(node_of(io)->size);
	struct iobuf data = io->data;

	if (size >= io->off && size - io->off < data.left) {
		iobuf_advance(&data, (size_t)(size - io->off));
		iobuf_zero(&data, data.left);
	}
}

static void bio_done(struct ext4_bio *bio)
{
	struct state *s = container_of(bio, struct state, bio);
	struct fsys_io *io = container_of((u64(*)[8])(void *)s, struct fsys_io, provider);
	s32 status = bio->status;

	if (status) {
		finish(io, status == -ENOMEM ? -ENOMEM : -EIO);
	} else if (io->op == FSYS_FILL) {
		if (s->tail) { /* the last, partial block was read aside */
			struct iobuf data = io->data;
			size_t part = data.left & (node_of(io)->fs->block_bytes - 1);

			iobuf_advance(&data, data.left - part);
			iobuf_put(&data, s->tail, part);
		}
		zero_tail(io);
		finish(io, 0);
	} else if (s->convert || s->size) {
		queue_end(node_of(io), io);
	} else {
		finish(io, 0);
	}
}

/* ---- pieces ---- */

/* @m of @io's range: read, write, or zero. Whole blocks, but for a partial one at the end. */
static void add_piece(struct fsys_io *io, const struct ext4_map *m)
{
	struct ext4 *fs = node_of(io)->fs;
	struct state *s = state_of(io);
	struct iobuf data = io->data;
	u64 at = ((u64)m->lblk << fs->block_bits) - io->off;
	u64 len = min_t(u64, (u64)m->len << fs->block_bits, length(io) - at);
	u64 whole = len >> fs->block_bits;
	bool fill = io->op == FSYS_FILL;

	iobuf_advance(&data, (size_t)at);
	if (fill && (!m->pblk || m->unwritten)) {
		iobuf_limit(&data, (size_t)len);
		iobuf_zero(&data, (size_t)len);
		return;
	}
	if (whole)
		ext4_bio_add(&s->bio, fill ? BLK_READ : BLK_WRITE, 0, m->pblk, whole, &data);
	if (len & (fs->block_bytes - 1) && s->tail) {
		struct iobuf tail;

		if (!fill) {
			iobuf_advance(&data, (size_t)(whole << fs->block_bits));
			memset(s->tail, 0, fs->block_bytes);
			iobuf_get(&data, s->tail, (size_t)(len & (fs->block_bytes - 1)));
		}
		iobuf_init_kernel(&tail, s->tail, fs->block_bytes);
		ext4_bio_add(&s->bio, fill ? BLK_READ : BLK_WRITE, 0, m->pblk + whole, 1, &tail);
	}
}

static u32 first_block(const struct fsys_io *io)
{
	return (u32)(io->off >> node_of(io)->fs->block_bits);
}

static u32 end_block(const struct fsys_io *io)
{
	return (u32)ext4_blocks_of(node_of(io)->fs, io->off + length(io));
}

static bool journaled(const struct ext4_node *n)
{
	return READ_ONCE(n->flags) & EXT4_FL_JOURNAL_DATA || n->fs->opt.data == EXT4_DATA_JOURNAL;
}

/* Only mapped pieces that were seen, nothing to change: begin it here. */
static bool begin_fast(struct fsys_io *io)
{
	struct ext4_node *n = node_of(io);
	u32 end = end_block(io);
	struct ext4_map m[4];
	u32 k = 0;

	if (ext4_is_inline(n) || journaled(n) || length(io) & (n->fs->block_bytes - 1))
		return false;
	if (io->op == FSYS_WRITEBACK &&
		(min(io->size, io->off + length(io)) > READ_ONCE(n->size) || ext4_writable(n->fs)))
		return false;
	for (u32 at = first_block(io); at < end; at += m[k++].len) {
		if (k == ARRAY_SIZE(m) || !ext4_map_cached(n, at, &m[k]))
			return false;
		if (io->op == FSYS_WRITEBACK && (!m[k].pblk || m[k].unwritten))
			return false;
		m[k].len = min(m[k].len, end - at);
	}
	ext4_bio_init(&state_of(io)->bio, n->fs, bio_done);
	for (u32 i = 0; i < k; i++)
		add_piece(io, &m[i]);
	ext4_bio_end(&state_of(io)->bio);
	return true;
}

/* ---- in the node's work: what may sleep ---- */

static int fill_inline(struct fsys_io *io)
{
	struct ext4_node *n = node_of(io);
	struct iobuf data = io->data;
	u8 *mem = env_alloc(4096, 0);
	u32 len = io->off < n->size
			  ? (u32)min_t(u64, n->size - io->off, min_t(u64, data.left, 4096))
			  : 0;
	int err = 0;

	if (!mem)
		return -ENOMEM;
	env_mutex_lock(&n->lock);
	if (len)
		err = ext4_inline_read(n, (u32)io->off, mem, len);
	env_mutex_unlock(&n->lock);
	if (!err) {
		iobuf_put(&data, mem, len);
		iobuf_zero(&data, data.left);
	}
	env_free(mem, 4096);
	return err;
}

/* What is in the log may be newer than what is on the disk. */
static int fill_journaled(struct fsys_io *io)
{
	struct ext4_node *n = node_of(io);
	struct iobuf data = io->data;
	int err = 0;

	for (u32 at = first_block(io); !err && at < end_block(io); at++) {
		struct ext4_map m = {0};
		struct ext4_buf *b;

		env_mutex_lock(&n->lock);
		err = ext4_map(n, at, &m);
		env_mutex_unlock(&n->lock);
		if (err)
			break;
		if (!m.pblk || m.unwritten) {
			iobuf_zero(&data, n->fs->block_bytes);
			continue;
		}
		err = ext4_bread(n->fs, m.pblk, &b);
		if (!err) {
			iobuf_put(&data, b->data, n->fs->block_bytes);
			ext4_brelse(b);
		}
	}
	if (!err)
		zero_tail(io);
	return err;
}

static int need_tail(struct fsys_io *io)
{
	struct ext4 *fs = node_of(io)->fs;

	if (!(length(io) & (fs->block_bytes - 1)))
		return 0;
	state_of(io)->tail = env_alloc(fs->block_bytes, 0);
	return state_of(io)->tail ? 0 : -ENOMEM;
}

static int begin_fill(struct fsys_io *io)
{
	struct ext4_node *n = node_of(io);
	struct state *s = state_of(io);
	u32 end = end_block(io);
	struct ext4_map m = {0};
	int err = need_tail(io);

	if (err)
		return err;
	ext4_bio_init(&s->bio, n->fs, bio_done);
	for (u32 at = first_block(io); at < end; at += m.len) {
		env_mutex_lock(&n->lock);
		err = ext4_map(n, at, &m);
		env_mutex_unlock(&n->lock);
		if (err)
			break;
		m.len = min(m.len, end - at);
		add_piece(io, &m);
	}
	if (err)
		__atomic_store_n(&s->bio.status, err, __ATOMIC_RELAXED);
	ext4_bio_end(&s->bio);
	return 0;
}

/* Blocks for the hole at m->lblk. No lock held. */
static int allocate(struct ext4_node *n, struct ext4_map *m)
{
	u32 want = m->len;
	unsigned tries = 0;
	int err;

	do {
		u64 paid;
		struct ext4_handle h;

		err = ext4_tx_begin(n->fs, CREDITS, &h);
		if (err)
			return err;
		env_mutex_lock(&n->lock);
		err = ext4_map(n, m->lblk, m);
		m->len = min(m->len, want);
		paid = READ_ONCE(n->reserved);
		if (!err && !m->pblk) {
			m->unwritten = n->fs->opt.data != EXT4_DATA_WRITEBACK;
			if (paid)
				m->len = (u32)min_t(u64, m->len, paid);
			err = ext4_extent_alloc(
				&h, n, m, paid ? EXT4_ALLOC_RESERVED : EXT4_ALLOC_ROOT);
			if (!err && paid)
				__atomic_sub_fetch(&n->reserved, m->len, __ATOMIC_RELAXED);
		}
		env_mutex_unlock(&n->lock);
		err = ext4_tx_end(&h, err);
	} while (ext4_space_retry(n->fs, err, &tries));
	return err;
}

static int convert_inline(struct ext4_node *n)
{
	struct ext4_handle h;
	int err = ext4_tx_begin(n->fs, CREDITS + EXT4_CR_XATTR, &h);

	if (err)
		return err;
	env_mutex_lock(&n->lock);
	err = ext4_inline_convert(&h, n);
	env_mutex_unlock(&n->lock);
	return ext4_tx_end(&h, err);
}

static u64 size_after(const struct fsys_io *io)
{
	u64 size = min_t(u64, io->size, io->off + length(io));

	return size > READ_ONCE(node_of(io)->size) ? size : 0;
}

static int journal_block(struct fsys_io *io, u32 at, struct iobuf *data)
{
	struct ext4_node *n = node_of(io);
	struct ext4_map m = {.lblk = at, .len = 1};
	struct ext4_handle h;
	struct ext4_buf *b;
	u64 size = min_t(u64, io->size, (u64)(at + 1) << n->fs->block_bits);
	int err = ext4_tx_begin(n->fs, CREDITS + 1, &h);

	if (err)
		return err;
	env_mutex_lock(&n->lock);
	err = ext4_map(n, at, &m);
	m.len = 1;
	if (!err && !m.pblk)
		err = ext4_extent_alloc(&h, n, &m, EXT4_ALLOC_ROOT);
	else if (!err && m.unwritten)
		err = ext4_extent_convert(&h, n, at, 1, false);
	if (!err)
		err = ext4_bnew(n->fs, m.pblk, &b);
	if (!err) {
		ext4_tx_access(&h, b);
		iobuf_get(data, b->data, n->fs->block_bytes);
		ext4_brelse(b);
		if (size > n->size) {
			WRITE_ONCE(n->size, size);
			__atomic_store_n(&n->datasync_tid, h.tx->tid, __ATOMIC_RELEASE);
		}
		err = ext4_node_write(&h, n);
	}
	env_mutex_unlock(&n->lock);
	return ext4_tx_end(&h, err);
}

static int write_journaled(struct fsys_io *io)
{
	struct iobuf data = io->data;
	int err = 0;

	for (u32 at = first_block(io); !err && at < end_block(io); at++)
		err = journal_block(io, at, &data);
	return err;
}

static int begin_writeback(struct fsys_io *io)
{
	struct ext4_node *n = node_of(io);
	struct state *s = state_of(io);
	u32 end = end_block(io);
	struct ext4_map m = {0};
	int err = ext4_writable(n->fs);

	if (!err)
		err = need_tail(io);
	if (err)
		return err;
	s->size = size_after(io);
	ext4_bio_init(&s->bio, n->fs, bio_done);
	for (u32 at = first_block(io); at < end; at += m.len) {
		env_mutex_lock(&n->lock);
		err = ext4_map(n, at, &m);
		env_mutex_unlock(&n->lock);
		m.len = min(m.len, end - at);
		if (!err && !m.pblk)
			err = allocate(n, &m);
		if (err)
			break;
		s->convert |= m.unwritten;
		add_piece(io, &m);
	}
	if (err)
		__atomic_store_n(&s->bio.status, err, __ATOMIC_RELAXED);
	ext4_bio_end(&s->bio);
	return 0;
}

static void begin(struct fsys_io *io)
{
	struct ext4_node *n = node_of(io);
	bool write = io->op == FSYS_WRITEBACK;
	int err = 0;

	*state_of(io) = (struct state){0};
	if (!length(io)) {
		finish(io, 0);
		return;
	}
	if (ext4_is_inline(n) && write)
		err = ext4_writable(n->fs) ? -EROFS : convert_inline(n);
	if (!err && !(READ_ONCE(n->flags) & (EXT4_FL_EXTENTS | EXT4_FL_INLINE_DATA)) && write)
		err = -EOPNOTSUPP;
	if (err) {
		finish(io, err);
		return;
	}
	if (ext4_is_inline(n) || journaled(n)) {
		err = ext4_is_inline(n) ? fill_inline(io)
		      : write           ? write_journaled(io)
					: fill_journaled(io);
		finish(io, err);
		return;
	}
	err = write ? begin_writeback(io) : begin_fill(io);
	if (err)
		finish(io, err);
}

/* One extent of what was written: no longer unwritten; and the size, with the last one. */
static int end_piece(struct fsys_io *io, u32 *at, u32 end)
{
	struct ext4_node *n = node_of(io);
	struct ext4_handle h;
	struct ext4_map m = {0};
	int err = ext4_tx_begin(n->fs, CREDITS, &h);

	if (err)
		return err;
	env_mutex_lock(&n->lock);
	err = ext4_map(n, *at, &m);
	m.len = min(m.len, end - *at);
	if (!err && m.pblk && m.unwritten)
		err = ext4_extent_convert(&h, n, *at, m.len, false);
	*at += m.len;
	if (!err && *at == end && state_of(io)->size > n->size) {
		WRITE_ONCE(n->size, state_of(io)->size);
		__atomic_store_n(&n->datasync_tid, h.tx->tid, __ATOMIC_RELEASE);
		err = ext4_node_write(&h, n);
	}
	env_mutex_unlock(&n->lock);
	return ext4_tx_end(&h, err);
}

static void end(struct fsys_io *io)
{
	u32 at = first_block(io), last = end_block(io);
	int err = 0;

	if (!state_of(io)->convert)
		at = last - 1;
	while (!err && at < last)
		err = end_piece(io, &at, last);
	finish(io, err == -EROFS ? -EIO : err);
}

static void node_work(struct env_work *w)
{
	struct ext4_node *n = container_of(w, struct ext4_node, work);
	unsigned long flags = env_spin_lock(&n->io_lock);
	struct fsys_io *ended = n->end_first, *fresh = n->io_first, *next;

	n->end_first = n->io_first = n->io_last = NULL;
	env_spin_unlock(&n->io_lock, flags);
	for (; ended; ended = next) {
		next = state_of(ended)->next;
		end(ended);
	}
	for (; fresh; fresh = next) {
		next = state_of(fresh)->next;
		begin(fresh);
	}
}

void ext4_data_init(struct ext4_node *n)
{
	env_work_init(&n->work, node_work);
	env_event_init(&n->idle);
}

/* ---- the port ---- */

void ext4_submit(struct ext4 *fs, struct fsys_io *io)
{
	struct ext4_node *n = node_of(io);
	struct state *s = state_of(io);
	unsigned long flags;

	*s = (struct state){0};
	if (io->op == FSYS_WRITEBACK)
		__atomic_add_fetch(&n->inflight, 1, __ATOMIC_ACQ_REL);
	if (length(io) && begin_fast(io))
		return;
	flags = env_spin_lock(&n->io_lock);
	if (n->io_last)
		state_of(n->io_last)->next = io;
	else
		n->io_first = io;
	n->io_last = io;
	env_work_queue(&n->work);
	env_spin_unlock(&n->io_lock, flags);
}

void ext4_cancel(struct ext4 *fs, struct fsys_io *io)
{
	/* What is queued begins in a moment, and what has begun has an end. */
}

static int count_holes(struct ext4_node *n, u64 off, u64 len, u64 *out)
{
	u64 end = ext4_blocks_of(n->fs, off + len);
	int err = 0;

	*out = 0;
	for (u64 at = off >> n->fs->block_bits; !err && at < end;) {
		struct ext4_map m = {0};
		u64 k;

		err = ext4_map(n, (u32)at, &m);
		k = min_t(u64, m.len, end - at);
		*out += m.pblk ? 0 : k;
		at += k;
	}
	return err;
}

int ext4_reserve(struct ext4_node *n, u64 off, u64 len, bool root)
{
	unsigned tries = 0;
	u64 blocks;
	int err = ext4_writable(n->fs);

	if (err)
		return err;
	if (off + len < off || off + len > n->fs->max_bytes)
		return -EFBIG;
	do {
		env_mutex_lock(&n->lock);
		if (ext4_is_inline(n))
			blocks = 1 + ext4_blocks_of(n->fs, len);
		else
			err = count_holes(n, off, len, &blocks);
		if (!err && blocks) {
			if (ext4_reserve_blocks(n->fs, blocks, root))
				__atomic_add_fetch(&n->reserved, blocks, __ATOMIC_RELAXED);
			else
				err = -ENOSPC;
		}
		env_mutex_unlock(&n->lock);
	} while (err == -ENOSPC && ext4_space_retry(n->fs, err, &tries) && !(err = 0));
	return err;
}

void ext4_unreserve(struct ext4_node *n, u64 off, u64 len)
{
	u64 blocks;

	env_mutex_lock(&n->lock);
	if (!ext4_is_inline(n) && !count_holes(n, off, len, &blocks)) {
		blocks = min(blocks, READ_ONCE(n->reserved));
		__atomic_sub_fetch(&n->reserved, blocks, __ATOMIC_RELAXED);
		ext4_unreserve_blocks(n->fs, blocks);
	}
	env_mutex_unlock(&n->lock);
}
