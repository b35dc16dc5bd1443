/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/test.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_PER_TEST 20

static struct test_case *cases, **cases_end = &cases;
static const char *running;
static u64 rng, seed = 1, scale = 1;
static u64 checks, failures, test_failed;

void test_register(struct test_case *t)
{
	*cases_end = t;
	cases_end = &t->next;
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list args;
	u64 n = __atomic_fetch_add(&test_failed, 1, __ATOMIC_RELAXED);

	if (n > LINES_PER_TEST)
		return;
	if (n == LINES_PER_TEST) {
		printf("%s:%d: %s: more failures are not shown\n", file, line, running);
		return;
	}
	printf("%s:%d: %s: ", file, line, running);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
}

void test_check(bool ok, const char *file, int line, const char *what)
{
	__atomic_fetch_add(&checks, 1, __ATOMIC_RELAXED);
	if (!ok)
		test_fail(file, line, "%s", what);
}

void test_check_eq(u64 a, u64 b, const char *file, int line, const char *what_a, const char *what_b)
{
	__atomic_fetch_add(&checks, 1, __ATOMIC_RELAXED);
	if (a != b)
		test_fail(file, line, "%s == %s: %lld (%#llx), %lld (%#llx)", what_a, what_b,
			(s64)a, a, (s64)b, b);
}

void test_check_str(const char *a, const char *b, const char *file, int line, const char *what_a,
	const char *what_b)
{
	__atomic_fetch_add(&checks, 1, __ATOMIC_RELAXED);
	if ((a && b) ? strcmp(a, b) : a != b)
		test_fail(file, line, "%s == %s: \"%s\", \"%s\"", what_a, what_b, a ? a : "(NULL)",
			b ? b : "(NULL)");
}

void test_check_mem(
	const void *a, const void *b, size_t len, const char *file, int line, const char *what_a)
{
	const u8 *p = a, *q = b;

	__atomic_fetch_add(&checks, 1, __ATOMIC_RELAXED);
	for (size_t i = 0; i < len; i++) {
		if (p[i] != q[i]) {
			test_fail(file, line, "%s: byte %zu of %zu is %#x, not %#x", what_a, i, len,
				p[i], q[i]);
			return;
		}
	}
}

u64 test_rand(void)
{
	u64 x = rng += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

u64 test_rand_below(u64 n)
{
	return (u64)((unsigned __int128)test_rand() * n >> 64);
}

u64 test_rounds(u64 n)
{
	return n * scale;
}

u64 test_failures(void)
{
	return __atomic_load_n(&test_failed, __ATOMIC_RELAXED);
}

static bool matches(const struct test_case *t, char **filters, int n)
{
	for (int i = 0; i < n; i++) {
		if (strstr(t->name, filters[i]))
			return true;
	}
	return n == 0;
}

static bool run(const struct test_case *t)
{
	running = t->name;
	rng = seed;
	for (const char *c = t->name; *c; c++)
		rng = (rng ^ (u8)*c) * 0x100000001b3ULL;
	test_failed = 0;
	t->run();
	failures += test_failed;
	return test_failed == 0;
}

static u64 number(const char *program, const char *arg)
{
	char *end;
	u64 v = arg ? strtoull(arg, &end, 0) : 0;

	if (!arg || !*arg || *end) {
		fprintf(stderr, "%s: a number must follow --seed and --scale\n", program);
		exit(2);
	}
	return v;
}

int main(int argc, char **argv)
{
	u64 ran = 0, bad = 0;
	bool list = false;
	int i;

	for (i = 1; i < argc && !strncmp(argv[i], "--", 2); i++) {
		if (!strcmp(argv[i], "--seed"))
			seed = number(argv[0], argv[i + 1]), i++;
		else if (!strcmp(argv[i], "--scale"))
			scale = number(argv[0], argv[i + 1]), i++;
		else if (!strcmp(argv[i], "--list"))
			list = true;
		else
			return fprintf(stderr, "%s: unknown option %s\n", argv[0], argv[i]), 2;
	}
	for (struct test_case *t = cases; t; t = t->next) {
		if (!matches(t, argv + i, argc - i))
			continue;
		ran++;
		if (list)
			printf("%s\n", t->name);
		else
			bad += !run(t);
	}
	if (list)
		return 0;
	if (bad)
		printf("FAILED %llu of %llu tests, %llu of %llu checks, --seed %llu\n", bad, ran,
			failures, checks, seed);
	else
		printf("ok %llu tests, %llu checks\n", ran, checks);
	return bad ? 1 : ran ? 0 : 2;
}
