/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copy-up: the upper layer gets an object of its own before the first change. It is made in the work directory, with data, attributes, owner and times, written
 * to the disk, and then moved to its place; directories above it come first. Who comes while one copies waits for ovl_inode.lock.
 */
#include "overlay.h"
#include <proc/signal.h>
#include <linux/fs.h>
#include <vfs/rw.h>

#define CHUNK (1u << 20)

/* ---- data ---- */

/* The next piece of data of @in in [*pos, size): its end; 0: there is none. */
static s64 next_data(struct file *in, s64 *pos, s64 size)
{
	s64 data, hole;

	if (!in->ops->lseek)
		return size;
	data = in->ops->lseek(in, *pos, SEEK_DATA);
	if (data == -ENXIO)
		return 0;
	if (data < *pos)
		return size; /* it does not know */
	hole = in->ops->lseek(in, data, SEEK_HOLE);
	*pos = data;
	return hole > data && hole < size ? hole : size;
}

static int copy_range(struct file *in, struct file *out, s64 pos, s64 end)
{
	s64 to = pos;

	while (pos < end) {
		ssize_t n = file_copy(in, &pos, out, &to, min_t(size_t, (size_t)(end - pos), CHUNK));

		if (n < 0)
			return (int)n;
		if (!n)
			break;
		if (thread_kill_pending())
			return -EINTR;
	}
	return 0;
}

static int copy_bytes(struct file *in, struct file *out, s64 size)
{
	const struct iattr whole = {.valid = IATTR_SIZE, .size = (u64)size};
	s64 pos = 0, end = 0;
	int err = 0;

	while (!err && pos < size) {
		end = next_data(in, &pos, size);
		if (!end || pos >= size)
			break;
		err = copy_range(in, out, pos, end);
		pos = end;
	}
	if (!err && (s64)READ_ONCE(out->inode->data.size) < size) {
		write_lock(&out->inode->lock);
		err = inode_setattr_locked(out->inode, &whole);
		write_unlock(&out->inode->lock);
	}
	return err;
}

static int copy_data(struct ovl_super *os, const struct path *from, struct dentry *temp, u64 wanted)
{
	const struct path to = {.mnt = os->layers[0].mnt, .dentry = temp};
	u64 size = min_t(u64, READ_ONCE(from->dentry->inode->data.size), wanted);
	struct file *in, *out;
	int err;

	if (!size)
		return 0;
	err = file_open_path(from, O_RDONLY | O_LARGEFILE | O_NOATIME | OPEN_UNTOLD, &in);
	if (err)
		return err;
	err = file_open_path(&to, O_WRONLY | O_LARGEFILE | OPEN_UNTOLD, &out);
	if (!err) {
		err = copy_bytes(in, out, (s64)size);
		if (!err && !os->o.is_volatile && out->ops->fsync)
			err = out->ops->fsync(out, 0, S64_MAX, false);
		file_put_sync(out);
	}
	file_put_sync(in);
	return err;
}

/* ---- the object ---- */

static int set_times(struct inode *to, const struct kstat *st)
{
	const struct iattr a = {.valid = IATTR_ATIME | IATTR_MTIME, .atime = st->atime, .mtime = st->mtime};

	return below_setattr(to, &a);
}

/* The same as @from but for its bytes; owner before mode, for that takes set-ID bits away. */
static int copy_attributes(struct ovl_super *os, struct inode *from, const struct kstat *st, struct inode *to)
{
	const struct iattr owner = {.valid = IATTR_UID | IATTR_GID, .uid = st->uid, .gid = st->gid};
	const struct iattr mode = {.valid = IATTR_MODE, .mode = st->mode & 07777};
	int err = below_setattr(to, &owner);

	if (!err)
		err = ovl_copy_xattrs(os, from, to);
	if (!err && (S_ISDIR(st->mode) || st->nlink == 1))
		err = ovl_set_origin(os, to, from);
	if (!err && !S_ISLNK(st->mode))
		err = below_setattr(to, &mode);
	return err ? err : set_times(to, st);
}

static int make_temp(struct inode *inode, const struct kstat *st, struct dentry **out)
{
	struct below_new what = {.mode = (u32)st->mode & S_IFMT, .rdev = st->rdev};
	char *text = NULL;
	ssize_t len;
	int err;

	if (S_ISLNK(st->mode)) {
		text = kzalloc(PATH_MAX + 1, 0);
		if (!text)
			return -ENOMEM;
		len = ovl_readlink(inode, NULL, text, PATH_MAX);
		if (len < 0) {
			kfree(text);
			return (int)len;
		}
		what.target = text;
	}
	err = ovl_work_make(ovl_super(inode->super), &what, out);
	kfree(text);
	return err;
}

/* @temp goes to where the lower object's name is in @dir, the upper directory of @parent. */
static int install(struct ovl_super *os, struct inode *parent, const char *name, u32 len, struct dentry *temp)
{
	struct dentry *dir = ovl_upper(parent), *d;
	struct kstat st;
	int err = below_getattr(dir->inode, &st);

	if (!err)
		err = ovl_set_impure(parent);
	if (!err)
		err = below_lookup(dir, name, len, &d);
	if (err)
		return err;
	/* Somebody has removed it while it was open: it has no place any more. */
	err = d->inode ? -ESTALE : below_rename(os->work, temp, dir, d, RENAME_NOREPLACE);
	dentry_put(d);
	if (!err)
		(void)!set_times(dir->inode, &st); /* nothing has changed there, as far as anybody above can see */
	return err;
}

/* ovl_inode.lock held, mounter's rights. */
static int copy_locked(struct inode *inode, struct inode *parent, u64 wanted)
{
	struct ovl_super *os = ovl_super(inode->super);
	const struct path lower = ovl_real_path(inode);
	struct dentry *temp;
	char name[NAME_MAX + 1];
	struct kstat st;
	u32 len;
	int err = below_getattr(lower.dentry->inode, &st);

	if (err)
		return err;
	spin_lock(&lower.dentry->lock);
	len = min_t(u32, lower.dentry->len, NAME_MAX);
	memcpy(name, lower.dentry->name, len);
	spin_unlock(&lower.dentry->lock);
	err = make_temp(inode, &st, &temp);
	if (err)
		return err;
	if (S_ISREG(st.mode))
		err = copy_data(os, &lower, temp, wanted);
	if (!err)
		err = copy_attributes(os, lower.dentry->inode, &st, temp->inode);
	if (!err)
		err = install(os, parent, name, len, temp);
	if (err) {
		ovl_cleanup(os->work, temp);
		dentry_put(temp);
		return err;
	}
	ovl_inode_publish(inode, temp);
	return 0;
}

static int copy_one(struct inode *inode, struct inode *parent, u64 wanted)
{
	struct ovl_inode *oi = ovl_inode(inode);
	const struct cred *saved;
	int err = ovl_enter_write(inode->super, &saved);

	if (err)
		return err;
	mutex_lock(&oi->lock);
	if (!oi->upper)
		err = copy_locked(inode, parent, wanted);
	mutex_unlock(&oi->lock);
	ovl_leave_write(inode->super, saved);
	return err;
}

/* The overlay's directory of what is not copied up, referenced; NULL: it has an upper object by now. */
static struct dentry *parent_get(struct inode *inode)
{
	struct ovl_inode *oi = ovl_inode(inode);
	struct dentry *d;

	mutex_lock(&oi->lock);
	d = oi->upper ? NULL : oi->parent;
	if (d)
		dentry_get(d);
	mutex_unlock(&oi->lock);
	return d;
}

/* Copy the topmost ancestor up that is not yet, or @inode itself. */
static int copy_next(struct inode *inode, u64 wanted)
{
	struct inode *at = inode;
	struct dentry *held = NULL, *parent;
	int err = 0;

	while ((parent = parent_get(at)) && !ovl_upper(parent->inode)) {
		if (held)
			dentry_put(held);
		held = parent;
		at = parent->inode;
	}
	if (parent) {
		err = copy_one(at, parent->inode, at == inode ? wanted : U64_MAX);
		dentry_put(parent);
	}
	if (held)
		dentry_put(held);
	return err;
}

int ovl_copy_up_size(struct inode *inode, u64 size)
{
	int err = 0;

	if (!ovl_super(inode->super)->layers[0].mnt)
		return -EROFS;
	while (!err && !ovl_upper(inode))
		err = copy_next(inode, size);
	return err;
}
