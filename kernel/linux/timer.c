/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POSIX timers and interval timers: formats. The work is in kernel/proc/posix_timer.c.
 */
#include <linux/syscall.h>
#include <linux/time.h>
#include <asm/siginfo.h>
#include <mm/uaccess.h>
#include <proc/posix_timer.h>
#include <proc/signal.h>
#include "syscalls.h"

#define NS_PER_SEC 1000000000ull

static int MUST_CHECK spec_from_user(struct timer_spec *out, struct uptr p)
{
	int err = timespec_from_user(&out->interval, uptr_field(p, struct __kernel_itimerspec, it_interval));

	return err ? err : timespec_from_user(&out->value, uptr_field(p, struct __kernel_itimerspec, it_value));
}

static int MUST_CHECK spec_to_user(struct uptr p, const struct timer_spec *s)
{
	int err = timespec_to_user(uptr_field(p, struct __kernel_itimerspec, it_interval), s->interval);

	return err ? err : timespec_to_user(uptr_field(p, struct __kernel_itimerspec, it_value), s->value);
}

SYSCALL3(timer_create, int, clock, struct uptr, uev, struct uptr, uid)
{
	sigevent_t ev;
	s32 id;
	int err;

	if (!uptr_is_null(uev) && copy_from_user(&ev, uev, sizeof(ev)))
		return -EFAULT;
	err = posix_timer_create(clock, uptr_is_null(uev) ? NULL : &ev, &id);
	if (err)
		return err;
	if (user_store32(uid, (u32)id)) {
		err = posix_timer_delete(id);
		return err ? err : -EFAULT;
	}
	return 0;
}

SYSCALL4(timer_settime, s32, id, int, flags, struct uptr, unew, struct uptr, uold)
{
	struct timer_spec spec, old;
	int err;

	if (uptr_is_null(unew))
		return -EINVAL;
	err = spec_from_user(&spec, unew);
	if (!err)
		err = posix_timer_set(id, flags & TIMER_ABSTIME, &spec, uptr_is_null(uold) ? NULL : &old);
	if (!err && !uptr_is_null(uold))
		err = spec_to_user(uold, &old);
	return err;
}

SYSCALL2(timer_gettime, s32, id, struct uptr, ucur)
{
	struct timer_spec cur;
	int err = posix_timer_get(id, &cur);

	return err ? err : spec_to_user(ucur, &cur);
}

SYSCALL1(timer_getoverrun, s32, id)
{
	return posix_timer_overrun(id);
}

SYSCALL1(timer_delete, s32, id)
{
	return posix_timer_delete(id);
}

static int MUST_CHECK timeval_ns(const struct __kernel_old_timeval *tv, u64 *out)
{
	if (tv->tv_sec < 0 || (u64)tv->tv_usec >= 1000000)
		return -EINVAL;
	*out = (u64)tv->tv_sec > S64_MAX / NS_PER_SEC - 1 ? (u64)S64_MAX : (u64)tv->tv_sec * NS_PER_SEC + (u64)tv->tv_usec * 1000;
	return 0;
}

static struct __kernel_old_timeval ns_timeval(u64 ns)
{
	/* what is left is rounded up: a running timer never reads as zero */
	u64 us = DIV_ROUND_UP(ns, 1000);

	return (struct __kernel_old_timeval){.tv_sec = (long)(us / 1000000), .tv_usec = (long)(us % 1000000)};
}

static int MUST_CHECK itimer_to_user(struct uptr p, const struct timer_spec *s)
{
	struct __kernel_old_itimerval it = {.it_interval = ns_timeval(s->interval), .it_value = ns_timeval(s->value)};

	return copy_to_user(p, &it, sizeof(it));
}

SYSCALL3(setitimer, int, which, struct uptr, unew, struct uptr, uold)
{
	struct __kernel_old_itimerval it;
	struct timer_spec spec = {0}, old;
	int err;

	if (!uptr_is_null(unew)) {
		if (copy_from_user(&it, unew, sizeof(it)))
			return -EFAULT;
		err = timeval_ns(&it.it_interval, &spec.interval);
		if (!err)
			err = timeval_ns(&it.it_value, &spec.value);
		if (err)
			return err;
	}
	err = itimer_set(which, &spec, uptr_is_null(uold) ? NULL : &old);
	if (!err && !uptr_is_null(uold))
		err = itimer_to_user(uold, &old);
	return err;
}

SYSCALL2(getitimer, int, which, struct uptr, ucur)
{
	struct timer_spec cur;
	int err = itimer_get(which, &cur);

	return err ? err : itimer_to_user(ucur, &cur);
}

SYSCALL1(alarm, unsigned, seconds)
{
	struct timer_spec spec = {.value = seconds * NS_PER_SEC}, old;
	u64 left;
	int err = itimer_set(ITIMER_REAL, &spec, &old);

	if (err)
		return err;
	/* to the nearest second, but a running timer is never 0 */
	left = (old.value + NS_PER_SEC / 2) / NS_PER_SEC;
	return (s64)(old.value && !left ? 1 : left);
}
