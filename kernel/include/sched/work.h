/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Deferred work: a function run soon by a kernel thread, may sleep.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct work {
	struct work *next;
	void (*fn)(struct work *);
	u32 pending;
};

#define WORK_INIT(f) {.fn = (f)}
void work_init(struct work *w, void (*fn)(struct work *));
/* Queue it unless it is queued already; any context. True if it was queued by this call. It may run again as soon as fn has started. */
bool work_queue(struct work *w);
/* Wait until it is neither queued nor running. May sleep. */
void work_flush(struct work *w);
