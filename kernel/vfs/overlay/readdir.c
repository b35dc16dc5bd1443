/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading directories. One that shows a single layer as it is, is read there. Others are read into memory once, all layers, each name as the topmost layer has it;
 * the list stays with the inode as long as no name changes (version), and an open directory keeps the list that it began with until it is rewound, so positions
 * hold: 0 and 1 are "." and "..", then the place in the list.
 */
#include "overlay.h"
#include <lib/rbtree.h>
#include <lib/refcount.h>
#include <mm/kmap.h>
#include <vfs/rw.h>
#include <linux/fs.h>

#define DT_DIR_ 4
#define DT_CHR_ 2
#define DT_REG_ 8

struct entry {
	struct rb_node node;
	struct entry *next; /* in the order of the list */
	u64 ino;
	u32 layer;
	u16 len;
	u8 type;
	bool white, lower_ino;
	char name[];
};

struct ovl_dir_cache {
	struct refcount refs;
	u64 version;
	struct rb_root names;
	struct entry *first, **last;
};

struct dir_file {
	struct file *real;	     /* of the layer that is shown as it is; NULL until it is needed */
	struct ovl_dir_cache *cache; /* NULL: real is read */
	struct entry *at;	     /* of the list, */
	s64 at_pos;		     /* its position: reading goes on mostly where it was */
};

/* ---- lists ---- */

void ovl_cache_put(struct ovl_dir_cache *c)
{
	if (!c || !refcount_dec_and_test(&c->refs))
		return;
	while (c->first) {
		struct entry *e = c->first;

		c->first = e->next;
		kfree(e);
	}
	kfree(c);
}

static struct rb_node **place_of(struct ovl_dir_cache *c, const char *name, size_t len, struct rb_node **parent, struct entry **found)
{
	struct rb_node **link = &c->names.node;

	*parent = NULL;
	*found = NULL;
	while (*link) {
		struct entry *e = rb_entry(*link, struct entry, node);
		int cmp = memcmp(name, e->name, min_t(size_t, len, e->len));

		if (!cmp && len == e->len) {
			*found = e;
			break;
		}
		*parent = *link;
		link = cmp < 0 || (!cmp && len < e->len) ? &(*link)->left : &(*link)->right;
	}
	return link;
}

struct fill {
	struct dir_emit emit; /* first */
	struct ovl_dir_cache *c;
	u32 layer;
	bool check, no_memory; /* check: files may be whiteouts */
};

static bool fill_one(struct dir_emit *em, const char *name, size_t len, u64 ino, unsigned type, s64 off)
{
	struct fill *f = (struct fill *)em;
	struct rb_node **link, *parent;
	struct entry *e;

	if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')))
		return true;
	link = place_of(f->c, name, len, &parent, &e);
	if (e) { /* a merged directory has the number of the topmost lower one */
		if (!e->layer && f->layer && !e->lower_ino && e->type == DT_DIR_ && type == DT_DIR_ && !e->white) {
			e->ino = ino;
			e->layer = f->layer;
			e->lower_ino = true;
		}
		return true;
	}
	e = kmalloc(sizeof(*e) + len, 0);
	if (!e) {
		f->no_memory = true;
		return false;
	}
	*e = (struct entry){.ino = ino, .layer = f->layer, .len = (u16)len, .type = (u8)type};
	e->white = type == DT_CHR_ || !type || (f->check && type == DT_REG_); /* to be looked at */
	memcpy(e->name, name, len);
	rb_link(&e->node, parent, link);
	rb_insert(&e->node, &f->c->names);
	*f->c->last = e;
	f->c->last = &e->next;
	return true;
}

static int open_layer(const struct ovl_super *os, u32 layer, struct dentry *d, struct file **out)
{
	const struct path p = {.mnt = os->layers[layer].mnt, .dentry = d};

	return file_open_path(&p, O_RDONLY | O_DIRECTORY | OPEN_UNTOLD, out);
}

static int iterate_real(struct file *real, struct dir_emit *e)
{
	int err;

	read_lock(&real->inode->lock);
	if (real->inode->flags & INODE_DEAD)
		err = -ENOENT;
	else
		err = real->ops->iterate ? real->ops->iterate(real, e) : -ENOTDIR;
	read_unlock(&real->inode->lock);
	return err;
}

/* What looked like a whiteout: is it? And a copied-up file has the number of what it was. */
static int settle(const struct ovl_super *os, struct dentry *dir, struct entry *e, bool impure)
{
	struct ovl_lower low;
	struct dentry *d;
	int err;

	if (!e->white && !(impure && e->type != DT_DIR_))
		return 0;
	err = below_lookup(dir, e->name, e->len, &d);
	if (err)
		return err;
	if (e->white)
		e->white = ovl_is_whiteout(os, d);
	if (d->inode && impure && !e->white && !S_ISDIR(d->inode->mode) && ovl_find_origin(os, d->inode, &low)) {
		if (low.dentry->inode->nlink == 1) {
			e->ino = low.dentry->inode->ino;
			e->layer = low.layer;
		}
		dentry_put(low.dentry);
	}
	dentry_put(d);
	return 0;
}

static int read_layer(const struct ovl_super *os, struct ovl_dir_cache *c, u32 layer, struct dentry *dir)
{
	struct fill f = {.emit = {.emit = fill_one}, .c = c, .layer = layer};
	bool impure = !layer && ovl_mark_get(os, dir->inode, OVL_IMPURE, NULL, 0) >= 0;
	struct entry **from = c->last;
	struct file *real;
	s64 at;
	int err;

	f.check = ovl_opaque_of(os, dir->inode) == 'x';
	err = open_layer(os, layer, dir, &real);
	if (err)
		return err;
	do {
		at = f.emit.pos;
		err = iterate_real(real, &f.emit);
	} while (!err && !f.no_memory && f.emit.pos != at);
	file_put_sync(real);
	if (f.no_memory)
		err = -ENOMEM;
	for (struct entry *e = *from; !err && e; e = e->next)
		err = settle(os, dir, e, impure);
	return err == -ENOENT ? 0 : err;
}

/* Mounter's rights. */
static int read_all(struct inode *dir, struct ovl_dir_cache **out)
{
	const struct ovl_super *os = ovl_super(dir->super);
	const struct ovl_inode *oi = ovl_inode(dir);
	struct ovl_dir_cache *c = kzalloc(sizeof(*c), 0);
	struct dentry *upper = ovl_upper(dir);
	int err = 0;

	if (!c)
		return -ENOMEM;
	refcount_set(&c->refs, 1);
	c->last = &c->first;
	c->version = __atomic_load_n(&oi->version, __ATOMIC_ACQUIRE);
	if (upper)
		err = read_layer(os, c, 0, upper);
	for (u32 i = 0; !err && !oi->opaque && i < oi->nlower; i++)
		err = read_layer(os, c, oi->lower[i].layer, oi->lower[i].dentry);
	if (err)
		ovl_cache_put(c);
	else
		*out = c;
	return err;
}

/* The list as it is now, referenced. Directory's lock held. */
static int cache_get(struct inode *dir, struct ovl_dir_cache **out)
{
	struct ovl_inode *oi = ovl_inode(dir);
	const struct cred *saved;
	int err = 0;

	mutex_lock(&oi->lock);
	if (oi->cache && oi->cache->version != __atomic_load_n(&oi->version, __ATOMIC_ACQUIRE)) {
		ovl_cache_put(oi->cache);
		oi->cache = NULL;
	}
	if (!oi->cache) {
		saved = ovl_enter(dir->super);
		err = read_all(dir, &oi->cache);
		ovl_leave(saved);
	}
	if (!err) {
		refcount_inc(&oi->cache->refs);
		*out = oi->cache;
	}
	mutex_unlock(&oi->lock);
	return err;
}

int ovl_dir_is_empty(struct inode *dir)
{
	struct ovl_dir_cache *c;
	int err = cache_get(dir, &c);

	if (err)
		return err;
	for (struct entry *e = c->first; e && !err; e = e->next)
		err = e->white ? 0 : -ENOTEMPTY;
	ovl_cache_put(c);
	return err;
}

/* ---- open directories ---- */

/* More than one layer, whiteouts, or children whose numbers are others'. */
static bool needs_list(struct inode *dir)
{
	const struct ovl_super *os = ovl_super(dir->super);
	const struct ovl_inode *oi = ovl_inode(dir);
	struct dentry *upper = ovl_upper(dir);
	const struct cred *saved;
	bool impure;

	if (oi->whiteouts || ovl_is_merged(dir))
		return true;
	if (!upper)
		return false;
	saved = ovl_enter(dir->super);
	impure = READ_ONCE(oi->impure) || ovl_mark_get(os, upper->inode, OVL_IMPURE, NULL, 0) >= 0;
	ovl_leave(saved);
	return impure;
}

static int real_of(struct file *f, struct dir_file *df)
{
	struct inode *dir = f->inode;
	const struct path p = ovl_real_path(dir);
	const struct cred *saved;
	struct file *real;
	int err;

	if (df->real && df->real->inode == p.dentry->inode)
		return 0;
	saved = ovl_enter(dir->super);
	err = file_open_path(&p, O_RDONLY | O_DIRECTORY | OPEN_UNTOLD, &real);
	ovl_leave(saved);
	if (err)
		return err;
	if (df->real)
		file_put(df->real);
	df->real = real;
	return 0;
}

static int dir_open(struct inode *inode, struct file *f)
{
	struct dir_file *df = kzalloc(sizeof(*df), 0);
	int err;

	if (!df)
		return -ENOMEM;
	err = real_of(f, df);
	if (err)
		kfree(df);
	else
		f->private = df;
	return err;
}

static void dir_release(struct file *f)
{
	struct dir_file *df = f->private;

	ovl_cache_put(df->cache);
	if (df->real)
		file_put(df->real);
	kfree(df);
}

/* A layer's own entries, with the overlay's numbers. */
struct translate {
	struct dir_emit emit; /* first */
	struct dir_emit *to;
	struct file *f;
	unsigned fs;
};

static u64 number_of_parent(const struct file *f)
{
	const struct dentry *d = f->path.dentry;

	return (d == f->path.mnt->root ? d : READ_ONCE(d->parent))->inode->ino;
}

static bool translate_one(struct dir_emit *em, const char *name, size_t len, u64 ino, unsigned type, s64 off)
{
	struct translate *t = (struct translate *)em;

	if (name[0] == '.' && len == 1)
		ino = t->f->inode->ino;
	else if (name[0] == '.' && len == 2 && name[1] == '.')
		ino = number_of_parent(t->f);
	else
		ino = ovl_map_ino(ovl_super(t->f->inode->super), ino, t->fs);
	return t->to->emit(t->to, name, len, ino, type, off);
}

static int iterate_as_is(struct file *f, struct dir_file *df, struct dir_emit *e)
{
	const struct ovl_inode *oi = ovl_inode(f->inode);
	struct translate t = {.emit = {.pos = e->pos, .emit = translate_one}, .to = e, .f = f};
	int err = real_of(f, df);

	if (err)
		return err;
	if (!ovl_upper(f->inode))
		t.fs = ovl_super(f->inode->super)->layers[oi->lower[0].layer].fs;
	err = iterate_real(df->real, &t.emit);
	e->pos = t.emit.pos;
	return err;
}

static void seek_list(struct dir_file *df, s64 pos)
{
	if (!df->at || df->at_pos > pos) {
		df->at = df->cache->first;
		df->at_pos = 2;
	}
	while (df->at && df->at_pos < pos) {
		df->at = df->at->next;
		df->at_pos++;
	}
}

static int dir_iterate(struct file *f, struct dir_emit *e)
{
	const struct ovl_super *os = ovl_super(f->inode->super);
	struct dir_file *df = f->private;
	int err;

	if (e->pos == 0 && (df->cache || needs_list(f->inode))) {
		ovl_cache_put(df->cache);
		df->cache = NULL;
		df->at = NULL;
		err = cache_get(f->inode, &df->cache);
		if (err)
			return err;
	}
	if (!df->cache)
		return iterate_as_is(f, df, e);
	if (!dir_emit_dots(f, e))
		return 0;
	for (seek_list(df, e->pos); df->at; df->at = df->at->next, df->at_pos++) {
		struct entry *d = df->at;

		if (!d->white && !e->emit(e, d->name, d->len, ovl_map_ino(os, d->ino, os->layers[d->layer].fs), d->type, df->at_pos))
			return 0;
		e->pos = df->at_pos + 1;
	}
	return 0;
}

static s64 dir_lseek(struct file *f, s64 off, int whence)
{
	struct dir_file *df = f->private;
	s64 pos;

	if (df->cache || !df->real->ops->lseek)
		return whence == SEEK_END ? -EINVAL : lseek_size(f, off, whence, S64_MAX, 0);
	df->real->pos = f->pos;
	pos = df->real->ops->lseek(df->real, off, whence);
	if (pos >= 0)
		f->pos = pos;
	return pos;
}

static int dir_fsync(struct file *f, s64 start, s64 end, bool datasync)
{
	struct dir_file *df = f->private;
	int err;

	if (!ovl_upper(f->inode) || ovl_super(f->inode->super)->o.is_volatile)
		return 0;
	err = real_of(f, df);
	return !err && df->real->ops->fsync ? df->real->ops->fsync(df->real, start, end, datasync) : err;
}

static ssize_t dir_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	return -EISDIR;
}

const struct file_ops ovl_dir_fops = {
	.open = dir_open,
	.release = dir_release,
	.read = dir_read,
	.lseek = dir_lseek,
	.iterate = dir_iterate,
	.fsync = dir_fsync,
};
