/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The device side of virtio for host and sim: a few queues, over PCI or MMIO registers, reaching
 * memory by host_dma() only. It follows the rules unless a knob says otherwise. Without a handler each chain's
 * writable bytes are filled with 0x5a.
 */
#include <env_host/device.h>

enum virtio_lie {
	LIE_NONE,
	LIE_ID,
	LIE_LEN,
	LIE_INDEX,
	LIE_SHORT /* a used chain with nothing in it */,
	LIE_COUNT
};

#define VIRTIO_MODEL_QUEUES 4
#define VIRTIO_MODEL_SEGS   140
#define VIRTIO_MODEL_CONFIG 128

struct virtio_model_queue {
	u32 size;
	u64 desc, avail, used; /* addresses */
	bool ready;
	u16 seen, used_idx;
};

struct virtio_model_seg {
	u8 *mem;
	u32 len;
	bool write; /* the device writes it */
};

struct virtio_model {
	struct env_device dev;
	u32 id, status, features_sel, isr;
	u64 offered, accepted;
	u32 queue_max, queue_sel, nqueues;
	struct virtio_model_queue q[VIRTIO_MODEL_QUEUES];
	bool mute; /* takes notifications, uses nothing */
	enum virtio_lie lie;
	u64 served;
	u32 generation;
	u8 device_config[VIRTIO_MODEL_CONFIG];
	/* Carry out a chain: the bytes written to it. */
	u32 (*handle)(struct virtio_model *m, const struct virtio_model_seg *segs, unsigned n);
	u8 config[256]; /* PCI configuration space */
};

/* Before a driver attaches the test may set nqueues, queue_max, handle and device_config. */
void virtio_model_init(struct virtio_model *m, enum env_bus bus, u32 id, u64 features);
/* Use what is available now (a notification does it too, unless mute). */
void virtio_model_serve(struct virtio_model *m);
/* device_config is different now: raise the interrupt. */
void virtio_model_config_changed(struct virtio_model *m);
