/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hostile segments, options, calls and times against a connection in every state. The input is a
 * program: one byte says what, some bytes say how; sequence numbers are near what matters, or
 * anything.
 */
#include <linux/tcp.h>
#include <stdlib.h>
#include <lib/endian.h>
#include <lib/string.h>
#include "tcp_model.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

/* What the model says through the frame of the unit tests ends the run here. */
void test_fail(const char *file, int line, const char *fmt, ...)
{
	__builtin_trap();
}

void test_check_eq(u64 a, u64 b, const char *file, int line, const char *what_a, const char *what_b)
{
	if (a != b)
		__builtin_trap();
}

struct fuzz {
	struct model_end e;
	const u8 *p, *end;
	u64 now;
	bool listener;
};

static u32 byte(struct fuzz *f)
{
	return f->p < f->end ? *f->p++ : 0;
}

static u32 word(struct fuzz *f)
{
	u32 v = byte(f);

	v = v << 8 | byte(f);
	v = v << 8 | byte(f);
	return v << 8 | byte(f);
}

/* A number near one of those that decide. */
static u32 near(struct fuzz *f, u32 a, u32 b, u32 c)
{
	u32 how = byte(f);

	switch (how & 7) {
	case 0: return a;
	case 1: return b;
	case 2: return c;
	case 3: return a + (s8)byte(f);
	case 4: return b + (s8)byte(f);
	case 5: return a + (s16)(byte(f) << 8 | byte(f));
	case 6: return c - (s16)(byte(f) << 8 | byte(f));
	default: return word(f);
	}
}

static void free_dead(struct fuzz *f)
{
	struct tcp_rx *rx;

	while ((rx = f->e.c.rx_dead)) {
		f->e.c.rx_dead = rx->next;
		free(container_of(rx, struct model_packet, rx));
	}
}

static void drain(struct fuzz *f)
{
	struct tcp_tx tx;
	unsigned n = 0;
	u8 hdr[60];

	while (tcp_pull(&f->e.c, f->now, &tx)) {
		if (++n > 100000 || tx.optlen > TCP_OPT_MAX || tx.optlen % 4 || tx.len > 65535)
			__builtin_trap();
		tcp_write_header(&tx, hdr);
	}
	if (!tcp_conn_check(&f->e.c))
		__builtin_trap();
	if (tcp_events(&f->e.c) & TCP_EV_TIMEWAIT) {
		tcp_tw_init(&f->e.tw, &f->e.c, f->now);
		f->e.has_tw = true;
	}
	free_dead(f);
}

static void to_listener(struct fuzz *f, const struct tcp_in *in, struct model_packet *p)
{
	struct model_end *e = &f->e;
	enum tcp_verdict v;
	struct tcp_tx tx;

	if (e->has_req)
		v = tcp_req_segment(&e->listener, &e->req, f->now, in, &tx);
	else
		v = tcp_listen_segment(
			&e->listener, f->now, in, &e->flow, 1460, NULL, &e->req, &tx);
	e->has_req = v == TCP_V_REQ || (e->has_req && (v == TCP_V_DROP || v == TCP_V_REPLY));
	if (v == TCP_V_CONN || v == TCP_V_TFO) {
		tcp_conn_fini(&e->c);
		tcp_conn_accept(&e->c, &e->conf, f->now, &e->req, 131072, 16384);
		f->listener = false;
		if (tcp_input(&e->c, f->now, in, in->len ? &p->rx : NULL))
			return;
	}
	free(p);
}

static void segment(struct fuzz *f)
{
	struct tcp_conn *c = &f->e.c;
	u32 hlen = 20 + (byte(f) % 11) * 4, len = byte(f), isn;
	struct model_packet *p;
	struct tcp_in in;
	struct tcp_tx tx;
	u8 hdr[60];

	if (len & 1)
		len = len << 5;
	memset(hdr, 0, sizeof(hdr));
	store_be32(hdr + 4, near(f, c->rcv_nxt, c->rcv_nxt + c->rcv_wnd, c->copied));
	store_be32(hdr + 8, near(f, c->snd_nxt, c->snd_una, c->iss + 1));
	hdr[12] = (u8)(hlen / 4 << 4);
	hdr[13] = (u8)byte(f);
	store_be16(hdr + 14, (u16)word(f));
	store_be16(hdr + 18, (u16)byte(f));
	for (u32 i = 20; i < hlen; i++)
		hdr[i] = (u8)byte(f);
	/* Blocks that mean something. */
	if (hlen >= 32 && byte(f) & 1) {
		store_be32(hdr + 20, 0x0101050a);
		store_be32(hdr + 24, near(f, c->snd_una, c->snd_nxt, c->snd_una));
		store_be32(hdr + 28, near(f, c->snd_nxt, c->snd_una, c->snd_nxt));
	}
	if (tcp_parse(hdr, hlen, hlen + len, &in))
		return;
	in.ce = byte(f) & 1;
	in.gso = byte(f) & 1 ? 536 : 0;
	p = calloc(1, sizeof(*p) + len);
	p->rx.mem = len + 256;
	if (f->listener) {
		to_listener(f, &in, p);
	} else if (f->e.has_tw) {
		(void)!tcp_tw_segment(&f->e.tw, f->now, &in, &tx, &isn);
		free(p);
	} else if (!tcp_input(c, f->now, &in, len ? &p->rx : NULL)) {
		free(p);
	}
}

static void call(struct fuzz *f)
{
	struct tcp_conn *c = &f->e.c;
	struct tcp_rx *rx = NULL;
	u32 pos = c->copied, off, n, what = byte(f);
	struct tcp_info info;
	u8 oob;

	switch (what % 13) {
	case 0:
		if (!tcp_send_check(c) && c->snd_end - c->snd_una < 1u << 20)
			tcp_sent(c, f->now, 1 + word(f) % 70000, what & 16, what & 32);
		break;
	case 1:
		for (n = 1; (rx = tcp_rx_at(c, rx, n > 1, &pos, &off, &n)); pos += n) {
			if (off + n > container_of(rx, struct model_packet, rx)->rx.mem - 256)
				__builtin_trap();
			n = max(n / 2, 1u);
		}
		tcp_received(c, f->now, pos);
		break;
	case 2: tcp_shutdown_write(c, f->now); break;
	case 3: tcp_close(c, f->now, what & 64); break;
	case 4:
		if (what & 128)
			tcp_abort(c, f->now, 103);
		break;
	case 5: tcp_path_mss(c, f->now, (u16)(word(f) % 9000)); break;
	case 6: tcp_icmp(c, f->now, c->snd_una + byte(f), 113, what & 16); break;
	case 7:
		c->user.nodelay = what & 16;
		c->user.cork = what & 32;
		tcp_push(c, f->now);
		break;
	case 8: (void)!tcp_oob(c, what & 16, &oob); break;
	case 9: tcp_info(c, f->now, &info); break;
	case 10: tcp_quickack(c, f->now, what & 16); break;
	case 11: c->user.user_timeout_ms = what & 16 ? 3000 : 0; break;
	default: tcp_set_keepalive(c, f->now, what & 16);
	}
}

static void pass_time(struct fuzz *f)
{
	struct tcp_tx tx;
	u32 how = byte(f);
	u64 at = tcp_deadline(&f->e.c);

	if (how & 1 && at != ~0ull)
		f->now = max(f->now, at);
	else
		f->now += (u64)(how + 1) * (how & 2 ? 100000 : TCP_NS_PER_MS);
	if (f->e.has_req && f->e.req.timer_at <= f->now &&
		tcp_req_timer(&f->e.listener, &f->e.req, f->now, &tx) == TCP_V_KILL)
		f->e.has_req = false;
	if (tcp_deadline(&f->e.c) <= f->now)
		tcp_timer(&f->e.c, f->now);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	struct fuzz *f = calloc(1, sizeof(*f));
	u32 how;

	f->p = data;
	f->end = data + len;
	f->now = 1000 * TCP_NS_PER_S;
	how = byte(f);
	f->e.conf = model_conf();
	f->e.conf.sack = how & 1;
	f->e.conf.timestamps = !!(how & 2);
	f->e.conf.ecn = how >> 2 & 1;
	f->e.conf.cc = how >> 3 & 1;
	f->e.conf.fastopen = 3;
	if (how & 64)
		f->e.conf.alloc = NULL;
	f->e.listener = (struct tcp_listener){
		.conf = &f->e.conf, .backlog = how & 32 ? 0 : 2, .rcv_buf = 131072, .tfo_max = 3};
	tcp_conn_init(&f->e.c, &f->e.conf, f->now, 131072, 16384);
	f->listener = how & 16;
	if (!f->listener)
		tcp_connect(&f->e.c, f->now, word(f), 0, 1460);
	drain(f);
	if (how & 128 && !f->listener) { /* begin established */
		struct tcp_in in = {.seq = word(f),
			.ack = f->e.c.iss + 1,
			.flags = TCP_SYN | TCP_ACK,
			.wnd = 65535,
			.mss = (u16)word(f),
			.wscale = (u8)(byte(f) % 15),
			.sack_ok = true,
			.has_ts = true,
			.cookie_len = -1};

		(void)!tcp_input(&f->e.c, f->now, &in, NULL);
		drain(f);
	}
	while (f->p < f->end) {
		switch (byte(f) % 4) {
		case 0: call(f); break;
		case 1: pass_time(f); break;
		default: segment(f);
		}
		drain(f);
	}
	tcp_conn_fini(&f->e.c);
	free_dead(f);
	if (model_live() || f->e.c.rcv_used)
		__builtin_trap();
	free(f);
	return 0;
}
