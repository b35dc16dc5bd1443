/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who called? Debug kernels keep frame pointers, and the chain is followed; where a trap came in between, the frame pointer is the trapframe's address + 1. A release kernel has none: then every word on the stack that points behind
 * a call instruction counts; that may show a call that has returned, but misses none.
 */
#include <lib/config.h>
#include <arch/boot.h>
#include <arch/context.h>
#include <arch/trap.h>
#include <arch_x86/desc.h>
#include <arch_x86/image.h>
#include <sched/thread.h>

struct stack_range {
	u64 lo, hi;
};

static bool within(u64 sp, u64 top, u64 size, struct stack_range *out)
{
	if (top < size || sp < top - size || sp >= top)
		return false;
	*out = (struct stack_range){top - size, top};
	return true;
}

/* The stack that @sp lies on: nothing else is read. */
static bool find_stack(u64 sp, struct stack_range *out)
{
	struct thread *t = thread_current();

	if (within(sp, (u64)boot_stack_top, KSTACK_SIZE, out) || within(sp, this_cpu_read(irq_stack_top), KSTACK_SIZE, out))
		return true;
	for (unsigned i = 0; i < IST_COUNT; i++)
		if (within(sp, per_cpu_ptr(&cpu_tss, cpu_id())->ist[i], IST_STACK_SIZE, out))
			return true;
	return t && within(sp, (u64)t->stack + KSTACK_SIZE, KSTACK_SIZE, out);
}

static bool is_text(u64 pc)
{
	return pc >= (u64)__image_start && pc < (u64)__text_end;
}

/* A near call with relative target (e8), or through a register or memory (ff /2, 2 to 7 bytes). */
static bool is_behind_call(u64 pc)
{
	const u8 *p = (const u8 *)pc;

	if (!is_text(pc) || !is_text(pc - 7))
		return false;
	if (p[-5] == 0xe8)
		return true;
	for (int n = 2; n <= 7; n++)
		if (p[-n] == 0xff && (p[-n + 1] & 0x38) == 0x10)
			return true;
	return false;
}

/* Where a trap came; and who called, if that is a function's first instruction: no frame has been made yet. */
static unsigned add_trap(const struct trapframe *tf, vaddr_t *out_pc, unsigned n, unsigned max)
{
	struct stack_range s;

	out_pc[n++] = tf->rip;
	if (n < max && is_text(tf->rip) && *(const u8 *)tf->rip == 0x55 /* push %rbp */ && find_stack(tf->rsp, &s) &&
		is_text(*(const u64 *)tf->rsp))
		out_pc[n++] = *(const u64 *)tf->rsp;
	return n;
}

static unsigned follow_frames(u64 fp, vaddr_t *out_pc, unsigned n, unsigned max)
{
	struct stack_range s = {0, 0};

	while (n < max && !(fp & 6) && ((fp >= s.lo && fp < s.hi) || find_stack(fp, &s)) && fp + 16 <= s.hi) {
		const u64 *frame = (const u64 *)fp;
		const struct trapframe *tf = (const struct trapframe *)(fp - 1);

		if (fp & 1) {
			if (tf_from_user(tf) || !is_text(tf->rip))
				break;
			n = add_trap(tf, out_pc, n, max);
			fp = tf->rbp;
			continue;
		}
		if (!is_text(frame[1]))
			break;
		out_pc[n++] = frame[1];
		if (frame[0] <= fp)
			break;
		fp = frame[0];
	}
	return n;
}

static unsigned scan(u64 sp, vaddr_t *out_pc, unsigned n, unsigned max)
{
	struct stack_range s;

	if (!find_stack(sp, &s))
		return n;
	for (const u64 *p = (const u64 *)((sp + 7) & ~7ull); (u64)p + 8 <= s.hi && n < max; p++) {
		bool is_ours = p >= (const u64 *)out_pc && p < (const u64 *)(out_pc + max);

		if (!is_ours && is_behind_call(*p))
			out_pc[n++] = *p;
	}
	return n;
}

NOINLINE unsigned arch_backtrace(const struct trapframe *tf, vaddr_t *out_pc, unsigned max)
{
	unsigned n = 0;

	if (tf && tf_from_user(tf))
		return 0;
	if (tf && n < max)
		n = add_trap(tf, out_pc, n, max);
	if (NOS_DEBUG)
		return follow_frames(tf ? tf->rbp : (u64)__builtin_frame_address(0), out_pc, n, max);
	return scan(tf ? tf->rsp : (u64)__builtin_frame_address(0), out_pc, n, max);
}
