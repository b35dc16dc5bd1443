/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Included before everything in the kernel image. The image is one static PIE: every symbol is
 * local to it, so extern declarations are hidden too and no access goes through a GOT.
 */
#pragma once
#ifndef __ASSEMBLER__
#pragma GCC visibility push(hidden)
#endif
