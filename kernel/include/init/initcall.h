/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Boot order as a graph: each subsystem names itself and what must have run before it. kernel/init sorts it and runs it on the boot CPU
 * once threads, memory and time work; `initcall_debug` prints order and durations. -errno from an init function is logged, not fatal.
 */
#include <lib/compiler.h>

struct initcall {
	const char *name;
	const char *after;	/* space-separated names, or "" */
	int (*fn)(void);
};

#define INITCALL(id, after_names, func)                                                            \
	static const struct initcall initcall_##id = {#id, after_names, func};                    \
	static const struct initcall *const initcall_ptr_##id                                      \
		__attribute__((used, section("initcalls"))) = &initcall_##id

/* Run them all. A cycle or an unknown name panics (a broken invariant of the build). */
void initcalls_run(void);
