/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The layers of a new overlay: what the options name must fit together, and each becomes a private mount, so that nothing mounted there later is seen and no
 * unmount takes it away. Checks are in Linux' order.
 */
#include "overlay.h"
#include <lib/bits.h>
#include <security/random.h>
#include <linux/magic.h>
#include <linux/mount.h>

/* ---- what fits together ---- */

static int check_options(struct fs_config *c)
{
	struct ovl_options *o = c->private;

	if (!o->nlower)
		return fs_config_invalid(c, "missing 'lowerdir'");
	if (o->upper.text && !o->work.text)
		return fs_config_invalid(c, "missing 'workdir'");
	if (!o->upper.text && o->nlower < 2)
		return fs_config_invalid(c, "at least 2 lowerdir are needed while upperdir nonexistent");
	if (!o->upper.text) {
		o->is_volatile = false; /* nothing is written */
		if (o->redirect == OVL_REDIRECT_FOLLOW)
			o->redirect = OVL_REDIRECT_ON; /* it is all the same, and Linux shows it so */
	}
	if (o->userxattr) {
		/* Marks that any user may write must not lead anywhere. */
		if (o->redirect_set && o->redirect != OVL_REDIRECT_NOFOLLOW)
			return fs_config_invalid(c, "conflicting options: userxattr,redirect_dir=");
		o->redirect = OVL_REDIRECT_NOFOLLOW;
	}
	return 0;
}

static int check_upper(struct fs_config *c)
{
	const struct ovl_options *o = c->private;

	if (!o->upper.text)
		return 0;
	if ((o->upper.path.mnt->flags & MNT_RDONLY) || (o->upper.path.mnt->super->flags & MS_RDONLY))
		return fs_config_invalid(c, "upper fs is r/o, try multi-lower layers mount");
	if (o->upper.path.mnt != o->work.path.mnt)
		return fs_config_invalid(c, "workdir and upperdir must reside under the same mount");
	if (dentry_is_below(o->upper.path.dentry, o->work.path.dentry) || dentry_is_below(o->work.path.dentry, o->upper.path.dentry))
		return fs_config_invalid(c, "workdir and upperdir must be separate subtrees");
	return 0;
}

static bool is_layer(const struct ovl_options *o, const struct dentry *d)
{
	if (o->upper.text && (d == o->upper.path.dentry || d == o->work.path.dentry))
		return true;
	for (u32 i = 0; i < o->nlower; i++) {
		if (d == o->lower[i].path.dentry)
			return true;
	}
	return false;
}

/* A lower layer in, or equal to, another layer: files would have two places. As on Linux the upper one has its marks by then. */
static int check_overlap(struct fs_config *c, const struct ovl_options *o)
{
	for (u32 i = 0; i < o->nlower; i++) {
		struct dentry *d = o->lower[i].path.dentry;
		bool twice = o->upper.text && (d == o->upper.path.dentry || d == o->work.path.dentry);

		for (u32 k = 0; k < i; k++)
			twice |= d == o->lower[k].path.dentry;
		rcu_read_lock();
		while (!twice && READ_ONCE(d->parent) != d) {
			d = READ_ONCE(d->parent);
			twice = is_layer(o, d);
		}
		rcu_read_unlock();
		if (twice) {
			(void)fs_config_invalid(c, "overlapping lowerdir path");
			return -ELOOP;
		}
	}
	return 0;
}

static int check_depth(struct fs_config *c, struct super *sb)
{
	const struct ovl_options *o = c->private;
	u8 depth = o->upper.text ? o->upper.path.mnt->super->stack_depth : 0;

	for (u32 i = 0; i < o->nlower; i++)
		depth = max(depth, o->lower[i].path.mnt->super->stack_depth);
	if (depth + 1 > SUPER_STACK_MAX)
		return fs_config_invalid(c, "maximum fs stacking depth exceeded");
	sb->stack_depth = (u8)(depth + 1);
	return 0;
}

/* ---- file systems and numbers ---- */

static u16 add_fs(struct ovl_super *os, const struct super *sb, bool upper)
{
	for (u32 i = upper || !os->layers[0].mnt ? 1 : 0; !upper && i < os->nfs; i++) {
		if (os->fs[i].super == sb)
			return (u16)i;
	}
	os->fs[os->nfs] = (struct ovl_realfs){sb, super_anon_dev()};
	return (u16)os->nfs++;
}

/* Inode numbers that leave room for the file system's: what handles of 32 bits say on Linux. */
static bool has_small_inos(const struct super *sb)
{
	return sb->magic == EXT4_SUPER_MAGIC;
}

static void choose_xino(struct ovl_super *os)
{
	bool small = true;

	for (u32 i = 0; i < os->nlayers; i++)
		small &= !os->layers[i].mnt || has_small_inos(os->layers[i].mnt->super);
	if (os->nfs - (os->layers[0].mnt ? 0 : 1) == 1)
		os->xino_bits = 0;
	else if (os->o.xino == OVL_XINO_OFF)
		os->xino_bits = -1;
	else if (small)
		os->xino_bits = 32;
	else
		os->xino_bits = os->o.xino == OVL_XINO_ON ? (s8)(ilog2(os->nfs - 1) + 2) : -1;
}

/* ---- making ---- */

static int add_layers(struct ovl_super *os)
{
	struct ovl_options *o = &os->o;
	int err;

	os->layers = kcalloc(o->nlower + 1, sizeof(*os->layers), 0);
	os->fs = kcalloc(o->nlower + 1, sizeof(*os->fs), 0);
	if (!os->layers || !os->fs)
		return -ENOMEM;
	os->nlayers = 1;
	if (o->upper.text) {
		err = mount_private(&o->upper.path, (o->upper.path.mnt->flags & (MNT_NOSUID | MNT_NODEV | MNT_NOEXEC)) | MNT_RELATIME, &os->layers[0].mnt);
		if (err)
			return err;
	}
	(void)add_fs(os, os->layers[0].mnt ? os->layers[0].mnt->super : NULL, true);
	for (u32 i = 0; i < o->nlower; i++) {
		const struct path *p = &o->lower[i].path;
		struct ovl_layer *l = &os->layers[os->nlayers];

		err = mount_private(p, (p->mnt->flags & (MNT_NOSUID | MNT_NODEV | MNT_NOEXEC)) | MNT_RDONLY | MNT_NOATIME, &l->mnt);
		if (err)
			return err;
		l->fs = add_fs(os, p->mnt->super, false);
		os->nlayers++;
	}
	choose_xino(os);
	return 0;
}

/* uuid= : what statfs(2) identifies the overlay by, kept in the upper layer. Mounter's rights. */
static void choose_uuid(struct ovl_super *os)
{
	struct inode *root = os->layers[0].mnt->root->inode;
	u64 id[2];
	ssize_t len = ovl_mark_get(os, root, OVL_UUID, id, sizeof(id));

	if (len == -ENODATA) {
		if (os->o.uuid == OVL_UUID_AUTO && ovl_mark_get(os, root, OVL_IMPURE, NULL, 0) > 0) {
			os->o.uuid = OVL_UUID_NULL; /* an old one: numbers shall not change */
			return;
		}
		os->o.uuid = OVL_UUID_ON;
		random_bytes(id, sizeof(id));
		((u8 *)id)[6] = (((u8 *)id)[6] & 0x0f) | 0x40;
		((u8 *)id)[8] = (((u8 *)id)[8] & 0x3f) | 0x80;
		if (!ovl_mark_set(os, root, OVL_UUID, id, sizeof(id)))
			len = sizeof(id);
	}
	if (len == sizeof(id))
		os->fsid = id[0] ^ id[1];
	else
		os->o.uuid = OVL_UUID_NULL;
}

static int prepare_upper(struct ovl_super *os, struct fs_config *c)
{
	const struct cred *saved;
	int err;

	if (!os->layers[0].mnt)
		return 0;
	os->workbase = os->o.work.path.dentry;
	dentry_get(os->workbase);
	err = mount_want_write(os->layers[0].mnt);
	if (err)
		return err;
	saved = cred_override(os->creator);
	err = ovl_work_prepare(os, c);
	if (!err && os->o.uuid == OVL_UUID_OFF && os->nfs > 1)
		os->o.uuid = OVL_UUID_NULL;
	else if (!err && os->o.uuid >= OVL_UUID_AUTO)
		choose_uuid(os);
	cred_revert(saved);
	mount_drop_write(os->layers[0].mnt);
	return err;
}

int ovl_layers_init(struct fs_config *c, struct super *sb)
{
	struct ovl_super *os = ovl_super(sb);
	int err = check_options(c);

	if (!err)
		err = check_upper(c);
	if (!err)
		err = check_depth(c, sb);
	if (err)
		return err;
	os->o = *(struct ovl_options *)c->private; /* moves */
	*(struct ovl_options *)c->private = (struct ovl_options){0};
	os->prefix = os->o.userxattr ? "user.overlay." : "trusted.overlay.";
	os->prefix_len = (u32)strlen(os->prefix);
	err = add_layers(os);
	if (!err)
		err = prepare_upper(os, c);
	if (!err)
		err = check_overlap(c, &os->o);
	ovl_options_put_paths(&os->o);
	return err;
}

void ovl_layers_free(struct ovl_super *os)
{
	if (os->work)
		dentry_put(os->work);
	if (os->workbase)
		dentry_put(os->workbase);
	for (u32 i = 0; os->layers && i < os->nlayers; i++) {
		if (os->layers[i].mnt)
			mount_private_put(os->layers[i].mnt);
	}
	kfree(os->layers);
	kfree(os->fs);
	ovl_options_free(&os->o);
}
