/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Failure on request, in debug kernels and host tests: a thread says that the N-th allocation of frames or objects that it makes from now on fails, once
 * (thread->fail_nth; /proc/PID/fail-nth). Sweeping N from 1 until nothing fails any more tries every way in which a call can run out of memory.
 *
 * Allocations of interrupts and those with ALLOC_RESERVE are neither counted nor failed.
 */
#include <lib/config.h>
#include <mm/page.h>
#include <sched/preempt.h>
#include <sched/thread.h>

static inline bool alloc_must_fail(unsigned alloc_flags)
{
	struct thread *t;

	if (!NOS_DEBUG)
		return false;
	t = thread_current();
	if (likely(!t || !t->fail_nth) || (alloc_flags & ALLOC_RESERVE) || preempt_depth() >= PREEMPT_IRQ)
		return false;
	return --t->fail_nth == 0;
}
