/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The local interrupt controller (xAPIC through memory, x2APIC through MSRs), the I/O controllers and what the firmware says of them.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct trapframe;

/* Boot CPU: choose the mode, silence the legacy controllers, enable. After vmap works. */
void apic_init(void);
/* Each CPU. */
void apic_init_cpu(void);
u32 apic_id(void);
/* INIT and start-up messages to a CPU that is not running. */
void apic_send_init(u32 id);
void apic_send_startup(u32 id, u8 page);
void apic_nmi(struct trapframe *tf);
/* One-shot timer: counts at apic_timer_hz after the divider; 0 stops it. */
void apic_timer_set(u32 count);
u32 apic_timer_read(void);
/* I/O controllers of the tables. */
void ioapic_init(void);
