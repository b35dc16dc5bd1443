/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Names to files. The walk takes no lock while it hits the name cache (RCU, per-dentry sequence); else it takes references and goes on the slow way.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <sync/seqlock.h>
#include <sync/spinlock.h>
#include <vfs/file.h>
#include <sync/seqlock.h>
#include <vfs/inode.h>

enum lookup_flags {
	LOOKUP_FOLLOW = 1, LOOKUP_DIRECTORY = 2, LOOKUP_EMPTY = 4, LOOKUP_NO_XDEV = 8, LOOKUP_NO_MAGIC = 16, LOOKUP_NO_SYMLINKS = 32,
	LOOKUP_BENEATH = 64, LOOKUP_IN_ROOT = 128, LOOKUP_CACHED = 256, LOOKUP_PARENT = 512, LOOKUP_NO_AUTOMOUNT = 1024,
};

/* The working directory, root and umask of a task; shared by CLONE_FS. */
struct fs_context {
	u32 refs;
	u32 umask;
	struct spinlock lock;	/* root, cwd */
	struct seqcount seq;
	struct path root, cwd;
};
extern struct fs_context fs_context_init; /* of kernel threads and of process 1's start */
struct fs_context *fs_current(void);
struct fs_context *fs_context_fork(struct fs_context *from); /* NULL: -ENOMEM; from NULL: the initial root */
void fs_context_get(struct fs_context *fs);
void fs_context_put(struct fs_context *fs);
/* Root and working directory of a context that nobody else has. May sleep. */
void fs_context_set(struct fs_context *fs, const struct path *p);
/* fs->root or fs->cwd becomes @to, which is referenced; the old one with its references in *out_old. */
void fs_context_move(struct fs_context *fs, struct path *which, const struct path *to, struct path *out_old);
/* Root and working directory, where they are @from, become @to. May sleep. */
void fs_context_replace(struct fs_context *fs, const struct path *from, const struct path *to);

/* A path name copied from user space (getname): kernel string; path_name_put frees. -EFAULT -ENAMETOOLONG -ENOENT(empty, unless @empty_ok) -ENOMEM. */
struct path_name;
int path_name_get(struct uptr user, bool empty_ok, struct path_name **out) MUST_CHECK;
int path_name_kernel(const char *s, struct path_name **out) MUST_CHECK;
void path_name_put(struct path_name *n);
const char *path_name_str(const struct path_name *n);

/* Resolve from @dirfd (AT_FDCWD or a descriptor); out holds references: path_put. */
int path_lookup(int dirfd, const struct path_name *name, unsigned lookup_flags, struct path *out) MUST_CHECK;
int path_lookup_kernel(const char *name, unsigned lookup_flags, struct path *out) MUST_CHECK;
void path_get(const struct path *p);
void path_put(const struct path *p);
bool path_equal(const struct path *a, const struct path *b);
ssize_t path_string(const struct path *p, const struct path *root, char *buf, size_t size);

/* May be among the O_*: what is done with the file is told to nobody. */
#define OPEN_UNTOLD 0x04000000u
int file_open_path(const struct path *p, unsigned o_flags, struct file **out) MUST_CHECK;
/* The whole of openat2(2) but the descriptor. */
int file_open(int dirfd, const struct path_name *name, unsigned o_flags, u32 mode, unsigned lookup_flags, struct file **out) MUST_CHECK;
/* For execve: regular file, execute permission, noexec mounts, no writer (ETXTBSY), and none from now on until the file's last reference goes. */
int file_open_exec(int dirfd, const struct path_name *name, int at_flags, struct file **out) MUST_CHECK;
int file_open_exec_path(const struct path *p, struct file **out) MUST_CHECK; /* the same without a name */
/* Set-id bits and file capabilities of this mount count for nothing. */
bool path_is_nosuid(const struct path *p);
/* Nothing of this mount may be executed or mapped for execution. */
bool path_is_noexec(const struct path *p);

/*
 * Operations on names, for system calls and kernel code alike; flags and errors as the system calls of these names have them.
 */
int vfs_mkdirat(int dirfd, const struct path_name *name, u32 mode) MUST_CHECK;
int vfs_mknodat(int dirfd, const struct path_name *name, u32 mode, u32 dev) MUST_CHECK;
/* A new node in the working directory or where @name says, with references in *out; umask applied. For bind(2). */
int vfs_mknod_path(const struct path_name *name, u32 mode, struct path *out) MUST_CHECK;
int vfs_symlinkat(const struct path_name *target, int dirfd, const struct path_name *name) MUST_CHECK;
int vfs_unlinkat(int dirfd, const struct path_name *name) MUST_CHECK;
int vfs_rmdirat(int dirfd, const struct path_name *name) MUST_CHECK;
int vfs_linkat(int odirfd, const struct path_name *old, int ndirfd, const struct path_name *name, int at_flags) MUST_CHECK;
int vfs_renameat(int odirfd, const struct path_name *old, int ndirfd, const struct path_name *name, unsigned flags) MUST_CHECK;
/* Set the working directory (-ENOTDIR -EACCES checked by the caller) or the root of the running task. */
void fs_set_cwd(const struct path *p);
void fs_set_root(const struct path *p);
void fs_get_cwd(struct path *out);	/* with references */
void fs_get_root(struct path *out);

/* Rights of the running task to an inode; mask MAY_READ|MAY_WRITE|MAY_EXEC. */
enum { MAY_EXEC = 1, MAY_WRITE = 2, MAY_READ = 4, MAY_APPEND = 8 };
int inode_permission(struct inode *inode, int mask) MUST_CHECK;
/* Is the running task the owner, or has CAP_FOWNER? Any context. */
bool inode_owner_or_capable(const struct inode *inode);
/* The same with read-only and no-exec mounts looked at; @mask may be 0 (existence). As access(2) needs. */
int path_permission(const struct path *p, int mask) MUST_CHECK;
void inode_get(struct inode *i);
bool inode_tryget(struct inode *i) MUST_CHECK; /* false: its last reference is gone; the memory must be sure to stay */
void inode_put(struct inode *i);
int inode_getattr(const struct path *p, struct kstat *st) MUST_CHECK;
int inode_setattr(const struct path *p, const struct iattr *attr) MUST_CHECK;
