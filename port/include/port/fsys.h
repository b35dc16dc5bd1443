/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * fsys: the VFS and the page cache ask a file system.
 *
 * Nodes. An inode is named by a handle, which lookup, create, ... give with one count each and
 *forget takes back:
 *
 *	(none) --lookup/create/mount: count 1--> KNOWN --the same again: +1--> KNOWN
 *	KNOWN --forget(n): count -= n--> count 0: (none); an inode without links is freed on the
 *disk then
 *
 * A file that is unlinked while open therefore lives until its last forget; where the disk format
 *has a list of such inodes, it is on it meanwhile. struct fsys_attr says inode number and
 *generation, which together name it for ever: by them a successor finds it again (find), and NFS
 *handles are made.
 *
 * Who locks what: the VFS serialises changes of one directory and of one inode's attributes and
 *size (its inode locks), and renames between directories; lookups run beside anything. The page
 *cache calls fill and writeback for different ranges of the same node at the same time, never twice
 *for the same page. The file system locks its own.
 *
 * Rights are checked by the VFS before it calls. Credentials come as numbers for what the file
 *system itself decides by them: owners of new inodes, quota, reserved blocks.
 *
 * Sizes. The VFS holds the current size; the file system learns it through setattr and the `size`
 *of a writeback, and never writes a larger one to the disk than the data that is there [no stale
 *data after a crash].
 *
 * Requests: metadata calls may sleep and return when done. fill and writeback are requests as in
 *port.h. Persistence: fsync, sync and FSYS_SYNC mounts; nothing else promises any. Order after a
 *crash: the file system's own contract (ext4: as data=ordered).
 *
 * Errors that any call may return: -EIO; -EROFS; -ESTALE: the node is not known (any more);
 *-EUCLEAN: the disk's structure is broken, seen by a check (the instance is read-only from then on,
 *event() tells); -ENOMEM; -EOWNERDEAD (see port.h).
 *
 * Death of a provider: the successor mounts the device (replaying the journal), the proxy makes
 *every known handle again by find(ino, generation), then repeats what was in flight: fill,
 *writeback, and reads of metadata as they stand. A change of metadata carries `intent`, a number
 *that never repeats; the proxy asks whether the journal has it (done_intent) before it sends it
 *again. What was not fsynced and not in the journal comes again from the page cache, which keeps
 *pages dirty until a writeback is stable (rq.stable).
 */
#include <lib/compiler.h>
#include <lib/types.h>
#include <env/iobuf.h>
#include <port/blk.h>
#include <port/port.h>

#define FSYS_NAME_MAX 255

struct fsys_time {
	s64 sec;
	u32 nsec, pad;
};

/* Who, for new inodes and quota, and what time it is. */
struct fsys_cred {
	u32 uid, gid;
	bool may_use_reserve; /* CAP_SYS_RESOURCE: root's blocks, over quota */
	u64 intent; /* of a change of metadata: unique in the life of the mount; 0 for reads */
	struct fsys_time now;
};

/* A name: bytes without '/' and NUL, 1..FSYS_NAME_MAX, never "." or "..". In kernel memory. */
struct fsys_name {
	struct iobuf bytes;
	u32 hash; /* the dentry cache's, for those that can use it; 0: not computed */
};

enum fsys_attr_mask {
	FSYS_MODE = 1u << 0,
	FSYS_UID = 1u << 1,
	FSYS_GID = 1u << 2,
	FSYS_SIZE = 1u << 3,
	FSYS_ATIME = 1u << 4,
	FSYS_MTIME = 1u << 5,
	FSYS_CTIME = 1u << 6,
	FSYS_FLAGS = 1u << 7, /* FS_*_FL of <linux/fs.h> */
	FSYS_PROJECT = 1u << 8,
};

struct fsys_attr {
	u64 node; /* the handle; in setattr: unused */
	u64 ino;
	u32 generation;
	u32 mode, uid, gid, nlink, rdev;
	u64 size, blocks512;
	struct fsys_time atime, mtime, ctime, btime;
	u32 flags; /* FS_*_FL */
	u32 project;
	u64 version; /* changes with the node (STATX_CHANGE_COOKIE) */
};

struct fsys_statfs {
	u64 magic, block_bytes, blocks, free, available, files, files_free;
	u64 fsid, file_max; /* bytes of the largest file */
	u32 name_max;
};

enum fsys_io_op { FSYS_FILL, FSYS_WRITEBACK };
enum fsys_io_flags {
	FSYS_IO_AHEAD = 1u << 0, /* fill: nobody waits yet */
	FSYS_IO_SYNC = 1u << 1,  /* writeback: somebody waits */
};

/* Data between the page cache and the disk. Offsets and lengths are multiples of the page size but
 * for the end of file. */
struct fsys_io {
	u8 op;    /* enum fsys_io_op */
	u8 flags; /* enum fsys_io_flags */
	u16 pad;
	s32 status; /* out: 0, or -EIO -ENOSPC -EDQUOT -ESTALE ...: then nothing of it can be relied
		       on */
	u64 node, off;
	u64 size;          /* writeback: size of the file as of these bytes */
	struct iobuf data; /* page frames, lent until done. fill: holes and what is behind the end
			      become zero */
	bool stable; /* out, writeback: it survives the provider's death already; else after the
			next good fsync */
	/* ---- */
	void (*done)(struct fsys_io *io);
	u64 provider[8];
};

/* readdir writes records of this head and its name, 8-aligned, into the buffer. */
struct fsys_dirent {
	u64 ino;
	u64 next; /* cookie of what follows: valid for ever, also when entries come and go; 0 is the
		     start */
	u16 len;  /* of the whole record */
	u8 type;  /* DT_* */
	u8 name_len;
	u32 pad;
	/* name bytes */
};

struct fsys_extent {
	u64 off, phys, len; /* bytes */
	u32 flags;          /* FIEMAP_EXTENT_* */
	u32 pad;
};

struct fsys_client_ops {
	/* An error was found (for fsnotify and the log), at inode @ino (0: none); @read_only: nothing
	 * can be changed from now on. Any context. */
	void (*event)(void *client, s32 error, u64 ino, bool read_only);
	/* @node changed behind the VFS (network and shared file systems): forget pages [off, off +
	 * len) and attributes. */
	void (*invalidate)(void *client, u64 node, u64 off, u64 len);
};

enum fsys_rename_flags {
	FSYS_RENAME_NOREPLACE = 1,
	FSYS_RENAME_EXCHANGE = 2,
	FSYS_RENAME_WHITEOUT = 4
};
enum fsys_sync_flags { FSYS_DATASYNC = 1 };

/* Context of all but submit, cancel: may sleep. `out` attributes carry a handle with one count more
 * (entry calls only). */
struct fsys_ops {
	/* ---- the instance ---- */
	void (*statfs)(void *self, struct fsys_statfs *out);
	int (*sync)(void *self); /* everything written back so far is stable */
	int (*remount)(void *self, u32 ms_flags, const struct iobuf *options); /* -EINVAL -EBUSY */
	u32 (*show_options)(void *self, struct iobuf *to);                     /* bytes */
	int (*freeze)(void *self, bool on); /* quiescent on the disk; -EOPNOTSUPP */
	/* All forgotten, all written back. The instance is gone on return, whatever it returns. */
	int (*unmount)(void *self);
	/* Was the change with this intent made (durably or not)? 1, 0; for a proxy after a death.
	 */
	int (*done_intent)(void *self, u64 intent);

	/* ---- entries: @out has a new count on the node ---- */
	int (*lookup)(void *self, u64 dir, const struct fsys_name *name,
		struct fsys_attr *out); /* -ENOENT -ENOTDIR */
	int (*find)(void *self, u64 ino, u32 generation, struct fsys_attr *out); /* -ESTALE */
	/* A file, directory, device node, FIFO or socket by @mode. -EEXIST -ENOSPC -EDQUOT -EMLINK
	 */
	int (*create)(void *self, u64 dir, const struct fsys_name *name, u32 mode, u32 rdev,
		const struct fsys_cred *who, struct fsys_attr *out);
	int (*tmpfile)(void *self, u64 dir, u32 mode, const struct fsys_cred *who,
		struct fsys_attr *out); /* nlink 0 */
	int (*symlink)(void *self, u64 dir, const struct fsys_name *name,
		const struct iobuf *target, const struct fsys_cred *who, struct fsys_attr *out);
	int (*link)(void *self, u64 node, u64 dir, const struct fsys_name *name,
		const struct fsys_cred *who, struct fsys_attr *out); /* -EMLINK */
	void (*forget)(void *self, u64 node, u64 count);

	/* ---- changes of names: no counts ---- */
	/* @node: what the VFS found there; -ESTALE if it is another. Directories must be empty:
	 * -ENOTEMPTY. */
	int (*remove)(void *self, u64 dir, const struct fsys_name *name, u64 node,
		const struct fsys_cred *who);
	/* @victim: 0, or what is at the new name. @flags: enum fsys_rename_flags. */
	int (*rename)(void *self, u64 from_dir, const struct fsys_name *from, u64 node, u64 to_dir,
		const struct fsys_name *to, u64 victim, u32 flags, const struct fsys_cred *who);

	/* ---- nodes ---- */
	int (*getattr)(void *self, u64 node, struct fsys_attr *out);
	/* Those in @mask (enum fsys_attr_mask). A smaller size frees blocks; pages were dropped
	 * before. -EFBIG -ENOSPC */
	int (*setattr)(void *self, u64 node, u32 mask, const struct fsys_attr *attr,
		const struct fsys_cred *who);
	int (*readlink)(void *self, u64 node, struct iobuf *to);
	/* Records from @cookie on until @to is full: bytes written, 0 at the end. -EINVAL: not even
	 * one fits. */
	ssize_t (*readdir)(void *self, u64 dir, u64 cookie, struct iobuf *to);
	/* Data (after writeback of all pages) and what is needed to reach it are stable. @flags:
	 * enum fsys_sync_flags. */
	int (*fsync)(void *self, u64 node, u64 off, u64 len, u32 flags);
	/* Blocks for later writes are promised (delayed allocation): before a page is first
	 * dirtied. -ENOSPC -EDQUOT */
	int (*reserve)(void *self, u64 node, u64 off, u64 len, const struct fsys_cred *who);
	void (*unreserve)(
		void *self, u64 node, u64 off, u64 len); /* dirty pages were dropped instead */
	/* FALLOC_FL_* of <linux/falloc.h>. -EOPNOTSUPP */
	int (*fallocate)(
		void *self, u64 node, u32 mode, u64 off, u64 len, const struct fsys_cred *who);
	/* SEEK_DATA, SEEK_HOLE. -ENXIO */
	int (*seek)(void *self, u64 node, u64 off, u32 whence, u64 *out_off);
	int (*map)(void *self, u64 node, u64 off, struct iobuf *to,
		u32 *out_n); /* struct fsys_extent; for FIEMAP, swap files */

	/* ---- extended attributes: whole names ("user.x") ---- */
	ssize_t (*getxattr)(void *self, u64 node, const struct fsys_name *name,
		struct iobuf *to); /* its size; -ENODATA -ERANGE */
	/* @flags: XATTR_CREATE, XATTR_REPLACE. @value NULL: remove. */
	int (*setxattr)(void *self, u64 node, const struct fsys_name *name,
		const struct iobuf *value, u32 flags, const struct fsys_cred *who);
	ssize_t (*listxattr)(
		void *self, u64 node, struct iobuf *to); /* names with NUL; size; -ERANGE */

	/* ---- data: struct fsys_io, never sleep, any thread without spinlocks ---- */
	void (*submit)(void *self, struct fsys_io *io);
	void (*cancel)(void *self,
		struct fsys_io *io); /* a killed reader: -ECANCELED if it has not begun */
};

enum fsys_type_flags { FSYS_TYPE_NEEDS_DEVICE = 1, FSYS_TYPE_USER_MOUNT = 2 };

struct fsys_mount {
	u32 ms_flags;                /* MS_RDONLY MS_SYNCHRONOUS ... */
	const struct iobuf *options; /* the data string of mount(2) */
	struct blk_port device;      /* NEEDS_DEVICE: open already, the instance's until unmount */
	const struct fsys_client_ops *client_ops;
	void *client;
};

/* What a file-system component exports, one const object. */
struct fsys_type {
	const char *name;
	u32 flags; /* enum fsys_type_flags */
	const struct fsys_ops *ops;
	/*
	 * 0 with the instance and its root (one count); -EINVAL: not mine (so that the next type
	 * may be tried); -EUCLEAN: broken; -EROFS: not writable.  Context: may sleep.
	 */
	int (*mount)(const struct fsys_mount *mount, void **out_self, struct fsys_attr *out_root);
};

struct fsys_port {
	const struct fsys_ops *ops;
	void *self;
};
