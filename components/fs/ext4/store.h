/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The lower half: requests to the disk, the cache of metadata blocks, the journal. See impl.h. */
#include <linux/fs.h>
#include <lib/bitmap.h>
#include <lib/endian.h>
#include <lib/errno.h>
#include <lib/hlist.h>
#include <lib/list.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <lib/types.h>
#include <env/iobuf.h>
#include <env/lock.h>
#include <env/log.h>
#include <env/mem.h>
#include <env/task.h>
#include <env/time.h>
#include <port/blk.h>
#include <port/fsys.h>
#include "buddy.h"
#include "format.h"
#include "jlog.h"

struct ext4;
struct ext4_buf;
struct ext4_node;
struct ext4_tx;

/* ---- requests to the disk (bio.c) ---- */

struct ext4_bio {
	struct ext4 *fs;
	u32 pending;                        /* atomic: requests, and 1 until ext4_bio_end */
	s32 status;                         /* atomic: the first error */
	u16 queue;                          /* of the disk, all of it */
	void (*done)(struct ext4_bio *bio); /* any context; NULL: somebody waits */
};

void ext4_bio_init(struct ext4_bio *bio, struct ext4 *fs, void (*done)(struct ext4_bio *bio));
/* Add @nblocks from @block on to @bio, to or from the front of @data, which lives until done. */
void ext4_bio_add(struct ext4_bio *bio, enum blk_op op, u8 flags, u64 block, u64 nblocks,
	const struct iobuf *data);
/* No more is added: bio->done comes when all is done, perhaps from here. */
void ext4_bio_end(struct ext4_bio *bio);
/* The same, and wait.  Returns: the first error. */
int ext4_bio_wait(struct ext4_bio *bio) MUST_CHECK;
/* One piece of kernel memory, waited for. */
int ext4_rw(
	struct ext4 *fs, enum blk_op op, u8 flags, u64 block, u64 nblocks, void *mem) MUST_CHECK;
int ext4_flush(struct ext4 *fs) MUST_CHECK;
/* Before the file system's memory is freed: no request's end touches it any more. */
void ext4_bio_quiesce(struct ext4 *fs);

/* ---- metadata blocks (bcache.c) ---- */

enum ext4_buf_flags {
	EXT4_BUF_UPTODATE = 1,
	EXT4_BUF_READING = 2,
	EXT4_BUF_STALE = 4, /* freed; out of the table, dies with the last reference */
};

struct ext4_buf {
	struct hlist_node hash; /* shard */
	struct list_head lru;   /* shard: on it iff refs == 0 */
	struct ext4 *fs;
	u64 block;
	u8 *data;
	u32 refs;  /* shard */
	u32 flags; /* shard; UPTODATE read without it */
	/* Structure checked as this inode's (bit 31: not an inode's); 0: not yet. By the lock of the
	 * node or group; of attribute blocks fs.xattr_lock, and read without it. */
	u32 owner;
	/* journal.lock */
	struct ext4_tx *tx;         /* running one that changes it; holds a reference */
	struct ext4_tx *committing; /* being written to the log */
	struct ext4_tx *cp;         /* committed, not yet at home; holds a reference */
	struct ext4_tx *forget;     /* frees the block: not logged by it, dropped when it is committed */
	struct list_head tx_link, cp_link;
};

#define EXT4_CACHE_SHARDS 16
#define EXT4_CACHE_HASH   256
#define EXT4_CACHE_BYTES  (24u << 20)

struct ext4_cache_shard {
	struct env_spin lock;
	struct env_event ev; /* a read has ended */
	struct hlist_head hash[EXT4_CACHE_HASH];
	struct list_head lru; /* unused ones, oldest first */
	u32 count, limit;
};

int ext4_cache_init(struct ext4 *fs) MUST_CHECK;
void ext4_cache_fini(struct ext4 *fs);
/* The block as it is now, read if need be; -EUCLEAN outside of the disk. */
int ext4_bread(struct ext4 *fs, u64 block, struct ext4_buf **out) MUST_CHECK;
/* Begin to read those of the @n blocks from @block on (at most EXT4_AHEAD) that are not in the cache.
 */
#define EXT4_AHEAD 32
void ext4_bread_ahead(struct ext4 *fs, u64 block, u32 n);
/* Is it there to be read without waiting? A hint. */
bool ext4_bcached(struct ext4 *fs, u64 block);
/* The block whose contents do not matter: zeroes. The caller has just allocated it. */
int ext4_bnew(struct ext4 *fs, u64 block, struct ext4_buf **out) MUST_CHECK;
/* If it is in the cache; else NULL. */
struct ext4_buf *ext4_bfind(struct ext4 *fs, u64 block);
void ext4_bget(struct ext4_buf *b);
void ext4_brelse(struct ext4_buf *b); /* NULL is nothing */
/* It was freed on the disk: nobody finds it any more. */
void ext4_bdrop(struct ext4_buf *b);

/* ---- journal (journal.c, commit.c, checkpoint.c, recover.c) ---- */

enum ext4_tx_state { EXT4_TX_RUNNING, EXT4_TX_LOCKED, EXT4_TX_COMMITTING, EXT4_TX_COMMITTED };

struct ext4_freed {
	struct list_head link;
	u64 block;
	u32 len;
};

struct ext4_revokes { /* a chunk of revoked blocks */
	struct list_head link;
	u32 n;
	u64 blocks[254];
};

struct ext4_tx {
	struct list_head link; /* journal.cps, when committed */
	u32 tid, state, handles;
	u32 nbufs, credits; /* buffers, promised ones */
	u32 nrevokes;
	u32 log_start; /* where in the log */
	bool sync_wanted;
	u64 started_ns;
	struct list_head bufs, cps; /* by tx_link, cp_link */
	struct list_head freed;     /* struct ext4_freed */
	struct list_head revokes;
};

struct ext4_handle {
	struct ext4 *fs;
	struct ext4_tx *tx;
	u32 credits; /* promised to it and not used */
	bool dirty;  /* it has changed something */
};

struct ext4_journal {
	struct ext4 *fs;
	struct env_spin lock;
	struct env_event ev;   /* anything below has changed */
	struct env_event work; /* the task has something to do */
	struct env_task *task;
	struct ext4_tx *running, *committing;
	struct list_head cps; /* committed, oldest first */
	u32 next_tid, committed_tid, wanted_tid, max_tx;
	bool want_space, checkpoint_all, checkpointed, stop;
	s32 aborted;
	u64 interval_ns;
	/* the log; none in a file system without a journal */
	bool has_log;
	struct jlog log;
	struct ext4_jrun {
		u32 lblk, len;
		u64 pblk;
	} * runs;
	u32 nruns, runs_cap;
};

void ext4_journal_init(struct ext4 *fs);
/* Start changing: the task runs from here on. */
int ext4_journal_start(struct ext4 *fs) MUST_CHECK;
/* All committed and at home, the log empty (unless aborted). */
int ext4_journal_stop(struct ext4 *fs) MUST_CHECK;
void ext4_journal_close(struct ext4 *fs);
u64 ext4_journal_block(const struct ext4_journal *j, u32 lblk);
int ext4_journal_write_super(struct ext4 *fs, u32 start, u32 sequence) MUST_CHECK;
void ext4_journal_abort(struct ext4 *fs, int err);
int ext4_journal_checkpoint_all(struct ext4 *fs) MUST_CHECK;

/*
 * Join the running transaction with room for @credits changed blocks.
 * Context: may sleep; no lock held.  Returns: 0; -EROFS: aborted or read-only; -ENOMEM.
 */
int ext4_tx_begin(struct ext4 *fs, u32 credits, struct ext4_handle *h) MUST_CHECK;
/*
 * Leave it. @err is how the operation went: what fails after it has changed something (and is no
 * plain refusal such as -ENOSPC, whose caller has undone it) aborts the journal.  Returns: @err.
 */
int ext4_tx_end(struct ext4_handle *h, int err);
/* @buf is about to be changed. Before the first byte, each time. */
void ext4_tx_access(struct ext4_handle *h, struct ext4_buf *buf);
/* Are there @n credits? */
static inline bool ext4_tx_has(const struct ext4_handle *h, u32 n)
{
	return h->credits >= n;
}
/* A block of metadata is freed: whatever the log holds of it is void. */
int ext4_tx_forget(struct ext4_handle *h, u64 block) MUST_CHECK;
/* Wait until @tid is on the disk.  -EIO, -EROFS: it never will be. */
int ext4_tx_wait(struct ext4 *fs, u32 tid) MUST_CHECK;
/* All that was changed so far. */
int ext4_commit_all(struct ext4 *fs) MUST_CHECK;

/* commit.c, checkpoint.c: by the task */
int ext4_commit_run(struct ext4_journal *j, struct ext4_tx *tx) MUST_CHECK;
int ext4_checkpoint_run(struct ext4_journal *j, u32 want_free) MUST_CHECK;
void ext4_tx_free(struct ext4_tx *tx);

static inline bool ext4_tid_reached(u32 at, u32 tid)
{
	return (s32)(at - tid) >= 0;
}
