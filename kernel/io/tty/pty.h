/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Pseudo terminals, between the master (pty.c) and the names of the slaves (devpts.c).
 */
#include <io/tty.h>

#define PTY_MAX 4096

struct dentry;

struct pty {
	struct tty tty;			/* the slave; first reference: the master's */
	unsigned index;
	bool slave_closed;		/* was open, is not: tty.open_mutex to change */
	struct wait_queue master_wait;
	struct dentry *name;		/* in devpts */
};

/* The slave's tty by index, referenced; NULL. */
struct tty *pty_find_get(unsigned index);
/* The lowest index in use from @from on, or PTY_MAX. */
unsigned pty_next_index(unsigned from);

/* devpts.c. Names are owned by who opens the master. Thread context. */
int devpts_add(unsigned index, struct dentry **out) MUST_CHECK;
void devpts_remove(struct dentry *name);
struct path;
/* A way to @name: where devpts is mounted if it is at its usual place, else one of the kernel's own. References: path_put. */
int devpts_path(struct dentry *name, struct path *out) MUST_CHECK;
