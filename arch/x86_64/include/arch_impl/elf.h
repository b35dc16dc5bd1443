/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#define ARCH_ELF_MACHINE   62 /* EM_X86_64 */
#define ARCH_ELF_PLATFORM  "x86_64"
#define ARCH_UTS_MACHINE   "x86_64"
#define ARCH_MMAP_RND_BITS 28
#define ARCH_STACK_RND_BITS 22
#define ARCH_PIE_BASE	   0x555555554000ull
