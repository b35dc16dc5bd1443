/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory and strings. On the host the functions that C defines are libc's; the kernel's own are in
 * lib/memcpy.c (or the processor's arch/X/memcpy.c), lib/memcmp.c and lib/string.c. strscpy and the
 * others at the end are ours in both homes.
 */
#pragma once

#include <lib/types.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t len);
void *memmove(void *dst, const void *src, size_t len);
void *memset(void *dst, int c, size_t len);
int memcmp(const void *a, const void *b, size_t len);
void *memchr(const void *p, int c, size_t len);

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);
int strcasecmp(const char *a, const char *b);
int strncasecmp(const char *a, const char *b, size_t max);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *find);
size_t strspn(const char *s, const char *accept);
size_t strcspn(const char *s, const char *reject);
char *strpbrk(const char *s, const char *accept);
char *strsep(char **s, const char *delim);

/*
 * Copy @src with its NUL into @dst of @size bytes; cut it if it does not fit. @dst is terminated
 * unless @size is 0.
 * Returns: the length copied, or -E2BIG if something was cut.
 */
ssize_t strscpy(char *dst, const char *src, size_t size);

/* As strscpy, at the end of the string in @dst; returns the whole length. */
ssize_t strscat(char *dst, const char *src, size_t size);

/* As strchr, but the end of the string instead of NULL. */
char *str_chr_or_end(const char *s, int c);

bool str_has_prefix(const char *s, const char *prefix);

/* The first byte of @len that is not @c, or NULL. */
void *memchr_inv(const void *p, int c, size_t len);

bool mem_is_zero(const void *p, size_t len);

/* Fill with zeroes, and never be optimised away: for secrets. */
void memzero_explicit(void *p, size_t len);

/* memcmp(a, b, len) == 0 in a time that depends on @len only. */
bool mem_equal_consttime(const void *a, const void *b, size_t len);

#if !__STDC_HOSTED__ && !defined(LIB_STRING_IMPL)
/* -ffreestanding forgets what these mean; the compiler expands small constant sizes when told. */
#define memcpy(d, s, n)  __builtin_memcpy(d, s, n)
#define memmove(d, s, n) __builtin_memmove(d, s, n)
#define memset(p, c, n)  __builtin_memset(p, c, n)
#define memcmp(a, b, n)  __builtin_memcmp(a, b, n)
#define strlen(s)        __builtin_strlen(s)
#endif
