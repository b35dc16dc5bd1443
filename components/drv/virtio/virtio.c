/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What PCI and MMIO have in common: status, features, queues, interrupts.
 */
#include "virtio.h"
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <env/mem.h>
#include <env/time.h>

#define RESET_TIMEOUT_NS 1000000000ull
#define RESET_STEP_NS    1000000ull
#define CONFIG_TRIES     16
#define DEAD_STATUS      0xffu

bool virtio_is_dead(struct virtio_device *v)
{
	u32 status = v->ops->status(v);

	return status >= DEAD_STATUS || status & VIRTIO_CONFIG_S_NEEDS_RESET;
}

int virtio_reset(struct virtio_device *v)
{
	u64 deadline = env_deadline(RESET_TIMEOUT_NS);

	v->ops->set_status(v, 0);
	for (;;) {
		u32 status = v->ops->status(v);

		if (!status)
			return 0;
		if (status >= DEAD_STATUS)
			return -ENODEV;
		if (env_now() >= deadline)
			return -ETIMEDOUT;
		env_sleep_until(env_deadline(RESET_STEP_NS));
	}
}

static void add_status(struct virtio_device *v, u32 bit)
{
	v->ops->set_status(v, v->ops->status(v) | bit);
}

int virtio_open(struct virtio_device *v, struct env_device *dev, u32 id)
{
	int err;

	memset(v, 0, sizeof(*v));
	v->dev = dev;
	env_device_info(dev, &v->info);
	err = v->info.bus == ENV_BUS_PCI ? virtio_pci_open(v, id) : virtio_mmio_open(v, id);
	if (err)
		return err;
	err = virtio_reset(v);
	if (err) {
		virtio_close(v);
		return err;
	}
	return 0;
}

void virtio_close(struct virtio_device *v)
{
	if (virtio_reset(v))
		add_status(v, VIRTIO_CONFIG_S_FAILED);
	env_irq_unbind(v->irq);
	v->ops->close(v);
}

int virtio_negotiate(struct virtio_device *v, u64 wanted)
{
	u64 offered;

	add_status(v, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	add_status(v, VIRTIO_CONFIG_S_DRIVER);
	offered = v->ops->features(v, 0) | (u64)v->ops->features(v, 1) << 32;
	if (!(offered >> VIRTIO_F_VERSION_1 & 1) || offered == ~0ull)
		return -ENODEV;
	v->features =
		offered & (wanted | 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_ACCESS_PLATFORM);
	v->ops->set_features(v, 0, (u32)v->features);
	v->ops->set_features(v, 1, (u32)(v->features >> 32));
	add_status(v, VIRTIO_CONFIG_S_FEATURES_OK);
	return virtio_is_dead(v) || !(v->ops->status(v) & VIRTIO_CONFIG_S_FEATURES_OK) ? -ENODEV
										       : 0;
}

/* The device's one interrupt: any of the queues without their own, or the configuration. */
static void device_interrupt(void *arg)
{
	struct virtio_device *v = arg;

	if (v->ops->acknowledge(v)) {
		__atomic_add_fetch(&v->config_changes, 1, __ATOMIC_RELAXED);
		if (v->changed)
			v->changed(v->arg);
	}
	for (u16 i = 0; i < VIRTIO_QUEUES_MAX; i++) {
		struct virtio_queue *q = LOAD_ACQUIRE(v->queues[i]);

		if (q && !q->irq)
			q->fn(q->arg);
	}
}

/* Vector 0 is the device's; queue n has vector n + 1 if there are so many. */
static int bind_vector(struct virtio_device *v, struct virtio_queue *q, u16 *out_vector)
{
	int err;

	if (!v->irq) {
		err = env_irq_bind(v->dev, 0, ~0u, device_interrupt, v, &v->irq);
		if (err)
			return err;
	}
	*out_vector = 0;
	if (q->index + 1u >= v->info.nvectors)
		return 0;
	err = env_irq_bind(v->dev, q->index + 1u, ~0u, q->fn, q->arg, &q->irq);
	if (!err)
		*out_vector = (u16)(q->index + 1);
	return err == -EBUSY ? 0 : err;
}

static u16 choose_size(u32 offered, u16 max)
{
	u16 size = max;

	while (size > offered)
		size >>= 1;
	return size;
}

int virtio_queue_open(struct virtio_device *v, u16 index, u16 size_max, u16 table_max,
	void (*fn)(void *arg), void *arg, struct virtio_queue *out)
{
	u32 offered = v->ops->queue_size(v, index);
	u16 size = choose_size(offered, size_max), vector;
	int err;

	if (index >= VIRTIO_QUEUES_MAX || !offered || offered > VIRTQ_MAX_SIZE)
		return -ENOENT;
	if (!virtio_has(v, VIRTIO_RING_F_INDIRECT_DESC))
		table_max = 0;
	*out = (struct virtio_queue){.v = v,
		.index = index,
		.table_max = table_max,
		.fn = fn,
		.arg = arg,
		.shared_bytes = virtq_shared_bytes(size, table_max),
		.private_bytes = virtq_private_bytes(size)};
	err = env_dma_alloc(v->dev, out->shared_bytes, &out->shared, &out->addr);
	if (err)
		return err;
	out->private = env_alloc(out->private_bytes, ENV_ALLOC_ZERO);
	if (!out->private)
		err = -ENOMEM;
	if (!err)
		err = virtq_init(&out->q, size, table_max, virtio_has(v, VIRTIO_RING_F_EVENT_IDX),
			out->shared, out->addr, out->private);
	if (!err)
		err = bind_vector(v, out, &vector);
	if (!err)
		err = v->ops->queue_enable(v, out, vector);
	if (err)
		virtio_queue_close(out);
	else
		STORE_RELEASE(v->queues[index], out);
	return err;
}

void virtio_queue_close(struct virtio_queue *q)
{
	struct virtio_device *v = q->v;

	if (!q->irq && v->queues[q->index]) { /* the shared handler may be looking at it */
		env_irq_unbind(v->irq);
		v->irq = NULL;
	}
	v->queues[q->index] = NULL;
	env_irq_unbind(q->irq);
	if (q->private)
		env_free(q->private, q->private_bytes);
	env_dma_free(v->dev, q->shared_bytes, q->shared, q->addr);
}

int virtio_start(struct virtio_device *v)
{
	add_status(v, VIRTIO_CONFIG_S_DRIVER_OK);
	return virtio_is_dead(v) ? -ENODEV : 0;
}

void virtio_notify(struct virtio_queue *q)
{
	env_reg_write(q->notify, q->notify_off, q->v->info.bus == ENV_BUS_PCI ? 2 : 4, q->index);
}

int virtio_config_read(struct virtio_device *v, u32 off, void *out, u32 len)
{
	if (off > v->config_len || len > v->config_len - off)
		return -EINVAL;
	for (int i = 0; i < CONFIG_TRIES; i++) {
		u32 before = v->ops->generation(v);
		u8 *p = out;

		for (u32 k = 0; k < len; k++)
			p[k] = (u8)env_reg_read(v->config, off + k, 1);
		if (v->ops->generation(v) == before)
			return 0;
	}
	return -EIO;
}
