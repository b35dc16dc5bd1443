/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What host and sim share, and what tests may ask of both: accounts of memory, injected failures,
 * and any-context calls (interrupts).
 */
#include <lib/compiler.h>
#include <lib/types.h>

/* Bytes and objects that the component holds. */
u64 host_live_bytes(void);
u64 host_live_objects(void);

/* The @n-th allocation from now on fails, once; 0: none. Counted: host_allocs(), from the last
 * call. */
void host_fail_alloc(u64 n);
u64 host_allocs(void);
/* The @n-th question of env_fault from now on is answered yes, once; 0: none. */
void host_fail_point(u64 n);
u64 host_points(void);

/* Lines of env_log at @level or above this are not shown (0: all silent). Default: warnings are
 * shown. */
void host_log_level(int level);

/*
 * A call in any context, soon: by the interrupt thread (host), between two steps of the threads
 * (sim). Queued once at a time. The memory is the caller's until the call runs or is cancelled.
 */
struct host_call {
	struct host_call *next;
	void (*fn)(void *arg);
	void *arg;
	bool queued;
	bool running;
};
void host_call_queue(struct host_call *c);
/* It neither is queued nor runs afterwards. Not from fn. */
void host_call_cancel(struct host_call *c);

/* The generator behind env_random. */
u64 host_random(void);
