/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include <lib/types.h>

#define HOST_STACK_SIZE (256ul << 10) /* what kstack_alloc must give here: sanitizers need room */

/* A thread of a host test is a coroutine (ucontext) on the CPU, that is the host thread, that switches to it. */
struct arch_thread {
	void *context; /* ucontext_t, made at the first need */
	void (*entry)(void *);
	void *arg;
	u64 tls;
};
