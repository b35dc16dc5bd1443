/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * adjtimex(2): discipline of the clock.
 *
 * The clock runs at rate = tick + freq + slew. tick and freq are what user space set; slew is the
 * part of a pending offset (ADJ_OFFSET's phase lock, or adjtime's single shot) that the coming second
 * takes. Each second: the offset loses offset / 2^(4 + constant) (phase lock) or up to 500 us (single
 * shot), as [rfc5905 11.3] and [man adjtime(3)] have it; a leap second is inserted or deleted at the
 * end of the UTC day.
 *
 * Locking: everything under the clock lock.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <arch/cpu.h>
#include <linux/timex.h>
#include <time/timer.h>
#include "clock_impl.h"

#define SLEW_MAX_NS    500000ll /* adjtime: per second */
#define TICK_USEC      10000	/* nominal: USER_HZ 100 */
#define FREQ_MAX_16    (500ll << 16) /* ppm */
#define OFFSET_MAX_NS  500000000ll
#define CONSTANT_MAX   10
#define ERROR_MAX_USEC 16000000
#define DAY	       86400
/* [man adjtimex(2)] ADJ_OFFSET_SINGLESHOT is ADJTIME | 1, ADJ_OFFSET_SS_READ ADJTIME | READ | 1. */
#define MODE_ADJTIME   0x8000u
#define MODE_READ      0x2000u

static struct {
	s64 freq_16;	  /* ppm, 2^-16 */
	s64 tick_usec;
	s64 offset_ns;	  /* phase lock: still to be slewed */
	s64 single_ns;	  /* adjtime: still to be slewed */
	s64 slew_ns;	  /* what this second takes of both */
	s64 constant;
	s64 max_error, est_error;
	int status;
	int state;
	s64 last_update;  /* second of the last ADJ_OFFSET, for the frequency lock */
	bool leap_pending;
	s64 leap_second;  /* the second at which the day ends */
} ntp = {.tick_usec = TICK_USEC, .constant = 2, .max_error = ERROR_MAX_USEC,
	.est_error = ERROR_MAX_USEC, .status = STA_UNSYNC, .state = TIME_OK};

static void apply_rate_locked(void)
{
	s64 tick_ns = (ntp.tick_usec - TICK_USEC) * 100 * 1000; /* per second */

	/* 1 ppm is 1000 ns per second; both have 16 bits of fraction. */
	clock_set_rate_locked(((tick_ns + ntp.slew_ns) << 16) + ntp.freq_16 * 1000);
}

static void leap_arm_locked(s64 second)
{
	ntp.leap_pending = ntp.status & (STA_INS | STA_DEL);
	if (!ntp.leap_pending) {
		ntp.state = TIME_OK;
		return;
	}
	ntp.state = ntp.status & STA_INS ? TIME_INS : TIME_DEL;
	ntp.leap_second = second - second % DAY + DAY;
}

static bool leap_second_locked(s64 second)
{
	s32 tai = clock_tai_offset_locked();

	if (ntp.state == TIME_OOP && second >= ntp.leap_second)
		ntp.state = TIME_WAIT;
	if (ntp.state == TIME_WAIT && !(ntp.status & (STA_INS | STA_DEL)))
		ntp.state = TIME_OK;
	if (!ntp.leap_pending)
		return false;
	if (ntp.state == TIME_INS && second >= ntp.leap_second) {
		clock_step_locked(-NSEC_PER_SEC, tai + 1); /* 23:59:59 once more */
		ntp.state = TIME_OOP;
	} else if (ntp.state == TIME_DEL && second >= ntp.leap_second - 1) {
		clock_step_locked(NSEC_PER_SEC, tai - 1);
		ntp.state = TIME_WAIT;
	} else {
		return false;
	}
	ntp.leap_pending = false;
	return true;
}

bool adjust_second_locked(s64 second)
{
	bool jumped = leap_second_locked(second);
	s64 phase = 0, single;

	ntp.max_error = min(ntp.max_error + 500, (s64)ERROR_MAX_USEC);
	if (ntp.max_error >= ERROR_MAX_USEC)
		ntp.status |= STA_UNSYNC;
	if (ntp.offset_ns) {
		phase = ntp.offset_ns / (1ll << (4 + ntp.constant));
		if (!phase)
			phase = ntp.offset_ns;
		ntp.offset_ns -= phase;
	}
	single = clamp(ntp.single_ns, -SLEW_MAX_NS, SLEW_MAX_NS);
	ntp.single_ns -= single;
	ntp.slew_ns = phase + single;
	apply_rate_locked();
	return jumped;
}

bool adjust_is_active_locked(void)
{
	return ntp.offset_ns || ntp.single_ns || ntp.slew_ns || ntp.leap_pending ||
		ntp.state == TIME_OOP;
}

void adjust_clear_locked(void)
{
	ntp.offset_ns = ntp.single_ns = ntp.slew_ns = 0;
	ntp.status |= STA_UNSYNC;
	ntp.max_error = ntp.est_error = ERROR_MAX_USEC;
	leap_arm_locked(clock_realtime_locked() / NSEC_PER_SEC);
	apply_rate_locked();
}

/* ADJ_OFFSET: hybrid of phase and frequency lock. */
static void set_offset_locked(s64 offset_ns)
{
	s64 now = clock_realtime_locked() / NSEC_PER_SEC;
	s64 interval = now - ntp.last_update;

	if (!(ntp.status & STA_PLL))
		return;
	offset_ns = clamp(offset_ns, -OFFSET_MAX_NS, OFFSET_MAX_NS);
	if (!(ntp.status & STA_FREQHOLD) && ntp.last_update && interval > 0) {
		/* ppm_16 = ns / s * 2^16 / 1000, with gain 2^-(2 * (2 + constant)) per second. */
		s64 seconds = min(interval, 1ll << (4 + ntp.constant));
		s64 gain = 2 * (2 + ntp.constant);

		ntp.freq_16 += ((offset_ns * seconds / 1000) * 65536) >> gain;
		ntp.freq_16 = clamp(ntp.freq_16, -FREQ_MAX_16, FREQ_MAX_16);
	}
	ntp.last_update = now;
	ntp.offset_ns = offset_ns;
}

static int check(const struct __kernel_timex *tx)
{
	if (tx->modes & MODE_ADJTIME)
		return tx->modes & ADJ_OFFSET ? 0 : -EINVAL;
	if ((tx->modes & ADJ_TICK) &&
		(tx->tick < TICK_USEC * 9 / 10 || tx->tick > TICK_USEC * 11 / 10))
		return -EINVAL;
	if (tx->modes & ADJ_SETOFFSET) {
		s64 limit = tx->modes & ADJ_NANO ? NSEC_PER_SEC : 1000000;

		if (tx->time.tv_usec < 0 || tx->time.tv_usec >= limit)
			return -EINVAL;
	}
	return 0;
}

/* True: REALTIME jumped. */
static bool apply_locked(const struct __kernel_timex *tx)
{
	bool jumped = false;

	if (tx->modes & ADJ_SETOFFSET) {
		s64 delta = tx->time.tv_sec * NSEC_PER_SEC +
			tx->time.tv_usec * (tx->modes & ADJ_NANO ? 1 : 1000);

		clock_step_locked(delta, clock_tai_offset_locked());
		jumped = true;
	}
	if (tx->modes & ADJ_STATUS) {
		bool had_leap = ntp.status & (STA_INS | STA_DEL);

		if ((ntp.status & STA_PLL) && !(tx->status & STA_PLL))
			ntp.last_update = 0;
		ntp.status = (ntp.status & STA_RONLY) | (tx->status & ~STA_RONLY);
		if (had_leap || (ntp.status & (STA_INS | STA_DEL)))
			leap_arm_locked(clock_realtime_locked() / NSEC_PER_SEC);
	}
	if (tx->modes & ADJ_NANO)
		ntp.status |= STA_NANO;
	if (tx->modes & ADJ_MICRO)
		ntp.status &= ~STA_NANO;
	if (tx->modes & ADJ_FREQUENCY)
		ntp.freq_16 = clamp((s64)tx->freq, -FREQ_MAX_16, FREQ_MAX_16);
	if (tx->modes & ADJ_MAXERROR)
		ntp.max_error = clamp((s64)tx->maxerror, 0ll, (s64)ERROR_MAX_USEC);
	if (tx->modes & ADJ_ESTERROR)
		ntp.est_error = clamp((s64)tx->esterror, 0ll, (s64)ERROR_MAX_USEC);
	if (tx->modes & ADJ_TIMECONST) {
		ntp.constant = clamp((s64)tx->constant, 0ll, (s64)CONSTANT_MAX);
		if (!(ntp.status & STA_NANO))
			ntp.constant = min(ntp.constant + 4, (s64)CONSTANT_MAX);
	}
	if ((tx->modes & ADJ_TAI) && tx->constant >= 0 && tx->constant <= 100000)
		clock_step_locked(0, (s32)tx->constant);
	if (tx->modes & ADJ_OFFSET)
		set_offset_locked(tx->offset * (ntp.status & STA_NANO ? 1 : 1000));
	if (tx->modes & ADJ_TICK)
		ntp.tick_usec = tx->tick;
	apply_rate_locked();
	return jumped;
}

static void fill_locked(struct __kernel_timex *tx)
{
	s64 unit = ntp.status & STA_NANO ? 1 : 1000, now = clock_realtime_locked();

	tx->offset = ntp.offset_ns / unit;
	tx->freq = ntp.freq_16;
	tx->maxerror = ntp.max_error;
	tx->esterror = ntp.est_error;
	tx->status = ntp.status;
	tx->constant = ntp.constant;
	tx->precision = 1;
	tx->tolerance = FREQ_MAX_16;
	tx->time.tv_sec = now / NSEC_PER_SEC;
	tx->time.tv_usec = now % NSEC_PER_SEC / unit;
	tx->tick = ntp.tick_usec;
	tx->ppsfreq = tx->jitter = tx->stabil = tx->jitcnt = 0;
	tx->calcnt = tx->errcnt = tx->stbcnt = tx->shift = 0;
	tx->tai = clock_tai_offset_locked();
}

int clock_adjust(struct __kernel_timex *tx)
{
	bool jumped = false, active;
	int ret = check(tx);
	irqflags_t flags;
	s64 old_single;

	if (ret)
		return ret;
	flags = clock_lock();
	clock_update_locked();
	old_single = ntp.single_ns;
	if (!(tx->modes & MODE_ADJTIME))
		jumped = apply_locked(tx);
	else if (!(tx->modes & MODE_READ))
		ntp.single_ns = tx->offset * 1000;
	ret = ntp.status & (STA_UNSYNC | STA_CLOCKERR) ? TIME_ERROR : ntp.state;
	active = adjust_is_active_locked();
	fill_locked(tx);
	if (tx->modes & MODE_ADJTIME)
		tx->offset = old_single / 1000;
	clock_unlock(flags);
	if (jumped)
		timer_clock_changed();
	if (active)
		clock_start_seconds();
	return ret;
}
