/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames of signal handlers, as programs for Linux expect them.
 *
 *   high   the interrupted stack
 *          128 bytes of red zone, untouched
 *          FPU state, 64-byte aligned: the XSAVE area, behind it FP_XSTATE_MAGIC2; the unused bytes 464..511 say so (struct _fpx_sw_bytes)
 *          struct frame: return address (the restorer), ucontext, siginfo; at 16n + 8, as if it had been called
 *   low
 */
#include <arch/signal.h> /* first: <asm/ucontext.h> needs its types */
#include <asm/sigcontext.h>
#include <asm/ucontext.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <arch/elf.h>
#include <arch/trap.h>
#include <arch_x86/asm.h>
#include <arch_x86/feature.h>
#include <arch_x86/fpu.h>
#include <arch_x86/pkey.h>
#include <mm/page.h>
#include <mm/uaccess.h>
#include <sched/preempt.h>
#include <sched/thread.h>

#define RED_ZONE	128
#define FLAGS_OF_USER	(FLAG_AC | FLAG_DF | FLAG_TF | FLAG_RF | 0x8d5) /* OF SF ZF AF PF CF */
#define LEGACY_SIZE	512

struct frame {
	u64 restorer;
	struct ucontext uc;
	siginfo_t info;
};
static_assert(sizeof(struct ucontext) == 304 && offsetof(struct frame, info) == 312, "as Linux has it");
static_assert(sizeof(struct sigcontext_64) == 32 * 8 && sizeof(stack_t) == 24, "fill_context leaves no byte out");
static_assert(offsetof(struct fpu_area, software) == 464 && sizeof(struct _fpx_sw_bytes) == 48, "as XSAVE has it");

/* Bytes of the XSAVE area in a frame. Frames have the rights by keys only where they are not those that a handler gets anyway. */
static u32 area_size(bool with_keys)
{
	return with_keys ? fpu_keys_offset + 8 : fpu_size;
}

/* Bytes of the FPU part. */
static size_t fpu_frame_size(bool with_keys)
{
	return cpu_has(F_XSAVE) ? area_size(with_keys) + FP_XSTATE_MAGIC2_SIZE : LEGACY_SIZE;
}

u64 arch_elf_minsigstksz(void)
{
	return sizeof(struct frame) + fpu_frame_size(fpu_keys_offset != 0) + 64 + 16 + 8;
}

/* The thread's own area does not have them: they are put behind what has been copied. */
static int push_keys(struct uptr to, u32 rights)
{
	u64 bv = thread_current()->arch.fpu->xstate_bv | 1u << PKRU_COMPONENT;
	u32 off = fpu_keys_offset;

	if (arch_clear_user(uptr_add(to, fpu_size), off - fpu_size) || user_store64(uptr_add(to, off), rights))
		return -EFAULT;
	return user_store64(uptr_add(to, offsetof(struct fpu_area, xstate_bv)), bv);
}

static int push_fpu(struct uptr to, bool with_keys, u32 rights)
{
	struct fpu_area *a = thread_current()->arch.fpu;
	struct _fpx_sw_bytes *sw = (struct _fpx_sw_bytes *)a->software;
	irqflags_t flags = irq_save();

	fpu_save_current(thread_current());
	fpu_fill_initial(a);
	memset(sw, 0, sizeof(*sw));
	if (cpu_has(F_XSAVE)) {
		a->xstate_bv |= 3; /* what the handler changes there counts */
		sw->magic1 = FP_XSTATE_MAGIC1;
		sw->extended_size = area_size(with_keys) + FP_XSTATE_MAGIC2_SIZE;
		sw->xfeatures = fpu_components | (u64)with_keys << PKRU_COMPONENT;
		sw->xstate_size = area_size(with_keys);
	}
	irq_restore(flags);
	/* A switch meanwhile saves the same registers to the same area again. */
	if (copy_to_user(to, a, cpu_has(F_XSAVE) ? fpu_size : LEGACY_SIZE))
		return -EFAULT;
	if (with_keys && push_keys(to, rights))
		return -EFAULT;
	return cpu_has(F_XSAVE) ? user_store32(uptr_add(to, area_size(with_keys)), FP_XSTATE_MAGIC2) : 0;
}

static void fill_context(struct sigcontext_64 *sc, const struct trapframe *tf, u64 fpstate, u64 mask)
{
	const struct arch_thread *a = &thread_current()->arch;

	sc->r8 = tf->r8;
	sc->r9 = tf->r9;
	sc->r10 = tf->r10;
	sc->r11 = tf->r11;
	sc->r12 = tf->r12;
	sc->r13 = tf->r13;
	sc->r14 = tf->r14;
	sc->r15 = tf->r15;
	sc->di = tf->rdi;
	sc->si = tf->rsi;
	sc->bp = tf->rbp;
	sc->bx = tf->rbx;
	sc->dx = tf->rdx;
	sc->ax = tf->rax;
	sc->cx = tf->rcx;
	sc->sp = tf->rsp;
	sc->ip = tf->rip;
	sc->flags = tf->rflags;
	sc->cs = (u16)tf->cs;
	sc->ss = (u16)tf->ss;
	sc->err = a->trap_error;
	sc->trapno = a->trap_no;
	sc->oldmask = mask;
	sc->cr2 = a->trap_addr;
	sc->fpstate = fpstate;
	sc->gs = sc->fs = 0;
	memset(sc->reserved1, 0, sizeof(sc->reserved1));
}

static bool on_stack(const stack_t *s, u64 sp)
{
	return s->ss_size && sp > (u64)s->ss_sp && sp - (u64)s->ss_sp <= s->ss_size;
}

/* Where the FPU part goes below @sp, and the frame below that. */
static u64 place_at(u64 sp, bool with_keys, u64 *out_fpu)
{
	*out_fpu = (sp - fpu_frame_size(with_keys)) & ~63ull;
	return ((*out_fpu - sizeof(struct frame)) & ~15ull) - 8;
}

/* The place of the whole frame; false: a frame with all there may be (AT_MINSIGSTKSZ) would be below the end of the alternate stack. */
static bool place(const struct trapframe *tf, const struct signal_frame_args *args, bool with_keys, u64 *out_fpu,
	u64 *out_frame)
{
	bool nested = on_stack(&args->altstack, tf->rsp);
	u64 sp = tf->rsp - RED_ZONE, fpu;

	if (args->on_altstack && !nested)
		sp = (u64)args->altstack.ss_sp + args->altstack.ss_size;
	*out_frame = place_at(sp, with_keys, out_fpu);
	return !(args->on_altstack || nested) || on_stack(&args->altstack, place_at(sp, fpu_keys_offset != 0, &fpu));
}

/* The frame, written with the rights to all keys: the handler's stack may have one that the interrupted code could not use. */
static int push_frame(struct trapframe *tf, const struct signal_frame_args *args, u32 rights)
{
	bool with_keys = rights != PKRU_INITIAL && fpu_keys_offset;
	struct uptr frame;
	struct {
		u64 restorer;
		struct ucontext uc;
	} f;
	u64 fpu_at, frame_at;

	if (!place(tf, args, with_keys, &fpu_at, &frame_at) || push_fpu(uptr_make(fpu_at), with_keys, rights))
		return -EFAULT;
	frame = uptr_make(frame_at);
	f.restorer = args->restorer;
	f.uc.uc_flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS | (cpu_has(F_XSAVE) ? UC_FP_XSTATE : 0);
	f.uc.uc_link = NULL;
	memset(&f.uc.uc_stack, 0, sizeof(f.uc.uc_stack)); /* it has a hole */
	f.uc.uc_stack.ss_sp = args->altstack.ss_sp;
	f.uc.uc_stack.ss_flags = args->altstack.ss_flags;
	f.uc.uc_stack.ss_size = args->altstack.ss_size;
	fill_context((struct sigcontext_64 *)&f.uc.uc_mcontext, tf, fpu_at, args->oldmask);
	memcpy(&f.uc.uc_sigmask, &args->oldmask, sizeof(args->oldmask));
	if (copy_to_user(frame, &f, sizeof(f)) || copy_to_user(uptr_field(frame, struct frame, info), args->info, sizeof(*args->info)))
		return -EFAULT;
	tf->rdi = (u64)args->signo;
	tf->rsi = frame_at + offsetof(struct frame, info);
	tf->rdx = frame_at + offsetof(struct frame, uc);
	tf->rax = 0;
	tf->rip = args->handler;
	tf->rsp = frame_at;
	tf->rflags &= ~(u64)(FLAG_DF | FLAG_RF | FLAG_TF);
	return 0;
}

int arch_signal_push(struct trapframe *tf, const struct signal_frame_args *args)
{
	u32 rights = PKRU_INITIAL;
	int err;

	if (!cpu_has(F_PKU))
		return push_frame(tf, args, rights);
	rights = rdpkru();
	if (rights != PKRU_INITIAL)
		wrpkru(0);
	err = push_frame(tf, args, rights);
	if (rights != PKRU_INITIAL)
		wrpkru(err ? rights : PKRU_INITIAL);
	return err;
}

/* Does the user's area have extended state, all of it and not more than we know? *out_keys: and the rights by keys? */
static bool is_extended(struct uptr from, bool *out_keys)
{
	struct _fpx_sw_bytes sw;
	u32 magic2;

	if (!cpu_has(F_XSAVE) || copy_from_user(&sw, uptr_add(from, offsetof(struct fpu_area, software)), sizeof(sw)))
		return false;
	*out_keys = fpu_keys_offset && sw.xstate_size == area_size(true);
	if (sw.magic1 != FP_XSTATE_MAGIC1 || (sw.xstate_size != fpu_size && !*out_keys) || sw.extended_size < sw.xstate_size)
		return false;
	return !user_load32(&magic2, uptr_add(from, sw.xstate_size)) && magic2 == FP_XSTATE_MAGIC2;
}

static int fault_in(struct uptr from, size_t len)
{
	u8 byte;
	int err = user_load8(&byte, uptr_add(from, len - 1));

	for (size_t at = 0; !err && at < len; at += PAGE_SIZE)
		err = user_load8(&byte, uptr_add(from, at));
	return err;
}

/* The rights by keys in the user's area; where it says that they are in their initial state: all, 0. */
static u32 keys_of(struct uptr from)
{
	u32 rights;
	u64 bv;

	if (user_load64(&bv, uptr_add(from, offsetof(struct fpu_area, xstate_bv))) || user_load32(&rights, uptr_add(from, fpu_keys_offset)))
		return PKRU_INITIAL;
	return bv >> PKRU_COMPONENT & 1 ? rights : 0;
}

static int pop_fpu(u64 fpstate)
{
	struct thread *t = thread_current();
	struct uptr from = uptr_make(fpstate);
	bool keys = false;
	size_t len = is_extended(from, &keys) ? fpu_size : LEGACY_SIZE;
	u32 rights = keys ? keys_of(from) : PKRU_INITIAL;
	struct fpu_area *a = t->arch.fpu;
	irqflags_t flags;
	int err, left;

	if (!fpstate) {
		flags = irq_save();
		fpu_reset(t);
		irq_restore(flags);
		return 0;
	}
	do {
		preempt_disable(); /* a switch would save the registers over what is copied */
		left = copy_from_user(a, from, len);
		if (!left) {
			if (len == LEGACY_SIZE)
				a->xstate_bv = 3;
			fpu_sanitize(a);
			fpu_area_changed(t);
		} else {
			fpu_area_spoilt(t);
		}
		preempt_enable();
		err = left ? fault_in(from, len) : 0;
	} while (left && !err);
	if (!err && cpu_has(F_PKU) && rdpkru() != rights)
		wrpkru(rights);
	return err;
}

static void load_context(struct trapframe *tf, const struct sigcontext_64 *sc)
{
	tf->r8 = sc->r8;
	tf->r9 = sc->r9;
	tf->r10 = sc->r10;
	tf->r11 = sc->r11;
	tf->r12 = sc->r12;
	tf->r13 = sc->r13;
	tf->r14 = sc->r14;
	tf->r15 = sc->r15;
	tf->rdi = sc->di;
	tf->rsi = sc->si;
	tf->rbp = sc->bp;
	tf->rbx = sc->bx;
	tf->rdx = sc->dx;
	tf->rax = sc->ax;
	tf->rcx = sc->cx;
	tf->rsp = sc->sp;
	tf->rip = sc->ip;
	tf->rflags = (tf->rflags & ~(u64)FLAGS_OF_USER) | (sc->flags & FLAGS_OF_USER);
	/* Selectors are not the frame's to choose: 64-bit code has these two. */
	tf->cs = SEL_USER_CS;
	tf->ss = SEL_USER_DS;
	tf->orig_rax = ~0ull;
}

int arch_signal_pop(struct trapframe *tf, u64 *out_mask, stack_t *out_altstack)
{
	struct ucontext uc;
	const struct sigcontext_64 *sc = (const struct sigcontext_64 *)&uc.uc_mcontext;

	/* The handler's return has taken the restorer's address off. */
	if (copy_from_user(&uc, uptr_make(tf->rsp - 8 + offsetof(struct frame, uc)), sizeof(uc)))
		return -EFAULT;
	if (pop_fpu(sc->fpstate))
		return -EFAULT;
	load_context(tf, sc);
	memcpy(out_mask, &uc.uc_sigmask, sizeof(*out_mask));
	*out_altstack = uc.uc_stack;
	return 0;
}
