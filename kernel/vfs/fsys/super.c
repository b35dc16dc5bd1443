/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Super blocks: what becomes stable when, what is free, how it ends.
 */
#include "fsys_impl.h"
#include <debug/log.h>
#include <debug/panic.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <linux/mount.h>

struct fsys_cred fsys_cred(const struct super *sb)
{
	const struct cred *cred = cred_current();

	return (struct fsys_cred){.uid = cred->fsuid,
		.gid = cred->fsgid,
		.may_use_reserve = capable(CAP_SYS_RESOURCE),
		.intent = __atomic_add_fetch(&fsys_super(sb)->intent, 1, __ATOMIC_RELAXED),
		.now = fsys_time_out(ktime_now())};
}

static int fsys_statfs(struct super *sb, struct kstatfs *out)
{
	struct fsys_super *fs = fsys_super(sb);
	struct fsys_statfs st;

	fs->port.ops->statfs(fs->port.self, &st);
	out->type = st.magic;
	out->bsize = out->frsize = st.block_bytes;
	out->blocks = st.blocks;
	out->bfree = st.free;
	out->bavail = st.available;
	out->files = st.files;
	out->ffree = st.files_free;
	out->namelen = st.name_max;
	out->fsid = st.fsid;
	return 0;
}

static int fsys_sync(struct super *sb, bool wait)
{
	struct fsys_super *fs = fsys_super(sb);
	int err, port_err;

	if (!fs->started)
		return 0;
	err = bdi_sync(&fs->bdi, wait);
	if (!wait)
		return err;
	port_err = fs->port.ops->sync(fs->port.self);
	return err ? err : port_err;
}

static size_t fsys_show_options(struct super *sb, char *buf, size_t size)
{
	struct fsys_super *fs = fsys_super(sb);
	struct iobuf to;
	u32 n;

	if (size < 2)
		return 0;
	iobuf_init_kernel(&to, buf + 1, size - 1);
	n = fs->port.ops->show_options(fs->port.self, &to);
	if (!n)
		return 0;
	buf[0] = ',';
	return n + 1;
}

/* All inodes are gone from the tree; write-back may still hold some that were dirty. */
static void fsys_kill(struct super *sb)
{
	struct fsys_super *fs = fsys_super(sb);
	int err = 0;

	if (fs->started)
		err = bdi_stop(&fs->bdi);
	if (fs->port.self) {
		int port_err;

		rcu_barrier(); /* those that write-back put last */
		port_err = fs->port.ops->unmount(fs->port.self);
		if (err || port_err)
			klog(LOG_ERR, "%s: unmounted with error %d", sb->type->name, err ? err : port_err);
	}
	if (fs->claim)
		bdev_release(fs->claim);
	fsys_unlist(fs);
	kfree(fs);
}

int fsys_remount(struct super *sb, u32 ms_flags, const char *options)
{
	struct fsys_super *fs = fsys_super(sb);
	struct iobuf text;
	int err = 0;

	if (options)
		iobuf_init_kernel(&text, (void *)options, strlen(options));
	if ((ms_flags & MS_RDONLY))
		err = bdi_sync(&fs->bdi, true);
	return err ? err : fs->port.ops->remount(fs->port.self, ms_flags, options ? &text : NULL);
}

/* Nobody stops those who still write: what they do from now on fails. */
static void fsys_shutdown(struct super *sb)
{
	if ((sb->flags & MS_RDONLY) || !fsys_super(sb)->started)
		return;
	__atomic_fetch_or(&sb->flags, MS_RDONLY, __ATOMIC_RELAXED);
	if (fsys_remount(sb, sb->flags, NULL))
		klog(LOG_WARN, "%s (device %u:%u): not clean, its journal will be recovered", sb->type->name, vfs_major(sb->dev), vfs_minor(sb->dev));
}

static void no_handle_note(const struct inode *inode)
{
}

const struct super_ops fsys_super_ops = {
	.alloc_inode = fsys_alloc_inode,
	.free_inode = fsys_free_inode,
	.keep = fsys_keep,
	.evict = fsys_evict,
	.statfs = fsys_statfs,
	.sync = fsys_sync,
	.show_options = fsys_show_options,
	.kill = fsys_kill,
	.shutdown = fsys_shutdown,
	.handle_note = no_handle_note,
	.handle_open = fsys_handle_open,
};

/* Any context. */
static void client_event(void *client, s32 error, u64 ino, bool read_only)
{
	struct fsys_super *fs = client;
	struct super *sb = READ_ONCE(fs->super);

	if (!sb)
		return;
	klog(LOG_CRIT, "%s (device %u:%u): error %d%s", sb->type->name, vfs_major(fs->rdev), vfs_minor(fs->rdev), -error,
		read_only ? ": read-only from now on" : "");
	if (read_only)
		__atomic_fetch_or(&sb->flags, MS_RDONLY, __ATOMIC_RELAXED);
}

/* The pages and attributes of a node that changed behind us: none of the placed ones does that. */
static void client_invalidate(void *client, u64 node, u64 off, u64 len)
{
}

const struct fsys_client_ops fsys_client_ops = {.event = client_event, .invalidate = client_invalidate};
