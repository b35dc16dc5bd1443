/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What is asked of files by fcntl(2) and flock(2). Advisory locks: POSIX (owned by a descriptor table), OFD (owned by an open file) and flock (owned by an open file).
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct file;
struct files;
struct inode;
struct flock;

enum lock_kind { LOCK_KIND_POSIX, LOCK_KIND_OFD, LOCK_KIND_FLOCK };

/* One range; end is inclusive, S64_MAX: to the end. type: F_RDLCK F_WRLCK F_UNLCK. */
struct lock_range {
	s64 start, end;
	s32 pid;	/* of the holder as it was; -1 for OFD */
	u8 type;
};

/* F_GETLK: the first lock in the way of *r, or type F_UNLCK. */
int file_lock_test(struct file *f, enum lock_kind kind, struct files *owner, struct lock_range *r) MUST_CHECK;
/* F_SETLK(W), flock(2): -EAGAIN (no wait), -EDEADLK, -EINTR(as -ERESTARTSYS), -ENOLCK/-ENOMEM. */
int file_lock_set(struct file *f, enum lock_kind kind, struct files *owner, const struct lock_range *r, bool wait) MUST_CHECK;
/* close(2) of any descriptor of the file drops the table's POSIX locks; the last reference drops OFD and flock locks. */
void file_locks_close(struct file *f, struct files *owner);
void file_locks_release(struct file *f);
void inode_locks_free(struct inode *inode);
/* /proc/locks: one line each, from number *line. */
size_t file_locks_show(u64 *line, char *buf, size_t size);

/*
 * Leases [man fcntl(2)]: F_SETLEASE of @fd, F_GETLEASE. -EACCES -EINVAL -EAGAIN -ENOMEM. May sleep.
 */
int file_lease_set(struct file *f, int fd, int type) MUST_CHECK;
int file_lease_get(struct file *f);
/*
 * Somebody opens or truncates the file as @o_flags say: who has a lease against it is told, and given lease-break-time to let go. -EWOULDBLOCK (O_NONBLOCK),
 * -ERESTARTSYS. Called when inode->notify has NOTIFY_LEASED.
 */
int inode_lease_break(struct inode *inode, unsigned o_flags) MUST_CHECK;
extern u32 vfs_leases_enable, vfs_lease_break_time;

/* F_NOTIFY: SIGIO to the owner of @f, a directory, when something that @arg (DN_*) says happens to files in it. -EINVAL -ENOTDIR -ENOMEM. */
int file_dnotify(struct file *f, int fd, u32 arg) MUST_CHECK;
/* A descriptor of the directory is closed in the table. */
void file_dnotify_close(struct file *f, struct files *owner);
extern u32 vfs_dnotify_enable;
