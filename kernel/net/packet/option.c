/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options of SOL_PACKET. [man packet(7)]
 */
#include "packet_impl.h"
#include <lib/string.h>
#include <linux/virtio_net.h>
#include <mm/slab.h>
#include <mm/uaccess.h>

#define VNET_SIZE 10u /* struct virtio_net_hdr */

/* ---- memberships ---- */

struct mreq {
	s32 ifindex;
	u16 type, alen;
	u8 address[32];
};

static int want(const struct packet_member *m, int by)
{
	const struct inet_port *port = packet_port();
	enum inet_link_want what;

	switch (m->type) {
	case PACKET_MR_MULTICAST:
	case PACKET_MR_UNICAST: what = INET_WANT_ADDRESS; break;
	case PACKET_MR_PROMISC: what = INET_WANT_PROMISC; break;
	case PACKET_MR_ALLMULTI: what = INET_WANT_ALLMULTI; break;
	default: return 0;
	}
	return port->ops->link_want(port->self, m->ifindex, what, m->addr, by);
}

static struct packet_member *member_find(struct packet_sock *p, const struct mreq *q)
{
	struct packet_member *m;

	list_for_each_entry(m, &p->members, node)
	{
		if (m->ifindex == (u32)q->ifindex && m->type == q->type && m->alen == q->alen && !memcmp(m->addr, q->address, m->alen))
			return m;
	}
	return NULL;
}

static int member_add(struct packet_sock *p, const struct mreq *q)
{
	const struct inet_port *port = packet_port();
	bool address = q->type == PACKET_MR_MULTICAST || q->type == PACKET_MR_UNICAST;
	struct inet_link_info link;
	struct packet_member *m;
	int err;

	if (port->ops->link_info(port->self, (u32)q->ifindex, &link))
		return -ENODEV;
	if (q->alen > link.mac_len)
		return -EINVAL;
	m = member_find(p, q);
	if (m) {
		m->count++;
		return 0;
	}
	if (address && q->alen != link.mac_len)
		return -EINVAL;
	m = kzalloc(sizeof(*m), 0);
	if (!m)
		return -ENOBUFS;
	m->ifindex = (u32)q->ifindex;
	m->type = q->type;
	m->alen = (u8)q->alen;
	m->count = 1;
	memcpy(m->addr, q->address, q->alen);
	err = want(m, 1);
	if (err)
		kfree(m);
	else
		list_add_tail(&m->node, &p->members);
	return err;
}

static void member_free(struct packet_member *m)
{
	list_del(&m->node);
	(void)!want(m, -1); /* the device may have gone */
	kfree(m);
}

/* One that is not there is dropped, too, as Linux sees it. */
static void member_drop(struct packet_sock *p, const struct mreq *q)
{
	struct packet_member *m = member_find(p, q);

	if (m && !--m->count)
		member_free(m);
}

void packet_members_drop(struct packet_sock *p)
{
	struct packet_member *m, *tmp;

	list_for_each_entry_safe(m, tmp, &p->members, node)
		member_free(m);
}

static int set_member(struct packet_sock *p, int name, struct uptr val, u32 len)
{
	struct mreq q = {.ifindex = 0};
	int err = 0;

	if (len < sizeof(struct packet_mreq))
		return -EINVAL;
	len = min_t(u32, len, sizeof(q));
	if (copy_from_user(&q, val, len))
		return -EFAULT;
	if (len < q.alen + offsetof(struct mreq, address))
		return -EINVAL;
	mutex_lock(&p->control);
	if (name == PACKET_ADD_MEMBERSHIP)
		err = member_add(p, &q);
	else
		member_drop(p, &q);
	mutex_unlock(&p->control);
	return err;
}

/* ---- rings, groups ---- */

static int set_ring(struct packet_sock *p, bool tx, struct uptr val, u32 len)
{
	struct tpacket_req3 q = {.tp_block_nr = 0};
	u32 want_len;
	int err;

	mutex_lock(&p->control);
	want_len = p->version == TPACKET_V3 ? sizeof(struct tpacket_req3) : sizeof(struct tpacket_req);
	if (len < want_len)
		err = -EINVAL;
	else
		err = copy_from_user(&q, val, want_len) ? -EFAULT : packet_ring_set(p, &q, tx);
	mutex_unlock(&p->control);
	return err;
}

static int set_fanout(struct packet_sock *p, struct uptr val, u32 len)
{
	struct fanout_args a = {.id = 0};
	u32 word[2] = {0, 0};
	int err;

	static_assert(sizeof(a) == sizeof(word), "a word, and one more");
	if (len != sizeof(u32) && len != sizeof(a))
		return -EINVAL;
	if (copy_from_user(word, val, len))
		return -EFAULT;
	mutex_lock(&p->control);
	err = packet_fanout_join(p, word[0], word[1]);
	mutex_unlock(&p->control);
	return err;
}

/* ---- words ---- */

static bool has_ring(const struct packet_sock *p)
{
	return p->rx.pages || p->tx.pages;
}

/* Options that must be an int, or begin with one. */
static int set_word(struct packet_sock *p, int name, s32 v)
{
	bool busy = has_ring(p);

	switch (name) {
	case PACKET_VERSION:
		if (v < TPACKET_V1 || v > TPACKET_V3)
			return -EINVAL;
		if (busy)
			return -EBUSY;
		WRITE_ONCE(p->version, (u32)v);
		return 0;
	case PACKET_RESERVE:
		if (v < 0)
			return -EINVAL;
		if (busy)
			return -EBUSY;
		WRITE_ONCE(p->reserve, (u32)v);
		return 0;
	case PACKET_LOSS:
		if (busy)
			return -EBUSY;
		WRITE_ONCE(p->loss, v != 0);
		return 0;
	case PACKET_TX_HAS_OFF:
		if (!busy)
			WRITE_ONCE(p->has_off, v != 0);
		return 0;
	case PACKET_VNET_HDR:
	case PACKET_VNET_HDR_SZ:
		if (name == PACKET_VNET_HDR)
			v = v ? (s32)VNET_SIZE : 0;
		else if (v && v != (s32)VNET_SIZE && v != (s32)sizeof(struct virtio_net_hdr_mrg_rxbuf))
			return -EINVAL;
		if (busy)
			return -EBUSY;
		WRITE_ONCE(p->vnet_size, (u8)v);
		return 0;
	case PACKET_AUXDATA: WRITE_ONCE(p->auxdata, v != 0); return 0;
	case PACKET_ORIGDEV: WRITE_ONCE(p->origdev, v != 0); return 0;
	case PACKET_QDISC_BYPASS: WRITE_ONCE(p->bypass, v != 0); return 0;
	case PACKET_TIMESTAMP: WRITE_ONCE(p->stamp_flags, (u32)v); return 0;
	case PACKET_COPY_THRESH: WRITE_ONCE(p->copy_threshold, (u32)v); return 0;
	case PACKET_IGNORE_OUTGOING:
		if (v < 0 || v > 1)
			return -EINVAL;
		WRITE_ONCE(p->hook.ignore_outgoing, v != 0);
		return 0;
	default: return -ENOPROTOOPT;
	}
}

/* Does the length fit? Some are exact, some have a least. */
static bool word_fits(int name, u32 len)
{
	switch (name) {
	case PACKET_AUXDATA:
	case PACKET_ORIGDEV:
	case PACKET_VNET_HDR:
	case PACKET_VNET_HDR_SZ: return len >= sizeof(s32);
	default: return len == sizeof(s32);
	}
}

static bool is_word(int name)
{
	switch (name) {
	case PACKET_VERSION:
	case PACKET_RESERVE:
	case PACKET_LOSS:
	case PACKET_TX_HAS_OFF:
	case PACKET_VNET_HDR:
	case PACKET_VNET_HDR_SZ:
	case PACKET_AUXDATA:
	case PACKET_ORIGDEV:
	case PACKET_QDISC_BYPASS:
	case PACKET_TIMESTAMP:
	case PACKET_COPY_THRESH:
	case PACKET_IGNORE_OUTGOING: return true;
	default: return false;
	}
}

int packet_set_option(struct socket *s, int level, int name, struct uptr val, u32 len)
{
	struct packet_sock *p = packet_of(s);
	s32 v;
	int err;

	if (level != SOL_PACKET)
		return -ENOPROTOOPT;
	switch (name) {
	case PACKET_ADD_MEMBERSHIP:
	case PACKET_DROP_MEMBERSHIP: return set_member(p, name, val, len);
	case PACKET_RX_RING:
	case PACKET_TX_RING: return set_ring(p, name == PACKET_TX_RING, val, len);
	case PACKET_FANOUT: return set_fanout(p, val, len);
	case PACKET_FANOUT_DATA:
		mutex_lock(&p->control);
		err = packet_fanout_data(p, val, len);
		mutex_unlock(&p->control);
		return err;
	default: break;
	}
	if (!is_word(name))
		return -ENOPROTOOPT;
	if ((name == PACKET_VNET_HDR || name == PACKET_VNET_HDR_SZ) && s->type != SOCK_RAW)
		return -EINVAL;
	if (!word_fits(name, len))
		return -EINVAL;
	if (user_load32((u32 *)&v, val))
		return -EFAULT;
	mutex_lock(&p->control);
	err = set_word(p, name, v);
	mutex_unlock(&p->control);
	return err;
}

/* ---- getting ---- */

/* Counted since it was asked for last; packets include those that were dropped. */
static int get_statistics(struct packet_sock *p, struct uptr val, u32 len)
{
	irqflags_t flags = spin_lock_irqsave(&p->lock);
	struct tpacket_stats_v3 st = {.tp_packets = p->packets + p->drops, .tp_drops = p->drops, .tp_freeze_q_cnt = p->freezes};

	p->packets = p->drops = p->freezes = 0;
	spin_unlock_irqrestore(&p->lock, flags);
	return socket_put_value(val, len, &st, p->version == TPACKET_V3 ? sizeof(st) : sizeof(struct tpacket_stats));
}

/* The version goes in, the size of its header comes out. */
static int get_header_len(struct uptr val, u32 len)
{
	static const u32 sizes[] = {[TPACKET_V1] = sizeof(struct tpacket_hdr), [TPACKET_V2] = sizeof(struct tpacket2_hdr), [TPACKET_V3] = sizeof(struct tpacket3_hdr)};
	u32 v;

	if (len < sizeof(v))
		return -EINVAL;
	if (user_load32(&v, val))
		return -EFAULT;
	return v < ARRAY_SIZE(sizes) ? socket_put_value(val, sizeof(v), &sizes[v], sizeof(v)) : -EINVAL;
}

int packet_get_option(struct socket *s, int level, int name, struct uptr val, u32 len)
{
	struct tpacket_rollover_stats rolled = {.tp_all = 0};
	struct packet_sock *p = packet_of(s);
	s32 v;

	if (level != SOL_PACKET)
		return -ENOPROTOOPT;
	switch (name) {
	case PACKET_STATISTICS: return get_statistics(p, val, len);
	case PACKET_HDRLEN: return get_header_len(val, len);
	case PACKET_ROLLOVER_STATS: return p->fanout ? socket_put_value(val, len, &rolled, sizeof(rolled)) : -EINVAL;
	case PACKET_AUXDATA: v = READ_ONCE(p->auxdata); break;
	case PACKET_ORIGDEV: v = READ_ONCE(p->origdev); break;
	case PACKET_VNET_HDR: v = READ_ONCE(p->vnet_size) != 0; break;
	case PACKET_VNET_HDR_SZ: v = READ_ONCE(p->vnet_size); break;
	case PACKET_VERSION: v = (s32)READ_ONCE(p->version); break;
	case PACKET_RESERVE: v = (s32)READ_ONCE(p->reserve); break;
	case PACKET_LOSS: v = READ_ONCE(p->loss); break;
	case PACKET_TIMESTAMP: v = (s32)READ_ONCE(p->stamp_flags); break;
	case PACKET_COPY_THRESH: v = (s32)READ_ONCE(p->copy_threshold); break;
	case PACKET_IGNORE_OUTGOING: v = READ_ONCE(p->hook.ignore_outgoing); break;
	case PACKET_TX_HAS_OFF: v = READ_ONCE(p->has_off); break;
	case PACKET_QDISC_BYPASS: v = READ_ONCE(p->bypass); break;
	case PACKET_FANOUT:
		mutex_lock(&p->control);
		v = (s32)packet_fanout_word(p);
		mutex_unlock(&p->control);
		break;
	default: return -ENOPROTOOPT;
	}
	return socket_put_value(val, len, &v, sizeof(v));
}
