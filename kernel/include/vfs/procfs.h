/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What other modules show in /proc. Their initcalls run after "procfs".
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <vfs/pseudo.h>

/* The root of /proc, for pseudo_add_file and the like. Names in it are never removed. */
extern struct pseudo_node *procfs_root;

struct file;
struct pid;

/* Whose directory /proc/PID @f is; borrowed from @f. NULL: another file. Any context. */
struct pid *procfs_file_pid(const struct file *f);

/* ---- /proc/sys ---- */

enum sysctl_type {
	SYSCTL_INT,	/* var: s32 or u32, written as a number within min..max */
	SYSCTL_U64,	/* var: u64 */
	SYSCTL_STRING,	/* var: char[max], NUL-terminated; guarded by a lock of the sysctls: read it by sysctl_string */
	SYSCTL_CALL,	/* get and set do it all */
};

/* One setting; constant. */
struct sysctl {
	const char *path;	/* "kernel/hostname" */
	u16 mode;		/* 0644, 0444... */
	u8 type;		/* enum sysctl_type */
	int cap;		/* SYSCTL_CAP(CAP_SYS_ADMIN): writing needs it, beside the mode; 0: no */
	void *var;
	s64 min, max;		/* SYSCTL_INT and _U64: both 0: whatever fits the type */
	int (*get)(const struct sysctl *s, struct strbuf *sb); /* text with its newline; 0 or -errno */
	int (*set)(const struct sysctl *s, char *text);	/* trimmed; 0 or -errno */
};
#define SYSCTL_CAP(cap) ((cap) + 1)

/* Make them appear; the table stays for ever. Problems are logged. May sleep. */
void sysctl_register(const struct sysctl *table, size_t n);
/* A copy of a SYSCTL_STRING. */
void sysctl_string(const char *var, char *buf, size_t size);
