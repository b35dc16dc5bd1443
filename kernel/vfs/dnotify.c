/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * F_NOTIFY: a signal when something happens to files in a directory. [man fcntl(2)]
 *
 * A request is a mark on the directory, of one open file and one descriptor table; closing a descriptor of that file in that table ends it. Without
 * DN_MULTISHOT the first signal does. A directory with a request has a struct file_locks, so that close looks here.
 */
#include "locks_impl.h"
#include <mm/slab.h>
#include <vfs/fown.h>
#include <vfs/notify.h>
#include <linux/fcntl.h>

u32 vfs_dnotify_enable = 1;

struct dnotify {
	struct notify_mark mark; /* first; group: the file */
	struct files *owner;
	int fd;
};

static void on_event(struct notify_mark *m, const struct notify_event *ev)
{
	file_send_sigio(m->group, container_of(m, struct dnotify, mark)->fd, POLL_MSG);
}

static void on_detached(struct notify_mark *m)
{
	kfree(container_of(m, struct dnotify, mark));
}

static const struct notify_ops dnotify_ops = {.event = on_event, .detached = on_detached};

static u32 mask_of(u32 arg)
{
	return (arg & DN_ACCESS ? IN_ACCESS : 0) | (arg & DN_MODIFY ? IN_MODIFY : 0) | (arg & DN_CREATE ? IN_CREATE | IN_MOVED_TO : 0)
		| (arg & DN_DELETE ? IN_DELETE | IN_MOVED_FROM : 0) | (arg & DN_RENAME ? FAN_RENAME : 0) | (arg & DN_ATTRIB ? IN_ATTRIB : 0);
}

/* Notify lock held. */
static struct dnotify *find(struct fsnotify_marks *ms, const struct file *f, const struct files *owner)
{
	struct notify_mark *m = NULL;

	while ((m = notify_next_locked(ms, f, m))) {
		struct dnotify *dn = container_of(m, struct dnotify, mark);

		if (dn->owner == owner)
			return dn;
	}
	return NULL;
}

static int request(struct file *f, int fd, u32 arg)
{
	struct files *owner = task_current()->files;
	struct dnotify *dn, *fresh = kzalloc(sizeof(*fresh), 0);
	int err = -ENOMEM;

	if (fresh && inode_locks_get(f->inode))
		err = file_own_if_nobody(f);
	if (!err)
		err = notify_lock(&f->inode->marks, f->inode);
	if (err) {
		kfree(fresh);
		return err;
	}
	dn = find(f->inode->marks, f, owner);
	if (!dn) {
		swap(dn, fresh);
		dn->mark = (struct notify_mark){.ops = &dnotify_ops, .group = f, .flags = NOTIFY_ONESHOT};
		dn->owner = owner;
		notify_attach_locked(f->inode->marks, &dn->mark);
	}
	dn->fd = fd;
	dn->mark.mask |= mask_of(arg);
	if (arg & DN_MULTISHOT)
		dn->mark.flags &= ~(u32)NOTIFY_ONESHOT;
	notify_update_locked(f->inode->marks, f->path.dentry);
	notify_unlock(f->inode->marks);
	kfree(fresh);
	return 0;
}

void file_dnotify_close(struct file *f, struct files *owner)
{
	struct fsnotify_marks *ms = LOAD_ACQUIRE(f->inode->marks);
	struct dnotify *dn;

	if (!ms || notify_lock(&f->inode->marks, f->inode))
		return;
	dn = find(ms, f, owner);
	if (dn)
		notify_detach_locked(ms, &dn->mark);
	notify_unlock(ms);
}

int file_dnotify(struct file *f, int fd, u32 arg)
{
	struct files *owner = task_current()->files;
	struct fd_ref again;
	int err;

	if (!vfs_dnotify_enable)
		return -EINVAL;
	if (!(arg & ~(u32)DN_MULTISHOT)) {
		file_dnotify_close(f, owner);
		return 0;
	}
	if (!S_ISDIR(f->inode->mode))
		return -ENOTDIR;
	err = request(f, fd, arg);
	if (err || !files_is_shared(owner))
		return err;
	/* Another thread may have closed the descriptor meanwhile. */
	again = fd_get(fd);
	if (again.file != f)
		file_dnotify_close(f, owner);
	fd_put(again);
	return 0;
}
