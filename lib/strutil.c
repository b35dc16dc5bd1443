/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/string.h>

#include <lib/errno.h>

ssize_t strscpy(char *dst, const char *src, size_t size)
{
	size_t len = strnlen(src, size);

	if (len < size) {
		memcpy(dst, src, len + 1);
		return (ssize_t)len;
	}
	if (size) {
		memcpy(dst, src, size - 1);
		dst[size - 1] = '\0';
	}
	return -E2BIG;
}

ssize_t strscat(char *dst, const char *src, size_t size)
{
	size_t old = strnlen(dst, size);
	ssize_t more = strscpy(dst + old, src, size - old);

	return more < 0 ? more : (ssize_t)old + more;
}

char *str_chr_or_end(const char *s, int c)
{
	while (*s && *s != (char)c)
		s++;
	return (char *)s;
}

bool str_has_prefix(const char *s, const char *prefix)
{
	while (*prefix) {
		if (*s++ != *prefix++)
			return false;
	}
	return true;
}

void *memchr_inv(const void *p, int c, size_t len)
{
	u64 pattern = (u8)c * 0x0101010101010101ULL;
	const u8 *s = p;

	for (; len >= 8 && *(const u64_any *)s == pattern; len -= 8)
		s += 8;
	for (; len; len--, s++) {
		if (*s != (u8)c)
			return (void *)s;
	}
	return NULL;
}

bool mem_is_zero(const void *p, size_t len)
{
	return memchr_inv(p, 0, len) == NULL;
}

void memzero_explicit(void *p, size_t len)
{
	memset(p, 0, len);
	__asm__ volatile("" : : "r"(p) : "memory");
}

bool mem_equal_consttime(const void *a, const void *b, size_t len)
{
	const u8 *p = a, *q = b;
	unsigned differ = 0;

	for (size_t i = 0; i < len; i++) {
		differ |= p[i] ^ q[i];
		OPAQUE(differ);
	}
	return differ == 0;
}
