/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * devpts: the names and numbers of pty slaves. Each mount of the type is an instance of its own, with its own numbers from 0. [man pts(4)]
 *
 * Names are pinned dentries, as in tmpfs. An instance outlives its super block while ptys that were made in it do; a master keeps the super block, and lets it
 * go with the name.
 */
#include "pty.h"
#include "tty_impl.h"
#include <init/initcall.h>
#include <lib/printf.h>
#include <lib/strbuf.h>
#include <lib/string.h>
#include <vfs/dentry.h>
#include <vfs/fs_config.h>
#include <vfs/mount.h>
#include <vfs/namei.h>
#include <vfs/notify.h>
#include <vfs/procfs.h>
#include <linux/magic.h>

LOCK_CLASS(pty_table, RANK_LEAF, "numbers of the ptys of one instance");

struct pts_options {
	u32 mode, ptmxmode, uid, gid, max;
	bool has_uid, has_gid;
};

struct devpts {
	struct refcount refs;	/* super block, ptys */
	struct super *sb;	/* valid while a mount or a master has it */
	struct dentry *ptmx;
	struct pts_options o;	/* each word changes at once */
	struct spinlock lock;
	struct pty **table;	/* by index: lock */
	unsigned size;
	unsigned count;
};
#define RESERVED ((struct pty *)1)
#define FIRST_SIZE 32u

/* Of all instances together; what is reserved is for the first one, that of Debian's own /dev/pts. */
static s32 pty_max = 4096, pty_reserve = 1024, pty_nr;
static struct super *first_super; /* compared only */

/* ---- parameters ---- */

enum { P_UID, P_GID, P_MODE, P_PTMXMODE, P_MAX, P_NEWINSTANCE };

static const struct fs_param params[] = {
	{"gid", PARAM_GID, P_GID, NULL},
	{"max", PARAM_U32, P_MAX, NULL},
	{"mode", PARAM_OCT, P_MODE, NULL},
	{"newinstance", PARAM_FLAG, P_NEWINSTANCE, NULL},
	{"ptmxmode", PARAM_OCT, P_PTMXMODE, NULL},
	{"uid", PARAM_UID, P_UID, NULL},
	{NULL, 0, 0, NULL},
};

static int pts_begin(struct fs_config *c)
{
	*(struct pts_options *)c->private = (struct pts_options){.mode = 0600, .max = PTY_NUMBERS};
	return 0;
}

static int pts_set(struct fs_config *c, const struct fs_param *p, const struct fs_value *v)
{
	struct pts_options *o = c->private;
	u32 n = (u32)v->number;

	switch (p->id) {
	case P_UID:
		o->uid = n;
		o->has_uid = true;
		break;
	case P_GID:
		o->gid = n;
		o->has_gid = true;
		break;
	case P_MODE: o->mode = n & 07777; break;
	case P_PTMXMODE: o->ptmxmode = n & 07777; break;
	case P_MAX:
		if (n > PTY_NUMBERS)
			return fs_config_invalid(c, "max out of range");
		o->max = n;
		break;
	}
	return 0;
}

static int pts_reconfigure(struct fs_config *c)
{
	struct devpts *fs = c->super->private;

	fs->o = *(const struct pts_options *)c->private;
	if (fs->ptmx)
		WRITE_ONCE(fs->ptmx->inode->mode, S_IFCHR | fs->o.ptmxmode);
	return 0;
}

static size_t pts_show_options(struct super *sb, char *buf, size_t size)
{
	const struct pts_options *o = &((struct devpts *)sb->private)->o;
	struct strbuf out;

	strbuf_init(&out, buf, size);
	if (o->has_uid)
		strbuf_printf(&out, ",uid=%u", o->uid);
	if (o->has_gid)
		strbuf_printf(&out, ",gid=%u", o->gid);
	strbuf_printf(&out, ",mode=%03o,ptmxmode=%03o", o->mode, o->ptmxmode);
	if (o->max < PTY_NUMBERS)
		strbuf_printf(&out, ",max=%u", o->max);
	return out.len;
}

/* ---- instances and numbers ---- */

static void instance_put(struct devpts *fs)
{
	if (!refcount_dec_and_test(&fs->refs))
		return;
	kfree(fs->table);
	kfree(fs);
}

static void pts_kill(struct super *sb)
{
	struct devpts *fs = sb->private;

	if (!fs)
		return;
	if (first_super == sb)
		first_super = NULL;
	instance_put(fs);
}

static const struct super_ops pts_super_ops = {.show_options = pts_show_options, .kill = pts_kill};

/* Twice the room. The old table may be in use until the lock is taken. */
static int table_grow(struct devpts *fs, unsigned size)
{
	unsigned want = size ? 2 * size : FIRST_SIZE;
	struct pty **fresh = kzalloc(want * sizeof(*fresh), 0), **old = NULL;

	if (!fresh)
		return -ENOMEM;
	spin_lock(&fs->lock);
	if (fs->size < want) {
		if (fs->size)
			memcpy(fresh, fs->table, fs->size * sizeof(*fresh));
		old = fs->table;
		fs->table = fresh;
		fs->size = want;
		fresh = NULL;
	}
	spin_unlock(&fs->lock);
	kfree(old);
	kfree(fresh);
	return 0;
}

static int number_reserve(struct devpts *fs, unsigned *out)
{
	unsigned i, size;
	int err;

	for (;;) {
		spin_lock(&fs->lock);
		size = fs->size;
		for (i = 0; i < size && fs->table[i]; i++)
			;
		if (i >= fs->o.max || fs->count >= fs->o.max) {
			spin_unlock(&fs->lock);
			return -ENOSPC;
		}
		if (i < size) {
			fs->table[i] = RESERVED;
			fs->count++;
			spin_unlock(&fs->lock);
			*out = i;
			return 0;
		}
		spin_unlock(&fs->lock);
		err = table_grow(fs, size);
		if (err)
			return err;
	}
}

/* The instance of master @f, and where it is mounted: @f's own, or on "pts" beside it. */
static int find_instance(struct file *f, struct path *out)
{
	static const char name[16] = "pts";
	struct dentry *dir, *d;
	struct mount *m;

	if (f->inode->super->magic == DEVPTS_SUPER_MAGIC) {
		*out = (struct path){.mnt = f->path.mnt, .dentry = f->path.mnt->root};
		path_get(out);
		return 0;
	}
	spin_lock(&f->path.dentry->lock);
	dir = f->path.dentry->parent;
	dentry_get(dir);
	spin_unlock(&f->path.dentry->lock);
	d = dentry_find(dir, name, 3, dentry_hash_name(dir, name, 3));
	dentry_put(dir);
	if (!d)
		return -ENOENT;
	*out = (struct path){.mnt = f->path.mnt, .dentry = d};
	mount_get(out->mnt);
	while ((m = mount_find(out->mnt, out->dentry))) {
		path_put(out);
		dentry_get(m->root);
		*out = (struct path){.mnt = m, .dentry = m->root};
	}
	if (out->dentry->super->magic == DEVPTS_SUPER_MAGIC && out->dentry == out->mnt->super->root)
		return 0;
	path_put(out);
	return -ENODEV;
}

int devpts_attach(struct file *f, struct pty *pty)
{
	struct devpts *fs;
	struct path p;
	s32 nr;
	int err = find_instance(f, &p);

	if (err)
		return err;
	fs = p.mnt->super->private;
	nr = __atomic_add_fetch(&pty_nr, 1, __ATOMIC_RELAXED);
	err = nr > READ_ONCE(pty_max) - (p.mnt->super == first_super ? 0 : READ_ONCE(pty_reserve)) ? -ENOSPC
												 : number_reserve(fs, &pty->index);
	if (err) {
		__atomic_fetch_sub(&pty_nr, 1, __ATOMIC_RELAXED);
	} else {
		refcount_inc(&fs->refs);
		pty->fs = fs;
		super_get(fs->sb);
	}
	path_put(&p);
	return err;
}

void devpts_detach(struct pty *pty)
{
	struct devpts *fs = pty->fs;
	bool unnamed;

	spin_lock(&fs->lock);
	unnamed = fs->table[pty->index] == RESERVED && !pty->name; /* it never had one: the super block is still held */
	fs->table[pty->index] = NULL;
	fs->count--;
	spin_unlock(&fs->lock);
	__atomic_fetch_sub(&pty_nr, 1, __ATOMIC_RELAXED);
	if (unnamed)
		super_put(fs->sb);
	instance_put(fs);
}

struct tty *devpts_find_get(struct inode *inode)
{
	struct tty *tty = NULL;
	struct devpts *fs;
	unsigned i = vfs_minor(inode->rdev);
	struct pty *pty;

	if (inode->super->magic != DEVPTS_SUPER_MAGIC)
		return NULL;
	fs = inode->super->private;
	spin_lock(&fs->lock);
	if (i < fs->size) {
		pty = fs->table[index_nospec(i, fs->size)];
		/* The number may be another's by now. */
		if (pty && pty != RESERVED && pty->name && pty->name->inode == inode && refcount_inc_not_zero(&pty->tty.refs))
			tty = &pty->tty;
	}
	spin_unlock(&fs->lock);
	return tty;
}

/* The lowest number with a name from @from on; false: none. */
static bool next_number(struct devpts *fs, unsigned *from)
{
	unsigned i = *from;

	spin_lock(&fs->lock);
	while (i < fs->size && (!fs->table[i] || fs->table[i] == RESERVED || tty_flag(&fs->table[i]->tty, TTY_OTHER_CLOSED)))
		i++;
	*from = i;
	spin_unlock(&fs->lock);
	return i < fs->size;
}

/* ---- names ---- */

/* A name that is not in the cache is not there. */
static int pts_lookup(struct inode *dir, struct dentry *dentry)
{
	return 0;
}

static int pts_iterate(struct file *f, struct dir_emit *e)
{
	struct inode *root = f->inode;
	char name[12];
	unsigned i;

	if (!dir_emit_dots(f, e))
		return 0;
	if (e->pos == 2) {
		if (!e->emit(e, "ptmx", 4, 2, 2 /* DT_CHR */, 2))
			return 0;
		e->pos = 3;
	}
	for (i = (unsigned)(e->pos - 3); next_number(root->super->private, &i); i++) {
		size_t len = (size_t)scnprintf(name, sizeof(name), "%u", i);

		e->pos = i + 3;
		if (!e->emit(e, name, len, root->ino + 2 + i, 2, e->pos))
			return 0;
		e->pos++;
	}
	return 0;
}

static const struct inode_ops node_ops = {0};
static const struct inode_ops root_ops = {.lookup = pts_lookup};
static const struct file_ops root_fops = {.iterate = pts_iterate};

/* A device node of @name in the root; one reference to its dentry, which stays. */
static int add_node(struct super *sb, const char *name, u32 mode, u32 uid, u32 gid, u32 rdev, u64 ino, struct dentry **out)
{
	struct dentry *root = sb->root, *d;
	u32 len = (u32)strlen(name), hash;
	struct inode *inode;
	char padded[24] = {0};

	memcpy(padded, name, len);
	inode = inode_alloc(sb, NULL, S_IFCHR | mode);
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
	if (d) {
		dentry_set_inode(d, inode);
		notify_name(root->inode, IN_CREATE, d->name, d->len, inode, 0);
	} else {
		inode_put(inode);
	}
	write_unlock(&root->inode->lock);
	if (!d)
		return -ENOMEM;
	*out = d;
	return 0;
}

int devpts_add(struct pty *pty)
{
	const struct cred *c = cred_current();
	struct devpts *fs = pty->fs;
	const struct pts_options *o = &fs->o;
	struct dentry *d;
	char name[12];
	int err;

	scnprintf(name, sizeof(name), "%u", pty->index);
	err = add_node(fs->sb, name, o->mode, o->has_uid ? o->uid : c->fsuid, o->has_gid ? o->gid : c->fsgid,
		vfs_mkdev(UNIX98_PTY_SLAVE_MAJOR, pty->index), pty->index + 3, &d);
	if (err)
		return err;
	spin_lock(&fs->lock);
	pty->name = d;
	fs->table[pty->index] = pty;
	spin_unlock(&fs->lock);
	return 0;
}

void devpts_remove(struct pty *pty)
{
	struct devpts *fs = pty->fs;
	struct inode *dir = fs->sb->root->inode;
	struct dentry *name = pty->name;

	spin_lock(&fs->lock);
	pty->name = NULL;
	spin_unlock(&fs->lock);
	write_lock(&dir->lock);
	inode_set_nlink(name->inode, 0);
	notify_name(dir, IN_DELETE, name->name, name->len, name->inode, 0);
	dentry_delete(name);
	write_unlock(&dir->lock);
	dentry_put(name);
	super_put(fs->sb);
}

int devpts_path(struct pty *pty, struct file *f, struct path *out)
{
	int err = find_instance(f, out);

	if (err)
		return err;
	if (out->mnt->super->private != pty->fs) {
		path_put(out);
		return -ENODEV;
	}
	dentry_get(pty->name);
	dentry_put(out->dentry);
	out->dentry = pty->name;
	return 0;
}

/* ---- the type ---- */

static int make_root(struct super *sb)
{
	struct inode *root = inode_alloc(sb, NULL, S_IFDIR | 0755);

	if (!root)
		return -ENOMEM;
	root->ino = 1;
	inode_set_nlink(root, 2);
	root->ops = &root_ops;
	root->fops = &root_fops;
	sb->root = dentry_create_root(sb, root);
	return sb->root ? 0 : -ENOMEM;
}

static int pts_create(struct fs_config *c)
{
	struct devpts *fs = kzalloc(sizeof(*fs), 0);
	struct super *sb;
	int err;

	if (!fs)
		return -ENOMEM;
	refcount_set(&fs->refs, 1);
	spin_init(&fs->lock, pty_table);
	fs->o = *(const struct pts_options *)c->private;
	err = super_create(c->type, &pts_super_ops, c->sb_flags, &sb);
	if (err) {
		kfree(fs);
		return err;
	}
	sb->magic = DEVPTS_SUPER_MAGIC;
	sb->private = fs;
	fs->sb = sb;
	err = make_root(sb);
	if (!err)
		err = add_node(sb, "ptmx", fs->o.ptmxmode, 0, 0, vfs_mkdev(TTYAUX_MAJOR, 2), 2, &fs->ptmx);
	if (err) {
		super_put(sb);
		return err;
	}
	if (!first_super)
		first_super = sb;
	c->super = sb;
	return 0;
}

static struct fs_type devpts_type = {.name = "devpts", .flags = FS_NODEV | FS_USERNS, .params = params,
	.config_size = sizeof(struct pts_options), .begin = pts_begin, .set = pts_set, .create = pts_create,
	.reconfigure = pts_reconfigure};

static int get_nr(const struct sysctl *s, struct strbuf *sb)
{
	strbuf_printf(sb, "%d\n", READ_ONCE(pty_nr));
	return 0;
}

static const struct sysctl sysctls[] = {
	{.path = "kernel/pty/max", .mode = 0644, .type = SYSCTL_INT, .var = &pty_max, .min = 0, .max = S32_MAX},
	{.path = "kernel/pty/reserve", .mode = 0644, .type = SYSCTL_INT, .var = &pty_reserve, .min = 0, .max = S32_MAX},
	{.path = "kernel/pty/nr", .mode = 0444, .type = SYSCTL_CALL, .get = get_nr},
};

static int devpts_init(void)
{
	fs_register(&devpts_type);
	sysctl_register(sysctls, ARRAY_SIZE(sysctls));
	return 0;
}

INITCALL(devpts, "vfs procfs", devpts_init);
