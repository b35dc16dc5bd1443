/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Between the doors and the early code. Everything here runs before relocation, at physical addresses: no pointer that is initialised in
 * data, no string table; only code and plain variables.
 */
#define BOOT_DOOR_PVH	     1
#define BOOT_DOOR_MULTIBOOT2 2

#ifndef __ASSEMBLER__
#include <arch/boot.h>

struct boot_jump {
	u64 cr3, stack, entry, spare;
};

/* From entry.S; fills *out for the jump to the kernel's virtual addresses (arch). */
void boot_early(unsigned door, paddr_t info, struct boot_jump *out);

/* Each fills @bi from its loader's information. False: it makes no sense. */
bool boot_parse_pvh(paddr_t info, struct boot_info *bi);
bool boot_parse_multiboot2(paddr_t info, struct boot_info *bi);

/* A range as the loader lists it: any order, overlaps possible. What does not fit any more is dropped (memory is lost, never invented). */
void boot_range_add(struct boot_info *bi, paddr_t base, u64 len, enum mem_kind kind);
/* Sort, resolve overlaps in favour of the less usable kind, page-align usable ranges inwards, merge. */
void boot_ranges_fix(struct boot_info *bi);
/* Turn what is usable in [base, base+len) into @kind; page granular. After boot_ranges_fix. */
void boot_range_carve(struct boot_info *bi, paddr_t base, u64 len, enum mem_kind kind);
/* Lowest usable @len bytes at or above @from that end at or below @limit; page aligned; 0 if there are none. */
paddr_t boot_range_find(const struct boot_info *bi, u64 len, paddr_t from, paddr_t limit);
/* Forget usable memory above @limit bytes of it (mem=). */
void boot_ranges_limit(struct boot_info *bi, u64 limit);

/* Copy a NUL-terminated command line. */
void boot_copy_cmdline(struct boot_info *bi, const char *s);
/* Value of the last "name=value" or bare "name" in the command line; its length, not terminated; NULL if absent. */
const char *boot_cmdline_find(const char *cmdline, const char *name, size_t *out_len);
#endif
