/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Restartable sequences [man rseq(2)]: a thread registers an area of its memory; the kernel keeps the CPU number there up to date, and when the thread was preempted, migrated or
 * signalled inside a critical section that the area points to, sends it to the section's abort handler.
 *
 * A registered thread has UW_NOTIFY set whenever it is switched to, so that the work is done on its way to user mode, where faults can be served.
 */
#include <lib/errno.h>
#include <linux/rseq.h>
#include <arch/context.h>
#include <arch/smp.h>
#include <arch/trap.h>
#include <mm/uaccess.h>
#include <proc/rseq.h>
#include "proc_impl.h"

#define FIELD(me, f) uptr_field((me)->rseq, struct rseq, f)

/* Store where the thread runs. */
static int MUST_CHECK update_cpu(struct task *me)
{
	unsigned cpu = cpu_id();

	if (user_store32(FIELD(me, cpu_id_start), cpu) || user_store32(FIELD(me, cpu_id), cpu) ||
		user_store32(FIELD(me, node_id), cpu_node(cpu)) || user_store32(FIELD(me, mm_cid), cpu))
		return -EFAULT;
	return 0;
}

static int MUST_CHECK reset_area(struct task *me)
{
	if (user_store32(FIELD(me, cpu_id_start), 0) || user_store32(FIELD(me, cpu_id), RSEQ_CPU_ID_UNINITIALIZED) ||
		user_store32(FIELD(me, node_id), 0) || user_store32(FIELD(me, mm_cid), 0))
		return -EFAULT;
	return 0;
}

/* The critical section that rseq_cs points to; *out_abort 0: the thread is in none. Hostile memory. */
static int MUST_CHECK section_abort(struct task *me, u64 pc, u64 *out_abort)
{
	struct rseq_cs cs;
	u64 va;
	u32 sig;

	*out_abort = 0;
	if (user_load64(&va, FIELD(me, rseq_cs)))
		return -EFAULT;
	if (!va)
		return 0;
	if (copy_from_user(&cs, uptr_make(va), sizeof(cs)))
		return -EFAULT;
	if (cs.start_ip >= USER_VA_END || cs.start_ip + cs.post_commit_offset < cs.start_ip || cs.version ||
		cs.abort_ip >= USER_VA_END || cs.abort_ip - cs.start_ip < cs.post_commit_offset || cs.flags)
		return -EINVAL;
	/* left the section: the pointer is cleared lazily */
	if (user_store64(FIELD(me, rseq_cs), 0))
		return -EFAULT;
	if (pc - cs.start_ip >= cs.post_commit_offset)
		return 0;
	/* the word before the handler proves that it is one */
	if (user_load32(&sig, uptr_make(cs.abort_ip - sizeof(u32))))
		return -EFAULT;
	if (sig != me->rseq_sig)
		return -EINVAL;
	*out_abort = cs.abort_ip;
	return 0;
}

void rseq_work(struct trapframe *tf)
{
	struct task *me = task_current();
	u64 abort;

	if (section_abort(me, tf_pc(tf), &abort) || update_cpu(me)) {
		signal_force(SIGSEGV, SI_KERNEL, 0);
		return;
	}
	if (abort)
		tf_set_pc(tf, abort);
}

s64 rseq_register(struct uptr area, u32 len, u32 sig)
{
	struct task *me = task_current();

	if (!uptr_is_null(me->rseq)) {
		if (me->rseq.va != area.va || me->rseq_len != len)
			return -EINVAL;
		return me->rseq_sig != sig ? -EPERM : -EBUSY;
	}
	if (len < 32 || (area.va & 31) || (len == 32 ? false : len < offsetof(struct rseq, end)))
		return -EINVAL;
	if (area.va + len < area.va || area.va + len > USER_VA_END)
		return -EFAULT;
	me->rseq_len = len;
	me->rseq_sig = sig;
	me->rseq = area;
	if (update_cpu(me)) {
		me->rseq = uptr_make(0);
		return -EFAULT;
	}
	__atomic_or_fetch(&me->thread.switch_work, UW_NOTIFY, __ATOMIC_RELAXED);
	return 0;
}

s64 rseq_unregister(struct uptr area, u32 len, u32 sig)
{
	struct task *me = task_current();

	if (uptr_is_null(me->rseq) || me->rseq.va != area.va || me->rseq_len != len)
		return -EINVAL;
	if (me->rseq_sig != sig)
		return -EPERM;
	if (reset_area(me))
		return -EFAULT;
	me->rseq = uptr_make(0);
	me->thread.switch_work = 0;
	return 0;
}
