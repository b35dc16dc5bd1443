// SPDX-License-Identifier: BSD-2-Clause
/*
 * The measuring of one row: warm-up, then batches of a fixed size; the median batch is the row's
 * figure.
 *
 * Under QEMU's icount a nanosecond of CLOCK_MONOTONIC is an instruction. A batch is short against
 * the tick (4 ms on Debian's Linux), so that the median batch holds no tick, on either kernel.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

static const struct row *current;
static pid_t row_pid;
static uint64_t unmeasured, unmeasured_since;

static uint64_t now(void)
{
	struct timespec ts;

	if (current->flags & ROW_TSC)
		return __rdtsc();
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void unmeasured_begin(void)
{
	unmeasured_since = now();
}

void unmeasured_end(void)
{
	unmeasured += now() - unmeasured_since;
}

void unmeasured_add(uint64_t ns)
{
	unmeasured += ns;
}

static uint64_t batch(unsigned n)
{
	uint64_t start, end;

	unmeasured = 0;
	start = now();
	current->op(n, current->arg);
	end = now();
	return end - start - unmeasured;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* One write for the line: rows' processes share the console. */
static void say(const char *line)
{
	if (write(STDOUT_FILENO, line, strlen(line)) < 0)
		_exit(2);
}

static const char *per_op(char *buf, size_t size, uint64_t ns, unsigned n)
{
	uint64_t tenths = (ns * 10 + n / 2) / n;

	snprintf(buf, size, "%llu.%llu", (unsigned long long)tenths / 10,
		(unsigned long long)tenths % 10);
	return buf;
}

void row_measure(const struct row *row)
{
	unsigned batches = row->flags & ROW_ONCE ? 3 : BATCHES;
	uint64_t ns[BATCHES];
	char mid[32], min[32], max[32], line[256];

	current = row;
	row_pid = getpid();
	if (row->setup)
		row->setup(row->arg);
	batch(row->flags & ROW_ONCE ? 1 : row->n);
	if (!(row->flags & ROW_ONCE))
		batch(row->n);
	for (unsigned i = 0; i < batches; i++)
		ns[i] = batch(row->n);
	qsort(ns, batches, sizeof(ns[0]), compare);
	snprintf(line, sizeof(line), "row %s %s min %s max %s n %u\n", row->name,
		per_op(mid, sizeof(mid), ns[batches / 2], row->n),
		per_op(min, sizeof(min), ns[0], row->n),
		per_op(max, sizeof(max), ns[batches - 1], row->n), row->n);
	say(line);
}

static int is_absent(int err)
{
	switch (err) {
	case ENOSYS:
	case EOPNOTSUPP:
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
	case ENODEV: return 1;
	default: return 0;
	}
}

void row_fail(const char *what, int err)
{
	char line[256];

	snprintf(line, sizeof(line), "row %s %s %s: %s\n", current->name,
		is_absent(err) ? "absent" : "failed", what, strerror(err));
	say(line);
	/* A peer of the row cannot leave the row waiting for it. */
	if (getpid() != row_pid)
		kill(row_pid, SIGKILL);
	_exit(3);
}
