/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Shared by the files of kernel/vfs/mount. Unless said otherwise everything here is under mount_sem.
 */
#include "../vfs_impl.h"
#include <lib/string.h>
#include <mm/slab.h>
#include <vfs/fs_config.h>
#include <linux/mount.h>

#define MAX_MOUNTS 100000

/* ---- tree.c ---- */
/* A mount with one reference that stands nowhere. NULL: -ENOMEM. Any context that sleeps. */
struct mount *mount_alloc(struct super *sb, struct dentry *root, const char *source, u32 flags);
void mount_put_unused(struct mount *m);
struct mount *mount_lookup(const struct mount *m, const struct dentry *d);
/* The mount that is seen at the root of @m: itself, or what was put over it. */
struct mount *mount_topmost(struct mount *m);
/* The one after @m in @root's tree, parents first; NULL. */
struct mount *mount_next(struct mount *m, const struct mount *root);
/* ... after all that is below @m. */
struct mount *mount_next_skip(struct mount *m, const struct mount *root);
/* Put mounts where they are to stand, at most two at once, wherever they stood; walkers see all of it or nothing. Parent NULL: nowhere. */
struct placement {
	struct mount *m, *parent;
	struct dentry *at;
};
void mount_place(const struct placement *p, unsigned n);
void mount_link(struct mount *m, struct mount *parent, struct dentry *at); /* of one */
/* @m and all below enter @ns (from another one, or from nowhere: the caller's references become the tree's). */
void mount_join_ns(struct mount *root, struct mount_ns *ns);
void ns_changed(struct mount_ns *ns);
/* -EBUSY if there are more references to @m than @expected. */
int mount_check_idle(struct mount *m, s64 expected) MUST_CHECK;
/*
 * Take @m and all below out of everything. @propagate: as the groups of the parents say. What has gone is added to @gone for mounts_release, which runs without
 * mount_sem and drops the tree's references.
 */
void mount_remove_tree(struct mount *m, bool propagate, struct list_head *gone);
void mounts_release(struct list_head *gone);
/* A copy of @src from @root down, which stands nowhere. */
enum {
	COPY_PEER = 0,		/* shares what @src shares, is a slave where that is one */
	COPY_SLAVE = 1,		/* slave of @src */
	COPY_PRIVATE = 2,
	COPY_SHARED = 4,	/* ... and in a group, a new one if need be */
	COPY_UNBINDABLE = 8,	/* unbindable mounts too */
	COPY_NS_FILES = 16,	/* files of mount namespaces too */
};
int mount_copy(struct mount *src, struct dentry *root, unsigned how, struct mount **out) MUST_CHECK;
int mount_copy_tree(struct mount *src, struct dentry *root, unsigned how, struct mount **out) MUST_CHECK;
/* Locked mounts below (m, root), which a copy without them would uncover? */
bool mount_hides(struct mount *m, const struct dentry *root);
/* Is (m, d) at or below @root? Under mount_sem or RCU with mount_seq. */
bool mount_is_below(const struct mount *m, const struct dentry *d, const struct path *root);
bool path_is_mount(const struct path *p);
static inline bool mount_is_ours(const struct mount *m)
{
	return m->ns == mount_ns_current();
}
static inline bool mount_is_anonymous(const struct mount *m)
{
	return m->ns && !m->ns->id && !(m->flags & MNT_INTERNAL);
}

/* ---- propagate.c ---- */
static inline bool mount_is_shared(const struct mount *m)
{
	return m->flags & MNT_SHARED;
}
void group_join(struct mount *m, struct mount *peer);
void group_follow(struct mount *m, struct mount *master);
/* One number for each mount of @root's tree (@tree: else only itself) that has none; they do not show yet. -ENOMEM -ENOSPC, nothing is changed. */
int group_number_tree(struct mount *root, bool tree) MUST_CHECK;
void group_share_tree(struct mount *root, bool tree);
void group_forget_numbers(struct mount *root);
/* MS_SHARED (the number is there), MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE. */
void group_change(struct mount *m, u64 type);
/* Copies of the tree @source for all that follow @dest, not attached yet: on @copies by work, each to go to its onto. */
int propagate_copies(struct mount *dest, struct dentry *at, struct mount *source, struct list_head *copies) MUST_CHECK;
void propagate_commit(struct list_head *copies, struct dentry *at);
/* Put the tree @m on (parent, at) below what stands there, which stays on top. */
void mount_tuck(struct mount *m, struct mount *parent, struct dentry *at);
void propagate_discard(struct list_head *copies, struct list_head *gone);
/* @doomed (by work) grows by what follows it. */
void propagate_umount(struct list_head *doomed);
bool propagate_busy(struct mount *m);
/* Would a mount on (from, at) reach @to and stand over its root? */
bool propagates_over(struct mount *from, const struct mount *to, const struct dentry *at);
/* The group that @m gets from, as far as it is seen below @root: 0 none. */
u32 group_dominating(const struct mount *m, const struct path *root);

/* ---- ns.c ---- */
struct mount_ns *mount_ns_anonymous(void);
void mount_ns_free(struct mount_ns *ns);
bool inode_is_mount_ns(const struct inode *inode);
/* Is @d the file of a namespace that is not younger than the running task's? It would hold itself. */
bool mount_ns_loops(const struct dentry *d);

/* ---- move.c ---- */
/* Lock the trees for something at @where, which is the topmost there (@beneath: below it). 0: mount_sem is held, and *out holds references. */
int place_lock(const struct path *where, bool beneath, struct path *out) MUST_CHECK;
void place_unlock(struct path *p);
enum { ATTACH_MOVE = 1, ATTACH_BENEATH = 2 };
int mount_attach(struct mount *source, const struct path *at, unsigned flags) MUST_CHECK;
/* The mount of a new super block onto @where; its reference moves in, also on error. Takes mount_sem. */
int mount_graft_new(struct mount *m, const struct path *where) MUST_CHECK;
int mount_bind(const char *source, const struct path *where, bool recursive) MUST_CHECK;

/* ---- attr.c ---- */
int mount_remount(const struct path *where, u64 ms, char *options) MUST_CHECK;
int mount_remount_bind(const struct path *where, u64 ms) MUST_CHECK;
u32 mount_flags_of_ms(u64 ms);

/* ---- show.c ---- */
/* Path of the mount's root within its file system, unescaped. */
ssize_t mount_root_text(const struct mount *m, char *buf, size_t size);
/* The first mount of @ns with that id or a higher one; NULL. */
struct mount *mount_from_id(const struct mount_ns *ns, u64 id);
