/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What the files of kernel/vfs/fsys share.
 *
 * An inode is found by its node's handle in one table for all (inode.c):
 *
 *	(none) --lookup--> NEW (others wait) --attributes read--> LIVE --last reference--> LIVE, refs 0 (others wait)
 *		--create--> LIVE				    --evict--> (none), then forget
 *
 * The handle is forgotten after the inode has left the table: a new node may have the same handle then.
 *
 * Locks: the VFS' inode locks; inside them attr_lock: attributes on their way down, so that an older snapshot never overtakes a newer one. The page cache's
 * write-back takes attr_lock and no inode lock.
 */
#include "../vfs_impl.h"
#include <lib/hlist.h>
#include <block/bdev.h>
#include <port/fsys.h>
#include <sync/wait.h>
#include <vfs/cache.h>
#include <vfs/fs_config.h>

struct fsys_placement {
	const struct fsys_type *component;
	struct fs_type type; /* made from it at boot */
};
extern struct fsys_placement fsys_placements[];
extern const unsigned fsys_placements_nr;

struct fsys_super {
	struct super *super;
	struct fsys_port port;
	struct bdev_claim *claim; /* NULL: no device */
	struct blk_port device;
	struct bdi bdi;
	bool started;		/* bdi */
	u32 rdev;
	u64 intent;		/* atomic: of the last change */
	struct list_head link;	/* mounts_lock of type.c */
};

enum fsys_state { FSYS_NONE, FSYS_NEW, FSYS_LIVE, FSYS_FAILED };

struct fsys_inode {
	struct inode inode;	/* first */
	struct file_cache cache;
	u64 node;		/* constant once it is in the table */
	u64 count;		/* of the handle, to be forgotten; bucket */
	struct hlist_node hash; /* bucket */
	u8 state;		/* enum fsys_state; bucket to change */
	bool blocks_moved;	/* blocks512 may have changed: racy, set before, cleared before asking */
	u32 fs_flags;		/* FS_*_FL; inode.lock */
	struct mutex attr_lock;
};

static inline struct fsys_inode *fsys_inode(const struct inode *inode)
{
	return (struct fsys_inode *)inode;
}

static inline struct fsys_super *fsys_super(const struct super *sb)
{
	return sb->private;
}

static inline struct fsys_super *fsys_of(const struct inode *inode)
{
	return inode->super->private;
}

/* A call into the component about @inode: FSYS_CALL(inode, getattr, &attr). */
#define FSYS_CALL(inode_, op_, ...) \
	(fsys_of(inode_)->port.ops->op_(fsys_of(inode_)->port.self, fsys_inode(inode_)->node, ##__VA_ARGS__))

static inline struct ktime fsys_time_in(struct fsys_time t)
{
	return (struct ktime){.sec = t.sec, .nsec = t.nsec};
}

static inline struct fsys_time fsys_time_out(struct ktime t)
{
	return (struct fsys_time){.sec = t.sec, .nsec = t.nsec};
}

/* ---- super.c ---- */
extern const struct super_ops fsys_super_ops;
extern const struct fsys_client_ops fsys_client_ops;
struct fsys_cred fsys_cred(const struct super *sb);
int fsys_remount(struct super *sb, u32 ms_flags, const char *options) MUST_CHECK;

/* ---- type.c ---- */
void fsys_unlist(struct fsys_super *fs);

/* ---- inode.c ---- */
void fsys_inodes_init(void);
struct inode *fsys_alloc_inode(struct super *sb);
void fsys_free_inode(struct inode *inode);
bool fsys_keep(struct inode *inode);
void fsys_evict(struct inode *inode);
/* The inode of the node in @attr, whose one count moves in, also on error. -ENOMEM -EIO... May sleep. */
int fsys_inode_get(struct super *sb, const struct fsys_attr *attr, struct inode **out) MUST_CHECK;
/* A new node, known to nobody, becomes @inode (of inode_alloc). */
void fsys_inode_adopt(struct inode *inode, const struct fsys_attr *attr);
/* Another count of the handle came with an entry. */
void fsys_inode_count(struct inode *inode);
int fsys_handle_open(struct super *sb, u64 ino, u32 generation, struct dentry **out);

/* ---- dir.c, readdir.c ---- */
extern const struct inode_ops fsys_dir_ops, fsys_file_ops, fsys_link_ops;
extern const struct file_ops fsys_dir_fops;

/* ---- attr.c ---- */
int fsys_setattr(struct inode *inode, const struct iattr *attr);
int fsys_getattr(struct inode *inode, struct kstat *st);
int fsys_store(struct file_cache *c, bool wait);
/* Flags of the disk's format that the VFS looks at. */
void fsys_flags_in(struct inode *inode, u32 fs_flags);
u32 fsys_get_flags(struct inode *inode);
int fsys_set_flags(struct inode *inode, u32 flags);

/* ---- xattr.c ---- */
ssize_t fsys_getxattr(struct inode *inode, const char *name, void *buf, size_t size);
int fsys_setxattr(struct inode *inode, const char *name, const void *val, size_t size, int flags);
int fsys_removexattr(struct inode *inode, const char *name);
ssize_t fsys_listxattr(struct inode *inode, char *buf, size_t size);
int fsys_set_acl(struct inode *inode, int type, const struct acl *a, u32 mode);
/* The lists of a node just found; and whether it has capabilities. */
int fsys_read_acls(struct inode *inode) MUST_CHECK;
/* Those that a new node inherited, to the disk. */
int fsys_write_acls(struct inode *inode) MUST_CHECK;

#define FSYS_ATTRIBUTE_OPS                                                                                                     \
	.setattr = fsys_setattr, .getattr = fsys_getattr, .getxattr = fsys_getxattr, .setxattr = fsys_setxattr,                \
	.listxattr = fsys_listxattr, .removexattr = fsys_removexattr, .set_acl = fsys_set_acl, .get_flags = fsys_get_flags,    \
	.set_flags = fsys_set_flags

/* ---- io.c ---- */
extern const struct cache_ops fsys_cache_ops, fsys_plain_cache_ops;

/* ---- file.c, ioctl.c ---- */
extern const struct file_ops fsys_file_fops;
int fsys_fsync(struct file *f, s64 start, s64 end, bool datasync);
s64 fsys_ioctl(struct file *f, unsigned cmd, u64 arg);
