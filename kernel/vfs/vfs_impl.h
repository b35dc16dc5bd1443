/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What the files of kernel/vfs share among themselves.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <proc/cred.h>
#include <proc/task.h>
#include <vfs/attr.h>
#include <vfs/cache.h>
#include <vfs/dentry.h>
#include <vfs/inode.h>
#include <vfs/file.h>
#include <vfs/mount.h>
#include <vfs/namei.h>
#include <vfs/rw.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <linux/limits.h>

#define MAX_RW_COUNT   0x7ffff000ul
#define MAX_FILE_BYTES 0x7fffffffffffffffull

/* What Linux calls its fs.protected_* sysctls: 0 until somebody sets them. */
extern u32 vfs_protected_symlinks, vfs_protected_hardlinks, vfs_protected_fifos, vfs_protected_regular;

static inline struct inode *path_inode(const struct path *p)
{
	return p->dentry->inode;
}

/* ---- inode.c ---- */
/* Mode bits alone; never sleeps. */
int inode_permission_mode(struct inode *inode, int mask);
/* Sticky directory: may the running task remove or rename @victim from it? */
bool inode_sticky_forbids(const struct inode *dir, const struct inode *victim);
/* Writing strips set-user-ID, and set-group-ID where it means that. Lock held for writing. */
void inode_strip_privs(struct inode *inode);
int inode_setattr_locked(struct inode *inode, const struct iattr *attr) MUST_CHECK;
/* Default of ops->setattr: store the fields (size excluded). Lock held. */
void inode_setattr_copy(struct inode *inode, const struct iattr *attr);
void inode_getattr_default(struct inode *inode, struct kstat *st);
/* ETXTBSY accounting. */
int inode_get_write(struct inode *inode) MUST_CHECK;
int inode_deny_write(struct inode *inode) MUST_CHECK;
static inline void inode_put_write(struct inode *inode)
{
	__atomic_fetch_sub(&inode->writers, 1, __ATOMIC_RELEASE);
}
static inline void inode_allow_write(struct inode *inode)
{
	__atomic_fetch_add(&inode->writers, 1, __ATOMIC_RELEASE);
}
void inode_cache_init(void);

/* Times or set-ID bits changed in memory: who has a disk is told in time. */
static inline void inode_changed(struct inode *inode)
{
	if (unlikely(inode->data.cache))
		cache_mark_inode(inode->data.cache);
}

static inline void inode_atime(struct inode *inode, const struct mount *mnt)
{
	if (!(READ_ONCE(inode->flags) & INODE_NOATIME))
		inode_touch_atime(inode, mnt);
}

/* ---- dcache.c, for dcache_move.c: d->lock held, seq odd ---- */
void dentry_hash_locked(struct dentry *d);
void dentry_unhash_locked(struct dentry *d);

/* ---- namei_walk.c ---- */
enum last_type { LAST_NORM, LAST_ROOT, LAST_DOT, LAST_DOTDOT };
#define WALK_MAX_LINKS 40

struct link_buf {
	struct link_buf *next;
	char text[];
};

/* A walk under way. In RCU mode path holds no references and is only good with seq and mount_seq. */
struct walk {
	struct path path;
	struct inode *inode;	/* of path.dentry */
	u32 seq, mount_seq;
	u32 flags;		/* LOOKUP_* */
	bool rcu, root_set, trailing_slash, scoped;
	u8 last_type;
	u8 depth, nlinks;
	u32 last_len, last_hash;
	const char *last;
	struct path root;	/* held in ref mode */
	u32 rename_seq0, mount_seq0; /* scoped walks: at the start */
	u32 dir_uid;		/* of the directory last left, for protected_symlinks */
	u32 dir_mode;
	const struct cred *cred;
	struct link_buf *bufs;
	const char *rest[WALK_MAX_LINKS];
};

/* Begin at dirfd or root; rcu or not. */
int walk_begin(struct walk *w, int dirfd, const char *name, unsigned flags, bool rcu) MUST_CHECK;
/* Walk all components of @name but the last, which w->last names. -ECHILD: once more without RCU. */
int walk_parents(struct walk *w, const char *name) MUST_CHECK;
/*
 * Step to the last component. 0: done, path is there (negative: -ENOENT). 1: it is a symbolic link to be followed: *out_link is to be walked.
 */
int walk_last(struct walk *w, const char **out_link) MUST_CHECK;
/* Take references to what RCU found: -ECHILD. In ref mode nothing. */
int walk_complete(struct walk *w) MUST_CHECK;
/* Go to @d below the present directory (ref mode: reference moves in). As walk_last. */
int walk_step(struct walk *w, struct dentry *d, u32 seq, bool follow, const char **out_link) MUST_CHECK;
/* The root as the task sees it, when the walk needs it. */
void walk_set_root(struct walk *w);
/*
 * @p (with references in ref mode, which are given back) is a link that is to be followed; w->path is its directory. 1: *out_link; 0: jumped.
 */
int walk_link(struct walk *w, struct path *p, struct inode *inode, u32 seq, const char **out_link) MUST_CHECK;
/* Give everything back; ends the read section too. */
void walk_end(struct walk *w);
/* Find or read the name in a directory that is locked for writing; the result is referenced and may be negative. */
int lookup_locked(struct dentry *dir, const char *name, u32 len, u32 hash, struct dentry **out) MUST_CHECK;

/* ---- namei.c ---- */
/* Parent directory with references, and its last component: for those who make, remove or move names. */
struct parent_walk {
	struct path dir;
	const char *last;
	u32 last_len;
	u8 last_type;
	bool trailing_slash;
	struct walk *walk;	/* owns the bytes of last */
};
int parent_lookup(int dirfd, const struct path_name *name, unsigned flags, struct walk *w, struct parent_walk *out) MUST_CHECK;
void parent_done(struct parent_walk *pw);

/* ---- namei_ops.c ---- */
int may_create(struct inode *dir) MUST_CHECK;
int may_delete(struct inode *dir, struct dentry *victim, bool is_dir) MUST_CHECK;
int dir_create(struct inode *dir, struct dentry *d, u32 mode) MUST_CHECK;
u32 mode_apply_umask(const struct inode *dir, u32 mode);
/* Rights of the running task are checked; the directories are locked for writing, names looked up in them. */
int dir_mknod(struct inode *dir, struct dentry *d, u32 mode, u32 dev) MUST_CHECK;
int dir_link(struct inode *dir, struct dentry *d, struct inode *inode) MUST_CHECK;
int dir_unlink(struct inode *dir, struct dentry *d, bool is_dir) MUST_CHECK;
int dir_rename(struct dentry *od, struct dentry *nd, unsigned flags) MUST_CHECK;
/* Lock both directories; returns the name whose move or replacement would tie a knot. */
struct dentry *lock_rename(struct dentry *a, struct dentry *b);
void unlock_rename(struct dentry *a, struct dentry *b);

/* ---- file.c ---- */
/* A struct file without ops; one reference. -ENFILE -ENOMEM. */
int file_alloc(unsigned o_flags, struct file **out) MUST_CHECK;
/* A file whose open failed. */
void file_free(struct file *f);
void file_init(void);
extern const struct file_ops *vfs_fifo_ops;
extern u64 vfs_file_max; /* fs.file-max */
u64 vfs_files(void);	 /* open now, of all tasks */
int pipefs_init(void);

/* ---- chrdev.c ---- */
/* The fops of a device, FIFO or socket inode. */
void inode_init_special(struct inode *inode, u32 rdev);

/* ---- pagefile.c: regular files whose bytes are in inode->data ---- */
ssize_t pagefile_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf);
ssize_t pagefile_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf);
s64 pagefile_lseek(struct file *f, s64 off, int whence);
int pagefile_mmap(struct file *f, struct vm_map_args *args);
/* A file is to grow to @size: 0; -EFBIG, with SIGXFSZ. */
int inode_grow_limit(u64 size) MUST_CHECK;

/* ---- mount/tree.c ---- */
extern struct mutex mount_sem;
extern struct spinlock mount_lock;
struct fs_config;
struct fs_type;
int mount_tree_init(const struct fs_type *t, const char *options);
int nsfs_init(void);

/* ---- devtmpfs.c, tmpfs ---- */
extern struct fs_type tmpfs_type;
int devtmpfs_init(void);
/* ---- init.c ---- */
int vfs_init(void);
