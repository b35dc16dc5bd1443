/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Who watches areas: is asked about some of their faults, and told of changes (userfaultfd, kernel/vm/uffd). An area that is watched holds a reference.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <linux/userfaultfd.h>

struct vm_area;
struct vm_watch;
struct vm_watch_forks;
struct fault;

struct vm_watch_ops {
	/* The last reference is gone. Any thread context. */
	void (*free)(struct vm_watch *w);
	/* A fault in @a has come upon FR_UFFD. Returns an enum fault_result. map_lock is held, and given up; no reference is lent. */
	int (*fault)(struct vm_watch *w, struct vm_area *a, struct fault *f);
	/* UFFD_EVENT_{REMOVE,REMAP,UNMAP}, after vm_watch_begin, which it ends. Waits. No locks. */
	void (*tell)(struct vm_watch *w, unsigned event, vaddr_t from, vaddr_t to, u64 len);
	/* @a is watched no more; its entries are as they were. map_lock, or nobody else knows @a. */
	void (*leave)(struct vm_area *a);
	/* fork: the child's area @c, a copy of the parent's: watched by the child's own watcher, or by none. -ENOMEM. Both map_locks are the caller's. */
	int (*fork)(struct vm_area *c, struct vm_watch_forks *forks) MUST_CHECK;
	/* Afterwards. No locks. */
	void (*forked)(struct vm_watch_forks *forks, bool ok);
};

struct vm_watch {
	const struct vm_watch_ops *ops;
	u32 refs;		/* atomic */
	u32 features;		/* UFFD_FEATURE_*: what it wants to be told; atomic */
	u32 changing;		/* atomic: changes that it has not heard of yet */
};

/* The watchers of a child beside the parent's. */
struct vm_watch_forks {
	const struct vm_watch_ops *ops; /* NULL: none */
	void *first;
};

static inline void vm_watch_get(struct vm_watch *w)
{
	__atomic_fetch_add(&w->refs, 1, __ATOMIC_RELAXED);
}

static inline void vm_watch_put(struct vm_watch *w)
{
	if (__atomic_fetch_sub(&w->refs, 1, __ATOMIC_ACQ_REL) == 1)
		w->ops->free(w);
}

/* A change that will be told (ops->tell), or does not happen after all (_drop). map_lock. */
static inline void vm_watch_begin(struct vm_watch *w)
{
	vm_watch_get(w);
	__atomic_fetch_add(&w->changing, 1, __ATOMIC_ACQ_REL);
}

static inline void vm_watch_drop(struct vm_watch *w)
{
	__atomic_fetch_sub(&w->changing, 1, __ATOMIC_ACQ_REL);
	vm_watch_put(w);
}
