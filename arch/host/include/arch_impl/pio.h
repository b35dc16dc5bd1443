/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The host has no ports.
 */
#include <lib/types.h>

static inline u8 pio_read8(u16 port)
{
	return 0xff;
}

static inline void pio_write8(u16 port, u8 v)
{
}

static inline u16 pio_read16(u16 port)
{
	return (u16)~0u;
}

static inline void pio_write16(u16 port, u16 v)
{
}

static inline u32 pio_read32(u16 port)
{
	return (u32)~0u;
}

static inline void pio_write32(u16 port, u32 v)
{
}
