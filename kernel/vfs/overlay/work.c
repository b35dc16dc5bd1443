/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The work directory: what is made for the upper layer is made here first, complete, and then moved to its place by one rename, so that a crash leaves the old
 * or the new there. What is left over is removed by the next mount.
 */
#include "overlay.h"
#include <lib/printf.h>
#include <linux/fs.h>

#define CLEAN_DEPTH 2 /* of directories that the overlay itself can leave */

int ovl_work_make(struct ovl_super *os, const struct below_new *what, struct dentry **out)
{
	char name[16];
	int err;

	do {
		u32 n = __atomic_add_fetch(&os->work_seq, 1, __ATOMIC_RELAXED);

		err = below_make(os->work, name, (u32)scnprintf(name, sizeof(name), "#%x", n), what, out);
	} while (err == -EEXIST);
	return err;
}

int ovl_whiteout(struct ovl_super *os, struct dentry *dir, struct dentry *d)
{
	const struct below_new what = {.mode = S_IFCHR};
	struct dentry *w;
	int err = ovl_work_make(os, &what, &w);

	if (err)
		return err;
	err = below_rename(os->work, w, dir, d, d->inode ? RENAME_EXCHANGE : 0);
	if (err)
		(void)!below_remove(os->work, w);
	dentry_put(w);
	return err;
}

/* ---- cleaning ---- */

struct child {
	struct child *next;
	u32 len;
	char name[];
};

struct collect {
	struct dir_emit emit; /* first */
	struct child *first;
	bool no_memory;
};

static bool collect_one(struct dir_emit *e, const char *name, size_t len, u64 ino, unsigned type, s64 off)
{
	struct collect *c = (struct collect *)e;
	struct child *n;

	if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')))
		return true;
	n = kmalloc(sizeof(*n) + len, 0);
	if (!n) {
		c->no_memory = true;
		return false;
	}
	n->len = (u32)len;
	memcpy(n->name, name, len);
	n->next = c->first;
	c->first = n;
	return true;
}

/* The names of @dir, to be freed. */
static int children_of(struct mount *mnt, struct dentry *dir, struct child **out)
{
	const struct path p = {.mnt = mnt, .dentry = dir};
	struct collect c = {.emit = {.emit = collect_one}};
	struct file *f;
	s64 at;
	int err = file_open_path(&p, O_RDONLY | O_DIRECTORY | OPEN_UNTOLD, &f);

	if (err)
		return err;
	read_lock(&dir->inode->lock);
	do {
		at = c.emit.pos;
		err = f->ops->iterate ? f->ops->iterate(f, &c.emit) : -ENOTDIR;
	} while (!err && !c.no_memory && c.emit.pos != at);
	read_unlock(&dir->inode->lock);
	file_put_sync(f);
	*out = c.first;
	return c.no_memory ? -ENOMEM : err;
}

static int clean_tree(struct ovl_super *os, struct dentry *dir, struct dentry *d, unsigned depth);

static int clean_children(struct ovl_super *os, struct dentry *dir, unsigned depth)
{
	struct child *c = NULL;
	int err = children_of(os->layers[0].mnt, dir, &c);

	while (c) {
		struct child *next = c->next;
		struct dentry *d;

		if (!err)
			err = below_lookup(dir, c->name, c->len, &d);
		if (!err) {
			err = d->inode ? clean_tree(os, dir, d, depth) : 0;
			dentry_put(d);
		}
		kfree(c);
		c = next;
	}
	return err;
}

static int clean_tree(struct ovl_super *os, struct dentry *dir, struct dentry *d, unsigned depth)
{
	if (S_ISDIR(d->inode->mode) && depth) {
		int err = clean_children(os, d, depth - 1);

		if (err)
			return err;
	}
	return below_remove(dir, d);
}

/* Nothing but whiteouts is there: a directory in it was not seen either. */
int ovl_work_clear(struct ovl_super *os, struct dentry *dir)
{
	return clean_children(os, dir, 0);
}

void ovl_cleanup(struct dentry *dir, struct dentry *d)
{
	(void)!below_remove(dir, d);
}

/* A mount that was volatile may have lost anything: it is not used again before somebody has taken the mark away. */
static int refuse_incompatible(struct ovl_super *os, struct dentry *work, struct fs_config *c)
{
	struct child *list = NULL;
	struct dentry *d;
	bool any;
	int err = below_lookup(work, "incompat", 8, &d);

	if (err)
		return err;
	if (d->inode && S_ISDIR(d->inode->mode))
		err = children_of(os->layers[0].mnt, d, &list);
	any = list;
	while (list) {
		struct child *next = list->next;

		kfree(list);
		list = next;
	}
	dentry_put(d);
	return any ? fs_config_invalid(c, "overlay with incompat feature cannot be mounted") : err;
}

/* work/incompat/volatile/dirty */
static int mark_volatile(struct ovl_super *os)
{
	static const char *const path[] = {"incompat", "volatile", "dirty"};
	struct dentry *at = os->work, *d;
	int err = 0;

	dentry_get(at);
	for (unsigned i = 0; !err && i < ARRAY_SIZE(path); i++) {
		const struct below_new what = {.mode = i < 2 ? S_IFDIR : S_IFREG};

		err = below_make(at, path[i], (u32)strlen(path[i]), &what, &d);
		if (!err) {
			dentry_put(at);
			at = d;
		}
	}
	dentry_put(at);
	return err;
}

int ovl_work_prepare(struct ovl_super *os, struct fs_config *c)
{
	const struct below_new what = {.mode = S_IFDIR};
	struct dentry *d;
	int err = below_lookup(os->workbase, "work", 4, &d);

	if (err)
		return err;
	if (d->inode) {
		err = S_ISDIR(d->inode->mode) ? refuse_incompatible(os, d, c) : 0;
		if (!err)
			err = clean_tree(os, os->workbase, d, CLEAN_DEPTH);
	}
	dentry_put(d);
	if (!err)
		err = below_make(os->workbase, "work", 4, &what, &os->work);
	return !err && os->o.is_volatile ? mark_volatile(os) : err;
}
