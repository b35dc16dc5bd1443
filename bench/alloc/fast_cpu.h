/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Included before everything else in the benchmark of the allocators: per-CPU variables at the price that they have in a kernel, one access relative
 * to the thread's own base, in place of the checked and atomic ones of the host tests. A thread stays on its CPU, and nothing interrupts it.
 */
#include <arch/cpu.h>

extern __thread unsigned long bench_percpu __attribute__((tls_model("local-exec")));

#undef this_cpu_ptr
#undef this_cpu_read
#undef this_cpu_write
#undef this_cpu_add
#undef this_cpu_inc
#undef this_cpu_dec
#define this_cpu_ptr(p)		((__typeof__(p))((unsigned long)(p) + bench_percpu))
#define this_cpu_read(v)	READ_ONCE(*this_cpu_ptr(&(v)))
#define this_cpu_write(v, x)	WRITE_ONCE(*this_cpu_ptr(&(v)), (x))
#define this_cpu_add(v, x)	(*this_cpu_ptr(&(v)) += (x))
#define this_cpu_inc(v)		this_cpu_add(v, 1)
#define this_cpu_dec(v)		this_cpu_add(v, -1)
