/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clocks.
 *
 *	monotonic = mono_ns + ((counter - cycle_last) * mult >> 32)
 *
 * and realtime, TAI and boottime are that plus an offset. clock_update_locked moves cycle_last to
 * now, keeping the fraction of a nanosecond that the readers' formula drops, so that no reader sees
 * time go back: floor(a) + floor(b) <= floor(a + b). The rate (mult) changes only there.
 *
 * The product has 128 bits, here and in the vDSO, and never overflows.
 *
 * Locking: writers take clock_spin with interrupts off and write `ck` and the vvar page under their
 * sequence counts. Readers take nothing.
 */
#include <time/clock.h>
#include <time/timer.h>
#include <time/vvar.h>
#include <lib/errno.h>
#include <linux/time.h>
#include <arch/elf.h>
#include <debug/log.h>
#include <sync/seqlock.h>
#include <sync/spinlock.h>
#include "clock_impl.h"

LOCK_CLASS(clock, RANK_TIMER + 1, "the bases of the clocks");
static struct spinlock clock_spin = SPINLOCK_INIT(clock);

static struct {
	struct seqcount seq;
	u64 cycle_last;
	u64 mult;		/* sched_clock_mult, slewed */
	u64 mono_ns, mono_frac; /* frac: in units of 2^-32 ns */
	u64 raw_ns, raw_frac;
	s64 real_off;		/* realtime - monotonic */
	s64 boot_off;		/* boottime - monotonic: time suspended */
	s32 tai_off;		/* seconds */
	s64 ntp_second;		/* the last second told to adjust.c */
	u64 coarse_ns;		/* monotonic at the last update */
	s32 tz_minuteswest, tz_dsttime;
} ck;

u64 sched_clock_mult, sched_clock_base;
static u64 counter_per_ns;	/* 32.32 */
static struct timer second_timer;

static inline u64 scale(u64 delta, u64 mult)
{
	return (u64)((unsigned __int128)delta * mult >> 32);
}

/* Another CPU may have moved cycle_last past what this one has read. */
static inline u64 cycles_since(u64 last)
{
	u64 now = arch_counter();

	return likely(now > last) ? now - last : 0;
}

u64 clock_monotonic(void)
{
	u64 ns;
	u32 seq;

	do {
		seq = seq_begin(&ck.seq);
		ns = READ_ONCE(ck.mono_ns) +
			scale(cycles_since(READ_ONCE(ck.cycle_last)), READ_ONCE(ck.mult));
	} while (seq_retry(&ck.seq, seq));
	return ns;
}

static s64 monotonic_plus(const s64 *offset)
{
	s64 ns;
	u32 seq;

	do {
		seq = seq_begin(&ck.seq);
		ns = (s64)(READ_ONCE(ck.mono_ns) +
			scale(cycles_since(READ_ONCE(ck.cycle_last)), READ_ONCE(ck.mult)));
		ns += READ_ONCE(*offset);
	} while (seq_retry(&ck.seq, seq));
	return ns;
}

u64 clock_boottime(void)
{
	return (u64)monotonic_plus(&ck.boot_off);
}

s64 clock_realtime(void)
{
	return monotonic_plus(&ck.real_off);
}

s64 clock_tai(void)
{
	u32 seq;
	s64 ns;
	s32 tai;

	do {
		seq = seq_begin(&ck.seq);
		tai = READ_ONCE(ck.tai_off);
		ns = monotonic_plus(&ck.real_off);
	} while (seq_retry(&ck.seq, seq));
	return ns + tai * NSEC_PER_SEC;
}

u64 clock_monotonic_raw(void)
{
	u64 ns;
	u32 seq;

	do {
		seq = seq_begin(&ck.seq);
		ns = READ_ONCE(ck.raw_ns) +
			scale(cycles_since(READ_ONCE(ck.cycle_last)), sched_clock_mult);
	} while (seq_retry(&ck.seq, seq));
	return ns;
}

u64 clock_monotonic_coarse(void)
{
	return READ_ONCE(ck.coarse_ns);
}

s64 clock_realtime_coarse(void)
{
	u32 seq;
	s64 ns;

	do {
		seq = seq_begin(&ck.seq);
		ns = (s64)READ_ONCE(ck.coarse_ns) + READ_ONCE(ck.real_off);
	} while (seq_retry(&ck.seq, seq));
	return ns;
}

u64 clock_counter_at(u64 ns)
{
	u64 base, cycle, delta;
	u32 seq;

	do {
		seq = seq_begin(&ck.seq);
		base = READ_ONCE(ck.mono_ns);
		cycle = READ_ONCE(ck.cycle_last);
	} while (seq_retry(&ck.seq, seq));
	if (ns <= base)
		return cycle;
	delta = min(ns - base, 3600ull * NSEC_PER_SEC); /* the timer arms again */
	return cycle + (u64)((unsigned __int128)delta * counter_per_ns >> 32) + 1;
}

irqflags_t clock_lock(void)
{
	irqflags_t flags = spin_lock_irqsave(&clock_spin);

	seq_write_begin(&ck.seq);
	return flags;
}

static void vvar_set(struct vvar *v, int clock, u64 ns)
{
	WRITE_ONCE(v->clock[clock].sec, ns / NSEC_PER_SEC);
	WRITE_ONCE(v->clock[clock].ns, ns % NSEC_PER_SEC);
}

/* Copy everything to the page of the vDSO. */
static void vvar_publish(void)
{
	struct vvar *v = arch_vdso_data();

	if (!v)
		return;
	WRITE_ONCE(v->seq, v->seq + 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	WRITE_ONCE(v->cycle_last, ck.cycle_last);
	WRITE_ONCE(v->mult, ck.mult);
	WRITE_ONCE(v->raw_mult, sched_clock_mult);
	vvar_set(v, CLOCK_MONOTONIC, ck.mono_ns);
	vvar_set(v, CLOCK_REALTIME, ck.mono_ns + (u64)ck.real_off);
	vvar_set(v, CLOCK_BOOTTIME, ck.mono_ns + (u64)ck.boot_off);
	vvar_set(v, CLOCK_TAI, ck.mono_ns + (u64)(ck.real_off + ck.tai_off * NSEC_PER_SEC));
	vvar_set(v, CLOCK_MONOTONIC_RAW, ck.raw_ns);
	vvar_set(v, CLOCK_MONOTONIC_COARSE, ck.coarse_ns);
	vvar_set(v, CLOCK_REALTIME_COARSE, ck.coarse_ns + (u64)ck.real_off);
	WRITE_ONCE(v->tz_minuteswest, ck.tz_minuteswest);
	WRITE_ONCE(v->tz_dsttime, ck.tz_dsttime);
	STORE_RELEASE(v->seq, v->seq + 1);
}

void clock_unlock(irqflags_t flags)
{
	vvar_publish();
	seq_write_end(&ck.seq);
	spin_unlock_irqrestore(&clock_spin, flags);
}

static void advance(u64 *ns, u64 *frac, u64 delta, u64 mult)
{
	unsigned __int128 sum = (unsigned __int128)delta * mult + *frac;

	WRITE_ONCE(*ns, *ns + (u64)(sum >> 32));
	*frac = (u32)sum;
}

void clock_update_locked(void)
{
	u64 delta = cycles_since(ck.cycle_last);

	advance(&ck.mono_ns, &ck.mono_frac, delta, ck.mult);
	advance(&ck.raw_ns, &ck.raw_frac, delta, sched_clock_mult);
	WRITE_ONCE(ck.cycle_last, ck.cycle_last + delta);
	WRITE_ONCE(ck.coarse_ns, ck.mono_ns);
}

s64 clock_realtime_locked(void)
{
	return (s64)ck.mono_ns + ck.real_off;
}

void clock_set_rate_locked(s64 ns_per_s_16)
{
	/* At most 10 % of a second: the fraction of 36 bits fits into 64. */
	s64 fraction = (ns_per_s_16 << 20) / NSEC_PER_SEC;
	s64 change = (s64)((__int128)sched_clock_mult * fraction >> 36);

	WRITE_ONCE(ck.mult, sched_clock_mult + (u64)change);
}

void clock_step_locked(s64 delta_ns, s32 tai)
{
	WRITE_ONCE(ck.real_off, ck.real_off + delta_ns);
	WRITE_ONCE(ck.tai_off, tai);
}

/* Tell adjust.c of the seconds that have begun. True: realtime jumped. */
static bool seconds_locked(void)
{
	s64 second = clock_realtime_locked() / NSEC_PER_SEC;
	bool jumped = false;

	/* After a long sleep without slewing the seconds in between do not matter. */
	if (second - ck.ntp_second > 4 || second < ck.ntp_second)
		ck.ntp_second = second - 1;
	while (ck.ntp_second < second)
		jumped |= adjust_second_locked(++ck.ntp_second);
	return jumped;
}

static void second_timer_fn(struct timer *t)
{
	irqflags_t flags = clock_lock();
	bool jumped, again;
	u64 next;

	clock_update_locked();
	jumped = seconds_locked();
	again = adjust_is_active_locked();
	next = ck.mono_ns + NSEC_PER_SEC - (u64)(clock_realtime_locked() % NSEC_PER_SEC);
	clock_unlock(flags);
	if (jumped)
		timer_clock_changed();
	if (again)
		timer_arm(t, next, 0);
}

void clock_tick(u64 mono)
{
	irqflags_t flags;
	bool jumped = false;

	if ((s64)(mono - READ_ONCE(ck.coarse_ns)) < CLOCK_COARSE_RES_NS / 2 ||
		READ_ONCE(clock_spin.locked))
		return;
	flags = clock_lock();
	clock_update_locked();
	if (!adjust_is_active_locked()) /* else the timer does it exactly */
		jumped = seconds_locked();
	clock_unlock(flags);
	if (jumped)
		timer_clock_changed();
}

int clock_set_realtime(s64 ns)
{
	irqflags_t flags;

	if (ns < 0 || ns / NSEC_PER_SEC > S64_MAX / NSEC_PER_SEC - 30ll * 365 * 86400)
		return -EINVAL;
	flags = clock_lock();
	clock_update_locked();
	if (ns < (s64)ck.mono_ns) { /* the machine did not boot before the epoch */
		clock_unlock(flags);
		return -EINVAL;
	}
	adjust_clear_locked();
	clock_step_locked(ns - clock_realtime_locked(), ck.tai_off);
	clock_unlock(flags);
	timer_clock_changed();
	return 0;
}

void clock_set_timezone(s32 minutes_west, s32 dst_time)
{
	irqflags_t flags = clock_lock();

	ck.tz_minuteswest = minutes_west;
	ck.tz_dsttime = dst_time;
	clock_unlock(flags);
}

void clock_get_timezone(s32 *out_minutes_west, s32 *out_dst_time)
{
	*out_minutes_west = READ_ONCE(ck.tz_minuteswest);
	*out_dst_time = READ_ONCE(ck.tz_dsttime);
}

/* adjust.c has something to slew: wake at each second from now on. */
void clock_start_seconds(void)
{
	if (!timer_is_armed(&second_timer))
		timer_arm(&second_timer, clock_monotonic() + NSEC_PER_SEC / 2, 0);
}

s32 clock_tai_offset_locked(void)
{
	return ck.tai_off;
}

void clock_init(void)
{
	u64 hz = arch_counter_hz();
	irqflags_t flags = clock_lock();

	ck.cycle_last = arch_counter();
	sched_clock_base = ck.cycle_last;
	ck.mult = sched_clock_mult = (((u64)NSEC_PER_SEC << 32) + hz / 2) / hz;
	counter_per_ns = ((hz << 26) / NSEC_PER_SEC) << 6; /* any hz below 2^38 */
	ck.real_off = (s64)arch_wall_clock_seconds() * NSEC_PER_SEC;
	ck.ntp_second = clock_realtime_locked() / NSEC_PER_SEC;
	clock_unlock(flags);
	timer_init(&second_timer, TIMER_MONOTONIC, second_timer_fn);
	klog(LOG_INFO, "clock: counter at %llu Hz", hz);
}
