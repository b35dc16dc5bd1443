/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/crc.h>

#include <lib/test.h>
#ifdef __x86_64__
#include "../arch/x86_64/include/arch_x86/crc32c.h"
#endif

static u32 by_bits(u32 poly, u32 state, const u8 *p, size_t len)
{
	for (; len; len--) {
		state ^= *p++;
		for (int i = 0; i < 8; i++)
			state = state >> 1 ^ (state & 1 ? poly : 0);
	}
	return state;
}

/* The check values of the catalogue: the digits 1 to 9. */
TEST(crc_check_values)
{
	CHECK_EQ(crc32("123456789", 9), 0xcbf43926U);
	CHECK_EQ(crc32c("123456789", 9), 0xe3069283U);
	CHECK_EQ(crc16_update(0, "123456789", 9), 0xbb3d);
	CHECK_EQ(crc32("", 0), 0);
}

TEST(crc_against_bits)
{
	u8 data[300];

	for (u64 round = 0; round < test_rounds(3000); round++) {
		size_t at = test_rand_below(8), len = test_rand_below(290);
		u32 state = (u32)test_rand();

		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = (u8)test_rand();
		CHECK_EQ(crc32_update(state, data + at, len),
			by_bits(0xedb88320U, state, data + at, len));
		CHECK_EQ(crc32c_update(state, data + at, len),
			by_bits(0x82f63b78U, state, data + at, len));
#ifdef __x86_64__
		if (__builtin_cpu_supports("sse4.2"))
			CHECK_EQ(crc32c_update_insn(state, data + at, len),
				by_bits(0x82f63b78U, state, data + at, len));
#endif
		CHECK_EQ(crc16_update((u16)state, data + at, len),
			by_bits(0xa001, (u16)state, data + at, len));
	}
}

TEST(crc_in_pieces)
{
	const char *text = "a piece and another piece";

	CHECK_EQ(crc32_update(crc32_update(~0U, text, 7), text + 7, 18),
		crc32_update(~0U, text, 25));
}
