/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iobuf in the kernel: kernel memory, user memory by <mm/uaccess.h>, page frames by their direct map.
 */
#include <env/iobuf.h>
#include <arch/mmu.h>
#include <arch/usercopy.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/page.h>

int iobuf_init_user(struct iobuf *b, struct uptr base, size_t len)
{
	if (unlikely(len > USER_VA_END || base.va > USER_VA_END - len))
		return -EFAULT;
	b->kind = IOBUF_USER;
	b->nsegs = 1;
	b->segs = &b->one;
	b->seg_off = 0;
	b->left = len;
	b->one.base = base.va;
	b->one.page_off = 0;
	b->one.len = len;
	return 0;
}

enum move { MOVE_PUT, MOVE_GET, MOVE_ZERO };

/* Within one segment: bytes moved. */
static inline size_t move_piece(const struct iobuf *b, void *mem, size_t n, enum move how)
{
	const struct iobuf_seg *s = b->segs;
	char *at;

	if (likely(b->kind == IOBUF_USER)) {
		struct uptr u = {s->base + b->seg_off};

		switch (how) {
		case MOVE_PUT: return n - arch_copy_to_user(u, mem, n);
		case MOVE_GET: return n - arch_copy_from_user(mem, u, n);
		default: return n - arch_clear_user(u, n);
		}
	}
	at = b->kind == IOBUF_KERNEL ? (char *)(unsigned long)s->base : (char *)page_va(s->page) + s->page_off;
	at += b->seg_off;
	switch (how) {
	case MOVE_PUT: memcpy(at, mem, n); break;
	case MOVE_GET: memcpy(mem, at, n); break;
	default: memset(at, 0, n);
	}
	return n;
}

static __always_inline size_t move_bytes(struct iobuf *b, char *mem, size_t len, enum move how)
{
	size_t done = 0;

	if (len > b->left)
		len = b->left;
	while (len) {
		size_t n = min(len, b->segs->len - b->seg_off), moved;

		moved = n ? move_piece(b, mem + (how == MOVE_ZERO ? 0 : done), n, how) : 0;
		done += moved;
		len -= moved;
		iobuf_advance(b, moved);
		if (unlikely(moved < n))
			break;
	}
	return done;
}

size_t iobuf_put(struct iobuf *to, const void *mem, size_t len)
{
	return move_bytes(to, (char *)(unsigned long)mem, len, MOVE_PUT);
}

size_t iobuf_get(struct iobuf *from, void *mem, size_t len)
{
	return move_bytes(from, mem, len, MOVE_GET);
}

size_t iobuf_zero(struct iobuf *to, size_t len)
{
	return move_bytes(to, NULL, len, MOVE_ZERO);
}

/* Writing must not change what another thread writes just now: exchange a word with itself. */
static bool touch(struct uptr u, bool write)
{
	struct uptr word = {u.va & ~3ull};
	u32 v;

	return !user_load32(&v, word) && (!write || !arch_user_cmpxchg32(word, v, v, &v));
}

size_t iobuf_fault_in(struct iobuf *b, size_t len, bool write)
{
	struct iobuf at = *b;
	size_t ok = 0;

	if (len > b->left)
		len = b->left;
	if (b->kind != IOBUF_USER)
		return len;
	if (b->segs == &b->one)
		at.segs = &at.one;
	while (ok < len) {
		size_t n = min(len - ok, at.segs->len - at.seg_off);
		struct uptr u = {at.segs->base + at.seg_off};

		if (!n) {
			iobuf_advance(&at, 0);
			continue;
		}
		n = min_t(size_t, n, PAGE_SIZE - u.va % PAGE_SIZE);
		if (!touch(u, write))
			break;
		ok += n;
		iobuf_advance(&at, n);
	}
	return ok;
}
