/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The time-stamp counter's frequency, the local timer, and the battery clock.
 *
 * The frequency is what CPUID or the hypervisor says, else it is measured over CALIBRATE_MS against the best clock there is. The ends of the window
 * are read several times between two readings of the counter; the tightest one counts, so that a pause of the (virtual) CPU does not spoil it.
 */
#include <lib/string.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/mmu.h>
#include <arch/time.h>
#include <arch_x86/apic.h>
#include <arch_x86/feature.h>
#include <arch_x86/firmware.h>
#include <arch_x86/image.h>
#include <arch_x86/insn.h>
#include <arch_x86/time.h>
#include <debug/log.h>
#include <mm/kmap.h>

#define CALIBRATE_MS 5
#define PM_TIMER_HZ  3579545
#define PIT_HZ	     1193182
#define MHZ	     1000000ull

static u64 counter_hz RO_AFTER_INIT;
static u64 timer_mult RO_AFTER_INIT; /* local timer's counts per counter's count, 32.32 */
static volatile u64 *hpet;

struct reference {
	const char *name;
	u64 (*read)(void);
	u64 hz, mask;
};

struct sample {
	u64 counter, ref, apic;
};

/* a * b / c; the quotient fits. */
static u64 mul_div(u64 a, u64 b, u64 c)
{
	u64 quotient, rest;

	__asm__("mulq %3; divq %4" : "=a"(quotient), "=&d"(rest) : "0"(a), "r"(b), "r"(c) : "cc");
	return quotient;
}

u64 arch_counter_hz(void)
{
	return counter_hz;
}

static u64 read_hpet(void)
{
	return hpet[0xf0 / 8];
}

static u64 read_pm_timer(void)
{
	return firmware_read(&firmware.pm_timer);
}

/* Channel 2 counts down from 65535. */
static u64 read_pit(void)
{
	u8 lo;

	outb(0x43, 0x80);
	lo = inb(0x42);
	return 0xffffu - (lo | (u32)inb(0x42) << 8);
}

static void start_pit(void)
{
	outb(0x61, (u8)((inb(0x61) & ~2u) | 1));
	outb(0x43, 0xb0);
	outb(0x42, 0xff);
	outb(0x42, 0xff);
}

static bool use_hpet(struct reference *out)
{
	u64 femtoseconds;

	hpet = firmware.hpet ? vmap_device(firmware.hpet, PAGE_SIZE, PROT_R | PROT_W | PROT_UNCACHED) : NULL;
	if (!hpet)
		return false;
	femtoseconds = hpet[0] >> 32;
	if (femtoseconds < 100000 || femtoseconds > 100000000)
		return false;
	hpet[0x10 / 8] |= 1;
	*out = (struct reference){"HPET", read_hpet, 1000000000000000ull / femtoseconds, hpet[0] & 1 << 13 ? ~0ull : 0xffffffff};
	return true;
}

static struct reference find_reference(void)
{
	struct reference r;

	if (use_hpet(&r))
		return r;
	if (firmware.pm_timer.addr && firmware.pm_timer.is_io)
		return (struct reference){"PM timer", read_pm_timer, PM_TIMER_HZ, firmware.pm_timer_32bit ? 0xffffffff : 0xffffff};
	start_pit();
	return (struct reference){"PIT", read_pit, PIT_HZ, 0xffff};
}

static struct sample take_sample(const struct reference *r)
{
	struct sample best = {0};
	u64 width = ~0ull;

	for (int i = 0; i < 5; i++) {
		u64 before = arch_counter(), ref = r->read(), apic = apic_timer_read(), after = arch_counter();

		if (after - before >= width)
			continue;
		width = after - before;
		best = (struct sample){before + width / 2, ref, apic};
	}
	return best;
}

/* Within 20 millionths of a whole MHz: it is that. */
static u64 snap(u64 hz)
{
	u64 whole = (hz + MHZ / 2) / MHZ * MHZ;
	u64 off = hz > whole ? hz - whole : whole - hz;

	return off < hz / 50000 ? whole : hz;
}

static void measure(u64 *out_counter_hz, u64 *out_apic_hz)
{
	struct reference r = find_reference();
	struct sample a, b;
	u64 elapsed;

	apic_timer_set(0xffffffff);
	a = take_sample(&r);
	do {
		b.ref = r.read();
	} while (((b.ref - a.ref) & r.mask) < r.hz * CALIBRATE_MS / 1000);
	b = take_sample(&r);
	apic_timer_set(0);
	elapsed = (b.ref - a.ref) & r.mask;
	*out_counter_hz = snap(mul_div(b.counter - a.counter, r.hz, elapsed));
	*out_apic_hz = snap((a.apic - b.apic) * r.hz / elapsed);
	klog(LOG_INFO, "time: counter %llu kHz, local timer %llu kHz, by %s", *out_counter_hz / 1000, *out_apic_hz / 1000, r.name);
}

/* What is written down somewhere, in Hz; 0: nothing is. */
static u64 known_counter_hz(void)
{
	struct cpuid_regs r;

	if (cpu_has(F_HYPERVISOR) && cpuid(0x40000000, 0).a >= 0x40000010) {
		r = cpuid(0x40000010, 0);
		if (r.a)
			return r.a * 1000ull;
	}
	if (cpu_model.max_leaf >= 0x15) {
		r = cpuid(0x15, 0);
		if (r.a && r.b && r.c)
			return (u64)r.c * r.b / r.a;
		if (r.a && r.b && cpu_model.max_leaf >= 0x16 && cpuid(0x16, 0).a)
			return cpuid(0x16, 0).a * MHZ;
	}
	return 0;
}

void time_init(void)
{
	u64 apic_hz = 0, measured;

	counter_hz = known_counter_hz();
	if (!counter_hz || !cpu_has(F_TSC_DEADLINE)) {
		measure(&measured, &apic_hz);
		if (!counter_hz)
			counter_hz = measured;
	}
	timer_mult = mul_div(apic_hz, 1ull << 32, counter_hz);
}

void arch_timer_arm(u64 counter)
{
	u64 now, count;

	if (cpu_has(F_TSC_DEADLINE)) {
		wrmsr(MSR_TSC_DEADLINE, counter == ~0ull ? 0 : counter ? counter : 1);
		return;
	}
	if (counter == ~0ull) {
		apic_timer_set(0);
		return;
	}
	now = cpu_cycles();
	/* One more than computed: late by a count is right, early costs a second interrupt. Too far away: early, and armed again. */
	count = counter > now ? (u64)((unsigned __int128)(counter - now) * timer_mult >> 32) + 1 : 1;
	apic_timer_set(count > 0xffffffff ? 0xffffffff : (u32)count);
}

static u8 cmos(u8 reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

static unsigned from_bcd(u8 v, bool binary)
{
	return binary ? v : (v >> 4) * 10u + (v & 15);
}

/* Days from 1970-01-01 to a date of the Gregorian calendar; March is the first month of a year here. */
static u64 days_of(unsigned year, unsigned month, unsigned day)
{
	u64 y = year - (month <= 2), era_day = (153 * (month + (month > 2 ? -3u : 9u)) + 2) / 5 + day - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 + era_day - 719468;
}

struct cmos_time {
	u8 second, minute, hour, day, month, year, century;
};

static bool read_cmos(struct cmos_time *t)
{
	memset(t, 0, sizeof(*t));
	for (int i = 0; cmos(10) & 0x80; i++)
		if (i > 100000)
			return false;
	t->second = cmos(0);
	t->minute = cmos(2);
	t->hour = cmos(4);
	t->day = cmos(7);
	t->month = cmos(8);
	t->year = cmos(9);
	t->century = cmos(0x32);
	return true;
}

u64 arch_wall_clock_seconds(void)
{
	struct cmos_time t, again;
	u8 status = cmos(11);
	bool binary = status & 4, pm;
	unsigned hour, year, century, tries = 0;

	if (firmware.no_rtc || status == 0xff)
		return 0;
	do {
		if (!read_cmos(&t) || !read_cmos(&again) || tries++ > 10)
			return 0;
	} while (memcmp(&t, &again, sizeof(t)));
	pm = !(status & 2) && t.hour & 0x80;
	hour = from_bcd(t.hour & 0x7f, binary);
	if (!(status & 2))
		hour = hour % 12 + (pm ? 12 : 0);
	century = from_bcd(t.century, binary);
	year = from_bcd(t.year, binary) + (century >= 19 && century <= 29 ? century * 100 : 2000);
	if (from_bcd(t.month, binary) - 1 > 11 || from_bcd(t.day, binary) - 1 > 30 || hour > 23)
		return 0;
	return ((days_of(year, from_bcd(t.month, binary), from_bcd(t.day, binary)) * 24 + hour) * 60 + from_bcd(t.minute, binary)) * 60 +
		from_bcd(t.second, binary);
}
