/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What the files of kernel/vfs/overlay share. The README tells what an overlay is made of.
 *
 * An inode of the overlay stands for what is seen at one name: an upper object, lower ones, or both. It begins with what lookup found; the upper part comes
 * once (copy-up, published by a release store) and stays. lower[] is constant. What the VFS looks at (owner, mode, lists, size, times) is a copy, renewed after
 * each change that goes through the overlay (ovl_copy_attr).
 *
 *	PURE LOWER --copy-up--> UPPER with an origin	MERGED directory: upper and lower, or several lower	PURE UPPER --removed-->
 *
 * Locks, outermost first: the overlay's rename_lock, directory, inode (the VFS takes them), ovl_inode.lock (copy-up; the cached directory), then everything of
 * the file systems below. Each has a rank for each depth (RANK_STACK), for an overlay may be a layer of another one.
 *
 * Rights: the VFS has checked the caller's against the overlay's inode; what is done below is done with the mounter's (ovl_enter, ovl_leave).
 */
#include "../vfs_impl.h"
#include <lib/hlist.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <sync/mutex.h>
#include <vfs/acl.h>
#include <vfs/below.h>
#include <vfs/fs_config.h>
#include <linux/xattr.h>

#define OVL_MAX_LAYERS 500
#define OVL_REDIRECT_MAX 256

enum ovl_redirect { OVL_REDIRECT_OFF, OVL_REDIRECT_FOLLOW, OVL_REDIRECT_NOFOLLOW, OVL_REDIRECT_ON };
enum ovl_xino { OVL_XINO_OFF, OVL_XINO_AUTO, OVL_XINO_ON };
enum ovl_uuid { OVL_UUID_OFF, OVL_UUID_NULL, OVL_UUID_AUTO, OVL_UUID_ON };

/* A directory that the mounter named: as given, and what it leads to. */
struct ovl_dir_option {
	char *text;		/* NULL: not given */
	struct path path;
};

/* What the mounter said. The paths are there until the super block is made. */
struct ovl_options {
	char *lowerdir;		/* a:b:c in one string; NULL: each by lowerdir+ */
	struct ovl_dir_option *lower;
	u32 nlower;
	struct ovl_dir_option upper, work;
	u8 redirect, xino, uuid;
	bool redirect_set, is_volatile, userxattr, default_permissions;
};

struct ovl_layer {
	struct mount *mnt;	/* private; NULL: there is no upper layer */
	u16 fs;			/* index of ovl_super.fs: 0 is the upper one's */
};

struct ovl_realfs {
	const struct super *super;
	u32 pseudo_dev;		/* st_dev of its files when numbers cannot be made unique */
};

struct ovl_super {
	struct ovl_options o;
	const struct cred *creator;
	struct ovl_layer *layers; /* [0] the upper one, then lower ones from the top */
	u32 nlayers;
	struct ovl_realfs *fs;
	u32 nfs;
	s8 xino_bits;		/* -1: off; 0: all on one file system; else bits for the number of the file system */
	struct dentry *workbase, *work; /* NULL without an upper layer; referenced */
	u64 fsid;		/* from the uuid; 0: that of the upper file system */
	u32 work_seq;		/* atomic: names in the work directory */
	const char *prefix;	/* of the overlay's own attributes */
	u32 prefix_len;
};

struct ovl_lower {
	struct dentry *dentry;	/* referenced */
	u32 layer;
};

struct ovl_dir_cache;

struct ovl_inode {
	struct inode inode;	/* first */
	struct dentry *upper;	/* referenced; lock to set, once */
	struct ovl_lower *lower; /* from the top; constant */
	u32 nlower;
	bool opaque;		/* upper directory that hides the lower ones; directory lock */
	bool whiteouts;		/* directory that has to be read into memory: merged, or may hold whiteouts; constant */
	bool impure;		/* upper directory with copied-up children: a hint that only grows */
	char *redirect;		/* where lower layers have it, as the upper attribute says; directory lock */
	struct dentry *parent;	/* not copied up yet: the overlay's directory it is in, referenced; lock */
	const struct inode *key; /* of the hash; NULL: not in it */
	struct hlist_node hash;
	struct ovl_dir_cache *cache; /* lock */
	u64 version;		/* of a directory's names; atomic */
	struct mutex lock;
};

static inline struct ovl_inode *ovl_inode(const struct inode *inode)
{
	return (struct ovl_inode *)inode;
}

static inline struct ovl_super *ovl_super(const struct super *sb)
{
	return sb->private;
}

static inline struct dentry *ovl_upper(const struct inode *inode)
{
	return LOAD_ACQUIRE(ovl_inode(inode)->upper);
}

/* What is shown: the upper object, or the topmost lower one. */
static inline struct dentry *ovl_real(const struct inode *inode)
{
	struct dentry *d = ovl_upper(inode);

	return d ? d : ovl_inode(inode)->lower[0].dentry;
}

static inline struct inode *ovl_real_inode(const struct inode *inode)
{
	return ovl_real(inode)->inode;
}

static inline struct path ovl_real_path(const struct inode *inode)
{
	const struct ovl_super *os = ovl_super(inode->super);
	struct dentry *d = ovl_upper(inode);

	if (d)
		return (struct path){.mnt = os->layers[0].mnt, .dentry = d};
	return (struct path){.mnt = os->layers[ovl_inode(inode)->lower[0].layer].mnt, .dentry = ovl_inode(inode)->lower[0].dentry};
}

static inline bool ovl_is_merged(const struct inode *dir)
{
	const struct ovl_inode *oi = ovl_inode(dir);

	return oi->nlower + (ovl_upper(dir) ? 1 : 0) > 1;
}

static inline const struct cred *ovl_enter(const struct super *sb)
{
	return cred_override(ovl_super(sb)->creator);
}

static inline void ovl_leave(const struct cred *saved)
{
	cred_revert(saved);
}

/* The same, and the upper layer is to be changed: -EROFS. */
static inline int MUST_CHECK ovl_enter_write(const struct super *sb, const struct cred **out)
{
	int err = mount_want_write(ovl_super(sb)->layers[0].mnt);

	if (!err)
		*out = ovl_enter(sb);
	return err;
}

static inline void ovl_leave_write(const struct super *sb, const struct cred *saved)
{
	ovl_leave(saved);
	mount_drop_write(ovl_super(sb)->layers[0].mnt);
}

static inline bool ovl_is_whiteout_inode(const struct inode *i)
{
	return i && S_ISCHR(i->mode) && i->rdev == 0;
}

/* ---- type.c ---- */
/* The paths are given back; or everything. */
void ovl_options_put_paths(struct ovl_options *o);
void ovl_options_free(struct ovl_options *o);
size_t ovl_show_options(struct super *sb, char *buf, size_t size);

/* ---- layers.c ---- */
/* From the options of @c: layers, their file systems, the work directory. What is there is given back by ovl_layers_free, after an error too. */
int ovl_layers_init(struct fs_config *c, struct super *sb) MUST_CHECK;
void ovl_layers_free(struct ovl_super *os);

/* ---- super.c ---- */
int ovl_create_super(struct fs_config *c) MUST_CHECK;

/* ---- work.c: the work directory ---- */
/* Workdir/work, empty, and what a volatile mount leaves. Mounter's rights, upper layer writable. */
int ovl_work_prepare(struct ovl_super *os, struct fs_config *c) MUST_CHECK;
/* A new object in the work directory. */
int ovl_work_make(struct ovl_super *os, const struct below_new *what, struct dentry **out) MUST_CHECK;
/* Remove @d of @dir, and what is in it; errors are nobody's business. */
void ovl_cleanup(struct dentry *dir, struct dentry *d);
/* Remove all that is in the directory, which is whiteouts. */
int ovl_work_clear(struct ovl_super *os, struct dentry *dir) MUST_CHECK;
/* Put a whiteout in the place of @d of the upper directory @dir (may be negative). @d then is what stood there, in the work directory. */
int ovl_whiteout(struct ovl_super *os, struct dentry *dir, struct dentry *d) MUST_CHECK;

/* ---- xattr.c ---- */
#define OVL_OPAQUE "opaque"
#define OVL_REDIRECT "redirect"
#define OVL_ORIGIN "origin"
#define OVL_IMPURE "impure"
#define OVL_UUID "uuid"
#define OVL_METACOPY "metacopy"
#define OVL_WHITEOUT "whiteout"
/* The overlay's own attributes, of objects below. Mounter's rights. */
ssize_t ovl_mark_get(const struct ovl_super *os, struct inode *real, const char *name, void *buf, size_t size);
int ovl_mark_set(const struct ovl_super *os, struct inode *real, const char *name, const void *val, size_t size) MUST_CHECK;
void ovl_mark_remove(const struct ovl_super *os, struct inode *real, const char *name);
bool ovl_is_own_xattr(const struct ovl_super *os, const char *name);
/* "opaque": 'y', 'x' (holds xattr whiteouts), 0. */
char ovl_opaque_of(const struct ovl_super *os, struct inode *real);
int ovl_set_opaque(struct inode *dir, struct dentry *upper) MUST_CHECK;
int ovl_set_impure(struct inode *dir) MUST_CHECK;
ssize_t ovl_getxattr(struct inode *inode, const char *name, void *buf, size_t size);
int ovl_setxattr(struct inode *inode, const char *name, const void *val, size_t size, int flags);
ssize_t ovl_listxattr(struct inode *inode, char *buf, size_t size);
int ovl_removexattr(struct inode *inode, const char *name);
int ovl_set_acl(struct inode *inode, int type, const struct acl *a, u32 mode);

/* ---- origin.c ---- */
/* Remember in @upper which lower object it was copied from; file systems without handles have nothing to remember. */
int ovl_set_origin(const struct ovl_super *os, struct inode *upper, struct inode *lower) MUST_CHECK;
/* The lower object that @upper was copied from, if it can be found: true, referenced. */
bool ovl_find_origin(const struct ovl_super *os, struct inode *upper, struct ovl_lower *out);

/* ---- inode.c ---- */
void ovl_inodes_init(void);
struct inode *ovl_alloc_inode(struct super *sb);
void ovl_free_inode(struct inode *inode);
void ovl_evict(struct inode *inode);
struct ovl_found {
	struct dentry *upper;	/* references; move in, also on error */
	struct ovl_lower *lower;
	u32 nlower;
	char *redirect;
	bool opaque, whiteouts;
};
void ovl_found_free(struct ovl_found *f);
/* @parent: the overlay's directory it was found in, or NULL for the root. */
int ovl_inode_get(struct super *sb, struct dentry *parent, struct ovl_found *f, struct inode **out) MUST_CHECK;
/* It has been copied up to @upper (reference moves in). inode's ovl lock held. */
void ovl_inode_publish(struct inode *inode, struct dentry *upper);
/* Renew the copies of what is below. -ENOMEM: lists are old. */
int ovl_copy_attr(struct inode *inode);
int ovl_getattr(struct inode *inode, struct kstat *st);
int ovl_setattr(struct inode *inode, const struct iattr *attr);
/* st_ino of an object on file system @fs with number @ino, and what readdir shows. */
u64 ovl_map_ino(const struct ovl_super *os, u64 ino, unsigned fs);
u32 ovl_get_flags(struct inode *inode);
int ovl_set_flags(struct inode *inode, u32 flags);
int ovl_readlink(struct inode *inode, struct dentry *d, char *buf, size_t size);

#define OVL_ATTRIBUTE_OPS                                                                                                      \
	.setattr = ovl_setattr, .getattr = ovl_getattr, .getxattr = ovl_getxattr, .setxattr = ovl_setxattr,                    \
	.listxattr = ovl_listxattr, .removexattr = ovl_removexattr, .set_acl = ovl_set_acl, .get_flags = ovl_get_flags,        \
	.set_flags = ovl_set_flags
extern const struct inode_ops ovl_file_ops;

/* ---- lookup.c ---- */
int ovl_lookup(struct inode *dir, struct dentry *d);
/* Does a lower layer show something at this name of @dir? Mounter's rights. 1, 0, -errno. */
int ovl_lower_positive(struct inode *dir, const char *name, u32 len) MUST_CHECK;
/* An object that hides what is below. */
bool ovl_is_whiteout(const struct ovl_super *os, const struct dentry *d);

/* ---- copyup.c ---- */
/* It has an upper object afterwards; @size: bytes of data that are still wanted (U64_MAX: all). Thread context, caller's rights. -EROFS -ENOSPC... */
int ovl_copy_up_size(struct inode *inode, u64 size) MUST_CHECK;
static inline int MUST_CHECK ovl_copy_up(struct inode *inode)
{
	return likely(ovl_upper(inode)) ? 0 : ovl_copy_up_size(inode, U64_MAX);
}
/* Attributes of @from but the overlay's own. Mounter's rights. */
int ovl_copy_xattrs(const struct ovl_super *os, struct inode *from, struct inode *to) MUST_CHECK;

/* ---- dir.c, rename.c ---- */
extern const struct inode_ops ovl_dir_ops;
int ovl_rename(struct inode *odir, struct dentry *od, struct inode *ndir, struct dentry *nd, unsigned flags);
/* The upper object behind @d must be @expect (NULL: nothing, or a whiteout): else -ESTALE. Referenced. */
int ovl_upper_lookup(struct inode *dir, const struct dentry *d, const struct inode *expect, struct dentry **out) MUST_CHECK;
/* Names of @dir have changed. */
void ovl_dir_changed(struct inode *dir);
/* The merged directory is empty to its users: take its whiteouts away, and make it opaque. -ENOTEMPTY. */
int ovl_dir_check_empty(struct inode *dir) MUST_CHECK;

/* ---- readdir.c ---- */
extern const struct file_ops ovl_dir_fops;
void ovl_cache_put(struct ovl_dir_cache *c);
/* Nothing but whiteouts in the layers of @dir? */
int ovl_dir_is_empty(struct inode *dir) MUST_CHECK;

/* ---- file.c ---- */
extern const struct file_ops ovl_file_fops;
void ovl_files_init(void);
