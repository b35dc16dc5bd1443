/* SPDX-License-Identifier: BSD-2-Clause */
/* Headers and options, both ways [rfc9293 3.1, 3.2; rfc7323 2, 3; rfc2018; rfc7413 4.1.1]. */
#include "wire.h"
#include <lib/endian.h>
#include <lib/errno.h>
#include <lib/string.h>

enum {
	OPT_END,
	OPT_NOP,
	OPT_MSS,
	OPT_WSCALE,
	OPT_SACK_OK,
	OPT_SACK,
	OPT_TS = 8,
	OPT_TFO = 34,
	OPT_EXP = 254
};
#define TFO_MAGIC  0xf989
#define TS_WORD    (OPT_NOP << 24 | OPT_NOP << 16 | OPT_TS << 8 | 10)
#define WSCALE_MAX 14

static void parse_cookie(struct tcp_in *out, const u8 *p, unsigned len)
{
	if (len && (len < TCP_COOKIE_MIN || len > TCP_COOKIE_MAX || len & 1))
		return;
	out->cookie_len = (s8)len;
	memcpy(out->cookie, p, len);
}

static void parse_option(struct tcp_in *out, unsigned kind, const u8 *p, unsigned len)
{
	bool syn = out->flags & TCP_SYN;

	switch (kind) {
	case OPT_MSS:
		if (len == 2 && syn)
			out->mss = load_be16(p);
		break;
	case OPT_WSCALE:
		if (len == 1 && syn) /* [rfc7323 2.3]: more than 14 is taken as 14 */
			out->wscale = min_t(u8, p[0], WSCALE_MAX);
		break;
	case OPT_SACK_OK:
		if (!len && syn)
			out->sack_ok = true;
		break;
	case OPT_SACK:
		if (len && len % 8 == 0 && len <= 32 && !syn) {
			out->nsack = (u8)(len / 8);
			for (unsigned i = 0; i < out->nsack; i++)
				out->sack[i] = (struct tcp_block){
					load_be32(p + 8 * i), load_be32(p + 8 * i + 4)};
		}
		break;
	case OPT_TS:
		if (len == 8) {
			out->has_ts = true;
			out->tsval = load_be32(p);
			out->tsecr = load_be32(p + 4);
		}
		break;
	case OPT_TFO:
		if (syn)
			parse_cookie(out, p, len);
		break;
	case OPT_EXP: /* [rfc6994] */
		if (syn && len >= 2 && load_be16(p) == TFO_MAGIC)
			parse_cookie(out, p + 2, len - 2);
		break;
	}
}

static void parse_options(struct tcp_in *out, const u8 *p, unsigned len)
{
	while (len) {
		unsigned kind = p[0], n;

		if (kind == OPT_END)
			return;
		if (kind == OPT_NOP) {
			p++;
			len--;
			continue;
		}
		if (len < 2 || p[1] < 2 || p[1] > len)
			return;
		n = p[1];
		parse_option(out, kind, p + 2, n - 2);
		p += n;
		len -= n;
	}
}

int tcp_parse(const u8 *p, size_t have, size_t total, struct tcp_in *out)
{
	unsigned hlen;

	if (have < TCP_HDR_LEN)
		return -EINVAL;
	hlen = (p[12] >> 4) * 4u;
	if (hlen < TCP_HDR_LEN || hlen > have || hlen > total)
		return -EINVAL;
	out->seq = load_be32(p + 4);
	out->ack = load_be32(p + 8);
	out->hlen = (u8)hlen;
	out->flags = p[13];
	out->wnd = load_be16(p + 14);
	out->urg = load_be16(p + 18);
	out->len = (u32)(total - hlen);
	out->ce = false;
	out->gso = 0;
	out->wscale = 0xff;
	out->nsack = 0;
	out->mss = 0;
	out->cookie_len = -1;
	out->sack_ok = false;
	if (likely(hlen == TCP_HDR_LEN + 12 && load_be32(p + 20) == TS_WORD)) {
		out->has_ts = true;
		out->tsval = load_be32(p + 24);
		out->tsecr = load_be32(p + 28);
		return 0;
	}
	out->has_ts = false;
	parse_options(out, p + TCP_HDR_LEN, hlen - TCP_HDR_LEN);
	return 0;
}

void tcp_write_header(const struct tcp_tx *tx, u8 *p)
{
	store_be32(p, 0);
	store_be32(p + 4, tx->seq);
	store_be32(p + 8, tx->ack);
	p[12] = (u8)((TCP_HDR_LEN + tx->optlen) / 4 << 4);
	p[13] = tx->flags;
	store_be16(p + 14, tx->wnd);
	store_be16(p + 16, 0);
	store_be16(p + 18, tx->urg);
	memcpy(p + TCP_HDR_LEN, tx->opts, tx->optlen);
}

bool tcp_refuse(const struct tcp_in *in, struct tcp_tx *tx)
{
	if (in->flags & TCP_RST)
		return false;
	memset(tx, 0, sizeof(*tx));
	if (in->flags & TCP_ACK) {
		tx->seq = in->ack;
		tx->flags = TCP_RST;
	} else {
		tx->ack = tcp_in_end(in);
		tx->flags = TCP_RST | TCP_ACK;
	}
	tx->data = tx->seq;
	return true;
}

void tcp_opts_encode_ts(struct tcp_tx *tx, u32 tsval, u32 tsecr)
{
	store_be32(tx->opts, TS_WORD);
	store_be32(tx->opts + 4, tsval);
	store_be32(tx->opts + 8, tsecr);
	tx->optlen = 12;
}

static u8 *encode_syn(const struct tcp_opts *o, u8 *p)
{
	if (o->mss) {
		store_be32(p, OPT_MSS << 24 | 4 << 16 | o->mss);
		p += 4;
	}
	if (o->ts) {
		*p++ = o->sack_ok ? OPT_SACK_OK : OPT_NOP;
		*p++ = o->sack_ok ? 2 : OPT_NOP;
		*p++ = OPT_TS;
		*p++ = 10;
		store_be32(p, o->tsval);
		store_be32(p + 4, o->tsecr);
		p += 8;
	} else if (o->sack_ok) {
		store_be32(p, (u32)OPT_NOP << 24 | OPT_NOP << 16 | OPT_SACK_OK << 8 | 2);
		p += 4;
	}
	if (o->wscale != 0xff) {
		store_be32(p, (u32)OPT_NOP << 24 | OPT_WSCALE << 16 | 3 << 8 | o->wscale);
		p += 4;
	}
	return p;
}

void tcp_opts_encode(const struct tcp_opts *o, struct tcp_tx *tx)
{
	u8 *p = tx->opts, *end = tx->opts + TCP_OPT_MAX;

	if (tx->flags & TCP_SYN) {
		p = encode_syn(o, p);
	} else if (o->ts) {
		tcp_opts_encode_ts(tx, o->tsval, o->tsecr);
		p += tx->optlen;
	}
	if (o->nblocks && end - p >= 12) {
		unsigned n = min_t(unsigned, o->nblocks, (unsigned)(end - p - 4) / 8);

		store_be32(p, (u32)OPT_NOP << 24 | OPT_NOP << 16 | OPT_SACK << 8 | (2 + 8 * n));
		p += 4;
		for (unsigned i = 0; i < n; i++, p += 8) {
			store_be32(p, o->blocks[i].start);
			store_be32(p + 4, o->blocks[i].end);
		}
	}
	if (o->cookie_len >= 0 && end - p >= align_up(2 + o->cookie_len, 4)) {
		*p++ = OPT_TFO;
		*p++ = (u8)(2 + o->cookie_len);
		memcpy(p, o->cookie, (size_t)o->cookie_len);
		p += o->cookie_len;
		while ((p - tx->opts) % 4)
			*p++ = OPT_NOP;
	}
	tx->optlen = (u8)(p - tx->opts);
}
