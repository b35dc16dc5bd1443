/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Per-CPU memory made at run time. The offset works with this_cpu_ptr/per_cpu_ptr exactly as a static per-CPU variable does.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <arch/cpu.h>

/* Zeroed, one copy per CPU; NULL on -ENOMEM. May sleep. */
void *percpu_alloc(size_t size, size_t align);
void percpu_free(void *p);
/* Bytes of all areas together. */
u64 percpu_bytes(void);
/* Boot: areas for all CPUs on their nodes, filled from the template. Called by arch_init_percpu. */
void percpu_init(void);
