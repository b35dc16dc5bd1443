/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What notify.c and notify_wide.c share.
 */
#include "vfs_impl.h"
#include <vfs/notify.h>

struct fsnotify_marks {
	struct refcount refs;	     /* the object's, and of who works on it */
	struct mutex lock;
	struct inode *inode;	     /* NULL: of a mount or super block */
	struct list_head marks;	     /* lock */
	u32 want;		     /* lock to change: union of what the marks want */
	struct list_head super_link; /* notify_lists_lock; linked while an inode has marks */
};

/* The lists of watched inodes and of groups. */
extern struct spinlock notify_lists_lock;

/* Ask the wide groups. 0, or what one of them answered to an event of NOTIFY_PERM. No notify lock held. */
int notify_tell_groups(const struct notify_event *ev, struct fsnotify_marks *const at[NOTIFY_PLACES]);
/* All marks in *slot are told of @ev, by its victim, and go. */
void notify_end_marks(struct fsnotify_marks **slot, const struct notify_event *ev);
