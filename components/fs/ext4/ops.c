/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fsys port: handles become nodes, names and buffers of the caller become bytes of ours. A
 * caller's buffer is touched without locks, so what is read under one goes through memory of ours.
 */
#include "impl.h"
#include <linux/xattr.h>

#define DIR_CHUNK 16384

struct name {
	char text[256];
	u32 len;
};

static struct ext4_node *node_of(u64 handle)
{
	return (struct ext4_node *)(unsigned long)handle;
}

static int get_name(const struct fsys_name *from, struct name *to)
{
	struct iobuf bytes = from->bytes;

	if (!bytes.left || bytes.left > FSYS_NAME_MAX)
		return bytes.left ? -ENAMETOOLONG : -EINVAL;
	to->len = (u32)iobuf_get(&bytes, to->text, sizeof(to->text) - 1);
	to->text[to->len] = '\0';
	return 0;
}

static int settled(struct ext4 *fs, int err)
{
	return !err && fs->sync ? ext4_commit_all(fs) : err;
}

/* ---- entries ---- */

/* dir->lock held. */
static int get_named(
	struct ext4_node *dir, const struct name *nm, u32 ino, struct ext4_node **out)
{
	struct ext4 *fs = dir->fs;
	int err;

	if (ino < fs->first_ino && ino != EXT4_ROOT_INO)
		return ext4_error(fs, dir->ino, "'%s' names the reserved inode %u", nm->text, ino);
	err = ext4_node_get(fs, ino, NULL, out);
	if (err == -ESTALE)
		err = ext4_error(fs, dir->ino, "'%s' names the free inode %u", nm->text, ino);
	return err;
}

static int op_lookup(
	void *self, u64 dir_handle, const struct fsys_name *name, struct fsys_attr *out)
{
	struct ext4_node *dir = node_of(dir_handle), *n;
	struct ext4_dirpos pos;
	struct name nm;
	int err = get_name(name, &nm);

	if (err)
		return err;
	/* Until it is counted: without its name it may be freed, and be another file's. */
	env_mutex_lock(&dir->lock);
	err = ext4_dir_find(dir, nm.text, nm.len, &pos);
	if (!err) {
		ext4_dirpos_put(&pos);
		err = get_named(dir, &nm, pos.ino, &n);
	}
	env_mutex_unlock(&dir->lock);
	if (!err)
		ext4_node_attr(n, out);
	return err;
}

static int op_find(void *self, u64 ino, u32 generation, struct fsys_attr *out)
{
	struct ext4 *fs = self;
	struct ext4_node *n;
	int err;

	if (!ino || ino > fs->ninodes || (ino < fs->first_ino && ino != EXT4_ROOT_INO))
		return -ESTALE;
	err = ext4_node_get(fs, (u32)ino, &generation, &n);
	if (!err)
		ext4_node_attr(n, out);
	return err;
}

static int op_create(void *self, u64 dir, const struct fsys_name *name, u32 mode, u32 rdev,
	const struct fsys_cred *who, struct fsys_attr *out)
{
	struct name nm;
	int err = get_name(name, &nm);

	return err ? err
		   : settled(self, ext4_create(self, node_of(dir), nm.text, nm.len, mode, rdev,
					   NULL, 0, who, out));
}

static int op_tmpfile(
	void *self, u64 dir, u32 mode, const struct fsys_cred *who, struct fsys_attr *out)
{
	return ext4_tmpfile(self, node_of(dir), mode, who, out);
}

static int op_symlink(void *self, u64 dir, const struct fsys_name *name, const struct iobuf *target,
	const struct fsys_cred *who, struct fsys_attr *out)
{
	struct iobuf from = *target;
	u32 len = (u32)min_t(size_t, from.left, 4096);
	struct name nm;
	char *text;
	int err = get_name(name, &nm);

	if (err)
		return err;
	if (!len || len >= 4096)
		return len ? -ENAMETOOLONG : -ENOENT;
	text = env_alloc(len, 0);
	if (!text)
		return -ENOMEM;
	iobuf_get(&from, text, len);
	err = ext4_create(self, node_of(dir), nm.text, nm.len, 0120777, 0, text, len, who, out);
	env_free(text, len);
	return settled(self, err);
}

static int op_link(void *self, u64 node, u64 dir, const struct fsys_name *name,
	const struct fsys_cred *who, struct fsys_attr *out)
{
	struct name nm;
	int err = get_name(name, &nm);

	return err ? err
		   : settled(self, ext4_link(self, node_of(node), node_of(dir), nm.text, nm.len,
					   who, out));
}

static void op_forget(void *self, u64 node, u64 count)
{
	ext4_node_put(node_of(node), count);
}

static int op_remove(
	void *self, u64 dir, const struct fsys_name *name, u64 node, const struct fsys_cred *who)
{
	struct name nm;
	int err = get_name(name, &nm);

	return err ? err
		   : settled(self,
			     ext4_remove(self, node_of(dir), nm.text, nm.len, node_of(node), who));
}

static int op_rename(void *self, u64 from_dir, const struct fsys_name *from, u64 node, u64 to_dir,
	const struct fsys_name *to, u64 victim, u32 flags, const struct fsys_cred *who)
{
	struct name a, b;
	int err = get_name(from, &a);
	struct ext4_rename r = {.from_dir = node_of(from_dir),
		.to_dir = node_of(to_dir),
		.node = node_of(node),
		.victim = node_of(victim),
		.from = a.text,
		.to = b.text,
		.flags = flags};

	if (!err)
		err = get_name(to, &b);
	if (err)
		return err;
	r.from_len = a.len;
	r.to_len = b.len;
	return settled(self, ext4_rename(self, &r, who));
}

/* ---- nodes ---- */

static int op_getattr(void *self, u64 node, struct fsys_attr *out)
{
	ext4_node_attr(node_of(node), out);
	return 0;
}

/* Data goes through the log or not: nothing of the old way may be under way. */
static int change_journaling(struct ext4_node *n)
{
	ext4_node_drain(n);
	return ext4_journal_checkpoint_all(n->fs);
}

static void apply(
	struct ext4_node *n, u32 mask, const struct fsys_attr *a, const struct fsys_cred *who)
{
	if (mask & FSYS_MODE)
		n->mode = (u16)((n->mode & 0170000) | (a->mode & 07777));
	if (mask & FSYS_UID)
		n->uid = a->uid;
	if (mask & FSYS_GID)
		n->gid = a->gid;
	if (mask & FSYS_ATIME)
		n->atime = a->atime;
	if (mask & FSYS_MTIME)
		n->mtime = a->mtime;
	if (mask & FSYS_CTIME)
		n->ctime = a->ctime;
	if (mask & FSYS_FLAGS)
		WRITE_ONCE(n->flags, (n->flags & ~(u32)FS_FL_USER_MODIFIABLE) |
					     (a->flags & FS_FL_USER_MODIFIABLE));
	if (mask & FSYS_PROJECT)
		n->project = a->project;
	if (mask & ~(u32)FSYS_ATIME)
		n->version++;
}

static int op_setattr(
	void *self, u64 node, u32 mask, const struct fsys_attr *attr, const struct fsys_cred *who)
{
	struct ext4 *fs = self;
	struct ext4_node *n = node_of(node);
	struct ext4_handle h;
	int err = ext4_writable(fs);

	if (!err && mask & FSYS_PROJECT && (!ext4_has_ro(fs, EXT4_R_PROJECT)) && attr->project)
		err = -EOPNOTSUPP;
	if (!err && mask & FSYS_FLAGS && (attr->flags ^ n->flags) & EXT4_FL_JOURNAL_DATA)
		err = change_journaling(n);
	if (!err && mask & FSYS_SIZE)
		err = ext4_truncate(n, attr->size, &who->now);
	mask &= ~(u32)FSYS_SIZE;
	if (err || !mask)
		return settled(fs, err);
	err = ext4_tx_begin(fs, EXT4_CR_INODE, &h);
	if (err)
		return err;
	env_mutex_lock(&n->lock);
	apply(n, mask, attr, who);
	err = ext4_node_write(&h, n);
	env_mutex_unlock(&n->lock);
	return settled(fs, ext4_tx_end(&h, err));
}

static int op_readlink(void *self, u64 node, struct iobuf *to)
{
	return ext4_readlink(node_of(node), to);
}

static ssize_t op_readdir(void *self, u64 dir, u64 cookie, struct iobuf *to)
{
	struct ext4_node *n = node_of(dir);
	u32 max = (u32)min_t(size_t, to->left, DIR_CHUNK);
	u8 *mem;
	ssize_t got;

	if (!max)
		return -EINVAL;
	mem = env_alloc(max, 0);
	if (!mem)
		return -ENOMEM;
	env_mutex_lock(&n->lock);
	got = ext4_dir_read(n, cookie, mem, max);
	env_mutex_unlock(&n->lock);
	if (got > 0 && iobuf_put(to, mem, (size_t)got) < (size_t)got)
		got = -EFAULT;
	env_free(mem, max);
	return got;
}

static int op_fsync(void *self, u64 node, u64 off, u64 len, u32 flags)
{
	struct ext4 *fs = self;
	struct ext4_node *n = node_of(node);
	u32 tid;

	if (fs->readonly)
		return 0;
	if (READ_ONCE(fs->dead))
		return -EROFS;
	tid = __atomic_load_n(flags & FSYS_DATASYNC ? &n->datasync_tid : &n->tid, __ATOMIC_ACQUIRE);
	if (flags & FSYS_DATASYNC && !ext4_is_reg(n))
		tid = __atomic_load_n(&n->tid, __ATOMIC_ACQUIRE);
	if (ext4_tid_reached(READ_ONCE(fs->j.committed_tid), tid))
		return ext4_flush(fs) ? -EIO : 0;
	return ext4_tx_wait(fs, tid);
}

static int op_reserve(void *self, u64 node, u64 off, u64 len, const struct fsys_cred *who)
{
	struct ext4 *fs = self;

	return ext4_reserve(node_of(node), off, len,
		who->may_use_reserve || who->uid == fs->opt.resuid ||
			(fs->opt.resgid && who->gid == fs->opt.resgid));
}

static void op_unreserve(void *self, u64 node, u64 off, u64 len)
{
	ext4_unreserve(node_of(node), off, len);
}

static int op_fallocate(
	void *self, u64 node, u32 mode, u64 off, u64 len, const struct fsys_cred *who)
{
	int err = ext4_writable(self);

	if (err)
		return err;
	ext4_node_drain(node_of(node));
	return settled(self, ext4_fallocate(node_of(node), mode, off, len, who));
}

static int op_seek(void *self, u64 node, u64 off, u32 whence, u64 *out)
{
	return ext4_seek(node_of(node), off, whence, out);
}

static int op_map(void *self, u64 node, u64 off, struct iobuf *to, u32 *out_n)
{
	return ext4_fiemap(node_of(node), off, to, out_n);
}

/* ---- extended attributes ---- */

#define XATTR_BYTES 65536

struct xname {
	struct name whole;
	u8 index;
	u32 skip;
};

static int get_xname(const struct fsys_name *from, struct xname *x)
{
	int err = get_name(from, &x->whole);

	if (err)
		return err;
	x->index = ext4_xattr_index(x->whole.text, x->whole.len, &x->skip);
	return x->index && x->index != EXT4_XATTR_SYSTEM ? 0 : -EOPNOTSUPP;
}

static bool is_acl(const struct xname *x)
{
	return x->index == 2 || x->index == 3;
}

static ssize_t find_xattr(struct ext4_node *n, const struct xname *x, void *mem)
{
	ssize_t got;

	env_mutex_lock(&n->lock);
	got = ext4_xattr_get(
		n, x->index, x->whole.text + x->skip, x->whole.len - x->skip, mem, XATTR_BYTES);
	env_mutex_unlock(&n->lock);
	return got;
}

static ssize_t read_xattr(struct ext4_node *n, const struct xname *x, u8 *mem, u8 *acl)
{
	ssize_t got = find_xattr(n, x, mem);

	if (got < 0 || !is_acl(x))
		return got;
	got = ext4_acl_from_disk(mem, (size_t)got, acl, XATTR_BYTES);
	return got < 0 ? ext4_error(n->fs, n->ino, "its ACL is broken") : got;
}

static ssize_t op_getxattr(void *self, u64 node, const struct fsys_name *name, struct iobuf *to)
{
	struct xname x;
	u8 *mem;
	ssize_t got = get_xname(name, &x);

	if (got)
		return got;
	/* Most often there is none. */
	got = find_xattr(node_of(node), &x, NULL);
	if (got < 0 || (!(to && to->left) && !is_acl(&x)))
		return got;
	mem = env_alloc(2 * XATTR_BYTES, 0);
	if (!mem)
		return -ENOMEM;
	got = read_xattr(node_of(node), &x, mem, mem + XATTR_BYTES);
	if (got > 0 && to && to->left) {
		if (to->left < (size_t)got)
			got = -ERANGE;
		else if (iobuf_put(to, mem + (is_acl(&x) ? XATTR_BYTES : 0), (size_t)got) <
			 (size_t)got)
			got = -EFAULT;
	}
	env_free(mem, 2 * XATTR_BYTES);
	return got;
}

static int set_xattr(struct ext4 *fs, struct ext4_node *n, const struct xname *x, const u8 *value,
	u32 size, u32 flags, const struct fsys_cred *who)
{
	unsigned tries = 0;
	int err;

	do {
		struct ext4_handle h;

		err = ext4_tx_begin(fs, EXT4_CR_XATTR, &h);
		if (err)
			return err;
		env_mutex_lock(&n->lock);
		err = ext4_xattr_set(&h, n, x->index, x->whole.text + x->skip,
			x->whole.len - x->skip, value, size, flags);
		if (!err) {
			ext4_node_touch(n, &who->now, false);
			err = ext4_node_write(&h, n);
		}
		env_mutex_unlock(&n->lock);
		err = ext4_tx_end(&h, err);
	} while (ext4_space_retry(fs, err, &tries));
	return err;
}

static int op_setxattr(void *self, u64 node, const struct fsys_name *name,
	const struct iobuf *value, u32 flags, const struct fsys_cred *who)
{
	struct iobuf from;
	struct xname x;
	u8 *mem = NULL;
	ssize_t size = 0;
	int err = get_xname(name, &x);

	if (err || (err = ext4_writable(self)))
		return err;
	if (value) {
		from = *value;
		if (from.left > XATTR_BYTES)
			return -E2BIG;
		mem = env_alloc(2 * XATTR_BYTES, 0);
		if (!mem)
			return -ENOMEM;
		size = (ssize_t)iobuf_get(&from, mem, XATTR_BYTES);
		if (is_acl(&x))
			size = ext4_acl_to_disk(mem, (size_t)size, mem + XATTR_BYTES, XATTR_BYTES);
	}
	err = size < 0 ? (int)size
		       : set_xattr(self, node_of(node), &x,
				 mem ? mem + (is_acl(&x) ? XATTR_BYTES : 0) : NULL, (u32)size,
				 flags, who);
	if (mem)
		env_free(mem, 2 * XATTR_BYTES);
	return settled(self, err);
}

static ssize_t op_listxattr(void *self, u64 node, struct iobuf *to)
{
	struct ext4_node *n = node_of(node);
	ssize_t got;
	u8 *mem;

	env_mutex_lock(&n->lock);
	got = ext4_xattr_list(n, NULL, 0);
	env_mutex_unlock(&n->lock);
	if (got <= 0 || !(to && to->left))
		return got;
	mem = env_alloc(XATTR_BYTES, 0);
	if (!mem)
		return -ENOMEM;
	env_mutex_lock(&n->lock);
	got = ext4_xattr_list(n, (char *)mem, XATTR_BYTES);
	env_mutex_unlock(&n->lock);
	if (got > 0 && to && to->left) {
		if (to->left < (size_t)got)
			got = -ERANGE;
		else if (iobuf_put(to, mem, (size_t)got) < (size_t)got)
			got = -EFAULT;
	}
	env_free(mem, XATTR_BYTES);
	return got;
}

/* ---- the instance ---- */

static void op_statfs(void *self, struct fsys_statfs *out)
{
	ext4_statfs(self, out);
}

static int op_sync(void *self)
{
	return ext4_sync(self);
}

static int op_remount(void *self, u32 ms_flags, const struct iobuf *options)
{
	return ext4_remount(self, ms_flags, options);
}

static u32 op_show_options(void *self, struct iobuf *to)
{
	char text[256];
	u32 n = ext4_options_show(self, text, sizeof(text));

	return (u32)iobuf_put(to, text, n);
}

static int op_freeze(void *self, bool on)
{
	return -EOPNOTSUPP;
}

static int op_unmount(void *self)
{
	return ext4_unmount(self);
}

static int op_done_intent(void *self, u64 intent)
{
	return -EOPNOTSUPP;
}

static void op_submit(void *self, struct fsys_io *io)
{
	ext4_submit(self, io);
}

static void op_cancel(void *self, struct fsys_io *io)
{
	ext4_cancel(self, io);
}

const struct fsys_ops ext4_ops = {
	.statfs = op_statfs,
	.sync = op_sync,
	.remount = op_remount,
	.show_options = op_show_options,
	.freeze = op_freeze,
	.unmount = op_unmount,
	.done_intent = op_done_intent,
	.lookup = op_lookup,
	.find = op_find,
	.create = op_create,
	.tmpfile = op_tmpfile,
	.symlink = op_symlink,
	.link = op_link,
	.forget = op_forget,
	.remove = op_remove,
	.rename = op_rename,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.readdir = op_readdir,
	.fsync = op_fsync,
	.reserve = op_reserve,
	.unreserve = op_unreserve,
	.fallocate = op_fallocate,
	.seek = op_seek,
	.map = op_map,
	.getxattr = op_getxattr,
	.setxattr = op_setxattr,
	.listxattr = op_listxattr,
	.submit = op_submit,
	.cancel = op_cancel,
};
