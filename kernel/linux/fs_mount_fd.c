/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mounting by descriptors: fsopen, fspick, fsconfig, fsmount, open_tree, move_mount, mount_setattr.
 * [man fsopen(2), fsconfig(2), fsmount(2), fspick(2), open_tree(2), move_mount(2), mount_setattr(2)]
 */
#include <linux/syscall.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <vfs/fs_config.h>
#include <vfs/mount.h>
#include <vfs/namei.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include "fs_mount.h"

LOCK_CLASS(fs_config, RANK_NAMESPACE - 6, "one descriptor of fsopen: its configuration");

#define KEY_MAX	 256
#define BLOB_MAX (1 << 20)

/* ---- the descriptor ---- */

struct config_file {
	struct mutex lock;
	struct fs_config c;
};

static ssize_t config_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	struct config_file *cf = f->private;
	ssize_t ret = -ENODATA;
	char *line;

	if (mutex_lock_interruptible(&cf->lock))
		return -ERESTARTSYS;
	line = fs_config_log_take(&cf->c);
	if (line) {
		size_t len = strlen(line);

		ret = len > to->left ? -EMSGSIZE : iobuf_put(to, line, len) == len ? (ssize_t)len : -EFAULT;
		kfree(line);
	}
	mutex_unlock(&cf->lock);
	return ret;
}

static void config_release(struct file *f)
{
	struct config_file *cf = f->private;

	fs_config_free(&cf->c);
	kfree(cf);
}

static const struct file_ops config_fops = {.read = config_read, .release = config_release};

static s64 config_open(const struct fs_type *t, struct super *sb, bool cloexec)
{
	struct config_file *cf = kzalloc(sizeof(*cf), 0);
	struct file *f;
	int fd, err = -ENOMEM;

	if (!cf)
		return err;
	mutex_init(&cf->lock, fs_config);
	err = fs_config_init(&cf->c, t, sb);
	if (err)
		goto no_config;
	cf->c.logs = true;
	err = file_create_anon("[fscontext]", &config_fops, cf, O_RDWR, &f);
	if (err)
		goto no_file;
	fd = fd_add(f, cloexec);
	if (fd < 0)
		file_put_sync(f);
	return fd;
no_file:
	fs_config_free(&cf->c);
no_config:
	kfree(cf);
	return err;
}

/* The configuration behind @fd, locked; give back with config_put. */
static int config_get(int fd, struct fd_ref *r, struct config_file **out)
{
	*r = fd_get(fd);
	if (!r->file)
		return -EBADF;
	if (r->file->ops != &config_fops) {
		fd_put(*r);
		return -EINVAL;
	}
	*out = r->file->private;
	if (mutex_lock_interruptible(&(*out)->lock)) {
		fd_put(*r);
		return -EINTR;
	}
	return 0;
}

static void config_put(struct fd_ref r, struct config_file *cf)
{
	mutex_unlock(&cf->lock);
	fd_put(r);
}

SYSCALL2(fsopen, struct uptr, uname, unsigned, flags)
{
	const struct fs_type *t;
	char *name;
	int err;

	if (!vfs_may_mount())
		return -EPERM;
	if (flags & ~(unsigned)FSOPEN_CLOEXEC)
		return -EINVAL;
	err = user_string_get(uname, PAGE_SIZE, &name);
	if (err)
		return err;
	t = fs_find(name);
	kfree(name);
	return t ? config_open(t, NULL, flags & FSOPEN_CLOEXEC) : -ENODEV;
}

/* A path with the flags of *at calls; @allowed of AT_EMPTY_PATH, AT_NO_AUTOMOUNT, AT_SYMLINK_NOFOLLOW have been checked. */
static int path_at(int dirfd, struct uptr upath, unsigned look, struct path *out)
{
	struct path_name *name;
	int err = path_name_get(upath, look & LOOKUP_EMPTY, &name);

	if (err)
		return err;
	err = path_lookup(dirfd, name, look, out);
	path_name_put(name);
	return err;
}

static unsigned look_of_at(int flags)
{
	return (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_NO_AUTOMOUNT ? LOOKUP_NO_AUTOMOUNT : 0)
		| (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
}

SYSCALL3(fspick, int, dirfd, struct uptr, upath, unsigned, flags)
{
	unsigned look = (flags & FSPICK_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & FSPICK_NO_AUTOMOUNT ? LOOKUP_NO_AUTOMOUNT : 0)
		| (flags & FSPICK_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct path p;
	s64 ret;

	if (!vfs_may_mount())
		return -EPERM;
	if (flags & ~(unsigned)(FSPICK_CLOEXEC | FSPICK_SYMLINK_NOFOLLOW | FSPICK_NO_AUTOMOUNT | FSPICK_EMPTY_PATH))
		return -EINVAL;
	ret = path_at(dirfd, upath, look, &p);
	if (ret)
		return ret;
	ret = -EINVAL;
	if (p.dentry == p.mnt->root)
		ret = config_open(p.mnt->super->type, p.mnt->super, flags & FSPICK_CLOEXEC);
	path_put(&p);
	return ret;
}

/* ---- fsconfig ---- */

/* Which of key, value and aux each command takes. */
static int check_arguments(unsigned cmd, bool key, bool value, int aux)
{
	switch (cmd) {
	case FSCONFIG_SET_FLAG: return !key || value || aux ? -EINVAL : 0;
	case FSCONFIG_SET_STRING: return !key || !value || aux ? -EINVAL : 0;
	case FSCONFIG_SET_BINARY: return !key || !value || aux <= 0 || aux > BLOB_MAX ? -EINVAL : 0;
	case FSCONFIG_SET_PATH:
	case FSCONFIG_SET_PATH_EMPTY: return !key || !value || (aux != AT_FDCWD && aux < 0) ? -EINVAL : 0;
	case FSCONFIG_SET_FD: return !key || value || aux < 0 ? -EINVAL : 0;
	case FSCONFIG_CMD_CREATE:
	case FSCONFIG_CMD_CREATE_EXCL:
	case FSCONFIG_CMD_RECONFIGURE: return key || value || aux ? -EINVAL : 0;
	}
	return -EOPNOTSUPP;
}

static int blob_get(struct uptr p, size_t size, char **out)
{
	char *s = kmalloc(size + 1, 0);

	if (!s)
		return -ENOMEM;
	if (copy_from_user(s, p, size)) {
		kfree(s);
		return -EFAULT;
	}
	s[size] = '\0';
	*out = s;
	return 0;
}

/* The value of a parameter. What it owns is given back by argument_free, also after an error. */
static int argument_get(unsigned cmd, struct uptr uvalue, int aux, struct fs_arg *arg)
{
	struct path_name *name;
	int err = 0;

	switch (cmd) {
	case FSCONFIG_SET_STRING:
		arg->kind = FS_ARG_STRING;
		err = user_string_get(uvalue, KEY_MAX, &arg->string);
		break;
	case FSCONFIG_SET_BINARY:
		arg->kind = FS_ARG_BLOB;
		arg->size = (size_t)aux;
		err = blob_get(uvalue, (size_t)aux, &arg->string);
		break;
	case FSCONFIG_SET_PATH:
	case FSCONFIG_SET_PATH_EMPTY:
		arg->kind = FS_ARG_PATH;
		arg->dirfd = aux;
		err = path_name_get(uvalue, cmd == FSCONFIG_SET_PATH_EMPTY, &name);
		if (err)
			break;
		arg->string = kstrdup(path_name_str(name), 0);
		path_name_put(name);
		if (!arg->string)
			err = -ENOMEM;
		break;
	case FSCONFIG_SET_FD: {
		struct fd_ref r = fd_get_path(aux);

		arg->kind = FS_ARG_FILE;
		if (!r.file)
			return -EBADF;
		file_get(r.file);
		arg->file = r.file;
		fd_put(r);
		break;
	}
	}
	if (!err && arg->string && arg->kind != FS_ARG_BLOB)
		arg->size = strlen(arg->string);
	return err;
}

static void argument_free(struct fs_arg *arg)
{
	kfree((char *)arg->key);
	kfree(arg->string);
	if (arg->file)
		file_put(arg->file);
}

static int config_command(struct fs_config *c, unsigned cmd, struct fs_arg *arg)
{
	int err = fs_config_resume(c);

	if (err)
		return err;
	switch (cmd) {
	case FSCONFIG_CMD_CREATE:
	case FSCONFIG_CMD_CREATE_EXCL:
		if (c->phase != FS_PARAMS)
			return -EBUSY;
		if (!capable(CAP_SYS_ADMIN))
			return -EPERM;
		c->exclusive = cmd == FSCONFIG_CMD_CREATE_EXCL;
		return fs_config_create(c);
	case FSCONFIG_CMD_RECONFIGURE:
		if (c->phase != FS_RECONF)
			return -EBUSY;
		if (!capable(CAP_SYS_ADMIN)) {
			c->phase = FS_FAILED;
			return -EPERM;
		}
		return fs_config_reconfigure(c);
	}
	return c->phase == FS_PARAMS || c->phase == FS_RECONF ? fs_config_set(c, arg) : -EBUSY;
}

SYSCALL5(fsconfig, int, fd, unsigned, cmd, struct uptr, ukey, struct uptr, uvalue, int, aux)
{
	struct fs_arg arg = {.key = NULL};
	struct config_file *cf;
	struct fd_ref r;
	char *key = NULL;
	int err;

	if (fd < 0)
		return -EINVAL;
	err = check_arguments(cmd, !uptr_is_null(ukey), !uptr_is_null(uvalue), aux);
	if (err)
		return err;
	err = config_get(fd, &r, &cf);
	if (err)
		return err;
	if (!uptr_is_null(ukey))
		err = user_string_get(ukey, KEY_MAX, &key);
	arg.key = key;
	if (!err)
		err = argument_get(cmd, uvalue, aux, &arg);
	if (!err)
		err = config_command(&cf->c, cmd, &arg);
	config_put(r, cf);
	argument_free(&arg);
	return err;
}

/* ---- fsmount, open_tree, move_mount ---- */

static u32 flags_of_attr(u64 attr)
{
	return (attr & MOUNT_ATTR_RDONLY ? MNT_RDONLY : 0) | (attr & MOUNT_ATTR_NOSUID ? MNT_NOSUID : 0)
		| (attr & MOUNT_ATTR_NODEV ? MNT_NODEV : 0) | (attr & MOUNT_ATTR_NOEXEC ? MNT_NOEXEC : 0)
		| (attr & MOUNT_ATTR_NODIRATIME ? MNT_NODIRATIME : 0) | (attr & MOUNT_ATTR_NOSYMFOLLOW ? MNT_NOSYMFOLLOW : 0);
}

/* The policy of access times that @attr names. */
static int atime_of_attr(u64 attr, u32 *out)
{
	switch (attr & MOUNT_ATTR__ATIME) {
	case MOUNT_ATTR_RELATIME: *out |= MNT_RELATIME; return 0;
	case MOUNT_ATTR_NOATIME: *out |= MNT_NOATIME; return 0;
	case MOUNT_ATTR_STRICTATIME: return 0;
	}
	return -EINVAL;
}

#define MOUNT_ATTRS                                                                                                            \
	(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR__ATIME                      \
		| MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW)

/* A descriptor for a tree that goes with it; the reference of @p moves in. */
static s64 tree_open(struct path *p, bool cloexec)
{
	struct file *f;
	int fd, err = file_open_path(p, O_PATH, &f);

	if (err) {
		mount_dissolve(p->mnt);
		path_put(p);
		return err;
	}
	path_put(p);
	f->mode |= FMODE_DISSOLVE;
	fd = fd_add(f, cloexec);
	if (fd < 0)
		file_put_sync(f);
	return fd;
}

SYSCALL3(fsmount, int, fd, unsigned, flags, unsigned, attr)
{
	struct config_file *cf;
	struct fd_ref r;
	struct path p;
	u32 mnt_flags;
	s64 ret;

	if (!vfs_may_mount())
		return -EPERM;
	if ((flags & ~(unsigned)FSMOUNT_CLOEXEC) || (attr & ~(unsigned)MOUNT_ATTRS))
		return -EINVAL;
	mnt_flags = flags_of_attr(attr);
	ret = atime_of_attr(attr, &mnt_flags);
	if (!ret)
		ret = config_get(fd, &r, &cf);
	if (ret)
		return ret;
	if (!cf->c.super)
		ret = -EINVAL;
	else if (cf->c.phase != FS_MADE)
		ret = -EBUSY;
	else
		ret = vfs_mount_config(&cf->c, mnt_flags, &p);
	if (!ret) {
		fs_config_mounted(&cf->c);
		ret = tree_open(&p, flags & FSMOUNT_CLOEXEC);
	}
	config_put(r, cf);
	return ret;
}

SYSCALL3(open_tree, int, dirfd, struct uptr, upath, unsigned, flags)
{
	struct path p, tree;
	struct file *f;
	s64 ret;

	if (flags & ~(unsigned)(AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC))
		return -EINVAL;
	if ((flags & (AT_RECURSIVE | OPEN_TREE_CLONE)) == AT_RECURSIVE)
		return -EINVAL;
	if ((flags & OPEN_TREE_CLONE) && !vfs_may_mount())
		return -EPERM;
	ret = path_at(dirfd, upath, look_of_at((int)flags), &p);
	if (ret)
		return ret;
	if (flags & OPEN_TREE_CLONE) {
		ret = vfs_clone_tree(&p, flags & AT_RECURSIVE, &tree);
		if (!ret)
			ret = tree_open(&tree, flags & OPEN_TREE_CLOEXEC);
	} else {
		ret = file_open_path(&p, O_PATH, &f);
		if (!ret) {
			ret = fd_add(f, flags & OPEN_TREE_CLOEXEC);
			if (ret < 0)
				file_put_sync(f);
		}
	}
	path_put(&p);
	return ret;
}

SYSCALL5(move_mount, int, from_fd, struct uptr, ufrom, int, to_fd, struct uptr, uto, unsigned, flags)
{
	unsigned from_look = (flags & MOVE_MOUNT_F_SYMLINKS ? LOOKUP_FOLLOW : 0) | (flags & MOVE_MOUNT_F_EMPTY_PATH ? LOOKUP_EMPTY : 0)
		| (flags & MOVE_MOUNT_F_AUTOMOUNTS ? 0 : LOOKUP_NO_AUTOMOUNT);
	unsigned to_look = (flags & MOVE_MOUNT_T_SYMLINKS ? LOOKUP_FOLLOW : 0) | (flags & MOVE_MOUNT_T_EMPTY_PATH ? LOOKUP_EMPTY : 0)
		| (flags & MOVE_MOUNT_T_AUTOMOUNTS ? 0 : LOOKUP_NO_AUTOMOUNT);
	struct path from, to;
	int err;

	if (!vfs_may_mount())
		return -EPERM;
	if (flags & ~(unsigned)MOVE_MOUNT__MASK)
		return -EINVAL;
	if ((flags & (MOVE_MOUNT_BENEATH | MOVE_MOUNT_SET_GROUP)) == (MOVE_MOUNT_BENEATH | MOVE_MOUNT_SET_GROUP))
		return -EINVAL;
	err = path_at(from_fd, ufrom, from_look, &from);
	if (err)
		return err;
	err = path_at(to_fd, uto, to_look, &to);
	if (!err) {
		err = vfs_move_mount(&from, &to, flags);
		path_put(&to);
	}
	path_put(&from);
	return err;
}

/* ---- mount_setattr ---- */

struct attr_change {
	u32 set, clear;
	u64 propagation;
};

/* The initial user namespace, the only one, cannot map: EPERM, after all that Linux checks before. */
static int check_idmap(const struct mount_attr *a)
{
	struct fd_ref r;
	struct ns *ns;
	int err;

	if (!((a->attr_set | a->attr_clr) & MOUNT_ATTR_IDMAP))
		return 0;
	if ((a->attr_clr & MOUNT_ATTR_IDMAP) || a->userns_fd > S32_MAX)
		return -EINVAL;
	r = fd_get((int)a->userns_fd);
	if (!r.file)
		return -EBADF;
	ns = nsfs_file_ns(r.file);
	err = ns && ns->type == nsproxy_init.slot[NS_USER]->type ? -EPERM : -EINVAL;
	fd_put(r);
	return err;
}

static int attr_decode(const struct mount_attr *a, struct attr_change *out)
{
	const u64 types = MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | MS_SHARED;
	u64 atime = a->attr_set & MOUNT_ATTR__ATIME;

	if ((a->propagation & ~types) || (a->propagation & (a->propagation - 1)))
		return -EINVAL;
	if ((a->attr_set | a->attr_clr) & ~(u64)(MOUNT_ATTRS | MOUNT_ATTR_IDMAP))
		return -EINVAL;
	*out = (struct attr_change){.set = flags_of_attr(a->attr_set), .clear = flags_of_attr(a->attr_clr), .propagation = a->propagation};
	/* The policy is one of several words: it is changed by clearing all of it. */
	if ((a->attr_clr & MOUNT_ATTR__ATIME) == MOUNT_ATTR__ATIME) {
		out->clear |= MNT_RELATIME | MNT_NOATIME;
		if (atime_of_attr(atime, &out->set))
			return -EINVAL;
	} else if ((a->attr_clr & MOUNT_ATTR__ATIME) || atime) {
		return -EINVAL;
	}
	return check_idmap(a);
}

SYSCALL5(mount_setattr, int, dirfd, struct uptr, upath, unsigned, flags, struct uptr, uattr, size_t, size)
{
	struct attr_change change;
	struct mount_attr a;
	struct path p;
	int err;

	if (flags & ~(unsigned)(AT_EMPTY_PATH | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < MOUNT_ATTR_SIZE_VER0)
		return -EINVAL;
	if (!vfs_may_mount())
		return -EPERM;
	err = copy_struct_from_user(&a, sizeof(a), uattr, size);
	if (err)
		return err;
	if (!a.attr_set && !a.attr_clr && !a.propagation)
		return 0;
	err = attr_decode(&a, &change);
	if (!err)
		err = path_at(dirfd, upath, look_of_at((int)flags), &p);
	if (err)
		return err;
	err = vfs_mount_setattr(&p, flags & AT_RECURSIVE, change.set, change.clear, change.propagation);
	path_put(&p);
	return err;
}
