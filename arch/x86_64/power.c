/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ends: power off and reset, by every way there is, the polite ones first.
 */
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/time.h>
#include <arch_x86/firmware.h>
#include <arch_x86/insn.h>
#include <debug/log.h>

#define SLEEP_ENABLE	   (1u << 13)
#define SLEEP_TYPE(t)	   ((u32)(t) << 10)
#define SLEEP_ENABLE_HW    (1u << 5) /* of the sleep control register of hardware-reduced machines */
#define SLEEP_TYPE_HW(t)   ((u32)(t) << 2)
#define SLEEP_TYPE_MASK    SLEEP_TYPE(7)

#define SWITCH_SECONDS 10 /* a machine that is emulated goes off when its emulator gets round to it */
#define RESET_MS       50

/* By reads of a port, for an emulator's sake: they let it look at what it was asked for. */
static void wait_ms(u64 ms)
{
	u64 start = arch_counter(), ticks = arch_counter_hz() / 1000 * ms;

	while (arch_counter() - start < ticks)
		inb(0x80);
}

static void sleep_s5(const struct acpi_register *control, u8 type)
{
	u32 v;

	if (!control->addr)
		return;
	v = (firmware_read(control) & ~(SLEEP_TYPE_MASK | SLEEP_ENABLE)) | SLEEP_TYPE(type);
	firmware_write(control, v);
	firmware_write(control, v | SLEEP_ENABLE);
}

void arch_power_off(void)
{
	irq_disable();
	if (firmware.has_s5) {
		sleep_s5(&firmware.pm1a_control, firmware.s5_type_a);
		sleep_s5(&firmware.pm1b_control, firmware.s5_type_b);
		if (firmware.sleep_control.addr)
			firmware_write(&firmware.sleep_control, SLEEP_TYPE_HW(firmware.s5_type_a) | SLEEP_ENABLE_HW);
		wait_ms(SWITCH_SECONDS * 1000);
	}
	if (!firmware.present) {
		/* A machine without tables has no off switch that we know of; virtual ones end at a reset. */
		klog(LOG_NOTICE, "no power switch: resetting");
		arch_reboot();
	}
	klog(LOG_EMERG, "power off failed: halted");
	cpu_halt_forever();
}

void arch_reboot(void)
{
	struct {
		u16 limit;
		u64 base;
	} __packed none = {0, 0};

	irq_disable();
	if (firmware.has_reset) {
		firmware_write(&firmware.reset, firmware.reset_value);
		wait_ms(RESET_MS);
	}
	/* The chip set's reset register; then the keyboard controller's line; then a fault that nobody can take. */
	outb(0xcf9, 2);
	outb(0xcf9, 6);
	wait_ms(RESET_MS);
	outb(0x64, 0xfe);
	wait_ms(RESET_MS);
	__asm__ volatile("lidt %0; int3" ::"m"(none));
	cpu_halt_forever();
}
