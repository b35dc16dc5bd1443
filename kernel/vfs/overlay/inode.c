/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inodes of the overlay. Those that can be met again are in a hash, so that names of one file, or a file that was forgotten while somebody watches it, have one
 * inode: by the lower object, which stays the same when it is copied up; by the upper one if there is no lower, or if it has several names there, which copying up
 * makes different files. Those are in no hash before. A bucket's lock guards its chain; an inode leaves it when its last reference is gone.
 */
#include "overlay.h"
#include <lib/hash.h>
#include <linux/fs.h>
#include <linux/stat.h>

LOCK_CLASS(ovl_hash, RANK_LEAF, "a bucket of the overlays' inodes");
LOCK_CLASS(ovl_dir_outer, RANK_STACK + 1, "one directory of an overlay on an overlay");
LOCK_CLASS(ovl_dir, RANK_STACK + 5, "one directory of an overlay");
LOCK_CLASS(ovl_inode_outer, RANK_STACK + 2, "one file of an overlay on an overlay");
LOCK_CLASS(ovl_inode, RANK_STACK + 6, "one file of an overlay");
LOCK_CLASS(ovl_copy_outer, RANK_STACK + 3, "copying up in an overlay on an overlay");
LOCK_CLASS(ovl_copy, RANK_STACK + 7, "copying up one file of an overlay, its directory's list of names");

#define HASH_BITS 12

static struct bucket {
	struct spinlock lock;
	struct hlist_head chain;
} buckets[1 << HASH_BITS];
static struct slab_cache *inode_cache;

void ovl_inodes_init(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(buckets); i++)
		spin_init(&buckets[i].lock, ovl_hash);
	inode_cache = slab_cache_create("ovl_inode", sizeof(struct ovl_inode), 64, SLAB_PANIC);
}

struct inode *ovl_alloc_inode(struct super *sb)
{
	struct ovl_inode *oi = slab_alloc(inode_cache, 0);

	if (!oi)
		return NULL;
	memset(oi, 0, sizeof(*oi));
	if (sb->stack_depth > 1)
		mutex_init(&oi->lock, ovl_copy_outer);
	else
		mutex_init(&oi->lock, ovl_copy);
	return &oi->inode;
}

void ovl_free_inode(struct inode *inode)
{
	kfree(inode->link);
	slab_free(inode_cache, ovl_inode(inode));
}

void ovl_found_free(struct ovl_found *f)
{
	if (f->upper)
		dentry_put(f->upper);
	for (u32 i = 0; i < f->nlower; i++)
		dentry_put(f->lower[i].dentry);
	kfree(f->lower);
	kfree(f->redirect);
	*f = (struct ovl_found){0};
}

static struct bucket *bucket_of(const struct super *sb, const struct inode *key)
{
	return &buckets[hash_u64((u64)(unsigned long)key ^ (u64)(unsigned long)sb, HASH_BITS)];
}

void ovl_evict(struct inode *inode)
{
	struct ovl_inode *oi = ovl_inode(inode);
	struct ovl_found f = {oi->upper, oi->lower, oi->nlower, oi->redirect, false, false};

	if (oi->key) {
		struct bucket *b = bucket_of(inode->super, oi->key);

		spin_lock(&b->lock);
		hlist_del_init(&oi->hash);
		spin_unlock(&b->lock);
	}
	ovl_cache_put(oi->cache);
	if (oi->parent)
		dentry_put(oi->parent);
	ovl_found_free(&f);
}

/* ---- making ---- */

static void set_lock_class(struct inode *inode)
{
	bool outer = inode->super->stack_depth > 1;

	if (S_ISDIR(inode->mode) && outer)
		rwlock_init(&inode->lock, ovl_dir_outer);
	else if (S_ISDIR(inode->mode))
		rwlock_init(&inode->lock, ovl_dir);
	else if (outer)
		rwlock_init(&inode->lock, ovl_inode_outer);
	else
		rwlock_init(&inode->lock, ovl_inode);
}

static const struct inode_ops link_ops = {.readlink = ovl_readlink, OVL_ATTRIBUTE_OPS};
const struct inode_ops ovl_file_ops = {OVL_ATTRIBUTE_OPS};

/* The text of a link is kept, so that walks need not ask. */
static void keep_link(struct inode *inode)
{
	char *text = kzalloc(PATH_MAX + 16, 0), *fit = NULL;
	ssize_t len = text ? ovl_readlink(inode, NULL, text, PATH_MAX) : -ENOMEM;

	if (len > 0) {
		fit = kzalloc((size_t)len + 16, 0);
		if (fit)
			memcpy(fit, text, (size_t)len);
	}
	kfree(text);
	inode->link_len = fit ? (u16)len : 0;
	inode->link = fit;
}

/*
 * Whose number it has: a copy has that of what it was copied from, a merged directory that of the topmost lower one, unless several copies would have the same. @ino: of
 * what is shown. *out_fs: the file system of the number.
 */
static u64 id_source(const struct inode *inode, u64 ino, unsigned *out_fs)
{
	const struct ovl_super *os = ovl_super(inode->super);
	const struct ovl_inode *oi = ovl_inode(inode);
	const struct inode *low = oi->nlower ? oi->lower[0].dentry->inode : NULL;

	*out_fs = 0;
	if (!low || (ovl_upper(inode) && (S_ISDIR(low->mode) ? os->xino_bits < 0 : low->nlink > 1)))
		return ino;
	*out_fs = os->layers[oi->lower[0].layer].fs;
	return low->ino;
}

static int fill(struct inode *inode, struct dentry *parent)
{
	const struct ovl_super *os = ovl_super(inode->super);
	struct inode *real = ovl_real_inode(inode);
	unsigned fs;
	u64 ino;

	set_lock_class(inode);
	switch (real->mode & S_IFMT) {
	case S_IFDIR:
		inode->ops = &ovl_dir_ops;
		inode->fops = &ovl_dir_fops;
		break;
	case S_IFREG:
		inode->ops = &ovl_file_ops;
		inode->fops = &ovl_file_fops;
		break;
	case S_IFLNK:
		inode->ops = &link_ops;
		keep_link(inode);
		break;
	default:
		inode->ops = &ovl_file_ops;
		inode_init_special(inode, real->rdev);
	}
	inode->flags = INODE_NOATIME; /* that is the file's below */
	inode_set_nlink(inode, ovl_is_merged(inode) && S_ISDIR(real->mode) ? 1 : real->nlink);
	ino = id_source(inode, real->ino, &fs);
	if (!S_ISDIR(real->mode) || os->xino_bits >= 0)
		inode->ino = ovl_map_ino(os, ino, fs);
	if (!ovl_upper(inode) && os->layers[0].mnt && parent) {
		dentry_get(parent);
		ovl_inode(inode)->parent = parent;
	}
	return ovl_copy_attr(inode);
}

static const struct inode *key_of(const struct ovl_super *os, const struct ovl_found *f)
{
	const struct inode *lower = f->nlower ? f->lower[0].dentry->inode : NULL, *upper = f->upper ? f->upper->inode : NULL;

	if (!lower)
		return upper;
	if (os->layers[0].mnt && !S_ISDIR(lower->mode) && lower->nlink > 1)
		return upper;
	return lower;
}

/* One that is known and can stand for @f, referenced. Bucket locked. */
static struct inode *find_locked(struct bucket *b, const struct super *sb, const struct inode *key, const struct ovl_found *f)
{
	struct ovl_inode *oi;

	hlist_for_each_entry(oi, &b->chain, hash)
	{
		const struct dentry *upper = ovl_upper(&oi->inode);

		if (oi->key != key || oi->inode.super != sb)
			continue;
		if (upper && f->upper && upper->inode != f->upper->inode)
			continue;
		if (upper && !f->upper && S_ISDIR(oi->inode.mode))
			continue;
		if (inode_tryget(&oi->inode))
			return &oi->inode;
	}
	return NULL;
}

int ovl_inode_get(struct super *sb, struct dentry *parent, struct ovl_found *f, struct inode **out)
{
	const struct inode *key = parent ? key_of(ovl_super(sb), f) : NULL;
	struct inode *fresh = inode_alloc(sb, NULL, (f->upper ? f->upper : f->lower[0].dentry)->inode->mode & S_IFMT), *known = NULL;
	struct ovl_inode *oi;
	int err;

	if (!fresh) {
		ovl_found_free(f);
		return -ENOMEM;
	}
	oi = ovl_inode(fresh);
	oi->upper = f->upper;
	oi->lower = f->lower;
	oi->nlower = f->nlower;
	oi->redirect = f->redirect;
	oi->opaque = f->opaque;
	oi->whiteouts = f->whiteouts;
	err = fill(fresh, parent);
	if (!err && key) {
		struct bucket *b = bucket_of(sb, key);

		spin_lock(&b->lock);
		known = find_locked(b, sb, key, f);
		if (!known) {
			oi->key = key;
			hlist_add_head(&oi->hash, &b->chain);
		}
		spin_unlock(&b->lock);
	}
	*f = (struct ovl_found){0};
	if (err || known)
		inode_put(fresh);
	if (!err)
		*out = known ? known : fresh;
	return err;
}

void ovl_inode_publish(struct inode *inode, struct dentry *upper)
{
	struct ovl_inode *oi = ovl_inode(inode);
	struct dentry *parent = oi->parent;

	STORE_RELEASE(oi->upper, upper);
	oi->parent = NULL;
	__atomic_fetch_add(&oi->version, 1, __ATOMIC_RELAXED);
	if (!oi->key && parent) {
		struct bucket *b = bucket_of(inode->super, upper->inode);

		oi->key = upper->inode;
		spin_lock(&b->lock);
		hlist_add_head(&oi->hash, &b->chain);
		spin_unlock(&b->lock);
	}
	if (parent)
		dentry_put(parent);
}

/* ---- attributes ---- */

static int copy_acl(struct inode *inode, const struct inode *real, enum acl_type type)
{
	struct acl *a;
	int err;

	if (type == ACL_ACCESS ? !READ_ONCE(real->acl) && !READ_ONCE(inode->acl) : !READ_ONCE(real->default_acl) && !READ_ONCE(inode->default_acl))
		return 0;
	err = acl_snapshot(real, type, &a);
	if (!err)
		inode_set_acl(inode, type, a);
	return err;
}

int ovl_copy_attr(struct inode *inode)
{
	const u32 taken = INODE_IMMUTABLE | INODE_APPEND | INODE_FILECAPS;
	const struct inode *real = ovl_real_inode(inode);
	int err = copy_acl(inode, real, ACL_ACCESS);

	if (!err && S_ISDIR(real->mode))
		err = copy_acl(inode, real, ACL_DEFAULT);
	WRITE_ONCE(inode->uid, READ_ONCE(real->uid));
	WRITE_ONCE(inode->gid, READ_ONCE(real->gid));
	WRITE_ONCE(inode->mode, (READ_ONCE(real->mode) & 0177777u) | (inode->mode & INODE_MODE_ACL));
	WRITE_ONCE(inode->flags, (inode->flags & ~taken) | (READ_ONCE(real->flags) & taken));
	WRITE_ONCE(inode->data.size, READ_ONCE(real->data.size));
	inode->atime = real->atime;
	inode->mtime = real->mtime;
	inode->ctime = real->ctime;
	inode->btime = real->btime;
	return err;
}

/* setgid stays only for members of the group: the caller's rights decide, not the mounter's. */
static u32 mode_allowed(const struct inode *inode, u32 mode, u32 gid)
{
	if ((mode & S_ISGID) && !cred_in_group(cred_current(), gid) && !capable(CAP_FSETID))
		mode &= ~(u32)S_ISGID;
	return mode & 07777;
}

int ovl_setattr(struct inode *inode, const struct iattr *attr)
{
	struct iattr a = *attr;
	const struct cred *saved;
	int err;

	if (a.valid & IATTR_SIZE) {
		if (!S_ISREG(inode->mode))
			return S_ISDIR(inode->mode) ? -EISDIR : -EINVAL;
		err = ovl_upper(inode) ? 0 : ovl_copy_up_size(inode, a.size);
	} else {
		err = ovl_copy_up(inode);
	}
	if (err)
		return err;
	if (a.valid & IATTR_MODE)
		a.mode = mode_allowed(inode, a.mode, a.valid & IATTR_GID ? a.gid : inode->gid);
	/* What the VFS has stripped already. */
	if ((a.valid & (IATTR_KILL_SUID | IATTR_SIZE)) && !(a.valid & IATTR_MODE) && ((inode->mode ^ ovl_real_inode(inode)->mode) & 07777)) {
		a.valid |= IATTR_MODE;
		a.mode = inode->mode & 07777;
	}
	a.valid &= ~(unsigned)IATTR_KILL_SUID;
	err = ovl_enter_write(inode->super, &saved);
	if (err)
		return err;
	err = below_setattr(ovl_upper(inode)->inode, &a);
	ovl_leave_write(inode->super, saved);
	return err ? err : ovl_copy_attr(inode);
}

u64 ovl_map_ino(const struct ovl_super *os, u64 ino, unsigned fs)
{
	unsigned shift;

	if (os->xino_bits <= 0)
		return ino;
	shift = 64 - (unsigned)os->xino_bits;
	return ino >> shift ? ino : ino | (u64)fs << (shift + 1);
}

/* st_dev and st_ino: see the README. */
static void map_dev_ino(const struct inode *inode, unsigned fs, struct kstat *st)
{
	const struct ovl_super *os = ovl_super(inode->super);

	if (os->xino_bits == 0 || (os->xino_bits > 0 && !(st->ino >> (64 - os->xino_bits)))) {
		st->ino = ovl_map_ino(os, st->ino, fs);
		st->dev = inode->super->dev;
	} else if (S_ISDIR(inode->mode)) {
		st->ino = inode->ino;
		st->dev = inode->super->dev;
	} else {
		st->dev = os->fs[fs].pseudo_dev;
	}
}

int ovl_getattr(struct inode *inode, struct kstat *st)
{
	const struct cred *saved = ovl_enter(inode->super);
	struct kstat real;
	unsigned fs;
	int err = below_getattr(ovl_real_inode(inode), &real);

	ovl_leave(saved);
	if (err)
		return err;
	real.ino = id_source(inode, real.ino, &fs);
	real.mnt_id = st->mnt_id;
	real.mnt_unique = st->mnt_unique;
	real.attributes = st->attributes | (real.attributes & ~(u64)STATX_ATTR_MOUNT_ROOT);
	real.attributes_mask |= st->attributes_mask;
	*st = real;
	map_dev_ino(inode, fs, st);
	if (S_ISDIR(inode->mode) && ovl_is_merged(inode))
		st->nlink = 1;
	return 0;
}

u32 ovl_get_flags(struct inode *inode)
{
	struct inode *real = ovl_real_inode(inode);
	u32 f = 0;

	if (real->ops->get_flags)
		return real->ops->get_flags(real);
	f |= real->flags & INODE_IMMUTABLE ? FS_IMMUTABLE_FL : 0;
	f |= real->flags & INODE_APPEND ? FS_APPEND_FL : 0;
	f |= real->flags & INODE_NODUMP ? FS_NODUMP_FL : 0;
	return f | (real->flags & INODE_NOATIME ? FS_NOATIME_FL : 0);
}

int ovl_set_flags(struct inode *inode, u32 flags)
{
	const u32 known = FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL;
	const u32 all = INODE_IMMUTABLE | INODE_APPEND | INODE_NODUMP | INODE_NOATIME;
	const struct cred *saved;
	struct inode *real;
	int err = ovl_copy_up(inode);

	if (!err)
		err = ovl_enter_write(inode->super, &saved);
	if (err)
		return err;
	real = ovl_upper(inode)->inode;
	write_lock(&real->lock);
	if (real->ops->set_flags) {
		err = real->ops->set_flags(real, flags);
	} else if (flags & ~known) {
		err = -EOPNOTSUPP;
	} else {
		u32 want = (flags & FS_IMMUTABLE_FL ? INODE_IMMUTABLE : 0) | (flags & FS_APPEND_FL ? INODE_APPEND : 0)
			   | (flags & FS_NODUMP_FL ? INODE_NODUMP : 0) | (flags & FS_NOATIME_FL ? INODE_NOATIME : 0);

		WRITE_ONCE(real->flags, (real->flags & ~all) | want);
		inode_touch(real, IATTR_CTIME);
	}
	write_unlock(&real->lock);
	ovl_leave_write(inode->super, saved);
	return err ? err : ovl_copy_attr(inode);
}

int ovl_readlink(struct inode *inode, struct dentry *d, char *buf, size_t size)
{
	struct dentry *real = ovl_real(inode);
	const struct cred *saved;
	int len;

	if (real->inode->link) {
		len = min_t(int, real->inode->link_len, (int)size);
		memcpy(buf, real->inode->link, (size_t)len);
		return len;
	}
	if (!real->inode->ops->readlink)
		return -EINVAL;
	saved = ovl_enter(inode->super);
	len = real->inode->ops->readlink(real->inode, real, buf, size);
	ovl_leave(saved);
	return len;
}
