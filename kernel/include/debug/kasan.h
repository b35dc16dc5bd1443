/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Kernel address sanitizer: which bytes of the kernel's memory may be touched.
 *
 * A byte of shadow stands for 8 aligned bytes: 0 all may be touched, 1..7 only the first so many, one of the codes below none. The compiler puts a check
 * before each access and poisons what lies around variables on the stack and globals; allocators say what they have given out. A kernel built without it
 * (NOS_KASAN is 0) has none of this: the calls below are nothing.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/config.h>

/* What a poisoned byte is. The compiler's own codes are 0xf1 .. 0xf5, 0xf8 and 0xca, 0xcb. */
enum kasan_code {
	KASAN_GLOBAL = 0xf9,	  /* behind a global variable */
	KASAN_SLAB_FREE = 0xfb,
	KASAN_SLAB_REDZONE = 0xfc,
	KASAN_PERCPU_FREE = 0xfd,
	KASAN_VMAP_REDZONE = 0xfe,
	KASAN_PAGE_FREE = 0xff,
	KASAN_PAGE_REDZONE = 0xe0, /* behind a large kmalloc */
	KASAN_STACK_FREE = 0xe1,  /* a kernel stack that no thread has */
};

/* <debug/kasan.c>; @p is aligned to 8 everywhere. Context: any. */
void kasan_set_poison(const void *p, size_t len, enum kasan_code code);
void kasan_set_valid(const void *p, size_t len);
void kasan_check(const void *p, size_t len, bool write, vaddr_t pc);
void *__real_memset(void *p, int c, size_t len);

/* Nobody may touch [p, p+len); len is rounded up to 8. */
static inline void kasan_poison(const void *p, size_t len, enum kasan_code code)
{
	if (NOS_KASAN)
		kasan_set_poison(p, len, code);
}

/* [p, p+len) may be touched; what follows in the last 8 bytes may not, and behind them nothing changes. */
static inline void kasan_unpoison(const void *p, size_t len)
{
	if (NOS_KASAN)
		kasan_set_valid(p, len);
}

/* Of [p, p+size), which may be touched, only the first @len bytes from now on. */
static inline void kasan_narrow(const void *p, size_t len, size_t size, enum kasan_code code)
{
	if (NOS_KASAN && len < size) {
		kasan_set_valid(p, len);
		kasan_set_poison((const char *)p + align_up(len, 8ul), size - align_up(len, 8ul), code);
	}
}

/* For what the compiler does not see: assembly, devices. */
static inline void kasan_check_read(const void *p, size_t len)
{
	if (NOS_KASAN)
		kasan_check(p, len, false, (vaddr_t)(unsigned long)__builtin_return_address(0));
}

static inline void kasan_check_write(const void *p, size_t len)
{
	if (NOS_KASAN)
		kasan_check(p, len, true, (vaddr_t)(unsigned long)__builtin_return_address(0));
}

/* memset by an allocator on memory that nobody may touch. */
static inline void kasan_fill(void *p, int c, size_t len)
{
	if (NOS_KASAN)
		__real_memset(p, c, len);
	else
		__builtin_memset(p, c, len);
}

/* Poison what lies behind the globals. Once, when a report can be printed. */
void kasan_init_globals(void);
/* Print what is at @addr, of which an access faulted at the address of its shadow: nothing is mapped there. False: @fault is not in the shadow. */
bool kasan_explain_fault(vaddr_t fault);
