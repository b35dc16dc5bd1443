/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Shared by kernel/vfs/pseudo, proc and sysfs.
 */
#include "../vfs_impl.h"
#include <lib/strbuf.h>
#include <vfs/fs_config.h>
#include <vfs/pseudo.h>

struct pseudo_inode {
	struct inode inode;		/* first */
	struct pseudo_node *node;	/* of a tree; holds a reference */
	struct pid *pid;		/* of a task; holds a reference */
	const struct pseudo_file *file;
	s32 fd;				/* /proc/PID/fd/N */
	u8 kind;			/* the file system's own */
};

static inline struct pseudo_inode *pseudo_inode(const struct inode *inode)
{
	return (struct pseudo_inode *)inode;
}

/* ---- inode.c ---- */
struct inode *pseudo_alloc_inode(struct super *sb);
void pseudo_free_inode(struct inode *inode);
void pseudo_evict(struct inode *inode);
/* Attach an inode for @n (reference moves in) to @d. -ENOMEM. */
int pseudo_attach(struct inode *dir, struct dentry *d, struct pseudo_node *n) MUST_CHECK;
int pseudo_lookup(struct inode *dir, struct dentry *d);
/* Entries of the tree at and after e->pos; false: the buffer is full. */
bool pseudo_iterate_nodes(struct pseudo_node *dir, struct dir_emit *e);
int pseudo_dir_iterate(struct file *f, struct dir_emit *e);
int pseudo_setattr(struct inode *inode, const struct iattr *attr);
ssize_t pseudo_dir_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf);
s64 pseudo_dir_lseek(struct file *f, s64 off, int whence);
extern const struct inode_ops pseudo_dir_inode_ops, pseudo_file_inode_ops, pseudo_link_inode_ops;
extern const struct file_ops pseudo_dir_fops;
/* c->super: a new super block whose root is @root. */
int pseudo_super_create(struct fs_config *c, const struct super_ops *ops, u64 magic, struct pseudo_node *root,
	const struct inode_ops *root_ops, const struct file_ops *root_fops) MUST_CHECK;
void pseudo_init(void);

/* ---- tree.c ---- */
/* @dir_mode: permissions of directories made below. Panics without memory: boot only. */
struct pseudo_node *pseudo_create_root(u32 dir_mode);
/* Keep a node's callbacks possible; false: it is removed. */
bool pseudo_activate(struct pseudo_node *n) MUST_CHECK;
void pseudo_deactivate(struct pseudo_node *n);
/* The first child with ino >= @from, referenced; NULL. */
struct pseudo_node *pseudo_next_child(struct pseudo_node *dir, u64 from);
/* Relative path from the directory of link @n to its target. */
ssize_t pseudo_link_text(struct pseudo_node *n, char *buf, size_t size);
