/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Switching threads.
 *
 * Kernel code keeps nothing in vector registers, FS or the user's GS, so between two user threads they are swapped once, and a kernel thread in between
 * leaves them alone: fpu_owner and loaded_fs/gs say what is in this CPU's registers.
 */
#include <asm/prctl.h>
#include <asm/unistd.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <arch/context.h>
#include <arch/trap.h>
#include <arch_x86/asm.h>
#include <arch_x86/context.h>
#include <arch_x86/debugreg.h>
#include <arch_x86/desc.h>
#include <arch_x86/feature.h>
#include <arch_x86/fpu.h>
#include <arch_x86/pkey.h>
#include <arch_x86/insn.h>
#include <arch_impl/layout.h>
#include <debug/panic.h>
#include <mm/uaccess.h>
#include <sched/sched.h>
#include <sched/thread.h>

static DEFINE_PER_CPU(u64, loaded_fs);
static DEFINE_PER_CPU(u64, loaded_gs);
static DEFINE_PER_CPU(u64, loaded_selectors);

/* What switch_stacks pops, and where it then returns to. */
struct switch_frame {
	u64 r15, r14, r13, r12, rbx, rbp, rip;
};

static void make_stack(struct thread *t, u64 top, void (*entry)(void *), void *arg)
{
	struct switch_frame *f = (struct switch_frame *)(top & ~15ull) - 1;

	/* At the trampoline the stack pointer is just above the frame: aligned for its call. */
	*f = (struct switch_frame){.rbx = (u64)t, .rip = (u64)thread_start_trampoline};
	t->arch.sp = (u64)f;
	t->arch.stack_top = (u64)t->stack + KSTACK_SIZE;
	t->arch.entry = entry;
	t->arch.arg = arg;
}

void arch_thread_init_kernel(struct thread *t, void (*entry)(void *), void *arg)
{
	t->arch.user_frame = 0;
	make_stack(t, (u64)t->stack + KSTACK_SIZE, entry, arg);
}

void arch_thread_init_user(struct thread *t, void (*entry)(void *), void *arg)
{
	t->arch.user_frame = 1;
	make_stack(t, (u64)t->stack + KSTACK_SIZE - sizeof(struct trapframe), entry, arg);
}

/* From entry.S, on the new thread's stack. Returns when the trampoline is to go on to user mode. */
void thread_first_run(struct thread *prev, struct thread *self)
{
	sched_tail(prev);
	if (self->arch.entry)
		self->arch.entry(self->arch.arg);
	if (!self->arch.user_frame)
		panic("kernel thread %.16s returned", self->name);
}

struct trapframe *arch_trapframe(struct thread *t)
{
	return thread_trapframe((char *)t->stack + KSTACK_SIZE);
}

static u64 read_selectors(void)
{
	u16 ds, es, fs, gs;

	__asm__ volatile("movw %%ds, %0; movw %%es, %1; movw %%fs, %2; movw %%gs, %3" : "=r"(ds), "=r"(es), "=r"(fs), "=r"(gs));
	return ds | (u64)es << 16 | (u64)fs << 32 | (u64)gs << 48;
}

/* User selectors are from our own table or faulted when they were loaded: they load again. */
static void load_selectors(u64 s)
{
	__asm__ volatile("movl %0, %%ds; movl %1, %%es; movl %2, %%fs; swapgs; movl %3, %%gs; swapgs" ::"r"((u32)s & 0xffff),
		"r"((u32)(s >> 16) & 0xffff), "r"((u32)(s >> 32) & 0xffff), "r"((u32)(s >> 48)));
	/* Loading FS or GS may have changed its base. */
	this_cpu_write(loaded_fs, ~0ull);
	this_cpu_write(loaded_gs, ~0ull);
}

/* The user's, while the kernel runs on its own. Interrupts off. */
static u64 read_user_gs(void)
{
	u64 v;

	__asm__ volatile("swapgs\n\t.byte 0xf3,0x48,0x0f,0xae,0xc8\n\tswapgs" : "=a"(v)); /* rdgsbase %rax */
	return v;
}

static void write_user_gs(u64 v)
{
	if (cpu_has(F_FSGSBASE))
		__asm__ volatile("swapgs\n\t.byte 0xf3,0x48,0x0f,0xae,0xd8\n\tswapgs" ::"a"(v)); /* wrgsbase %rax */
	else
		wrmsr(MSR_KERNEL_GS_BASE, v);
	this_cpu_write(loaded_gs, v);
}

static void write_user_fs(u64 v)
{
	if (cpu_has(F_FSGSBASE))
		wrfsbase(v);
	else
		wrmsr(MSR_FS_BASE, v);
	this_cpu_write(loaded_fs, v);
}

/* With FSGSBASE a program changes its bases without telling; without it only arch_set_tls does, and that keeps the copies. */
static void save_bases(struct arch_thread *a)
{
	if (!cpu_has(F_FSGSBASE))
		return;
	a->fs_base = rdfsbase();
	a->gs_base = read_user_gs();
	this_cpu_write(loaded_fs, a->fs_base);
	this_cpu_write(loaded_gs, a->gs_base);
}

static void save_user(struct arch_thread *a)
{
	a->selectors = read_selectors();
	this_cpu_write(loaded_selectors, a->selectors);
	save_bases(a);
}

/* @bits: debug_on of who ran and of who is to run. */
static void load_debug(const struct arch_thread *a, u32 bits)
{
	__asm__ volatile("mov %0, %%dr0; mov %1, %%dr1; mov %2, %%dr2; mov %3, %%dr3" ::"r"(a->dr[0]), "r"(a->dr[1]), "r"(a->dr[2]),
		"r"(a->dr[3]));
	__asm__ volatile("mov %0, %%dr7" ::"r"((a->dr7 & DR7_OURS) | DR7_FIXED));
	if (bits & DEBUG_BLOCK)
		wrmsr(MSR_DEBUGCTL, a->debug_on & DEBUG_BLOCK ? DEBUGCTL_BTF : 0);
}

void context_block_step(struct thread *t, bool on)
{
	irqflags_t flags = irq_save();

	t->arch.debug_on = (t->arch.debug_on & ~(u32)DEBUG_BLOCK) | (on ? DEBUG_BLOCK : 0);
	if (t == thread_current())
		load_debug(&t->arch, DEBUG_BLOCK);
	irq_restore(flags);
}

static void load_user(struct arch_thread *a)
{
	if (unlikely(a->selectors != this_cpu_read(loaded_selectors))) {
		load_selectors(a->selectors);
		this_cpu_write(loaded_selectors, a->selectors);
	}
	if (a->fs_base != this_cpu_read(loaded_fs))
		write_user_fs(a->fs_base);
	if (a->gs_base != this_cpu_read(loaded_gs))
		write_user_gs(a->gs_base);
}

static inline void switch_keys(struct arch_thread *prev, const struct arch_thread *next)
{
	u32 now = rdpkru();

	prev->pkru = now;
	/* A kernel thread looks at no user memory. */
	if (next->fpu && next->pkru != now)
		wrpkru(next->pkru);
}

struct thread *arch_switch(struct thread *prev, struct thread *next)
{
	u32 debug;

	if (prev->arch.fpu)
		save_user(&prev->arch);
	if (next->arch.fpu)
		load_user(&next->arch);
	fpu_switch(prev, next);
	if (cpu_has(F_PKU))
		switch_keys(&prev->arch, &next->arch);
	debug = prev->arch.debug_on | next->arch.debug_on;
	if (unlikely(debug))
		load_debug(&next->arch, debug);
	desc_set_kstack(next->arch.stack_top);
	return switch_stacks(prev, next);
}

int arch_thread_fork(struct thread *child)
{
	struct thread *t = thread_current();
	irqflags_t flags;
	int err = fpu_alloc(child);

	if (err)
		return err;
	flags = irq_save();
	if (t->arch.fpu) {
		save_user(&t->arch);
		fpu_save_current(t);
		memcpy(child->arch.fpu, t->arch.fpu, fpu_size);
	}
	irq_restore(flags);
	child->arch.fpu_cpu = ~0u;
	child->arch.fs_base = t->arch.fs_base;
	child->arch.gs_base = t->arch.gs_base;
	child->arch.selectors = t->arch.selectors;
	if (cpu_has(F_PKU))
		child->arch.pkru = rdpkru();
	/* Breakpoints are a tracer's and are not inherited [man ptrace(2)]. */
	child->arch.debug_on = 0;
	child->arch.dr7 = child->arch.dr6 = 0;
	return 0;
}

void arch_thread_reset_user(void)
{
	struct thread *t = thread_current();
	irqflags_t flags;

	if (!t->arch.fpu && fpu_alloc(t))
		panic("no memory for the registers of the first program");
	flags = irq_save();
	t->arch.selectors = 0;
	load_selectors(0);
	this_cpu_write(loaded_selectors, 0);
	t->arch.fs_base = t->arch.gs_base = 0;
	write_user_fs(0);
	write_user_gs(0);
	fpu_reset(t);
	if (cpu_has(F_PKU))
		wrpkru(PKRU_INITIAL);
	if (t->arch.debug_on) {
		u32 old = t->arch.debug_on;

		t->arch.debug_on = 0;
		t->arch.dr7 = 0;
		load_debug(&t->arch, old);
	}
	t->arch.dr7 = t->arch.dr6 = 0;
	memset(t->arch.dr, 0, sizeof(t->arch.dr));
	irq_restore(flags);
}

void arch_thread_fini(struct thread *t)
{
	fpu_free(t);
}

static bool is_user_base(u64 base)
{
	return base < USER_VA_END;
}

/* FS or GS base of @t, which runs here or not at all. */
static int set_base(struct thread *t, bool gs, u64 base)
{
	irqflags_t flags;

	if (!is_user_base(base))
		return -EPERM;
	flags = irq_save();
	*(gs ? &t->arch.gs_base : &t->arch.fs_base) = base;
	if (t == thread_current()) {
		if (gs)
			write_user_gs(base);
		else
			write_user_fs(base);
	}
	irq_restore(flags);
	return 0;
}

int arch_set_tls(struct thread *t, u64 base)
{
	return set_base(t, false, base);
}

int arch_set_gs_base(struct thread *t, u64 base)
{
	return set_base(t, true, base);
}

void arch_sync_bases(void)
{
	irqflags_t flags = irq_save();

	save_user(&thread_current()->arch);
	irq_restore(flags);
}

s64 arch_prctl(struct thread *t, u64 code, u64 addr)
{
	switch (code) {
	case ARCH_SET_FS: return set_base(t, false, addr);
	case ARCH_SET_GS: return set_base(t, true, addr);
	case ARCH_GET_FS:
	case ARCH_GET_GS:
		if (t == thread_current())
			arch_sync_bases();
		return user_store64(uptr_make(addr), code == ARCH_GET_FS ? t->arch.fs_base : t->arch.gs_base);
	case ARCH_GET_CPUID: return 1;
	case ARCH_SET_CPUID: return -ENODEV; /* faulting CPUID is not offered */
	case ARCH_GET_XCOMP_SUPP:
	case ARCH_GET_XCOMP_PERM: return user_store64(uptr_make(addr), fpu_components);
	case ARCH_REQ_XCOMP_PERM: return addr < 64 && fpu_components >> addr & 1 ? 0 : -EOPNOTSUPP;
	default: return -EINVAL;
	}
}

s64 arch_syscall(u64 nr, const u64 args[6])
{
	return nr == __NR_arch_prctl ? arch_prctl(thread_current(), args[0], args[1]) : -ENOSYS;
}

void arch_exec_start(struct trapframe *tf, vaddr_t pc, vaddr_t sp)
{
	*tf = (struct trapframe){
		.orig_rax = ~0ull,
		.rip = pc,
		.cs = SEL_USER_CS,
		.rflags = FLAG_IF | FLAG_FIXED,
		.rsp = sp,
		.ss = SEL_USER_DS,
	};
}
