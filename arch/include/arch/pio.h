/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Ports: the I/O address space of a PC. On processors without one, reads give all ones. In <arch_impl/pio.h>:
 *
 *	u8 pio_read8(u16 port);  void pio_write8(u16 port, u8 v);  and the same for 16 and 32 bits
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <arch_impl/pio.h>

static inline u32 pio_read(u16 port, unsigned width)
{
	return width == 1 ? pio_read8(port) : width == 2 ? pio_read16(port) : pio_read32(port);
}

static inline void pio_write(u16 port, unsigned width, u32 v)
{
	if (width == 1)
		pio_write8(port, (u8)v);
	else if (width == 2)
		pio_write16(port, (u16)v);
	else
		pio_write32(port, v);
}
