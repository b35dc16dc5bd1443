/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * devpts: the names of pty slaves. There is one super block, which every mount shows; names are pinned dentries, as in tmpfs.
 */
#include "pty.h"
#include "tty_impl.h"
#include <init/initcall.h>
#include <lib/parse.h>
#include <lib/printf.h>
#include <lib/strbuf.h>
#include <vfs/dentry.h>
#include <vfs/mount.h>
#include <vfs/namei.h>
#include <vfs/notify.h>
#include <linux/magic.h>

struct devpts_options {
	u32 mode, ptmxmode;
	u32 uid, gid;
	bool has_uid, has_gid;
};

static struct super *pts_super;
static struct dentry *ptmx;
static struct mount *pts_mount; /* the kernel's own */
static struct devpts_options options = {.mode = 0600}; /* changed by mount only, each word at once */

/* ---- mount options ---- */

static int parse_option(struct devpts_options *o, char *word)
{
	char *value = strchr(word, '=');
	u64 n;
	int err;

	if (!value)
		return strcmp(word, "newinstance") && *word ? -EINVAL : 0;
	*value++ = '\0';
	if (!strcmp(word, "max"))
		return strtou64(value, 10, &n);
	err = strtou64(value, !strcmp(word, "mode") || !strcmp(word, "ptmxmode") ? 8 : 10, &n);
	if (err)
		return -EINVAL;
	if (!strcmp(word, "mode"))
		o->mode = n & 0777;
	else if (!strcmp(word, "ptmxmode"))
		o->ptmxmode = n & 0777;
	else if (!strcmp(word, "uid")) {
		o->uid = (u32)n;
		o->has_uid = true;
	} else if (!strcmp(word, "gid")) {
		o->gid = (u32)n;
		o->has_gid = true;
	} else {
		return -EINVAL;
	}
	return 0;
}

static int parse_options(const char *text)
{
	struct devpts_options o = {.mode = 0600};
	char *copy, *rest;
	int err = 0;

	if (!text || !*text)
		return 0;
	copy = rest = kstrdup(text, 0);
	if (!copy)
		return -ENOMEM;
	while (rest && !err) {
		char *word = rest;

		rest = strchr(rest, ',');
		if (rest)
			*rest++ = '\0';
		err = parse_option(&o, word);
	}
	kfree(copy);
	if (!err) {
		options = o;
		if (ptmx)
			WRITE_ONCE(ptmx->inode->mode, S_IFCHR | o.ptmxmode);
	}
	return err;
}

static int devpts_remount(struct super *sb, unsigned sb_flags, const char *text)
{
	return parse_options(text);
}

static size_t devpts_show_options(struct super *sb, char *buf, size_t size)
{
	struct strbuf out;

	strbuf_init(&out, buf, size);
	if (options.has_uid)
		strbuf_printf(&out, ",uid=%u", options.uid);
	if (options.has_gid)
		strbuf_printf(&out, ",gid=%u", options.gid);
	strbuf_printf(&out, ",mode=%03o,ptmxmode=%03o", options.mode, options.ptmxmode);
	return out.len;
}

static int devpts_statfs(struct super *sb, struct kstatfs *out)
{
	*out = (struct kstatfs){.type = sb->magic, .bsize = PAGE_SIZE, .frsize = PAGE_SIZE, .namelen = 255};
	return 0;
}

static const struct super_ops devpts_super_ops = {
	.statfs = devpts_statfs,
	.remount = devpts_remount,
	.show_options = devpts_show_options,
};

/* ---- names ---- */

/* A name that is not in the cache is not there. */
static int devpts_lookup(struct inode *dir, struct dentry *dentry)
{
	return 0;
}

static int devpts_iterate(struct file *f, struct dir_emit *e)
{
	struct inode *root = f->inode;
	char name[12];

	if (!dir_emit_dots(f, e))
		return 0;
	if (e->pos == 2) {
		if (!e->emit(e, "ptmx", 4, 2, 2 /* DT_CHR */, 2))
			return 0;
		e->pos = 3;
	}
	for (;;) {
		unsigned i = pty_next_index((unsigned)(e->pos - 3));
		size_t len;

		if (i >= PTY_MAX)
			break;
		e->pos = i + 3;
		len = (size_t)scnprintf(name, sizeof(name), "%u", i);
		if (!e->emit(e, name, len, root->ino + 2 + i, 2, e->pos))
			return 0;
		e->pos++;
	}
	return 0;
}

static const struct inode_ops node_ops = {0};
static const struct inode_ops root_ops = {.lookup = devpts_lookup};
static const struct file_ops root_fops = {.iterate = devpts_iterate};

/* A device node of @name in the root; one reference to its dentry, which stays. */
static int add_node(const char *name, u32 mode, u32 uid, u32 gid, u32 rdev, u64 ino, struct dentry **out)
{
	struct dentry *root = pts_super->root, *d;
	u32 len = (u32)strlen(name), hash;
	struct inode *inode;
	char padded[24] = {0};

	memcpy(padded, name, len);
	inode = inode_alloc(pts_super, NULL, S_IFCHR | mode);
	if (!inode)
		return -ENOMEM;
	inode->ino = ino;
	inode->uid = uid;
	inode->gid = gid;
	inode->ops = &node_ops;
	inode_init_special(inode, rdev);
	hash = dentry_hash_name(root, padded, len);
	write_lock(&root->inode->lock);
	d = dentry_find(root, padded, len, hash);
	if (!d)
		d = dentry_alloc(root, padded, len, hash);
	if (d)
		dentry_set_inode(d, inode);
	else
		inode_put(inode);
	if (d)
		notify_name(root->inode, IN_CREATE, d->name, d->len, inode, 0);
	write_unlock(&root->inode->lock);
	if (!d)
		return -ENOMEM;
	*out = d;
	return 0;
}

int devpts_add(unsigned index, struct dentry **out)
{
	const struct cred *c = cred_current();
	char name[12];

	scnprintf(name, sizeof(name), "%u", index);
	return add_node(name, options.mode, options.has_uid ? options.uid : c->fsuid, options.has_gid ? options.gid : c->fsgid,
		vfs_mkdev(UNIX98_PTY_SLAVE_MAJOR, index), index + 3, out);
}

void devpts_remove(struct dentry *name)
{
	struct inode *dir = pts_super->root->inode;

	write_lock(&dir->lock);
	inode_set_nlink(name->inode, 0);
	notify_name(dir, IN_DELETE, name->name, name->len, name->inode, 0);
	dentry_delete(name);
	write_unlock(&dir->lock);
	dentry_put(name);
}

int devpts_path(struct dentry *name, struct path *out)
{
	struct path usual;
	int err = path_lookup_kernel("/dev/pts", LOOKUP_FOLLOW, &usual);

	if (!err && usual.mnt->super != pts_super) {
		path_put(&usual);
		err = -ENODEV;
	}
	*out = (struct path){.mnt = err ? pts_mount : usual.mnt, .dentry = name};
	path_get(out);
	if (!err)
		path_put(&usual);
	return 0;
}

/* ---- the type ---- */

static int devpts_mount(struct fs_type *t, unsigned sb_flags, const char *source, const char *text, struct super **out)
{
	int err = parse_options(text);

	if (err)
		return err;
	super_get(pts_super);
	*out = pts_super;
	return 0;
}

static struct fs_type devpts_type = {.name = "devpts", .flags = FS_NODEV, .mount = devpts_mount};

static int devpts_init(void)
{
	struct inode *root;
	int err = super_create(&devpts_type, &devpts_super_ops, 0, &pts_super);

	if (err)
		return err;
	pts_super->magic = DEVPTS_SUPER_MAGIC;
	root = inode_alloc(pts_super, NULL, S_IFDIR | 0755);
	if (!root)
		return -ENOMEM;
	root->ino = 1;
	inode_set_nlink(root, 2);
	root->ops = &root_ops;
	root->fops = &root_fops;
	pts_super->root = dentry_create_root(pts_super, root);
	if (!pts_super->root)
		return -ENOMEM;
	fs_register(&devpts_type);
	err = mount_internal(&devpts_type, NULL, &pts_mount);
	if (err)
		return err;
	return add_node("ptmx", 0, 0, 0, vfs_mkdev(TTYAUX_MAJOR, 2), 2, &ptmx);
}

INITCALL(devpts, "vfs", devpts_init);
