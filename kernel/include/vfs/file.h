/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Open files and descriptor tables.
 *
 * A struct file is an open file description: refcounted, freed after an RCU grace period, so that a descriptor lookup takes no lock: read the table under RCU,
 * tryget, read again. When the table has one user, fd_get borrows without touching the count (struct fd_ref remembers).
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <env/iobuf.h>
#include <sync/mutex.h>
#include <sync/spinlock.h>
#include <sync/rcu.h>

struct kstat;
struct file;
struct inode;
struct poll_table;
struct vm_backing_ops;
struct vm_map_args;
struct cred;
struct dir_emit;

struct path {
	struct mount *mnt;
	struct dentry *dentry;
};

/*
 * What a kind of open file can do. NULL where it cannot: the caller returns the right error (EINVAL, ESPIPE, ENOTTY, EBADF...).
 * All run in thread context without locks, may sleep, unless stated.
 */
struct file_ops {
	/* From/to *pos (advanced) ; pos NULL for streams. Bytes, or -errno. rwf: RWF_* plus f->flags already merged into RWF_NOWAIT/APPEND/SYNC. */
	ssize_t (*read)(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf);
	ssize_t (*write)(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf);
	s64 (*lseek)(struct file *f, s64 off, int whence);
	/* Events ready now (EPOLLIN...); registers @pt (may be NULL) with poll_wait first. */
	u32 (*poll)(struct file *f, struct poll_table *pt);
	s64 (*ioctl)(struct file *f, unsigned cmd, u64 arg);
	/* Fill args->object / backing_ops / flags. -ENODEV if absent. */
	int (*mmap)(struct file *f, struct vm_map_args *args);
	int (*iterate)(struct file *f, struct dir_emit *emit);
	int (*fsync)(struct file *f, s64 start, s64 end, bool datasync);
	int (*fallocate)(struct file *f, int mode, s64 off, s64 len);
	/* A descriptor is being closed (each close): -errno is close(2)'s. */
	int (*flush)(struct file *f);
	int (*open)(struct inode *inode, struct file *f);
	/* The last reference is gone. */
	void (*release)(struct file *f);
	/* F_SETFL changes O_ASYNC/O_DIRECT...; may refuse. */
	int (*setfl)(struct file *f, unsigned flags);
	/* O_ASYNC goes on or off, at the last close for sure; NULL: nobody is told by signal. See <vfs/fown.h>. */
	int (*fasync)(struct file *f, int fd, bool on);
	/* /proc/PID/fdinfo extra lines into buf. */
	size_t (*show_fdinfo)(struct file *f, char *buf, size_t size);
	/* fcntl(2) commands of this kind of file: F_SETPIPE_SZ, F_ADD_SEALS...; -EINVAL for others. */
	s64 (*fcntl)(struct file *f, unsigned cmd, u64 arg);
	bool has_pages;	/* what read gives are the pages of inode->data: file_hold_pages */
	bool no_splice;	/* splice and sendfile are -EINVAL: events, and what Linux refuses */
};

enum file_mode {
	FMODE_READ = 1u << 0,
	FMODE_WRITE = 1u << 1,
	FMODE_SEEK = 1u << 2,	/* has a position */
	FMODE_PATH = 1u << 3,	/* O_PATH */
	FMODE_EXEC = 1u << 4,
	FMODE_POS_LOCK = 1u << 5, /* regular file or directory: position updates are atomic */
	FMODE_WRITER = 1u << 6,	/* counts as a writer of its inode (ETXTBSY) */
	FMODE_EPOLLED = 1u << 7, /* some epoll watches it: tell it on release (set with file_mark_epolled) */
	FMODE_OPENED = 1u << 8,	/* open succeeded: release will be called */
	FMODE_NOWAIT = 1u << 9,	/* read and write honour RWF_NOWAIT */
	FMODE_LOCKED = 1u << 10, /* some lock was set through it: close looks for them */
	FMODE_DIR = 1u << 11,
	FMODE_CREATED = 1u << 13, /* open made the file */
	FMODE_NONOTIFY = 1u << 12, /* what is done with it is told to nobody */
	FMODE_DISSOLVE = 1u << 14, /* names a tree of mounts that goes with it */
};

/* What reading ahead knows of an open file: a stream, and the window that was read for it. Racy updates cost speed only. */
struct file_ahead {
	union {
		s64 words[2];
		struct {
			u64 start;	/* first page of the window */
			u64 prev;	/* the page that was read last */
		};
	};
	u32 size, async;	/* pages of the window; so many before its end the next one is read */
	s32 stride;		/* pages between the last reads, */
	u8 strides;		/* so many times the same */
	u8 mode;		/* enum file_ahead_mode: posix_fadvise */
	u16 misses;		/* of faults */
};
enum file_ahead_mode { AHEAD_NORMAL, AHEAD_RANDOM, AHEAD_SEQUENTIAL };

struct file {
	u64 refs;		/* atomic */
	u32 mode;		/* enum file_mode; constant but for EPOLLED and LOCKED, which are set atomically */
	u32 flags;		/* O_*; changed by F_SETFL under lock */
	const struct file_ops *ops;
	struct inode *inode;	/* never NULL (anonymous files share one inode each kind) */
	struct path path;
	s64 pos;		/* pos_lock when FMODE_POS_LOCK */
	struct mutex pos_lock;
	struct spinlock lock;	/* flags, owner, watchers */
	const struct cred *cred; /* of the opener */
	void *private;		/* the ops' own */
	struct list_head epoll_watches; /* lock */
	struct fown *owner;	/* F_SETOWN/F_SETSIG, NULL until used */
	struct file_ahead ahead;	/* vfs/cache/ahead.c; files without a page cache may use .words */
	u32 cache_error, bdi_error;	/* errors of write-back that it was told: <vfs/cache.h> */
	struct rcu_head rcu;	/* while it waits for its release, a struct task_work */
};

/* Make a file that stands in no directory (eventfd, epoll): "anon_inode:[name]". -ENFILE -ENOMEM. */
int file_create_anon(const char *name, const struct file_ops *ops, void *priv, unsigned o_flags, struct file **out) MUST_CHECK;
/*
 * The same for objects with an inode of their own: both ends of a pipe share one. @kind: "pipe", "socket" (shown as "pipe:[ino]"). The inode
 * comes with one reference; each file takes its own. The access mode of @o_flags gives FMODE_READ/WRITE.
 */
int inode_create_anon(const char *kind, u32 mode, struct inode **out) MUST_CHECK;
int anon_inode_getattr(struct inode *inode, struct kstat *st); /* of their inode_ops, which a kind may replace */
int file_create_inode(struct inode *inode, const char *kind, const struct file_ops *ops, void *priv, unsigned o_flags,
	struct file **out) MUST_CHECK;
/* What opening a FIFO (or a pipe through /proc/PID/fd) does: set once by io at boot; until then -ENXIO. The ops' open gets inode->pipe to fill. */
void vfs_set_fifo_ops(const struct file_ops *ops);
void file_get(struct file *f);
bool file_tryget(struct file *f) MUST_CHECK; /* under rcu_read_lock, or while the memory cannot go */
/* As file_put, but releases at once: the caller holds no lock. */
void file_put_sync(struct file *f);
void file_mark_epolled(struct file *f);
void file_put(struct file *f);	/* the last put releases it: may be deferred to the return to user mode; any thread context */

/* ---- descriptor tables ---- */
struct files;			/* one table; shared by CLONE_FILES */
struct files *files_create(void);
int files_fork(struct files *from, struct files **out) MUST_CHECK;
void files_get(struct files *t);
void files_put(struct files *t);	/* the last one closes all */
void files_close_on_exec(struct files *t);
bool files_is_shared(struct files *t);

/* Borrowed look-up for the running thread's table. */
struct fd_ref {
	struct file *file;	/* NULL: -EBADF */
	bool put;
};
struct fd_ref fd_get(int fd);		/* not O_PATH files */
struct fd_ref fd_get_path(int fd);	/* O_PATH too */
static inline void fd_put(struct fd_ref r)
{
	if (r.put)
		file_put(r.file);
}
/* Lowest free descriptor >= min below RLIMIT_NOFILE, reserved: -EMFILE -ENOMEM. Then fd_install (gives the caller's reference away) or fd_cancel. */
int fd_reserve(int min, bool cloexec) MUST_CHECK;
void fd_install(int fd, struct file *f);
void fd_cancel(int fd);
/* reserve + install; on error the caller still owns @f. */
int fd_add(struct file *f, bool cloexec) MUST_CHECK;
/* Reference to another table's file (procfs, pidfd_getfd, kcmp); NULL. */
struct file *files_lookup(struct files *t, int fd);
/* Next used descriptor >= fd, or -1. */
int files_next(struct files *t, int fd);
/* Is @fd of the table close-on-exec? */
bool files_cloexec(struct files *t, int fd);

/* ---- whole operations used inside the kernel ---- */
/* For file_ops.mmap: the area keeps the file, and shows its name. */
extern const struct vm_backing_ops file_backing_ops;
/* For file_ops: seeking is allowed and moves nothing. */
s64 file_lseek_noop(struct file *f, s64 off, int whence);
ssize_t file_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf); /* checks mode and position; iobuf of anybody's */
ssize_t file_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf);
ssize_t file_read_at(struct file *f, void *buf, size_t len, s64 pos);	/* kernel memory */
ssize_t file_write_at(struct file *f, const void *buf, size_t len, s64 pos);
/* Path string of an open file relative to the running task's root ("/a/b", "pipe:[3]", "... (deleted)"): length or -ENAMETOOLONG; fills from the start of buf. */
ssize_t file_path(struct file *f, char *buf, size_t size);
