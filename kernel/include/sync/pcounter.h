/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A counter that CPUs add to without sharing a cache line; exact only when folded.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <arch/cpu.h>

struct pcounter {
	s64 *percpu;	/* percpu_alloc */
};

int pcounter_init(struct pcounter *c) MUST_CHECK; /* -ENOMEM */
void pcounter_fini(struct pcounter *c);
static inline void pcounter_add(struct pcounter *c, s64 n)
{
	this_cpu_add(*c->percpu, n);
}
s64 pcounter_sum(const struct pcounter *c);
