/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Ports: the I/O address space of a PC. On processors without one, reads give all ones. In <arch_impl/pio.h>:
 *
 *	u8 pio_read8(u16 port);  void pio_write8(u16 port, u8 v);
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <arch_impl/pio.h>
