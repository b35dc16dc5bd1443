/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include <arch/trap.h>

void trap_dispatch(struct trapframe *tf, unsigned vector);
void trap_bad_rip(struct trapframe *tf);
const char *trap_name(unsigned vector);
/* entry.S: irq_dispatch(vector, tf) on another stack. */
void irq_dispatch_on(unsigned vector, struct trapframe *tf, void *stack_top);
