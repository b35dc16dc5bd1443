/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Run something exactly once; later callers wait until it is done. May sleep.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct once {
	u32 state;
};
void once_run(struct once *o, void (*fn)(void *), void *arg);
