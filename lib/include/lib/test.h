/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame of the host's unit tests; link lib/test_main.c.
 *
 *	TEST(list_splice_empty)
 *	{
 *		CHECK(list_empty(&a));
 *		CHECK_EQ(list_len(&a), 0);
 *		REQUIRE(p != NULL);		// ends the test when false
 *	}
 *
 * A failed check prints one line `file:line: test: what` and the test goes on. The program's
 * arguments:
 *	[--seed N] [--list] [--scale N] [FILTER…]	a filter is a part of a test's name
 * Exit status 0: all passed, 1: a check failed, 2: no test matched. Before each test the generator
 * of test_rand is set from the seed (printed when something failed) and the test's name, so that a
 * test repeats alone as it ran among others.
 */
#pragma once

#include <lib/types.h>

struct test_case {
	const char *name;
	void (*run)(void);
	struct test_case *next;
};

void test_register(struct test_case *t);
void test_check(bool ok, const char *file, int line, const char *what);
void test_check_eq(
	u64 a, u64 b, const char *file, int line, const char *what_a, const char *what_b);
void test_check_str(const char *a, const char *b, const char *file, int line, const char *what_a,
	const char *what_b);
void test_check_mem(
	const void *a, const void *b, size_t len, const char *file, int line, const char *what_a);
PRINTF_LIKE(3, 4) void test_fail(const char *file, int line, const char *fmt, ...);

/*
 * A repeatable pseudo-random number; below: in [0, @n), @n > 0. Callable from the test's thread
 * only.
 */
u64 test_rand(void);
u64 test_rand_below(u64 n);

/* @n times the --scale argument (1 by default): how many rounds a random test makes. */
u64 test_rounds(u64 n);

/* Failed checks of the running test so far. */
u64 test_failures(void);

#define TEST(id)                                                              \
	static void test_run_##id(void);                                      \
	static struct test_case test_case_##id = {#id, test_run_##id, NULL};  \
	__attribute__((__constructor__)) static void test_register_##id(void) \
	{                                                                     \
		test_register(&test_case_##id);                               \
	}                                                                     \
	static void test_run_##id(void)

#define CHECK(x)                test_check(!!(x), __FILE__, __LINE__, #x)
#define CHECK_EQ(a, b)          test_check_eq((u64)(a), (u64)(b), __FILE__, __LINE__, #a, #b)
#define CHECK_STR_EQ(a, b)      test_check_str(a, b, __FILE__, __LINE__, #a, #b)
#define CHECK_MEM_EQ(a, b, len) test_check_mem(a, b, len, __FILE__, __LINE__, #a)
#define FAIL(...)               test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define REQUIRE(x)                                               \
	do {                                                     \
		bool require_ok_ = !!(x);                        \
		test_check(require_ok_, __FILE__, __LINE__, #x); \
		if (!require_ok_)                                \
			return;                                  \
	} while (0)
