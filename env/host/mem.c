/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory, log and injected failures of host and sim. A header before each object knows its size, so
 * that a free with another size stops the test; the rest is the sanitizer's.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <lib/hash.h>
#include <lib/string.h>
#include <env/log.h>
#include <env/mem.h>
#include <env_host/host.h>

#define HEADER_MAGIC 0x6d656d2d656e7630ull

struct header {
	u64 magic, size;
};

static u64 live_bytes, live_objects, allocs, fail_at, points, point_at; /* atomic */
static int log_level = ENV_LOG_WARN;

/* Count an event; whether it is the one that fails. */
static bool nth(u64 *count, const u64 *at)
{
	u64 n = __atomic_add_fetch(count, 1, __ATOMIC_RELAXED);

	return n == __atomic_load_n(at, __ATOMIC_RELAXED);
}

static size_t room(size_t size)
{
	return size >= 4096 ? 4096 : sizeof(struct header);
}

void *env_alloc(size_t size, unsigned flags)
{
	struct header *h;
	char *block;

	ENV_ASSERT(size);
	if (nth(&allocs, &fail_at))
		return NULL;
	if (posix_memalign((void **)&block, room(size), align_up(room(size) + size, room(size))))
		return NULL;
	memset(block + room(size), flags & ENV_ALLOC_ZERO ? 0 : 0xa5, size);
	h = (struct header *)(block + room(size)) - 1;
	*h = (struct header){HEADER_MAGIC, size};
	__atomic_add_fetch(&live_bytes, size, __ATOMIC_RELAXED);
	__atomic_add_fetch(&live_objects, 1, __ATOMIC_RELAXED);
	return h + 1;
}

void env_free(void *p, size_t size)
{
	struct header *h;

	if (!p)
		return;
	h = (struct header *)p - 1;
	ENV_ASSERT(h->magic == HEADER_MAGIC);
	ENV_ASSERT(h->size == size);
	h->magic = 0;
	__atomic_sub_fetch(&live_bytes, size, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&live_objects, 1, __ATOMIC_RELAXED);
	free((char *)p - room(size));
}

u64 host_live_bytes(void)
{
	return __atomic_load_n(&live_bytes, __ATOMIC_RELAXED);
}

u64 host_live_objects(void)
{
	return __atomic_load_n(&live_objects, __ATOMIC_RELAXED);
}

void host_fail_alloc(u64 n)
{
	__atomic_store_n(&allocs, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&fail_at, n, __ATOMIC_RELAXED);
}

u64 host_allocs(void)
{
	return __atomic_load_n(&allocs, __ATOMIC_RELAXED);
}

void host_fail_point(u64 n)
{
	__atomic_store_n(&points, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&point_at, n, __ATOMIC_RELAXED);
}

u64 host_points(void)
{
	return __atomic_load_n(&points, __ATOMIC_RELAXED);
}

bool env_fault(const char *point)
{
	return nth(&points, &point_at);
}

void host_log_level(int level)
{
	log_level = level;
}

void env_log(enum env_log_level level, const char *fmt, ...)
{
	va_list args;

	if ((int)level > log_level)
		return;
	va_start(args, fmt);
	fputs("env: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
}

void env_random(void *buf, size_t len)
{
	u8 *p = buf;

	while (len--)
		*p++ = (u8)host_random();
}

void env_bug(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, what);
	abort();
}
