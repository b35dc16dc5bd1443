/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names that move to other directories: the one thing that changes the tree above a dentry in use. Walks upwards look at dentry_rename_seq before and after.
 */
#include "vfs_impl.h"
#include <lib/string.h>
#include <vfs/notify.h>

LOCK_CLASS(dentry_rename, RANK_DENTRY - 1, "one rename at a time changes the tree");

struct seqcount dentry_rename_seq;
static struct spinlock rename_lock = SPINLOCK_INIT(dentry_rename);

/* Swap or copy names; inline names are swapped as bytes. Both locked, both seqs odd. */
static void move_names(struct dentry *d, struct dentry *to)
{
	bool d_in = d->name == d->inline_name, to_in = to->name == to->inline_name;
	const char *d_name = d->name;
	char tmp[DENTRY_INLINE_NAME];

	memcpy(tmp, d->inline_name, sizeof(tmp));
	if (to_in)
		memcpy(d->inline_name, to->inline_name, sizeof(tmp));
	WRITE_ONCE(d->name, to_in ? d->inline_name : to->name);
	if (d_in)
		memcpy(to->inline_name, tmp, sizeof(tmp));
	WRITE_ONCE(to->name, d_in ? to->inline_name : d_name);
	swap(d->len, to->len);
	swap(d->hash, to->hash);
}

void dentry_move(struct dentry *d, struct dentry *to, bool exchange)
{
	struct dentry *dp = d->parent, *tp = to->parent;
	bool was_hashed = dentry_is_hashed(to);

	spin_lock(&rename_lock);
	seq_write_begin(&dentry_rename_seq);
	if (dp != tp) { /* children lists first: d and to change places */
		spin_lock(&dp->lock);
		list_del(&d->child_link);
		spin_unlock(&dp->lock);
		spin_lock(&tp->lock);
		list_replace(&to->child_link, &d->child_link);
		spin_unlock(&tp->lock);
		spin_lock(&dp->lock);
		list_add(&to->child_link, &dp->children);
		spin_unlock(&dp->lock);
	}
	spin_lock(&d->lock);
	spin_lock_nested(&to->lock);
	seq_write_begin(&d->seq);
	seq_write_begin(&to->seq);
	dentry_unhash_locked(d);
	dentry_unhash_locked(to);
	move_names(d, to);
	WRITE_ONCE(d->parent, tp);
	WRITE_ONCE(to->parent, dp);
	dentry_hash_locked(d);
	if (exchange && was_hashed)
		dentry_hash_locked(to);
	notify_placed(d);
	if (to->inode)
		notify_placed(to);
	seq_write_end(&to->seq);
	seq_write_end(&d->seq);
	spin_unlock(&to->lock);
	spin_unlock(&d->lock);
	seq_write_end(&dentry_rename_seq);
	spin_unlock(&rename_lock);
}

bool dentry_is_below(struct dentry *d, struct dentry *ancestor)
{
	bool below = false;
	u32 seq;

	rcu_read_lock();
	do {
		seq = seq_begin(&dentry_rename_seq);
		for (struct dentry *p = d;; p = READ_ONCE(p->parent)) {
			below = p == ancestor;
			if (below || READ_ONCE(p->parent) == p)
				break;
		}
	} while (seq_retry(&dentry_rename_seq, seq));
	rcu_read_unlock();
	return below;
}
