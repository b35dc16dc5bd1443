/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attributes. The VFS' inode has them; what is changed by a call goes down with it, what changes beside reads and writes (times, set-ID bits) by `store`.
 *
 * A smaller size: the pages go first, then the blocks. The block that the new end cuts is zeroed on the disk by the component, so the page over it stays locked
 * and unwritten meanwhile.
 */
#include "fsys_impl.h"
#include <mm/page.h>
#include <vfs/acl.h>
#include <linux/fs.h>

#define OWN_ATTRS (FSYS_MODE | FSYS_UID | FSYS_GID | FSYS_ATIME | FSYS_MTIME | FSYS_CTIME)

static const struct {
	u32 inode, fs;
} flag_map[] = {{INODE_IMMUTABLE, FS_IMMUTABLE_FL}, {INODE_APPEND, FS_APPEND_FL}, {INODE_NODUMP, FS_NODUMP_FL}, {INODE_NOATIME, FS_NOATIME_FL}};

void fsys_flags_in(struct inode *inode, u32 fs_flags)
{
	u32 flags = inode->flags;

	fsys_inode(inode)->fs_flags = fs_flags;
	for (size_t i = 0; i < ARRAY_SIZE(flag_map); i++)
		flags = fs_flags & flag_map[i].fs ? flags | flag_map[i].inode : flags & ~flag_map[i].inode;
	WRITE_ONCE(inode->flags, flags);
}

u32 fsys_get_flags(struct inode *inode)
{
	return READ_ONCE(fsys_inode(inode)->fs_flags);
}

int fsys_set_flags(struct inode *inode, u32 flags)
{
	struct fsys_cred who = fsys_cred(inode->super);
	struct fsys_attr a = {.flags = flags, .ctime = who.now};
	int err;

	/* Some of them change how data are kept. */
	err = S_ISREG(inode->mode) ? cache_sync_range(&fsys_inode(inode)->cache, 0, ~0ull, CACHE_SYNC) : 0;
	if (!err)
		err = FSYS_CALL(inode, setattr, FSYS_FLAGS | FSYS_CTIME, &a, &who);
	if (!err)
		err = FSYS_CALL(inode, getattr, &a);
	if (err)
		return err;
	fsys_flags_in(inode, a.flags);
	inode->ctime = fsys_time_in(who.now);
	return 0;
}

/* attr_lock held. */
static int send_attrs(struct inode *inode)
{
	struct fsys_cred who = fsys_cred(inode->super);
	struct fsys_attr a = {.mode = READ_ONCE(inode->mode) & 0177777,
		.uid = inode->uid,
		.gid = inode->gid,
		.atime = fsys_time_out(inode->atime),
		.mtime = fsys_time_out(inode->mtime),
		.ctime = fsys_time_out(inode->ctime)};

	return FSYS_CALL(inode, setattr, OWN_ATTRS, &a, &who);
}

int fsys_store(struct file_cache *c, bool wait)
{
	struct fsys_inode *fi = fsys_inode(c->inode);
	int err;

	mutex_lock(&fi->attr_lock);
	err = send_attrs(&fi->inode);
	mutex_unlock(&fi->attr_lock);
	return err;
}

/* The page that the end of the file cuts, LOCKED and not being written; NULL: it cuts none. */
static int hold_edge(struct inode *inode, u64 size, struct page **out)
{
	int err;

	*out = NULL;
	if (!(size % PAGE_SIZE))
		return 0;
	err = vm_object_get(&inode->data, size / PAGE_SIZE, true, out);
	if (err)
		return err;
	page_lock(*out);
	page_wait_writeback(*out);
	return 0;
}

static int send_size(struct inode *inode, u64 size)
{
	struct fsys_cred who = fsys_cred(inode->super);
	struct fsys_attr a = {.size = size};

	fsys_inode(inode)->blocks_moved = true;
	return FSYS_CALL(inode, setattr, FSYS_SIZE, &a, &who);
}

static int set_size(struct inode *inode, u64 size)
{
	struct file_cache *c = &fsys_inode(inode)->cache;
	u64 old = inode->data.size;
	struct page *edge = NULL;
	int err;

	if (!S_ISREG(inode->mode))
		return S_ISDIR(inode->mode) ? -EISDIR : -EINVAL;
	if (size > inode->super->maxbytes)
		return -EFBIG;
	if (size >= old) {
		err = send_size(inode, size);
		if (!err)
			cache_truncate(c, size);
		return err;
	}
	/* It must be readable before anything goes. */
	err = hold_edge(inode, size, &edge);
	if (err)
		return err;
	if (edge)
		page_unlock(edge);
	cache_truncate(c, size);
	if (edge) {
		page_lock(edge);
		page_wait_writeback(edge);
	}
	err = send_size(inode, size);
	if (edge) {
		page_unlock(edge);
		page_put(edge);
	}
	return err;
}

int fsys_setattr(struct inode *inode, const struct iattr *attr)
{
	struct fsys_inode *fi = fsys_inode(inode);
	struct {
		u32 mode, uid, gid;
		struct ktime atime, mtime, ctime;
	} old;
	int err;

	if (attr->valid & IATTR_SIZE) {
		err = set_size(inode, attr->size);
		if (err)
			return err;
	}
	mutex_lock(&fi->attr_lock);
	old.mode = inode->mode;
	old.uid = inode->uid;
	old.gid = inode->gid;
	old.atime = inode->atime;
	old.mtime = inode->mtime;
	old.ctime = inode->ctime;
	inode_setattr_copy(inode, attr);
	err = send_attrs(inode);
	if (err) {
		WRITE_ONCE(inode->mode, old.mode);
		WRITE_ONCE(inode->uid, old.uid);
		WRITE_ONCE(inode->gid, old.gid);
		inode->atime = old.atime;
		inode->mtime = old.mtime;
		inode->ctime = old.ctime;
	}
	mutex_unlock(&fi->attr_lock);
	return err;
}

int fsys_getattr(struct inode *inode, struct kstat *st)
{
	struct fsys_inode *fi = fsys_inode(inode);
	struct fsys_attr a;
	bool dir = S_ISDIR(inode->mode);

	st->has_btime = st->btime.sec;
	if (!dir && !READ_ONCE(fi->blocks_moved))
		return 0;
	WRITE_ONCE(fi->blocks_moved, false);
	if (FSYS_CALL(inode, getattr, &a)) {
		WRITE_ONCE(fi->blocks_moved, true);
		return 0; /* what is known is not wrong */
	}
	WRITE_ONCE(inode->blocks512, a.blocks512);
	st->blocks = a.blocks512;
	if (dir) {
		st->size = a.size;
		st->nlink = a.nlink;
	}
	return 0;
}
