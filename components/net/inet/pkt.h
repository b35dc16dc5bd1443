/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Packets.
 *
 *	struct pkt (head) --more--> pkt --more--> pkt		pieces of one packet, in order
 *	   | buf            | buf            | buf
 *	   v                v                v
 *	+-----------------------------+   struct pkt_buf: counted, shared by clones
 *	| headroom | data..data+len | |
 *	+-----------------------------+
 *
 * A pkt is owned by exactly one place at a time. Its bytes are shared: pkt_clone makes a second pkt over the same buffers, which is how TCP
 * keeps what it sends. Who writes into bytes that may be shared (headers) calls pkt_push on a head of its own: a header goes into a new
 * small first piece when the buffer behind is shared, so payload is copied once between user and wire.
 *
 * The first piece holds all headers that a parser was promised by pkt_pull_up.
 */
#include <env/iobuf.h>
#include <lib/refcount.h>
#include "addr.h"

struct link;
struct sock;
struct inet;

#define PKT_HEADROOM 128 /* Ethernet, IPv6 with some options, TCP with options */
#define PKT_HEAD_MAX 256 /* of what an allocation holds beside bytes */
#define PKT_PIECE_MAX (32768 - PKT_HEAD_MAX - PKT_HEADROOM) /* whole, it takes 32 KiB: that CPUs keep at hand */

struct pkt_buf {
	struct refcount refs; /* one per pkt over it; the embedded pkt's included while it lives */
	u32 size;             /* of mem */
	u8 *mem;
	void (*free)(struct pkt_buf *b); /* NULL: the block is env_alloc's */
};

enum pkt_csum {
	PKT_CSUM_NONE,    /* in: look at it. out: the bytes are final */
	PKT_CSUM_VALID,   /* in: somebody has looked */
	PKT_CSUM_PARTIAL, /* the pseudo header's sum is in place; the rest over [transport + csum_start, end) goes to + csum_off there */
};

enum pkt_flags {
	PKT_LOOPBACK = 1u << 0,  /* never left this instance */
	PKT_MULTICAST = 1u << 1, /* the destination is (link or IP) a group's */
	PKT_BROADCAST = 1u << 2,
	PKT_OTHER_HOST = 1u << 3, /* the link address is not ours: for taps only */
	PKT_REASSEMBLED = 1u << 4,
	PKT_FORWARDED = 1u << 5,
	PKT_ROUTER_ALERT = 1u << 6,
	PKT_DF = 1u << 7, /* IPv4: Don't Fragment was set; out: set it */
	PKT_LOCAL_DF = 1u << 8, /* out: may be cut by ourselves although DF */
};

struct pkt {
	struct pkt *next; /* on a queue */
	struct pkt *more; /* the next piece */
	struct pkt_buf *buf;
	struct pkt_buf *home; /* whose memory this pkt is; NULL: its own */
	u8 *data;
	u32 len;   /* of this piece */
	u32 total; /* head: of all pieces */
	/* ---- what follows counts in the head only ---- */
	struct link *link; /* in: where it came from; valid inside the read section */
	struct sock *owner; /* whose send or receive memory it is charged to (a reference), or NULL */
	u32 charge;
	u8 owner_kind; /* enum pkt_owner */
	u8 csum;       /* enum pkt_csum */
	u8 gso;        /* enum nic_gso; with gso_size payload bytes a segment */
	u8 ip_proto;   /* in: of the transport; */
	u16 gso_size, gso_segs;
	u16 csum_start, csum_off; /* from the transport header */
	u16 mac_off, net_off, transport_off; /* in buf->mem of the first piece */
	u16 protocol; /* Ethernet type, host order */
	u16 flags;    /* enum pkt_flags */
	u16 frag_max; /* in, reassembled: the largest fragment */
	u8 ttl, tos;  /* in */
	u8 nexthdr_off_lo, pad;
	u32 mark, hash;
	u32 flow;     /* IPv6: flow label and class word */
	u32 ifindex;  /* in: of link */
	u64 stamp_ns; /* in: env_time at arrival; 0: not taken */
	union ipaddr src, dst; /* in */
	u64 cb[8]; /* of the protocol that owns it */
};

enum pkt_owner { PKT_OWNER_NONE, PKT_OWNER_SEND, PKT_OWNER_RECEIVE };

struct pkt_queue {
	struct pkt *head, **tail;
	u32 n;
};

/*
 * A packet of no bytes with @headroom in front of room for @size bytes in its one piece (size <= PKT_PIECE_MAX).
 * Context: any.  Returns: NULL: no memory.
 */
struct pkt *pkt_alloc(u32 headroom, u32 size);
/* A second packet over the same bytes, not charged to anybody; cb is copied. NULL: no memory.  Context: any. */
struct pkt *pkt_clone(const struct pkt *p);
/* The bytes [off, off + len) of @p as a packet of its own with an empty header piece of @headroom in front. Shares them. NULL: no memory. */
struct pkt *pkt_slice(const struct pkt *p, u32 off, u32 len, u32 headroom);
/* All pieces; the owner's account is settled.  Context: any, inside a read section if it has an owner. */
void pkt_free(struct pkt *p);
void pkt_free_queue(struct pkt_queue *q);

/* Give it to @s' account, which must have been asked before (sock_charge_*). */
void pkt_set_owner(struct pkt *p, struct sock *s, enum pkt_owner kind, u32 charge);
void pkt_drop_owner(struct pkt *p);

static inline u32 pkt_headroom(const struct pkt *p)
{
	return (u32)(p->data - p->buf->mem);
}

static inline u32 pkt_tailroom(const struct pkt *p) /* of the first piece */
{
	return p->buf->size - pkt_headroom(p) - p->len;
}

static inline bool pkt_is_shared(const struct pkt *p) /* the first piece's bytes */
{
	return refcount_read(&p->buf->refs) != 1;
}

/* Room for a header of @n bytes in front, written by the caller; NULL: no memory (then @p is as it was). May put a new piece in front. */
u8 *pkt_push(struct pkt *p, u32 n) MUST_CHECK;
/* @n bytes behind the last byte of a packet of one piece with that tailroom. */
u8 *pkt_put(struct pkt *p, u32 n);
/* Drop @n <= total bytes in front. */
void pkt_pull(struct pkt *p, u32 n);
/* Keep the first @n bytes. */
void pkt_trim(struct pkt *p, u32 n);
/* The first @n bytes lie in a row at data. False: too short or no memory. */
bool pkt_pull_up_slow(struct pkt *p, u32 n);
static inline MUST_CHECK bool pkt_pull_up(struct pkt *p, u32 n)
{
	return likely(p->len >= n) || pkt_pull_up_slow(p, n);
}
/* And nobody else sees them: headers may be changed in place. False: no memory. */
bool pkt_make_private(struct pkt *p, u32 n) MUST_CHECK;
/* Put the bytes of @tail behind @p's; @tail is consumed. Its owner's account must be empty. */
void pkt_join(struct pkt *p, struct pkt *tail);

/* [off, off + n) of it; n within total. */
void pkt_copy_out(const struct pkt *p, u32 off, void *to, u32 n);
/* Move up to @n bytes from @off to @to: bytes moved. */
u32 pkt_copy_to_iobuf(const struct pkt *p, u32 off, struct iobuf *to, u32 n);
/* Append @n bytes of @from in new pieces. 0; -EFAULT (user memory is not there); -ENOMEM. On error the packet is as it was. */
int pkt_append_iobuf(struct pkt *p, struct iobuf *from, u32 n) MUST_CHECK;
int pkt_append(struct pkt *p, const void *from, u32 n) MUST_CHECK;
/* Sum of 16-bit words over [off, off + n), not folded, starting from @sum; see csum.h. */
u64 pkt_sum(const struct pkt *p, u32 off, u32 n, u64 sum);
/* Do what PKT_CSUM_PARTIAL asks for. False: no memory. */
bool pkt_csum_finish(struct pkt *p) MUST_CHECK;

static inline u8 *pkt_net(const struct pkt *p)
{
	return p->buf->mem + p->net_off;
}

static inline u8 *pkt_transport(const struct pkt *p)
{
	return p->buf->mem + p->transport_off;
}

static inline void pkt_mark_transport(struct pkt *p)
{
	p->transport_off = (u16)pkt_headroom(p);
}

static inline void pkt_mark_net(struct pkt *p)
{
	p->net_off = (u16)pkt_headroom(p);
}

static inline void pkt_queue_init(struct pkt_queue *q)
{
	*q = (struct pkt_queue){NULL, &q->head, 0};
}

static inline void pkt_queue_add(struct pkt_queue *q, struct pkt *p)
{
	p->next = NULL;
	*q->tail = p;
	q->tail = &p->next;
	q->n++;
}

static inline struct pkt *pkt_queue_take(struct pkt_queue *q)
{
	struct pkt *p = q->head;

	if (p) {
		q->head = p->next;
		if (!q->head)
			q->tail = &q->head;
		q->n--;
		p->next = NULL;
	}
	return p;
}

/* To its front again. */
static inline void pkt_queue_put_back(struct pkt_queue *q, struct pkt *p)
{
	p->next = q->head;
	q->head = p;
	if (!p->next)
		q->tail = &p->next;
	q->n++;
}

static inline void pkt_queue_move(struct pkt_queue *to, struct pkt_queue *from)
{
	if (from->head) {
		*to->tail = from->head;
		to->tail = from->tail;
		to->n += from->n;
		pkt_queue_init(from);
	}
}
