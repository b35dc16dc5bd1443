/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The kernel's address space, described here and nowhere else. Each region is a range of the root table's entries; what lies in it starts
 * at a random multiple of 1 GiB (2 MiB for the image) unless `nokaslr`.
 *
 *   0000000000000000 .. USER_VA_END       the process
 *   ffff800000000000 .. ffffbfffffffffff  direct map of physical memory
 *   ffffc00000000000 .. ffffdfffffffffff  vmap: a window of 512 GiB for stacks, tables, device registers
 *   ffffe00000000000 .. ffffefffffffffff  shadow of KASAN: a byte for 8 of all that is mapped above; not random, the compiler knows it
 *   ffffffff80000000 .. ffffffffffe00000  the kernel's image, per-CPU template included
 *
 * The root table's entries in use are fixed at boot: every address space carries copies of them.
 */
#ifndef __ASSEMBLER__
#include <lib/types.h>

struct kernel_layout {
	vaddr_t direct_base, direct_end; /* direct map: va = direct_base + pa */
	vaddr_t vmap_base, vmap_end;	 /* kernel/mm/kmap.c */
	vaddr_t image_base, image_end;	 /* the kernel's image where it runs */
	paddr_t image_phys;
};
extern struct kernel_layout kernel_layout;
#endif

#define USER_VA_END	    0x00007ffffffff000 /* one past the highest user address */
#define LAYOUT_DIRECT_FIRST 0xffff800000000000
#define LAYOUT_DIRECT_LAST  0xffffbfffffffffff
#define LAYOUT_VMAP_FIRST   0xffffc00000000000
#define LAYOUT_VMAP_LAST    0xffffdfffffffffff
#define LAYOUT_VMAP_SIZE    0x0000008000000000
#define LAYOUT_SHADOW_OFFSET 0xdffff00000000000 /* KASAN: the shadow of va is at (va >> 3) + this; tools/build/kernel says the same */
#define LAYOUT_IMAGE_FIRST  0xffffffff80000000 /* as linked; kernel.ld says the same */
#define LAYOUT_IMAGE_LAST   0xffffffffffdfffff
