/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The device side of virtio for host and sim: a few queues, over PCI or MMIO registers, reaching
 * memory by host_dma() only. It follows the rules unless a knob says otherwise. Without a handler each chain's
 * writable bytes are filled with 0x5a. A device whose queues are no row of requests serves them itself (notified).
 *
 * One lock is held over each access to a register and all that follows from it: a driver may notify several queues at once.
 */
#include <pthread.h>
#include <env_host/device.h>

struct vring_avail;
struct vring_used;

enum virtio_lie {
	LIE_NONE,
	LIE_ID,
	LIE_LEN,
	LIE_INDEX,
	LIE_SHORT /* a used chain with nothing in it */,
	LIE_COUNT
};

#define VIRTIO_MODEL_QUEUES 8
#define VIRTIO_MODEL_SEGS   140
#define VIRTIO_MODEL_CONFIG 128

struct virtio_model_queue {
	u32 size;
	u64 desc, avail, used; /* addresses */
	bool ready;
	u16 seen, used_idx, vector;
};

struct virtio_model_seg {
	u8 *mem;
	u32 len;
	bool write; /* the device writes it */
};

struct virtio_model {
	struct env_device dev;
	pthread_mutex_t lock; /* all below, once a driver is attached; handlers are called with it */
	u32 id, status, features_sel, isr;
	u64 offered, accepted;
	u32 queue_max, queue_sel, nqueues;
	struct virtio_model_queue q[VIRTIO_MODEL_QUEUES];
	bool mute; /* takes notifications, uses nothing */
	enum virtio_lie lie;
	u32 generation;
	u8 device_config[VIRTIO_MODEL_CONFIG];
	/* Carry out a chain: the bytes written to it. */
	u32 (*handle)(struct virtio_model *m, const struct virtio_model_seg *segs, unsigned n);
	/* NULL: queue @index, which is live, has its chains handled. */
	void (*notified)(struct virtio_model *m, unsigned index);
	/* NULL, or: the driver has reset the device. */
	void (*on_reset)(struct virtio_model *m);
	u8 config[256]; /* PCI configuration space */
};

/* Before a driver attaches the test may set nqueues, queue_max, the handlers and device_config; virtio_model_vectors() too. */
void virtio_model_init(struct virtio_model *m, enum env_bus bus, u32 id, u64 features);
/* Use what is available now (a notification does it too, unless mute). */
void virtio_model_serve(struct virtio_model *m);
/* device_config is different now: raise the interrupt. */
void virtio_model_config_changed(struct virtio_model *m);
/* So many queues; over PCI a vector for each beside the device's own. */
void virtio_model_vectors(struct virtio_model *m, u32 nqueues);

/* ---- for those who serve queues themselves; the lock is held ---- */

bool virtio_model_is_live(const struct virtio_model *m, const struct virtio_model_queue *q);
/* Its rings; false: the device cannot reach them. */
bool virtio_model_rings(struct virtio_model *m, struct virtio_model_queue *q, struct vring_avail **avail, struct vring_used **used);
/* The chain at @head as pieces of memory, at most VIRTIO_MODEL_SEGS. */
unsigned virtio_model_chain(struct virtio_model *m, const struct virtio_model_queue *q, u16 head, struct virtio_model_seg *segs);
/* Copy to the pieces that the device writes (@write) or from those it reads, behind their first @skip bytes. How many. */
u32 virtio_model_copy(const struct virtio_model_seg *segs, unsigned n, bool write, u32 skip, u8 *mem, u32 len);
void virtio_model_put(struct virtio_model_queue *q, struct vring_used *used, u32 id, u32 len);
/* The driver sees what was put since used_idx was @old, as index @shown, and is interrupted if it wants. */
void virtio_model_show(struct virtio_model *m, struct virtio_model_queue *q, struct vring_avail *avail, struct vring_used *used, u16 old, u16 shown);
