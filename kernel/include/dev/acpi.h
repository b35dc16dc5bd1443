/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The static tables of ACPI [acpi-6.5 5.2]: read once, into plain structures. Pure: memory is seen through a callback, nothing is kept. Every byte
 * is taken as hostile: lengths are checked before use, checksums compared, what does not fit is dropped.
 */
#include <lib/types.h>
#include <lib/compiler.h>

#define ACPI_MAX_CPUS	   256
#define ACPI_MAX_IOAPICS   16
#define ACPI_MAX_MEMORY	   64
#define ACPI_MAX_NODES	   16
#define ACPI_MAX_ECAM	   8
#define ACPI_MAX_VIRTIO	   32
#define ACPI_ISA_IRQS	   16

/* @len bytes at @pa, readable until the next call at least; NULL if there is no such memory. */
typedef const void *(*acpi_map_t)(paddr_t pa, size_t len);

struct acpi_cpu {
	u32 apic_id, node;
};

struct acpi_ioapic {
	u32 id, addr, gsi_base;
};

struct acpi_override {
	u32 gsi;
	bool present, level, low;
};

struct acpi_memory {
	paddr_t base;
	u64 len;
	u32 node;
};

struct acpi_ecam {
	paddr_t base;
	u16 segment;
	u8 first_bus, last_bus;
};

/* A virtio device in memory (_HID LNRO0005). */
struct acpi_virtio {
	paddr_t base;
	u32 len, gsi;
	bool level, low;
};

/* A register: address 0 is none. */
struct acpi_register {
	u64 addr;
	bool is_io; /* else memory */
	u8 width;   /* bits */
};

struct acpi_info {
	bool present, hardware_reduced, has_8259, no_8042, no_vga, no_rtc;
	struct acpi_cpu cpus[ACPI_MAX_CPUS]; /* enabled ones, in the firmware's order */
	unsigned ncpus;
	paddr_t lapic;
	struct acpi_ioapic ioapics[ACPI_MAX_IOAPICS];
	unsigned nioapics;
	struct acpi_override isa[ACPI_ISA_IRQS];
	struct acpi_memory memory[ACPI_MAX_MEMORY];
	unsigned nmemory, nnodes;
	u8 distance[ACPI_MAX_NODES][ACPI_MAX_NODES]; /* 10: the same node */
	struct acpi_ecam ecam[ACPI_MAX_ECAM];
	unsigned necam;
	struct acpi_virtio virtio[ACPI_MAX_VIRTIO];
	unsigned nvirtio;
	paddr_t hpet;
	struct acpi_register pm_timer, pm1a_control, pm1b_control, reset, sleep_control;
	u8 reset_value;
	bool pm_timer_32bit, has_reset, has_s5;
	u8 s5_type_a, s5_type_b;
	u16 sci_irq;
};

/*
 * Read everything behind the RSDP at @rsdp, or behind the one found in the BIOS area if it is 0.
 * Returns: 0; -ENOENT: no (valid) RSDP or root table. *out is then empty.
 */
int acpi_read(paddr_t rsdp, acpi_map_t map, struct acpi_info *out) MUST_CHECK;

/* What the machine's own tables say; empty without tables. Constant before the first allocation. (arch) */
extern struct acpi_info firmware;
