/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * One execve(2) in progress: what is collected until nothing can fail any more.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <vfs/file.h>
#include "exec_args.h"

struct cred;
struct vm_space;
struct path_name;

#define EXEC_HEADER_SIZE 256	/* BINPRM_BUF_SIZE */
#define EXEC_ARGS_MIN	 (128ull << 10)
#define EXEC_MAX_DEPTH	 5	/* interpreters of interpreters */

struct exec {
	struct file *file;	/* what is looked at now: program, or script, or its interpreter */
	struct exec_args args;
	const char *filename;	/* as execve was given it: AT_EXECFN */
	unsigned depth;
	bool unreachable;	/* filename leads nowhere in the new program: a script cannot be read by it */
	u8 header[EXEC_HEADER_SIZE + 1]; /* and a zero behind it */
	struct cred *cred;	/* of the new program */
	bool secure;		/* AT_SECURE */
	bool gained;		/* other identities or more capabilities than before: not to be dumped */
	struct vm_space *space;	/* the new one */
	vaddr_t entry, sp;
	/* for auxv */
	vaddr_t phdr, base, program_entry;
	u32 phnum;
	bool stack_exec;
	/* binfmt_misc: the file that the interpreter gets open, and where its descriptor is to stand in auxv */
	struct file *binary;
	bool binary_cred;	/* it, not the interpreter, says who the program runs as */
	bool keep_argv0;
	vaddr_t execfd_va;
	unsigned execfd_slot;
};

/* Look at @f, whose reference moves in, from now on. */
int exec_set_file(struct exec *x, struct file *f) MUST_CHECK;
/* Is the file, called @name, in one of binfmt_misc's formats? 0: x->file is its interpreter now; 1: no; -errno. */
int binfmt_misc_load(struct exec *x, const char *name) MUST_CHECK;

/* Load the ELF program in x->file into x->space and fill entry and auxv's fields. -ENOEXEC: not ELF. May sleep. */
int elf_load(struct exec *x) MUST_CHECK;
/* Arguments, environment and auxiliary vector onto the new stack; x->sp. */
int exec_stack_build(struct exec *x) MUST_CHECK;
/* The vDSO and its data into the new space. */
int vdso_map(struct vm_space *s) MUST_CHECK;
/* Map @len bytes of @f at fixed @va in a space under construction. */
int exec_map_file(struct exec *x, struct file *f, vaddr_t va, size_t len, u32 vm_rwx, u64 offset) MUST_CHECK;
/* Credentials that the program will have: set-id bits, capabilities. */
int exec_cred_prepare(struct exec *x) MUST_CHECK;

/* Are addresses of new programs chosen at random? 1: stack, mappings, the program; 2: the heap's start, too (kernel.randomize_va_space). */
bool exec_randomizes(int level);
