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
#include <arch_x86/debugreg.h>
#include <arch_x86/feature.h>
#include <arch_x86/fpu.h>
#include <mm/slab.h>
#include <sched/thread.h>

#define FLAGS_OF_TRACER (FLAG_AC | FLAG_DF | FLAG_TF | FLAG_RF | FLAG_NT | FLAG_ID | 0x8d5)
#define LEGACY_SIZE	512

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
	struct fpu_area *a;

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
	/* The first of the bytes that the processor leaves to software: which components there are; debuggers look. */
	memset(a->software, 0, sizeof(a->software));
	if (note_type == NT_X86_XSTATE)
		memcpy(a->software, &fpu_components, sizeof(fpu_components));
	memcpy(buf, (const char *)a + off, len);
	return 0;
}

/* Bytes of an area that a tracer wants, as far as the processor would refuse them [sdm 1 13.4.2]. */
static int check_fpu(const char *buf, u32 note_type, size_t off, size_t len)
{
	u64 header[8];
	u32 mxcsr;

	if (off || len != (size_t)arch_regset_size(note_type))
		return note_type == NT_X86_XSTATE ? -EFAULT : -EINVAL;
	memcpy(&mxcsr, buf + offsetof(struct fpu_area, mxcsr), sizeof(mxcsr));
	header[0] = 3;
	if (note_type == NT_X86_XSTATE) {
		memcpy(header, buf + offsetof(struct fpu_area, xstate_bv), sizeof(header));
		if (header[0] & ~fpu_components)
			return -EINVAL;
		for (unsigned i = 1; i < ARRAY_SIZE(header); i++) {
			if (header[i])
				return -EINVAL;
		}
	}
	return (header[0] & 3) && !fpu_mxcsr_is_valid(mxcsr) ? -EINVAL : 0;
}

static int set_fpu(struct thread *t, u32 note_type, const void *buf, size_t off, size_t len)
{
	struct fpu_area *a = get_fpu(t);
	int err = a ? check_fpu(buf, note_type, off, len) : -ENODEV;
	u32 old_mask;

	if (err)
		return err;
	old_mask = a->mxcsr_mask;
	memcpy(a, buf, len);
	a->mxcsr_mask = old_mask;
	if (cpu_has(F_XSAVE) && note_type == NT_PRFPREG)
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
		return set_fpu(t, note_type, buf, off, len);
	get_general(t, &r);
	memcpy((char *)&r + off, buf, len);
	return set_general(t, &r);
}

void arch_single_step(struct thread *t, enum arch_step step)
{
	struct trapframe *tf = arch_trapframe(t);
	bool block = step == ARCH_STEP_BLOCK;

	if (step && !(tf->rflags & FLAG_TF)) {
		tf->rflags |= FLAG_TF;
		t->arch.tf_by_tracer = 1;
	} else if (!step && t->arch.tf_by_tracer) {
		tf->rflags &= ~(u64)FLAG_TF;
		t->arch.tf_by_tracer = 0;
	}
	if (unlikely(block != !!(t->arch.debug_on & DEBUG_BLOCK)))
		context_block_step(t, block);
}

u64 arch_debug_reg_get(struct thread *t, unsigned i)
{
	const struct arch_thread *a = &t->arch;

	return i < 4 ? a->dr[i] : i == 6 ? a->dr6 ^ DR6_RESERVED : i == 7 ? a->dr7 : 0;
}

/* An enabled breakpoint: a user address, aligned, and not the I/O kind; one on execution has a length of 1. */
static bool is_valid_break(const struct arch_thread *a, u64 dr7, unsigned i)
{
	unsigned kind = dr7_kind(dr7, i);
	u64 mask = dr7_len_mask(dr7, i);

	if (kind == DR7_KIND_IO || (kind == DR7_KIND_EXEC && mask))
		return false;
	return a->dr[i] < USER_VA_END && !(a->dr[i] & mask);
}

int arch_debug_reg_set(struct thread *t, unsigned i, u64 v)
{
	struct arch_thread *a = &t->arch;

	if (i < 4) {
		if (v >= USER_VA_END || (dr7_is_on(a->dr7, i) && (v & dr7_len_mask(a->dr7, i))))
			return -EINVAL;
		a->dr[i] = v;
		return 0;
	}
	if (i == 6) {
		a->dr6 = v ^ DR6_RESERVED;
		return 0;
	}
	if (i != 7)
		return -EIO;
	for (unsigned b = 0; b < 4; b++) {
		if (dr7_is_on(v, b) && !is_valid_break(a, v, b))
			return -EINVAL;
	}
	a->dr7 = v;
	a->debug_on = (a->debug_on & DEBUG_BLOCK) | (v & 0xff ? DEBUG_BREAKS : 0);
	return 0;
}
