/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The processor's part of booting, in the order in which kernel_main() calls it.
 */
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/smp.h>
#include <arch_impl/layout.h>
#include <arch_x86/apic.h>
#include <arch_x86/desc.h>
#include <arch_x86/elf.h>
#include <arch_x86/extable.h>
#include <arch_x86/feature.h>
#include <arch_x86/firmware.h>
#include <arch_x86/fpu.h>
#include <arch_x86/image.h>
#include <arch_x86/insn.h>
#include <arch_x86/kpt.h>
#include <arch_x86/time.h>
#include <debug/log.h>
#include <debug/panic.h>
#include <mm/page.h>
#include <mm/percpu.h>

extern unsigned long __stack_chk_guard;

/* The low byte is 0 so that no string function runs past it. */
static void __attribute__((no_stack_protector)) seed_stack_guard(void)
{
	u64 v = cpu_cycles(), r;

	if (cpu_random(&r) || cpu_random_seed(&r))
		v ^= r;
	v = (v ^ kernel_layout.direct_base ^ kernel_layout.image_base << 13) * 0x9e3779b97f4a7c15ull;
	__stack_chk_guard = v << 8;
}

void __attribute__((no_stack_protector)) arch_init_early(void)
{
	idt_init();
	desc_load(0);
	desc_set_kstack((u64)boot_stack_top);
	features_init();
	seed_stack_guard();
	cpu_control_init();
	mmu_init_cpu();
	extable_init();
	alternatives_apply();
	fpu_init();
	firmware_init();
}

void arch_init_percpu(void)
{
	percpu_init();
	desc_load(0); /* from the template to our own area */
	for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
		if (desc_alloc_stacks(cpu))
			panic("no memory for the stacks of cpu %u", cpu);
	if (pti_init())
		panic("no memory for page-table isolation");
}

void arch_init_late(void)
{
	fpu_init_late();
	vdso_init();
	firmware_map_registers();
	apic_init();
	ioapic_init();
	time_init();
	klog(LOG_INFO, "cpu: %s, %u of %u, %s", cpu_model.name[0] ? cpu_model.name : cpu_model.vendor, 1, cpu_count(),
		firmware.present ? "ACPI" : "no tables");
	kpt_seal(__image_start, __text_end);
	kpt_seal(__rodata_start, __ro_after_init_end);
}

static void free_image(const char *start, const char *end)
{
	if (start == end)
		return;
	kpt_unmap_image(start, end);
	page_give(kernel_layout.image_phys + (u64)(start - __image_start), (u64)(end - start));
}

void arch_free_init(void)
{
	u64 len = (u64)(__init_text_end - __init_text_start) + (u64)(__init_data_end - __init_data_start) +
		(u64)(__init_bss_end - __init_bss_start);

	free_image(__init_text_start, __init_text_end);
	free_image(__init_data_start, __init_data_end);
	free_image(__init_bss_start, __init_bss_end);
	klog(LOG_INFO, "memory: %llu KiB of boot code and data freed", len >> 10);
}
