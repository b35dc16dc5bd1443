/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware's tables, applied: numbers of CPUs, nodes of CPUs and memory, registers of power control.
 */
#include <lib/string.h>
#include <arch/boot.h>
#include <arch/mmu.h>
#include <arch/smp.h>
#include <arch_x86/apic.h>
#include <arch_x86/firmware.h>
#include <arch_x86/image.h>
#include <arch_x86/insn.h>
#include <arch_x86/kpt.h>
#include <debug/log.h>
#include <init/param.h>
#include <mm/kmap.h>
#include "../../boot/boot_impl.h"

struct acpi_info firmware;
u32 cpu_apic_ids[MAX_CPUS];
static u8 cpu_nodes[MAX_CPUS];
static unsigned ncpus = 1;
static void *sleep_register, *reset_register;

unsigned cpu_count(void)
{
	return ncpus;
}

unsigned cpu_node(unsigned cpu)
{
	return cpu_nodes[cpu];
}

/* Only what the direct map has: an address in a table is no promise. */
static const void *map_table(paddr_t pa, size_t len)
{
	return kpt_direct_covers(pa, len) ? (const void *)(kernel_layout.direct_base + pa) : NULL;
}

static u32 boot_apic_id(void)
{
	if (cpuid(0, 0).a >= 11 && cpuid(11, 0).b)
		return cpuid(11, 0).d;
	return cpuid(1, 0).b >> 24;
}

static void number_cpus(void)
{
	u32 self = boot_apic_id();
	u64 max = param_get("nosmp") ? 1 : param_u64("maxcpus", MAX_CPUS);

	cpu_apic_ids[0] = self;
	for (unsigned i = 0; i < firmware.ncpus; i++) {
		const struct acpi_cpu *c = &firmware.cpus[i];

		if (c->apic_id == self) {
			cpu_nodes[0] = (u8)c->node;
		} else if (ncpus < MAX_CPUS && ncpus < max) {
			cpu_apic_ids[ncpus] = c->apic_id;
			cpu_nodes[ncpus++] = (u8)c->node;
		}
	}
}

/* Cut ranges at the borders of the firmware's memory areas, and mark them. */
static void place_memory(void)
{
	struct boot_info *bi = &boot_info;

	for (unsigned m = 0; m < firmware.nmemory; m++) {
		const struct acpi_memory *a = &firmware.memory[m];
		paddr_t a_end = a->base + a->len;

		for (unsigned i = 0; i < bi->nranges; i++) {
			struct mem_range *r = &bi->ranges[i];
			paddr_t end = r->base + r->len, lo = max(r->base, a->base), hi = min(end, a_end);

			if (lo >= hi)
				continue;
			if ((lo > r->base || hi < end) && bi->nranges + 2 <= BOOT_MAX_RANGES) {
				u32 node = r->node;

				boot_range_add(bi, r->base, lo - r->base, r->kind);
				bi->ranges[bi->nranges - 1].node = node;
				boot_range_add(bi, hi, end - hi, r->kind);
				bi->ranges[bi->nranges - 1].node = node;
				r = &bi->ranges[i];
				r->base = lo;
				r->len = hi - lo;
			}
			r->node = a->node;
		}
	}
	for (unsigned i = 0; i < bi->nranges;) { /* empty pieces out, then by address again */
		if (bi->ranges[i].len) {
			i++;
			continue;
		}
		bi->ranges[i] = bi->ranges[--bi->nranges];
	}
	for (unsigned i = 1; i < bi->nranges; i++)
		for (unsigned k = i; k && bi->ranges[k - 1].base > bi->ranges[k].base; k--)
			swap(bi->ranges[k - 1], bi->ranges[k]);
}

void firmware_init(void)
{
	const char *acpi = param_get("acpi");

	if ((acpi && !strcmp(acpi, "off")) || acpi_read(boot_info.acpi_rsdp, map_table, &firmware)) {
		memset(&firmware, 0, sizeof(firmware));
		firmware.has_8259 = true;
		firmware.nnodes = 1;
	}
	if (!firmware.lapic)
		firmware.lapic = 0xfee00000;
	number_cpus();
	if (firmware.nnodes > 1)
		place_memory();
}

static void *map_register(const struct acpi_register *r)
{
	return r->addr && !r->is_io ? vmap_device(r->addr, 8, PROT_R | PROT_W | PROT_UNCACHED) : NULL;
}

void firmware_map_registers(void)
{
	sleep_register = map_register(&firmware.sleep_control);
	reset_register = map_register(&firmware.reset);
}

void firmware_write(const struct acpi_register *r, u32 v)
{
	volatile u8 *p = r == &firmware.reset ? reset_register : r == &firmware.sleep_control ? sleep_register : NULL;

	if (!r->addr)
		return;
	if (!r->is_io) {
		if (p)
			*p = (u8)v;
	} else if (r->width == 16) {
		outw((u16)r->addr, (u16)v);
	} else if (r->width == 32) {
		outl((u16)r->addr, v);
	} else {
		outb((u16)r->addr, (u8)v);
	}
}

u32 firmware_read(const struct acpi_register *r)
{
	if (!r->addr || !r->is_io)
		return 0;
	return r->width == 16 ? inw((u16)r->addr) : r->width == 32 ? inl((u16)r->addr) : inb((u16)r->addr);
}
