/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include <lib/endian.h>
#include <lib/types.h>

#define CRC32C_STEP 64

static __always_inline u64 crc32c_word(u64 crc, const u8 *p)
{
	u64 w = load_le64(p);

	__asm__("crc32q %1, %0" : "+r"(crc) : "rm"(w));
	return crc;
}

/* crc32c_update() [lib/crc.h] for a processor with SSE 4.2. */
static inline u32 crc32c_update_insn(u32 state, const void *data, size_t len)
{
	const u8 *p = data;
	u64 crc = state;

	for (; len >= CRC32C_STEP; len -= CRC32C_STEP, p += CRC32C_STEP) {
#pragma GCC unroll 8
		for (int i = 0; i < CRC32C_STEP; i += 8)
			crc = crc32c_word(crc, p + i);
	}
	for (; len >= 8; len -= 8, p += 8)
		crc = crc32c_word(crc, p);
	for (; len; len--, p++)
		__asm__("crc32b %1, %k0" : "+r"(crc) : "rm"(*p));
	return (u32)crc;
}
