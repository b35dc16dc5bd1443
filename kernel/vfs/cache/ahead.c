/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading ahead.
 *
 * An open file has a window of pages that were read for it. One page in it is marked AHEAD; whoever comes there starts the next window, twice as large up to the
 * device's limit, so that a steady reader never waits:
 *
 *	start          start + size - async            start + size
 *	|--------------------|AHEAD ------------------------|  next window |
 *
 * A miss tells what the reader does. At the start of the file, or behind the last page that was read, or behind a page that is cached (another stream went
 * through here): a sequential stream begins. The same distance as twice before: a strided one; the next places are read. Else it is random, and only what
 * was asked for is read. Faults read around the address unless the area says otherwise (madvise), and not at all once that has proved useless.
 *
 * All state is the open file's and changed without a lock: two threads on one file spoil each other's guesses, nothing else.
 */
#include "cache_impl.h"
#include <lib/bits.h>
#include <mm/space.h>
#include <sync/rcu.h>
#include <vfs/file.h>

#define STRIDES	   2	/* so many times the same distance makes a stream */
#define STRIDE_MAX 1024 /* pages */
#define MISSES_MAX 64

struct ahead {
	struct file_cache *c;
	u64 wanted; /* somebody waits for pages below */
	u64 mark;   /* index of the page to be marked */
};

static bool is_cached(struct vm_object *obj, u64 index)
{
	bool there;

	rcu_read_lock();
	there = radix_lookup(&obj->pages, index) != NULL;
	rcu_read_unlock();
	return there;
}

/* A fresh page for @index on its way into @io. -EEXIST: there is one. */
static int add_fresh(const struct ahead *a, struct vm_io **io, u64 index, u64 end)
{
	unsigned alloc = ALLOC_USER | (index < a->wanted ? 0 : ALLOC_NOWAIT);
	struct page *page = page_alloc(0, alloc);
	int err;

	if (!page)
		return -ENOMEM;
	if (!*io)
		*io = cache_io_new(a->c, index, (unsigned)min_t(u64, end - index, a->c->bdi->io_pages), index < a->wanted ? 0 : VM_IO_AHEAD, alloc & ~(unsigned)ALLOC_USER);
	if (!*io) {
		page_free(page, 0);
		return -ENOMEM;
	}
	err = vm_object_add(cache_object(a->c), index, page);
	if (err)
		return err;
	if (index == a->mark)
		__atomic_fetch_or(&page->flags, PAGE_F_AHEAD, __ATOMIC_RELAXED);
	cache_io_add(*io, page);
	page_put(page);
	return 0;
}

/* Read what is not there of @n pages from @index on. */
static void read_range(const struct ahead *a, u64 index, u64 n)
{
	struct vm_object *obj = cache_object(a->c);
	u64 pages = DIV_ROUND_UP(READ_ONCE(obj->size), PAGE_SIZE), end = min(index + n, pages);
	struct vm_io *io = NULL;

	for (; index < end; index++) {
		int err = is_cached(obj, index) ? -EEXIST : 0;

		if (io && !cache_io_fits(io, index)) {
			cache_io_submit(io);
			io = NULL;
		}
		if (!err)
			err = add_fresh(a, &io, index, end);
		if (err && err != -EEXIST)
			break;
	}
	if (io)
		cache_io_submit(io);
}

static u32 window_max(const struct file_cache *c, const struct file_ahead *ra)
{
	u32 max = READ_ONCE(c->bdi->ahead_pages);

	return READ_ONCE(ra->mode) == AHEAD_SEQUENTIAL ? 2 * max : max;
}

static u32 first_window(u64 want, u32 max)
{
	u64 size = 1ull << (want > 1 ? 64 - clz64(want - 1) : 0);

	if (size <= max / 32)
		size *= 4;
	else if (size <= max / 4)
		size *= 2;
	return (u32)clamp_t(u64, size, min(4u, max), max);
}

static u32 next_window(u32 size, u32 max)
{
	return min(size < max / 16 ? 4 * size : 2 * size, max);
}

static void read_window(struct file_cache *c, const struct file_ahead *ra, u64 wanted)
{
	struct ahead a = {.c = c, .wanted = wanted, .mark = ra->async ? ra->start + ra->size - ra->async : ~0ull};

	read_range(&a, ra->start, ra->size);
}

/* The next places of a strided stream; the middle one asks for more. */
static void read_strides(struct file_cache *c, struct file_ahead *ra, u64 index, u64 want)
{
	struct ahead a = {.c = c, .wanted = index + want, .mark = ~0ull};
	unsigned n = min(2u * ra->strides, 8u);
	u64 at = index;

	read_range(&a, index, want);
	for (unsigned i = 1; i <= n; i++) {
		at += (u64)(s64)ra->stride;
		a.mark = i == (n + 1) / 2 ? at : ~0ull;
		read_range(&a, at, want);
	}
}

/* Is the reader at @index going in equal steps? */
static bool note_stride(struct file_ahead *ra, u64 index)
{
	s64 step = (s64)(index - ra->prev);

	if (step <= 1 || step > STRIDE_MAX) {
		ra->strides = 0;
		return false;
	}
	if (step != ra->stride) {
		ra->stride = (s32)step;
		ra->strides = 1;
		return false;
	}
	if (ra->strides < 255)
		ra->strides++;
	return ra->strides >= STRIDES;
}

static void begin_stream(struct file_cache *c, struct file_ahead *ra, u64 index, u64 want, u32 max)
{
	ra->start = index;
	ra->size = first_window(want, max);
	ra->async = ra->size > want ? (u32)(ra->size - want) : ra->size;
	read_window(c, ra, index + want);
}

/* The page at @index is not there; @want pages from it on will be read. */
static void on_miss(struct file_cache *c, struct file_ahead *ra, u64 index, u64 want)
{
	u32 max = window_max(c, ra);
	struct ahead only = {.c = c, .wanted = index + want, .mark = ~0ull};
	bool strided = note_stride(ra, index);

	want = min_t(u64, want, max(max, 1u));
	if (!max || READ_ONCE(ra->mode) == AHEAD_RANDOM) {
		read_range(&only, index, want);
	} else if (ra->size && index == ra->start + ra->size) {
		ra->start = index;
		ra->size = max_t(u32, next_window(ra->size, max), (u32)want);
		ra->async = ra->size;
		read_window(c, ra, index + want);
	} else if (index <= 1 || index == ra->prev || index == ra->prev + 1 || want > max / 2 || READ_ONCE(ra->mode) == AHEAD_SEQUENTIAL) {
		begin_stream(c, ra, index, want, max);
	} else if (strided) {
		read_strides(c, ra, index, want);
	} else if (is_cached(cache_object(c), index - 1)) {
		begin_stream(c, ra, index, want, max);
	} else {
		read_range(&only, index, want);
	}
}

/* The reader has come to a marked page: the next window. */
static void on_mark(struct file_cache *c, struct file_ahead *ra, u64 index, u64 want)
{
	u32 max = window_max(c, ra);

	if (!max || READ_ONCE(ra->mode) == AHEAD_RANDOM)
		return;
	if (ra->size && index == ra->start + ra->size - ra->async) {
		ra->start += ra->size;
		ra->size = next_window(ra->size, max);
	} else if (note_stride(ra, index)) {
		read_strides(c, ra, index, want);
		return;
	} else {
		/* Somebody else's mark, or an old one: go on behind what is cached. */
		u64 gap = vm_object_seek(cache_object(c), index, false);

		if (gap - index > max)
			return;
		ra->start = gap;
		ra->size = next_window((u32)(gap - index) + 1, max);
	}
	ra->async = ra->size;
	read_window(c, ra, 0);
}

void cache_read_miss(struct file *f, struct file_cache *c, u64 index, u64 want)
{
	on_miss(c, &f->ahead, index, want);
}

void cache_read_mark(struct file *f, struct file_cache *c, struct page *page, u64 want)
{
	if (__atomic_fetch_and(&page->flags, (u16)~PAGE_F_AHEAD, __ATOMIC_RELAXED) & PAGE_F_AHEAD)
		on_mark(c, &f->ahead, page_index(page), want);
}

void cache_fault_ahead(struct file *f, struct file_cache *c, u64 index, u32 vm_flags)
{
	struct file_ahead *ra = &f->ahead;
	struct page *page = vm_object_find(cache_object(c), index);
	u32 max = window_max(c, ra);

	if (page) {
		if (ra->misses)
			ra->misses--;
		if (READ_ONCE(page->flags) & PAGE_F_AHEAD)
			cache_read_mark(f, c, page, 1);
		page_put(page);
	} else if (vm_flags & VM_SEQ_READ) {
		on_miss(c, ra, index, 1);
	} else if (!(vm_flags & VM_RAND_READ) && max && ra->misses < MISSES_MAX) {
		ra->misses += 2;
		ra->start = index > max / 2 ? index - max / 2 : 0;
		ra->size = max;
		ra->async = max / 4;
		read_window(c, ra, index + 1);
	}
	ra->prev = index;
}

void cache_ahead(struct file_cache *c, u64 index, u64 n)
{
	struct ahead a = {.c = c, .mark = ~0ull};
	u64 pages = DIV_ROUND_UP(READ_ONCE(cache_object(c)->size), PAGE_SIZE);

	if (index < pages)
		read_range(&a, index, min(n, pages - index));
}
