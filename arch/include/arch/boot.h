/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * From a door into the kernel to kernel_main(): every door (PVH, Multiboot2) fills one struct boot_info; and the way out.
 */
#include <lib/types.h>
#include <lib/compiler.h>

enum mem_kind { MEM_USABLE = 1, MEM_RESERVED, MEM_ACPI, MEM_NVS, MEM_BAD, MEM_KERNEL, MEM_INITRD };

struct mem_range {
	paddr_t base;
	u64 len;
	enum mem_kind kind;
	u32 node;
};

#define BOOT_MAX_RANGES  128
#define BOOT_CMDLINE_MAX 4096

struct boot_framebuffer {
	paddr_t base;
	u32 pitch, width, height;
	u8 bpp, red_pos, red_len, green_pos, green_len, blue_pos, blue_len;
	bool is_text; /* VGA text at base, width x height cells */
};

struct boot_info {
	const char *door; /* "pvh", "multiboot2" */
	char cmdline[BOOT_CMDLINE_MAX];
	struct mem_range ranges[BOOT_MAX_RANGES]; /* sorted, not overlapping; kernel image and initrd carved out */
	unsigned nranges;
	paddr_t initrd;
	u64 initrd_len;
	paddr_t acpi_rsdp; /* 0: search */
	struct boot_framebuffer fb; /* base 0: none */
};

/* The one instance, filled before kernel_main and constant after. */
extern struct boot_info boot_info;

/* Upcall: the portable kernel. On the boot CPU, boot stack, interrupts off, direct map of all of boot_info.ranges present. */
void kernel_main(void) NORETURN;
/* Upcall: a secondary CPU has arrived on its idle thread's stack. */
void secondary_main(unsigned cpu) NORETURN;

/*
 * Early boot, in the order in which kernel_main calls them:
 */
void arch_early_console(const char *s, size_t len); /* polled serial + VGA text; any context, also from panic */
void arch_init_early(void);	 /* features, IDT, mitigations parsed; no allocation */
void arch_init_percpu(void);	 /* page and percpu allocators work: per-CPU areas exist, this CPU moves to its own */
void arch_init_late(void);	 /* slabs and vmap work: ACPI tables, interrupt controllers, counter calibrated */
void arch_init_cpu_secondary(unsigned cpu); /* each other CPU, before it schedules */
void arch_free_init(void);	 /* last: the image's boot-only parts become free memory. May sleep */

/* Orderly ends. Do not return. */
void arch_power_off(void) NORETURN;
void arch_reboot(void) NORETURN;

struct trapframe;
/* Walk the kernel stack: from @tf, or from the caller when NULL; at most max return addresses; returns how many. */
unsigned arch_backtrace(const struct trapframe *tf, vaddr_t *out_pc, unsigned max);
/* Print processor registers of @tf with klog. */
void arch_print_frame(const struct trapframe *tf);
/* One line for /proc/cpuinfo's block of @cpu, /sys/.../vulnerabilities/NAME. Bytes written (snprintf rules). */
size_t arch_cpuinfo(unsigned cpu, char *buf, size_t size);
const char *arch_vulnerability(const char *name);

/* Where @cpu sits: numbers of its package, of its core in the package, of its thread in the core. */
struct cpu_place {
	u32 package, core, thread;
};
struct cpu_place arch_cpu_place(unsigned cpu);

/* A cache that every CPU has or shares. */
struct cpu_cache {
	u32 level, size, line, ways, sets;
	char type; /* 'D'ata, 'I'nstruction, 'U'nified */
};
/* The cache number @index; false: there are fewer, or nobody knows. */
bool arch_cpu_cache(unsigned index, struct cpu_cache *out);
