/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Locks. Each has a class with a rank: a lock is taken only while every lock held has a smaller
 *rank, and the kernel's own are below and above as drawn. Debug backends and sim check it.
 *
 *	kernel: inode, address space			< ENV_RANK_FS
 *	a file system, which allocates under its locks	ENV_RANK_FS...
 *	kernel: reclaim, names, objects, requests	> ENV_RANK_FS_ALLOC + 2, < ENV_RANK_NET
 *	a protocol, a driver				ENV_RANK_NET...
 *	kernel: wait queues, timers, work, allocator	> ENV_RANK_DRIVER_QUEUE
 *
 * Under a mutex the memory of a user (IOBUF_USER) is not touched: a page fault may need the locks
 * below. Under any lock nobody is called back.
 */
#include <lib/compiler.h>
#include <lib/types.h>

enum env_rank {
	ENV_RANK_FS =
		303, /* a tree, a directory, an inode of the disk: +1 for what is taken inside */
	ENV_RANK_JOURNAL = 307,
	ENV_RANK_FS_ALLOC = 310, /* maps of free blocks and inodes */
	ENV_RANK_NET = 363,      /* tables of a protocol family */
	ENV_RANK_NET_CONN = 365, /* one connection, then what it looks up */
	ENV_RANK_NET_QUEUE = 368,
	ENV_RANK_DRIVER = 370,       /* a device's configuration */
	ENV_RANK_DRIVER_QUEUE = 374, /* one queue; also from interrupts */
};

struct env_lock_class {
	const char *name, *what;
	u16 rank; /* enum env_rank, or a little more */
};

/* clang-format off */
#define ENV_LOCK_CLASS(id_, rank_, what_)                                                          \
	static const struct env_lock_class env_lock_class_##id_ = {#id_, (what_), (rank_)}
/* clang-format on */

struct env_mutex {
	u64 opaque[6];
};

struct env_spin {
	u64 opaque[2];
};

/* Nothing to undo: the memory of an unlocked lock may be freed.  Context: any. */
void env_mutex_init(struct env_mutex *m, const struct env_lock_class *klass);

/* Context: thread, no spinlock held; may sleep.  Not recursive; who locked it unlocks it. */
void env_mutex_lock(struct env_mutex *m);
void env_mutex_unlock(struct env_mutex *m);

/* The caller holds it, or (debug backends) the component stops.  Context: any. */
void env_mutex_assert_held(const struct env_mutex *m);

void env_spin_init(struct env_spin *s, const struct env_lock_class *klass);

/*
 * A short section that does not sleep: no interrupt, timer or other any-context upcall comes on
 * this CPU until it is unlocked.  Context: any. Returns: what env_spin_unlock wants back.
 */
unsigned long env_spin_lock(struct env_spin *s) MUST_CHECK;
void env_spin_unlock(struct env_spin *s, unsigned long flags);
void env_spin_assert_held(const struct env_spin *s);
