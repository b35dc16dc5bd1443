/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cache of metadata blocks: one buffer a block, found by a hash in one of several shards. A
 * buffer without references is on its shard's list of unused ones and goes, oldest first, when the
 * shard has more than its part of EXT4_CACHE_BYTES. The journal holds a reference on what is not
 * at home yet, so what goes is clean.
 *
 *	(none) --bread--> READING --ok--> UPTODATE        --error--> (the next bread tries again)
 *	(none) --bnew--> UPTODATE, zeroes
 *	READING too: read ahead, by nobody in particular
 *	any --bdrop--> STALE: not found any more, freed with the last reference
 */
#include "impl.h"
#include <lib/hash.h>

ENV_LOCK_CLASS(ext4_bcache, ENV_RANK_FS_ALLOC + 2, "ext4: a shard of the metadata blocks' table");

static struct ext4_cache_shard *shard_of(struct ext4 *fs, u64 block)
{
	return &fs->cache[hash_u64(block, 4)];
}

static struct hlist_head *bucket_of(struct ext4_cache_shard *s, u64 block)
{
	return &s->hash[hash_u64(block, 12) & (EXT4_CACHE_HASH - 1)];
}

int ext4_cache_init(struct ext4 *fs)
{
	for (u32 i = 0; i < EXT4_CACHE_SHARDS; i++) {
		struct ext4_cache_shard *s = &fs->cache[i];

		env_spin_init(&s->lock, &env_lock_class_ext4_bcache);
		env_event_init(&s->ev);
		list_init(&s->lru);
		s->limit = max_t(u32, 16, EXT4_CACHE_BYTES / EXT4_CACHE_SHARDS / fs->block_bytes);
	}
	return 0;
}

static void free_buf(struct ext4_buf *b)
{
	env_free(b->data, b->fs->block_bytes);
	env_free(b, sizeof(*b));
}

void ext4_cache_fini(struct ext4 *fs)
{
	for (u32 i = 0; i < EXT4_CACHE_SHARDS; i++) {
		struct ext4_cache_shard *s = &fs->cache[i];
		struct ext4_buf *b, *tmp;

		if (!s->limit)
			continue;
		list_for_each_entry_safe(b, tmp, &s->lru, lru) {
			list_del(&b->lru);
			hlist_del(&b->hash);
			s->count--;
			free_buf(b);
		}
		ENV_ASSERT(!s->count);
	}
}

static struct ext4_buf *find_locked(struct ext4_cache_shard *s, u64 block)
{
	struct ext4_buf *b;

	hlist_for_each_entry(b, bucket_of(s, block), hash) {
		if (b->block == block) {
			if (!b->refs++)
				list_del(&b->lru);
			return b;
		}
	}
	return NULL;
}

/* Take one off the table that is too much; to be freed without the lock. */
static struct ext4_buf *shrink_locked(struct ext4_cache_shard *s)
{
	struct ext4_buf *b;

	if (s->count <= s->limit || list_empty(&s->lru))
		return NULL;
	b = list_first_entry(&s->lru, struct ext4_buf, lru);
	list_del(&b->lru);
	hlist_del(&b->hash);
	s->count--;
	return b;
}

static struct ext4_buf *alloc_buf(struct ext4 *fs, u64 block)
{
	struct ext4_buf *b = env_alloc(sizeof(*b), ENV_ALLOC_ZERO);

	if (!b)
		return NULL;
	b->data = env_alloc(fs->block_bytes, 0);
	if (!b->data) {
		env_free(b, sizeof(*b));
		return NULL;
	}
	b->fs = fs;
	b->block = block;
	b->refs = 1;
	list_init(&b->tx_link);
	list_init(&b->cp_link);
	return b;
}

/* The buffer with a reference, whatever is in it. */
static int get(struct ext4 *fs, u64 block, struct ext4_buf **out)
{
	struct ext4_cache_shard *s = shard_of(fs, block);
	struct ext4_buf *b, *fresh = NULL, *old = NULL;
	unsigned long flags;

	if (block >= fs->nblocks)
		return ext4_error(fs, 0, "block %llu is behind the end of the file system", block);
	flags = env_spin_lock(&s->lock);
	b = find_locked(s, block);
	env_spin_unlock(&s->lock, flags);
	if (!b) {
		fresh = alloc_buf(fs, block);
		if (!fresh)
			return -ENOMEM;
		flags = env_spin_lock(&s->lock);
		b = find_locked(s, block);
		if (!b) {
			hlist_add_head(&fresh->hash, bucket_of(s, block));
			s->count++;
			b = fresh;
			fresh = NULL;
			old = shrink_locked(s);
		}
		env_spin_unlock(&s->lock, flags);
		if (fresh)
			free_buf(fresh);
		if (old)
			free_buf(old);
	}
	*out = b;
	return 0;
}

/* Become the one that reads it (1), or wait until it is there (0), or see that it failed. */
static int claim_read(struct ext4_cache_shard *s, struct ext4_buf *b)
{
	for (;;) {
		u32 seq = env_event_read(&s->ev);
		unsigned long flags = env_spin_lock(&s->lock);
		u32 state = b->flags & (EXT4_BUF_UPTODATE | EXT4_BUF_READING);

		if (!state)
			b->flags |= EXT4_BUF_READING;
		env_spin_unlock(&s->lock, flags);
		if (state & EXT4_BUF_UPTODATE)
			return 0;
		if (!state)
			return 1;
		/* The reader's request has an end. */
		(void)!env_event_wait(&s->ev, seq, ENV_FOREVER);
	}
}

int ext4_bread(struct ext4 *fs, u64 block, struct ext4_buf **out)
{
	struct ext4_cache_shard *s = shard_of(fs, block);
	struct ext4_buf *b;
	unsigned long flags;
	int err = get(fs, block, &b);

	if (err)
		return err;
	if (!(LOAD_ACQUIRE(b->flags) & EXT4_BUF_UPTODATE) && claim_read(s, b)) {
		err = ext4_rw(fs, BLK_READ, BLK_PRIO, block, 1, b->data);
		flags = env_spin_lock(&s->lock);
		STORE_RELEASE(
			b->flags, (b->flags & ~EXT4_BUF_READING) | (err ? 0 : EXT4_BUF_UPTODATE));
		env_spin_unlock(&s->lock, flags);
		env_event_signal(&s->ev);
		if (err) {
			env_log(ENV_LOG_ERR, "ext4: block %llu cannot be read: error %d", block,
				-err);
			ext4_brelse(b);
			return err;
		}
	}
	*out = b;
	return 0;
}

bool ext4_bcached(struct ext4 *fs, u64 block)
{
	struct ext4_buf *b = ext4_bfind(fs, block);
	bool there = b && LOAD_ACQUIRE(b->flags) & EXT4_BUF_UPTODATE;

	ext4_brelse(b);
	return there;
}

/* ---- reading ahead ---- */

struct ahead {
	struct ext4_bio bio;
	u32 n;
	struct ext4_buf *bufs[EXT4_AHEAD];
};

/* Any context. What could not be read is read again by who wants it, and is an error then. */
static void ahead_done(struct ext4_bio *bio)
{
	struct ahead *a = container_of(bio, struct ahead, bio);
	struct ext4 *fs = bio->fs;
	u32 set = bio->status ? 0 : EXT4_BUF_UPTODATE;

	for (u32 i = 0; i < a->n; i++) {
		struct ext4_cache_shard *s = shard_of(fs, a->bufs[i]->block);
		unsigned long flags = env_spin_lock(&s->lock);

		STORE_RELEASE(
			a->bufs[i]->flags, (a->bufs[i]->flags & ~EXT4_BUF_READING) | set);
		env_spin_unlock(&s->lock, flags);
		env_event_signal(&s->ev);
		ext4_brelse(a->bufs[i]);
	}
	env_free(a, sizeof(*a));
	__atomic_sub_fetch(&fs->signals, 1, __ATOMIC_RELEASE);
}

/* Become the one that reads it, if nobody does. */
static bool try_claim(struct ext4_buf *b)
{
	struct ext4_cache_shard *s = shard_of(b->fs, b->block);
	unsigned long flags = env_spin_lock(&s->lock);
	bool mine = !(b->flags & (EXT4_BUF_UPTODATE | EXT4_BUF_READING));

	if (mine)
		b->flags |= EXT4_BUF_READING;
	env_spin_unlock(&s->lock, flags);
	return mine;
}

void ext4_bread_ahead(struct ext4 *fs, u64 block, u32 n)
{
	struct ahead *a = env_alloc(sizeof(*a), 0);

	if (!a)
		return;
	a->n = 0;
	ext4_bio_init(&a->bio, fs, ahead_done);
	__atomic_add_fetch(&fs->signals, 1, __ATOMIC_RELAXED);
	for (u64 at = block; at < min(block + n, fs->nblocks) && a->n < EXT4_AHEAD; at++) {
		struct iobuf data;
		struct ext4_buf *b;

		if (get(fs, at, &b))
			break;
		if (!try_claim(b)) {
			ext4_brelse(b);
			continue;
		}
		a->bufs[a->n++] = b;
		iobuf_init_kernel(&data, b->data, fs->block_bytes);
		ext4_bio_add(&a->bio, BLK_READ, 0, at, 1, &data);
	}
	ext4_bio_end(&a->bio);
}

static void set_uptodate(struct ext4_buf *b)
{
	struct ext4_cache_shard *s = shard_of(b->fs, b->block);
	unsigned long flags = env_spin_lock(&s->lock);

	STORE_RELEASE(b->flags, (b->flags & ~EXT4_BUF_READING) | EXT4_BUF_UPTODATE);
	env_spin_unlock(&s->lock, flags);
	env_event_signal(&s->ev);
}

int ext4_bnew(struct ext4 *fs, u64 block, struct ext4_buf **out)
{
	struct ext4_buf *b;
	int err = get(fs, block, &b);

	if (err)
		return err;
	/* Somebody may still be reading it, by a pointer that is gone. */
	if (LOAD_ACQUIRE(b->flags) & EXT4_BUF_READING)
		(void)!claim_read(shard_of(fs, block), b);
	memset(b->data, 0, fs->block_bytes);
	b->owner = 0;
	set_uptodate(b);
	*out = b;
	return 0;
}

struct ext4_buf *ext4_bfind(struct ext4 *fs, u64 block)
{
	struct ext4_cache_shard *s = shard_of(fs, block);
	unsigned long flags = env_spin_lock(&s->lock);
	struct ext4_buf *b = find_locked(s, block);

	env_spin_unlock(&s->lock, flags);
	return b;
}

void ext4_bget(struct ext4_buf *b)
{
	struct ext4_cache_shard *s = shard_of(b->fs, b->block);
	unsigned long flags = env_spin_lock(&s->lock);

	if (!b->refs++)
		list_del(&b->lru);
	env_spin_unlock(&s->lock, flags);
}

void ext4_brelse(struct ext4_buf *b)
{
	struct ext4_cache_shard *s;
	struct ext4_buf *old = NULL;
	unsigned long flags;

	if (!b)
		return;
	s = shard_of(b->fs, b->block);
	flags = env_spin_lock(&s->lock);
	ENV_ASSERT(b->refs);
	if (!--b->refs) {
		if (b->flags & EXT4_BUF_STALE) {
			old = b;
		} else {
			list_add_tail(&b->lru, &s->lru);
			old = shrink_locked(s);
		}
	}
	env_spin_unlock(&s->lock, flags);
	if (old)
		free_buf(old);
}

void ext4_bdrop(struct ext4_buf *b)
{
	struct ext4_cache_shard *s = shard_of(b->fs, b->block);
	unsigned long flags = env_spin_lock(&s->lock);

	if (!(b->flags & EXT4_BUF_STALE)) {
		b->flags |= EXT4_BUF_STALE;
		hlist_del(&b->hash);
		s->count--;
	}
	env_spin_unlock(&s->lock, flags);
}
