/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Read-copy-update.
 *
 * Grace periods are numbered: gp_started is the newest that has begun, gp_done the newest that has
 * ended, at most one apart. The start sets a bit in `holdouts` for each online CPU that does not
 * idle; a CPU clears its bit when it passes a quiescent state: schedule(), an interrupt that finds
 * preemption enabled, entering idle. Who clears the last bit ends the period and begins the next if
 * one is wanted.
 *
 * Callbacks of a CPU walk through three lists: `next` (new), `wait` (for the end of period wait_gp),
 * `done` (ready; the CPU's thread "rcu/N" calls them). TICK_RCU, a millisecond apart while there are
 * callbacks, moves them on; and it sends an interrupt to CPUs that hold a period up for long: code in
 * user mode without a tick is quiescent at that interrupt; kernel code is asked to reschedule.
 *
 * Memory order. Reader before period: its accesses come before it clears its bit (acq_rel), the last
 * clearer sees all clears (gp_left is one RMW chain) and publishes gp_done with release, the callback
 * CPU acquires it. Reader after period: the bits are set by RMW after the updater's stores (rcu_lock)
 * and a CPU that clears its bit acquires them. Idle CPUs: the starter has a full fence before it reads
 * rcu_cpu_idle, the CPU one after it cleared it: either the starter sees 0 and waits for that CPU, or
 * the CPU's later reads see what was stored before the start.
 * A late clear of the bit by a CPU that has slept since it read gp_started is right too: it is
 * quiescent at the moment of the clear. Model: verify/rcu.pml.
 */
#include <sync/rcu.h>
#include <arch/irq.h>
#include <arch/smp.h>
#include <debug/panic.h>
#include <debug/log.h>
#include <mm/slab.h>
#include <sched/sched.h>
#include <sched/smp_call.h>
#include <sync/spinlock.h>
#include <sync/wait.h>
#include <time/clock.h>
#include <time/timer.h>

#define RCU_TICK_NS  1000000ull
#define RCU_KICK_NS  2000000ull /* a period this old: interrupt those that hold it up */
#define RCU_STALL_NS 20000000000ull
#define RCU_RUSH     1024	/* callbacks of one CPU after which it hurries */
#define KFREE_MAX    4096ul

LOCK_CLASS(rcu, RANK_LEAF + 10, "begin and end of grace periods");

static struct {
	struct spinlock lock;
	u64 started, done, wanted; /* written under lock */
	u64 start_ns, kick_ns;
	u32 left;		   /* atomic: bits in holdouts */
	struct cpumask holdouts;   /* atomic */
	struct cpumask online;
	bool stall_reported;
} gp = {.lock = SPINLOCK_INIT(rcu)};

struct rcu_list {
	struct rcu_head *head, **tail;
};

struct rcu_cpu {
	u64 seen; /* the period for which this CPU has reported */
	struct rcu_list next, wait, done;
	u64 wait_gp;
	u32 backlog;
	bool ticking;
	struct thread *thread;
	struct rcu_head barrier;
};
static DEFINE_PER_CPU(struct rcu_cpu, rcu_cpu);
DEFINE_PER_CPU(u32, rcu_cpu_idle);

static void list_reset(struct rcu_list *l)
{
	l->head = NULL;
	l->tail = &l->head;
}

static void list_append(struct rcu_list *to, struct rcu_list *from)
{
	if (!from->head)
		return;
	*to->tail = from->head;
	to->tail = from->tail;
	list_reset(from);
}

static void start_locked(void)
{
	unsigned cpu;

	gp.start_ns = clock_monotonic();
	WRITE_ONCE(gp.kick_ns, gp.start_ns);
	gp.stall_reported = false;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	WRITE_ONCE(gp.left, 1); /* the starter's own, so that nobody ends it while bits are set */
	cpumask_for_each(cpu, &gp.online) {
		if (LOAD_ACQUIRE(*per_cpu_ptr(&rcu_cpu_idle, cpu)))
			continue;
		__atomic_fetch_add(&gp.left, 1, __ATOMIC_RELAXED);
		bitmap_set_atomic_release(gp.holdouts.bits, cpu);
	}
	STORE_RELEASE(gp.started, gp.started + 1);
}

/* One bit less. The last ends the period. Called without the lock. */
static void drop_holdouts(u32 n)
{
	irqflags_t flags;
	bool again = true;

	if (!n || __atomic_sub_fetch(&gp.left, n, __ATOMIC_ACQ_REL))
		return;
	while (again) {
		flags = spin_lock_irqsave(&gp.lock);
		STORE_RELEASE(gp.done, gp.started);
		again = gp.wanted > gp.started;
		if (again) {
			start_locked();
			again = !__atomic_sub_fetch(&gp.left, 1, __ATOMIC_ACQ_REL);
		}
		spin_unlock_irqrestore(&gp.lock, flags);
	}
}

static bool clear_holdout(unsigned cpu)
{
	return bitmap_test_acquire(gp.holdouts.bits, cpu) &&
		bitmap_test_and_clear_atomic(gp.holdouts.bits, cpu);
}

static NOINLINE void report(struct rcu_cpu *c, u64 started)
{
	c->seen = started;
	drop_holdouts(clear_holdout(cpu_id()));
}

void rcu_quiescent(void)
{
	struct rcu_cpu *c = this_cpu_ptr(&rcu_cpu);
	u64 started = LOAD_ACQUIRE(gp.started);

	if (unlikely(started != c->seen))
		report(c, started);
}

bool rcu_interrupt(void)
{
	/* Depth is exactly this interrupt: what it interrupted holds no read section. */
	if (preempt_depth() != PREEMPT_IRQ)
		return LOAD_ACQUIRE(gp.started) != this_cpu_ptr(&rcu_cpu)->seen;
	rcu_quiescent();
	return false;
}

void rcu_idle_enter(void)
{
	rcu_quiescent();
	__atomic_store_n(this_cpu_ptr(&rcu_cpu_idle), 1, __ATOMIC_SEQ_CST);
}

void rcu_idle_exit(void)
{
	__atomic_store_n(this_cpu_ptr(&rcu_cpu_idle), 0, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Number of a period that begins after now, begun or asked for. */
static u64 want_period(void)
{
	irqflags_t flags = spin_lock_irqsave(&gp.lock);
	u64 number = gp.started + 1;
	bool start = gp.started == gp.done;

	gp.wanted = max(gp.wanted, number);
	if (start)
		start_locked();
	spin_unlock_irqrestore(&gp.lock, flags);
	if (start)
		drop_holdouts(1);
	return number;
}

static void report_stall(u64 now)
{
	unsigned cpu;

	gp.stall_reported = true;
	klog(LOG_ERR, "rcu: grace period %llu held up for %llu s by:", gp.started,
		(now - gp.start_ns) / 1000000000);
	cpumask_for_each(cpu, &gp.holdouts) {
		struct thread *t = READ_ONCE(*per_cpu_ptr(&current_thread, cpu));

		klog(LOG_ERR, "rcu:   cpu %u running %s", cpu, t ? t->name : "?");
	}
}

/* The period is old: idle CPUs are reported for, the others interrupted. */
static void kick_holdouts(u64 now)
{
	irqflags_t flags;
	unsigned cpu, idle = 0;

	if (LOAD_ACQUIRE(gp.started) == LOAD_ACQUIRE(gp.done) ||
		(s64)(now - READ_ONCE(gp.kick_ns)) < (s64)RCU_KICK_NS)
		return;
	flags = spin_lock_irqsave(&gp.lock);
	if (gp.started == gp.done) {
		spin_unlock_irqrestore(&gp.lock, flags);
		return;
	}
	WRITE_ONCE(gp.kick_ns, now);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	cpumask_for_each(cpu, &gp.holdouts) {
		if (LOAD_ACQUIRE(*per_cpu_ptr(&rcu_cpu_idle, cpu)))
			idle += clear_holdout(cpu);
		else
			arch_ipi_send(cpu, IPI_RESCHED);
	}
	/* The period may have begun on another CPU after our @now. */
	if ((s64)(now - gp.start_ns) > (s64)RCU_STALL_NS && !gp.stall_reported)
		report_stall(now);
	spin_unlock_irqrestore(&gp.lock, flags);
	drop_holdouts(idle);
}

void rcu_tick(u64 now_ns)
{
	struct rcu_cpu *c = this_cpu_ptr(&rcu_cpu);

	c->ticking = false;
	if (c->wait.head && LOAD_ACQUIRE(gp.done) >= c->wait_gp)
		list_append(&c->done, &c->wait);
	if (!c->wait.head && c->next.head) {
		list_append(&c->wait, &c->next);
		c->wait_gp = want_period();
		rcu_interrupt(); /* this CPU, perhaps the only one, is often quiescent at once */
		if (LOAD_ACQUIRE(gp.done) >= c->wait_gp)
			list_append(&c->done, &c->wait);
	}
	if (c->wait.head || c->next.head) {
		kick_holdouts(now_ns);
		c->ticking = true;
		timer_set_tick(TICK_RCU, now_ns + RCU_TICK_NS);
	}
	if (c->done.head && c->thread)
		thread_wake(c->thread);
}

void rcu_call(struct rcu_head *head, void (*fn)(struct rcu_head *))
{
	irqflags_t flags = irq_save();
	struct rcu_cpu *c = this_cpu_ptr(&rcu_cpu);

	head->fn = fn;
	head->next = NULL;
	*c->next.tail = head;
	c->next.tail = &head->next;
	c->backlog++;
	if (unlikely(!c->ticking || c->backlog % RCU_RUSH == 0)) {
		c->ticking = true;
		timer_set_tick(TICK_RCU,
			clock_monotonic() + (c->backlog < RCU_RUSH ? RCU_TICK_NS : 0));
	}
	irq_restore(flags);
}

/* A function pointer below KFREE_MAX is the distance from the object to its head. */
void rcu_kfree(struct rcu_head *head, void *base)
{
	unsigned long distance = (unsigned long)head - (unsigned long)base;

	ASSERT(distance < KFREE_MAX);
	rcu_call(head, (void (*)(struct rcu_head *))distance);
}

static void invoke(struct rcu_head *h)
{
	unsigned long fn = (unsigned long)h->fn;

	if (fn < KFREE_MAX)
		kfree((char *)h - fn);
	else
		h->fn(h);
}

static void rcu_thread(void *arg)
{
	struct rcu_cpu *c = arg; /* bound to its CPU */

	for (;;) {
		struct rcu_list ready;
		u32 n = 0;

		thread_prepare_wait(THREAD_SLEEP_UNINTR);
		irq_disable();
		list_reset(&ready);
		list_append(&ready, &c->done);
		irq_enable();
		if (!ready.head)
			schedule();
		thread_finish_wait();
		while (ready.head) {
			struct rcu_head *h = ready.head;

			ready.head = h->next;
			invoke(h);
			n++;
		}
		irq_disable();
		c->backlog -= n;
		irq_enable();
	}
}

struct rcu_waiter {
	struct rcu_head head;
	struct completion done;
};

static void waiter_wake(struct rcu_head *h)
{
	complete(&container_of(h, struct rcu_waiter, head)->done);
}

void rcu_synchronize(void)
{
	struct rcu_waiter w;

	assert_may_sleep();
	/* Preemption is on here: no read section exists on this CPU, and there is no other. */
	if (cpus_online_nr() <= 1)
		return;
	completion_init(&w.done);
	rcu_call(&w.head, waiter_wake);
	completion_wait(&w.done);
}

static struct {
	u32 left;
	struct completion done;
} barrier_state;
LOCK_CLASS(rcu_barrier, RANK_LEAF + 5, "one rcu_barrier at a time");
static u32 barrier_busy;
static struct wait_queue barrier_queue = {
	.lock = SPINLOCK_INIT(rcu_barrier), .entries = LIST_HEAD_INIT(barrier_queue.entries)};

static void barrier_done(struct rcu_head *h)
{
	if (!__atomic_sub_fetch(&barrier_state.left, 1, __ATOMIC_ACQ_REL))
		complete(&barrier_state.done);
}

static void barrier_post(void *arg)
{
	__atomic_fetch_add(&barrier_state.left, 1, __ATOMIC_RELAXED);
	rcu_call(&this_cpu_ptr(&rcu_cpu)->barrier, barrier_done);
}

void rcu_barrier(void)
{
	unsigned cpu;

	wait_event(&barrier_queue, !__atomic_exchange_n(&barrier_busy, 1, __ATOMIC_ACQUIRE));
	completion_init(&barrier_state.done);
	WRITE_ONCE(barrier_state.left, 1);
	cpumask_for_each(cpu, &gp.online)
		smp_call_one(cpu, barrier_post, NULL);
	barrier_done(NULL);
	completion_wait(&barrier_state.done);
	STORE_RELEASE(barrier_busy, 0);
	wait_wake_all(&barrier_queue);
}

void rcu_init(void)
{
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		struct rcu_cpu *c;

		if (cpu >= cpu_count())
			break;
		c = per_cpu_ptr(&rcu_cpu, cpu);
		list_reset(&c->next);
		list_reset(&c->wait);
		list_reset(&c->done);
	}
}

void rcu_cpu_online(unsigned cpu)
{
	irqflags_t flags = spin_lock_irqsave(&gp.lock);

	per_cpu_ptr(&rcu_cpu, cpu)->seen = gp.started;
	cpumask_set(&gp.online, cpu);
	spin_unlock_irqrestore(&gp.lock, flags);
}

void rcu_start_threads(void)
{
	unsigned cpu;

	cpumask_for_each(cpu, &gp.online) {
		struct rcu_cpu *c = per_cpu_ptr(&rcu_cpu, cpu);
		struct thread *t;

		if (thread_create_on(cpu, rcu_thread, c, "rcu", &t))
			panic("rcu: no memory for threads");
		c->thread = t; /* never ends */
		thread_start(t);
	}
}
