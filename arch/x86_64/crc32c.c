/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/crc32c.c's place on x86-64: by the instruction for this polynomial, which works on general
 * registers.
 */
#include <lib/crc.h>
#include <arch_x86/crc32c.h>
#include <arch_x86/feature.h>

u32 crc32c_update(u32 state, const void *data, size_t len)
{
	return cpu_has(F_CRC32) ? crc32c_update_insn(state, data, len)
				: crc32c_update_plain(state, data, len);
}
