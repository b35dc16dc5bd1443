/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The running journal. Changes join the one running transaction by handles; it is committed when
 * somebody wants it, when it is large, or after the commit interval.
 *
 *	RUNNING --task--> LOCKED (new handles wait, old ones end)
 *		--all handles ended, contents copied--> COMMITTING (a new one may run)
 *		--commit record stable--> COMMITTED (on `cps` until all of it is at home) --> gone
 *
 * The contents are copied while no handle is open. So a buffer may be changed by the next
 * transaction at once, the log's writes never see a block in motion, and there is no state
 *"frozen". A buffer goes home (checkpoint) only when no transaction later than a committed one has
 *changed it; the copy for that is taken under the lock that a changer takes first.
 *
 * Room in the log is promised when a handle begins (credits), so a commit never lacks it.
 *
 * Abort: nothing is committed or written home any more; what the log holds is recovered by the next
 * mount. All waiters end with an error.
 */
#include "impl.h"

ENV_LOCK_CLASS(ext4_journal, ENV_RANK_JOURNAL, "ext4: which transaction has which buffer");

#define LOG_MARGIN 16 /* blocks: revokes of a transaction that nobody has announced */
#define TX_MAX     4096

static struct ext4_tx *tx_alloc(void)
{
	struct ext4_tx *tx = env_alloc(sizeof(*tx), ENV_ALLOC_ZERO);

	if (tx) {
		list_init(&tx->link);
		list_init(&tx->bufs);
		list_init(&tx->cps);
		list_init(&tx->freed);
		list_init(&tx->revokes);
	}
	return tx;
}

/* It holds no buffers any more. */
void ext4_tx_free(struct ext4_tx *tx)
{
	struct ext4_freed *f, *f_next;
	struct ext4_revokes *r, *r_next;

	list_for_each_entry_safe(f, f_next, &tx->freed, link)
		env_free(f, sizeof(*f));
	list_for_each_entry_safe(r, r_next, &tx->revokes, link)
		env_free(r, sizeof(*r));
	env_free(tx, sizeof(*tx));
}

enum join { JOINED, WAIT, NEED_TX };

static bool has_room(struct ext4_journal *j, const struct ext4_tx *tx, u32 credits)
{
	u32 n = credits + (tx ? tx->nbufs + tx->credits : 0);

	return !j->has_log ||
	       jlog_free(&j->log) >= jlog_need(&j->log, n, tx ? tx->nrevokes : 0) + LOG_MARGIN;
}

static enum join join_locked(struct ext4_journal *j, u32 credits, struct ext4_tx **spare)
{
	struct ext4_tx *tx = j->running;

	if (tx && tx->state != EXT4_TX_RUNNING)
		return WAIT;
	if (tx && tx->nbufs && tx->nbufs + tx->credits + credits > j->max_tx) {
		j->wanted_tid = tx->tid;
		env_event_signal(&j->work);
		return WAIT;
	}
	if (!has_room(j, tx, credits)) {
		j->want_space = true;
		env_event_signal(&j->work);
		return WAIT;
	}
	if (!tx) {
		if (!*spare)
			return NEED_TX;
		tx = *spare;
		*spare = NULL;
		tx->tid = j->next_tid;
		WRITE_ONCE(j->next_tid, tx->tid + 1);
		tx->started_ns = env_now();
		j->running = tx;
		env_event_signal(&j->work);
	}
	tx->handles++;
	tx->credits += credits;
	return JOINED;
}

int ext4_tx_begin(struct ext4 *fs, u32 credits, struct ext4_handle *h)
{
	struct ext4_journal *j = &fs->j;
	struct ext4_tx *spare = NULL;
	enum join got = WAIT;
	int err;

	for (;;) {
		u32 seq = env_event_read(&j->ev);
		unsigned long flags;

		err = ext4_writable(fs);
		if (err)
			break;
		flags = env_spin_lock(&j->lock);
		got = join_locked(j, credits, &spare);
		if (got == JOINED)
			*h = (struct ext4_handle){.fs = fs, .tx = j->running, .credits = credits};
		env_spin_unlock(&j->lock, flags);
		if (got == JOINED)
			break;
		if (got == WAIT) {
			/* The task commits or makes room, or the journal is aborted. */
			(void)!env_event_wait(&j->ev, seq, ENV_FOREVER);
			continue;
		}
		spare = tx_alloc();
		if (!spare)
			return -ENOMEM;
	}
	if (spare)
		ext4_tx_free(spare);
	return err;
}

static bool is_refusal(int err)
{
	return err == -ENOSPC || err == -EDQUOT || err == -EROFS || err == -EOPNOTSUPP ||
	       err == -EFBIG || err == -E2BIG || err == -ERANGE;
}

int ext4_tx_end(struct ext4_handle *h, int err)
{
	struct ext4_journal *j = &h->fs->j;
	struct ext4_tx *tx = h->tx;
	unsigned long flags;
	bool last;

	if (err < 0 && h->dirty && !is_refusal(err)) {
		env_log(ENV_LOG_ERR, "ext4: a change could not be finished: error %d", -err);
		ext4_journal_abort(h->fs, err);
	}
	flags = env_spin_lock(&j->lock);
	tx->credits -= h->credits;
	last = !--tx->handles && tx->state == EXT4_TX_LOCKED;
	env_spin_unlock(&j->lock, flags);
	if (last)
		env_event_signal(&j->work);
	h->tx = NULL;
	return err;
}

void ext4_tx_access(struct ext4_handle *h, struct ext4_buf *b)
{
	struct ext4_journal *j = &h->fs->j;
	struct ext4_tx *tx = h->tx;
	unsigned long flags;

	h->dirty = true;
	/* Only handles of this transaction could set it, and none of another one runs. */
	if (READ_ONCE(b->tx) == tx)
		return;
	ext4_bget(b);
	flags = env_spin_lock(&j->lock);
	if (b->tx != tx) {
		ENV_ASSERT(!b->tx);
		WRITE_ONCE(b->tx, tx);
		list_add_tail(&b->tx_link, &tx->bufs);
		tx->nbufs++;
		if (h->credits) {
			h->credits--;
			tx->credits--;
		}
		b = NULL;
	}
	env_spin_unlock(&j->lock, flags);
	ext4_brelse(b);
}

static int add_revoke(struct ext4_journal *j, struct ext4_tx *tx, u64 block)
{
	struct ext4_revokes *fresh = NULL;

	for (;;) {
		unsigned long flags = env_spin_lock(&j->lock);
		struct ext4_revokes *r =
			list_empty(&tx->revokes)
				? NULL
				: list_last_entry(&tx->revokes, struct ext4_revokes, link);

		if ((!r || r->n == ARRAY_SIZE(r->blocks)) && fresh) {
			list_add_tail(&fresh->link, &tx->revokes);
			r = fresh;
			fresh = NULL;
		}
		if (r && r->n < ARRAY_SIZE(r->blocks)) {
			r->blocks[r->n++] = block;
			tx->nrevokes++;
			env_spin_unlock(&j->lock, flags);
			env_free(fresh, sizeof(*fresh));
			return 0;
		}
		env_spin_unlock(&j->lock, flags);
		fresh = env_alloc(sizeof(*fresh), 0);
		if (!fresh)
			return -ENOMEM;
		fresh->n = 0;
	}
}

int ext4_tx_forget(struct ext4_handle *h, u64 block)
{
	struct ext4_journal *j = &h->fs->j;
	struct ext4_buf *b = ext4_bfind(h->fs, block);

	if (b) {
		unsigned long flags;

		ext4_tx_access(h, b);
		flags = env_spin_lock(&j->lock);
		WRITE_ONCE(b->forget, h->tx);
		env_spin_unlock(&j->lock, flags);
		ext4_brelse(b);
	}
	return j->has_log ? add_revoke(j, h->tx, block) : 0;
}

int ext4_tx_wait(struct ext4 *fs, u32 tid)
{
	struct ext4_journal *j = &fs->j;

	for (;;) {
		u32 seq = env_event_read(&j->ev);
		unsigned long flags = env_spin_lock(&j->lock);
		bool done = ext4_tid_reached(j->committed_tid, tid);

		if (!done && !ext4_tid_reached(j->wanted_tid, tid))
			j->wanted_tid = tid;
		env_spin_unlock(&j->lock, flags);
		if (done)
			return 0;
		if (READ_ONCE(j->aborted))
			return -EIO;
		env_event_signal(&j->work);
		/* The task commits it, or aborts. */
		(void)!env_event_wait(&j->ev, seq, ENV_FOREVER);
	}
}

int ext4_commit_all(struct ext4 *fs)
{
	struct ext4_journal *j = &fs->j;
	unsigned long flags = env_spin_lock(&j->lock);
	u32 tid = j->next_tid - 1;

	env_spin_unlock(&j->lock, flags);
	return READ_ONCE(j->aborted) ? -EIO : ext4_tx_wait(fs, tid);
}

int ext4_journal_checkpoint_all(struct ext4 *fs)
{
	struct ext4_journal *j = &fs->j;
	int err = ext4_commit_all(fs);
	unsigned long flags = env_spin_lock(&j->lock);

	j->checkpoint_all = true;
	j->checkpointed = false;
	env_spin_unlock(&j->lock, flags);
	env_event_signal(&j->work);
	while (!err) {
		u32 seq = env_event_read(&j->ev);

		if (READ_ONCE(j->aborted))
			err = -EIO;
		if (err || LOAD_ACQUIRE(j->checkpointed))
			break;
		(void)!env_event_wait(&j->ev, seq, ENV_FOREVER); /* as above */
	}
	return err;
}

void ext4_journal_abort(struct ext4 *fs, int err)
{
	struct ext4_journal *j = &fs->j;
	unsigned long flags = env_spin_lock(&j->lock);
	bool first = !j->aborted;

	if (first)
		WRITE_ONCE(j->aborted, err ? err : -EIO);
	env_spin_unlock(&j->lock, flags);
	if (first) {
		WRITE_ONCE(fs->dead, -EROFS);
		env_log(ENV_LOG_ERR,
			"ext4: the journal is aborted, the file system is read-only now");
		WRITE_ONCE(fs->event_error, err ? err : -EIO);
		env_work_queue(&fs->error_work); /* not from here: locks may be held */
	}
	env_event_signal(&j->ev);
	env_event_signal(&j->work);
}

/* ---- the task ---- */

enum step { NOTHING, COMMIT, DRAIN, SPACE, ALL, EXIT };

static enum step next_step(struct ext4_journal *j, u64 *deadline)
{
	struct ext4_tx *tx = j->running;

	*deadline = ENV_FOREVER; /* new work signals */
	if (READ_ONCE(j->aborted))
		return env_task_should_stop() ? EXIT : NOTHING;
	if (tx && tx->state == EXT4_TX_LOCKED)
		return tx->handles ? NOTHING : COMMIT;
	if (tx && (ext4_tid_reached(j->wanted_tid, tx->tid) || env_task_should_stop() ||
			  tx->started_ns + j->interval_ns <= env_now()))
		return DRAIN;
	if (!tx && ext4_tid_reached(j->wanted_tid, j->next_tid))
		j->wanted_tid = j->next_tid - 1;
	if (j->want_space ||
		(j->has_log && jlog_free(&j->log) < (j->log.total - j->log.first) / 2 &&
			!list_empty(&j->cps)))
		return SPACE;
	if (j->checkpoint_all && !j->checkpointed)
		return ALL;
	if (tx)
		*deadline = tx->started_ns + j->interval_ns;
	return env_task_should_stop() ? EXIT : NOTHING;
}

static void make_space(struct ext4_journal *j, bool all)
{
	u32 size = j->has_log ? j->log.total - j->log.first : 0;
	int err = ext4_checkpoint_run(j, all ? size : size * 3 / 4);
	unsigned long flags = env_spin_lock(&j->lock);

	if (err == -EAGAIN && j->running) {
		/* What is left is changed again: it moves on when that is committed. */
		j->wanted_tid = j->running->tid;
	} else if (!err || err == -EAGAIN) {
		j->want_space = false;
		if (all) {
			j->checkpoint_all = false;
			STORE_RELEASE(j->checkpointed, true);
		}
	}
	env_spin_unlock(&j->lock, flags);
	if (err && err != -EAGAIN)
		ext4_journal_abort(j->fs, err);
	env_event_signal(&j->ev);
}

static void commit_running(struct ext4_journal *j)
{
	struct ext4_tx *tx = j->running;
	int err = ext4_commit_run(j, tx);

	if (err) {
		env_log(ENV_LOG_ERR, "ext4: transaction %u cannot be committed: error %d", tx->tid,
			-err);
		ext4_journal_abort(j->fs, err);
	}
	env_event_signal(&j->ev);
}

static void journal_task(void *arg)
{
	struct ext4_journal *j = arg;

	for (;;) {
		u32 seq = env_event_read(&j->work);
		unsigned long flags = env_spin_lock(&j->lock);
		u64 deadline;
		enum step step = next_step(j, &deadline);

		if (step == DRAIN)
			j->running->state = EXT4_TX_LOCKED;
		env_spin_unlock(&j->lock, flags);
		switch (step) {
		case NOTHING: (void)!env_event_wait(&j->work, seq, deadline); break;
		case COMMIT: commit_running(j); break;
		case DRAIN: break;
		case SPACE: make_space(j, false); break;
		case ALL: make_space(j, true); break;
		case EXIT: return;
		}
	}
}

/* ---- life ---- */

int ext4_journal_start(struct ext4 *fs)
{
	struct ext4_journal *j = &fs->j;
	u32 size = j->has_log ? j->log.total - j->log.first : TX_MAX * 4;

	j->max_tx = min_t(u32, size / 4, TX_MAX);
	j->committed_tid = j->wanted_tid = j->next_tid - 1;
	j->interval_ns = fs->opt.commit_s * 1000000000ull;
	if (j->has_log) {
		int err;

		j->log.head = j->log.tail = j->log.first;
		j->log.used = 0;
		j->log.tail_seq = j->next_tid;
		err = ext4_journal_write_super(fs, j->log.first, j->next_tid);
		if (err)
			return err;
	}
	return env_task_start(journal_task, j, "ext4-journal", &j->task);
}

/* Nothing is written home any more: let go of what the transactions hold. */
static void drop_tx(struct ext4_journal *j, struct ext4_tx *tx)
{
	struct ext4_buf *b, *tmp;

	if (!tx)
		return;
	list_for_each_entry_safe(b, tmp, &tx->bufs, tx_link) {
		list_del_init(&b->tx_link);
		b->tx = b->committing = NULL;
		ext4_brelse(b);
	}
	list_for_each_entry_safe(b, tmp, &tx->cps, cp_link) {
		list_del_init(&b->cp_link);
		b->cp = NULL;
		ext4_brelse(b);
	}
	ext4_tx_free(tx);
}

int ext4_journal_stop(struct ext4 *fs)
{
	struct ext4_journal *j = &fs->j;
	struct ext4_tx *tx, *tmp;
	int err;

	if (!j->task)
		return 0;
	err = ext4_journal_checkpoint_all(fs);
	env_task_stop(j->task, &j->work);
	j->task = NULL;
	list_for_each_entry_safe(tx, tmp, &j->cps, link) {
		list_del(&tx->link);
		drop_tx(j, tx);
	}
	drop_tx(j, j->committing);
	drop_tx(j, j->running);
	j->running = j->committing = NULL;
	if (!err && j->has_log)
		err = ext4_journal_write_super(fs, 0, j->next_tid);
	return err;
}

void ext4_journal_init(struct ext4 *fs)
{
	struct ext4_journal *j = &fs->j;

	j->fs = fs;
	env_spin_init(&j->lock, &env_lock_class_ext4_journal);
	env_event_init(&j->ev);
	env_event_init(&j->work);
	list_init(&j->cps);
	j->next_tid = 1;
}

void ext4_journal_close(struct ext4 *fs)
{
	struct ext4_journal *j = &fs->j;

	env_free(j->runs, j->runs_cap * sizeof(*j->runs));
	j->runs = NULL;
}
