/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A processor for tests: each host thread says which CPU it plays (host_cpu, 0 at first). There are no interrupts unless the test brings a handler;
 * irq_* keep the flag that debug code looks at. Per-CPU areas are copies of section `percpu`, made before main(); CPU 0 has a copy too, so that the template stays
 * what it is. Accesses are relaxed atomics: a fold over all CPUs is then no data race to the thread sanitizer.
 */
#include <lib/types.h>
#include <lib/compiler.h>

extern __thread unsigned host_cpu;
extern unsigned host_cpu_count; /* what cpu_count() says: 1 unless the test sets it */
u64 host_random_next(void);	/* a seeded sequence */

/*
 * Interrupts, for tests of the scheduler: when this is set, it is called with host_irqs_off while
 * something is pending for the CPU (host_ipi_pending), where interrupts are or become enabled: in
 * irq_enable, irq_restore, cpu_relax and cpu_idle_wait.
 */
extern void (*host_interrupt)(void);

/*
 * Not inline: a coroutine can be on another host thread after it called something that switches, and a
 * compiler keeps the address of a thread-local variable.
 */
unsigned cpu_id(void);
irqflags_t irq_save(void);
void irq_restore(irqflags_t flags);
void irq_enable(void);
void irq_disable(void);
bool irqs_enabled(void);
void cpu_relax(void);

#define per_cpu_ptr(p, cpu) ((__typeof__(p))((unsigned long)(p) + per_cpu_offset[cpu]))
#define this_cpu_ptr(p)	    per_cpu_ptr(p, cpu_id())

#define this_cpu_read(v)	__atomic_load_n(this_cpu_ptr(&(v)), __ATOMIC_RELAXED)
#define this_cpu_write(v, x)	__atomic_store_n(this_cpu_ptr(&(v)), (x), __ATOMIC_RELAXED)
#define this_cpu_add(v, x)	((void)__atomic_fetch_add(this_cpu_ptr(&(v)), (x), __ATOMIC_RELAXED))
#define this_cpu_inc(v)		this_cpu_add(v, 1)
/* Release: who waits for preempt_count to become 0 (a grace period) sees what was done before. */
#define this_cpu_dec(v)		((void)__atomic_fetch_sub(this_cpu_ptr(&(v)), 1, __ATOMIC_RELEASE))
#define this_cpu_dec_and_test(v) (__atomic_sub_fetch(this_cpu_ptr(&(v)), 1, __ATOMIC_RELEASE) == 0)
#define this_cpu_xchg(v, x)	__atomic_exchange_n(this_cpu_ptr(&(v)), (x), __ATOMIC_RELAXED)
#define this_cpu_cmpxchg(v, old, new_value)                                                        \
	({                                                                                         \
		__typeof__(v) tcc_old_ = (old);                                                    \
		(void)__atomic_compare_exchange_n(this_cpu_ptr(&(v)), &tcc_old_, (new_value), false, \
			__ATOMIC_RELAXED, __ATOMIC_RELAXED);                                       \
		tcc_old_;                                                                          \
	})

void cpu_idle_wait(void);
void cpu_halt_forever(void) NORETURN;
u64 cpu_cycles(void);

static inline bool cpu_random_seed(u64 *out)
{
	*out = host_random_next();
	return true;
}

static inline bool cpu_random(u64 *out)
{
	return cpu_random_seed(out);
}

#define cpu_memory_barrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define cpu_read_barrier()   __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define cpu_write_barrier()  __atomic_thread_fence(__ATOMIC_RELEASE)

static inline u64 cpu_index_mask(u64 index, u64 size)
{
	return index < size ? ~0ull : 0;
}
