/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio over MMIO, version 2 [virtio-1.2 4.2.2]. One window, one interrupt.
 */
#include "virtio.h"
#include <linux/virtio_mmio.h>
#include <lib/errno.h>

#define MAGIC   0x74726976u
#define VERSION 2

static u32 read(struct virtio_device *v, u32 reg)
{
	return (u32)env_reg_read(v->common, reg, 4);
}

static void write(struct virtio_device *v, u32 reg, u32 value)
{
	env_reg_write(v->common, reg, 4, value);
}

static u32 mmio_status(struct virtio_device *v)
{
	return read(v, VIRTIO_MMIO_STATUS);
}

static void mmio_set_status(struct virtio_device *v, u32 status)
{
	write(v, VIRTIO_MMIO_STATUS, status);
}

static u32 mmio_features(struct virtio_device *v, u32 word)
{
	write(v, VIRTIO_MMIO_DEVICE_FEATURES_SEL, word);
	return read(v, VIRTIO_MMIO_DEVICE_FEATURES);
}

static void mmio_set_features(struct virtio_device *v, u32 word, u32 bits)
{
	write(v, VIRTIO_MMIO_DRIVER_FEATURES_SEL, word);
	write(v, VIRTIO_MMIO_DRIVER_FEATURES, bits);
}

static u32 mmio_queue_size(struct virtio_device *v, u16 index)
{
	write(v, VIRTIO_MMIO_QUEUE_SEL, index);
	return read(v, VIRTIO_MMIO_QUEUE_READY) ? 0 : read(v, VIRTIO_MMIO_QUEUE_NUM_MAX);
}

static void write64(struct virtio_device *v, u32 low, u32 high, u64 value)
{
	write(v, low, (u32)value);
	write(v, high, (u32)(value >> 32));
}

static int mmio_queue_enable(struct virtio_device *v, struct virtio_queue *q, u16 vector)
{
	struct virtq_layout l;

	virtq_layout(q->q.size, &l);
	write(v, VIRTIO_MMIO_QUEUE_SEL, q->index);
	write(v, VIRTIO_MMIO_QUEUE_NUM, q->q.size);
	write64(v, VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_DESC_HIGH, q->addr + l.desc);
	write64(v, VIRTIO_MMIO_QUEUE_AVAIL_LOW, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, q->addr + l.avail);
	write64(v, VIRTIO_MMIO_QUEUE_USED_LOW, VIRTIO_MMIO_QUEUE_USED_HIGH, q->addr + l.used);
	write(v, VIRTIO_MMIO_QUEUE_READY, 1);
	q->notify = v->common;
	q->notify_off = VIRTIO_MMIO_QUEUE_NOTIFY;
	return read(v, VIRTIO_MMIO_QUEUE_READY) == 1 ? 0 : -ENODEV;
}

static u32 mmio_generation(struct virtio_device *v)
{
	return read(v, VIRTIO_MMIO_CONFIG_GENERATION);
}

static bool mmio_acknowledge(struct virtio_device *v)
{
	u32 cause = read(v, VIRTIO_MMIO_INTERRUPT_STATUS) &
		    (VIRTIO_MMIO_INT_VRING | VIRTIO_MMIO_INT_CONFIG);

	if (cause)
		write(v, VIRTIO_MMIO_INTERRUPT_ACK, cause);
	return cause & VIRTIO_MMIO_INT_CONFIG;
}

static void mmio_close(struct virtio_device *v)
{
	env_regs_unmap(v->config);
	env_regs_unmap(v->common);
}

static const struct virtio_transport mmio_ops = {
	.status = mmio_status,
	.set_status = mmio_set_status,
	.features = mmio_features,
	.set_features = mmio_set_features,
	.queue_size = mmio_queue_size,
	.queue_enable = mmio_queue_enable,
	.generation = mmio_generation,
	.acknowledge = mmio_acknowledge,
	.close = mmio_close,
};

int virtio_mmio_open(struct virtio_device *v, u32 id)
{
	u64 len = v->info.reg_len[0];
	int err = env_regs_map(
		v->dev, 0, 0, len < VIRTIO_MMIO_CONFIG ? len : VIRTIO_MMIO_CONFIG, &v->common);

	if (err)
		return err;
	v->ops = &mmio_ops;
	if (len < VIRTIO_MMIO_CONFIG || read(v, VIRTIO_MMIO_MAGIC_VALUE) != MAGIC ||
		read(v, VIRTIO_MMIO_VERSION) != VERSION || read(v, VIRTIO_MMIO_DEVICE_ID) != id)
		err = -ENODEV;
	if (!err && len > VIRTIO_MMIO_CONFIG) {
		v->config_len = len - VIRTIO_MMIO_CONFIG;
		err = env_regs_map(v->dev, 0, VIRTIO_MMIO_CONFIG, v->config_len, &v->config);
	}
	if (err)
		mmio_close(v);
	return err;
}
