/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * eventfd, for system calls and for whoever signals completions.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct file;

int eventfd_create_file(u32 count, int efd_flags, struct file **out) MUST_CHECK;
bool file_is_eventfd(const struct file *f);
/* Add @n; saturates (poll then says EPOLLERR). Any context. */
void eventfd_signal(struct file *f, u64 n);
