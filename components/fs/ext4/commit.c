/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A transaction goes to the log (commit), and from there home (checkpoint). Both run in the
 * journal's task, one after the other.
 *
 * Commit: copy all changed blocks | revoke records, descriptors and copies to the log | flush (also
 * of file data written before) | commit record with FUA. Without a log the copies go home, and a
 * flush follows: what a crash leaves is then fsck's.
 *
 * Checkpoint: copies of committed blocks go home | flush | the journal's superblock says the new
 * tail, with FUA | that part of the log is free.
 */
#include "impl.h"

struct copy {
	struct ext4_buf *buf;
	u8 *data;
	bool escaped;
};

struct copies {
	struct copy *at;
	u32 n, cap;
};

static void free_copies(struct ext4 *fs, struct copies *c)
{
	for (u32 i = 0; i < c->n; i++)
		env_free(c->at[i].data, fs->block_bytes);
	if (c->at)
		env_free(c->at, c->cap * sizeof(*c->at));
}

/* No handle is open: nobody changes a buffer, or the list. */
static int take_copies(struct ext4_journal *j, struct ext4_tx *tx, struct copies *c)
{
	struct ext4_buf *b;

	*c = (struct copies){.cap = tx->nbufs};
	if (!tx->nbufs)
		return 0;
	c->at = env_alloc(c->cap * sizeof(*c->at), 0);
	if (!c->at)
		return -ENOMEM;
	list_for_each_entry(b, &tx->bufs, tx_link) {
		u8 *data;

		if (READ_ONCE(b->forget) == tx)
			continue;
		data = env_alloc(j->fs->block_bytes, 0);
		if (!data)
			return -ENOMEM;
		memcpy(data, b->data, j->fs->block_bytes);
		c->at[c->n++] = (struct copy){b, data, false};
	}
	return 0;
}

/* From LOCKED to COMMITTING; the next transaction may begin. */
static void hand_over(struct ext4_journal *j, struct ext4_tx *tx, u32 log_blocks)
{
	unsigned long flags = env_spin_lock(&j->lock);
	struct ext4_buf *b, *tmp;

	list_for_each_entry_safe(b, tmp, &tx->bufs, tx_link) {
		list_del_init(&b->tx_link); /* the next transaction may want it */
		b->committing = tx;
		WRITE_ONCE(b->tx, NULL);
	}
	tx->state = EXT4_TX_COMMITTING;
	j->committing = tx;
	j->running = NULL;
	tx->log_start = j->log.head;
	for (u32 i = 0; i < log_blocks; i++)
		jlog_take(&j->log);
	env_spin_unlock(&j->lock, flags);
	env_event_signal(&j->ev);
}

static int log_write(struct ext4_journal *j, struct ext4_bio *bio, u32 at, u8 *data)
{
	u64 block = ext4_journal_block(j, at);
	struct iobuf buf;

	if (!block)
		return -EUCLEAN;
	iobuf_init_kernel(&buf, data, j->fs->block_bytes);
	ext4_bio_add(bio, BLK_WRITE, BLK_PRIO, block, 1, &buf);
	return 0;
}

struct log_writer {
	struct ext4_journal *j;
	struct ext4_tx *tx;
	struct ext4_bio bio;
	u32 at;
	u8 **records; /* to free when all is written */
	u32 nrecords, cap;
};

static u8 *new_record(struct log_writer *w)
{
	u8 *block;

	if (w->nrecords == w->cap)
		return NULL;
	block = env_alloc(w->j->fs->block_bytes, 0);
	if (block)
		w->records[w->nrecords++] = block;
	return block;
}

static int put_block(struct log_writer *w, u8 *data)
{
	int err = log_write(w->j, &w->bio, w->at, data);

	w->at = jlog_wrap(&w->j->log, w->at + 1);
	return err;
}

static int write_revokes(struct log_writer *w)
{
	const struct jlog *l = &w->j->log;
	struct ext4_revokes *chunk;
	struct jlog_record r = {0};
	int err = 0;

	list_for_each_entry(chunk, &w->tx->revokes, link) {
		for (u32 i = 0; !err && i < chunk->n; i++) {
			if (r.block && jlog_revoke_add(l, &r, chunk->blocks[i]))
				continue;
			if (r.block) {
				jlog_revoke_end(l, &r);
				err = put_block(w, r.block);
			}
			r.block = new_record(w);
			if (!r.block)
				return -ENOMEM;
			jlog_revoke_begin(l, &r, r.block, w->tx->tid);
			(void)jlog_revoke_add(l, &r, chunk->blocks[i]);
		}
	}
	if (r.block && !err) {
		jlog_revoke_end(l, &r);
		err = put_block(w, r.block);
	}
	return err;
}

static int write_blocks(struct log_writer *w, struct copies *c)
{
	const struct jlog *l = &w->j->log;
	u32 i = 0;

	while (i < c->n) {
		struct jlog_record r;
		u8 *block = new_record(w);
		u32 first = i;
		int err;

		if (!block)
			return -ENOMEM;
		jlog_descriptor_begin(l, &r, block, w->tx->tid);
		for (; i < c->n; i++) {
			struct copy *at = &c->at[i];

			if (!at->escaped && jlog_must_escape(at->data)) {
				at->escaped = true;
				memset(at->data, 0, 4);
			}
			if (!jlog_descriptor_add(l, &r, at->buf->block, at->escaped, at->data))
				break;
		}
		jlog_descriptor_end(l, &r);
		err = put_block(w, block);
		for (u32 k = first; !err && k < i; k++)
			err = put_block(w, c->at[k].data);
		if (err)
			return err;
	}
	return 0;
}

static int write_commit(struct log_writer *w)
{
	struct ext4 *fs = w->j->fs;
	u64 block = ext4_journal_block(w->j, w->at);
	u8 *record = new_record(w);
	s64 now = env_time();
	int err = record ? ext4_flush(fs) : -ENOMEM;

	if (err)
		return err;
	if (!block)
		return -EUCLEAN;
	jlog_commit(
		&w->j->log, record, w->tx->tid, (u64)(now / 1000000000), (u32)(now % 1000000000));
	return ext4_rw(fs, BLK_WRITE, BLK_PRIO | (fs->opt.barrier ? BLK_FUA : 0), block, 1, record);
}

static int write_log(struct ext4_journal *j, struct ext4_tx *tx, struct copies *c, u32 log_blocks)
{
	struct log_writer w = {.j = j, .tx = tx, .at = tx->log_start, .cap = log_blocks};
	int err, io_err;

	w.records = env_alloc(w.cap * sizeof(*w.records), 0);
	if (!w.records)
		return -ENOMEM;
	ext4_bio_init(&w.bio, j->fs, NULL);
	err = write_revokes(&w);
	if (!err)
		err = write_blocks(&w, c);
	io_err = ext4_bio_wait(&w.bio);
	if (!err)
		err = io_err;
	if (!err)
		err = write_commit(&w);
	for (u32 i = 0; i < w.nrecords; i++)
		env_free(w.records[i], j->fs->block_bytes);
	env_free(w.records, w.cap * sizeof(*w.records));
	return err;
}

static int write_home(struct ext4_journal *j, const struct copy *c, u32 n)
{
	struct ext4_bio bio;

	ext4_bio_init(&bio, j->fs, NULL);
	for (u32 i = 0; i < n; i++) {
		struct iobuf data;

		iobuf_init_kernel(&data, c[i].data, j->fs->block_bytes);
		ext4_bio_add(&bio, BLK_WRITE, 0, c[i].buf->block, 1, &data);
	}
	return ext4_bio_wait(&bio);
}

/* One buffer of a committed transaction: to its list of what is not at home yet, or done with. */
static void settle(struct ext4_journal *j, struct ext4_tx *tx, struct ext4_buf *b)
{
	unsigned long flags = env_spin_lock(&j->lock);
	/* By the next transaction, it is still alive in this one. */
	bool forget = b->forget == tx, drop_ref = true;

	b->committing = NULL;
	if (b->cp) {
		list_del_init(&b->cp_link);
		b->cp = NULL;
		ext4_brelse(b); /* the commit's reference is still there */
	}
	if (!forget && j->has_log) {
		b->cp = tx;
		list_add_tail(&b->cp_link, &tx->cps);
		drop_ref = false;
	}
	env_spin_unlock(&j->lock, flags);
	if (forget)
		ext4_bdrop(b);
	if (drop_ref)
		ext4_brelse(b);
}

static void committed(struct ext4_journal *j, struct ext4_tx *tx, struct ext4_buf **bufs, u32 n)
{
	unsigned long flags;
	u32 tid = tx->tid;
	bool keep = j->has_log;

	for (u32 i = 0; i < n; i++)
		settle(j, tx, bufs[i]);
	tx->nbufs = 0;
	ext4_freed_release(j->fs, tx);
	flags = env_spin_lock(&j->lock);
	tx->state = EXT4_TX_COMMITTED;
	j->committing = NULL;
	if (keep)
		list_add_tail(&tx->link, &j->cps);
	STORE_RELEASE(j->committed_tid, tid);
	env_spin_unlock(&j->lock, flags);
	if (!keep)
		ext4_tx_free(tx);
}

/* The buffers of @tx as an array: its list's links are wanted by the next transaction. */
static int take_list(struct ext4_tx *tx, struct ext4_buf ***out)
{
	struct ext4_buf **bufs, *b;
	u32 n = 0;

	*out = NULL;
	if (!tx->nbufs)
		return 0;
	bufs = env_alloc(tx->nbufs * sizeof(*bufs), 0);
	if (!bufs)
		return -ENOMEM;
	list_for_each_entry(b, &tx->bufs, tx_link)
		bufs[n++] = b;
	*out = bufs;
	return 0;
}

/* The journal is aborted: the references of @bufs go. */
static void abandon(struct ext4_journal *j, struct ext4_buf **bufs, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		unsigned long flags = env_spin_lock(&j->lock);

		bufs[i]->committing = NULL;
		env_spin_unlock(&j->lock, flags);
		ext4_brelse(bufs[i]);
	}
}

int ext4_commit_run(struct ext4_journal *j, struct ext4_tx *tx)
{
	struct ext4_buf **bufs = NULL;
	struct copies c = {0};
	u32 n = tx->nbufs, blocks = 0;
	int err = take_copies(j, tx, &c);

	if (!err)
		err = take_list(tx, &bufs);
	if (err) {
		/* Still LOCKED, and it stays so: the caller aborts. */
		free_copies(j->fs, &c);
		return err;
	}
	/* An empty one too has a record: sequence numbers leave no gap. */
	if (j->has_log)
		blocks = jlog_need(&j->log, c.n, tx->nrevokes);
	if (blocks > jlog_free(&j->log)) {
		env_log(ENV_LOG_ERR, "ext4: the log is too small for transaction %u", tx->tid);
		free_copies(j->fs, &c);
		env_free(bufs, n * sizeof(*bufs));
		return -ENOSPC;
	}
	hand_over(j, tx, blocks);
	if (blocks) {
		err = write_log(j, tx, &c, blocks);
	} else if (c.n) {
		err = write_home(j, c.at, c.n);
		if (!err)
			err = ext4_flush(j->fs);
	}
	free_copies(j->fs, &c);
	if (err) {
		abandon(j, bufs, n);
		tx->nbufs = 0;
	} else {
		committed(j, tx, bufs, n);
	}
	if (bufs)
		env_free(bufs, n * sizeof(*bufs));
	return err;
}

/* ---- checkpoint ---- */

#define BATCH 64

/* Copies of what of @tx can go home now. *out_n 0: nothing, all the rest is changed again. */
static int collect(struct ext4_journal *j, struct ext4_tx *tx, struct copy *c, u32 *out_n)
{
	struct ext4_buf *b;
	u32 n = 0, nspare = 0;
	unsigned long flags;

	while (nspare < BATCH && (c[nspare].data = env_alloc(j->fs->block_bytes, 0)))
		nspare++;
	flags = env_spin_lock(&j->lock);
	list_for_each_entry(b, &tx->cps, cp_link) {
		if (n == nspare)
			break;
		if (b->tx || b->committing)
			continue;
		memcpy(c[n].data, b->data, j->fs->block_bytes);
		ext4_bget(b);
		c[n++].buf = b;
	}
	env_spin_unlock(&j->lock, flags);
	for (u32 i = n; i < nspare; i++)
		env_free(c[i].data, j->fs->block_bytes);
	*out_n = n;
	return nspare ? 0 : -ENOMEM;
}

static int send_batch(struct ext4_journal *j, struct ext4_tx *tx, struct copy *c)
{
	u32 n;
	int err = collect(j, tx, c, &n);

	if (err)
		return err;
	if (!n)
		return -EAGAIN;
	err = write_home(j, c, n);
	for (u32 i = 0; i < n; i++) {
		unsigned long flags = env_spin_lock(&j->lock);
		bool mine = !err && c[i].buf->cp == tx;

		/* It may have been changed since; then a later transaction has it, and logs it. */
		if (mine) {
			list_del_init(&c[i].buf->cp_link);
			c[i].buf->cp = NULL;
		}
		env_spin_unlock(&j->lock, flags);
		if (mine)
			ext4_brelse(c[i].buf);
		ext4_brelse(c[i].buf);
		env_free(c[i].data, j->fs->block_bytes);
	}
	if (err)
		env_log(ENV_LOG_ERR, "ext4: metadata cannot be written home: error %d", -err);
	return err;
}

static int send_home(struct ext4_journal *j, struct ext4_tx *tx)
{
	struct copy *c = env_alloc(BATCH * sizeof(*c), 0);
	int err = c ? send_batch(j, tx, c) : -ENOMEM;

	if (c)
		env_free(c, BATCH * sizeof(*c));
	return err;
}

/* Free the log of transactions that are at home. */
static int advance_tail(struct ext4_journal *j)
{
	unsigned long flags = env_spin_lock(&j->lock);
	struct ext4_tx *tx, *tmp;
	struct list_head gone;
	u32 tail, seq;
	int err;

	list_init(&gone);
	list_for_each_entry_safe(tx, tmp, &j->cps, link) {
		if (!list_empty(&tx->cps))
			break;
		list_move_tail(&tx->link, &gone);
	}
	tx = list_empty(&j->cps) ? NULL : list_first_entry(&j->cps, struct ext4_tx, link);
	tail = tx ? tx->log_start : j->log.head;
	seq = tx ? tx->tid : j->running ? j->running->tid : j->next_tid;
	env_spin_unlock(&j->lock, flags);
	if (tail == j->log.tail && (tx || !j->log.used))
		return 0;
	list_for_each_entry_safe(tx, tmp, &gone, link)
		ext4_tx_free(tx);
	err = ext4_flush(j->fs);
	if (!err)
		err = ext4_journal_write_super(j->fs, tail, seq);
	if (err)
		return err;
	flags = env_spin_lock(&j->lock);
	jlog_trim(&j->log, tail, seq);
	env_spin_unlock(&j->lock, flags);
	env_event_signal(&j->ev);
	return 0;
}

int ext4_checkpoint_run(struct ext4_journal *j, u32 want_free)
{
	int err = 0, tail_err;

	while (!err && jlog_free(&j->log) < want_free) {
		unsigned long flags = env_spin_lock(&j->lock);
		struct ext4_tx *tx = NULL, *at;
		u32 start = j->log.head, gain;

		list_for_each_entry(at, &j->cps, link) {
			if (!list_empty(&at->cps)) {
				tx = at;
				start = at->log_start;
				break;
			}
		}
		gain = start >= j->log.tail ? start - j->log.tail
					    : j->log.total - j->log.first - (j->log.tail - start);
		env_spin_unlock(&j->lock, flags);
		if (!tx || jlog_free(&j->log) + gain >= want_free)
			break;
		err = send_home(j, tx);
	}
	tail_err = advance_tail(j);
	return tail_err ? tail_err : err;
}
