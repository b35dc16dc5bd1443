/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end: say why and where, stop the others, then what panic= asks. The first CPU to come here speaks; the others are stopped by it, and print where
 * they were (IPI_STOP).
 */
#include <stdarg.h>
#include <lib/printf.h>
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/smp.h>
#include <arch/time.h>
#include <arch/trap.h>
#include <debug/log.h>
#include <debug/log_impl.h>
#include <debug/panic.h>
#include <debug/symtab.h>
#include <debug/trace.h>
#include <sched/preempt.h>
#include <sched/smp_call.h>
#include <sched/thread.h>
#include <sync/lockdep.h>

#define BACKTRACE_MAX 32
#define TRACE_LAST    32 /* trace events that a panic prints */

int panic_timeout;
static u32 panic_owner; /* CPU + 1 */

void panic_print_pcs(const vaddr_t *pcs, unsigned n, bool first_is_exact)
{
	for (unsigned i = 0; i < n; i++) {
		struct symtab_hit hit;
		/* A return address may be the first byte of the next function. */
		bool is_return = i || !first_is_exact;

		if (symtab_lookup(&symtab_kernel, pcs[i] - is_return, &hit))
			klog(LOG_EMERG, "  %016llx %s+0x%llx/0x%llx", pcs[i], hit.name, hit.offset + is_return, hit.size);
		else
			klog(LOG_EMERG, "  %016llx", pcs[i]);
	}
}

static void print_pcs(const struct trapframe *tf)
{
	vaddr_t pcs[BACKTRACE_MAX];

	panic_print_pcs(pcs, arch_backtrace(tf, pcs, BACKTRACE_MAX), tf != NULL);
}

void print_backtrace(void)
{
	print_pcs(NULL);
}

void warn_at(const char *file, int line, const char *what)
{
	klog(LOG_WARN, "WARNING: %s:%d: %s", file, line, what);
	print_pcs(NULL);
}

/* One CPU asks another at a time; the asked one writes the addresses, the asker prints them: nothing is printed in an NMI. */
static struct {
	u32 asker;  /* CPU + 1, 0 none */
	u32 asked;  /* CPU + 1; 0: it has answered, or nobody is asked */
	bool is_user;
	unsigned n;
	vaddr_t pcs[BACKTRACE_MAX];
} remote;

bool remote_backtrace_nmi(const struct trapframe *tf)
{
	if (LOAD_ACQUIRE(remote.asked) != cpu_id() + 1)
		return false;
	remote.is_user = tf_from_user(tf);
	remote.n = arch_backtrace(tf, remote.pcs, BACKTRACE_MAX);
	STORE_RELEASE(remote.asked, 0);
	return true;
}

bool print_backtrace_of(unsigned cpu)
{
	u32 free = 0;
	u64 start = arch_counter(), patience = arch_counter_hz() / 10;
	bool answered;

	while (!__atomic_compare_exchange_n(&remote.asker, &free, cpu_id() + 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		if (free == cpu_id() + 1 || arch_counter() - start > 10 * patience)
			return false;
		free = 0;
		cpu_relax();
	}
	STORE_RELEASE(remote.asked, cpu + 1);
	arch_ipi_send(cpu, IPI_BACKTRACE);
	start = arch_counter();
	while (LOAD_ACQUIRE(remote.asked) && arch_counter() - start < patience)
		cpu_relax();
	/* Whoever answers later finds nobody asking. */
	answered = !__atomic_exchange_n(&remote.asked, 0, __ATOMIC_ACQ_REL);
	if (answered) {
		klog(LOG_ERR, "cpu %u is%s", cpu, remote.is_user ? " in user mode" : " at");
		panic_print_pcs(remote.pcs, remote.n, true);
	} else {
		klog(LOG_ERR, "cpu %u does not answer", cpu);
	}
	STORE_RELEASE(remote.asker, 0);
	return answered;
}

void print_backtraces(void)
{
	unsigned me;

	preempt_disable();
	me = cpu_id();
	klog(LOG_ERR, "cpu %u is here", me);
	print_backtrace();
	for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
		if (cpu != me && cpumask_test(&cpus_online, cpu))
			print_backtrace_of(cpu);
	preempt_enable();
}

static void stop_others(void)
{
	unsigned me = cpu_id();
	u64 start = arch_counter();

	for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
		if (cpu != me && cpumask_test(&cpus_online, cpu))
			arch_ipi_send(cpu, IPI_STOP);
	/* Time for their backtraces, also where processors are threads of a busy machine. */
	while (arch_counter() - start < arch_counter_hz() / 2)
		cpu_relax();
}

static NORETURN void finish(void)
{
	u64 start = arch_counter();

	if (panic_timeout < 0)
		arch_reboot();
	if (panic_timeout > 0) {
		klog(LOG_EMERG, "rebooting in %d seconds", panic_timeout);
		while (arch_counter() - start < (u64)panic_timeout * arch_counter_hz())
			cpu_relax();
		arch_reboot();
	}
	klog(LOG_EMERG, "---[ end of panic ]---");
	cpu_halt_forever();
}

/* Only the first comes back. A second panic of the same CPU, while it reports the first, ends here. */
static void become_owner(void)
{
	u32 me = cpu_id() + 1, owner = 0;

	irq_disable();
	if (__atomic_compare_exchange_n(&panic_owner, &owner, me, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		log_enter_panic();
		return;
	}
	if (owner == me) {
		static const char again[] = "panic within panic\n";

		arch_early_console(again, sizeof(again) - 1);
		if (panic_timeout)
			arch_reboot();
	}
	cpu_halt_forever();
}

static NORETURN void panic_tail(const struct trapframe *tf)
{
	struct thread *t = thread_current();

	klog(LOG_EMERG, "cpu %u, thread %.16s", cpu_id(), t ? t->name : "(none)");
	print_pcs(tf);
	if (NOS_DEBUG)
		lockdep_print_held();
	stop_others();
	trace_dump(TRACE_LAST);
	finish();
}

void panic(const char *fmt, ...)
{
	char line[256];
	va_list args;

	become_owner();
	va_start(args, fmt);
	vscnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	klog(LOG_EMERG, "Kernel panic - not syncing: %s", line);
	panic_tail(NULL);
}

void trap_kernel_fatal(struct trapframe *tf, const char *what, u64 addr)
{
	become_owner();
	klog(LOG_EMERG, "Kernel panic - not syncing: %s in the kernel, address %016llx", what, addr);
	arch_print_frame(tf);
	panic_tail(tf);
}

/* Compiled into functions with arrays on the stack; seeded before the first thread. */
unsigned long __stack_chk_guard = 0x595e9fbd94fda766;

void __stack_chk_fail(void) NORETURN;
void __stack_chk_fail(void)
{
	panic("stack smashed in %p", __builtin_return_address(0));
}
