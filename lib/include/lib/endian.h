/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Integers of disk and wire formats. A one-member structure per width and order: mixing one up
 * with a number does not compile. `struct le32` has the alignment of u32; in a __packed structure
 * it has none. load_le32(p) reads at any address.
 */
#pragma once

#include <lib/types.h>

struct le16 {
	u16 raw;
};
struct le32 {
	u32 raw;
};
struct le64 {
	u64 raw;
};
struct be16 {
	u16 raw;
};
struct be32 {
	u32 raw;
};
struct be64 {
	u64 raw;
};

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ENDIAN_LE(bits, x) ((u##bits)(x))
#define ENDIAN_BE(bits, x) ((u##bits)__builtin_bswap##bits(x))
#else
#define ENDIAN_LE(bits, x) ((u##bits)__builtin_bswap##bits(x))
#define ENDIAN_BE(bits, x) ((u##bits)(x))
#endif

#define ENDIAN_DEFINE(order, ORDER, bits)                                \
	static inline u##bits order##bits##_to_cpu(struct order##bits v) \
	{                                                                \
		return ENDIAN_##ORDER(bits, v.raw);                      \
	}                                                                \
	static inline struct order##bits cpu_to_##order##bits(u##bits v) \
	{                                                                \
		return (struct order##bits){ENDIAN_##ORDER(bits, v)};    \
	}                                                                \
	static inline u##bits load_##order##bits(const void *p)          \
	{                                                                \
		return ENDIAN_##ORDER(bits, *(const u##bits##_any *)p);  \
	}                                                                \
	static inline void store_##order##bits(void *p, u##bits v)       \
	{                                                                \
		*(u##bits##_any *)p = ENDIAN_##ORDER(bits, v);           \
	}

ENDIAN_DEFINE(le, LE, 16)
ENDIAN_DEFINE(le, LE, 32)
ENDIAN_DEFINE(le, LE, 64)
ENDIAN_DEFINE(be, BE, 16)
ENDIAN_DEFINE(be, BE, 32)
ENDIAN_DEFINE(be, BE, 64)

#undef ENDIAN_DEFINE
