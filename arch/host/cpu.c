/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUs, time and interrupts of host tests.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <unistd.h>
#include <arch/cpu.h>
#include <arch/smp.h>
#include <arch/irq.h>
#include <arch/time.h>

__thread unsigned host_cpu;
static __thread bool host_irqs_off;
void (*host_interrupt)(void);
unsigned host_cpu_count = 1;
unsigned long per_cpu_offset[MAX_CPUS];
u64 host_counter;
u64 host_timer[MAX_CPUS];
u32 host_ipi_pending[MAX_CPUS];


/* A test without per-CPU variables has no such section. */
#pragma weak __start_percpu
#pragma weak __stop_percpu

/* Before the constructors of tests, which may already use per-CPU data. */
static void __attribute__((constructor(101))) host_percpu_make(void)
{
	size_t size = (size_t)(__stop_percpu - __start_percpu);
	size_t stride = (size + 127) & ~127ul;
	static char *areas USED; /* static: reachable, so not a leak */

	memset(host_timer, 0xff, sizeof(host_timer));
	if (!size)
		return;
	areas = aligned_alloc(4096, (stride * MAX_CPUS + 4095) & ~4095ul);
	if (!areas)
		abort();
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		memcpy(areas + cpu * stride, __start_percpu, size);
		per_cpu_offset[cpu] = (unsigned long)(areas + cpu * stride) - (unsigned long)__start_percpu;
	}
}

unsigned cpu_count(void)
{
	return host_cpu_count;
}

unsigned cpu_node(unsigned cpu)
{
	return 0;
}

unsigned cpu_id(void)
{
	return host_cpu;
}

/* Not inline: see <arch_impl/cpu.h>; after host_interrupt the host thread may be another. */
static NOINLINE void irq_set_on(void)
{
	host_irqs_off = false;
}

static NOINLINE bool is_pending(void)
{
	return host_interrupt && !host_irqs_off &&
		__atomic_load_n(&host_ipi_pending[host_cpu], __ATOMIC_SEQ_CST);
}

static NOINLINE void irq_set_off(void)
{
	host_irqs_off = true;
}

static void deliver(void)
{
	while (is_pending()) {
		irq_set_off();
		host_interrupt();
		irq_set_on();
	}
}

irqflags_t irq_save(void)
{
	irqflags_t flags = host_irqs_off;

	host_irqs_off = true;
	return flags;
}

void irq_restore(irqflags_t flags)
{
	host_irqs_off = flags;
	if (!flags)
		deliver();
}

void irq_enable(void)
{
	host_irqs_off = false;
	deliver();
}

void irq_disable(void)
{
	host_irqs_off = true;
}

bool irqs_enabled(void)
{
	return !host_irqs_off;
}

void cpu_relax(void)
{
	deliver();
	sched_yield();
}

/* Sleeps in short steps: tests have more CPUs than the machine. */
void cpu_idle_wait(void)
{
	while (host_interrupt && !__atomic_load_n(&host_ipi_pending[host_cpu], __ATOMIC_SEQ_CST))
		usleep(50);
	irq_enable();
}

void cpu_halt_forever(void)
{
	fflush(NULL);
	abort();
}

u64 cpu_cycles(void)
{
	static u64 cycles;

	return __atomic_add_fetch(&cycles, 1, __ATOMIC_RELAXED);
}

/* splitmix64: the same numbers in every run. */
u64 host_random_next(void)
{
	static u64 state = 0x4e4f53;
	u64 z = __atomic_add_fetch(&state, 0x9e3779b97f4a7c15ull, __ATOMIC_RELAXED);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

u64 arch_counter_hz(void)
{
	return 1000000000;
}

void arch_timer_arm(u64 counter)
{
	__atomic_store_n(&host_timer[host_cpu], counter, __ATOMIC_RELAXED);
}

u64 arch_wall_clock_seconds(void)
{
	return 1700000000;
}

void arch_ipi_send(unsigned cpu, enum ipi ipi)
{
	__atomic_fetch_or(&host_ipi_pending[cpu], 1u << ipi, __ATOMIC_SEQ_CST);
}

u32 host_ipi_take(unsigned cpu)
{
	return __atomic_exchange_n(&host_ipi_pending[cpu], 0, __ATOMIC_SEQ_CST);
}
