/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What locks.c and lease.c share.
 */
#include "vfs_impl.h"
#include <lib/strbuf.h>
#include <sync/wait.h>
#include <vfs/locks.h>

struct file_locks {
	struct spinlock lock;
	struct list_head ranges; /* POSIX, OFD */
	struct list_head flocks;
	struct list_head leases;
	struct wait_queue wait;	 /* told of whatever is given up */
	struct inode *inode;
	struct list_head all_link;
};

/* The inode's, made if need be; NULL: -ENOMEM. */
struct file_locks *inode_locks_get(struct inode *inode);
/* The lease taken through @f goes. */
void file_lease_drop(struct file *f);
/* Lines of /proc/locks; fl->lock held. False: no room, sb as before. */
bool leases_show_locked(const struct file_locks *fl, struct strbuf *sb, u64 *at, u64 *line);
