/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vector and floating-point registers: saved when a user thread leaves the CPU, loaded when it comes back, unless nobody used them in between.
 *
 * Components: x87, SSE, AVX and the three of AVX-512. Not AMX (8 KiB that hardly a thread uses; Linux makes programs ask for it). Protection keys: pkey.c.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <arch/cpu.h>
#include <arch_x86/feature.h>
#include <arch_x86/fpu.h>
#include <arch_x86/insn.h>
#include <arch_x86/pkey.h>
#include <arch_x86/image.h>
#include <debug/panic.h>
#include <mm/slab.h>
#include <sched/thread.h>

#define COMPONENTS_WANTED 0xe7ull
#define FCW_DEFAULT	  0x37f
#define MXCSR_DEFAULT	  0x1f80

u32 fpu_size = 512;
u64 fpu_components = 3;
u32 fpu_keys_offset;
static u32 mxcsr_valid = 0xffbf;
static struct slab_cache *fpu_slab;
static DEFINE_PER_CPU(struct thread *, fpu_owner);

static inline void save_to(struct fpu_area *a)
{
	u32 lo = (u32)fpu_components, hi = (u32)(fpu_components >> 32);

	if (cpu_has(F_XSAVEOPT))
		__asm__ volatile("xsaveopt64 %0" : "+m"(*a) : "a"(lo), "d"(hi) : "memory");
	else if (cpu_has(F_XSAVE))
		__asm__ volatile("xsave64 %0" : "+m"(*a) : "a"(lo), "d"(hi) : "memory");
	else
		__asm__ volatile("fxsave64 %0" : "=m"(*a)::"memory");
}

static inline void load_from(const struct fpu_area *a)
{
	u32 lo = (u32)fpu_components, hi = (u32)(fpu_components >> 32);

	if (cpu_has(F_XSAVE))
		__asm__ volatile("xrstor64 %0" ::"m"(*a), "a"(lo), "d"(hi) : "memory");
	else
		__asm__ volatile("fxrstor64 %0" ::"m"(*a) : "memory");
}

void fpu_init_cpu(void)
{
	if (cpu_has(F_XSAVE))
		xsetbv(0, fpu_components);
	__asm__ volatile("fninit");
}

void fpu_init(void)
{
	static struct fpu_area probe INIT_DATA;

	if (cpu_has(F_XSAVE)) {
		struct cpuid_regs r = cpuid(13, 0);

		fpu_components = (r.a | (u64)r.d << 32) & COMPONENTS_WANTED;
		/* AVX-512 is all three or none, and nothing without AVX. */
		if ((fpu_components & 0xe0) != 0xe0 || !(fpu_components & 4))
			fpu_components &= ~0xe0ull;
	}
	fpu_init_cpu();
	if (cpu_has(F_XSAVE))
		fpu_size = cpuid(13, 0).b; /* for what XCR0 now enables */
	if (cpu_has(F_XSAVE) && cpu_has(F_PKU))
		fpu_keys_offset = cpuid(13, PKRU_COMPONENT).b;
	__asm__ volatile("fxsave64 %0" : "=m"(probe)::"memory");
	if (probe.mxcsr_mask)
		mxcsr_valid = probe.mxcsr_mask;
}

void fpu_init_late(void)
{
	fpu_slab = slab_cache_create("fpu", max_t(u32, fpu_size, sizeof(struct fpu_area)), 64, SLAB_PANIC);
}

int fpu_alloc(struct thread *t)
{
	struct fpu_area *a = slab_alloc(fpu_slab, ALLOC_SLEEP);

	if (!a)
		return -ENOMEM;
	memset(a, 0, max_t(u32, fpu_size, sizeof(struct fpu_area)));
	a->fcw = FCW_DEFAULT;
	a->mxcsr = MXCSR_DEFAULT;
	t->arch.fpu = a;
	t->arch.fpu_cpu = ~0u;
	return 0;
}

void fpu_free(struct thread *t)
{
	struct fpu_area *a = t->arch.fpu;

	/* It may be the running thread: from here on a switch saves nothing. */
	WRITE_ONCE(t->arch.fpu, NULL);
	barrier();
	slab_free(fpu_slab, a);
}

void fpu_save_current(struct thread *t)
{
	save_to(t->arch.fpu);
}

void fpu_area_spoilt(struct thread *t)
{
	struct fpu_area *a = t->arch.fpu;

	fpu_sanitize(a);
	/* Not XSAVEOPT: it leaves out what it takes to be in the area still. */
	if (cpu_has(F_XSAVE))
		__asm__ volatile("xsave64 %0" : "+m"(*a) : "a"((u32)fpu_components), "d"((u32)(fpu_components >> 32)) : "memory");
	else
		save_to(a);
}

void fpu_area_changed(struct thread *t)
{
	irqflags_t flags;

	t->arch.fpu_cpu = ~0u;
	if (t != thread_current())
		return;
	flags = irq_save();
	load_from(t->arch.fpu);
	this_cpu_write(fpu_owner, t);
	t->arch.fpu_cpu = cpu_id();
	irq_restore(flags);
}

void fpu_switch(struct thread *prev, struct thread *next)
{
	if (prev->arch.fpu) {
		save_to(prev->arch.fpu);
		this_cpu_write(fpu_owner, prev);
		prev->arch.fpu_cpu = cpu_id();
	}
	if (!next->arch.fpu)
		return;
	if (this_cpu_read(fpu_owner) == next && next->arch.fpu_cpu == cpu_id())
		return;
	load_from(next->arch.fpu);
	this_cpu_write(fpu_owner, next);
	next->arch.fpu_cpu = cpu_id();
}

void fpu_reset(struct thread *t)
{
	struct fpu_area *a = t->arch.fpu;

	memset(a, 0, max_t(u32, fpu_size, sizeof(struct fpu_area)));
	a->fcw = FCW_DEFAULT;
	a->mxcsr = MXCSR_DEFAULT;
	fpu_area_changed(t);
}

/* Where component @i lies in the standard format; false: it has no place of its own. */
bool fpu_component(unsigned i, u32 *out_offset, u32 *out_size)
{
	struct cpuid_regs r;

	if (i < 2 || !(fpu_components >> i & 1))
		return false;
	r = cpuid(13, i);
	*out_size = r.a;
	*out_offset = r.b;
	return r.b + r.a <= fpu_size;
}

/* XSAVE leaves alone what is in its initial state: write that out, for readers. */
void fpu_fill_initial(struct fpu_area *a)
{
	u64 absent = fpu_components & ~a->xstate_bv;
	u32 off, size;

	if (!cpu_has(F_XSAVE))
		return;
	if (absent & 1) {
		u32 mxcsr = a->mxcsr, mask = a->mxcsr_mask;

		memset(a, 0, offsetof(struct fpu_area, xmm));
		a->fcw = FCW_DEFAULT;
		a->mxcsr = mxcsr;
		a->mxcsr_mask = mask;
	}
	if (absent & 2)
		memset(a->xmm, 0, sizeof(a->xmm));
	if ((absent & 6) == 6)
		a->mxcsr = MXCSR_DEFAULT;
	for (absent &= ~3ull; absent; absent &= absent - 1)
		if (fpu_component((unsigned)__builtin_ctzll(absent), &off, &size))
			memset((char *)a + off, 0, size);
}

bool fpu_mxcsr_is_valid(u32 mxcsr)
{
	return !(mxcsr & ~mxcsr_valid);
}

void fpu_sanitize(struct fpu_area *a)
{
	a->mxcsr &= mxcsr_valid;
	if (!cpu_has(F_XSAVE))
		return;
	a->xstate_bv &= fpu_components;
	a->xcomp_bv = 0;
	memset(a->reserved2, 0, sizeof(a->reserved2));
}

u32 fpu_x87_raised(void)
{
	u16 status, control;

	__asm__ volatile("fnstsw %0; fnstcw %1" : "=m"(status), "=m"(control));
	return status & ~control & 0x3f;
}

u32 fpu_sse_raised(void)
{
	u32 mxcsr;

	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	return mxcsr & ~(mxcsr >> 7) & 0x3f;
}
