/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Lock classes, and in debug builds the checks: rank order, recursion, a cycle between classes, an
 * interrupt-taken class held with interrupts on, sleeping with a spinlock, exit with a lock held.
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
	static struct lock_class __attribute__((used, section("lock_classes"), aligned(8))) lock_class_##id_ = \
		{.name = #id_, .what = (what_), .rank = (rank_)}

/* What a thread (or the boot code) holds; the lockdep of a debug kernel only. */
#define LOCKDEP_MAX_HELD 32
struct lock_held {
	struct lock_class *klass;
	const void *lock;
	vaddr_t pc;	/* who took it */
	bool in_irq, sleeping;
};

/*
 * Called by the primitives, before they wait for the lock (a trylock: after it got it). nested: same
 * rank allowed, the caller orders them by address or by tree. sleeping: may be held across
 * schedule(). Does nothing in release kernels. After the first report nothing more is checked.
 */
void lockdep_acquire(struct lock_class *klass, const void *lock, bool trylock, bool nested, bool sleeping);
void lockdep_release(struct lock_class *klass, const void *lock);
bool lockdep_held(const void *lock);
void lockdep_print_held(void);
/* The running thread is about to sleep, or to end: complain about what it must not hold then. */
void lockdep_check_sleep(void);
void lockdep_check_exit(void);
/* False after the first report: tests ask. */
bool lockdep_ok(void);
