/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Shared by the calls that mount.
 */
#include <lib/types.h>
#include <lib/compiler.h>

/* A string of less than @size bytes, to be freed with kfree. -EFAULT; -EINVAL: too long; -ENOMEM. */
int user_string_get(struct uptr p, size_t size, char **out) MUST_CHECK;
