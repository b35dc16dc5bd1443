/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include <arch/elf.h>

/* Make the page of clock data. After page_alloc works. */
void vdso_init(void);
