/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests of ptrace(2) that only this processor has, and register sets to and from user memory.
 *
 * PTRACE_PEEKUSR and POKEUSR address what once was a page of the process ("struct user"): of it the general registers, at its beginning, and the debug
 * registers are there.
 */
#include <asm/ptrace-abi.h>
#include <linux/elf.h>
#include <linux/ptrace.h>
#include <lib/errno.h>
#include <arch/context.h>
#include <arch/elf.h>
#include <mm/slab.h>
#include <mm/uaccess.h>

#define USER_SIZE     928u
#define USER_DEBUGREG 848u

int arch_regset_to_user(struct thread *t, u32 note_type, struct uptr to, size_t len)
{
	void *buf = kmalloc(max(len, (size_t)1), ALLOC_SLEEP);
	int err = -ENOMEM;

	if (!buf)
		return err;
	err = arch_regset_get(t, note_type, buf, 0, len);
	if (!err)
		err = copy_to_user(to, buf, len);
	kfree(buf);
	return err;
}

int arch_regset_from_user(struct thread *t, u32 note_type, struct uptr from, size_t len)
{
	void *buf = kmalloc(max(len, (size_t)1), ALLOC_SLEEP);
	int err = -ENOMEM;

	if (!buf)
		return err;
	err = copy_from_user(buf, from, len);
	if (!err)
		err = arch_regset_set(t, note_type, buf, 0, len);
	kfree(buf);
	return err;
}

static s64 peek_user(struct thread *t, u64 off, struct uptr to)
{
	u64 v = 0;
	int err = 0;

	if (off % 8 || off >= USER_SIZE)
		return -EIO;
	if (off < (u64)arch_regset_size(NT_PRSTATUS))
		err = arch_regset_get(t, NT_PRSTATUS, &v, off, 8);
	else if (off - USER_DEBUGREG < 64)
		v = arch_debug_reg_get(t, (unsigned)(off - USER_DEBUGREG) / 8);
	return err ? err : user_store64(to, v);
}

static s64 poke_user(struct thread *t, u64 off, u64 v)
{
	if (off % 8 || off >= USER_SIZE)
		return -EIO;
	if (off < (u64)arch_regset_size(NT_PRSTATUS))
		return arch_regset_set(t, NT_PRSTATUS, &v, off, 8);
	return off - USER_DEBUGREG < 64 ? arch_debug_reg_set(t, (unsigned)(off - USER_DEBUGREG) / 8, v) : -EIO;
}

s64 arch_ptrace(struct thread *t, u64 request, u64 addr, u64 data)
{
	struct uptr user = uptr_make(data);

	switch (request) {
	case PTRACE_PEEKUSR: return peek_user(t, addr, user);
	case PTRACE_POKEUSR: return poke_user(t, addr, data);
	case PTRACE_GETREGS: return arch_regset_to_user(t, NT_PRSTATUS, user, (size_t)arch_regset_size(NT_PRSTATUS));
	case PTRACE_SETREGS: return arch_regset_from_user(t, NT_PRSTATUS, user, (size_t)arch_regset_size(NT_PRSTATUS));
	case PTRACE_GETFPREGS: return arch_regset_to_user(t, NT_PRFPREG, user, (size_t)arch_regset_size(NT_PRFPREG));
	case PTRACE_SETFPREGS: return arch_regset_from_user(t, NT_PRFPREG, user, (size_t)arch_regset_size(NT_PRFPREG));
	case PTRACE_ARCH_PRCTL: return arch_prctl(t, data, addr);
	default: return -EIO;
	}
}
