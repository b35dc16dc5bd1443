/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The payload of arriving segments: in order to the receive queue, out of order to a tree, the rest
 * away [rfc9293 3.10.7.4, seventh]; what the ACKs then say of it [rfc2018 4, rfc2883 4].
 *
 *	copied          rcv_nxt                 rcv_wup + rcv_wnd
 *	  | receive queue | gap | ooo | gap | ooo |
 */
#include "impl.h"
#include <lib/errno.h>

#define SACK_MAX 4

static void rx_drop(struct tcp_conn *c, struct tcp_rx *rx)
{
	c->rcv_used -= rx->mem;
	rx->next = c->rx_dead;
	c->rx_dead = rx;
}

void rcv_append(struct tcp_conn *c, struct tcp_rx *rx)
{
	rx->next = NULL;
	if (c->rx_tail)
		c->rx_tail->next = rx;
	else
		c->rx_head = rx;
	c->rx_tail = rx;
}

static struct tcp_rx *ooo_first(const struct tcp_conn *c)
{
	return rb_entry_safe(rb_first(&c->ooo), struct tcp_rx, rb);
}

static void ooo_drop(struct tcp_conn *c, struct tcp_rx *rx)
{
	rb_erase(&rx->rb, &c->ooo);
	rx_drop(c, rx);
}

void rcv_purge_ahead(struct tcp_conn *c)
{
	struct tcp_rx *rx;

	while ((rx = ooo_first(c)))
		ooo_drop(c, rx);
	c->nsacks = 0;
}

void rcv_purge(struct tcp_conn *c)
{
	struct tcp_rx *rx;

	while ((rx = c->rx_head)) {
		c->rx_head = rx->next;
		rx_drop(c, rx);
	}
	c->rx_tail = NULL;
	rcv_purge_ahead(c);
}

/* ---- what SACK tells ---- */

void rcv_dsack(struct tcp_conn *c, u32 start, u32 end)
{
	if (!c->sack_ok || !c->conf->dsack)
		return;
	conn_count(c, seq_lt(start, c->rcv_nxt) ? TCP_MIB_DSACK_OLD_SENT : TCP_MIB_DSACK_OFO_SENT);
	if (c->ndsack && seq_leq(start, c->dsack.end) && seq_leq(c->dsack.start, end)) {
		c->dsack.start = seq_min(c->dsack.start, start);
		c->dsack.end = seq_max(c->dsack.end, end);
		return;
	}
	c->dsack = (struct tcp_block){start, end};
	c->ndsack = 1;
}

/* The block with [start, end) goes to the front, having swallowed those that it touches. */
static void sack_add(struct tcp_conn *c, u32 start, u32 end)
{
	struct tcp_block b = {start, end};
	unsigned n = 0;

	for (unsigned i = 0; i < c->nsacks; i++) {
		struct tcp_block *o = &c->sacks[i];

		if (seq_leq(o->start, b.end) && seq_leq(b.start, o->end)) {
			b.start = seq_min(b.start, o->start);
			b.end = seq_max(b.end, o->end);
		} else {
			c->sacks[n++] = *o;
		}
	}
	n = min(n, SACK_MAX - 1u);
	memmove(c->sacks + 1, c->sacks, n * sizeof(*c->sacks));
	c->sacks[0] = b;
	c->nsacks = (u8)(n + 1);
}

static void sack_trim(struct tcp_conn *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->nsacks; i++) {
		if (seq_lt(c->rcv_nxt, c->sacks[i].start))
			c->sacks[n++] = c->sacks[i];
	}
	c->nsacks = (u8)n;
}

/* ---- memory ---- */

/* The farthest go first; the sender has been told of them, but may not count on it. */
static void ooo_prune(struct tcp_conn *c, u32 limit)
{
	struct rb_node *n;

	if (!rb_is_empty(&c->ooo))
		conn_count(c, TCP_MIB_OFO_PRUNED);
	while (c->rcv_used > limit && (n = rb_last(&c->ooo)))
		ooo_drop(c, rb_entry(n, struct tcp_rx, rb));
	c->nsacks = 0; /* [rfc2018 8]: what was dropped is not told again */
	for (n = rb_first(&c->ooo); n; n = rb_next(n)) {
		struct tcp_rx *rx = rb_entry(n, struct tcp_rx, rb);

		sack_add(c, rx->seq, rx->end);
	}
}

/* May @mem more be taken? One packet over the limit is, so that any window can be filled. */
static bool rcv_room(struct tcp_conn *c, u32 mem, bool in_order)
{
	bool pressed = c->conf->pressure && c->conf->pressure(c->conf);

	if (likely(c->rcv_used < c->rcv_buf && !pressed))
		return true;
	if (pressed)
		c->rcv_ssthresh = min_t(u32, c->rcv_ssthresh, 4u * c->adv_mss);
	conn_count(c, TCP_MIB_PRUNE_CALLED);
	if (in_order || pressed)
		ooo_prune(c, c->rcv_buf > mem ? c->rcv_buf - mem : 0);
	if (c->rcv_used < c->rcv_buf || (in_order && !c->rcv_used))
		return true;
	conn_count(c, TCP_MIB_RCVQ_DROP);
	return false;
}

/* ---- queues ---- */

/*
 * Put [rx->seq, rx->end) in the tree without overlap. What is there already stays; the new one is
 * cut at both ends, or goes when nothing is left of it.
 */
static bool ooo_insert(struct tcp_conn *c, struct tcp_rx *rx)
{
	struct rb_node **link = &c->ooo.node, *parent = NULL, *n;
	struct tcp_rx *o;

	while (*link) {
		parent = *link;
		o = rb_entry(parent, struct tcp_rx, rb);
		if (seq_lt(rx->seq, o->seq)) {
			link = &parent->left;
		} else if (seq_lt(rx->seq, o->end)) {
			if (seq_leq(rx->end, o->end) && (!rx->fin || o->fin || rx->end != o->end)) {
				rcv_dsack(c, rx->seq, rx->end);
				return false;
			}
			if (rx->seq != o->end)
				rcv_dsack(c, rx->seq, seq_min(o->end, rx->end));
			if (seq_leq(rx->end, o->end)) {
				o->fin |= rx->fin;
				return false;
			}
			rx->seq = o->end;
			link = &parent->right;
		} else {
			link = &parent->right;
		}
	}
	rb_link(&rx->rb, parent, link);
	rb_insert(&rx->rb, &c->ooo);
	while ((n = rb_next(&rx->rb))) {
		o = rb_entry(n, struct tcp_rx, rb);
		if (!seq_lt(o->seq, rx->end))
			break;
		rcv_dsack(c, o->seq, seq_min(o->end, rx->end));
		if (seq_lt(rx->end, o->end)) {
			rx->end = o->seq;
			rx->fin = false;
			if (rx->seq != rx->end)
				break;
			rb_erase(&rx->rb, &c->ooo);
			return false;
		}
		rx->fin |= o->fin && o->end == rx->end;
		ooo_drop(c, o);
	}
	return true;
}

/* Out of order: kept, and told at once [rfc5681 4.2]. */
static bool rcv_ahead(struct tcp_conn *c, struct tcp_rx *rx)
{
	u32 start = rx->seq, end = rx->end;

	c->ack_now = true;
	rcv_quick(c, 2);
	if (!rcv_room(c, rx->mem, false))
		return false;
	c->ooo_packets++;
	conn_count(c, TCP_MIB_OFO_QUEUE);
	c->rcv_used += rx->mem;
	if (!ooo_insert(c, rx)) {
		c->rcv_used -= rx->mem;
		conn_count(c, TCP_MIB_OFO_MERGE);
		return false;
	}
	if (c->sack_ok)
		sack_add(c, start, end);
	return true;
}

/* What lay ahead follows now; a part of it may have come again. */
static void ooo_drain(struct tcp_conn *c)
{
	struct tcp_rx *rx;
	bool fin = false;

	while ((rx = ooo_first(c)) && seq_leq(rx->seq, c->rcv_nxt) && !fin) {
		fin = rx->fin && !seq_lt(rx->end, c->rcv_nxt);
		if (seq_lt(rx->seq, c->rcv_nxt))
			rcv_dsack(c, rx->seq, seq_min(rx->end, c->rcv_nxt));
		if (seq_leq(rx->end, c->rcv_nxt)) {
			ooo_drop(c, rx);
			continue;
		}
		rb_erase(&rx->rb, &c->ooo);
		rx->seq = c->rcv_nxt;
		c->bytes_received += rx->end - c->rcv_nxt;
		c->rcv_nxt = rx->end;
		rcv_append(c, rx);
	}
	sack_trim(c);
	if (fin)
		rcv_fin(c);
	/* [rfc5681 4.2]: a segment that fills a gap is acknowledged at once. */
	c->ack_now = true;
}

static bool rcv_now(struct tcp_conn *c, const struct tcp_in *in, struct tcp_rx *rx)
{
	bool kept = false;

	if (rx->seq != rx->end) {
		if (!rcv_room(c, rx->mem, true)) {
			c->ack_now = true;
			return false;
		}
		c->bytes_received += rx->end - rx->seq;
		c->rcv_nxt = rx->end;
		c->rcv_used += rx->mem;
		rcv_append(c, rx);
		rcv_arrived(c, rx->end - rx->seq, in->gso ? in->gso : in->len);
		c->events |= TCP_EV_READ;
		kept = true;
	}
	if (rx->fin)
		rcv_fin(c);
	if (unlikely(c->ooo.node))
		ooo_drain(c);
	return kept;
}

/*
 * The part of the segment that is new, by where it begins:
 *
 *	before rcv_nxt: cut (and told as a duplicate); at it: queued; in the window: kept; else away
 */
bool rcv_data(struct tcp_conn *c, const struct tcp_in *in, struct tcp_rx *rx)
{
	struct tcp_rx fin_only;
	u32 fin = in->flags & TCP_FIN ? 1 : 0, wnd = conn_rcv_window(c);
	bool own = rx != NULL;

	if (!rx)
		rx = &fin_only;
	rx->base = rx->seq = in->seq + !!(in->flags & TCP_SYN);
	rx->end = rx->seq + (own ? in->len : 0);
	rx->fin = fin;
	if (!own)
		rx->mem = 0;
	/* All of it was here before; and nothing can follow a FIN. */
	if (seq_leq(rx->end + fin, c->rcv_nxt) || c->rcv_fin) {
		rcv_dsack(c, rx->seq, rx->end + fin);
		goto away;
	}
	if (rx->seq != c->rcv_nxt && !seq_lt(rx->seq, c->rcv_nxt + wnd))
		goto away;
	if (seq_lt(rx->seq, c->rcv_nxt)) {
		rcv_dsack(c, rx->seq, c->rcv_nxt);
		rx->seq = c->rcv_nxt;
		c->ack_now = true;
	}
	if (rx->seq == c->rcv_nxt) {
		if (!wnd && rx->seq != rx->end) {
			conn_count(c, TCP_MIB_RCVQ_DROP);
			goto away; /* a probe of a closed window */
		}
		return rcv_now(c, in, rx) && own;
	}
	/* A FIN alone and out of order comes again; its place needs no memory. */
	if (own)
		return rcv_ahead(c, rx);
away:
	rcv_quick(c, 2);
	c->ack_now = true;
	return false;
}

/* ---- the reader ---- */

struct tcp_rx *tcp_rx_at(
	struct tcp_conn *c, struct tcp_rx *prev, bool any, u32 *pos, u32 *out_off, u32 *out_len)
{
	struct tcp_rx *rx = prev ? prev : c->rx_head;

	if (unlikely(c->urg_state != URG_NONE) && *pos == c->urg_seq) {
		if (any)
			return NULL;
		if (!c->user.oobinline && seq_lt(*pos, c->rcv_nxt))
			++*pos;
	}
	while (rx && seq_leq(rx->end, *pos))
		rx = rx->next;
	if (!rx)
		return NULL;
	*out_off = *pos - rx->base;
	*out_len = rx->end - *pos;
	if (unlikely(c->urg_state != URG_NONE) && seq_lt(*pos, c->urg_seq) &&
		c->urg_seq - *pos < *out_len)
		*out_len = c->urg_seq - *pos;
	return rx;
}

void tcp_received(struct tcp_conn *c, u64 now, u32 pos)
{
	u32 old = c->rcv_wnd - (c->rcv_nxt - c->rcv_wup), fresh;
	struct tcp_rx *rx;

	conn_clock(c, now);
	c->copied = pos;
	while ((rx = c->rx_head) && seq_leq(rx->end, pos)) {
		c->rx_head = rx->next;
		if (!c->rx_head)
			c->rx_tail = NULL;
		rx_drop(c, rx);
	}
	if (c->urg_state != URG_NONE && seq_lt(c->urg_seq, pos))
		c->urg_state = URG_NONE;
	rcv_space_adjust(c);
	if (c->state == TCP_S_CLOSE || c->ack_now || c->rcv_fin)
		return;
	/* [rfc9293 3.8.6.2.2] and Linux: tell when much was taken that nobody was told of. */
	if (c->ack_at != TCP_OFF && (c->rcv_nxt - c->rcv_wup > c->rcv_mss ||
					    (!c->rx_head && c->quick && !c->pingpong))) {
		c->ack_now = true;
		return;
	}
	if (2 * (u64)old > c->window_clamp)
		return;
	fresh = min(c->rcv_buf > c->rcv_used ? (c->rcv_buf - c->rcv_used) / 2 : 0, c->rcv_ssthresh);
	if (fresh && fresh >= 2 * (u64)old && fresh >= min_t(u32, c->rcv_mss, c->window_clamp / 2))
		c->ack_now = true;
}

u32 tcp_readable(const struct tcp_conn *c)
{
	u32 n = c->rcv_nxt - c->copied - c->rcv_fin;

	if (TCP_IN(c->state, 1u << TCP_S_SYN_SENT | 1u << TCP_S_LISTEN) || !c->irs_valid)
		return 0;
	if (!c->user.oobinline && c->urg_state != URG_NONE && seq_leq(c->copied, c->urg_seq) &&
		seq_lt(c->urg_seq, c->rcv_nxt))
		n = c->urg_seq - c->copied;
	return n;
}

/* ---- urgent data, as Linux has it: the pointer is one past the byte, which is one ---- */

void rcv_urgent(struct tcp_conn *c, const struct tcp_in *in, struct tcp_rx *rx)
{
	u32 first = in->seq + !!(in->flags & TCP_SYN);

	if (in->flags & TCP_URG) {
		u32 at = in->seq + (in->urg ? in->urg - 1u : 0);

		if (!seq_lt(at, c->copied) && !seq_lt(at, c->rcv_nxt) &&
			!(c->urg_state != URG_NONE && seq_leq(at, c->urg_seq))) {
			c->events |= TCP_EV_URGENT;
			c->urg_state = URG_NOTYET;
			c->urg_seq = at;
		}
	}
	if (c->urg_state == URG_NOTYET && rx && c->conf->byte && c->urg_seq - first < in->len) {
		c->urg_byte = c->conf->byte(rx, c->urg_seq - first);
		c->urg_state = URG_VALID;
		c->events |= TCP_EV_URGENT | TCP_EV_READ;
	}
}

bool tcp_at_mark(const struct tcp_conn *c)
{
	return c->urg_state != URG_NONE && c->urg_seq == c->copied;
}

int tcp_oob(struct tcp_conn *c, bool peek, u8 *out)
{
	if (c->user.oobinline || c->urg_state == URG_NONE || c->urg_state == URG_READ)
		return -EINVAL;
	if (c->urg_state == URG_VALID) {
		*out = c->urg_byte;
		if (!peek)
			c->urg_state = URG_READ;
		return 0;
	}
	if (c->state == TCP_S_CLOSE || c->shut_rd)
		return -EINVAL;
	return -EAGAIN;
}
