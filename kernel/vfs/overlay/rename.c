/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moving names. A file is copied up and moved; if lower layers have the old name, a whiteout stays there. A directory that lower layers have a part in is moved
 * with redirect_dir=on only: its mark tells lookup where they have it. Without it the caller gets EXDEV and copies, as mv(1) does.
 */
#include "overlay.h"
#include <linux/fs.h>

struct move {
	struct inode *odir, *ndir;
	struct dentry *od, *nd;	  /* of the overlay */
	struct dentry *ou, *nu;	  /* of the upper layer, referenced */
	unsigned flags;		  /* for the upper layer */
	bool exchange, clean_whiteout;
};

static bool has_lower(const struct inode *inode)
{
	return ovl_inode(inode)->nlower && !ovl_inode(inode)->opaque;
}

static bool can_move(const struct inode *inode)
{
	return !S_ISDIR(inode->mode) || !has_lower(inode) || ovl_super(inode->super)->o.redirect == OVL_REDIRECT_ON;
}

/* Where lower layers have @d: its name if it stays in its directory, else the path from the root, unless an ancestor's mark says another one. */
static int redirect_text(struct dentry *d, bool same_dir, char **out)
{
	size_t room = same_dir ? d->len + 1 : OVL_REDIRECT_MAX + 1, at = room - 1;
	char *text = kzalloc(room, 0);

	if (!text)
		return -ENOMEM;
	for (struct dentry *p = d;; p = p->parent) {
		const char *name = p->name;
		u32 len = p->len;

		if (p == p->parent)
			break;
		if (p->inode && ovl_inode(p->inode)->redirect) {
			name = ovl_inode(p->inode)->redirect;
			len = (u32)strlen(name);
			if (same_dir && (name[0] == '/' || len + 1 > room)) {
				kfree(text);
				*out = NULL; /* it stays right, or as it is */
				return 0;
			}
		}
		if (at < len + (same_dir ? 0u : 1u)) {
			kfree(text);
			return -EXDEV;
		}
		at -= len;
		memcpy(text + at, name, len);
		if (same_dir || name[0] == '/')
			break;
		text[--at] = '/';
	}
	memmove(text, text + at, room - at);
	*out = text;
	return 0;
}

/* Under rename_lock, or with its directory locked. */
static int set_redirect(struct dentry *d, struct dentry *upper, bool same_dir)
{
	struct ovl_inode *oi = ovl_inode(d->inode);
	char *text;
	int err;

	if (oi->redirect && (same_dir || oi->redirect[0] == '/'))
		return 0;
	err = redirect_text(d, same_dir, &text);
	if (err || !text)
		return err;
	err = ovl_mark_set(ovl_super(d->inode->super), upper->inode, OVL_REDIRECT, text, strlen(text));
	if (err) {
		kfree(text);
		return err == -EOPNOTSUPP || err == -ENOSPC ? -EXDEV : err;
	}
	kfree(oi->redirect);
	oi->redirect = text;
	return 0;
}

/* A directory that comes below one with lower parts: nothing of them shall be merged into it. */
static int mark_moved(struct inode *moved, struct dentry *d, struct dentry *upper, struct inode *to, bool same_dir)
{
	int err;

	if (!S_ISDIR(moved->mode))
		return 0;
	if (has_lower(moved))
		return set_redirect(d, upper, same_dir);
	if (ovl_inode(moved)->opaque || !ovl_inode(to)->nlower)
		return 0;
	err = ovl_set_opaque(moved, upper);
	return err == -EOPNOTSUPP ? -EXDEV : err;
}

static bool is_whiteout_at(struct inode *dir, struct dentry *d, int *err)
{
	struct dentry *u;
	bool white = false;

	*err = ovl_upper(dir) ? below_lookup(ovl_upper(dir), d->name, d->len, &u) : 0;
	if (!*err && ovl_upper(dir)) {
		white = ovl_is_whiteout(ovl_super(dir->super), u);
		dentry_put(u);
	}
	return white;
}

/* What the upper layer is to do. Mounter's rights. */
static int choose_flags(struct move *m)
{
	bool white_target;
	int positive, err;

	if (m->exchange) {
		m->flags = RENAME_EXCHANGE;
		return 0;
	}
	positive = ovl_lower_positive(m->odir, m->od->name, m->od->len);
	if (positive < 0)
		return positive;
	white_target = !m->nd->inode && is_whiteout_at(m->ndir, m->nd, &err);
	if (!m->nd->inode && err)
		return err;
	if (positive)
		m->flags = white_target ? RENAME_EXCHANGE : RENAME_WHITEOUT;
	else if (white_target && S_ISDIR(m->od->inode->mode))
		m->flags = RENAME_EXCHANGE;
	m->clean_whiteout = !positive && m->flags == RENAME_EXCHANGE;
	return 0;
}

static int copy_both(struct move *m)
{
	int err = ovl_copy_up(m->od->inode);

	if (!err)
		err = ovl_copy_up(m->odir);
	if (!err)
		err = ovl_copy_up(m->ndir);
	return !err && m->exchange ? ovl_copy_up(m->nd->inode) : err;
}

/* The names in the upper layer. A lower-only target needs none: what is moved covers it. */
static int find_upper(struct move *m)
{
	struct dentry *target = m->nd->inode ? ovl_upper(m->nd->inode) : NULL;
	int err = ovl_upper_lookup(m->odir, m->od, ovl_upper(m->od->inode)->inode, &m->ou);

	if (err)
		return err;
	err = ovl_upper_lookup(m->ndir, m->nd, target ? target->inode : NULL, &m->nu);
	if (err)
		dentry_put(m->ou);
	return err;
}

/*
 * RENAME_WHITEOUT for file systems that have it not as one step would leave a moment without either; all that can be upper layers have it. A target directory is empty,
 * its whiteouts are gone.
 */
static int move_upper(struct move *m)
{
	bool same = m->odir == m->ndir;
	int err = mark_moved(m->od->inode, m->od, m->ou, m->ndir, same);

	if (!err && m->exchange)
		err = mark_moved(m->nd->inode, m->nd, m->nu, m->odir, same);
	if (!err && !same && ovl_inode(m->od->inode)->nlower)
		err = ovl_set_impure(m->ndir);
	if (!err && !same && m->exchange && ovl_inode(m->nd->inode)->nlower)
		err = ovl_set_impure(m->odir);
	if (!err && !m->exchange && m->nu->inode && S_ISDIR(m->od->inode->mode) && !S_ISDIR(m->nu->inode->mode) && m->flags != RENAME_EXCHANGE)
		err = -ESTALE;
	if (!err)
		err = below_rename(ovl_upper(m->odir), m->ou, ovl_upper(m->ndir), m->nu, m->flags);
	if (!err && m->clean_whiteout)
		ovl_cleanup(ovl_upper(m->odir), m->nu);
	return err;
}

static void renamed(struct move *m)
{
	struct inode *target = m->nd->inode;

	if (!m->exchange && target) {
		if (S_ISDIR(target->mode))
			inode_set_nlink(target, 0);
		else if (target->nlink)
			inode_set_nlink(target, target->nlink - 1);
	}
	ovl_dir_changed(m->odir);
	if (m->odir != m->ndir)
		ovl_dir_changed(m->ndir);
	(void)!ovl_copy_attr(m->od->inode);
	if (target && ovl_upper(target))
		(void)!ovl_copy_attr(target);
}

int ovl_rename(struct inode *odir, struct dentry *od, struct inode *ndir, struct dentry *nd, unsigned flags)
{
	struct move m = {.odir = odir, .ndir = ndir, .od = od, .nd = nd, .exchange = flags & RENAME_EXCHANGE};
	const struct cred *saved;
	int err = 0;

	if (flags & RENAME_WHITEOUT)
		return -EINVAL;
	if (!can_move(od->inode) || (m.exchange && !can_move(nd->inode)))
		return -EXDEV;
	if (!m.exchange && nd->inode && S_ISDIR(nd->inode->mode))
		err = ovl_dir_check_empty(nd->inode);
	if (!err)
		err = copy_both(&m);
	if (!err)
		err = ovl_enter_write(odir->super, &saved);
	if (err)
		return err;
	err = choose_flags(&m);
	if (!err)
		err = find_upper(&m);
	if (!err) {
		err = move_upper(&m);
		dentry_put(m.ou);
		dentry_put(m.nu);
	}
	ovl_leave_write(odir->super, saved);
	if (!err)
		renamed(&m);
	return err;
}
