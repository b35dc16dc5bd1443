/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The name cache. See <vfs/dentry.h> for states.
 *
 * Hash: buckets of singly linked entries, read under RCU, written under one of DENTRY_LOCKS locks chosen by bucket. A rename moves an entry to another
 * bucket while readers may stand on it; they then end on the other chain and miss. Such a miss is harmless: it sends the walk to its slow way, which
 * looks again under the bucket's lock.
 *
 * Killing: a compare-and-swap of refs 0 -> DEAD decides who frees. References are only taken by compare-and-swap from a value >= 0, so that after it nobody
 * touches the dentry but RCU readers, who will find that seq has changed or that they cannot have a reference.
 *
 * dentry_delete against a walker (store buffering): the deleter makes seq odd, then reads refs; the walker adds to refs, then reads seq; both with
 * full barriers between. At least one sees the other: either the deleter finds the reference and leaves the inode, or the walker finds seq changed.
 *
 * LRU: a dentry enters when its count first falls to 0 and stays on the list while it is used again; the shrinker skips and re-arms such ones (second chance).
 */
#include "vfs_impl.h"
#include <vfs/dentry.h>
#include <vfs/inode.h>
#include <vfs/namei.h>
#include <vfs/notify.h>
#include <lib/errno.h>
#include <debug/panic.h>
#include <lib/bits.h>
#include <lib/string.h>
#include <mm/page.h>
#include <mm/reclaim.h>
#include <mm/slab.h>
#include <mm/kmap.h>
#include <security/random.h>
#include <sync/lockdep.h>

LOCK_CLASS(dentry, RANK_DENTRY, "one name: parent, name, inode, children");
LOCK_CLASS(dentry_bucket, RANK_DENTRY + 1, "buckets of the name cache");
LOCK_CLASS(dentry_lru, RANK_DENTRY + 2, "unused names, oldest first");

#define DENTRY_LOCKS	  256
#define DENTRIES_PER_PAGE (PAGE_SIZE / sizeof(struct dentry))

u64 dentry_salt;
static struct hlist_head *buckets;
static unsigned bucket_shift;
static struct spinlock bucket_locks[DENTRY_LOCKS];
static struct slab_cache *dentry_cache;

static struct spinlock lru_lock = SPINLOCK_INIT(dentry_lru);
static LIST_HEAD(lru);
static u64 nr_lru, max_lru;

static inline u32 bucket_of(u32 hash)
{
	return hash >> bucket_shift;
}

static inline struct spinlock *bucket_lock(u32 bucket)
{
	return &bucket_locks[bucket % DENTRY_LOCKS];
}

/* Unused names pin no inode of a file system in memory, so nothing but slabs is freed here and no directory's lock is wanted. */
static u64 shrink_pages(struct shrinker *s, u64 npages)
{
	return vfs_shrink_dentries(npages * DENTRIES_PER_PAGE) / DENTRIES_PER_PAGE;
}

static u64 count_pages(struct shrinker *s)
{
	return READ_ONCE(nr_lru) / DENTRIES_PER_PAGE;
}

static struct shrinker dentry_shrinker = {.name = "dentry", .shrink = shrink_pages, .count = count_pages};

void dcache_init(void)
{
	struct page_stats st;
	unsigned bits;

	page_stats(&st);
	bits = ilog2(clamp_t(u64, st.total / 16, 1024, 1u << 20));
	random_bytes(&dentry_salt, sizeof(dentry_salt));
	bucket_shift = 32 - bits;
	buckets = (sizeof(*buckets) << bits) <= (1u << 20) ? kzalloc(sizeof(*buckets) << bits, 0)
							  : vmap_alloc(sizeof(*buckets) << bits);
	ASSERT(buckets);
	for (unsigned i = 0; i < DENTRY_LOCKS; i++)
		spin_init(&bucket_locks[i], dentry_bucket);
	dentry_cache = slab_cache_create("dentry", sizeof(struct dentry), 64, SLAB_PANIC);
	max_lru = max_t(u64, st.total / 4, 4096);
	shrinker_register(&dentry_shrinker);
}

static void dentry_free_rcu(struct rcu_head *head)
{
	struct dentry *d = container_of(head, struct dentry, rcu);

	if (d->name != d->inline_name && !(d->flags & DENTRY_ANON))
		kfree(d->name);
	slab_free(dentry_cache, d);
}

void dentry_get(struct dentry *d)
{
	s32 old = __atomic_fetch_add(&d->refs, 1, __ATOMIC_RELAXED);

	DASSERT(old >= 0);
	(void)old;
}

bool dentry_tryget(struct dentry *d)
{
	s32 old = READ_ONCE(d->refs);

	do {
		if (unlikely(old < 0))
			return false;
	} while (!__atomic_compare_exchange_n(&d->refs, &old, old + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	return true;
}

void dentry_unhash_locked(struct dentry *d)
{
	u32 bucket = bucket_of(d->hash);

	if (!dentry_is_hashed(d))
		return;
	spin_lock(bucket_lock(bucket));
	hlist_del_init_rcu(&d->hash_link);
	spin_unlock(bucket_lock(bucket));
}

/* refs is DEAD now. Returns the parent, whose reference is the caller's. */
static struct dentry *dentry_free(struct dentry *d)
{
	struct dentry *parent = d->parent == d ? NULL : d->parent;
	struct inode *inode;

	spin_lock(&lru_lock);
	if (d->on_lru) {
		list_del(&d->lru);
		d->on_lru = false;
		nr_lru--;
	}
	spin_unlock(&lru_lock);
	if (parent) {
		spin_lock(&parent->lock);
		list_del(&d->child_link);
		spin_unlock(&parent->lock);
	}
	spin_lock(&d->lock);
	seq_write_begin(&d->seq);
	dentry_unhash_locked(d);
	inode = d->inode;
	WRITE_ONCE(d->inode, NULL);
	seq_write_end(&d->seq);
	spin_unlock(&d->lock);
	rcu_call(&d->rcu, dentry_free_rcu);
	if (inode) {
		notify_unlinked(inode);
		inode_put(inode);
	}
	return parent;
}

static bool dentry_claim(struct dentry *d)
{
	s32 zero = 0;

	return __atomic_compare_exchange_n(&d->refs, &zero, DENTRY_DEAD, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

static bool lru_add(struct dentry *d)
{
	spin_lock(&lru_lock);
	if (READ_ONCE(d->refs) >= 0) {
		if (!d->on_lru) {
			list_add_tail(&d->lru, &lru);
			d->on_lru = true;
			nr_lru++;
		}
		d->referenced = true;
	}
	spin_unlock(&lru_lock);
	return READ_ONCE(nr_lru) > max_lru;
}

/* The count may fall to 0 here; the dentry may go at once after, so stay in a read section. */
static NOINLINE void dentry_put_last(struct dentry *d)
{
	bool full = false;

	while (d) {
		struct dentry *parent = NULL;

		rcu_read_lock();
		if (__atomic_fetch_sub(&d->refs, 1, __ATOMIC_SEQ_CST) != 1) {
			rcu_read_unlock();
			break;
		}
		if (!dentry_is_hashed(d) || (d->flags & DENTRY_UNCACHED)) {
			bool mine = dentry_claim(d);

			rcu_read_unlock(); /* DEAD and ours: it stays until we free it */
			if (mine)
				parent = dentry_free(d);
		} else {
			if (!d->on_lru || !d->referenced)
				full = lru_add(d);
			rcu_read_unlock();
		}
		d = parent;
		if (d && READ_ONCE(d->refs) > 1) {
			dentry_put(d);
			break;
		}
	}
	if (full)
		vfs_shrink_dentries(64);
}

void dentry_put(struct dentry *d)
{
	s32 old = READ_ONCE(d->refs);

	while (likely(old > 1)) {
		if (__atomic_compare_exchange_n(&d->refs, &old, old - 1, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			return;
	}
	dentry_put_last(d);
}

struct dentry *dentry_find_rcu(const struct dentry *parent, const char *name, u32 len, u32 hash, u32 *out_seq)
{
	struct hlist_node *n;

	for (n = LOAD_ACQUIRE(buckets[bucket_of(hash)].first); n; n = LOAD_ACQUIRE(n->next)) {
		struct dentry *d = hlist_entry(n, struct dentry, hash_link);
		u32 seq;

		if (READ_ONCE(d->hash) != hash)
			continue;
		seq = seq_begin(&d->seq);
		if (READ_ONCE(d->parent) != parent || READ_ONCE(d->len) != len || !dentry_is_hashed(d))
			continue;
		/* The name may change under us: its memory stays, and seq tells. */
		if (!name_equal(READ_ONCE(d->name), name, len) || seq_retry(&d->seq, seq))
			continue;
		*out_seq = seq;
		return d;
	}
	return NULL;
}

struct dentry *dentry_find(struct dentry *parent, const char *name, u32 len, u32 hash)
{
	struct dentry *d;
	u32 bucket = bucket_of(hash);
	u32 seq;

	rcu_read_lock();
	d = dentry_find_rcu(parent, name, len, hash, &seq);
	if (d && dentry_tryget(d)) {
		if (likely(!seq_retry(&d->seq, seq))) {
			rcu_read_unlock();
			return d;
		}
		rcu_read_unlock();
		dentry_put(d);
	} else {
		rcu_read_unlock();
		if (!d && hlist_empty(&buckets[bucket]))
			return NULL;
	}
	spin_lock(bucket_lock(bucket));
	hlist_for_each_entry(d, &buckets[bucket], hash_link)
	{
		if (d->hash == hash && d->parent == parent && d->len == len && name_equal(d->name, name, len) && dentry_tryget(d)) {
			spin_unlock(bucket_lock(bucket));
			return d;
		}
	}
	spin_unlock(bucket_lock(bucket));
	return NULL;
}

static int set_name(struct dentry *d, const char *name, u32 len)
{
	char *to = d->inline_name;
	u32 room = align_up(len + 1, 8);

	if (room > DENTRY_INLINE_NAME) {
		to = kmalloc(room, 0);
		if (!to)
			return -ENOMEM;
	}
	*(u64 *)(void *)(to + room - 8) = 0;
	memcpy(to, name, len);
	d->name = to;
	d->len = len;
	return 0;
}

static struct dentry *dentry_new(struct super *sb)
{
	struct dentry *d = slab_alloc(dentry_cache, 0);

	if (!d)
		return NULL;
	d->seq.seq = 0;
	d->refs = 1;
	hlist_node_init(&d->hash_link);
	d->parent = d;
	d->inode = NULL;
	d->name = d->inline_name;
	d->hash = 0;
	d->len = 0;
	d->flags = 0;
	d->on_lru = false;
	d->referenced = false;
	spin_init(&d->lock, dentry);
	d->super = sb;
	list_init(&d->child_link);
	list_init(&d->children);
	rb_clear(&d->off_node);
	d->off = 0;
	return d;
}

struct dentry *dentry_alloc(struct dentry *parent, const char *name, u32 len, u32 hash)
{
	struct dentry *d = dentry_new(parent->super);

	if (!d)
		return NULL;
	if (set_name(d, name, len)) {
		slab_free(dentry_cache, d);
		return NULL;
	}
	d->hash = hash;
	if (parent->super->revalidate)
		d->flags = DENTRY_REVALIDATE;
	d->parent = parent;
	dentry_get(parent);
	spin_lock(&parent->lock);
	list_add(&d->child_link, &parent->children);
	spin_unlock(&parent->lock);
	return d;
}

void dentry_hash_locked(struct dentry *d)
{
	u32 bucket = bucket_of(d->hash);

	spin_lock(bucket_lock(bucket));
	hlist_add_head_rcu(&d->hash_link, &buckets[bucket]);
	spin_unlock(bucket_lock(bucket));
}

void dentry_hash(struct dentry *d)
{
	spin_lock(&d->lock);
	if (!dentry_is_hashed(d))
		dentry_hash_locked(d);
	spin_unlock(&d->lock);
}

void dentry_set_inode(struct dentry *d, struct inode *inode)
{
	spin_lock(&d->lock);
	DASSERT(!d->inode);
	seq_write_begin(&d->seq);
	STORE_RELEASE(d->inode, inode);
	seq_write_end(&d->seq);
	notify_placed(d);
	if (!dentry_is_hashed(d))
		dentry_hash_locked(d);
	spin_unlock(&d->lock);
}

struct dentry *dentry_create_root(struct super *sb, struct inode *inode)
{
	struct dentry *d = inode ? dentry_new(sb) : NULL;

	if (!d) {
		if (inode)
			inode_put(inode);
		return NULL;
	}
	d->flags = DENTRY_ROOT;
	memcpy(d->inline_name, "/\0\0\0\0\0\0", 8);
	d->len = 1;
	d->inode = inode;
	return d;
}

struct dentry *dentry_create_anon(struct super *sb, const char *name, struct inode *inode, unsigned flags)
{
	struct dentry *d = dentry_new(sb);

	if (d && !(flags & DENTRY_ANON) && set_name(d, name, (u32)strlen(name))) {
		slab_free(dentry_cache, d);
		d = NULL;
	}
	if (!d) {
		inode_put(inode);
		return NULL;
	}
	d->flags = flags;
	if (flags & DENTRY_ANON)
		d->name = name;
	d->inode = inode;
	return d;
}

void dentry_delete(struct dentry *d)
{
	struct inode *inode = NULL;

	spin_lock(&d->lock);
	seq_write_begin(&d->seq);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&d->refs, __ATOMIC_SEQ_CST) == 1 && !(d->flags & (DENTRY_REVALIDATE | DENTRY_UNCACHED))) {
		inode = d->inode;
		WRITE_ONCE(d->inode, NULL);
	} else {
		dentry_unhash_locked(d);
	}
	seq_write_end(&d->seq);
	spin_unlock(&d->lock);
	if (inode) {
		notify_unlinked(inode);
		inode_put(inode);
	}
}

void dentry_drop(struct dentry *d)
{
	spin_lock(&d->lock);
	seq_write_begin(&d->seq);
	dentry_unhash_locked(d);
	seq_write_end(&d->seq);
	spin_unlock(&d->lock);
}

/* Take a batch of unused dentries off the list, claimed; link them by lru.next. */
static u64 lru_claim(struct list_head *out, u64 n, struct dentry *below)
{
	u64 got = 0, looked = 0, limit;

	spin_lock(&lru_lock);
	limit = below ? nr_lru : 2 * n;
	while (got < n && looked++ < limit && !list_empty(&lru)) {
		struct dentry *d = list_first_entry(&lru, struct dentry, lru);

		if (!dentry_is_hashed(d)) { /* whoever puts it last frees it, and may sleep */
			list_move_tail(&d->lru, &lru);
		} else if (READ_ONCE(d->refs) > 0) { /* in use: comes back with its last put */
			list_del(&d->lru);
			d->on_lru = false;
			nr_lru--;
		} else if ((d->referenced && !below) || (below && !dentry_is_below(d, below))) {
			d->referenced = false;
			list_move_tail(&d->lru, &lru);
		} else if (dentry_claim(d)) {
			list_del(&d->lru);
			d->on_lru = false;
			nr_lru--;
			list_add_tail(&d->lru, out);
			got++;
		} else {
			list_move_tail(&d->lru, &lru);
		}
	}
	spin_unlock(&lru_lock);
	return got;
}

static u64 shrink(u64 n, struct dentry *below)
{
	u64 freed = 0;

	while (freed < n) {
		LIST_HEAD(batch);
		u64 got = lru_claim(&batch, min_t(u64, n - freed, 32), below);

		if (!got)
			break;
		freed += got;
		while (!list_empty(&batch)) {
			struct dentry *d = list_first_entry(&batch, struct dentry, lru);
			struct dentry *parent;

			list_del(&d->lru);
			parent = dentry_free(d);
			if (parent)
				dentry_put(parent);
		}
	}
	return freed;
}

u64 vfs_shrink_dentries(u64 n)
{
	return shrink(n, NULL);
}

void dentry_shrink_tree(struct dentry *root)
{
	shrink(U64_MAX, root);
}

/* A child that nobody uses, claimed; or NULL. */
static struct dentry *claim_child(struct dentry *dir)
{
	struct dentry *d;

	spin_lock(&dir->lock);
	list_for_each_entry(d, &dir->children, child_link)
	{
		if (dentry_claim(d)) {
			spin_unlock(&dir->lock);
			return d;
		}
	}
	spin_unlock(&dir->lock);
	return NULL;
}

void dentry_shrink_children(struct dentry *dir)
{
	struct dentry *d;

	while (!list_empty(&dir->children) && (d = claim_child(dir)))
		dentry_put(dentry_free(d));
}

void dentry_kill_tree(struct dentry *root)
{
	struct dentry *d = root;

	for (;;) {
		struct dentry *parent;

		while (!list_empty(&d->children))
			d = list_first_entry(&d->children, struct dentry, child_link);
		if (d == root)
			return;
		/* A pin at most is left, or a shrinker has just claimed it: then it is about to vanish by itself. */
		if (__atomic_exchange_n(&d->refs, DENTRY_DEAD, __ATOMIC_SEQ_CST) < 0) {
			rcu_synchronize();
			d = root;
			continue;
		}
		parent = dentry_free(d);
		__atomic_fetch_sub(&parent->refs, 1, __ATOMIC_RELEASE);
		d = parent;
	}
}
