/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lock order checking of debug kernels. Checked at every acquisition, before it waits:
 *
 *   rank       the new lock's rank is above that of every lock held (equal if nested)
 *   order      an edge "held -> new" between classes is recorded; a path back from new to held is a
 *              possible deadlock even if the ranks are equal (nested) or the threads never met
 *   interrupt  a class taken by an interrupt handler is never taken with interrupts on
 *   recursion  the same lock twice
 *   sleep      no spinlock is held across schedule(); nothing at thread exit
 *
 * A trylock cannot wait, so it makes no edge and has no rank to obey. Each edge remembers where it
 * was first made. The first report prints both chains and ends all checking: what follows would be
 * noise. Release kernels compile every function here to nothing (NOS_DEBUG is a constant).
 *
 * Locking: the graph is written under a bare spin word with interrupts off and read without: edges
 * only appear. A held stack belongs to its thread; locks taken by an interrupt handler stand on the
 * stack of the thread it interrupted and are gone when it returns.
 */
#include <sync/lockdep.h>
#include <arch/cpu.h>
#include <debug/log.h>
#include <debug/panic.h>
#include <lib/bitmap.h>
#include <lib/string.h>
#include <sched/sched.h>

#define MAX_CLASSES (NOS_DEBUG ? 512 : 64)
#define IRQ_USED    1 /* taken by an interrupt handler */
#define IRQ_UNSAFE  2 /* taken with interrupts on, outside a handler */

static struct lock_class *classes[MAX_CLASSES];
static u32 nclasses;
static BITMAP_DECLARE(edges[MAX_CLASSES], MAX_CLASSES);
static u32 edge_hash_pc[NOS_DEBUG ? 4096 : 1]; /* where an edge was made; low bits of the address */
static u32 graph_word;
static bool broken;
static struct lock_held boot_held[LOCKDEP_MAX_HELD];
static u32 boot_nheld;

bool lockdep_ok(void)
{
	return !READ_ONCE(broken);
}

static bool active(void)
{
	return NOS_DEBUG && !READ_ONCE(broken);
}

static struct lock_held *held_of(struct thread *t, u32 **out_n)
{
	if (t && t->held) {
		*out_n = &t->nheld;
		return t->held;
	}
	*out_n = &boot_nheld;
	return boot_held;
}

static u32 *edge_pc(u32 from, u32 to)
{
	return &edge_hash_pc[(from * 67 + to) % ARRAY_SIZE(edge_hash_pc)];
}

static void print_lock(const char *prefix, const struct lock_held *h)
{
	klog(LOG_EMERG, "  %s%s (rank %u, %s) at %p, taken at %p%s", prefix, h->klass->name,
		h->klass->rank, h->klass->what, h->lock, (void *)(unsigned long)h->pc,
		h->in_irq ? ", by an interrupt" : "");
}

void lockdep_print_held(void)
{
	struct lock_held *held;
	u32 *n;

	if (!NOS_DEBUG)
		return;
	held = held_of(thread_current(), &n);
	klog(LOG_EMERG, "locks held: %u", *n);
	for (u32 i = 0; i < *n && i < LOCKDEP_MAX_HELD; i++)
		print_lock("", &held[i]);
}

/* The first report wins; true for the winner. */
static bool report(const char *what, struct lock_class *klass, const void *lock)
{
	if (__atomic_exchange_n(&broken, true, __ATOMIC_ACQ_REL))
		return false;
	klog(LOG_EMERG, "lockdep: %s", what);
	if (klass)
		klog(LOG_EMERG, "  taking %s (rank %u, %s) at %p", klass->name, klass->rank,
			klass->what, lock);
	lockdep_print_held();
	warn_at(__FILE__, __LINE__, what);
	return true;
}

static void graph_lock(void)
{
	while (__atomic_exchange_n(&graph_word, 1, __ATOMIC_ACQUIRE))
		cpu_relax();
}

static void graph_unlock(void)
{
	__atomic_store_n(&graph_word, 0, __ATOMIC_RELEASE);
}

/* Ids start at 1. Interrupts off. */
static u32 class_id(struct lock_class *k)
{
	u32 id = LOAD_ACQUIRE(k->id);

	if (likely(id))
		return id;
	graph_lock();
	id = k->id;
	if (!id && nclasses + 1 < MAX_CLASSES) {
		id = ++nclasses;
		classes[id] = k;
		STORE_RELEASE(k->id, (u16)id);
	}
	graph_unlock();
	if (!id)
		report("too many lock classes", k, NULL);
	return id;
}

/* Depth-first search for a path @from -> @to under graph_lock; fills via[] with the predecessor. */
static bool path_exists(u32 from, u32 to, u16 *via)
{
	static u16 stack[NOS_DEBUG ? 512 : 64];
	static BITMAP_DECLARE(seen, NOS_DEBUG ? 512 : 64);
	u32 depth = 0;

	bitmap_zero(seen, MAX_CLASSES);
	stack[depth++] = (u16)from;
	bitmap_set(seen, from);
	while (depth) {
		u32 n = stack[--depth], m;

		if (n == to)
			return true;
		bitmap_for_each_set(m, edges[n], MAX_CLASSES) {
			if (bitmap_test_and_set(seen, m))
				continue;
			via[m] = (u16)n;
			stack[depth++] = (u16)m;
		}
	}
	return false;
}

static void print_path(u32 from, u32 to, const u16 *via)
{
	klog(LOG_EMERG, "the other order, recorded before:");
	for (u32 n = to; n != from; n = via[n])
		klog(LOG_EMERG, "  %s was taken under %s at ...%08x", classes[n]->name,
			classes[via[n]]->name, *edge_pc(via[n], n));
}

static void add_edge(struct lock_held *h, struct lock_class *klass, const void *lock, vaddr_t pc)
{
	static u16 via[NOS_DEBUG ? 512 : 64];
	u32 from = class_id(h->klass), to = class_id(klass);

	if (!from || !to || bitmap_test(edges[from], to))
		return;
	graph_lock();
	if (from != to && path_exists(to, from, via)) {
		if (report("circular lock order", klass, lock))
			print_path(to, from, via);
	} else {
		bitmap_set(edges[from], to);
		*edge_pc(from, to) = (u32)pc;
	}
	graph_unlock();
}

static void check_irq(struct lock_class *k, const void *lock, bool irqs_on)
{
	u8 use = in_irq() ? IRQ_USED : irqs_on ? IRQ_UNSAFE : 0;
	u8 old = READ_ONCE(k->irq_state);

	if ((old & use) != use)
		old = __atomic_fetch_or(&k->irq_state, use, __ATOMIC_RELAXED);
	if ((old | use) == (IRQ_USED | IRQ_UNSAFE))
		report(use == IRQ_USED ? "an interrupt takes a lock that is also taken with interrupts on" :
					 "a lock that interrupts take is taken with interrupts on",
			k, lock);
}

static void check_held(struct lock_held *held, u32 n, struct lock_class *klass, const void *lock,
	bool nested, vaddr_t pc)
{
	for (u32 i = n; i-- > 0;) {
		struct lock_held *h = &held[i];

		if (h->lock == lock) {
			report("recursion", klass, lock);
			return;
		}
		/* An interrupt waits for nothing that its victim holds only by order. */
		if (in_irq() && !h->in_irq)
			continue;
		if (klass->rank < h->klass->rank || (klass->rank == h->klass->rank && !nested)) {
			report("rank order", klass, lock);
			return;
		}
		add_edge(h, klass, lock, pc);
	}
}

void lockdep_acquire(
	struct lock_class *klass, const void *lock, bool trylock, bool nested, bool sleeping)
{
	struct lock_held *held;
	irqflags_t flags;
	bool irqs_on;
	u32 *n;

	if (!active())
		return;
	irqs_on = irqs_enabled();
	flags = irq_save();
	held = held_of(thread_current(), &n);
	if (!klass) {
		report("a lock was not initialised", NULL, lock);
	} else if (*n >= LOCKDEP_MAX_HELD) {
		report("too many locks held", klass, lock);
	} else {
		vaddr_t pc = (vaddr_t)(unsigned long)__builtin_return_address(0);

		if (!sleeping && !trylock)
			check_irq(klass, lock, irqs_on);
		if (!trylock)
			check_held(held, *n, klass, lock, nested, pc);
		held[(*n)++] = (struct lock_held){.klass = klass, .lock = lock, .pc = pc,
			.in_irq = in_irq(), .sleeping = sleeping};
	}
	irq_restore(flags);
}

void lockdep_release(struct lock_class *klass, const void *lock)
{
	struct lock_held *held;
	irqflags_t flags;
	u32 *n, i;

	if (!active())
		return;
	flags = irq_save();
	held = held_of(thread_current(), &n);
	for (i = *n; i-- > 0;)
		if (held[i].lock == lock)
			break;
	if (i >= *n) {
		report("a lock is released that this thread does not hold", klass, lock);
	} else {
		for (; i + 1 < *n; i++)
			held[i] = held[i + 1];
		--*n;
	}
	irq_restore(flags);
}

bool lockdep_held(const void *lock)
{
	struct lock_held *held;
	u32 *n;

	if (!active())
		return true;
	held = held_of(thread_current(), &n);
	for (u32 i = 0; i < *n; i++)
		if (held[i].lock == lock)
			return true;
	return false;
}

void lockdep_check_sleep(void)
{
	struct lock_held *held;
	u32 *n;

	if (!active())
		return;
	held = held_of(thread_current(), &n);
	for (u32 i = 0; i < *n; i++)
		if (!held[i].sleeping) {
			report("sleeping with a spinlock held", NULL, NULL);
			return;
		}
}

void lockdep_check_exit(void)
{
	u32 *n;

	if (!active())
		return;
	held_of(thread_current(), &n);
	if (*n)
		report("a thread ends with locks held", NULL, NULL);
}
