/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The name cache: a dentry is one name in one directory, what it leads to (an inode), or that it leads nowhere (negative).
 *
 *   refs > 0   in use                            refs == 0, hashed   cached, on the LRU list, the shrinker may take it
 *   DEAD       being freed: nobody gets it any more; the memory stays for an RCU grace period
 *
 * Readers walk under RCU: they note seq, read, and look at seq again. A reference is taken by one compare-and-swap that fails on DEAD, and then seq is
 * looked at once more. File systems that live in memory keep one reference per existing name (dentry_pin), so that the cache is their directory.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/hlist.h>
#include <lib/list.h>
#include <lib/rbtree.h>
#include <lib/hash.h>
#include <sync/seqlock.h>
#include <sync/spinlock.h>
#include <sync/rcu.h>

struct inode;
struct super;

#define DENTRY_INLINE_NAME 40
#define DENTRY_DEAD	   (-0x40000000)

enum dentry_flags {
	DENTRY_MOUNTED = 1u << 0,    /* some mount may stand on it (a hint: look in the mount table) */
	DENTRY_REVALIDATE = 1u << 1, /* ask ops->revalidate before use */
	DENTRY_ANON = 1u << 2,	     /* of an anonymous file: name is the kind */
	DENTRY_ROOT = 1u << 3,
	DENTRY_UNCACHED = 1u << 4,   /* free at the last put (procfs' tasks) */
};

struct dentry {
	struct seqcount seq;	/* lock: changes with parent, name, inode, hashed */
	s32 refs;		/* atomic */
	struct hlist_node hash_link; /* bucket lock, RCU */
	struct dentry *parent;	/* seq; itself for a root; holds a reference */
	struct inode *inode;	/* seq; NULL: negative; holds a reference */
	const char *name;	/* seq; not terminated by '/', padded with zeroes to 8 bytes */
	u32 hash, len;		/* seq */
	u32 flags;		/* lock; enum dentry_flags */
	bool on_lru, referenced; /* LRU lock */
	struct spinlock lock;
	struct super *super;
	struct list_head child_link; /* parent's lock */
	struct list_head children;   /* lock */
	struct rb_node off_node;     /* directories in memory: order of readdir; directory's inode lock */
	u64 off;
	union {
		struct list_head lru;
		struct rcu_head rcu;
	};
	char inline_name[DENTRY_INLINE_NAME];
};

extern u64 dentry_salt; /* secret, from boot */

static inline u64 dentry_name_salt(const struct dentry *parent)
{
	return (u64)(unsigned long)parent ^ dentry_salt;
}

void dentry_get(struct dentry *d);
bool dentry_tryget(struct dentry *d) MUST_CHECK; /* under RCU */
void dentry_put(struct dentry *d);		 /* thread context; the last reference of a removed file may sleep */

/* Look in the cache only, under RCU, no reference: *out_seq is its sequence at that moment. NULL: not there (or moving just now). */
struct dentry *dentry_find_rcu(const struct dentry *parent, const char *name, u32 len, u32 hash, u32 *out_seq);
/* The same with a reference and no false miss. */
struct dentry *dentry_find(struct dentry *parent, const char *name, u32 len, u32 hash);
/* A new dentry below @parent, unhashed, negative, one reference; -ENOMEM is NULL. hash: dentry_hash_name. */
struct dentry *dentry_alloc(struct dentry *parent, const char *name, u32 len, u32 hash);
/* Make it findable. Context: the directory's lock held for writing. */
void dentry_hash(struct dentry *d);
static inline bool dentry_is_hashed(const struct dentry *d)
{
	return !hlist_unhashed(&d->hash_link);
}
static inline u32 dentry_hash_name(const struct dentry *parent, const char *name, u32 len)
{
	return name_hash(dentry_name_salt(parent), name, len);
}
/* Make a negative dentry lead to @inode (the caller's reference moves in). What ops->lookup and ops->create do. Hashes it if it is not. */
void dentry_set_inode(struct dentry *d, struct inode *inode);
/* Root of a super block for @inode (reference moves in); NULL -ENOMEM (then @inode is put). */
struct dentry *dentry_create_root(struct super *sb, struct inode *inode);
/* A dentry in no directory: anonymous files (@name static), O_TMPFILE, memfd. Inode reference moves in; on NULL it is put. */
struct dentry *dentry_create_anon(struct super *sb, const char *name, struct inode *inode, unsigned flags);
/* The name is gone from the directory: becomes negative if nobody else uses the dentry, else unhashed. Context: directory's lock. */
void dentry_delete(struct dentry *d);
/* Forget the name (stale, revalidate said no). */
void dentry_drop(struct dentry *d);
/* Give @d the parent and name of @to, which is unhashed (or, @exchange: gets those of @d). Context: both directories' locks. */
void dentry_move(struct dentry *d, struct dentry *to, bool exchange);
/* Is @d equal to or below @ancestor? Stable under the super block's rename_lock. */
bool dentry_is_below(struct dentry *d, struct dentry *ancestor);
/* Free what can be freed below @root (umount). */
void dentry_shrink_tree(struct dentry *root);
/* Free the unused names right below @dir (rmdir). */
void dentry_shrink_children(struct dentry *dir);
/* Free all below @root, pinned ones too: the super block dies, nobody uses them. */
void dentry_kill_tree(struct dentry *root);
/* File systems in memory: a name that exists keeps its dentry. */
static inline void dentry_pin(struct dentry *d)
{
	dentry_get(d);
}
static inline void dentry_unpin(struct dentry *d) /* the caller holds another reference */
{
	__atomic_fetch_sub(&d->refs, 1, __ATOMIC_RELEASE);
}
/* Free up to @n unused dentries, oldest first; returns how many. May sleep. */
u64 vfs_shrink_dentries(u64 n);
/* Bumped round every dentry_move: walks upwards read it first and last. */
extern struct seqcount dentry_rename_seq;

static inline bool name_equal(const char *a, const char *b, u32 len)
{
	u64 x, y;

	for (; len >= 8; len -= 8, a += 8, b += 8) {
		__builtin_memcpy(&x, a, 8);
		__builtin_memcpy(&y, b, 8);
		if (x != y)
			return false;
	}
	if (!len)
		return true;
	__builtin_memcpy(&x, a, 8);
	__builtin_memcpy(&y, b, 8);
	return ((x ^ y) << (64 - 8 * len)) == 0; /* little endian: the first bytes are the low ones */
}
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "name_equal");
void dcache_init(void);
