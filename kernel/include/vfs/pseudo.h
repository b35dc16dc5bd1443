/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What /proc and /sys are made of: texts that are written when somebody reads them, and trees of names for them.
 *
 * A text is either whole (show: made again for each read at offset 0) or a stream of records (next: made one after the other, as far as the reader gets).
 * Reads at any offset agree with each other as long as the thing shown does not change. A file that should not be either has file_ops of its own.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <lib/refcount.h>
#include <lib/strbuf.h>

struct file;
struct file_ops;
struct inode;
struct iobuf;
struct pid;
struct poll_table;
struct super;
struct task;
struct vm_space;

struct pseudo_text {
	struct strbuf sb;	/* show, next: append here; what does not fit is asked for again with more room */
	u64 cursor;		/* next: which record; 0 at the start */
	void *arg;		/* of the node, or of the pseudo_file's user */
	struct task *task;	/* of a file of a task: referenced for the call */
	struct pid *pid;	/* its number */
	struct vm_space *space;	/* PSEUDO_SPACE: as it was when the file was opened; NULL: had none */
	struct file *file;
};

enum pseudo_flags {
	PSEUDO_SPACE = 1u << 0,	/* of a task: opening needs ptrace rights, and the file keeps to the address space of then */
	PSEUDO_PTRACE = 1u << 1, /* of a task: reading needs ptrace rights */
	PSEUDO_ATTACH = 1u << 2, /* ... to attach, not just to look */
	PSEUDO_PROC = 1u << 3,	/* of a task: only in the directory of its process, not in task/TID */
	PSEUDO_THREAD = 1u << 4, /* the other way round */
};

/* What a file is; constant. Callbacks run in thread context, may sleep, hold no spinlock. */
struct pseudo_file {
	const char *name;
	u16 mode;		/* permissions; S_IFLNK with readlink: a link */
	u16 flags;		/* enum pseudo_flags */
	int (*show)(struct pseudo_text *t);			/* 0; -errno */
	int (*next)(struct pseudo_text *t);			/* append record t->cursor, advance: 1; 0: that was all; -errno */
	int (*store)(struct pseudo_text *t, char *text, size_t len); /* NUL-terminated; 0: all taken; -errno */
	u32 (*poll)(struct pseudo_text *t, struct poll_table *pt);	/* may sleep */
	s64 (*ioctl)(struct pseudo_text *t, unsigned cmd, u64 arg);	/* reads and other calls may run at the same time: t->space and t->file only */
	const struct file_ops *fops;				/* instead of all these */
	ssize_t (*readlink)(struct pseudo_text *t, char *buf, size_t size);
};

/* A name in a tree. A directory has no file. */
struct pseudo_node {
	struct refcount refs;
	s32 active;		/* atomic: callbacks running; biased when removed */
	struct pseudo_node *parent; /* constant, holds a reference; NULL: a root */
	struct list_head link, children; /* tree lock */
	const struct pseudo_file *file;
	struct pseudo_node *target; /* of a link to another node; holds a reference */
	void *arg;
	u64 ino;		/* grows; also the place in readdir */
	u32 mode;
	u32 dir_mode;		/* of directories made below */
	u32 size;		/* st_size */
	bool dead;		/* tree lock */
	char name[];
};

/*
 * Make names. Each returns the node in *out (may be NULL), which the tree keeps until pseudo_remove: the caller takes no reference. May sleep.
 * -EEXIST -ENOMEM.
 */
int pseudo_add_dir(struct pseudo_node *dir, const char *name, struct pseudo_node **out) MUST_CHECK;
int pseudo_add_file(struct pseudo_node *dir, const struct pseudo_file *file, void *arg, struct pseudo_node **out) MUST_CHECK;
/* The same with a name and mode of its own. */
int pseudo_add_named(struct pseudo_node *dir, const char *name, u32 mode, const struct pseudo_file *file, void *arg,
	struct pseudo_node **out) MUST_CHECK;
int pseudo_add_files(struct pseudo_node *dir, const struct pseudo_file *files, size_t n, void *arg) MUST_CHECK;
/* A symbolic link to another node of the same tree; its text is the relative path. */
int pseudo_add_link(struct pseudo_node *dir, const char *name, struct pseudo_node *target) MUST_CHECK;
/* The directory @path ("kernel/random") below @dir, made as far as it is missing. */
int pseudo_make_path(struct pseudo_node *dir, const char *path, struct pseudo_node **out_dir) MUST_CHECK;
/* Remove @node with all below it; returns when no callback of theirs runs any more. Not from such a callback. May sleep. */
void pseudo_remove(struct pseudo_node *node);
struct pseudo_node *pseudo_find(struct pseudo_node *dir, const char *name, size_t len); /* referenced; NULL */
void pseudo_node_get(struct pseudo_node *n);
void pseudo_node_put(struct pseudo_node *n);

/* ---- texts in files of any file system: what such a file's file_ops are made of ---- */

/*
 * Round each callback: fills task, pid, arg of the text, and keeps them; 0 or -ESRCH, -ENODEV, -EACCES. @open: before the first, where rights that
 * opening needs are checked and t->space may be filled (put by the text); may be NULL.
 */
struct pseudo_guard {
	int (*open)(struct inode *inode, struct pseudo_text *t);
	int (*enter)(struct inode *inode, struct pseudo_text *t);
	void (*leave)(struct inode *inode, struct pseudo_text *t);
};
/* Makes @f, which is being opened, show @text. -ENOMEM, or what the guard says. */
int pseudo_text_open(struct file *f, const struct pseudo_file *text, const struct pseudo_guard *guard) MUST_CHECK;
ssize_t pseudo_text_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf);
ssize_t pseudo_text_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf);
s64 pseudo_text_lseek(struct file *f, s64 off, int whence);
u32 pseudo_text_poll(struct file *f, struct poll_table *pt);
s64 pseudo_text_ioctl(struct file *f, unsigned cmd, u64 arg);
void pseudo_text_release(struct file *f);

/* For store: cut white space off both ends. */
char *pseudo_trim(char *text);
