/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers as debuggers and core files have them. Setting takes hostile bytes: what would harm the kernel or the exit path is refused or forced.
 */
#include <linux/elf.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <arch/context.h>
#include <arch/elf.h>
#include <arch/trap.h>
#include <arch_x86/asm.h>
#include <arch_x86/context.h>
#include <arch_x86/feature.h>
#include <arch_x86/fpu.h>
#include <mm/slab.h>
#include <sched/thread.h>

#define FLAGS_OF_TRACER (FLAG_AC | FLAG_DF | FLAG_TF | FLAG_RF | FLAG_NT | FLAG_ID | 0x8d5)
#define LEGACY_SIZE	512
#define DR7_ENABLES	0xffull
#define DR7_FIXED	0x400ull

/* struct user_regs_struct of <sys/user.h>. */
struct user_regs {
	struct trapframe tf;
	u64 fs_base, gs_base, ds, es, fs, gs;
};
static_assert(sizeof(struct user_regs) == 27 * 8, "as ptrace(2) and core files have it");

ssize_t arch_regset_size(u32 note_type)
{
	switch (note_type) {
	case NT_PRSTATUS: return sizeof(struct user_regs);
	case NT_PRFPREG: return LEGACY_SIZE;
	case NT_X86_XSTATE: return cpu_has(F_XSAVE) ? (ssize_t)fpu_size : -ENODEV;
	default: return -EINVAL;
	}
}

static void get_general(struct thread *t, struct user_regs *r)
{
	const struct arch_thread *a = &t->arch;

	if (t == thread_current())
		arch_sync_bases();
	r->tf = *arch_trapframe(t);
	if (a->tf_by_tracer)
		r->tf.rflags &= ~(u64)FLAG_TF;
	r->fs_base = a->fs_base;
	r->gs_base = a->gs_base;
	r->ds = a->selectors & 0xffff;
	r->es = a->selectors >> 16 & 0xffff;
	r->fs = a->selectors >> 32 & 0xffff;
	r->gs = a->selectors >> 48;
}

static int set_general(struct thread *t, struct user_regs *r)
{
	struct trapframe *tf = arch_trapframe(t);
	u64 flags;

	if (r->tf.cs != SEL_USER_CS || r->tf.ss != SEL_USER_DS)
		return -EIO;
	if (arch_set_tls(t, r->fs_base) || arch_set_gs_base(t, r->gs_base))
		return -EIO;
	flags = (tf->rflags & ~(u64)FLAGS_OF_TRACER) | (r->tf.rflags & FLAGS_OF_TRACER);
	if (t->arch.tf_by_tracer)
		flags |= FLAG_TF;
	*tf = r->tf;
	tf->rflags = flags | FLAG_IF | FLAG_FIXED;
	return 0;
}

/* The area up to date, what is in its initial state written out. */
static struct fpu_area *get_fpu(struct thread *t)
{
	if (!t->arch.fpu)
		return NULL;
	if (t == thread_current()) {
		irqflags_t flags = irq_save();

		fpu_save_current(t);
		irq_restore(flags);
	}
	fpu_fill_initial(t->arch.fpu);
	return t->arch.fpu;
}

int arch_regset_get(struct thread *t, u32 note_type, void *buf, size_t off, size_t len)
{
	ssize_t size = arch_regset_size(note_type);
	struct user_regs r;
	const struct fpu_area *a;

	if (size < 0)
		return (int)size;
	if (off > (size_t)size || len > (size_t)size - off)
		return -EINVAL;
	if (note_type == NT_PRSTATUS) {
		get_general(t, &r);
		memcpy(buf, (const char *)&r + off, len);
		return 0;
	}
	a = get_fpu(t);
	if (!a)
		return -ENODEV;
	memcpy(buf, (const char *)a + off, len);
	return 0;
}

static int set_fpu(struct thread *t, const void *buf, size_t off, size_t len)
{
	struct fpu_area *a = get_fpu(t);
	u32 old_mask;

	if (!a)
		return -ENODEV;
	old_mask = a->mxcsr_mask;
	memcpy((char *)a + off, buf, len);
	a->mxcsr_mask = old_mask;
	if (cpu_has(F_XSAVE) && off < LEGACY_SIZE)
		a->xstate_bv |= 3;
	fpu_sanitize(a);
	fpu_area_changed(t);
	return 0;
}

int arch_regset_set(struct thread *t, u32 note_type, const void *buf, size_t off, size_t len)
{
	ssize_t size = arch_regset_size(note_type);
	struct user_regs r;

	if (size < 0)
		return (int)size;
	if (off > (size_t)size || len > (size_t)size - off)
		return -EINVAL;
	if (note_type != NT_PRSTATUS)
		return set_fpu(t, buf, off, len);
	get_general(t, &r);
	memcpy((char *)&r + off, buf, len);
	return set_general(t, &r);
}

void arch_single_step(struct thread *t, bool on)
{
	struct trapframe *tf = arch_trapframe(t);

	if (on && !(tf->rflags & FLAG_TF)) {
		tf->rflags |= FLAG_TF;
		t->arch.tf_by_tracer = 1;
	} else if (!on && t->arch.tf_by_tracer) {
		tf->rflags &= ~(u64)FLAG_TF;
		t->arch.tf_by_tracer = 0;
	}
}

u64 arch_debug_reg_get(struct thread *t, unsigned i)
{
	return i < 4 ? t->arch.dr[i] : i == 6 ? t->arch.dr6 : i == 7 ? t->arch.dr7 : 0;
}

/* Each enabled breakpoint: user address, and not the I/O kind. */
static bool is_valid_dr7(const struct arch_thread *a, u64 dr7)
{
	for (unsigned i = 0; i < 4; i++) {
		unsigned kind = dr7 >> (16 + 4 * i) & 3;

		if (!(dr7 >> (2 * i) & 3))
			continue;
		if (kind == 2 || a->dr[i] >= USER_VA_END)
			return false;
	}
	return !(dr7 >> 32);
}

int arch_debug_reg_set(struct thread *t, unsigned i, u64 v)
{
	struct arch_thread *a = &t->arch;

	if (i < 4) {
		if (v >= USER_VA_END)
			return -EINVAL;
		a->dr[i] = v;
		return 0;
	}
	if (i == 6) {
		a->dr6 = v & 0xffff;
		return 0;
	}
	if (i != 7)
		return -EIO;
	v &= ~(1ull << 13); /* general detect is the kernel's */
	if (!is_valid_dr7(a, v))
		return -EINVAL;
	a->dr7 = v | DR7_FIXED;
	a->debug_on = (v & DR7_ENABLES) != 0;
	return 0;
}
