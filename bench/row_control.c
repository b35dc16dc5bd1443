// SPDX-License-Identifier: BSD-2-Clause
/*
 * Control rows: user code alone. An operation of the loops is exactly 1000 instructions, so that
 * under icount every kernel must show 1000 ns by its own clock and 1000 by the processor's counter;
 * another figure means a clock that lies.
 */
#include "bench.h"

#include <string.h>

static char from[PAGE], to[PAGE];

static void loop(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		/* 2 + 2 * 498 + the two of this loop */
		unsigned long turns = 498;

		__asm__ volatile("nop\n1:\tdec %0\n\tjnz 1b" : "+r"(turns) : : "cc");
	}
}

static void copy(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		/* The compiler knows neither what is copied nor that nobody reads it. */
		__asm__ volatile("" : : "r"(from), "r"(to) : "memory");
		memcpy(to, from, sizeof(to));
	}
}

const struct row rows_control[] = {
	{"control.loop", NULL, loop, 400, 0, 0},
	{"control.loop_tsc", NULL, loop, 400, 0, ROW_TSC},
	{"control.memcpy_4k", NULL, copy, 400, 0, 0},
	{},
};
