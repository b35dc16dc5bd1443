/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iobuf in host and sim: all kinds are memory of the test. A page frame is 4096 bytes of it,
 * aligned, and its struct page * is their address. "User" memory never faults.
 */
#include <lib/string.h>
#include <env/iobuf.h>

int iobuf_init_user(struct iobuf *b, struct uptr base, size_t len)
{
	*b = (struct iobuf){.kind = IOBUF_USER,
		.nsegs = 1,
		.segs = &b->one,
		.left = len,
		.one = {.base = base.va, .len = len}};
	return 0;
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
