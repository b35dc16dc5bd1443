/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Between the shadow (kasan.c), its reports (kasan_report.c) and the allocators that describe their memory. */
#include <lib/types.h>

/* An access to [va, va+len) at @pc touches @bad. Prints a report, once per @pc. Context: any. */
void kasan_report(vaddr_t va, vaddr_t bad, size_t len, bool write, vaddr_t pc);
/* Reports made since boot; and forget which places have reported, for tests. */
unsigned kasan_reports(void);
void kasan_forget(void);
/* The shadow of @va; 0 where there is none. */
u8 kasan_shadow(vaddr_t va);
/* The name of the global variable in whose memory or redzone @va lies, or NULL. Only by one report at a time. */
const char *kasan_find_global(vaddr_t va);
/* mm: print which slab object @va is in or beside, who allocated it and who freed it. False: no slab. */
bool slab_debug_describe(vaddr_t va);
