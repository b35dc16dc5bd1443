/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SO_TIMESTAMPING and MSG_ZEROCOPY [Linux: Documentation/networking/{timestamping,msg_zerocopy}.rst].
 *
 * Stamps are the software's. What is sent is given to its link while the caller waits, so SCHED and SND are told when that is done; ACK is
 * TCP's. Bytes are always copied: a send with MSG_ZEROCOPY is complete when it returns, and its completion says SO_EE_CODE_ZEROCOPY_COPIED,
 * as Linux' does on the loopback.
 */
#include "stamp.h"

#include <linux/net_tstamp.h>
#include "csum.h"
#include "sock_impl.h"
#include "tcp/tcp_sock.h"

#define TX_TOLD (SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_SCHED)

static int check_flags(struct sock *s, u32 v)
{
	if (v & ~(u32)SOF_TIMESTAMPING_MASK)
		return -EINVAL;
	if (v & SOF_TIMESTAMPING_OPT_ID_TCP && !(v & SOF_TIMESTAMPING_OPT_ID))
		return -EINVAL;
	if (v & SOF_TIMESTAMPING_OPT_ID && !(s->tsflags & SOF_TIMESTAMPING_OPT_ID)) {
		u32 first = 0;

		if (s->type == SOCK_STREAM) {
			const struct tcp_conn *c = &tcp_of(s)->c;

			if (c->state == TCP_S_CLOSE || c->state == TCP_S_LISTEN)
				return -EINVAL;
			first = v & SOF_TIMESTAMPING_OPT_ID_TCP ? c->snd_end : c->snd_una;
		}
		s->tskey = first;
	}
	if (v & SOF_TIMESTAMPING_OPT_STATS && !(v & SOF_TIMESTAMPING_OPT_TSONLY))
		return -EINVAL;
	return v & SOF_TIMESTAMPING_BIND_PHC ? -EINVAL : 0; /* no clock of a device's own */
}

int sock_set_timestamping(struct sock *s, bool fresh, struct iobuf *value)
{
	unsigned long flags;
	int v, err = option_get_int(value, &v);

	if (err)
		return err;
	flags = env_spin_lock(&s->lock);
	err = check_flags(s, (u32)v);
	if (!err) {
		u32 keep = s->flags & ~(u32)(SOCK_F_TIMESTAMPING | SOCK_F_TIMESTAMPING_NEW);

		s->tsflags = (u32)v;
		s->flags = keep | (v & SOF_TIMESTAMPING_RX_SOFTWARE ? SOCK_F_TIMESTAMPING : 0) |
			   (fresh ? SOCK_F_TIMESTAMPING_NEW : 0);
	}
	env_spin_unlock(&s->lock, flags);
	return err;
}

int sock_set_zerocopy(struct sock *s, struct iobuf *value)
{
	unsigned long flags;
	int v, err = option_get_int(value, &v);

	if (err)
		return err;
	if (s->type != SOCK_STREAM && !(s->type == SOCK_DGRAM && s->protocol == IPPROTO_UDP))
		return -EOPNOTSUPP;
	if (v < 0 || v > 1)
		return -EINVAL;
	flags = env_spin_lock(&s->lock);
	s->flags = v ? s->flags | SOCK_F_ZEROCOPY : s->flags & ~(u32)SOCK_F_ZEROCOPY;
	env_spin_unlock(&s->lock, flags);
	return 0;
}

/* ---- what was sent ---- */

bool stamp_wanted(u32 tsflags)
{
	return tsflags & (TX_TOLD | SOF_TIMESTAMPING_TX_ACK);
}

u32 stamp_next_id(struct sock *s)
{
	return s->tsflags & SOF_TIMESTAMPING_OPT_ID ? s->tskey++ : 0;
}

void stamp_tell(struct sock *s, u32 what, u32 id, const struct pkt *frame)
{
	struct sock_err err = {.ee_errno = ENOMSG, .info = what, .data = id, .origin = SO_EE_ORIGIN_TIMESTAMPING};
	union ipaddr none = ip_any(s->family);

	if (s->tsflags & SOF_TIMESTAMPING_OPT_TSONLY)
		frame = NULL;
	(void)sock_queue_err(s, &err, &none, 0, &none, frame);
}

/* The headers that a tap would see, options aside: readers skip them to find their own bytes. */
static bool push_headers(struct pkt *p, const struct inet_route *r, const struct ip_tx *tx, u8 default_ttl)
{
	bool v4 = ip_is4(&r->dst);
	u32 ip_len = v4 ? 20 : 40, payload = p->total;
	u8 *h = pkt_push(p, ETH_HLEN + ip_len), *ip = h + ETH_HLEN;

	if (!h)
		return false;
	memset(h, 0, ETH_HLEN + ip_len);
	store_be16(h + 12, v4 ? ETH_P_IP : ETH_P_IPV6);
	if (v4) {
		ip[0] = 0x45;
		ip[1] = tx->tos;
		store_be16(ip + 2, (u16)(ip_len + payload));
		ip[8] = tx->ttl ? tx->ttl : default_ttl;
		ip[9] = tx->proto;
		memcpy(ip + 12, &r->src.w[3], 4);
		memcpy(ip + 16, &r->dst.w[3], 4);
		*(u16_any *)(ip + 10) = csum_finish(csum_add(0, ip, 20));
	} else {
		store_be16(ip, (u16)(0x6000 | tx->tos << 4));
		store_be16(ip + 4, (u16)payload);
		ip[6] = tx->proto;
		ip[7] = tx->ttl ? tx->ttl : default_ttl;
		memcpy(ip + 8, r->src.b, 16);
		memcpy(ip + 24, r->dst.b, 16);
	}
	return true;
}

void stamp_datagram(struct sock *s, u32 tsflags, struct pkt *clone, const struct inet_route *r, const struct ip_tx *tx)
{
	u32 id = stamp_next_id(s);

	env_spin_assert_held(&s->lock);
	if (clone && !push_headers(clone, r, tx, (u8)(ip_is4(&r->dst) ? s->in->conf.ip_default_ttl : s->in->conf.ip6_hop_limit))) {
		pkt_free(clone);
		clone = NULL;
	}
	if (tsflags & SOF_TIMESTAMPING_TX_SCHED)
		stamp_tell(s, SCM_TSTAMP_SCHED, id, clone);
	if (tsflags & SOF_TIMESTAMPING_TX_SOFTWARE)
		stamp_tell(s, SCM_TSTAMP_SND, id, clone);
	pkt_free(clone);
}

void zerocopy_done(struct sock *s)
{
	u32 id = s->zerocopy_next++;
	struct sock_err err = {.info = id, .data = id, .origin = SO_EE_ORIGIN_ZEROCOPY, .code = SO_EE_CODE_ZEROCOPY_COPIED};
	union ipaddr none = ip_any(s->family);
	struct sock_err *last;

	env_spin_assert_held(&s->lock);
	if (s->errors.n) {
		last = (struct sock_err *)container_of(s->errors.tail, struct pkt, next)->cb;
		if (last->origin == SO_EE_ORIGIN_ZEROCOPY && last->data + 1 == id) {
			last->data = id;
			return;
		}
	}
	(void)sock_queue_err(s, &err, &none, 0, &none, NULL);
}

/* ---- what the user reads ---- */

void cmsg_put_stamps(struct sock *s, struct inet_msg *msg, u64 stamp_ns, bool own)
{
	bool fresh = s->flags & SOCK_F_TIMESTAMP_NEW;
	s64 t = stamp_ns ? (s64)stamp_ns : env_time(), v[6] = {t / 1000000000, t % 1000000000};

	if (s->flags & SOCK_F_TIMESTAMPNS) {
		cmsg_put(msg, SOL_SOCKET, fresh ? SO_TIMESTAMPNS_NEW : SO_TIMESTAMPNS_OLD, v, 16);
	} else if (s->flags & SOCK_F_TIMESTAMP) {
		s64 micro[2] = {v[0], v[1] / 1000};

		cmsg_put(msg, SOL_SOCKET, fresh ? SO_TIMESTAMP_NEW : SO_TIMESTAMP_OLD, micro, sizeof(micro));
	}
	if (!(s->tsflags & SOF_TIMESTAMPING_SOFTWARE) || !stamp_ns)
		return;
	if (!own && !(s->tsflags & SOF_TIMESTAMPING_RX_SOFTWARE) && s->tsflags & SOF_TIMESTAMPING_OPT_RX_FILTER)
		return;
	cmsg_put(msg, SOL_SOCKET, s->flags & SOCK_F_TIMESTAMPING_NEW ? SO_TIMESTAMPING_NEW : SO_TIMESTAMPING_OLD, v, sizeof(v));
}
