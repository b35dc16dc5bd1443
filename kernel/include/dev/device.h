/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Devices: found by a bus, matched with a driver component, and given to it as a handle. This is
 *the handle's inside; components see <env/device.h> only.
 *
 *	FOUND --attach--> BOUND --detach--> FOUND	(lock; one driver at a time)
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <env/device.h>
#include <irq/irq.h>
#include <sync/mutex.h>

struct inet_provider;

struct device_window {
	u64 base; /* memory, or the first port */
	u64 len;  /* 0: none */
	bool io;
	bool combine; /* memory whose writes may be joined: pixels */
};

struct env_device {
	struct env_device *next;     /* all devices, never removed; published with release */
	struct env_device_info info; /* constant */
	struct device_window windows[ENV_DEVICE_REGS];
	/* PCI */
	volatile u8 *ecam; /* its configuration space; NULL: by ports */
	u8 bus, devfn;
	u16 msi_cap, msix_cap;    /* 0: none */
	volatile u32 *msix_table; /* mapped by the first binding; lock */
	/* platform */
	const u32 *words;
	u32 nwords;
	/* virtio-mmio, platform */
	unsigned gsi;
	bool gsi_level, gsi_low;

	struct mutex lock; /* the fields below */
	const struct env_driver *driver;
	void *self;
};

/* Tell of a device that a bus has found; a driver is tried at once. May sleep. Ownership: the
 * registry's for ever. */
void device_add(struct env_device *dev);
/* Take the driver from a device: requests end, DMA stops. Nothing if it has none. May sleep. */
void device_detach(struct env_device *dev, enum env_detach why);
/* Each device until fn says false, in the order in which they were found; any thread. */
void device_for_each(bool (*fn)(struct env_device *dev, void *arg), void *arg);

/* pci.c. Configuration space: any context. */
u32 pci_config_read(struct env_device *dev, u32 off, unsigned width);
void pci_config_write(struct env_device *dev, u32 off, unsigned width, u32 v);
/* What a driver may write: not the command register, BARs, or interrupt capabilities. */
bool pci_config_is_free(const struct env_device *dev, u32 off, unsigned width);
/* Answer to memory, ports and the bus; or be silent. */
void pci_enable(struct env_device *dev, bool on);
/* Point interrupt @vector at a handler: MSI-X or MSI. dev->lock is not needed; may sleep. */
int pci_bind_vector(struct env_device *dev, unsigned vector, unsigned cpu, irq_handler_t fn,
	void *arg, struct irq **out) MUST_CHECK;
void pci_mask_vector(struct env_device *dev, unsigned vector);

/*
 * Where components live: the table of the kernel home (placement.c). A driver that is not in it is
 * not linked to any device.
 */
struct driver_placement {
	const struct env_driver *driver;
};
extern const struct driver_placement driver_placements[];
extern const unsigned driver_placements_nr;
/* The protocol family behind sockets; NULL: none. */
extern const struct inet_provider *const network_placement;

/* Ports: what becomes of an instance's ops table. 0; -ENOMEM: the driver is detached again. May
 * sleep. */
struct rng_ops;
int hwrng_add(const char *name, const struct rng_ops *ops, void *self) MUST_CHECK;
void hwrng_remove(void *self);
