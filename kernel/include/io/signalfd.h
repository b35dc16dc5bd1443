/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * signalfd, for system calls.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct file;

bool file_is_signalfd(const struct file *f);
int signalfd_create_file(u64 mask, unsigned o_flags, struct file **out) MUST_CHECK;
int signalfd_set_mask(struct file *f, u64 mask) MUST_CHECK; /* -EINVAL: not a signalfd */
