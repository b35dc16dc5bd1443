/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What the files of fanotify share: groups, marks, events. See fanotify.c.
 */
#include <io/fanotify.h>
#include <lib/errno.h>
#include <lib/list.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <proc/cred.h>
#include <proc/pid.h>
#include <sync/mutex.h>
#include <sync/wait.h>
#include <vfs/handle.h>
#include <vfs/mount.h>
#include <vfs/namei.h>
#include <vfs/notify.h>
#include <linux/fanotify.h>
#include <linux/fcntl.h>

enum fan_kind { FAN_KIND_OVERFLOW, FAN_KIND_PATH, FAN_KIND_FID, FAN_KIND_NAME, FAN_KIND_ERROR, FAN_KIND_PERM };
/* Of a permission event: in the queue, given to a reader, answered, or given to a reader while who asked was killed. */
enum fan_state { FAN_ASKED, FAN_READ, FAN_ANSWERED, FAN_ABANDONED };

struct fan_event {
	struct list_head link; /* group's queue, or those read that wait for an answer */
	u32 mask;
	u8 kind, state;	       /* state: queue_lock */
	bool has_object, has_dir, has_dir2;
	struct pid *pid;       /* NULL: the kernel */
	struct path path;      /* of PATH and PERM: references */
	s32 fd;		       /* by which a PERM event is answered; queue_lock */
	u32 response;	       /* queue_lock */
	u64 fsid;
	struct inode_handle object, dir, dir2;
	s32 error;
	u32 error_count;       /* queue_lock */
	u32 len, len2;	       /* of the names, one after the other */
	char names[];
};

struct fan_group {
	struct notify_group notify; /* first */
	unsigned flags, event_f_flags;
	bool privileged;
	struct user *user;
	struct mutex lock;
	struct list_head marks;	    /* lock */
	struct spinlock queue_lock;
	struct list_head queue;	    /* queue_lock; so are the next four */
	struct list_head asked;	    /* read, no answer yet */
	u32 queued, max_queued;
	bool closed;
	struct wait_queue wait, answers;
	struct fan_event overflow; /* last: it has no names */
};

struct fan_mark {
	struct notify_mark mark;    /* first */
	struct list_head link;	    /* group's lock; in the list: attached */
	struct mount *mount;	    /* of a mount's; no reference */
	struct super *super;	    /* of a super block's; no reference */
	bool evictable;		    /* notify lock */
	struct refcount refs;
};

/* ---- fanotify_event.c ---- */
int fan_handle_event(struct notify_group *ng, const struct notify_event *ev, const struct notify_view view[NOTIFY_PLACES]);
void fan_event_free(struct fan_event *e);
/* With an answer: wakes who waits for it. queue_lock held. */
void fan_answer_locked(struct fan_group *g, struct fan_event *e, u32 response);

/* ---- fanotify_read.c ---- */
struct iobuf;
ssize_t fan_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf);
ssize_t fan_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf);
