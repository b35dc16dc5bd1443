/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What fdtable.c (tables) and fd_close.c (what takes descriptors away) share. See fdtable.c.
 */
#include "vfs_impl.h"
#include <debug/panic.h>
#include <lib/bitmap.h>
#include <vfs/fdtable.h>

#define FDS_INLINE 64u

struct fdtable {
	u32 max;
	struct file **file;	/* RCU */
	unsigned long *open, *cloexec, *full;
	struct rcu_head rcu;
	struct fdtable *next_free;
};

struct files {
	u64 refs;
	struct spinlock lock;
	u32 first_free;		/* no descriptor below it is free */
	struct fdtable *fdt;	/* RCU */
	struct fdtable small;
	unsigned long open1, cloexec1, full1;
	struct file *file1[FDS_INLINE];
	struct rcu_head rcu;
};

/* The slot's content, NULL past the table's end, without a branch that could be mispredicted. */
static inline struct file *slot_read(const struct fdtable *f, u32 fd)
{
	u64 mask = cpu_index_mask(fd, f->max);

	return (struct file *)((unsigned long)rcu_dereference(f->file[fd & mask]) & mask);
}

/* Alone, no lock is needed; see above. */
static inline bool lock_table(struct files *t)
{
	if (likely(LOAD_ACQUIRE(t->refs) == 1))
		return false;
	spin_lock(&t->lock);
	return true;
}

static inline void unlock_table(struct files *t, bool locked)
{
	if (unlikely(locked))
		spin_unlock(&t->lock);
}

static inline void set_open(struct fdtable *f, u32 fd, bool cloexec)
{
	bitmap_set(f->open, fd);
	if (f->open[fd / 64] == ~0ul)
		bitmap_set(f->full, fd / 64);
	bitmap_assign(f->cloexec, fd, cloexec);
}

static inline void set_free(struct files *t, struct fdtable *f, u32 fd)
{
	bitmap_clear(f->open, fd);
	bitmap_clear(f->full, fd / 64);
	if (fd < t->first_free)
		t->first_free = fd;
}

/*
 * Make room for @fd. Called and returns with the table locked as *locked says; lets go meanwhile. 1: something may have changed; -EMFILE -ENOMEM.
 */
int fdtable_grow(struct files *t, u32 fd, bool *locked) MUST_CHECK;
/* What each close does before the reference goes. */
int fdtable_tell_close(struct file *file, struct files *t);
