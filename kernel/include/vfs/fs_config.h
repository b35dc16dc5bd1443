/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What a super block is to be: the one way by which mount(2), fsopen(2)'s family and the kernel itself make and change file systems. A type lists its
 * parameters; names, kinds and numbers are checked here, and what was wrong is said in a log that the descriptor of fsopen(2) reads.
 *
 *   PARAMS ──create──► MADE ──fsmount──► AWAIT_RECONF ──any command──► RECONF ──reconfigure──► AWAIT_RECONF
 *      └─────────error──────► FAILED ◄───────error───────────────────────┘
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <sync/mutex.h>
#include <vfs/inode.h>

enum fs_param_kind {
	PARAM_FLAG,	/* no value */
	PARAM_U32, PARAM_OCT, PARAM_U64, PARAM_UID, PARAM_GID, /* numbers; UID and GID: in the mounter's user namespace */
	PARAM_SIZE,	/* 16, 16k, 16M */
	PARAM_STRING,
	PARAM_WORD,	/* one of words: its number */
};

struct fs_word {
	const char *name; /* NULL: the end */
	u32 value;
};

struct fs_param {
	const char *name; /* NULL: the end */
	u8 kind;	  /* enum fs_param_kind */
	u8 id;		  /* the type's own */
	const struct fs_word *words;
};

struct fs_value {
	u64 number;
	char *string;	/* as given; NULL for a flag */
};

/* How a value was handed in. */
enum fs_arg_kind { FS_ARG_FLAG, FS_ARG_STRING, FS_ARG_BLOB, FS_ARG_PATH, FS_ARG_FILE };

struct fs_arg {
	enum fs_arg_kind kind;
	const char *key;
	char *string;	/* STRING, and what PATH names; BLOB: the bytes, terminated */
	size_t size;
	int dirfd;	/* PATH */
	struct file *file; /* FILE */
};

enum fs_phase { FS_PARAMS, FS_MADE, FS_AWAIT_RECONF, FS_RECONF, FS_FAILED };

#define FS_LOG_LINES 8

struct fs_config {
	const struct fs_type *type;
	enum fs_phase phase;
	bool reconfigure;	/* of super; else to make one */
	bool exclusive;		/* one that exists already will not do */
	u32 sb_flags, sb_mask;	/* MS_* given, and which of them were spoken of */
	char *source;
	struct super *super;	/* made, or to be changed; holds a reference */
	void *private;		/* type->config_size bytes, zeroed */
	bool logs;		/* somebody may read what is said */
	char *log[FS_LOG_LINES]; /* a ring: the oldest goes */
	u32 log_head, log_tail;
};

/*
 * For a new super block of @t; or, @sb not NULL, to change that. fs_config_free ends it. May sleep. -ENOMEM.
 */
int fs_config_init(struct fs_config *c, const struct fs_type *t, struct super *sb) MUST_CHECK;
void fs_config_free(struct fs_config *c);
/* Take one parameter: 0; -EINVAL (and a line in the log) for what is unknown or wrong; -ENOMEM. */
int fs_config_set(struct fs_config *c, struct fs_arg *arg) MUST_CHECK;
int fs_config_string(struct fs_config *c, const char *key, const char *value) MUST_CHECK; /* NULL: a flag */
/* "a,b=1": mount(2)'s data, which is cut up in place. NULL is nothing. With FS_ESCAPES "a\\,b" is one word, handed on as it is. */
int fs_config_options(struct fs_config *c, char *options) MUST_CHECK;
/* Make or find the super block: c->super. -EBUSY: exclusive, and it exists. Then FS_MADE or FS_FAILED. */
int fs_config_create(struct fs_config *c) MUST_CHECK;
/* Change c->super to what was said, read-only too: -EBUSY while somebody writes. */
int fs_config_reconfigure(struct fs_config *c) MUST_CHECK;
/* The super block is mounted: what is said next is about changing it. */
void fs_config_mounted(struct fs_config *c);
/* Ready to take parameters again after fs_config_mounted or a reconfiguration. */
int fs_config_resume(struct fs_config *c) MUST_CHECK;
/* For types' create: the answer is @sb, which others have mounted too. Takes its own reference. */
int fs_config_share(struct fs_config *c, struct super *sb) MUST_CHECK;
/* Say what is wrong: -EINVAL, which the caller returns. A prefix of the type's name is put before it. */
int fs_config_invalid(struct fs_config *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The oldest line, to be freed with kfree; NULL: none. */
char *fs_config_log_take(struct fs_config *c);

struct fs_type {
	struct fs_type *next;
	const char *name;
	unsigned flags;			/* enum fs_flags */
	const struct fs_param *params;	/* NULL: none */
	size_t config_size;		/* of c->private */
	/* Defaults into c->private; NULL: zeroes. */
	int (*begin)(struct fs_config *c);
	/* What c->private owns goes; NULL: nothing. */
	void (*forget)(struct fs_config *c);
	/* One parameter of the list. -EINVAL by fs_config_invalid. */
	int (*set)(struct fs_config *c, const struct fs_param *p, const struct fs_value *v);
	/* One that is not on the list, before it is refused; NULL: none but those. */
	int (*set_other)(struct fs_config *c, const struct fs_arg *arg);
	/* c->super := a super block with c->sb_flags, or fs_config_share. */
	int (*create)(struct fs_config *c);
	/* Change c->super as c->private says, and c->sb_flags of c->sb_mask where the type has a part in them (read-only); the VFS' are the caller's. NULL:
	 * nothing to change. */
	int (*reconfigure)(struct fs_config *c);
};
