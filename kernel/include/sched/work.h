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
	u32 pending; /* atomic: see work.c */
};

/* clang-format off */
#define WORK_INIT(f) {.fn = (f)}
/* clang-format on */
void work_init(struct work *w, void (*fn)(struct work *));
/*
 * Queue it unless it is queued already; any context. True if it was queued by this call. It may be
 * queued again as soon as fn has started; it never runs twice at the same time. fn may free @w.
 */
bool work_queue(struct work *w);
/* Wait until it is neither queued nor running. May sleep. Not for a work that frees itself. */
void work_flush(struct work *w);
