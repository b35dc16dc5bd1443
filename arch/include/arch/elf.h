/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What a program loader, a core dump and a debugger must know of the processor.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct thread;
struct trapframe;

/* <arch_impl/elf.h>: ARCH_ELF_MACHINE, ARCH_ELF_PLATFORM ("x86_64"), ARCH_UTS_MACHINE, ARCH_MMAP_RND_BITS, ARCH_STACK_RND_BITS, PIE base */
#include <arch_impl/elf.h>

u64 arch_elf_hwcap(void);
u64 arch_elf_hwcap2(void);
u64 arch_elf_minsigstksz(void);
/* The vDSO: its image (page aligned, in kernel memory) and the clock data page that the kernel updates and users read just before it. */
const void *arch_vdso_image(size_t *out_len);
struct vvar; /* <time/vvar.h> */
struct vvar *arch_vdso_data(void);
/*
 * Register sets by their ELF note type (NT_PRSTATUS, NT_PRFPREG, NT_X86_XSTATE): size, get, set (checked: hostile). For ptrace and core dumps. @t is not running.
 */
ssize_t arch_regset_size(u32 note_type);
int arch_regset_get(struct thread *t, u32 note_type, void *buf, size_t off, size_t len) MUST_CHECK;
int arch_regset_set(struct thread *t, u32 note_type, const void *buf, size_t off, size_t len) MUST_CHECK;

/* The same to and from memory of the running thread, the first @len bytes. -EFAULT -ENOMEM. May sleep. */
int arch_regset_to_user(struct thread *t, u32 note_type, struct uptr to, size_t len) MUST_CHECK;
int arch_regset_from_user(struct thread *t, u32 note_type, struct uptr from, size_t len) MUST_CHECK;
/* Requests of ptrace(2) that not every processor has; @t is not running. -EIO: unknown. May sleep. */
s64 arch_ptrace(struct thread *t, u64 request, u64 addr, u64 data);

/*
 * Trap after the next instruction of user mode, or after the next jump that is taken; @t is not running, or the caller for ARCH_STEP_NONE. A trap flag that the
 * program set itself stays its own.
 */
enum arch_step { ARCH_STEP_NONE, ARCH_STEP_INSN, ARCH_STEP_BLOCK };
void arch_single_step(struct thread *t, enum arch_step step);
/* Debug registers of ptrace(2) (offsetof(struct user, u_debugreg) / 8 ...): number 0..7; @t is not running. -EINVAL, -EIO: refused. */
u64 arch_debug_reg_get(struct thread *t, unsigned i);
int arch_debug_reg_set(struct thread *t, unsigned i, u64 v) MUST_CHECK;
