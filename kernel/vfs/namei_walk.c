/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walk along a path name.
 *
 * RCU mode: one read section from the first component to walk_complete. The walk holds no reference; what it knows is (mount, dentry, inode, seq), and each
 * step is valid if the parent's seq has not changed after the child was found with a seq of its own. So by induction the whole path was true at some
 * moment. Anything that must sleep or cannot be decided (name not cached, file system wants to be asked, link not in memory) either turns the walk into a
 * ref walk where it stands (walk_unlazy, when no symbolic link's text is in use) or returns -ECHILD: the caller begins again in ref mode.
 *
 * Ref mode: path and root are referenced; a name that is not cached is read under the directory's lock.
 *
 * A symbolic link in the middle pushes the rest of the name on w->rest; at the end of the link's text the walk goes on there. A link at the end is returned
 * to the caller, who decides to walk it. Texts read in ref mode live in w->bufs until walk_end; in RCU mode they belong to the inode.
 */
#include "vfs_impl.h"
#include <lib/string.h>
#include <mm/slab.h>
#include <linux/mount.h>

int walk_begin(struct walk *w, int dirfd, const char *name, unsigned flags, bool rcu)
{
	struct fs_context *fs = fs_current();
	u32 seq;

	w->flags = flags;
	w->scoped = flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT);
	w->rcu = rcu && !w->scoped;
	w->root_set = false;
	w->trailing_slash = false;
	w->last_type = LAST_ROOT;
	w->depth = 0;
	w->nlinks = 0;
	w->last = NULL;
	w->bufs = NULL;
	w->cred = cred_current();
	w->dir_mode = 0;
	w->path = (struct path){NULL, NULL};
	w->root = (struct path){NULL, NULL};
	rcu_read_lock();
	w->mount_seq = seq_begin(&mount_seq);
	if (w->scoped) {
		w->mount_seq0 = w->mount_seq;
		w->rename_seq0 = seq_begin(&dentry_rename_seq);
	}
	if (*name == '/' && !(flags & LOOKUP_IN_ROOT)) {
		if (flags & LOOKUP_BENEATH) {
			rcu_read_unlock();
			w->rcu = false;
			return -EXDEV;
		}
		do {
			seq = seq_begin(&fs->seq);
			w->path = fs->root;
			w->seq = seq_begin(&w->path.dentry->seq);
		} while (seq_retry(&fs->seq, seq));
		w->root = w->path;
		w->root_set = true;
	} else if (dirfd == AT_FDCWD) {
		do {
			seq = seq_begin(&fs->seq);
			w->path = fs->cwd;
			w->seq = seq_begin(&w->path.dentry->seq);
		} while (seq_retry(&fs->seq, seq));
	} else {
		struct fd_ref r = fd_get_path(dirfd);

		if (!r.file || (*name && !S_ISDIR(r.file->inode->mode))) {
			int err = r.file ? -ENOTDIR : -EBADF;

			rcu_read_unlock();
			w->rcu = false;
			fd_put(r);
			return err;
		}
		w->path = r.file->path;
		w->seq = seq_begin(&w->path.dentry->seq);
		if (!w->rcu)
			path_get(&w->path);
		fd_put(r); /* puts of files are deferred: never sleeps */
		goto started;
	}
	if (!w->rcu) {
		/* fs_context holds them; a chdir by another thread may let go: take them under its lock. */
		if (w->root_set)
			fs_get_root(&w->path);
		else
			fs_get_cwd(&w->path);
	}
started:
	w->inode = w->path.dentry->inode;
	if (w->scoped) {
		w->root = w->path;
		w->root_set = true;
	} else if (!w->rcu && w->root_set) {
		w->root = w->path;
	}
	if (!w->rcu) {
		rcu_read_unlock();
		if (w->root_set)
			path_get(&w->root);
	}
	return 0;
}

void walk_end(struct walk *w)
{
	if (w->rcu) {
		rcu_read_unlock();
		w->rcu = false;
	} else {
		if (w->path.dentry)
			path_put(&w->path);
		if (w->root_set && w->root.dentry)
			path_put(&w->root);
	}
	w->path.dentry = NULL;
	w->root_set = false;
	while (w->bufs) {
		struct link_buf *b = w->bufs;

		w->bufs = b->next;
		kfree(b);
	}
}

void walk_set_root(struct walk *w)
{
	struct fs_context *fs;
	u32 seq;

	if (w->root_set)
		return;
	fs = fs_current();
	if (w->rcu) {
		do {
			seq = seq_begin(&fs->seq);
			w->root = fs->root;
		} while (seq_retry(&fs->seq, seq));
	} else {
		fs_get_root(&w->root);
	}
	w->root_set = true;
}

/* References for @p as found with @seq under the walk's mount_seq. */
static bool legitimize(struct walk *w, const struct path *p, u32 seq)
{
	if (!mount_get_rcu(p->mnt, w->mount_seq))
		return false;
	if (dentry_tryget(p->dentry)) {
		if (likely(!seq_retry(&p->dentry->seq, seq)))
			return true;
		rcu_read_unlock(); /* puts may sleep */
		dentry_put(p->dentry);
		rcu_read_lock();
	}
	rcu_read_unlock();
	mount_put(p->mnt);
	rcu_read_lock();
	return false;
}

int walk_complete(struct walk *w)
{
	if (!w->rcu)
		return 0;
	if (w->depth || !legitimize(w, &w->path, w->seq))
		return -ECHILD;
	rcu_read_unlock();
	w->rcu = false;
	w->root_set = false; /* was not referenced: looked up again if needed */
	return 0;
}

static int may_exec(struct walk *w)
{
	struct inode *inode = w->inode;
	int err;

	if (likely(!inode->ops->permission)) {
		if (likely((READ_ONCE(inode->mode) & (0111 | INODE_MODE_ACL)) == 0111))
			return 0;
		return inode_permission_mode(inode, MAY_EXEC);
	}
	if (w->rcu) {
		err = walk_complete(w);
		if (err)
			return err;
	}
	return inode->ops->permission(inode, MAY_EXEC);
}

/* Down through mounts standing on w's next place. 1 is never returned; -ECHILD -EXDEV. */
static int cross_down(struct walk *w, struct path *p, u32 *seq)
{
	while (unlikely(READ_ONCE(p->dentry->flags) & DENTRY_MOUNTED)) {
		struct mount *m;

		if (w->rcu) {
			m = mount_find_rcu(p->mnt, p->dentry);
			if (seq_retry(&mount_seq, w->mount_seq))
				return -ECHILD;
		} else {
			m = mount_find(p->mnt, p->dentry);
		}
		if (!m)
			break;
		if (w->flags & LOOKUP_NO_XDEV) {
			if (!w->rcu)
				mount_put(m);
			return -EXDEV;
		}
		if (!w->rcu) {
			path_put(p);
			dentry_get(m->root);
		}
		p->mnt = m;
		p->dentry = m->root;
		*seq = seq_begin(&m->root->seq);
	}
	return 0;
}

int walk_step(struct walk *w, struct dentry *d, u32 seq, bool follow, const char **out_link)
{
	struct path p = {.mnt = w->path.mnt, .dentry = d};
	struct inode *inode;
	int err;

	if (!w->rcu)
		mount_get(p.mnt);
	err = cross_down(w, &p, &seq);
	if (err)
		goto fail;
	inode = READ_ONCE(p.dentry->inode);
	if (w->rcu && seq_retry(&p.dentry->seq, seq))
		return -ECHILD;
	if (unlikely(!inode)) {
		err = -ENOENT;
		goto fail;
	}
	if (unlikely(follow && S_ISLNK(READ_ONCE(inode->mode))))
		return walk_link(w, &p, inode, seq, out_link);
	if (!w->rcu)
		path_put(&w->path);
	w->path = p;
	w->inode = inode;
	w->seq = seq;
	return 0;
fail:
	if (!w->rcu)
		path_put(&p);
	return err;
}

/* Step to the directory above, in RCU mode. */
static int walk_dotdot_rcu(struct walk *w)
{
	struct path p = w->path;
	u32 seq, pseq = w->seq;
	int err;

	walk_set_root(w);
	while (p.dentry == p.mnt->root || (p.dentry == w->root.dentry && p.mnt == w->root.mnt)) {
		struct mount *up = READ_ONCE(p.mnt->parent);
		struct dentry *at = READ_ONCE(p.mnt->mountpoint);

		if (seq_retry(&mount_seq, w->mount_seq))
			return -ECHILD;
		if (up == p.mnt || (p.dentry == w->root.dentry && p.mnt == w->root.mnt)) {
			seq = pseq;
			goto arrive;
		}
		if (w->flags & LOOKUP_NO_XDEV)
			return -EXDEV;
		p = (struct path){.mnt = up, .dentry = at};
		pseq = seq_begin(&p.dentry->seq);
	}
	w->path = p;
	p.dentry = READ_ONCE(w->path.dentry->parent);
	seq = seq_begin(&p.dentry->seq);
	if (seq_retry(&w->path.dentry->seq, pseq))
		return -ECHILD;
arrive:
	err = cross_down(w, &p, &seq);
	if (err)
		return err;
	w->path = p;
	w->seq = seq;
	w->inode = READ_ONCE(p.dentry->inode);
	if (seq_retry(&p.dentry->seq, seq) || !w->inode)
		return -ECHILD;
	return 0;
}

/* The same in ref mode: mount_lock holds the tree, d->lock the parent. */
static int walk_dotdot_ref(struct walk *w)
{
	struct path p = w->path, next;
	u32 seq;
	int err;

	walk_set_root(w);
	path_get(&p);
	while (!(p.dentry == w->root.dentry && p.mnt == w->root.mnt)) {
		if (p.dentry != p.mnt->root) {
			spin_lock(&p.dentry->lock);
			next = (struct path){.mnt = p.mnt, .dentry = p.dentry->parent};
			dentry_get(next.dentry);
			spin_unlock(&p.dentry->lock);
			dentry_put(p.dentry);
			p = next;
			goto found;
		}
		spin_lock(&mount_lock);
		if (!mount_has_parent(p.mnt)) {
			spin_unlock(&mount_lock);
			goto found;
		}
		next = (struct path){.mnt = p.mnt->parent, .dentry = p.mnt->mountpoint};
		path_get(&next);
		spin_unlock(&mount_lock);
		path_put(&p);
		p = next;
		if (w->flags & LOOKUP_NO_XDEV) {
			err = -EXDEV;
			goto fail;
		}
	}
	if (w->flags & LOOKUP_BENEATH) {
		err = -EXDEV;
		goto fail;
	}
found:
	err = cross_down(w, &p, &seq);
	if (err)
		goto fail;
	/* A rename or mount beside us could have led this step out of the scope. */
	if (w->scoped && (seq_retry(&dentry_rename_seq, w->rename_seq0) || seq_retry(&mount_seq, w->mount_seq0))) {
		err = -EAGAIN;
		goto fail;
	}
	path_put(&w->path);
	w->path = p;
	w->inode = p.dentry->inode;
	return 0;
fail:
	path_put(&p);
	return err;
}

static int walk_up(struct walk *w)
{
	return w->rcu ? walk_dotdot_rcu(w) : walk_dotdot_ref(w);
}

int lookup_locked(struct dentry *dir, const char *name, u32 len, u32 hash, struct dentry **out)
{
	struct dentry *d = dentry_find(dir, name, len, hash);
	struct inode *inode = dir->inode;
	int err;

	if (d && unlikely(d->flags & DENTRY_REVALIDATE) && d->inode && d->inode->ops->revalidate) {
		err = d->inode->ops->revalidate(d);
		if (err <= 0) {
			dentry_drop(d);
			dentry_put(d);
			if (err < 0)
				return err;
			d = NULL;
		}
	}
	if (d) {
		*out = d;
		return 0;
	}
	if (inode->flags & INODE_DEAD)
		return -ENOENT;
	if (len > dir->super->namelen_max)
		return -ENAMETOOLONG;
	d = dentry_alloc(dir, name, len, hash);
	if (!d)
		return -ENOMEM;
	err = inode->ops->lookup ? inode->ops->lookup(inode, d) : -ENOTDIR;
	if (err) {
		dentry_put(d);
		return err;
	}
	/* A negative one that the file system must be asked about each time is not kept. */
	if (d->inode || !(d->flags & (DENTRY_REVALIDATE | DENTRY_UNCACHED)))
		dentry_hash(d);
	*out = d;
	return 0;
}

/* Find one component below w->path: cache, then file system. Result referenced in ref mode. */
static int walk_find(struct walk *w, const char *name, u32 len, u32 hash, struct dentry **out, u32 *out_seq)
{
	struct dentry *d, *dir = w->path.dentry;
	int err;

	if (w->rcu) {
		d = dentry_find_rcu(dir, name, len, hash, out_seq);
		if (likely(d && !(READ_ONCE(d->flags) & DENTRY_REVALIDATE))) {
			if (unlikely(seq_retry(&dir->seq, w->seq)))
				return -ECHILD;
			*out = d;
			return 0;
		}
		if (w->flags & LOOKUP_CACHED)
			return -ECHILD;
		err = walk_complete(w);
		if (err)
			return err;
	}
	d = dentry_find(dir, name, len, hash);
	if (likely(d && !(d->flags & DENTRY_REVALIDATE))) {
		*out = d;
		return 0;
	}
	if (d) {
		int ok = d->inode && d->inode->ops->revalidate ? d->inode->ops->revalidate(d) : 1;

		if (ok > 0) {
			*out = d;
			return 0;
		}
		dentry_put(d);
	}
	write_lock(&dir->inode->lock);
	err = lookup_locked(dir, name, len, hash, out);
	write_unlock(&dir->inode->lock);
	return err;
}

static int walk_component(struct walk *w, const char *name, u32 len, u32 hash, bool follow, const char **out_link)
{
	struct dentry *d;
	u32 seq = 0;
	int err = walk_find(w, name, len, hash, &d, &seq);

	if (unlikely(err))
		return err;
	w->dir_uid = w->inode->uid;
	w->dir_mode = w->inode->mode;
	return walk_step(w, d, seq, follow, out_link);
}

/*
 * The common step: RCU mode, the name is cached, nothing is mounted on it and it is no link to follow. 0; -ENOENT; 1: nothing has happened, and
 * walk_component decides.
 */
static inline int walk_fast(struct walk *w, const char *name, u32 len, u32 hash, bool follow)
{
	struct dentry *d, *dir = w->path.dentry;
	struct inode *inode;
	u32 seq;

	if (unlikely(!w->rcu))
		return 1;
	d = dentry_find_rcu(dir, name, len, hash, &seq);
	if (unlikely(!d || (READ_ONCE(d->flags) & (DENTRY_REVALIDATE | DENTRY_MOUNTED))))
		return 1;
	inode = READ_ONCE(d->inode);
	if (unlikely(seq_retry(&d->seq, seq) || seq_retry(&dir->seq, w->seq)))
		return 1;
	if (unlikely(!inode))
		return -ENOENT;
	if (unlikely(follow && S_ISLNK(READ_ONCE(inode->mode))))
		return 1;
	w->dir_uid = w->inode->uid;
	w->dir_mode = w->inode->mode;
	w->path.dentry = d;
	w->inode = inode;
	w->seq = seq;
	return 0;
}

static inline u8 name_type(const char *s, u32 len)
{
	if (likely(s[0] != '.'))
		return LAST_NORM;
	if (len == 1)
		return LAST_DOT;
	return len == 2 && s[1] == '.' ? LAST_DOTDOT : LAST_NORM;
}

static int walk_middle(struct walk *w, u8 type, const char *s, u32 len, u32 hash, const char **out_link)
{
	if (likely(type == LAST_NORM))
		return walk_component(w, s, len, hash, true, out_link);
	return type == LAST_DOTDOT ? walk_up(w) : 0;
}

int walk_parents(struct walk *w, const char *s)
{
	unsigned base = w->depth;
	const char *link;

	w->last_type = LAST_ROOT;
	w->trailing_slash = false;
	w->last_len = 0;
	w->last = s;
	if (!*s)
		return 0;
	for (;;) {
		const char *end;
		size_t len;
		u32 hash;
		u8 type;
		int err;

		while (*s == '/')
			s++;
		if (!*s) { /* only slashes (at the start, or a link's text was "/") */
			if (w->depth == base)
				return S_ISDIR(w->inode->mode) ? 0 : -ENOTDIR;
			s = w->rest[--w->depth];
			continue;
		}
		err = S_ISDIR(READ_ONCE(w->inode->mode)) ? may_exec(w) : -ENOTDIR;
		if (unlikely(err))
			return err;
		hash = name_hash_component(dentry_name_salt(w->path.dentry), s, &len);
		if (unlikely(len > NAME_MAX))
			return -ENAMETOOLONG;
		type = name_type(s, (u32)len);
		end = s + len;
		while (*end == '/')
			end++;
		if (!*end && w->depth == base) {
			w->last = s;
			w->last_len = (u32)len;
			w->last_hash = hash;
			w->last_type = type;
			w->trailing_slash = s[len] == '/';
			return 0;
		}
		err = likely(type == LAST_NORM) ? walk_fast(w, s, (u32)len, hash, true) : 1;
		if (unlikely(err == 1))
			err = walk_middle(w, type, s, (u32)len, hash, &link);
		if (unlikely(err < 0))
			return err;
		s = end;
		if (err == 1) {
			w->rest[w->depth++] = end;
			s = link;
		} else if (!*s && w->depth > base) {
			s = w->rest[--w->depth];
			/* What follows the link must find a directory: the next turn of the loop checks; at the very end a slash asks for it. */
			while (!*s && w->depth > base)
				s = w->rest[--w->depth];
			if (!*s)
				return S_ISDIR(w->inode->mode) ? 0 : -ENOTDIR;
		}
	}
}

int walk_last(struct walk *w, const char **out_link)
{
	int err;

	if (w->trailing_slash && w->last_type == LAST_NORM)
		w->flags |= LOOKUP_FOLLOW | LOOKUP_DIRECTORY;
	switch (w->last_type) {
	case LAST_NORM:
		err = walk_fast(w, w->last, w->last_len, w->last_hash, w->flags & LOOKUP_FOLLOW);
		if (likely(err != 1))
			return err;
		return walk_component(w, w->last, w->last_len, w->last_hash, w->flags & LOOKUP_FOLLOW, out_link);
	case LAST_DOTDOT:
		return walk_up(w);
	default:
		return 0;
	}
}
