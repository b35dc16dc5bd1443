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

static inline u16 pio_read16(u16 port)
{
	return inw(port);
}

static inline void pio_write16(u16 port, u16 v)
{
	outw(port, v);
}

static inline u32 pio_read32(u16 port)
{
	return inl(port);
}

static inline void pio_write32(u16 port, u32 v)
{
	outl(port, v);
}
