/* SPDX-License-Identifier: BSD-2-Clause */
#include "host_env.h"
#include <arch/elf.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arch/irq.h>
#include <arch/time.h>
#include <arch/trap.h>
#include <debug/log.h>
#include <debug/panic.h>
#include <lib/test.h>
#include <mm/kmap.h>
#include <mm/percpu.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <sched/sched.h>
#include <sched/smp_call.h>
#include <sync/wait.h>
#include <time/clock.h>
#include <time/timer.h>
#include "sched_impl.h"
#include <init/param.h>

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "halt_on_error=1:second_deadlock_stack=1";
}

/* ---- what the scheduler needs of the rest of the kernel ---- */

static s64 live_blocks;

void *kmalloc(size_t size, unsigned alloc_flags)
{
	__atomic_fetch_add(&live_blocks, 1, __ATOMIC_RELAXED);
	return malloc(size);
}

void *kzalloc(size_t size, unsigned alloc_flags)
{
	__atomic_fetch_add(&live_blocks, 1, __ATOMIC_RELAXED);
	return calloc(1, size);
}

void *kcalloc(size_t n, size_t size, unsigned alloc_flags)
{
	return kzalloc(n * size, alloc_flags);
}

void kfree(const void *p)
{
	if (p)
		__atomic_fetch_sub(&live_blocks, 1, __ATOMIC_RELAXED);
	free((void *)p);
}

s64 host_live_blocks(void)
{
	return __atomic_load_n(&live_blocks, __ATOMIC_RELAXED);
}

void *kstack_alloc(void)
{
	return malloc(HOST_STACK_SIZE);
}

void kstack_free(void *stack)
{
	free(stack);
}

void *percpu_alloc(size_t size, size_t align)
{
	return NULL;
}

void percpu_free(void *p)
{
}

void vm_space_get(struct vm_space *s)
{
}

void vm_space_put(struct vm_space *s)
{
}

void task_tick(struct thread *t)
{
}

bool thread_signal_pending(void)
{
	return false;
}

bool thread_kill_pending(void)
{
	return false;
}

struct vvar *arch_vdso_data(void)
{
	return NULL;
}

void klog(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if (level > LOG_WARN)
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "panic: ");
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, " (cpu %u, thread %s)\n", cpu_id(),
		thread_current() ? thread_current()->name : "none");
	abort();
}

void warn_at(const char *file, int line, const char *what)
{
	panic("%s:%d: %s", file, line, what);
}

bool print_backtrace_of(unsigned cpu)
{
	return false;
}

u64 param_u64(const char *name, u64 dflt)
{
	return dflt;
}

u32 trace_enabled;

void trace_record(enum trace_event event, u64 a, u64 b, u64 c)
{
}

void trace_record_thread(enum trace_event event, const struct thread *by, const struct thread *t, u32 more)
{
}

void print_backtrace(void)
{
}

/* ---- interrupts ---- */

static void interrupt(void)
{
	struct trapframe tf = {.user = false};
	u32 pending;

	this_cpu_add(preempt_count, PREEMPT_IRQ);
	sched_irq_enter();
	while ((pending = host_ipi_take(cpu_id()))) {
		if (pending & 1u << IPI_CALL)
			smp_call_interrupt();
		if (pending & 1u << IPI_TIMER)
			timer_interrupt(&tf);
		if (pending & 1u << IPI_RESCHED)
			sched_interrupt();
	}
	this_cpu_add(preempt_count, -PREEMPT_IRQ);
	if (this_cpu_read(preempt_count) == 0)
		preempt_from_irq();
}

static bool time_is_manual;

void host_time_manual(bool manual)
{
	__atomic_store_n(&time_is_manual, manual, __ATOMIC_SEQ_CST);
	usleep(2000);
}

static void fire_timers(void)
{
	u64 now = arch_counter();

	for (unsigned cpu = 0; cpu < HOST_CPUS; cpu++) {
		u64 at = __atomic_load_n(&host_timer[cpu], __ATOMIC_RELAXED);

		if (now >= at && __atomic_compare_exchange_n(&host_timer[cpu], &at, ~0ull, false,
					 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			arch_ipi_send(cpu, IPI_TIMER);
	}
}

void host_time_advance(u64 ns)
{
	__atomic_fetch_add(&host_counter, ns, __ATOMIC_SEQ_CST);
	fire_timers();
	cpu_relax();
}

static void *ticker(void *arg)
{
	struct timespec last, now;

	clock_gettime(CLOCK_MONOTONIC, &last);
	for (;;) {
		usleep(100);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (!__atomic_load_n(&time_is_manual, __ATOMIC_SEQ_CST)) {
			__atomic_fetch_add(&host_counter,
				(u64)((now.tv_sec - last.tv_sec) * 1000000000 + now.tv_nsec -
					last.tv_nsec),
				__ATOMIC_SEQ_CST);
			fire_timers();
		}
		last = now;
	}
	return NULL;
}

/* ---- boot ---- */

static void (*job)(void);

static void boot_thread(void *arg)
{
	while (cpus_online_nr() < HOST_CPUS)
		sched_yield_now();
	sched_start_services();
	for (;;) {
		void (*fn)(void) = LOAD_ACQUIRE(job);

		if (fn) {
			fn();
			STORE_RELEASE(job, NULL);
		}
		thread_prepare_wait(THREAD_SLEEP_UNINTR);
		schedule_deadline(clock_monotonic() + 500000, 0);
		thread_finish_wait();
	}
}

static void *secondary(void *arg)
{
	host_cpu = (unsigned)(unsigned long)arg;
	irq_disable();
	sched_init_secondary(host_cpu);
	timer_init_cpu();
	irq_enable();
	sched_idle_loop();
}

static void *boot_cpu(void *arg)
{
	struct thread *t;
	pthread_t id;

	irq_disable();
	clock_init();
	rcu_init();
	sched_init();
	timer_init_cpu();
	for (unsigned cpu = 1; cpu < HOST_CPUS; cpu++) {
		if (sched_make_idle(cpu, &t))
			abort();
		if (pthread_create(&id, NULL, secondary, (void *)(unsigned long)cpu))
			abort();
	}
	if (thread_create(boot_thread, NULL, "boot", &t))
		abort();
	thread_start(t);
	irq_enable();
	sched_idle_loop();
}

static void quit(int status, void *arg)
{
	fflush(NULL);
	_exit(status); /* the CPUs are still at work */
}

void host_run(void (*fn)(void))
{
	static bool booted;
	pthread_t id;

	if (!booted) {
		booted = true;
		on_exit(quit, NULL);
		host_cpu_count = HOST_CPUS;
		host_interrupt = interrupt;
		if (pthread_create(&id, NULL, boot_cpu, NULL) ||
			pthread_create(&id, NULL, ticker, NULL))
			abort();
	}
	STORE_RELEASE(job, fn);
	while (LOAD_ACQUIRE(job))
		usleep(200);
}

struct parallel {
	void (*fn)(unsigned);
	unsigned index;
	u32 *left;
	struct completion *done;
};

static void parallel_main(void *arg)
{
	struct parallel *p = arg;

	p->fn(p->index);
	if (!__atomic_sub_fetch(p->left, 1, __ATOMIC_ACQ_REL))
		complete(p->done);
}

void host_parallel(unsigned n, void (*fn)(unsigned index))
{
	struct parallel *all = calloc(n, sizeof(*all));
	struct completion done;
	u32 left = n;

	completion_init(&done);
	for (unsigned i = 0; i < n; i++) {
		struct thread *t;

		all[i] = (struct parallel){.fn = fn, .index = i, .left = &left, .done = &done};
		if (thread_create(parallel_main, &all[i], "test", &t))
			abort();
		thread_start(t);
		thread_put(t);
	}
	completion_wait(&done);
	free(all);
}

u64 host_rand(u64 below)
{
	return host_random_next() % below;
}
