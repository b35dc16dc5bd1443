/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The sim home: one thread runs at a time, who is next is drawn from a seed at every step, time is
 *virtual, and what can fail fails on request. The same seed gives the same run.
 *
 *	for (seed = 1; seed <= N; seed++)		every interleaving that N seeds meet
 *		sim_run(&(struct sim_options){.seed = seed}, scenario, arg);
 *	for (n = 1; !done; n++)				every allocation once
 *		.fail_alloc = n; done = host_allocs() < n afterwards
 *
 * sim_run stops the program, saying the seed, on: a deadlock, a sleep where none may be, a lock
 *taken against its rank, a wait beyond an hour of virtual time, or when the scenario returns and
 *left allocations, tasks, armed timers or queued work behind.
 */
#include <lib/compiler.h>
#include <lib/types.h>
#include <env_host/device.h>
#include <env_host/host.h>

struct sim_options {
	u64 seed;
	u64 fail_alloc; /* see host_fail_alloc */
	u64 fail_point;
};

/* Run fn(arg) as the first thread; returns when it has returned and all is quiet. */
void sim_run(const struct sim_options *options, void (*fn)(void *arg), void *arg);

/* Steps that the running (or last) simulation made: the same for the same seed. */
u64 sim_steps(void);
