/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What a component says and is told: log, random numbers, injected faults, the end.
 */
#include <lib/compiler.h>
#include <lib/types.h>

enum env_log_level { ENV_LOG_ERR = 3, ENV_LOG_WARN = 4, ENV_LOG_INFO = 6, ENV_LOG_DEBUG = 7 };

/* One line, without its newline.  Context: any. */
void env_log(enum env_log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Unpredictable bytes (in sim: from its seed).  Context: any. */
void env_random(void *buf, size_t len);

/*
 * A place where tests make something fail that cannot be made to fail from outside. @point is a
 * literal such as "virtq: no room". False in every kernel.  Context: any.
 */
bool env_fault(const char *point);

/* A broken invariant: the component (in the kernel: the kernel) stops here.  Context: any. */
void env_bug(const char *file, int line, const char *what) NORETURN;

/* clang-format off */
#define ENV_ASSERT(x)                                                                              \
	do {                                                                                       \
		if (unlikely(!(x)))                                                                \
			env_bug(__FILE__, __LINE__, #x);                                           \
	} while (0)
/* clang-format on */
