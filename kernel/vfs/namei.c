/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of paths: copied from user space, resolved, and written out again; the working directory and root of tasks.
 */
#include "vfs_impl.h"
#include <lib/string.h>
#include <lib/strbuf.h>
#include <mm/slab.h>
#include <mm/uaccess.h>

LOCK_CLASS(fs_context, RANK_LEAF, "root and working directory of a task");

/* The walk reads names a word at a time: 8 bytes after the NUL are readable. */
struct path_name {
	u32 len;
	char text[PATH_MAX + 8];
};

static struct slab_cache *name_cache, *fs_cache;
struct fs_context fs_context_init = {.refs = 1, .umask = 022, .lock = SPINLOCK_INIT(fs_context)};

void namei_init(void);
void namei_init(void)
{
	name_cache = slab_cache_create("path_name", sizeof(struct path_name), 0, SLAB_PANIC);
	fs_cache = slab_cache_create("fs_context", sizeof(struct fs_context), 0, SLAB_PANIC);
}

int path_name_get(struct uptr user, bool empty_ok, struct path_name **out)
{
	struct path_name *n = slab_alloc(name_cache, 0);
	ssize_t len;

	if (!n)
		return -ENOMEM;
	len = arch_strncpy_from_user(n->text, user, PATH_MAX);
	if (unlikely(len <= 0 && !(len == 0 && empty_ok))) {
		slab_free(name_cache, n);
		return len ? (int)len : -ENOENT;
	}
	n->len = (u32)len;
	*out = n;
	return 0;
}

int path_name_kernel(const char *s, struct path_name **out)
{
	size_t len = strlen(s);
	struct path_name *n;

	if (len >= PATH_MAX)
		return -ENAMETOOLONG;
	n = slab_alloc(name_cache, 0);
	if (!n)
		return -ENOMEM;
	memcpy(n->text, s, len + 1);
	n->len = (u32)len;
	*out = n;
	return 0;
}

void path_name_put(struct path_name *n)
{
	slab_free(name_cache, n);
}

const char *path_name_str(const struct path_name *n)
{
	return n->text;
}

void path_get(const struct path *p)
{
	mount_get(p->mnt);
	dentry_get(p->dentry);
}

void path_put(const struct path *p)
{
	dentry_put(p->dentry);
	mount_put(p->mnt);
}

bool path_equal(const struct path *a, const struct path *b)
{
	return a->dentry == b->dentry && a->mnt == b->mnt;
}

static int lookup_once(struct walk *w, int dirfd, const char *name, unsigned flags, bool rcu, struct path *out)
{
	const char *link = name;
	int err = walk_begin(w, dirfd, name, flags, rcu);

	while (!err) {
		err = walk_parents(w, link);
		if (err)
			break;
		err = walk_last(w, &link);
		if (err != 1)
			break;
		err = 0;
	}
	if (!err && (w->flags & LOOKUP_DIRECTORY) && !S_ISDIR(w->inode->mode))
		err = -ENOTDIR;
	if (!err && w->trailing_slash && !S_ISDIR(w->inode->mode))
		err = -ENOTDIR;
	if (!err)
		err = walk_complete(w);
	if (!err) {
		*out = w->path;
		w->path.dentry = NULL; /* its references are the caller's */
	}
	walk_end(w);
	return err;
}

static int lookup_string(int dirfd, const char *name, unsigned flags, struct path *out)
{
	struct walk w;
	int err = lookup_once(&w, dirfd, name, flags, true, out);

	if (unlikely(err == -ECHILD))
		err = flags & LOOKUP_CACHED ? -EAGAIN : lookup_once(&w, dirfd, name, flags, false, out);
	return err;
}

int path_lookup(int dirfd, const struct path_name *name, unsigned flags, struct path *out)
{
	if (unlikely(!name->text[0] && !(flags & LOOKUP_EMPTY)))
		return -ENOENT;
	return lookup_string(dirfd, name->text, flags, out);
}

int path_lookup_kernel(const char *name, unsigned flags, struct path *out)
{
	struct path_name *n;
	int err = path_name_kernel(name, &n);

	if (err)
		return err;
	err = path_lookup(AT_FDCWD, n, flags, out);
	path_name_put(n);
	return err;
}

static int parent_once(int dirfd, const char *name, unsigned flags, bool rcu, struct walk *w, struct parent_walk *out)
{
	int err = walk_begin(w, dirfd, name, flags, rcu);

	if (!err)
		err = walk_parents(w, name);
	if (!err)
		err = walk_complete(w);
	if (err) {
		walk_end(w);
		return err;
	}
	*out = (struct parent_walk){.dir = w->path, .last = w->last, .last_len = w->last_len, .last_type = w->last_type,
		.trailing_slash = w->trailing_slash, .walk = w};
	return 0;
}

int parent_lookup(int dirfd, const struct path_name *name, unsigned flags, struct walk *w, struct parent_walk *out)
{
	int err;

	if (unlikely(!name->text[0]))
		return -ENOENT;
	err = parent_once(dirfd, name->text, flags | LOOKUP_PARENT, true, w, out);
	if (unlikely(err == -ECHILD))
		err = parent_once(dirfd, name->text, flags | LOOKUP_PARENT, false, w, out);
	return err;
}

void parent_done(struct parent_walk *pw)
{
	walk_end(pw->walk);
}

/* ---- working directory and root ---- */

struct fs_context *fs_current(void)
{
	struct task *t = task_current_or_null();

	return likely(t && t->fs) ? t->fs : &fs_context_init;
}

struct fs_context *fs_context_fork(struct fs_context *from)
{
	struct fs_context *fs = slab_alloc(fs_cache, 0);

	if (!fs)
		return NULL;
	if (!from)
		from = &fs_context_init;
	fs->refs = 1;
	fs->seq.seq = 0;
	spin_init(&fs->lock, fs_context);
	spin_lock(&from->lock);
	fs->umask = from->umask;
	fs->root = from->root;
	fs->cwd = from->cwd;
	path_get(&fs->root);
	path_get(&fs->cwd);
	spin_unlock(&from->lock);
	return fs;
}

void fs_context_get(struct fs_context *fs)
{
	__atomic_fetch_add(&fs->refs, 1, __ATOMIC_RELAXED);
}

void fs_context_put(struct fs_context *fs)
{
	if (__atomic_fetch_sub(&fs->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	path_put(&fs->root);
	path_put(&fs->cwd);
	slab_free(fs_cache, fs);
}

void fs_context_move(struct fs_context *fs, struct path *which, const struct path *to, struct path *out_old)
{
	path_get(to);
	spin_lock(&fs->lock);
	seq_write_begin(&fs->seq);
	*out_old = *which;
	*which = *to;
	seq_write_end(&fs->seq);
	spin_unlock(&fs->lock);
}

static void fs_set(struct fs_context *fs, struct path *where, const struct path *p)
{
	struct path old;

	fs_context_move(fs, where, p, &old);
	if (old.dentry)
		path_put(&old);
}

void fs_context_set(struct fs_context *fs, const struct path *p)
{
	fs_set(fs, &fs->root, p);
	fs_set(fs, &fs->cwd, p);
}

void fs_context_replace(struct fs_context *fs, const struct path *from, const struct path *to)
{
	struct path *const both[] = {&fs->root, &fs->cwd};

	for (unsigned i = 0; i < ARRAY_SIZE(both); i++) {
		bool same;

		spin_lock(&fs->lock);
		same = path_equal(both[i], from);
		spin_unlock(&fs->lock);
		/* If it is changed just now, by its owner, then after the pivot: as if that had come first. */
		if (same)
			fs_set(fs, both[i], to);
	}
}

void fs_set_cwd(const struct path *p)
{
	struct fs_context *fs = fs_current();

	fs_set(fs, &fs->cwd, p);
}

void fs_set_root(const struct path *p)
{
	struct fs_context *fs = fs_current();

	fs_set(fs, &fs->root, p);
}

void fs_get_cwd(struct path *out)
{
	struct fs_context *fs = fs_current();

	spin_lock(&fs->lock);
	*out = fs->cwd;
	path_get(out);
	spin_unlock(&fs->lock);
}

void fs_get_root(struct path *out)
{
	struct fs_context *fs = fs_current();

	spin_lock(&fs->lock);
	*out = fs->root;
	path_get(out);
	spin_unlock(&fs->lock);
}

/* ---- paths to text ---- */

struct backwards {
	char *buf;
	size_t at;	/* first byte in use */
	bool overflow;
};

static void prepend(struct backwards *b, const char *s, size_t len)
{
	if (b->overflow || len > b->at) {
		b->overflow = true;
		return;
	}
	b->at -= len;
	memcpy(b->buf + b->at, s, len);
}

/* Names from p up to root. False: p is not below it ("(unreachable)"). Names may be torn by a rename: the caller checks the sequences. */
static bool prepend_names(struct backwards *b, struct path p, const struct path *root)
{
	while (!(p.dentry == root->dentry && p.mnt == root->mnt)) {
		u32 len;

		if (p.dentry == p.mnt->root) {
			struct mount *up = READ_ONCE(p.mnt->parent);

			if (up == p.mnt)
				return false;
			p = (struct path){.mnt = up, .dentry = READ_ONCE(p.mnt->mountpoint)};
			continue;
		}
		if (READ_ONCE(p.dentry->parent) == p.dentry)
			return false;
		len = min_t(u32, READ_ONCE(p.dentry->len), NAME_MAX);
		prepend(b, READ_ONCE(p.dentry->name), len);
		prepend(b, "/", 1);
		p.dentry = READ_ONCE(p.dentry->parent);
	}
	return true;
}

static ssize_t anon_string(const struct dentry *d, char *buf, size_t size)
{
	struct strbuf sb;

	strbuf_init(&sb, buf, size);
	if (!(d->flags & DENTRY_ANON))
		strbuf_printf(&sb, "/%.*s (deleted)", (int)d->len, d->name);
	else if (strcmp(d->name, "pipe") == 0 || strcmp(d->name, "socket") == 0 || nsfs_inode_ns(d->inode))
		strbuf_printf(&sb, "%s:[%llu]", d->name, d->inode->ino);
	else
		strbuf_printf(&sb, d->name[0] == '[' ? "anon_inode:%s" : "anon_inode:[%s]", d->name);
	return strbuf_overflowed(&sb) ? -ENAMETOOLONG : (ssize_t)sb.len;
}

ssize_t path_string(const struct path *p, const struct path *root, char *buf, size_t size)
{
	struct backwards b;
	u32 mseq, rseq;
	bool below, gone;
	size_t len;

	if (!size)
		return -ENAMETOOLONG;
	if (p->mnt->flags & MNT_INTERNAL)
		return anon_string(p->dentry, buf, size);
	rcu_read_lock();
	do {
		mseq = seq_begin(&mount_seq);
		rseq = seq_begin(&dentry_rename_seq);
		gone = p->dentry != p->mnt->root && !dentry_is_hashed(p->dentry);
		b = (struct backwards){.buf = buf, .at = size - 1};
		if (gone)
			prepend(&b, " (deleted)", 10);
		below = prepend_names(&b, *p, root);
		if (b.at == size - 1 - (gone ? 10u : 0))
			prepend(&b, "/", 1);
		if (!below)
			prepend(&b, "(unreachable)", 13);
	} while (seq_retry(&mount_seq, mseq) || seq_retry(&dentry_rename_seq, rseq));
	rcu_read_unlock();
	if (b.overflow)
		return -ENAMETOOLONG;
	len = size - 1 - b.at;
	memmove(buf, buf + b.at, len);
	buf[len] = '\0';
	return (ssize_t)len;
}

ssize_t file_path(struct file *f, char *buf, size_t size)
{
	struct path root;
	ssize_t len;

	fs_get_root(&root);
	len = path_string(&f->path, &root, buf, size);
	path_put(&root);
	return len;
}
