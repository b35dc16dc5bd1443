/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Advisory locks of files: POSIX (owned by a descriptor table), OFD (owned by an open file) and flock (owned by an open file).
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
