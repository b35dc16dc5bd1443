/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Where the core hands over to the personality: an upcall at the end of boot.
 */
#include <lib/compiler.h>

/* Make process 1, which runs the initcalls and then the first program. -ENOMEM. Context: thread. */
int user_start(void) MUST_CHECK;
