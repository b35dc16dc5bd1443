/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first stack of a program, from high to low addresses [x86-64 psABI 3.4.1]:
 *
 *     8 zero bytes                    stack_top - 8
 *     file name (AT_EXECFN)
 *     environment strings, argument strings (arguments lowest)
 *     platform string, 16 random bytes
 *     ... padding, random ...
 *     auxiliary vector
 *     NULL, environment pointers
 *     NULL, argument pointers
 *     argc                            <- sp, 16-byte aligned
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/auxvec.h>
#include <linux/binfmts.h>
#include <linux/rseq.h>
#include <mm/space.h>
#include <arch/elf.h>
#include <proc/cred.h>
#include <security/random.h>
#include "exec_impl.h"
#include "proc_impl.h"

#define STACK_INITIAL (128 * 1024)
#define USER_HZ	      100
#define AUXV_MAX      24

/* Words written upwards through a small buffer. */
struct word_writer {
	struct vm_space *s;
	vaddr_t va;
	u32 n;
	u64 words[128];
};

static int word_flush(struct word_writer *w)
{
	size_t len = w->n * sizeof(u64);

	if (len && vm_access(w->s, w->va, w->words, len, true, true) != (ssize_t)len)
		return -EFAULT;
	w->va += len;
	w->n = 0;
	return 0;
}

static int word_put(struct word_writer *w, u64 word)
{
	w->words[w->n++] = word;
	return w->n == 128 ? word_flush(w) : 0;
}

/* Receives the address of each string: arguments, then environment, with the NULL between. */
struct pointer_writer {
	struct word_writer words;
	u32 argc, seen;
	vaddr_t first, env_first;
};

static int pointer_put(vaddr_t str, void *arg)
{
	struct pointer_writer *p = arg;
	int err;

	if (p->seen == p->argc) {
		p->env_first = str;
		err = word_put(&p->words, 0);
		if (err)
			return err;
	}
	if (!p->seen++)
		p->first = str;
	return word_put(&p->words, str);
}

static int MUST_CHECK stack_map(struct exec *x, size_t args_size)
{
	size_t len = PAGE_SIZE + align_up(args_size, PAGE_SIZE) + STACK_INITIAL;
	struct vm_map_args args = {
		.hint = x->space->stack_top - len,
		.len = len,
		.flags = VM_READ | VM_WRITE | (x->stack_exec ? VM_EXEC : 0) | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC |
			VM_GROWSDOWN | VM_ACCOUNT,
		.fixed = true,
		.label = "[stack]",
		.limit_as = rlimit_cur(RLIMIT_AS),
		.limit_data = ~0ull,
		.limit_memlock = ~0ull,
	};
	vaddr_t va;

	return vm_map(x->space, &args, &va);
}

static unsigned auxv_fill(struct exec *x, u64 *v, vaddr_t random, vaddr_t platform, vaddr_t execfn)
{
	const struct cred *c = x->cred;
	const u64 pairs[][2] = {
		{AT_SYSINFO_EHDR, x->space->vdso},
		{AT_MINSIGSTKSZ, arch_elf_minsigstksz()},
		{AT_HWCAP, arch_elf_hwcap()},
		{AT_PAGESZ, PAGE_SIZE},
		{AT_CLKTCK, USER_HZ},
		{AT_PHDR, x->phdr},
		{AT_PHENT, 56},
		{AT_PHNUM, x->phnum},
		{AT_BASE, x->base},
		{AT_FLAGS, x->keep_argv0}, /* AT_FLAGS_PRESERVE_ARGV0 */
		{AT_ENTRY, x->program_entry},
		{AT_UID, c->uid},
		{AT_EUID, c->euid},
		{AT_GID, c->gid},
		{AT_EGID, c->egid},
		{AT_SECURE, x->secure},
		{AT_RANDOM, random},
		{AT_HWCAP2, arch_elf_hwcap2()},
		{AT_EXECFN, execfn},
		{AT_PLATFORM, platform},
		{AT_RSEQ_FEATURE_SIZE, offsetof(struct rseq, end)},
		{AT_RSEQ_ALIGN, __alignof__(struct rseq)},
		{AT_NULL, 0},
	};

	static_assert(ARRAY_SIZE(pairs) < AUXV_MAX, "auxv fits");
	memcpy(v, pairs, sizeof(pairs));
	if (!x->binary)
		return ARRAY_SIZE(pairs) * 2;
	v[ARRAY_SIZE(pairs) * 2 - 2] = AT_EXECFD; /* its number is known when nothing can fail any more */
	v[ARRAY_SIZE(pairs) * 2] = AT_NULL;
	v[ARRAY_SIZE(pairs) * 2 + 1] = 0;
	return ARRAY_SIZE(pairs) * 2 + 2;
}

static int MUST_CHECK put_bytes(struct vm_space *s, vaddr_t va, const void *p, size_t len)
{
	return vm_access(s, va, (void *)p, len, true, true) == (ssize_t)len ? 0 : -EFAULT;
}

int exec_stack_build(struct exec *x)
{
	size_t strings = exec_args_size(&x->args);
	size_t name_len = strlen(x->filename) + 1;
	u32 argc = exec_args_argc(&x->args), envc = x->args.envp.count;
	struct pointer_writer p = {.words.s = x->space, .argc = argc};
	struct vm_space *s = x->space;
	vaddr_t execfn, first, platform, random, sp;
	u64 auxv[2 * AUXV_MAX];
	u8 bytes[16];
	unsigned nauxv;
	int err;

	err = stack_map(x, strings + name_len + (argc + envc) * sizeof(u64));
	if (err)
		return err;
	execfn = s->stack_top - 8 - name_len;
	first = execfn - strings;
	platform = first - sizeof(ARCH_ELF_PLATFORM);
	random = platform - sizeof(bytes);
	sp = align_down(random - random_below(512) * 16, 16);
	nauxv = auxv_fill(x, auxv, random, platform, execfn);
	sp -= (1 + argc + 1 + envc + 1 + nauxv) * sizeof(u64);
	sp = align_down(sp, 16);
	x->execfd_slot = nauxv - 3;
	x->execfd_va = sp + (1 + argc + 1 + envc + 1 + x->execfd_slot) * sizeof(u64);

	random_bytes(bytes, sizeof(bytes));
	err = put_bytes(s, execfn, x->filename, name_len);
	if (!err)
		err = put_bytes(s, platform, ARCH_ELF_PLATFORM, sizeof(ARCH_ELF_PLATFORM));
	if (!err)
		err = put_bytes(s, random, bytes, sizeof(bytes));
	p.words.va = sp;
	if (!err)
		err = word_put(&p.words, argc);
	if (!err)
		err = exec_args_write(&x->args, s, first, pointer_put, &p);
	/* the NULL after the arguments comes with the first environment string, if there is one */
	if (!err && !envc)
		err = word_put(&p.words, 0);
	if (!err)
		err = word_put(&p.words, 0);
	for (unsigned i = 0; !err && i < nauxv; i++)
		err = word_put(&p.words, auxv[i]);
	if (!err)
		err = word_flush(&p.words);
	if (err)
		return err;
	memcpy(s->auxv, auxv, min(sizeof(s->auxv), nauxv * sizeof(u64)));
	s->arg_start = p.first;
	s->env_start = envc ? p.env_first : execfn;
	s->arg_end = s->env_start;
	s->env_end = execfn;
	x->sp = sp;
	return 0;
}
