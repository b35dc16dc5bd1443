/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Inodes, super blocks and what a file system implements.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <mm/object.h>
#include <sync/rwlock.h>
#include <sync/rcu.h>
#include <vfs/file.h>

struct inode;
struct strbuf;
struct super;
struct dentry;
struct kstatfs;
struct kstat;
struct acl;
struct kstatfs;

struct kstat {
	u64 ino, size, blocks, nlink, attributes, attributes_mask, mnt_id, mnt_unique;
	u32 mode, uid, gid, blksize, rdev, dev; /* devices in the kernel's packing: vfs_dev_major/minor */
	struct ktime {
		s64 sec;
		u32 nsec;
	} atime, mtime, ctime, btime;
	bool has_btime;
};

struct iattr {
	unsigned valid;		/* IATTR_* */
	u32 mode, uid, gid;
	u64 size;
	struct ktime atime, mtime;
};
enum { IATTR_MODE = 1, IATTR_UID = 2, IATTR_GID = 4, IATTR_SIZE = 8, IATTR_ATIME = 16, IATTR_MTIME = 32, IATTR_ATIME_NOW = 64, IATTR_MTIME_NOW = 128, IATTR_CTIME = 256, IATTR_KILL_SUID = 512 };

/*
 * Directory operations are called with the directory's lock held for writing (lookup: for reading at least), permissions and name checked by the VFS.
 */
struct inode_ops {
	/* Attach the result to @dentry (dentry_set_inode), or leave it negative: 0; -errno. */
	int (*lookup)(struct inode *dir, struct dentry *dentry);
	int (*create)(struct inode *dir, struct dentry *dentry, u32 mode);
	int (*mknod)(struct inode *dir, struct dentry *dentry, u32 mode, u32 rdev);
	int (*mkdir)(struct inode *dir, struct dentry *dentry, u32 mode);
	int (*symlink)(struct inode *dir, struct dentry *dentry, const char *target);
	int (*link)(struct inode *dir, struct dentry *dentry, struct inode *target);
	int (*unlink)(struct inode *dir, struct dentry *dentry);
	int (*rmdir)(struct inode *dir, struct dentry *dentry);
	int (*rename)(struct inode *odir, struct dentry *od, struct inode *ndir, struct dentry *nd, unsigned flags);
	int (*tmpfile)(struct inode *dir, u32 mode, struct inode **out);
	/* Target of a symbolic link: kernel string valid until put; or jump: *out_path set instead (proc magic links). */
	int (*readlink)(struct inode *inode, struct dentry *dentry, char *buf, size_t size);
	int (*follow)(struct inode *inode, struct dentry *dentry, struct path *out);
	int (*setattr)(struct inode *inode, const struct iattr *attr);
	int (*getattr)(struct inode *inode, struct kstat *st); /* NULL: from the inode's fields */
	int (*permission)(struct inode *inode, int mask);	/* NULL: mode bits */
	int (*revalidate)(struct dentry *dentry);		/* 1 valid, 0 look up again */
	ssize_t (*getxattr)(struct inode *inode, const char *name, void *buf, size_t size);
	int (*setxattr)(struct inode *inode, const char *name, const void *val, size_t size, int flags);
	ssize_t (*listxattr)(struct inode *inode, char *buf, size_t size);
	int (*removexattr)(struct inode *inode, const char *name);
	/* Write a list (enum acl_type; NULL: none) and the mode that goes with it to the disk; NULL: they are in memory only. Lock held. */
	int (*set_acl)(struct inode *inode, int type, const struct acl *a, u32 mode);
	/* FS_*_FL of <linux/fs.h>; set: lock held, who may change what was checked. NULL: those that enum inode_flags has, in memory. */
	u32 (*get_flags)(struct inode *inode);
	int (*set_flags)(struct inode *inode, u32 flags);
};

enum inode_flags {
	INODE_IMMUTABLE = 1u << 0,
	INODE_APPEND = 1u << 1,
	INODE_NOATIME = 1u << 2,
	INODE_DEAD = 1u << 3,	/* removed directory: no new entries; lock */
	INODE_NODUMP = 1u << 4,
	INODE_LINKABLE = 1u << 5, /* O_TMPFILE without O_EXCL: linkat may give it a name */
	INODE_ANON = 1u << 6,	/* in no directory ever */
	INODE_FILECAPS = 1u << 7, /* may have security.capability, which writing removes; a file system on a disk sets it when it reads an inode with xattrs */
};

/* In inode->mode, above what stat shows: there is an access list, so the permissions of the group's class are not the last word. */
#define INODE_MODE_ACL 0200000u

struct inode {
	u32 refs;		/* atomic */
	u32 mode;		/* lock to change, READ_ONCE to read; likewise uid gid nlink size times. S_IF* and permissions, and INODE_MODE_ACL */
	u32 uid, gid;
	u32 nlink;
	u32 rdev;
	u64 ino;
	u32 generation;
	u32 flags;		/* S_IMMUTABLE ...: enum inode_flags */
	struct super *super;
	const struct inode_ops *ops;
	const struct file_ops *fops;
	struct rwlock lock;	/* directories: entries; files: size changes, writes exclusive */
	struct vm_object data;	/* page cache of a regular file; data.size is the file size */
	struct ktime atime, mtime, ctime, btime;
	u64 blocks512;
	s32 writers;		/* atomic: > 0 open for writing, < 0 executed: ETXTBSY */
	struct file_locks *locks;	/* POSIX, OFD, flock, leases; NULL until used */
	struct fsnotify_marks *marks;	/* inotify, fanotify: <vfs/notify.h> */
	u32 notify;		/* atomic: what somebody wants to hear of it */
	struct acl *acl, *default_acl; /* RCU, lock to change: <vfs/acl.h> */
	struct pipe *pipe;	/* FIFO */
	const char *link;	/* symlink kept in memory: NUL-terminated and readable 8 bytes further, freed after RCU; NULL: ops->readlink or ops->follow */
	u16 link_len;
	u8 write_hint;		/* RWH_*: F_SET_RW_HINT */
	void *private;		/* the file system's */
	struct rcu_head rcu;
};

struct super_ops {
	struct inode *(*alloc_inode)(struct super *sb);	/* NULL: plain struct inode */
	void (*free_inode)(struct inode *inode);	/* after RCU */
	/* The last reference is gone: true: one was taken again (cache_keep of <vfs/cache.h>). NULL: never. May sleep. */
	bool (*keep)(struct inode *inode);
	void (*evict)(struct inode *inode);		/* last reference: nlink==0 means delete */
	int (*statfs)(struct super *sb, struct kstatfs *out); /* *out is filled but for what only the type knows; NULL: nothing */
	int (*sync)(struct super *sb, bool wait);
	size_t (*show_options)(struct super *sb, char *buf, size_t size);
	void (*kill)(struct super *sb);			/* unmounted: free private */
	void (*shutdown)(struct super *sb);		/* the power goes: leave the disk as clean as it can be; NULL: there is none */
	/*
	 * A handle of the inode is given out <vfs/handle.h>; and the way back from its number and generation: -ESTALE -ENOMEM, a reference in *out.
	 * NULL: files of this kind have no handles that could be opened.
	 */
	void (*handle_note)(const struct inode *inode);
	int (*handle_open)(struct super *sb, u64 ino, u32 generation, struct dentry **out);
	bool handle_is_id; /* the number alone is the handle, as kernfs has it: numbers do not come again */
};

#define SUPER_NOUSER (1u << 31) /* mounts of it enter no namespace */

#define SUPER_STACK_MAX 2

/* A mounted file system. Shared by its mounts. */
struct super {
	const struct super_ops *ops;
	const struct fs_type *type;
	u64 refs;		/* atomic: mounts */
	u32 flags;		/* MS_RDONLY MS_SYNCHRONOUS MS_MANDLOCK MS_DIRSYNC MS_LAZYTIME of <linux/mount.h>, SUPER_NOUSER */
	u32 dev;		/* st_dev; anonymous ones count up from 0:1 */
	u32 blksize, namelen_max;
	u64 magic, maxbytes;
	struct dentry *root;	/* holds a reference */
	struct mutex rename_lock; /* renames between two directories */
	u64 next_ino;		/* atomic */
	bool revalidate;	/* dentries of this file system are asked by ops->revalidate on every walk */
	u8 stack_depth;		/* file systems below this one, at most SUPER_STACK_MAX */
	void *private;
	struct list_head link;	/* all super blocks; super_lock */
	struct list_head mounts; /* by super_link; mount_sem */
	struct list_head watched; /* inodes with marks: notify.c */
	struct fsnotify_marks *marks; /* of the whole file system */
};
/* A super block with an anonymous device number and one reference; -ENOMEM. The type then sets root (dentry_create_root). */
int super_create(const struct fs_type *t, const struct super_ops *ops, unsigned sb_flags, struct super **out) MUST_CHECK;
/* For fs_type.create: c->super of inodes that stand in no directory; programs cannot mount it. */
struct fs_config;
int anon_super_create(struct fs_config *c, const struct super_ops *ops, u64 magic) MUST_CHECK;
/* A device number like those of super blocks, for who shows several. */
u32 super_anon_dev(void);
void super_get(struct super *sb);
void super_put(struct super *sb); /* the last one kills it; may sleep */

/*
 * An inode of @sb with one reference, the type and permission of @mode, owner and set-group rules from @dir (NULL: 0, 0), times now, nlink 1, and a fresh
 * number. NULL: -ENOMEM. May sleep.
 */
struct inode *inode_alloc(struct super *sb, const struct inode *dir, u32 mode);
/* By its mode a device node (of @rdev), FIFO or socket: what opening it does. Before anybody sees it. */
void inode_init_special(struct inode *inode, u32 rdev);
void inode_touch(struct inode *inode, unsigned iattr_times); /* IATTR_ATIME|MTIME|CTIME := now */
struct mount;
void inode_touch_atime(struct inode *inode, const struct mount *mnt); /* after a read: as noatime, relatime say */
struct ktime ktime_now(void); /* of the coarse clock, as all file times */
static inline void inode_set_nlink(struct inode *inode, u32 n)
{
	WRITE_ONCE(inode->nlink, n);
}
static inline bool inode_is(const struct inode *inode, u32 type) /* S_IFDIR... */
{
	return (READ_ONCE(inode->mode) & 0170000u) == type;
}

/* What iterate gives its entries to. pos: in: where to start; out: where the next call goes on. 0 and 1 are "." and "..". */
struct dir_emit {
	s64 pos;
	/* False: the buffer is full, @off stays for next time. @type: DT_*. @off: position of this entry. */
	bool (*emit)(struct dir_emit *e, const char *name, size_t len, u64 ino, unsigned type, s64 off);
};
/* Emit "." and ".." when pos is 0 or 1; false: full. Context: directory lock held for reading. */
bool dir_emit_dots(struct file *f, struct dir_emit *e);

struct kstatfs {
	u64 type, bsize, blocks, bfree, bavail, files, ffree, fsid, namelen, frsize, flags;
};

enum fs_flags {
	FS_NODEV = 1,
	FS_USERNS = 2,
	FS_INTERNAL = 4,   /* the kernel's own: cannot be mounted by users */
	FS_PINS_NAMES = 8, /* lives in memory: a name that exists holds a reference to its dentry */
	FS_ACLS = 16,	   /* <vfs/acl.h> */
	FS_ANY_PARAM = 32, /* parameters that it does not know are ignored */
	FS_ESCAPES = 64,   /* a backslash keeps the comma behind it in mount(2)'s options */
};
struct fs_type;	/* <vfs/fs_config.h> */
void fs_register(struct fs_type *t);
struct fs_type *fs_find(const char *name); /* NULL */
/* /proc/filesystems. */
size_t fs_show_types(char *buf, size_t size);

/* ---- devices ---- */
/* Character devices by number: open replaces f->ops by the driver's. */
struct chrdev {
	struct chrdev *next;
	u32 major, minor, nminors;
	const struct file_ops *ops;
	void *private;		/* inode->private of devtmpfs nodes is not used: file->private starts as this */
	const char *name;
	const char *misc_name;	/* of the one device that it is, with the major number of those that have none of their own */
};
int chrdev_register(struct chrdev *c) MUST_CHECK; /* -EBUSY: numbers taken */
/* Block devices: what opening a node of them does, and their lines of /proc/devices. Set once at boot; until then -ENXIO. */
void vfs_set_block(const struct file_ops *node_ops, void (*show)(struct strbuf *sb));
/* /proc/devices: one line per major. */
size_t chrdev_show(char *buf, size_t size);
size_t chrdev_show_misc(char *buf, size_t size);
/* Node in devtmpfs; "pts/0", "input/event0"; mode includes S_IFCHR/S_IFBLK. */
int devtmpfs_add(const char *name, u32 mode, u32 rdev) MUST_CHECK;
void devtmpfs_remove(const char *name);
static inline u32 vfs_mkdev(u32 major, u32 minor)
{
	return (minor & 0xff) | (major << 8) | ((minor & ~0xffu) << 12);
}
static inline u32 vfs_major(u32 dev)
{
	return (dev >> 8) & 0xfff;
}
static inline u32 vfs_minor(u32 dev)
{
	return (dev & 0xff) | ((dev >> 12) & 0xfff00);
}
