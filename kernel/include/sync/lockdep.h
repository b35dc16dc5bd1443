/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Lock classes, and in debug builds the checks: rank order, recursion, a cycle between classes, an interrupt-taken class held with interrupts on, sleeping with
 * a spinlock, exit with a lock held.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/config.h>
#include <sync/rank.h>

struct lock_class {
	const char *name, *what;
	u16 rank;
	u16 id;		/* given at first use */
	u8 irq_state;
};

/* LOCK_CLASS(ext4_inode, RANK_FS_INODE, "one inode: size, extents"): defines lock_class_ext4_inode, file-local. */
#define LOCK_CLASS(id_, rank_, what_)                                                              \
	static struct lock_class __attribute__((used, section("lock_classes"))) lock_class_##id_ = \
		{.name = #id_, .what = (what_), .rank = (rank_)}

struct lock_dep {	/* embedded in each lock of a debug build */
	struct lock_class *klass;
};

/* Debug builds: called by the primitives. Release: empty inlines. nested: same rank allowed, the caller orders them by address or by tree. */
void lockdep_acquire(struct lock_class *klass, const void *lock, bool trylock, bool nested, bool sleeping);
void lockdep_release(struct lock_class *klass, const void *lock);
bool lockdep_held(const void *lock);
void lockdep_print_held(void);
