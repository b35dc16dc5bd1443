/* SPDX-License-Identifier: BSD-2-Clause */
/* Two machines and a wire; see the header. */
#include "tcp_model.h"
#include <stdlib.h>
#include <lib/hash.h>
#include <lib/string.h>

#define PATH_MSS 1460

static u64 live; /* allocations of the machines that were not freed */

u64 model_live(void)
{
	return live;
}

static void *model_alloc(struct tcp_conf *conf, size_t size)
{
	live += size;
	return malloc(size);
}

static void model_free(struct tcp_conf *conf, void *p, size_t size)
{
	live -= size;
	free(p);
}

static u8 model_peek(const struct tcp_rx *rx, u32 off)
{
	return container_of(rx, struct model_packet, rx)->payload[off];
}

u8 model_byte(u8 pattern, u64 at)
{
	return (u8)(hash_mix64(at / 8 + ((u64)pattern << 56)) >> (at % 8 * 8));
}

u64 model_rand(struct model_wire *w)
{
	w->rng += 0x9e3779b97f4a7c15ull;
	return hash_mix64(w->rng);
}

static bool chance(struct model_wire *w, u32 of10000)
{
	return of10000 && model_rand(w) % 10000 < of10000;
}

struct tcp_conf model_conf(void)
{
	struct tcp_conf conf;

	tcp_conf_init(&conf);
	conf.isn_key.k0 = conf.ts_key.k1 = 77;
	conf.cookie_key[0].k0 = 5;
	conf.cookie_key[1].k0 = 6;
	conf.tfo_key[0].k0 = 9;
	conf.ntfo_keys = 1;
	conf.alloc = model_alloc;
	conf.free = model_free;
	conf.byte = model_peek;
	return conf;
}

void model_init(struct model_wire *w, u64 seed)
{
	memset(w, 0, sizeof(*w));
	w->rng = seed * 0x2545f4914f6cdd1dull;
	w->now = TCP_NS_PER_S * 1000;
	w->latency_ns = 10 * TCP_NS_PER_MS;
	w->split = true;
	w->b.is_b = true;
	for (int i = 0; i < 2; i++) {
		struct model_end *e = i ? &w->b : &w->a;

		e->conf = model_conf();
		e->pattern = (u8)(i + 1);
		e->window = 4u << 20;
		e->flow.laddr[15] = i ? 2 : 1;
		e->flow.raddr[15] = i ? 1 : 2;
		e->flow.lport = i ? 80 : 5000;
		e->flow.rport = i ? 5000 : 80;
		tcp_conn_init(&e->c, &e->conf, w->now, 131072, 16384);
	}
}

static u16 sum_of(const struct model_packet *p)
{
	u32 sum = 0;

	for (u32 i = 0; i < p->hlen; i++)
		sum += (u32)p->hdr[i] << (i & 1 ? 0 : 8);
	for (u32 i = 0; i < p->len; i++)
		sum += (u32)p->payload[i] << (i & 1 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (u16)sum;
}

static void wire_insert(struct model_wire *w, struct model_packet *p)
{
	struct model_packet **at = &w->flying;

	while (*at && (*at)->arrives <= p->arrives)
		at = &(*at)->next;
	p->next = *at;
	*at = p;
}

static void wire_carry(struct model_wire *w, struct model_packet *p)
{
	u64 *busy = &w->busy[p->to_b], start = max(*busy, w->now);

	w->carried++;
	p->sum = sum_of(p);
	if (w->rate) {
		if (w->queue_max && (start - w->now) * w->rate / TCP_NS_PER_S > w->queue_max) {
			w->dropped++;
			free(p);
			return;
		}
		*busy = start + (p->len + p->hlen + 40) * TCP_NS_PER_S / w->rate;
		start = *busy;
	}
	if (chance(w, w->loss)) {
		w->dropped++;
		free(p);
		return;
	}
	p->arrives = start + w->latency_ns;
	if (w->jitter_ns)
		p->arrives += model_rand(w) % w->jitter_ns;
	if (chance(w, w->reorder))
		p->arrives += model_rand(w) % (3 * w->latency_ns + 1);
	if (p->ect && chance(w, w->ce))
		p->ce = true;
	if (chance(w, w->dup)) {
		struct model_packet *q = malloc(sizeof(*q) + p->len);

		memcpy(q, p, sizeof(*q) + p->len);
		q->arrives += model_rand(w) % (2 * w->latency_ns + 1);
		wire_insert(w, q);
	}
	if (chance(w, w->corrupt)) {
		u64 at = model_rand(w) % (p->hlen + p->len);
		u8 *byte = at < p->hlen ? &p->hdr[at] : &p->payload[at - p->hlen];

		*byte ^= (u8)(1u << (model_rand(w) & 7));
	}
	wire_insert(w, p);
}

/* What the machine describes becomes packets. */
static void send(struct model_wire *w, struct model_end *e, const struct tcp_tx *tx)
{
	u32 mss = w->split && tx->mss ? tx->mss : MODEL_PAYLOAD_MAX, off = 0;

	e->out_segs++;
	e->out_retx += tx->retx;
	do {
		u32 n = min(tx->len - off, mss);
		struct model_packet *p = calloc(1, sizeof(*p) + n);
		struct tcp_tx one = *tx;
		u64 at = tx->data + off - e->c.iss - 1;

		one.seq += off;
		if (off + n < tx->len)
			one.flags &= (u8) ~(TCP_FIN | TCP_PSH);
		one.urg = tx->flags & TCP_URG ? (u16)(tx->urg - off) : 0;
		if (off)
			one.flags &= (u8)~TCP_CWR;
		tcp_write_header(&one, p->hdr);
		p->hlen = TCP_HDR_LEN + tx->optlen;
		p->len = n;
		p->ect = tx->ect;
		p->gso = !w->split && n > tx->mss ? tx->mss : 0;
		p->to_b = !e->is_b;
		/* A stream of more than 4 GiB: the offset's upper half from what was sent. */
		at += e->sent & ~0xffffffffull;
		if (at > e->sent)
			at -= 1ull << 32;
		for (u32 i = 0; i < n; i++)
			p->payload[i] = model_byte(e->pattern, at + i);
		wire_carry(w, p);
		off += n;
	} while (off < tx->len);
}

static void free_dead(struct model_end *e)
{
	struct tcp_rx *rx;

	while ((rx = e->c.rx_dead)) {
		e->c.rx_dead = rx->next;
		free(container_of(rx, struct model_packet, rx));
	}
}

/* After each call: segments out, events in. */
void model_settle(struct model_wire *w, struct model_end *e)
{
	struct tcp_tx tx;
	u32 events;

	if (!tcp_conn_check(&e->c))
		FAIL("the connection is broken");
	while (tcp_pull(&e->c, w->now, &tx))
		send(w, e, &tx);
	if (!tcp_conn_check(&e->c))
		FAIL("the connection is broken after sending");
	events = tcp_events(&e->c);
	e->events |= events;
	e->connected |= !!(events & TCP_EV_CONNECTED);
	e->was_reset |= e->c.err != 0;
	if (events & TCP_EV_TIMEWAIT) {
		tcp_tw_init(&e->tw, &e->c, w->now);
		e->has_tw = true;
	}
	if (events & TCP_EV_CLOSED && !e->closed) {
		e->closed = true;
		e->closed_at = w->now;
	}
	free_dead(e);
}

static void read_some(struct model_wire *w, struct model_end *e)
{
	struct tcp_rx *rx = NULL;
	u32 pos = e->c.copied, off, len, limit = U32_MAX;
	bool any = false;

	if (e->stop_reading || !e->c.irs_valid)
		return;
	if (e->slow_reader) {
		if (w->now < e->next_read)
			return;
		e->next_read = w->now + (1 + model_rand(w) % 50) * TCP_NS_PER_MS;
		limit = 1 + (u32)(model_rand(w) % 20000);
	}
	while (limit && (rx = tcp_rx_at(&e->c, rx, any, &pos, &off, &len))) {
		const u8 *p = container_of(rx, struct model_packet, rx)->payload + off;

		len = min(len, limit);
		for (u32 i = 0; i < len; i++) {
			if (p[i] != model_byte((u8)(3 - e->pattern), e->got + i)) {
				FAIL("byte %llu is wrong", e->got + i);
				break;
			}
		}
		e->got += len;
		pos += len;
		limit -= len;
		any = true;
	}
	if (any)
		tcp_received(&e->c, w->now, pos);
}

void model_work(struct model_wire *w, struct model_end *e)
{
	if (!e->has_conn)
		return;
	read_some(w, e);
	while (e->sent < e->to_send && !tcp_send_check(&e->c)) {
		u32 queued = e->c.snd_end - e->c.snd_una;
		u64 n = min_t(u64, e->to_send - e->sent, 1 + model_rand(w) % 65536);

		if (queued >= e->window)
			break;
		n = min_t(u64, n, e->window - queued);
		e->sent += n;
		tcp_sent(&e->c, w->now, (u32)n, false, false);
		model_settle(w, e);
	}
	if (e->close_when_sent && e->sent == e->to_send && !e->c.shut_wr && !tcp_send_check(&e->c))
		tcp_shutdown_write(&e->c, w->now);
	if (e->close_when_sent && e->c.rcv_fin && e->got == e->to_read && !e->fin_done &&
		e->sent == e->to_send && e->c.shut_wr) {
		e->fin_done = true;
		tcp_close(&e->c, w->now, false);
	}
	model_settle(w, e);
}

static void reply(struct model_wire *w, struct model_end *e, const struct tcp_tx *tx)
{
	e->c.iss = tx->seq - 1; /* no payload, so nothing is looked up */
	send(w, e, tx);
}

static bool become_conn(
	struct model_wire *w, struct model_end *e, const struct tcp_in *in, struct model_packet *p)
{
	e->has_req = false;
	tcp_conn_fini(&e->c);
	tcp_conn_accept(&e->c, &e->conf, w->now, &e->req, e->listener.rcv_buf, 16384);
	e->has_conn = true;
	e->listening = false;
	return tcp_input(&e->c, w->now, in, in->len ? &p->rx : NULL);
}

static bool passive(
	struct model_wire *w, struct model_end *e, const struct tcp_in *in, struct model_packet *p)
{
	struct tcp_tx tx;
	enum tcp_verdict v;

	if (e->has_req)
		v = tcp_req_segment(&e->listener, &e->req, w->now, in, &tx);
	else
		v = tcp_listen_segment(
			&e->listener, w->now, in, &e->flow, PATH_MSS, NULL, &e->req, &tx);
	switch (v) {
	case TCP_V_REQ: e->has_req = true; FALLTHROUGH;
	case TCP_V_REPLY: reply(w, e, &tx); return false;
	case TCP_V_CONN: return become_conn(w, e, in, p);
	case TCP_V_KILL: e->has_req = false; return false;
	default: return false;
	}
}

static void arrive(struct model_wire *w, struct model_packet *p)
{
	struct model_end *e = p->to_b ? &w->b : &w->a;
	struct tcp_in in;
	struct tcp_tx tx;
	bool kept = false;
	u32 isn;

	if (sum_of(p) != p->sum || tcp_parse(p->hdr, p->hlen, p->hlen + p->len, &in)) {
		w->dropped++;
		free(p);
		return;
	}
	in.ce = p->ce;
	in.gso = p->gso;
	p->rx.mem = p->len + 256;
	if (e->listening) {
		kept = passive(w, e, &in, p);
	} else if (e->has_tw) {
		if (tcp_tw_segment(&e->tw, w->now, &in, &tx, &isn) == TCP_V_REPLY)
			send(w, e, &tx);
	} else if (e->c.state != TCP_S_CLOSE) {
		kept = tcp_input(&e->c, w->now, &in, in.len ? &p->rx : NULL);
	} else if (tcp_refuse(&in, &tx)) {
		send(w, e, &tx);
	}
	if (!kept)
		free(p);
	model_settle(w, e);
	model_work(w, e);
}

static u64 end_deadline(const struct model_end *e)
{
	u64 at = tcp_deadline(&e->c);

	if (e->has_req)
		at = min(at, e->req.timer_at);
	if (e->slow_reader && e->c.rx_head)
		at = min(at, e->next_read);
	return at;
}

static void end_timer(struct model_wire *w, struct model_end *e)
{
	struct tcp_tx tx;

	if (e->has_req && e->req.timer_at <= w->now) {
		switch (tcp_req_timer(&e->listener, &e->req, w->now, &tx)) {
		case TCP_V_REPLY: reply(w, e, &tx); break;
		case TCP_V_KILL: e->has_req = false; break;
		default: break;
		}
	}
	if (tcp_deadline(&e->c) <= w->now)
		tcp_timer(&e->c, w->now);
	model_settle(w, e);
	model_work(w, e);
}

bool model_step(struct model_wire *w)
{
	struct model_packet *p = w->flying;
	u64 at = min(end_deadline(&w->a), end_deadline(&w->b));

	if (p && p->arrives <= at) {
		w->flying = p->next;
		w->now = max(w->now, p->arrives);
		arrive(w, p);
		return true;
	}
	if (at == ~0ull)
		return false;
	w->now = max(w->now, at);
	if (end_deadline(&w->a) <= w->now)
		end_timer(w, &w->a);
	if (end_deadline(&w->b) <= w->now)
		end_timer(w, &w->b);
	return true;
}

void model_connect(struct model_wire *w, struct model_end *e)
{
	e->has_conn = true;
	tcp_connect(&e->c, w->now, tcp_isn(&e->conf, &e->flow, w->now),
		tcp_ts_offset(&e->conf, &e->flow), PATH_MSS);
	model_settle(w, e);
}

void model_open(struct model_wire *w)
{
	w->b.listener =
		(struct tcp_listener){.conf = &w->b.conf, .backlog = 8, .rcv_buf = w->b.c.rcv_buf};
	w->b.listening = true;
	model_connect(w, &w->a);
}

bool model_run(struct model_wire *w, u64 limit_ns)
{
	u64 until = w->now + limit_ns;

	while (w->now < until &&
		!(w->a.closed && w->b.closed && !w->a.c.rx_head && !w->b.c.rx_head)) {
		if (!model_step(w))
			break;
	}
	return w->a.closed && w->b.closed;
}

void model_fini(struct model_wire *w)
{
	struct model_packet *p;

	while ((p = w->flying)) {
		w->flying = p->next;
		free(p);
	}
	for (int i = 0; i < 2; i++) {
		struct model_end *e = i ? &w->b : &w->a;

		tcp_conn_fini(&e->c);
		free_dead(e);
		CHECK_EQ(e->c.rcv_used, 0);
	}
	CHECK_EQ(live, 0);
}
