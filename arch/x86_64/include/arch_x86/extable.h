/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include <lib/types.h>
#include <lib/compiler.h>

/* Sort the table. Boot CPU, before the first fault that needs it. */
void extable_init(void);
/* Where to go on when the kernel instruction at @pc faults; 0: nobody expects it. Any context. */
u64 extable_fixup(u64 pc);
