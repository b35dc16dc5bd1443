/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Symbols of kernel.ld: where the parts of the image are, and the section names that code and data choose.
 */
#include <lib/types.h>
#include <lib/compiler.h>

extern char __image_start[], __image_end[], __text_end[];
extern char __entry_text_start[], __entry_text_end[];
extern char __init_text_start[], __init_text_end[];
extern char __rodata_start[], __ro_after_init_start[], __ro_after_init_end[];
extern char __init_data_start[], __init_data_end[];
extern char __init_bss_start[], __init_bss_end[];
extern char __rela_start[], __rela_end[];
extern char boot_stack[], boot_stack_top[];

/* Used while booting only: given to the page allocator at the end of kernel_main. */
#define INIT_TEXT SECTION(".init.text") COLD
#define INIT_DATA SECTION(".init.data")
/* Written while booting only. */
#define RO_AFTER_INIT SECTION(".ro_after_init")
