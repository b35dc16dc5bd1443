/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Model devices. A model answers register accesses and uses host_dma() to reach memory: like behind
 * an IOMMU it sees only what the driver mapped, at addresses that are not pointers; everything else
 * is a violation that the test finds. Faults: the device can vanish at the N-th access and
 * interrupts can be lost.
 */
#include <lib/compiler.h>
#include <lib/types.h>
#include <env/device.h>
#include <env_host/host.h>

struct host_device_ops {
	u64 (*reg_read)(void *model, unsigned window, u64 off, unsigned width);
	void (*reg_write)(void *model, unsigned window, u64 off, unsigned width, u64 v);
	u32 (*config_read)(void *model, u32 off, unsigned width); /* NULL: none */
	void (*config_write)(void *model, u32 off, unsigned width, u32 v);
};

#define HOST_VECTORS 8

struct host_dma_range;

struct env_device {
	const struct host_device_ops *ops;
	void *model;
	struct env_device_info info;
	struct env_irq *vectors[HOST_VECTORS]; /* atomic */
	struct host_dma_range *ranges;         /* lock of device.c */
	u64 accesses;                          /* atomic */
	u64 vanish_at;                         /* accesses after which it is gone; 0: never */
	u64 lose_irq;                          /* the N-th interrupt is lost, once; 0: none */
	u64 irqs;                              /* atomic: raised */
	u64 violations;                        /* atomic: DMA outside of what is mapped */
	u32 nregs;                             /* windows mapped now */
	bool gone;
};

void host_device_init(struct env_device *dev, const struct host_device_ops *ops, void *model,
	const struct env_device_info *info);
/* What the driver has left: windows, interrupts, DMA. 0 after a proper detach. */
unsigned host_device_leaks(const struct env_device *dev);

/* The model's side. */
void host_device_irq(struct env_device *dev, unsigned vector);
/* The memory at [addr, addr + len); NULL (and a violation) if the device may not reach all of it.
 */
void *host_dma(struct env_device *dev, u64 addr, u64 len, bool write);
