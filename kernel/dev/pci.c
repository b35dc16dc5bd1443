/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI: configuration space through the memory window of the firmware's tables (ECAM)
 * [pcie-6.0 7.2.2] or the two old ports [pci-3.0 3.2.2.3.2]; the walk over buses; BARs
 * [pci-3.0 6.2.5]; MSI and MSI-X [pci-3.0 6.8].
 *
 * Places that the firmware gave to BARs and bridges are kept; nothing is placed here. What has no
 * place has no window. Lines (INTx) are not used: their wiring is only in AML.
 */
#include <linux/pci_regs.h>
#include <lib/errno.h>
#include <lib/printf.h>
#include <arch/pio.h>
#include <debug/log.h>
#include <dev/acpi.h>
#include <dev/device.h>
#include <init/initcall.h>
#include <mm/kmap.h>
#include <mm/slab.h>
#include <sync/spinlock.h>

#define BUS_BYTES   (1u << 20)
#define PORT_ADDR   0xcf8
#define PORT_DATA   0xcfc
#define MAX_VECTORS 64
#define NONE        0xffffffffu

LOCK_CLASS(pci_ports, RANK_IRQ, "the address and data port of PCI configuration space");
static struct spinlock ports_lock = SPINLOCK_INIT(pci_ports);

static u32 port_access(const struct env_device *dev, u32 off, unsigned width, bool write, u32 v)
{
	u32 addr = 1u << 31 | (u32)dev->bus << 16 | (u32)dev->devfn << 8 | (off & 0xfc);
	irqflags_t flags;

	if (off > 0xff)
		return NONE;
	flags = spin_lock_irqsave(&ports_lock);
	pio_write32(PORT_ADDR, addr);
	if (write)
		pio_write((u16)(PORT_DATA + (off & 3)), width, v);
	else
		v = pio_read((u16)(PORT_DATA + (off & 3)), width);
	spin_unlock_irqrestore(&ports_lock, flags);
	return v;
}

u32 pci_config_read(struct env_device *dev, u32 off, unsigned width)
{
	volatile u8 *p = dev->ecam;

	if (off > 4096 - width || off & (width - 1))
		return NONE;
	if (!p)
		return port_access(dev, off, width, false, 0);
	p += off;
	return width == 1 ? *p : width == 2 ? *(volatile u16 *)p : *(volatile u32 *)p;
}

void pci_config_write(struct env_device *dev, u32 off, unsigned width, u32 v)
{
	volatile u8 *p = dev->ecam;

	if (off > 4096 - width || off & (width - 1))
		return;
	if (!p) {
		port_access(dev, off, width, true, v);
		return;
	}
	p += off;
	if (width == 1)
		*p = (u8)v;
	else if (width == 2)
		*(volatile u16 *)p = (u16)v;
	else
		*(volatile u32 *)p = v;
}

static bool overlaps(u32 off, unsigned width, u32 start, u32 len)
{
	return off < start + len && start < off + width;
}

bool pci_config_is_free(const struct env_device *dev, u32 off, unsigned width)
{
	return !overlaps(off, width, PCI_COMMAND, 2) &&
	       !overlaps(off, width, PCI_BASE_ADDRESS_0, 24) &&
	       !overlaps(off, width, PCI_ROM_ADDRESS, 4) &&
	       !(dev->msi_cap && overlaps(off, width, dev->msi_cap, 24)) &&
	       !(dev->msix_cap && overlaps(off, width, dev->msix_cap, 12));
}

void pci_enable(struct env_device *dev, bool on)
{
	u32 command = pci_config_read(dev, PCI_COMMAND, 2),
	    bits = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	command = on ? command | bits : command & ~(u32)PCI_COMMAND_MASTER;
	pci_config_write(dev, PCI_COMMAND, 2, command | PCI_COMMAND_INTX_DISABLE);
}

/* ---- interrupts ---- */

static int map_msix(struct env_device *dev)
{
	u32 where = pci_config_read(dev, dev->msix_cap + PCI_MSIX_TABLE, 4),
	    bar = where & PCI_MSIX_TABLE_BIR;
	u64 off = where & PCI_MSIX_TABLE_OFFSET,
	    len = (u64)dev->info.nvectors * PCI_MSIX_ENTRY_SIZE;
	const struct device_window *w = &dev->windows[bar < ENV_DEVICE_REGS ? bar : 0];

	if (dev->msix_table)
		return 0;
	if (bar >= ENV_DEVICE_REGS || w->io || off > w->len || len > w->len - off)
		return -EIO;
	dev->msix_table = vmap_device(w->base + off, len, PROT_R | PROT_W | PROT_UNCACHED);
	if (!dev->msix_table)
		return -ENOMEM;
	for (unsigned i = 0; i < dev->info.nvectors; i++)
		dev->msix_table[i * 4 + 3] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
	pci_config_write(dev, dev->msix_cap + PCI_MSIX_FLAGS, 2,
		(pci_config_read(dev, dev->msix_cap + PCI_MSIX_FLAGS, 2) | PCI_MSIX_FLAGS_ENABLE) &
			~(u32)PCI_MSIX_FLAGS_MASKALL);
	return 0;
}

static void set_msi(struct env_device *dev, const struct msi_msg *msg)
{
	u32 flags = pci_config_read(dev, dev->msi_cap + PCI_MSI_FLAGS, 2);

	pci_config_write(dev, dev->msi_cap + PCI_MSI_ADDRESS_LO, 4, (u32)msg->addr);
	if (flags & PCI_MSI_FLAGS_64BIT)
		pci_config_write(dev, dev->msi_cap + PCI_MSI_ADDRESS_HI, 4, (u32)(msg->addr >> 32));
	pci_config_write(dev,
		dev->msi_cap + (flags & PCI_MSI_FLAGS_64BIT ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32), 2,
		msg->data);
	pci_config_write(dev, dev->msi_cap + PCI_MSI_FLAGS, 2,
		(flags & ~(u32)PCI_MSI_FLAGS_QSIZE) | PCI_MSI_FLAGS_ENABLE);
}

int pci_bind_vector(struct env_device *dev, unsigned vector, unsigned cpu, irq_handler_t fn,
	void *arg, struct irq **out)
{
	struct msi_msg msg;
	int err = 0;

	if (vector >= dev->info.nvectors)
		return -EINVAL;
	if (dev->msix_cap)
		err = map_msix(dev);
	if (!err)
		err = irq_bind_msi(cpu, fn, arg, dev->info.name, out, &msg);
	if (err)
		return err;
	if (dev->msix_cap) {
		volatile u32 *e = dev->msix_table + vector * 4;

		e[0] = (u32)msg.addr;
		e[1] = (u32)(msg.addr >> 32);
		e[2] = msg.data;
		e[3] = 0;
	} else {
		set_msi(dev, &msg);
	}
	return 0;
}

void pci_mask_vector(struct env_device *dev, unsigned vector)
{
	if (dev->msix_table) {
		dev->msix_table[vector * 4 + 3] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
		(void)dev->msix_table[vector * 4 + 3]; /* the write has arrived */
	} else if (dev->msi_cap) {
		pci_config_write(dev, dev->msi_cap + PCI_MSI_FLAGS, 2,
			pci_config_read(dev, dev->msi_cap + PCI_MSI_FLAGS, 2) &
				~(u32)PCI_MSI_FLAGS_ENABLE);
	}
}

/* ---- finding ---- */

/* Size by writing ones, decoding off. Returns the number of BARs it takes. */
static unsigned read_bar(struct env_device *dev, unsigned i)
{
	u32 reg = PCI_BASE_ADDRESS_0 + 4 * i, old = pci_config_read(dev, reg, 4), mask,
	    high_old = 0, high_mask = NONE;
	bool io = old & PCI_BASE_ADDRESS_SPACE_IO;
	bool wide = !io && (old & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64 &&
		    i < 5;
	u64 base, size;

	pci_config_write(dev, reg, 4, NONE);
	mask = pci_config_read(dev, reg, 4);
	pci_config_write(dev, reg, 4, old);
	if (wide) {
		high_old = pci_config_read(dev, reg + 4, 4);
		pci_config_write(dev, reg + 4, 4, NONE);
		high_mask = pci_config_read(dev, reg + 4, 4);
		pci_config_write(dev, reg + 4, 4, high_old);
	}
	if (io) {
		base = old & PCI_BASE_ADDRESS_IO_MASK;
		size = -((u64)(mask & PCI_BASE_ADDRESS_IO_MASK) | ~0xffffull) & 0xffff;
	} else {
		base = (old & PCI_BASE_ADDRESS_MEM_MASK) | (u64)high_old << 32;
		size = -((mask & PCI_BASE_ADDRESS_MEM_MASK) | (u64)high_mask << 32);
	}
	if (mask && mask != NONE && base && !(size & (size - 1)))
		dev->windows[i] = (struct device_window){.base = base, .len = size, .io = io};
	return wide ? 2 : 1;
}

static void read_caps(struct env_device *dev)
{
	u32 at;

	if (!(pci_config_read(dev, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return;
	at = pci_config_read(dev, PCI_CAPABILITY_LIST, 1) & 0xfc;
	for (int i = 0; i < 48 && at >= 0x40; i++) {
		u32 head = pci_config_read(dev, at, 4);

		if ((head & 0xff) == PCI_CAP_ID_MSI && !dev->msi_cap)
			dev->msi_cap = (u16)at;
		if ((head & 0xff) == PCI_CAP_ID_MSIX && !dev->msix_cap)
			dev->msix_cap = (u16)at;
		at = head >> 8 & 0xfc;
	}
	if (dev->msix_cap)
		dev->info.nvectors = min((pci_config_read(dev, dev->msix_cap + PCI_MSIX_FLAGS, 2) &
						 PCI_MSIX_FLAGS_QSIZE) +
						 1,
			(u32)MAX_VECTORS);
	else if (dev->msi_cap)
		dev->info.nvectors = 1;
}

static void read_device(struct env_device *dev, u32 segment)
{
	struct env_device_info *info = &dev->info;
	u32 ids = pci_config_read(dev, PCI_VENDOR_ID, 4),
	    class = pci_config_read(dev, PCI_CLASS_REVISION, 4);
	u32 sub = pci_config_read(dev, PCI_SUBSYSTEM_VENDOR_ID, 4),
	    command = pci_config_read(dev, PCI_COMMAND, 2);

	*info = (struct env_device_info){.bus = ENV_BUS_PCI,
		.vendor = ids & 0xffff,
		.device = ids >> 16,
		.subvendor = sub & 0xffff,
		.subdevice = sub >> 16,
		.class_code = class >> 8,
		.revision = class & 0xff,
		.dma_mask = ~0ull};
	snprintf(info->name, sizeof(info->name), "pci:%02x:%02x.%x", dev->bus, dev->devfn >> 3,
		dev->devfn & 7u);
	pci_config_write(dev, PCI_COMMAND, 2,
		command & ~(u32)(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER));
	for (unsigned i = 0; i < ENV_DEVICE_REGS;)
		i += read_bar(dev, i);
	pci_config_write(dev, PCI_COMMAND, 2, command);
	for (unsigned i = 0; i < ENV_DEVICE_REGS; i++)
		info->reg_len[i] = dev->windows[i].len;
	read_caps(dev);
	klog(LOG_INFO, "%s: %04x:%04x class %06x, %u vectors", info->name, info->vendor,
		info->device, info->class_code, info->nvectors);
}

struct walk {
	const struct acpi_ecam *ecam; /* NULL: by ports */
	u8 queue[256];                /* buses to visit; each once */
	unsigned nqueue;
	bool seen[256];
};

static void queue_bus(struct walk *w, u32 bus)
{
	u32 first = w->ecam ? w->ecam->first_bus : 0, last = w->ecam ? w->ecam->last_bus : 255;

	if (bus < first || bus > last || w->seen[bus])
		return;
	w->seen[bus] = true;
	w->queue[w->nqueue++] = (u8)bus;
}

/* Function @devfn, if there is one: whether the device has more functions. */
static bool visit(struct walk *w, u32 bus, u32 devfn, volatile u8 *window)
{
	struct env_device probe = {.bus = (u8)bus,
				  .devfn = (u8)devfn,
				  .ecam = window ? window + (devfn << 12) : NULL},
			  *dev;
	u32 vendor = pci_config_read(&probe, PCI_VENDOR_ID, 2), header;

	if (vendor == 0xffff || !vendor)
		return false;
	header = pci_config_read(&probe, PCI_HEADER_TYPE, 1);
	if ((header & 0x7f) == PCI_HEADER_TYPE_BRIDGE) {
		queue_bus(w, pci_config_read(&probe, PCI_SECONDARY_BUS, 1));
	} else if ((header & 0x7f) == PCI_HEADER_TYPE_NORMAL) {
		dev = kmemdup(&probe, sizeof(probe), ALLOC_SLEEP);
		if (dev) {
			read_device(dev, w->ecam ? w->ecam->segment : 0);
			device_add(dev);
		}
	}
	return header & 0x80;
}

static void walk_buses(const struct acpi_ecam *ecam)
{
	struct walk *w = kzalloc(sizeof(*w), ALLOC_SLEEP);

	if (!w)
		return;
	w->ecam = ecam;
	queue_bus(w, ecam ? ecam->first_bus : 0);
	for (unsigned i = 0; i < w->nqueue; i++) {
		u32 bus = w->queue[i];
		/* The base is that of bus 0, whatever the first is [pci-firmware-3.2 4.1.2]. */
		volatile u8 *window = ecam ? vmap_device(ecam->base + (u64)bus * BUS_BYTES,
						     BUS_BYTES, PROT_R | PROT_W | PROT_UNCACHED)
					   : NULL;

		if (ecam && !window)
			break;
		for (u32 slot = 0; slot < 32; slot++)
			if (visit(w, bus, slot << 3, window))
				for (u32 fn = 1; fn < 8; fn++)
					visit(w, bus, slot << 3 | fn, window);
	}
	kfree(w);
}

/* Is there the old pair of ports? They answer with what was written. */
static bool has_ports(void)
{
	u32 old = pio_read32(PORT_ADDR);
	bool there;

	pio_write32(PORT_ADDR, 1u << 31);
	there = pio_read32(PORT_ADDR) == 1u << 31;
	pio_write32(PORT_ADDR, old);
	return there;
}

static int pci_init(void)
{
	for (unsigned i = 0; i < firmware.necam; i++)
		walk_buses(&firmware.ecam[i]);
	if (!firmware.necam && has_ports())
		walk_buses(NULL);
	return 0;
}

INITCALL(pci, "random bdev_fs", pci_init);
