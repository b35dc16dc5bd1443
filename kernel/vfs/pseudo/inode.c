/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inodes of pseudo file systems: names of a tree as the VFS sees them.
 */
#include "pseudo_impl.h"
#include <debug/panic.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <proc/pid.h>
#include <sync/rwlock.h>
#include <linux/fs.h>
#include <linux/mount.h>

static struct slab_cache *pseudo_cache;

void pseudo_init(void)
{
	if (!pseudo_cache)
		pseudo_cache = slab_cache_create("pseudo_inode", sizeof(struct pseudo_inode), 64, SLAB_PANIC);
}

struct inode *pseudo_alloc_inode(struct super *sb)
{
	struct pseudo_inode *pi = slab_alloc(pseudo_cache, 0);

	if (!pi)
		return NULL;
	memset(pi, 0, sizeof(*pi));
	return &pi->inode;
}

void pseudo_free_inode(struct inode *inode)
{
	slab_free(pseudo_cache, pseudo_inode(inode));
}

void pseudo_evict(struct inode *inode)
{
	struct pseudo_inode *pi = pseudo_inode(inode);

	pseudo_node_put(pi->node);
	pid_put(pi->pid);
}

/* ---- callbacks of nodes ---- */

static int node_enter(struct inode *inode, struct pseudo_text *t)
{
	struct pseudo_node *n = pseudo_inode(inode)->node;

	t->arg = n->arg;
	return pseudo_activate(n) ? 0 : -ENODEV;
}

static void node_leave(struct inode *inode, struct pseudo_text *t)
{
	pseudo_deactivate(pseudo_inode(inode)->node);
}

static const struct pseudo_guard node_guard = {.enter = node_enter, .leave = node_leave};

static int node_open(struct inode *inode, struct file *f)
{
	return pseudo_text_open(f, pseudo_inode(inode)->file, &node_guard);
}

static const struct file_ops node_fops = {
	.open = node_open,
	.read = pseudo_text_read,
	.write = pseudo_text_write,
	.lseek = pseudo_text_lseek,
	.poll = pseudo_text_poll,
	.release = pseudo_text_release,
};

static int node_readlink(struct inode *inode, struct dentry *d, char *buf, size_t size)
{
	struct pseudo_node *n = pseudo_inode(inode)->node;
	struct pseudo_text t = {.arg = n->arg};

	return (int)(n->target ? pseudo_link_text(n, buf, size) : n->file->readlink(&t, buf, size));
}

/* ---- attributes ---- */

int pseudo_setattr(struct inode *inode, const struct iattr *attr)
{
	struct iattr a = *attr;

	a.valid &= ~(unsigned)IATTR_SIZE; /* O_TRUNC of who writes a setting */
	inode_setattr_copy(inode, &a);
	return 0;
}

/* ---- directories ---- */

int pseudo_attach(struct inode *dir, struct dentry *d, struct pseudo_node *n)
{
	struct inode *inode = inode_alloc(dir->super, NULL, n->mode);
	struct pseudo_inode *pi = pseudo_inode(inode);

	if (!inode) {
		pseudo_node_put(n);
		return -ENOMEM;
	}
	pi->node = n;
	pi->file = n->file;
	inode->ino = n->ino;
	inode->data.size = n->size;
	switch (n->mode & S_IFMT) {
	case S_IFDIR:
		inode->ops = &pseudo_dir_inode_ops;
		inode->fops = &pseudo_dir_fops;
		inode->nlink = 2;
		break;
	case S_IFLNK: inode->ops = &pseudo_link_inode_ops; break;
	default:
		inode->ops = &pseudo_file_inode_ops;
		inode->fops = n->file->fops ?: &node_fops;
	}
	dentry_set_inode(d, inode);
	return 0;
}

int pseudo_lookup(struct inode *dir, struct dentry *d)
{
	struct pseudo_node *n = pseudo_find(pseudo_inode(dir)->node, d->name, d->len);

	if (!n) {
		d->flags |= DENTRY_UNCACHED; /* it may come to be */
		return 0;
	}
	return pseudo_attach(dir, d, n);
}

/* Names that may be removed are in file systems whose super block asks for this. */
static int node_revalidate(struct dentry *d)
{
	return !READ_ONCE(pseudo_inode(d->inode)->node->dead);
}

bool pseudo_iterate_nodes(struct pseudo_node *dir, struct dir_emit *e)
{
	struct pseudo_node *n;

	while ((n = pseudo_next_child(dir, (u64)e->pos))) {
		bool more = e->emit(e, n->name, strlen(n->name), n->ino, (n->mode >> 12) & 15, (s64)n->ino);

		if (more)
			e->pos = (s64)n->ino + 1;
		pseudo_node_put(n);
		if (!more)
			return false;
	}
	return true;
}

int pseudo_dir_iterate(struct file *f, struct dir_emit *e)
{
	if (dir_emit_dots(f, e))
		(void)pseudo_iterate_nodes(pseudo_inode(f->inode)->node, e);
	return 0;
}

ssize_t pseudo_dir_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	return -EISDIR;
}

s64 pseudo_dir_lseek(struct file *f, s64 off, int whence)
{
	return whence == SEEK_END ? -EINVAL : lseek_size(f, off, whence, S64_MAX, 0);
}

const struct inode_ops pseudo_dir_inode_ops = {.lookup = pseudo_lookup, .setattr = pseudo_setattr, .revalidate = node_revalidate};
const struct inode_ops pseudo_file_inode_ops = {.setattr = pseudo_setattr, .revalidate = node_revalidate};
const struct inode_ops pseudo_link_inode_ops = {.readlink = node_readlink, .setattr = pseudo_setattr, .revalidate = node_revalidate};
const struct file_ops pseudo_dir_fops = {.read = pseudo_dir_read, .lseek = pseudo_dir_lseek, .iterate = pseudo_dir_iterate};

int pseudo_super_create(struct fs_config *c, const struct super_ops *ops, u64 magic, struct pseudo_node *root,
	const struct inode_ops *root_ops, const struct file_ops *root_fops)
{
	struct inode *inode;
	struct super *sb;
	int err = super_create(c->type, ops, c->sb_flags, &sb);

	if (err)
		return err;
	sb->magic = magic;
	sb->next_ino = 1ull << 32;
	inode = inode_alloc(sb, NULL, root->mode);
	if (inode) {
		pseudo_node_get(root);
		pseudo_inode(inode)->node = root;
		inode->ino = root->ino;
		inode->nlink = 2;
		inode->ops = root_ops;
		inode->fops = root_fops;
		sb->root = dentry_create_root(sb, inode);
	}
	if (!sb->root) {
		super_put(sb);
		return -ENOMEM;
	}
	c->super = sb;
	return 0;
}
