/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Interrupt controllers as the portable code (kernel/irq) sees them: vectors. Vectors below IRQ_VECTOR_FIRST belong to the processor.
 * Numbers of lines ("gsi") are those of the firmware's tables.
 */
#include <lib/types.h>
#include <lib/compiler.h>

enum ipi {
	IPI_RESCHED,	/* look at the inbox / need_resched */
	IPI_CALL,	/* run the cross-call queue (tlb flush, smp_call) */
	IPI_TIMER,	/* the local timer fired (delivered through the same dispatch) */
	IPI_STOP,	/* panic: halt, after printing a backtrace; an NMI where there is one */
	IPI_BACKTRACE,	/* an NMI: remote_backtrace_nmi() (debug/panic.h) is called there */
	IPI_COUNT,
};

struct msi_msg {
	u64 addr;
	u32 data;
};

/* First and one-past-last vector that devices may use on each CPU, and vector of an enum ipi. In <arch_impl/irq.h>. */
#include <arch_impl/irq.h>

void arch_ipi_send(unsigned cpu, enum ipi ipi);
/* Acknowledge the interrupt being served on this CPU. */
void arch_irq_eoi(void);
/* Route a firmware line to (cpu, vector); level/low as the tables say; masked at first. -ENODEV: no such line. */
int arch_gsi_route(unsigned gsi, unsigned cpu, unsigned vector, bool level, bool low) MUST_CHECK;
void arch_gsi_mask(unsigned gsi, bool masked);
/* ISA interrupt (0..15) to line, with overrides of the firmware. */
unsigned arch_isa_to_gsi(unsigned isa_irq, bool *out_level, bool *out_low);
/* Message that raises @vector on @cpu. */
struct msi_msg arch_msi_message(unsigned cpu, unsigned vector);
