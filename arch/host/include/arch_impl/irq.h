/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include <lib/types.h>
#include <lib/compiler.h>

#define IRQ_VECTOR_FIRST 32
#define IRQ_VECTOR_END	 224
#define IRQ_VECTOR_IPI(ipi) (IRQ_VECTOR_END + (ipi))

/* Bit per enum ipi sent to the CPU and not yet taken. */
extern u32 host_ipi_pending[];
/* Take and clear them. */
u32 host_ipi_take(unsigned cpu);
