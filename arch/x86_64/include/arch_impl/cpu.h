/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * While the kernel runs, the base of GS is per_cpu_offset[this CPU]: %gs:variable is this CPU's copy. The per-CPU operations are one
 * instruction, so neither an interrupt nor a migration can come between.
 */
#include <lib/types.h>
#include <lib/compiler.h>

DECLARE_PER_CPU(unsigned, cpu_number);
DECLARE_PER_CPU(unsigned long, cpu_offset); /* per_cpu_offset[] of this CPU */

#define pcpu_size_(v)                                                                              \
	static_assert(sizeof(v) == 1 || sizeof(v) == 2 || sizeof(v) == 4 || sizeof(v) == 8,        \
		"per-CPU operations are one instruction")

/* An operand as the instruction of its width wants it: unsigned integer of the same size, from integers and pointers. */
#define pcpu_num_(x) ((unsigned long)(x))

#define this_cpu_read(v)                                                                           \
	({                                                                                         \
		__typeof__(v) tcr_;                                                                \
		pcpu_size_(v);                                                                     \
		if (sizeof(v) == 1)                                                                \
			__asm__ volatile("movb %%gs:%1, %0" : "=q"(tcr_) : "m"(v));                \
		else if (sizeof(v) == 2)                                                           \
			__asm__ volatile("movw %%gs:%1, %0" : "=r"(tcr_) : "m"(v));                \
		else if (sizeof(v) == 4)                                                           \
			__asm__ volatile("movl %%gs:%1, %k0" : "=r"(tcr_) : "m"(v));               \
		else                                                                               \
			__asm__ volatile("movq %%gs:%1, %q0" : "=r"(tcr_) : "m"(v));               \
		tcr_;                                                                              \
	})

#define pcpu_op_(op, v, x)                                                                         \
	do {                                                                                       \
		unsigned long pco_ = pcpu_num_(x);                                                 \
		pcpu_size_(v);                                                                     \
		if (sizeof(v) == 1)                                                                \
			__asm__ volatile(op "b %b1, %%gs:%0" : "+m"(v) : "qi"(pco_));              \
		else if (sizeof(v) == 2)                                                           \
			__asm__ volatile(op "w %w1, %%gs:%0" : "+m"(v) : "r"(pco_));               \
		else if (sizeof(v) == 4)                                                           \
			__asm__ volatile(op "l %k1, %%gs:%0" : "+m"(v) : "r"(pco_));               \
		else                                                                               \
			__asm__ volatile(op "q %q1, %%gs:%0" : "+m"(v) : "re"(pco_));              \
	} while (0)

#define pcpu_op1_(op, v)                                                                           \
	do {                                                                                       \
		pcpu_size_(v);                                                                     \
		if (sizeof(v) == 1)                                                                \
			__asm__ volatile(op "b %%gs:%0" : "+m"(v));                                \
		else if (sizeof(v) == 2)                                                           \
			__asm__ volatile(op "w %%gs:%0" : "+m"(v));                                \
		else if (sizeof(v) == 4)                                                           \
			__asm__ volatile(op "l %%gs:%0" : "+m"(v));                                \
		else                                                                               \
			__asm__ volatile(op "q %%gs:%0" : "+m"(v));                                \
	} while (0)

#define this_cpu_write(v, x) pcpu_op_("mov", v, (__typeof__(v))(x))
#define this_cpu_add(v, x)   pcpu_op_("add", v, x)
#define this_cpu_inc(v)	     pcpu_op1_("inc", v)
#define this_cpu_dec(v)	     pcpu_op1_("dec", v)

/* Is it zero now? A u32. */
#define this_cpu_dec_and_test(v)                                                                   \
	({                                                                                         \
		bool tcd_;                                                                         \
		static_assert(sizeof(v) == 4, "u32");                                              \
		__asm__ volatile("decl %%gs:%1" : "=@ccz"(tcd_), "+m"(v));                         \
		tcd_;                                                                              \
	})

#define this_cpu_xchg(v, x)                                                                        \
	({                                                                                         \
		__typeof__(v) tcx_ = (x);                                                          \
		static_assert(sizeof(v) == 4 || sizeof(v) == 8, "u32, u64 or a pointer");          \
		if (sizeof(v) == 4)                                                                \
			__asm__ volatile("xchgl %k0, %%gs:%1" : "+r"(tcx_), "+m"(v)::"memory");    \
		else                                                                               \
			__asm__ volatile("xchgq %q0, %%gs:%1" : "+r"(tcx_), "+m"(v)::"memory");    \
		tcx_;                                                                              \
	})

/* Returns what was there. */
#define this_cpu_cmpxchg(v, old, new_value)                                                        \
	({                                                                                         \
		__typeof__(v) tcc_ = (old), tcn_ = (new_value);                                    \
		static_assert(sizeof(v) == 4 || sizeof(v) == 8, "u32, u64 or a pointer");          \
		if (sizeof(v) == 4)                                                                \
			__asm__ volatile("cmpxchgl %k2, %%gs:%1"                                   \
					 : "+a"(tcc_), "+m"(v)                                     \
					 : "r"(tcn_)                                               \
					 : "memory", "cc");                                        \
		else                                                                               \
			__asm__ volatile("cmpxchgq %q2, %%gs:%1"                                   \
					 : "+a"(tcc_), "+m"(v)                                     \
					 : "r"(tcn_)                                               \
					 : "memory", "cc");                                        \
		tcc_;                                                                              \
	})

#define per_cpu_ptr(p, cpu) ((__typeof__(p))((unsigned long)(p) + per_cpu_offset[cpu]))
#define this_cpu_ptr(p)	    ((__typeof__(p))((unsigned long)(p) + this_cpu_read(cpu_offset)))

static inline unsigned cpu_id(void)
{
	return this_cpu_read(cpu_number);
}

#define X86_FLAGS_IF 0x200ul

static inline irqflags_t irq_save(void)
{
	irqflags_t flags;

	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags)::"memory");
	return flags;
}

static inline void irq_enable(void)
{
	__asm__ volatile("sti" ::: "memory");
}

static inline void irq_disable(void)
{
	__asm__ volatile("cli" ::: "memory");
}

static inline void irq_restore(irqflags_t flags)
{
	if (flags & X86_FLAGS_IF)
		irq_enable();
	else
		irq_disable();
}

static inline bool irqs_enabled(void)
{
	irqflags_t flags;

	__asm__ volatile("pushfq; popq %0" : "=r"(flags)::"memory");
	return flags & X86_FLAGS_IF;
}

static inline void cpu_relax(void)
{
	__asm__ volatile("pause" ::: "memory");
}

/* No interrupt comes between sti and hlt. */
static inline void cpu_idle_wait(void)
{
	__asm__ volatile("sti; hlt" ::: "memory");
}

static inline NORETURN void cpu_halt_forever(void)
{
	for (;;)
		__asm__ volatile("cli; hlt" ::: "memory");
}

static inline u64 cpu_cycles(void)
{
	u64 lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return lo | hi << 32;
}

bool cpu_random_seed(u64 *out);
bool cpu_random(u64 *out);

#define cpu_memory_barrier() __asm__ volatile("mfence" ::: "memory")
#define cpu_read_barrier()   __asm__ volatile("lfence" ::: "memory")
#define cpu_write_barrier()  __asm__ volatile("sfence" ::: "memory")

static inline u64 cpu_index_mask(u64 index, u64 size)
{
	u64 mask;

	__asm__ volatile("cmpq %1, %2\n\tsbbq %0, %0" : "=r"(mask) : "g"(size), "r"(index) : "cc");
	return mask;
}
