/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The "address space" of host tests: physical memory is one arena whose frame 0 is at kernel_layout.direct_base.
 */
#include <lib/types.h>

struct kernel_layout {
	vaddr_t direct_base, direct_end; /* direct map: va = direct_base + pa */
	vaddr_t vmap_base, vmap_end;	 /* kernel/mm/kmap.c */
	vaddr_t image_base, image_end;	 /* the kernel's image; empty here */
	paddr_t image_phys;
};
extern struct kernel_layout kernel_layout;

#define USER_VA_END 0x00007ffffffff000ull /* one past the highest user address */

#define LAYOUT_SHADOW_OFFSET 0 /* the compiler's own sanitizer has its shadow elsewhere */

/* Make (or replace by an empty one) the arena of @len bytes; also describes it in boot_info as usable. */
void host_memory_init(size_t len);
