/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Device interrupts: a handler per vector and CPU; lines and messages are bound to a vector on a chosen CPU.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <arch/irq.h>

typedef void (*irq_handler_t)(void *arg); /* interrupt context */

struct irq;	/* a bound interrupt */

/* A firmware line (level or edge as the firmware says), shared with others if it must. Starts masked: irq_unmask. -ENODEV -ENOMEM -EBUSY. */
int irq_bind_gsi(unsigned gsi, bool level, bool low, irq_handler_t fn, void *arg, const char *name, struct irq **out) MUST_CHECK;
/* A message: *out_msg is what the device must write. @cpu: where it goes. */
int irq_bind_msi(unsigned cpu, irq_handler_t fn, void *arg, const char *name, struct irq **out, struct msi_msg *out_msg) MUST_CHECK;
void irq_unbind(struct irq *irq); /* waits for running handlers; may sleep */
void irq_mask(struct irq *irq);
void irq_unmask(struct irq *irq);
/* For /proc/interrupts. */
void irq_for_each(void (*fn)(const char *name, unsigned vector, const u64 *counts, void *arg), void *arg);
void irq_init(void);
/*
 * Work that an interrupt defers to just after it, interrupts on, preemption off (kernel/irq/soft.c). It may come in the middle of anything that
 * has interrupts on: a lock that it takes is taken everywhere with interrupts off.
 */
struct soft_work {
	struct soft_work *next;
	void (*fn)(struct soft_work *);
	u32 pending;
};
void soft_work_queue(struct soft_work *w); /* on this CPU; any context */
u32 soft_work_runs(unsigned cpu); /* that ran there */
