/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Pipes, for system calls.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct file;

/* Both ends of a new pipe; @o_flags: O_NONBLOCK, O_DIRECT. -ENFILE -ENOMEM. */
int pipe_create_files(unsigned o_flags, struct file **out_read, struct file **out_write) MUST_CHECK;
