/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Mounts: which super block is seen at which place. A tree per mount namespace; how trees follow each other (peer groups, slaves) is in
 * kernel/vfs/mount/propagate.c.
 *
 * mount_sem (mutex, RANK_NAMESPACE) orders changes of the trees and groups; mount_lock (spinlock) and mount_seq guard what walkers read: the hash of
 * (parent mount, dentry) -> mount, parent and mountpoint. At most one mount stands on a (mount, dentry). Walkers use RCU and mount_seq; which namespace they
 * are in follows from where they start. References are counted per CPU: taking one under RCU is valid if mount_seq has not changed since the mount was found;
 * umount changes it before it sums the counts.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <lib/hlist.h>
#include <lib/rbtree.h>
#include <proc/ns.h>
#include <sync/seqlock.h>
#include <sync/pcounter.h>
#include <sync/mutex.h>
#include <sync/wait.h>
#include <vfs/file.h>
#include <vfs/inode.h>

enum mount_flags { /* with the numbers of statvfs' f_flag */
	MNT_RDONLY = 1, MNT_NOSUID = 2, MNT_NODEV = 4, MNT_NOEXEC = 8, MNT_NOATIME = 1024, MNT_NODIRATIME = 2048,
	MNT_RELATIME = 4096, MNT_NOSYMFOLLOW = 8192,
	MNT_USER_MASK = MNT_RDONLY | MNT_NOSUID | MNT_NODEV | MNT_NOEXEC | MNT_NOATIME | MNT_NODIRATIME | MNT_RELATIME | MNT_NOSYMFOLLOW,
	MNT_ATIME_MASK = MNT_NOATIME | MNT_NODIRATIME | MNT_RELATIME,
	MNT_SHARED = 1 << 16, MNT_UNBINDABLE = 1 << 17,
	/* Came from a namespace of other users: these flags cannot be taken back, and the mount cannot be taken off. */
	MNT_LOCK_FLAGS = 1 << 18, MNT_LOCKED = 1 << 19,
	MNT_INTERNAL = 1 << 25, /* no namespace: pipes, memfd */
	MNT_UMOUNTED = 1 << 26, MNT_DOOMED = 1 << 27, /* being unmounted: mount_sem */
};

struct mount {
	struct mount *parent;	  /* mount_seq; itself for the root of a namespace */
	struct dentry *mountpoint; /* mount_seq; in parent; holds a reference */
	struct dentry *root;	  /* holds a reference; constant */
	struct super *super;	  /* holds a reference; constant */
	struct mount_ns *ns;	  /* mount_lock; NULL: unmounted, the last reference frees it */
	u32 flags;		  /* mount_sem to change */
	bool expiring;		  /* MNT_EXPIRE: cleared by use */
	s32 id;
	u64 unique_id;
	struct pcounter refs;
	struct pcounter writers;  /* files open for writing, operations in progress */
	struct hlist_node hash_link; /* mount_lock, RCU */
	struct list_head children, child_link; /* mount_sem, as all below */
	struct hlist_node point_link; /* by mountpoint */
	struct rb_node ns_node;	  /* in ns, by unique_id */
	struct list_head super_link; /* mounts of the super block */
	struct list_head peers;	  /* ring of the peer group; alone: itself */
	struct list_head slaves, slave_link; /* those whose master this is */
	struct mount *master;	  /* of all peers the same; NULL */
	u32 group;		  /* number of the peer group; 0: not shared */
	struct list_head target, work; /* lists of one operation */
	struct mount *copy, *arrival, *onto; /* of one operation: what copies it; what it got; where it goes */
	char *source;		  /* as given to mount(2) */
	struct fsnotify_marks *marks; /* <vfs/notify.h> */
	struct rcu_head rcu;
};

struct mount_ns {
	struct ns ns;		/* first; of anonymous ones nothing but refs is used */
	struct mount *root;	/* mount_sem, as all below */
	struct rb_root mounts;	/* by unique_id: in the order of mounting */
	u32 nmounts;
	u64 id;			/* never used again; 0: anonymous, the tree of one descriptor */
	struct list_head link;	/* of all that are not anonymous, by id */
	u64 changes;		/* pollers of /proc/mounts look at it */
};

extern struct mount_ns mount_ns_init;
extern struct wait_queue mounts_wait; /* woken by changes of any namespace: they come and go, pollers stay */
extern struct seqcount mount_seq;
extern const struct ns_type mount_ns_type;

static inline struct mount_ns *mount_ns_current(void)
{
	return container_of(nsproxy_current()->slot[NS_MNT], struct mount_ns, ns);
}

void mount_get(struct mount *m);
void mount_put(struct mount *m);
/*
 * Take a reference to a mount found under RCU since @seq was read from mount_seq; false: it may be going, and the read section (depth 1) may have been
 * left meanwhile.
 */
bool mount_get_rcu(struct mount *m, u32 seq) MUST_CHECK;
/* What is mounted on (m, d)? Under RCU; NULL. */
struct mount *mount_find_rcu(const struct mount *m, const struct dentry *d);
/* The same, with a reference. */
struct mount *mount_find(struct mount *m, struct dentry *d);
/* Before changing something: -EROFS. Then mount_drop_write. */
int mount_want_write(struct mount *m) MUST_CHECK;
static inline void mount_drop_write(struct mount *m)
{
	pcounter_add(&m->writers, -1);
}
static inline bool mount_has_parent(const struct mount *m)
{
	return m->parent != m;
}
/* Something stands on @d, of which a name is to go: in the running task's namespace it may not (true: EBUSY); elsewhere it does not matter, and after the name is
 * gone mounts_drop_from takes it off. */
bool mountpoint_is_local(const struct dentry *d);
void mounts_drop_from(struct dentry *d);

/* An internal mount of @t: in no namespace, never unmounted (pipes, memfd). @options are constant. */
struct fs_type;
int mount_internal(const struct fs_type *t, const char *options, struct mount **out) MUST_CHECK;
/*
 * A mount of what is at @p for the kernel's own use, with MNT_* @flags, in no namespace: what is mounted on @p or below is not seen, and unmounting does not
 * touch it. mount_private_put ends it. -ENOMEM. Takes mount_sem.
 */
int mount_private(const struct path *p, u32 flags, struct mount **out) MUST_CHECK;
void mount_private_put(struct mount *m); /* may sleep */
/* The last reference to a file of fsmount(2) or open_tree(2) is gone: what still hangs on it is unmounted. */
void mount_dissolve(struct mount *m);

/* mount(2), umount2(2), pivot_root(2) after the copying of strings; @options is cut up. */
int vfs_mount(const char *source, const struct path *where, const char *type, u64 ms_flags, char *options) MUST_CHECK;
int vfs_umount(struct path *where, int flags) MUST_CHECK; /* consumes the references of @where */
int vfs_pivot_root(const struct path *new_root, const struct path *put_old) MUST_CHECK;
/* proc: make all tasks whose root or working directory is the first path use the second one (pivot_root). */
void vfs_set_chroot_hook(void (*fn)(const struct path *old, const struct path *new_root));
/* move_mount(2): mount or tree @from onto @to; MOVE_MOUNT_BENEATH, MOVE_MOUNT_SET_GROUP of @flags. */
int vfs_move_mount(const struct path *from, const struct path *to, unsigned flags) MUST_CHECK;
/* fsmount(2): a mount of c->super with MNT_* @flags, alone in a tree of its own; @out is referenced. The file that names it dissolves it. */
struct fs_config;
int vfs_mount_config(struct fs_config *c, u32 flags, struct path *out) MUST_CHECK;
/* open_tree(2) with OPEN_TREE_CLONE: a copy of what is seen at @from, likewise. */
int vfs_clone_tree(const struct path *from, bool recursive, struct path *out) MUST_CHECK;
/* mount_setattr(2): MNT_* to set and clear, then a propagation type (MS_SHARED...; 0). All or nothing. */
int vfs_mount_setattr(const struct path *p, bool recursive, u32 set, u32 clear, u64 propagation) MUST_CHECK;
/* May the running task change mounts? */
bool vfs_may_mount(void);

/*
 * statmount(2), listmount(2) in @ns. Fills what @mask asks for (st->mask: what there is), strings into @buf after each other. -ENOENT -EPERM; -EOVERFLOW: a string
 * does not fit. *out_len: bytes of strings.
 */
struct statmount;
int vfs_statmount(struct mount_ns *ns, u64 id, u64 mask, struct statmount *st, char *buf, size_t size, size_t *out_len) MUST_CHECK;
/* Ids of what is below mount @id (LSMT_ROOT: the caller's root), after @last (0: all); how many. */
ssize_t vfs_listmount(struct mount_ns *ns, u64 id, u64 last, bool reverse, u64 *ids, size_t n) MUST_CHECK;
/* A namespace by id, as far as the running task may see it, referenced; 0: its own. NULL. */
struct mount_ns *mount_ns_find_get(u64 id);
/* The namespace with the next (or last) lower or higher id that the caller may see, referenced; NULL. */
struct mount_ns *mount_ns_neighbour(struct mount_ns *ns, bool previous);

/* What root= names becomes the root of process 1, which calls it at boot. -ENODEV: there is no root=, or not that device. */
int vfs_mount_root(void) MUST_CHECK;
int vfs_statfs(const struct path *p, struct kstatfs *out) MUST_CHECK;
int vfs_sync_all(void);
void vfs_shutdown(void); /* before the power goes, or the machine restarts; may sleep */

/*
 * Text of /proc/PID/{mounts,mountinfo,mountstats} of @ns as seen from @root, starting with the mount of id *cursor or above (advanced; whole lines only).
 * Returns the bytes written to @buf; 0: the end; -ENOMEM.
 */
enum mount_show { MOUNT_SHOW_MOUNTS, MOUNT_SHOW_INFO, MOUNT_SHOW_STATS };
ssize_t vfs_show_mounts(enum mount_show what, struct mount_ns *ns, const struct path *root, u64 *cursor, char *buf, size_t size);
void mount_init(void);
