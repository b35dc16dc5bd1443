/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Between the parts of a core dump: coredump.c (the process stands still, where the dump goes), core_name.c (its name), core_elf.c (what is in it).
 */
#include <proc/coredump.h>
#include <vfs/file.h>
#include "proc_impl.h"

/* Bits of task->core_state. */
enum { CORE_PASSED = 1, CORE_COUNTED = 2 };

struct core {
	const siginfo_t *info;
	struct file *file;
	bool is_pipe;
	u64 limit;	/* bytes that may be written */
	u64 written;
	u64 pos, end;	/* of the file: here, and behind what has been written */
	unsigned dumpable;
};

#define CORE_NAME_SIZE 4096
#define CORE_ARGS_MAX  16

/* Where the dump goes, by core_pattern: a path, or arguments of a program that gets it. All in one buffer. */
struct core_name {
	bool is_pipe;
	unsigned argc;
	char *argv[CORE_ARGS_MAX + 1];
	size_t used;
	char buf[CORE_NAME_SIZE];
};

/* -ENAMETOOLONG, -EINVAL: a pipe to nothing. */
int core_name_make(struct core_name *n, const struct core *c) MUST_CHECK;
/* Write the ELF file. False: it was cut short; what is there is usable all the same. */
bool core_write(struct core *c);
