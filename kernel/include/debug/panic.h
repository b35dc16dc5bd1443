/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/config.h>

/* A broken invariant. Stops all CPUs, prints symbolised backtraces, locks held, the last trace events; then panic= decides: halt or reboot. */
void panic(const char *fmt, ...) NORETURN __attribute__((format(printf, 1, 2)));
/* Checked in every kernel. */
#define ASSERT(x)                                                                                  \
	do {                                                                                       \
		if (unlikely(!(x)))                                                                \
			panic("%s:%d: %s", __FILE__, __LINE__, #x);                                \
	} while (0)
/* Checked in debug kernels. */
#define DASSERT(x)                                                                                 \
	do {                                                                                       \
		if (NOS_DEBUG && unlikely(!(x)))                                                   \
			panic("%s:%d: %s", __FILE__, __LINE__, #x);                                \
	} while (0)
/* Print a backtrace of here and go on; a debug test run fails on it. */
#define WARN_ON(x)                                                                                 \
	({                                                                                         \
		bool w_ = !!(x);                                                                   \
		if (unlikely(w_))                                                                  \
			warn_at(__FILE__, __LINE__, #x);                                           \
		unlikely(w_);                                                                      \
	})
void warn_at(const char *file, int line, const char *what);
void print_backtrace(void);
/*
 * Print where @cpu, another one, is: it is interrupted by an NMI, so interrupts may be off there. False: it did not answer. Any context but NMI.
 */
bool print_backtrace_of(unsigned cpu);
/* All CPUs', this one first. */
void print_backtraces(void);
struct trapframe;
/* The NMI that this asks for; false: nobody asked. */
bool remote_backtrace_nmi(const struct trapframe *tf);
/* Print code addresses with the names of their functions; all but perhaps the first are return addresses. Any context. */
void panic_print_pcs(const vaddr_t *pcs, unsigned n, bool first_is_exact);
extern int panic_timeout; /* panic=: seconds until reboot, 0 never, < 0 at once */
