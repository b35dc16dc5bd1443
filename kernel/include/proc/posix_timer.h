/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Timers that send signals: timer_create(2), setitimer(2), RLIMIT_CPU.
 *
 * A timer of a real clock is a kernel timer. One of a CPU-time clock is armed as a kernel timer too, for the earliest moment at which it could expire if all
 * threads of its process ran at once; when that comes early, it looks at the clock and arms again.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <asm/siginfo.h>
#include <time/timer.h>

struct task;
struct proc;

/* Value and interval in nanoseconds; value 0 disarms. */
struct timer_spec {
	u64 value, interval;
};

/* timer_create: @notify checked; SIGEV_THREAD_ID's target (referenced by the callee). -EAGAIN -EINVAL. */
int posix_timer_create(int clock, const sigevent_t *ev, s32 *out_id) MUST_CHECK;
/* @out_old may be NULL, here and in itimer_set. */
int posix_timer_set(s32 id, bool absolute, const struct timer_spec *spec, struct timer_spec *out_old) MUST_CHECK;
int posix_timer_get(s32 id, struct timer_spec *out) MUST_CHECK;
s64 posix_timer_overrun(s32 id);
int posix_timer_delete(s32 id) MUST_CHECK;

/* Text of /proc/PID/timers; @tgid: as the reader sees it. 0. */
struct strbuf;
int posix_timers_show(struct proc *p, s32 tgid, struct strbuf *sb);

/* setitimer: which = ITIMER_*. -EINVAL. */
int itimer_set(int which, const struct timer_spec *spec, struct timer_spec *out_old) MUST_CHECK;
int itimer_get(int which, struct timer_spec *out) MUST_CHECK;
