/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inodes out of handles: one table for all file systems of components, a bucket's lock guards its chain and what fsys_impl.h says. Two names of a node, or a
 * name and a file handle, meet here, so that a node has one inode. Who meets one that is being read, or whose last reference is gone, waits.
 */
#include "fsys_impl.h"
#include <debug/panic.h>
#include <lib/hash.h>
#include <lib/string.h>
#include <mm/kmap.h>
#include <mm/page.h>
#include <mm/slab.h>

LOCK_CLASS(fsys_inodes, RANK_LEAF, "a bucket of the inodes of components");
LOCK_CLASS(fsys_attr, RANK_FS_INODE + 8, "attributes of one inode on their way to its component");

#define WAITS 64

struct bucket {
	struct spinlock lock;
	struct hlist_head chain;
};

static struct bucket *buckets;
static unsigned bucket_bits;
static struct wait_queue waits[WAITS];
static struct slab_cache *inode_cache;

static struct bucket *bucket_of(const struct super *sb, u64 node)
{
	return &buckets[hash_u64(node ^ (u64)(unsigned long)sb, bucket_bits)];
}

static struct wait_queue *waits_of(u64 node)
{
	return &waits[hash_u64(node, 6)];
}
static_assert(WAITS == 1 << 6, "waits_of");

void fsys_inodes_init(void)
{
	struct page_stats st;

	page_stats(&st);
	bucket_bits = 10;
	while (bucket_bits < 20 && (64ull << bucket_bits) < st.total)
		bucket_bits++;
	buckets = vmap_alloc(sizeof(*buckets) << bucket_bits);
	if (!buckets)
		panic("fsys: no memory for the table of inodes");
	for (u64 i = 0; i < 1ull << bucket_bits; i++) {
		spin_init(&buckets[i].lock, fsys_inodes);
		buckets[i].chain = (struct hlist_head){0};
	}
	for (unsigned i = 0; i < WAITS; i++)
		wait_queue_init(&waits[i]);
	inode_cache = slab_cache_create("fsys_inode", sizeof(struct fsys_inode), 64, SLAB_PANIC);
}

/* ---- memory ---- */

struct inode *fsys_alloc_inode(struct super *sb)
{
	struct fsys_inode *fi = slab_alloc(inode_cache, 0);

	if (!fi)
		return NULL;
	memset(fi, 0, sizeof(*fi));
	mutex_init(&fi->attr_lock, fsys_attr);
	fi->blocks_moved = true;
	return &fi->inode;
}

void fsys_free_inode(struct inode *inode)
{
	kfree(inode->link);
	slab_free(inode_cache, fsys_inode(inode));
}

bool fsys_keep(struct inode *inode)
{
	struct fsys_inode *fi = fsys_inode(inode);
	bool kept = fi->state == FSYS_LIVE && cache_keep(&fi->cache);

	if (kept) /* those who saw it without references */
		wait_wake_all(waits_of(fi->node));
	return kept;
}

static void unhash(struct fsys_inode *fi, enum fsys_state state)
{
	struct bucket *b = bucket_of(fi->inode.super, fi->node);

	spin_lock(&b->lock);
	hlist_del_init(&fi->hash);
	STORE_RELEASE(fi->state, state);
	spin_unlock(&b->lock);
	wait_wake_all(waits_of(fi->node));
}

void fsys_evict(struct inode *inode)
{
	struct fsys_inode *fi = fsys_inode(inode);

	if (fi->cache.ops)
		cache_fini(&fi->cache);
	if (fi->state == FSYS_NONE)
		return;
	if (fi->state == FSYS_LIVE)
		unhash(fi, FSYS_LIVE);
	FSYS_CALL(inode, forget, fi->count);
}

/* ---- filling ---- */

static int read_link(struct inode *inode, u64 size)
{
	struct iobuf to;
	char *text;
	int n;

	if (!size || size >= PATH_MAX)
		return -EUCLEAN;
	text = kzalloc(size + 16, 0); /* the walk reads whole words */
	if (!text)
		return -ENOMEM;
	iobuf_init_kernel(&to, text, size);
	n = FSYS_CALL(inode, readlink, &to);
	if (n <= 0) {
		kfree(text);
		return n ? n : -EUCLEAN;
	}
	inode->link = text;
	inode->link_len = (u16)n;
	return 0;
}

static void init_kind(struct inode *inode, u32 rdev)
{
	struct fsys_inode *fi = fsys_inode(inode);
	bool reg = S_ISREG(inode->mode);

	cache_init(&fi->cache, inode, reg ? &fsys_cache_ops : &fsys_plain_cache_ops, &fsys_of(inode)->bdi);
	if (reg) {
		inode->ops = &fsys_file_ops;
		inode->fops = &fsys_file_fops;
	} else if (S_ISDIR(inode->mode)) {
		inode->ops = &fsys_dir_ops;
		inode->fops = &fsys_dir_fops;
	} else {
		inode->ops = &fsys_link_ops;
		if (!S_ISLNK(inode->mode))
			inode_init_special(inode, rdev);
	}
}

/* Nobody else looks at it yet. */
static void take_attr(struct inode *inode, const struct fsys_attr *a)
{
	inode->ino = a->ino;
	inode->generation = a->generation;
	inode->mode = (a->mode & 0177777) | (inode->mode & INODE_MODE_ACL);
	inode->uid = a->uid;
	inode->gid = a->gid;
	inode->nlink = a->nlink;
	inode->blocks512 = a->blocks512;
	inode->atime = fsys_time_in(a->atime);
	inode->mtime = fsys_time_in(a->mtime);
	inode->ctime = fsys_time_in(a->ctime);
	inode->btime = fsys_time_in(a->btime);
	fsys_flags_in(inode, a->flags);
	init_kind(inode, a->rdev);
	inode->data.size = a->size;
}

static int fill(struct inode *inode)
{
	struct fsys_attr a;
	int err = FSYS_CALL(inode, getattr, &a);

	if (err)
		return err;
	take_attr(inode, &a);
	if (S_ISLNK(inode->mode))
		return read_link(inode, a.size);
	return fsys_read_acls(inode);
}

/* ---- finding ---- */

static struct fsys_inode *find_locked(struct bucket *b, const struct super *sb, u64 node)
{
	struct fsys_inode *fi;

	hlist_for_each_entry(fi, &b->chain, hash) {
		if (fi->node == node && fi->inode.super == sb)
			return fi;
	}
	return NULL;
}

/* An inode without references stands in the way. */
static bool is_going(const struct super *sb, u64 node)
{
	struct bucket *b = bucket_of(sb, node);
	struct fsys_inode *fi;
	bool going;

	spin_lock(&b->lock);
	fi = find_locked(b, sb, node);
	going = fi && !READ_ONCE(fi->inode.refs);
	spin_unlock(&b->lock);
	return going;
}

/* The one that is there (1; the count is its own then), or @fresh, entered as NEW (0); -EAGAIN: one is going. */
static int try_get(struct super *sb, u64 node, struct fsys_inode *fresh, struct fsys_inode **out)
{
	struct bucket *b = bucket_of(sb, node);
	struct fsys_inode *fi;
	int got = 0;

	spin_lock(&b->lock);
	fi = find_locked(b, sb, node);
	if (!fi) {
		fi = fresh;
		fi->node = node;
		fi->count = 1;
		fi->state = FSYS_NEW;
		hlist_add_head(&fi->hash, &b->chain);
	} else if (inode_tryget(&fi->inode)) {
		fi->count++;
		got = 1;
	} else {
		got = -EAGAIN;
	}
	spin_unlock(&b->lock);
	*out = fi;
	return got;
}

static int finish(struct fsys_inode *fi)
{
	int err = fill(&fi->inode);

	if (err) {
		unhash(fi, FSYS_FAILED);
		return err;
	}
	STORE_RELEASE(fi->state, FSYS_LIVE);
	wait_wake_all(waits_of(fi->node));
	return 0;
}

int fsys_inode_get(struct super *sb, const struct fsys_attr *attr, struct inode **out)
{
	struct inode *fresh = inode_alloc(sb, NULL, attr->mode);
	struct fsys_inode *fi;
	int got, err = 0;

	if (!fresh) {
		fsys_super(sb)->port.ops->forget(fsys_super(sb)->port.self, attr->node, 1);
		return -ENOMEM;
	}
	while ((got = try_get(sb, attr->node, fsys_inode(fresh), &fi)) == -EAGAIN)
		wait_event(waits_of(attr->node), !is_going(sb, attr->node));
	if (got) {
		inode_put(fresh);
		wait_event(waits_of(attr->node), LOAD_ACQUIRE(fi->state) != FSYS_NEW);
		err = fi->state == FSYS_FAILED ? -EIO : 0;
	} else {
		err = finish(fi);
	}
	if (err)
		inode_put(&fi->inode);
	else
		*out = &fi->inode;
	return err;
}

void fsys_inode_adopt(struct inode *inode, const struct fsys_attr *attr)
{
	struct fsys_inode *fi = fsys_inode(inode);
	struct bucket *b = bucket_of(inode->super, attr->node);

	fi->node = attr->node;
	fi->count = 1;
	take_attr(inode, attr);
	spin_lock(&b->lock);
	DASSERT(!find_locked(b, inode->super, attr->node));
	fi->state = FSYS_LIVE;
	hlist_add_head(&fi->hash, &b->chain);
	spin_unlock(&b->lock);
}

void fsys_inode_count(struct inode *inode)
{
	struct fsys_inode *fi = fsys_inode(inode);
	struct bucket *b = bucket_of(inode->super, fi->node);

	spin_lock(&b->lock);
	fi->count++;
	spin_unlock(&b->lock);
}

/* ---- handles of files ---- */

int fsys_handle_open(struct super *sb, u64 ino, u32 generation, struct dentry **out)
{
	struct fsys_super *fs = fsys_super(sb);
	struct fsys_attr a;
	struct inode *inode;
	struct dentry *d;
	int err = fs->port.ops->find(fs->port.self, ino, generation, &a);

	if (err)
		return err;
	err = fsys_inode_get(sb, &a, &inode);
	if (err)
		return err;
	if (inode == sb->root->inode) {
		inode_put(inode);
		dentry_get(sb->root);
		*out = sb->root;
		return 0;
	}
	if (S_ISDIR(inode->mode)) { /* it has a place in the tree that is not known */
		inode_put(inode);
		return -ESTALE;
	}
	d = dentry_create_anon(sb, "", inode, 0);
	if (!d)
		return -ENOMEM;
	*out = d;
	return 0;
}
