/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Restartable sequences of the running thread. Errors as rseq(2).
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct trapframe;

s64 rseq_register(struct uptr area, u32 len, u32 sig);
s64 rseq_unregister(struct uptr area, u32 len, u32 sig);
/* On the way to user mode after a switch or before a signal handler: CPU number, abort of a critical section. Only if one is registered. */
void rseq_work(struct trapframe *tf);
