/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <arch_impl/layout.h>
#include <debug/log.h>
#include <debug/panic.h>
#include <mm/kmap.h>
#include <mm/oom.h>
#include <mm/page.h>
#include <mm/reclaim.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <security/random.h>
#include <sched/preempt.h>
#include <sched/smp_call.h>
#include <sched/thread.h>
#include <sync/lockdep.h>
#include <sync/mutex.h>
#include <sync/rcu.h>
#include <sync/spinlock.h>
#include <sync/wait.h>
#include "slab_impl.h"
#include "test_env.h"

DEFINE_PER_CPU(u32, preempt_count);
DEFINE_PER_CPU(struct thread *, current_thread);
struct cpumask cpus_online;
int panic_timeout;
u64 env_oom_kills;
bool env_kill_pending;
static __thread jmp_buf *panic_target;
static __thread char panic_text[256];

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(panic_text, sizeof(panic_text), fmt, ap);
	va_end(ap);
	if (panic_target)
		longjmp(*panic_target, 1);
	fprintf(stderr, "panic: %s\n", panic_text);
	abort();
}

bool env_panics(void (*fn)(void *), void *arg, const char **out)
{
	jmp_buf target;
	volatile bool panicked = true;

	if (!setjmp(target)) {
		panic_target = &target;
		fn(arg);
		panicked = false;
	}
	panic_target = NULL;
	this_cpu_write(preempt_count, 0);
	if (out)
		*out = panic_text;
	return panicked;
}

void warn_at(const char *file, int line, const char *what)
{
	panic("warning: %s:%d: %s", file, line, what);
}

void panic_print_pcs(const vaddr_t *pcs, unsigned n, bool first_is_exact)
{
	for (unsigned i = 0; i < n; i++)
		fprintf(stderr, "  %#llx\n", (unsigned long long)pcs[i]);
}

void klog(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if (level > LOG_ERR)
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

bool log_ratelimit(struct log_ratelimit *rl)
{
	return true;
}

void preempt_schedule(void)
{
}

void assert_may_sleep(void)
{
	if (preempt_depth())
		panic("may not sleep here");
}

void spin_init_class(struct spinlock *l, struct lock_class *klass)
{
	l->locked = 0;
	l->klass = klass;
}

void spin_lock_slow(struct spinlock *l)
{
	for (unsigned spins = 1; __atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE); spins++) {
		if (spins % 256)
			__builtin_ia32_pause();
		else
			sched_yield();
	}
}

/* Ranks of what this thread holds, in the order taken. */
static __thread const void *held[32];
static __thread u16 held_rank[32];
static __thread unsigned nheld;

void lockdep_acquire(struct lock_class *klass, const void *lock, bool trylock, bool nested, bool sleeping)
{
	for (unsigned i = 0; i < nheld; i++) {
		if (held[i] == lock)
			panic("%s taken twice", klass->name);
		if (!trylock && (held_rank[i] > klass->rank || (held_rank[i] == klass->rank && !nested)))
			panic("%s (%u) taken with rank %u held", klass->name, klass->rank, held_rank[i]);
	}
	if (nheld == ARRAY_SIZE(held))
		abort();
	held[nheld] = lock;
	held_rank[nheld++] = klass->rank;
}

void lockdep_release(struct lock_class *klass, const void *lock)
{
	unsigned i = nheld;

	while (i && held[i - 1] != lock)
		i--;
	if (!i)
		panic("%s released and not held", klass->name);
	for (; i < nheld; i++) {
		held[i - 1] = held[i];
		held_rank[i - 1] = held_rank[i];
	}
	nheld--;
}

bool lockdep_held(const void *lock)
{
	for (unsigned i = 0; i < nheld; i++) {
		if (held[i] == lock)
			return true;
	}
	return false;
}

static struct lock_class lock_class_mutex_wait_env = {.name = "mutex_wait", .rank = RANK_LEAF};
struct lock_class lock_class_mutex_wait = {.name = "mutex_wait", .rank = RANK_LEAF};

void mutex_init_class(struct mutex *m, struct lock_class *klass)
{
	*m = (struct mutex){.lock = {.klass = &lock_class_mutex_wait_env}, .klass = klass};
}

static void take(struct mutex *m, bool nested)
{
	assert_may_sleep();
	lockdep_acquire(m->klass, m, false, nested, true);
	while (__atomic_exchange_n(&m->owner, 1, __ATOMIC_ACQUIRE))
		sched_yield();
}

void mutex_lock(struct mutex *m)
{
	take(m, false);
}

void mutex_lock_nested(struct mutex *m)
{
	take(m, true);
}

int mutex_lock_killable(struct mutex *m)
{
	take(m, false);
	return 0;
}

bool mutex_trylock(struct mutex *m)
{
	if (__atomic_exchange_n(&m->owner, 1, __ATOMIC_ACQUIRE))
		return false;
	lockdep_acquire(m->klass, m, true, false, true);
	return true;
}

void mutex_unlock(struct mutex *m)
{
	lockdep_release(m->klass, m);
	__atomic_store_n(&m->owner, 0, __ATOMIC_RELEASE);
}

bool mutex_is_locked(const struct mutex *m)
{
	return __atomic_load_n(&m->owner, __ATOMIC_RELAXED);
}

void mutex_assert_held(const struct mutex *m)
{
	if (!lockdep_held(m))
		panic("mutex not held");
}

static pthread_mutex_t rcu_lock = PTHREAD_MUTEX_INITIALIZER;
static struct rcu_head *rcu_list;

void rcu_call(struct rcu_head *head, void (*fn)(struct rcu_head *))
{
	pthread_mutex_lock(&rcu_lock);
	/* It may lie in a page table that late readers still look at. */
	__atomic_store_n(&head->fn, fn, __ATOMIC_RELAXED);
	__atomic_store_n(&head->next, rcu_list, __ATOMIC_RELAXED);
	__atomic_store_n(&rcu_list, head, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&rcu_lock);
}

void rcu_synchronize(void)
{
	assert_may_sleep();
	for (unsigned cpu = 0; cpu < host_cpu_count; cpu++) {
		while (cpu != host_cpu && __atomic_load_n(per_cpu_ptr(&preempt_count, cpu), __ATOMIC_SEQ_CST))
			sched_yield();
	}
}

void rcu_barrier(void)
{
	struct rcu_head *list, *h;

	do {
		pthread_mutex_lock(&rcu_lock);
		list = rcu_list;
		__atomic_store_n(&rcu_list, NULL, __ATOMIC_RELAXED);
		pthread_mutex_unlock(&rcu_lock);
		rcu_synchronize();
		while ((h = list)) {
			list = h->next;
			h->fn(h);
		}
	} while (__atomic_load_n(&rcu_list, __ATOMIC_RELAXED));
}

void env_rcu_flush(void)
{
	rcu_barrier();
}

void smp_call(const struct cpumask *mask, void (*fn)(void *), void *arg)
{
	/* The tests' CPUs take no interrupts: what they hold is theirs until they drain it themselves. */
}

void oom_kill(void)
{
	__atomic_fetch_add(&env_oom_kills, 1, __ATOMIC_RELAXED);
	env_kill_pending = true;
}

u64 random_u64(void)
{
	return host_random_next();
}

void env_init(size_t len, unsigned cpus)
{
	rcu_list = NULL;
	list_init(&slab_caches);
	list_init(&reclaim_shrinkers);
	host_cpu = 0;
	host_cpu_count = cpus;
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		memcpy(per_cpu_ptr((char *)__start_percpu, cpu), __start_percpu,
			(size_t)(__stop_percpu - __start_percpu));
	}
	host_memory_init(len);
	page_init();
}

struct cpu_run {
	pthread_t thread;
	unsigned cpu;
	void (*fn)(void *);
	void *arg;
};

static void *run_cpu(void *p)
{
	struct cpu_run *r = p;

	host_cpu = r->cpu;
	r->fn(r->arg);
	return NULL;
}

void env_run_cpus(unsigned n, void (*fn)(void *), void *arg)
{
	struct cpu_run runs[MAX_CPUS];

	for (unsigned i = 0; i < n; i++) {
		runs[i] = (struct cpu_run){.cpu = i, .fn = fn, .arg = arg};
		if (pthread_create(&runs[i].thread, NULL, run_cpu, &runs[i]))
			abort();
	}
	for (unsigned i = 0; i < n; i++)
		pthread_join(runs[i].thread, NULL);
}

void wait_queue_init(struct wait_queue *q)
{
}

void wait_wake(struct wait_queue *q, int nr_exclusive, u32 key)
{
}

bool wait_fn_thread(struct wait_entry *e, u32 key)
{
	return true;
}

void wait_prepare(struct wait_queue *q, struct wait_entry *e, enum thread_state state)
{
}

int wait_sleep(enum thread_state state, u64 deadline_ns)
{
	sched_yield();
	return 0;
}

void wait_finish(struct wait_queue *q, struct wait_entry *e)
{
}

bool thread_wake(struct thread *t)
{
	return true;
}

bool vm_low_is_privileged(void)
{
	return false;
}

bool vm_commit_is_privileged(void)
{
	return false;
}

bool thread_kill_pending(void)
{
	return env_kill_pending;
}

bool thread_signal_pending(void)
{
	return env_kill_pending;
}

/* Tests that bring no thread of their own have this one as long as something shall fail. */
static struct thread failing_thread;

void env_fail_nth(u32 n)
{
	if (!thread_current())
		this_cpu_write(current_thread, &failing_thread);
	thread_current()->fail_nth = n;
}

u32 env_fail_left(void)
{
	return thread_current()->fail_nth;
}
