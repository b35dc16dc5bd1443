/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Eight bytes a step [Kounavis, Berry 2005]: table k holds, for each byte, the register after that
 * byte and k zero bytes. A CRC is linear, so an entry is the exclusive or of the entries of its
 * bits, and those are the successive states of the register shifting from the polynomial on. The
 * compiler computes all tables from that.
 */
#include <lib/crc.h>

#include <lib/endian.h>

/* p##n: the polynomial shifted n times. */
#define S(p, n, before) p##n = (p##before >> 1) ^ ((p##before & 1) ? p##0 : 0)
#define CRC_STATES_8(p) \
	S(p, 1, 0), S(p, 2, 1), S(p, 3, 2), S(p, 4, 3), S(p, 5, 4), S(p, 6, 5), S(p, 7, 6)
#define CRC_STATES_64(p)                                                                  \
	CRC_STATES_8(p), S(p, 8, 7), S(p, 9, 8), S(p, 10, 9), S(p, 11, 10), S(p, 12, 11), \
		S(p, 13, 12), S(p, 14, 13), S(p, 15, 14), S(p, 16, 15), S(p, 17, 16),     \
		S(p, 18, 17), S(p, 19, 18), S(p, 20, 19), S(p, 21, 20), S(p, 22, 21),     \
		S(p, 23, 22), S(p, 24, 23), S(p, 25, 24), S(p, 26, 25), S(p, 27, 26),     \
		S(p, 28, 27), S(p, 29, 28), S(p, 30, 29), S(p, 31, 30), S(p, 32, 31),     \
		S(p, 33, 32), S(p, 34, 33), S(p, 35, 34), S(p, 36, 35), S(p, 37, 36),     \
		S(p, 38, 37), S(p, 39, 38), S(p, 40, 39), S(p, 41, 40), S(p, 42, 41),     \
		S(p, 43, 42), S(p, 44, 43), S(p, 45, 44), S(p, 46, 45), S(p, 47, 46),     \
		S(p, 48, 47), S(p, 49, 48), S(p, 50, 49), S(p, 51, 50), S(p, 52, 51),     \
		S(p, 53, 52), S(p, 54, 53), S(p, 55, 54), S(p, 56, 55), S(p, 57, 56),     \
		S(p, 58, 57), S(p, 59, 58), S(p, 60, 59), S(p, 61, 60), S(p, 62, 61), S(p, 63, 62)

enum crc16_states { CRC16_0 = 0xa001, CRC_STATES_8(CRC16_) };
enum crc32_states { CRC32_0 = 0xedb88320U, CRC_STATES_64(CRC32_) };
enum crc32c_states { CRC32C_0 = 0x82f63b78U, CRC_STATES_64(CRC32C_) };

/* The entry of byte @i in a table whose bits 7..0 have the states a..h. */
#define E1(i, a, b, c, d, e, f, g, h)                                                \
	((i)&128 ? a : 0) ^ ((i)&64 ? b : 0) ^ ((i)&32 ? c : 0) ^ ((i)&16 ? d : 0) ^ \
		((i)&8 ? e : 0) ^ ((i)&4 ? f : 0) ^ ((i)&2 ? g : 0) ^ ((i)&1 ? h : 0)
#define E4(i, ...)                                                                \
	E1((i), __VA_ARGS__), E1((i) + 1, __VA_ARGS__), E1((i) + 2, __VA_ARGS__), \
		E1((i) + 3, __VA_ARGS__)
#define E16(i, ...)                                                               \
	E4((i), __VA_ARGS__), E4((i) + 4, __VA_ARGS__), E4((i) + 8, __VA_ARGS__), \
		E4((i) + 12, __VA_ARGS__)
#define E64(i, ...)                                                                    \
	E16((i), __VA_ARGS__), E16((i) + 16, __VA_ARGS__), E16((i) + 32, __VA_ARGS__), \
		E16((i) + 48, __VA_ARGS__)
#define E256(...) \
	E64(0, __VA_ARGS__), E64(64, __VA_ARGS__), E64(128, __VA_ARGS__), E64(192, __VA_ARGS__)
#define TABLE(p, a, b, c, d, e, f, g, h)                             \
	{                                                            \
		E256(p##a, p##b, p##c, p##d, p##e, p##f, p##g, p##h) \
	}
#define TABLES(p)                                                                         \
	{                                                                                 \
		TABLE(p, 0, 1, 2, 3, 4, 5, 6, 7), TABLE(p, 8, 9, 10, 11, 12, 13, 14, 15), \
			TABLE(p, 16, 17, 18, 19, 20, 21, 22, 23),                         \
			TABLE(p, 24, 25, 26, 27, 28, 29, 30, 31),                         \
			TABLE(p, 32, 33, 34, 35, 36, 37, 38, 39),                         \
			TABLE(p, 40, 41, 42, 43, 44, 45, 46, 47),                         \
			TABLE(p, 48, 49, 50, 51, 52, 53, 54, 55),                         \
			TABLE(p, 56, 57, 58, 59, 60, 61, 62, 63)                          \
	}

static const u16 crc16_table[256] = TABLE(CRC16_, 0, 1, 2, 3, 4, 5, 6, 7);
static const u32 crc32_tables[8][256] = TABLES(CRC32_);
static const u32 crc32c_tables[8][256] = TABLES(CRC32C_);

static __always_inline u32 update(const u32 (*t)[256], u32 crc, const void *data, size_t len)
{
	const u8 *p = data;

	for (; len >= 8; len -= 8, p += 8) {
		u64 w = load_le64(p) ^ crc;

		crc = t[7][w & 0xff] ^ t[6][w >> 8 & 0xff] ^ t[5][w >> 16 & 0xff] ^
		      t[4][w >> 24 & 0xff] ^ t[3][w >> 32 & 0xff] ^ t[2][w >> 40 & 0xff] ^
		      t[1][w >> 48 & 0xff] ^ t[0][w >> 56];
	}
	for (; len; len--, p++)
		crc = crc >> 8 ^ t[0][(crc ^ *p) & 0xff];
	return crc;
}

u32 crc32_update(u32 state, const void *data, size_t len)
{
	return update(crc32_tables, state, data, len);
}

u32 crc32c_update_plain(u32 state, const void *data, size_t len)
{
	return update(crc32c_tables, state, data, len);
}

u16 crc16_update(u16 state, const void *data, size_t len)
{
	const u8 *p = data;

	for (; len; len--, p++)
		state = (u16)(state >> 8 ^ crc16_table[(state ^ *p) & 0xff]);
	return state;
}
