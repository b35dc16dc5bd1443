/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O interrupt controllers: firmware lines to vectors. [82093aa]
 */
#include <lib/errno.h>
#include <arch/irq.h>
#include <arch/mmu.h>
#include <arch_x86/apic.h>
#include <arch_x86/firmware.h>
#include <mm/kmap.h>
#include <sync/spinlock.h>

#define REG_VERSION   1
#define REG_TABLE     16
#define ENTRY_MASKED  (1u << 16)
#define ENTRY_LEVEL   (1u << 15)
#define ENTRY_LOW     (1u << 13)

struct ioapic {
	volatile u32 *regs;
	u32 gsi_base, nlines;
};

LOCK_CLASS(ioapic, RANK_IRQ, "registers of an I/O interrupt controller, an index and a window");
static struct spinlock ioapic_lock = SPINLOCK_INIT(ioapic);
static struct ioapic ioapics[ACPI_MAX_IOAPICS];
static unsigned nioapics;

static u32 reg_read(const struct ioapic *io, u32 reg)
{
	io->regs[0] = reg;
	return io->regs[4];
}

static void reg_write(const struct ioapic *io, u32 reg, u32 v)
{
	io->regs[0] = reg;
	io->regs[4] = v;
}

void ioapic_init(void)
{
	for (unsigned i = 0; i < firmware.nioapics; i++) {
		struct ioapic *io = &ioapics[nioapics];

		io->regs = vmap_device(firmware.ioapics[i].addr, PAGE_SIZE, PROT_R | PROT_W | PROT_UNCACHED);
		if (!io->regs)
			continue;
		io->gsi_base = firmware.ioapics[i].gsi_base;
		io->nlines = (reg_read(io, REG_VERSION) >> 16 & 0xff) + 1;
		if (io->nlines > 240) /* nothing there */
			continue;
		nioapics++;
		for (u32 line = 0; line < io->nlines; line++)
			reg_write(io, REG_TABLE + 2 * line, ENTRY_MASKED);
	}
}

static const struct ioapic *find(unsigned gsi)
{
	for (unsigned i = 0; i < nioapics; i++)
		if (gsi >= ioapics[i].gsi_base && gsi - ioapics[i].gsi_base < ioapics[i].nlines)
			return &ioapics[i];
	return NULL;
}

int arch_gsi_route(unsigned gsi, unsigned cpu, unsigned vector, bool level, bool low)
{
	const struct ioapic *io = find(gsi);
	irqflags_t flags;
	u32 reg;

	if (!io)
		return -ENODEV;
	reg = REG_TABLE + 2 * (gsi - io->gsi_base);
	flags = spin_lock_irqsave(&ioapic_lock);
	reg_write(io, reg, ENTRY_MASKED);
	reg_write(io, reg + 1, cpu_apic_ids[cpu] << 24);
	reg_write(io, reg, vector | (level ? ENTRY_LEVEL : 0) | (low ? ENTRY_LOW : 0) | ENTRY_MASKED);
	spin_unlock_irqrestore(&ioapic_lock, flags);
	return 0;
}

void arch_gsi_mask(unsigned gsi, bool masked)
{
	const struct ioapic *io = find(gsi);
	irqflags_t flags;
	u32 reg, v;

	if (!io)
		return;
	reg = REG_TABLE + 2 * (gsi - io->gsi_base);
	flags = spin_lock_irqsave(&ioapic_lock);
	v = reg_read(io, reg);
	reg_write(io, reg, masked ? v | ENTRY_MASKED : v & ~ENTRY_MASKED);
	spin_unlock_irqrestore(&ioapic_lock, flags);
}

unsigned arch_isa_to_gsi(unsigned isa_irq, bool *out_level, bool *out_low)
{
	const struct acpi_override *o = &firmware.isa[isa_irq & 15];

	*out_level = o->present && o->level;
	*out_low = o->present && o->low;
	return o->present ? o->gsi : isa_irq;
}
