/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The device side of virtio for host and sim: one queue, over PCI or MMIO registers, reaching
 * memory by host_dma() only. It follows the rules unless a knob says otherwise. Each chain's
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

struct virtio_model {
	struct env_device dev;
	u32 id, status, features_sel, isr;
	u64 offered, accepted;
	u32 queue_size, queue_max;
	u64 desc, avail, used; /* addresses */
	bool ready, mute;      /* mute: takes notifications, uses nothing */
	u16 seen, used_idx;
	enum virtio_lie lie;
	u64 served;
	u8 config[256]; /* PCI configuration space */
};

void virtio_model_init(struct virtio_model *m, enum env_bus bus, u32 id, u64 features);
/* Use what is available now (a notification does it too, unless mute). */
void virtio_model_serve(struct virtio_model *m);
