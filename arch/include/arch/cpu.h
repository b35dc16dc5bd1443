/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The running CPU: its number, its private data, its interrupts.
 *
 * A per-CPU variable is defined once with DEFINE_PER_CPU and then exists once per CPU; the one in the image is only the template.
 *   this_cpu_read(v) .._write(v,x) .._add(v,x) .._inc(v) .._dec(v) .._dec_and_test(v) .._xchg(v,x) .._cmpxchg(v,old,new)
 *       one instruction each where the processor can: atomic against interrupts and preemption on this CPU, no `lock` prefix.
 *   this_cpu_ptr(&v)     address of this CPU's copy; only meaningful while the caller cannot migrate.
 *   per_cpu_ptr(&v, cpu) address of another CPU's copy.
 */
#include <lib/types.h>
#include <lib/compiler.h>

#define MAX_CPUS 256

#define DEFINE_PER_CPU(type, name)  __attribute__((section("percpu"))) __typeof__(type) name
#define DECLARE_PER_CPU(type, name) extern __attribute__((section("percpu"))) __typeof__(type) name

/*
 * per_cpu_offset[cpu] + address of the variable in the image = address of that CPU's copy. Written by percpu_init (kernel/mm) before other
 * CPUs start; until then CPU 0 uses the template itself (offset 0).
 */
extern unsigned long per_cpu_offset[MAX_CPUS];
/* The template: what percpu_init copies. Symbols of the linker (script). */
extern char __start_percpu[], __stop_percpu[];

/*
 * <arch_impl/cpu.h> defines, as inlines or macros:
 *   unsigned cpu_id(void);                      number of this CPU, 0..cpu_count()-1; stable only if the caller cannot migrate
 *   this_cpu_*() , this_cpu_ptr(), per_cpu_ptr() as above
 *   irqflags_t irq_save(void); void irq_restore(irqflags_t); void irq_enable(void); void irq_disable(void); bool irqs_enabled(void);
 *   void cpu_relax(void);                       spin-wait hint
 *   void cpu_idle_wait(void);                   called with interrupts off: atomically enable and wait for one; returns with them on
 *   void cpu_halt_forever(void) NORETURN;
 *   u64  cpu_cycles(void);                      free-running counter, unordered (statistics, entropy)
 *   bool cpu_random_seed(u64 *out);             one word from the hardware entropy source, false if absent or exhausted
 *   bool cpu_random(u64 *out);                  one word from the hardware generator
 *   u64  cpu_index_mask(u64 index, u64 size);   all ones if index < size, else 0, by computation: prediction cannot get round it
 *   void cpu_memory_barrier(void) / cpu_read_barrier / cpu_write_barrier for device memory
 */
typedef unsigned long irqflags_t;
#include <arch_impl/cpu.h>

/*
 * A user's index into a table, after the check that refuses it: 0 where the processor only guesses that the check was passed (Spectre v1). For each table that
 * user space indexes.
 */
#define index_nospec(index, size) ((__typeof__(index))((u64)(index) & cpu_index_mask((u64)(index), (u64)(size))))
