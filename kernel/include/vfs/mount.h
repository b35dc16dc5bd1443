/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Mounts: which super block is seen at which place. A tree per mount namespace.
 *
 * mount_sem (mutex, RANK_NAMESPACE) orders changes of the tree; mount_lock (spinlock) and mount_seq guard what walkers read: the hash of
 * (parent mount, dentry) -> mount, parent and mountpoint. Walkers use RCU and mount_seq. References are counted per CPU: taking one under RCU is valid if
 * mount_seq has not changed since the mount was found; umount changes it before it sums the counts.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <lib/hlist.h>
#include <sync/seqlock.h>
#include <sync/pcounter.h>
#include <sync/mutex.h>
#include <vfs/file.h>
#include <vfs/inode.h>

enum mount_flags { /* with the numbers of statvfs' f_flag */
	MNT_RDONLY = 1, MNT_NOSUID = 2, MNT_NODEV = 4, MNT_NOEXEC = 8, MNT_NOATIME = 1024, MNT_NODIRATIME = 2048,
	MNT_RELATIME = 4096, MNT_NOSYMFOLLOW = 8192,
	MNT_USER_MASK = MNT_RDONLY | MNT_NOSUID | MNT_NODEV | MNT_NOEXEC | MNT_NOATIME | MNT_NODIRATIME | MNT_RELATIME | MNT_NOSYMFOLLOW,
	MNT_EXPIRE_MARK = 1 << 24, MNT_INTERNAL = 1 << 25, /* no namespace: pipes, memfd */
	MNT_UMOUNTED = 1 << 26,
};

struct mount_ns;

struct mount {
	struct mount *parent;	  /* mount_seq; itself for the root of a namespace */
	struct dentry *mountpoint; /* mount_seq; in parent; holds a reference */
	struct dentry *root;	  /* holds a reference; constant */
	struct super *super;	  /* holds a reference; constant */
	u32 flags;		  /* mount_sem to change */
	s32 id;
	u64 unique_id;
	struct pcounter refs;
	struct pcounter writers;  /* files open for writing, operations in progress */
	struct hlist_node hash_link; /* mount_lock, RCU */
	struct list_head children, child_link; /* mount_sem */
	struct list_head ns_link;	/* mount_sem: in order of mounting */
	struct mount_ns *ns;	  /* mount_lock; NULL: unmounted, the last reference frees it */
	char *source;		  /* as given to mount(2) */
	struct mount *next_free;
	struct fsnotify_marks *marks; /* <vfs/notify.h> */
};

struct mount_ns {
	u64 refs;
	struct mount *root;
	struct list_head mounts;
	u32 nmounts;
	u64 seq;		/* bumped on change: pollers of /proc/mounts */
	struct wait_queue *wait;
};

extern struct mount_ns mount_ns_init;
extern struct seqcount mount_seq;

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

/* An internal mount of @type: in no namespace, never unmounted (pipes, memfd). */
int mount_internal(struct fs_type *t, const char *options, struct mount **out) MUST_CHECK;

/* mount(2), umount2(2), pivot_root(2) after the copying of strings. */
int vfs_mount(const char *source, const struct path *where, const char *type, u64 ms_flags, const char *options) MUST_CHECK;
int vfs_umount(struct path *where, int flags) MUST_CHECK; /* consumes the references of @where */
int vfs_pivot_root(const struct path *new_root, const struct path *put_old) MUST_CHECK;
/* proc: make all tasks whose root or working directory is the first path use the second one (pivot_root). */
void vfs_set_chroot_hook(void (*fn)(const struct path *old, const struct path *new_root));
int vfs_statfs(const struct path *p, struct kstatfs *out) MUST_CHECK;
int vfs_sync_all(void);

/*
 * Text of /proc/PID/{mounts,mountinfo,mountstats} as seen from @root, starting with the line number *line (advanced; whole lines only). Returns the bytes
 * written to @buf; 0: the end; -ENOMEM.
 */
enum mount_show { MOUNT_SHOW_MOUNTS, MOUNT_SHOW_INFO, MOUNT_SHOW_STATS };
ssize_t vfs_show_mounts(enum mount_show what, const struct path *root, u64 *line, char *buf, size_t size);
void mount_init(void);
