/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reassembly for both families [rfc791 3.2] [rfc8200 4.5].
 *
 * A queue is the fragments of one datagram by (source, destination, id, protocol), in order of offset. Fragments that overlap end their
 * datagram [rfc5722]: nobody honest makes them, except exact copies, which are dropped alone. A queue ends after ip_frag_time, or when all
 * queues together hold more than ip_frag_high_thresh bytes: then the oldest ends first, so that a flood pushes out itself.
 */
#include "frag.h"

#include "icmp.h"
#include "ip_impl.h"
#include "sock.h"

ENV_LOCK_CLASS(inet_frag, RANK_INET_TABLE, "fragments");

#define QUEUE_HASH_BITS 8
#define FRAGMENTS_MAX 512 /* of one datagram */
#define OVERHEAD 512	  /* accounted for each fragment beyond its bytes */
#define DATAGRAM_MAX 65535

struct frag_queue {
	struct list_head hash_node, age_node; /* age: oldest first */
	union ipaddr src, dst;
	u32 id;
	u8 proto;
	struct pkt *pieces; /* by offset, linked by next; cb[0]: offset, cb[1]: end */
	u32 n, got, end;    /* bytes got; end of the whole, 0: not known */
	u32 charged;
	u64 expires_ns;
	u32 max_size;
	u8 ecn; /* which of the four were seen */
};

struct frag_table {
	struct env_spin lock;
	struct list_head heads[1 << QUEUE_HASH_BITS];
	struct list_head age;
	u32 bytes, nqueues;
	struct inet_timer timer;
};

void frag_usage(struct inet *in, u32 *out_n, u32 *out_bytes)
{
	*out_n = READ_ONCE(in->frags->nqueues);
	*out_bytes = READ_ONCE(in->frags->bytes);
}

static struct list_head *bucket(struct inet *in, const struct pkt *p, const struct frag_info *f)
{
	u64 a = p->src.q[0] ^ p->src.q[1] ^ (u64)f->id << 32 ^ f->proto;
	u64 b = p->dst.q[0] ^ hash_mix64(p->dst.q[1]);

	return &in->frags->heads[siphash_2u64(&in->key, a, b) & ((1u << QUEUE_HASH_BITS) - 1)];
}

static void count_fail(struct inet *in, bool v4, bool timeout)
{
	inet_count_add(in, v4 ? STAT_Ip_ReasmFails : STAT_Ip6_ReasmFails, 1);
	if (timeout)
		inet_count_add(in, v4 ? STAT_Ip_ReasmTimeout : STAT_Ip6_ReasmTimeout, 1);
}

/* Take it out; its fragments are appended to @out, linked by next. With the lock. */
static void queue_end(struct inet *in, struct frag_queue *q, struct pkt_queue *out)
{
	struct pkt *p, *next;

	list_del(&q->hash_node);
	list_del(&q->age_node);
	in->frags->bytes -= q->charged;
	in->frags->nqueues--;
	for (p = q->pieces; p; p = next) {
		next = p->next;
		pkt_queue_add(out, p);
	}
	q->pieces = NULL;
}

static void queue_drop(struct inet *in, struct frag_queue *q, struct pkt_queue *dead, bool timeout)
{
	count_fail(in, ip_is4(&q->dst), timeout);
	queue_end(in, q, dead);
	env_free(q, sizeof(*q));
}

/* The sender of a datagram that did not complete is told if its first fragment came [rfc792] [rfc8200 4.5]. */
static void expire(struct inet *in, struct inet_timer *t)
{
	struct frag_table *table = in->frags;
	u64 now = env_now();

	for (;;) {
		struct pkt_queue dead;
		struct frag_queue *q;
		struct pkt *first;
		bool due;
		unsigned long flags;

		pkt_queue_init(&dead);
		flags = env_spin_lock(&table->lock);
		q = list_first_entry_or_null(&table->age, struct frag_queue, age_node);
		due = q && q->expires_ns <= now;
		if (due)
			queue_drop(in, q, &dead, true);
		else if (q)
			(void)inet_timer_arm(in, t, q->expires_ns);
		env_spin_unlock(&table->lock, flags);
		if (!due)
			return;
		first = dead.head;
		if (first && !first->cb[0]) {
			struct link *l = link_by_index(in, first->ifindex);

			first->link = l;
			if (l && ip_is4(&first->dst))
				icmp_send_error(in, first, ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME, 0);
			else if (l)
				icmp6_send_error(in, first, ICMPV6_TIME_EXCEED, ICMPV6_EXC_FRAGTIME, 0);
		}
		pkt_free_queue(&dead);
	}
}

static struct frag_queue *queue_get(struct inet *in, const struct pkt *p, const struct frag_info *f)
{
	struct list_head *head = bucket(in, p, f);
	struct frag_queue *q;
	u32 n = 0;

	list_for_each_entry(q, head, hash_node) {
		if (q->id == f->id && q->proto == f->proto && ip_equal(&q->src, &p->src) && ip_equal(&q->dst, &p->dst))
			return q;
		if (++n > 128)
			return NULL;
	}
	q = env_alloc(sizeof(*q), ENV_ALLOC_NOWAIT | ENV_ALLOC_ZERO);
	if (!q)
		return NULL;
	q->src = p->src;
	q->dst = p->dst;
	q->id = f->id;
	q->proto = f->proto;
	q->expires_ns = env_deadline(in->conf.ipfrag_time_s * 1000000000ull);
	list_add(&q->hash_node, head);
	if (list_empty(&in->frags->age))
		(void)inet_timer_arm(in, &in->frags->timer, q->expires_ns);
	list_add_tail(&q->age_node, &in->frags->age);
	in->frags->nqueues++;
	return q;
}

enum verdict { FRAG_TAKEN, FRAG_COPY, FRAG_BAD };

/* Put [offset, end) in its place. */
static enum verdict insert(struct frag_queue *q, struct pkt *p, u32 start, u32 end, bool more)
{
	struct pkt **at = &q->pieces;

	if (!more) {
		if ((q->end && q->end != end))
			return FRAG_BAD;
	} else if (q->end && end > q->end) {
		return FRAG_BAD;
	}
	while (*at && (*at)->cb[0] < start)
		at = &(*at)->next;
	if (*at && (*at)->cb[0] == start && (*at)->cb[1] == end)
		return FRAG_COPY;
	if (*at && (*at)->cb[0] < end)
		return FRAG_BAD;
	for (const struct pkt *o = q->pieces; o && o != *at; o = o->next)
		if (o->cb[1] > start)
			return FRAG_BAD;
	if (!more) {
		for (const struct pkt *o = q->pieces; o; o = o->next)
			if (o->cb[1] > end)
				return FRAG_BAD;
		q->end = end;
	}
	p->cb[0] = start;
	p->cb[1] = end;
	p->next = *at;
	*at = p;
	q->n++;
	q->got += end - start;
	return FRAG_TAKEN;
}

/* ECN of the whole [rfc3168 5.3]: CE if any was, broken if ECT and not-ECT mix. */
static bool join_ecn(u8 seen, u8 *tos)
{
	if (seen & 1u << 3) {
		if (seen & 1)
			return false;
		*tos |= 3;
	}
	return true;
}

/* All is there: one packet out of the pieces. */
static struct pkt *assemble(struct pkt_queue *pieces, const struct frag_queue *q)
{
	struct pkt *whole = pkt_queue_take(pieces), *p;

	whole->frag_max = (u16)min(q->max_size, (u32)U16_MAX);
	while ((p = pkt_queue_take(pieces)))
		pkt_join(whole, p);
	whole->flags |= PKT_REASSEMBLED;
	whole->csum = PKT_CSUM_NONE;
	whole->gso = 0;
	whole->next = NULL;
	if (!join_ecn(q->ecn, &whole->tos)) {
		pkt_free(whole);
		return NULL;
	}
	return whole;
}

static bool shape_ok(const struct pkt *p, const struct frag_info *f, bool v4)
{
	if (!p->total || f->offset + p->total > DATAGRAM_MAX - (v4 ? IP4_HLEN : 0))
		return false;
	return !f->more || !(p->total & 7);
}

/* Make room for @n bytes: the oldest go. With the lock. False: this one itself would have to. */
static bool make_room(struct inet *in, struct frag_queue *keep, u32 n, struct pkt_queue *dead)
{
	while (in->frags->bytes + n > in->conf.ipfrag_high_thresh) {
		struct frag_queue *oldest = list_first_entry_or_null(&in->frags->age, struct frag_queue, age_node);

		if (!oldest || oldest == keep)
			return false;
		queue_drop(in, oldest, dead, false);
	}
	return true;
}

struct pkt *frag_add(struct inet *in, struct pkt *p, const struct frag_info *f)
{
	bool v4 = ip_is4(&p->dst), bad;
	u32 charge = p->total + OVERHEAD, end = f->offset + p->total, size = p->total;
	struct pkt_queue dead, pieces;
	struct pkt *whole = NULL;
	struct frag_queue *q;
	enum verdict verdict = FRAG_BAD;
	unsigned long flags;

	inet_count_add(in, v4 ? STAT_Ip_ReasmReqds : STAT_Ip6_ReasmReqds, 1);
	if (!shape_ok(p, f, v4)) {
		count_fail(in, v4, false);
		pkt_free(p);
		return NULL;
	}
	if (p->owner)
		pkt_drop_owner(p);
	p->link = NULL; /* it may go away meanwhile; ifindex says which it was */
	pkt_queue_init(&dead);
	pkt_queue_init(&pieces);
	flags = env_spin_lock(&in->frags->lock);
	q = queue_get(in, p, f);
	bad = !q || q->n >= FRAGMENTS_MAX || !make_room(in, q, charge, &dead);
	if (!bad) {
		verdict = insert(q, p, f->offset, end, f->more);
		bad = verdict == FRAG_BAD;
		if (bad)
			INET_COUNT(in, IpExt_ReasmOverlaps);
	}
	if (q && bad)
		queue_drop(in, q, &dead, false);
	if (verdict == FRAG_TAKEN) {
		q->charged += charge;
		in->frags->bytes += charge;
		q->max_size = max(q->max_size, size + (v4 ? IP4_HLEN : IP6_HLEN + 8u));
		q->ecn |= (u8)(1u << (p->tos & ECN_MASK));
		if (q->end && q->got == q->end) {
			queue_end(in, q, &pieces);
			env_spin_unlock(&in->frags->lock, flags);
			whole = assemble(&pieces, q);
			env_free(q, sizeof(*q));
			goto done;
		}
	}
	env_spin_unlock(&in->frags->lock, flags);
	if (verdict != FRAG_TAKEN)
		pkt_free(p);
done:
	pkt_free_queue(&dead);
	if (whole) {
		whole->link = link_by_index(in, whole->ifindex);
		if (!whole->link) {
			pkt_free(whole);
			return NULL;
		}
		inet_count_add(in, v4 ? STAT_Ip_ReasmOKs : STAT_Ip6_ReasmOKs, 1);
	}
	return whole;
}

int frag_init(struct inet *in)
{
	in->frags = env_alloc(sizeof(*in->frags), ENV_ALLOC_ZERO);
	if (!in->frags)
		return -ENOMEM;
	env_spin_init(&in->frags->lock, &env_lock_class_inet_frag);
	list_init(&in->frags->age);
	for (unsigned i = 0; i < 1u << QUEUE_HASH_BITS; i++)
		list_init(&in->frags->heads[i]);
	inet_timer_init(&in->frags->timer, expire);
	return 0;
}

void frag_fini(struct inet *in)
{
	struct frag_queue *q;
	struct pkt_queue dead;

	if (!in->frags)
		return;
	pkt_queue_init(&dead);
	while ((q = list_first_entry_or_null(&in->frags->age, struct frag_queue, age_node))) {
		queue_end(in, q, &dead);
		env_free(q, sizeof(*q));
	}
	pkt_free_queue(&dead);
	(void)inet_timer_cancel(in, &in->frags->timer);
	env_free(in->frags, sizeof(*in->frags));
	in->frags = NULL;
}
