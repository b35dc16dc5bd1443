/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starting the other CPUs: INIT, start-up message, and the trampoline takes them to smp_entry(). One after the other, as each is told its stack by the
 * same four words; it takes some ten microseconds.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <arch/boot.h>
#include <arch/context.h>
#include <arch/smp.h>
#include <arch/time.h>
#include <arch_x86/apic.h>
#include <arch_x86/desc.h>
#include <arch_x86/early.h>
#include <arch_x86/feature.h>
#include <arch_x86/firmware.h>
#include <arch_x86/fpu.h>
#include <arch_x86/image.h>
#include <arch_x86/insn.h>
#include <arch_x86/kpt.h>
#include <debug/log.h>
#include <mm/page.h>
#include <sched/thread.h>

extern const char smp_trampoline_start[], smp_trampoline_end[], smp_trampoline_words[];
extern struct pte boot_tables[];

static unsigned arrived; /* the CPU that has come last; atomic */

/* First C of a CPU: on its idle thread's stack, on the boot tables, without per-CPU data. */
static void NORETURN __attribute__((no_stack_protector)) smp_entry(u64 cpu)
{
	write_cr3(va_paddr(kernel_root));
	desc_load((unsigned)cpu);
	secondary_main((unsigned)cpu);
}

void arch_init_cpu_secondary(unsigned cpu)
{
	cpu_control_init();
	mmu_init_cpu();
	fpu_init_cpu();
	apic_init_cpu();
	__atomic_store_n(&arrived, cpu, __ATOMIC_RELEASE);
}

static void prepare(unsigned cpu, struct thread *idle)
{
	char *page = paddr_va(smp_trampoline);
	volatile u64 *words = (volatile u64 *)(page + (smp_trampoline_words - smp_trampoline_start));

	if (cpu == 1 || !words[0])
		memcpy(page, smp_trampoline_start, (size_t)(smp_trampoline_end - smp_trampoline_start));
	/* The identity map of boot, and the kernel. */
	for (unsigned i = 0; i < kernel_root_nslots; i++)
		boot_tables[kernel_root_slots[i]] = kernel_root[kernel_root_slots[i]];
	words[0] = va_paddr(boot_tables);
	words[1] = (u64)idle->stack + KSTACK_SIZE;
	words[2] = (u64)smp_entry;
	words[3] = cpu;
	idle->arch.stack_top = (u64)idle->stack + KSTACK_SIZE;
	*per_cpu_ptr(&kstack_top, cpu) = idle->arch.stack_top;
	*per_cpu_ptr(&current_thread, cpu) = idle;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Until @cpu has arrived, @us microseconds at most. */
static bool wait_for(unsigned cpu, u64 us)
{
	u64 end = arch_counter() + us * (arch_counter_hz() / 1000000);

	while (__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) != cpu) {
		if (arch_counter() > end)
			return false;
		cpu_relax();
	}
	return true;
}

int arch_cpu_start(unsigned cpu, struct thread *idle)
{
	u8 page = (u8)(smp_trampoline >> PAGE_SHIFT);

	if (!smp_trampoline)
		return -ENOMEM;
	prepare(cpu, idle);
	apic_send_init(cpu_apic_ids[cpu]);
	wait_for(cpu, 20); /* old processors want 10 ms; those with x86-64 none */
	apic_send_startup(cpu_apic_ids[cpu], page);
	if (wait_for(cpu, 2000))
		return 0;
	apic_send_startup(cpu_apic_ids[cpu], page);
	return wait_for(cpu, 1000000) ? 0 : -ETIMEDOUT;
}
