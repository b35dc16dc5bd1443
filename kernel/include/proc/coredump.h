/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Core dumps [man core(5)]. The theory is at the head of proc/coredump.c.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <linux/signal.h>

struct task;

#define CORE_PATTERN_SIZE 128

/* vm_space.dumpable. */
enum { DUMPABLE_NOT, DUMPABLE_USER, DUMPABLE_ROOT };
/* Bits of vm_space.core_filter: which mappings a dump has. */
enum core_filter { CORE_ANON_PRIVATE = 1, CORE_ANON_SHARED = 2, CORE_FILE_PRIVATE = 4, CORE_FILE_SHARED = 8, CORE_ELF_HEADERS = 16,
	CORE_HUGETLB_PRIVATE = 32, CORE_HUGETLB_SHARED = 64 };
#define CORE_FILTER_DEFAULT 0x33
#define CORE_FILTER_ALL	    0x1ff

/* sysctls */
extern char core_pattern[CORE_PATTERN_SIZE]; /* SYSCTL_STRING */
extern int core_uses_pid, core_pipe_limit;
extern int suid_dumpable; /* what vm_space.dumpable becomes when a process gains or changes rights */

/* The running thread dies of the signal of @info: stop the others, dump. The process ends afterwards. May sleep; no locks. */
void coredump(const siginfo_t *info);
