/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cutting [rfc791 3.2] [rfc8200 4.5], and the ids of what was cut.
 */
#include "csum.h"
#include "frag.h"
#include "ip_impl.h"
#include "sock.h"

u16 ip4_next_id(struct inet *in, const union ipaddr *src, const union ipaddr *dst, u8 proto)
{
	u64 n = __atomic_fetch_add(&in->ip_id, 1 + inet_random_below(3), __ATOMIC_RELAXED);

	return (u16)(siphash_2u64(&in->key, src->q[1] ^ proto, dst->q[1]) + n);
}

u32 ip6_next_id(struct inet *in, const union ipaddr *src, const union ipaddr *dst)
{
	u64 n = __atomic_fetch_add(&in->ip_id, 1 + inet_random_below(3), __ATOMIC_RELAXED);
	u32 id = (u32)siphash_2u64(&in->key, src->q[0] ^ src->q[1], dst->q[0] ^ dst->q[1]) + (u32)n;

	return id ? id : 1;
}

/* The options that go into every fragment: those with the copied bit; the others become no-operations. */
static void clear_uncopied(u8 *h, unsigned hlen)
{
	for (unsigned at = IP4_HLEN; at < hlen;) {
		u8 type = h[at];
		unsigned len = type <= 1 ? 1u : at + 1 < hlen ? h[at + 1] : 1u;

		if (!type)
			return;
		len = clamp(len, 1u, hlen - at);
		if (type > 1 && !(type & 0x80))
			memset(h + at, 1, len);
		at += len;
	}
}

/* One piece with @header in front; @off in the packet's payload. NULL: no memory. */
static struct pkt *cut(struct pkt *p, const u8 *header, u32 hlen, u32 off, u32 n)
{
	struct pkt *part = pkt_slice(p, hlen + off, n, PKT_HEADROOM);
	u8 *h = part ? pkt_push(part, hlen) : NULL;

	if (!h) {
		pkt_free(part);
		return NULL;
	}
	memcpy(h, header, hlen);
	pkt_mark_net(part);
	part->protocol = p->protocol;
	part->src = p->src;
	part->dst = p->dst;
	part->flags = p->flags;
	part->mark = p->mark;
	return part;
}

int ip4_fragment(struct inet *in, struct pkt *p, struct inet_route *r, u32 mtu)
{
	u8 header[IP4_HLEN_MAX];
	u32 hlen, payload, step, off;
	u16 base, id;
	int err = -ENOBUFS;

	if (!pkt_csum_finish(p) || !pkt_pull_up(p, IP4_HLEN))
		goto fail;
	hlen = ip4_hlen(p->data);
	if (!pkt_pull_up(p, hlen) || mtu < hlen + 8)
		goto fail;
	memcpy(header, p->data, hlen);
	payload = p->total - hlen;
	step = (mtu - hlen) & ~7u;
	base = ip4_frag_word(header);
	id = load_be16(header + 4) ? load_be16(header + 4) : ip4_next_id(in, &p->src, &p->dst, header[9]);
	store_be16(header + 4, id);
	for (off = 0; off < payload; off += step) {
		u32 n = min(step, payload - off);
		bool last = off + n == payload;
		struct pkt *part;

		store_be16(header + 2, (u16)(hlen + n));
		store_be16(header + 6, (u16)((base & IP4_RF) | ((base & IP4_OFFMASK) + off / 8) | (last ? base & IP4_MF : IP4_MF)));
		header[10] = header[11] = 0;
		*(u16_any *)(header + 10) = csum_finish(csum_add(0, header, hlen));
		part = cut(p, header, hlen, off, n);
		if (!part)
			goto fail;
		INET_COUNT(in, Ip_FragCreates);
		err = ip_finish_output(in, part, r);
		if (err)
			goto fail;
		if (!off)
			clear_uncopied(header, hlen);
	}
	INET_COUNT(in, Ip_FragOKs);
	pkt_free(p);
	return 0;
fail:
	INET_COUNT(in, Ip_FragFails);
	pkt_free(p);
	return err;
}

/*
 * The part that every fragment repeats: the IP header and the extension headers up to a routing header. Returns its length, or 0; @out_at
 * says where the next-header byte is that will name the fragment header.
 */
static u32 unfragmentable(const struct pkt *p, u32 *out_at)
{
	u32 len = IP6_HLEN, at = 6;
	u8 next = p->data[6];

	*out_at = at;
	while (next == IP_PROTO_HOPOPTS || next == IP_PROTO_ROUTING || next == IP_PROTO_DSTOPTS) {
		u32 n;

		if (len + 8 > p->len)
			return 0;
		n = (p->data[len + 1] + 1u) * 8;
		if (len + n > p->len)
			return 0;
		if (next == IP_PROTO_DSTOPTS && p->data[len] != IP_PROTO_ROUTING)
			break;
		*out_at = len;
		next = p->data[len];
		len += n;
	}
	return len;
}

int ip6_fragment(struct inet *in, struct pkt *p, struct inet_route *r, u32 mtu)
{
	u8 header[256 + 8];
	u32 hlen, payload, step, at, id;
	int err = -ENOBUFS;
	u8 next;

	if (!pkt_csum_finish(p) || !pkt_pull_up(p, min(p->total, 256u)))
		goto fail;
	hlen = unfragmentable(p, &at);
	if (!hlen || hlen > 256 || mtu < hlen + 16)
		goto fail;
	memcpy(header, p->data, hlen);
	next = header[at];
	header[at] = IP_PROTO_FRAGMENT;
	id = ip6_next_id(in, &p->src, &p->dst);
	payload = p->total - hlen;
	step = (mtu - hlen - 8) & ~7u;
	for (u32 off = 0; off < payload; off += step) {
		u32 n = min(step, payload - off);
		struct pkt *part = pkt_slice(p, hlen + off, n, PKT_HEADROOM + 256);
		u8 *h = part ? pkt_push(part, hlen + 8) : NULL;

		if (!h) {
			pkt_free(part);
			goto fail;
		}
		store_be16(header + 4, (u16)(hlen - IP6_HLEN + 8 + n));
		memcpy(h, header, hlen);
		h[hlen] = next;
		h[hlen + 1] = 0;
		store_be16(h + hlen + 2, (u16)(off | (off + n < payload)));
		store_be32(h + hlen + 4, id);
		pkt_mark_net(part);
		part->protocol = p->protocol;
		part->src = p->src;
		part->dst = p->dst;
		part->flags = p->flags;
		INET_COUNT(in, Ip6_FragCreates);
		err = ip_finish_output(in, part, r);
		if (err)
			goto fail;
	}
	INET_COUNT(in, Ip6_FragOKs);
	pkt_free(p);
	return 0;
fail:
	INET_COUNT(in, Ip6_FragFails);
	pkt_free(p);
	return err;
}
