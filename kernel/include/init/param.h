/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Kernel parameters from the command line, with Linux' names. A module declares what it reads; whatever nobody claims goes to init as argument or environment.
 */
#include <lib/types.h>
#include <lib/compiler.h>

/* Value of "name=value" (last one wins), "" for a bare word, NULL if absent. Constant after boot. */
const char *param_get(const char *name);
bool param_bool(const char *name, bool dflt);
u64 param_u64(const char *name, u64 dflt);
/* The n-th occurrence (console= may repeat); NULL after the last. */
const char *param_nth(const char *name, unsigned n);
void param_init(const char *cmdline);
/* Words after "--" and unclaimed words for init's argv / envp. */
unsigned param_init_args(const char **argv, unsigned max);
unsigned param_init_env(const char **envp, unsigned max);
