/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inodes: their life, who may do what with them, their attributes.
 *
 * An inode lives while referenced: by dentries, and by files without a dentry's help. The last put evicts it: the file system frees what the inode holds
 * (nlink 0 means for good), and the memory goes after a grace period, because walkers look at mode and link of inodes they hold no reference to.
 */
#include "vfs_impl.h"
#include <debug/panic.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <time/clock.h>
#include <vfs/acl.h>
#include <vfs/locks.h>
#include <vfs/notify.h>
#include <linux/mount.h>
#include <linux/xattr.h>

LOCK_CLASS(fs_dir, RANK_FS_DIR, "one directory: its entries");
LOCK_CLASS(fs_inode, RANK_FS_INODE, "one file: size, attributes, exclusive writes");

u32 vfs_protected_symlinks, vfs_protected_hardlinks, vfs_protected_fifos, vfs_protected_regular;
static struct slab_cache *inode_cache;
static const struct inode_ops no_inode_ops;
static const struct file_ops no_file_ops;

void inode_cache_init(void)
{
	inode_cache = slab_cache_create("inode", sizeof(struct inode), 64, SLAB_PANIC);
}

struct ktime ktime_now(void)
{
	s64 ns = clock_realtime_coarse();

	return (struct ktime){.sec = ns / 1000000000, .nsec = (u32)(ns % 1000000000)};
}

static void init_owner(struct inode *inode, const struct inode *dir, u32 mode)
{
	const struct cred *cred = cred_current();

	inode->uid = dir ? cred->fsuid : 0;
	inode->gid = dir ? cred->fsgid : 0;
	if (dir && (READ_ONCE(dir->mode) & S_ISGID)) {
		inode->gid = READ_ONCE(dir->gid);
		if (S_ISDIR(mode))
			mode |= S_ISGID;
		else if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && !cred_in_group(cred, inode->gid) && !capable(CAP_FSETID))
			mode &= ~(u32)S_ISGID;
	}
	inode->mode = mode;
}

/* Nobody has seen it: the file system is not asked. */
static void inode_put_new(struct inode *inode)
{
	if (inode->super->ops->free_inode)
		inode->super->ops->free_inode(inode);
	else
		slab_free(inode_cache, inode);
}

struct inode *inode_alloc(struct super *sb, const struct inode *dir, u32 mode)
{
	struct inode *inode;

	if (sb->ops->alloc_inode) {
		inode = sb->ops->alloc_inode(sb);
	} else {
		inode = slab_alloc(inode_cache, 0);
		if (inode)
			memset(inode, 0, sizeof(*inode));
	}
	if (!inode)
		return NULL;
	inode->refs = 1;
	inode->nlink = 1;
	inode->super = sb;
	inode->ops = &no_inode_ops;
	inode->fops = &no_file_ops;
	inode->ino = __atomic_fetch_add(&sb->next_ino, 1, __ATOMIC_RELAXED);
	init_owner(inode, dir, mode);
	if (S_ISDIR(mode))
		rwlock_init(&inode->lock, fs_dir);
	else
		rwlock_init(&inode->lock, fs_inode);
	inode->atime = inode->mtime = inode->ctime = inode->btime = ktime_now();
	if (unlikely(dir && READ_ONCE(dir->default_acl)) && !S_ISLNK(mode) && acl_inherit(inode, dir)) {
		inode_put_new(inode);
		return NULL;
	}
	return inode;
}

static void inode_free_rcu(struct rcu_head *head)
{
	struct inode *inode = container_of(head, struct inode, rcu);

	acl_free(inode->acl);
	acl_free(inode->default_acl);
	inode_put_new(inode);
}

void inode_get(struct inode *i)
{
	__atomic_fetch_add(&i->refs, 1, __ATOMIC_RELAXED);
}

void inode_put(struct inode *i)
{
	if (!i || __atomic_fetch_sub(&i->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	if (unlikely(i->super->ops->keep) && i->super->ops->keep(i))
		return;
	if (i->locks)
		inode_locks_free(i);
	if (i->super->ops->evict)
		i->super->ops->evict(i);
	if (unlikely(i->marks))
		inode_notify_free(i);
	rcu_call(&i->rcu, inode_free_rcu);
}

/* ---- rights ---- */

int inode_permission_mode(struct inode *inode, int mask)
{
	const struct cred *cred = cred_current();
	u32 mode = READ_ONCE(inode->mode);
	int listed = -EAGAIN;
	u32 bits;

	mask &= MAY_READ | MAY_WRITE | MAY_EXEC;
	if (likely(cred->fsuid == READ_ONCE(inode->uid))) {
		bits = mode >> 6;
	} else {
		if (unlikely((mode & INODE_MODE_ACL) && (mode & 070)))
			listed = acl_permission(inode, mask);
		if (!listed)
			return 0;
		/* Only look at the groups if their bits would make a difference. */
		bits = listed == -EACCES ? 0 : ((mode >> 3) ^ mode) & (u32)mask & 7 && cred_in_group(cred, READ_ONCE(inode->gid)) ? mode >> 3 : mode;
	}
	if (!((u32)mask & ~bits & 7))
		return 0;
	if (S_ISDIR(mode)) {
		if (!(mask & MAY_WRITE) && capable(CAP_DAC_READ_SEARCH))
			return 0;
		return capable(CAP_DAC_OVERRIDE) ? 0 : -EACCES;
	}
	if (mask == MAY_READ && capable(CAP_DAC_READ_SEARCH))
		return 0;
	if ((!(mask & MAY_EXEC) || (mode & 0111)) && capable(CAP_DAC_OVERRIDE))
		return 0;
	return -EACCES;
}

int inode_permission(struct inode *inode, int mask)
{
	u32 mode = READ_ONCE(inode->mode);

	if (unlikely(mask & MAY_WRITE)) {
		if ((inode->super->flags & MS_RDONLY) && (S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode)))
			return -EROFS;
		if (READ_ONCE(inode->flags) & INODE_IMMUTABLE)
			return -EPERM;
	}
	if (inode->ops->permission)
		return inode->ops->permission(inode, mask);
	return inode_permission_mode(inode, mask);
}

int path_permission(const struct path *p, int mask)
{
	struct inode *inode = path_inode(p);
	u32 mode = READ_ONCE(inode->mode);
	int err;

	if ((mask & MAY_EXEC) && S_ISREG(mode) && (p->mnt->flags & MNT_NOEXEC))
		return -EACCES;
	err = inode_permission(inode, mask);
	if (err || !(mask & MAY_WRITE) || S_ISCHR(mode) || S_ISBLK(mode) || S_ISFIFO(mode) || S_ISSOCK(mode))
		return err;
	return p->mnt->flags & MNT_RDONLY ? -EROFS : 0;
}

bool inode_owner_or_capable(const struct inode *inode)
{
	return cred_current()->fsuid == READ_ONCE(inode->uid) || capable(CAP_FOWNER);
}

bool inode_sticky_forbids(const struct inode *dir, const struct inode *victim)
{
	u32 fsuid = cred_current()->fsuid;

	if (likely(!(READ_ONCE(dir->mode) & S_ISVTX)))
		return false;
	return READ_ONCE(victim->uid) != fsuid && READ_ONCE(dir->uid) != fsuid && !capable(CAP_FOWNER);
}

int inode_get_write(struct inode *inode)
{
	s32 old = READ_ONCE(inode->writers);

	do {
		if (old < 0)
			return -ETXTBSY;
	} while (!__atomic_compare_exchange_n(&inode->writers, &old, old + 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return 0;
}

int inode_deny_write(struct inode *inode)
{
	s32 old = READ_ONCE(inode->writers);

	do {
		if (old > 0)
			return -ETXTBSY;
	} while (!__atomic_compare_exchange_n(&inode->writers, &old, old - 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return 0;
}

/* ---- times ---- */

void inode_touch(struct inode *inode, unsigned which)
{
	struct ktime now = ktime_now();

	if (which & IATTR_ATIME)
		inode->atime = now;
	if (which & IATTR_MTIME)
		inode->mtime = now;
	if (which & IATTR_CTIME)
		inode->ctime = now;
}

static bool ktime_le(struct ktime a, struct ktime b)
{
	return a.sec < b.sec || (a.sec == b.sec && a.nsec <= b.nsec);
}

void inode_touch_atime(struct inode *inode, const struct mount *mnt)
{
	u32 flags = READ_ONCE(mnt->flags);
	struct ktime now;

	if (unlikely((flags & (MNT_NOATIME | MNT_RDONLY)) || (inode->super->flags & MS_RDONLY)))
		return;
	if ((flags & MNT_NODIRATIME) && S_ISDIR(inode->mode))
		return;
	now = ktime_now();
	if ((flags & MNT_RELATIME) && !ktime_le(inode->atime, inode->mtime) && !ktime_le(inode->atime, inode->ctime)
		&& now.sec - inode->atime.sec < 24 * 3600)
		return;
	if (inode->atime.sec != now.sec || inode->atime.nsec != now.nsec)
		inode->atime = now;
}

/* ---- attributes ---- */

void inode_getattr_default(struct inode *inode, struct kstat *st)
{
	u32 flags = READ_ONCE(inode->flags);

	st->ino = inode->ino;
	st->mode = READ_ONCE(inode->mode) & (S_IFMT | 07777);
	st->nlink = READ_ONCE(inode->nlink);
	st->uid = READ_ONCE(inode->uid);
	st->gid = READ_ONCE(inode->gid);
	st->rdev = inode->rdev;
	st->dev = inode->super->dev;
	st->size = READ_ONCE(inode->data.size);
	st->blocks = READ_ONCE(inode->blocks512);
	st->blksize = inode->super->blksize;
	st->atime = inode->atime;
	st->mtime = inode->mtime;
	st->ctime = inode->ctime;
	st->btime = inode->btime;
	st->has_btime = true;
	st->attributes = (flags & INODE_IMMUTABLE ? STATX_ATTR_IMMUTABLE : 0) | (flags & INODE_APPEND ? STATX_ATTR_APPEND : 0)
		| (flags & INODE_NODUMP ? STATX_ATTR_NODUMP : 0);
	st->attributes_mask = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP;
}

int inode_getattr(const struct path *p, struct kstat *st)
{
	struct inode *inode = path_inode(p);

	inode_getattr_default(inode, st);
	st->mnt_id = (u64)p->mnt->id;
	st->mnt_unique = p->mnt->unique_id;
	st->attributes_mask |= STATX_ATTR_MOUNT_ROOT;
	if (p->dentry == p->mnt->root)
		st->attributes |= STATX_ATTR_MOUNT_ROOT;
	return inode->ops->getattr ? inode->ops->getattr(inode, st) : 0;
}

void inode_strip_privs(struct inode *inode)
{
	u32 mode = inode->mode, kill = 0;

	if (unlikely(inode->flags & INODE_FILECAPS)) {
		if (inode->ops->removexattr)
			(void)inode->ops->removexattr(inode, XATTR_NAME_CAPS);
		inode->flags &= ~(u32)INODE_FILECAPS;
	}
	if (likely(!(mode & (S_ISUID | S_ISGID))) || !S_ISREG(mode) || capable(CAP_FSETID))
		return;
	if (mode & S_ISUID)
		kill |= S_ISUID;
	if ((mode & S_ISGID) && ((mode & S_IXGRP) || !cred_in_group(cred_current(), inode->gid)))
		kill |= S_ISGID;
	WRITE_ONCE(inode->mode, mode & ~kill);
}

void inode_setattr_copy(struct inode *inode, const struct iattr *attr)
{
	struct ktime now = ktime_now();
	unsigned v = attr->valid;

	if (v & IATTR_UID)
		WRITE_ONCE(inode->uid, attr->uid);
	if (v & IATTR_GID)
		WRITE_ONCE(inode->gid, attr->gid);
	if (v & (IATTR_ATIME | IATTR_ATIME_NOW))
		inode->atime = v & IATTR_ATIME_NOW ? now : attr->atime;
	if (v & (IATTR_MTIME | IATTR_MTIME_NOW))
		inode->mtime = v & IATTR_MTIME_NOW ? now : attr->mtime;
	if (v & IATTR_MODE) {
		u32 mode = (inode->mode & (S_IFMT | INODE_MODE_ACL)) | (attr->mode & 07777);

		if ((mode & S_ISGID) && !cred_in_group(cred_current(), inode->gid) && !capable(CAP_FSETID))
			mode &= ~S_ISGID;
		WRITE_ONCE(inode->mode, mode);
	}
	inode->ctime = now;
}

/* chown strips set-ID bits of what is no directory; set-group-ID without group execute stays for its owner's group (mandatory locking's old mark). */
static u32 mode_after_chown(const struct inode *inode)
{
	u32 mode = inode->mode;

	if (S_ISDIR(mode))
		return mode;
	mode &= ~S_ISUID;
	if ((mode & S_ISGID) && ((mode & S_IXGRP) || (!cred_in_group(cred_current(), inode->gid) && !capable(CAP_FSETID))))
		mode &= ~S_ISGID;
	return mode;
}

static int setattr_may(struct inode *inode, const struct iattr *a)
{
	u32 fsuid = cred_current()->fsuid;

	if (inode->flags & (INODE_IMMUTABLE | INODE_APPEND)) {
		if (a->valid & (IATTR_MODE | IATTR_UID | IATTR_GID | IATTR_ATIME | IATTR_MTIME))
			return -EPERM;
		if ((inode->flags & INODE_IMMUTABLE) && (a->valid & (IATTR_ATIME_NOW | IATTR_MTIME_NOW | IATTR_SIZE)))
			return -EPERM;
		if ((inode->flags & INODE_APPEND) && (a->valid & IATTR_SIZE))
			return -EPERM;
	}
	if ((a->valid & IATTR_UID) && (fsuid != inode->uid || a->uid != inode->uid) && !capable(CAP_CHOWN))
		return -EPERM;
	if ((a->valid & IATTR_GID)
		&& (fsuid != inode->uid || (a->gid != inode->gid && !cred_in_group(cred_current(), a->gid)))
		&& !capable(CAP_CHOWN))
		return -EPERM;
	if ((a->valid & IATTR_MODE) && !inode_owner_or_capable(inode))
		return -EPERM;
	if ((a->valid & (IATTR_ATIME | IATTR_MTIME)) && !inode_owner_or_capable(inode))
		return -EPERM;
	if ((a->valid & (IATTR_ATIME_NOW | IATTR_MTIME_NOW)) && !(a->valid & IATTR_SIZE) && !inode_owner_or_capable(inode)) {
		/* Both to now: writing is enough. */
		if ((a->valid & (IATTR_ATIME_NOW | IATTR_MTIME_NOW)) != (IATTR_ATIME_NOW | IATTR_MTIME_NOW))
			return -EPERM;
		return inode_permission(inode, MAY_WRITE);
	}
	return 0;
}

static int setattr_fs(struct inode *inode, const struct iattr *a)
{
	if (inode->ops->setattr)
		return inode->ops->setattr(inode, a);
	if (a->valid & IATTR_SIZE)
		return -EINVAL;
	inode_setattr_copy(inode, a);
	return 0;
}

/* The access list follows the mode. */
static int chmod_with_acl(struct inode *inode, const struct iattr *a)
{
	struct acl *acl;
	int err = acl_for_chmod(inode, a->mode, &acl);

	if (!err)
		err = setattr_fs(inode, a);
	if (!err && inode->ops->set_acl)
		err = inode->ops->set_acl(inode, ACL_ACCESS, acl, inode->mode & (S_IFMT | 07777));
	if (err) {
		acl_free(acl);
		return err;
	}
	inode_set_acl(inode, ACL_ACCESS, acl);
	return 0;
}

int inode_setattr_locked(struct inode *inode, const struct iattr *attr)
{
	struct iattr a = *attr;
	int err = setattr_may(inode, &a);

	if (err)
		return err;
	if (a.valid & IATTR_KILL_SUID) {
		u32 mode = mode_after_chown(inode);

		if (mode != inode->mode && !(a.valid & (IATTR_UID | IATTR_GID)) && !inode_owner_or_capable(inode))
			return -EPERM;
		WRITE_ONCE(inode->mode, mode);
		if ((inode->flags & INODE_FILECAPS) && inode->ops->removexattr && !S_ISDIR(mode)) {
			(void)inode->ops->removexattr(inode, XATTR_NAME_CAPS);
			inode->flags &= ~(u32)INODE_FILECAPS;
		}
	}
	if (unlikely((a.valid & IATTR_MODE) && inode->acl))
		return chmod_with_acl(inode, &a);
	return setattr_fs(inode, &a);
}

/* Setting one of the times alone is taken for the read or write that it stands for. */
static u32 attr_event(unsigned valid)
{
	bool atime = valid & (IATTR_ATIME | IATTR_ATIME_NOW), mtime = valid & (IATTR_MTIME | IATTR_MTIME_NOW);
	u32 events = valid & (IATTR_UID | IATTR_GID | IATTR_MODE) || (atime && mtime) ? IN_ATTRIB : 0;

	if (atime != mtime)
		events |= atime ? IN_ACCESS : IN_MODIFY;
	return events;
}

int inode_setattr(const struct path *p, const struct iattr *attr)
{
	struct inode *inode = path_inode(p);
	int err = mount_want_write(p->mnt);

	if (err)
		return err;
	write_lock(&inode->lock);
	err = inode_setattr_locked(inode, attr);
	write_unlock(&inode->lock);
	mount_drop_write(p->mnt);
	if (!err)
		notify_dentry(p->dentry, attr_event(attr->valid));
	return err;
}

static int grow_limit(u64 size)
{
	siginfo_t info;

	if (size <= rlimit_cur(RLIMIT_FSIZE))
		return 0;
	siginfo_kernel(&info, SIGXFSZ);
	(void)signal_send_task(task_current(), &info);
	return -EFBIG;
}

int inode_truncate(struct inode *inode, u64 size, unsigned more)
{
	struct iattr a = {.valid = IATTR_SIZE | IATTR_MTIME_NOW | IATTR_CTIME | more, .size = size};
	int err;

	write_lock(&inode->lock);
	err = size > inode->data.size ? grow_limit(size) : 0;
	if (!err) {
		inode_strip_privs(inode);
		err = inode_setattr_locked(inode, &a);
	}
	write_unlock(&inode->lock);
	return err;
}

/* truncate(2) on a path, and O_TRUNC: @opening has had its permission checked. */
int path_truncate(const struct path *p, u64 size, bool opening)
{
	struct inode *inode = path_inode(p);
	int err;

	if (!opening) {
		if (S_ISDIR(inode->mode))
			return -EISDIR;
		if (!S_ISREG(inode->mode))
			return -EINVAL;
		err = mount_want_write(p->mnt);
		if (err)
			return err;
		err = inode_permission(inode, MAY_WRITE);
		if (!err && (inode->flags & INODE_APPEND))
			err = -EPERM;
		if (!err && (READ_ONCE(inode->notify) & NOTIFY_LEASED))
			err = inode_lease_break(inode, O_WRONLY);
		if (err)
			goto out;
	}
	err = inode_get_write(inode);
	if (!err) {
		err = inode_truncate(inode, size, 0);
		inode_put_write(inode);
		if (!err)
			notify_dentry(p->dentry, IN_MODIFY);
	}
out:
	if (!opening)
		mount_drop_write(p->mnt);
	return err;
}
