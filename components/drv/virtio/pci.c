/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio over PCI, modern [virtio-1.2 4.1]. Where its register blocks are is said by capabilities
 * in configuration space [virtio-1.2 4.1.4], which are bytes of the device: bounded and checked by
 * env_regs_map.
 */
#include "virtio.h"
#include <linux/virtio_pci.h>
#include <lib/errno.h>

#define PCI_STATUS       0x06
#define PCI_STATUS_CAPS  0x10
#define PCI_CAPABILITIES 0x34
#define PCI_CAP_VENDOR   9
#define MAX_CAPS         48
#define FIRST_MODERN_ID  0x1040
#define COMMON_LEN       56
#define NO_VECTOR        0xffff

struct block {
	bool found;
	u8 bar;
	u32 off, len;
};

static u64 get(struct virtio_device *v, u32 off, unsigned width)
{
	return env_reg_read(v->common, off, width);
}

static void put(struct virtio_device *v, u32 off, unsigned width, u64 value)
{
	env_reg_write(v->common, off, width, value);
}

static u32 pci_status(struct virtio_device *v)
{
	return (u32)get(v, VIRTIO_PCI_COMMON_STATUS, 1);
}

static void pci_set_status(struct virtio_device *v, u32 status)
{
	put(v, VIRTIO_PCI_COMMON_STATUS, 1, status);
}

static u32 pci_features(struct virtio_device *v, u32 word)
{
	put(v, VIRTIO_PCI_COMMON_DFSELECT, 4, word);
	return (u32)get(v, VIRTIO_PCI_COMMON_DF, 4);
}

static void pci_set_features(struct virtio_device *v, u32 word, u32 bits)
{
	put(v, VIRTIO_PCI_COMMON_GFSELECT, 4, word);
	put(v, VIRTIO_PCI_COMMON_GF, 4, bits);
}

static u32 pci_queue_size(struct virtio_device *v, u16 index)
{
	if (index >= get(v, VIRTIO_PCI_COMMON_NUMQ, 2))
		return 0;
	put(v, VIRTIO_PCI_COMMON_Q_SELECT, 2, index);
	return (u32)get(v, VIRTIO_PCI_COMMON_Q_SIZE, 2);
}

/* 64-bit registers are written as two words [virtio-1.2 4.1.3.1]. */
static void put64(struct virtio_device *v, u32 off, u64 value)
{
	put(v, off, 4, (u32)value);
	put(v, off + 4, 4, value >> 32);
}

/* A vector that the device has no room for reads back as none. */
static bool set_vector(struct virtio_device *v, u32 reg, u16 vector)
{
	put(v, reg, 2, vector);
	return get(v, reg, 2) == vector;
}

static int pci_queue_enable(struct virtio_device *v, struct virtio_queue *q, u16 vector)
{
	struct virtq_layout l;
	u64 off;

	virtq_layout(q->q.size, &l);
	put(v, VIRTIO_PCI_COMMON_Q_SELECT, 2, q->index);
	put(v, VIRTIO_PCI_COMMON_Q_SIZE, 2, q->q.size);
	if (!set_vector(v, VIRTIO_PCI_COMMON_MSIX, 0) ||
		!set_vector(v, VIRTIO_PCI_COMMON_Q_MSIX, vector))
		return -EBUSY;
	put64(v, VIRTIO_PCI_COMMON_Q_DESCLO, q->addr + l.desc);
	put64(v, VIRTIO_PCI_COMMON_Q_AVAILLO, q->addr + l.avail);
	put64(v, VIRTIO_PCI_COMMON_Q_USEDLO, q->addr + l.used);
	off = get(v, VIRTIO_PCI_COMMON_Q_NOFF, 2) * (u64)v->notify_multiplier;
	if (off & 1 || off > v->notify_len || v->notify_len - off < 2)
		return -EIO;
	q->notify = v->notify;
	q->notify_off = off;
	put(v, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	return get(v, VIRTIO_PCI_COMMON_Q_ENABLE, 2) == 1 ? 0 : -ENODEV;
}

static u32 pci_generation(struct virtio_device *v)
{
	return (u32)get(v, VIRTIO_PCI_COMMON_CFGGENERATION, 1);
}

/* With MSI-X the status register does not say why: the configuration may have changed. */
static bool pci_acknowledge(struct virtio_device *v)
{
	return true;
}

static void pci_close(struct virtio_device *v)
{
	env_regs_unmap(v->config);
	env_regs_unmap(v->notify);
	env_regs_unmap(v->common);
}

static const struct virtio_transport pci_ops = {
	.status = pci_status,
	.set_status = pci_set_status,
	.features = pci_features,
	.set_features = pci_set_features,
	.queue_size = pci_queue_size,
	.queue_enable = pci_queue_enable,
	.generation = pci_generation,
	.acknowledge = pci_acknowledge,
	.close = pci_close,
};

/* The first block of each type counts [virtio-1.2 4.1.4.1]. */
static void find_blocks(struct virtio_device *v, struct block blocks[VIRTIO_PCI_CAP_PCI_CFG])
{
	u32 at;

	if (!(env_config_read(v->dev, PCI_STATUS, 2) & PCI_STATUS_CAPS))
		return;
	at = env_config_read(v->dev, PCI_CAPABILITIES, 1) & ~3u;
	for (int i = 0; i < MAX_CAPS && at >= 0x40 && at <= 0xf0; i++) {
		u32 head = env_config_read(v->dev, at, 4), type = head >> 24;

		if ((head & 0xff) == PCI_CAP_VENDOR && type && type < VIRTIO_PCI_CAP_PCI_CFG &&
			!blocks[type].found) {
			blocks[type] = (struct block){true, (u8)env_config_read(v->dev, at + 4, 1),
				env_config_read(v->dev, at + 8, 4),
				env_config_read(v->dev, at + 12, 4)};
			if (type == VIRTIO_PCI_CAP_NOTIFY_CFG)
				v->notify_multiplier = env_config_read(v->dev, at + 16, 4);
		}
		at = head >> 8 & 0xfc;
	}
}

int virtio_pci_open(struct virtio_device *v, u32 id)
{
	struct block blocks[VIRTIO_PCI_CAP_PCI_CFG] = {0};
	const struct block *common = &blocks[VIRTIO_PCI_CAP_COMMON_CFG],
			   *notify = &blocks[VIRTIO_PCI_CAP_NOTIFY_CFG],
			   *config = &blocks[VIRTIO_PCI_CAP_DEVICE_CFG];
	u32 device = v->info.device >= FIRST_MODERN_ID ? v->info.device - FIRST_MODERN_ID
						       : v->info.subdevice;
	int err = 0;

	if (device != id)
		return -ENODEV;
	find_blocks(v, blocks);
	if (!common->found || !notify->found || common->len < COMMON_LEN)
		return -ENODEV;
	v->ops = &pci_ops;
	v->notify_len = notify->len;
	if (env_regs_map(v->dev, common->bar, common->off, COMMON_LEN, &v->common) ||
		env_regs_map(v->dev, notify->bar, notify->off, notify->len, &v->notify))
		err = -EIO;
	if (!err && config->found && config->len) {
		v->config_len = config->len;
		if (env_regs_map(v->dev, config->bar, config->off, config->len, &v->config))
			err = -EIO;
	}
	if (err)
		pci_close(v);
	return err;
}
