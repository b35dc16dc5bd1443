// SPDX-License-Identifier: BSD-2-Clause
/*
 * Frame of a storm: argument SECONDS, workers that check themselves, memory back to the start.
 *
 * A storm first runs a short round to warm caches up, then notes free memory and kernel slabs, runs
 * for its time, and waits until both are back within a tolerance.  It exits 0, or prints what is wrong.
 */
#pragma once

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STORM __attribute__((unused)) static

STORM __attribute__((format(printf, 1, 2), noreturn)) void die(const char *fmt, ...)
{
	char buf[512];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(buf, sizeof(buf) - 1, fmt, ap);
	va_end(ap);
	buf[n < 510 ? n : 510] = '\n';
	if (write(1, buf, (n < 510 ? n : 510) + 1) < 0)
		_exit(3);
	_exit(2);
}

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			die("%s:%d: %s fails, errno %d", __FILE__, __LINE__, #cond, errno);        \
	} while (0)

STORM double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

STORM double storm_end;

STORM bool going(void)
{
	return now() < storm_end;
}

STORM unsigned int rnd(unsigned int *s)
{
	*s = *s * 1664525u + 1013904223u;
	return *s >> 8;
}

STORM long meminfo(const char *key)
{
	char line[128];
	long kb = -1;
	size_t len = strlen(key);
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, len) && line[len] == ':')
			kb = atol(line + len + 1);
	if (f)
		fclose(f);
	return kb;
}

STORM int cpus(void)
{
	cpu_set_t set;

	CHECK(!sched_getaffinity(0, sizeof(set), &set));
	return CPU_COUNT(&set);
}

/* Fork @n workers, each running @fn(index, seed); every one must exit 0. */
STORM void run_workers(int n, void (*fn)(int, unsigned int), unsigned int seed)
{
	pid_t kids[256];

	CHECK(n <= 256);
	for (int i = 0; i < n; i++) {
		kids[i] = fork();
		CHECK(kids[i] >= 0);
		if (kids[i] == 0) {
			fn(i, seed + i * 7919);
			_exit(0);
		}
	}
	for (int i = 0; i < n; i++) {
		int st;
		while (waitpid(kids[i], &st, 0) < 0)
			CHECK(errno == EINTR);
		if (st)
			die("worker %d: status %#x", i, st);
	}
}

/* Free memory and slabs as a storm leaves them; true when both are back. */
STORM bool memory_back(long free0, long slab0, long tolerance_kb)
{
	long free1 = meminfo("MemFree"), slab1 = meminfo("Slab");

	return free1 >= free0 - tolerance_kb && slab1 <= slab0 + tolerance_kb;
}

STORM bool shared_machine(int argc, char **argv)
{
	return argc > 2 && !strcmp(argv[2], "shared");
}

/*
 * Run @round for the seconds of argv[1]; @tolerance_kb is what caches may keep.  With "shared" behind
 * the seconds others use the machine too, and memory is printed but not judged.
 */
STORM int storm_main(int argc, char **argv, void (*round)(void), long tolerance_kb)
{
	double seconds = argc > 1 ? atof(argv[1]) : 10;

	setvbuf(stdout, NULL, _IOLBF, 0);
	storm_end = now() + (seconds < 10 ? seconds / 5 : 2);
	round();
	long free0 = meminfo("MemFree"), slab0 = meminfo("Slab");
	printf("before: MemFree %ld kB, Slab %ld kB\n", free0, slab0);
	storm_end = now() + seconds;
	int rounds = 0;
	do {
		round();
		rounds++;
	} while (going());
	for (int i = 0; i < (shared_machine(argc, argv) ? 0 : 100) && !memory_back(free0, slab0, tolerance_kb); i++)
		usleep(100000);
	printf("after:  MemFree %ld kB, Slab %ld kB, %d rounds\n", meminfo("MemFree"), meminfo("Slab"),
		rounds);
	if (!shared_machine(argc, argv) && !memory_back(free0, slab0, tolerance_kb)) {
		printf("memory has not come back\n");
		return 1;
	}
	printf("ok\n");
	return 0;
}
