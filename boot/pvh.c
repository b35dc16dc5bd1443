/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PVH: the loader passes a struct hvm_start_info [xen public/arch-x86/hvm/start_info.h, described in docs of PVH boot].
 */
#include <lib/string.h>
#include "boot_impl.h"

#define START_INFO_MAGIC 0x336ec578

struct start_info {
	u32 magic, version, flags, nr_modules;
	u64 modlist, cmdline, rsdp;
	u64 memmap; /* from here: version 1 */
	u32 memmap_entries, reserved;
};

struct start_module {
	u64 paddr, size, cmdline, reserved;
};

struct start_memmap {
	u64 addr, size;
	u32 type, reserved;
};

static enum mem_kind kind_of(u32 e820_type)
{
	switch (e820_type) {
	case 1: return MEM_USABLE;
	case 3: return MEM_ACPI;
	case 4: return MEM_NVS;
	case 5: return MEM_BAD;
	default: return MEM_RESERVED;
	}
}

bool boot_parse_pvh(paddr_t info, struct boot_info *bi)
{
	const struct start_info *si = (const struct start_info *)info;

	if (si->magic != START_INFO_MAGIC || si->version < 1)
		return false;
	if (si->cmdline)
		boot_copy_cmdline(bi, (const char *)si->cmdline);
	if (si->nr_modules) {
		const struct start_module *m = (const struct start_module *)si->modlist;

		bi->initrd = m->paddr;
		bi->initrd_len = m->size;
	}
	bi->acpi_rsdp = si->rsdp;
	for (u32 i = 0; i < si->memmap_entries; i++) {
		const struct start_memmap *e = (const struct start_memmap *)si->memmap + i;

		boot_range_add(bi, e->addr, e->size, kind_of(e->type));
	}
	return true;
}
