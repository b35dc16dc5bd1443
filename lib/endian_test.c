/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/endian.h>

#include <lib/overflow.h>
#include <lib/test.h>

struct wire {
	u8 kind;
	struct be32 len;
	struct le64 where;
} __packed;

static_assert(sizeof(struct wire) == 13, "no padding on the wire");
static_assert(_Alignof(struct le32) == 4, "aligned by itself");

TEST(endian_bytes)
{
	u8 bytes[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8}, out[9] = {0};

	CHECK_EQ(load_le16(bytes + 1), 0x0201);
	CHECK_EQ(load_be16(bytes + 1), 0x0102);
	CHECK_EQ(load_le32(bytes + 1), 0x04030201);
	CHECK_EQ(load_be32(bytes + 1), 0x01020304);
	CHECK_EQ(load_le64(bytes + 1), 0x0807060504030201ULL);
	CHECK_EQ(load_be64(bytes + 1), 0x0102030405060708ULL);
	store_le64(out + 1, 0x0807060504030201ULL);
	CHECK_MEM_EQ(out, bytes, 9);
	store_be32(out + 1, 0x04030201);
	store_be16(out + 1, 0x0403);
	CHECK_EQ(load_le32(out + 1), 0x01020304);
}

TEST(endian_fields)
{
	struct wire w = {.len = cpu_to_be32(0x11223344), .where = cpu_to_le64(5)};

	CHECK_EQ(((u8 *)&w)[1], 0x11);
	CHECK_EQ(((u8 *)&w)[5], 5);
	CHECK_EQ(be32_to_cpu(w.len), 0x11223344);
	CHECK_EQ(le64_to_cpu(w.where), 5);
	CHECK_EQ(be16_to_cpu(cpu_to_be16(0xabcd)), 0xabcd);
	CHECK_EQ(be64_to_cpu(cpu_to_be64(0xabcd)), 0xabcd);
	CHECK_EQ(le16_to_cpu(cpu_to_le16(0xabcd)), 0xabcd);
	CHECK_EQ(le32_to_cpu(cpu_to_le32(0xabcd)), 0xabcd);
}

TEST(overflow_sizes)
{
	u32 v;

	CHECK(!add_overflow(U32_MAX - 1, 1U, &v) && v == U32_MAX);
	CHECK(add_overflow(U32_MAX, 1U, &v));
	CHECK(sub_overflow(1U, 2U, &v));
	CHECK_EQ(size_mul(1UL << 32, 1UL << 32), SIZE_MAX);
	CHECK_EQ(size_add(SIZE_MAX, 1), SIZE_MAX);
	CHECK_EQ(size_struct(16, 4, 8), 48);
	CHECK_EQ(size_struct(16, SIZE_MAX / 8, 8), SIZE_MAX);
	CHECK(!range_exceeds(4, 4, 8));
	CHECK(range_exceeds(4, 5, 8));
	CHECK(range_exceeds(9, 0, 8));
	CHECK(range_exceeds(1, U64_MAX, U64_MAX));
	CHECK(!range_exceeds(0, U64_MAX, U64_MAX));
}

TEST(compiler_macros)
{
	u64 big = 4097;

	CHECK_EQ(align_up(big, 4096), 8192);
	CHECK_EQ(align_down(big, 4096), 4096);
	CHECK(is_aligned(8192, 4096) && !is_aligned(8193, 4096));
	CHECK_EQ(DIV_ROUND_UP(9, 4), 3);
	CHECK_EQ(clamp(15, 0, 10), 10);
	CHECK_EQ(clamp_t(u64, -1, 0, 10), 10);
	CHECK_EQ(min(3UL, big), 3);
	CHECK_EQ(max_t(int, 3, -1), 3);
}
