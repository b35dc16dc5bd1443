/* SPDX-License-Identifier: BSD-2-Clause */
#include "net_model.h"
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <lib/string.h>

#define CONTROL	(NET_MODEL_QUEUES - 1)
#define HDR_LEN	sizeof(struct virtio_net_hdr_v1)

static struct net_model *net_of(struct virtio_model *v)
{
	return container_of(v, struct net_model, m);
}

static struct virtio_net_config *config_of(struct net_model *m)
{
	static_assert(sizeof(struct virtio_net_config) <= VIRTIO_MODEL_CONFIG, "it has room");
	return (struct virtio_net_config *)m->m.device_config;
}

static void on_reset(struct virtio_model *v)
{
	struct net_model *m = net_of(v);

	m->pairs = 1;
	m->promisc = m->allmulti = false;
	m->nuni = m->nmulti = 0;
}

/* ---- queues ---- */

/* Move bytes between @buf and the chain at @head, its part that the device writes or reads. */
static u32 move(struct net_model *m, struct virtio_model_queue *q, u16 head, u8 *buf, u32 len, bool write)
{
	struct virtio_model_seg segs[VIRTIO_MODEL_SEGS];
	unsigned n = virtio_model_chain(&m->m, q, head, segs);

	return virtio_model_copy(segs, n, write, 0, buf, len);
}

/* Bytes that the chain has room for. */
static u32 room_of(struct net_model *m, struct virtio_model_queue *q, u16 head)
{
	struct virtio_model_seg segs[VIRTIO_MODEL_SEGS];
	unsigned n = virtio_model_chain(&m->m, q, head, segs);
	u32 room = 0;

	for (unsigned i = 0; i < n; i++)
		room += segs[i].write ? segs[i].len : 0;
	return room;
}

static void put_used(struct net_model *m, struct virtio_model_queue *q, struct vring_used *used, u16 head, u32 len)
{
	virtio_model_put(q, used, m->lie == NET_LIE_ID ? head + 1u : head,
		m->lie == NET_LIE_LEN ? len + 100000 : m->lie == NET_LIE_SHORT ? min(len, 5u) : len);
}

static void show_used(struct net_model *m, struct virtio_model_queue *q, struct vring_avail *avail,
	struct vring_used *used, u16 old)
{
	if (q->used_idx != old)
		virtio_model_show(&m->m, q, avail, used, old, (u16)(q->used_idx + (m->lie == NET_LIE_INDEX ? 300 : 0)));
}

static void spoil(struct net_model *m, struct virtio_net_hdr_v1 *h)
{
	switch (m->lie) {
	case NET_LIE_NO_BUFFERS: h->num_buffers = 0; break;
	case NET_LIE_MORE_BUFFERS: h->num_buffers++; break;
	case NET_LIE_MANY_BUFFERS: h->num_buffers = 60000; break;
	case NET_LIE_GSO: h->gso_type = 77; break;
	case NET_LIE_GSO_SIZE:
		h->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
		h->gso_size = 0;
		break;
	case NET_LIE_CSUM:
		h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h->csum_start = 65000;
		h->csum_offset = 65000;
		break;
	default: break;
	}
}

static bool deliver(struct net_model *m, unsigned pair, const struct virtio_net_hdr_v1 *hdr, const u8 *bytes, u32 len)
{
	struct virtio_model_queue *q = &m->m.q[2 * pair];
	bool merge = m->m.accepted >> VIRTIO_NET_F_MRG_RXBUF & 1;
	struct virtio_net_hdr_v1 h = *hdr;
	u32 total = len + (u32)HDR_LEN, done = 0, rooms = 0;
	struct vring_avail *avail;
	struct vring_used *used;
	u16 old = q->used_idx, n = 0;
	static _Thread_local u8 buf[NET_MODEL_FRAME + HDR_LEN];

	if (!virtio_model_is_live(&m->m, q) || !virtio_model_rings(&m->m, q, &avail, &used) || len > NET_MODEL_FRAME)
		return false;
	while (rooms < total && (u16)(q->seen + n) != LOAD_ACQUIRE(avail->idx) && (merge || !n))
		rooms += room_of(m, q, READ_ONCE(avail->ring[(u16)(q->seen + n++) % q->size]));
	if (rooms < total) {
		m->dropped++;
		return false;
	}
	h.num_buffers = n;
	spoil(m, &h);
	memcpy(buf, &h, HDR_LEN);
	memcpy(buf + HDR_LEN, bytes, len);
	while (done < total) {
		u16 head = READ_ONCE(avail->ring[q->seen++ % q->size]);
		u32 piece = min(room_of(m, q, head), total - done);

		piece = move(m, q, head, buf + done, piece, true);
		put_used(m, q, used, head, piece);
		if (!piece)
			break;
		done += piece;
	}
	show_used(m, q, avail, used, old);
	m->delivered++;
	return true;
}

static void serve_tx(struct net_model *m, unsigned pair)
{
	struct virtio_model_queue *q = &m->m.q[2 * pair + 1];
	struct vring_avail *avail;
	struct vring_used *used;
	u16 old = q->used_idx;

	if (!virtio_model_rings(&m->m, q, &avail, &used))
		return;
	while (q->seen != LOAD_ACQUIRE(avail->idx)) {
		u16 head = READ_ONCE(avail->ring[q->seen++ % q->size]);
		u32 len = move(m, q, head, m->frame, sizeof(m->frame), false);

		put_used(m, q, used, head, 0);
		m->sent++;
		if (!m->cut && len > HDR_LEN) {
			struct virtio_net_hdr_v1 h;

			memcpy(&h, m->frame, HDR_LEN);
			(void)deliver(m, pair, &h, m->frame + HDR_LEN, len - (u32)HDR_LEN);
		}
	}
	show_used(m, q, avail, used, old);
}

static u8 obey(struct net_model *m, const u8 *c, u32 len)
{
	u32 n;

	if (len < 3 || m->refuse_control)
		return VIRTIO_NET_ERR;
	switch (c[0] << 8 | c[1]) {
	case VIRTIO_NET_CTRL_RX << 8 | VIRTIO_NET_CTRL_RX_PROMISC: m->promisc = c[2]; return VIRTIO_NET_OK;
	case VIRTIO_NET_CTRL_RX << 8 | VIRTIO_NET_CTRL_RX_ALLMULTI: m->allmulti = c[2]; return VIRTIO_NET_OK;
	case VIRTIO_NET_CTRL_MAC << 8 | VIRTIO_NET_CTRL_MAC_ADDR_SET:
		memcpy(m->mac, c + 2, 6);
		return len == 8 ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
	case VIRTIO_NET_CTRL_MAC << 8 | VIRTIO_NET_CTRL_MAC_TABLE_SET:
		memcpy(&n, c + 2, 4);
		m->nuni = n;
		memcpy(&m->nmulti, c + 6 + 6 * n, 4);
		return len == 10 + 6 * (n + m->nmulti) ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
	case VIRTIO_NET_CTRL_MQ << 8 | VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET:
		memcpy(&m->pairs, c + 2, 2);
		return m->pairs && m->pairs <= NET_MODEL_PAIRS ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
	default: return VIRTIO_NET_ERR;
	}
}

static void serve_control(struct net_model *m)
{
	struct virtio_model_queue *q = &m->m.q[CONTROL];
	struct vring_avail *avail;
	struct vring_used *used;
	u16 old = q->used_idx;

	if (m->mute_control || !virtio_model_rings(&m->m, q, &avail, &used))
		return;
	while (q->seen != LOAD_ACQUIRE(avail->idx)) {
		u16 head = READ_ONCE(avail->ring[q->seen++ % q->size]);
		u32 len = move(m, q, head, m->frame, 4096, false);
		u8 ack = obey(m, m->frame, len);

		put_used(m, q, used, head, move(m, q, head, &ack, 1, true));
	}
	show_used(m, q, avail, used, old);
}

static void notified(struct virtio_model *v, unsigned index)
{
	if (index == CONTROL)
		serve_control(net_of(v));
	else if (index & 1)
		serve_tx(net_of(v), index / 2);
}

bool net_model_deliver(
	struct net_model *m, unsigned pair, const struct virtio_net_hdr_v1 *h, const void *bytes, u32 len)
{
	bool ok;

	pthread_mutex_lock(&m->m.lock);
	ok = deliver(m, pair, h, bytes, len);
	pthread_mutex_unlock(&m->m.lock);
	return ok;
}

void net_model_link(struct net_model *m, bool up)
{
	pthread_mutex_lock(&m->m.lock);
	config_of(m)->status = up ? VIRTIO_NET_S_LINK_UP : 0;
	pthread_mutex_unlock(&m->m.lock);
	virtio_model_config_changed(&m->m);
}

void net_model_init(struct net_model *m, enum env_bus bus, u64 features)
{
	memset(m, 0, sizeof(*m));
	virtio_model_init(&m->m, bus, VIRTIO_ID_NET, features);
	virtio_model_vectors(&m->m, NET_MODEL_QUEUES);
	m->m.queue_max = 32;
	m->m.notified = notified;
	m->m.on_reset = on_reset;
	*config_of(m) = (struct virtio_net_config){.mac = {0x52, 0x54, 0, 1, 2, 3}, .status = VIRTIO_NET_S_LINK_UP,
		.max_virtqueue_pairs = NET_MODEL_PAIRS, .mtu = 1500, .speed = 10000};
	on_reset(&m->m);
}
