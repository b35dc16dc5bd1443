/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Character devices by number, and what opening a device node, FIFO or socket in a directory does.
 */
#include "vfs_impl.h"
#include <lib/bits.h>
#include <lib/hash.h>
#include <lib/strbuf.h>
#include <lib/string.h>
#include <sync/spinlock.h>
#include <linux/major.h>

LOCK_CLASS(chrdev, RANK_LEAF, "registry of character devices");

#define CHRDEV_BITS 6

static struct spinlock chrdev_lock = SPINLOCK_INIT(chrdev);
static struct chrdev *table[1u << CHRDEV_BITS]; /* by major; entries are never removed */

static const struct file_ops *block_node_ops;
static void (*block_show)(struct strbuf *sb);

void vfs_set_block(const struct file_ops *node_ops, void (*show)(struct strbuf *sb))
{
	block_show = show;
	STORE_RELEASE(block_node_ops, node_ops);
}

int chrdev_register(struct chrdev *c)
{
	struct chrdev **head = &table[hash_u32(c->major, CHRDEV_BITS)];
	int err = 0;

	spin_lock(&chrdev_lock);
	for (struct chrdev *o = *head; o; o = o->next) {
		if (o->major == c->major && c->minor < o->minor + o->nminors && o->minor < c->minor + c->nminors)
			err = -EBUSY;
	}
	if (!err) {
		c->next = *head;
		STORE_RELEASE(*head, c);
	}
	spin_unlock(&chrdev_lock);
	return err;
}

static struct chrdev *chrdev_find(u32 rdev)
{
	u32 major = vfs_major(rdev), minor = vfs_minor(rdev);

	for (struct chrdev *c = LOAD_ACQUIRE(table[hash_u32(major, CHRDEV_BITS)]); c; c = LOAD_ACQUIRE(c->next)) {
		if (c->major == major && minor - c->minor < c->nminors)
			return c;
	}
	return NULL;
}

size_t chrdev_show(char *buf, size_t size)
{
	struct strbuf sb;

	strbuf_init(&sb, buf, size);
	strbuf_puts(&sb, "Character devices:\n");
	for (u32 major = 0; major < 512; major++) {
		const char *last = NULL;

		for (struct chrdev *c = LOAD_ACQUIRE(table[hash_u32(major, CHRDEV_BITS)]); c; c = LOAD_ACQUIRE(c->next)) {
			if (c->major != major || (last && strcmp(last, c->name) == 0))
				continue;
			last = c->name;
			strbuf_printf(&sb, "%3u %s\n", major, last);
		}
	}
	strbuf_puts(&sb, "\nBlock devices:\n");
	if (block_show)
		block_show(&sb);
	return sb.len;
}

size_t chrdev_show_misc(char *buf, size_t size)
{
	struct strbuf sb;

	strbuf_init(&sb, buf, size);
	for (struct chrdev *c = LOAD_ACQUIRE(table[hash_u32(MISC_MAJOR, CHRDEV_BITS)]); c; c = LOAD_ACQUIRE(c->next)) {
		if (c->major == MISC_MAJOR)
			strbuf_printf(&sb, "%3u %s\n", c->minor, c->misc_name);
	}
	return sb.len;
}

static int chrdev_open(struct inode *inode, struct file *f)
{
	struct chrdev *c = chrdev_find(inode->rdev);

	if (!c)
		return -ENXIO;
	f->ops = c->ops;
	f->private = c->private;
	if (c->ops->lseek)
		f->mode |= FMODE_SEEK;
	return c->ops->open ? c->ops->open(inode, f) : 0;
}

static int block_open(struct inode *inode, struct file *f)
{
	const struct file_ops *ops = LOAD_ACQUIRE(block_node_ops);

	if (!ops)
		return -ENXIO;
	f->ops = ops;
	f->mode |= FMODE_SEEK | FMODE_NOWAIT | FMODE_POS_LOCK; /* as a regular file: O_NONBLOCK means nothing */
	return ops->open(inode, f);
}

static int no_open(struct inode *inode, struct file *f)
{
	return -ENXIO;
}

static int fifo_open(struct inode *inode, struct file *f)
{
	if (!vfs_fifo_ops)
		return -ENXIO;
	f->ops = vfs_fifo_ops;
	return vfs_fifo_ops->open ? vfs_fifo_ops->open(inode, f) : 0;
}

static const struct file_ops chrdev_node_ops = {.open = chrdev_open};
static const struct file_ops block_inode_ops = {.open = block_open};
static const struct file_ops no_node_ops = {.open = no_open};
static const struct file_ops fifo_node_ops = {.open = fifo_open};

void inode_init_special(struct inode *inode, u32 rdev)
{
	inode->rdev = 0;
	switch (inode->mode & S_IFMT) {
	case S_IFCHR:
		inode->rdev = rdev;
		inode->fops = &chrdev_node_ops;
		break;
	case S_IFIFO: inode->fops = &fifo_node_ops; break;
	case S_IFBLK:
		inode->rdev = rdev;
		inode->fops = &block_inode_ops;
		break;
	default: inode->fops = &no_node_ops;
	}
}
