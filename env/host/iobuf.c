/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iobuf in host and sim: all kinds are memory of the test. A page frame is 4096 bytes of it,
 * aligned, and its struct page * is their address. "User" memory never faults.
 */
#include <lib/string.h>
#include <env/iobuf.h>
#include <env/log.h>

void iobuf_init_kernel(struct iobuf *b, void *base, size_t len)
{
	*b = (struct iobuf){.kind = IOBUF_KERNEL,
		.nsegs = 1,
		.segs = &b->one,
		.left = len,
		.one = {.base = (u64)(unsigned long)base, .len = len}};
}

int iobuf_init_user(struct iobuf *b, struct uptr base, size_t len)
{
	*b = (struct iobuf){.kind = IOBUF_USER,
		.nsegs = 1,
		.segs = &b->one,
		.left = len,
		.one = {.base = base.va, .len = len}};
	return 0;
}

void iobuf_init_segs(struct iobuf *b, enum iobuf_kind kind, const struct iobuf_seg *segs, u32 nsegs)
{
	*b = (struct iobuf){.kind = (u8)kind, .nsegs = nsegs, .segs = segs};
	for (u32 i = 0; i < nsegs; i++)
		b->left += segs[i].len;
}

void iobuf_advance(struct iobuf *b, size_t len)
{
	ENV_ASSERT(len <= b->left);
	b->left -= len;
	b->seg_off += len;
	while (b->nsegs > 1 && b->seg_off >= b->segs->len) {
		b->seg_off -= b->segs->len;
		b->segs++;
		b->nsegs--;
	}
}

void iobuf_limit(struct iobuf *b, size_t len)
{
	if (len < b->left)
		b->left = len;
}

/* The next piece that lies in a row: its address, at most *len bytes. */
static char *next_piece(struct iobuf *b, size_t *len)
{
	const struct iobuf_seg *s;

	iobuf_advance(b, 0); /* over empty segments */
	s = b->segs;
	*len = min(*len, s->len - b->seg_off);
	return (char *)(unsigned long)s->base + (b->kind == IOBUF_PAGES ? s->page_off : 0) +
	       b->seg_off;
}

size_t iobuf_put(struct iobuf *to, const void *mem, size_t len)
{
	size_t done = 0, n;

	for (len = min(len, to->left); done < len; done += n) {
		char *at;

		n = len - done;
		at = next_piece(to, &n);
		memcpy(at, (const char *)mem + done, n);
		iobuf_advance(to, n);
	}
	return done;
}

size_t iobuf_get(struct iobuf *from, void *mem, size_t len)
{
	size_t done = 0, n;

	for (len = min(len, from->left); done < len; done += n) {
		char *at;

		n = len - done;
		at = next_piece(from, &n);
		memcpy((char *)mem + done, at, n);
		iobuf_advance(from, n);
	}
	return done;
}

size_t iobuf_zero(struct iobuf *to, size_t len)
{
	size_t done = 0, n;

	for (len = min(len, to->left); done < len; done += n) {
		char *at;

		n = len - done;
		at = next_piece(to, &n);
		memset(at, 0, n);
		iobuf_advance(to, n);
	}
	return done;
}

size_t iobuf_fault_in(struct iobuf *b, size_t len, bool write)
{
	return min(len, b->left);
}
