/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio devices in memory: nothing lists them but the firmware (ACPI's LNRO0005, read by acpi.c)
 *or the command line, as on Linux:
 *
 *	virtio_mmio.device=SIZE@BASE:IRQ[:ID]	each time one device; IRQ below 16 is an ISA
 *interrupt
 *
 * A window whose device id is 0 is an empty slot [virtio-1.2 4.2.2].
 */
#include <linux/virtio_mmio.h>
#include <lib/errno.h>
#include <lib/parse.h>
#include <lib/printf.h>
#include <debug/log.h>
#include <dev/acpi.h>
#include <dev/device.h>
#include <init/initcall.h>
#include <init/param.h>
#include <mm/kmap.h>
#include <mm/slab.h>

#define MAGIC   0x74726976u
#define MAX_LEN (1u << 20)

static unsigned ndevices;

static void add(u64 base, u64 len, unsigned gsi, bool level, bool low)
{
	volatile u32 *regs;
	struct env_device *dev;
	u32 magic, id;

	if (len < VIRTIO_MMIO_CONFIG || len > MAX_LEN || base & 3 || base > ~0ull - len)
		return;
	regs = vmap_device(base, VIRTIO_MMIO_CONFIG, PROT_R | PROT_W | PROT_UNCACHED);
	if (!regs)
		return;
	magic = regs[VIRTIO_MMIO_MAGIC_VALUE / 4];
	id = magic == MAGIC ? regs[VIRTIO_MMIO_DEVICE_ID / 4] : 0;
	vmap_device_free((void *)(unsigned long)regs);
	dev = id ? kzalloc(sizeof(*dev), ALLOC_SLEEP) : NULL;
	if (!dev)
		return;
	dev->info = (struct env_device_info){.bus = ENV_BUS_VIRTIO_MMIO,
		.device = id,
		.nvectors = 1,
		.dma_mask = ~0ull,
		.reg_len = {len}};
	dev->windows[0] = (struct device_window){.base = base, .len = len};
	dev->gsi = gsi;
	dev->gsi_level = level;
	dev->gsi_low = low;
	snprintf(dev->info.name, sizeof(dev->info.name), "virtio-mmio:%u", ndevices++);
	klog(LOG_INFO, "%s: device %u at %llx, line %u", dev->info.name, id, base, gsi);
	device_add(dev);
}

static void add_from_word(const char *s)
{
	bool level = true, low = false;
	u64 len, base, irq;

	if (parse_size_prefix(s, &s, &len) || *s++ != '@' || strtou64_prefix(s, 0, &s, &base) ||
		*s++ != ':' || strtou64_prefix(s, 0, &s, &irq) || (*s && *s != ':') || irq > 1023) {
		klog(LOG_WARN, "virtio_mmio.device=: SIZE@BASE:IRQ[:ID] is expected");
		return;
	}
	add(base, len, irq < 16 ? arch_isa_to_gsi((unsigned)irq, &level, &low) : (unsigned)irq,
		level, low);
}

static int virtio_mmio_init(void)
{
	const char *s;

	for (unsigned i = 0; i < firmware.nvirtio; i++)
		add(firmware.virtio[i].base, firmware.virtio[i].len, firmware.virtio[i].gsi,
			firmware.virtio[i].level, firmware.virtio[i].low);
	for (unsigned i = 0; (s = param_nth("virtio_mmio.device", i)); i++)
		add_from_word(s);
	return 0;
}

INITCALL(virtio_mmio, "pci", virtio_mmio_init);
