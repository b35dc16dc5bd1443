/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is seen at a name: the layers are asked from the top. A whiteout ends the search with nothing; a file ends it; a directory hides what is no directory below
 * and is merged with the directories below, until one is opaque. A directory that was renamed tells by its mark "redirect" where lower layers have it: by
 * another name in the same parent, or by a path from their root.
 */
#include "overlay.h"

struct search {
	struct super *sb;
	const struct ovl_super *os;
	const char *name;	/* at this layer, in the parent there */
	u32 len;
	char *redirect;		/* owns what name points to, when it was redirected; NULL */
	bool absolute;		/* redirect is a path from the root of each further layer */
	bool dir;		/* a directory was found: only such are of interest */
	bool stop, whiteout;
	bool opaque;		/* of the upper directory */
	bool xattr_whiteouts;	/* a directory that may hold some */
	struct ovl_found found;
};

bool ovl_is_whiteout(const struct ovl_super *os, const struct dentry *d)
{
	struct inode *i = d->inode;

	if (!i || ovl_is_whiteout_inode(i))
		return i;
	return S_ISREG(i->mode) && !READ_ONCE(i->data.size) && ovl_mark_get(os, i, OVL_WHITEOUT, NULL, 0) >= 0;
}

static int check_redirect(struct search *s, struct inode *real)
{
	const struct ovl_super *os = s->os;
	ssize_t len = ovl_mark_get(os, real, OVL_REDIRECT, NULL, 0);
	char *text;

	if (len <= 0)
		return len == 0 ? -EINVAL : len == -ENODATA || len == -EOPNOTSUPP ? 0 : (int)len;
	text = kzalloc((size_t)len + 1, 0);
	if (!text)
		return -ENOMEM;
	len = ovl_mark_get(os, real, OVL_REDIRECT, text, (size_t)len);
	if (len <= 0 || (text[0] != '/' && strchr(text, '/'))) {
		kfree(text);
		return -EIO;
	}
	/* A name in a directory that is itself found by a path: the last part of that changes. */
	if (text[0] != '/' && s->absolute) {
		size_t head = (size_t)(strrchr(s->redirect, '/') - s->redirect) + 1;
		char *joined = kmalloc(head + (size_t)len + 1, 0);

		if (!joined) {
			kfree(text);
			return -ENOMEM;
		}
		memcpy(joined, s->redirect, head);
		memcpy(joined + head, text, (size_t)len + 1);
		kfree(text);
		text = joined;
	}
	kfree(s->redirect);
	s->redirect = text;
	s->absolute = text[0] == '/';
	s->name = text;
	s->len = (u32)strlen(text);
	return 0;
}

/* What was found at @d of one layer: takes or drops the reference. 1: it belongs to the result. */
static int judge(struct search *s, struct dentry *d, bool upper, bool last)
{
	struct inode *i = d->inode;
	char opaque;
	int err;

	if (!i)
		return 0;
	if (ovl_is_whiteout_inode(i) || (s->xattr_whiteouts && ovl_is_whiteout(s->os, d))) {
		s->stop = s->whiteout = true;
		return 0;
	}
	if (!S_ISDIR(i->mode)) {
		s->stop = true;
		if (s->dir)
			return 0;
		if (upper && S_ISREG(i->mode) && ovl_mark_get(s->os, i, OVL_METACOPY, NULL, 0) >= 0)
			return -EPERM; /* its data are elsewhere */
		return 1;
	}
	s->dir = true;
	if (last)
		return 1;
	opaque = ovl_opaque_of(s->os, i);
	if (opaque == 'y') {
		s->stop = true;
		s->opaque |= upper;
		return 1;
	}
	err = check_redirect(s, i);
	return err ? err : 1;
}

/* One component, or a path from the root of a layer. */
static int find_below(struct dentry *base, const char *name, u32 len, struct dentry **out)
{
	struct dentry *at = base, *next;
	int err = 0;

	dentry_get(at);
	while (!err && len) {
		u32 n = 0;

		while (len && *name == '/') {
			name++;
			len--;
		}
		while (n < len && name[n] != '/')
			n++;
		if (!n)
			break;
		if (!at->inode || !S_ISDIR(at->inode->mode)) {
			dentry_put(at);
			*out = NULL;
			return 0;
		}
		err = below_lookup(at, name, n, &next);
		if (err == -ENAMETOOLONG || err == -ENOENT) {
			dentry_put(at);
			*out = NULL;
			return 0;
		}
		if (!err) {
			dentry_put(at);
			at = next;
		}
		name += n;
		len -= n;
	}
	if (err)
		dentry_put(at);
	else
		*out = at;
	return err;
}

/* One of the layers' own directories must not be met inside another layer. */
static bool is_trap(const struct ovl_super *os, const struct dentry *d)
{
	if (d->inode && d->inode == (os->workbase ? os->workbase->inode : NULL))
		return true;
	for (u32 i = 0; i < os->nlayers; i++) {
		if (os->layers[i].mnt && d->inode && os->layers[i].mnt->root->inode == d->inode)
			return true;
	}
	return false;
}

static int look_in(struct search *s, struct dentry *base, u32 layer, bool last)
{
	struct dentry *d;
	bool redirected;
	int err;

	s->xattr_whiteouts = layer && ovl_opaque_of(s->os, base->inode) == 'x';
	err = find_below(base, s->name, s->len, &d);
	if (err || !d)
		return err;
	redirected = s->redirect;
	err = is_trap(s->os, d) ? -ELOOP : judge(s, d, !layer, last);
	/* A redirect is a link into lower layers that nobody's rights are asked for: not if the upper layer is not trusted. */
	if (err == 1 && redirected && s->os->o.redirect == OVL_REDIRECT_NOFOLLOW)
		err = -EPERM;
	if (err != 1) {
		dentry_put(d);
		return err;
	}
	if (!layer)
		s->found.upper = d;
	else
		s->found.lower[s->found.nlower++] = (struct ovl_lower){d, layer};
	return 0;
}

static int look_upper(struct search *s, const struct inode *dir)
{
	struct dentry *upper = ovl_upper(dir);
	int err;

	if (!upper)
		return 0;
	err = look_in(s, upper, 0, false);
	if (!err && s->redirect) {
		s->found.redirect = kstrdup(s->redirect, 0);
		if (!s->found.redirect)
			err = -ENOMEM;
	}
	return err;
}

/* From where the parent is in lower layers, or from their roots. */
static int look_lower(struct search *s, const struct ovl_inode *parent)
{
	const struct ovl_super *os = s->os;
	u32 at = 0;
	int err = 0;

	for (u32 layer = 1; layer < os->nlayers && !err && !s->stop; layer++) {
		while (at < parent->nlower && parent->lower[at].layer < layer)
			at++;
		if (s->absolute)
			err = look_in(s, os->layers[layer].mnt->root, layer, layer + 1 == os->nlayers);
		else if (at < parent->nlower && parent->lower[at].layer == layer)
			err = look_in(s, parent->lower[at].dentry, layer, at + 1 == parent->nlower);
	}
	return err;
}

/* A copied-up file's lower object, for its number. */
static void add_origin(struct search *s)
{
	struct ovl_found *f = &s->found;

	if (f->upper && !f->nlower && ovl_find_origin(s->os, f->upper->inode, &f->lower[0]))
		f->nlower = 1;
}

static int search(struct search *s, struct inode *dir)
{
	const struct ovl_inode *parent = ovl_inode(dir);
	const struct ovl_super *os = s->os;
	struct ovl_found *f = &s->found;
	int err;

	f->lower = kcalloc(os->nlayers, sizeof(*f->lower), 0);
	if (!f->lower)
		return -ENOMEM;
	err = look_upper(s, dir);
	if (!err && !s->stop && (!parent->opaque || s->absolute))
		err = look_lower(s, parent);
	if (err)
		return err;
	f->opaque = s->opaque;
	f->whiteouts = s->dir && ((f->upper ? 1 : 0) + f->nlower > 1 || ovl_mark_get(os, (f->upper ? f->upper : f->lower[0].dentry)->inode, OVL_ORIGIN, NULL, 0) >= 0
					 || (!f->upper && ovl_opaque_of(os, f->lower[0].dentry->inode) == 'x'));
	if (!s->dir)
		add_origin(s);
	return 0;
}

int ovl_lookup(struct inode *dir, struct dentry *d)
{
	const struct cred *saved;
	struct search s = {.sb = dir->super, .os = ovl_super(dir->super), .name = d->name, .len = d->len};
	struct inode *inode;
	int err;

	saved = ovl_enter(dir->super);
	err = search(&s, dir);
	kfree(s.redirect);
	if (!err && (s.found.upper || s.found.nlower))
		err = ovl_inode_get(dir->super, d->parent, &s.found, &inode);
	else
		inode = NULL;
	ovl_found_free(&s.found);
	ovl_leave(saved);
	if (err)
		return err;
	if (inode)
		dentry_set_inode(d, inode);
	return 0;
}

int ovl_lower_positive(struct inode *dir, const char *name, u32 len)
{
	const struct ovl_super *os = ovl_super(dir->super);
	const struct ovl_inode *oi = ovl_inode(dir);

	if (!S_ISDIR(dir->mode) || oi->opaque)
		return 0;
	for (u32 i = 0; i < oi->nlower; i++) {
		struct dentry *d;
		bool there, white;
		int err = below_lookup(oi->lower[i].dentry, name, len, &d);

		if (err)
			return err == -ENAMETOOLONG || err == -ENOENT ? 0 : err;
		there = d->inode;
		white = ovl_is_whiteout_inode(d->inode)
			|| (there && ovl_opaque_of(os, oi->lower[i].dentry->inode) == 'x' && ovl_is_whiteout(os, d));
		dentry_put(d);
		if (there)
			return !white;
	}
	return 0;
}
