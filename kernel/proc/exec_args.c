/* SPDX-License-Identifier: BSD-2-Clause */
#include "exec_args.h"
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/binfmts.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <mm/uaccess.h>
#include <sync/wait.h>

static int MUST_CHECK arena_grow(struct exec_arena *ar)
{
	char *page;

	if (ar->npages == ar->cap) {
		u32 cap = ar->cap ? ar->cap * 2 : 8;
		char **pages = krealloc(ar->pages, cap * sizeof(*pages), ALLOC_SLEEP);

		if (!pages)
			return -ENOMEM;
		ar->pages = pages;
		ar->cap = cap;
	}
	page = kmalloc(PAGE_SIZE, ALLOC_SLEEP);
	if (!page)
		return -ENOMEM;
	ar->pages[ar->npages++] = page;
	return 0;
}

/* Room at the end: address and bytes up to the end of its page. */
static int MUST_CHECK arena_room(struct exec_arena *ar, char **out_p, size_t *out_room)
{
	size_t off = ar->len % PAGE_SIZE;
	int err;

	if (ar->len == (size_t)ar->npages * PAGE_SIZE) {
		err = arena_grow(ar);
		if (err)
			return err;
	}
	*out_p = ar->pages[ar->npages - 1] + off;
	*out_room = PAGE_SIZE - off;
	return 0;
}

static int MUST_CHECK arena_add(struct exec_arena *ar, const char *s, size_t limit)
{
	size_t left = strlen(s) + 1, room;
	char *p;

	if (left > MAX_ARG_STRLEN || ar->len + left > limit)
		return -E2BIG;
	while (left) {
		int err = arena_room(ar, &p, &room);

		if (err)
			return err;
		room = min(room, left);
		memcpy(p, s, room);
		s += room;
		left -= room;
		ar->len += room;
	}
	ar->count++;
	return 0;
}

static int MUST_CHECK arena_add_user(struct exec_arena *ar, struct uptr s, size_t limit)
{
	size_t start = ar->len, room;
	char *p;

	for (;;) {
		int err = arena_room(ar, &p, &room);
		ssize_t n;

		if (err)
			return err;
		n = arch_strncpy_from_user(p, s, room);
		if (n >= 0) {
			ar->len += (size_t)n + 1;
			ar->count++;
			return ar->len > limit || ar->len - start > MAX_ARG_STRLEN ? -E2BIG : 0;
		}
		if (n != -ENAMETOOLONG)
			return (int)n;
		ar->len += room;
		s = uptr_add(s, room);
		if (ar->len > limit || ar->len - start > MAX_ARG_STRLEN)
			return -E2BIG;
	}
}

static int MUST_CHECK arena_add_array(struct exec_arena *ar, struct uptr array, size_t limit)
{
	u64 va;

	if (uptr_is_null(array))
		return 0;
	for (;; array = uptr_add(array, sizeof(u64))) {
		int err = user_load64(&va, array);

		if (err || !va)
			return err;
		if (ar->len + ar->count * sizeof(u64) > limit)
			return -E2BIG;
		err = arena_add_user(ar, uptr_make(va), limit);
		if (err)
			return err;
		if (ar->count % 64 == 0 && thread_kill_pending())
			return -EINTR;
	}
}

static int MUST_CHECK args_check(struct exec_args *a)
{
	if (!a->argv.count) {
		int err = arena_add(&a->argv, "", a->limit);

		if (err)
			return err;
	}
	if (a->argv.len + a->envp.len + (a->argv.count + a->envp.count) * sizeof(u64) > a->limit)
		return -E2BIG;
	return 0;
}

int exec_args_from_user(struct exec_args *a, struct uptr argv, struct uptr envp)
{
	int err = arena_add_array(&a->argv, argv, a->limit);

	if (!err)
		err = arena_add_array(&a->envp, envp, a->limit);
	return err ? err : args_check(a);
}

int exec_args_from_kernel(struct exec_args *a, const char *const *argv, const char *const *envp)
{
	int err = 0;

	for (; !err && *argv; argv++)
		err = arena_add(&a->argv, *argv, a->limit);
	for (; !err && *envp; envp++)
		err = arena_add(&a->envp, *envp, a->limit);
	return err ? err : args_check(a);
}

int exec_args_prepend(struct exec_args *a, const char *s)
{
	char *copy;

	if (a->nprefix == EXEC_PREFIX_MAX)
		return -E2BIG;
	copy = kstrdup(s, ALLOC_SLEEP);
	if (!copy)
		return -ENOMEM;
	a->prefix[a->nprefix++] = copy;
	return 0;
}

void exec_args_drop_first(struct exec_args *a)
{
	if (a->nprefix)
		kfree(a->prefix[--a->nprefix]);
	else
		a->drop_first = true;
}

static void arena_free(struct exec_arena *ar)
{
	for (u32 i = 0; i < ar->npages; i++)
		kfree(ar->pages[i]);
	kfree(ar->pages);
}

void exec_args_free(struct exec_args *a)
{
	arena_free(&a->argv);
	arena_free(&a->envp);
	while (a->nprefix)
		kfree(a->prefix[--a->nprefix]);
}

u32 exec_args_argc(const struct exec_args *a)
{
	return a->argv.count - a->drop_first + a->nprefix;
}

/* Bytes of the first string of an arena, with its NUL. */
static size_t arena_first_len(const struct exec_arena *ar)
{
	size_t len = 0;

	for (u32 i = 0; i < ar->npages; i++) {
		size_t n = strnlen(ar->pages[i], min((size_t)PAGE_SIZE, ar->len - (size_t)i * PAGE_SIZE));

		len += n;
		if (n < PAGE_SIZE)
			break;
	}
	return len + 1;
}

size_t exec_args_size(const struct exec_args *a)
{
	size_t size = a->argv.len + a->envp.len;

	if (a->drop_first)
		size -= arena_first_len(&a->argv);
	for (u32 i = 0; i < a->nprefix; i++)
		size += strlen(a->prefix[i]) + 1;
	return size;
}

struct writer {
	struct vm_space *s;
	vaddr_t va;
	bool at_start; /* of a string */
	int (*fn)(vaddr_t, void *);
	void *arg;
};

static int MUST_CHECK write_bytes(struct writer *w, const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (w->at_start) {
			int err = w->fn(w->va + i, w->arg);

			if (err)
				return err;
		}
		size_t n = strnlen(p + i, len - i);

		i += n;
		w->at_start = i < len;
	}
	if (vm_access(w->s, w->va, (void *)p, len, true, true) != (ssize_t)len)
		return -EFAULT;
	w->va += len;
	return 0;
}

static int MUST_CHECK write_arena(struct writer *w, const struct exec_arena *ar, size_t skip)
{
	size_t pos = skip;

	while (pos < ar->len) {
		size_t off = pos % PAGE_SIZE;
		size_t n = min(PAGE_SIZE - off, ar->len - pos);
		int err = write_bytes(w, ar->pages[pos / PAGE_SIZE] + off, n);

		if (err)
			return err;
		pos += n;
	}
	return 0;
}

int exec_args_write(
	const struct exec_args *a, struct vm_space *s, vaddr_t va, int (*fn)(vaddr_t, void *), void *arg)
{
	struct writer w = {.s = s, .va = va, .at_start = true, .fn = fn, .arg = arg};
	int err;

	for (u32 i = a->nprefix; i-- > 0;) {
		err = write_bytes(&w, a->prefix[i], strlen(a->prefix[i]) + 1);
		if (err)
			return err;
	}
	err = write_arena(&w, &a->argv, a->drop_first ? arena_first_len(&a->argv) : 0);
	return err ? err : write_arena(&w, &a->envp, 0);
}
