/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Real undefined behaviour, compiled by the compiler under test, must arrive in the kernel's handlers with
 * the right words. The handlers of this program come before those of the compiler's library.
 */
#include <debug/log.h>
#include <debug/panic.h>
#include <lib/test.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char reported[512];
static int backtraces;

void klog(enum log_level level, const char *fmt, ...)
{
	va_list args;

	(void)level;
	va_start(args, fmt);
	vsnprintf(reported, sizeof(reported), fmt, args);
	va_end(args);
}

void print_backtrace(void)
{
	backtraces++;
}

void panic(const char *fmt, ...)
{
	(void)fmt;
	abort();
}

static void forget(void)
{
	reported[0] = '\0';
	backtraces = 0;
}

/* Exactly one report since forget(), of this file, with @what in it. */
static bool was_reported(const char *what)
{
	bool good = backtraces == 1 && strstr(reported, "UBSAN: ") && strstr(reported, "ubsan_test.c:") &&
		strstr(reported, what);

	if (!good)
		printf("    the report: %s\n", reported);
	return good;
}

static volatile int one = 1, big = 0x7fffffff, minus = -1, thirty_two = 32, index_nine = 9;
static volatile u64 sink;

TEST(ubsan_signed_overflow)
{
	forget();
	sink = (u64)(big + one);
	CHECK(was_reported("2147483647 + 1 overflows 'int'"));
	forget();
	sink = (u64)(-big - one - one);
	CHECK(was_reported(" - 1 overflows 'int'"));
	forget();
	sink = (u64)(big * big);
	CHECK(was_reported("2147483647 * 2147483647 overflows 'int'"));
}

TEST(ubsan_negation)
{
	volatile int least = -big - one;

	forget();
	sink = (u64)-least;
	CHECK(was_reported("-(-2147483648) overflows 'int'"));
}

TEST(ubsan_shift)
{
	forget();
	sink = (u64)(one << thirty_two);
	CHECK(was_reported("shift of 1 ('int') by 32"));
	forget();
	sink = (u64)(one << minus);
	CHECK(was_reported("by -1"));
}

static int table[8];

TEST(ubsan_index)
{
	/* Where it would point to is legal memory: only the index is not. */
	forget();
	int *beyond = &table[index_nine];
	OPAQUE(beyond);
	CHECK(was_reported("index 9 out of 'int"));
}

TEST(ubsan_misaligned)
{
	static u64 words[2];
	u64 *odd = (u64 *)((char *)words + 1);

	OPAQUE(odd);
	forget();
	sink = *odd;
	CHECK(was_reported("misaligned pointer"));
}

TEST(ubsan_bool)
{
	static unsigned char two = 2;
	volatile bool *lie = (volatile bool *)&two;

	OPAQUE(lie);
	forget();
	sink = *lie;
	CHECK(was_reported("2 is no value of"));
}

static NOINLINE u64 overflow_at_one_place(int a)
{
	return (u64)(a + one);
}

TEST(ubsan_reports_a_place_once)
{
	forget();
	sink = overflow_at_one_place(big);
	CHECK(was_reported("overflows"));
	forget();
	sink = overflow_at_one_place(big);
	CHECK_EQ(backtraces, 0);
}
