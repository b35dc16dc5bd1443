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
#define BAR_LEN   0x4000

static void *mem(struct virtio_model *m, u64 addr, u64 len, bool write)
{
	return host_dma(&m->dev, addr, len, write);
}

static void reset(struct virtio_model *m)
{
	m->status = 0;
	m->ready = false;
	m->seen = m->used_idx = 0;
	m->accepted = 0;
	m->isr = 0;
	m->queue_size = m->queue_max;
}

/* Fill the writable part of the chain at @head; its length. */
static u32 fill(struct virtio_model *m, u16 head)
{
	u64 base = m->desc, n = m->queue_size, at = head;
	u32 wrote = 0;

	for (u64 steps = 0; steps <= n && at < n; steps++) {
		const struct vring_desc *d = mem(m, base + at * sizeof(*d), sizeof(*d), false);
		struct vring_desc copy;
		void *to;

		if (!d)
			break;
		copy = *d;
		if (copy.flags & VRING_DESC_F_INDIRECT) {
			base = copy.addr;
			n = copy.len / sizeof(*d);
			at = 0;
			continue;
		}
		to = copy.flags & VRING_DESC_F_WRITE ? mem(m, copy.addr, copy.len, true) : NULL;
		if (to && m->lie != LIE_SHORT) {
			memset(to, 0x5a, copy.len);
			wrote += copy.len;
		}
		if (!(copy.flags & VRING_DESC_F_NEXT))
			break;
		at = copy.next;
	}
	return wrote;
}

static bool wants_interrupt(struct virtio_model *m, const struct vring_avail *avail, u16 old)
{
	if (m->accepted >> VIRTIO_RING_F_EVENT_IDX & 1)
		return (u16)(m->used_idx - READ_ONCE(avail->ring[m->queue_size]) - 1) <
		       (u16)(m->used_idx - old);
	return !(READ_ONCE(avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
}

void virtio_model_serve(struct virtio_model *m)
{
	struct vring_avail *avail;
	struct vring_used *used;
	u16 old = m->used_idx;

	if (!m->ready || !(m->status & VIRTIO_CONFIG_S_DRIVER_OK))
		return;
	avail = mem(m, m->avail, sizeof(__virtio16) * (3 + m->queue_size), false);
	used = mem(m, m->used,
		sizeof(__virtio16) * 3 + sizeof(struct vring_used_elem) * m->queue_size, true);
	if (!avail || !used)
		return;
	while (m->seen != LOAD_ACQUIRE(avail->idx)) {
		u16 head = READ_ONCE(avail->ring[m->seen++ % m->queue_size]);
		struct vring_used_elem *e = &used->ring[m->used_idx++ % m->queue_size];
		u32 len = fill(m, head);

		WRITE_ONCE(e->id, m->lie == LIE_ID ? head + 1u : head);
		WRITE_ONCE(e->len, m->lie == LIE_LEN ? len + 1 : len);
		m->served++;
	}
	if (m->lie == LIE_INDEX)
		m->used_idx = (u16)(m->used_idx + 7);
	*(__virtio16 *)&used->ring[m->queue_size] = m->seen; /* avail_event */
	STORE_RELEASE(used->idx, m->used_idx);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (m->used_idx != old && wants_interrupt(m, avail, old)) {
		m->isr |= VIRTIO_MMIO_INT_VRING;
		host_device_irq(&m->dev, m->dev.info.nvectors > 1 ? 1 : 0);
	}
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

static u64 mmio_read(void *p, unsigned window, u64 off, unsigned width)
{
	struct virtio_model *m = p;

	switch (off) {
	case VIRTIO_MMIO_MAGIC_VALUE: return 0x74726976;
	case VIRTIO_MMIO_VERSION: return 2;
	case VIRTIO_MMIO_DEVICE_ID: return m->id;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return m->features_sel > 1 ? 0 : (u32)(m->offered >> 32 * m->features_sel);
	case VIRTIO_MMIO_QUEUE_NUM_MAX: return m->queue_max;
	case VIRTIO_MMIO_QUEUE_READY: return m->ready;
	case VIRTIO_MMIO_INTERRUPT_STATUS: return m->isr;
	case VIRTIO_MMIO_STATUS: return m->status;
	default: return 0;
	}
}

static void mmio_write(void *p, unsigned window, u64 off, unsigned width, u64 value)
{
	struct virtio_model *m = p;
	u32 v = (u32)value;

	switch (off) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL: m->features_sel = v; break;
	case VIRTIO_MMIO_DRIVER_FEATURES: set_word(&m->accepted, m->features_sel & 1, v); break;
	case VIRTIO_MMIO_QUEUE_NUM: m->queue_size = v; break;
	case VIRTIO_MMIO_QUEUE_READY: m->ready = v; break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		if (!m->mute)
			virtio_model_serve(m);
		break;
	case VIRTIO_MMIO_INTERRUPT_ACK: m->isr &= ~v; break;
	case VIRTIO_MMIO_STATUS: set_status(m, v); break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW: set_word(&m->desc, 0, v); break;
	case VIRTIO_MMIO_QUEUE_DESC_HIGH: set_word(&m->desc, 1, v); break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW: set_word(&m->avail, 0, v); break;
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH: set_word(&m->avail, 1, v); break;
	case VIRTIO_MMIO_QUEUE_USED_LOW: set_word(&m->used, 0, v); break;
	case VIRTIO_MMIO_QUEUE_USED_HIGH: set_word(&m->used, 1, v); break;
	default: break;
	}
}

static u64 pci_read(void *p, unsigned window, u64 off, unsigned width)
{
	struct virtio_model *m = p;

	switch (off) {
	case VIRTIO_PCI_COMMON_DF:
		return m->features_sel > 1 ? 0 : (u32)(m->offered >> 32 * m->features_sel);
	case VIRTIO_PCI_COMMON_NUMQ: return 1;
	case VIRTIO_PCI_COMMON_STATUS: return m->status;
	case VIRTIO_PCI_COMMON_Q_SIZE: return m->queue_size;
	case VIRTIO_PCI_COMMON_Q_ENABLE: return m->ready;
	case VIRTIO_PCI_COMMON_Q_MSIX: return m->dev.info.nvectors > 1;
	default: return 0;
	}
}

static void pci_write(void *p, unsigned window, u64 off, unsigned width, u64 value)
{
	struct virtio_model *m = p;
	u32 v = (u32)value;

	switch (off) {
	case VIRTIO_PCI_COMMON_DFSELECT:
	case VIRTIO_PCI_COMMON_GFSELECT: m->features_sel = v; break;
	case VIRTIO_PCI_COMMON_GF: set_word(&m->accepted, m->features_sel & 1, v); break;
	case VIRTIO_PCI_COMMON_STATUS: set_status(m, v); break;
	case VIRTIO_PCI_COMMON_Q_SIZE: m->queue_size = v; break;
	case VIRTIO_PCI_COMMON_Q_ENABLE: m->ready = v; break;
	case VIRTIO_PCI_COMMON_Q_DESCLO: set_word(&m->desc, 0, v); break;
	case VIRTIO_PCI_COMMON_Q_DESCHI: set_word(&m->desc, 1, v); break;
	case VIRTIO_PCI_COMMON_Q_AVAILLO: set_word(&m->avail, 0, v); break;
	case VIRTIO_PCI_COMMON_Q_AVAILHI: set_word(&m->avail, 1, v); break;
	case VIRTIO_PCI_COMMON_Q_USEDLO: set_word(&m->used, 0, v); break;
	case VIRTIO_PCI_COMMON_Q_USEDHI: set_word(&m->used, 1, v); break;
	case NOTIFY_AT:
		if (!m->mute)
			virtio_model_serve(m);
		break;
	default: break;
	}
}

static u32 config_read(void *p, u32 off, unsigned width)
{
	struct virtio_model *m = p;
	u32 v = 0;

	memcpy(&v, m->config + off, width);
	return v;
}

static const struct host_device_ops mmio_ops = {.reg_read = mmio_read, .reg_write = mmio_write};
static const struct host_device_ops pci_ops = {
	.reg_read = pci_read, .reg_write = pci_write, .config_read = config_read};

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
		.reg_len = {VIRTIO_MMIO_CONFIG},
		.name = "model"};

	memset(m, 0, sizeof(*m));
	if (bus == ENV_BUS_PCI) {
		info.device = 0x1040 + id;
		info.nvectors = 2;
		info.reg_len[0] = BAR_LEN;
		m->config[6] = 0x10;
		m->config[0x34] = 0x40;
		add_cap(m, 0x40, VIRTIO_PCI_CAP_COMMON_CFG, 0, 56, 0x60);
		add_cap(m, 0x60, VIRTIO_PCI_CAP_NOTIFY_CFG, NOTIFY_AT, 4, 0x80);
		add_cap(m, 0x80, VIRTIO_PCI_CAP_ISR_CFG, ISR_AT, 1, 0);
	}
	m->id = id;
	m->offered = features | 1ull << VIRTIO_F_VERSION_1;
	m->queue_max = m->queue_size = 4;
	host_device_init(&m->dev, bus == ENV_BUS_PCI ? &pci_ops : &mmio_ops, m, &info);
}
