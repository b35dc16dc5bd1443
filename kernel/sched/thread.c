/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of threads. A thread's own reference is put by the CPU that switches away from it for the
 * last time. Its stack goes into a small stash of that CPU then, from which the next fork takes it;
 * the rest is freed when the last reference is gone and a grace period has passed.
 */
#include "sched_impl.h"
#include <lib/errno.h>
#include <lib/string.h>
#include <lib/printf.h>
#include <arch/context.h>
#include <linux/sched.h>
#include <mm/kmap.h>
#include <mm/slab.h>
#include <debug/kasan.h>
#include <sync/lockdep.h>
#include <sync/spinlock.h>

LOCK_CLASS(threads, RANK_LEAF, "list of all threads");
static struct spinlock all_lock = SPINLOCK_INIT(threads);
static LIST_HEAD(all_threads);

void (*thread_kernel_watch)(struct thread *t, bool ends);

struct kernel_thread {
	struct thread thread;
	void (*fn)(void *);
	void *arg;
};

static void *stack_get(void)
{
	irqflags_t flags = irq_save();
	struct rq *rq = rq_this();
	void *stack = rq->nstash ? rq->stash[--rq->nstash] : NULL;

	irq_restore(flags);
	if (!stack)
		return kstack_alloc();
	kasan_unpoison(stack, KSTACK_SIZE);
	return stack;
}

static void all_add(struct thread *t)
{
	irqflags_t flags = spin_lock_irqsave(&all_lock);

	list_add_tail_rcu(&t->all_link, &all_threads);
	spin_unlock_irqrestore(&all_lock, flags);
}

static void all_remove(struct thread *t)
{
	irqflags_t flags = spin_lock_irqsave(&all_lock);

	list_del_rcu(&t->all_link);
	spin_unlock_irqrestore(&all_lock, flags);
}

void thread_for_each(bool (*fn)(struct thread *t, void *arg), void *arg)
{
	struct thread *t;

	rcu_read_lock();
	list_for_each_entry_rcu(t, &all_threads, all_link) {
		if (!fn(t, arg))
			break;
	}
	rcu_read_unlock();
}

/* Scheduling parameters of a child [man sched(7)]. */
static void inherit_params(struct thread *t, struct thread *parent)
{
	if (!parent || parent->se.klass == SCHED_CLASS_IDLE) {
		t->params = (struct sched_params){.policy = SCHED_NORMAL};
		bitmap_fill(t->allowed.bits, MAX_CPUS);
	} else {
		sched_get_params(parent, &t->params);
		sched_get_affinity(parent, &t->allowed);
	}
	if (t->params.flags & SCHED_FLAG_RESET_ON_FORK) {
		bool rt = t->params.policy == SCHED_FIFO || t->params.policy == SCHED_RR ||
			t->params.policy == SCHED_DEADLINE;
		int nice = rt || t->params.nice < 0 ? 0 : t->params.nice;

		t->params = (struct sched_params){
			.policy = rt ? SCHED_NORMAL : t->params.policy, .nice = nice};
	}
}

static void init_common(struct thread *t, const char *name, void (*release)(struct thread *))
{
	t->state = THREAD_NEW;
	t->refs = 1;
	t->release = release;
	t->cpu = cpu_id();
	t->start_ns = clock_monotonic();
	strscpy(t->name, name, sizeof(t->name));
	rb_clear(&t->se.node);
	list_init(&t->all_link);
}

int thread_init(struct thread *t, const char *name, void (*release)(struct thread *))
{
	struct thread *parent = thread_current();

	memset(t, 0, sizeof(*t));
	inherit_params(t, parent);
	if (t->params.policy == SCHED_DEADLINE)
		return -EAGAIN;
	t->stack = stack_get();
	if (!t->stack)
		return -ENOMEM;
	if (NOS_DEBUG) {
		t->held = kcalloc(LOCKDEP_MAX_HELD, sizeof(*t->held), ALLOC_SLEEP);
		if (!t->held) {
			kstack_free(t->stack);
			return -ENOMEM;
		}
	}
	init_common(t, name, release);
	params_apply(t);
	all_add(t);
	return 0;
}

void thread_fini(struct thread *t)
{
	all_remove(t);
	arch_thread_fini(t);
	kstack_free(t->stack);
	kfree(t->held);
	t->stack = NULL;
	t->held = NULL;
	rcu_synchronize(); /* thread_for_each may stand on it */
}

static void thread_free(struct rcu_head *head)
{
	struct thread *t = container_of(head, struct thread, rcu);

	arch_thread_fini(t);
	if (t->stack)
		kstack_free(t->stack);
	kfree(t->held);
	t->stack = NULL;
	t->held = NULL;
	t->release(t);
}

void thread_get(struct thread *t)
{
	u32 old = __atomic_fetch_add(&t->refs, 1, __ATOMIC_RELAXED);

	DASSERT(old > 0);
	(void)old;
}

bool thread_tryget(struct thread *t)
{
	u32 refs = READ_ONCE(t->refs);

	while (refs)
		if (__atomic_compare_exchange_n(&t->refs, &refs, refs + 1, false, __ATOMIC_ACQUIRE,
			    __ATOMIC_RELAXED))
			return true;
	return false;
}

void thread_put(struct thread *t)
{
	u32 left = __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL);

	DASSERT(left != ~0u);
	if (!left)
		rcu_call(&t->rcu, thread_free);
}

void thread_reap(struct rq *rq, struct thread *t)
{
	if (rq->nstash < ARRAY_SIZE(rq->stash)) {
		kasan_poison(t->stack, KSTACK_SIZE, KASAN_STACK_FREE);
		rq->stash[rq->nstash++] = t->stack;
		t->stack = NULL;
	}
	STORE_RELEASE(t->on_rq, 0);
	thread_put(t);
}

void thread_exit(void)
{
	struct thread *t = thread_current();

	if (NOS_DEBUG) {
		assert_may_sleep();
		lockdep_check_exit();
		ASSERT(!t->space);
	}
	if (t->se.klass == SCHED_CLASS_DEADLINE) { /* give the bandwidth back */
		struct sched_params normal = {.policy = SCHED_NORMAL};

		(void)!sched_set_params(t, &normal);
	}
	all_remove(t);
	preempt_disable();
	WRITE_ONCE(t->state, THREAD_DEAD);
	preempt_enable_no_resched();
	schedule();
	panic("a dead thread runs");
}

static void kernel_thread_release(struct thread *t)
{
	kfree(container_of(t, struct kernel_thread, thread));
}

static void kernel_thread_main(void *arg)
{
	struct kernel_thread *k = arg;

	k->fn(k->arg);
	if (thread_kernel_watch)
		thread_kernel_watch(&k->thread, true);
	thread_exit();
}

static int create(void (*fn)(void *), void *arg, const char *name, struct kernel_thread **out)
{
	struct kernel_thread *k = kzalloc(sizeof(*k), ALLOC_SLEEP);
	int ret;

	if (!k)
		return -ENOMEM;
	ret = thread_init(&k->thread, name, kernel_thread_release);
	if (ret) {
		kfree(k);
		return ret;
	}
	k->fn = fn;
	k->arg = arg;
	k->thread.refs = 2;
	k->thread.params = (struct sched_params){.policy = SCHED_NORMAL};
	params_apply(&k->thread);
	bitmap_fill(k->thread.allowed.bits, MAX_CPUS);
	arch_thread_init_kernel(&k->thread, kernel_thread_main, k);
	*out = k;
	return 0;
}

static struct thread *announce(struct kernel_thread *k)
{
	if (thread_kernel_watch)
		thread_kernel_watch(&k->thread, false);
	return &k->thread;
}

int thread_create(void (*fn)(void *), void *arg, const char *name, struct thread **out)
{
	struct kernel_thread *k;
	int ret = create(fn, arg, name, &k);

	if (!ret)
		*out = announce(k);
	return ret;
}

int thread_create_on(
	unsigned cpu, void (*fn)(void *), void *arg, const char *name, struct thread **out)
{
	char full[16];
	struct kernel_thread *k;
	int ret;

	snprintf(full, sizeof(full), "%s/%u", name, cpu);
	ret = create(fn, arg, full, &k);
	if (ret)
		return ret;
	bitmap_zero(k->thread.allowed.bits, MAX_CPUS);
	cpumask_set(&k->thread.allowed, cpu);
	k->thread.cpu = cpu;
	*out = announce(k);
	return 0;
}

bool thread_is_running(const struct thread *t)
{
	return READ_ONCE(rq_of(READ_ONCE(t->cpu))->curr) == t;
}

bool thread_wait_inactive(struct thread *t)
{
	for (;;) {
		u32 state = READ_ONCE(t->state);

		if (state == THREAD_RUNNING || state == THREAD_WOKEN)
			return false;
		if (!LOAD_ACQUIRE(t->on_rq))
			return READ_ONCE(t->state) == state;
		if (preempt_depth() == 0)
			sched_yield_now();
		cpu_relax();
	}
}

void sched_idle_thread_init(struct thread *t, unsigned cpu)
{
	char name[16];

	snprintf(name, sizeof(name), "idle/%u", cpu);
	init_common(t, name, NULL);
	t->state = THREAD_RUNNING;
	t->on_rq = 1;
	t->cpu = cpu;
	t->se.klass = SCHED_CLASS_IDLE;
	t->params.policy = SCHED_NORMAL;
	cpumask_set(&t->allowed, cpu);
}
