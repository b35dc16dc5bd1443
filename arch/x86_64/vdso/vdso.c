/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shared object that the kernel maps into every process: clocks without a system call [man vdso(7)].
 *
 * The kernel's page of clock data lies just before the image (vdso.lds: vvar). A reader takes a sequence number, computes, and starts again if the number
 * was odd or has changed. What the page cannot answer becomes the system call. Compiled on its own, as user code.
 */
#include <asm/unistd.h>
#include <linux/time.h>
#include <lib/types.h>
#include <time/vvar.h>

#define NSEC_PER_SEC 1000000000ull
#define COARSE_RES_NS 4000000
#define CPU_NUMBER_SELECTOR 0x7b

extern const volatile struct vvar vvar __attribute__((visibility("hidden")));

static inline long system_call2(long nr, long a, long b)
{
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "0"(nr), "D"(a), "S"(b) : "rcx", "r11", "memory");
	return ret;
}

static inline u64 counter(void)
{
	u32 lo, hi;

	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
	return lo | (u64)hi << 32;
}

/* A base of the page, brought to now. False: make the system call. */
static inline bool read_clock(const volatile s64 *base, const volatile u32 *mult, u64 *out_ns)
{
	u32 seq;

	do {
		u64 now, last;

		while ((seq = vvar.seq) & 1)
			__asm__ volatile("pause" ::: "memory");
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (vvar.mode != 1)
			return false;
		last = vvar.cycle_last;
		now = counter();
		/* Another CPU's counter may be a little behind the one that wrote the page. */
		now = now > last ? now - last : 0;
		*out_ns = (u64)*base + (u64)((unsigned __int128)now * *mult >> vvar.shift);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (vvar.seq != seq);
	return true;
}

static inline u64 read_coarse(const volatile s64 *base)
{
	u64 ns;
	u32 seq;

	do {
		while ((seq = vvar.seq) & 1)
			__asm__ volatile("pause" ::: "memory");
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		ns = (u64)*base;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (vvar.seq != seq);
	return ns;
}

static bool get_ns(int clock, u64 *out_ns)
{
	switch (clock) {
	case CLOCK_REALTIME: return read_clock(&vvar.realtime_ns, &vvar.mult, out_ns);
	case CLOCK_MONOTONIC: return read_clock(&vvar.monotonic_ns, &vvar.mult, out_ns);
	case CLOCK_BOOTTIME: return read_clock(&vvar.boottime_ns, &vvar.mult, out_ns);
	case CLOCK_TAI: return read_clock(&vvar.tai_ns, &vvar.mult, out_ns);
	case CLOCK_MONOTONIC_RAW: return read_clock(&vvar.raw_ns, &vvar.raw_mult, out_ns);
	case CLOCK_REALTIME_COARSE: *out_ns = read_coarse(&vvar.realtime_coarse_ns); return true;
	case CLOCK_MONOTONIC_COARSE: *out_ns = read_coarse(&vvar.monotonic_coarse_ns); return true;
	default: return false;
	}
}

int __vdso_clock_gettime(int clock, struct __kernel_timespec *ts);
int __vdso_clock_gettime(int clock, struct __kernel_timespec *ts)
{
	u64 ns;

	if (!get_ns(clock, &ns))
		return (int)system_call2(__NR_clock_gettime, clock, (long)ts);
	ts->tv_sec = (long long)(ns / NSEC_PER_SEC);
	ts->tv_nsec = (long long)(ns % NSEC_PER_SEC);
	return 0;
}

int __vdso_gettimeofday(struct __kernel_old_timeval *tv, struct timezone *tz);
int __vdso_gettimeofday(struct __kernel_old_timeval *tv, struct timezone *tz)
{
	u64 ns;

	if (tv) {
		if (!read_clock(&vvar.realtime_ns, &vvar.mult, &ns))
			return (int)system_call2(__NR_gettimeofday, (long)tv, (long)tz);
		tv->tv_sec = (long)(ns / NSEC_PER_SEC);
		tv->tv_usec = (long)(ns % NSEC_PER_SEC / 1000);
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
	long t = (long)(read_coarse(&vvar.realtime_coarse_ns) / NSEC_PER_SEC);

	if (out)
		*out = t;
	return t;
}

int __vdso_clock_getres(int clock, struct __kernel_timespec *res);
int __vdso_clock_getres(int clock, struct __kernel_timespec *res)
{
	bool coarse = clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE;

	if (!coarse && clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_RAW && clock != CLOCK_BOOTTIME &&
		clock != CLOCK_TAI)
		return (int)system_call2(__NR_clock_getres, clock, (long)res);
	if (res) {
		res->tv_sec = 0;
		res->tv_nsec = coarse ? COARSE_RES_NS : 1;
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
