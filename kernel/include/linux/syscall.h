/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * System calls. Each stands in the topic file that decodes it:
 *
 *     SYSCALL3(read, int, fd, struct uptr, buf, size_t, len)
 *     {
 *             ...
 *     }
 *
 * defines sys_read, reachable under __NR_read of <asm/unistd.h>: the macro leaves an entry in the "syscalls" section, from which the table is filled
 * at boot. A call that has no entry is -ENOSYS. Arguments arrive as registers and are cut to their type here (never trusted to be extended).
 * Returns a value or -errno, or one of the -ERESTART* codes of <lib/errno.h>, which the signal code turns into EINTR or a restart.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <asm/unistd.h>

typedef s64 (*syscall_fn)(u64, u64, u64, u64, u64, u64);

struct syscall_entry {
	u32 nr;
	syscall_fn fn;
	const char *name;
};

#define SYSCALL_ARG_(type, reg)                                                                    \
	((union {                                                                                  \
		u64 raw;                                                                           \
		type value;                                                                        \
	}){.raw = (reg)}                                                                           \
			.value)
#define SYSCALL_ENTRY_(name_)                                                                      \
	static s64 sys_##name_(u64, u64, u64, u64, u64, u64);                                      \
	static const struct syscall_entry syscall_entry_##name_                                    \
		__attribute__((used, section("syscalls"), aligned(8))) = {__NR_##name_, sys_##name_, #name_};
#define SYSCALL_FN_(name_)                                                                         \
	static s64 sys_##name_(u64 r0 __attribute__((unused)), u64 r1 __attribute__((unused)),     \
		u64 r2 __attribute__((unused)), u64 r3 __attribute__((unused)),                    \
		u64 r4 __attribute__((unused)), u64 r5 __attribute__((unused)))

#define SYSCALL0(n)                                                                                \
	SYSCALL_ENTRY_(n)                                                                          \
	static inline s64 do_##n(void);                                                            \
	SYSCALL_FN_(n)                                                                             \
	{                                                                                          \
		return do_##n();                                                                   \
	}                                                                                          \
	static inline s64 do_##n(void)
#define SYSCALL1(n, t0, a0)                                                                        \
	SYSCALL_ENTRY_(n)                                                                          \
	static inline s64 do_##n(t0 a0);                                                           \
	SYSCALL_FN_(n)                                                                             \
	{                                                                                          \
		return do_##n(SYSCALL_ARG_(t0, r0));                                               \
	}                                                                                          \
	static inline s64 do_##n(t0 a0)
#define SYSCALL2(n, t0, a0, t1, a1)                                                                \
	SYSCALL_ENTRY_(n)                                                                          \
	static inline s64 do_##n(t0 a0, t1 a1);                                                    \
	SYSCALL_FN_(n)                                                                             \
	{                                                                                          \
		return do_##n(SYSCALL_ARG_(t0, r0), SYSCALL_ARG_(t1, r1));                         \
	}                                                                                          \
	static inline s64 do_##n(t0 a0, t1 a1)
#define SYSCALL3(n, t0, a0, t1, a1, t2, a2)                                                        \
	SYSCALL_ENTRY_(n)                                                                          \
	static inline s64 do_##n(t0 a0, t1 a1, t2 a2);                                             \
	SYSCALL_FN_(n)                                                                             \
	{                                                                                          \
		return do_##n(SYSCALL_ARG_(t0, r0), SYSCALL_ARG_(t1, r1), SYSCALL_ARG_(t2, r2));   \
	}                                                                                          \
	static inline s64 do_##n(t0 a0, t1 a1, t2 a2)
#define SYSCALL4(n, t0, a0, t1, a1, t2, a2, t3, a3)                                                \
	SYSCALL_ENTRY_(n)                                                                          \
	static inline s64 do_##n(t0 a0, t1 a1, t2 a2, t3 a3);                                      \
	SYSCALL_FN_(n)                                                                             \
	{                                                                                          \
		return do_##n(SYSCALL_ARG_(t0, r0), SYSCALL_ARG_(t1, r1), SYSCALL_ARG_(t2, r2),    \
			SYSCALL_ARG_(t3, r3));                                                     \
	}                                                                                          \
	static inline s64 do_##n(t0 a0, t1 a1, t2 a2, t3 a3)
#define SYSCALL5(n, t0, a0, t1, a1, t2, a2, t3, a3, t4, a4)                                        \
	SYSCALL_ENTRY_(n)                                                                          \
	static inline s64 do_##n(t0 a0, t1 a1, t2 a2, t3 a3, t4 a4);                               \
	SYSCALL_FN_(n)                                                                             \
	{                                                                                          \
		return do_##n(SYSCALL_ARG_(t0, r0), SYSCALL_ARG_(t1, r1), SYSCALL_ARG_(t2, r2),    \
			SYSCALL_ARG_(t3, r3), SYSCALL_ARG_(t4, r4));                               \
	}                                                                                          \
	static inline s64 do_##n(t0 a0, t1 a1, t2 a2, t3 a3, t4 a4)
#define SYSCALL6(n, t0, a0, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5)                                \
	SYSCALL_ENTRY_(n)                                                                          \
	static inline s64 do_##n(t0 a0, t1 a1, t2 a2, t3 a3, t4 a4, t5 a5);                        \
	SYSCALL_FN_(n)                                                                             \
	{                                                                                          \
		return do_##n(SYSCALL_ARG_(t0, r0), SYSCALL_ARG_(t1, r1), SYSCALL_ARG_(t2, r2),    \
			SYSCALL_ARG_(t3, r3), SYSCALL_ARG_(t4, r4), SYSCALL_ARG_(t5, r5));         \
	}                                                                                          \
	static inline s64 do_##n(t0 a0, t1 a1, t2 a2, t3 a3, t4 a4, t5 a5)
