/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * userfaultfd: faults of some areas are told to a reader and wait for its answer. The part of memory: what is registered, who waits, and what
 * the answers do to page tables. The descriptor is io/userfaultfd.c. [man userfaultfd(2), ioctl_userfaultfd(2)]
 *
 * An area that is registered holds a reference, the descriptor holds one, each event that waits too. The object holds a reference of its space, not a user.
 * Functions below that take no space work on the object's own, of which the caller is a user (vm_space_tryget_user) unless stated otherwise.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <linux/userfaultfd.h>
#include <mm/watch.h>
#include <sync/spinlock.h>
#include <sync/wait.h>

struct vm_space;

struct vm_uffd {
	struct vm_watch watch;	/* its features: also UFFD_READY; 0 until UFFDIO_API. While it is changing most answers are -EAGAIN */
	struct vm_space *space;
	u32 flags;		/* UFFD_USER_MODE_ONLY, O_NONBLOCK, O_CLOEXEC, for those that forks make */
	struct spinlock lock;
	bool released;		/* lock */
	struct list_head pending;	/* lock: faults that nobody has read */
	struct list_head told;		/* lock: faults that wait for an answer */
	struct list_head events;	/* lock */
	struct wait_queue readers;
};
#define UFFD_READY (1u << 31)

/* With one reference; NULL: no memory. */
struct vm_uffd *vm_uffd_create(struct vm_space *s, u32 flags);
static inline void vm_uffd_get(struct vm_uffd *u)
{
	vm_watch_get(&u->watch);
}

static inline void vm_uffd_put(struct vm_uffd *u)
{
	vm_watch_put(&u->watch);
}

/* The descriptor is closed: nothing is registered any more, all who wait go on. No user needed. May sleep, takes map_lock. */
void vm_uffd_release(struct vm_uffd *u);

/* What a reader gets. */
struct vm_uffd_note {
	struct uffd_msg msg;
	struct vm_uffd *child;	/* UFFD_EVENT_FORK: the child's, a reference; vm_uffd_forked must follow */
	struct vm_uffd_wait *waiter;
};
/* The next fault or event; false: none. Any context but interrupts. */
bool vm_uffd_next(struct vm_uffd *u, struct vm_uffd_note *out) MUST_CHECK;
/* The child's has its descriptor (@ok), or the event stays to be read. */
void vm_uffd_forked(struct vm_uffd *u, const struct vm_uffd_note *n, bool ok);
bool vm_uffd_has_news(struct vm_uffd *u);
/* How many faults nobody has read, and how many wait in all. */
void vm_uffd_count(struct vm_uffd *u, u64 *out_pending, u64 *out_total);

/* UFFDIO_REGISTER for the modes (VM_UFFD_*): *out_ioctls is the mask of answers. -EINVAL -EPERM -EBUSY -ENOMEM. The range has been checked. */
int vm_uffd_register(struct vm_uffd *u, vaddr_t start, u64 len, u32 modes, u64 *out_ioctls) MUST_CHECK;
int vm_uffd_unregister(struct vm_uffd *u, vaddr_t start, u64 len) MUST_CHECK;
/* Whoever waits for a page of [start, start + len) tries again; len 0: all. No user needed. */
void vm_uffd_wake(struct vm_uffd *u, vaddr_t start, u64 len);

/*
 * Answers: the bytes that were filled, or an error if none were: -ENOENT (no area registered with @u holds the range), -EEXIST, -EAGAIN (the space is changing),
 * -EFAULT, -EINVAL, -ENOMEM. May sleep.
 */
s64 vm_uffd_copy(struct vm_uffd *u, vaddr_t dst, struct uptr src, u64 len, bool guard);
s64 vm_uffd_zero(struct vm_uffd *u, vaddr_t dst, u64 len);
s64 vm_uffd_continue(struct vm_uffd *u, vaddr_t dst, u64 len, bool guard);
s64 vm_uffd_poison(struct vm_uffd *u, vaddr_t dst, u64 len);
/* Also -EBUSY: a page that somebody else has. The space is the caller's own. */
s64 vm_uffd_move(struct vm_uffd *u, vaddr_t dst, vaddr_t src, u64 len, bool holes);
/* Guard the pages, or take the guard away. 0 -ENOENT -EAGAIN -ENOMEM. */
int vm_uffd_guard(struct vm_uffd *u, vaddr_t start, u64 len, bool on) MUST_CHECK;
