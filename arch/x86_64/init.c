/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The processor's part of booting, in the order in which kernel_main() calls it.
 */
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/smp.h>
#include <arch_impl/layout.h>
#include <arch_x86/desc.h>
#include <arch_x86/extable.h>
#include <arch_x86/feature.h>
#include <arch_x86/image.h>
#include <arch_x86/insn.h>
#include <debug/log.h>
#include <debug/panic.h>

extern unsigned long __stack_chk_guard;

/* No random value can be better than the one mixed for the layout; the low byte is 0 so that no string function runs past it. */
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
	extable_init();
}
