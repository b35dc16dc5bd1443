/* SPDX-License-Identifier: BSD-2-Clause */
#include "pkt.h"

#include <env/mem.h>
#include <lib/errno.h>
#include "csum.h"
#include "sock.h"

/*
 * One allocation: the buffer's head, the first pkt over it, its bytes. A pkt may come to have other bytes than those it was born with;
 * then it counts in both blocks, that where it lives (home) and that of its bytes (buf).
 */
struct block {
	struct pkt_buf buf;
	struct pkt first;
	u8 mem[] __aligned(16);
};
static_assert(sizeof(struct block) <= PKT_HEAD_MAX, "pieces of 32 KiB");

static const u32 block_sizes[] = {512, 1024, 2048, 4096, 8192, 16384, 32768};

/* What the allocator would round up to anyhow is room; whole runs of pages it has at hand, and no part of one. */
static u32 round_size(u32 size)
{
	for (unsigned i = 0; i < ARRAY_SIZE(block_sizes); i++)
		if (size <= block_sizes[i] - sizeof(struct block))
			return block_sizes[i] - (u32)sizeof(struct block);
	return (u32)(align_up(size + sizeof(struct block), (size_t)4096) - sizeof(struct block));
}

struct pkt *pkt_alloc(u32 headroom, u32 size)
{
	u32 room = round_size(headroom + size);
	struct block *b = env_alloc(sizeof(*b) + room, ENV_ALLOC_NOWAIT);
	struct pkt *p;

	if (!b)
		return NULL;
	refcount_set(&b->buf.refs, 1);
	b->buf.size = room;
	b->buf.mem = b->mem;
	b->buf.free = NULL;
	p = &b->first;
	memset(p, 0, sizeof(*p));
	p->buf = p->home = &b->buf;
	p->data = b->mem + headroom;
	return p;
}

static void buf_put(struct pkt_buf *b)
{
	if (atomic_load_acquire(&b->refs.n) != 1 && !refcount_dec_and_test(&b->refs))
		return; /* the only holder needs no locked instruction */
	if (b->free)
		b->free(b);
	else
		env_free(container_of(b, struct block, buf), sizeof(struct block) + b->size);
}

static void free_piece(struct pkt *p)
{
	struct pkt_buf *b = p->buf, *home = p->home;

	if (!home)
		env_free(p, sizeof(*p));
	else if (home != b)
		buf_put(home);
	buf_put(b);
}

void pkt_free(struct pkt *p)
{
	struct pkt *more;

	if (p && p->owner)
		pkt_drop_owner(p);
	for (; p; p = more) {
		more = p->more;
		free_piece(p);
	}
}

void pkt_free_queue(struct pkt_queue *q)
{
	struct pkt *p;

	while ((p = pkt_queue_take(q)))
		pkt_free(p);
}

static struct pkt *clone_piece(const struct pkt *from)
{
	struct pkt *p = env_alloc(sizeof(*p), ENV_ALLOC_NOWAIT);

	if (!p)
		return NULL;
	*p = *from;
	refcount_inc(&p->buf->refs);
	p->next = p->more = NULL;
	p->home = NULL;
	p->owner = NULL;
	p->owner_kind = PKT_OWNER_NONE;
	p->charge = 0;
	return p;
}

struct pkt *pkt_clone(const struct pkt *from)
{
	struct pkt *head = clone_piece(from), *last = head;

	for (from = from->more; head && from; from = from->more) {
		last->more = clone_piece(from);
		if (!last->more) {
			pkt_free(head);
			return NULL;
		}
		last = last->more;
	}
	return head;
}

struct pkt *pkt_slice(const struct pkt *from, u32 off, u32 len, u32 headroom)
{
	struct pkt *head = pkt_alloc(headroom, 0), **link;

	if (!head)
		return NULL;
	head->total = len;
	for (link = &head->more; len && from; from = from->more) {
		struct pkt *p;
		u32 n;

		if (off >= from->len) {
			off -= from->len;
			continue;
		}
		p = clone_piece(from);
		if (!p) {
			pkt_free(head);
			return NULL;
		}
		n = min(len, p->len - off);
		p->data += off;
		p->len = p->total = n;
		off = 0;
		len -= n;
		*link = p;
		link = &p->more;
	}
	return head;
}

/* Drop @n bytes in front of the list of pieces @p; what is left of it. */
static struct pkt *drop_front(struct pkt *p, u32 n)
{
	while (p && n >= p->len) {
		struct pkt *more = p->more;

		n -= p->len;
		free_piece(p);
		p = more;
	}
	if (p) {
		p->data += n;
		p->len -= n;
	}
	return p;
}

/* Give @p a first piece of its own: @headroom, the first @n bytes copied; the rest of the bytes follow, shared. False: no memory. */
static bool rehead(struct pkt *p, u32 headroom, u32 n)
{
	struct pkt *fresh = pkt_alloc(headroom, n), *old = NULL;
	u32 shift;

	if (!fresh)
		return false;
	if (n < p->len) {
		old = clone_piece(p);
		if (!old) {
			pkt_free(fresh);
			return false;
		}
	}
	pkt_copy_out(p, 0, fresh->data, n);
	if (old)
		old->more = p->more;
	p->more = old ? drop_front(old, n) : drop_front(p->more, n - p->len);
	shift = headroom - pkt_headroom(p); /* modulo 2^32 */
	p->mac_off = (u16)(p->mac_off + shift);
	p->net_off = (u16)(p->net_off + shift);
	p->transport_off = (u16)(p->transport_off + shift);
	if (p->buf != p->home)
		buf_put(p->buf);
	p->buf = fresh->buf; /* with the reference of fresh, which is no more */
	p->data = fresh->data;
	p->len = n;
	return true;
}

#define HEADERS_MAX 256 /* copied when a header is pushed and there is no room: offsets into them stay good */

u8 *pkt_push(struct pkt *p, u32 n)
{
	if (unlikely(pkt_headroom(p) < n || pkt_is_shared(p)) &&
		!rehead(p, max(n, (u32)PKT_HEADROOM), min(p->len, (u32)HEADERS_MAX)))
		return NULL;
	p->data -= n;
	p->len += n;
	p->total += n;
	return p->data;
}

u8 *pkt_put(struct pkt *p, u32 n)
{
	u8 *at = p->data + p->len;

	ENV_ASSERT(!p->more && n <= pkt_tailroom(p));
	p->len += n;
	p->total += n;
	return at;
}

void pkt_pull(struct pkt *p, u32 n)
{
	ENV_ASSERT(n <= p->total);
	p->total -= n;
	if (likely(n <= p->len)) {
		p->data += n;
		p->len -= n;
		return;
	}
	n -= p->len;
	p->data += p->len;
	p->len = 0;
	p->more = drop_front(p->more, n);
}

void pkt_trim(struct pkt *p, u32 n)
{
	struct pkt *last = p;

	if (n >= p->total)
		return;
	p->total = n;
	for (; n > last->len; last = last->more)
		n -= last->len;
	last->len = n;
	for (struct pkt *more = last->more, *next; more; more = next) {
		next = more->more;
		free_piece(more);
	}
	last->more = NULL;
}

bool pkt_pull_up_slow(struct pkt *p, u32 n)
{
	return n <= p->total && rehead(p, PKT_HEADROOM, min(p->total, max(n, (u32)HEADERS_MAX)));
}

bool pkt_make_private(struct pkt *p, u32 n)
{
	return n <= p->total && ((p->len >= n && !pkt_is_shared(p)) || rehead(p, PKT_HEADROOM, min(p->total, max(n, (u32)HEADERS_MAX))));
}

void pkt_join(struct pkt *p, struct pkt *tail)
{
	struct pkt *last = p;

	while (last->more)
		last = last->more;
	last->more = tail;
	p->total += tail->total;
	tail->next = NULL;
}

/* ---- bytes ---- */

void pkt_copy_out(const struct pkt *p, u32 off, void *to, u32 n)
{
	u8 *at = to;

	for (; n; p = p->more) {
		u32 part;

		if (off >= p->len) {
			off -= p->len;
			continue;
		}
		part = min(n, p->len - off);
		memcpy(at, p->data + off, part);
		at += part;
		n -= part;
		off = 0;
	}
}

u32 pkt_copy_to_iobuf(const struct pkt *p, u32 off, struct iobuf *to, u32 n)
{
	u32 done = 0;

	for (; n && p; p = p->more) {
		u32 part, moved;

		if (off >= p->len) {
			off -= p->len;
			continue;
		}
		part = min(n, p->len - off);
		moved = (u32)iobuf_put(to, p->data + off, part);
		done += moved;
		n -= moved;
		off = 0;
		if (moved < part)
			break;
	}
	return done;
}

/* Put @n bytes of @from, or of @mem, behind the last. */
static int append(struct pkt *p, struct iobuf *from, const u8 *mem, u32 n)
{
	struct pkt *last = p;
	u32 before = p->total;

	while (last->more)
		last = last->more;
	while (n) {
		u32 part = pkt_tailroom(last);

		if (!part || pkt_is_shared(last)) {
			struct pkt *fresh = pkt_alloc(0, min(n, (u32)PKT_PIECE_MAX));

			if (!fresh && n > 4096)
				fresh = pkt_alloc(0, 2048);
			if (!fresh) {
				pkt_trim(p, before);
				return -ENOMEM;
			}
			last->more = fresh;
			last = fresh;
			part = pkt_tailroom(last);
		}
		part = min(part, n);
		if (mem) {
			memcpy(last->data + last->len, mem, part);
			mem += part;
		} else if (iobuf_get(from, last->data + last->len, part) != part) {
			pkt_trim(p, before);
			return -EFAULT;
		}
		last->len += part;
		p->total += part;
		n -= part;
	}
	return 0;
}

int pkt_append_iobuf(struct pkt *p, struct iobuf *from, u32 n)
{
	struct iobuf at = *from;
	int err = append(p, &at, NULL, n);

	if (!err)
		iobuf_advance(from, n);
	return err;
}

int pkt_append(struct pkt *p, const void *from, u32 n)
{
	return append(p, NULL, from, n);
}

u64 pkt_sum(const struct pkt *p, u32 off, u32 n, u64 sum)
{
	bool odd = false;

	for (; n; p = p->more) {
		u32 part;
		u64 s;

		if (off >= p->len) {
			off -= p->len;
			continue;
		}
		part = min(n, p->len - off);
		s = csum_fold(csum_add(0, p->data + off, part));
		sum = csum_merge(sum, odd ? __builtin_bswap16((u16)s) : s);
		odd ^= part & 1;
		n -= part;
		off = 0;
	}
	return sum;
}

bool pkt_csum_finish(struct pkt *p)
{
	u32 at;
	u16 check;

	if (p->csum != PKT_CSUM_PARTIAL)
		return true;
	at = p->transport_off - pkt_headroom(p);
	if (!pkt_make_private(p, at + p->csum_start + p->csum_off + 2))
		return false;
	check = csum_finish(pkt_sum(p, at + p->csum_start, p->total - at - p->csum_start, 0));
	/* UDP says "none" by 0, and this field is the same sum otherwise. */
	*(u16_any *)(p->data + at + p->csum_start + p->csum_off) = check ? check : U16_MAX;
	p->csum = PKT_CSUM_NONE;
	return true;
}

/* ---- owners ---- */

void pkt_set_owner(struct pkt *p, struct sock *s, enum pkt_owner kind, u32 charge)
{
	sock_get(s);
	p->owner = s;
	p->owner_kind = (u8)kind;
	p->charge = charge;
}

void pkt_drop_owner(struct pkt *p)
{
	struct sock *s = p->owner;

	p->owner = NULL;
	if (p->owner_kind == PKT_OWNER_SEND)
		sock_uncharge_send(s, p->charge);
	else if (p->owner_kind == PKT_OWNER_RECEIVE)
		sock_uncharge_receive(s, p->charge);
	sock_put(s);
}
