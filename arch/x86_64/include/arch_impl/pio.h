/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Port input and output by the instructions for it.
 */
#include <arch_x86/insn.h>

static inline u8 pio_read8(u16 port)
{
	return inb(port);
}

static inline void pio_write8(u16 port, u8 v)
{
	outb(port, v);
}
