// SPDX-License-Identifier: BSD-2-Clause
/* For the tests of memory: what /proc says of a mapping. */
#pragma once
#include "abi.h"
#include <ctype.h>

/* The value of @key (in kB) in the smaps entry that holds @p; -1: not there. */
HELPER long smaps(const void *p, const char *key)
{
	static char line[512];
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long lo, hi, value;
	bool here = false;
	long found = -1;

	while (f && fgets(line, sizeof(line), f)) {
		if (isxdigit((unsigned char)line[0]) && sscanf(line, "%lx-%lx ", &lo, &hi) == 2)
			here = (uintptr_t)p >= lo && (uintptr_t)p < hi;
		else if (here && strncmp(line, key, strlen(key)) == 0 && sscanf(line + strlen(key), ": %lu", &value) == 1)
			found = (long)value;
	}
	if (f)
		fclose(f);
	return found;
}
