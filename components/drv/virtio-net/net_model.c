/* SPDX-License-Identifier: BSD-2-Clause */
#include "net_model.h"
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <lib/bits.h>
#include <lib/string.h>

#define NOTIFY_AT  0x1000
#define ISR_AT	   0x2000
#define NET_AT	   0x3000
#define BAR_LEN	   0x4000
#define CONTROL	   (NET_MODEL_QUEUES - 1)
#define HDR_LEN	   sizeof(struct virtio_net_hdr_v1)
#define NO_VECTOR  0xffff

static void *mem(struct net_model *m, u64 addr, u64 len, bool write)
{
	return host_dma(&m->dev, addr, len, write);
}

static void reset(struct net_model *m)
{
	m->status = 0;
	m->accepted = 0;
	m->isr = 0;
	m->pairs = 1;
	m->promisc = m->allmulti = false;
	m->nuni = m->nmulti = 0;
	for (unsigned i = 0; i < NET_MODEL_QUEUES; i++)
		m->queues[i] = (struct net_model_queue){.size = m->queue_max, .vector = NO_VECTOR};
}

/* ---- queues ---- */

static struct vring_avail *avail_of(struct net_model *m, struct net_model_queue *q)
{
	return mem(m, q->avail, sizeof(__virtio16) * (3 + q->size), false);
}

static struct vring_used *used_of(struct net_model *m, struct net_model_queue *q)
{
	return mem(m, q->used, sizeof(__virtio16) * 3 + sizeof(struct vring_used_elem) * q->size, true);
}

/* Move bytes between @buf and the chain at @head, its part that the device writes or reads. */
static u32 move(struct net_model *m, struct net_model_queue *q, u16 head, u8 *buf, u32 room, bool write)
{
	u64 base = q->desc, n = q->size, at = head;
	u32 done = 0;

	for (u64 steps = 0; steps <= q->size + n && at < n; steps++) {
		const struct vring_desc *d = mem(m, base + at * sizeof(*d), sizeof(*d), false);
		struct vring_desc copy;

		if (!d)
			break;
		copy = *d;
		if (copy.flags & VRING_DESC_F_INDIRECT) {
			base = copy.addr;
			n = copy.len / sizeof(*d);
			at = 0;
			continue;
		}
		if (!!(copy.flags & VRING_DESC_F_WRITE) == write) {
			u32 len = min(copy.len, room - done);
			void *p = mem(m, copy.addr, copy.len, write);

			if (p && write)
				memcpy(p, buf + done, len);
			else if (p)
				memcpy(buf + done, p, len);
			done += len;
		}
		if (!(copy.flags & VRING_DESC_F_NEXT))
			break;
		at = copy.next;
	}
	return done;
}

/* Bytes that the chain has room for. */
static u32 room_of(struct net_model *m, struct net_model_queue *q, u16 head)
{
	u64 at = head;
	u32 room = 0;

	for (u64 steps = 0; steps <= q->size && at < q->size; steps++) {
		const struct vring_desc *d = mem(m, q->desc + at * sizeof(*d), sizeof(*d), false);

		if (!d)
			break;
		room += d->len;
		if (!(d->flags & VRING_DESC_F_NEXT))
			break;
		at = d->next;
	}
	return room;
}

static void put_used(struct net_model *m, struct net_model_queue *q, struct vring_used *used, u16 head, u32 len)
{
	struct vring_used_elem *e = &used->ring[q->used_idx++ % q->size];

	WRITE_ONCE(e->id, m->lie == NET_LIE_ID ? head + 1u : head);
	WRITE_ONCE(e->len, m->lie == NET_LIE_LEN ? len + 100000 : m->lie == NET_LIE_SHORT ? min(len, 5u) : len);
}

static void show_used(struct net_model *m, struct net_model_queue *q, struct vring_avail *avail,
	struct vring_used *used, u16 old)
{
	u16 idx = q->used_idx;
	bool wants;

	if (idx == old)
		return;
	if (m->lie == NET_LIE_INDEX)
		idx = (u16)(idx + 300);
	*(__virtio16 *)&used->ring[q->size] = q->seen; /* avail_event */
	STORE_RELEASE(used->idx, idx);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (m->accepted >> VIRTIO_RING_F_EVENT_IDX & 1)
		wants = (u16)(idx - READ_ONCE(avail->ring[q->size]) - 1) < (u16)(idx - old);
	else
		wants = !(READ_ONCE(avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
	if (!wants)
		return;
	m->isr |= VIRTIO_MMIO_INT_VRING;
	host_device_irq(&m->dev, q->vector == NO_VECTOR ? 0 : q->vector);
}

static bool is_live(const struct net_model *m, const struct net_model_queue *q)
{
	return q->ready && m->status & VIRTIO_CONFIG_S_DRIVER_OK;
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
	struct net_model_queue *q = &m->queues[2 * pair];
	bool merge = m->accepted >> VIRTIO_NET_F_MRG_RXBUF & 1;
	struct virtio_net_hdr_v1 h = *hdr;
	u32 total = len + (u32)HDR_LEN, done = 0, rooms = 0;
	struct vring_avail *avail;
	struct vring_used *used;
	u16 old = q->used_idx, n = 0;
	static _Thread_local u8 buf[NET_MODEL_FRAME + HDR_LEN];

	if (!is_live(m, q) || !(avail = avail_of(m, q)) || !(used = used_of(m, q)) || len > NET_MODEL_FRAME)
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
	struct net_model_queue *q = &m->queues[2 * pair + 1];
	struct vring_avail *avail = avail_of(m, q);
	struct vring_used *used = used_of(m, q);
	u16 old = q->used_idx;

	if (!avail || !used)
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
	struct net_model_queue *q = &m->queues[CONTROL];
	struct vring_avail *avail = avail_of(m, q);
	struct vring_used *used = used_of(m, q);
	u16 old = q->used_idx;

	if (!avail || !used || m->mute_control)
		return;
	while (q->seen != LOAD_ACQUIRE(avail->idx)) {
		u16 head = READ_ONCE(avail->ring[q->seen++ % q->size]);
		u32 len = move(m, q, head, m->frame, 4096, false);
		u8 ack = obey(m, m->frame, len);

		put_used(m, q, used, head, move(m, q, head, &ack, 1, true));
	}
	show_used(m, q, avail, used, old);
}

static void notified(struct net_model *m, u32 index)
{
	if (index >= NET_MODEL_QUEUES || !is_live(m, &m->queues[index]))
		return;
	if (index == CONTROL)
		serve_control(m);
	else if (index & 1)
		serve_tx(m, index / 2);
}

bool net_model_deliver(
	struct net_model *m, unsigned pair, const struct virtio_net_hdr_v1 *h, const void *bytes, u32 len)
{
	bool ok;

	pthread_mutex_lock(&m->lock);
	ok = deliver(m, pair, h, bytes, len);
	pthread_mutex_unlock(&m->lock);
	return ok;
}

void net_model_link(struct net_model *m, bool up)
{
	pthread_mutex_lock(&m->lock);
	m->net.status = up ? VIRTIO_NET_S_LINK_UP : 0;
	m->generation++;
	m->isr |= VIRTIO_MMIO_INT_CONFIG;
	pthread_mutex_unlock(&m->lock);
	host_device_irq(&m->dev, 0);
}

/* ---- registers ---- */

static void set_status(struct net_model *m, u32 v)
{
	if (v)
		m->status = v;
	else
		reset(m);
}

static void set_word(u64 *reg, unsigned word, u32 v)
{
	*reg = word ? (*reg & U32_MAX) | (u64)v << 32 : (*reg & ~(u64)U32_MAX) | v;
}

static struct net_model_queue *selected(struct net_model *m)
{
	return &m->queues[m->select < NET_MODEL_QUEUES ? m->select : 0];
}

static u64 net_byte(struct net_model *m, u64 off)
{
	return off < sizeof(m->net) ? ((const u8 *)&m->net)[off] : 0;
}

static u32 offered_word(const struct net_model *m)
{
	return m->features_sel > 1 ? 0 : (u32)(m->offered >> 32 * m->features_sel);
}

static u64 mmio_get(struct net_model *m, u64 off)
{
	if (off >= VIRTIO_MMIO_CONFIG)
		return net_byte(m, off - VIRTIO_MMIO_CONFIG);
	switch (off) {
	case VIRTIO_MMIO_MAGIC_VALUE: return 0x74726976;
	case VIRTIO_MMIO_VERSION: return 2;
	case VIRTIO_MMIO_DEVICE_ID: return VIRTIO_ID_NET;
	case VIRTIO_MMIO_DEVICE_FEATURES: return offered_word(m);
	case VIRTIO_MMIO_QUEUE_NUM_MAX: return m->select < NET_MODEL_QUEUES ? m->queue_max : 0;
	case VIRTIO_MMIO_QUEUE_READY: return selected(m)->ready;
	case VIRTIO_MMIO_INTERRUPT_STATUS: return m->isr;
	case VIRTIO_MMIO_STATUS: return m->status;
	case VIRTIO_MMIO_CONFIG_GENERATION: return m->generation;
	default: return 0;
	}
}

static void mmio_set(struct net_model *m, u64 off, u32 v)
{
	struct net_model_queue *q = selected(m);

	switch (off) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL: m->features_sel = v; break;
	case VIRTIO_MMIO_DRIVER_FEATURES: set_word(&m->accepted, m->features_sel & 1, v); break;
	case VIRTIO_MMIO_QUEUE_SEL: m->select = v; break;
	case VIRTIO_MMIO_QUEUE_NUM: q->size = v; break;
	case VIRTIO_MMIO_QUEUE_READY: q->ready = v; break;
	case VIRTIO_MMIO_QUEUE_NOTIFY: notified(m, v); break;
	case VIRTIO_MMIO_INTERRUPT_ACK: m->isr &= ~v; break;
	case VIRTIO_MMIO_STATUS: set_status(m, v); break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW: set_word(&q->desc, 0, v); break;
	case VIRTIO_MMIO_QUEUE_DESC_HIGH: set_word(&q->desc, 1, v); break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW: set_word(&q->avail, 0, v); break;
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH: set_word(&q->avail, 1, v); break;
	case VIRTIO_MMIO_QUEUE_USED_LOW: set_word(&q->used, 0, v); break;
	case VIRTIO_MMIO_QUEUE_USED_HIGH: set_word(&q->used, 1, v); break;
	default: break;
	}
}

static u64 pci_get(struct net_model *m, u64 off)
{
	if (off >= NET_AT)
		return net_byte(m, off - NET_AT);
	switch (off) {
	case VIRTIO_PCI_COMMON_DF: return offered_word(m);
	case VIRTIO_PCI_COMMON_NUMQ: return NET_MODEL_QUEUES;
	case VIRTIO_PCI_COMMON_STATUS: return m->status;
	case VIRTIO_PCI_COMMON_CFGGENERATION: return m->generation & 0xff;
	case VIRTIO_PCI_COMMON_Q_SIZE: return selected(m)->size;
	case VIRTIO_PCI_COMMON_Q_ENABLE: return selected(m)->ready;
	case VIRTIO_PCI_COMMON_Q_MSIX: return selected(m)->vector;
	default: return 0;
	}
}

static void pci_set(struct net_model *m, u64 off, u32 v)
{
	struct net_model_queue *q = selected(m);

	switch (off) {
	case VIRTIO_PCI_COMMON_DFSELECT:
	case VIRTIO_PCI_COMMON_GFSELECT: m->features_sel = v; break;
	case VIRTIO_PCI_COMMON_GF: set_word(&m->accepted, m->features_sel & 1, v); break;
	case VIRTIO_PCI_COMMON_STATUS: set_status(m, v); break;
	case VIRTIO_PCI_COMMON_Q_SELECT: m->select = v; break;
	case VIRTIO_PCI_COMMON_Q_SIZE: q->size = v; break;
	case VIRTIO_PCI_COMMON_Q_ENABLE: q->ready = v; break;
	case VIRTIO_PCI_COMMON_Q_MSIX: q->vector = (u16)v; break;
	case VIRTIO_PCI_COMMON_Q_DESCLO: set_word(&q->desc, 0, v); break;
	case VIRTIO_PCI_COMMON_Q_DESCHI: set_word(&q->desc, 1, v); break;
	case VIRTIO_PCI_COMMON_Q_AVAILLO: set_word(&q->avail, 0, v); break;
	case VIRTIO_PCI_COMMON_Q_AVAILHI: set_word(&q->avail, 1, v); break;
	case VIRTIO_PCI_COMMON_Q_USEDLO: set_word(&q->used, 0, v); break;
	case VIRTIO_PCI_COMMON_Q_USEDHI: set_word(&q->used, 1, v); break;
	case NOTIFY_AT: notified(m, v); break;
	default: break;
	}
}

static u64 reg_read(void *p, unsigned window, u64 off, unsigned width)
{
	struct net_model *m = p;
	u64 v;

	pthread_mutex_lock(&m->lock);
	v = m->dev.info.bus == ENV_BUS_PCI ? pci_get(m, off) : mmio_get(m, off);
	pthread_mutex_unlock(&m->lock);
	return v;
}

static void reg_write(void *p, unsigned window, u64 off, unsigned width, u64 v)
{
	struct net_model *m = p;

	pthread_mutex_lock(&m->lock);
	if (m->dev.info.bus == ENV_BUS_PCI)
		pci_set(m, off, (u32)v);
	else
		mmio_set(m, off, (u32)v);
	pthread_mutex_unlock(&m->lock);
}

static u32 config_read(void *p, u32 off, unsigned width)
{
	struct net_model *m = p;
	u32 v = 0;

	memcpy(&v, m->config + off, width);
	return v;
}

static const struct host_device_ops ops = {.reg_read = reg_read, .reg_write = reg_write, .config_read = config_read};

static void add_cap(struct net_model *m, u8 at, u8 type, u32 off, u32 len, u8 next)
{
	const struct virtio_pci_cap cap = {
		.cap_vndr = 9, .cap_next = next, .cap_len = 20, .cfg_type = type, .offset = off, .length = len};

	memcpy(m->config + at, &cap, sizeof(cap));
}

void net_model_init(struct net_model *m, enum env_bus bus, u64 features)
{
	struct env_device_info info = {.bus = bus, .vendor = 0x1af4, .device = VIRTIO_ID_NET, .nvectors = 1,
		.dma_mask = ~0ull, .reg_len = {VIRTIO_MMIO_CONFIG + sizeof(m->net)}, .name = "model"};

	memset(m, 0, sizeof(*m));
	pthread_mutex_init(&m->lock, NULL);
	if (bus == ENV_BUS_PCI) {
		info.device = 0x1040 + VIRTIO_ID_NET;
		info.nvectors = NET_MODEL_QUEUES + 1;
		info.reg_len[0] = BAR_LEN;
		m->config[6] = 0x10;
		m->config[0x34] = 0x40;
		add_cap(m, 0x40, VIRTIO_PCI_CAP_COMMON_CFG, 0, 56, 0x60);
		add_cap(m, 0x60, VIRTIO_PCI_CAP_NOTIFY_CFG, NOTIFY_AT, 4, 0x80);
		add_cap(m, 0x80, VIRTIO_PCI_CAP_ISR_CFG, ISR_AT, 1, 0xa0);
		add_cap(m, 0xa0, VIRTIO_PCI_CAP_DEVICE_CFG, NET_AT, sizeof(m->net), 0);
	}
	m->offered = features | 1ull << VIRTIO_F_VERSION_1;
	m->queue_max = 32;
	m->net = (struct virtio_net_config){.mac = {0x52, 0x54, 0, 1, 2, 3}, .status = VIRTIO_NET_S_LINK_UP,
		.max_virtqueue_pairs = NET_MODEL_PAIRS, .mtu = 1500, .speed = 10000};
	reset(m);
	host_device_init(&m->dev, &ops, m, &info);
}
