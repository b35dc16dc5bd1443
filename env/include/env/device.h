/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A device as its driver sees it: through a handle that the driver is given at attach, until
 *detach. Nothing else of the machine can be reached.
 *
 * Life of a driver's instance (struct env_driver below):
 *
 *	attach ok --> LIVE --detach--> (gone)
 *	               |  ^
 *	             quiet resume        (device reset or power state, by the kernel)
 *	               v  |
 *	             QUIET --detach--> (gone)
 *
 * A device that was pulled out reads as all ones and drops writes. The driver finds out by itself
 *or by detach with ENV_DEVICE_GONE; either way it ends every request that it holds with -ENODEV.
 * After detach has returned, no interrupt, timer, work or DMA of the instance is left: the kernel
 *turns the device's bus mastering off before it takes back DMA memory that a dead driver left
 *behind.
 */
#include <lib/compiler.h>
#include <lib/types.h>
#include <env/iobuf.h>

struct env_device;
struct env_regs;
struct env_irq;

enum env_bus { ENV_BUS_PCI = 1, ENV_BUS_VIRTIO_MMIO, ENV_BUS_PLATFORM };

/*
 * info.device on the platform's bus: what every PC has at a fixed place, or the boot loader told of. Their configuration space is words, below.
 *
 *	VGA_TEXT	window 0: the cells; 1: the index and data ports of the CRT controller
 *	FRAMEBUFFER	window 0: the pixels
 *	I8042		window 0: the data port; 1: the command port; vector 0: the keyboard's
 */
enum env_platform { ENV_PLATFORM_VGA_TEXT = 1, ENV_PLATFORM_FRAMEBUFFER, ENV_PLATFORM_I8042 };
/* Of a screen: in cells or pixels; pitch in bytes; where red, green and blue lie in a pixel: position | length << 8. */
enum env_platform_word {
	ENV_WORD_WIDTH = 0,
	ENV_WORD_HEIGHT = 4,
	ENV_WORD_PITCH = 8,
	ENV_WORD_BITS = 12, /* per pixel */
	ENV_WORD_RED = 16,
	ENV_WORD_GREEN = 20,
	ENV_WORD_BLUE = 24,
};

#define ENV_DEVICE_REGS 6

struct env_device_info {
	u32 bus;            /* enum env_bus */
	u32 vendor, device; /* VIRTIO_MMIO: device is the virtio device id; PLATFORM: enum env_platform */
	u32 subvendor, subdevice;
	u32 class_code; /* PCI: class, subclass, interface */
	u32 revision;
	u32 nvectors; /* interrupts that can be bound: 0..nvectors-1 */
	u32 node;     /* of memory and CPUs */
	u64 dma_mask; /* addresses that the device reaches; the driver may narrow: env_dma_* */
	u64 reg_len[ENV_DEVICE_REGS]; /* PCI: by BAR; 0: none */
	char name[16];                /* "pci:00:03.0" */
};

/* Constant while attached.  Context: any. */
void env_device_info(struct env_device *dev, struct env_device_info *out);

/*
 * Registers [off, off + len) of window @index (PCI: the BAR, memory or port I/O).
 * Context: may sleep.  Returns: 0; -ENOENT no such window; -EINVAL not inside it; -ENOMEM.
 */
int env_regs_map(
	struct env_device *dev, unsigned index, u64 off, u64 len, struct env_regs **out) MUST_CHECK;
void env_regs_unmap(struct env_regs *regs); /* may sleep; NULL is nothing */

/*
 * One access of @width 1, 2, 4 or 8 bytes, little endian, at @off, aligned, inside what was mapped
 * (the backends stop a driver that leaves it). A write comes after all earlier writes to memory as
 * seen by the device, a read before all later reads of memory. Port I/O has no 8: -1 is read, the
 * write is dropped. Context: any.
 */
u64 env_reg_read(struct env_regs *regs, u64 off, unsigned width);
void env_reg_write(struct env_regs *regs, u64 off, unsigned width, u64 v);

/*
 * Configuration space of PCI and platform devices, @width 1, 2 or 4 (platform: 4), aligned. All ones where there is none. The kernel
 * keeps BARs, the command register and interrupt capabilities to itself: such writes are dropped.
 * Context: any.
 */
u32 env_config_read(struct env_device *dev, u32 off, unsigned width);
void env_config_write(struct env_device *dev, u32 off, unsigned width, u32 v);

/*
 * Call fn(arg) for interrupt @vector; it starts unmasked. @cpu: where it is wanted, ~0u: anywhere.
 * A vector can be shared with other devices (info.nvectors == 1): fn then asks its device. fn: any
 * context, must not sleep, not at the same time with itself. Context: may sleep.  Returns: 0;
 * -EINVAL no such vector; -EBUSY none left; -ENOMEM.
 */
int env_irq_bind(struct env_device *dev, unsigned vector, unsigned cpu, void (*fn)(void *arg),
	void *arg, struct env_irq **out) MUST_CHECK;
void env_irq_unbind(struct env_irq *irq); /* waits for a running fn; may sleep; NULL is nothing */

/*
 * Memory shared with the device: zeroed, in a row for both, aligned to its size (up to a page),
 * coherent. Context: may sleep.  Returns: 0; -ENOMEM; -EINVAL: too large for one piece (2 MiB).
 */
int env_dma_alloc(struct env_device *dev, size_t size, void **out_mem, u64 *out_addr) MUST_CHECK;
/* The device no longer uses it.  Context: may sleep. */
void env_dma_free(struct env_device *dev, size_t size, void *mem, u64 addr);

struct env_dma_seg {
	u64 addr;
	u32 len;
};

enum env_dma_dir { ENV_DMA_TO_DEVICE = 1, ENV_DMA_FROM_DEVICE = 2, ENV_DMA_BOTH = 3 };

/*
 * Let the device at the bytes of @buf (kernel memory or page frames), from its position to its end,
 * which does not move. Neighbouring pieces are joined. Context: any.  Returns: the number of
 * segments written to @segs, > 0; -EINVAL: an empty buffer; -E2BIG: more than @max; -EFAULT: a
 * user's memory or such that devices do not reach. Ownership: until env_dma_unmap with the same
 * segments the bytes are the device's.
 */
int env_dma_map(struct env_device *dev, const struct iobuf *buf, enum env_dma_dir dir,
	struct env_dma_seg *segs, unsigned max) MUST_CHECK;
void env_dma_unmap(
	struct env_device *dev, enum env_dma_dir dir, const struct env_dma_seg *segs, unsigned n);

/* ---- drivers ---- */

struct env_match {
	u32 bus;                    /* enum env_bus */
	u32 vendor, device;         /* ~0: any */
	u32 class_code, class_mask; /* mask 0: any */
};

enum env_detach { ENV_DEVICE_RELEASED, ENV_DEVICE_GONE };

/*
 * What a driver component exports, one const object; placement names it. All functions: one at a
 * time per device, may sleep.
 */
struct env_driver {
	const char *name;
	const struct env_match *matches;
	unsigned nmatches;
	u32 port;        /* enum port_kind of <port/port.h> that an instance provides */
	const void *ops; /* that port's ops table; their self is *out_self */
	/* 0; -ENODEV not mine after all; -errno: the device stays without a driver. */
	int (*attach)(struct env_device *dev, void **out_self);
	/* Ends what is in flight with -ENODEV; the port is not called any more. */
	void (*detach)(void *self, enum env_detach why);
	/* Stop touching the device, keep the requests; NULL: detach and attach instead. */
	void (*quiet)(void *self);
	/* The device is in its state after reset. -errno: detach(GONE) follows. */
	int (*resume)(void *self);
};
