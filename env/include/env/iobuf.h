/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * iobuf: someone's bytes, wherever they live: a list of segments of kernel memory, of user memory, or of page frames, with a position.
 * Data path code moves bytes into and out of it and never asks whose they are. Consumers advance it; iobuf_revert takes back.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct page;

enum iobuf_kind { IOBUF_KERNEL, IOBUF_USER, IOBUF_PAGES };

struct iobuf_seg {
	union {
		u64 base;	/* kernel pointer or user address */
		struct page *page;
	};
	u32 page_off;		/* IOBUF_PAGES */
	size_t len;
};

struct iobuf {
	u8 kind;		/* enum iobuf_kind */
	u32 nsegs;		/* from *segs on, the current one included */
	const struct iobuf_seg *segs;
	size_t seg_off;		/* consumed of segs[0] */
	size_t left;		/* bytes left in all */
	struct iobuf_seg one;	/* storage for a single segment */
};

static inline void iobuf_init_kernel(struct iobuf *b, void *base, size_t len)
{
	*b = (struct iobuf){.kind = IOBUF_KERNEL,
		.nsegs = 1,
		.segs = &b->one,
		.left = len,
		.one = {.base = (u64)(unsigned long)base, .len = len}};
}

/* The range is checked to lie in the user half: -EFAULT. */
int iobuf_init_user(struct iobuf *b, struct uptr base, size_t len) MUST_CHECK;

static inline void iobuf_init_segs(
	struct iobuf *b, enum iobuf_kind kind, const struct iobuf_seg *segs, u32 nsegs)
{
	*b = (struct iobuf){.kind = (u8)kind, .nsegs = nsegs, .segs = segs};
	for (u32 i = 0; i < nsegs; i++)
		b->left += segs[i].len;
}

/*
 * Move up to @len bytes between @mem and the front of the buffer and advance it. Returns the bytes moved: short when the buffer ends, or
 * when user memory faults (then 0 or short, and the caller returns -EFAULT if nothing moved). May sleep for user memory.
 */
size_t iobuf_put(struct iobuf *to, const void *mem, size_t len);
size_t iobuf_get(struct iobuf *from, void *mem, size_t len);
size_t iobuf_zero(struct iobuf *to, size_t len);

/* Past @len bytes, at most what is left, and past empty segments. */
static inline void iobuf_advance(struct iobuf *b, size_t len)
{
	b->left -= len;
	b->seg_off += len;
	while (b->nsegs > 1 && b->seg_off >= b->segs->len) {
		b->seg_off -= b->segs->len;
		b->segs++;
		b->nsegs--;
	}
}

/* At most @len bytes of it; to walk one twice copy the struct before use. */
static inline void iobuf_limit(struct iobuf *b, size_t len)
{
	if (len < b->left)
		b->left = len;
}

/* Touch the user pages of the next @len bytes so that a copy with page faults disabled can succeed: bytes accessible (0: -EFAULT). */
size_t iobuf_fault_in(struct iobuf *b, size_t len, bool write);
