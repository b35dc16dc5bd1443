/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts: each CPU has a table from vector to the list of handlers bound to it.
 *
 * Tables are changed under irq_lock and read by the interrupted CPU without it: an interrupt is an RCU read section, so whoever unhooks an entry
 * waits for a grace period before it frees.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/smp.h>
#include <arch/trap.h>
#include <debug/log.h>
#include <debug/trace.h>
#include <irq/irq.h>
#include <irq/soft.h>
#include <mm/slab.h>
#include <sched/sched.h>
#include <sched/smp_call.h>
#include <sync/mutex.h>
#include <sync/rcu.h>
#include <time/timer.h>

#define NVECTORS (IRQ_VECTOR_END - IRQ_VECTOR_FIRST)
#define NO_GSI	 (~0u)

LOCK_CLASS(irq, RANK_IRQ_BIND, "binding of device interrupts");

struct irq {
	struct irq *next; /* shares the vector; RCU */
	irq_handler_t fn;
	void *arg;
	const char *name;
	unsigned gsi, cpu, vector;
	bool level, low, masked;
	u64 count; /* written by its CPU only */
	struct irq *all_next;
};

static struct mutex irq_lock;
static struct irq *all; /* irq_lock; RCU */
static DEFINE_PER_CPU(struct irq *[NVECTORS], table);
static unsigned next_cpu;

void irq_init(void)
{
	mutex_init(&irq_lock, irq);
}

static struct irq **table_slot(unsigned cpu, unsigned vector)
{
	return &(*per_cpu_ptr(&table, cpu))[vector - IRQ_VECTOR_FIRST];
}

static void device_interrupt(unsigned vector)
{
	struct irq *irq = vector < IRQ_VECTOR_END ? rcu_dereference(*table_slot(cpu_id(), vector)) : NULL;

	if (!irq)
		klog_ratelimited(LOG_WARN, "cpu %u: interrupt %u has no handler", cpu_id(), vector);
	for (; irq; irq = rcu_dereference(irq->next)) {
		irq->count++;
		irq->fn(irq->arg);
	}
}

void irq_dispatch(unsigned vector, struct trapframe *tf)
{
	this_cpu_add(preempt_count, PREEMPT_IRQ);
	sched_irq_enter();
	trace(TRACE_IRQ_ENTER, vector, 0, 0);
	/* Acknowledged before: the handlers below arm timers and switch nothing, and a message that comes meanwhile stays pending. */
	if (vector >= IRQ_VECTOR_END) {
		arch_irq_eoi();
		if (vector == IRQ_VECTOR_IPI(IPI_RESCHED))
			sched_interrupt();
		else if (vector == IRQ_VECTOR_IPI(IPI_CALL))
			smp_call_interrupt();
		else if (vector == IRQ_VECTOR_IPI(IPI_TIMER))
			timer_interrupt(tf);
		else
			klog_ratelimited(LOG_WARN, "cpu %u: interrupt %u", cpu_id(), vector);
	} else {
		device_interrupt(vector);
		arch_irq_eoi(); /* a level-triggered line is low again by now */
	}
	trace(TRACE_IRQ_EXIT, vector, 0, 0);
	this_cpu_add(preempt_count, -PREEMPT_IRQ);
	soft_run();
}

/* A free vector on @cpu, or 0. */
static unsigned find_vector(unsigned cpu)
{
	for (unsigned v = IRQ_VECTOR_FIRST; v < IRQ_VECTOR_END; v++)
		if (!*table_slot(cpu, v))
			return v;
	return 0;
}

static unsigned choose_cpu(void)
{
	for (unsigned i = 0; i < cpu_count(); i++) {
		unsigned cpu = next_cpu++ % cpu_count();

		if (cpumask_test(&cpus_online, cpu))
			return cpu;
	}
	return cpu_id();
}

static struct irq *new_irq(irq_handler_t fn, void *arg, const char *name, unsigned gsi)
{
	struct irq *irq = kzalloc(sizeof(*irq), ALLOC_SLEEP);

	if (irq) {
		irq->fn = fn;
		irq->arg = arg;
		irq->name = name;
		irq->gsi = gsi;
	}
	return irq;
}

static void hook(struct irq *irq)
{
	struct irq **slot = table_slot(irq->cpu, irq->vector);

	irq->next = *slot;
	rcu_assign_pointer(*slot, irq);
	irq->all_next = all;
	rcu_assign_pointer(all, irq);
}

static struct irq *find_gsi(unsigned gsi)
{
	for (struct irq *i = all; i; i = i->all_next)
		if (i->gsi == gsi)
			return i;
	return NULL;
}

/* irq_lock held: place @irq on a vector, its line's own if it has one already. */
static int bind_gsi(struct irq *irq)
{
	const struct irq *other = find_gsi(irq->gsi);
	int err;

	if (other) {
		if (other->level != irq->level || other->low != irq->low || !irq->level)
			return -EBUSY;
		irq->cpu = other->cpu;
		irq->vector = other->vector;
		hook(irq);
		return 0;
	}
	irq->cpu = choose_cpu();
	irq->vector = find_vector(irq->cpu);
	if (!irq->vector)
		return -EBUSY;
	err = arch_gsi_route(irq->gsi, irq->cpu, irq->vector, irq->level, irq->low);
	if (!err)
		hook(irq);
	return err;
}

int irq_bind_gsi(unsigned gsi, bool level, bool low, irq_handler_t fn, void *arg, const char *name, struct irq **out)
{
	struct irq *irq = new_irq(fn, arg, name, gsi);
	int err;

	if (!irq)
		return -ENOMEM;
	irq->level = level;
	irq->low = low;
	irq->masked = true;
	mutex_lock(&irq_lock);
	err = bind_gsi(irq);
	mutex_unlock(&irq_lock);
	if (err)
		kfree(irq);
	else
		*out = irq;
	return err;
}

int irq_bind_msi(unsigned cpu, irq_handler_t fn, void *arg, const char *name, struct irq **out, struct msi_msg *out_msg)
{
	struct irq *irq = new_irq(fn, arg, name, NO_GSI);
	int err = 0;

	if (!irq)
		return -ENOMEM;
	mutex_lock(&irq_lock);
	irq->cpu = cpu < cpu_count() && cpumask_test(&cpus_online, cpu) ? cpu : choose_cpu();
	irq->vector = find_vector(irq->cpu);
	if (irq->vector)
		hook(irq);
	else
		err = -EBUSY;
	mutex_unlock(&irq_lock);
	if (err) {
		kfree(irq);
		return err;
	}
	*out_msg = arch_msi_message(irq->cpu, irq->vector);
	*out = irq;
	return 0;
}

/* irq_lock held: the line is quiet only if all who share it want that. */
static void update_mask(unsigned gsi)
{
	bool masked = true;

	for (const struct irq *i = all; i; i = i->all_next)
		if (i->gsi == gsi && !i->masked)
			masked = false;
	arch_gsi_mask(gsi, masked);
}

static void unhook(struct irq **head, struct irq *irq, bool by_vector)
{
	while (*head != irq)
		head = by_vector ? &(*head)->next : &(*head)->all_next;
	rcu_assign_pointer(*head, by_vector ? irq->next : irq->all_next);
}

void irq_unbind(struct irq *irq)
{
	mutex_lock(&irq_lock);
	unhook(table_slot(irq->cpu, irq->vector), irq, true);
	unhook(&all, irq, false);
	if (irq->gsi != NO_GSI)
		update_mask(irq->gsi);
	mutex_unlock(&irq_lock);
	rcu_synchronize();
	kfree(irq);
}

static void set_masked(struct irq *irq, bool masked)
{
	if (irq->gsi == NO_GSI)
		return; /* a message is masked at its device */
	mutex_lock(&irq_lock);
	irq->masked = masked;
	update_mask(irq->gsi);
	mutex_unlock(&irq_lock);
}

void irq_mask(struct irq *irq)
{
	set_masked(irq, true);
}

void irq_unmask(struct irq *irq)
{
	set_masked(irq, false);
}

void irq_for_each(void (*fn)(const char *name, unsigned vector, const u64 *counts, void *arg), void *arg)
{
	u64 *counts = kcalloc(cpu_count(), sizeof(*counts), ALLOC_SLEEP);

	if (!counts)
		return;
	mutex_lock(&irq_lock);
	for (const struct irq *i = all; i; i = i->all_next) {
		counts[i->cpu] = READ_ONCE(i->count);
		fn(i->name, i->gsi != NO_GSI ? i->gsi : i->vector, counts, arg);
		counts[i->cpu] = 0;
	}
	mutex_unlock(&irq_lock);
	kfree(counts);
}
