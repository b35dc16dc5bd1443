/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shared object that the kernel maps into every process: clocks without a system call [man vdso(7)].
 *
 * The kernel's page of clock data lies just before the image (vdso.lds: vvar). A reader takes a sequence number, computes, and starts again if the number
 * was odd or has changed. What the page cannot answer becomes the system call. Compiled on its own, as user code.
 */
#include <asm/unistd.h>
#include <linux/time.h>
#include <lib/compiler.h>
#include <lib/types.h>
#include <time/vvar.h>

#define NSEC_PER_SEC 1000000000ull
#define COARSE_RES_NS 4000000
#define CPU_NUMBER_SELECTOR 0x7b
#define FINE_CLOCKS                                                                           \
	(1u << CLOCK_REALTIME | 1u << CLOCK_MONOTONIC | 1u << CLOCK_MONOTONIC_RAW | 1u << CLOCK_BOOTTIME | 1u << CLOCK_TAI)
#define COARSE_CLOCKS (1u << CLOCK_REALTIME_COARSE | 1u << CLOCK_MONOTONIC_COARSE)

extern const volatile struct vvar vvar __attribute__((visibility("hidden")));

static inline long system_call2(long nr, long a, long b)
{
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "0"(nr), "D"(a), "S"(b) : "rcx", "r11", "memory");
	return ret;
}

static inline u64 counter(void)
{
	u64 lo, hi;

	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
	return lo | hi << 32;
}

static inline u32 read_begin(void)
{
	u32 seq;

	while (unlikely((seq = vvar.seq) & 1))
		__asm__ volatile("pause" ::: "memory");
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return seq;
}

static inline bool read_retry(u32 seq)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return unlikely(vvar.seq != seq);
}

/* One of FINE_CLOCKS, brought to now. */
static inline struct vvar_clock read_fine(unsigned clock)
{
	struct vvar_clock t;
	u64 since, mult;
	u32 seq;

	do {
		seq = read_begin();
		/* Another CPU's counter may be a little behind the one that wrote the page. */
		if (unlikely(__builtin_sub_overflow(counter(), vvar.cycle_last, &since)))
			since = 0;
		mult = unlikely(clock == CLOCK_MONOTONIC_RAW) ? vvar.raw_mult : vvar.mult;
		t = (struct vvar_clock){vvar.clock[clock].sec, vvar.clock[clock].ns};
	} while (read_retry(seq));
	t.ns += (u64)((unsigned __int128)since * mult >> 32);
	if (unlikely(t.ns >= NSEC_PER_SEC)) {
		t.sec += t.ns / NSEC_PER_SEC;
		t.ns %= NSEC_PER_SEC;
	}
	return t;
}

static inline struct vvar_clock read_coarse(unsigned clock)
{
	struct vvar_clock t;
	u32 seq;

	do {
		seq = read_begin();
		t = (struct vvar_clock){vvar.clock[clock].sec, vvar.clock[clock].ns};
	} while (read_retry(seq));
	return t;
}

int __vdso_clock_gettime(int clock, struct __kernel_timespec *ts);
int __vdso_clock_gettime(int clock, struct __kernel_timespec *ts)
{
	u32 bit = (unsigned)clock < VVAR_CLOCKS ? 1u << clock : 0;
	struct vvar_clock t;

	if (likely(bit & FINE_CLOCKS))
		t = read_fine((unsigned)clock);
	else if (bit & COARSE_CLOCKS)
		t = read_coarse((unsigned)clock);
	else
		return (int)system_call2(__NR_clock_gettime, clock, (long)ts);
	ts->tv_sec = (long long)t.sec;
	ts->tv_nsec = (long long)t.ns;
	return 0;
}

int __vdso_gettimeofday(struct __kernel_old_timeval *tv, struct timezone *tz);
int __vdso_gettimeofday(struct __kernel_old_timeval *tv, struct timezone *tz)
{
	if (tv) {
		struct vvar_clock t = read_fine(CLOCK_REALTIME);

		tv->tv_sec = (long)t.sec;
		tv->tv_usec = (u32)t.ns / 1000;
	}
	if (tz) {
		tz->tz_minuteswest = vvar.tz_minuteswest;
		tz->tz_dsttime = vvar.tz_dsttime;
	}
	return 0;
}

long __vdso_time(long *out);
long __vdso_time(long *out)
{
	/* One word is always whole: no sequence number. */
	long t = (long)vvar.clock[CLOCK_REALTIME_COARSE].sec;

	if (out)
		*out = t;
	return t;
}

int __vdso_clock_getres(int clock, struct __kernel_timespec *res);
int __vdso_clock_getres(int clock, struct __kernel_timespec *res)
{
	u32 bit = (unsigned)clock < VVAR_CLOCKS ? 1u << clock : 0;

	if (!(bit & (FINE_CLOCKS | COARSE_CLOCKS)))
		return (int)system_call2(__NR_clock_getres, clock, (long)res);
	if (res) {
		res->tv_sec = 0;
		res->tv_nsec = bit & COARSE_CLOCKS ? COARSE_RES_NS : 1;
	}
	return 0;
}

/* The limit of a segment that nobody uses otherwise: node << 12 | cpu. */
long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);
long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
	unsigned limit;

	__asm__ volatile("lsl %1, %0" : "=r"(limit) : "r"(CPU_NUMBER_SELECTOR));
	if (cpu)
		*cpu = limit & 0xfff;
	if (node)
		*node = limit >> 12;
	return 0;
}
