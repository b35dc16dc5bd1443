/* SPDX-License-Identifier: BSD-2-Clause */
#include "virtio_model.h"
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <lib/bits.h>
#include <lib/string.h>

#define NOTIFY_AT 0x1000
#define ISR_AT    0x2000
#define CONFIG_AT 0x3000
#define BAR_LEN   0x4000
#define NO_VECTOR 0xffff

static void *mem(struct virtio_model *m, u64 addr, u64 len, bool write)
{
	return host_dma(&m->dev, addr, len, write);
}

static void reset(struct virtio_model *m)
{
	m->status = 0;
	m->accepted = 0;
	m->isr = 0;
	if (m->on_reset)
		m->on_reset(m);
	for (u32 i = 0; i < VIRTIO_MODEL_QUEUES; i++)
		m->q[i] = (struct virtio_model_queue){.size = m->queue_max, .vector = NO_VECTOR};
}

unsigned virtio_model_chain(struct virtio_model *m, const struct virtio_model_queue *q, u16 head, struct virtio_model_seg *segs)
{
	u64 base = q->desc, n = q->size, at = head;
	unsigned found = 0;

	for (u64 steps = 0; steps <= VIRTIO_MODEL_SEGS && at < n; steps++) {
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
		if (found < VIRTIO_MODEL_SEGS) {
			bool write = copy.flags & VRING_DESC_F_WRITE;
			u8 *p = mem(m, copy.addr, copy.len, write);

			if (p)
				segs[found++] = (struct virtio_model_seg){p, copy.len, write};
		}
		if (!(copy.flags & VRING_DESC_F_NEXT))
			break;
		at = copy.next;
	}
	return found;
}

static u32 fill(struct virtio_model *m, const struct virtio_model_seg *segs, unsigned n)
{
	u32 wrote = 0;

	for (unsigned i = 0; i < n; i++) {
		if (segs[i].write) {
			memset(segs[i].mem, 0x5a, segs[i].len);
			wrote += segs[i].len;
		}
	}
	return wrote;
}

u32 virtio_model_copy(const struct virtio_model_seg *segs, unsigned n, bool write, u32 skip, u8 *mem, u32 len)
{
	u32 done = 0;

	for (unsigned i = 0; i < n && done < len; i++) {
		u32 part = segs[i].len, off = min(skip, part);

		if (segs[i].write != write)
			continue;
		skip -= off;
		part = min(part - off, len - done);
		if (write)
			memcpy(segs[i].mem + off, mem + done, part);
		else
			memcpy(mem + done, segs[i].mem + off, part);
		done += part;
	}
	return done;
}

bool virtio_model_is_live(const struct virtio_model *m, const struct virtio_model_queue *q)
{
	return q->ready && (m->status & VIRTIO_CONFIG_S_DRIVER_OK);
}

bool virtio_model_rings(struct virtio_model *m, struct virtio_model_queue *q, struct vring_avail **avail, struct vring_used **used)
{
	*avail = mem(m, q->avail, sizeof(__virtio16) * (3 + q->size), false);
	*used = mem(m, q->used, sizeof(__virtio16) * 3 + sizeof(struct vring_used_elem) * q->size, true);
	return *avail && *used;
}

void virtio_model_put(struct virtio_model_queue *q, struct vring_used *used, u32 id, u32 len)
{
	struct vring_used_elem *e = &used->ring[q->used_idx++ % q->size];

	WRITE_ONCE(e->id, id);
	WRITE_ONCE(e->len, len);
}

void virtio_model_show(struct virtio_model *m, struct virtio_model_queue *q, struct vring_avail *avail, struct vring_used *used, u16 old, u16 shown)
{
	bool wants;

	WRITE_ONCE(*(__virtio16 *)&used->ring[q->size], q->seen); /* avail_event */
	STORE_RELEASE(used->idx, shown);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (m->accepted >> VIRTIO_RING_F_EVENT_IDX & 1)
		wants = (u16)(shown - READ_ONCE(avail->ring[q->size]) - 1) < (u16)(shown - old);
	else
		wants = !(READ_ONCE(avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
	if (shown == old || !wants)
		return;
	m->isr |= VIRTIO_MMIO_INT_VRING;
	host_device_irq(&m->dev, q->vector == NO_VECTOR ? 0 : q->vector);
}

static void serve_queue(struct virtio_model *m, unsigned index)
{
	struct virtio_model_queue *q = &m->q[index];
	struct virtio_model_seg segs[VIRTIO_MODEL_SEGS];
	struct vring_avail *avail;
	struct vring_used *used;
	u16 old = q->used_idx;

	if (!virtio_model_is_live(m, q))
		return;
	if (m->notified) {
		m->notified(m, index);
		return;
	}
	if (!virtio_model_rings(m, q, &avail, &used))
		return;
	while (q->seen != LOAD_ACQUIRE(avail->idx)) {
		u16 head = READ_ONCE(avail->ring[q->seen++ % q->size]);
		unsigned n = virtio_model_chain(m, q, head, segs);
		u32 len = m->lie == LIE_SHORT ? 0 : m->handle ? m->handle(m, segs, n) : fill(m, segs, n);

		virtio_model_put(q, used, m->lie == LIE_ID ? head + 1u : head, m->lie == LIE_LEN ? len + 1 : len);
	}
	if (m->lie == LIE_INDEX)
		q->used_idx = (u16)(q->used_idx + 7);
	virtio_model_show(m, q, avail, used, old, q->used_idx);
}

void virtio_model_serve(struct virtio_model *m)
{
	pthread_mutex_lock(&m->lock);
	for (unsigned i = 0; i < m->nqueues; i++)
		serve_queue(m, i);
	pthread_mutex_unlock(&m->lock);
}

void virtio_model_config_changed(struct virtio_model *m)
{
	pthread_mutex_lock(&m->lock);
	m->generation++;
	m->isr |= VIRTIO_MMIO_INT_CONFIG;
	pthread_mutex_unlock(&m->lock);
	host_device_irq(&m->dev, 0);
}

static void notify(struct virtio_model *m, u32 index)
{
	if (!m->mute && index < m->nqueues)
		serve_queue(m, index);
}

static struct virtio_model_queue *selected(struct virtio_model *m)
{
	return &m->q[m->queue_sel % VIRTIO_MODEL_QUEUES];
}

static void set_status(struct virtio_model *m, u32 v)
{
	if (!v)
		reset(m);
	else
		m->status = v;
}

static void set_word(u64 *reg, unsigned word, u32 v)
{
	*reg = word ? (*reg & U32_MAX) | (u64)v << 32 : (*reg & ~(u64)U32_MAX) | v;
}

static u64 device_config(struct virtio_model *m, u64 off, unsigned width)
{
	u64 v = 0;

	if (off + width <= VIRTIO_MODEL_CONFIG)
		memcpy(&v, m->device_config + off, width);
	return v;
}

static u64 mmio_get(struct virtio_model *m, u64 off, unsigned width)
{
	if (off >= VIRTIO_MMIO_CONFIG)
		return device_config(m, off - VIRTIO_MMIO_CONFIG, width);
	switch (off) {
	case VIRTIO_MMIO_MAGIC_VALUE: return 0x74726976;
	case VIRTIO_MMIO_VERSION: return 2;
	case VIRTIO_MMIO_DEVICE_ID: return m->id;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return m->features_sel > 1 ? 0 : (u32)(m->offered >> 32 * m->features_sel);
	case VIRTIO_MMIO_QUEUE_NUM_MAX: return m->queue_sel < m->nqueues ? m->queue_max : 0;
	case VIRTIO_MMIO_QUEUE_READY: return selected(m)->ready;
	case VIRTIO_MMIO_INTERRUPT_STATUS: return m->isr;
	case VIRTIO_MMIO_STATUS: return m->status;
	case VIRTIO_MMIO_CONFIG_GENERATION: return m->generation;
	default: return 0;
	}
}

static void mmio_set(struct virtio_model *m, u64 off, u32 v)
{
	struct virtio_model_queue *q = selected(m);

	switch (off) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL: m->features_sel = v; break;
	case VIRTIO_MMIO_DRIVER_FEATURES: set_word(&m->accepted, m->features_sel & 1, v); break;
	case VIRTIO_MMIO_QUEUE_SEL: m->queue_sel = v; break;
	case VIRTIO_MMIO_QUEUE_NUM: q->size = v; break;
	case VIRTIO_MMIO_QUEUE_READY: q->ready = v; break;
	case VIRTIO_MMIO_QUEUE_NOTIFY: notify(m, v); break;
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

static u64 pci_get(struct virtio_model *m, u64 off, unsigned width)
{
	if (off >= CONFIG_AT)
		return device_config(m, off - CONFIG_AT, width);
	switch (off) {
	case VIRTIO_PCI_COMMON_DF:
		return m->features_sel > 1 ? 0 : (u32)(m->offered >> 32 * m->features_sel);
	case VIRTIO_PCI_COMMON_NUMQ: return m->nqueues;
	case VIRTIO_PCI_COMMON_STATUS: return m->status;
	case VIRTIO_PCI_COMMON_CFGGENERATION: return m->generation & 0xff;
	case VIRTIO_PCI_COMMON_Q_SIZE: return selected(m)->size;
	case VIRTIO_PCI_COMMON_Q_ENABLE: return selected(m)->ready;
	case VIRTIO_PCI_COMMON_Q_MSIX: return selected(m)->vector;
	default: return 0;
	}
}

static void pci_set(struct virtio_model *m, u64 off, u32 v)
{
	struct virtio_model_queue *q = selected(m);

	switch (off) {
	case VIRTIO_PCI_COMMON_DFSELECT:
	case VIRTIO_PCI_COMMON_GFSELECT: m->features_sel = v; break;
	case VIRTIO_PCI_COMMON_GF: set_word(&m->accepted, m->features_sel & 1, v); break;
	case VIRTIO_PCI_COMMON_STATUS: set_status(m, v); break;
	case VIRTIO_PCI_COMMON_Q_SELECT: m->queue_sel = v; break;
	case VIRTIO_PCI_COMMON_Q_SIZE: q->size = v; break;
	case VIRTIO_PCI_COMMON_Q_ENABLE: q->ready = v; break;
	case VIRTIO_PCI_COMMON_Q_MSIX: q->vector = v < m->dev.info.nvectors ? (u16)v : NO_VECTOR; break;
	case VIRTIO_PCI_COMMON_Q_DESCLO: set_word(&q->desc, 0, v); break;
	case VIRTIO_PCI_COMMON_Q_DESCHI: set_word(&q->desc, 1, v); break;
	case VIRTIO_PCI_COMMON_Q_AVAILLO: set_word(&q->avail, 0, v); break;
	case VIRTIO_PCI_COMMON_Q_AVAILHI: set_word(&q->avail, 1, v); break;
	case VIRTIO_PCI_COMMON_Q_USEDLO: set_word(&q->used, 0, v); break;
	case VIRTIO_PCI_COMMON_Q_USEDHI: set_word(&q->used, 1, v); break;
	case NOTIFY_AT: notify(m, v); break;
	default: break;
	}
}

static u64 reg_read(void *p, unsigned window, u64 off, unsigned width)
{
	struct virtio_model *m = p;
	u64 v;

	pthread_mutex_lock(&m->lock);
	v = m->dev.info.bus == ENV_BUS_PCI ? pci_get(m, off, width) : mmio_get(m, off, width);
	pthread_mutex_unlock(&m->lock);
	return v;
}

static void reg_write(void *p, unsigned window, u64 off, unsigned width, u64 v)
{
	struct virtio_model *m = p;

	pthread_mutex_lock(&m->lock);
	if (m->dev.info.bus == ENV_BUS_PCI)
		pci_set(m, off, (u32)v);
	else
		mmio_set(m, off, (u32)v);
	pthread_mutex_unlock(&m->lock);
}

static u32 config_read(void *p, u32 off, unsigned width)
{
	struct virtio_model *m = p;
	u32 v = 0;

	memcpy(&v, m->config + off, width);
	return v;
}

static const struct host_device_ops ops = {.reg_read = reg_read, .reg_write = reg_write, .config_read = config_read};

static void add_cap(struct virtio_model *m, u8 at, u8 type, u32 off, u32 len, u8 next)
{
	const struct virtio_pci_cap cap = {.cap_vndr = 9,
		.cap_next = next,
		.cap_len = 20,
		.cfg_type = type,
		.offset = off,
		.length = len};

	memcpy(m->config + at, &cap, sizeof(cap));
}

void virtio_model_init(struct virtio_model *m, enum env_bus bus, u32 id, u64 features)
{
	struct env_device_info info = {.bus = bus,
		.vendor = 0x1af4,
		.device = id,
		.nvectors = 1,
		.dma_mask = ~0ull,
		.reg_len = {VIRTIO_MMIO_CONFIG + VIRTIO_MODEL_CONFIG},
		.name = "model"};

	memset(m, 0, sizeof(*m));
	pthread_mutex_init(&m->lock, NULL);
	if (bus == ENV_BUS_PCI) {
		info.device = 0x1040 + id;
		info.nvectors = 2;
		info.reg_len[0] = BAR_LEN;
		m->config[6] = 0x10;
		m->config[0x34] = 0x40;
		add_cap(m, 0x40, VIRTIO_PCI_CAP_COMMON_CFG, 0, 56, 0x60);
		add_cap(m, 0x60, VIRTIO_PCI_CAP_NOTIFY_CFG, NOTIFY_AT, 4, 0x80);
		add_cap(m, 0x80, VIRTIO_PCI_CAP_ISR_CFG, ISR_AT, 1, 0xa0);
		add_cap(m, 0xa0, VIRTIO_PCI_CAP_DEVICE_CFG, CONFIG_AT, VIRTIO_MODEL_CONFIG, 0);
	}
	m->id = id;
	m->offered = features | 1ull << VIRTIO_F_VERSION_1;
	m->nqueues = 1;
	m->queue_max = 4;
	host_device_init(&m->dev, &ops, m, &info);
}

void virtio_model_vectors(struct virtio_model *m, u32 nqueues)
{
	m->nqueues = nqueues;
	if (m->dev.info.bus == ENV_BUS_PCI)
		m->dev.info.nvectors = nqueues + 1;
}
