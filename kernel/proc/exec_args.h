/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Argument and environment strings on their way from the old program's memory to the new one's stack.
 *
 * Strings are packed, each with its NUL, into arenas of pages: argv, envp, and what "#!" lines put before argv[1].
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct vm_space;

struct exec_arena {
	char **pages;
	u32 npages, cap;
	size_t len;	/* bytes used */
	u32 count;	/* strings */
};

#define EXEC_PREFIX_MAX 16

struct exec_args {
	struct exec_arena argv, envp;
	char *prefix[EXEC_PREFIX_MAX];	/* in reverse order: the last one is argv[0] */
	u32 nprefix;
	bool drop_first;	/* argv[0] was replaced by the prefix */
	size_t limit;		/* bytes of strings and pointers */
};

/* Take the strings of user arrays; -E2BIG -EFAULT -ENOMEM -EINTR. An empty argv becomes {""}. */
int exec_args_from_user(struct exec_args *a, struct uptr argv, struct uptr envp) MUST_CHECK;
int exec_args_from_kernel(struct exec_args *a, const char *const *argv, const char *const *envp) MUST_CHECK;
/* Put a copy of @s before all arguments. -ENOMEM -E2BIG. */
int exec_args_prepend(struct exec_args *a, const char *s) MUST_CHECK;
void exec_args_drop_first(struct exec_args *a);
void exec_args_free(struct exec_args *a);
u32 exec_args_argc(const struct exec_args *a);
/* Bytes of all strings as they will stand on the stack: argv then envp. */
size_t exec_args_size(const struct exec_args *a);
/* Write them at @va of @s; report the address of each through fn (argv strings, then environment). 0 or -errno. */
int exec_args_write(const struct exec_args *a, struct vm_space *s, vaddr_t va, int (*fn)(vaddr_t str, void *arg), void *arg) MUST_CHECK;
