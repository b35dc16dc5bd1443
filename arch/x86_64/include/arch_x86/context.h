/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include <arch/context.h>

/* entry.S */
void thread_start_trampoline(void);
struct thread *switch_stacks(struct thread *prev, struct thread *next);
void thread_first_run(struct thread *prev, struct thread *self);

int arch_set_gs_base(struct thread *t, u64 base) MUST_CHECK;
/* Bring the saved selectors and TLS bases of the running thread up to date. */
void arch_sync_bases(void);
