/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hashes of names in indexed directories: one of three, on characters that are signed or not, as
 * the superblock says. Bit 0 of the result is the index' own ("this hash goes on in the next
 * block").
 */
#include "impl.h"

#define HASH_EOF 0xfffffffeu

static u32 rol(u32 x, unsigned n)
{
	return x << n | x >> (32 - n);
}

static u32 legacy(const char *name, u32 len, bool is_unsigned)
{
	u32 h0 = 0x12a3fe2d, h1 = 0x37abe8f9;

	for (u32 i = 0; i < len; i++) {
		int c = is_unsigned ? (int)(u8)name[i] : (int)(s8)name[i];
		u32 h = h1 + (h0 ^ (u32)(c * 7152373));

		if (h & 0x80000000)
			h -= 0x7fffffff;
		h1 = h0;
		h0 = h;
	}
	return h0 << 1;
}

/* The next @words words of a name; behind its end the length, again and again. */
static void gather(const char *name, u32 len, u32 *words, u32 nwords, bool is_unsigned)
{
	u32 pad = len | len << 8, v, w = 0;

	pad |= pad << 16;
	len = min(len, nwords * 4);
	for (; w < len / 4; w++) {
		const char *at = name + w * 4;

		/* A character below zero takes one from those before it. */
		v = __builtin_bswap32(load_le32(at));
		words[w] = is_unsigned ? v : v - ((v & 0x00808080) << 1);
	}
	if (len % 4) {
		v = pad;
		for (u32 i = w * 4; i < len; i++) {
			int c = is_unsigned ? (int)(u8)name[i] : (int)(s8)name[i];

			v = (u32)c + (v << 8);
		}
		words[w++] = v;
	}
	for (; w < nwords; w++)
		words[w] = pad;
}

static void tea(u32 buf[4], const u32 in[4])
{
	u32 sum = 0, a = buf[0], b = buf[1];

	for (int i = 0; i < 16; i++) {
		sum += 0x9e3779b9;
		a += ((b << 4) + in[0]) ^ (b + sum) ^ ((b >> 5) + in[1]);
		b += ((a << 4) + in[2]) ^ (a + sum) ^ ((a >> 5) + in[3]);
	}
	buf[0] += a;
	buf[1] += b;
}

static u32 mix_f(u32 x, u32 y, u32 z)
{
	return z ^ (x & (y ^ z));
}
static u32 mix_g(u32 x, u32 y, u32 z)
{
	return (x & y) + ((x ^ y) & z);
}
static u32 mix_h(u32 x, u32 y, u32 z)
{
	return x ^ y ^ z;
}

/* a, d, c, b in turn take the place of the first, and x0 to x7 are the words in the round's order.
 */
#define STEP(f, a, b, c, d, x, k, s) (a = rol(a + f(b, c, d) + (x) + (k), s))
#define ROUND(f, k, s0, s1, s2, s3, x0, x1, x2, x3, x4, x5, x6, x7)             \
	(STEP(f, a, b, c, d, x0, k, s0), STEP(f, d, a, b, c, x1, k, s1),        \
		STEP(f, c, d, a, b, x2, k, s2), STEP(f, b, c, d, a, x3, k, s3), \
		STEP(f, a, b, c, d, x4, k, s0), STEP(f, d, a, b, c, x5, k, s1), \
		STEP(f, c, d, a, b, x6, k, s2), STEP(f, b, c, d, a, x7, k, s3))

static void half_md4(u32 buf[4], const u32 in[8])
{
	u32 a = buf[0], b = buf[1], c = buf[2], d = buf[3];

	ROUND(mix_f, 0, 3, 7, 11, 19, in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7]);
	ROUND(mix_g, 0x5a827999, 3, 5, 9, 13, in[1], in[3], in[5], in[7], in[0], in[2], in[4],
		in[6]);
	ROUND(mix_h, 0x6ed9eba1, 3, 9, 11, 15, in[3], in[7], in[2], in[6], in[1], in[5], in[0],
		in[4]);
	buf[0] += a;
	buf[1] += b;
	buf[2] += c;
	buf[3] += d;
}

int ext4_dirhash(
	const u32 seed[4], unsigned version, const char *name, u32 len, struct ext4_hash *out)
{
	u32 buf[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}, in[8];
	bool is_unsigned = version >= EXT4_HASH_UNSIGNED;
	u32 kind = version % 3, step = kind == EXT4_HASH_MD4 ? 8 : 4;

	if (version > EXT4_HASH_TEA + EXT4_HASH_UNSIGNED)
		return -EINVAL;
	if (seed[0] | seed[1] | seed[2] | seed[3])
		memcpy(buf, seed, sizeof(buf));
	if (kind == EXT4_HASH_LEGACY) {
		out->major = legacy(name, len, is_unsigned);
		out->minor = 0;
	} else {
		for (u32 off = 0; off < len; off += step * 4) {
			gather(name + off, len - off, in, step, is_unsigned);
			if (kind == EXT4_HASH_MD4)
				half_md4(buf, in);
			else
				tea(buf, in);
		}
		out->major = kind == EXT4_HASH_MD4 ? buf[1] : buf[0];
		out->minor = kind == EXT4_HASH_MD4 ? buf[2] : buf[1];
	}
	out->major &= ~1u;
	if (out->major == HASH_EOF)
		out->major -= 2;
	return 0;
}
