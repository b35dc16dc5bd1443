/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Pseudo terminals, between the master (pty.c) and the names of the slaves (devpts.c).
 */
#include <io/tty.h>

struct dentry;
struct devpts;
struct path;

struct pty {
	struct tty tty;			/* the slave; first reference: the master's */
	struct devpts *fs;		/* the instance that names it; a reference */
	unsigned index;			/* in it */
	bool slave_closed;		/* was open, is not: tty.open_mutex to change */
	struct wait_queue master_wait;
	struct dentry *name;		/* in devpts */
};

#define PTY_NUMBERS (1u << 20) /* minors of slaves */

/*
 * devpts.c. An instance of devpts is a super block; a master belongs to the one in which its ptmx stands, or that is mounted on "pts" beside it. Thread context.
 */
/* The instance of master @f, and a number in it: pty->fs and index. -ENODEV: there is none; -ENOSPC. */
int devpts_attach(struct file *f, struct pty *pty) MUST_CHECK;
/* Give number and instance back. Does not sleep. */
void devpts_detach(struct pty *pty);
/* Make the name, owned by the running task, and let it be found; devpts_remove: the master is gone. */
int devpts_add(struct pty *pty) MUST_CHECK;
void devpts_remove(struct pty *pty);
/* What the slave's node @inode leads to, referenced; NULL. */
struct tty *devpts_find_get(struct inode *inode);
/* A way to the name from master @f. -ENODEV; references: path_put. */
int devpts_path(struct pty *pty, struct file *f, struct path *out) MUST_CHECK;
