/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * userfaultfd: who waits, and who is told.
 *
 * A fault joins `pending` under map_lock, after it has looked at its entry again. All who answer change entries under map_lock and wake afterwards: so
 * either the fault sees the answer, or the answer finds the fault. A reader moves it to `told`; waking takes it from either list. Who waits has the entry on its
 * stack and leaves by the lock, so that a waker may use it to the end of its own hold.
 *
 * Events (fork, remap, remove, unmap) wait until they are read, killable. From the moment the space changes until then `changing` is not 0 and
 * answers are refused: the reader does not know yet what it would fill.
 */
#include <arch/trap.h>
#include <lib/string.h>
#include <linux/eventpoll.h>
#include <mm/slab.h>
#include <sync/rcu.h>
#include "../../mm/fault_impl.h"
#include "uffd_impl.h"

/* clang-format off */
LOCK_CLASS(uffd, RANK_WAITQ - 1, "who waits for a userfaultfd");
/* clang-format on */

static const struct vm_watch_ops uffd_ops;

static struct vm_uffd *create(struct vm_space *s, u32 flags, u32 features)
{
	struct vm_uffd *u = kzalloc(sizeof(*u), 0);

	if (!u)
		return NULL;
	vm_space_get(s);
	u->space = s;
	u->watch = (struct vm_watch){.ops = &uffd_ops, .refs = 1, .features = features};
	u->flags = flags;
	spin_init(&u->lock, uffd);
	list_init(&u->pending);
	list_init(&u->told);
	list_init(&u->events);
	wait_queue_init(&u->readers);
	return u;
}

struct vm_uffd *vm_uffd_create(struct vm_space *s, u32 flags)
{
	return create(s, flags, 0);
}

static void uffd_free(struct vm_watch *w)
{
	struct vm_uffd *u = container_of(w, struct vm_uffd, watch);

	vm_space_put(u->space);
	kfree(u);
}

/* Its lock is held. */
static void wake_one(struct vm_uffd_wait *w)
{
	list_del_init(&w->link);
	__atomic_store_n(&w->done, true, __ATOMIC_RELEASE);
	wait_wake_all(&w->wait);
}

static void wake_list(struct list_head *list, vaddr_t start, u64 len)
{
	struct list_head *at, *next;

	for (at = list->next; at != list; at = next) {
		struct vm_uffd_wait *w = container_of(at, struct vm_uffd_wait, link);

		next = at->next;
		if (!len || (w->va >= start && w->va - start < len))
			wake_one(w);
	}
}

void vm_uffd_wake(struct vm_uffd *u, vaddr_t start, u64 len)
{
	spin_lock(&u->lock);
	wake_list(&u->pending, start, len);
	wake_list(&u->told, start, len);
	spin_unlock(&u->lock);
}

/* ---- readers ---- */

bool vm_uffd_has_news(struct vm_uffd *u)
{
	return !list_empty(&u->pending) || !list_empty(&u->events);
}

bool vm_uffd_next(struct vm_uffd *u, struct vm_uffd_note *out)
{
	struct vm_uffd_wait *w = NULL;

	spin_lock(&u->lock);
	if (!list_empty(&u->pending)) {
		w = list_first_entry(&u->pending, struct vm_uffd_wait, link);
		list_del(&w->link);
		list_add_tail(&w->link, &u->told);
	} else if (!list_empty(&u->events)) {
		w = list_first_entry(&u->events, struct vm_uffd_wait, link);
	}
	if (w) {
		*out = (struct vm_uffd_note){.msg = w->msg, .child = w->child, .waiter = w};
		if (w->child) {
			vm_uffd_get(w->child);
			list_del_init(&w->link);
			w->held = true;
		} else if (w->msg.event != UFFD_EVENT_PAGEFAULT) {
			wake_one(w);
		}
	}
	spin_unlock(&u->lock);
	return w;
}

void vm_uffd_forked(struct vm_uffd *u, const struct vm_uffd_note *n, bool ok)
{
	struct vm_uffd_wait *w = n->waiter;

	spin_lock(&u->lock);
	w->held = false;
	if (ok)
		wake_one(w);
	else
		list_add(&w->link, &u->events);
	wait_wake_all(&w->wait);
	spin_unlock(&u->lock);
	vm_uffd_put(n->child);
}

void vm_uffd_count(struct vm_uffd *u, u64 *out_pending, u64 *out_total)
{
	struct list_head *at;
	u64 pending = 0, told = 0;

	spin_lock(&u->lock);
	for (at = u->pending.next; at != &u->pending; at = at->next)
		pending++;
	for (at = u->told.next; at != &u->told; at = at->next)
		told++;
	spin_unlock(&u->lock);
	*out_pending = pending;
	*out_total = pending + told;
}

void vm_uffd_release(struct vm_uffd *u)
{
	struct vm_space *s = u->space;
	struct vm_area *a;

	spin_lock(&u->lock);
	u->released = true;
	spin_unlock(&u->lock);
	mutex_lock(&s->map_lock);
	a = area_find(s, 0);
	while (a) {
		if (uffd_of(a) == u)
			uffd_leave_area(a);
		a = area_next(area_merge(a));
	}
	mutex_unlock(&s->map_lock);
	spin_lock(&u->lock);
	wake_list(&u->pending, 0, 0);
	wake_list(&u->told, 0, 0);
	/* These find out that nobody has read them. */
	for (struct list_head *at = u->events.next; at != &u->events; at = at->next)
		wait_wake_all(&container_of(at, struct vm_uffd_wait, link)->wait);
	spin_unlock(&u->lock);
	wait_wake(&u->readers, 0, EPOLLHUP);
}

/* ---- faults ---- */

/* What the entry of the address, an area that is registered, asks of the reader now: a VM_UFFD_*; 0: nothing. map_lock. */
static u32 reason_of(const struct fault *f, const struct vm_area *a)
{
	struct pt_at at = pt_walk(&f->space->mmu, f->va, 0);
	struct pte pte = at.e ? pte_load(at.e) : pte_none();
	bool there;

	if (at.e && at.level && !pte_is_none(pte))
		return 0; /* no huge leaf is guarded */
	if (pte_is_present(pte))
		return is_write(f) && pte_is_guarded(pte) && (a->flags & (VM_UFFD_WP | VM_UFFD_ASYNC)) == VM_UFFD_WP ? VM_UFFD_WP : 0;
	if (!pte_is_none(pte) && !pte_is_marker(pte, MARK_GUARD))
		return 0;
	if (!a->object)
		return a->flags & VM_UFFD_MISSING;
	if (area_index(a, f->va) >= DIV_ROUND_UP(READ_ONCE(a->object->size), PAGE_SIZE))
		return 0;
	rcu_read_lock();
	there = vm_object_peek_rcu(a->object, area_index(a, f->va)) != NULL;
	rcu_read_unlock();
	return a->flags & (there ? VM_UFFD_MINOR : VM_UFFD_MISSING);
}

static void describe(struct vm_uffd_wait *w, const struct fault *f, u32 reason, u32 features)
{
	w->va = f->va;
	w->msg.event = UFFD_EVENT_PAGEFAULT;
	w->msg.arg.pagefault.address = features & UFFD_FEATURE_EXACT_ADDRESS ? f->exact : f->va;
	w->msg.arg.pagefault.flags = (is_write(f) ? UFFD_PAGEFAULT_FLAG_WRITE : 0) |
		(reason == VM_UFFD_WP ? UFFD_PAGEFAULT_FLAG_WP : 0) | (reason == VM_UFFD_MINOR ? UFFD_PAGEFAULT_FLAG_MINOR : 0);
	if (features & UFFD_FEATURE_THREAD_ID)
		w->msg.arg.pagefault.feat.ptid = thread_current()->id;
}

static void join(struct vm_uffd *u, struct list_head *list, struct vm_uffd_wait *w)
{
	wait_queue_init(&w->wait);
	spin_lock(&u->lock);
	list_add_tail(&w->link, list);
	spin_unlock(&u->lock);
}

static void leave(struct vm_uffd *u, struct vm_uffd_wait *w)
{
	spin_lock(&u->lock);
	list_del_init(&w->link);
	spin_unlock(&u->lock);
}

/* Join those who wait, if there is something to wait for. Nothing: FR_RETRY. map_lock. */
static enum fault_result ask(struct vm_uffd *u, const struct fault *f, const struct vm_area *a, struct vm_uffd_wait *w)
{
	u32 reason = reason_of(f, a);

	if (!reason)
		return FR_RETRY;
	if ((uffd_features(u) & UFFD_FEATURE_SIGBUS) || (!(f->flags & FAULT_USER) && (u->flags & UFFD_USER_MODE_ONLY)))
		return FR_BUS;
	describe(w, f, reason, uffd_features(u));
	vm_uffd_get(u);
	join(u, &u->pending, w);
	return FR_DONE;
}

static int uffd_fault(struct vm_watch *watch, struct vm_area *a, struct fault *f)
{
	enum thread_state state = f->flags & FAULT_USER ? THREAD_SLEEP_INTR : THREAD_SLEEP_KILL;
	struct vm_uffd *u = container_of(watch, struct vm_uffd, watch);
	struct vm_uffd_wait w = {0};
	enum fault_result r = ask(u, f, a, &w);
	int err;

	mutex_unlock(&f->space->map_lock);
	if (r != FR_DONE)
		return r;
	wait_wake(&u->readers, 0, EPOLLIN | EPOLLRDNORM);
	err = wait_event_state(&w.wait, __atomic_load_n(&w.done, __ATOMIC_ACQUIRE), state, ~0ull, false);
	leave(u, &w);
	vm_uffd_put(u);
	if (!err)
		return FR_RETRY;
	return thread_kill_pending() ? FR_KILLED : FR_SIGNAL;
}

/* ---- events ---- */

static bool is_over(const struct vm_uffd *u, const struct vm_uffd_wait *w)
{
	return __atomic_load_n(&w->done, __ATOMIC_ACQUIRE) || (READ_ONCE(u->released) && !READ_ONCE(w->held));
}

/* True: it was read. */
static bool tell(struct vm_uffd *u, struct vm_uffd_wait *w)
{
	bool done;

	join(u, &u->events, w);
	wait_wake(&u->readers, 0, EPOLLIN | EPOLLRDNORM);
	(void)!wait_event_killable(&w->wait, is_over(u, w));
	for (;;) {
		bool held;

		spin_lock(&u->lock);
		held = w->held;
		done = w->done;
		if (!held)
			list_del_init(&w->link);
		spin_unlock(&u->lock);
		if (!held)
			break;
		/* A reader is about to decide it. */
		wait_event(&w->wait, !READ_ONCE(w->held));
	}
	vm_watch_drop(&u->watch);
	return done;
}

static void uffd_tell(struct vm_watch *watch, unsigned event, vaddr_t from, vaddr_t to, u64 len)
{
	struct vm_uffd_wait w = {.msg.event = (u8)event};

	if (event == UFFD_EVENT_REMAP) {
		w.msg.arg.remap.from = from;
		w.msg.arg.remap.to = to;
		w.msg.arg.remap.len = len;
	} else {
		w.msg.arg.remove.start = from;
		w.msg.arg.remove.end = to;
	}
	(void)tell(container_of(watch, struct vm_uffd, watch), &w);
}

/* ---- fork ---- */

struct uffd_fork {
	struct uffd_fork *next;
	struct vm_uffd *parent, *child;
};

static struct uffd_fork *fork_of(struct vm_watch_forks *forks, struct vm_uffd *parent, struct vm_space *child)
{
	struct uffd_fork *f;

	for (f = forks->first; f; f = f->next) {
		if (f->parent == parent)
			return f;
	}
	f = kmalloc(sizeof(*f), 0);
	if (!f)
		return NULL;
	f->child = create(child, parent->flags, uffd_features(parent));
	if (!f->child) {
		kfree(f);
		return NULL;
	}
	f->parent = parent;
	vm_watch_begin(&parent->watch);
	f->next = forks->first;
	forks->first = f;
	forks->ops = &uffd_ops;
	return f;
}

static int uffd_fork(struct vm_area *c, struct vm_watch_forks *forks)
{
	struct vm_uffd *parent = uffd_of(c);
	struct uffd_fork *f;

	if (!(uffd_features(parent) & UFFD_FEATURE_EVENT_FORK)) {
		c->watch = NULL;
		WRITE_ONCE(c->flags, c->flags & ~VM_UFFD_ALL);
		vm_uffd_put(parent);
		return 0;
	}
	f = fork_of(forks, parent, c->space);
	if (!f)
		return -ENOMEM;
	vm_uffd_get(f->child);
	c->watch = &f->child->watch;
	vm_uffd_put(parent);
	return 0;
}

static void uffd_forked(struct vm_watch_forks *forks, bool ok)
{
	while (forks->first) {
		struct uffd_fork *f = forks->first;
		struct vm_uffd_wait w = {.msg.event = UFFD_EVENT_FORK, .child = f->child};

		forks->first = f->next;
		if (!ok)
			vm_watch_drop(&f->parent->watch);
		else if (!tell(f->parent, &w))
			vm_uffd_release(f->child); /* it has no descriptor */
		vm_uffd_put(f->child);
		kfree(f);
	}
}

static const struct vm_watch_ops uffd_ops = {
	.free = uffd_free, .fault = uffd_fault, .tell = uffd_tell, .leave = uffd_leave_area, .fork = uffd_fork, .forked = uffd_forked};
