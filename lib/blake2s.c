/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/blake2s.h>

#include <lib/bits.h>
#include <lib/endian.h>
#include <lib/string.h>

static const u32 iv[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
	0x1f83d9ab, 0x5be0cd19};

static const u8 sigma[10][16] = {
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
	{11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
	{7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
	{9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
	{2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
	{12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
	{13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
	{6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
	{10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static __always_inline void mix(u32 *a, u32 *b, u32 *c, u32 *d, u32 x, u32 y)
{
	*a += *b + x;
	*d = ror32(*d ^ *a, 16);
	*c += *d;
	*b = ror32(*b ^ *c, 12);
	*a += *b + y;
	*d = ror32(*d ^ *a, 8);
	*c += *d;
	*b = ror32(*b ^ *c, 7);
}

/* @more: bytes of @block that count; @last: it is the message's last. */
static void compress(struct blake2s *b, const u8 *block, u32 more, bool last)
{
	u32 m[16], v[16];

	b->total += more;
	for (unsigned i = 0; i < 16; i++)
		m[i] = load_le32(block + 4 * i);
	for (unsigned i = 0; i < 8; i++) {
		v[i] = b->h[i];
		v[i + 8] = iv[i];
	}
	v[12] ^= (u32)b->total;
	v[13] ^= (u32)(b->total >> 32);
	v[14] ^= last ? ~0U : 0;
	for (unsigned r = 0; r < 10; r++) {
		const u8 *s = sigma[r];

		mix(&v[0], &v[4], &v[8], &v[12], m[s[0]], m[s[1]]);
		mix(&v[1], &v[5], &v[9], &v[13], m[s[2]], m[s[3]]);
		mix(&v[2], &v[6], &v[10], &v[14], m[s[4]], m[s[5]]);
		mix(&v[3], &v[7], &v[11], &v[15], m[s[6]], m[s[7]]);
		mix(&v[0], &v[5], &v[10], &v[15], m[s[8]], m[s[9]]);
		mix(&v[1], &v[6], &v[11], &v[12], m[s[10]], m[s[11]]);
		mix(&v[2], &v[7], &v[8], &v[13], m[s[12]], m[s[13]]);
		mix(&v[3], &v[4], &v[9], &v[14], m[s[14]], m[s[15]]);
	}
	for (unsigned i = 0; i < 8; i++)
		b->h[i] ^= v[i] ^ v[i + 8];
}

void blake2s_init(struct blake2s *b, size_t hash_len, const void *key, size_t key_len)
{
	memset(b, 0, sizeof(*b));
	memcpy(b->h, iv, sizeof(iv));
	b->h[0] ^= 0x01010000 ^ (u32)key_len << 8 ^ (u32)hash_len;
	b->hash_len = (u8)hash_len;
	if (key_len) {
		memcpy(b->block, key, key_len);
		b->fill = BLAKE2S_BLOCK_SIZE;
	}
}

/* A full block waits for the byte after it: the last one is compressed differently. */
void blake2s_update(struct blake2s *b, const void *data, size_t len)
{
	const u8 *p = data;

	while (len) {
		size_t n = min(len, (size_t)(BLAKE2S_BLOCK_SIZE - b->fill));

		if (b->fill == BLAKE2S_BLOCK_SIZE) {
			compress(b, b->block, BLAKE2S_BLOCK_SIZE, false);
			b->fill = 0;
			continue;
		}
		memcpy(b->block + b->fill, p, n);
		b->fill = (u8)(b->fill + n);
		p += n;
		len -= n;
	}
}

void blake2s_final(struct blake2s *b, u8 *out_hash)
{
	u8 hash[BLAKE2S_HASH_SIZE];

	memset(b->block + b->fill, 0, BLAKE2S_BLOCK_SIZE - b->fill);
	compress(b, b->block, b->fill, true);
	for (unsigned i = 0; i < 8; i++)
		store_le32(hash + 4 * i, b->h[i]);
	memcpy(out_hash, hash, b->hash_len);
	memzero_explicit(hash, sizeof(hash));
	memzero_explicit(b, sizeof(*b));
}
