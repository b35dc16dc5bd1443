/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A virtio device over PCI (modern) [virtio-1.2 4.1] or MMIO (version 2) [virtio-1.2 4.2]: what all
 *virtio drivers share.
 *
 *	virtio_open --> FOUND --virtio_negotiate--> READY --virtio_queue_open...--> virtio_start -->
 *LIVE any state --virtio_reset--> FOUND (queues stay allocated, the device has forgotten them);
 *--virtio_close--> gone
 *
 * Legacy devices (before 1.0) are refused with -ENODEV. The device is not trusted: what it says
 *about sizes, places and queues is checked, and a device that vanished (registers read as all ones)
 *is -ENODEV.
 *
 * Context: all may sleep, but virtio_notify, virtio_config_changed and what virtq.h has.
 */
#include <env/device.h>
#include "virtq.h"

#define VIRTIO_QUEUES_MAX 36

struct virtio_device;

struct virtio_queue {
	struct virtq q;
	struct virtio_device *v;
	u16 index, table_max;
	void *shared, *private;
	u64 addr;
	size_t shared_bytes, private_bytes;
	struct env_regs *notify;
	u64 notify_off;
	struct env_irq *irq;   /* its own; NULL: the device's */
	void (*fn)(void *arg); /* any context: look into the queue */
	void *arg;
};

struct virtio_transport {
	u32 (*status)(struct virtio_device *v);
	void (*set_status)(struct virtio_device *v, u32 status);
	u32 (*features)(struct virtio_device *v, u32 word);
	void (*set_features)(struct virtio_device *v, u32 word, u32 bits);
	u32 (*queue_size)(struct virtio_device *v, u16 index);
	/* Tell the device of @q; @vector: PCI only. */
	int (*queue_enable)(struct virtio_device *v, struct virtio_queue *q, u16 vector);
	u32 (*generation)(struct virtio_device *v);
	/* Acknowledge a shared interrupt: whether the configuration changed. */
	bool (*acknowledge)(struct virtio_device *v);
	void (*close)(struct virtio_device *v);
};

struct virtio_device {
	struct env_device *dev;
	const struct virtio_transport *ops;
	struct env_device_info info;
	u64 features; /* negotiated */
	struct env_regs *common, *notify, *isr, *config;
	u64 notify_len;
	u32 notify_multiplier;
	u64 config_len;
	struct virtio_queue *queues[VIRTIO_QUEUES_MAX];
	u16 nqueues;
	bool per_queue_vectors;
	struct env_irq *irq; /* configuration, and queues without their own */
	void (*changed)(void *arg);
	void *arg;
	u32 config_changes; /* atomic */
};

/*
 * Find the device of virtio id @id behind @dev and reset it.
 * Returns: 0; -ENODEV: another device, legacy, or gone; -EIO: it makes no sense; -ENOMEM;
 * -ETIMEDOUT: reset does not end.
 */
int virtio_open(struct virtio_device *v, struct env_device *dev, u32 id) MUST_CHECK;
void virtio_close(
	struct virtio_device *v); /* reset, then all resources back; queues must be closed */

/* Agree on @wanted features, VERSION_1 in any case. 0; -ENODEV: it insists on something else. */
int virtio_negotiate(struct virtio_device *v, u64 wanted) MUST_CHECK;
static inline bool virtio_has(const struct virtio_device *v, unsigned bit)
{
	return v->features >> bit & 1;
}

/*
 * Queue @index with at most @size_max entries and tables of @table_max. @fn is called when it may
 * have used chains. 0; -ENOENT: no such queue; -ENOMEM; -EBUSY.
 */
int virtio_queue_open(struct virtio_device *v, u16 index, u16 size_max, u16 table_max,
	void (*fn)(void *arg), void *arg, struct virtio_queue *out) MUST_CHECK;
/* The device is reset or gone and virtq_abort has given everything back. */
void virtio_queue_close(struct virtio_queue *q);
/* DRIVER_OK. 0; -ENODEV. */
int virtio_start(struct virtio_device *v) MUST_CHECK;
void virtio_notify(struct virtio_queue *q);
/* The device forgets all and touches no memory afterwards. 0; -ETIMEDOUT; -ENODEV: gone, which is
 * as quiet. */
int virtio_reset(struct virtio_device *v) MUST_CHECK;
/* Has it gone, or does it ask for a reset [virtio-1.2 2.1]? */
bool virtio_is_dead(struct virtio_device *v);

/* [off, off + len) of its configuration, consistent. 0; -EINVAL: not there; -EIO: it never settles.
 */
int virtio_config_read(struct virtio_device *v, u32 off, void *out, u32 len) MUST_CHECK;

int virtio_pci_open(struct virtio_device *v, u32 id) MUST_CHECK;
int virtio_mmio_open(struct virtio_device *v, u32 id) MUST_CHECK;
