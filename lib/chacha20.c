/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/chacha20.h>

#include <lib/bits.h>
#include <lib/endian.h>
#include <lib/string.h>

static __always_inline void quarter(u32 *a, u32 *b, u32 *c, u32 *d)
{
	*a += *b;
	*d = rol32(*d ^ *a, 16);
	*c += *d;
	*b = rol32(*b ^ *c, 12);
	*a += *b;
	*d = rol32(*d ^ *a, 8);
	*c += *d;
	*b = rol32(*b ^ *c, 7);
}

void chacha20_init(struct chacha20 *c, const u8 key[CHACHA20_KEY_SIZE],
	const u8 nonce[CHACHA20_NONCE_SIZE], u32 counter)
{
	c->state[0] = 0x61707865; /* "expand 32-byte k" */
	c->state[1] = 0x3320646e;
	c->state[2] = 0x79622d32;
	c->state[3] = 0x6b206574;
	for (unsigned i = 0; i < 8; i++)
		c->state[4 + i] = load_le32(key + 4 * i);
	c->state[12] = counter;
	for (unsigned i = 0; i < 3; i++)
		c->state[13 + i] = load_le32(nonce + 4 * i);
}

static void next_words(struct chacha20 *c, u32 x[16])
{
	for (unsigned i = 0; i < 16; i++)
		x[i] = c->state[i];
	for (unsigned i = 0; i < 10; i++) {
		quarter(&x[0], &x[4], &x[8], &x[12]);
		quarter(&x[1], &x[5], &x[9], &x[13]);
		quarter(&x[2], &x[6], &x[10], &x[14]);
		quarter(&x[3], &x[7], &x[11], &x[15]);
		quarter(&x[0], &x[5], &x[10], &x[15]);
		quarter(&x[1], &x[6], &x[11], &x[12]);
		quarter(&x[2], &x[7], &x[8], &x[13]);
		quarter(&x[3], &x[4], &x[9], &x[14]);
	}
	for (unsigned i = 0; i < 16; i++)
		x[i] += c->state[i];
	c->state[12]++;
}

void chacha20_block(struct chacha20 *c, u8 out[CHACHA20_BLOCK_SIZE])
{
	u32 x[16];

	next_words(c, x);
	for (unsigned i = 0; i < 16; i++)
		store_le32(out + 4 * i, x[i]);
	memzero_explicit(x, sizeof(x));
}

void chacha20_stream(struct chacha20 *c, void *dst, size_t len)
{
	u8 block[CHACHA20_BLOCK_SIZE], *p = dst;

	for (; len >= sizeof(block); len -= sizeof(block), p += sizeof(block))
		chacha20_block(c, p);
	if (len) {
		chacha20_block(c, block);
		memcpy(p, block, len);
		memzero_explicit(block, sizeof(block));
	}
}

void chacha20_xor(struct chacha20 *c, void *dst, const void *src, size_t len)
{
	const u8 *s = src;
	u8 *d = dst;
	u32 x[16];

	for (; len >= CHACHA20_BLOCK_SIZE; len -= CHACHA20_BLOCK_SIZE) {
		next_words(c, x);
		for (unsigned i = 0; i < 16; i++, s += 4, d += 4)
			store_le32(d, load_le32(s) ^ x[i]);
	}
	if (len) {
		u8 block[CHACHA20_BLOCK_SIZE];

		chacha20_block(c, block);
		for (size_t i = 0; i < len; i++)
			d[i] = s[i] ^ block[i];
		memzero_explicit(block, sizeof(block));
	}
	memzero_explicit(x, sizeof(x));
}
