/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/sha256.h>

#include <lib/bits.h>
#include <lib/endian.h>
#include <lib/string.h>

/* The fractions of the cube roots of the first 64 primes. */
static const u32 k[64] = {0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
	0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74,
	0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
	0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
	0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138,
	0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1,
	0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
	0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb,
	0xbef9a3f7, 0xc67178f2};

/* The fractions of the square roots of the first 8. */
static const u32 start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
	0x1f83d9ab, 0x5be0cd19};

static void compress(u32 h[8], const u8 *block)
{
	u32 w[64], v[8];

	for (unsigned i = 0; i < 16; i++)
		w[i] = load_be32(block + 4 * i);
	for (unsigned i = 16; i < 64; i++) {
		u32 a = w[i - 15], b = w[i - 2];

		w[i] = w[i - 16] + w[i - 7] + (ror32(a, 7) ^ ror32(a, 18) ^ a >> 3) +
		       (ror32(b, 17) ^ ror32(b, 19) ^ b >> 10);
	}
	memcpy(v, h, sizeof(v));
	for (unsigned i = 0; i < 64; i++) {
		u32 t = v[7] + (ror32(v[4], 6) ^ ror32(v[4], 11) ^ ror32(v[4], 25)) +
			((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i];
		u32 u = (ror32(v[0], 2) ^ ror32(v[0], 13) ^ ror32(v[0], 22)) +
			((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));

		for (unsigned j = 7; j > 0; j--)
			v[j] = v[j - 1];
		v[4] += t;
		v[0] = t + u;
	}
	for (unsigned i = 0; i < 8; i++)
		h[i] += v[i];
}

void sha256_init(struct sha256 *s)
{
	memcpy(s->h, start, sizeof(start));
	s->total = 0;
}

void sha256_update(struct sha256 *s, const void *data, size_t len)
{
	size_t fill = s->total % SHA256_BLOCK_SIZE;
	const u8 *p = data;

	s->total += len;
	if (fill && len >= SHA256_BLOCK_SIZE - fill) {
		memcpy(s->block + fill, p, SHA256_BLOCK_SIZE - fill);
		compress(s->h, s->block);
		p += SHA256_BLOCK_SIZE - fill;
		len -= SHA256_BLOCK_SIZE - fill;
		fill = 0;
	}
	for (; !fill && len >= SHA256_BLOCK_SIZE; len -= SHA256_BLOCK_SIZE, p += SHA256_BLOCK_SIZE)
		compress(s->h, p);
	memcpy(s->block + fill, p, len);
}

void sha256_final(struct sha256 *s, u8 out_hash[SHA256_HASH_SIZE])
{
	size_t fill = s->total % SHA256_BLOCK_SIZE;

	s->block[fill++] = 0x80;
	memset(s->block + fill, 0, SHA256_BLOCK_SIZE - fill);
	if (fill > SHA256_BLOCK_SIZE - 8) {
		compress(s->h, s->block);
		memset(s->block, 0, SHA256_BLOCK_SIZE);
	}
	store_be64(s->block + SHA256_BLOCK_SIZE - 8, s->total * 8);
	compress(s->h, s->block);
	for (unsigned i = 0; i < 8; i++)
		store_be32(out_hash + 4 * i, s->h[i]);
	memzero_explicit(s, sizeof(*s));
}
