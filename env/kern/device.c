/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The environment in the kernel: devices. There is no IOMMU in the way: a DMA address is a physical
 * address, and a mapping costs nothing but looking it up.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <arch/mmu.h>
#include <arch/pio.h>
#include <debug/panic.h>
#include <dev/device.h>
#include <irq/irq.h>
#include <mm/kmap.h>
#include <mm/page.h>
#include <mm/slab.h>

struct env_regs {
	volatile u8 *mem; /* NULL: ports */
	u16 port;
	u64 len;
};

struct env_irq {
	struct env_device *dev;
	struct irq *irq;
	unsigned vector;
};

void env_device_info(struct env_device *dev, struct env_device_info *out)
{
	*out = dev->info;
}

int env_regs_map(struct env_device *dev, unsigned index, u64 off, u64 len, struct env_regs **out)
{
	const struct device_window *w = &dev->windows[index < ENV_DEVICE_REGS ? index : 0];
	struct env_regs *regs;

	if (index >= ENV_DEVICE_REGS || !w->len)
		return -ENOENT;
	if (!len || off > w->len || len > w->len - off)
		return -EINVAL;
	regs = kzalloc(sizeof(*regs), ALLOC_SLEEP);
	if (!regs)
		return -ENOMEM;
	regs->len = len;
	if (w->io) {
		regs->port = (u16)(w->base + off);
	} else {
		regs->mem = vmap_device(
			w->base + off, len, PROT_R | PROT_W | (w->combine ? PROT_WRITECOMB : PROT_UNCACHED));
		if (!regs->mem) {
			kfree(regs);
			return -ENOMEM;
		}
	}
	*out = regs;
	return 0;
}

void env_regs_unmap(struct env_regs *regs)
{
	if (!regs)
		return;
	if (regs->mem)
		vmap_device_free((void *)(unsigned long)regs->mem);
	kfree(regs);
}

static void check(const struct env_regs *regs, u64 off, unsigned width)
{
	if (unlikely(off >= regs->len || width > regs->len - off || off & (width - 1)))
		panic("a driver leaves its registers: %llx of %llx", off, regs->len);
}

u64 env_reg_read(struct env_regs *regs, u64 off, unsigned width)
{
	u64 v;

	check(regs, off, width);
	if (!regs->mem)
		return width == 8 ? ~0ull : pio_read((u16)(regs->port + off), width);
	switch (width) {
	case 1: v = *(regs->mem + off); break;
	case 2: v = *(volatile u16 *)(regs->mem + off); break;
	case 4: v = *(volatile u32 *)(regs->mem + off); break;
	default: v = *(volatile u64 *)(regs->mem + off);
	}
	atomic_fence_acquire();
	return v;
}

void env_reg_write(struct env_regs *regs, u64 off, unsigned width, u64 v)
{
	check(regs, off, width);
	atomic_fence_release();
	if (!regs->mem) {
		if (width != 8)
			pio_write((u16)(regs->port + off), width, (u32)v);
		return;
	}
	switch (width) {
	case 1: *(regs->mem + off) = (u8)v; break;
	case 2: *(volatile u16 *)(regs->mem + off) = (u16)v; break;
	case 4: *(volatile u32 *)(regs->mem + off) = (u32)v; break;
	default: *(volatile u64 *)(regs->mem + off) = v;
	}
}

u32 env_config_read(struct env_device *dev, u32 off, unsigned width)
{
	if (dev->info.bus == ENV_BUS_PCI)
		return pci_config_read(dev, off, width);
	return width == 4 && off / 4 < dev->nwords ? dev->words[off / 4] : ~0u >> (32 - 8 * width);
}

void env_config_write(struct env_device *dev, u32 off, unsigned width, u32 v)
{
	if (dev->info.bus == ENV_BUS_PCI && pci_config_is_free(dev, off, width))
		pci_config_write(dev, off, width, v);
}

int env_irq_bind(struct env_device *dev, unsigned vector, unsigned cpu, void (*fn)(void *arg),
	void *arg, struct env_irq **out)
{
	struct env_irq *i = kzalloc(sizeof(*i), ALLOC_SLEEP);
	int err;

	if (!i)
		return -ENOMEM;
	i->dev = dev;
	i->vector = vector;
	if (vector >= dev->info.nvectors)
		err = -EINVAL;
	else if (dev->info.bus == ENV_BUS_PCI)
		err = pci_bind_vector(dev, vector, cpu, fn, arg, &i->irq);
	else
		err = irq_bind_gsi(
			dev->gsi, dev->gsi_level, dev->gsi_low, fn, arg, dev->info.name, &i->irq);
	if (err) {
		kfree(i);
		return err;
	}
	if (dev->info.bus != ENV_BUS_PCI)
		irq_unmask(i->irq);
	*out = i;
	return 0;
}

void env_irq_unbind(struct env_irq *i)
{
	if (!i)
		return;
	if (i->dev->info.bus == ENV_BUS_PCI)
		pci_mask_vector(i->dev, i->vector);
	irq_unbind(i->irq);
	kfree(i);
}

/* ---- DMA ---- */

#define DMA_MAX (2u << 20)

int env_dma_alloc(struct env_device *dev, size_t size, void **out_mem, u64 *out_addr)
{
	unsigned order = 0, flags = ALLOC_SLEEP | ALLOC_ZERO |
				    (dev->info.dma_mask < U32_MAX ? ALLOC_DMA32 : 0);
	struct page *page;

	if (!size || size > DMA_MAX)
		return -EINVAL;
	while ((size_t)PAGE_SIZE << order < size)
		order++;
	page = page_alloc(order, flags | (dev->info.dma_mask == U32_MAX ? ALLOC_DMA32 : 0));
	if (!page)
		return -ENOMEM;
	page_trim(page, order, (unsigned)DIV_ROUND_UP(size, PAGE_SIZE));
	*out_mem = page_va(page);
	*out_addr = page_paddr(page);
	return 0;
}

void env_dma_free(struct env_device *dev, size_t size, void *mem, u64 addr)
{
	page_free_exact(va_page(mem), (unsigned)DIV_ROUND_UP(size, PAGE_SIZE));
}

/* Where the bytes of a segment at @off are; false: not in the direct map, or the device does not
 * reach them. */
static bool find_bytes(const struct env_device *dev, const struct iobuf *buf,
	const struct iobuf_seg *s, u64 off, size_t len, u64 *out_addr)
{
	u64 pa;

	if (buf->kind == IOBUF_PAGES) {
		pa = page_paddr(s->page) + s->page_off + off;
	} else {
		pa = s->base + off - kernel_layout.direct_base;
		if (s->base < kernel_layout.direct_base || !paddr_page(pa) ||
			!paddr_page(pa + len - 1))
			return false;
	}
	*out_addr = pa;
	return pa + len - 1 <= dev->info.dma_mask;
}

int env_dma_map(struct env_device *dev, const struct iobuf *buf, enum env_dma_dir dir,
	struct env_dma_seg *segs, unsigned max)
{
	size_t left = buf->left;
	u64 off = buf->seg_off, addr;
	unsigned n = 0;

	if (!left)
		return -EINVAL;
	if (buf->kind == IOBUF_USER)
		return -EFAULT;
	for (const struct iobuf_seg *s = buf->segs; left; s++, off = 0) {
		size_t len = min(left, s->len - (size_t)off);

		if (!len)
			continue;
		if (!find_bytes(dev, buf, s, off, len, &addr))
			return -EFAULT;
		left -= len;
		if (n && segs[n - 1].addr + segs[n - 1].len == addr &&
			segs[n - 1].len + (u64)len <= U32_MAX) {
			segs[n - 1].len += (u32)len;
			continue;
		}
		if (n == max)
			return -E2BIG;
		segs[n++] = (struct env_dma_seg){addr, (u32)len};
	}
	return (int)n;
}

void env_dma_unmap(
	struct env_device *dev, enum env_dma_dir dir, const struct env_dma_seg *segs, unsigned n)
{
}
