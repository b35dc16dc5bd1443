/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clocks and sleeping. (POSIX timers and itimers: timer.c.)
 */
#include <linux/syscall.h>
#include <linux/time.h>
#include <linux/timex.h>
#include <lib/string.h>
#include <mm/uaccess.h>
#include <proc/cpu_clock.h>
#include <proc/cred.h>
#include <proc/task.h>
#include <sched/sched.h>
#include <time/clock.h>
#include <time/sleep.h>
#include "syscalls.h"

#define NS_PER_SEC 1000000000ull
/* Longer times are cut: 292 years, as Linux' ktime_t has them. */
#define SEC_MAX	   (S64_MAX / (s64)NS_PER_SEC - 1)

int timespec_from_user(u64 *out_ns, struct uptr p)
{
	u64 sec, ns;

	if (user_load64(&sec, uptr_field(p, struct __kernel_timespec, tv_sec)) || user_load64(&ns, uptr_field(p, struct __kernel_timespec, tv_nsec)))
		return -EFAULT;
	if ((s64)sec < 0 || ns >= NS_PER_SEC)
		return -EINVAL;
	*out_ns = sec > SEC_MAX ? (u64)S64_MAX : sec * NS_PER_SEC + ns;
	return 0;
}

static struct __kernel_timespec to_timespec(s64 ns)
{
	s64 sec = ns / (s64)NS_PER_SEC, rest = ns % (s64)NS_PER_SEC;

	if (rest < 0) {
		sec--;
		rest += NS_PER_SEC;
	}
	return (struct __kernel_timespec){.tv_sec = sec, .tv_nsec = rest};
}

int timespec_to_user(struct uptr p, u64 ns)
{
	struct __kernel_timespec ts = to_timespec((s64)ns);
	int err = user_store64(uptr_field(p, struct __kernel_timespec, tv_sec), (u64)ts.tv_sec);

	return err ? err : user_store64(uptr_field(p, struct __kernel_timespec, tv_nsec), (u64)ts.tv_nsec);
}

/* Value of a clock. -EINVAL: there is no such clock (or no such process). */
static int MUST_CHECK clock_read(int id, s64 *out)
{
	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_ALARM: *out = clock_realtime(); return 0;
	case CLOCK_MONOTONIC: *out = (s64)clock_monotonic(); return 0;
	case CLOCK_MONOTONIC_RAW: *out = (s64)clock_monotonic_raw(); return 0;
	case CLOCK_REALTIME_COARSE: *out = clock_realtime_coarse(); return 0;
	case CLOCK_MONOTONIC_COARSE: *out = (s64)clock_monotonic_coarse(); return 0;
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM: *out = (s64)clock_boottime(); return 0;
	case CLOCK_TAI: *out = clock_tai(); return 0;
	default: return cpu_clock_read(id, out);
	}
}

SYSCALL2(clock_gettime, int, id, struct uptr, uts)
{
	s64 ns;
	int err = clock_read(id, &ns);

	return err ? err : timespec_to_user(uts, (u64)ns);
}

SYSCALL2(clock_getres, int, id, struct uptr, uts)
{
	s64 now;
	int err = clock_read(id, &now);

	if (err || uptr_is_null(uts))
		return err;
	return timespec_to_user(uts, id == CLOCK_REALTIME_COARSE || id == CLOCK_MONOTONIC_COARSE ? CLOCK_COARSE_RES_NS : 1);
}

SYSCALL2(clock_settime, int, id, struct uptr, uts)
{
	s64 now;
	u64 ns;
	int err;

	if (id != CLOCK_REALTIME) {
		err = clock_read(id, &now);
		return err ? err : -EINVAL; /* these clocks cannot be set */
	}
	err = timespec_from_user(&ns, uts);
	if (err)
		return err;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	return clock_set_realtime((s64)ns);
}

SYSCALL2(gettimeofday, struct uptr, utv, struct uptr, utz)
{
	s64 ns = clock_realtime();
	struct __kernel_old_timeval tv = {.tv_sec = ns / (s64)NS_PER_SEC, .tv_usec = ns % (s64)NS_PER_SEC / 1000};
	struct timezone tz;

	if (!uptr_is_null(utv) && copy_to_user(utv, &tv, sizeof(tv)))
		return -EFAULT;
	if (uptr_is_null(utz))
		return 0;
	clock_get_timezone(&tz.tz_minuteswest, &tz.tz_dsttime);
	return copy_to_user(utz, &tz, sizeof(tz));
}

SYSCALL2(settimeofday, struct uptr, utv, struct uptr, utz)
{
	struct __kernel_old_timeval tv;
	struct timezone tz;

	if (!uptr_is_null(utv)) {
		if (copy_from_user(&tv, utv, sizeof(tv)))
			return -EFAULT;
		if ((u64)tv.tv_usec > 1000000 || tv.tv_sec < 0 || tv.tv_sec > SEC_MAX)
			return -EINVAL;
	}
	if (!uptr_is_null(utz) && copy_from_user(&tz, utz, sizeof(tz)))
		return -EFAULT;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	if (!uptr_is_null(utz)) {
		if (tz.tz_minuteswest > 15 * 60 || tz.tz_minuteswest < -15 * 60)
			return -EINVAL;
		clock_set_timezone(tz.tz_minuteswest, tz.tz_dsttime);
	}
	return uptr_is_null(utv) ? 0 : clock_set_realtime(tv.tv_sec * (s64)NS_PER_SEC + tv.tv_usec * 1000);
}

SYSCALL1(time, struct uptr, p)
{
	s64 sec = clock_realtime() / (s64)NS_PER_SEC;

	if (!uptr_is_null(p) && user_store64(p, (u64)sec))
		return -EFAULT;
	return sec;
}

static s64 adjust(struct uptr utx)
{
	struct __kernel_timex tx;
	int state;

	if (copy_from_user(&tx, utx, sizeof(tx)))
		return -EFAULT;
	/* reading the slew that is left is nobody's privilege */
	if (tx.modes && tx.modes != ADJ_OFFSET_SS_READ && !capable(CAP_SYS_TIME))
		return -EPERM;
	state = clock_adjust(&tx);
	if (state >= 0 && copy_to_user(utx, &tx, sizeof(tx)))
		return -EFAULT;
	return state;
}

SYSCALL1(adjtimex, struct uptr, utx)
{
	return adjust(utx);
}

SYSCALL2(clock_adjtime, int, id, struct uptr, utx)
{
	s64 now;

	if (id == CLOCK_REALTIME)
		return adjust(utx);
	return clock_read(id, &now) ? -EINVAL : -EOPNOTSUPP;
}

static enum timer_clock sleep_clock(int id)
{
	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_ALARM: return TIMER_REALTIME;
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM: return TIMER_BOOTTIME;
	case CLOCK_TAI: return TIMER_TAI;
	default: return TIMER_MONOTONIC;
	}
}

/* Until @deadline of @clock: 0, or -EINTR-like when a signal came first. */
static s64 sleep_until(enum timer_clock clock, u64 deadline)
{
	u64 slack = task_current()->timer_slack_ns;
	s64 ret = 0;

	for (;;) {
		thread_prepare_wait(THREAD_SLEEP_INTR);
		if (thread_signal_pending()) {
			ret = -ERESTARTNOHAND;
			break;
		}
		if (!schedule_clock(clock, deadline, slack))
			break;
	}
	thread_finish_wait();
	return ret;
}

/* args: deadline, where to report what is left, the clock */
static s64 sleep_restart(struct restart_block *rb)
{
	enum timer_clock clock = (enum timer_clock)rb->args[2];
	s64 ret = sleep_until(clock, rb->args[0]);
	u64 now;

	if (!ret)
		return 0;
	now = clock == TIMER_BOOTTIME ? clock_boottime() : clock_monotonic();
	if (now >= rb->args[0])
		return 0;
	if (rb->args[1] && timespec_to_user(uptr_make(rb->args[1]), rb->args[0] - now))
		return -EFAULT;
	return -ERESTART_RESTARTBLOCK;
}

/* A relative sleep does not notice when the clock is set, so that CLOCK_REALTIME is as good as CLOCK_MONOTONIC. */
static s64 sleep_relative(enum timer_clock clock, u64 ns, struct uptr urem)
{
	struct restart_block *rb = &task_current()->restart;
	u64 now;

	if (clock != TIMER_BOOTTIME)
		clock = TIMER_MONOTONIC;
	now = clock == TIMER_BOOTTIME ? clock_boottime() : clock_monotonic();
	rb->fn = sleep_restart;
	rb->args[0] = ns > ~0ull - 1 - now ? ~0ull - 1 : now + ns;
	rb->args[1] = urem.va;
	rb->args[2] = clock;
	return sleep_restart(rb);
}

SYSCALL2(nanosleep, struct uptr, ureq, struct uptr, urem)
{
	u64 ns;
	int err = timespec_from_user(&ns, ureq);

	return err ? err : sleep_relative(TIMER_MONOTONIC, ns, urem);
}

/* The low bits of a negative clock: a processor clock of a kind, or a device's (3), of which there is none. */
#define CLOCK_KIND  7
#define CLOCK_OF_FD 3

SYSCALL4(clock_nanosleep, int, id, int, flags, struct uptr, ureq, struct uptr, urem)
{
	u64 ns;
	int err;

	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
	case CLOCK_TAI: break;
	case CLOCK_THREAD_CPUTIME_ID:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE: return -EOPNOTSUPP;
	default:
		if (id >= 0 && id != CLOCK_PROCESS_CPUTIME_ID)
			return -EINVAL;
		if (id < 0 && (id & CLOCK_KIND) == CLOCK_OF_FD)
			return -EOPNOTSUPP;
		err = timespec_from_user(&ns, ureq);
		return err ? err : cpu_clock_sleep(id, flags & TIMER_ABSTIME, ns, urem);
	}
	err = timespec_from_user(&ns, ureq);
	if (!err && (id == CLOCK_REALTIME_ALARM || id == CLOCK_BOOTTIME_ALARM))
		err = flags & ~TIMER_ABSTIME ? -EINVAL : capable(CAP_WAKE_ALARM) ? 0 : -EPERM;
	if (err)
		return err;
	if (flags & TIMER_ABSTIME) {
		s64 now;

		/* Who keeps a rhythm and is late, asks for the past: no timer for that. */
		err = clock_read(id, &now);
		return err || now >= (s64)ns ? err : sleep_until(sleep_clock(id), ns);
	}
	return sleep_relative(sleep_clock(id), ns, urem);
}
