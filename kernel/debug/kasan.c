/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What -fsanitize=kernel-address calls, and the shadow that its checks look at (<debug/kasan.h> says what it means).
 *
 *	address 0x..18         | 8 valid  | 8 valid | 3 valid, 5 not | object's trailer ... |
 *	shadow of it           |    00    |   00    |      03        |   fc   fc ...        |
 *
 * Loads and stores are checked by code in line, which calls __asan_report_* here. memcpy, memmove, memset and memcmp are checked as a whole: the linker
 * takes every reference to them here (--wrap), and lib's own are __real_*. Boot maps the shadow (arch's early code) before anything that is
 * instrumented runs; what runs before that, lib's string functions and this file are not.
 *
 * Addresses outside the regions that have a shadow (the identity map of early boot) are not checked.
 */
#include <arch/mmu.h>
#include <debug/kasan.h>
#include <debug/kasan_impl.h>

typedef void ctor_fn(void);
extern ctor_fn *const __start_ctors[], *const __stop_ctors[];

void *__real_memcpy(void *dst, const void *src, size_t len);
void *__real_memmove(void *dst, const void *src, size_t len);
int __real_memcmp(const void *a, const void *b, size_t len);

/* What gcc and clang write for each global. */
struct asan_global {
	vaddr_t start;
	u64 size, size_with_redzone;
	const char *name, *file;
	u64 dynamic_init;
	const void *location;
	u64 odr;
};

static vaddr_t wanted_global; /* not 0: constructors look for it instead of poisoning */
static const char *found_global;

static u8 *shadow_of(vaddr_t va)
{
	return (u8 *)((va >> 3) + LAYOUT_SHADOW_OFFSET);
}

static bool has_shadow(vaddr_t va)
{
	const struct kernel_layout *l = &kernel_layout;

	return (va >= l->direct_base && va < l->direct_end) || (va >= l->image_base && va < l->image_end) ||
		(va >= l->vmap_base && va < l->vmap_end);
}

u8 kasan_shadow(vaddr_t va)
{
	return has_shadow(va) ? *shadow_of(va) : 0;
}

void kasan_set_poison(const void *p, size_t len, enum kasan_code code)
{
	if (has_shadow((vaddr_t)p))
		__real_memset(shadow_of((vaddr_t)p), (int)code, (len + 7) / 8);
}

void kasan_set_valid(const void *p, size_t len)
{
	u8 *shadow = shadow_of((vaddr_t)p);

	if (!has_shadow((vaddr_t)p))
		return;
	__real_memset(shadow, 0, len / 8);
	if (len % 8)
		shadow[len / 8] = len % 8;
}

/* Of the bytes [first, last] of one granule the first that may not be touched; 8: all may be. */
static unsigned bad_in_granule(u8 shadow, unsigned first, unsigned last)
{
	unsigned valid = shadow >= 8 ? 0 : shadow ? shadow : 8;

	return last < valid ? 8 : first > valid ? first : valid;
}

/* The first byte of [va, va+len) that may not be touched; 0: there is none. */
static vaddr_t first_bad(vaddr_t va, size_t len)
{
	vaddr_t last = va + len - 1;
	const u8 *s = shadow_of(va), *end = shadow_of(last);

	if (!len || !has_shadow(va))
		return 0;
	for (; s <= end; s++) {
		unsigned bad;

		if (!((vaddr_t)s & 7) && end - s >= 8 && !*(const u64_any *)s) {
			s += 7;
			continue;
		}
		if (!*s)
			continue;
		bad = bad_in_granule(*s, s == shadow_of(va) ? va & 7 : 0, s == end ? last & 7 : 7);
		if (bad < 8)
			return (((vaddr_t)s - LAYOUT_SHADOW_OFFSET) << 3) + bad;
	}
	return 0;
}

void kasan_check(const void *p, size_t len, bool write, vaddr_t pc)
{
	vaddr_t bad = first_bad((vaddr_t)p, len);

	if (unlikely(bad))
		kasan_report((vaddr_t)p, bad, len, write, pc);
}

#define CALLER ((vaddr_t)__builtin_return_address(0))

/* The compiler's entry points have no header; each is declared where it is defined. */
#define ENTRY(name, ...)                                                                           \
	void name(__VA_ARGS__);                                                                    \
	void name(__VA_ARGS__)

#define ACCESS(kind, is_write, n)                                                                  \
	ENTRY(__asan_##kind##n##_noabort, vaddr_t va)                                              \
	{                                                                                          \
		kasan_check((const void *)va, n, is_write, CALLER);                                \
	}                                                                                          \
	ENTRY(__asan_report_##kind##n##_noabort, vaddr_t va)                                       \
	{                                                                                          \
		kasan_report(va, va, n, is_write, CALLER);                                         \
	}

ACCESS(load, false, 1)
ACCESS(load, false, 2)
ACCESS(load, false, 4)
ACCESS(load, false, 8)
ACCESS(load, false, 16)
ACCESS(store, true, 1)
ACCESS(store, true, 2)
ACCESS(store, true, 4)
ACCESS(store, true, 8)
ACCESS(store, true, 16)

ENTRY(__asan_loadN_noabort, vaddr_t va, size_t len)
{
	kasan_check((const void *)va, len, false, CALLER);
}

ENTRY(__asan_storeN_noabort, vaddr_t va, size_t len)
{
	kasan_check((const void *)va, len, true, CALLER);
}

ENTRY(__asan_report_load_n_noabort, vaddr_t va, size_t len)
{
	kasan_report(va, va, len, false, CALLER);
}

ENTRY(__asan_report_store_n_noabort, vaddr_t va, size_t len)
{
	kasan_report(va, va, len, true, CALLER);
}

/* A stack that is left this way is not used on: threads end, and their stacks are made valid for the next. */
ENTRY(__asan_handle_no_return, void)
{
}

/* Variables that come into and go out of scope; clang calls. */
ENTRY(__asan_unpoison_stack_memory, const void *p, size_t len)
{
	kasan_set_valid(p, len);
}

ENTRY(__asan_poison_stack_memory, const void *p, size_t len)
{
	__real_memset(shadow_of((vaddr_t)p), 0xf8, (len + 7) / 8);
}

#define SET_SHADOW(code)                                                                           \
	ENTRY(__asan_set_shadow_##code, void *shadow, size_t len)                                  \
	{                                                                                          \
		__real_memset(shadow, 0x##code, len);                                              \
	}

SET_SHADOW(00)
SET_SHADOW(f1)
SET_SHADOW(f2)
SET_SHADOW(f3)
SET_SHADOW(f5)
SET_SHADOW(f8)

/* ---- globals ---- */

ENTRY(__asan_register_globals, const struct asan_global *g, size_t n)
{
	for (; n; n--, g++) {
		if (!wanted_global)
			kasan_narrow((const void *)g->start, g->size, g->size_with_redzone, KASAN_GLOBAL);
		else if (wanted_global - g->start < g->size_with_redzone)
			found_global = g->name;
	}
}

ENTRY(__asan_unregister_globals, const struct asan_global *g, size_t n)
{
}

static void run_constructors(void)
{
	for (ctor_fn *const *c = __start_ctors; c < __stop_ctors; c++)
		(*c)();
}

void kasan_init_globals(void)
{
	run_constructors();
}

const char *kasan_find_global(vaddr_t va)
{
	found_global = NULL;
	wanted_global = va;
	run_constructors();
	wanted_global = 0;
	return found_global;
}

/* ---- memory functions ---- */

void *__wrap_memcpy(void *dst, const void *src, size_t len);
void *__wrap_memcpy(void *dst, const void *src, size_t len)
{
	kasan_check(src, len, false, CALLER);
	kasan_check(dst, len, true, CALLER);
	return __real_memcpy(dst, src, len);
}

void *__wrap_memmove(void *dst, const void *src, size_t len);
void *__wrap_memmove(void *dst, const void *src, size_t len)
{
	kasan_check(src, len, false, CALLER);
	kasan_check(dst, len, true, CALLER);
	return __real_memmove(dst, src, len);
}

void *__wrap_memset(void *p, int c, size_t len);
void *__wrap_memset(void *p, int c, size_t len)
{
	kasan_check(p, len, true, CALLER);
	return __real_memset(p, c, len);
}

int __wrap_memcmp(const void *a, const void *b, size_t len);
int __wrap_memcmp(const void *a, const void *b, size_t len)
{
	kasan_check(a, len, false, CALLER);
	kasan_check(b, len, false, CALLER);
	return __real_memcmp(a, b, len);
}

/* clang's names. */
void *__asan_memcpy(void *dst, const void *src, size_t len) __attribute__((alias("__wrap_memcpy")));
void *__asan_memmove(void *dst, const void *src, size_t len) __attribute__((alias("__wrap_memmove")));
void *__asan_memset(void *p, int c, size_t len) __attribute__((alias("__wrap_memset")));
